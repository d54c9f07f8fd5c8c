"""Reading samples: each file's rows, and those of all files as one table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from kho.formats import Unreadable, look
from kho.formats.header import fold
from kho_propose import layout
from kho_propose.detect import CannotPropose, detect
from kho_propose.proposal import Sample

MOST_ROWS = 20_000


def read(path: Path) -> Sample:
    shape = detect(path)
    try:
        rows = look(
            path,
            shape.format,
            encoding=shape.encoding.encoding if shape.encoding else "utf-8",
            delimiter=shape.delimiter,
            sheet=shape.sheet,
            records_path=shape.records_path,
            compression=shape.compression,
            most=MOST_ROWS,
        )
    except Unreadable as problem:
        raise CannotPropose(f"{path}: {problem}") from None
    found = layout.find(rows, is_named=shape.is_named, most_header_rows=1 if shape.format == "csv" else 6)
    if not found.has_header:
        raise CannotPropose(
            f"{path}: no row names the columns: ask for an export with a header (a contract knows columns by their names)"
        )
    return Sample(path, shape, rows, found)


def expect_one_shape(samples: Sequence[Sample]) -> None:
    """Files of one export are of one kind: where they are not, say which."""

    def kind(sample: Sample) -> str:
        packed = f" in {sample.shape.compression}" if sample.shape.compression else ""
        return f"{sample.shape.format}{packed}"

    first = samples[0]
    for other in samples[1:]:
        if kind(other) != kind(first):
            raise CannotPropose(
                f"{other.path} is {kind(other)}, {first.path} is {kind(first)}: one contract is for one kind of file"
            )


def merged(samples: Sequence[Sample]) -> tuple[list[str], list[int], list[list[object]]]:
    """The columns of all samples in the order they came in, and the rows with the number of their file."""
    headers: list[str] = []
    files: list[int] = []
    rows: list[list[object]] = []
    for number, sample in enumerate(samples):
        places = _places(headers, sample.layout.header)
        for n in sample.layout.data:
            row: list[object] = [None] * len(headers)
            for place, cell in zip(places, sample.rows[n], strict=False):
                row[place] = cell
            files.append(number)
            rows.append(row)
    for row in rows:
        row += [None] * (len(headers) - len(row))
    return headers, files, rows


def _places(headers: list[str], header: Sequence[str]) -> list[int]:
    """Where each column of a file stands among all; new ones are added. Spellings that fold alike are one column."""
    taken: set[int] = set()
    places = []
    for label in header:
        place = next(
            (
                n
                for n, known in enumerate(headers)
                if n not in taken and (known == label or (label and fold(known) == fold(label)))
            ),
            None,
        )
        if place is None:
            headers.append(label)
            place = len(headers) - 1
        taken.add(place)
        places.append(place)
    return places


def encoding(samples: Sequence[Sample]) -> str:
    """The encoding that most samples speak for: plain ASCII speaks for none."""
    told = [sample.shape.encoding for sample in samples if sample.shape.encoding]
    if not told:
        return "utf-8"
    spoken = [each for each in told if "plain ASCII" not in each.because] or told
    return Counter(each.encoding for each in spoken).most_common(1)[0][0]
