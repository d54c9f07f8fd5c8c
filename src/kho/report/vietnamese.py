"""How officials read figures: numbers, days, levels, states and periods in Vietnamese."""

from __future__ import annotations

import re
from collections.abc import Container
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from kho.figures.figures import DEFAULT, Figure, FigureSet
from kho.ledger.forgetting import forgotten_on

LEVELS = {"all": "Toàn bộ", "province": "Cấp tỉnh", "district": "Cấp huyện", "commune": "Cấp xã"}
STATES = {
    "measured": "đo được",
    "attested": "đã xác nhận",
    "stale": "số liệu chưa đủ",
    "partial": "chỉ có số liệu một phần kỳ",
    "not_delivered": "chưa có số liệu",
    "not_operated": "không vận hành",
    "not_applicable": "không áp dụng",
}
WITHOUT_VALUE = ("not_delivered", "not_operated", "not_applicable")
SYSTEM_STATES = {"fresh": "đủ", "stale": "chưa đủ", "not_delivered": "chưa gửi"}
#: what the name of a unit begins with, whatever its level
_KIND = re.compile(r"^(Tỉnh|Thành phố|Huyện|Quận|Thị xã|Xã|Phường|Thị trấn|Đặc khu) ")
_PARTS = {
    "H1": "6 tháng đầu năm",
    "H2": "6 tháng cuối năm",
    "9M": "9 tháng đầu năm",
    "Q1": "Quý I năm",
    "Q2": "Quý II năm",
    "Q3": "Quý III năm",
    "Q4": "Quý IV năm",
}


def number(value: Decimal | None, unit: str) -> str:
    """1234 as 1.234, 12.5 percent as 12,50, 16.6 million as 16,60; a dash for no value."""
    if value is None:
        return "–"
    is_whole = unit != "percent" and value == value.to_integral_value()
    # A half goes up, as in Excel and in every office; Python's own rounding would take it to the even digit.
    text = f"{value:,.0f}" if is_whole else f"{value.quantize(Decimal('0.01'), ROUND_HALF_UP):,f}"
    return text.translate(str.maketrans(",.", ".,"))


def printed(figure: Figure) -> str:
    """The number as a table has it; where there is none, why."""
    if figure.value is None:
        return STATES[figure.state] if figure.state in WITHOUT_VALUE else "–"
    return quantity(figure.value, figure.unit)


def code(text: str) -> str:
    """A row's code; of who was forgotten, when."""
    on = forgotten_on(text)
    return f"đã xóa theo yêu cầu ngày {day(on)}" if on else text


def quantity(value: Decimal | None, unit: str) -> str:
    """The number, a percentage with its sign."""
    return number(value, unit) + ("%" if unit == "percent" and value is not None else "")


def note(figure: Figure) -> str:
    """What has to be said of a figure's state; nothing where it is simply measured."""
    told = []
    if figure.state == "partial":
        told.append(covered(figure))
    elif figure.state == "stale":
        told.append(f"số liệu mới đến {day(figure.as_of)}" if figure.as_of else STATES["stale"])
    elif figure.state in WITHOUT_VALUE:
        told.append(STATES[figure.state])
    if figure.state == "attested" or (figure.state == "partial" and figure.measured_value != figure.value):
        told.append(f"phần mềm {quantity(figure.measured_value, figure.unit)}, {STATES['attested']}")
    return "; ".join(told)


def covered(figure: Figure) -> str:
    """Which days of the period the sources cover."""
    if figure.covered_from is None or figure.covered_to is None:
        return "không ngày nào trong kỳ có đủ số liệu"
    return f"chỉ có số liệu từ ngày {day(figure.covered_from)} đến ngày {day(figure.covered_to)}"


def notes(figures: dict[str, Figure], titles: dict[str, str]) -> str:
    """The notes of one line's figures, by level with its title; one that bears on all of them is said once."""
    told: dict[str, list[str]] = {}
    for level, figure in figures.items():
        if text := note(figure):
            told.setdefault(text, []).append(titles[level].lower())
    if len(told) == 1 and len(figures) == len(next(iter(told.values()))):
        return next(iter(told))
    return "; ".join(f"{', '.join(levels)}: {text}" for text, levels in told.items())


def restatement(figures: FigureSet) -> str:
    """That figures are restated, and from what; nothing where they are not."""
    if not figures.units_of:
        return ""
    told = f"tính theo đơn vị hành chính tại ngày {day(figures.units_of)}"
    return f"{told}, gộp từ {', '.join(figures.made_of)}" if figures.made_of else told


def judged(figures: FigureSet) -> str:
    """By which set of parameters dossiers are judged, where it is not the default."""
    return f"hồ sơ tính theo bộ tham số {figures.parameters}" if figures.parameters != DEFAULT else ""


def day(value: date) -> str:
    return f"{value:%d/%m/%Y}"


def period(asked: str, first_day: date, last_day: date) -> str:
    """What a period is called: `2021-H1` is `6 tháng đầu năm 2021`."""
    if match := re.fullmatch(r"(\d{4})(?:-(.+))?", asked.upper()):
        year, part = match.groups()
        if part is None:
            return f"Năm {year}"
        if part.isdigit():
            return f"Tháng {int(part)} năm {year}"
        if part in _PARTS:
            return f"{_PARTS[part]} {year}"
    return f"Từ ngày {day(first_day)} đến ngày {day(last_day)}"


def levels(scope_name: str, known: Container[str]) -> dict[str, str]:
    """The titles of these levels in their order; the whole is called after the scope, and is all there is to say of a
    scope of one level, such as a commune with its departments."""
    kind = _KIND.match(scope_name)
    titles = LEVELS | ({"all": f"Toàn {kind[1].lower()}"} if kind else {})
    found = {level: title for level, title in titles.items() if level in known}
    if len(found.keys() - {"all"}) > 1 or not kind:
        return found
    return {next(iter(found)): titles["all"]} if found else {}


def issuer(unit_name: str) -> str:
    """The authority of a unit, as the head of a letter names it: `Ủy ban nhân dân huyện Long Phú`."""
    return f"Ủy ban nhân dân {unit_name[0].lower()}{unit_name[1:]}"


def place(scope_name: str) -> str:
    """Where a letter is dated: `Long Phú` of `Huyện Long Phú`."""
    return _KIND.sub("", scope_name)


def lineage(figure: Figure) -> str:
    """Where a number comes from: what it is of, how it was made, from which release, one thing a line."""
    lines = [
        f"Chỉ tiêu: {figure.metric}",
        f"Phạm vi: {figure.scope_code}, {LEVELS[figure.level].lower()}",
        f"Kỳ: {day(figure.first_day)} – {day(figure.last_day)}",
        f"Trạng thái: {STATES[figure.state]}",
    ]
    if figure.detail:
        lines.insert(1, f"Chi tiết: {figure.detail}")
    if figure.numerator is not None or figure.denominator is not None:
        lines.append(f"Tử số: {number(figure.numerator, '')}")
        lines.append(f"Mẫu số: {number(figure.denominator, '')}")
    if figure.measured_value != figure.value:
        lines.append(f"Số đo trên phần mềm: {quantity(figure.measured_value, figure.unit)}")
    if figure.as_of:
        lines.append(f"Số liệu đến hết ngày: {day(figure.as_of)}")
    if figure.covered_from and figure.covered_to:
        lines.append(f"Ngày có số liệu trong kỳ: {day(figure.covered_from)} – {day(figure.covered_to)}")
    lines.append(f"Bản phát hành: {figure.release}")
    return "\n".join(lines)
