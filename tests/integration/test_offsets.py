"""Times that say their offset: one that changes is told, and one that is not true can be quoted in the contract."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
import yaml

from kho import check
from kho.contract import Contract, ContractError, contracts
from kho.load import load, replay, ways
from kho.settings import Settings
from tests import contracts as written
from tests.integration.loading import deliver, raw_rows, rejects
from tests.integration.test_drift import Outcome

DAY = date(2021, 6, 30)
HANOI = timezone(timedelta(hours=7))
FORMAT = "yyyy-MM-dd'T'HH:mm:ss"
COLUMNS = [
    {"name": "received_at", "logicalType": "timestamp"},
    {
        "name": "closed_at",
        "logicalType": "timestamp",
        "customProperties": [{"property": "mayLackTime", "value": True}],
    },
]

Rows = list[list[str]]


@pytest.fixture
def desk(warehouse: Settings, tmp_path: Path) -> Settings:
    """Settings of a warehouse with a project of its own."""
    return warehouse.model_copy(update={"project": tmp_path})


def contract(settings: Settings, ending: str, format: str = "csv", **file: Any) -> Contract:
    place = {"type": "local", "path": "registry/permits", "format": format}
    document = written.document(
        place,
        columns=COLUMNS,
        file={"timestampFormat": FORMAT + ending, **file},
        fileName=rf"permits_(?P<business_date>\d{{8}})\.{format}",
    )
    path = settings.contracts / "registry" / "permits.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(document, allow_unicode=True))
    return contracts(settings)["registry.permits"]


def as_csv(rows: Rows) -> bytes:
    target = io.StringIO()
    csv.writer(target).writerows([["code", "received_at", "closed_at"], *rows])
    return target.getvalue().encode()


def as_json(rows: Rows) -> bytes:
    names = ("code", "received_at", "closed_at")
    return json.dumps([dict(zip(names, row, strict=True)) for row in rows]).encode()


def as_xlsx(rows: Rows) -> bytes:
    target = io.BytesIO()
    with xlsxwriter.Workbook(target, {"in_memory": True}) as book:
        page = book.add_worksheet()
        for number, row in enumerate([["code", "received_at", "closed_at"], *rows]):
            page.write_row(number, 0, row)
    return target.getvalue()


def arrive(settings: Settings, of: Contract, data: bytes, day: date = DAY) -> Outcome:
    deliver(settings, of, f"permits_{day:%Y%m%d}.{of.format}", data, day)
    (batch,) = load(settings, of)
    check.exports(settings, day)
    return Outcome(settings, batch.batch_id)


# An offset that is quoted


@pytest.mark.parametrize("said", ["Z", "+00:00", "+0000", "-05"])
@pytest.mark.parametrize(
    ("format", "packed"), [("csv", as_csv), ("json", as_json), ("xlsx", as_xlsx)], ids=("csv", "json", "xlsx")
)
@pytest.mark.parametrize("many", [1, 500])
def test_an_offset_that_the_contract_quotes_means_nothing(
    desk: Settings,
    said: str,
    format: str,
    packed: Callable[[Rows], bytes],
    many: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if many > 1:
        monkeypatch.setattr(ways, "SMALL", 1)  # the fast way, where there is one
    of = contract(desk, f"'{said}'", format)
    rows = [
        ["1", f"2021-06-30T08:00:00{said}", "2021-06-30"],
        ["2", f"2021-06-30T08:00:00.25{said}", ""],
        ["3", "2021-06-30T08:00:00", ""],
        ["4", "2021-06-30T08:00:00+07:00", ""],
        ["5", f"2021-06-31T08:00:00{said}", ""],
        *([f"n{number}", f"2021-06-30T08:00:00{said}", ""] for number in range(many)),
    ]
    deliver(desk, of, f"permits_20210630.{format}", packed(rows), DAY)
    (batch,) = load(desk, of)
    good = raw_rows(desk, of, batch.batch_id)
    at = datetime(2021, 6, 30, 8, tzinfo=HANOI)
    assert [row["received_at"] for row in good] == [at, at + timedelta(seconds=0.25), *[at] * many]
    assert good[0]["closed_at"] == datetime(2021, 6, 30, tzinfo=HANOI)
    assert [row["row_number"] for row in rejects(desk, batch.batch_id)] == [3, 4, 5]


@pytest.mark.parametrize("ending", ["'x'", "'+7'", "XXX'Z'", "'+00:00' ", "''"])
def test_what_is_no_offset_in_quotes_is_no_format(desk: Settings, ending: str) -> None:
    with pytest.raises((ContractError, KeyError)):
        contract(desk, ending)


# One that changes


def day_of(offsets: list[str], day: date, hour: int = 9, last: str = "") -> Rows:
    """Forty times around an hour of the clock, with these offsets in turn."""
    rows = []
    for number in range(40):
        at = datetime(day.year, day.month, day.day, hour) + timedelta(minutes=number)
        offset = last if last and number == 39 else offsets[number % len(offsets)]
        rows.append([f"{day:%d}-{number}", f"{at:%Y-%m-%dT%H:%M:%S}{offset}", ""])
    return rows


def history(settings: Settings, of: Contract, days: list[list[str]], **given: Any) -> list[Outcome]:
    """A batch of each of these offsets, on the days before `DAY`."""
    return [
        arrive(settings, of, as_csv(day_of(offsets, day, **given) if offsets else []), day)
        for number, offsets in enumerate(days)
        for day in [DAY - timedelta(days=len(days) - number)]
    ]


@pytest.mark.parametrize(
    ("before", "now", "words"),
    [
        (["+07:00"], ["Z"], ["received_at says +00:00 (40 times), before +07:00;"]),
        (["+0700"], ["+00:00"], ["received_at says +00:00 (40 times), before +07:00;"]),
        (["+01:00", "+02"], ["+00:00"], ["+00:00 (40 times), before +01:00 and +02:00"]),
        (["+07:00"], ["+08:00"], ["received_at says +08:00 (40 times), before +07:00;"]),
        (["+07:00"], ["+07:00", "-05:30"], ["says +07:00 (20 times) and -05:30 (20 times), before +07:00"]),
        (["Z"], ["+07:00"], ["received_at says +07:00 (40 times), before +00:00;"]),
    ],
)
def test_an_offset_that_none_ever_said_is_told(
    desk: Settings, before: list[str], now: list[str], words: list[str]
) -> None:
    of = contract(desk, "XXX")
    assert [each.told for each in history(desk, of, [before, before])] == [{}, {}]
    outcome = arrive(desk, of, as_csv(day_of(now, DAY)))
    assert (outcome.state, set(outcome.told)) == ("accepted", {"offsets_as_usual"})
    outcome.says("offsets_as_usual", "warning", *words, f"timestampFormat ({FORMAT}'+00:00')")


@pytest.mark.parametrize(("format", "packed"), [("json", as_json), ("xlsx", as_xlsx)])
def test_it_is_told_in_every_format(desk: Settings, format: str, packed: Callable[[Rows], bytes]) -> None:
    of = contract(desk, "XXX", format)
    for day, offset in ((DAY - timedelta(days=1), "+07:00"), (DAY, "+00:00")):
        outcome = arrive(desk, of, packed(day_of([offset], day)), day)
    outcome.says("offsets_as_usual", "warning", "+00:00 (40 times), before +07:00")


def test_it_is_told_on_the_fast_way(desk: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ways, "SMALL", 1)
    of = contract(desk, "XXX")
    history(desk, of, [["+07:00"]])
    rows = [[f"{number}-{row[0]}", *row[1:]] for number in range(300) for row in day_of(["+00:00"], DAY)]
    arrive(desk, of, as_csv(rows)).says("offsets_as_usual", "warning", "+00:00 (", "before +07:00")


def test_one_time_of_another_offset_is_told(desk: Settings) -> None:
    of = contract(desk, "XXX")
    history(desk, of, [["+07:00"]])
    outcome = arrive(desk, of, as_csv(day_of(["+07:00"], DAY, last="Z")))
    outcome.says("offsets_as_usual", "warning", "+00:00 (1 times) and +07:00 (39 times), before +07:00")


@pytest.mark.parametrize(("before", "moved"), [("+01:00", "+1.0"), ("+02:00", "+2.0"), ("-01:30", "-1.5")])
def test_a_shift_that_is_too_small_to_be_seen_by_the_hour_is_told_with_its_size(
    desk: Settings, before: str, moved: str
) -> None:
    of = contract(desk, "XXX")
    history(desk, of, [[before]] * 4)
    outcome = arrive(desk, of, as_csv(day_of(["+00:00"], DAY)))
    assert set(outcome.told) == {"offsets_as_usual"}
    outcome.says("offsets_as_usual", "warning", f"its times of day lie {moved} hours from where they did")


def test_times_that_are_only_written_otherwise_are_told_to_lie_where_they_did(desk: Settings) -> None:
    of = contract(desk, "XXX")
    history(desk, of, [["+07:00"]] * 4)
    outcome = arrive(desk, of, as_csv(day_of(["Z"], DAY, hour=2)))
    outcome.says(
        "offsets_as_usual", "warning", "lie +0.0 hours from where they did", "there is nothing to do"
    )


def test_summer_and_winter_are_told_once_each_and_a_quiet_day_forgets_nothing(desk: Settings) -> None:
    of = contract(desk, "XXX")
    told = history(desk, of, [["+01:00"], ["+02:00"], ["+01:00"], [], ["+02:00"], ["+01:00", "+02:00"]])
    assert ["offsets_as_usual" in each.told for each in told] == [False, True, False, False, False, False]


def test_utc_alone_is_told_also_where_single_times_said_it_before(desk: Settings) -> None:
    of = contract(desk, "XXX")
    history(desk, of, [["+07:00"]] * 3, last="Z")
    outcome = arrive(desk, of, as_csv(day_of(["Z"], DAY)))
    outcome.says("offsets_as_usual", "warning", "+00:00 (40 times), before +00:00 and +07:00")


def test_what_the_message_says_to_do_puts_the_times_right(desk: Settings) -> None:
    of = contract(desk, "XXX")
    history(desk, of, [["+07:00"]] * 4)
    outcome = arrive(desk, of, as_csv(day_of(["+00:00"], DAY)))
    _, message = outcome.told["offsets_as_usual"]
    (quoted,) = re.findall(r"timestampFormat \((.*?)\),", message)
    mended = contract(desk, "", timestampFormat=quoted)
    batch = replay(desk, mended, outcome.batch_id)
    check.exports(desk, DAY)
    again = Outcome(desk, batch.batch_id)
    assert (again.state, again.rejected, again.told) == ("accepted", 0, {})
    assert raw_rows(desk, mended, batch.batch_id)[0]["received_at"] == datetime(2021, 6, 30, 9, tzinfo=HANOI)

    # Once the source is mended, its times are no longer taken for the clock's.
    later = DAY + timedelta(days=1)
    outcome = arrive(desk, mended, as_csv(day_of(["+07:00"], later)), later)
    assert outcome.state == "held"
    outcome.says("conventions_kept", "critical", f"look like {FORMAT}XXX, not {FORMAT}'+00:00'")


def test_times_of_day_that_moved_far_are_told_with_a_remedy_that_works(desk: Settings) -> None:
    of = contract(desk, "XXX")
    history(desk, of, [["+07:00"]] * 4)
    outcome = arrive(desk, of, as_csv(day_of(["+00:00"], DAY)))
    outcome.says("times_as_usual", "warning", "by about +7 hours", f"timestampFormat ({FORMAT}'+00:00')")
