"""One source in full: how fresh it is, what came last, which rejects grow, what could not be fetched."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import psycopg

from kho.contract import Contract, schedule
from kho.database import connect
from kho.ledger import sources
from kho.ledger.freshness import Freshness
from kho.settings import Settings
from kho.source.overview import LastBatch, last_batches, newest_night

BATCHES = 10
RECENT, BEFORE = 5, 20  # batches that a trend compares
FAILURES = 5
_LONGEST = timedelta(days=100)  # between two deliveries


@dataclass(frozen=True)
class Trend:
    """A reason of rejects: rows, and their share of the data in percent, in the last batches and in those before."""

    reason: str
    rows: int
    percent: float
    rows_before: int
    percent_before: float


@dataclass(frozen=True)
class FetchFailure:
    """What could not be fetched; no file: the source as a whole."""

    at: datetime
    file: str | None
    reason: str


@dataclass(frozen=True)
class UsedVersion:
    """A version of the contract that batches were loaded by."""

    version: str
    first_used_at: datetime
    batches: int
    is_current: bool


@dataclass(frozen=True)
class Story:
    """What the ledger tells of a source. Freshness is that on `night`."""

    night: date
    freshness: Freshness
    next_expected: date | None  # None before the first delivery, and where no more is expected
    batches: list[LastBatch]
    trends: list[Trend]
    failures: list[FetchFailure]
    versions: list[UsedVersion]


def story(settings: Settings, contract: Contract) -> Story:
    """The story of a source, newest things first."""
    with connect(settings, "kho_auditor") as connection:
        night = newest_night(connection)
        return Story(
            night,
            sources.source_freshness(connection, night, contract),
            _next_expected(connection, contract),
            last_batches(connection, contract.name, most=BATCHES),
            _trends(connection, contract),
            _failures(connection, contract),
            _versions(connection, contract),
        )


def _next_expected(connection: psycopg.Connection, contract: Contract) -> date | None:
    (last,) = connection.execute(
        "select max(business_date) from ledger.delivery where contract = %s", [contract.name]
    ).fetchone()
    if not last:
        return None
    first, until = last + timedelta(days=1), last + _LONGEST
    return next(iter(schedule.expected_dates(contract.frequency, first, until, contract.end_of_life)), None)


def _trends(connection: psycopg.Connection, contract: Contract) -> list[Trend]:
    rows = connection.execute(
        """
        with placed as (
          select profile, rows_in_file - rows_skipped as data,
            row_number() over (order by business_date desc, batch_id desc) as place
          from ledger.batch where contract = %(contract)s and state in ('pending', 'accepted', 'held')
        ), compared as (
          select place <= %(recent)s as is_recent, * from placed where place <= %(all)s
        ), whole as (
          select sum(data) filter (where is_recent) as recent, sum(data) filter (where not is_recent) as before
          from compared
        ), counted as (
          select reason, coalesce(sum(n::bigint) filter (where is_recent), 0) as recent,
            coalesce(sum(n::bigint) filter (where not is_recent), 0) as before
          from compared, jsonb_each_text(profile -> 'rejects_by_reason') as each (reason, n) group by reason
        )
        select reason, c.recent::bigint, coalesce(round(100.0 * c.recent / nullif(w.recent, 0), 2), 0)::float,
          c.before::bigint, coalesce(round(100.0 * c.before / nullif(w.before, 0), 2), 0)::float
        from counted c cross join whole w order by c.recent desc, c.before desc, reason
        """,
        {"contract": contract.name, "recent": RECENT, "all": RECENT + BEFORE},
    ).fetchall()
    return [Trend(*row) for row in rows]


def _failures(connection: psycopg.Connection, contract: Contract) -> list[FetchFailure]:
    rows = connection.execute(
        "select at, name, reason from ledger.fetch_failure where contract = %s order by failure_id desc limit %s",
        [contract.name, FAILURES],
    ).fetchall()
    return [FetchFailure(*row) for row in rows]


def _versions(connection: psycopg.Connection, contract: Contract) -> list[UsedVersion]:
    rows = connection.execute(
        """
        select c.version, c.first_used_at, count(b.batch_id), c.fingerprint = %s
        from ledger.contract c left join ledger.batch b
          on (b.contract, b.contract_version, b.contract_fingerprint) = (c.contract, c.version, c.fingerprint)
        where c.contract = %s group by c.version, c.first_used_at, c.fingerprint order by c.first_used_at desc
        """,
        [contract.fingerprint, contract.name],
    ).fetchall()
    return [UsedVersion(*row) for row in rows]
