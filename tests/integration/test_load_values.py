"""Values of systems from elsewhere: other date formats, zones and offsets, texts that mean nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import xlsxwriter

from kho.contract import Contract, ContractError, read_contract
from kho.contract.moments import DATES
from kho.formats import open_export
from kho.load import load
from kho.settings import Settings
from tests.integration.loading import deliver, raw_rows, rejects, rows

CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: elsewhere.events
name: Events
version: 1.0.0
status: active
servers:
  - server: production
    type: local
    path: elsewhere
    format: csv
    customProperties: [{property: fileName, value: 'events_(?P<business_date>\\d{8}).csv'}]
schema:
  - name: events
    customProperties:
      - {property: load, value: delta}
KEYS
    properties:
      - {name: event_code, logicalType: string, required: true, primaryKey: true, primaryKeyPosition: 1}
      - {name: happened_at, logicalType: timestamp}
      - {name: planned_date, logicalType: date}
      - name: is_open
        logicalType: boolean
        customProperties: [{property: trueValues, value: [x]}, {property: falseValues, value: ['']}]
slaProperties:
  - {property: frequency, value: 1, unit: d}
"""


def contract(folder: Path, **keys: object) -> Contract:
    path = folder / "elsewhere" / "events.yaml"
    path.parent.mkdir(exist_ok=True)
    lines = [f"      - property: {name}\n        value: {value}" for name, value in keys.items()]
    path.write_text(CONTRACT.replace("KEYS", "\n".join(lines)))
    return read_contract(path)


def loaded(warehouse: Settings, made: Contract, *lines: str) -> tuple[list[dict], list[dict]]:
    """Raw rows and rejects of a file with these lines."""
    data = "\n".join(["event_code,happened_at,planned_date,is_open", *lines]) + "\n"
    deliver(warehouse, made, "events_20210105.csv", data.encode(), date(2021, 1, 5))
    (batch,) = load(warehouse, made)
    return raw_rows(warehouse, made, batch.batch_id), rejects(warehouse, batch.batch_id)


@pytest.mark.parametrize("zone", ["Asia/Ho_Chi_Minh", "Europe/Amsterdam"])
@pytest.mark.parametrize("gap", [" ", "'T'"])
@pytest.mark.parametrize("date_format", DATES)
def test_dates_and_times_of_every_format_are_read_in_their_zone(
    warehouse: Settings, tmp_path: Path, date_format: str, gap: str, zone: str
) -> None:
    made = contract(
        tmp_path, dateFormat=date_format, timestampFormat=f"{date_format}{gap}HH:mm:ss", timeZone=zone
    )
    strftime = date_format.replace("yyyy", "%Y").replace("MM", "%m").replace("dd", "%d")
    day, last = date(2021, 3, 2).strftime(strftime), date(2021, 3, 31).strftime(strftime)
    between = gap.strip("'")
    good, bad = loaded(
        warehouse,
        made,
        f"a,{day}{between}23:30:00,{day},",
        f"b,{last}{between}23:30:59.688,{last},x",
        f"c,{last.replace('31', '32')}{between}23:30:00,,",
        f"d,{last}{between}24:00:00,,",
        f"e,{last}{between}23:30,,",
        f"f,{last}{between}23:30:00+07:00,,",
        f"g,,{last} or so,",
        f"h,,{last[:-1]},",
    )
    assert [row["planned_date"] for row in good] == [date(2021, 3, 2), date(2021, 3, 31)]
    assert [row["happened_at"] for row in good] == [
        datetime(2021, 3, 2, 23, 30, tzinfo=ZoneInfo(zone)),
        datetime(2021, 3, 31, 23, 30, 59, 688_000, tzinfo=ZoneInfo(zone)),
    ]
    time_problem = f"happened_at: not a time ({date_format}{gap}HH:mm:ss)"
    assert [reject["reasons"] for reject in bad] == [[time_problem]] * 4 + [
        [f"planned_date: not a date ({date_format})"]
    ] * 2


