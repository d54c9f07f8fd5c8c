"""`kho deadline`: when a dossier is due, and how that comes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from kho.cli.output import Format, fail, show_rows

if TYPE_CHECKING:
    from decimal import Decimal

    from kho.deadline import Deadline, Pause, Takes

MOMENTS = ["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"]
COLUMNS = (
    "received_at", "takes", "takes_unit", "agency_code", "procedure_code",
    "counted_from", "paused_days", "due_at", "is_provisional",
)  # fmt: skip
UNITS = {"d": "working day", "h": "working hour", "cd": "calendar day"}


def deadline(
    received_at: Annotated[
        datetime,
        typer.Option(
            "--from", formats=MOMENTS, metavar="MOMENT", help="When it was received: '2026-09-21 09:00'."
        ),
    ],
    takes: Annotated[
        str,
        typer.Option(
            metavar="TIME",
            help="How long it takes: 3d working days (0d the same day), 8h working hours, 0.5d half a working day,"
            " 7cd calendar days.",
        ),
    ],
    agency: Annotated[
        str | None, typer.Option(metavar="CODE", help="By the working sessions of this agency: H51.12.")
    ] = None,
    procedure: Annotated[
        str | None, typer.Option(metavar="CODE", help="By the cut-off of this procedure: 1.000656.")
    ] = None,
    pause: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ASKED..ANSWERED",
            help="A supplement was asked for and answered: '2026-09-16 10:00..2026-09-22 15:00'. May be given again.",
        ),
    ] = None,
    output_format: Format = "table",
) -> None:
    """When is a dossier due? By the working calendar, with the days that did not count and why.

    The day of reception does not count; what comes in after the last session or the cut-off counts as received on the next
    working day. Working sessions, cut-offs, days off and make-up days are seeds: docs/deadlines.md.

    `kho deadline --from '2026-08-28 10:00' --takes 2d`
    """
    from kho.deadline import Takes, Unanswered, WrongQuestion
    from kho.deadline import deadline as ask
    from kho.settings import settings

    try:
        asked = Takes.read(takes)
        pauses = [_pause(each) for each in pause or ()]
        found = ask(
            settings(), received_at, asked, agency_code=agency, procedure_code=procedure, pauses=pauses
        )
    except WrongQuestion as error:
        typer.echo(error, err=True)
        raise typer.Exit(2) from None
    except Unanswered as error:
        fail(str(error))
    if output_format != "table":
        row = (
            received_at, asked.amount, asked.unit, agency, procedure,
            found.counted_from, found.paused_days, found.due_at, found.is_provisional,
        )  # fmt: skip
        show_rows("", COLUMNS, [row], output_format)
        return
    for label, text in _told(found, received_at, asked, pauses):
        print(f"{label:<14}{text}")


def _pause(text: str) -> Pause:
    from kho.deadline import Pause, WrongQuestion

    asked, _, answered = text.partition("..")
    try:
        return Pause(*(_moment(each) for each in (asked, answered)))
    except ValueError:
        raise WrongQuestion(
            f"{text}: a pause is written '2026-09-16 10:00..2026-09-22 15:00', from the request to the answer"
        ) from None


def _moment(text: str) -> datetime:
    if "T" in text:
        return datetime.strptime(text, MOMENTS[1])
    return datetime.strptime(text, MOMENTS[0])


def _told(
    found: Deadline, received_at: datetime, takes: Takes, pauses: list[Pause]
) -> Iterator[tuple[str, str]]:
    """The answer, and how it came: labels with a sentence each."""
    yield "Due", _day_and_time(found.due_at) + (" (provisional)" if found.is_provisional else "")
    yield "Received", _day_and_time(received_at)
    if found.counted_from.replace(tzinfo=None) != received_at:
        why = "after the last session or the cut-off" if found.received_on_working_day else "on a day off"
        yield "Counted from", f"{_day_and_time(found.counted_from)}, the next working day: received {why}"
    yield (
        "Takes",
        _count(takes.amount, UNITS[takes.unit])
        + ("" if takes.unit == "h" or takes.amount % 1 else ", the day of reception not counted"),
    )
    for each in pauses:
        yield "Asked", f"{_day_and_time(each.asked_at)}, answered {_day_and_time(each.answered_at)}"
    if pauses:
        yield (
            "Paused",
            f"{_count(found.paused_days, 'working day')} after the request, the day of the answer included",
        )
    weekend = [day for day in found.odd_days if not day.day_off_name and not day.is_make_up_day]
    if weekend:
        yield "Not worked", f"weekends: {', '.join(_day(day.date_day) for day in weekend)}"
    for day in found.odd_days:
        if day.is_make_up_day:
            yield "Worked", f"{_day(day.date_day)}: a make-up day"
        elif day.day_off_name:
            yield "Not worked", f"{_day(day.date_day)}: {day.day_off_name}"
    if found.is_provisional:
        until = f"{found.announced_to:%d/%m/%Y}" if found.announced_to else "the calendar begins"
        yield "Provisional", f"days off are announced until {until}; later ones are only expected"


def _count(number: Decimal | int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _day(day: date) -> str:
    return f"{day:%a %d/%m/%Y}"


def _day_and_time(moment: datetime) -> str:
    return f"{_day(moment)} {moment:%H:%M}" + (f":{moment:%S}" if moment.second else "")
