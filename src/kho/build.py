"""Builds: what a night's warehouse is made of, written down before it is made.

A build freezes the batches it reads, so that a kill or a decision in between never mixes two states. A batch is in
a build from `ledger.build_batch.from_build` until `to_build`; both are compared with the last build that was built,
so what an abandoned build touched stays touched.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import psycopg

from kho.contract import Contract, contracts
from kho.database import connect
from kho.settings import TIMEZONE, Settings

Frequency = Literal["d", "m", "q"]


@dataclass(frozen=True)
class Delivered:
    """A delivery as freshness sees it."""

    business_date: date
    unit: str = ""  # whose full list it is; empty where a delivery stands for all
    is_accepted: bool = True
    trouble: str | None = None  # why it is no good: held, unreadable, not loaded
    withdrawal: str | None = None  # why it does not count: somebody took it back
    part: int | None = None  # where a date's export comes in several files; counted from 1
    parts: int | None = None  # how many it comes in, where their names say so


@dataclass(frozen=True)
class Freshness:
    """How far one contract's data is complete, and how far it should be. Both dates are inclusive."""

    as_of: date | None
    expected_as_of: date | None
    state: Literal["fresh", "stale", "not_delivered"]
    stale_since: date | None = None
    reason: str | None = None


def yesterday() -> date:
    """The business date of a night that starts now."""
    return datetime.now(ZoneInfo(TIMEZONE)).date() - timedelta(days=1)


def open_build(settings: Settings, business_date: date) -> int:
    """The number of the open build of this night, with its input frozen.

    An open build of the same night goes on with the list that it has; one of another night is abandoned.
    """
    fingerprint = model_fingerprint(settings)
    known = contracts(settings)
    with connect(settings, "kho_owner") as connection:
        _lock(connection)
        open_now = connection.execute(
            "select build_id, business_date from ledger.build where state = 'open'"
        ).fetchone()
        if open_now and open_now[1] == business_date:
            connection.execute(
                "update ledger.build set is_full_refresh = is_full_refresh or model_fingerprint <> %(now)s,"
                " model_fingerprint = %(now)s where build_id = %(build)s",
                {"now": fingerprint, "build": open_now[0]},
            )
            return open_now[0]
        connection.execute(
            "update ledger.build set state = 'abandoned', closed_at = now() where state = 'open'"
        )
        build_id = _insert_build(connection, business_date, fingerprint)
        _freeze(connection, build_id, business_date)
        for contract in known.values():
            _write_source(connection, build_id, business_date, contract)
        return build_id


def close_build(settings: Settings) -> int | None:
    """Mark the open build as built: the whole warehouse succeeded. Returns its number; None if none was open."""
    with connect(settings, "kho_owner") as connection:
        _lock(connection)
        closed = connection.execute(
            "update ledger.build set state = 'built', closed_at = now() where state = 'open' returning build_id"
        ).fetchone()
        return closed[0] if closed else None


