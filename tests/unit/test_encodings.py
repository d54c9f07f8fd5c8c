"""Texts in TCVN3 and VNI are read as what their fonts show, letter by letter, wherever they are cut."""

from __future__ import annotations

import codecs
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kho.formats.block import composed
from kho.formats.encodings import composed_windows_1258  # its module makes the codecs known

SMALL = "".join(
    unicodedata.normalize("NFC", vowel + tone)
    for vowel in "aăâeêioôơuưy"
    for tone in ("", "\u0300", "\u0309", "\u0303", "\u0301", "\u0323")
)
LETTERS = SMALL + "đ" + (SMALL + "đ").upper()
IN_TCVN3 = SMALL + "đ" + "AEIOUYĂÂÊÔƠƯĐ"
COMMON = "bcdghklmnpqrstvxfjwz0123456789 .,;:/-()\"'\n“”–…\u00a0"


def test_these_are_all_letters_with_marks_and_without() -> None:
    assert len(set(LETTERS)) == len(LETTERS) == 2 * (72 + 1)
    assert sum(not letter.isascii() for letter in LETTERS) == 134


@pytest.mark.parametrize(
    ("text", "encoding", "shown"),
    [
        ("Cộng hòa", "tcvn3", "Céng hßa"),
        ("xã hội chủ nghĩa Việt Nam", "tcvn3", "x· héi chñ nghÜa ViÖt Nam"),
        ("Độc lập", "tcvn3", "§éc lËp"),
        ("Cộng hòa", "vni", "Coäng hoøa"),
        ("xã hội chủ nghĩa Việt Nam", "vni", "xaõ hoäi chuû nghóa Vieät Nam"),
        ("Độc lập - Tự do - Hạnh phúc", "vni", "Ñoäc laäp - Töï do - Haïnh phuùc"),
        ("ỦY BAN NHÂN DÂN HUYỆN", "vni", "UÛY BAN NHAÂN DAÂN HUYEÄN"),
    ],
)
def test_well_known_words_look_as_they_do_without_their_font(text: str, encoding: str, shown: str) -> None:
    assert text.encode(encoding).decode("cp1252") == shown
    assert shown.encode("cp1252").decode(encoding) == text


@pytest.mark.parametrize(("encoding", "letters"), [("tcvn3", IN_TCVN3), ("vni", LETTERS)])
def test_every_letter_has_bytes_of_its_own(encoding: str, letters: str) -> None:
    encoded = [letter.encode(encoding) for letter in letters]
    assert len(set(encoded)) == len(letters)
    assert [each.decode(encoding) for each in encoded] == list(letters)


def test_capitals_that_only_a_font_shows_are_not_in_tcvn3() -> None:
    with pytest.raises(UnicodeEncodeError):
        "Á".encode("tcvn3")


def test_a_capital_with_a_small_mark_is_read_all_the_same() -> None:
    assert "Aùnh Ñaøi VIEät".encode("cp1252").decode("vni") == "Ánh Đài VIỆt"


@pytest.mark.parametrize(
    ("encoding", "data"), [("tcvn3", b"a\xba"), ("tcvn3", b"\x81"), ("vni", b"b\xf8"), ("vni", b"a\xdf")]
)
def test_bytes_that_are_no_letter_are_an_error(encoding: str, data: bytes) -> None:
    with pytest.raises(UnicodeDecodeError):
        data.decode(encoding)
    assert "\ufffd" in data.decode(encoding, "replace")


@given(
    st.sampled_from(["tcvn3", "vni"]).flatmap(
        lambda encoding: st.tuples(
            st.just(encoding), st.text(alphabet=(LETTERS if encoding == "vni" else IN_TCVN3) + COMMON)
        )
    ),
    st.sampled_from(["NFC", "NFD"]),
    st.integers(1, 7),
)
def test_what_was_encoded_is_decoded_to_the_same_text(given: tuple[str, str], form: str, size: int) -> None:
    encoding, text = given
    data = unicodedata.normalize(form, text).encode(encoding)
    assert data.decode(encoding) == text
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    assert "".join(codecs.iterdecode(pieces, encoding)) == text


@given(st.sampled_from(["tcvn3", "vni"]), st.binary())
def test_any_bytes_are_decoded_or_told(encoding: str, data: bytes) -> None:
    assert isinstance(data.decode(encoding, "replace"), str)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        assert 0 <= error.start < len(data)
    else:
        assert "\ufffd" not in text


@given(st.lists(st.sampled_from([*b"aoAy\xa0\xe2\xcc\xd2\xde\xec\xf2bO\xfd\xf0"])).map(bytes) | st.binary())
@example(bytes(byte for byte in range(256) if bytes([byte]).decode("cp1258", "ignore")))
@example(b"\xeca\xec")
def test_windows_1258_is_composed_as_any_other_text(data: bytes) -> None:
    try:
        text = data.decode("cp1258")
    except UnicodeDecodeError:
        with pytest.raises(UnicodeDecodeError):
            composed_windows_1258(data)
    else:
        assert composed_windows_1258(data) == composed(text)
