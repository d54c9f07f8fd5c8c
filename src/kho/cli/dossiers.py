"""`kho morning`, `kho verdicts`, `kho promises`: dossiers that somebody has to look at, one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kho.cli.figures import Scheme
from kho.cli.output import Format, fail, show_rows

if TYPE_CHECKING:
    from kho.figures.figures import Published

_Scope = Annotated[
    str, typer.Argument(help="Agency or unit code (946, H51.12, 31663), or an unambiguous name.")
]
_Period = Annotated[str, typer.Argument(help="2021, 2021-H1, 2021-9M, 2021-Q2, 2021-06 or from..to.")]
_Scheme = Annotated[
    Scheme, typer.Option(help="administrative: 15th to 14th (NĐ 09/2019); calendar: 1st to last.")
]


def morning(scope: _Scope, format: Format = "table") -> None:
    """List an agency's dossiers that are overdue, due within a working day, waiting too long, or not fetched.

    As of the last day that their system has told of. Limits are those of `dbt_project/seeds/morning_limits.csv`, in working
    days; waiting is waiting for a supplement, not fetched is resolved and not returned.
    """
    from kho.figures.figures import agency
    from kho.figures.morning import Dossier, morning_list

    with _release() as release:
        meant = agency(release, scope, release.business_date, release.business_date)
        found = morning_list(release, meant.agency_code)
    _show(f"{meant.name}: {len(found)} dossiers to look at", Dossier, found, format)


def verdicts(
    scope: _Scope, period: _Period, scheme: _Scheme = Scheme.administrative, format: Format = "table"
) -> None:
    """List dossiers that were late or overdue at the end of a month and are on time now.

    Their end, or a request for a supplement, was told later or told otherwise: by which version, whether it lies more than a
    working day before that version, and whether the end lies just on the day that was due. The months are those of the
    scheme.
    """
    from kho.figures.figures import asked
    from kho.figures.verdicts import VerdictChange, verdict_changes

    with _release() as release:
        meant, first, last = asked(release, scope, period, scheme.value)
        found = verdict_changes(release, meant.agency_code, scheme.value, first, last)
    _show(f"{meant.name}: {len(found)} told late or overdue, on time now", VerdictChange, found, format)


def promises(
    scope: _Scope, period: _Period, scheme: _Scheme = Scheme.administrative, format: Format = "table"
) -> None:
    """List dossiers that were promised for later than the longest time of their procedure allows.

    Counted from their reception on as `kho deadline` counts, by the lists of procedures in force then. What was promised
    stays the due date: this says where more time was given than there is.
    """
    from kho.figures.figures import asked
    from kho.figures.promises import LatePromise, late_promises

    with _release() as release:
        meant, first, last = asked(release, scope, period, scheme.value)
        found = late_promises(release, meant.agency_code, first, last)
    _show(
        f"{meant.name}: {len(found)} promised for later than their procedure allows",
        LatePromise,
        found,
        format,
    )


@contextmanager
def _release() -> Iterator[Published]:
    """The release in force. What it can't be asked ends the command: with 2 for what is unknown, with 1 where there is none."""
    from kho.figures.figures import NoRelease, UnknownPeriod, UnknownScope, explained
    from kho.settings import settings

    try:
        with explained(settings()) as release:
            yield release
    except (UnknownScope, UnknownPeriod) as error:
        typer.echo(error, err=True)
        raise typer.Exit(2) from None
    except NoRelease as error:
        fail(str(error))


def _show(title: str, kind: Any, found: Sequence[Any], output_format: str) -> None:
    """Dossiers of this dataclass, a column for each of its fields."""
    from dataclasses import astuple, fields

    show_rows(title, [each.name for each in fields(kind)], map(astuple, found), output_format)
