"""The one pass over the landed rows: typed into raw, or rejected with every reason, or skipped by rule.

All SQL here is made from the contract: identifiers are quoted by psycopg, texts and the hash key are bound parameters.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import Connection
from psycopg.sql import SQL, Composable, Composed, Identifier, Literal, Placeholder

from kho.contract import Column, Contract, mappings
from kho.contract.model import FORMATS
from kho.contract.moments import Pattern, pattern
from kho.database import the_row
from kho.formats.block import EDGES
from kho.formats.header import Match, expect_header
from kho.load import raw
from kho.load.written import BATCH, part
from kho.settings import TIMEZONE

LANDING = Identifier("pg_temp", "landing")
FIRST = 1_000  # rows whose codes are known to the others
MASK = "•••"
#: how a workbook shows a long number, and saves it as text: two codes become one
SHORTENED = r"^[+-]?\d([.,]\d+)?E\+\d{2,3}$"
NO_PATTERN = "not of the contract's pattern"


@dataclass(frozen=True)
class Judged:
    """Counts of one pass."""

    loaded: int
    rejected: int
    duplicates: int
    skipped: dict[str, int]
    emptied: dict[str, int]  # header -> values that no such column can have, of loaded rows
    sums_off: dict[
        str, str
    ]  # header -> by how much the rows' sum differs from what a row of sums tells, as `+1`


def judge(
    connection: Connection,
    contract: Contract,
    header: list[str],
    batch_id: int,
    day: date,
    taken_off: list[Composed],
    *,
    is_rest: bool = False,
) -> Judged:
    """Sort the landing table's rows into raw, rejects and skipped ones.

    Landing has `_row_number` and `c0 … cn`, the file's own columns as text. A row that repeats another of the file
    (same key, same version) is a reject: which of them counts the contract says. `day` is the delivery's date, which bounds dates and times.
    `taken_off` makes the indexes again that raw goes without. Where landing holds the rest of a file's rows, in any order, raw
    has the others already.
    """
    kind = contract, tuple(header)
    statement = _judging(*kind, spares=not taken_off, keeps_order=is_rest)
    values = {"batch_id": batch_id, **ends(contract, day)}
    total, loaded, rejected, skipped, emptied = the_row(connection.execute(statement, values))
    loaded -= raw.put_indexes_on(connection, contract, batch_id, taken_off)
    duplicates = total - loaded - rejected - sum(skipped.values())
    if duplicates:
        statement = _rejecting_duplicates(*kind)
        (of_duplicates,) = the_row(connection.execute(statement, values, prepare=False))
        emptied = [all_ - theirs for all_, theirs in zip(emptied, of_duplicates, strict=True)]
    headers = (column.header for column in _emptied(contract))
    return Judged(
        loaded,
        rejected + duplicates,
        duplicates,
        skipped,
        dict(zip(headers, emptied[1:], strict=True)),
        _sums_off(connection, contract, kind, values),
    )


@lru_cache(maxsize=100)
def _judging(contract: Contract, header: tuple[str, ...], *, spares: bool, keeps_order: bool) -> str:
    """The pass over landing, which spares rows that repeat another where nothing else tells them."""
    parts = dict(_parts(contract, header))
    if not spares:
        parts["spared"] = SQL("")
    in_order = SQL("order by _row_number " if keeps_order else "")
    return _JUDGE.format(**parts, in_order=in_order).as_string()


# `offset 0` keeps the planner from writing an expression out at each of its uses.
_JUDGE = SQL(
    """
    with {known}cleaned as (
      select _row_number, {cleaned}, {is_blank} as _is_blank from {landing} offset 0
    ), typed as (
      select *, {values}, {skips} as _skip from cleaned offset 0
    ), sorted as (
      select *{possible}, case when _skip is null then {is_wrong} end as _is_wrong from typed offset 0
    ), judged as materialized (
      select
        _row_number, _skip, {stored}{is_emptied},
        case when not _is_wrong then {key} end as _key,
        case when _is_wrong then array_remove(array[{reasons}], null) end as _reasons,
        case when _is_wrong then case when {is_secret} then {mask} else {row_text} end end as _row_text
      from sorted
    ), loaded as (
      insert into {raw} (_batch_id, _row_number, _key, {names})
      select {batch_id}, _row_number, _key, {stored} from judged where _key is not null
      {in_order}{spared}
      returning 1
    ), rejected as (
      insert into reject.rejected_row (batch_id, row_number, reasons, row_text)
      select {batch_id}, _row_number, _reasons, _row_text from judged where _reasons is not null
      returning 1
    )
    select
      (select count(*) from judged),
      (select count(*) from loaded),
      (select count(*) from rejected),
      (select coalesce(jsonb_object_agg(_skip, n), '{{}}') from
        (select _skip, count(*) as n from judged where _skip is not null group by _skip) as skips),
      (select {emptied} from judged where _key is not null)
    """
)

# The good rows that are neither in raw nor among the rejects: raw has their key and version from an earlier row. Where the
# last row of such a key says something else, it takes that row's place, if the contract wants it so. A version may be null.
_REJECT_DUPLICATES = SQL(
    """
    with left_out as (
      select * from {landing} as landed
      where not exists (select from {raw} as kept where kept._batch_id = {batch_id} and kept._row_number = landed._row_number)
        and not exists (
          select from reject.rejected_row as r where r.batch_id = {batch_id} and r.row_number = landed._row_number)
    ), {repeated_from_left_out}, held as (
      select _row_number, _key, {raw_version} as _version from {raw}
      where _batch_id = {batch_id} and _key in (select _key from repeated)
    ), alike as materialized (
      select repeated._row_number, held._row_number as _first
      from repeated join held on held._key = repeated._key and held._version is not distinct from repeated._version
    ), first_landed as (
      select * from {landing} where _row_number in (select _first from alike)
    ), {first_from_first_landed}, of_a_key as (
      select repeated.*, alike._first from repeated join alike using (_row_number)
      union all
      select first.*, _row_number from first
    ), last as (
      select _first, case when {later_counts} and min(_content::text) <> max(_content::text) then max(_row_number) else _first end
        as _counts
      from of_a_key group by _first
    ), placed as materialized (
      select of_a_key.*, last._counts, counting._content as _counting_content
      from of_a_key join last using (_first) join of_a_key as counting on counting._row_number = last._counts
    ), replaced as (
      update {raw} as kept set _row_number = placed._row_number, {set_stored}
      from placed
      where placed._row_number = placed._counts and placed._counts <> placed._first
        and kept._batch_id = {batch_id} and kept._row_number = placed._first
    ), rejected as (
      insert into reject.rejected_row (batch_id, row_number, reasons, row_text)
      select {batch_id}, _row_number, array[format('row: %%s %%s row of the file%%s (same key and version)',
          case when _content = _counting_content then 'repeats' else 'contradicts' end,
          case when _counts < _row_number then 'an earlier' else 'a later' end,
          case when _counts < _row_number or _content = _counting_content then '' else ', which counts' end)],
        _row_text
      from placed where _row_number <> _counts
    )
    select {emptied} from placed where _row_number <> _counts
    """
)

_TYPED_ROWS = """
    {name}_cleaned as (
      select _row_number, {{cleaned}}, {{is_blank}} as _is_blank from {rows} offset 0
    ), {name}_typed as (
      select *, {{values}}, {{skips}} as _skip from {name}_cleaned offset 0
    ), {name}_sorted as (
      select *{{possible}} from {name}_typed where _skip is null offset 0
    ), {name} as materialized (
      select _row_number, {{key}} as _key, {{version}} as _version, {{stored}}{{is_emptied}}, {{row_text}} as _row_text,
        raw.key_of({{texts}}) as _content
      from {name}_sorted offset 0
    )
