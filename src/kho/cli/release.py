"""`kho release`: which marts readers see, and going back."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from kho.cli.output import Format, fail, show_rows

app = typer.Typer(no_args_is_help=True, help="Releases of the marts: which there are, and going back to one.")

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
def rollback(
    number: Annotated[int | None, typer.Argument(help="A kept release; without it, the one before.")] = None,
) -> None:
    """Go back to a kept release. The next night publishes a newer one as ever."""
    from kho.publish import release
    from kho.settings import settings

    try:
        now = release.rollback(settings(), number)
    except release.ReleaseError as error:
        fail(str(error))
    typer.echo(f"Release {now.release_id} of {now.business_date} is in force.")


def _row(found: Any) -> tuple:
    published = f"{found.published_at:%Y-%m-%d %H:%M}" if found.published_at else None
    return found.release_id, found.state, found.business_date, found.build_id, published, found.reason
