"""Excel workbooks: read whole by calamine, so with a cap; their cells become the text that the contract expects."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator

from python_calamine import CalamineError, CalamineWorkbook

from kho.contract import Contract
from kho.formats.block import Block, Export, Unreadable, in_blocks
from kho.formats.cells import texts
from kho.formats.header import find_header
from kho.formats.part import Layout, Part

# Excel shows numbers from 12 digits on as 9.5E+10: their last digits may be gone.
_LOSSY = 1e11


def open_export(contract: Contract, part: Part, layout: Layout) -> Export:
    cells = _cells(part, layout)
    first, header = find_header(contract, [[_shown(cell) for cell in row] for row in cells[:40]])
    start = first + contract.file.header_rows
    row_texts = texts(contract, header)

    def blocks(before: int = 0) -> Iterator[Block]:
        yield from in_blocks(
            (number, row_texts([_exact(cell) for cell in row]))
            for number, row in enumerate(cells[start:], before + 1)
        )

    return Export(header, blocks)


def look(part: Part, layout: Layout, most: int) -> Iterator[list[object]]:
    """The cells of the sheet, typed; empty ones are ''."""
    yield from _cells(part, layout, most)


def _cells(part: Part, layout: Layout, most: int | None = None) -> list[list[object]]:
    data = part.whole(layout.max_bytes)
    _check_inflated_size(data, layout.max_bytes)
    try:
        with CalamineWorkbook.from_filelike(io.BytesIO(data)) as workbook:
            return workbook.get_sheet_by_index(0).to_python(skip_empty_area=False, nrows=most)
    except (CalamineError, IndexError) as error:
        raise Unreadable(f"the workbook can't be read: {error}") from None


def _shown(cell: object) -> str:
    return str(int(cell) if isinstance(cell, float) and cell.is_integer() else cell)


def _exact(cell: object) -> object:
    """The cell; a number whose last digits Excel may have lost as it shows it, so that no column takes it."""
    is_number = isinstance(cell, int | float) and not isinstance(cell, bool)
    return f"{cell:.6E}" if is_number and abs(cell) >= _LOSSY else cell


def _check_inflated_size(data: bytes, cap: int) -> None:
    """Refuse a workbook that unpacks to more than `cap` bytes: counted, since a zip's own words may lie."""
    too_large = Unreadable(
        f"the workbook unpacks to more than {cap // 1_000_000} MB: its contract's maxFileMegabytes"
    )
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            left = cap
            for member in archive.infolist():
                if member.file_size > left:
                    raise too_large
                start = member.header_offset + 30
                start += sum(int.from_bytes(data[start - 4 + n : start - 2 + n], "little") for n in (0, 2))
                left -= _inflated(data[start : start + member.compress_size], member.compress_type, left)
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