"""


def _rejecting_duplicates(contract: Contract, header: tuple[str, ...]) -> str:
    parts = _parts(contract, header)
    typed = {
        f"{name}_from_{rows}": SQL(_TYPED_ROWS.format(name=name, rows=rows)).format(**parts)
        for name, rows in (("repeated", "left_out"), ("first", "first_landed"))
    }
    later = Literal(contract.file.later_row_counts)
    return _REJECT_DUPLICATES.format(**parts, **typed, later_counts=later).as_string()


# Every row that is data, a rejected one too, belongs to the sum.
_SUMS_OFF = SQL(
    """
    with cleaned as (
      select _row_number, {cleaned}, {is_blank} as _is_blank from {landing} offset 0
    ), typed as (
      select *, {values}, {skips} as _skip from cleaned offset 0
    ), told as (
      select {numbers} from typed where _skip = any({sum_rows})
    ), calculated as (
      select {sums_of_numbers} from typed where _skip is null
    )
    select {differences} from told cross join calculated
    """
)


def _sums_off(
    connection: Connection, contract: Contract, kind: tuple[Contract, tuple[str, ...]], values: dict[str, Any]
) -> dict[str, str]:
    """By how much each number's sum over the rows differs from what a row of sums tells; the first such row that differs."""
    if not any(rule.is_sum for rule in contract.file.skip_rows):
        return {}
    numbers = [column for column in contract.stored if column.is_number]
    found: dict[str, str] = {}
    for differences in connection.execute(_SUMS_OFF.format(**_parts(*kind)).as_string(), values):
        for column, difference in zip(numbers, differences, strict=True):
            if difference:
                found.setdefault(column.header, f"{difference.normalize():+f}")
    return found


