"""Builds: what a night's warehouse is made of, written down before it is made.

A build freezes the batches it reads and what it knows of contracts, so that a kill or a decision in between never mixes
two states. A batch is in a build from `ledger.build_batch.from_build` until `to_build`; both are compared with the last
build that was built, so what an abandoned build touched stays touched.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

import psycopg
from psycopg.rows import class_row, namedtuple_row

from kho.contract import Contract
from kho.database import the_row
from kho.ledger import locks
from kho.ledger.freshness import Freshness


@dataclass(frozen=True)
class Build:
    """A row of `ledger.build`, without its times."""

    build_id: int
    business_date: date
    state: Literal["open", "built", "abandoned"]
    is_full_refresh: bool


@dataclass(frozen=True)
class ChangedBatch:
    """A batch that one of two builds reads and the other doesn't. `is_new`: the later one does."""

    batch_id: int
    contract: str
    business_date: date
    is_new: bool
    state: str


def newest(connection: psycopg.Connection, business_date: date | None = None) -> Build | None:
    """The newest build, whatever became of it; of this night, if one is named."""
    with connection.cursor(row_factory=class_row(Build)) as cursor:
        return cursor.execute(
            """
            select build_id, business_date, state, is_full_refresh from ledger.build
            where %(date)s::date is null or business_date = %(date)s
            order by build_id desc limit 1
            """,
            {"date": business_date},
        ).fetchone()


def is_of_full_refresh(connection: psycopg.Connection, build_id: int) -> bool:
    """Whether a build made every table anew."""
    query = "select is_full_refresh from ledger.build where build_id = %s"
    (is_full,) = the_row(connection.execute(query, [build_id]))
    return bool(is_full)


def touched(connection: psycopg.Connection) -> list[str]:
    """The contracts of which the newest build has batches that came or went since the one before."""
    rows = connection.execute("select distinct contract from ledger.build_input where is_touched order by 1")
    return [contract for (contract,) in rows]


def last_night(connection: psycopg.Connection) -> tuple[Any, ...] | None:
    """Of the newest build: business date, state, and number, state and reason of its newest release."""
    return connection.execute(
        """
        select b.business_date, b.state, r.release_id, r.state, r.reason
        from ledger.build b left join ledger.release r using (build_id) order by b.build_id desc, r.release_id desc
        limit 1
        """
    ).fetchone()


def go_on(connection: psycopg.Connection, build_id: int, fingerprint: str) -> None:
    """Take an open build up again, with the models as they are now."""
    connection.execute(
        "update ledger.build set is_full_refresh = is_full_refresh or model_fingerprint <> %(now)s,"
        " model_fingerprint = %(now)s where build_id = %(build)s",
        {"now": fingerprint, "build": build_id},
    )


def abandon(connection: psycopg.Connection) -> None:
    """Give the open build up, if there is one."""
    connection.execute("update ledger.build set state = 'abandoned', closed_at = now() where state = 'open'")


def close(connection: psycopg.Connection) -> int | None:
    """Mark the open build as built; gives its number, None if none was open."""
    closed = connection.execute(
        "update ledger.build set state = 'built', closed_at = now() where state = 'open' returning build_id"
    ).fetchone()
    return closed[0] if closed else None


