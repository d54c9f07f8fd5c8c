"""A form as a workbook: the printed layout with merged heads, and numbers that are numbers."""

from __future__ import annotations

import io
from decimal import Decimal

import xlsxwriter

from kho.forms import printed
from kho.forms.form import Form, Line
from kho.report.workbook import LINE, OPTIONS, PART, WHOLE

_ORDINAL, _SUBJECT, _NUMBER, _NOTE = 5, 42, 11, 46  # widths in characters


def render(form: Form) -> bytes:
    """The workbook's bytes."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, OPTIONS) as book:
        _Sheet(book, form).write()
    return file.getvalue()


class _Sheet:
    def __init__(self, book: xlsxwriter.Workbook, form: Form) -> None:
        self._form = form
        self._sheet = book.add_worksheet(f"Biểu {form.code}")
        line = {"border": 1, "valign": "vcenter"}
        head = line | {"bold": True, "align": "center", "text_wrap": True}
        self._issuer = book.add_format({"bold": True})
        self._title = book.add_format({"bold": True, "align": "center"})
        self._foot = book.add_format({"italic": True, "text_wrap": True, "valign": "top"})
        self._head = book.add_format(head)
        self._ordinal = book.add_format(line | {"italic": True, "align": "center"})
        self._section = book.add_format(line | {"bold": True})
        self._texts = [book.add_format(line | {"text_wrap": True, "bold": bold}) for bold in (False, True)]
        self._numbers = {
            (kind, bold): book.add_format(line | {"num_format": shape, "align": "right", "bold": bold})
            for kind, shape in ((int, WHOLE), (Decimal, PART))
            for bold in (False, True)
        }
        self._absent = book.add_format(line | {"align": "center"})

    def write(self) -> None:
        form, sheet = self._form, self._sheet
        last = form.width + 1
        sheet.set_column(0, 0, _ORDINAL)
        sheet.set_column(1, 1, _SUBJECT)
        sheet.set_column(2, last, _NUMBER)
        sheet.set_column(last + 1, last + 1, _NOTE)
        sheet.set_landscape()
        sheet.set_paper(9)  # A4
        sheet.fit_to_pages(1, 0)
        sheet.write_string(0, 0, form.issuer, self._issuer)
        y = 1
        for text in printed.title_lines(form):
            sheet.merge_range(y, 0, y, last, text, self._title)
            y += 1
        y = self._heads(y + 1)
        for section in form.sections:
            sheet.merge_range(y, 0, y, last, section.title, self._section)
            y += 1
            for line in section.lines:
                self._line(y, line)
                y += 1
        for text in printed.foot_lines(form):
            y += 1
            sheet.merge_range(y, 0, y, last, text, self._foot)
            width = _ORDINAL + _SUBJECT + _NUMBER * form.width
            sheet.set_row(y, LINE * (1 + len(text) // width))

    def _heads(self, top: int) -> int:
        """Written from this row on; gives the row after them."""
        for place in printed.heads(self._form):
            area = top + place.top, place.left, top + place.bottom, place.right
            if (place.top, place.left) == (place.bottom, place.right):
                self._sheet.write_string(*area[:2], place.title, self._head)
            else:
                self._sheet.merge_range(*area, place.title, self._head)
        y = top + printed.height(self._form)
        self._sheet.set_row(y - 1, 3 * LINE)
        for x, number in enumerate(printed.numbers(self._form)):
            self._sheet.write_string(y, x, number, self._ordinal)
        self._sheet.freeze_panes(y + 1, 2)
        self._sheet.repeat_rows(top, y)
        return y + 1

    def _line(self, y: int, line: Line) -> None:
        text = self._texts[line.is_total]
        self._sheet.write_string(y, 0, line.ordinal, text)
        self._sheet.write_string(y, 1, line.title, text)
        for x, count in enumerate(line.counts, 2):
            if count is None:
                self._sheet.write_string(y, x, "–", self._absent)
            else:
                self._sheet.write_number(y, x, count, self._numbers[type(count), line.is_total])
        if line.note:
            self._sheet.write_string(y, 2 + len(line.counts), line.note, self._foot)