@lru_cache(maxsize=100)
def _parts(contract: Contract, header: tuple[str, ...]) -> dict[str, Composable]:
    """The pieces that a contract and a file's header put into the statements.

    Kept as they are written out, which takes longer than to load a small file: units hand over many of one kind in a night.
    """
    match = expect_header(contract, header)
    emptied = [Identifier(f"e_{column.name}") for column in _emptied(contract)]
    texts = [Identifier(f"t_{column.name}") for column in contract.columns]
    unknown = [cell(contract, position) for position in match.unknown]
    cleaned = [_cleaned(contract, match, column) for column in contract.columns]
    numbers = [Identifier(f"v_{column.name}") for column in contract.stored if column.is_number]
    version = contract.version_column
    parts = {
        "cleaned": _list(SQL("{} as {}").format(*pair) for pair in zip(cleaned, texts, strict=True)),
        "is_blank": SQL("coalesce({}) is null").format(_list([*cleaned, *unknown])),
        "landing": LANDING,
        "values": _list(
            SQL("{} as {}").format(value(contract, column), Identifier(f"v_{column.name}"))
            for column in contract.columns
            if column.is_stored or column.type != "string"
        ),
        "skips": SQL("case {} end").format(SQL(" ").join(_skips(contract, match, header))),
        "possible": SQL("").join(
            SQL(", case when not {} then {} end as {}").format(
                _is_impossible(contract, column),
                Identifier(f"v_{column.name}"),
                _stored(contract, column),
            )
            for column in _emptied(contract)
        ),
        "is_emptied": SQL("").join(
            SQL(", {} is not null and {} is null as {}").format(
                Identifier(f"v_{column.name}"), _stored(contract, column), Identifier(f"e_{column.name}")
            )
            for column in _emptied(contract)
        ),
        # Counted even where no column can be emptied: what has no count gives a row per row.
        "emptied": SQL("array[{}]").format(
            _list(
                [
                    SQL("count(*)"),
                    *(SQL("count(*) filter (where {})").format(each) for each in emptied),
                ]
            )
        ),
        "stored": _list(_stored(contract, column) for column in contract.stored),
        "set_stored": _list(
            SQL("{} = placed.{}").format(Identifier(column.name), _stored(contract, column))
            for column in contract.stored
        ),
        "known": SQL("").join(
            _known_codes(contract, column, text, each)
            for column, text, each in zip(contract.columns, texts, cleaned, strict=True)
            if has_codes(column)
        ),
        "is_wrong": SQL(" or ").join(
            [
                *(_may_be_wrong(contract, column) for column in contract.columns),
                *(SQL("coalesce({} <> 0, false)").format(each) for _, each in _differences(contract)),
            ]
        ),
        "key": raw.key(contract, "v_"),
        "reasons": _list(
            [
                *(_reason(contract, column) for column in contract.columns),
                *(
                    SQL("case when {} <> 0 then {} end").format(each, Literal(reason))
                    for reason, each in _differences(contract)
                ),
            ]
        ),
        "is_secret": _is_secret(contract),
        "mask": Literal(MASK),
        "row_text": _row_text(contract, match),
        "raw": raw.table(contract),
        "names": _list(Identifier(column.name) for column in contract.stored),
        "spared": SQL("on conflict ({}, _batch_id) do nothing").format(
            _list(Identifier(name) for name in raw.identity(contract))
        ),
        "version": _stored(contract, version) if version else SQL("null"),
        "raw_version": Identifier(version.name) if version else SQL("null"),
        "texts": _list(texts),
        "sum_rows": Literal([rule.why for rule in contract.file.skip_rows if rule.is_sum]),
        "numbers": _list(numbers),
        "sums_of_numbers": _list(SQL("coalesce(sum({0}), 0) as {0}").format(each) for each in numbers),
        "differences": _list(SQL("calculated.{0} - told.{0}::numeric").format(each) for each in numbers),
    }
    return {name: part(each) for name, each in parts.items()} | {"batch_id": BATCH}


