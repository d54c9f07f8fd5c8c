"""Tombstones: who is forgotten, by signs that only the key can test; and what was taken out of the archive for them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from kho.archive import Stored
from kho.contract import Column, Contract

#: why a row is skipped that is blank now
FORGOTTEN = "forgotten"
_MARKER = re.compile(r"forgotten (\d{4}-\d\d-\d\d) #[\d.]+")


@dataclass(frozen=True)
class Tombstone:
    """What is forgotten: a text, by its sign, in a column of a system's exports, and where others tell of it by a column of that
    name; with both empty, in any hashed column of all."""

    system: str
    column_name: str
    sign: str


@dataclass(frozen=True)
class Known:
    """A tombstone in the ledger. `done_at`: since when nothing has it any more."""

    forgotten_id: int
    system: str
    column_name: str
    sign: str
    actor: str
    reason: str
    at: datetime
    done_at: datetime | None

    @property
    def tombstone(self) -> Tombstone:
        return Tombstone(self.system, self.column_name, self.sign)

    @property
    def marker(self) -> str:
        """What stands in tables in the place of what is forgotten."""
        return f"forgotten {self.at:%Y-%m-%d} #{self.forgotten_id}"


def forgotten_on(code: str) -> date | None:
    """The day that a code was forgotten which a marker stands for; None of any other."""
    found = _MARKER.fullmatch(code)
    return date.fromisoformat(found[1]) if found else None


def known(connection: psycopg.Connection) -> list[Known]:
    """All tombstones, oldest first."""
    with connection.cursor(row_factory=class_row(Known)) as cursor:
        return cursor.execute(
            "select forgotten_id, system, column_name, sign, actor, reason, at, done_at from ledger.forgotten order by 1"
        ).fetchall()


def tombstones(connection: psycopg.Connection) -> list[Tombstone]:
    """What must not come back."""
    return [each.tombstone for each in known(connection)]


def write(
    connection: psycopg.Connection, tombstones: Iterable[Tombstone], *, actor: str, reason: str
) -> None:
    """Write tombstones down; one that is there is to be gone through with again."""
    for each in tombstones:
        connection.execute(
            """
            insert into ledger.forgotten (system, column_name, sign, actor, reason) values (%s, %s, %s, %s, %s)
            on conflict (system, column_name, sign) do update set done_at = null
            """,
            [each.system, each.column_name, each.sign, actor, reason],
        )


def finish(connection: psycopg.Connection, numbers: Collection[int]) -> None:
    """Write down that nothing has what these tombstones tell of."""
    connection.execute(
        "update ledger.forgotten set done_at = now() where forgotten_id = any(%s)", [list(numbers)]
    )


def columns(contract: Contract, tombstones: Iterable[Tombstone]) -> dict[str, set[str]]:
    """By the names of a contract's columns, the signs of what is forgotten there."""
    wanted: dict[str, set[str]] = {}
    for each in tombstones:
        for column in contract.columns:
            is_hashed = column.keys.personal_data == "hash"
            is_meant = is_hashed if not each.system else _tells(contract, column, each)
            if is_meant:
                wanted.setdefault(column.name, set()).add(each.sign)
    return wanted


def _tells(contract: Contract, column: Column, of: Tombstone) -> bool:
    """Whether a column has the codes that a tombstone is about: another system may number its own rows alike, unless by a pattern."""
    if column.name != of.column_name:
        return False
    return contract.system == of.system or contract.key != (column,) or column.pattern is not None


def contracts(connection: psycopg.Connection) -> list[str]:
    """The names of all contracts that anything was ever delivered of."""
    return [
        name for (name,) in connection.execute("select distinct contract from ledger.delivery order by 1")
    ]


def of_contract(connection: psycopg.Connection, contract: str) -> list[int]:
    """The numbers of all arrivals of a contract, oldest first."""
    found = connection.execute(
        "select arrival_id from ledger.arrival join ledger.delivery using (delivery_id) where contract = %s order by 1",
        [contract],
    )
    return [number for (number,) in found]


def batches_of(connection: psycopg.Connection, arrival_id: int) -> list[int]:
    """The numbers of the batches that an arrival was loaded as."""
    found = connection.execute(
        "select batch_id from ledger.batch where arrival_id = %s order by 1", [arrival_id]
    )
    return [number for (number,) in found]


