"""Statements that are written out once and kept: to put one together takes longer than to run it over a small file."""

from __future__ import annotations

from psycopg.sql import SQL, Composable, Placeholder

BATCH, DAY = Placeholder("batch_id"), Placeholder("day")


def part(of: Composable) -> SQL:
    """A part of a statement that has parameters, written out."""
    return SQL(of.as_string().replace("%", "%%"))
