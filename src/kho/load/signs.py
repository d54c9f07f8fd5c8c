"""Signs that an export is no longer written as its contract says, looked for in a sample of the batch's rows.

The exports boundary judges them; nothing here holds a value of the export, only counts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date
from functools import lru_cache
from typing import Any

from psycopg import Connection
from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from kho.contract import Column, Contract
from kho.contract.model import DATE_FORMATS
from kho.database import the_row
from kho.formats.header import Match
from kho.ledger import batches
from kho.load import raw
from kho.load.counts import wall_clock
from kho.load.judge import LANDING, cell, shape, value

SAMPLE = 2_000  # rows that are looked at at least, spread over the file
TRIED = 200  # rejected rows that every other convention is tried on

#: thousands separator and decimal separator, the likelier ones first
_NUMBER_FORMATS = ((",", "."), (".", ","), ("", "."), ("", ","), (" ", ","), (" ", "."))
_TIME_TAILS = tuple(
    f"{gap}HH:mm{seconds}{offset}"
    for gap in (" ", "'T'")
    for seconds in (":ss", "")
    for offset in ("", "XXX")
)
_DAY = len("yyyy-MM-dd")
_BEGINNING = len("yyyy-MM-dd HH:mm:ss") + 1  # of a text, by which it is told how it is written
_KINDS = {"dates": ("date",), "times": ("timestamp",), "numbers": ("integer", "number")}
_NOT_ASCII = re.compile(r"[^\x00-\x7f]{2,}")
#: `XÃ”`: a capital before a closing sign is no garbled letter
_CLOSED = re.compile(r"(?<![^\x00-\x7f])[^\x00-\x7f][”»’…–—](?!\w|[^\x00-\x7f])")


def signs(
    connection: Connection,
    contract: Contract,
    match: Match,
    batch_id: int,
    name: str,
    row_count: int,
    reasons: dict[str, int],
) -> dict[str, Any]:
    """What the batch's profile says beside its counts; `reasons` counts its rejects, the name is the delivery's."""
    step = sample_step(row_count)
    day = contract.day_of(name)
    found: dict[str, Any] = {
        "conventions": _conventions(connection, contract, match, batch_id, reasons, step),
        "garbled": _garbled(connection, contract, match, step),
        "hours": _hours(connection, contract, batch_id, row_count),
    }
    if day:
        found["swapped_dates"] = _swapped_dates(connection, contract, batch_id, row_count, day)
        if contract.file.load == "full":
            found["known_keys"] = _known_keys(
                connection, contract, batch_id, contract.named(name).get("unit"), day
            )
    return found


def sample_step(row_count: int) -> int:
    """Every so many rows one is looked at: a power of two, so that whoever reads a file can keep what it will need."""
    return 1 << max(0, (row_count // SAMPLE).bit_length() - 1)


def _conventions(
    connection: Connection,
    contract: Contract,
    match: Match,
    batch_id: int,
    reasons: dict[str, int],
    step: int,
) -> dict[str, dict[str, Any]]:
    """For dates, times or numbers of which some could not be read: the convention that reads most of those.

    `columns` has, by header, how many texts only that convention reads, and how many only the contract's does.
    """
    sampled = SQL("_row_number % {} = 0").format(Literal(step))
    found = {}
    for kind, types in _KINDS.items():
        columns = [each for each in contract.columns if each.type in types and each.name in match.positions]
        problems = {each.name: _type_problems(each, reasons) for each in columns}
        suspects = [each for each in columns if problems[each.name]]
        if not suspects:
            continue
        rejected = SQL(
            "_row_number in (select row_number from reject.rejected_row where batch_id = {} and reasons && {}"
            " order by row_number limit {})"
        ).format(
            Literal(batch_id), Literal([why for each in problems.values() for why in each]), Literal(TRIED)
        )
        others = _alternatives(contract, kind)
        if kind != "numbers":
            shapes = _shapes(connection, contract, match, suspects, rejected)
            others = _that_may_read(shapes, others)
        if not others:
            continue
        only = _only_one_reads(connection, contract, match, suspects, list(others.values()), rejected)
        by_other = {
            label: sum(theirs for theirs, _ in counts) for label, counts in zip(others, only, strict=True)
        }
        best = max(by_other, key=by_other.__getitem__)
        if by_other[best]:
            (counts,) = _only_one_reads(connection, contract, match, columns, [others[best]], sampled)
            found[kind] = {
                "looks_like": best,
                "columns": dict(zip((each.header for each in columns), counts, strict=True)),
            }
    return found


def _type_problems(column: Column, reasons: dict[str, int]) -> list[str]:
    return [why for why in reasons if why.startswith(f"{column.header}: not a")]


def _shapes(
    connection: Connection, contract: Contract, match: Match, columns: list[Column], where: Composed
) -> list[str]:
    """How the texts of these columns begin, each way once, with every digit a zero."""
    texts = [
        SQL("translate(left({}, {}), '123456789', '000000000')").format(
            cell(contract, match.positions[each.name]), Literal(_BEGINNING)
        )
        for each in columns
    ]
    found = connection.execute(
        SQL("select distinct unnest(array[{}]) from {} where {}").format(
            SQL(", ").join(texts), LANDING, where
        )
    )
    return [shape for (shape,) in found if shape]


def _that_may_read(shapes: list[str], others: dict[str, Contract]) -> dict[str, Contract]:
    """The conventions that could read a text of these shapes: to try them all takes longer than to load a small file."""
    found, same = {}, set()
    for pattern, other in others.items():
        written = shape(pattern)
        read = [each for each in shapes if each.startswith(written) or each == written[:_DAY]]
        # A day alone is read alike by all that begin with the same day.
        reads = pattern[:_DAY] if all(len(each) == _DAY for each in read) else pattern
        if read and reads not in same:
            same.add(reads)
            found[pattern] = other
    return found


def _only_one_reads(
    connection: Connection,
    contract: Contract,
    match: Match,
    columns: list[Column],
    others: list[Contract],
    where: Composed,
) -> list[list[tuple[int, int]]]:
    """For each other contract and column: how many texts only that one reads, and how many only the first does."""
    texts = [
        SQL("{} as {}").format(cell(contract, match.positions[each.name]), Identifier(f"t_{each.name}"))
        for each in columns
    ]
    read = [
        SQL("{} as {}").format(value(by, each), Identifier(f"v{n}_{each.name}"))
        for n, by in enumerate([contract, *others])
        for each in columns
    ]
    only = SQL(
        "count(*) filter (where {1} is not null and {0} is null), count(*) filter (where {0} is not null and {1} is null)"
    )
    counts = the_row(
        connection.execute(
            SQL(
                "select {} from (select {} from (select {} from {} where {} offset 0) as texts offset 0) as read"
            ).format(
                SQL(", ").join(
                    only.format(Identifier(f"v0_{each.name}"), Identifier(f"v{n}_{each.name}"))
                    for n in range(1, len(others) + 1)
                    for each in columns
                ),
                SQL(", ").join(read),
                SQL(", ").join(texts),
                LANDING,
                where,
            )
        )
    )
    pairs = list(zip(counts[0::2], counts[1::2], strict=True))
    return [pairs[start : start + len(columns)] for start in range(0, len(pairs), len(columns))]


@lru_cache(maxsize=100)
def _alternatives(contract: Contract, kind: str) -> dict[str, Contract]:
    """Other conventions that texts may follow: what to call each, and the contract that would say so."""
    file = contract.file
    match kind:
        case "dates":
            keys = {each: {"date_format": each} for each in DATE_FORMATS}
        case "times":
            keys = {
                day + tail: {"timestamp_format": day + tail} for day in DATE_FORMATS for tail in _TIME_TAILS
            }
        case _:
            keys = {
                f"1{thousands}234{decimal}5": {"thousands_separator": thousands, "decimal_separator": decimal}
                for thousands, decimal in _NUMBER_FORMATS
            }
    files = {label: file.model_copy(update=changed) for label, changed in keys.items()}
    return {
        label: contract.model_copy(update={"file": other}) for label, other in files.items() if other != file
    }


def _garbled(connection: Connection, contract: Contract, match: Match, step: int) -> list[int]:
    """How many rows hold UTF-8 that was read as something else (`Ä‘á»‹a` for `địa`), and how many have accents at all."""
    texts = [
        cell(contract, match.positions[column.name])
        for column in contract.columns
        if column.type == "string" and column.name in match.positions
    ]
    if not texts:
        return [0, 0]
    rows = connection.execute(
        SQL("select text from (select concat_ws(' ', {}) as text from {} where _row_number % {} = 0) as texts"
            " where octet_length(text) > length(text)").format(
            SQL(", ").join(texts), LANDING, Literal(step)
        )
    ).fetchall()  # fmt: skip
    return [sum(is_garbled(text) for (text,) in rows), len(rows)]


def is_garbled(text: str) -> bool:
    """Whether a text is UTF-8 that was read as a one-byte encoding: then its bytes are characters once more."""
    return any(_is_utf8(characters) for characters in _NOT_ASCII.findall(_CLOSED.sub("", text)))


@lru_cache(maxsize=10_000)  # the same few combinations of letters, over and over
def _is_utf8(characters: str) -> bool:
    for encoding in ("cp1258", "cp1252", "latin-1"):
        with suppress(UnicodeError):
            characters.encode(encoding).decode()
            return True
    return False


def _hours(
    connection: Connection, contract: Contract, batch_id: int, row_count: int
) -> dict[str, dict[str, float]]:
    """The time of day around which each column's times lie, how closely (0 to 1), and how many were looked at."""
    columns = [each for each in contract.stored if each.type == "timestamp"]
    # On a clock's face 23:00 is near to 01:00: the mean is that of directions.
    counts = _of_sample(
        connection, contract, batch_id, row_count,
        {
            each.name: SQL("extract(epoch from {}::time)::float8 * (pi() / 43200)").format(wall_clock(contract, each))
            for each in columns
        },
        SQL("count({0}), avg(sin({0})), avg(cos({0}))").format,
    )  # fmt: skip
    return {
        name: {
            "hour": round(math.degrees(math.atan2(east, north)) / 15 % 24, 1),
            "closeness": round(math.hypot(east, north), 2),
            "rows": many,
        }
        for name, (many, east, north) in counts.items()
        if many
    }


