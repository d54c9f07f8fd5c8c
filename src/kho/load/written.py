"""Statements that are written out once and kept: to put one together takes longer than to run it over a small file."""

from __future__ import annotations

from psycopg.sql import SQL, Composable, Composed, Placeholder

BATCH, DAY = Placeholder("batch_id"), Placeholder("day")


def part(of: Composable) -> SQL:
    """A part of a statement that has parameters, written out; its own parameters stay."""
    return SQL(_written(of))


def _written(of: Composable) -> str:
    if isinstance(of, Placeholder):
        return of.as_string()
    if isinstance(of, Composed):
        return "".join(map(_written, of))
    return of.as_string().replace("%", "%%")
