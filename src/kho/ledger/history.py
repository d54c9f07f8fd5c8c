"""What the ledger knows, as lines of JSON that a new ledger can be filled from: for a rebuild, where no backup is.

    {"format": 1, "ledger": "0018", "mark": "12:0a1b…", …}      the head
    {"table": "delivery"}                                      the rows that follow are its
    {"delivery_id": 1, "contract": "one_stop.dossiers", …}
    {"end": 4711}                                               the number of rows: it is whole

Builds and releases are told of as what they then are, without a table: given up, dropped. Numbers go on behind theirs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Any

import psycopg
from psycopg import IsolationLevel, sql

from kho.database import the_row
from kho.ledger import audit

FORMAT = 1
#: in the order in which rows can be entered
TABLES = (
    "hash_key", "contract", "delivery", "arrival", "batch", "batch_event", "fetch_failure", "build", "build_batch", "build_contract",
    "build_source", "release", "release_pin", "release_acceptance", "verdict", "report", "report_figure", "form", "reader", "backup",
    "forgotten", "forgotten_row", "rewritten", "audit_event",
)  # fmt: skip
#: locks and the version of this very ledger, and what tells of tables of builds and releases that are gone
LEFT_OUT = ("lock", "migration", "model_run", "release_finding", "touched_key")
BEGUN, DONE = "rebuild begun", "rebuilt"
#: why a batch is held until its rows are there again
NOT_YET = "its rows are not rebuilt yet: run `kho rebuild` again"

_SOME = 1000
#: that a batch's rows were there
_TO_BRING = (
    "rows_loaded + rows_rejected > 0 and arrival_id not in (select a.arrival_id from ledger.arrival a where a.rows_removed_at is not"
    " null)"
)
#: what a row says of itself that is not so any more in another warehouse
_NOW = {
    "build": {"state": "'abandoned'", "closed_at": "coalesce(closed_at, now())"},
    "release": {"state": "case when state = 'refused' then state else 'dropped' end"},
    "release_pin": {
        "unpinned_by": "coalesce(unpinned_by, 'kho rebuild')",
        "unpinned_at": "coalesce(unpinned_at, now())",
    },
    "batch": {
        "state": f"case when {_TO_BRING} then 'held' else state end",
        "reason": f"case when {_TO_BRING} then '{NOT_YET}' else reason end",
    },
}


class HistoryError(Exception):
    """A history that can't be read, or that belongs to another ledger; the message says what to do."""


class Damaged(HistoryError):
    """A history of which something is gone, or is not what Kho wrote; the message says what."""


@dataclass(frozen=True)
class Head:
    """What a history says of itself. `mark`: of the newest entry of its audit trail; `night`: the date of the newest build;
    `batches`: how many it knows."""

    ledger: str
    mark: str
    night: date | None
    batches: int


def lines(connection: psycopg.Connection) -> Iterator[str]:
    """All of it, as it is at one moment; the connection is in no transaction yet. Raises `HistoryError` amid a rebuild."""
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    if is_unfinished(connection):
        raise HistoryError("a rebuild was not finished: run `kho rebuild` again")
    version, night, batches = the_row(
        connection.execute(
            "select (select version_num from ledger.migration),"
            " (select business_date from ledger.build order by build_id desc limit 1), (select count(*) from ledger.batch)"
        )
    )
    newest = audit.last(connection)
    yield json.dumps(
        {
            "format": FORMAT,
            "ledger": version,
            "mark": newest.mark if newest else "",
            "night": night and str(night),
            "batches": batches,
        }
    )
    count = 0
    for table in TABLES:
        yield json.dumps({"table": table})
        with connection.cursor(f"history_{table}") as cursor:
            cursor.itersize = _SOME
            cursor.execute(
                sql.SQL("select row_to_json(told)::text from {} as told").format(
                    sql.Identifier("ledger", table)
                )
            )
            for (line,) in cursor:
                count += 1
                yield line
    yield json.dumps({"end": count})


def head(line: str) -> Head:
    """What the first line says. Raises `HistoryError` where it is none of a history, or a newer one."""
    try:
        told = json.loads(line)
        if told["format"] != FORMAT:
            raise HistoryError("the history was written by a newer Kho: rebuild it with that one")
        night = told["night"]
        return Head(
            told["ledger"], told["mark"], date.fromisoformat(night) if night else None, told["batches"]
        )
    except (ValueError, KeyError, TypeError):
        raise Damaged("its first line is not what Kho wrote") from None


def is_of(connection: psycopg.Connection, head: Head) -> bool:
    """Whether a history was written of this ledger: its trail holds the entry that the history's mark was taken of."""
    number, _, sign = head.mark.partition(":")
    if not number:
        return True  # nothing was decided yet
    return bool(
        connection.execute(
            "select from ledger.audit_event where event_id = %s and starts_with(sign, %s)", [number, sign]
        ).rowcount
    )


def is_empty(connection: psycopg.Connection) -> bool:
    """Whether nothing ever came into this ledger, and into raw."""
    (has,) = the_row(
        connection.execute(
            "select exists (select from ledger.delivery) or exists (select from ledger.build) or exists ("
            "select from pg_class where relnamespace = 'raw'::regnamespace and relkind = 'r')"
        )
    )
    return not has


def is_unfinished(connection: psycopg.Connection) -> bool:
    """Whether a rebuild has begun and was not finished."""
    last = connection.execute(
        "select action from ledger.audit_event where action in (%s, %s) order by event_id desc limit 1",
        [BEGUN, DONE],
    ).fetchone()
    return last == (BEGUN,)


