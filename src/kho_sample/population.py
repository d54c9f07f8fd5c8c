"""Services registered for connection with the population database: the whole list at the first day of every quarter."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from random import Random

from kho_sample.agencies import Agency
from kho_sample.export import ROWS_PER_SPOILED, Export
from kho_sample.section import Count, Level, Period, Section
from kho_sample.sheet import workbook
from kho_sample.system import Place, System
from kho_sample.working_days import quarter_starts

HEADER = (
    ("STT", "Đơn vị", "", "Dịch vụ", "", "Ngày đăng ký", "Trạng thái"),
    ("", "Mã định danh", "Tên đơn vị", "Mã dịch vụ", "Tên dịch vụ", "", ""),
)
SUBJECTS = (
    "Đăng ký thường trú",
    "Đăng ký khai sinh",
    "Cấp thẻ bảo hiểm y tế",
    "Trợ cấp xã hội",
    "Đăng ký kết hôn",
)


class Population(Section):
    """How many different services the district itself and its communes have registered by the last list."""

    services_registered_with_population_database: dict[Level, Count]


def exports(told: Population, place: Place) -> list[Export]:
    """The list of every quarter; the ones before the last lack what was registered later, and have a wrong row."""
    rng = Random(f"{place.seed} population")
    rows = _rows(told, place.period, place.units, rng)
    days = quarter_starts(place.period.start, place.period.end)
    found = []
    for day in days:
        now = [list(row) for row in rows if row[4] <= day]
        if day != days[-1] and len(now) > ROWS_PER_SPOILED:
            column, text = rng.choice(SPOILED)
            now[-1][column] = text
        found.append(
            Export(
                "population", "services", f"services_{day:%Y%m%d}.xlsx", _list(now, place.units[0], day), day
            )
        )
    return found


def _rows(told: Population, period: Period, units: Sequence[Agency], rng: Random) -> list[list[object]]:
    """Every service at one of the units at least; each commune has most of the communes' services."""
    last = quarter_starts(period.start, period.end)[-1]
    found: list[list[object]] = []
    for level, count in told.services_registered_with_population_database.items():
        seats = [units[0]] if level == "district" else [unit for unit in units if unit.level == level]
        first = 1 if level == "district" else 1001
        for n in range(count):
            for seat, unit in enumerate(seats):
                if seat == n % len(seats) or rng.random() < 0.8:
                    registered = min(last, period.start + timedelta(days=rng.choice((-30, -9, 0, 40, 80))))
                    state = rng.choice(("Đã đăng ký", "Đã kết nối"))
                    found.append(_row(unit, first + n, registered, state))
        # Given up again: not registered.
        found.append(_row(seats[-1], first + count, period.start, "Đã hủy"))
    return found


def _row(unit: Agency, number: int, registered: date, state: str) -> list[object]:
    title = f"{SUBJECTS[number % len(SUBJECTS)]} (dịch vụ {number})"
    return [unit.code, unit.name, f"DVC-{number:04d}", title, registered, state]


def _list(rows: list[list[object]], district: Agency, day: date) -> bytes:
    above = [
        [f"{district.name.upper()}"],
        [f"DỊCH VỤ ĐĂNG KÝ KẾT NỐI CƠ SỞ DỮ LIỆU QUỐC GIA VỀ DÂN CƯ (ĐẾN {day:%d/%m/%Y})"],
    ]
    merged = [(2, 0, 3, 0), (2, 1, 2, 2), (2, 3, 2, 4), (2, 5, 3, 5), (2, 6, 3, 6)]
    numbered = [[n, *row] for n, row in enumerate(rows, start=1)]
    grid = [*above, *map(list, HEADER), *numbered, ["Tổng số", f"{len(rows)} lượt đăng ký"]]
    return workbook("Dịch vụ", day, grid, merged)


#: column of the row (without its number) and what stands there when it is wrong
SPOILED = ((4, "quý I"), (2, "DVC-1"), (5, "Chờ duyệt"), (0, "12"))


SYSTEM = System("population", {"population": exports}, section="population", told_as=Population)
