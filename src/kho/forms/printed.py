"""How a form's page is laid out, the same in a workbook and in Word: where each head stands, and the lines around it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from kho.forms.form import Form, Head
from kho.report.vietnamese import day, number

ORDINAL = "STT"


@dataclass(frozen=True)
class Place:
    """A head's rectangle in the table: rows and columns from 0, the last ones included."""

    title: str
    top: int
    left: int
    bottom: int
    right: int


def heads(form: Form) -> list[Place]:
    """Every head with its place; the ordinal and the subject stand first, over all lines of heads."""
    height = max(head.height for head in form.heads)
    outer = (Head(ORDINAL), Head(form.subject), *form.heads)
    return list(_placed(outer, 0, 0, height))


def height(form: Form) -> int:
    """How many lines of heads there are, without that of their numbers."""
    return max(head.height for head in form.heads)


def _placed(row: Sequence[Head], top: int, left: int, height: int) -> Iterator[Place]:
    for head in row:
        bottom = top if head.below else height - 1
        yield Place(head.title, top, left, bottom, left + head.width - 1)
        yield from _placed(head.below, top + 1, left, height)
        left += head.width


def numbers(form: Form) -> list[str]:
    """The numbers of the columns, as the form prints them under its heads: (1), (2) …"""
    return [f"({n})" for n in range(1, form.width + 3)]


def cell(count: int | Decimal | None) -> str:
    """A number as it is printed: a `Decimal` with two decimals, a dash for none."""
    return "–" if count is None else number(Decimal(count), "percent" if isinstance(count, Decimal) else "")


def title_lines(form: Form) -> list[str]:
    """What stands above the table: the form's name, whose it is and of which days."""
    return [
        form.name or f"Biểu số {form.code}",
        form.title.upper(),
        f"{form.scope_name}, {form.period_title[0].lower()}{form.period_title[1:]}"
        f" (từ ngày {day(form.first_day)} đến ngày {day(form.last_day)})",
    ]


def foot_lines(form: Form) -> list[str]:
    """What stands below it: what has to be known of the numbers, and how they were made."""
    issue = form.issue
    standing = (
        f"Lần {issue.version}, {issue.reported_by} gửi ngày {day(issue.reported_at.date())}."
        if issue
        else "Dự thảo, chưa gửi."
    )
    return [
        *form.notices,
        f"Cách tính: {form.parameter_title} ({form.parameter_set}). Theo {form.basis}. Bản phát hành {form.release}. {standing}",
    ]
