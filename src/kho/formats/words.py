"""What a file says itself, for an operator's terminal and for nothing else: its first row, headers that are unknown."""

from __future__ import annotations

from pathlib import Path

from kho.contract import Contract, telling
from kho.formats import Unreadable, look
from kho.formats.header import find_header, match

HEAD = 40  # rows


def beginning(contract: Contract, path: Path) -> tuple[str, ...]:
    """The first row that is not blank, as it stands there; nothing of a file without rows."""
    return next((("it begins: " + " | ".join(row),) for row in _head(contract, path) if any(row)), ())


def headers(contract: Contract, path: Path) -> tuple[str, ...]:
    """The headers that the contract does not know, as they are spelled there."""
    rows = _head(contract, path)
    try:
        _, found = find_header(contract, rows)
    except Unreadable:  # records need not have half of the columns
        found = next(iter(rows), [])
    return tuple(
        f"{telling.column(position, header)}: {header}"
        for position, header in match(contract, found).unknown.items()
    )


def _head(contract: Contract, path: Path) -> list[list[str]]:
    try:
        rows = look(
            path,
            contract.format,
            encoding=contract.encoding,
            delimiter=contract.delimiter,
            sheet=contract.file.sheet,
            records_path=contract.file.records_path,
            compression=contract.server.compression,
            most=HEAD,
        )
    except Exception:  # a load of it fails likewise, and says so
        return []
    return [["" if cell is None else str(cell).strip() for cell in row] for row in rows]