def test_offsets_and_fractions_may_differ_from_row_to_row(warehouse: Settings, tmp_path: Path) -> None:
    made = contract(tmp_path, timestampFormat="yyyy-MM-dd HH:mm:ssXXX", timeZone="Europe/Amsterdam")
    good, bad = loaded(
        warehouse,
        made,
        "a,2011-10-11 13:42:22.688000+02:00,,",
        "b,2011-10-11 13:42:22+02:00,,",
        "c,2011-12-11 13:42:22.688+01:00,,",
        "d,2011-10-11 13:42:22.123456789+0530,,",
        "e,2011-10-11 13:42:22Z,,",
        "f,2011-10-11 13:42:22-03,,",
        "g,2011-10-11 13:42:22,,",
        "h,2011-10-11 13:42:22.+02:00,,",
        "i,2011-10-11 13:42:22+99:00,,",
        "j,2011-10-11 13:42:22 Europe/Paris,,",
    )

    def moment(hours: float, microsecond: int = 0, month: int = 10) -> datetime:
        return datetime(
            2011, month, 11, 13, 42, 22, microsecond, tzinfo=timezone(timedelta(hours=hours))
        ).astimezone(UTC)

    assert [row["happened_at"] for row in good] == [
        moment(2, 688_000), moment(2), moment(1, 688_000, 12), moment(5.5, 123_457), moment(0), moment(-3)
    ]  # fmt: skip
    assert [reject["row_text"][:12] for reject in bad] == [f"event_code={letter}" for letter in "ghij"]


def test_quirk_4_midnight_as_utc_is_a_day_of_ours(warehouse: Settings, tmp_path: Path) -> None:
    made = contract(tmp_path, timestampFormat="yyyy-MM-dd'T'HH:mm:ssXXX")
    (row,), bad = loaded(warehouse, made, "a,2022-09-25T17:00:00.000+0000,,")
    assert row["happened_at"] == datetime(2022, 9, 26, tzinfo=ZoneInfo("Asia/Ho_Chi_Minh")) and not bad


def test_times_without_seconds_have_no_fraction(warehouse: Settings, tmp_path: Path) -> None:
    good, bad = loaded(
        warehouse,
        contract(tmp_path, timestampFormat="MM/dd/yyyy HH:mmXXX"),
        "a,02/03/2021 13:42+02:00,,",
        "b,02/03/2021 13:42.5+02:00,,",
    )
    assert [row["happened_at"] for row in good] == [datetime(2021, 2, 3, 11, 42, tzinfo=UTC)]
    assert len(bad) == 1


def test_times_of_a_workbook_are_of_the_contracts_zone(tmp_path: Path) -> None:
    made = contract(tmp_path, timestampFormat="MM/dd/yyyy HH:mm:ssXXX", timeZone="Europe/Amsterdam")
    path = tmp_path / "events.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, [column.header for column in made.columns])
        moment = book.add_format({"num_format": "dd/mm/yyyy hh:mm"})
        sheet.write_datetime(1, 1, datetime(2021, 7, 2, 8, 15), moment)
    (block,) = open_export(made.model_copy(update={"format": "xlsx"}), path).blocks()
    assert b"\t07/02/2021 08:15:00+0200\t" in block.copy


def test_texts_that_mean_nothing_are_empty_cells(warehouse: Settings, tmp_path: Path) -> None:
    made = contract(tmp_path, nullTexts="[EMPTY, n/a]")
    data = (
        "event_code,happened_at,planned_date,is_open,extra\n"
        "a,EMPTY,n/a,EMPTY,EMPTY\n"
        "b, EMPTY ,,x,1\n"
        "EMPTY,2021-01-05 08:00:00,,,\n"
        "EMPTY,EMPTY,n/a,EMPTY,EMPTY\n"
        "c,empty,,,\n"
    )
    deliver(warehouse, made, "events_20210105.csv", data.encode(), date(2021, 1, 5))
    (batch,) = load(warehouse, made)
    assert [
        (row["event_code"], row["happened_at"], row["planned_date"], row["is_open"])
        for row in raw_rows(warehouse, made, batch.batch_id)
    ] == [("a", None, None, False), ("b", None, None, True)]
    assert [reject["reasons"] for reject in rejects(warehouse, batch.batch_id)] == [
        ["event_code: missing"],
        ["happened_at: not a time (yyyy-MM-dd HH:mm:ss)"],
    ]
    ((profile, skipped),) = (
        (row["profile"], row["rows_skipped"])
        for row in rows(warehouse, "select profile, rows_skipped from ledger.batch")
    )
    assert (profile["unknown_columns"], profile["skipped_by_reason"], skipped) == (
        {"column 5 (5 letters)": 1},
        {"blank row": 1},
        1,
    )


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("timeZone", "Europe/Hanoi", "timeZone: 'Europe/Hanoi' is no IANA zone"),
        ("timeZone", "../UTC", "timeZone: '../UTC' is no IANA zone"),
        ("dateFormat", "yy/MM/dd", "dateFormat: use day, month and year in any order"),
        ("timestampFormat", "MM/dd/yyyy HH:mm:ss.SSS", "fractions of seconds need no letters"),
        ("nullTexts", "EMPTY", "nullTexts: Input should be a valid tuple"),
    ],
)
def test_a_format_that_nobody_can_read_is_refused(tmp_path: Path, key: str, value: str, problem: str) -> None:
    with pytest.raises(ContractError, match=r"\$\.schema\[0\]\.customProperties") as error:
        contract(tmp_path, **{key: value})
    assert problem in str(error.value)