def as_binary(contract: Contract, column: Column) -> str:
    """SQL that says of `texts` as a file has them what becomes of such a cell, in their order; it takes `ends` too.

    Whether a row can be loaded with it as it is; its value as COPY's binary format has it; what it gives to the row's key.
    """
    text, value_ = Identifier(f"t_{column.name}"), Identifier(f"v_{column.name}")
    is_good = [SQL("not coalesce({}, false)").format(_is_wrong(contract, column))]
    is_good += [
        SQL("coalesce({} !~ {}, true)").format(text, Literal(rule.pattern))
        for rule in contract.file.skip_rows
        if rule.column == column.name
    ]
    if column in _emptied(contract):
        is_good.append(SQL("not {}").format(_is_impossible(contract, column)))
    sends = SQL("{}({})").format(SQL(_SENDS[column.raw_type]), value_)
    parts = (
        SQL(" and ").join(is_good),
        sends if column.is_stored else SQL("null::bytea"),
        raw.key_part(column, "v_") if column.key_position is not None else SQL("null::text"),
        value(contract, column),
        value_,
        cell(contract, 0),
        text,
    )
    statement = SQL(
        "select {}, {}, {} from (select *, {} as {} from (select place, {} as {} from unnest({}::text[])"
        " with ordinality as given (c0, place) offset 0) as cleaned offset 0) as typed order by place"
    )
    return statement.format(*map(part, parts), Placeholder("texts")).as_string()


_SENDS = {
    "text": "textsend",
    "bigint": "int8send",
    "numeric": "numeric_send",
    "date": "date_send",
    "timestamptz": "timestamptz_send",
    "boolean": "boolsend",
}


def take_back(connection: Connection, contract: Contract, header: list[str], batch_id: int) -> list[int]:
    """Delete the file's rows in raw that may repeat, or be repeated by, one that has landed; gives their numbers."""
    match, version = expect_header(contract, header), contract.version_column
    needed = {column.name: column for column in (*contract.key, version) if column}.values()
    cleaned = [_cleaned(contract, match, column) for column in needed]
    statement = _TAKE_BACK.format(
        cleaned=_list(
            SQL("{} as {}").format(text, Identifier(f"t_{column.name}"))
            for column, text in zip(needed, cleaned, strict=True)
        ),
        landing=LANDING,
        values=_list(
            SQL("{} as {}").format(value(contract, column), Identifier(f"v_{column.name}"))
            for column in needed
        ),
        key=raw.key(contract, "v_"),
        version=SQL(", {}").format(Identifier(f"v_{version.name}")) if version else SQL(""),
        raw=raw.table(contract),
        identity=_list(map(Identifier, raw.identity(contract))),
        batch_id=Literal(batch_id),
    )
    return [number for (number,) in connection.execute(statement)]


# Of most rows the key alone is read, which stands in front: a third of what it takes to compare versions too.
_TAKE_BACK = SQL(
    """
    with cleaned as (
      select {cleaned} from {landing} offset 0
    ), typed as (
      select {values} from cleaned offset 0
    ), landed as materialized (
      select {key} as _key{version} from typed
    )
    delete from {raw} where ({identity}) in (select * from landed) and ctid = any(array(
      select ctid from {raw} where _batch_id = {batch_id} and _key in (select _key from landed)
    ))
    returning _row_number
    """
)


def _list(parts: Iterable[Composable]) -> Composed:
    return SQL(", ").join(parts)


def cell(contract: Contract, position: int) -> Composable:
    """The text in a column of the landing table; null when it means nothing."""
    text = SQL("nullif(btrim({}, {}), '')").format(Identifier(f"c{position}"), Literal(EDGES))
    for nothing in contract.file.null_texts:
        text = SQL("nullif({}, {})").format(text, Literal(nothing))
    return text


def _cleaned(contract: Contract, match: Match, column: Column) -> Composable:
    if column.name not in match.positions:
        return SQL("null::text")
    return cell(contract, match.positions[column.name])


def _skips(contract: Contract, match: Match, header: tuple[str, ...]) -> list[Composable]:
    rules: list[Composable] = [SQL("when _is_blank then 'blank row'")]
    repeated = [
        SQL("{} = {}").format(
            Identifier(f"t_{column.name}"), Literal(header[match.positions[column.name]].strip())
        )
        for column in contract.columns
        if column.name in match.positions
    ]
    if repeated:
        rules.append(SQL("when {} then 'repeated header'").format(SQL(" and ").join(repeated)))
    for rule in contract.file.skip_rows:
        rules.append(
            SQL("when {} ~ {} then {}").format(
                Identifier(f"t_{rule.column}"), Literal(rule.pattern), Literal(rule.why)
            )
        )
    return rules


@lru_cache(maxsize=10_000)
def value(contract: Contract, column: Column) -> SQL:
    """The typed value of a column's text, written out; null when the text is no such value."""
    return SQL(_value(contract, column).as_string())


