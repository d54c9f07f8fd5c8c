"""Excel workbooks: read whole by calamine, so with a cap; their cells become the text that the contract expects."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from python_calamine import CalamineError, CalamineWorkbook

from kho.contract import Contract
from kho.formats.block import Block, Export, Unreadable, in_blocks
from kho.formats.header import find_header

_STRFTIME = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S", "XXX": "%z", "'": ""}
# Excel shows numbers from 12 digits on as 9.5E+10: their last digits may be gone.
_LOSSY = 1e11


def open_export(contract: Contract, path: Path) -> Export:
    cap = contract.file.max_file_megabytes * 1_000_000
    _check_inflated_size(path, cap)
    try:
        with CalamineWorkbook.from_path(str(path)) as workbook:
            cells = workbook.get_sheet_by_index(0).to_python(skip_empty_area=False)
    except (CalamineError, IndexError) as error:
        raise Unreadable(f"the workbook can't be read: {error}") from None
    first, header = find_header(
        contract, [[_text(contract, cell) or "" for cell in row] for row in cells[:40]]
    )
    start = first + contract.file.header_rows

    def blocks() -> Iterator[Block]:
        width = len(header)
        yield from in_blocks(
            (number, [_text(contract, cell) for cell in row[:width]] + [None] * (width - len(row)))
            for number, row in enumerate(cells[start:], 1)
        )

    return Export(header, blocks)


def _text(contract: Contract, cell: object) -> str | None:
    match cell:
        case None | "":
            return None
        case bool():
            return "true" if cell else "false"
        case float() | int():
            is_whole = float(cell).is_integer() and abs(cell) < _LOSSY
            return str(int(cell)) if is_whole else f"{cell:.6E}" if abs(cell) >= _LOSSY else repr(cell)
        case datetime():
            is_day = cell.time() == time() and "timestamp" not in {column.type for column in contract.columns}
            # A workbook's times have no offset: they are of the contract's zone.
            return cell.replace(tzinfo=ZoneInfo(contract.file.time_zone)).strftime(
                _strftime(contract.file.date_format if is_day else contract.file.timestamp_format)
            )
        case date():
            return cell.strftime(_strftime(contract.file.date_format))
        case time() | timedelta():
            return str(cell)
        case _:
            return str(cell)


def _strftime(pattern: str) -> str:
    for letters, directive in _STRFTIME.items():
        pattern = pattern.replace(letters, directive)
    return pattern


def _check_inflated_size(path: Path, cap: int) -> None:
    """Refuse a workbook that unpacks to more than `cap` bytes: counted, since a zip's own words may lie."""
    too_large = Unreadable(
        f"the workbook unpacks to more than {cap // 1_000_000} MB: its contract's maxFileMegabytes"
    )
    try:
        with zipfile.ZipFile(path) as archive, path.open("rb") as file:
            left = cap
            for member in archive.infolist():
                if member.file_size > left:
                    raise too_large
                file.seek(member.header_offset + 26)
                name_size, extra_size = (int.from_bytes(file.read(2), "little") for _ in range(2))
                file.seek(name_size + extra_size, 1)
                left -= _inflated(file.read(member.compress_size), member.compress_type, left)
                if left < 0:
                    raise too_large
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        raise Unreadable(f"this is no whole workbook (cut off, or another kind of file): {error}") from None


def _inflated(packed: bytes, method: int, most: int) -> int:
    if method == zipfile.ZIP_STORED:
        return len(packed)
    inflater, size = zlib.decompressobj(-15), 0
    while packed and size <= most:
        size += len(inflater.decompress(packed, 1 << 20))
        packed = inflater.unconsumed_tail
    return size