BOUNDED = CONTRACT.replace(
    "planned_date, logicalType: date}",
    "planned_date, logicalType: date}\n"
    "      - {name: noted_date, logicalType: date, required: true, customProperties: [{property: earliest, value: 1950-01-01}]}\n"
    "      - {name: changed_at, logicalType: timestamp, required: true}",
).replace(
    "happened_at, logicalType: timestamp}",
    "happened_at, logicalType: timestamp, customProperties: [{property: daysAhead, value: 1}]}",
)
#: of the delivery
DAY = date(2021, 3, 31)


def bounded(folder: Path, **changes: str) -> Contract:
    path = folder / "elsewhere" / "events.yaml"
    path.parent.mkdir(exist_ok=True)
    text = BOUNDED.replace("KEYS", "      - {property: versionColumn, value: changed_at}\nKEYS")
    order = (
        "      - property: inOrder\n        value: [{column: planned_date, notBefore: happened_at},"
        " {column: changed_at, notBefore: happened_at}]"
    )
    for before, after in {"KEYS": order, **changes}.items():
        assert before in text
        text = text.replace(before, after)
    path.write_text(text)
    return read_contract(path)


def profiled(
    warehouse: Settings, made: Contract, lines: list[str]
) -> tuple[list[dict], list[dict], dict[str, Any]]:
    """Raw rows, rejects and the profile of a file of `DAY` with these lines."""
    data = "\n".join(["event_code,happened_at,planned_date,noted_date,changed_at,is_open", *lines]) + "\n"
    deliver(warehouse, made, "events_20210331.csv", data.encode(), DAY)
    (batch,) = load(warehouse, made)
    (told,) = rows(warehouse, "select profile from ledger.batch where batch_id = %s", batch.batch_id)
    return raw_rows(warehouse, made, batch.batch_id), rejects(warehouse, batch.batch_id), told["profile"]


def test_times_that_cannot_be_are_emptied_and_counted_and_their_rows_load(
    warehouse: Settings, tmp_path: Path
) -> None:
    good, bad, profile = profiled(
        warehouse,
        bounded(tmp_path),
        [
            "a,0001-01-01 00:00:00,1900-01-01,2021-03-30,2021-03-30 08:00:00,",
            "b,2091-04-01 23:59:59,9999-12-31,2021-03-30,2021-03-30 08:00:00,",
            "c,2021-04-02 00:00:00,2031-04-07,2021-03-30,2021-03-30 08:00:00,",
            "d,1990-01-01 00:00:00,1990-01-01,1950-01-01,2021-03-30 08:00:00,",
            "e,1989-12-31 23:59:59,2031-04-09,2021-03-30,2021-03-30 08:00:00,",
            "f,,,2021-03-30,2021-03-30 08:00:00,",
            "b,2021-04-01 23:59:59,9999-12-31,2021-03-30,2021-03-30 08:00:00,",
        ],
    )
    assert [(row["happened_at"], row["planned_date"]) for row in good] == [
        (None, None),
        (None, date(2031, 4, 7)),
        (datetime(1990, 1, 1, tzinfo=ZoneInfo("Asia/Ho_Chi_Minh")), date(1990, 1, 1)),
        (None, None),
        (None, None),
        (datetime(2021, 4, 1, 23, 59, 59, tzinfo=ZoneInfo("Asia/Ho_Chi_Minh")), None),
    ]
    # The row whose key another one has is a reject, and counts as nothing else.
    assert [reject["row_number"] for reject in bad] == [2]
    assert profile["emptied"] == {"happened_at": 3, "planned_date": 3}


def test_where_a_column_is_required_an_impossible_time_makes_the_row_a_reject(
    warehouse: Settings, tmp_path: Path
) -> None:
    good, bad, profile = profiled(
        warehouse,
        bounded(tmp_path),
        [
            "a,,,1949-12-31,2021-03-30 08:00:00,",
            "b,,,9999-12-31,2021-03-30 08:00:00,",
            "c,,,0001-01-01,0001-01-01 00:00:00,",
            "d,,,2021-03-30,9999-12-31 23:59:59,",
        ],
    )
    assert [row["event_code"] for row in good] == ["d"]  # a version from the future is ordered, not lost
    assert [reject["reasons"] for reject in bad] == [
        ["noted_date: before 1950-01-01"],
        ["noted_date: more than 3660 days after the delivery's date"],
        ["noted_date: before 1950-01-01", "changed_at: before 1990-01-01"],
    ]
    assert profile["emptied"] == {}