def enter(connection: psycopg.Connection, told: Iterable[str]) -> None:
    """Fill an empty ledger from the lines of a history, as its owner, and write down that a rebuild has begun.

    Batches with rows are held until `bring_back`. What later migrations added takes its default. Raises `HistoryError`.
    """
    given = iter(told)
    of = head(next(given, ""))
    (version,) = the_row(connection.execute("select version_num from ledger.migration"))
    if of.ledger > version:
        raise HistoryError(
            f"the history is of a newer Kho (its ledger is {of.ledger}, and this one's {version}): rebuild it with that one"
        )
    for table in TABLES:
        connection.execute(
            sql.SQL("alter table {} disable trigger user").format(sql.Identifier("ledger", table))
        )
    table, count, is_whole = "", 0, False  # the end is the last line, and says how many rows came before
    while some := list(islice(given, _SOME)):
        rows: list[str] = []
        for line in some:
            if line.startswith('{"table": '):
                _insert(connection, table, rows)
                table, rows = json.loads(line)["table"], []
            elif line.startswith('{"end": '):
                is_whole = json.loads(line)["end"] == count
            else:
                rows.append(line)
                count += 1
        _insert(connection, table, rows)
    if not is_whole:
        raise Damaged("its end is missing")
    for table in TABLES:
        connection.execute(
            sql.SQL("alter table {} enable trigger user").format(sql.Identifier("ledger", table))
        )
    _go_on_behind(connection)
    connection.execute("select ledger.write_audit_event('', %s, %s, '')", [BEGUN, f"{of.batches} batches"])


def states(told: Iterable[str]) -> dict[int, tuple[str, str | None]]:
    """State and reason of each batch, by a history."""
    table, found = "", {}
    for line in told:
        if line.startswith('{"table": '):
            table = json.loads(line)["table"]
        elif table == "batch" and not line.startswith('{"end": '):
            row = json.loads(line)
            found[row["batch_id"]] = row["state"], row["reason"]
    return found


@dataclass(frozen=True)
class Missing:
    """A batch whose rows are not there again yet, and by which contract it was loaded. `rows`: loaded and rejected then."""

    batch_id: int
    arrival_id: int
    contract: str
    body: str
    fingerprint: str
    rows: tuple[int, int]


def missing(connection: psycopg.Connection) -> list[Missing]:
    """The batches whose rows are not there again yet, in the order in which they were loaded."""
    found = connection.execute(
        """
        select b.batch_id, b.arrival_id, b.contract, coalesce(c.body, ''), b.contract_fingerprint, b.rows_loaded,
          b.rows_rejected
        from ledger.batch b left join ledger.contract c
          on (c.contract, c.version, c.fingerprint) = (b.contract, b.contract_version, b.contract_fingerprint)
        where b.state = 'held' and b.reason = %s order by b.batch_id
        """,
        [NOT_YET],
    )
    return [
        Missing(batch_id, arrival_id, contract, body, fingerprint, (loaded, rejected))
        for batch_id, arrival_id, contract, body, fingerprint, loaded, rejected in found
    ]


def bring_back(
    connection: psycopg.Connection,
    batch_id: int,
    state: str,
    reason: str | None,
    counts: tuple[int, ...] | None = None,
) -> None:
    """Let a batch be what it was, now that its rows are there; with other counts (in file, loaded, rejected, skipped) than then."""
    connection.execute(
        "update ledger.batch set state = %s, reason = %s where batch_id = %s", [state, reason, batch_id]
    )
    if counts:
        connection.execute(
            "update ledger.batch set rows_in_file = %s, rows_loaded = %s, rows_rejected = %s, rows_skipped = %s"
            " where batch_id = %s",
            [*counts, batch_id],
        )


def lose(connection: psycopg.Connection, batch_id: int, why: str, actor: str) -> None:
    """Write down that a batch's bytes can't be read any more: replayed, it comes back."""
    bring_back(connection, batch_id, "unreadable", why, (0, 0, 0, 0))
    connection.execute(
        "insert into ledger.batch_event (batch_id, to_state, actor, reason) values (%s, 'unreadable', %s, %s)",
        [batch_id, actor, why],
    )


def finish(connection: psycopg.Connection, subject: str, reason: str) -> None:
    """Write down that all came back that could."""
    connection.execute("select ledger.write_audit_event('', %s, %s, %s)", [DONE, subject, reason])


def _insert(connection: psycopg.Connection, table: str, rows: list[str]) -> None:
    if not rows:
        return
    if table not in TABLES:
        raise HistoryError(f"the history tells of {table}, which no ledger of this Kho has")
    columns = list(json.loads(rows[0]))
    now = _NOW.get(table, {})
    values = [sql.SQL(now[name]) if name in now else sql.Identifier(name) for name in columns]
    connection.execute(
        sql.SQL(
            "insert into {0} ({1}) overriding system value select {2} from jsonb_populate_recordset(null::{0}, %s::jsonb)"
        ).format(
            sql.Identifier("ledger", table),
            sql.SQL(", ").join(map(sql.Identifier, columns)),
            sql.SQL(", ").join(values),
        ),
        [f"[{','.join(rows)}]"],
    )


def _go_on_behind(connection: psycopg.Connection) -> None:
    """Let numbers go on behind those that are there."""
    numbered: list[tuple[Any, ...]] = connection.execute(
        "select table_name, column_name from information_schema.columns where table_schema = 'ledger' and is_identity = 'YES'"
    ).fetchall()
    for table, column in numbered:
        connection.execute(
            sql.SQL("select setval(pg_get_serial_sequence(%s, %s), max({})) from {}").format(
                sql.Identifier(column), sql.Identifier("ledger", table)
            ),
            [f"ledger.{table}", column],
        )
