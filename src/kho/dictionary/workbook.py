"""The dictionary as a workbook: a sheet per kind of thing, to filter and to print."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import xlsxwriter

from kho.dictionary.content import Dictionary

#: widest column, in characters; longer texts are wrapped
_WIDEST = 60


def save(content: Dictionary, path: Path) -> None:
    """Write the workbook. Every cell is text, so that codes stay as they are."""
    with xlsxwriter.Workbook(str(path), {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        for name, header, rows in _sheets(content):
            _sheet(book, name, header, [[str(value) for value in row] for row in rows])


def _sheet(book: xlsxwriter.Workbook, name: str, header: Sequence[str], rows: list[list[str]]) -> None:
    sheet = book.add_worksheet(name)
    bold = book.add_format({"bold": True, "bg_color": "#E8EEF4", "valign": "top", "border": 1})
    text = book.add_format({"text_wrap": True, "valign": "top", "num_format": "@"})
    for number, title in enumerate(header):
        longest = max(len(title) + 3, *(len(row[number]) for row in rows)) if rows else len(title) + 3
        sheet.set_column(number, number, min(longest + 1, _WIDEST))
        sheet.write_string(0, number, title, bold)
    for line, row in enumerate(rows, 1):
        for number, value in enumerate(row):
            sheet.write_string(line, number, value, text)
    sheet.freeze_panes(1, 1)
    sheet.autofilter(0, 0, max(len(rows), 1), len(header) - 1)
    sheet.set_landscape()
    sheet.repeat_rows(0)
    sheet.fit_to_pages(1, 0)


def _sheets(content: Dictionary) -> Iterable[tuple[str, Sequence[str], Iterable[Sequence[object]]]]:
    yield (
        "Figures",
        ("Figure", "Title", "Unit", "Kind", "Adds up", "Level", "By", "Numerator", "Denominator", "Counted from", "Lists"),
        [
            (
                each.figure.metric, each.figure.title, each.figure.unit, each.meaning, each.figure.additivity,
                each.figure.service_level, each.figure.rule_source, each.figure.numerator, each.figure.denominator, ", ".join(each.tables),
                ", ".join(each.lists),
            )
            for each in content.figures
        ],
    )  # fmt: skip
    yield (
        "Lineage",
        ("Figure", "Title", "As", "Source", "Header in the export", "Column"),
        [
            (each.figure.metric, each.figure.title, origin.role, origin.source, origin.header, origin.column)
            for each in content.figures
            for origin in each.origins
        ],
    )
    facts = list(content.sources[0].facts) if content.sources else []
    yield (
        "Sources",
        ("Source", "Title", "Purpose", "Usage", *facts),
        [(each.name, each.title, each.purpose, each.usage, *each.facts.values()) for each in content.sources],
    )
    yield (
        "Export columns",
        ("Source", "Header in the export", "Column", "Type", "Required", "Key", "Meaning", "Values", "Figures"),
        [
            (
                source.name, each.header, each.name, each.type, "yes" if each.required else "",
                each.key_position or "", each.description, each.limits, ", ".join(each.figures),
            )
            for source in content.sources
            for each in source.columns
        ],
    )  # fmt: skip
    yield (
        "Tables",
        ("Table", "Title", "Layer", "Topic", "Meaning", "Reads", "Read by"),
        [
            (
                each.table.name, each.table.title, each.table.layer, each.table.topic, each.table.description,
                ", ".join(sorted(each.table.parents)), ", ".join(each.children),
            )
            for each in content.tables
        ],
    )  # fmt: skip
    yield (
        "Columns",
        ("Table", "Column", "Title", "Type", "Meaning", "Tests", "Comes from"),
        [
            (
                entry.table.name, column.name, column.title, column.type, column.description, ", ".join(column.tests),
                ", ".join(str(parent) for parent in parents),
            )
            for entry in content.tables
            for column, parents in entry.columns
        ],
    )  # fmt: skip
    yield (
        "Mart columns",
        ("Mart", "Column", "Title", "Source", "Header in the export", "Export column"),
        [
            (entry.table.name, column.name, column.title, origin.source, origin.header, origin.column)
            for entry in content.tables
            for column, _ in entry.columns
            for origin in entry.headers.get(column.name, ())
        ],
    )
