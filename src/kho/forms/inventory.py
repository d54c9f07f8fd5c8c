"""Form II.07b: procedures, those at the one-stop desks, and internal workflows, by the level that decides them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from kho.figures.figures import Scheme, asked, explained
from kho.figures.inventory import LEVELS, Inventory, inventory
from kho.figures.settlement import parameter_set
from kho.forms.form import Form, Head, Line, Section
from kho.report import vietnamese
from kho.settings import Settings

CODE = "II.07b"
TITLES = {"province": "Cấp tỉnh", "district": "Cấp huyện", "commune": "Cấp xã"}
_BY_LEVEL = (Head("Tổng số"), *(Head(TITLES[level]) for level in LEVELS))
HEADS = (
    Head("Số thủ tục thuộc thẩm quyền giải quyết", _BY_LEVEL),
    Head("Số thủ tục thực hiện tại bộ phận một cửa", _BY_LEVEL),
    Head("Số quy trình nội bộ đã ban hành", _BY_LEVEL),
)


def draft(settings: Settings, scope: str, period: str, scheme: Scheme, parameters: str | None = None) -> Form:
    """The form at the end of the period, or of the release's date in one that is not over, as the release in force has it.

    Raises `UnknownScope`, `UnknownPeriod`, `NotBegun`, `UnknownParameters` or `NoRelease`.
    """
    with explained(settings) as release:
        meant, first_day, last_day = asked(release, scope, period, scheme)
        rules = parameter_set(release, parameters or "default")
        day = min(last_day, release.business_date)  # a list holds until the next one
        *units, whole = inventory(release, meant.agency_code, day, twice=rules.counts_both_levels)
        lines = [_line(str(ordinal), unit.name, unit) for ordinal, unit in enumerate(units, start=1)]
        # No sum of the lines: several units list the same procedure.
        lines.append(_line("", "Tổng cộng", whole, is_total=True))
        return Form(
            code=CODE,
            title="Số lượng thủ tục hành chính, quy trình nội bộ giải quyết thủ tục hành chính",
            basis="Thông tư số 01/2020/TT-VPCP",
            issuer=vietnamese.issuer(meant.name) if meant.unit_code else meant.name,
            scope_code=meant.agency_code,
            scope_name=meant.name,
            period_title=vietnamese.period(period, first_day, last_day),
            first_day=first_day,
            last_day=last_day,
            as_of=day,
            parameter_set=rules.name,
            parameter_title=rules.title,
            release=release.release,
            subject="Cơ quan, đơn vị",
            heads=HEADS,
            sections=(Section("Theo cơ quan, đơn vị", tuple(lines)),),
            notices=tuple(_notices(day, whole)),
        )


def _line(ordinal: str, title: str, counts: Inventory, *, is_total: bool = False) -> Line:
    return Line(ordinal, title, (*counts.decided, *counts.at_one_stop, *counts.workflows), is_total=is_total)


def _notices(day: date, whole: Inventory) -> Iterator[str]:
    yield f"Số liệu tại ngày {vietnamese.day(day)}; một thủ tục có ở nhiều đơn vị tính một lần."
    if not whole.decided[0]:
        yield "Chưa có danh mục thủ tục nào của kỳ này."
    for level, count in zip(LEVELS, whole.decided[1:], strict=True):
        if count is None:
            yield f"{TITLES[level]}: không áp dụng."
    if whole.workflows[0] is None:
        yield "Số quy trình nội bộ: chưa có nguồn cung cấp."
