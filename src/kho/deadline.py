"""When a dossier is due: asked of the warehouse, whose function `warehouse.deadline` is the one place that counts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, get_args

import psycopg
from psycopg.rows import class_row

from kho.database import connect
from kho.settings import Settings

#: working days, working hours, calendar days
Unit = Literal["d", "h", "cd"]

_TAKES = re.compile(rf"(\d{{1,5}}(?:\.\d{{1,4}})?)({'|'.join(get_args(Unit))})")


class WrongQuestion(ValueError):
    """What was asked can't be counted; the message says why, and what can."""


class Unanswered(LookupError):
    """The warehouse has no answer; the message says what to mend."""


@dataclass(frozen=True)
class Takes:
    """How long a dossier takes. A part of a working day is hours; 0 working days are the same day."""

    amount: Decimal
    unit: Unit

    @classmethod
    def read(cls, text: str) -> Takes:
        """`3d`, `8h`, `0.5d`, `7cd`. Raises `WrongQuestion` for anything else."""
        found = _TAKES.fullmatch(text)
        if not found:
            raise WrongQuestion(
                f"{text}: write 3d (working days), 8h (working hours), 0.5d or 7cd (calendar days)"
            )
        amount, unit = Decimal(found[1]), found[2]
        if unit != "d" and not amount:
            raise WrongQuestion(f"{text}: takes no time; 0d is the same working day")
        if unit == "cd" and amount % 1:
            raise WrongQuestion(f"{text}: calendar days are whole ones")
        return cls(amount, unit)  # type: ignore[arg-type]  # the pattern has no other


@dataclass(frozen=True)
class Pause:
    """The time between the request for a supplement and its answer."""

    asked_at: datetime
    answered_at: datetime


@dataclass(frozen=True)
class Day:
    """A day between reception and due date that is not what its weekday says, or is at a weekend."""

    date_day: date
    day_off_name: str | None
    is_make_up_day: bool


@dataclass(frozen=True)
class Deadline:
    """When a dossier is due, and how it came. `counted_from` differs from its reception where it counts as received later.

    `is_provisional`: days off until then are only expected, beyond `announced_to`.
    """

    counted_from: datetime
    paused_days: int
    due_at: datetime
    is_provisional: bool
    announced_to: date | None
    received_on_working_day: bool
    odd_days: tuple[Day, ...]


def deadline(
    settings: Settings,
    received_at: datetime,
    takes: Takes,
    *,
    agency_code: str | None = None,
    procedure_code: str | None = None,
    pauses: Sequence[Pause] = (),
) -> Deadline:
    """Count it. Times without a zone are those of Vietnam.

    Raises `WrongQuestion`, or `Unanswered`: nothing is built yet, seeds are wrong, the calendar ends before.
    """
    for pause in pauses:
        if not received_at <= pause.asked_at <= pause.answered_at:
            raise WrongQuestion(
                f"the pause {pause.asked_at:%Y-%m-%d %H:%M}..{pause.answered_at:%Y-%m-%d %H:%M} does not begin"
                " after reception, or ends before it begins"
            )
    try:
        with connect(settings, "kho_auditor") as connection:
            _expect_known(connection, agency_code, procedure_code)
            _expect_sound(connection)
            return _asked(connection, received_at, takes, agency_code, procedure_code, pauses)
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedFunction) as error:
        raise Unanswered("no calendar is built yet: `kho run` builds it") from error


def _expect_known(connection: psycopg.Connection, agency: str | None, procedure: str | None) -> None:
    agencies = connection.execute(
        "select true from warehouse.dim_agency where agency_code = %s limit 1", [agency]
    )
    if agency and not agencies.fetchone():
        raise WrongQuestion(f"there is no agency {agency} in dbt_project/seeds/agencies.csv")
    procedures = connection.execute(
        "select true from warehouse.dim_procedure where procedure_code = %(code)s"
        " union all select true from seed.cut_offs where procedure_code = %(code)s limit 1",
        {"code": procedure},
    )
    if procedure and not procedures.fetchone():
        raise WrongQuestion(
            f"there is no procedure {procedure} in a unit's list, nor with a cut-off of its own"
        )


def _expect_sound(connection: psycopg.Connection) -> None:
    wrong = connection.execute(
        "select agency_code, date_day from warehouse.dim_office_session where is_wrong order by date_day limit 1"
    ).fetchone()
    if wrong:
        agency, day = wrong
        raise Unanswered(
            f"working sessions of {agency or 'everybody'} overlap, end before they begin, or are missing, first on"
            f" {day:%Y-%m-%d}: mend dbt_project/seeds/working_sessions.csv"
        )


def _asked(
    connection: psycopg.Connection,
    received_at: datetime,
    takes: Takes,
    agency_code: str | None,
    procedure_code: str | None,
    pauses: Sequence[Pause],
) -> Deadline:
    found = connection.execute(
        "select counted_from, paused_days, due_at, is_provisional from warehouse.deadline("
        " %s::timestamptz, %s::numeric, %s::text, %s::text, %s::text, %s::timestamptz[], %s::timestamptz[])",
        [
            received_at,
            takes.amount,
            takes.unit,
            agency_code,
            procedure_code,
            [pause.asked_at for pause in pauses] or None,
            [pause.answered_at for pause in pauses] or None,
        ],
    ).fetchone()
    if not found or found[2] is None:
        first, last = (
            connection.execute("select min(date_day), max(date_day) from warehouse.dim_date").fetchone() or ()
        )
        raise Unanswered(
            f"the calendar goes from {first} to {last}: docs/deadlines.md says how it is made to go further"
        )
    counted_from, paused_days, due_at, is_provisional = found
    (announced_to, on_working_day) = connection.execute(
        "select max(date_day) filter (where is_announced), bool_or(is_working_day) filter (where date_day = %s)"
        " from warehouse.dim_date",
        [received_at.date()],
    ).fetchone() or (None, False)
    with connection.cursor(row_factory=class_row(Day)) as cursor:
        days = cursor.execute(
            "select date_day, day_off_name, is_make_up_day from warehouse.dim_date where date_day between %s and %s"
            " and (not is_working_day or is_make_up_day) order by date_day",
            [received_at.date(), due_at.date()],
        ).fetchall()
    return Deadline(
        counted_from, paused_days, due_at, is_provisional, announced_to, on_working_day, tuple(days)
    )
