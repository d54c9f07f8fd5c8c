"""What the exports boundary never simply accepts, from the first delivery on: what had rows and loaded none, what is mostly
rejected, a list that was cut."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import pytest
import xlsxwriter

from kho import check
from kho.database import connect
from kho.ledger import decisions
from kho.load import load
from kho.settings import Settings
from tests.contracts import document, read
from tests.integration.loading import deliver

MONDAY = date(2021, 1, 4)
HEADER = "code;name;n;d"
COLUMNS = [
    {"name": "name", "logicalType": "string"},
    {"name": "n", "logicalType": "integer"},
    {"name": "d", "logicalType": "date"},
]


@dataclass(frozen=True)
class Outcome:
    batch_id: int
    state: str
    loaded: int
    told: dict[str, tuple[str, str]]  # rule -> severity and message, of what failed

    def only(self, *rules: str) -> list[tuple[str, str]]:
        assert set(self.told) == set(rules), self.told
        return [self.told[rule] for rule in rules]


Night = Callable[..., Outcome]


@pytest.fixture
def night(warehouse: Settings, tmp_path: Path) -> Night:
    """Delivers the bytes of one file under the day's name, loads it and has it judged: `night(data, day)`."""
    return partial(_night, warehouse.model_copy(update={"project": tmp_path}))


def _night(
    settings: Settings,
    data: bytes,
    day: date = MONDAY,
    *,
    unit: str = "",
    format: str = "csv",
    quality: list[dict[str, object]] | None = None,
    every: str = "d",
    **file: object,
) -> Outcome:
    settings.contracts.mkdir(exist_ok=True)
    name = r"permits_(?:(?P<unit>[A-Z]\d\d)_)?(?P<business_date>\d{8})\.\w+"
    place = {"type": "local", "path": "registry/permits", "format": format}
    written = document(place, columns=COLUMNS, file=file, unit=every, fileName=name)
    if format == "csv":
        written["servers"][0]["customProperties"].append({"property": "delimiter", "value": ";"})
    if quality:
        written["schema"][0]["quality"] = quality
    contract = read(settings.contracts, written)
    of_unit = f"{unit}_" if unit else ""
    deliver(settings, contract, f"permits_{of_unit}{day:%Y%m%d}.{format}", data, day)
    (batch,) = load(settings, contract)
    check.exports(settings, day)
    with connect(settings, "kho_auditor") as connection:
        (state, loaded) = connection.execute(
            "select state, rows_loaded from ledger.batch where batch_id = %s", [batch.batch_id]
        ).fetchone()
        told = connection.execute(
            "select expectation, severity, message from ledger.verdict where batch_id = %s and outcome = 'failed'",
            [batch.batch_id],
        ).fetchall()
    return Outcome(batch.batch_id, state, loaded, {rule: (severity, why) for rule, severity, why in told})


def csv(*lines: str) -> bytes:
    return "\n".join([HEADER, *lines, ""]).encode()


def rows(count: int, first: int = 1) -> list[str]:
    return [f"P{n:04};Cấp phép;{n};2021-01-04" for n in range(first, first + count)]


