"""Undoing what packed a file on its way (Content-Encoding), also where a server calls the file's own packing that, or what is
not packed at all."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain

from kho.fetch.transport import CHUNK_BYTES, Passing

NAMES = ("gzip", "x-gzip")  # of Content-Encoding
DAMAGED = "its server sends what can't be unpacked as it says (Content-Encoding): tell the server's keeper"
_MAGIC = b"\x1f\x8b"
_BEGINNING = 1024


def unpacked(sent: Iterator[bytes], *, is_packed: bool) -> Iterator[bytes]:
    """The file that was sent as one in gzip. `is_packed`: it is one in gzip itself, and stays so.

    Raises SourceError where it is damaged.
    """
    beginning = b""
    while len(beginning) < _BEGINNING and (chunk := next(sent, b"")):
        beginning += chunk
    chunks = chain([beginning], sent)
    if not beginning.startswith(_MAGIC) or (is_packed and not _within(beginning).startswith(_MAGIC)):
        return chunks
    return _members(chunks)


def _within(packed: bytes) -> bytes:
    """How what is packed begins."""
    with suppress(zlib.error):
        return _member().decompress(packed, len(_MAGIC))
    return b""


def _members(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """All of them: several files in gzip, one behind the other, are one file."""
    member = _member()
    try:
        for chunk in chunks:
            while chunk:
                if member.eof:
                    if not chunk.startswith(_MAGIC[:1]):
                        return  # some fill up behind the end
                    member = _member()
                yield member.decompress(chunk, CHUNK_BYTES)
                chunk = member.unused_data if member.eof else member.unconsumed_tail
        yield member.flush()
    except zlib.error:
        raise Passing(DAMAGED) from None
    if not member.eof:
        raise Passing(DAMAGED)


def _member() -> zlib._Decompress:
    return zlib.decompressobj(zlib.MAX_WBITS | 16)