def record_models(
    connection: psycopg.Connection, build_id: int, layer: str, runs: Iterable[tuple[Any, ...]]
) -> None:
    """Write down what became of models: name, status, rows affected, seconds, message."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into ledger.model_run (build_id, layer, model, status, rows_affected, seconds, message)"
            " values (%s, %s, %s, %s, %s, %s, %s)",
            [(build_id, layer, *run) for run in runs],
        )


def marts_since(connection: psycopg.Connection, build_id: int) -> datetime | None:
    """Since when all marts of a build have been there, whoever looks; None if nobody wrote it down."""
    last = connection.execute(
        "select max(ended_at) from ledger.model_run where build_id = %s and layer = 'marts'", [build_id]
    )
    (since,) = the_row(last)
    return since


def insert(connection: psycopg.Connection, business_date: date, fingerprint: str) -> int:
    """Open a build; a full refresh unless all builds since the last built one had these models, and nobody was forgotten."""
    # An abandoned build of other models may have left its rows: only an unbroken row of the same ones is trusted.
    opened = connection.execute(
        """
        with last_built as (select max(build_id) as build_id from ledger.build where state = 'built')
        insert into ledger.build (business_date, state, model_fingerprint, is_full_refresh)
        select %(date)s, 'open', %(now)s, (select build_id from last_built) is null or exists (
            select from ledger.build
            where build_id >= (select build_id from last_built) and model_fingerprint is distinct from %(now)s)
          -- Rows that left raw touch no key any more.
          or exists (
            select from ledger.forgotten_row where was_loaded and at > (
              select opened_at from ledger.build join last_built using (build_id)))
        returning build_id
        """,
        {"date": business_date, "now": fingerprint},
    )
    return the_row(opened)[0]


def freeze(
    connection: psycopg.Connection, build_id: int, business_date: date, known: Iterable[Contract]
) -> None:
    """Write down the batches that a build reads, each with the unit whose list it is and the first day that it tells of."""
    given = {"build": build_id, "date": business_date}
    connection.execute(
        """
        update ledger.build_batch i set to_build = %(build)s
        from ledger.batch b
        where b.batch_id = i.batch_id and i.to_build is null
          and (b.state <> 'accepted' or b.business_date > %(date)s)
        """,
        given,
    )
    connection.execute(
        """
        insert into ledger.build_batch (batch_id, from_build)
        select batch_id, %(build)s from ledger.batch b
        where state = 'accepted' and business_date <= %(date)s
          and not exists (select from ledger.build_batch i where i.batch_id = b.batch_id and i.to_build is null)
        """,
        given,
    )
    _read_names(connection, {contract.name: contract for contract in known})


def _read_names(connection: psycopg.Connection, known: dict[str, Contract]) -> None:
    # All batches in force are read anew: a contract may read its names in another way than at their first build.
    in_force = connection.execute(
        """
        select batch_id, b.contract, d.name,
          d.business_date = (select min(business_date) from ledger.delivery f where f.contract = d.contract),
          i.list_unit, i.covers_from
        from ledger.build_batch i join ledger.batch b using (batch_id) join ledger.delivery d using (delivery_id)
        where i.to_build is null and (i.list_unit <> '' or i.covers_from is not null or b.contract = any(%s))
        """,
        [[name for name, contract in known.items() if contract.is_list_per_unit or contract.tells_spans]],
    ).fetchall()
    told = [
        (*_told_by_name(known.get(contract), name, is_first), batch_id, unit, start)
        for batch_id, contract, name, is_first, unit, start in in_force
    ]
    with connection.cursor() as cursor:
        cursor.executemany(
            "update ledger.build_batch set list_unit = %s, covers_from = %s where batch_id = %s and to_build is null",
            [(unit, start, batch_id) for unit, start, batch_id, *before in told if before != [unit, start]],
        )


def _told_by_name(contract: Contract | None, name: str, is_first: bool) -> tuple[str, date | None]:
    """Whose list a delivery is, and the first day that it tells of, where that is not as its frequency has it."""
    if contract is None:
        return "", None
    start = contract.covers_from(name)
    return contract.unit_of(name), start or (contract.file.first_delivery_covers_from if is_first else None)


def write_contracts(connection: psycopg.Connection, build_id: int, known: Iterable[Contract]) -> None:
    """Write down what a build knows of the contracts."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into ledger.build_contract"
            " (build_id, contract, system, title, frequency, end_of_life, is_full_list, is_list_per_unit)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s)",
            [(build_id, *_known_of(contract)) for contract in known],
        )


