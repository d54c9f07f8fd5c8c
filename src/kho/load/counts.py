"""What is counted of all rows of a batch, in one pass over them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from typing import Any

from psycopg import Connection
from psycopg.sql import SQL, Composable, Composed, Identifier, Literal, Placeholder

from kho.contract import Column, Contract
from kho.database import the_row
from kho.load import raw
from kho.load.written import BATCH, DAY, part
from kho.settings import TIMEZONE

OLDEST = SQL("{}::date").format(Placeholder("oldest"))


def counted(
    connection: Connection,
    contract: Contract,
    batch_id: int,
    day: date,
    oldest: date | None,
    *,
    is_first: bool,
) -> dict[str, Any]:
    """Nulls of every stored column, and how many of a value set occur: no values. How many rows break each rule of the order
    of columns, and how many versions are from the future of `day`, the delivery's date. Where it is told which `oldest` day is
    usual, how many rows tell of no day since then and have keys that no other batch has; it `is_first` where there is none.

    The models order a version from the future as of its delivery's date: see the macro `version_time`.
    """
    statement, of_columns, pairs = _statement(contract)
    # Planned for the rows that are there now: a plan that is kept is for those of the session's first files.
    values = {"batch_id": batch_id, "day": day, "oldest": oldest, "is_first": is_first}
    *found, future, old = the_row(connection.execute(statement, values, prepare=False))
    profile: dict[str, dict[str, Any]] = {}
    for (name, measure), count in zip(of_columns, found, strict=False):
        profile.setdefault(name, {})[measure] = count
    return {
        "columns": profile,
        "disordered": {
            pair: count for pair, count in zip(pairs, found[len(of_columns) :], strict=True) if count
        },
        "future_versions": future,
        "old_rows": None if oldest is None else old,
    }


@lru_cache(maxsize=100)
def _statement(contract: Contract) -> tuple[str, list[tuple[str, str]], list[str]]:
    """The statement; what it counts: a measure of each column, then pairs that are out of order, what is to come, what is old."""
    columns = {column.name: column for column in contract.columns}
    pairs = [(columns[rule.column], columns[rule.not_before]) for rule in contract.file.in_order]
    of_columns = list(_of_columns(contract))
    version = contract.version_column
    measures = [
        *(measure for _, _, measure in of_columns),
        *(_count(_is_before(contract, *pair)) for pair in pairs),
    ]
    is_future: Composable = SQL("false")
    if version and version.is_moment:
        is_future = SQL("{} >= {} + 2").format(Identifier(version.name), DAY)
    statement = SQL("select {} from {} as loaded where _batch_id = {}").format(
        SQL(", ").join([*map(part, measures), _count(is_future), _count(_is_old(contract))]),
        raw.table(contract),
        BATCH,
    )
    return (
        statement.as_string(),
        [(name, measure) for name, measure, _ in of_columns],
        [f"{second.header} before {first.header}" for second, first in pairs],
    )


def _of_columns(contract: Contract) -> Iterator[tuple[str, str, Composable]]:
    """Each column's name, what is measured of it, and how."""
    for column in contract.stored:
        yield column.name, "nulls", SQL("count(*) - count({})").format(Identifier(column.name))
        if column.values:
            yield column.name, "distinct", _distinct(column)


def _distinct(column: Column) -> Composed:
    """How many of the column's values occur. Each of a small set has a bit: to sort the texts takes three times as long."""
    name = Identifier(column.name)
    if column.type != "string" or column.keys.personal_data or len(column.values) >= 64:
        return SQL("count(distinct {})").format(name)
    bits = SQL(" ").join(
        SQL("when {} then {}").format(Literal(each), Literal(1 << place))
        for place, each in enumerate(dict.fromkeys(column.values))
    )
    return SQL("coalesce(bit_count(bit_or(case {} {} end::bigint)::bit(64)), 0)").format(name, bits)


def _is_old(contract: Contract) -> Composable:
    """That a row tells of no day since the oldest usual one, and no other batch has its key."""
    moments = [
        Identifier(each.name)
        for each in contract.stored
        if each.is_moment and each != contract.version_column
    ]
    if not moments:
        return SQL("false")
    # A subquery that gives a row is asked once for each of the few: one that only exists may be made a hash of the whole table.
    return SQL(
        "case when {oldest} is null or not ({all_old}) or num_nonnulls({moments}) = 0 then false when {is_first} then true"
        " else (select true from {table} as other where other._key = loaded._key and other._batch_id <> {batch} limit 1) is null"
        " end"
    ).format(
        oldest=OLDEST,
        is_first=Placeholder("is_first"),
        all_old=SQL(" and ").join(SQL("coalesce({} < {}, true)").format(each, OLDEST) for each in moments),
        moments=SQL(", ").join(moments),
        table=raw.table(contract),
        batch=BATCH,
    )


def _count(condition: Composable) -> Composable:
    return SQL("count(*) filter (where {})").format(condition)


def wall_clock(contract: Contract, column: Column) -> Composed:
    if contract.file.time_zone == TIMEZONE:  # the session's own
        return SQL("{}::timestamp").format(Identifier(column.name))
    return SQL("({} at time zone {})").format(Identifier(column.name), Literal(contract.file.time_zone))


def _day_and_time(contract: Contract, column: Column) -> Composed:
    if column.type == "timestamp":
        return wall_clock(contract, column)
    return SQL("{}::timestamp").format(Identifier(column.name))


def _is_before(contract: Contract, second: Column, first: Column) -> Composed:
    """Midnight is how a day without a time is read."""
    is_before = SQL(
        "case when '00:00' in ({0}::time, {1}::time) then {0}::date < {1}::date else {0} < {1} end"
    ).format(_day_and_time(contract, second), _day_and_time(contract, first))
    if second.type != "timestamp" or first.type != "timestamp":
        return is_before
    # No clock is set back by a day: this spares most rows a look at its face.
    return SQL("case when {} < {} + interval '24 hours' then {} end").format(
        Identifier(second.name), Identifier(first.name), is_before
    )
