"""The report as a Word document, from a template that a unit can edit in Word.

The template is laid out by NĐ 30/2020/NĐ-CP, Appendix I. Its tags are docxtpl's: `{{ title }}` prints, `{%p for … %}`
repeats paragraphs, `{%tr for … %}` rows, `{%tc for … %}` columns. What they can name: the fields of `Content`, and
`figure(metric, level)`, `rows(breakdown)`, `chart(breakdown)`, `letterhead`, `number`, `dated`, `signature`.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zipfile import BadZipFile

from docx.opc.exceptions import OpcError
from docx.oxml.ns import qn
from docx.shared import Emu, Inches
from docx.table import Table
from docxtpl import DocxTemplate, InlineImage
from jinja2 import StrictUndefined, TemplateError, UndefinedError
from jinja2.sandbox import SandboxedEnvironment
from lxml import etree

from kho.report import charts, vietnamese
from kho.report.content import Breakdown, Cell, Content

COMMITTEE = "Ủy ban nhân dân"
TEMPLATE = Path(__file__).with_name("template.docx")


class WrongTemplate(ValueError):
    """The template cannot be filled in; the message names the file, what is wrong, where, and the remedy."""


@dataclass(frozen=True)
class Letterhead:
    """What stands above the number: the agency's own lines, and who it belongs to (a committee has nobody)."""

    above: str
    own: list[str]


@dataclass(frozen=True)
class Row:
    """One unit or month of a breakdown: a cell for each of its series."""

    label: str
    cells: list[Cell]


def render(content: Content, template: Path | None = None) -> bytes:
    """The report as a `.docx`. Raises `WrongTemplate`."""
    path = template or TEMPLATE
    try:
        document = _Document(io.BytesIO(path.read_bytes()))
        document.get_docx()
    except FileNotFoundError:
        raise WrongTemplate(f"{path}: there is no such file") from None
    except (OSError, BadZipFile, OpcError, KeyError, ValueError) as error:
        raise WrongTemplate(f"{path} is no Word document (.docx): save it in Word as .docx") from error
    try:
        document.render(_context(content, document), _environment(), autoescape=True)
    except (TemplateError, TypeError) as error:
        raise WrongTemplate(f"{path}: {error}{_place(error)}") from error
    except etree.XMLSyntaxError as error:
        raise WrongTemplate(
            f"{path}: a loop or condition ends elsewhere than it begins: write both with p"
            " ({%p for … %}, paragraphs), both with tr (rows) or both with tc (columns)"
        ) from error
    for table in document.tables:
        _keep_proportions(table)
    with io.BytesIO() as file:
        document.save(file)
        return file.getvalue()


class _Document(DocxTemplate):
    def fix_tables(self, xml: str) -> etree._Element:
        etree.fromstring(xml)  # docxtpl would go on silently with what can be read of it
        return super().fix_tables(xml)


def _environment() -> SandboxedEnvironment:
    # A template comes from outside: it may print and repeat, nothing else.
    environment = SandboxedEnvironment(undefined=StrictUndefined)
    environment.filters["date"] = vietnamese.day
    environment.filters["mid_sentence"] = lambda text: text[:1].lower() + text[1:]
    return environment


def _context(content: Content, document: DocxTemplate) -> dict[str, object]:
    is_committee = content.issuer.startswith(COMMITTEE)
    return {
        **vars(content),
        "is_draft": content.is_draft,
        "letterhead": _letterhead(content, is_committee),
        "number": "……/BC-UBND" if is_committee else "……/BC-……",
        "dated": _dated(content.issue and content.issue.reported_at),
        "signature": list(_signature(content.issue.reported_by if content.issue else "", is_committee)),
        "figure": lambda metric, level="all", detail="": _figure(content, metric, level, detail),
        "rows": _rows,
        "chart": lambda breakdown: (
            InlineImage(document, io.BytesIO(charts.png(breakdown)), width=Inches(charts.WIDTH))
            if charts.has_room(breakdown)
            else ""
        ),
    }


def _letterhead(content: Content, is_committee: bool) -> Letterhead:
    if is_committee:
        return Letterhead("", [COMMITTEE.upper(), content.issuer.removeprefix(COMMITTEE).strip().upper()])
    return Letterhead(content.parent_name.replace(COMMITTEE, "UBND").upper(), [content.issuer.upper()])


def _dated(day: datetime | None) -> str:
    """NĐ 30/2020: days below 10 and months 1 and 2 with a zero before them."""
    if day is None:
        return "ngày …… tháng …… năm ……"
    month = f"{day.month:02}" if day.month < 3 else f"{day.month}"
    return f"ngày {day.day:02} tháng {month} năm {day.year}"


def _signature(position: str, is_committee: bool) -> Iterator[str]:
    """The lines above the name, by NĐ 30/2020 Art. 13: for a committee (TM.), for its head (KT., TL.)."""
    position = re.sub(r"(CHỦ TỊCH)\b.*", r"\1", position.upper())  # of which committee, the letterhead says
    head = position.removeprefix("PHÓ ")
    if is_committee and (not position or head.startswith("CHỦ TỊCH")):
        yield "TM. ỦY BAN NHÂN DÂN"
    elif is_committee:
        yield "TL. CHỦ TỊCH"
    if head != position:
        yield f"KT. {head}"
    yield position or "CHỨC VỤ CỦA NGƯỜI KÝ"


def _figure(content: Content, metric: str, level: str, detail: str) -> str:
    for area in content.areas:
        for line in area.lines:
            for cell in line.cells:
                figure = cell.figure
                if figure and (figure.metric, figure.level, figure.detail) == (metric, level, detail):
                    return cell.text
    raise UndefinedError(f"this report has no figure('{metric}', '{level}', '{detail}')")


def _rows(breakdown: Breakdown) -> list[Row]:
    return [
        Row(label, [each.cells[at] for each in breakdown.series]) for at, label in enumerate(breakdown.labels)
    ]


def _place(error: Exception) -> str:
    """The lines of the document near the error, as docxtpl tells them."""
    near = " … ".join(filter(None, (line.strip() for line in getattr(error, "docx_context", ()))))
    return f", near: {near}" if near else ""


def _keep_proportions(table: Table) -> None:
    """Columns stay as wide to each other as the template's cells, however many a loop made of one."""
    grid = table._tbl.tblGrid.findall(qn("w:gridCol"))
    whole = sum(column.w for column in grid)
    rows = [row._tr.tc_lst for row in table.rows if len(row._tr.tc_lst) == len(grid)]
    if not rows or not all(cell.width for cell in rows[0]):
        return
    asked = [cell.width for cell in rows[0]]
    for place, width in enumerate(asked):
        grid[place].w = Emu(whole * width // sum(asked))
        for row in rows:
            row[place].width = grid[place].w
