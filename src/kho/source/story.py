"""One source in full: how fresh it is, what came last, which rejects grow, what could not be fetched."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import psycopg

from kho.contract import Contract, schedule
from kho.database import connect
from kho.ledger import batches, deliveries, sources, versions
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
            [Trend(*row) for row in batches.trends(connection, contract.name, RECENT, BEFORE)],
            [FetchFailure(*row) for row in deliveries.failures(connection, contract.name, FAILURES)],
            [UsedVersion(*row) for row in versions.used(connection, contract)],
        )


def _next_expected(connection: psycopg.Connection, contract: Contract) -> date | None:
    last = deliveries.last_date(connection, contract.name)
    if not last:
        return None
    first, until = last + timedelta(days=1), last + _LONGEST
    return next(iter(schedule.expected_dates(contract.frequency, first, until, contract.end_of_life)), None)
