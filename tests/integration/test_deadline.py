"""When a dossier is due: `kho deadline`, the function behind it, and an independent recount that walks through the days."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from psycopg import sql
from typer.testing import CliRunner

from kho import settings
from kho.cli import app
from kho.database import connect
from kho.deadline import Pause, Takes, deadline
from kho.settings import Settings
from kho.transform.project import run
from tests.examples import examples

#: a district, a commune with hours of its own, and one that works half a Friday since 2026
USUAL_HOURS, LATE, SHORT = "H51.12", "H51.12.21", "H51.12.22"
CUT_OFF_AT_THREE = "1.000656"
HOURS = {
    LATE: {day: ["07:30", "11:30", "13:00", "17:00"] for day in range(1, 6)},
    SHORT: {
        day: ["08:00", "11:00"] if day == 5 else ["08:00", "11:00", "13:15", "16:30"] for day in range(1, 6)
    },
}
USUAL = {day: ["07:00", "11:30", "13:30", "17:00"] for day in range(1, 6)}


@pytest.fixture(scope="module")
def offices(module_built_warehouse: Settings) -> Settings:
    """A warehouse with hours of two communes and the cut-off of a procedure."""
    with connect(module_built_warehouse, "kho_transformer") as connection:
        for agency, week in HOURS.items():
            for weekday, times in week.items():
                for opens, closes in zip(times[::2], times[1::2], strict=True):
                    connection.execute(
                        "insert into seed.working_sessions (agency_code, weekday_number, opens_at, closes_at, valid_from)"
                        " values (%s, %s, %s, %s, %s)",
                        [agency, weekday, opens, closes, date(2026, 1, 1) if agency == SHORT else None],
                    )
        connection.execute(
            "insert into seed.cut_offs (procedure_code, cut_off_at) values (%s, '15:00')", [CUT_OFF_AT_THREE]
        )
    run(module_built_warehouse, ["run", "--select", "dim_office_session"])
    return module_built_warehouse


@pytest.fixture
def kho(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable]:
    """Types `kho deadline` at a warehouse; gives its exit code and what it said."""
    monkeypatch.setenv("COLUMNS", "300")

    def type_in(here: Settings, *words: str) -> tuple[int, str]:
        monkeypatch.setenv("KHO_HOME", str(here.home))
        monkeypatch.setenv("KHO_WAREHOUSE_DATABASE", here.warehouse_database)
        settings.settings.cache_clear()
        result = CliRunner().invoke(app, ["deadline", *words])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, result.output

    yield type_in
    settings.settings.cache_clear()


def due(kho: Callable, here: Settings, received: str, takes: str, *words: str) -> str:
    code, said = kho(here, "--from", received, "--takes", takes, *words, "--format", "json")
    assert code == 0, said
    (found,) = json.loads(said)
    assert found["due_at"].endswith("+07:00")
    return found["due_at"].removesuffix(":00+07:00")


@pytest.mark.parametrize(
    ("received", "takes", "expected"),
    [
        pytest.param("2026-09-21 09:00", "3d", "2026-09-24 17:00", id="D1 the day of reception does not count"),
        pytest.param("2026-08-28 10:00", "2d", "2026-09-04 17:00", id="D2 a swapped day and two days off"),
        pytest.param("2026-08-20 15:00", "2d", "2026-08-22 17:00", id="D3 a make-up Saturday"),
        pytest.param("2026-02-13 08:00", "1d", "2026-02-23 17:00", id="D4 Tet"),
        pytest.param("2025-12-31 09:00", "1d", "2026-01-05 17:00", id="D5 the 2nd of January is off"),
        pytest.param("2026-09-21 10:30", "8h", "2026-09-22 10:30", id="D6 hours inside sessions"),
        pytest.param("2026-09-21 08:00", "3.5h", "2026-09-21 11:30", id="D7 hours end with the session"),
        pytest.param("2026-09-25 14:00", "0.5d", "2026-09-28 08:00", id="D9 half a day is four hours"),
        pytest.param("2026-08-26 09:00", "7cd", "2026-09-03 17:00", id="calendar days end after days off"),
        pytest.param("2026-09-25 17:30", "1d", "2026-09-29 17:00", id="after close"),
        pytest.param("2026-09-26 09:00", "3d", "2026-09-30 17:00", id="received on a Saturday"),
    ],
)  # fmt: skip
def test_worked_examples(kho: Callable, offices: Settings, received: str, takes: str, expected: str) -> None:
    assert due(kho, offices, received, takes) == expected


@pytest.mark.parametrize(
    ("received", "expected"),
    [("14:59", "2026-09-21 17:00"), ("15:00", "2026-09-21 17:00"), ("15:01", "2026-09-22 17:00")],
)
def test_d8_after_the_cut_off_the_same_day_is_the_next_one(
    kho: Callable, offices: Settings, received: str, expected: str
) -> None:
    same_day = (kho, offices, f"2026-09-21 {received}", "0d")
    assert due(*same_day, "--procedure", CUT_OFF_AT_THREE) == expected
    assert due(*same_day) == "2026-09-21 17:00"  # nobody else has a cut-off


def test_d10_a_pause_adds_the_days_after_the_request_up_to_the_answer(
    kho: Callable, offices: Settings
) -> None:
    asked = (kho, offices, "2026-09-14 09:00", "5d")
    assert due(*asked) == "2026-09-21 17:00"
    pause = ("--pause", "2026-09-16 10:00..2026-09-22 15:00")
    assert due(*asked, *pause) == "2026-09-25 17:00"
    # a day that two requests wait for counts once
    assert due(*asked, *pause, "--pause", "2026-09-17 10:00..2026-09-18 15:00") == "2026-09-25 17:00"


def test_a_unit_has_hours_of_its_own_while_they_are_in_force(kho: Callable, offices: Settings) -> None:
    assert due(kho, offices, "2026-09-21 10:30", "3h", "--agency", LATE) == "2026-09-21 15:00"
    assert due(kho, offices, "2026-09-24 10:00", "1d", "--agency", SHORT) == "2026-09-25 11:00"
    assert due(kho, offices, "2025-09-25 10:00", "1d", "--agency", SHORT) == "2025-09-26 17:00"
    assert due(kho, offices, "2026-09-21 10:30", "3h", "--agency", USUAL_HOURS) == "2026-09-21 15:30"


@contextmanager
def rules(here: Settings, **values: object) -> Iterator[None]:
    """With these rules in the seed, and afterwards with those that were there."""
    change = sql.SQL("update seed.deadline_rules set {}").format(
        sql.SQL(", ").join(
            sql.SQL("{} = {}").format(sql.Identifier(name), value) for name, value in values.items()
        )
    )
    with connect(here, "kho_transformer") as connection:
        before = connection.execute(
            "select day_end, reception_on_day_off, hours_of_day from seed.deadline_rules"
        ).fetchone()
        connection.execute(change)
    try:
        yield
    finally:
        with connect(here, "kho_transformer") as connection:
            connection.execute(
                "update seed.deadline_rules set day_end = %s, reception_on_day_off = %s, hours_of_day = %s",
                before,
            )


def test_what_is_not_settled_is_a_rule_in_a_seed(kho: Callable, offices: Settings) -> None:
    with rules(offices, day_end="same_time"):
        assert due(kho, offices, "2026-09-21 09:00", "3d") == "2026-09-24 09:00"
        assert due(kho, offices, "2026-09-25 17:30", "1d") == "2026-09-29 07:00"
        assert (
            due(kho, offices, "2026-08-26 09:00", "7cd") == "2026-09-03 17:00"
        )  # moved by days off: their end
    with rules(offices, reception_on_day_off="next_working_day"):
        assert due(kho, offices, "2026-09-26 09:00", "3d") == "2026-10-01 17:00"
    with rules(offices, hours_of_day=Decimal("7.5")):
        assert due(kho, offices, "2026-09-25 14:00", "0.5d") == "2026-09-28 07:45"


def test_hours_go_on_after_a_pause_at_the_time_they_would_have_ended(
    kho: Callable, offices: Settings
) -> None:
    pause = ("--pause", "2026-09-21 11:00..2026-09-23 09:00")
    assert due(kho, offices, "2026-09-21 10:30", "8h", *pause) == "2026-09-24 10:30"


def test_it_says_how_it_came(kho: Callable, offices: Settings) -> None:
    code, said = kho(
        offices,
        "--from",
        "2026-08-28 17:30",
        "--takes",
        "2d",
        "--pause",
        "2026-09-03 08:00..2026-09-04 09:00",
    )
    assert code == 0
    assert said.splitlines() == [
        "Due           Tue 08/09/2026 17:00",
        "Received      Fri 28/08/2026 17:30",
        "Counted from  Thu 03/09/2026 07:00, the next working day: received after the last session or the cut-off",
        "Takes         2 working days, the day of reception not counted",
        "Asked         Thu 03/09/2026 08:00, answered Fri 04/09/2026 09:00",
        "Paused        1 working day after the request, the day of the answer included",
        "Not worked    weekends: Sat 29/08/2026, Sun 30/08/2026, Sat 05/09/2026, Sun 06/09/2026",
        "Not worked    Mon 31/08/2026: Ngày nghỉ (thay cho ngày 22/08/2026)",
        "Not worked    Tue 01/09/2026: Quốc khánh",
        "Not worked    Wed 02/09/2026: Quốc khánh",
    ]
    _, said = kho(offices, "--from", "2026-08-20 15:00", "--takes", "2d")
    assert "Worked        Sat 22/08/2026: a make-up day" in said.splitlines()


def test_what_rests_on_days_that_are_only_expected_is_provisional(kho: Callable, offices: Settings) -> None:
    _, said = kho(offices, "--from", "2026-12-30 09:00", "--takes", "3d")
    assert "Due           Tue 05/01/2027 17:00 (provisional)" in said
    assert "days off are announced until 31/12/2026; later ones are only expected" in said
    _, said = kho(offices, "--from", "2026-12-30 09:00", "--takes", "1d")
    assert "provisional" not in said.lower()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--takes", "3w"], "write 3d (working days), 8h (working hours), 0.5d or 7cd"),
        (["--takes", "0h"], "takes no time"),
        (["--takes", "1.5cd"], "calendar days are whole ones"),
        (["--takes", "3d", "--agency", "H99.99"], "there is no agency H99.99"),
        (["--takes", "3d", "--procedure", "9.999999"], "there is no procedure 9.999999"),
        (["--takes", "3d", "--pause", "2026-09-22 10:00"], "a pause is written"),
        (["--takes", "3d", "--pause", "2026-09-23 10:00..2026-09-22 10:00"], "ends before it begins"),
        (
            ["--takes", "3d", "--pause", "2026-09-20 10:00..2026-09-22 10:00"],
            "does not begin after reception",
        ),
    ],
)
def test_a_wrong_question_is_refused_with_what_is_right(
    kho: Callable, offices: Settings, words: list[str], told: str
) -> None:
    code, said = kho(offices, "--from", "2026-09-21 09:00", *words)
    assert code == 2 and told in said


def test_beyond_the_calendar_there_is_no_answer(kho: Callable, offices: Settings) -> None:
    for received in ("2040-12-31 09:00", "2009-12-31 09:00"):
        for takes in ("1d", "8h", "1cd"):
            code, said = kho(offices, "--from", received, "--takes", takes)
            assert code == 1 and "the calendar goes from 2010-01-01 to 2040-12-31" in said, (received, takes)


def test_before_the_first_build_it_says_what_to_run(kho: Callable, warehouse: Settings) -> None:
    code, said = kho(warehouse, "--from", "2026-09-21 09:00", "--takes", "1d")
    assert code == 1 and "`kho run` builds it" in said


@pytest.mark.parametrize(
    "change",
    [
        "insert into seed.working_sessions (weekday_number, opens_at, closes_at) values (2, '11:00', '12:00')",
        "insert into seed.working_sessions (weekday_number, opens_at, closes_at) values (2, '18:00', '17:30')",
        "delete from seed.working_sessions where weekday_number = 3",
    ],
    ids=["overlapping", "ends before it begins", "a day without any"],
)
def test_sessions_that_can_not_be_are_refused_by_the_night_and_by_the_command(
    kho: Callable, built_warehouse: Settings, change: str
) -> None:
    with connect(built_warehouse, "kho_transformer") as connection:
        connection.execute(change)
    run(built_warehouse, ["run", "--select", "dim_office_session"])
    (result,) = run(built_warehouse, ["test", "--select", "sessions_do_not_overlap,tag:nightly"])
    assert result.status == "fail"
    code, said = kho(built_warehouse, "--from", "2026-09-21 09:00", "--takes", "1d")
    assert code == 1 and "mend dbt_project/seeds/working_sessions.csv" in said


@pytest.mark.parametrize(
    ("change", "test"),
    [
        (
            "insert into seed.cut_offs (cut_off_at) values ('15:00'), ('16:00')",
            "a_procedure_has_one_cut_off_a_day",
        ),
        ("update seed.deadline_rules set day_end = 'noon'", "deadline_rules_are_known"),
        ("delete from seed.deadline_rules", "deadline_rules_are_known"),
    ],
)
def test_wrong_cut_offs_and_rules_fail_a_test_of_the_night(
    built_warehouse: Settings, change: str, test: str
) -> None:
    with connect(built_warehouse, "kho_transformer") as connection:
        connection.execute(change)
    (result,) = run(built_warehouse, ["test", "--select", f"{test},tag:nightly"])
    assert result.status == "fail"


class Recount:
    """Walks through days, and through hours minute by minute; reads the seeds' files itself."""

    def __init__(self) -> None:
        seeds = Settings().project / "dbt_project" / "seeds"
        self.off = {row["date_day"] for row in _read(seeds / "days_off.csv")}
        self.make_up = {
            row["date_day"]: int(row["hours_of_weekday"]) for row in _read(seeds / "make_up_days.csv")
        }

    def sessions(self, day: date, agency: str | None) -> list[tuple[datetime, datetime]]:
        weekday = self.make_up.get(day.isoformat(), day.isoweekday())
        if day.isoformat() in self.off or weekday > 5:
            return []
        own = HOURS.get(agency or "") if agency != SHORT or day.year >= 2026 else None
        moments = [datetime.combine(day, time.fromisoformat(each)) for each in (own or USUAL)[weekday]]
        return list(zip(moments[::2], moments[1::2], strict=True))

    def next_working(self, day: date, agency: str | None) -> date:
        day += timedelta(days=1)
        while not self.sessions(day, agency):
            day += timedelta(days=1)
        return day

    def due(
        self, received: datetime, takes: Takes, agency: str | None, procedure: str | None, pauses: list[Pause]
    ) -> datetime:
        here = self.sessions(received.date(), agency)
        late = here and (received > here[-1][1] or (procedure and received.time() > time(15)))
        counted = (
            self.sessions(self.next_working(received.date(), agency), agency)[0][0] if late else received
        )
        day, at = counted.date(), None
        if takes.unit == "h" or takes.amount % 1:
            minutes, at = int(takes.amount * 60 * (8 if takes.unit == "d" else 1)), counted
            while minutes:
                minutes -= any(opens <= at < closes for opens, closes in self.sessions(at.date(), agency))
                at += timedelta(minutes=1)
            day = at.date()
        elif takes.unit == "d":
            for _ in range(int(takes.amount)):
                day = self.next_working(day, agency)
        else:
            day += timedelta(days=int(takes.amount))
        if not self.sessions(day, agency):
            day = self.next_working(day, agency)
        waiting = {
            each.asked_at.date() + timedelta(days=n)
            for each in pauses
            for n in range(1, (each.answered_at.date() - each.asked_at.date()).days + 1)
        }
        for _ in [each for each in waiting if self.sessions(each, agency)]:
            day = self.next_working(day, agency)
        return datetime.combine(day, at.time()) if at else self.sessions(day, agency)[-1][1]


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2026, 11, 30)).map(
    lambda each: each.replace(second=0, microsecond=0)
)
TAKES = (
    st.builds(Takes, st.integers(0, 40).map(Decimal), st.just("d"))
    | st.builds(Takes, st.integers(1, 40).map(Decimal), st.just("cd"))
    | st.builds(Takes, st.integers(1, 100).map(lambda n: Decimal(n) / 4), st.just("h"))
    | st.builds(Takes, st.integers(0, 3).map(lambda n: Decimal(n) + Decimal("0.5")), st.just("d"))
)
WAITS = st.lists(st.tuples(st.integers(0, 20_000), st.integers(0, 20_000)), max_size=3)  # in minutes


