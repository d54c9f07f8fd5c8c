"""The province's register of the software that a district's units work with: one list, at the period's beginning."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Literal

from pydantic import Field

from kho_sample.agencies import Agency
from kho_sample.export import Export, crlf_csv
from kho_sample.section import Section
from kho_sample.system import Place, System

HEADER = (
    "STT", "Mã huyện", "Phần mềm", "Mã định danh", "Tên đơn vị", "Gồm phòng ban", "Đưa vào sử dụng",
    "Ngừng sử dụng", "Văn bản",
)  # fmt: skip


class Operation(Section):
    """A system by the register's name for it, and who works with it."""

    software: str
    units: Literal["district", "communes", "all"]
    has_departments: bool = True
    start: date = Field(alias="from")
    end: date | None = Field(None, alias="to")
    document: str


def exports(told: Sequence[Operation], place: Place) -> list[Export]:
    """The district's list, with a remark at its end as such lists have."""
    district = place.units[0]
    rows = [list(HEADER)]
    for one in told:
        for unit in _working_with(one, place.units):
            has_departments = "x" if one.has_departments and unit is district else ""
            until = f"{one.end:%d/%m/%Y}" if one.end else ""
            rows.append(
                [
                    str(len(rows)), district.code, one.software, unit.code, unit.name, has_departments,
                    f"{one.start:%d/%m/%Y}", until, one.document,
                ]
            )  # fmt: skip
    rows.append(["Ghi chú: ngày ngừng sử dụng để trống là đang sử dụng", *[""] * (len(HEADER) - 1)])
    name = f"operations_{district.code}_{place.period.start:%Y%m%d}.csv"
    content = crlf_csv(rows).encode("utf-8-sig")
    return [Export("register", "operations", name, content, place.period.start)]


def _working_with(told: Operation, units: Sequence[Agency]) -> list[Agency]:
    communes = [unit for unit in units if unit.level == "commune"]
    return {"district": [units[0]], "communes": communes, "all": [units[0], *communes]}[told.units]


SYSTEM = System("register", {"register": exports}, section="operations", told_as=list[Operation])
