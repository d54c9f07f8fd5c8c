"""Two Vietnamese encodings from before Unicode, as codecs: importing this module makes `tcvn3` and `vni` known.

TCVN3 (the ABC fonts) has most accented capitals only by the look of a font (.VnTimeH shows small letters as capitals):
such text is decoded to the small letters that its bytes say.
"""

from __future__ import annotations

import codecs
import re
from unicodedata import normalize

import numpy as np

from kho.formats.block import composed

_TONES = "\u0300\u0301\u0303\u0309\u0323"  # their combining marks
_UNDEFINED = "\ufffe"  # charmap's word for it
# Below 0xA0 both are what Windows shows: typographic quotes, dashes.
_WINDOWS = "".join(bytes([n]).decode("cp1252", "replace").replace("\ufffd", _UNDEFINED) for n in range(256))

_TCVN3 = {
    0xA1: "ĂÂÊÔƠƯĐăâêôơưđ",
    0xB0: "\u0300\u0309\u0303\u0301\u0323",
    0xB5: "àảãáạ",
    0xBB: "ằẳẵắ",
    0xC6: "ặầẩẫấậè",
    0xCE: "ẻẽéẹềểễếệìỉ",
    0xDC: "ĩíịò",
    0xE1: "ỏõóọồổỗốộờởỡớợù",
    0xF1: "ủũúụừửữứựỳỷỹýỵ",
}

# A letter with its mark behind it, both as Windows shows them.
_VNI_MARKS = {
    "a": "ùáøàûảõãïạêăéắèằúẳüẵëặââáấàầåẩãẫäậ",
    "e": "ùéøèûẻõẽïẹâêáếàềåểãễäệ",
    "o": "ùóøòûỏõõïọâôáốàồåổãỗäộ",
    "ô": "ùớøờûởõỡïợ",
    "u": "ùúøùûủõũïụ",
    "ö": "ùứøừûửõữïự",
    "y": "ùýøỳûỷõỹ",
}
_VNI_LETTERS = dict(zip("íìæóòñôöî", "íìỉĩịđơưỵ", strict=True))


def _tcvn3_table() -> str:
    table = list(_WINDOWS[:0xA1]) + [_UNDEFINED] * (0x100 - 0xA1)
    for start, letters in _TCVN3.items():
        table[start : start + len(letters)] = letters
    return "".join(table)


def _vni_pairs() -> dict[str, str]:
    """Each letter with its mark and what they stand for, capitals as VNI writes them."""
    small = {
        letter + mark: stands_for
        for letter, marks in _VNI_MARKS.items()
        for mark, stands_for in zip(marks[::2], marks[1::2], strict=True)
    }
    return small | {shown.upper(): letter.upper() for shown, letter in small.items()}


_TCVN3_DECODING = _tcvn3_table()
_TCVN3_ENCODING = codecs.charmap_build(_TCVN3_DECODING)

_PAIRS = _vni_pairs()
_SINGLES = _VNI_LETTERS | {shown.upper(): letter.upper() for shown, letter in _VNI_LETTERS.items()}
# A letter and a mark of different case happen where capitals were typed letter by letter.
_MIXED = {shown[0] + shown[1].swapcase(): letter for shown, letter in _PAIRS.items()}
_STANDS_FOR = _PAIRS | _MIXED | _SINGLES
_PLAIN = set(_WINDOWS[:0xC0])
_MARKED = set("".join(_STANDS_FOR)) - _PLAIN
_VNI_DECODING = "".join(c if c in _PLAIN | _MARKED else _UNDEFINED for c in _WINDOWS)
_VNI_ENCODING = {ord(c): bytes([n]) for n, c in enumerate(_WINDOWS[:0xC0]) if c != _UNDEFINED} | {
    ord(letter): shown.encode("cp1252") for shown, letter in (_PAIRS | _SINGLES).items()
}
_VNI_SHOWN = re.compile("|".join([*_PAIRS, *_MIXED, f"[{''.join(_MARKED)}]"]))
_MAY_HAVE_A_MARK = {shown[0].encode("cp1252") for shown in _PAIRS}


def _encode_tcvn3(text: str, errors: str = "strict") -> tuple[bytes, int]:
    return codecs.charmap_encode(normalize("NFC", text), errors, _TCVN3_ENCODING)[0], len(text)


def _decode_tcvn3(data: bytes, errors: str = "strict") -> tuple[str, int]:
    return codecs.charmap_decode(data, errors, _TCVN3_DECODING)


def _encode_vni(text: str, errors: str = "strict") -> tuple[bytes, int]:
    return codecs.charmap_encode(normalize("NFC", text), errors, _VNI_ENCODING)[0], len(text)