def _value(contract: Contract, column: Column) -> Composable:
    text = Identifier(f"t_{column.name}")
    match column.type:
        case "string":
            if column.keys.personal_data == "hash":
                return hmac_of(text)
            return text
        case "boolean":
            true, false = list(column.keys.true_values), list(column.keys.false_values)
            return SQL(
                "case when coalesce({0}, '') = any({1}) then true when coalesce({0}, '') = any({2}) then false end"
            ).format(text, Literal(true), Literal(false))
        case "integer":
            return _number(contract, column, text, "bigint", decimals=False)
        case "number":
            return _number(contract, column, text, "numeric", decimals=True)
        case "date":
            return _moment(text, pattern(contract.file.date_format))
        case "timestamp":
            times, zone = pattern(contract.file.timestamp_format), contract.file.time_zone
            if not column.keys.may_lack_time:
                return _moment(text, times, zone)
            days = pattern(times.day)
            if not (days.has_places and times.has_places):
                return SQL("coalesce({}, {})").format(_moment(text, days, zone), _moment(text, times, zone))
            return SQL("case when length({}) = {} then {} else {} end").format(
                text, Literal(len(days.text)), _moment(text, days, zone), _moment(text, times, zone)
            )


def hmac_of(text: Composable) -> Composed:
    """HMAC-SHA-256 in hexadecimal, from the server's own sha256 and the keys that `prepare` put in place."""
    return SQL(
        "encode(sha256((select decode(current_setting('kho.outer'), 'hex'))"
        " || sha256((select decode(current_setting('kho.inner'), 'hex')) || convert_to({}, 'UTF8'))), 'hex')"
    ).format(text)


def prepare(connection: Connection, secret: str) -> None:
    """How this transaction judges rows, and its secret as bound parameters: no query text, log or table holds it.

    Nobody has counted the rows of a batch that comes in: a plan for the one row that is guessed takes their square.
    """
    key = secret.encode()
    key = (hashlib.sha256(key).digest() if len(key) > 64 else key).ljust(64, b"\0")
    inner, outer = (bytes(byte ^ pad for byte in key).hex() for pad in (0x36, 0x5C))
    connection.execute(
        "select set_config('enable_nestloop', 'off', true), set_config('kho.inner', %s, true), set_config('kho.outer', %s, true)",
        [inner, outer],
    )


def _number(contract: Contract, column: Column, text: Identifier, type_: str, *, decimals: bool) -> Composed:
    thousands, point = contract.file.thousands_separator, contract.file.decimal_separator
    group = rf"\d{{1,3}}(\{thousands}\d{{3}}){{1,5}}|" if thousands else ""
    fraction = rf"(\{point}\d{{1,255}})?" if decimals else ""
    plain = SQL("{} !~ '[^0-9]' and length({}) < 19").format(text, text)
    shaped: Composable = SQL("{} ~ {}").format(text, Literal(rf"^[+-]?({group}\d{{1,18}}){fraction}$"))
    if thousands:
        # Without a bound an expression takes a third; six groups are never that short.
        grouped = Literal(rf"^[+-]?\d{{1,3}}(\{thousands}\d{{3}})+$")
        shaped = SQL("({} ~ {} and length({}) <= 24 or {})").format(text, grouped, text, shaped)
    bare = SQL("replace(replace({}, {}, ''), {}, '.')").format(text, Literal(thousands), Literal(point))
    bounds = [
        SQL("({})::{} {} {}").format(bare, SQL(type_), SQL(sign), Literal(bound))
        for sign, bound in ((">=", column.minimum), ("<=", column.maximum))
        if bound is not None
    ]
    # The digits-only look is cheap and lets most values pass without the expression.
    value = SQL("case when {} then {}::{} when {} then ({})::{} end").format(
        plain, text, SQL(type_), shaped, bare, SQL(type_)
    )
    if not bounds:
        return value
    return SQL("case when ({}) or ({}) then case when {} then {} end end").format(
        plain, shaped, SQL(" and ").join(bounds), value
    )


@lru_cache
def shape(text: str) -> str:
    """How a text that is written so begins, with every digit a zero, where each has its place."""
    return re.sub("[yMdHms]", "0", text.removesuffix("XXX").replace("'", ""))


def _shape_guards(text: Composable, shaped: str, has_tail: bool) -> list[Composable]:
    """Whether a text has digits where the shape has zeros and its other characters where they stand.

    LIKE puts those in their places, and no others are left but digits: half of what it takes to translate the digits, a
    third of an expression for the whole.
    """
    separators = sorted(
        set(shaped) - {"0"}, key=lambda each: (each == "-", each)
    )  # a hyphen last: it is itself then
    moment = SQL("left({}, {})").format(text, Literal(len(shaped))) if has_tail else text
    return [
        SQL("{} like {}").format(text, Literal(shaped.replace("0", "_") + "%" * has_tail)),
        SQL("{} !~ {}").format(moment, Literal(f"[^0-9{''.join(separators)}]")),
        *(
            SQL("{} not like {}").format(moment, Literal("%" + f"{each}%" * (shaped.count(each) + 1)))
            for each in separators
        ),
    ]


