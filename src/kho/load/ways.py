"""Which way a file's rows go: all through landing, or the good ones straight into raw (`kho.load.fast`)."""

from __future__ import annotations

from pathlib import Path

from kho.contract import Contract
from kho.formats.header import Match

SMALL = 16 << 20  # bytes of a file; fewer are not worth what the fast way takes to begin
PACKED = 8  # times its size is what a packed file may hold


def has_fast_way(contract: Contract, match: Match, path: Path) -> bool:
    """Whether the file is large enough for it, and its rows can be told one by one."""
    file = contract.file
    return (
        contract.format == "csv"
        and contract.delimiter.isascii()
        and size(contract, path) >= SMALL
        and not file.sums
        and not any(rule.is_sum for rule in file.skip_rows)
        and all(column.is_stored and column.name in match.positions for column in contract.key)
    )


def size(contract: Contract, path: Path) -> int:
    """About how many bytes the file holds."""
    return path.stat().st_size * (PACKED if contract.server.compression else 1)
