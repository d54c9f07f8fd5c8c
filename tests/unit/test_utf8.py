"""A block of a file is taken for UTF-8 without being decoded: what is taken is what Python decodes."""

from __future__ import annotations

from itertools import product

from kho.formats.delimited import _is_utf8

#: where the encoding's rules have their borders
FOLLOWING = (b"", b"\x7f", b"\x80", b"\x8f", b"\x90", b"\x9f", b"\xa0", b"\xbf", b"\xc0")


def can_be_decoded(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def test_what_is_taken_for_utf8_is_what_python_decodes() -> None:
    for lead in range(256):
        for rest in product(FOLLOWING, FOLLOWING, (b"\x80", b"\xc0")):
            data = b"a" + bytes([lead]) + b"".join(rest)
            for text in (data, data + b"b" * 8):  # the end is looked at in another way than the rest
                assert _is_utf8(text) == can_be_decoded(text), text