def model_fingerprint(settings: Settings) -> str:
    """sha256 over what decides the warehouse's rows besides its input: dbt's models, macros, seeds and settings.

    Which contracts there are counts too: the staging models of drafts are not built.
    """
    project = settings.project / "dbt_project"
    files = [project / "dbt_project.yml"]
    for folder in ("models", "macros", "seeds"):
        files += sorted(path for path in (project / folder).rglob("*") if path.is_file())
    digest = hashlib.sha256("\0".join(contracts(settings)).encode())
    for path in files:
        if path.is_file() and not _is_leftover(path.relative_to(project)):
            digest.update(f"{path.relative_to(project).as_posix()}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def expected_dates(
    frequency: Frequency | None, first: date, until: date, end_of_life: date | None = None
) -> list[date]:
    """Dates of the deliveries due from `first` to `until`, both included; none after the system's end of life.

    d: every day; m: the last day of every month, and the end of life, which closes its month; q: the first day of every
    quarter; None: nothing is ever due.
    """
    if frequency is None:
        return []
    if end_of_life and first <= end_of_life <= until:
        closing = [end_of_life] if frequency == "m" else []
        return sorted({*expected_dates(frequency, first, end_of_life), *closing})
    if end_of_life and end_of_life < first:
        return []
    if frequency == "d":
        return [first + timedelta(days=n) for n in range((until - first).days + 1)]
    months = ((month // 12, month % 12 + 1) for month in range(_month(first), _month(until) + 1))
    if frequency == "q":
        dates = [date(year, month, 1) for year, month in months if month % 3 == 1]
    else:
        dates = [_month_end(year, month) for year, month in months]
    return [day for day in dates if first <= day <= until]


def newest_expected_date(frequency: Frequency, until: date, end_of_life: date | None = None) -> date:
    """Date of the newest delivery that is due up to `until`."""
    until = min(until, end_of_life or until)
    return expected_dates(frequency, until - timedelta(days=92), until, end_of_life)[-1]


def freshness(
    deliveries: Iterable[Delivered],
    frequency: Frequency | None,
    latency_days: int,
    business_date: date,
    end_of_life: date | None = None,
) -> Freshness:
    """How fresh a contract is on `business_date`, from its deliveries up to that date.

    Deliveries are expected from the first one of each unit on. The data is complete up to the last accepted
    delivery before the first gap; a gap is an expected date at which a unit has none accepted, or a delivery in
    trouble. It is stale when it isn't complete up to the last date that had to be there by now.
    """
    known = [each for each in deliveries if each.business_date <= business_date]
    accepted = {(each.unit, each.business_date) for each in known if each.is_accepted}
    first = {}
    for each in known:
        first[each.unit] = min(each.business_date, first.get(each.unit, each.business_date))
    gaps = {each.business_date: each.trouble for each in known if each.trouble}
    withdrawn = {(each.unit, each.business_date): each.withdrawal for each in known}
    due = set(gaps)  # what came and was no good is missing at once, whatever the latency
    for unit, start in first.items():
        for day in expected_dates(frequency, start, business_date, end_of_life):
            if day <= business_date - timedelta(days=latency_days):
                due.add(day)
            if (unit, day) not in accepted:
                missing = f"not delivered by {unit}" if unit else "not delivered"
                gaps.setdefault(day, withdrawn.get((unit, day)) or missing)
    gap = min(gaps, default=None)
    as_of = max((day for _, day in accepted if gap is None or day < gap), default=None)
    expected_as_of = max(due, default=None)
    if not accepted:
        return Freshness(None, expected_as_of, "not_delivered", gap, gaps.get(gap) or "nothing delivered yet")
    if expected_as_of and (as_of is None or as_of < expected_as_of):
        return Freshness(as_of, expected_as_of, "stale", gap, gaps[gap])
    return Freshness(as_of, expected_as_of, "fresh")


def joined(deliveries: Iterable[Delivered]) -> list[Delivered]:
    """The deliveries with the parts of one date as one: accepted when all are there, in trouble else.

    Where no name says how many parts there are, none may be missing before the last one.
    """
    whole, parts_of = [], {}
    for each in deliveries:
        if each.part is None:
            whole.append(each)
        else:
            parts_of.setdefault((each.unit, each.business_date), []).append(each)
    for (unit, day), parts in parts_of.items():
        missing = []
        # A date that was split anew has parts of both ways to split it.
        for many in dict.fromkeys(each.parts for each in parts):
            accepted = {each.part for each in parts if each.parts == many and each.is_accepted}
            last = many or max(each.part for each in parts if each.parts == many)
            missing.append(
                [f"part {n}{f' of {many}' if many else ''}" for n in range(1, last + 1) if n not in accepted]
            )
        is_whole = not all(missing)
        trouble = next((each.trouble for each in parts if each.trouble), None)
        withdrawal = next((each.withdrawal for each in parts if each.withdrawal), None)
        if not is_whole and not trouble:
            trouble = withdrawal or f"{', '.join(min(missing, key=len))} not delivered"
        whole.append(Delivered(day, unit, is_whole, trouble, withdrawal))
    return whole


def source_freshness(connection: psycopg.Connection, business_date: date, contract: Contract) -> Freshness:
    """How fresh a contract is on `business_date`, from what the ledger holds now."""
    rows = connection.execute(
        """
        select d.name, d.business_date, coalesce(bool_or(b.state = 'accepted'), false),
          case
            when bool_or(b.state = 'accepted') then null
            when count(b.batch_id) = 0 then 'not loaded'
            else (array_agg(concat_ws(': ', b.state, b.reason) order by b.batch_id desc)
                  filter (where b.state <> 'withdrawn'))[1]
          end,
          (array_agg(concat_ws(': ', b.state, b.reason) order by b.batch_id desc)
           filter (where b.state = 'withdrawn'))[1]
        from ledger.delivery d left join ledger.batch b using (delivery_id)
        where d.contract = %(contract)s and d.business_date <= %(date)s
        group by d.delivery_id, d.name, d.business_date
        """,
        {"contract": contract.name, "date": business_date},
    ).fetchall()
    return freshness(
        joined(delivered(contract, *row) for row in rows),
        contract.frequency,
        contract.latency_days,
        business_date,
        contract.end_of_life,
    )


def _lock(connection: psycopg.Connection) -> None:
    connection.execute("select pg_advisory_xact_lock(hashtext('kho build'))")


def _insert_build(connection: psycopg.Connection, business_date: date, fingerprint: str) -> int:
    # An abandoned build of other models may have left its rows: only an unbroken row of the same ones is trusted.
    return connection.execute(
        """
        with last_built as (select max(build_id) as build_id from ledger.build where state = 'built')
        insert into ledger.build (business_date, state, model_fingerprint, is_full_refresh)
        select %(date)s, 'open', %(now)s, (select build_id from last_built) is null or exists (
            select from ledger.build
            where build_id >= (select build_id from last_built) and model_fingerprint is distinct from %(now)s)
        returning build_id
        """,
        {"date": business_date, "now": fingerprint},
    ).fetchone()[0]


def _freeze(connection: psycopg.Connection, build_id: int, business_date: date) -> None:
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


def _write_source(
    connection: psycopg.Connection, build_id: int, business_date: date, contract: Contract
) -> None:
    state = source_freshness(connection, business_date, contract)
    connection.execute(
        """
        insert into ledger.build_source
          (build_id, contract, as_of, expected_as_of, state, stale_since, reason,
           rows_in_file, rows_loaded, rows_rejected, rows_skipped)
        select %(build)s, %(contract)s, %(as_of)s, %(expected)s, %(state)s, %(since)s, %(reason)s,
          coalesce(sum(rows_in_file), 0), coalesce(sum(rows_loaded), 0),
          coalesce(sum(rows_rejected), 0), coalesce(sum(rows_skipped), 0)
        from ledger.batch join ledger.build_batch using (batch_id)
        where contract = %(contract)s and to_build is null
        """,
        {
            "build": build_id,
            "contract": contract.name,
            "as_of": state.as_of,
            "expected": state.expected_as_of,
            "state": state.state,
            "since": state.stale_since,
            "reason": state.reason,
        },
    )


def delivered(contract: Contract, name: str, day: date, *states: Any) -> Delivered:
    """A delivery by what its name says: whose it is, and which part. `states` are the fields after `unit`."""
    named = contract.named(name)
    unit = (named.get("unit") or "") if contract.file.full_list_of else ""
    part, parts = (
        int(number) if (number := named.get(group) or "").isdecimal() else None for group in ("part", "parts")
    )
    return Delivered(day, unit, *states, part=part, parts=parts)


def _is_leftover(path: Path) -> bool:
    return any(part.startswith((".", "__pycache__")) for part in path.parts)


def _month(day: date) -> int:
    return day.year * 12 + day.month - 1


def _month_end(year: int, month: int) -> date:
    return date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