def workbook(lines: list[str], blank: int = 0) -> bytes:
    """A sheet with formatted blank rows behind its last one."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        page, bordered = book.add_worksheet(), book.add_format({"border": 1})
        for row, line in enumerate([HEADER, *lines]):
            page.write_row(row, 0, line.split(";"))
        for row in range(len(lines) + 1, len(lines) + 1 + blank):
            page.write_blank(row, 0, None, bordered)
            page.write_string(row, 1, " ")
    return file.getvalue()


NO_DATA = {
    "blank lines": ("csv", csv(*[";;;"] * 1000), "blank row 1000, of 1000 rows"),
    "spaces": ("csv", csv(*[" ; ;  ;"] * 30), "blank row 30, of 30 rows"),
    "the header again": ("csv", csv(*[HEADER] * 3), "repeated header 3, of 3 rows"),
    "headers and blank lines": ("csv", csv(";;;", HEADER), "blank row 1, repeated header 1, of 2 rows"),
    "records without anything": (
        "json",
        json.dumps([dict.fromkeys(HEADER.split(";"))] * 20).encode(),
        "of 20 rows",
    ),
    "lines without anything": (
        "jsonl",
        b'{"code": null, "name": "", "n": null, "d": null}\n' * 20,
        "of 20 rows",
    ),
    "rows of a page": (
        "html",
        f"<table><tr><th>{'</th><th>'.join(HEADER.split(';'))}</th></tr>{'<tr><td> </td><td></td></tr>' * 20}</table>".encode(),
        "of 20 rows",
    ),
    "formatted rows of a sheet": ("xlsx", workbook([], 500), "of 500 rows"),
}


@pytest.mark.parametrize("case", NO_DATA)
def test_a_first_file_that_has_rows_and_no_data_is_a_warning(night: Night, case: str) -> None:
    format_, data, words = NO_DATA[case]
    outcome = night(data, format=format_)
    assert (outcome.state, outcome.loaded) == ("accepted", 0)
    ((severity, message),) = outcome.only("rows_are_data")
    assert severity == "warning" and words in message and "ask the source whether its export works" in message


def test_a_quiet_day_is_nothing_to_tell_and_a_blank_line_behind_its_header_only_an_info(night: Night) -> None:
    assert night(csv()).told == {}
    outcome = night(csv(";;;"), MONDAY + timedelta(1))
    assert outcome.only("few_rows_blank")[0][0] == "info"


def test_rows_that_the_contract_skips_are_no_data_by_its_own_word(night: Night) -> None:
    skip = [{"column": "name", "pattern": "^Tổng", "why": "total row"}]
    assert night(csv(";Tổng cộng;0;"), skipRows=skip).told == {}


REJECTED = {
    "no key": csv(*[f";b;{n};2021-01-04" for n in range(50)]),
    "a delimiter at the end of each row": csv("A;b;1;2021-01-04;", "B;b;1;2021-01-04;"),
    "one row of a quiet day": csv(";b;1;2021-01-04"),
    "rejects among blank lines": csv(";;;", ";b;1;2021-01-04", ";;;"),
}


@pytest.mark.parametrize("load_", ["delta", "full"])
@pytest.mark.parametrize("case", REJECTED)
def test_a_first_file_of_rejects_is_held_without_a_limit_in_the_contract(
    night: Night, case: str, load_: str
) -> None:
    full = {"load": "full", "fullListOf": ["code"]} if load_ == "full" else {}
    outcome = night(REJECTED[case], **full)
    assert (outcome.state, outcome.loaded) == ("held", 0)
    severity, message = outcome.told["something_loaded"]
    assert severity == "critical"
    assert "rows were rejected; `kho rejects show`" in message


@pytest.mark.parametrize(
    ("bad", "repeated", "state"), [(20, 0, "accepted"), (21, 0, "held"), (90, 0, "held"), (3, 50, "accepted")]
)
def test_a_first_file_of_which_most_is_rejected_is_held_without_a_limit_in_the_contract(
    night: Night, bad: int, repeated: int, state: str
) -> None:
    """A row that only says again what another one said is lost to nobody."""
    again = [rows(1)[0]] * repeated
    outcome = night(csv(*rows(20), *[f";b;{n};2021-01-04" for n in range(bad)], *again))
    assert outcome.state == state and ("rejects_bounded" in outcome.told) == (state == "held")
    if state == "held":
        assert f"no limit of its own: {bad} of {20 + bad} rows" in outcome.told["rejects_bounded"][1]


def test_a_limit_of_the_contract_takes_the_place_of_the_floor_but_never_for_a_file_of_rejects(
    night: Night,
) -> None:
    limit = {"type": "library", "metric": "invalidValues", "unit": "percent", "mustBeLessOrEqualTo": 100}
    bad = [f";b;{n};2021-01-04" for n in range(60)]
    assert night(csv(*rows(20), *bad), quality=[limit]).state == "accepted"
    outcome = night(csv(*bad), MONDAY + timedelta(1), quality=[limit])
    assert outcome.state == "held" and set(outcome.told) == {"something_loaded"}


LISTS = {"load": "full", "fullListOf": ["code"]}


@pytest.mark.parametrize("left", [0, 3, 31])
def test_a_second_list_that_lost_nearly_all_of_its_rows_is_held_and_accepting_it_is_enough(
    night: Night, warehouse: Settings, left: int
) -> None:
    assert night(csv(*rows(200)), **LISTS).told == {}
    outcome = night(csv(*rows(left)), MONDAY + timedelta(1), **LISTS)
    assert outcome.state == "held"
    severity, message = outcome.told["list_not_cut"]
    assert severity == "critical" and f"{left} rows, before 200; what it lacks would count as gone" in message
    again = night(csv(*rows(left)), MONDAY + timedelta(2), **LISTS)
    assert again.state == "held", "one that is held is none to compare with"
    decisions.accept(warehouse, outcome.batch_id, actor="linh", reason="the list was cleaned")
    assert night(csv(*rows(left)), MONDAY + timedelta(3), **LISTS).told == {}


def test_a_list_is_held_too_where_it_came_in_one_night_with_others_or_again_for_its_day(night: Night) -> None:
    night(csv(*rows(9)), **LISTS)
    assert night(csv(), MONDAY, **LISTS).state == "held"
    assert night(csv(), MONDAY + timedelta(7), **LISTS).state == "held"
    assert night(csv(*rows(8)), MONDAY + timedelta(14), **LISTS).told == {}


def test_lists_of_units_are_compared_each_with_its_own(night: Night) -> None:
    of_unit = {"load": "full", "fullListOf": ["name"]}
    assert night(csv(*rows(200)), unit="H01", **of_unit).told == {}
    assert night(csv(*rows(2)), unit="H02", **of_unit).told == {}
    later = MONDAY + timedelta(7)
    assert night(csv(*rows(2)), later, unit="H02", **of_unit).told == {}
    assert night(csv(*rows(2)), later, unit="H01", **of_unit).state == "held"


@pytest.mark.parametrize(("left", "is_told"), [(150, False), (100, False), (80, True)])
def test_a_list_that_lost_more_than_half_of_its_rows_is_a_warning(
    night: Night, left: int, is_told: bool
) -> None:
    night(csv(*rows(200)), **LISTS)
    outcome = night(csv(*rows(left)), MONDAY + timedelta(7), **LISTS)
    assert outcome.state == "accepted" and set(outcome.told) == ({"list_not_halved"} if is_told else set())


def test_a_first_list_without_rows_is_a_warning_and_the_next_such_one_is_not(night: Night) -> None:
    assert night(csv(), **LISTS).only("list_has_rows")[0][0] == "warning"
    assert night(csv(), MONDAY + timedelta(7), **LISTS).told == {}


def test_blank_rows_of_a_sheet_spoil_no_usual_number_and_are_none_themselves(night: Night) -> None:
    files = [workbook(rows(100), 20_000), *[workbook(rows(100))] * 3]
    for week, data in enumerate(files):
        assert night(data, MONDAY + timedelta(7 * week), format="xlsx").told == {}
    assert night(workbook(rows(100)), MONDAY + timedelta(28), format="xlsx").told == {}
    outcome = night(workbook(rows(2), 20_000), MONDAY + timedelta(35), format="xlsx")
    assert "usual number: 0.11" in outcome.told["rows_as_usual"][1]


def test_a_file_of_blank_rows_after_five_mondays_is_told_as_no_rows(night: Night) -> None:
    for week in range(5):
        assert night(csv(*rows(1000)), MONDAY + timedelta(7 * week)).told == {}
    outcome = night(csv(*[";;;"] * 1000), MONDAY + timedelta(35))
    assert set(outcome.told) == {"rows_are_data", "rows_as_usual"}
    assert "usual number: 0.01" in outcome.told["rows_as_usual"][1]


@pytest.mark.parametrize("count", [0, 5, 30_000])
def test_a_second_file_of_a_weekday_far_from_the_first_is_a_warning(night: Night, count: int) -> None:
    night(csv(*rows(1000)))
    assert night(csv(*rows(3)), MONDAY + timedelta(6)).told == {}, "a Sunday is no Monday"
    outcome = night(csv(*rows(count)), MONDAY + timedelta(7))
    ((severity, message),) = outcome.only("rows_as_before")
    assert severity == "warning" and "few files before" in message


@pytest.mark.parametrize(("bad", "is_told"), [(5, False), (40, True)])
def test_more_rejects_than_usual_are_a_warning_also_below_half_of_the_rows(
    night: Night, bad: int, is_told: bool
) -> None:
    for week in range(4):
        assert night(csv(*rows(200)), MONDAY + timedelta(7 * week)).told == {}
    broken = [f";b;{n};2021-01-04" for n in range(bad)]
    outcome = night(csv(*rows(200 - bad), *broken), MONDAY + timedelta(28))
    assert outcome.state == "accepted" and set(outcome.told) == ({"rejects_as_usual"} if is_told else set())


@pytest.mark.parametrize("year", ["0001", "1900", "2564", "9999"])
def test_a_first_file_with_a_year_that_cannot_be_is_told_and_loads_without_it(
    night: Night, year: str
) -> None:
    outcome = night(csv(*rows(20), *[f"X{n};b;1;{year}-01-04" for n in range(3)]))
    assert (outcome.state, outcome.loaded) == ("accepted", 23)
    ((severity, message),) = outcome.only("times_possible")
    assert severity == "warning" and "emptied: d (3 values)" in message


@pytest.mark.parametrize(
    ("changed", "is_told"), [("2021-01-05", False), ("2021-01-06", True), ("2091-01-04", True)]
)
def test_a_first_file_with_a_version_from_the_future_is_told(
    night: Night, changed: str, is_told: bool
) -> None:
    outcome = night(csv(f"A;b;1;{changed}", *rows(5)), versionColumn="d")
    assert outcome.state == "accepted" and outcome.loaded == 6
    assert set(outcome.told) == ({"versions_not_from_the_future"} if is_told else set())


def cases(count: int, day: date, code: str = "P{:%y%m%d}{:04}", name: str = "b") -> list[str]:
    return [f"{code.format(day, n)};{name};{n};{day}" for n in range(count)]


@pytest.mark.parametrize("before", [1, 2, 6])
def test_old_cases_under_other_keys_are_told_with_their_count(night: Night, before: int) -> None:
    days = [MONDAY + timedelta(n) for n in range(before)]
    for day in days:
        assert (
            night(csv(*cases(40, day))).told == {}
            if day == MONDAY
            else night(csv(*cases(40, day)), day).told == {}
        )
    day = MONDAY + timedelta(before)
    again = [line for n in range(3) for line in cases(478, date(2020, 6, 1 + n), "X{:%y%m%d}{:04}")]
    outcome = night(csv(*cases(40, day), *again), day)
    assert outcome.state == "accepted"
    severity, message = outcome.told["past_as_usual"]
    assert severity == "warning" and "1434 of 1474 rows, usually 0" in message


def test_old_cases_that_are_known_or_few_are_nothing_to_tell(night: Night) -> None:
    old = cases(300, date(2020, 6, 1))
    night(csv(*old, *cases(40, MONDAY)))
    for n in range(1, 5):
        day = MONDAY + timedelta(n)
        assert night(csv(*cases(40, day), *cases(9, date(2020, 5, n))), day).told == {}
    day = MONDAY + timedelta(5)
    assert night(csv(*cases(40, day), *cases(300, date(2020, 6, 1), name="changed")), day).told == {}


def test_a_source_that_always_tells_of_long_ago_may(night: Night) -> None:
    """As births that are registered late."""
    for n in range(6):
        day = MONDAY + timedelta(n)
        assert night(csv(*cases(60, date(2020, 6, 1 + n))), day).told == {}


def test_of_a_dump_behind_which_only_new_cases_come_nothing_is_remembered_for_long(night: Night) -> None:
    assert night(csv(*cases(900, date(2020, 6, 1)))).told == {}
    for n in range(1, 4):
        assert night(csv(*cases(40, MONDAY + timedelta(n))), MONDAY + timedelta(n)).told == {}
    day = MONDAY + timedelta(4)
    assert "past_as_usual" in night(csv(*cases(900, date(2020, 6, 2))), day).told


def test_other_ids_in_the_same_month_or_without_a_date_are_no_past(night: Night) -> None:
    day = MONDAY + timedelta(1)
    night(csv(*cases(40, MONDAY)))
    undated = [f"Y{n};b;{n};" for n in range(500)]
    assert night(csv(*cases(500, MONDAY - timedelta(20), "X{:%y%m%d}{:04}"), *undated), day).told == {}


@pytest.mark.parametrize(
    ("every", "days", "is_told"), [("d", 40, True), ("m", 40, False), ("m", 70, True), ("q", 70, False)]
)
def test_how_long_ago_is_long_depends_on_how_often_a_source_tells(
    night: Night, every: str, days: int, is_told: bool
) -> None:
    night(csv(*cases(40, MONDAY)), every=every)
    day = date(2021, 3, 31)
    outcome = night(csv(*cases(200, day - timedelta(days), "X{:%y%m%d}{:04}")), day, every=every)
    assert ("past_as_usual" in outcome.told) == is_told
