"""What is counted of all rows of a batch, in one pass over them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from psycopg import Connection
from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from kho.contract import Column, Contract
from kho.database import the_row
from kho.load import raw


def counted(connection: Connection, contract: Contract, batch_id: int, day: date) -> dict[str, Any]:
    """Nulls of every stored column, and how many of a value set occur: no values. How many rows break each rule of the order
    of columns, and how many versions are from the future of `day`, the delivery's date.

    The models order a version from the future as of its delivery's date: see the macro `version_time`.
    """
    columns = {column.name: column for column in contract.columns}
    pairs = [(columns[rule.column], columns[rule.not_before]) for rule in contract.file.in_order]
    of_columns = list(_of_columns(contract))
    disordered = [_count(_is_before(contract, *pair)) for pair in pairs]
    version = contract.version_column
    future = []
    if version and version.is_moment:
        future.append(
            _count(SQL("{} >= {}").format(Identifier(version.name), Literal(day + timedelta(days=2))))
        )
    statement = SQL("select {} from {} where _batch_id = {}").format(
        SQL(", ").join([*(measure for _, _, measure in of_columns), *disordered, *future, SQL("count(*)")]),
        raw.table(contract),
        Literal(batch_id),
    )
    found = iter(the_row(connection.execute(statement)))
    profile: dict[str, dict[str, Any]] = {}
    for name, measure, _ in of_columns:
        profile.setdefault(name, {})[measure] = next(found)
    return {
        "columns": profile,
        "disordered": {
            f"{second.header} before {first.header}": count
            for second, first in pairs
            if (count := next(found))
        },
        "future_versions": next(found) if future else 0,
    }


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


def _count(condition: Composable) -> Composable:
    return SQL("count(*) filter (where {})").format(condition)


def wall_clock(contract: Contract, column: Column) -> Composed:
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
