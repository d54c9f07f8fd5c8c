"""Staff, official mailboxes and computers of the units: three lists at the first day of every quarter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil
from random import Random

from pydantic import model_validator

from kho_sample import people
from kho_sample.agencies import Agency
from kho_sample.export import ROWS_PER_SPOILED, Export
from kho_sample.section import Count, Level, Period, Section
from kho_sample.sheet import workbook
from kho_sample.system import Place, System
from kho_sample.working_days import quarter_starts

STAFF = ("STT", "Mã cán bộ", "Họ và tên", "Ngày sinh", "Chức vụ", "Mã định danh")
MAILBOXES = ("STT", "Địa chỉ hộp thư", "Mã cán bộ", "Mã định danh", "Trạng thái")
COMPUTERS = ("STT", "Mã tài sản", "Mã cán bộ sử dụng", "Mã định danh", "Năm mua", "Kết nối mạng")
POSITIONS = ("Chuyên viên", "Công chức văn phòng", "Công chức tư pháp", "Phó Trưởng phòng", "Cán sự")


class Workplace(Section):
    """How many staff there are by the last list, and how many of them have what."""

    staff_in_workplace: dict[Level, Count]
    staff_with_official_mailbox: dict[Level, Count]
    staff_with_networked_computer: dict[Level, Count]

    @model_validator(mode="after")
    def _parts_fit_their_wholes(self) -> Workplace:
        for name in ("staff_with_official_mailbox", "staff_with_networked_computer"):
            for level, count in getattr(self, name).items():
                if count > self.staff_in_workplace.get(level, 0):
                    raise ValueError(
                        f"{name} of {level} is {count}, more than staff_in_workplace, which is"
                        f" {self.staff_in_workplace.get(level, 0)}"
                    )
        return self

    def scaled(self, factor: float) -> Workplace:
        """The same at another size: nobody vanishes."""
        return Workplace.model_validate(
            {name: {level: ceil(count * factor) for level, count in by.items()} for name, by in self}
        )


@dataclass(frozen=True)
class Person:
    """Somebody on the staff by the last list; those who are new were not on the ones before."""

    code: str
    unit: Agency
    row: tuple[object, ...]
    has_mailbox: bool
    has_computer: bool
    is_new: bool


def exports(told: Workplace, place: Place) -> list[Export]:
    """Three workbooks for every quarter. In all but the last some have less than in the end, and a row is wrong."""
    rng = Random(f"{place.seed} workplace")
    staff = _staff(told, place.units, place.period, rng)
    days = quarter_starts(place.period.start, place.period.end)
    found = []
    for day in days:
        is_last = day == days[-1]
        now = [person for person in staff if is_last or not person.is_new]
        waiting = set() if is_last else {person.code for person in now[::9]}
        for entity, header, rows in (
            ("staff", STAFF, [list(person.row) for person in now]),
            ("mailboxes", MAILBOXES, _mailboxes(now, waiting, place.units)),
            ("computers", COMPUTERS, _computers(now, waiting, place.units, day)),
        ):
            if not is_last and len(rows) > ROWS_PER_SPOILED:
                column, text = SPOILED[entity]
                rows[len(rows) // 2][column] = text
            found.append(_export(entity, header, day, rows))
    return found


def _staff(told: Workplace, units: Sequence[Agency], period: Period, rng: Random) -> list[Person]:
    found = []
    for level, count in told.staff_in_workplace.items():
        seats = [unit for unit in units if unit.level == level]
        for n in range(count):
            code = f"CB-{len(found) + 1:05d}"
            unit = seats[n % len(seats)]
            born = period.start - timedelta(days=rng.randint(8500, 21000))
            found.append(
                Person(
                    code,
                    unit,
                    (code, people.name(rng), born, rng.choice(POSITIONS), unit.code),
                    n < told.staff_with_official_mailbox.get(level, 0),
                    n < told.staff_with_networked_computer.get(level, 0),
                    rng.random() < 0.03,
                )
            )
    return found


def _mailboxes(staff: list[Person], waiting: set[str], units: Sequence[Agency]) -> list[list[object]]:
    """One for whoever has one, one for every unit, and locked ones of people who left."""
    rows: list[list[object]] = [
        [f"{person.code.lower()}@example.gov.vn", person.code, person.unit.code, "Hoạt động"]
        for person in staff
        if person.has_mailbox and person.code not in waiting
    ]
    rows += [[f"{unit.code.lower()}@example.gov.vn", "", unit.code, "Hoạt động"] for unit in units]
    return [*rows, *([f"cu{n}@example.gov.vn", f"CB-9{n:04d}", units[0].code, "Khóa"] for n in range(3))]


def _computers(
    staff: list[Person], waiting: set[str], units: Sequence[Agency], day: date
) -> list[list[object]]:
    """One for whoever has one, those who wait off the network, and an old shared one at every unit."""
    rows: list[list[object]] = [
        [
            f"MT-{person.code[3:]}",
            person.code,
            person.unit.code,
            day.year - 5,
            "" if person.code in waiting else "x",
        ]
        for person in staff
        if person.has_computer
    ]
    return [*rows, *([f"MT-8{n:04d}", "", unit.code, day.year - 9, ""] for n, unit in enumerate(units))]


def _export(entity: str, header: Sequence[str], day: date, rows: list[list[object]]) -> Export:
    numbered = [[n, *row] for n, row in enumerate(rows, start=1)]
    grid = [[f"DANH SÁCH ĐẾN NGÀY {day:%d/%m/%Y}"], [], list(header), *numbered, ["Tổng cộng", len(rows)]]
    return Export("workplace", entity, f"{entity}_{day:%Y%m%d}.xlsx", workbook("Danh sách", day, grid), day)


#: column of the row (without its number) and what stands there when it is wrong
SPOILED = {"staff": (4, "phòng họp"), "mailboxes": (3, "không rõ"), "computers": (3, "chưa rõ")}


SYSTEM = System("workplace", {"workplace": exports}, section="workplace", told_as=Workplace)
