"""A small report made by hand, with every state and part: what writes a report needs no warehouse."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

from kho.figures.figures import Figure, State
from kho.report import vietnamese
from kho.report.content import Area, Breakdown, Cell, Content, Issue, Line, Revision, Series

FIRST, LAST = date(2021, 1, 1), date(2021, 6, 30)
LEVELS = ("all", "district", "commune")
UNITS = ("Thị trấn Long Phú", "Xã Song Phụng", "Thị trấn Đại Ngãi", "Xã Hậu Thạnh", "Xã Tân Hưng")
MONTHS = ("01/2021", "02/2021", "03/2021", "04/2021", "05/2021", "06/2021")


def figure(
    metric: str,
    title: str,
    value: str | None,
    *,
    unit: tuple[str, str] = ("dossiers", "hồ sơ"),
    level: str = "all",
    detail: str = "",
    state: State = "measured",
    measured: str | None = None,
) -> Figure:
    number = None if value is None else Decimal(value)
    return Figure(
        metric=metric,
        level=level,
        detail=detail,
        value=number,
        unit=unit[0],
        state=state,
        measured_value=number if measured is None else Decimal(measured),
        numerator=number,
        denominator=None,
        as_of=LAST,
        release=7,
        title=title,
        unit_title=unit[1],
        detail_title=detail,
        scope_code="H51.12",
        first_day=FIRST,
        last_day=LAST,
    )


def cell(of: Figure | None) -> Cell:
    return Cell(vietnamese.printed(of), of.value, of.state, of) if of else Cell("", None, None, None)


def line(*figures: Figure) -> Line:
    """A line of the levels that there are figures for."""
    by_level = {each.level: each for each in figures}
    first = figures[0]
    return Line(
        first.metric,
        first.detail_title or first.title,
        first.unit_title,
        bool(first.detail),
        [cell(by_level.get(level)) for level in LEVELS],
        vietnamese.notes(by_level, vietnamese.levels("Huyện Long Phú", LEVELS)),
    )


RECEIVED = figure("dossiers_received", "Hồ sơ tiếp nhận trong kỳ", "32501")
LATE = figure("dossiers_resolved_late", "Hồ sơ giải quyết quá hạn", "0", state="attested", measured="4")
ONLINE = figure("dossiers_received_online", "Hồ sơ tiếp nhận trực tuyến", None, state="not_operated")
PROCEDURES = figure(
    "procedures_on_one_stop",
    "Thủ tục hành chính tiếp nhận tại một cửa",
    "9",
    unit=("procedures", "thủ tục"),
    level="commune",
    detail="military",
)
SIGNED = figure(
    "documents_electronic_signed_pct", "Tỷ lệ văn bản gửi điện tử có ký số", "61.87", unit=("percent", "%")
)
LISTENS = figure("broadcast_listens", "Lượt nghe", None, unit=("listens", "lượt nghe"), state="not_delivered")


def breakdowns() -> list[Breakdown]:
    by_unit = [replace(RECEIVED, value=Decimal(1000 + 377 * place)) for place in range(len(UNITS) - 1)]
    resolved = [replace(each, title="Hồ sơ đã giải quyết", value=each.value - 7) for each in by_unit]
    by_month = [replace(RECEIVED, value=Decimal(5000 + 111 * place)) for place in range(len(MONTHS))]
    return [
        Breakdown(
            "Hồ sơ theo đơn vị",
            "unit",
            "hồ sơ",
            list(UNITS),
            ["31639", "31642", "31645", "31648", "31660"],
            [
                Series("Tiếp nhận", [*map(cell, by_unit), cell(ONLINE)]),
                Series("Đã giải quyết", [*map(cell, resolved), cell(ONLINE)]),
            ],
        ),
        Breakdown(
            "Hồ sơ theo tháng",
            "month",
            "hồ sơ",
            list(MONTHS),
            [""] * len(MONTHS),
            [Series("Tiếp nhận", list(map(cell, by_month)))],
        ),
    ]


def draft() -> Content:
    return Content(
        title="Kết quả ứng dụng công nghệ thông tin 6 tháng đầu năm 2021",
        issuer="Ủy ban nhân dân huyện Long Phú",
        parent_name="Ủy ban nhân dân tỉnh Sóc Trăng",
        place="Long Phú",
        scope_code="H51.12",
        unit_code="946",
        scope_name="Huyện Long Phú",
        first_day=FIRST,
        last_day=LAST,
        period_title="6 tháng đầu năm 2021",
        release=7,
        business_date=LAST,
        issue=None,
        earlier=None,
        notices=[
            "Số liệu của Một cửa điện tử sau ngày 15/06/2021 chưa có, nên các chỉ tiêu sau có thể thấp hơn thực tế:"
            " hồ sơ tiếp nhận trong kỳ."
        ],
        levels=["Toàn huyện", "Cấp huyện", "Cấp xã"],
        areas=[
            Area(
                "one_stop",
                "Một cửa điện tử",
                ["Hồ sơ tiếp nhận trong kỳ: 32.501 hồ sơ (cấp huyện 4.728 hồ sơ, cấp xã 27.773 hồ sơ)."],
                [
                    line(
                        RECEIVED,
                        replace(RECEIVED, level="district", value=Decimal(4728)),
                        replace(RECEIVED, level="commune", value=Decimal(27773)),
                    ),
                    line(LATE),
                    line(
                        replace(
                            LATE, level="commune", detail="Châu Khánh", detail_title="Châu Khánh / hộ tịch"
                        )
                    ),
                    line(ONLINE),
                    line(PROCEDURES),
                ],
                breakdowns(),
            ),
            Area("documents", "Quản lý văn bản và chữ ký số", ["Đạt 61,87%."], [line(SIGNED)], []),
            Area("broadcasting", "Truyền thanh", ["Chưa có số liệu của kỳ."], [line(LISTENS)], []),
        ],
        remarks=["Cấp xã: 587 văn bản vừa ký số & vừa gửi bản giấy, thí dụ <mã>."],
        revisions=[],
        sources=[],
        definitions=[],
    )


def reported(by: str = "Chủ tịch UBND huyện") -> Content:
    """The same, reported for the second time, since a figure had become another."""
    earlier = Issue(1, by, datetime(2021, 7, 1, 8, 0), 6)
    return replace(
        draft(),
        issue=Issue(2, by, datetime(2021, 7, 5, 8, 0), 7),
        earlier=earlier,
        notices=[],
        revisions=[
            Revision(
                title="Hồ sơ tiếp nhận trong kỳ, toàn huyện",
                figure=RECEIVED,
                reported=Decimal(32500),
                reported_text="32.500",
                now_text="32.501",
                because=["số liệu của Một cửa điện tử ngày 30/06/2021 mới tính vào"],
            ),
        ],
    )


def rows(content: Content, is_book: bool = False) -> list[str]:
    """What is read in every table from left to right: a row of the document; of the workbook its parts, since
    LibreOffice writes texts that may take several lines apart from the others."""
    read: list[list[str]] = []
    for area in content.areas:
        for line in area.lines:
            numbers = [line.unit_title, *(cell.text for cell in line.cells)]
            read += [[line.title], numbers, [line.note]] if is_book else [[line.title, line.note, *numbers]]
        for breakdown in area.breakdowns:
            for place, label in enumerate(breakdown.labels):
                numbers = [series.cells[place].text for series in breakdown.series]
                read.append([label, *([breakdown.codes[place]] if is_book else []), *numbers])
    return [" ".join(filter(None, row)) for row in read]