def _moment(text: Composable, written: Pattern, zone: str | None = None) -> Composed:
    """A date, or with a zone a time: of the text's own offset where the pattern has one, else of the zone.

    An offset that the pattern quotes ends each text, and means nothing.
    """
    if written.quoted:
        length = len(written.quoted)
        return SQL("case when right({0}, {1}) = {2} then {3} end").format(
            text,
            Literal(length),
            Literal(written.quoted),
            _moment(SQL("left({}, {})").format(text, Literal(-length)), pattern(written.face), zone),
        )
    # The session's own zone needs no conversion, which costs as much as the cast itself.
    is_aware = written.has_offset or zone == TIMEZONE
    type_ = "date" if zone is None else "timestamptz" if is_aware else "timestamp"
    guard, shown = _in_places(text, written.text) if written.has_own_places else _rearranged(text, written)
    value = SQL("{}::{}").format(shown, SQL(type_))
    if type_ == "timestamp":
        value = SQL("{} at time zone {}").format(value, Literal(zone))
    return SQL("case when {} and pg_input_is_valid({}, {}) then {} end").format(
        guard, shown, Literal(type_), value
    )


def _in_places(text: Composable, written: str) -> tuple[Composable, Composable]:
    """Whether a text is written so, and what the server then reads; told without an expression for the whole.

    Guards the shape before the server's own look: it would take `now`, `1/2/24`, `24:00` and `08:00:60` too.
    """
    has_offset, has_seconds = written.endswith("XXX"), "ss" in written
    shaped = shape(written)
    has_tail = has_offset or has_seconds
    guards = _shape_guards(text, shaped, has_tail)
    for letters, beyond in (("HH", "24"), ("ss", "60")):
        if letters in written:
            # Fixed places: LIKE is the cheapest look.
            guards.append(
                SQL("{} not like {}").format(
                    text, Literal("_" * written.replace("'", "").index(letters) + beyond + "%")
                )
            )
    if has_tail:
        fraction, offset = (r"(\.\d{1,9})?" * has_seconds), (r"(Z|[+-]\d\d(:?\d\d)?)" * has_offset)
        tail = SQL("substr({}, {})").format(text, Literal(len(shaped) + 1))
        as_meant = SQL("{} ~ {}").format(tail, Literal(f"^{fraction}{offset}$"))
        # Most times without an offset have no tail at all.
        guards.append(as_meant if has_offset else SQL("({} = '' or {})").format(tail, as_meant))
    shown: Composable = text
    if written.startswith("MM"):
        # The session reads days first.
        shown = SQL(
            "(substr({0}, 7, 4) || '-' || left({0}, 2) || '-' || substr({0}, 4, 2) || substr({0}, 11))"
        ).format(text)
    return SQL(" and ").join(guards), shown


def _rearranged(text: Composable, written: Pattern) -> tuple[Composable, Composable]:
    """The same of a pattern whose digits have no places of their own, or no signs between them."""
    expression = f"^{written.expression}$"
    shown: Composable = SQL("regexp_replace({}, {}, {})").format(
        text, Literal(expression), Literal(written.as_iso)
    )
    if "a" in written.letters:
        shown = SQL("replace(replace(upper({}), 'SA', 'AM'), 'CH', 'PM')").format(shown)
    if "yy" in written.letters:
        shown = SQL("(case when left({0}, 2) >= '70' then '19' else '20' end || {0})").format(shown)
    return SQL("{} ~ {}").format(text, Literal(expression)), shown


def _emptied(contract: Contract) -> list[Column]:
    """The columns whose values go, and not their rows, when they lie where none can."""
    return [column for column in contract.stored if column.is_moment and not column.required]


def _stored(contract: Contract, column: Column) -> Identifier:
    """What the raw table gets."""
    return Identifier(f"{'p' if column in _emptied(contract) else 'v'}_{column.name}")


def _is_impossible(contract: Contract, column: Column) -> Composed:
    bounds = [bound for bound, _ in _bounds(contract, column)]
    return SQL("coalesce({}, false)").format(SQL(" or ").join(bounds))


def _bounds(contract: Contract, column: Column) -> list[tuple[Composable, str]]:
    """Where no value of a column can lie: condition and what to call it; a delivery's `ends` are parameters.

    A version may lie anywhere after the first day: losing it would lose the row.
    """
    value, earliest, ahead = Identifier(f"v_{column.name}"), column.keys.earliest, column.keys.days_ahead
    start = Literal(_start(contract, column, earliest))
    found: list[tuple[Composable, str]] = [(SQL("{} < {}").format(value, start), f"before {earliest}")]
    if column != contract.version_column:
        found.append(
            (
                SQL("{} >= {}").format(value, Placeholder(_end(column))),
                f"more than {ahead} {'day' if ahead == 1 else 'days'} after the delivery's date",
            )
        )
    return found


