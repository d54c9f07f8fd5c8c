"""The parts of an export: the file itself, or what its zip or gzip holds, as streams that can't grow without end."""

from __future__ import annotations

import errno
import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, Literal

from kho.contract import Contract
from kho.formats.block import Unreadable

#: exports pack to a tenth, lists of the same row over and over to a hundredth; deflate's best is a thousandth
MAX_RATIO = 200
MAX_DIRECTORY_BYTES = (
    16_000_000  # of a zip: what it says of its files is held in memory, some 150,000 of them
)
_DAMAGE = (zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)


@dataclass(frozen=True)
class Layout:
    """How a file's bytes become rows: what can be said of it without knowing its columns."""

    format: str
    encoding: str = "utf-8"
    delimiter: str = ","
    sheet: str | None = None
    records_path: str | None = None
    compression: Literal["zip", "gzip"] | None = None
    repeats_merged_cells: bool = True
    max_bytes: int = 64_000_000  # of a part that is read whole
    max_unpacked_bytes: int = 10_000_000_000  # of all parts together

    @property
    def is_of_messages(self) -> bool:
        """Whether each file is one record: a zip without any then says that nothing happened."""
        return self.format == "xml" and bool(self.records_path) and "/" not in self.records_path.strip("/")

    @classmethod
    def of(cls, contract: Contract) -> Layout:
        return cls(
            contract.format,
            contract.encoding,
            contract.delimiter,
            contract.file.sheet,
            contract.file.records_path,
            contract.server.compression,
            contract.file.repeats_merged_cells,
            contract.file.max_file_megabytes * 1_000_000,
            contract.file.max_unpacked_bytes,
        )


@dataclass(frozen=True)
class Part:
    """One of the files that make an export. Its stream is read once, from the start."""

    stream: io.BufferedReader
    place: str = ""  # among the files of a zip, in order of their names
    is_plain: bool = True  # its bytes stand in the archived file as they are

    def whole(self, most: int) -> bytes:
        """All bytes; `Unreadable` beyond `most`."""
        data = self.stream.read(most + 1)
        if len(data) > most:
            raise Unreadable(
                f"the file is larger than {most // 1_000_000} MB: its contract's maxFileMegabytes"
            )
        return data


def parts(path: Path, layout: Layout) -> Iterator[Part]:
    """The parts of the file in order of their names; none of an empty zip of messages.

    Each is to be read before the next is asked for.
    """
    with path.open("rb") as file:
        budget = _Budget(max(layout.max_bytes, MAX_RATIO * path.stat().st_size), layout.max_unpacked_bytes)
        if layout.compression is None or (layout.compression == "gzip" and not _is_gzip(file)):
            yield Part(file)  # or what a server has unpacked already
        elif layout.compression == "gzip":
            with gzip.GzipFile(fileobj=file) as unpacked:
                yield Part(io.BufferedReader(_Unpacked(unpacked, budget)), is_plain=False)
        else:
            yield from _members(file, budget, layout)


def _is_gzip(file: BinaryIO) -> bool:
    beginning = file.read(2)
    file.seek(0)
    return beginning == b"\x1f\x8b"


def _members(file: BinaryIO, budget: _Budget, layout: Layout) -> Iterator[Part]:
    if _directory_bytes(file) > MAX_DIRECTORY_BYTES:
        raise Unreadable("the zip holds more files than any export has: ask for fewer, larger ones")
    try:
        archive = zipfile.ZipFile(file)
    except _DAMAGE:  # in words that may name the files within
        raise Unreadable("this is no whole zip (cut off, or another kind of file)") from None
    with archive:
        members = [member for member in archive.infolist() if _is_export(member)]
        if not members and not layout.is_of_messages:
            raise Unreadable("the zip holds no file")
        for number, member in enumerate(sorted(members, key=lambda each: each.filename), 1):
            place = f"file {number} of the zip"
            if member.flag_bits & 1:
                raise Unreadable(f"{place} is encrypted: ask for the zip without a password")
            if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise Unreadable(f"{place} is packed in an uncommon way: ask for a zip with deflate")
            try:
                unpacked = archive.open(member)
            except (*_DAMAGE, OSError) as error:
                if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
                    raise  # of the disk; to look before the file's beginning is the zip's own doing
                raise Unreadable(f"{place} can't be unpacked: is it damaged?") from None
            with unpacked:
                yield Part(io.BufferedReader(_Unpacked(unpacked, budget)), place, is_plain=False)


def _directory_bytes(file: BinaryIO) -> int:
    """How large the directory at the end of a zip says it is; 0 where there is none."""
    file.seek(max(0, file.seek(0, io.SEEK_END) - (1 << 16) - 100))
    tail = file.read()
    end = tail.rfind(b"PK\x05\x06")
    if end == -1:
        return 0
    # A large zip says it in a record of its own, 76 bytes before.
    large = tail[end - 76 : end - 20] if end >= 76 else b""
    if large.startswith(b"PK\x06\x06"):
        return int.from_bytes(large[40:48], "little")
    return int.from_bytes(tail[end + 12 : end + 16], "little")


def _is_export(member: zipfile.ZipInfo) -> bool:
    """Whether it is no folder, and nothing that an operating system leaves in zips."""
    *folders, name = member.filename.split("/")
    return bool(name) and not name.startswith(".") and "__MACOSX" not in folders and name != "Thumbs.db"


@dataclass
class _Budget:
    """Bytes that may still come out of a packed file: counted, since what it says of itself may be a lie."""

    likely: int  # more is no export
    most: int  # by the contract
    taken: int = 0

    def take(self, size: int) -> None:
        self.taken += size
        if self.taken > self.most:
            raise Unreadable(
                f"it unpacks to more than {self.most:,} bytes: the contract's maxUnpackedBytes. Is the export that much? "
                "Then raise it and replay the batch; if not, let the source hand over a good file"
            )
        if self.taken > self.likely:
            raise Unreadable(
                f"it unpacks to more than {MAX_RATIO} times its size and the contract's maxFileMegabytes: no export does"
            )


class _Unpacked(io.RawIOBase):
    """What an unpacking stream gives, within the budget; damage is told as `Unreadable`."""

    def __init__(self, stream: IO[bytes], budget: _Budget) -> None:
        self._stream, self._budget = stream, budget

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:
        try:
            data = self._stream.read(len(buffer))
        except _DAMAGE:
            raise Unreadable("it can't be unpacked: is the file cut off or damaged?") from None
        self._budget.take(len(data))
        buffer[: len(data)] = data
        return len(data)