def _of_sample(
    connection: Connection,
    contract: Contract,
    batch_id: int,
    row_count: int,
    looked_at: Mapping[str, Composable],
    measures: Callable[[Identifier], Composable],
) -> dict[str, tuple[Any, ...]]:
    """Three measures of each of these expressions, over the sample of the batch's rows."""
    if not looked_at:
        return {}
    names = {key: Identifier(f"x{n}") for n, key in enumerate(looked_at)}
    step = sample_step(row_count)
    # Few of many rows are found by their numbers.
    sampled = SQL("and _row_number = any({}::bigint[])").format(Literal([*range(step, row_count + 1, step)]))
    statement = SQL("select {} from (select {} from {} where _batch_id = {} {} offset 0) as x").format(
        SQL(", ").join(measures(name) for name in names.values()),
        SQL(", ").join(SQL("{} as {}").format(looked_at[key], name) for key, name in names.items()),
        raw.table(contract),
        Literal(batch_id),
        sampled if step > 1 else SQL(""),
    )
    found = the_row(connection.execute(statement))
    return {key: found[n : n + 3] for n, key in zip(range(0, len(found), 3), names, strict=True)}


def _swapped_dates(
    connection: Connection, contract: Contract, batch_id: int, row_count: int, day: date
) -> dict[str, list[int]]:
    """Where day and month can be taken for each other: how many dates of a column lie at the export's day as they are
    read, how many would if both were swapped, and how many there are. A day's export says when it was written.
    """
    formats = {"date": contract.file.date_format, "timestamp": contract.file.timestamp_format}
    if contract.frequency != "d":
        return {}
    dates = {
        each.header: Identifier(each.name)
        if each.type == "date"
        else SQL("{}::date").format(wall_clock(contract, each))
        for each in contract.stored
        if formats.get(each.type, "").startswith(("dd", "MM"))
    }

    def near(date_: Identifier) -> Composed:
        return SQL(
            """
            count(*) filter (where abs({0} - {1}) <= 1),
            count(*) filter (where abs(
              case when extract(day from {0}) <= 12
              then make_date(extract(year from {0})::int, extract(day from {0})::int, extract(month from {0})::int)
              end - {1}) <= 1),
            count({0})
            """
        ).format(date_, Literal(day))

    counts = _of_sample(connection, contract, batch_id, row_count, dates, near)
    return {header: list(found) for header, found in counts.items()}


def _known_keys(
    connection: Connection, contract: Contract, batch_id: int, unit: str | None, day: date
) -> list[int] | None:
    """How many of a full list's keys the list before it had, and how many it has; None for the first list."""
    before = batches.before(connection, contract.name, day, most=1000)
    previous = next((number for number, name in before if contract.named(name).get("unit") == unit), None)
    # A key that holds the list's date is always new.
    lasting = [column.name for column in contract.key if column.type not in ("date", "timestamp")]
    if previous is None or not lasting:
        return None
    keys = SQL("select distinct {} from {} where _batch_id = {}")
    names = SQL(", ").join(map(Identifier, lasting))
    statement = SQL(
        "with new as ({}), old as ({}) select (select count(*) from new join old using ({})), (select count(*) from new)"
    ).format(
        keys.format(names, raw.table(contract), Literal(batch_id)),
        keys.format(names, raw.table(contract), Literal(previous)),
        names,
    )
    return list(the_row(connection.execute(statement)))