def knows(
    connection: psycopg.Connection, build_id: int, known: Iterable[Contract], unusable: Iterable[str]
) -> bool:
    """Whether a build was opened with the contracts as they are now; `unusable` names sources whose contract can't be used."""
    written = connection.execute(
        "select contract, system, title, frequency, end_of_life, is_full_list, is_list_per_unit"
        " from ledger.build_contract where build_id = %s",
        [build_id],
    ).fetchall()
    told = connection.execute(
        "select contract from ledger.build_source where build_id = %s and state = 'unusable'", [build_id]
    ).fetchall()
    return set(written) == {_known_of(contract) for contract in known} and {name for (name,) in told} == set(
        unusable
    )


def _known_of(contract: Contract) -> tuple[Any, ...]:
    return (
        contract.name,
        contract.system,
        contract.title,
        contract.frequency,
        contract.end_of_life,
        contract.file.load == "full",
        contract.is_list_per_unit,
    )


def write_source(connection: psycopg.Connection, build_id: int, contract: str, state: Freshness) -> None:
    """Write down how fresh a source is in a build, and the rows that the build has of it."""
    connection.execute(
        """
        insert into ledger.build_source
          (build_id, contract, as_of, expected_as_of, state, stale_since, reason, reason_code,
           rows_in_file, rows_loaded, rows_rejected, rows_skipped)
        select %(build)s, %(contract)s, %(as_of)s, %(expected)s, %(state)s, %(since)s, %(reason)s, %(code)s,
          coalesce(sum(rows_in_file), 0), coalesce(sum(rows_loaded), 0),
          coalesce(sum(rows_rejected), 0), coalesce(sum(rows_skipped), 0)
        from ledger.batch join ledger.build_batch using (batch_id)
        where contract = %(contract)s and to_build is null
        """,
        {
            "build": build_id,
            "contract": contract,
            "as_of": state.as_of,
            "expected": state.expected_as_of,
            "state": state.state,
            "since": state.stale_since,
            "reason": state.reason,
            "code": state.reason_code,
        },
    )


def changed_batches(connection: psycopg.Connection, before: int, now: int) -> list[ChangedBatch]:
    """The batches that one of two builds reads and the other doesn't; `is_new` are those of `now`."""
    with connection.cursor(row_factory=class_row(ChangedBatch)) as cursor:
        return cursor.execute(
            """
            with span as (
              select batch_id,
                from_build <= %(now)s and coalesce(to_build > %(now)s, true) as is_read,
                from_build <= %(before)s and coalesce(to_build > %(before)s, true) as was_read
              from ledger.build_batch
            )
            select batch.batch_id, batch.contract, batch.business_date,
              bool_or(is_read) as is_new, batch.state
            from span
            join ledger.batch on batch.batch_id = span.batch_id
            group by batch.batch_id
            having bool_or(is_read) <> bool_or(was_read)
            order by batch.business_date, batch.batch_id
            """,
            {"before": before, "now": now},
        ).fetchall()


def contracts_of(connection: psycopg.Connection, build_id: int) -> dict[str, Any]:
    """What a build knows of each contract, by its name: rows of `ledger.build_contract`."""
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        rows: list[Any] = cursor.execute(
            "select * from ledger.build_contract where build_id = %s", [build_id]
        ).fetchall()
    return {row.contract: row for row in rows}


def have_other_models(connection: psycopg.Connection, before: int, now: int) -> bool:
    """Whether two builds were made by other models, lists or sources."""
    (fingerprints,) = the_row(
        connection.execute(
            "select count(distinct coalesce(model_fingerprint, '')) from ledger.build where build_id in (%s, %s)",
            [before, now],
        )
    )
    return bool(fingerprints > 1)


def is_refreshed_since(connection: psycopg.Connection, build_id: int) -> bool:
    """Whether a later build than this one made all rows anew."""
    found = connection.execute(
        "select 1 from ledger.build where build_id > %s and is_full_refresh limit 1", [build_id]
    )
    return found.fetchone() is not None


def lock(connection: psycopg.Connection) -> None:
    """Keep others from opening or closing a build until the transaction ends."""
    locks.take(connection, "build")
