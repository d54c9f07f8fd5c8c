"""What is due when: the dates of the deliveries that a contract's frequency and end of life ask for."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from kho.settings import TIMEZONE

Frequency = Literal["d", "m", "q"]


#: no system exported anything before: an earlier date is mistyped
FIRST_DAY = date(2000, 1, 1)


_EVENING_ENDS = 6  # o'clock


def expect_business_date(day: date) -> date:
    """The day again, if a night may load up to it. Raises `ValueError`."""
    last = yesterday() + timedelta(days=2)
    if not FIRST_DAY <= day <= last:
        raise ValueError(
            f"{day} is no business date: a night loads up to a day between {FIRST_DAY} and {last}"
        )
    return day


def yesterday() -> date:
    """The business date of a night that starts now."""
    return datetime.now(ZoneInfo(TIMEZONE)).date() - timedelta(days=1)


def business_date(asked: str | None, at: datetime) -> date:
    """The date that a night loads up to: the one that was asked for, else the day before the night, which began at `at`."""
    if asked:
        return date.fromisoformat(asked)
    return at.astimezone(ZoneInfo(TIMEZONE)).date() - timedelta(days=1)


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


def day_written(frequency: Frequency | None, moment: datetime) -> date:
    """The date of a delivery whose name holds none, by when its file was written: the newest that was due by then.

    What is written before six in the morning is of the evening before, as nightly exports are.
    """
    day = (moment.astimezone(ZoneInfo(TIMEZONE)) - timedelta(hours=_EVENING_ENDS)).date()
    return day if frequency is None or frequency == "d" else newest_expected_date(frequency, day)


def _month(day: date) -> int:
    return day.year * 12 + day.month - 1


def _month_end(year: int, month: int) -> date:
    return date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