@given(
    MOMENTS,
    TAKES,
    st.sampled_from([None, USUAL_HOURS, LATE, SHORT]),
    st.sampled_from([None, CUT_OFF_AT_THREE]),
    WAITS,
)
@examples(60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_it_is_due_when_an_independent_recount_says(
    offices: Settings,
    received: datetime,
    takes: Takes,
    agency: str | None,
    procedure: str | None,
    waits: list,
) -> None:
    pauses = []
    for before, waited in waits:
        asked = received + timedelta(minutes=before)
        pauses.append(Pause(asked, asked + timedelta(minutes=waited)))
    found = deadline(offices, received, takes, agency_code=agency, procedure_code=procedure, pauses=pauses)
    assert found.due_at.replace(tzinfo=None) == Recount().due(received, takes, agency, procedure, pauses)
    assert found.is_provisional == (found.due_at.year > 2026)


@pytest.mark.parametrize("unit", ["d", "h", "cd"])
def test_a_million_dossiers_take_a_million_look_ups_and_no_scan(offices: Settings, unit: str) -> None:
    """Whatever the planner knows of the tables: one scan a dossier would take hours."""
    with connect(offices, "kho_auditor") as connection:
        plan = connection.execute(
            "explain select count(due_at) from generate_series(1, 1000000) as n cross join lateral warehouse.deadline("
            " timestamptz '2020-01-01' + n * interval '1 minute', n %% 30 + 1, %s::text, 'H51.' || n %% 20, null, null, null)",
            [unit],
        ).fetchall()
    lines = [line for (line,) in plan]
    assert any("Index" in line and "dim_office_session" in line for line in lines)
    assert not [line for line in lines if "Seq Scan on dim_" in line]
