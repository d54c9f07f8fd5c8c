"""Backfill: days gone by are fetched, loaded and checked one after the other, as their nights would have; one night publishes.

What is done, the ledger tells: killed, it goes on from there.
"""

from __future__ import annotations

import csv
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby

from kho import night
from kho.contract import Contract, contracts
from kho.contract.schedule import expect_business_date, expected_dates, yesterday
from kho.database import connect
from kho.fetch import keeps_days_gone_by
from kho.ledger import deliveries, releases
from kho.ledger.deliveries import Delivered
from kho.settings import Settings

log = logging.getLogger(__name__)

Say = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Part:
    """What a system owes for a day: exports by their contracts' names."""

    day: date
    system: str
    contracts: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """What became of all that was due on a day, by the names of contracts: accepted whole, there and not accepted, not there."""

    day: date
    loaded: tuple[str, ...]
    held: tuple[str, ...]
    missing: tuple[str, ...]


def parts(settings: Settings, first: date, last: date) -> list[Part]:
    """All that is due from `first` to `last`, both included, day by day. Raises `ValueError` where that can't be or is nothing.

    A system owes nothing before the register of operation (the seed `system_operation.csv`) has its first unit, nor after the last.
    A source that gives only what it holds now is asked for its newest date, once.
    """
    if first > last:
        raise ValueError(f"{first} is after {last}: name the earlier day first")
    if last > yesterday():
        raise ValueError(
            f"{last} is not over yet: days up to {yesterday()} can be made up for; nights come by themselves"
        )
    expect_business_date(first)
    operated = _operated(settings)
    owed: dict[tuple[date, str], list[str]] = defaultdict(list)
    known = [each for each in contracts(settings).values() if not each.is_retired]
    for contract in known:
        begun, ended = operated.get(contract.system, (date.min, date.max))
        days = expected_dates(contract.frequency, max(first, begun), min(last, ended), contract.end_of_life)
        for day in days if keeps_days_gone_by(contract) else days[-1:]:
            owed[day, contract.system].append(contract.name)
    if not owed:
        begun = min((operated[each.system][0] for each in known if each.system in operated), default=date.min)
        since = f": the first system of the register of operation begins on {begun}" if last < begun else ""
        raise ValueError(f"nothing is due from {first} to {last}{since}")
    return [Part(*place, tuple(names)) for place, names in sorted(owed.items())]


def left(settings: Settings, parts: Iterable[Part]) -> list[Part]:
    """What of these is to be done yet, by the ledger.

    An export of a day is done when it is there, loaded and judged, and a later one is there, too: of the newest one some files
    may have come and others not when a backfill was killed.
    """
    parts = list(parts)
    there = _there(settings, parts)
    with connect(settings, "kho_auditor") as connection:
        newest = deliveries.last_dates(connection)

    def is_done(day: date, name: str) -> bool:
        states = [each.state for each in there.get((name, day), ())]
        return (
            bool(states)
            and not {"pending", deliveries.NOT_LOADED}.intersection(states)
            and day < newest[name]
        )

    of_each = (
        Part(part.day, part.system, tuple(name for name in part.contracts if not is_done(part.day, name)))
        for part in parts
    )
    return [part for part in of_each if part.contracts]


def bring(
    settings: Settings, parts: Sequence[Part], say: Say = lambda what, done, of: None
) -> list[tuple[date, str, str]]:
    """Fetch and load these, and judge each day's batches before the next day comes; gives day, system and what failed.

    What fails or is held stops nothing else.
    """
    failed = []
    done = 0
    for day, of_day in groupby(parts, lambda part: part.day):
        for part in of_day:
            say(f"{day} {part.system}", done, len(parts))
            try:
                night.ingest_system(settings, part.system, day, part.contracts)
            except Exception as failure:
                log.error("%s of %s failed: %s", part.system, day, failure)
                failed.append((day, part.system, str(failure)))
            done += 1
        say(f"{day} check", done, len(parts))
        night.do(settings, "check_exports", day)
    return failed


def night_of(settings: Settings, last: date) -> date:
    """The business date of the night that publishes what was brought in: the last day, or that of a later release in force."""
    with connect(settings, "kho_auditor") as connection:
        now = releases.find_in_force(connection)
    return max(last, now.business_date) if now else last


def outcomes(settings: Settings, parts: Iterable[Part]) -> list[Outcome]:
    """What became of each day, as the ledger has it now. Before its first delivery a source owes nothing."""
    parts = list(parts)
    there, known = _there(settings, parts), contracts(settings)
    with connect(settings, "kho_auditor") as connection:
        begun = deliveries.first_dates(connection)
    told: dict[date, tuple[list[str], list[str], list[str]]] = {}
    for part in parts:
        loaded, held, missing = told.setdefault(part.day, ([], [], []))
        for name in part.contracts:
            states = {each.state for each in there.get((name, part.day), ())}
            if states == {"accepted"}:
                loaded.append(name)
            elif states:
                others = ", ".join(sorted(states - {"accepted", "held"}))
                held.append(f"{name} ({others})" if others else name)
            elif part.day >= begun.get(name, part.day) and not (
                _is_covered(known[name], part.day, there) or _may_come(known[name], part.day)
            ):
                missing.append(name)
    return [Outcome(day, *map(tuple, of_day)) for day, of_day in sorted(told.items())]


def _may_come(contract: Contract, day: date) -> bool:
    """Whether the export of a day need not be there yet."""
    return day > yesterday() - timedelta(days=contract.latency_days)


def _is_covered(contract: Contract, day: date, there: dict[tuple[str, date], list[Delivered]]) -> bool:
    """Whether a delivery of a later day says by its name that it tells of this one."""
    return any(
        (since := contract.covers_from(each.name)) is not None and since <= day < of
        for (name, of), files in there.items()
        if name == contract.name
        for each in files
        if each.state == "accepted"
    )


def _there(settings: Settings, parts: Sequence[Part]) -> dict[tuple[str, date], list[Delivered]]:
    """The deliveries from the first of these days on, by contract and day."""
    with connect(settings, "kho_auditor") as connection:
        found = deliveries.since(connection, min(part.day for part in parts))
    there: dict[tuple[str, date], list[Delivered]] = defaultdict(list)
    for each in found:
        there[each.contract, each.business_date].append(each)
    return there


def _operated(settings: Settings) -> dict[str, tuple[date, date]]:
    """The first and the last day of each system of the register of operation."""
    spans: dict[str, tuple[date, date]] = {}
    with settings.seed("system_operation.csv").open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            begun, ended = spans.get(line["system"], (date.max, date.min))
            spans[line["system"]] = (
                min(begun, _day(settings, line["operated_from"]) or date.min),
                max(ended, _day(settings, line["operated_to"]) or date.max),
            )
    return spans


def _day(settings: Settings, told: str) -> date | None:
    try:
        return date.fromisoformat(told) if told else None
    except ValueError:
        raise ValueError(
            f"{settings.shown(settings.seed('system_operation.csv'))}: {told} is no date (yyyy-MM-dd)"
        ) from None