def _decode_vni(data: bytes, errors: str = "strict") -> tuple[str, int]:
    shown, size = codecs.charmap_decode(data, errors, _VNI_DECODING)

    def letter(found: re.Match[str]) -> str:
        if found[0] in _STANDS_FOR:
            return _STANDS_FOR[found[0]]
        where = found.start(), found.end()
        lone = UnicodeDecodeError("vni", bytes(data), *where, "a mark without its letter")
        return codecs.lookup_error(errors)(lone)[0]

    return _VNI_SHOWN.sub(letter, shown), size


class _Tcvn3Encoder(codecs.IncrementalEncoder):
    def encode(self, text: str, final: bool = False) -> bytes:
        return _encode_tcvn3(text, self.errors)[0]


class _Tcvn3Decoder(codecs.IncrementalDecoder):
    def decode(self, data: bytes, final: bool = False) -> str:
        return _decode_tcvn3(data, self.errors)[0]


class _VniEncoder(codecs.IncrementalEncoder):
    def encode(self, text: str, final: bool = False) -> bytes:
        return _encode_vni(text, self.errors)[0]


class _VniDecoder(codecs.BufferedIncrementalDecoder):
    """A letter at the end of a piece waits: its mark may begin the next."""

    def _buffer_decode(self, data: bytes, errors: str, final: bool) -> tuple[str, int]:
        waits = not final and data[-1:] in _MAY_HAVE_A_MARK
        return _decode_vni(data[:-1] if waits else data, errors)


_CODECS = {
    "tcvn3": codecs.CodecInfo(
        _encode_tcvn3,
        _decode_tcvn3,
        incrementalencoder=_Tcvn3Encoder,
        incrementaldecoder=_Tcvn3Decoder,
        name="tcvn3",
    ),
    "vni": codecs.CodecInfo(
        _encode_vni,
        _decode_vni,
        incrementalencoder=_VniEncoder,
        incrementaldecoder=_VniDecoder,
        name="vni",
    ),
}
codecs.register(_CODECS.get)


def typed_with_its_font(text: str, encoding: str) -> str:
    """What a cell of a workbook shows where it was typed with a font of `encoding`: its bytes were kept as Windows' signs.

    Raises UnicodeError for text that was not typed so (Unicode among it).
    """
    return text if text.isascii() else text.encode("cp1252").decode(encoding)


def windows_1258(text: str) -> bytes:
    """Text in windows-1258, as Windows writes it: a base letter, then its tone as a combining mark."""
    letters = []
    for letter in normalize("NFC", text):
        parts = normalize("NFD", letter)
        tones = "".join(mark for mark in parts if mark in _TONES)
        base = "".join(mark for mark in parts if mark not in _TONES)
        letters.append(normalize("NFC", base) + tones)
    return "".join(letters).encode("cp1258")


def _1258_composed() -> np.ndarray:
    """By a byte and the number of the tone behind it: what they make, 0 where they stay as they are."""
    table = np.zeros((len(_1258), len(_TONES) + 1), dtype="<u2")
    for byte, base in enumerate(_1258):
        for tone, mark in enumerate(_TONES, 1):
            made = normalize("NFC", base + mark)
            if made != base + mark:
                table[byte, tone] = ord(made) if len(made) == 1 else _OTHER
    return table


_OTHER = 0xFFFF  # a letter and a tone become another letter and another tone
_1258 = [bytes([n]).decode("cp1258", "replace") for n in range(256)]
_1258_TONES = bytes(_TONES.find(character) + 1 for character in _1258)
_1258_COMPOSED = _1258_composed()


def composed_windows_1258(data: bytes) -> str:
    """Text in windows-1258, composed: only where a tone stands, which is much faster than to normalize all of it."""
    text = data.decode("cp1258")
    tones = np.frombuffer(data.translate(_1258_TONES), dtype=np.uint8)
    at = np.flatnonzero(tones)
    if not len(at):
        return _plain(text)
    made = _1258_COMPOSED[np.frombuffer(data, dtype=np.uint8)[at - 1], tones[at]]
    if at[0] == 0 or (np.diff(at) == 1).any() or (made == _OTHER).any():
        return composed(text)
    units = np.frombuffer(text.encode("utf-16-le"), dtype="<u2").copy()
    at, made = at[made != 0], made[made != 0]
    units[at - 1] = made
    return _plain(np.delete(units, at).tobytes().decode("utf-16-le"))


def _plain(text: str) -> str:
    """No-break spaces as spaces, soft hyphens gone: nothing else of windows-1258 is folded."""
    return text.replace("\u00a0", " ").replace("\u00ad", "")
