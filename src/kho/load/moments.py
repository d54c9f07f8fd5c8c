"""Dates and times of a fixed width, told from their bytes by the thousand: what is surely one, and its value as the server
has it. Whatever else a text may be, the server says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from psycopg import Connection

from kho.contract import Column, Contract
from kho.contract.moments import pattern

_EPOCH = date(2000, 1, 1)  # of the server's dates and times
_DAY = 86_400_000_000  # microseconds
#: what lies so near to a change of a zone's offset is not sure
_NEAR = 2 * _DAY
_FIRST_DAY = date(1970, 1, 1)
_YEARS_AHEAD = 12  # of the delivery
_MONTHS = 16  # places of a year in the tables below; those without a month have no days

Array = np.ndarray[Any, np.dtype[Any]]


@lru_cache(maxsize=1)
def _calendar() -> tuple[Array, Array]:
    """By `year * _MONTHS + month`: the first day of the month, counted from the epoch, and how many days it has."""
    starts = np.arange("0001-01", "9999-12", dtype="datetime64[M]").astype("datetime64[D]").astype(np.int64)
    lengths = np.diff(starts)
    months = np.arange(len(lengths))
    places = (months // 12 + 1) * _MONTHS + months % 12 + 1
    first, length = np.zeros(10_000 * _MONTHS, np.int64), np.zeros(10_000 * _MONTHS, np.uint8)
    first[places] = starts[:-1] - (_EPOCH - date(1970, 1, 1)).days
    length[places] = lengths
    return first, length


class Shape:
    """How a moment is written, without fraction or offset: `dd/MM/yyyy HH:mm`."""

    def __init__(self, written: str) -> None:
        written = written.replace("'", "")
        self.width = len(written)
        self.is_time = "HH" in written
        self._digits = [place for place, letter in enumerate(written) if letter in "yMdHms"]
        self._signs = [(place, ord(sign)) for place, sign in enumerate(written) if sign not in "yMdHms"]
        self._at = {
            part: written.index(part) for part in ("yyyy", "MM", "dd", "HH", "mm", "ss") if part in written
        }

    def read(self, texts: Array) -> tuple[Array, Array]:
        """Microseconds (of dates: days) since the epoch, on the clock's face, and which texts are so; a text is a row of bytes."""
        across = np.ascontiguousarray(texts.T)
        digits = across - np.uint8(48)
        is_one = np.ones(len(texts), bool)
        for place in self._digits:
            is_one &= digits[place] < 10
        for place, sign in self._signs:
            is_one &= across[place] == sign

        def two(place: int) -> Array:
            return digits[place] * np.uint8(10) + digits[place + 1]

        first, length = _calendar()
        year, month, day = self._at["yyyy"], two(self._at["MM"]), two(self._at["dd"])
        is_one &= month < _MONTHS
        at = (two(year).astype(np.int32) * 100 + two(year + 2)) * _MONTHS + month
        if not is_one.all():
            at[~is_one] = 0
        is_one &= (day >= 1) & (day <= length[at])
        value = first[at] + day - 1
        if not self.is_time:
            return value, is_one
        seconds = np.zeros(len(texts), np.int32)
        for part, beyond, size in (("HH", 24, 3600), ("mm", 60, 60), ("ss", 60, 1)):
            if part in self._at:
                number = two(self._at[part])
                is_one &= number < beyond
                seconds += number.astype(np.int32) * np.int32(size)
        return (value * 86_400 + seconds) * 1_000_000, is_one


@dataclass(frozen=True)
class Clock:
    """A zone's offsets, as the server knows them: from each local moment on, the next offset."""

    starts: Array
    offsets: Array
    end: int

    @classmethod
    def of(cls, connection: Connection, zone: str, day: date) -> Clock:
        """From long before a delivery of `day` until long after it."""
        changes = connection.execute(_CHANGES, [zone, _FIRST_DAY, date(day.year + _YEARS_AHEAD, 1, 1)])
        starts, offsets = (np.array(each, np.int64) for each in zip(*changes, strict=True))
        return cls(starts[:-1], offsets[:-1], int(starts[-1]))

    def utc(self, local: Array) -> tuple[Array, Array | None]:
        """The same moments in UTC, and which of them are sure; None: all."""
        first, last = int(local.min(initial=self.end)), int(local.max(initial=int(self.starts[0])))
        place = int(np.searchsorted(self.starts, first, side="right")) - 1
        following = int(self.starts[place + 1]) if place + 1 < len(self.starts) else self.end
        if place >= 0 and first - self.starts[place] > _NEAR and following - last > _NEAR:
            return local - self.offsets[place], None
        places = np.searchsorted(self.starts, local, side="right") - 1
        starts, ends = self.starts[places], np.append(self.starts[1:], self.end)[places]
        sure = (places >= 0) & (local - starts > _NEAR) & (ends - local > _NEAR)
        return local - self.offsets[places], sure


