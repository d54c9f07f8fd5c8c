"""Parquet, in batches of rows; its typed values become the text that the contract expects."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from itertools import chain
from typing import Any, BinaryIO

import pyarrow as pa
from pyarrow.parquet import ParquetFile

from kho.contract import Contract
from kho.formats.block import Block, Export, Unreadable, in_blocks
from kho.formats.cells import texts
from kho.formats.header import expect_header
from kho.formats.part import MAX_RATIO, Layout, Part

BATCH_ROWS = 5_000
MAX_NAMES_BYTES = 1 << 24  # of the file's own description


def open_export(contract: Contract, part: Part, layout: Layout) -> Export:
    batches = _batches(part, layout)
    header = next(batches)
    expect_header(contract, header)
    as_texts = texts(contract, header)

    def blocks(before: int = 0) -> Iterator[Block]:
        yield from in_blocks(chain.from_iterable(batches), len(header), as_texts, before)

    return Export(header, blocks)


def look(part: Part, layout: Layout) -> Iterator[list[object]]:
    """The names of the columns, then typed values."""
    batches = _batches(part, layout)
    yield list(next(batches))
    for batch in batches:
        yield from (list(row) for row in batch)


def _batches(part: Part, layout: Layout) -> Iterator[Any]:
    """The names of the columns, then batches of rows. Columns within columns are taken apart (`person.name`)."""
    try:
        with (
            _seekable(part) as file,
            ParquetFile(
                file,
                pre_buffer=False,
                buffer_size=1 << 16,
                thrift_string_size_limit=MAX_NAMES_BYTES,
                thrift_container_size_limit=MAX_NAMES_BYTES,
                page_checksum_verification=True,
            ) as parquet,
        ):
            _check_size(parquet, file, layout)
            yield _flat(parquet.schema_arrow.empty_table()).column_names
            # Threads are no faster here, and each keeps memory of its own.
            for batch in parquet.iter_batches(BATCH_ROWS, use_threads=False):
                columns = _flat(pa.Table.from_batches([batch])).columns
                yield zip(*map(_values, columns), strict=True)
    except (pa.ArrowException, OSError, ValueError) as error:
        # Their words may name columns.
        raise Unreadable(
            f"the Parquet file can't be read ({type(error).__name__}): is it cut off, or another kind of file?"
        ) from None


def _seekable(part: Part) -> BinaryIO:
    """The bytes for a reader that jumps about; unpacked ones wait in a file without a name."""
    if part.is_plain:
        return part.stream
    unpacked = tempfile.TemporaryFile()  # noqa: SIM115  (the caller closes it)
    while chunk := part.stream.read(1 << 20):
        unpacked.write(chunk)
    unpacked.seek(0)
    return unpacked


def _check_size(parquet: ParquetFile, file: BinaryIO, layout: Layout) -> None:
    """Refuse a file that says of itself that it unpacks to more than exports do."""
    packed = file.seek(0, 2)
    groups = (parquet.metadata.row_group(number) for number in range(parquet.metadata.num_row_groups))
    size = sum(group.total_byte_size for group in groups)
    # A column of one value takes no bytes at all there: each of its rows takes some here.
    cells = parquet.metadata.num_rows * parquet.metadata.num_columns
    if max(size, cells) > max(layout.max_bytes, MAX_RATIO * packed):
        raise Unreadable(
            f"it unpacks to more than {MAX_RATIO} times its size and the contract's maxFileMegabytes: no export does"
        )


def _flat(table: pa.Table) -> pa.Table:
    while any(pa.types.is_struct(field.type) for field in table.schema):
        table = table.flatten()
    return table


def _values(column: pa.ChunkedArray) -> list[object]:
    try:
        return column.to_pylist()
    except (ValueError, OverflowError):
        return [_value(scalar) for scalar in column]


def _value(scalar: pa.Scalar) -> object:
    """The value; where Python has none for it, a text that no column takes, so that its row is rejected alone."""
    try:
        return scalar.as_py()
    except UnicodeDecodeError:
        return scalar.cast(pa.binary()).as_py().decode(errors="surrogateescape")
    except (ValueError, OverflowError):
        return str(scalar.cast(pa.string()))
