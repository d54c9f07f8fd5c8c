"""Values of systems from elsewhere: other date formats, zones and offsets, texts that mean nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import xlsxwriter

from kho.contract import Contract, ContractError, read_contract
from kho.contract.model import DATE_FORMATS
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
@pytest.mark.parametrize("date_format", DATE_FORMATS)
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
        ("dateFormat", "yy/MM/dd", "dateFormat: use one of yyyy-MM-dd"),
        ("timestampFormat", "MM/dd/yyyy HH:mm:ss.SSS", "fractions of seconds need no letters"),
        ("nullTexts", "EMPTY", "nullTexts: Input should be a valid tuple"),
    ],
)
def test_a_format_that_nobody_can_read_is_refused(tmp_path: Path, key: str, value: str, problem: str) -> None:
    with pytest.raises(ContractError, match=r"\$\.schema\[0\]\.customProperties") as error:
        contract(tmp_path, **{key: value})
    assert problem in str(error.value)
