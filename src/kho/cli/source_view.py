"""How sources are shown to people: a list, one in full, what a check found, what a version changes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kho.cli.output import of_sources, wide_console

if TYPE_CHECKING:
    from datetime import date

    from kho.contract import Contract
    from kho.fetch import Fetched
    from kho.source import Difference, Finding, Shown, SourceState, Step, Story

_EVERY = {"d": "day", "m": "month", "q": "quarter"}


def show_sources(sources: list[SourceState]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from kho.contract.telling import together

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 1, 0), pad_edge=False)
    table.add_column("Source", overflow="fold", min_width=20)  # most names are whole in 80 columns
    for title in ("Comes from", "Fresh", "Last batch"):
        table.add_column(title, overflow="fold")
    notes: list[tuple[str, str]] = []
    for each in sources:
        contract, batch, freshness = each.contract, each.last_batch, each.freshness
        if contract is None or each.problem:
            as_of = f"\n{freshness.as_of}" if freshness and freshness.as_of else ""
            table.add_row(each.name, "", Text(f"unusable{as_of}", "red"), "")
            notes.append((each.name, f"unusable: {each.problem}"))
            continue
        state = Text("–")
        if freshness:
            style = "" if freshness.state == "fresh" else "yellow"
            state = Text(f"{freshness.state.replace('_', ' ')}\n{freshness.as_of or ''}", style)
            if freshness.reason and not contract.is_draft:
                notes.append((each.name, f"{freshness.state.replace('_', ' ')}: {freshness.reason}"))
        if contract.is_draft:
            state = Text("draft", "yellow")
            notes.append((each.name, "a draft: nights leave it alone"))
        came = Text("–")
        if batch:
            percent = batch.rejected_percent
            came = Text(
                f"{batch.batch_id} {batch.state}\n{batch.rows_in_file:,} rows"
                + (f"\n{percent:g} % rejected" if percent else "")
            )
        table.add_row(
            Text.assemble((each.name, "bold"), "\n", contract.title),
            f"{contract.format} over {contract.server_type}\n"
            + "\n".join(filter(None, [contract.server.connection, contract.location])),
            Text.assemble(state, f"\n{contract.rhythm}"),
            came,
        )
    console = wide_console()
    console.print(table)
    for names, said in together(notes):
        console.print(of_sources(names, said), soft_wrap=True)


def show_fetched(fetched: Fetched, day: date) -> None:
    """Plain text, to be pasted."""
    print(f"{fetched.contract.name} up to {day}: {fetched}")
    for name in fetched.taken:
        print(f"taken: {name}")
    if fetched.unchanged:
        print("unchanged: what was taken before and is still the same")
    if fetched.taken:
        print(f"The next night loads what was taken: kho run --date {day}")


def record(source: SourceState) -> dict[str, Any]:
    """A source as programs read it."""
    contract, freshness, batch = source.contract, source.freshness, source.last_batch
    return {
        "source": source.name,
        "title": contract and contract.title,
        "status": contract and contract.status,
        "transport": contract and contract.server_type,
        "format": contract and contract.format,
        "connection": contract and contract.server.connection,
        "location": contract and contract.location,
        "every": contract and contract.frequency and _EVERY[contract.frequency],
        "until": contract and contract.end_of_life,
        "freshness": freshness and freshness.state,
        "as_of": freshness and freshness.as_of,
        "batch": batch and batch.batch_id,
        "state": batch and batch.state,
        "rows": batch and batch.rows_in_file,
        "rejected_percent": batch and batch.rejected_percent,
        "problem": source.problem or (freshness and freshness.reason),
    }


def show_step(step: Step) -> None:
    wide_console().print(step.title, style="bold")
    _show_findings(step.findings)


def end(steps: Sequence[Step]) -> str:
    """What a check comes to, and no more than that."""
    marks = {finding.mark for step in steps for finding in step.findings}
    if "wrong" in marks:
        return "[red]Something has to be done first[/]: what ✗ names."
    accepted = (
        "The boundary would accept this file; that its values mean what the contract says, no check can tell."
    )
    if "told" in marks:
        return f"[yellow]{accepted} See what – names first.[/]"
    return f"[green]{accepted}[/]"


def _show_findings(findings: Sequence[Finding]) -> None:
    from rich.table import Table
    from rich.text import Text

    marks = {"fine": ("✓", "green"), "told": ("–", "yellow"), "wrong": ("✗", "red")}
    lines = Table.grid(padding=(0, 1))
    for finding in findings:
        lines.add_row(" ", Text(*marks[finding.mark]), Text(finding.text, overflow="fold"))
        for detail in finding.details:
            lines.add_row("", "", Text(detail, "dim", overflow="fold"))
        if finding.words and not sys.stdout.isatty():
            lines.add_row("", "", Text("(what the file says itself is shown on a terminal only)", "dim"))
            continue
        for each in finding.words:
            lines.add_row("", "", Text(each, "dim", overflow="fold"))
    wide_console().print(lines)


def show_rows_of_model(shown: Shown) -> None:
    """A few rows side by side, a line for each column: models have many."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    console = wide_console()
    some = f", {len(shown.rows)} of them" if shown.count > len(shown.rows) else ""
    console.print()
    console.print(Text.assemble((shown.model, "bold"), f": {shown.count:,} rows{some}"))
    table = Table(box=box.SIMPLE_HEAD, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    for name, *values in zip(shown.columns, *shown.rows, strict=True):
        cells = ["" if value is None else str(value) for value in values]
        table.add_row(Text(name, "dim"), *(Text(cell, overflow="fold") for cell in cells))
    if shown.rows:
        console.print(table)
    if shown.empty:
        console.print(Text(f"empty in every row: {', '.join(shown.empty)}", "yellow"))


def show_story(contract: Contract, story: Story) -> None:
    from rich.table import Table
    from rich.text import Text

    from kho.source.story import BEFORE, RECENT

    lines = Table.grid(padding=(0, 2))
    for name, value in facts(contract, story).items():
        lines.add_row(Text(name, "dim"), Text(str(value), overflow="fold"))
    console = wide_console()
    console.print(Text.assemble((contract.name, "bold"), f": {contract.title}"))
    console.print(lines)
    _print_table(
        "Last batches",
        ("Batch", "File", "State", "Rows", "Loaded", "Rejected", "Skipped"),
        [
            (
                each.batch_id, each.file, each.state, each.rows_in_file, each.rows_loaded, each.rows_rejected,
                each.rows_skipped,
            )
            for each in story.batches
        ],
    )  # fmt: skip
    for each in story.batches:
        if each.reason:
            console.print(Text(f"Batch {each.batch_id} is {each.state}: {each.reason}"), soft_wrap=True)
    if story.trends:
        _print_table(
            f"Rejects of the last {RECENT} batches, and of up to {BEFORE} before them",
            ("Reason", "Rows", "%", "Before", "%"),
            [
                (each.reason, each.rows, each.percent, each.rows_before, each.percent_before)
                for each in story.trends
            ],
        )
    if story.failures:
        _print_table(
            "What could not be fetched",
            ("At", "File", "Reason"),
            [(f"{each.at:%Y-%m-%d %H:%M}", each.file, each.reason) for each in story.failures],
        )
    _print_table(
        "Versions of the contract",
        ("Version", "First used", "Batches", ""),
        [
            (
                each.version,
                f"{each.first_used_at:%Y-%m-%d %H:%M}",
                each.batches,
                "as it is now" if each.is_current else "",
            )
            for each in story.versions
        ],
    )


def facts(contract: Contract, story: Story) -> dict[str, Any]:
    freshness = story.freshness
    load = (
        "changes"
        if contract.file.load == "delta"
        else f"full list of {', '.join(contract.file.full_list_of)}"
    )
    version = contract.file.version_column
    personal = [column.name for column in contract.columns if column.keys.personal_data]
    return {
        "purpose": contract.purpose,
        "comes from": f"{contract.format} over {contract.server_type}, {_where(contract)}",
        "named": contract.server.file_name,
        "columns": f"{len(contract.columns)}, {len(personal)} of them personal",
        "key": ", ".join(column.name for column in contract.key),
        "load": load + (f", the newest {version} counts" if version else ""),
        "version": contract.version + (" (a draft: nights leave it alone)" if contract.is_draft else ""),
        "comes": _comes(contract),
        "next": story.next_expected or ("none" if story.batches else "from its first delivery on"),
        "fresh": f"{freshness.state.replace('_', ' ')} on {story.night}, as of {freshness.as_of or '–'}"
        + (f": {freshness.reason}" if freshness.reason else "")
        + (f" (since {freshness.stale_since})" if freshness.stale_since else ""),
    }


def _comes(contract: Contract) -> str:
    return (
        f"{contract.rhythm}, at most {contract.latency_days} days later"
        if contract.frequency
        else contract.rhythm
    )


def _where(contract: Contract) -> str:
    return ":".join(filter(None, [contract.server.connection, contract.location]))


def _print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """A narrow table: numbers to the right, long words broken."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    for place, column in enumerate(columns):
        is_number = any(isinstance(row[place], int | float) for row in rows)
        table.add_column(column, justify="right" if is_number else "left", overflow="fold", no_wrap=is_number)
    for row in rows:
        table.add_row(
            *(
                f"{cell:,}"
                if isinstance(cell, int)
                else f"{cell:g}"
                if isinstance(cell, float)
                else Text(cell or "")
                for cell in row
            )
        )
    console = wide_console()
    console.print()
    console.print(table)


def show_difference(found: Difference) -> None:
    from kho.source import Finding

    contract = found.contract
    console = wide_console()
    console.print(f"[bold]{contract.name}[/] {contract.version} against {found.against}", highlight=False)
    if not found.changes:
        console.print("Nothing is different.")
        return
    marks = {"additive": "fine", "replay": "wrong", "breaks": "wrong"}
    told = {"additive": "additive", "replay": "needs a full replay", "breaks": "breaks"}
    findings = []
    for change in found.changes:
        reached = [
            f"{what}: {', '.join(names)}"
            for what, names in (("models", change.models), ("figures", change.figures))
            if names and change.effect != "additive"
        ]
        findings.append(
            Finding(
                marks[change.effect],
                f"{change.place}: {change.what}",
                (f"{told[change.effect]}: {change.why}", *reached),
            )
        )
    if found.needs_a_version:
        findings.append(Finding("told", f"raise the version: {contract.version} was used with other content"))
    _show_findings(findings)
    verdict = {
        "additive": "[green]Additive[/]: nothing that is there breaks.",
        "replay": "[yellow]Needs a full replay[/]: batches that are there have to be loaded again.",
        "breaks": "[red]Breaks[/] what is named above.",
    }
    console.print(verdict[found.effect], highlight=False)
