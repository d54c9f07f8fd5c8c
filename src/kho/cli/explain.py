"""`kho figures … --explain`: the rows that a figure counts, as a table, csv or json."""

from __future__ import annotations

import json
import sys
from dataclasses import fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from kho.figures.explain import Explanation, Part, Row

#: rows of a table: who wants them all takes csv
MOST_ROWS = 40
ROLES = {"counted": "Được đếm", "numerator": "Tử số", "denominator": "Mẫu số"}


def show(found: Explanation, output_format: str) -> None:
    """Print it."""
    {"csv": _csv, "json": _json, "table": _table}[output_format](found)


def _csv(found: Explanation) -> None:
    from kho.cli.output import print_csv

    rows = ([part.role, part.metric, *_values(row)] for part in found.parts for row in part.rows)
    print_csv(["part", "metric", *_columns()], rows)


def _json(found: Explanation) -> None:
    told = {
        "metric": found.metric,
        "title": found.title,
        "scope": found.scope_code,
        "first_day": found.first_day,
        "last_day": found.last_day,
        "release": found.release,
        "figures": [
            {
                name: getattr(figure, name)
                for name in (
                    "level",
                    "value",
                    "measured_value",
                    "state",
                    "as_of",
                    "covered_from",
                    "covered_to",
                )
            }
            for figure in found.figures
        ],
        "parts": [
            {
                "part": part.role,
                "metric": part.metric,
                "counted": {
                    figure.level: None if figure.value is None else part.counted(figure.level)
                    for figure in part.figures
                },
                "rows": [dict(zip(_columns(), _values(row), strict=True)) for row in part.rows],
            }
            for part in found.parts
        ],
    }
    json.dump(told, sys.stdout, ensure_ascii=False, indent=2, default=_jsonable)
    sys.stdout.write("\n")


def _columns() -> list[str]:
    from kho.figures.explain import Row

    return [field.name for field in fields(Row)]


def _values(row: Row) -> list[Any]:
    return [getattr(row, name) for name in _columns()]


def _jsonable(value: Any) -> Any:
    from decimal import Decimal

    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value.isoformat()


def _table(found: Explanation) -> None:
    from kho.cli.output import wide_console
    from kho.report import vietnamese

    console = wide_console()
    first, last = vietnamese.day(found.first_day), vietnamese.day(found.last_day)
    console.print(f"{found.title}: {found.scope_name} ({found.scope_code}), {first} – {last}", style="bold")
    levels = vietnamese.levels(found.scope_name, {figure.level for figure in found.figures})
    for figure in found.figures:
        note = vietnamese.note(figure) if figure.value is not None else ""
        console.print(f"  {levels[figure.level]}: {vietnamese.printed(figure)}{f' ({note})' if note else ''}")
    for part in found.parts:
        _part(console, part)
    console.print(f"bản phát hành {found.release}", style="italic dim")


def _part(console: Console, part: Part) -> None:
    from decimal import Decimal

    from rich import box
    from rich.table import Table
    from rich.text import Text

    from kho.report import vietnamese

    if all(figure.value is None for figure in part.figures):
        return  # the figure's state has said why
    whole = "all" if any(figure.level == "all" for figure in part.figures) else part.figures[0].level
    counted = vietnamese.number(part.counted(whole), "")
    table = Table(
        "Mã", "Đơn vị", "Ngày", "Số", "Tệp", "Dòng",
        title=f"{ROLES[part.role]}: {part.title}: {counted}", title_justify="left", box=box.SIMPLE_HEAD,
    )  # fmt: skip
    for row in part.rows[:MOST_ROWS]:
        cells = [
            vietnamese.code(row.row_code),
            row.agency_name,
            vietnamese.day(row.movement_date),
            vietnamese.number(Decimal(row.amount), ""),
            row.file or "danh mục của Kho",
            str(row.row_number or ""),
        ]
        table.add_row(*(Text(cell, overflow="fold") for cell in cells))
    console.print(table)
    if len(part.rows) > MOST_ROWS:
        more = vietnamese.number(Decimal(len(part.rows) - MOST_ROWS), "")
        console.print(f"  và {more} dòng nữa: --format csv", style="dim")
    for row in part.rows:
        if row.is_adjustment:
            console.print(f"  {row.row_code}: {_signature(row)}", style="dim")


def _signature(row: Row) -> str:
    """Who attests it, with which document, and why."""
    from kho.report import vietnamese

    signed = f"{row.signer_position}, {row.signer_agency}, văn bản {row.document_code}, {vietnamese.day(row.signed_at)}"
    return f"{signed}: {row.adjustment_reason}" if row.adjustment_reason else signed