def test_bounds_are_days_of_the_contracts_zone(warehouse: Settings, tmp_path: Path) -> None:
    made = bounded(
        tmp_path, **{"{property: load, value: delta}": "{property: load, value: delta}\n      - {property: timeZone, value: America/New_York}"}
    )  # fmt: skip
    good, _, _ = profiled(
        warehouse,
        made,
        [
            "a,2021-04-01 23:59:59,,2021-03-30,2021-03-30 08:00:00,",
            "b,2021-04-02 00:00:00,,2021-03-30,2021-03-30 08:00:00,",
        ],
    )
    assert [row["happened_at"] is None for row in good] == [False, True]


def test_rows_whose_times_contradict_each_other_load_and_are_counted(
    warehouse: Settings, tmp_path: Path
) -> None:
    good, bad, profile = profiled(
        warehouse,
        bounded(tmp_path),
        [
            "due on the day,2021-03-30 11:30:00,2021-03-30,2021-03-30,2021-03-30 11:30:00,",
            "due before,2021-03-30 11:30:00,2021-03-29,2021-03-30,2021-03-30 11:30:00,",
            "changed before,2021-03-30 11:30:00,,2021-03-30,2021-03-30 11:29:00,",
            "changed that day,2021-03-30 11:30:00,,2021-03-30,2021-03-30 00:00:00,",
            "happened that day,2021-03-30 00:00:00,2021-03-30,2021-03-30,2021-03-30 00:00:00,",
            "emptied,2021-03-30 11:30:00,1900-01-01,2021-03-30,2021-03-30 11:30:00,",
            "nothing,,2021-03-29,2021-03-30,2021-03-30 11:30:00,",
        ],
    )
    assert len(good) == 7 and not bad
    assert good[1]["planned_date"] == date(2021, 3, 29)
    assert profile["disordered"] == {
        "planned_date before happened_at": 1,
        "changed_at before happened_at": 1,
    }


def test_versions_from_the_future_are_counted(warehouse: Settings, tmp_path: Path) -> None:
    good, _, profile = profiled(
        warehouse,
        bounded(tmp_path),
        [
            "a,,,2021-03-30,2021-04-01 23:59:59,",
            "b,,,2021-03-30,2021-04-02 00:00:00,",
            "c,,,2021-03-30,2091-03-30 08:00:00,",
        ],
    )
    assert len(good) == 3 and profile["future_versions"] == 2


def test_any_date_is_loaded_within_its_bounds_or_counted(warehouse: Settings, tmp_path: Path) -> None:
    rng = Random(4)
    days = [date.fromordinal(rng.randint(1, date.max.toordinal())) for _ in range(400)]
    days += [DAY + timedelta(days=rng.randint(-5000, 5000)) for _ in range(400)]
    good, bad, profile = profiled(
        warehouse,
        bounded(tmp_path),
        [
            f"{n},{day.year:04}-{day:%m-%d} 00:00:00,{day.year:04}-{day:%m-%d},2021-03-30,2021-03-30 08:00:00,"
            for n, day in enumerate(days)
        ],
    )
    assert len(good) == len(days) and not bad

    def within(day: date, ahead: int) -> date | None:
        return day if date(1990, 1, 1) <= day <= DAY + timedelta(days=ahead) else None

    happened, planned = ([within(day, ahead) for day in days] for ahead in (1, 3660))
    assert [row["happened_at"] and row["happened_at"].date() for row in good] == happened
    assert [row["planned_date"] for row in good] == planned
    assert profile["emptied"] == {"happened_at": happened.count(None), "planned_date": planned.count(None)}


def test_bounds_and_order_are_of_dates_and_times_that_are_stored(tmp_path: Path) -> None:
    for wrong, place in {
        "is_open\n        logicalType: boolean\n        customProperties: [": "is_open\n        logicalType: boolean\n        customProperties: [{property: daysAhead, value: 1}, ",
        "changed_at, logicalType: timestamp, required: true": "changed_at, logicalType: timestamp, required: true, customProperties: [{property: daysAhead, value: 1}]",
        "{property: daysAhead, value: 1}": "{property: daysAhead, value: -1}",
        "1950-01-01": "01/01/1950",
        "KEYS": "      - property: inOrder\n        value: [{column: is_open, notBefore: happened_at}]",
    }.items():
        with pytest.raises(ContractError, match=r"daysAhead|earliest|days_ahead|'is_open' is no date"):
            bounded(tmp_path, **{wrong: place})
