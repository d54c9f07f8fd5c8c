"""Form II.06 of dossiers that are in a ministry's own system: a sheet per unit and month, as that system prints it."""

from __future__ import annotations

from datetime import date
from math import ceil
from random import Random

from kho_sample.agencies import Agency
from kho_sample.export import Export
from kho_sample.section import Count, Section
from kho_sample.shares import shares
from kho_sample.sheet import workbook
from kho_sample.system import Place, System
from kho_sample.working_days import month_ends

HEADS = (
    ["Biểu số II.06a/VPCP/KSTT"],
    [],
    ["STT", "Lĩnh vực giải quyết", "Số hồ sơ nhận giải quyết", "", "", "", "Số hồ sơ đã giải quyết", "", "", "",
     "Số hồ sơ đang giải quyết"],
    ["", "", "Tổng số", "Trực tuyến", "Trực tiếp, bưu chính", "Từ kỳ trước", "Tổng số", "Trước hạn", "Đúng hạn",
     "Quá hạn", "Tổng số", "Trong hạn", "Quá hạn"],
    [f"({n})" for n in range(1, 14)],
)  # fmt: skip
FIELDS = ("Hộ tịch", "Chứng thực")


class MinistryForms(Section):
    """What units receive in the ministries' systems, all of them in all months."""

    units: Count
    dossiers_received: Count

    def scaled(self, factor: float) -> MinistryForms:
        """The same units with fewer dossiers: none vanishes."""
        return MinistryForms(units=self.units, dossiers_received=ceil(self.dossiers_received * factor))


def exports(told: MinistryForms, place: Place) -> list[Export]:
    """The sheets of the first units; what is pending in one month is carried over into the next."""
    rng = Random(f"{place.seed} ministry forms")
    units = place.units[: told.units]
    months = month_ends(place.period.start, place.period.end)
    cells = [(unit, field) for unit in units for field in FIELDS]
    received = shares(told.dossiers_received, [rng.uniform(0.5, 2) for _ in cells for _ in months])
    pending = dict.fromkeys(((unit.code, field) for unit, field in cells), 0)
    found, number = [], 0
    for last in months:
        for unit in units:
            rows = []
            for field in FIELDS:
                row = _row(received[number], pending[unit.code, field], rng)
                pending[unit.code, field] = row[8]
                rows.append(row)
                number += 1
            found.append(_sheet(unit, last, rows))
    return found


def _row(received: int, carried_over: int, rng: Random) -> list[int]:
    """Columns 3 to 13."""
    online = rng.randint(0, received)
    whole = received + carried_over
    pending = min(whole, rng.randint(0, 3))
    resolved = whole - pending
    late = min(resolved, rng.randint(0, 2))
    early = rng.randint(0, resolved - late)
    overdue = rng.randint(0, pending)
    return [
        whole, online, received - online, carried_over,
        resolved, early, resolved - late - early, late,
        pending, pending - overdue, overdue,
    ]  # fmt: skip


def _sheet(unit: Agency, last: date, rows: list[list[int]]) -> Export:
    lines: list[list[object]] = [
        [n, field, *row] for n, (field, row) in enumerate(zip(FIELDS, rows, strict=True), start=1)
    ]
    lines.append(["", "TỔNG CỘNG", *map(sum, zip(*rows, strict=True))])
    name = f"II06_{unit.code}_{last:%Y%m%d}.xlsx"
    return Export("ministry_forms", "settlement", name, workbook("Biểu II.06", last, [*HEADS, *lines]), last)


SYSTEM = System(
    "ministry_forms", {"ministries' forms": exports}, section="ministry_forms", told_as=MinistryForms
)
