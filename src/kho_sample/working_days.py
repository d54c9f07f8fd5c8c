"""The days of the sample's period: when desks are open, and working days to count deadlines by."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import date, timedelta

import holidays

from kho_sample.section import Period

SATURDAY, SUNDAY = 5, 6


class WorkingDays:
    """Working days from the period's start to some months after its end, Saturdays that make up for a day off too.

    `extra` is worked whatever the weekday.
    """

    def __init__(self, period: Period, extra: date | None = None) -> None:
        self.start, self.end = period.start, period.end
        beyond = self.end + timedelta(days=150)
        off = holidays.country_holidays("VN", years=range(self.start.year, beyond.year + 1))
        span = [self.start + timedelta(days=n) for n in range((beyond - self.start).days)]
        made_up = off.weekend_workdays
        self._days = [day for day in span if (day.weekday() < SATURDAY and day not in off) or day in made_up]
        self.within = [day for day in self._days if day <= self.end]
        opened = [
            day
            for day in span
            if day <= self.end and (day == extra or (day.weekday() < SUNDAY and day not in off))
        ]
        #: days on which desks receive dossiers, and how busy they are
        self.open = opened
        self.busyness = [1.0 if day.weekday() < SATURDAY or day in made_up else 0.15 for day in opened]

    def after(self, day: date, count: int) -> date:
        """The `count`-th working day after `day`; `day` itself for 0."""
        return day if count <= 0 else self._days[bisect_right(self._days, day) + count - 1]

    def before(self, day: date, count: int) -> date:
        """The `count`-th working day before `day`, not before the first one."""
        return self._days[max(0, bisect_left(self._days, day) - count)]

    def last_until(self, day: date) -> date:
        """The last working day not after `day`."""
        return self._days[max(0, bisect_right(self._days, day) - 1)]


def quarter_starts(start: date, end: date) -> list[date]:
    """First days of the quarters that begin in the period."""
    months = range(start.year * 12 + start.month - 1, end.year * 12 + end.month)
    starts = [date(month // 12, month % 12 + 1, 1) for month in months if month % 3 == 0]
    return [day for day in starts if day >= start]


def month_ends(start: date, end: date) -> list[date]:
    """Last days of the period's months; of a month that it does not reach the end of, the period's last day."""
    span = (start + timedelta(days=n) for n in range((end - start).days + 1))
    return [day for day in span if day == end or (day + timedelta(days=1)).day == 1]
