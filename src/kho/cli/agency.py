"""`kho agency`: the units and departments that figures are counted for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kho.cli.output import Format, fail, show_rows

app = typer.Typer(
    no_args_is_help=True, help="Agencies: the units and departments that figures are counted for."
)
_NAMED = 20  # agencies of a kind of change


@app.command("list")
def list_agencies(output_format: Format = "table") -> None:
    """Every version of every agency, as `kho agency import` takes it back."""
    from kho.agencies import HEADER, read, rows
    from kho.settings import settings

    show_rows("Agencies", HEADER, rows(read(settings())), output_format)


@app.command("import")
def import_list(
    file: Annotated[Path, typer.Argument(help="The list: .xlsx or CSV.")],
    check: Annotated[
        bool, typer.Option("--check", help="Only say what is wrong and what would change; write nothing.")
    ] = False,
) -> None:
    """Take a list of agencies, whole or not at all, into the seed dbt_project/seeds/agencies.csv.

    The list is an Excel workbook (its first sheet) or CSV in any Vietnamese encoding. Its header has these columns, in
    any order, below whatever title:

    - **Mã định danh**: the agency's code, H13.31639 or 000.31639.H13. It begins with that of the agency above.

    - **Mã đơn vị hành chính**: the code of the national catalogue as text: 2 digits for a province, 3 for a district, 5
    for a commune. Empty for departments.

    - **Tên**: the full name, with its kind: Xã Long Phú, Phòng Kinh tế.

    - **Tên ngắn** (may be left out): how tables name it; without one, the name without its kind.

    - **Loại**: tỉnh, thành phố, xã, phường, đặc khu; sở, phòng, trung tâm phục vụ hành chính công, cơ quan khác; and until
    30/06/2025 huyện, quận, thị xã, thị trấn.

    - **Mã định danh cấp trên**: the unit that it belongs to. Empty for a province.

    - **Hiệu lực từ**, **Hiệu lực đến**: first and last day, 01/07/2025. Without a last day it lasts until its next row, or
    still.

    A row is one version: an agency that was renamed or moved has a row from each such day on. The list may be a part: what
    it does not name stays as it is. To end an agency, give it its last day.

    All that is wrong is told by file and line, and then nothing is written. Ends with 0 when the list is taken in (or
    could be), with 1 when something is wrong. The same list again changes nothing.
    """
    from kho.agencies import WrongList, apply, listed, merged, problems, read
    from kho.settings import settings

    here = settings()
    try:
        change = merged(here, listed(file, read(here)))
    except WrongList as error:
        fail(f"{error}\n{len(error.problems)} problems; nothing is written.")
    if wrong := list(problems(change.versions)):
        fail("\n".join([*wrong, f"{len(wrong)} problems; nothing is written."]))
    for line in change.difference:
        print(line)
    for what in ("added", "ended", "renamed", "changed", "unchanged"):
        codes = getattr(change, what)
        print(f"{what}: {len(codes)}{_named(codes) if what != 'unchanged' else ''}")
    if change.left:
        print(f"not in the list, and left as they are: {len(change.left)}{_named(change.left)}")
    if lacking := change.without_operation(here):
        print(
            f"Without a line in dbt_project/seeds/system_operation.csv: {len(lacking)}{_named(lacking)}. Until it says which"
            " systems they operate, their figures are 'not operated'. Departments need none where their unit's line"
            f" includes them:\n  one_stop,{lacking[0]},true,2025-07-01,"
        )
    if not change.difference:
        print("Nothing changes.")
    elif check:
        print("Nothing is written: without --check it is.")
    else:
        apply(here, change)
        print("dbt_project/seeds/agencies.csv is written: commit it. The next night is a full refresh.")


def _named(codes: list[str]) -> str:
    more = f" and {len(codes) - _NAMED} more" if len(codes) > _NAMED else ""
    return f": {', '.join(codes[:_NAMED])}{more}" if codes else ""