def ends(contract: Contract, day: date) -> dict[str, date]:
    """From when on no value of a column can lie, of a delivery of this day, by the parameter's name.

    A statement that has the day in it would be written out, read and planned anew for every day's files.
    """
    return {
        _end(column): _start(contract, column, day + timedelta(days=column.keys.days_ahead + 1))
        for column in contract.columns
        if column.is_moment
    }


def _end(column: Column) -> str:
    return f"{column.type}_end_{column.keys.days_ahead}"


def _start(contract: Contract, column: Column, of: date) -> date:
    """Days are those of the contract's zone."""
    return (
        datetime.combine(of, time(), ZoneInfo(contract.file.time_zone)) if column.type == "timestamp" else of
    )


def _conditions(contract: Contract, column: Column) -> list[tuple[Composable, Composable]]:
    """What can be wrong with a text that is there, beside its type: condition and reason."""
    text = Identifier(f"t_{column.name}")
    found: list[tuple[Composable, Composable]] = []
    if column.values:
        found.append(
            (
                SQL("{} <> all({})").format(text, Literal(list(column.values))),
                _unmapped(contract, column)
                if column.keys.mapping
                else Literal(f"{column.header}: not one of the contract's values"),
            )
        )
    if column.format:
        pattern, what = FORMATS[column.format]
        found.append(
            (SQL("{} !~ {}").format(text, Literal(pattern)), Literal(f"{column.header}: not {what}"))
        )
    if column.type == "string" and column.is_stored and not column.values:
        found.append(
            (
                SQL("{0} like '%E+%' and {0} ~ {1}").format(text, Literal(SHORTENED)),
                Literal(f"{column.header}: a number that a workbook has shortened: its digits are lost"),
            )
        )
    if column.pattern:
        found.append(
            (
                SQL("{} !~ {}").format(text, Literal(column.pattern)),
                Literal(f"{column.header}: {NO_PATTERN}"),
            )
        )
    if column.is_moment and column.is_stored and column.required:
        found += [
            (condition, Literal(f"{column.header}: {what}")) for condition, what in _bounds(contract, column)
        ]
    return found


def _swaps(contract: Contract, column: Column) -> list[tuple[Composable, Composable]]:
    """A text that is not of its column's pattern but of another one's, whose text is of this one's: condition and reason."""
    return [
        (
            SQL("{text} !~ {pattern} and {others} ~ {pattern} and {text} ~ {others_pattern}").format(
                text=Identifier(f"t_{column.name}"),
                others=Identifier(f"t_{other.name}"),
                pattern=Literal(column.pattern),
                others_pattern=Literal(other.pattern),
            ),
            Literal(f"{column.header}: {NO_PATTERN}; đổi chỗ? {other.header} has what fits"),
        )
        for other in contract.columns
        if column.pattern and other.pattern and column.pattern != other.pattern
    ]


def _unmapped(contract: Contract, column: Column) -> Composable:
    """The reason that names the line to add; the code itself stands in the row's text and nowhere else."""
    line = mappings.line_for(column.keys.mapping or "", contract.system, "<code>")
    return Literal(f"{column.header}: unmapped code; add {line} to seeds/{mappings.SEED.name}")


def _is_wrong(contract: Contract, column: Column) -> Composable:
    text, value = Identifier(f"t_{column.name}"), Identifier(f"v_{column.name}")
    wrong: list[Composable] = [
        SQL("coalesce({}, false)").format(condition) for condition, _ in _conditions(contract, column)
    ]
    if column.type == "boolean":
        wrong.append(
            SQL("({} is null and ({} is not null or {}))").format(value, text, Literal(column.required))
        )
    else:
        if column.required:
            wrong.append(SQL("{} is null").format(text))
        if column.type != "string":
            wrong.append(SQL("({} is null and {} is not null)").format(value, text))
    return SQL(" or ").join(wrong) if wrong else SQL("false")


def has_codes(column: Column) -> bool:
    """Whether its texts are judged by an expression and likely to come again and again."""
    is_code = column.key_position is None and not column.keys.personal_data
    return column.type == "string" and bool(column.format or column.pattern) and is_code


def _known_codes(contract: Contract, column: Column, text: Identifier, cleaned: Composable) -> Composed:
    """The texts of the first rows that are right: to look one up takes a tenth of an expression."""
    return SQL(
        """{} as materialized (
      select distinct {} as code from (select {} as {} from {} limit {}) as first where {} is not null and not ({})
    ), """
    ).format(
        Identifier(f"k_{column.name}"), text, cleaned, text, LANDING, Literal(FIRST), text,
        _is_wrong(contract, column),
    )  # fmt: skip


