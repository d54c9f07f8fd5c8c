"""`kho forget`: somebody's rows go, out of files and tables, and do not come back."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from kho.actor import os_user
from kho.cli.output import fail, progress, show_rows


def forget(
    contract: Annotated[
        str | None, typer.Argument(help="Export whose rows have the code: one_stop.dossiers.")
    ] = None,
    code: Annotated[
        str | None, typer.Argument(help="Code of the dossier, document or delivery; asked for if left out.")
    ] = None,
    reason: Annotated[
        str,
        typer.Option(
            "--reason", "-r", help="Why: the number of the decision. It is kept; name nobody in it."
        ),
    ] = "",
    person: Annotated[
        bool,
        typer.Option(
            "--person",
            help="Forget a person, by identity number or by its hash, which is asked for or read from stdin.",
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Take a dossier, or all rows of a person, out of the warehouse: archive, raw, rejects, tables, explanations.

    Shows which rows of which files go, and asks. Their lines become blank ones: all other rows stay as they are, and where they
    are. Tables and explanations say `forgotten` with the day in the place of the code at once; figures stay as they are until the
    next night, which makes all tables anew, without these rows. Reports that were handed in keep their numbers. A tombstone, which
    tells only who has the key whom it is about, keeps the rows out whenever a file comes again; of a person that is whatever is
    handed over later, too.

    Backups that were made before still hold them: make one now (`kho backup`), and delete the older ones when you may.

    Killed or interrupted, the same command goes on, and so does the next night. Exit code 1 when it can't be done: nothing was
    changed then.

    Example: `kho forget one_stop.dossiers --reason "Decision 12/2026"`, and `kho forget --person --reason "Decision 13/2026"`
    """
    from kho import forget as forgetting
    from kho.ledger.hash_keys import WrongHashKey
    from kho.settings import settings

    if person == bool(contract):
        raise typer.BadParameter("name an export, or say --person", param_hint="CONTRACT")
    if not reason.strip():
        raise typer.BadParameter("say why", param_hint="--reason")
    told = (code or _asked("Identity number or hash" if person else "Code")).strip()
    if not told:
        raise typer.BadParameter("nothing was given", param_hint="CODE")
    here = settings()
    try:
        asked = (
            forgetting.of_person(here, told) if contract is None else forgetting.of_code(here, contract, told)
        )
        with progress() as say:
            found = forgetting.look(here, asked, say)
        if not found.files and not forgetting.is_begun(here, asked):
            fail("no file of the archive holds it: nothing was changed" + _unread(found.unread))
        show_rows(
            "What goes",
            ("contract", "file", "business_date", "batches", "rows of the file"),
            [
                (
                    file.contract,
                    file.arrival.name,
                    file.arrival.business_date,
                    ", ".join(map(str, file.batches)),
                    ", ".join(map(str, file.rows)),
                )
                for file in found.files
            ],
            "table",
        )
        if found.unread:
            typer.echo(_unread(found.unread).removeprefix(". "), err=True)
        if not yes and not typer.confirm("Take these rows out for good?"):
            fail("nothing was changed")
        with progress() as say:
            count = forgetting.forget(here, found.tombstones, actor=os_user(), reason=reason.strip(), say=say)
    except (forgetting.ForgetError, WrongHashKey) as problem:
        fail(str(problem))
    typer.echo(
        f"Forgotten: {count} rows in {len(found.files)} files. The next night makes all tables anew without them."
    )
    typer.echo(
        "Backups that were made before hold them still: make one now (kho backup), and delete the older ones."
    )


def _unread(files: list[str]) -> str:
    return f". These can't be read, so nobody knows what they hold: {', '.join(files)}" if files else ""


def _asked(what: str) -> str:
    """What is typed, or comes from a pipe: no history of a shell keeps it."""
    return typer.prompt(what, hide_input=True) if sys.stdin.isatty() else sys.stdin.readline()
