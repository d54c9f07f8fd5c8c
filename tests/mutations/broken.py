"""Files as broken transports, disks and systems leave them: made from sound ones."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable
from random import Random

Mutation = Callable[[bytes, Random, bytes], bytes]


def _cut_off(data: bytes, chance: Random, _: bytes) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def _bytes_flipped(data: bytes, chance: Random, _: bytes) -> bytes:
    flipped = bytearray(data)
    for _ in range(chance.choice((1, 3, 30))):
        flipped[chance.randrange(len(flipped))] = chance.randrange(256)
    return bytes(flipped)


def _piece(data: bytes, chance: Random) -> tuple[int, int]:
    first = chance.randrange(len(data))
    return first, min(len(data), first + chance.randrange(1, 1 + max(1, len(data) // 3)))


def _piece_left_out(data: bytes, chance: Random, _: bytes) -> bytes:
    first, end = _piece(data, chance)
    return data[:first] + data[end:]


def _piece_repeated(data: bytes, chance: Random, _: bytes) -> bytes:
    first, end = _piece(data, chance)
    return data[:end] + data[first:end] * chance.choice((1, 1, 50)) + data[end:]


def _piece_of_zeros(data: bytes, chance: Random, _: bytes) -> bytes:
    first, end = _piece(data, chance)
    return data[:first] + bytes(end - first) + data[end:]


def _other_file_behind(data: bytes, _: Random, other: bytes) -> bytes:
    return data + other


def _other_file(_: bytes, __: Random, other: bytes) -> bytes:
    return other


def _something_put_in(data: bytes, chance: Random, _: bytes) -> bytes:
    strange = (
        b'"', b"'", b"\0", b"\\u0000", b"\r", b"\n\n\n", b";;;;", b"\t", b"<a><b>", b"]]>", b"&#0;", b"&x;", b"{", b"[" * 3000,
        b"9" * 17_000, b"-1e999999", b"NaN", b"\xef\xbb\xbf", b"\xff\xfe", b"\xc3", "Đ\u0323\u200b".encode(), b"=1+1", b"\x1a",
        b"29/02/2021", b"00/00/0000", b"99999999999999999999", b"null",
    )  # fmt: skip
    at = chance.randrange(len(data) + 1)
    return data[:at] + chance.choice(strange) * chance.choice((1, 1, 1, 40)) + data[at:]


def _other_encoding(data: bytes, chance: Random, _: bytes) -> bytes:
    before, after = chance.sample(("utf-8", "utf-16", "cp1252", "latin-1"), 2)
    return data.decode(before, "replace").encode(after, "replace")


def _words_exchanged(data: bytes, chance: Random, _: bytes) -> bytes:
    pairs = (
        (b";", b","),
        (b",", b";"),
        (b"\n", b"\r"),
        (b"/", b"-"),
        (b"2021", b"21"),
        (b'"', b""),
        (b"<", b"&lt;"),
        (b"e", b"E"),
    )
    return data.replace(*chance.choice(pairs))


#: what happened to the file
MUTATIONS: dict[str, Mutation] = {
    "cut off": _cut_off,
    "bytes flipped": _bytes_flipped,
    "a piece left out": _piece_left_out,
    "a piece repeated": _piece_repeated,
    "a piece overwritten with zeros": _piece_of_zeros,
    "something put in": _something_put_in,
    "another encoding": _other_encoding,
    "characters exchanged": _words_exchanged,
    "another file behind it": _other_file_behind,
    "another file under its name": _other_file,
}


def broken(data: bytes, chance: Random, other: bytes) -> tuple[str, bytes]:
    """What happened to the file, and the file; as often as not inside of what packs it. `other` is a sound one."""
    name = chance.choice(list(MUTATIONS))
    mutate = MUTATIONS[name]
    if chance.random() < 0.5:
        if data.startswith(b"\x1f\x8b"):
            return name, gzip.compress(mutate(gzip.decompress(data), chance, other), mtime=0)
        if data.startswith(b"PK"):
            return name, packed_anew(data, lambda member: mutate(member, chance, other), chance)
    return name, mutate(data, chance, other)


def packed_anew(data: bytes, mutate: Callable[[bytes], bytes], chance: Random) -> bytes:
    """The zip with one of its members mutated, and without the time at which it was packed."""
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as before,
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as after,
    ):
        members = {each.filename: before.read(each) for each in before.infolist()}
        hit = chance.choice([name for name, member in members.items() if member])
        for name, member in members.items():
            after.writestr(zipfile.ZipInfo(name), mutate(member) if name == hit else member)
    return packed.getvalue()
