"""Workbooks as people hand them over: title rows, merged headers, sections and totals among the rows."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date, datetime, time

import xlsxwriter

#: first row, first column, last row, last column
Range = tuple[int, int, int, int]


def workbook(name: str, on: date, rows: Sequence[Sequence[object]], merged: Sequence[Range] = ()) -> bytes:
    """A workbook of one sheet of that name. Numbers and dates are typed; `merged` cells show their first one's text.

    Its properties tell `on`: else the bytes would tell when this ran.
    """
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True})
    book.set_properties({"created": datetime.combine(on, time(17))})
    sheet, day = book.add_worksheet(name), book.add_format({"num_format": "dd/mm/yyyy"})
    for row, cells in enumerate(rows):
        for column, cell in enumerate(cells):
            if isinstance(cell, date):
                sheet.write_datetime(row, column, datetime.combine(cell, time()), day)
            elif isinstance(cell, int):
                sheet.write_number(row, column, cell)
            elif cell:
                sheet.write_string(row, column, cell)
    for first_row, first_column, last_row, last_column in merged:
        sheet.merge_range(first_row, first_column, last_row, last_column, rows[first_row][first_column])
    book.close()
    return buffer.getvalue()
