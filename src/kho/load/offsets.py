"""With which offsets the times of a batch came, and those of the batches before it: what tells that a clock was changed."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache

from psycopg import Connection
from psycopg.sql import SQL, Literal

from kho.contract import Contract
from kho.contract.moments import AN_OFFSET, pattern
from kho.formats.header import Match
from kho.ledger import batches
from kho.load.judge import LANDING, cell
from kho.load.written import part

Offsets = dict[str, dict[str, int]]  # by column, how many times came with each


def has_offsets(contract: Contract) -> bool:
    """Whether its times come with offsets that mean something."""
    return pattern(contract.file.timestamp_format).has_offset


def offsets(connection: Connection, contract: Contract, match: Match, step: int) -> Offsets:
    """Those of a sample of the rows; nothing where times come without."""
    if not has_offsets(contract):
        return {}
    places = tuple(
        (each.name, match.positions[each.name])
        for each in contract.columns
        if each.type == "timestamp" and each.name in match.positions
    )
    if not places:
        return {}
    statement = _counts(contract, tuple(position for _, position in places))
    found: Offsets = {}
    for column, written, many in connection.execute(statement, {"step": step}, prepare=False):
        of_column = found.setdefault(places[column - 1][0], {})
        offset = _told(written)
        of_column[offset] = of_column.get(offset, 0) + many
    return found


def offsets_before(connection: Connection, contract: Contract, day: date) -> dict[str, list[str]]:
    """All with which the columns' times ever came up to the day before; each batch hands them on to the next."""
    if not has_offsets(contract):
        return {}
    profile = batches.profile_before(connection, contract.name, day) or {}
    known = {name: set(each) for name, each in profile.get("offsets_before", {}).items()}
    for name, counts in profile.get("offsets", {}).items():
        known.setdefault(name, set()).update(counts)
    return {name: sorted(each) for name, each in known.items()}


@lru_cache(maxsize=100)
def _counts(contract: Contract, positions: tuple[int, ...]) -> str:
    texts = SQL(", ").join(cell(contract, position) for position in positions)
    return (
        SQL(
            "select place, written, count(*) from (select place, substring(text from {}) as written from {},"
            " unnest(array[{}]) with ordinality as given (text, place) where _row_number %% %(step)s = 0) as texts"
            " where written is not null group by place, written order by place, written"
        )
        .format(Literal(rf":\d\d(?:\.\d+)?({AN_OFFSET})$"), LANDING, part(texts))
        .as_string()
    )


def _told(written: str) -> str:
    """An offset in one way of writing it."""
    if written == "Z":
        return "+00:00"
    sign, digits = written[0], re.sub(r"\D", "", written).ljust(4, "0")
    return f"{'+' if digits == '0000' else sign}{digits[:2]}:{digits[2:]}"