def rewrite(
    connection: psycopg.Connection,
    arrival_id: int,
    old_sha256: str,
    stored: Stored,
    rows: Collection[int],
    *,
    was_loaded: bool,
) -> None:
    """Write down that other bytes take the place of an arrival's, without these rows."""
    connection.execute(
        "update ledger.arrival set sha256 = %s, size_bytes = %s where arrival_id = %s",
        [stored.sha256, stored.size_bytes, arrival_id],
    )
    connection.execute(
        "insert into ledger.rewritten (arrival_id, old_sha256, new_sha256) values (%s, %s, %s)"
        " on conflict (arrival_id, old_sha256) do update set removed_at = null",
        [arrival_id, old_sha256, stored.sha256],
    )
    connection.execute(
        "insert into ledger.forgotten_row (arrival_id, row_number, was_loaded) select %s, unnest(%s::bigint[]), %s"
        " on conflict do nothing",
        [arrival_id, sorted(rows), was_loaded],
    )


def recount(
    connection: psycopg.Connection, batch_id: int, loaded: int, rejected: int, reasons: dict[str, int]
) -> None:
    """Count rows of a batch as forgotten that were loaded or rejected; `reasons` are those of the rejects that are left."""
    connection.execute(
        """
        update ledger.batch set rows_loaded = rows_loaded - %(loaded)s, rows_rejected = rows_rejected - %(rejected)s,
          rows_skipped = rows_skipped + %(loaded)s + %(rejected)s,
          profile = profile || jsonb_build_object(
            'rejects_by_reason', %(reasons)s::jsonb,
            'skipped_by_reason', coalesce(profile -> 'skipped_by_reason', '{}') || jsonb_build_object(
              %(why)s::text, coalesce((profile -> 'skipped_by_reason' ->> %(why)s)::bigint, 0) + %(loaded)s + %(rejected)s))
        where batch_id = %(batch)s
        """,
        {
            "batch": batch_id,
            "loaded": loaded,
            "rejected": rejected,
            "reasons": Jsonb(reasons),
            "why": FORGOTTEN,
        },
    )


def rows_of(connection: psycopg.Connection, arrival_id: int) -> list[int]:
    """The numbers of the rows that were taken out of an arrival's file."""
    query = "select row_number from ledger.forgotten_row where arrival_id = %s order by 1"
    return [number for (number,) in connection.execute(query, [arrival_id])]


def leave_out(connection: psycopg.Connection, arrival_id: int, rows: Collection[int]) -> None:
    """Write down that facts may have been built with these rows, which are gone."""
    connection.execute(
        """
        insert into ledger.forgotten_row (arrival_id, row_number, was_loaded) select %s, unnest(%s::bigint[]), true
        on conflict (arrival_id, row_number) do update set was_loaded = true
        """,
        [arrival_id, list(rows)],
    )


def to_remove(connection: psycopg.Connection) -> list[str]:
    """The names, by their sha256, of files that others took the place of and that the archive may still have."""
    found = connection.execute(
        "select distinct old_sha256 from ledger.rewritten where removed_at is null"
        " and old_sha256 not in (select sha256 from ledger.arrival) order by 1"
    )
    return [name for (name,) in found]


def drop_touched(connection: psycopg.Connection, keys: Iterable[str]) -> None:
    """Drop these keys from what the last build touched: all is made anew."""
    connection.execute("delete from ledger.touched_key where key = any(%s::uuid[])", [list(keys)])


def removed_before(connection: psycopg.Connection, moment: datetime) -> list[str]:
    """The names, by their sha256, of files that were removed before a moment, and that nothing tells of now."""
    found = connection.execute(
        "select old_sha256 from ledger.rewritten group by 1 having max(coalesce(removed_at, 'infinity')) < %s"
        " except select sha256 from ledger.arrival order by 1",
        [moment],
    )
    return [name for (name,) in found]


def removed(connection: psycopg.Connection, sha256: str) -> None:
    """Write down that the archive does not have a file any more."""
    connection.execute("update ledger.rewritten set removed_at = now() where old_sha256 = %s", [sha256])
