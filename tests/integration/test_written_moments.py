"""Dates and times as people and programs write them: without leading zeros, by a clock of twelve hours, without any sign."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kho.check import exports
from kho.contract import moments
from kho.contract.moments import is_date, is_time, pattern
from kho.formats.cells import text
from kho.load import ways
from kho.settings import Settings
from kho_propose.types import Values, infer
from tests.integration.loading import raw_rows, rows
from tests.integration.registers import DAY, HEADER, load_one, register
from tests.integration.test_load_values import contract, loaded
from tests.integration.test_load_workbooks import xlsx

HERE = ZoneInfo("Asia/Ho_Chi_Minh")


@pytest.mark.parametrize(
    ("format", "good", "bad"),
    [
        ("d/M/yyyy H:mm", {"1/6/2021 8:05": (6, 1, 8, 5), "01/06/2021 08:05": (6, 1, 8, 5), "31/12/2021 23:59": (12, 31, 23, 59)},
         ["1/13/2021 8:05", "31/4/2021 8:05", "1/6/2021 24:05", "1/6/2021 8:5", "1/6/21 8:05", "001/6/2021 8:05", "1/6/2021"]),
        ("dd/MM/yyyy hh:mm:ss a", {"02/03/2021 09:55:45 PM": (3, 2, 21, 55, 45), "02/03/2021 12:00:00 am": (3, 2, 0, 0), "02/03/2021 12:00:01 PM": (3, 2, 12, 0, 1)},
         ["02/03/2021 13:00:00 PM", "02/03/2021 00:10:00 AM", "02/03/2021 09:55:45", "02/03/2021 9:55:45 PM", "02/03/2021 09:55:45 XM"]),
        ("d/M/yyyy h:mm a", {"2/3/2021 4:54 CH": (3, 2, 16, 54), "2/3/2021 04:54 SA": (3, 2, 4, 54), "2/3/2021 12:30 sa": (3, 2, 0, 30), "2/3/2021 12:30 ch": (3, 2, 12, 30)},
         ["2/3/2021 4:54", "2/3/2021 14:54 CH", "2/3/2021 4:54 C"]),
        ("yyyyMMddHHmmss", {"20210302235958": (3, 2, 23, 59, 58), "20210302000000.25": (3, 2, 0, 0, 0, 250_000)},
         ["20210302240000", "20211302000000", "20210230000000", "2021030223595", "202103022359580"]),
        ("yyyyMMddHHmm", {"202103022359": (3, 2, 23, 59)}, ["20210302235", "20210302T2359", "202103022360"]),
        ("yyyyMMdd'T'HHmmssXXX", {"20210302T235958+0700": (3, 2, 23, 59, 58), "20210302T165958Z": (3, 2, 23, 59, 58)}, ["20210302T235958"]),
        ("dd/MM/yy HH:mm", {"02/03/21 08:05": (3, 2, 8, 5)}, ["02/03/2021 08:05", "2/3/21 08:05", "31/02/21 08:05"]),
        ("M-d-yyyy H:mm:ssXXX", {"3-2-2021 8:05:09+07:00": (3, 2, 8, 5, 9), "3-2-2021 1:05:09.5 +0000".replace(" +", "+"): (3, 2, 8, 5, 9, 500_000)}, ["3-2-2021 8:05:09"]),
        ("yyyy.M.d H:mm", {"2021.3.2 8:05": (3, 2, 8, 5)}, ["2021.3.32 8:05", "2021-3-2 8:05"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("way", ["landing", "fast"])
def test_times_are_read_as_their_contract_writes_them(
    warehouse: Settings, tmp_path: Path, monkeypatch, way: str, format: str, good: dict, bad: list[str]
) -> None:
    monkeypatch.setattr(ways, "SMALL", 0 if way == "fast" else 1 << 60)
    made = contract(tmp_path, timestampFormat=format, dateFormat=pattern(format).day)
    found, wrong = loaded(warehouse, made, *(f"k{n},{each},," for n, each in enumerate([*good, *bad])))
    assert [row["happened_at"].astimezone(HERE) for row in found] == [
        datetime(2021, *parts, tzinfo=HERE) for parts in good.values()
    ]
    assert [each["reasons"] for each in wrong] == [[f"happened_at: not a time ({format})"]] * len(bad)


@pytest.mark.parametrize(
    ("format", "good", "bad"),
    [
        (
            "d/M/yyyy",
            ["2/3/2021", "02/03/2021", "2/03/2021"],
            ["2/3/21", "32/3/2021", "2/3/20210", "2-3-2021"],
        ),
        ("yyyyMMdd", ["20210302"], ["20210332", "2021-03-02", "202103020"]),
        ("dd.MM.yy", ["02.03.21"], ["02.03.2021", "2.3.21", "02/03/21"]),
        ("yyyy-M-d", ["2021-3-2", "2021-03-02"], ["21-3-2", "2021-13-2"]),
    ],
)
def test_dates_are_read_as_their_contract_writes_them(
    warehouse: Settings, tmp_path: Path, format: str, good: list[str], bad: list[str]
) -> None:
    made = contract(tmp_path, dateFormat=format)
    found, wrong = loaded(warehouse, made, *(f"k{n},,{each}," for n, each in enumerate([*good, *bad])))
    assert [row["planned_date"] for row in found] == [date(2021, 3, 2)] * len(good)
    assert [each["reasons"] for each in wrong] == [[f"planned_date: not a date ({format})"]] * len(bad)


def test_a_year_of_two_digits_is_one_of_1970_to_2069(warehouse: Settings, tmp_path: Path) -> None:
    made = contract(tmp_path, dateFormat="d/M/yy")
    found, _ = loaded(warehouse, made, "a,,1/1/95,", "b,,31/12/99,", "c,,1/1/00,", "d,,1/1/21,")
    assert [row["planned_date"].year for row in found] == [1995, 1999, 2000, 2021]


EVERY_TIME = sorted(
    {
        each
        for day in (*moments.DATES, *moments.OTHER_DATES)
        for gap in moments.GAPS
        for clock in (*moments.CLOCKS, *moments.OTHER_CLOCKS, "HHmmss")
        for each in (f"{day}{gap}{clock}", f"{day}{gap}{clock}XXX", f"{day}{clock}")
        if is_time(each)
    }
)


@given(
    st.sampled_from(EVERY_TIME),
    st.datetimes(datetime(1970, 1, 1), datetime(2069, 12, 31)).map(lambda each: each.replace(microsecond=0)),
)
def test_what_is_written_by_a_pattern_is_of_its_shape_and_says_the_same(
    written: str, moment: datetime
) -> None:
    file = SimpleNamespace(timestamp_format=written, date_format=pattern(written).day, time_zone="UTC")
    column = SimpleNamespace(type="timestamp")
    shown = text(moment.replace(tzinfo=UTC), file, column)
    match = re.fullmatch(pattern(written).expression, shown)
    iso = match.expand(pattern(written).as_iso)
    day, clock, *rest = iso.split(" ")
    year, month, on = map(int, day.split("-"))
    hour, minute, *seconds = clock.split(":")
    hour = int(hour) % 12 + 12 * (rest[0] == "PM") if "a" in pattern(written).letters else int(hour)
    assert (year % 100, month, on, hour, int(minute)) == (
        moment.year % 100, moment.month, moment.day, moment.hour, moment.minute,
    )  # fmt: skip
    assert not seconds or int(seconds[0]) == moment.second


@pytest.mark.parametrize(
    "text",
    ["d/M/y", "dd/MM-yyyy", "yyyy-dd-MM", "ddMMyyyy", "dd/MMM/yyyy", "", "yyyy-MM-dd ", "dd/MM/yyyy HH:mm"],
)
def test_other_patterns_are_no_dates(text: str) -> None:
    assert not is_date(text)


@pytest.mark.parametrize(
    "text", ["dd/MM/yyyy", "dd/MM/yyyy HHmm", "dd/MM/yyyyHH:mm", "dd/MM/yyyy hh:mm", "dd/MM/yyyy HH:mm a", "HH:mm dd/MM/yyyy"]
)  # fmt: skip
def test_other_patterns_are_no_times(text: str) -> None:
    assert not is_time(text)


def test_typed_cells_are_written_as_the_contract_says_and_read_again(
    warehouse: Settings, tmp_path: Path
) -> None:
    made = register(tmp_path, "xlsx", dateFormat="d/M/yy", timestampFormat="d/M/yy h:mm a")
    moment = datetime(2021, 1, 5, 13, 7)
    batch = load_one(
        warehouse, made, xlsx({"Sổ": [HEADER, ["1", "a", date(2021, 1, 4), moment, 1, 1.5, True]]})
    )
    (row,) = raw_rows(warehouse, made, batch.batch_id)
    assert (row["opened_date"], row["changed_at"]) == (date(2021, 1, 4), moment.replace(tzinfo=HERE))


def test_a_source_that_leaves_its_zeros_out_is_told_with_the_pattern_that_reads_it(
    warehouse: Settings, tmp_path: Path
) -> None:
    (tmp_path / "contracts").mkdir()
    made = register(tmp_path / "contracts", "csv")
    lines = [
        [f"k{n}", "a", f"{n}/{n % 4 + 1}/2020", f"{n}/1/2021 {n % 10}:07:09", "1", "1,5", "x"]
        for n in range(1, 25)
    ]
    load_one(warehouse, made, "\n".join(";".join(line) for line in [HEADER, *lines]).encode())
    (batch,) = rows(warehouse, "select profile from ledger.batch")
    assert {kind: found["looks_like"] for kind, found in batch["profile"]["conventions"].items()} == {
        "dates": "d/M/yyyy",
        "times": "d/M/yyyy H:mm:ss",
    }
    verdict = exports(warehouse.model_copy(update={"project": tmp_path}), DAY)
    assert not verdict.accepted and any("d/M/yyyy H:mm:ss" in each.message for each in verdict.told)


@pytest.mark.parametrize(
    ("values", "date_format", "timestamp_format"),
    [
        (["1/6/2021", "13/12/2021"], "d/M/yyyy", None),
        (["01/06/2021", "13/12/2021"], "dd/MM/yyyy", None),
        (["13/6/2021 8:05", "1/12/2021 18:05"], None, "d/M/yyyy H:mm"),
        (["13/06/2021 08:05", "01/12/2021 18:05"], None, "dd/MM/yyyy HH:mm"),
        (["13/06/2021 09:55:45 PM", "01/12/2021 10:05:00 AM"], None, "dd/MM/yyyy hh:mm:ss a"),
        (["13/6/2021 4:54 CH", "1/12/2021 10:54 SA"], None, "d/M/yyyy h:mm a"),
        (["20210613080500", "20211201180500"], None, "yyyyMMddHHmmss"),
        (["20210613T080500+0700", "20211201T180500Z"], None, "yyyyMMdd'T'HHmmssXXX"),
        (["13/06/21", "01/12/21"], "dd/MM/yy", None),
        (["20210613", "20211201"], "yyyyMMdd", None),
    ],
)
def test_a_sample_is_proposed_in_the_pattern_that_reads_it(
    values: list[str], date_format: str | None, timestamp_format: str | None
) -> None:
    typed, conventions = infer([Values("Ngày", values * 30, 60)])
    assert conventions.date_formats == ((date_format,) if date_format else ())
    assert conventions.timestamp_formats == ((timestamp_format,) if timestamp_format else ())
    assert typed[0].type == ("date" if date_format else "timestamp") and not typed[0].odd


def test_digits_of_a_code_are_no_day() -> None:
    typed, _ = infer([Values("Mã hồ sơ", ["20210613", "20211201"] * 30, 60)])
    assert typed[0].type == "string"
