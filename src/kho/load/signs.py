"""Signs that an export is no longer written as its contract says, looked for in a sample of the batch's rows.

The exports boundary judges them; nothing here holds a value of the export, only counts.
"""

from __future__ import annotations

import math
import re
from contextlib import suppress
from datetime import date
from functools import lru_cache
from typing import Any

from psycopg import Connection
from psycopg.sql import SQL, Identifier, Literal

from kho.contract import Column, Contract, moments
from kho.contract.moments import pattern
from kho.database import the_row
from kho.formats.header import Match
from kho.ledger import batches
from kho.load import raw
from kho.load.counts import wall_clock
from kho.load.judge import LANDING, cell, shape, value
from kho.load.offsets import offsets, offsets_before
from kho.load.written import BATCH, DAY, part

SAMPLE = 2_000  # rows that are looked at at least, spread over the file
TRIED = 200  # rejected rows that every other convention is tried on

#: thousands separator and decimal separator, the likelier ones first
_NUMBER_FORMATS = ((",", "."), (".", ","), ("", "."), ("", ","), (" ", ","), (" ", "."))
_TIMES = tuple(
    f"{day}{gap}{clock}{offset}"
    for day in moments.DATES
    for gap in moments.GAPS
    for clock in moments.CLOCKS
    for offset in ("", moments.OFFSET)
)
#: whose digits have no places of their own: tried where none of the others reads a text
_OTHER_TIMES = (
    *(
        f"{day} {clock}"
        for days, clocks in (
            (moments.DATES, moments.OTHER_CLOCKS),
            (moments.OTHER_DATES, (*moments.CLOCKS, *moments.OTHER_CLOCKS)),
        )
        for day in days
        if day != moments.COMPACT
        for clock in clocks
    ),
    *(f"{moments.COMPACT}{clock}" for clock in ("HHmmss", "HHmm")),
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
    hours, swapped = _times(connection, contract, batch_id, row_count, day)
    found: dict[str, Any] = {
        "conventions": _conventions(connection, contract, match, batch_id, reasons, step),
        "garbled": _garbled(connection, contract, match, step),
        "hours": hours,
        "offsets": offsets(connection, contract, match, step),
    }
    if day:
        found["offsets_before"] = offsets_before(connection, contract, day)
        found["swapped_dates"] = swapped
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
    found = {}
    for kind, types in _KINDS.items():
        columns = [each for each in contract.columns if each.type in types and each.name in match.positions]
        problems = {each.name: _type_problems(each, reasons) for each in columns}
        suspects = [each for each in columns if problems[each.name]]
        if not suspects:
            continue
        rejected = {
            "batch_id": batch_id,
            "reasons": [why for each in problems.values() for why in each],
            "most": TRIED,
        }
        labels = tuple(_alternatives(contract, kind))
        if kind != "numbers":
            shapes = _shapes(connection, contract, match, suspects, rejected)
            labels = _that_may_read(shapes, labels)
        if not labels:
            continue
        only = _only_one_reads(connection, contract, match, kind, labels, suspects, _REJECTED, rejected)
        by_other = {
            label: sum(theirs for theirs, _ in counts) for label, counts in zip(labels, only, strict=True)
        }
        best = max(by_other, key=by_other.__getitem__)
        if by_other[best]:
            (counts,) = _only_one_reads(
                connection, contract, match, kind, (best,), columns, _SAMPLED, {"step": step}
            )
            found[kind] = {
                "looks_like": best,
                "columns": dict(zip((each.header for each in columns), counts, strict=True)),
            }
    return found


_SAMPLED = "_row_number %% %(step)s = 0"
_REJECTED = (
    "_row_number in (select row_number from reject.rejected_row where batch_id = %(batch_id)s and reasons && %(reasons)s"
    " order by row_number limit %(most)s)"
)


def _type_problems(column: Column, reasons: dict[str, int]) -> list[str]:
    return [why for why in reasons if why.startswith(f"{column.header}: not a")]


def _shapes(
    connection: Connection,
    contract: Contract,
    match: Match,
    columns: list[Column],
    rejected: dict[str, Any],
) -> tuple[str, ...]:
    """How the texts of these columns begin, each way once, with every digit a zero."""
    statement = _shapes_at(contract, tuple(match.positions[each.name] for each in columns))
    return tuple(
        sorted(shape for (shape,) in connection.execute(statement, rejected, prepare=False) if shape)
    )


@lru_cache(maxsize=100)
def _shapes_at(contract: Contract, positions: tuple[int, ...]) -> str:
    texts = [
        SQL("translate(left({}, {}), '123456789', '000000000')").format(
            cell(contract, position), Literal(_BEGINNING)
        )
        for position in positions
    ]
    shapes = part(SQL("distinct unnest(array[{}])").format(SQL(", ").join(texts)))
    return SQL("select {} from {} where {}").format(shapes, LANDING, SQL(_REJECTED)).as_string()


@lru_cache(maxsize=100)
def _that_may_read(shapes: tuple[str, ...], labels: tuple[str, ...]) -> tuple[str, ...]:
    """The conventions that could read a text of these shapes: to try them all takes longer than to load a small file."""
    found, same, left = [], set(), set(shapes)
    for label in sorted(labels, key=lambda each: not pattern(each).has_own_places):
        written, of = shape(label), pattern(label)
        if of.has_own_places:
            read = [each for each in shapes if each.startswith(written) or each == written[:_DAY]]
            left -= {*read}
        else:
            read = [each for each in left if of.begins.match(each) or pattern(of.day).begins.fullmatch(each)]
        # A day alone is read alike by all that begin with the same day.
        reads = of.day if all(pattern(of.day).begins.fullmatch(each) for each in read) else label
        if read and reads not in same:
            same.add(reads)
            found.append(label)
    return tuple(found)


def _only_one_reads(
    connection: Connection,
    contract: Contract,
    match: Match,
    kind: str,
    labels: tuple[str, ...],
    columns: list[Column],
    where: str,
    values: dict[str, Any],
) -> list[list[tuple[int, int]]]:
    """For each of these conventions and columns: how many texts only that one reads, and how many only the contract's does."""
    places = tuple((each.name, match.positions[each.name]) for each in columns)
    statement = _comparison(contract, kind, labels, places, where)
    counts = the_row(connection.execute(statement, values, prepare=False))
    pairs = list(zip(counts[0::2], counts[1::2], strict=True))
    return [pairs[start : start + len(columns)] for start in range(0, len(pairs), len(columns))]


@lru_cache(maxsize=100)
def _comparison(
    contract: Contract,
    kind: str,
    labels: tuple[str, ...],
    places: tuple[tuple[str, int], ...],
    where: str,
) -> str:
    columns = {each.name: each for each in contract.columns}
    others = [_alternatives(contract, kind)[label] for label in labels]
    texts = [
        SQL("{} as {}").format(cell(contract, position), Identifier(f"t_{name}")) for name, position in places
    ]
    read = [
        SQL("{} as {}").format(value(by, columns[name]), Identifier(f"v{n}_{name}"))
        for n, by in enumerate([contract, *others])
        for name, _ in places
    ]
    only = SQL(
        "count(*) filter (where {1} is not null and {0} is null), count(*) filter (where {0} is not null and {1} is null)"
    )
    counts = [
        only.format(Identifier(f"v0_{name}"), Identifier(f"v{n}_{name}"))
        for n in range(1, len(others) + 1)
        for name, _ in places
    ]
    return (
        SQL("select {} from (select {} from (select {} from {} where {} offset 0) as texts offset 0) as read")
        .format(*(part(SQL(", ").join(each)) for each in (counts, read, texts)), LANDING, SQL(where))
        .as_string()
    )


@lru_cache(maxsize=100)
def _alternatives(contract: Contract, kind: str) -> dict[str, Contract]:
    """Other conventions that texts may follow: what to call each, and the contract that would say so."""
    file = contract.file
    match kind:
        case "dates":
            keys = {each: {"date_format": each} for each in (*moments.DATES, *moments.OTHER_DATES)}
        case "times":
            keys = {each: {"timestamp_format": each} for each in (*_TIMES, *_OTHER_TIMES)}
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
    positions = tuple(
        match.positions[column.name]
        for column in contract.columns
        if column.type == "string" and column.name in match.positions
    )
    if not positions:
        return [0, 0]
    rows = connection.execute(_texts_with_accents(contract, positions), {"step": step}).fetchall()
    return [sum(is_garbled(text) for (text,) in rows), len(rows)]


@lru_cache(maxsize=100)
def _texts_with_accents(contract: Contract, positions: tuple[int, ...]) -> str:
    texts = part(SQL(", ").join(cell(contract, position) for position in positions))
    return (
        SQL("select text from (select concat_ws(' ', {}) as text from {} where {}) as texts"
            " where octet_length(text) > length(text)")
        .format(texts, LANDING, SQL(_SAMPLED))
        .as_string()
    )  # fmt: skip


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


def _times(
    connection: Connection, contract: Contract, batch_id: int, row_count: int, day: date | None
) -> tuple[dict[str, dict[str, float]], dict[str, list[int]]]:
    """What a sample of the batch's times and dates says.

    The time of day around which each column's times lie, how closely (0 to 1), and how many were looked at. Where day and
    month can be taken for each other: how many dates of a column lie at the export's day as they are read, how many would
    if both were swapped, and how many there are. A day's export says when it was written.
    """
    step = sample_step(row_count)
    statement, times, dates = _measures(contract, is_of_a_day=day is not None, is_sampled=step > 1)
    if statement is None:
        return {}, {}
    # Few of many rows are found by their numbers.
    sampled = {"numbers": [*range(step, row_count + 1, step)]} if step > 1 else {}
    values = {"batch_id": batch_id, "day": day} | sampled
    found = the_row(connection.execute(statement, values, prepare=False))
    threes = [found[n : n + 3] for n in range(0, len(found), 3)]
    hours = {
        name: {
            "hour": round(math.degrees(math.atan2(east, north)) / 15 % 24, 1),
            "closeness": round(math.hypot(east, north), 2),
            "rows": many,
        }
        for name, (many, east, north) in zip(times, threes, strict=False)
        if many
    }
    return hours, dict(zip(dates, map(list, threes[len(times) :]), strict=True))


@lru_cache(maxsize=100)
def _measures(
    contract: Contract, *, is_of_a_day: bool, is_sampled: bool
) -> tuple[str | None, list[str], list[str]]:
    """Three measures of each time and of each date that can be swapped; the times' names, the dates' headers."""
    times = [each for each in contract.stored if each.type == "timestamp"]
    formats = {"date": contract.file.date_format, "timestamp": contract.file.timestamp_format}
    dates = [
        each
        for each in contract.stored
        if is_of_a_day and contract.frequency == "d" and formats.get(each.type, "").startswith(("dd", "MM"))
    ]
    # On a clock's face 23:00 is near to 01:00: the mean is that of directions.
    hours = [
        (
            SQL("extract(epoch from {}::time)::float8 * (pi() / 43200)").format(wall_clock(contract, each)),
            _DIRECTION,
        )
        for each in times
    ]
    days = [
        (
            Identifier(each.name)
            if each.type == "date"
            else SQL("{}::date").format(wall_clock(contract, each)),
            _NEAR,
        )
        for each in dates
    ]
    looked_at = [(of, Identifier(f"x{n}"), measures) for n, (of, measures) in enumerate([*hours, *days])]
    if not looked_at:
        return None, [], []
    statement = SQL("select {} from (select {} from {} where _batch_id = {} {} offset 0) as x").format(
        SQL(", ").join(measures.format(name, day=DAY) for _, name, measures in looked_at),
        part(SQL(", ").join(SQL("{} as {}").format(of, name) for of, name, _ in looked_at)),
        raw.table(contract),
        BATCH,
        SQL("and _row_number = any(%(numbers)s::bigint[])" if is_sampled else ""),
    )
    return statement.as_string(), [each.name for each in times], [each.header for each in dates]


_DIRECTION = SQL("count({0}), avg(sin({0})), avg(cos({0}))")
_NEAR = SQL(
    """
    count(*) filter (where abs({0} - {day}) <= 1),
    count(*) filter (where abs(
      case when extract(day from {0}) <= 12
      then make_date(extract(year from {0})::int, extract(day from {0})::int, extract(month from {0})::int)
      end - {day}) <= 1),
    count({0})
    """
)


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