#: from midnight to midnight, and the end
_CHANGES = """
    with midnight as (
      select local, local - (local at time zone given.zone at time zone 'UTC') as ahead, local = given.until as is_last
      from (select %s::text as zone, %s::timestamp as since, %s::timestamp as until) as given,
        generate_series(given.since, given.until, interval '1 day') as local
    ), told as (
      select *, lag(ahead) over (order by local) as before from midnight
    )
    select (extract(epoch from local - '2000-01-01') * 1000000)::bigint, (extract(epoch from ahead) * 1000000)::bigint
    from told where ahead is distinct from before or is_last order by local
"""


@dataclass(frozen=True)
class Judged:
    """A column's values in the server's units, which rows have any, and which lose one that lies where none can."""

    values: Array
    has_value: Array
    is_emptied: Array


class Moments:
    """The columns of a contract that are all written in one way, or as a day alone."""

    def __init__(self, contract: Contract, columns: list[Column], day: date, clock: Clock | None) -> None:
        self.columns, self._clock = columns, clock
        written = contract.file.date_format if clock is None else contract.file.timestamp_format
        self._shape, self._day = Shape(written), Shape(pattern(written).day)
        self._bounds = [_bounds(contract, each, day) for each in columns]

    def judge(self, texts: list[tuple[Array, Array]], good: Array) -> list[Judged]:
        """What each column has; takes from `good` what is not sure. A column's texts are given as where each begins, and their bytes."""
        rows, found = len(good), []
        lengths = [offsets[1:] - offsets[:-1] for offsets, _ in texts]
        whole = [each == self._shape.width for each in lengths]
        values, sure = self._read(
            self._shape,
            [_rows(*each, chosen, self._shape.width) for each, chosen in zip(texts, whole, strict=True)],
        )
        at = 0
        for column, (low, high), length, is_whole, (offsets, data) in zip(
            self.columns, self._bounds, lengths, whole, texts, strict=True
        ):
            many = int(np.count_nonzero(is_whole))
            value, is_sure = _spread(rows, is_whole, values[at : at + many], sure[at : at + many])
            at += many
            has_value = is_whole
            if column.keys.may_lack_time and column.type == "timestamp":
                is_day = length == self._day.width
                if is_day.any():
                    days, days_sure = self._read(self._day, [_rows(offsets, data, is_day, self._day.width)])
                    value[is_day], is_sure[is_day] = days, days_sure
                    has_value = is_whole | is_day
            is_possible = value >= low if high is None else (value >= low) & (value < high)
            if column.required:
                good &= is_sure & is_possible if column.is_stored else is_sure
            else:
                good &= is_sure | (length == 0)
            found.append(Judged(value, has_value & is_possible, has_value & ~is_possible))
        return found

    def _read(self, shape: Shape, texts: list[Array]) -> tuple[Array, Array]:
        values, sure = shape.read(texts[0] if len(texts) == 1 else np.concatenate(texts))
        if self._clock is None:
            return values, sure
        if not shape.is_time:
            values = values * _DAY
        values, near_none = self._clock.utc(values)
        return values, sure if near_none is None else sure & near_none


def _rows(offsets: Array, data: Array, chosen: Array, width: int) -> Array:
    """The chosen texts, all of this width, below each other."""
    many = int(np.count_nonzero(chosen))
    if offsets[-1] - offsets[0] == many * width:  # the others are empty
        return data[offsets[0] : offsets[-1]].reshape(many, width)
    if not many:
        return np.zeros((0, width), np.uint8)
    return np.lib.stride_tricks.sliding_window_view(data, width)[offsets[:-1][chosen]]


def _spread(rows: int, chosen: Array, values: Array, sure: Array) -> tuple[Array, Array]:
    """Values and certainties of the chosen rows in their places."""
    if len(values) == rows:
        return values, sure
    value, is_sure = np.zeros(rows, np.int64), np.zeros(rows, bool)
    value[chosen], is_sure[chosen] = values, sure
    return value, is_sure


def _bounds(contract: Contract, column: Column, day: date) -> tuple[int, int | None]:
    """Where the server takes values of a column: from the first on, below the second."""
    zone = ZoneInfo(contract.file.time_zone)

    def start(of: date) -> int:
        if column.type == "date":
            return (of - _EPOCH).days
        epoch = datetime(_EPOCH.year, _EPOCH.month, _EPOCH.day, tzinfo=UTC)
        return (datetime.combine(of, time(), zone) - epoch) // timedelta(microseconds=1)

    is_version = column.name == contract.file.version_column
    return start(column.keys.earliest), None if is_version else start(
        day + timedelta(column.keys.days_ahead + 1)
    )
