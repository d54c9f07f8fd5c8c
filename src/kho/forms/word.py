"""A form as a Word document: one table on a page that lies on its side."""

from __future__ import annotations

import io

from docx import Document
from docx.enum.section import WD_ORIENT
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.shared import Cm, Pt
from docx.table import Table, _Cell

from kho.forms import printed
from kho.forms.form import Form

_A4 = Cm(29.7), Cm(21)
_MARGIN = Cm(1.5)
_ORDINAL, _SUBJECT = Cm(1), Cm(5)


def render(form: Form) -> bytes:
    """The document's bytes."""
    document = Document()
    page = document.sections[0]
    page.orientation = WD_ORIENT.LANDSCAPE
    page.page_width, page.page_height = _A4
    page.left_margin = page.right_margin = page.top_margin = page.bottom_margin = _MARGIN
    style = document.styles["Normal"]
    style.font.name, style.font.size = "Times New Roman", Pt(11)
    style.paragraph_format.space_after = Pt(0)
    document.add_paragraph().add_run(form.issuer).bold = True
    for text in printed.title_lines(form):
        line = document.add_paragraph()
        line.alignment = WD_ALIGN_PARAGRAPH.CENTER
        line.add_run(text).bold = True
    document.add_paragraph()
    _table(document.add_table(rows=0, cols=form.width + 2, style="Table Grid"), form)
    for text in printed.foot_lines(form):
        document.add_paragraph().add_run(text).italic = True
    with io.BytesIO() as file:
        document.save(file)
        return file.getvalue()


def _table(table: Table, form: Form) -> None:
    table.alignment = WD_TABLE_ALIGNMENT.CENTER
    table.autofit = False
    for _ in range(printed.height(form) + 1):
        _repeat(table)
    for place in printed.heads(form):
        cell = table.cell(place.top, place.left).merge(table.cell(place.bottom, place.right))
        _write(cell, place.title, WD_ALIGN_PARAGRAPH.CENTER, is_bold=True)
    for x, text in enumerate(printed.numbers(form)):
        _write(table.cell(printed.height(form), x), text, WD_ALIGN_PARAGRAPH.CENTER)
    for section in form.sections:
        cells = table.add_row().cells
        _write(cells[0].merge(cells[-1]), section.title, WD_ALIGN_PARAGRAPH.LEFT, is_bold=True)
        for line in section.lines:
            cells = table.add_row().cells
            title = f"{line.title}\n{line.note}" if line.note else line.title
            _write(cells[0], line.ordinal, WD_ALIGN_PARAGRAPH.CENTER)
            _write(cells[1], title, WD_ALIGN_PARAGRAPH.LEFT, is_bold=line.is_total)
            for cell, count in zip(cells[2:], line.counts, strict=True):
                _write(cell, printed.cell(count), WD_ALIGN_PARAGRAPH.RIGHT, is_bold=line.is_total)
    wide = (_A4[0] - 2 * _MARGIN - _ORDINAL - _SUBJECT) // form.width
    for column, width in zip(table.columns, [_ORDINAL, _SUBJECT, *[wide] * form.width], strict=True):
        column.width = width
        for cell in column.cells:
            cell.width = width


def _repeat(table: Table) -> None:
    """A row of heads, which stands on every page."""
    row = table.add_row()
    row._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))


def _write(cell: _Cell, text: str, alignment: WD_ALIGN_PARAGRAPH, *, is_bold: bool = False) -> None:
    paragraph = cell.paragraphs[0]
    paragraph.alignment = alignment
    paragraph.add_run(text).bold = is_bold
