"""`kho release`: which marts readers see, and an operator's decisions on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from kho.actor import os_user
from kho.cli.output import Format, fail, show_rows

if TYPE_CHECKING:
    from kho.settings import Settings

app = typer.Typer(
    no_args_is_help=True, help="Releases of the marts: which there are, and which one readers see."
)

Reason = Annotated[str, typer.Option("--reason", "-r", help="Why; it is kept with the decision.")]

_COLUMNS = ("release", "state", "business_date", "build", "published_at", "reason")


@app.command("list")
def list_releases(output_format: Format = "table") -> None:
    """Every release, newest first."""
    from kho.ledger import releases
    from kho.settings import settings

    show_rows("Releases", _COLUMNS, [_row(each) for each in releases.releases(settings())], output_format)


@app.command()
def show(
    number: Annotated[int | None, typer.Argument(help="A release; without it, the one in force.")] = None,
    output_format: Format = "table",
) -> None:
    """How fresh each source is in a release, and what its boundary found."""
    from kho.ledger import releases
    from kho.settings import settings

    here = settings()
    found = next(
        (
            each
            for each in releases.releases(here)
            if each.release_id == number or (not number and each.state == "in_force")
        ),
        None,
    )
    if not found:
        fail(
            f"there is no release {number}"
            if number
            else "no release is in force yet: make a night with `kho run`"
        )
    if output_format == "table":
        show_rows(f"Release {found.release_id}", _COLUMNS, [_row(found)], output_format)
        _show_decisions(here, found.release_id)
    sources, findings = releases.contents(here, found)
    show_rows(
        "Sources",
        (
            "contract",
            "state",
            "as_of",
            "expected_as_of",
            "stale_since",
            "reason",
            "in_file",
            "loaded",
            "rejected",
            "skipped",
        ),
        sources,
        output_format,
    )
    if output_format == "table" and findings:
        show_rows(
            "Marts boundary",
            ("mart", "expectation", "severity", "observed", "message"),
            findings,
            output_format,
        )


@app.command()
def publish(
    allow_older: Annotated[
        bool, typer.Option("--allow-older", help="Also if the release in force is of a later date.")
    ] = False,
) -> None:
    """Publish the candidate that the marts boundary let through, as a night does."""
    from kho import night
    from kho.ledger.releases import ReleaseError
    from kho.settings import settings

    try:
        now = night.publish(settings(), allow_older=allow_older)
    except (ReleaseError, night.Waits) as error:
        fail(str(error))
    typer.echo(f"Release {now.release_id} of {now.business_date} is in force.")


@app.command()
def rollback(
    reason: Reason,
    number: Annotated[int | None, typer.Argument(help="A kept release; without it, the one before.")] = None,
) -> None:
    """Go back to a kept release, and pin it: nights build and check, and publish nothing, until `kho release unpin`."""
    from kho.publish import release
    from kho.settings import settings

    try:
        now = release.rollback(settings(), number, actor=os_user(), reason=_said(reason))
    except release.ReleaseError as error:
        fail(str(error))
    typer.echo(
        f"Release {now.release_id} of {now.business_date} is in force, and pinned: nights publish nothing until "
        "`kho release unpin`."
    )


@app.command()
def unpin() -> None:
    """Let nights publish again after `kho release rollback`."""
    from kho.publish import release
    from kho.settings import settings

    try:
        ended = release.unpin(settings(), actor=os_user())
    except release.ReleaseError as error:
        fail(str(error))
    typer.echo(
        f"Release {ended.release_id} is no longer pinned. The next night publishes; what has been let through since "
        "then, `kho release publish` publishes now."
    )


@app.command()
def accept(
    reason: Reason,
    number: Annotated[int | None, typer.Argument(help="A refused release; without it, the newest.")] = None,
) -> None:
    """Let pass that figures vanished which the release in force has, for just those that a refused release lacks.

    Whatever else the marts boundary found refuses a release as ever.
    """
    from kho.ledger import acceptances
    from kho.ledger.releases import ReleaseError
    from kho.settings import settings

    try:
        accepted = acceptances.accept(settings(), number, actor=os_user(), reason=_said(reason))
    except ReleaseError as error:
        fail(str(error))
    refused = accepted.release
    typer.echo(
        f"What was found in release {refused.release_id} is accepted ({accepted.findings} rows). It counts from the next "
        f"night on: `kho run --date {refused.business_date}` makes one now."
    )
    for message in accepted.still_refused_by:
        typer.echo(f"Not accepted, mend it before: {message}")


def _show_decisions(settings: Settings, release_id: int) -> None:
    """What people decided on a release."""
    from kho.database import connect
    from kho.ledger import acceptances, releases

    with connect(settings, "kho_auditor") as connection:
        pinned = releases.pin(connection)
        accepted = acceptances.of_release(connection, release_id)
    if pinned and pinned.release_id == release_id:
        typer.echo(f"Decided: {pinned}\n")
    for each in accepted:
        typer.echo(f"Decided: {each}\n")


def _said(reason: str) -> str:
    if not reason.strip():
        raise typer.BadParameter("say why", param_hint="--reason")
    return reason.strip()


def _row(found: Any) -> tuple:
    published = f"{found.published_at:%Y-%m-%d %H:%M}" if found.published_at else None
    return found.release_id, found.state, found.business_date, found.build_id, published, found.reason
