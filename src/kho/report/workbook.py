"""The report as a workbook: a sheet for each area, with numbers that are numbers and where each comes from as a note."""

from __future__ import annotations

import io
from collections.abc import Sequence
from decimal import Decimal

import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from kho.report.content import Area, Breakdown, Cell, Content, Revision
from kho.report.vietnamese import SYSTEM_STATES, day, lineage

#: of a workbook that officials print; a text in it is never a formula
OPTIONS = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "default_format_properties": {"font_name": "Times New Roman", "font_size": 12},
}
#: Vietnamese separators where a program goes by the format's language; Excel goes by the computer's
WHOLE, PART, _PERCENT = "[$-42A]#,##0", "[$-42A]#,##0.00", "[$-42A]0.00%"
#: widths of columns, in characters
_FRONT, _TITLE, _NUMBER, _NOTE, _REASON = 110, 46, 16, 44, 90
_BOLD = 0.8  # of a column's width, for words that are not cut in two
LINE = 16.5  # height of a line of text, in points


def render(content: Content) -> bytes:
    """The workbook's bytes."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, OPTIONS) as book:
        sheets = _Sheets(book)
        sheets.front(content)
        for area in content.areas:
            sheets.area(content, area)
        if content.revisions:
            sheets.revisions(content.revisions, content.earlier.version)
        sheets.sources(content)
        sheets.dictionary(content)
    return file.getvalue()


class _Sheets:
    """The sheets of one workbook; they share its formats."""

    def __init__(self, book: xlsxwriter.Workbook) -> None:
        self._book = book
        line = {"border": 1, "valign": "top"}
        self._title = book.add_format({"bold": True, "font_size": 14})
        self._subtitle = book.add_format({"italic": True})
        self._heading = book.add_format({"bold": True})
        self._alarm = book.add_format(
            {"bold": True, "font_color": "#9C0006", "text_wrap": True, "valign": "top"}
        )
        self._text = book.add_format({"text_wrap": True, "valign": "top"})
        self._head = book.add_format(
            line
            | {"bold": True, "bg_color": "#DDEBF7", "text_wrap": True, "align": "center", "valign": "vcenter"}
        )
        self._label = book.add_format(line | {"text_wrap": True, "num_format": "@"})
        self._detail = book.add_format(
            line | {"text_wrap": True, "num_format": "@", "indent": 1, "italic": True}
        )
        self._absent = book.add_format(
            line | {"italic": True, "font_color": "#7F7F7F", "align": "right", "text_wrap": True}
        )
        self._numbers = {
            form: book.add_format(line | {"num_format": form, "align": "right"}) for form in (WHOLE, PART, _PERCENT)
        }  # fmt: skip

    def front(self, content: Content) -> None:
        sheet = self._sheet("Chung", [_FRONT])
        rows = [
            (content.issuer, self._heading),
            (f"BÁO CÁO. {content.title}", self._title),
            (f"{content.scope_name} ({content.unit_code or content.scope_code}),"
             f" {day(content.first_day)} – {day(content.last_day)}", self._text),
            (content.standing, self._subtitle),
            *((notice, self._alarm) for notice in content.notices),
        ]  # fmt: skip
        for area in content.areas:
            rows += [("", self._text), (area.title, self._heading)]
            rows += [(text, self._text) for text in area.paragraphs]
        if content.remarks:
            rows += [("", self._text), ("Chất lượng số liệu", self._heading)]
            rows += [(text, self._text) for text in content.remarks]
        for y, (text, form) in enumerate(rows):
            sheet.write_string(y, 0, text, form)
            self._heighten(sheet, y, [(text, _FRONT)])

    def area(self, content: Content, area: Area) -> None:
        sheet = self._sheet(area.title, [_TITLE, 12, *(_NUMBER for _ in content.levels), _NOTE])
        sheet.write_string(0, 0, area.title, self._title)
        head = ["Chỉ tiêu", "Đơn vị tính", *content.levels, "Ghi chú"]
        y = self._header(sheet, 2, head)
        sheet.freeze_panes(y, 1)
        for y, line in enumerate(area.lines, y):  # noqa: B020
            sheet.write_string(y, 0, line.title, self._detail if line.is_detail else self._label)
            sheet.write_string(y, 1, line.unit_title, self._label)
            for x, cell in enumerate(line.cells, 2):
                self._cell(sheet, y, x, cell)
            sheet.write_string(y, 2 + len(line.cells), line.note, self._label)
            self._heighten(sheet, y, [(line.title, _TITLE), (line.note, _NOTE)])
        y += 2
        for breakdown in area.breakdowns:
            y = self._breakdown(sheet, y, breakdown) + 1

    def revisions(self, revisions: Sequence[Revision], version: int) -> None:
        sheet = self._sheet("Khác số đã báo cáo", [_FRONT // 2, _NUMBER, _NUMBER, _REASON])
        sheet.write_string(0, 0, f"Khác với số đã báo cáo (lần {version})", self._title)
        y = self._header(sheet, 2, ["Chỉ tiêu", "Đã báo cáo", "Nay", "Vì"])
        for y, revision in enumerate(revisions, y):  # noqa: B020
            sheet.write_string(y, 0, revision.title, self._label)
            self._number(sheet, y, 1, revision.reported, revision.figure.unit, revision.reported_text)
            self._number(sheet, y, 2, revision.figure.value, revision.figure.unit, revision.now_text)
            sheet.write_comment(y, 2, lineage(revision.figure), {"x_scale": 2, "y_scale": 2})
            because = "\n".join(revision.because)
            sheet.write_string(y, 3, because, self._label)
            self._heighten(sheet, y, [(revision.title, _FRONT // 2), (because, _REASON)])

    def sources(self, content: Content) -> None:
        head = ["Nguồn", "Tình trạng", "Số liệu đến hết ngày", "Kỳ báo cáo", "Đang chờ kiểm tra"]
        sheet = self._sheet("Nguồn số liệu", [52, 14, 16, 24, 60])
        sheet.write_string(0, 0, f"Nguồn số liệu của bản phát hành {content.release}", self._title)
        y = self._header(sheet, 2, head)
        for y, system in enumerate(content.systems, y):  # noqa: B020
            cells = (
                system.title,
                SYSTEM_STATES[system.state],
                day(system.as_of) if system.as_of else "–",
                "chưa đủ số liệu" if system.is_lacked else "không bị ảnh hưởng",
                ", ".join(f"ngày {day(held)}" for held in system.held),
            )
            for x, text in enumerate(cells):
                sheet.write_string(y, x, text, self._label)

    def dictionary(self, content: Content) -> None:
        head = ["Mã chỉ tiêu", "Tên", "Đơn vị tính", "Cách tính", "Tử số", "Mẫu số", "Nguồn"]
        widths = [44, 52, 12, 40, 36, 36, 50]
        sheet = self._sheet("Từ điển dữ liệu", widths)
        sheet.write_string(0, 0, "Từ điển dữ liệu", self._title)
        y = self._header(sheet, 2, head)
        sheet.freeze_panes(y, 1)
        for y, each in enumerate(content.definitions, y):  # noqa: B020
            cells = (
                each.metric, each.title, each.unit_title, each.meaning, each.numerator, each.denominator,
                ", ".join(each.sources),
            )  # fmt: skip
            for x, text in enumerate(cells):
                sheet.write_string(y, x, text, self._label)
            self._heighten(sheet, y, list(zip(cells, widths, strict=True)))

    def _breakdown(self, sheet: Worksheet, y: int, breakdown: Breakdown) -> int:
        """Written from this row on; gives the row after it."""
        sheet.write_string(y, 0, f"{breakdown.title} ({breakdown.unit_title})", self._heading)
        head = ["Đơn vị", "Mã đơn vị"] if breakdown.by == "unit" else ["Tháng", "Mã kỳ"]
        y = self._header(sheet, y + 1, [*head, *(each.title for each in breakdown.series)])
        for place, (label, code) in enumerate(zip(breakdown.labels, breakdown.codes, strict=True)):
            sheet.write_string(y + place, 0, label, self._label)
            sheet.write_string(y + place, 1, code, self._label)
            for x, series in enumerate(breakdown.series, 2):
                self._cell(sheet, y + place, x, series.cells[place])
        return y + len(breakdown.labels)

    def _cell(self, sheet: Worksheet, y: int, x: int, cell: Cell) -> None:
        if cell.figure is None:
            sheet.write_string(y, x, "", self._absent)
            return
        self._number(sheet, y, x, cell.value, cell.figure.unit, cell.text)
        sheet.write_comment(y, x, lineage(cell.figure), {"x_scale": 2, "y_scale": 2})

    def _number(self, sheet: Worksheet, y: int, x: int, value: Decimal | None, unit: str, text: str) -> None:
        """A number, or the words for why there is none."""
        if value is None:
            sheet.write_string(y, x, text, self._absent)
        elif unit == "percent":
            sheet.write_number(y, x, value / 100, self._numbers[_PERCENT])
        else:
            form = WHOLE if value == value.to_integral_value() else PART
            sheet.write_number(y, x, value, self._numbers[form])

    def _sheet(self, name: str, widths: Sequence[int]) -> Worksheet:
        sheet = self._book.add_worksheet(name)
        for x, width in enumerate(widths):
            sheet.set_column(x, x, width)
        sheet.set_landscape()
        sheet.set_paper(9)  # A4
        sheet.fit_to_pages(1, 0)
        return sheet

    def _header(self, sheet: Worksheet, y: int, titles: Sequence[str]) -> int:
        for x, title in enumerate(titles):
            sheet.write_string(y, x, title, self._head)
        self._heighten(sheet, y, [(title, _BOLD * _NUMBER) for title in titles[1:]])
        return y + 1

    @staticmethod
    def _heighten(sheet: Worksheet, y: int, cells: Sequence[tuple[str, float]]) -> None:
        """Room for every line of these texts at these widths: not every program finds it by itself.

        A letter takes less than the digit that widths are counted in.
        """
        lines = max(
            sum(1 + int(len(part) / (1.15 * width)) for part in text.split("\n")) for text, width in cells
        )
        if lines > 1:
            sheet.set_row(y, lines * LINE)
