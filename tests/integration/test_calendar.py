"""The calendar as the warehouse has it: which days are worked, which are announced, and who is told that it ends."""

from __future__ import annotations

from datetime import date

import pytest

from kho.check.suites import suites
from kho.database import connect
from kho.settings import Settings
from kho.transform.project import run
from tests.integration.loading import rows


def day(settings: Settings, day: str) -> dict:
    (found,) = rows(settings, "select * from warehouse.dim_date where date_day = %s", day)
    return found


def test_a_day_moved_by_working_days_is_a_look_up(module_built_warehouse: Settings) -> None:
    """Thursday 20 August 2026, and two working days: Saturday the 22nd is a make-up day."""
    first = day(module_built_warehouse, "2026-08-20")["working_day_number"]
    (found,) = rows(
        module_built_warehouse,
        "select date_day from warehouse.dim_date where is_working_day and working_day_number = %s",
        first + 2,
    )
    assert found["date_day"] == date(2026, 8, 22)
    assert rows(
        module_built_warehouse,
        "select max(working_day_number) as last, count(*) filter (where is_working_day) as days from warehouse.dim_date",
    ) == [{"last": (days := day(module_built_warehouse, "2040-12-31")["working_day_number"]), "days": days}]


def test_a_make_up_day_has_the_hours_of_the_day_that_it_pays_for(module_built_warehouse: Settings) -> None:
    found = day(module_built_warehouse, "2026-01-10")
    assert (found["weekday_number"], found["hours_of_weekday"], found["is_make_up_day"]) == (6, 5, True)


def test_days_of_years_without_a_notice_are_expected(module_built_warehouse: Settings) -> None:
    assert day(module_built_warehouse, "2026-12-31")["is_announced"]
    assert not day(module_built_warehouse, "2027-06-15")["is_announced"]
    assert day(module_built_warehouse, "2027-02-05")["day_off_name"] == "Giao thừa Tết Nguyên Đán"


@pytest.mark.parametrize(
    ("rule", "night", "warned"),
    [
        ("days_off_are_announced", "2025-12-31", []),
        ("days_off_are_announced", "2026-01-01", [{"announced_to": date(2026, 12, 31)}]),
        ("the_calendar_goes_on", "2039-12-31", []),
        ("the_calendar_goes_on", "2040-01-01", [{"ends_on": date(2040, 12, 31)}]),
    ],
)
def test_a_night_warns_a_year_before_the_calendar_or_what_is_announced_of_it_ends(
    module_built_warehouse: Settings, rule: str, night: str, warned: list[dict]
) -> None:
    (found,) = (
        each for each in suites(module_built_warehouse)["source_freshness"].rules if each.name == rule
    )
    assert found.severity == "warning"
    assert "dbt_project/seeds/days_off.csv" in found.remedy and "docs/deadlines.md" in found.remedy
    query = found.arguments["unexpected_rows_query"]
    of_night = query.format(batch=f"(select date '{night}' as business_date) as source_freshness")
    assert rows(module_built_warehouse, of_night) == warned


@pytest.mark.parametrize(
    ("seed", "row", "test"),
    [
        ("make_up_days", "2026-05-09,2026-05-08,5,a notice\n", "make_up_days_pay_for_days_off"),
        ("make_up_days", "2026-05-08,2026-08-31,5,a notice\n", "make_up_days_pay_for_days_off"),
        ("make_up_days", "2026-01-10,2026-01-02,5,a notice\n", "make_up_days_pay_for_days_off"),
        ("make_up_days", "2026-05-09,2026-08-31,,a notice\n", "make_up_days_pay_for_days_off"),
        ("days_off", "2026-05-08,A day,planned,a notice\n", "days_off_are_announced_or_expected"),
    ],
    ids=["pays for no day off", "no weekend", "twice", "no hours", "no such state"],
)
def test_wrong_seeds_of_the_calendar_fail_a_test_of_the_night(
    built_warehouse: Settings, seed: str, row: str, test: str
) -> None:
    with (
        connect(built_warehouse, "kho_transformer") as connection,
        connection.cursor().copy(f"copy seed.{seed} from stdin (format csv)") as lines,
    ):
        lines.write(row)
    (result,) = run(built_warehouse, ["test", "--select", f"{test},tag:nightly"])
    assert result.status == "fail"


def test_a_year_without_days_off_fails_a_test_of_the_night(built_warehouse: Settings) -> None:
    with connect(built_warehouse, "kho_transformer") as connection:
        assert connection.execute("delete from seed.days_off where date_day >= '2040-01-01'").rowcount
    run(built_warehouse, ["run", "--select", "dim_date"])
    (result,) = run(built_warehouse, ["test", "--select", "every_year_has_days_off,tag:nightly"])
    assert result.status == "fail"


def test_the_seeds_as_they_are_pass(module_built_warehouse: Settings) -> None:
    results = run(
        module_built_warehouse, ["test", "--select", "dim_date,tag:nightly", "days_off,tag:nightly"]
    )
    assert {result.node.name: result.status for result in results} == dict.fromkeys(
        [
            "unique_dim_date_date_day",
            "working_days",
            "every_year_has_days_off",
            "days_off_are_announced_or_expected",
            "make_up_days_pay_for_days_off",
        ],
        "pass",
    )
