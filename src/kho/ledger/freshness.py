"""How far a contract's data is complete, by what was delivered of it. Pure: nothing here asks the ledger."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from kho.contract import Contract, telling
from kho.contract.schedule import Frequency, expected_dates

#: unusable is the contract, whatever was delivered
State = Literal["fresh", "stale", "not_delivered", "unusable"]
#: why a delivery does not count, as a reason begins; all else is missing
_HEADS = ("not_loaded", "pending", "held", "unreadable", "withdrawn")
NOTHING_YET = "nothing delivered yet"
REASONS = ("not_delivered", *_HEADS, "contract_unusable")


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
    covers_from: date | None = None  # first day of all that it tells of, where its name says so


@dataclass(frozen=True)
class Freshness:
    """How far one contract's data is complete, and how far it should be. Both dates are inclusive."""

    as_of: date | None
    expected_as_of: date | None
    state: State
    stale_since: date | None = None
    reason: str | None = None

    @property
    def reason_code(self) -> str | None:
        """The kind of the reason, for readers who are no operators: one of `REASONS`."""
        if self.state == "unusable":
            return "contract_unusable"
        if self.reason is None:
            return None
        head = self.reason.partition(":")[0].replace(" ", "_")
        return head if head in _HEADS else "not_delivered"


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
    trouble, unless an accepted one of a later date covers it. It is stale when it isn't complete up to the last date that had to be there by now.
    """
    known = [each for each in deliveries if each.business_date <= business_date]
    accepted = {(each.unit, each.business_date) for each in known if each.is_accepted}
    first: dict[str, date] = {}
    for each in known:
        first[each.unit] = min(each.business_date, first.get(each.unit, each.business_date))
    spans = [each for each in known if each.is_accepted and each.covers_from]

    def is_covered(unit: str, day: date) -> bool:
        return any(
            each.unit == unit and each.covers_from and each.covers_from <= day < each.business_date
            for each in spans
        )

    gaps = {
        each.business_date: each.trouble
        for each in known
        if each.trouble and not is_covered(each.unit, each.business_date)
    }
    withdrawn = {(each.unit, each.business_date): each.withdrawal for each in known}
    due = set(gaps)  # what came and was no good is missing at once, whatever the latency
    for unit, start in first.items():
        for day in expected_dates(frequency, start, business_date, end_of_life):
            if day <= business_date - timedelta(days=latency_days):
                due.add(day)
            if (unit, day) not in accepted and not is_covered(unit, day):
                missing = f"not delivered by {telling.unit(unit)}" if unit else "not delivered"
                gaps.setdefault(day, withdrawn.get((unit, day)) or missing)
    gap, why = min(gaps.items(), default=(None, None))
    as_of = max((day for _, day in accepted if gap is None or day < gap), default=None)
    expected_as_of = max(due, default=None)
    if not accepted:
        return Freshness(None, expected_as_of, "not_delivered", gap, why or NOTHING_YET)
    if expected_as_of and (as_of is None or as_of < expected_as_of):
        return Freshness(as_of, expected_as_of, "stale", gap, why)
    return Freshness(as_of, expected_as_of, "fresh")


def joined(deliveries: Iterable[Delivered]) -> list[Delivered]:
    """The deliveries with the parts of one date as one: accepted when all are there, in trouble else.

    Where no name says how many parts there are, none may be missing before the last one.
    """
    whole: list[Delivered] = []
    parts_of: dict[tuple[str, date], list[Delivered]] = {}
    for each in deliveries:
        if each.part is None:
            whole.append(each)
        else:
            parts_of.setdefault((each.unit, each.business_date), []).append(each)
    for (unit, day), parts in parts_of.items():
        missing: list[list[str]] = []
        # A date that was split anew has parts of both ways to split it.
        for many in dict.fromkeys(each.parts for each in parts):
            accepted = {each.part for each in parts if each.parts == many and each.is_accepted}
            last = many or max(each.part or 0 for each in parts if each.parts == many)
            missing.append(
                [f"part {n}{f' of {many}' if many else ''}" for n in range(1, last + 1) if n not in accepted]
            )
        is_whole = not all(missing)
        trouble = next((each.trouble for each in parts if each.trouble), None)
        withdrawal = next((each.withdrawal for each in parts if each.withdrawal), None)
        if not is_whole and not trouble:
            fewest = min(missing, key=len)
            trouble = withdrawal or f"{', '.join(fewest)} not delivered"
        starts = [each.covers_from for each in parts if each.covers_from]
        whole.append(
            Delivered(day, unit, is_whole, trouble, withdrawal, covers_from=max(starts) if starts else None)
        )
    return whole


def delivered(
    contract: Contract,
    name: str,
    day: date,
    is_accepted: bool = True,
    trouble: str | None = None,
    withdrawal: str | None = None,
) -> Delivered:
    """A delivery by what its name says: whose it is, which part, since when it tells."""
    named = contract.named(name)
    part, parts = (
        int(number) if (number := named.get(group) or "").isdecimal() else None for group in ("part", "parts")
    )
    return Delivered(
        day,
        contract.unit_of(name),
        is_accepted,
        trouble,
        withdrawal,
        part,
        parts,
        contract.covers_from(name),
    )