def _may_be_wrong(contract: Contract, column: Column) -> Composable:
    """The same as `_is_wrong`, said without a look at codes that are known."""
    wrong = _is_wrong(contract, column)
    if not has_codes(column):
        return wrong
    return SQL("case when {} in (select code from {}) then false else {} end").format(
        Identifier(f"t_{column.name}"), Identifier(f"k_{column.name}"), wrong
    )


def _reason(contract: Contract, column: Column) -> Composable:
    text, value = Identifier(f"t_{column.name}"), Identifier(f"v_{column.name}")
    cases: list[Composable] = []
    blank_means_something = (
        column.type == "boolean" and "" in column.keys.false_values + column.keys.true_values
    )
    if column.required and not blank_means_something:
        cases.append(SQL("when {} is null then {}").format(text, Literal(f"{column.header}: missing")))
    if column.type != "string":
        cases.append(
            SQL("when {} is not null and {} is null then {}").format(
                text, value, Literal(f"{column.header}: {_type_problem(contract, column)}")
            )
        )
    for condition, reason in _swaps(contract, column) + _conditions(contract, column):
        cases.append(SQL("when {} then {}").format(condition, reason))
    return SQL("case {} end").format(SQL(" ").join(cases)) if cases else SQL("null::text")


def _type_problem(contract: Contract, column: Column) -> str:
    match column.type:
        case "date":
            return f"not a date ({contract.file.date_format})"
        case "timestamp":
            return f"not a time ({contract.file.timestamp_format})"
        case "boolean":
            return "neither yes nor no"
        case _:
            bounds = [f"at least {column.minimum:g}"] if column.minimum is not None else []
            bounds += [f"at most {column.maximum:g}"] if column.maximum is not None else []
            return " ".join(["not a whole number" if column.type == "integer" else "not a number", *bounds])


def _differences(contract: Contract) -> list[tuple[str, Composable]]:
    """For each sum of a row: the reason to reject it, and by how much what adds up differs from what is told."""
    headers = {column.name: column.header for column in contract.columns}
    return [
        (
            f"{headers[rule.column]}: not the sum of {', '.join(headers[name] for name in rule.of)}",
            SQL("({} - {}::numeric)").format(
                SQL(" + ").join(SQL("{}::numeric").format(Identifier(f"v_{name}")) for name in rule.of),
                Identifier(f"v_{rule.column}"),
            ),
        )
        for rule in contract.file.sums
    ]


def _is_secret(contract: Contract) -> Composable:
    wrong = [
        SQL("({})").format(_is_wrong(contract, column))
        for column in contract.columns
        if column.keys.mask_row_when_rejected
    ]
    return _any(wrong)


def _row_text(contract: Contract, match: Match) -> Composable:
    """The row as `header=value` pairs; what the contract calls personal is masked, unknown columns are left out.

    A text is shown by its shape where it may be somebody's and its column says nothing else of it: what stands in another
    column than its own is told from what is wrong by nothing. What does not add up stands behind them with its difference.
    """
    pairs: list[Any] = [
        SQL("{} || {}").format(Literal(f"{column.header}="), _shown(contract, column))
        for column in contract.columns
        if column.name in match.positions
    ]
    pairs += [
        SQL(
            "case when {0} <> 0 then {1} || case when {0} > 0 then '+' else '' end || trim_scale({0}) end"
        ).format(each, Literal(f"{reason.partition(':')[0]} differs by "))
        for reason, each in _differences(contract)
    ]
    return SQL("concat_ws('; ', {})").format(SQL(", ").join(pairs))


def _shown(contract: Contract, column: Column) -> Composable:
    """A cell as a rejected row shows it."""
    text = Identifier(f"t_{column.name}")
    if column.keys.personal_data:
        return SQL("case when {} is null then '' else {} end").format(text, Literal(MASK))
    hidden = [SQL("raw.may_be_personal({})").format(text)]
    if column.says_what_it_holds and not column.is_number:  # as a number, an identity number is right
        hidden.append(SQL("({})").format(_is_wrong(contract, column)))
    if column.keys.mapping:
        # A code that is not known yet is to be read, where the row is right otherwise.
        others = [
            each
            for each in contract.columns
            if each.says_what_it_holds and not each.keys.mapping and not each.keys.personal_data
        ]
        hidden.append(SQL("({})").format(_any(_is_wrong(contract, each) for each in others)))
    return SQL("case when {} then '(' || raw.shape({}) || ')' else coalesce({}, '') end").format(
        SQL(" and ").join(hidden), text, text
    )


def _any(conditions: Iterable[Composable]) -> Composable:
    found = list(conditions)
    return SQL(" or ").join(found) if found else SQL("false")
