"""`kho morning`: what an office has to look at before anything else."""

from __future__ import annotations

from typing import Annotated

import typer

from kho.cli.output import Format, fail, show_rows


def morning(
    scope: Annotated[
        str, typer.Argument(help="Agency or unit code (946, H51.12, 31663), or an unambiguous name.")
    ],
    format: Format = "table",
) -> None:
    """List an agency's dossiers that are overdue, due within a working day, waiting too long, or not fetched.

    As of the last day that their system has told of. Limits are those of `dbt_project/seeds/morning_limits.csv`, in working
    days; waiting is waiting for a supplement, not fetched is resolved and not returned.
    """
    from dataclasses import astuple, fields

    from kho.figures.figures import NoRelease, UnknownScope, agency, explained
    from kho.figures.morning import Dossier, morning_list
    from kho.settings import settings

    try:
        with explained(settings()) as release:
            meant = agency(release, scope, release.business_date, release.business_date)
            found = morning_list(release, meant.agency_code)
    except UnknownScope as error:
        typer.echo(error, err=True)
        raise typer.Exit(2) from None
    except NoRelease as error:
        fail(str(error))
    title = f"{meant.name}: {len(found)} dossiers to look at"
    show_rows(title, [each.name for each in fields(Dossier)], map(astuple, found), format)
