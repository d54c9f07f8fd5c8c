"""An export changes: what the night makes of it, from its bytes through load to the exports boundary."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from kho import check
from kho.check.exports import rules
from kho.contract import ContractError, contracts, read_contract
from kho.contract.telling import shape
from kho.database import connect
from kho.fetch import fetch
from kho.formats.encodings import windows_1258
from kho.ledger import freshness, sources
from kho.load import load
from kho.load.signs import is_garbled
from kho.settings import Settings
from tests.integration.loading import deliver

CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: desk.cases
name: Cases
version: 1.0.0
status: active
servers:
  - server: production
    type: local
    path: desk/cases
    format: FORMAT
    customProperties:
      - {property: encoding, value: ENCODING}
      - {property: delimiter, value: ;}
      - {property: fileName, value: 'FILE_NAME'}
schema:
  - name: cases
    customProperties:
      - {property: load, value: LOAD}
      - {property: sheet, value: SHEET}
      - {property: dateFormat, value: dd/MM/yyyy}
      - {property: timestampFormat, value: 'dd/MM/yyyy HH:mm'}
      - {property: thousandsSeparator, value: .}
      - {property: decimalSeparator, value: ','}
    properties:
      - name: case_code
        physicalName: Mã hồ sơ
        logicalType: string
        required: true
        primaryKey: true
        primaryKeyPosition: 1
        logicalTypeOptions: {pattern: '^HS-\\d{6}$'}
      - {name: subject, physicalName: Nội dung, logicalType: string}
      - {name: received_at, physicalName: Ngày nhận, logicalType: timestamp, required: true}
      - {name: due_date, physicalName: Ngày hẹn trả, logicalType: date}
      - {name: fee_vnd, physicalName: Lệ phí, logicalType: integer}
      - {name: progress_pct, physicalName: Tiến độ, logicalType: number}
slaProperties:
  - {property: frequency, value: 1, unit: d}
"""
HEADER = ["Mã hồ sơ", "Nội dung", "Ngày nhận", "Ngày hẹn trả", "Lệ phí", "Tiến độ"]
DAY = date(2021, 6, 30)

Night = Callable[..., "Outcome"]
Days = Callable[..., list["Outcome"]]


class Outcome:
    """What the boundary decided about one file."""

    def __init__(self, settings: Settings, batch_id: int):
        self.batch_id = batch_id
        with connect(settings, "kho_auditor") as connection:
            (self.state, self.profile, self.loaded, self.rejected) = connection.execute(
                "select state, profile, rows_loaded, rows_rejected from ledger.batch where batch_id = %s",
                [batch_id],
            ).fetchone()
            self.told = {
                rule: (severity, message)
                for rule, severity, message in connection.execute(
                    "select expectation, severity, message from ledger.verdict"
                    " where batch_id = %s and outcome = 'failed'",
                    [batch_id],
                )
            }

    def says(self, rule: str, severity: str, *words: str) -> None:
        """Holds when this rule failed with this severity and its message has all these words."""
        assert rule in self.told, self.told
        assert self.told[rule][0] == severity
        for word in words:
            assert word in self.told[rule][1]


@pytest.fixture
def desk(warehouse: Settings, tmp_path: Path) -> Settings:
    """Settings of a warehouse with a project of its own, which has no contract yet."""
    return warehouse.model_copy(update={"project": tmp_path / "project"})


@pytest.fixture
def night(desk: Settings) -> Night:
    """Delivers the bytes of one file, loads it and has it judged: `night(data)`."""
    return partial(_night, desk)


@pytest.fixture
def days(desk: Settings) -> Days:
    """The same with the files of several days, which one night judges: `days({date(2021, 6, 29): data, …})`."""
    return partial(_days, desk)


def _project(
    settings: Settings,
    *,
    format: str = "csv",
    encoding: str = "utf-8",
    load_: str = "delta",
    sheet: str = "null",
    file_name: str = r"cases_(?P<business_date>\d{8})\.\w+",
) -> Path:
    """A project with one contract; gives its path."""
    path = settings.contracts / "desk" / "cases.yaml"
    if not path.exists():
        path.parent.mkdir(parents=True)
    full = "full}\n      - {property: fullListOf, value: [case_code]"
    text = CONTRACT.replace("FORMAT", format).replace("ENCODING", encoding).replace("FILE_NAME", file_name)
    text = text.replace("SHEET", sheet)
    path.write_text(text.replace("LOAD", full if load_ == "full" else load_))
    return path


def _night(settings: Settings, data: bytes, day: date = DAY, **contract_: str) -> Outcome:
    (outcome,) = _days(settings, {day: data}, **contract_)
    return outcome


def _days(
    settings: Settings, files: dict[date, bytes], *, format: str = "csv", **contract_: str
) -> list[Outcome]:
    _project(settings, format=format, **contract_)
    contract = contracts(settings)["desk.cases"]
    for day, data in files.items():
        deliver(settings, contract, f"cases_{day:%Y%m%d}.{format}", data, day)
    batches = load(settings, contract)
    check.exports(settings, max(files))
    return [Outcome(settings, batch.batch_id) for batch in batches]


def cases(
    day: date = DAY,
    count: int = 40,
    *,
    date_format: str = "%d/%m/%Y",
    hour: int = 9,
    thousands: str = ".",
    decimal: str = ",",
    code: str = "HS-{:06}",
    first: int = 1,
    spread: int = 30,
) -> list[list[str]]:
    """Rows of a day as the contract writes them, or otherwise; due dates are up to `spread` days later."""
    return [
        [
            code.format(n),
            f"Cấp giấy phép xây dựng số {n}",
            (datetime(day.year, day.month, day.day, hour) + timedelta(minutes=3 * n)).strftime(f"{date_format} %H:%M"),
            (day + timedelta(days=n % spread)).strftime(date_format),
            f"{1_250_000 + n * 500:,}".replace(",", thousands),
            f"{61.87 + n / 100:.2f}".replace(".", decimal),
        ]
        for n in range(first, first + count)
    ]  # fmt: skip


def csv(rows: list[list[str]], header: list[str] = HEADER, encoding: str = "utf-8") -> bytes:
    return "".join(";".join(row) + "\r\n" for row in [header, *rows]).encode(encoding)


def test_an_export_as_ever_is_accepted_and_nothing_is_told(night: Night) -> None:
    outcome = night(csv(cases()))
    assert (outcome.state, outcome.loaded, outcome.told) == ("accepted", 40, {})


def test_a_new_column_is_a_warning_and_only_its_place_and_count_are_kept(night: Night) -> None:
    outcome = night(csv([[*row, "bí mật"] for row in cases()], [*HEADER, "Ghi chú"]))
    assert outcome.state == "accepted" and outcome.loaded == 40
    outcome.says(
        "columns_known", "warning", "column 7 (2 words, 6 letters) (40 values)", "add them to the contract"
    )
    assert "bí mật" not in str(outcome.profile) and "Ghi chú" not in str(outcome.profile)


def test_a_dropped_column_holds_the_batch_needed_or_not(days: Days) -> None:
    dropped = {date(2021, 6, 29): 1, DAY: 2}
    files = {
        day: csv([row[:at] + row[at + 1 :] for row in cases(day)], HEADER[:at] + HEADER[at + 1 :])
        for day, at in dropped.items()
    }
    for outcome, at in zip(days(files), dropped.values(), strict=True):
        assert outcome.state == "held"
        outcome.says("columns_present", "critical", f"columns are missing: {HEADER[at]};", "ask the source")


def test_a_header_of_other_accents_case_or_spacing_is_matched_and_told(night: Night) -> None:
    outcome = night(csv(cases(), ["MA HO SO", "Nội  dung", "ngày_nhận", *HEADER[3:]]))
    assert outcome.state == "accepted" and set(outcome.told) == {"headers_spelled"}
    outcome.says("headers_spelled", "info", "column 1 for Mã hồ sơ", "column 3 for Ngày nhận")


def test_a_renamed_header_holds_the_batch_and_the_place_of_its_likely_new_name_is_told(days: Days) -> None:
    renamed = {date(2021, 6, 29): (4, "Mức lệ phí"), DAY: (1, "Trích yếu")}  # akin, another word altogether
    files = {
        day: csv(cases(day), [*HEADER[:at], word, *HEADER[at + 1 :]]) for day, (at, word) in renamed.items()
    }
    for outcome, (at, word) in zip(days(files), renamed.values(), strict=True):
        assert outcome.state == "held"
        outcome.says(
            "columns_present",
            "critical",
            f"{HEADER[at]} (is it column {at + 1} ({shape(word)}) now?)",
            "physicalName",
        )


def test_the_page_names_rules_that_there_are(desk: Settings) -> None:
    with_sums = Path("contracts/ministry_forms/settlement.yaml")
    known = {
        rule.name: rule.severity
        for path in (_project(desk), with_sums)
        for rule in rules(read_contract(path))
    }
    told = re.findall(
        r"^\| [^|]+ \| (held|warning|info)[^|]* \| ([^|]+) \|",
        Path("docs/drift.md").read_text(),
        re.MULTILINE,
    )
    assert len(told) > 12
    severities = {"held": "critical", "warning": "warning", "info": "info"}
    for consequence, names in told:
        for name in re.findall(r"`(\w+)`", names):
            assert known[name] == severities[consequence]


def workbook(rows: list[list[str]], sheet: str, titles: int = 0) -> bytes:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        page = book.add_worksheet(sheet)
        for line, row in enumerate([["SỔ THEO DÕI"]] * titles + [HEADER, *rows]):
            page.write_row(line, 0, row)
    return file.getvalue()


def test_a_renamed_sheet_is_found_by_its_header_and_told(night: Night) -> None:
    outcome = night(workbook(cases(), "Danh sách"), format="xlsx", sheet="Hồ sơ")
    assert (outcome.state, outcome.loaded) == ("accepted", 40)
    outcome.says("layout_as_usual", "info", "sheet 1 (2 words, 8 letters) instead of 'Hồ sơ'")


@pytest.mark.parametrize("format_", ["csv", "xlsx"])
def test_a_header_that_moved_is_found_and_told(days: Days, format_: str) -> None:
    def export(titles: int) -> bytes:
        if format_ == "xlsx":
            return workbook(cases(), "Hồ sơ", titles)
        return "SỔ THEO DÕI\r\n".encode() * titles + csv(cases())

    before, outcome = days({date(2021, 6, 29): export(1), DAY: export(3)}, format=format_)
    assert before.told == {}
    assert outcome.loaded == 40
    outcome.says("layout_as_usual", "info", "the header is in row 4, before in row 2")


def test_the_order_of_columns_means_nothing(night: Night) -> None:
    outcome = night(csv([row[::-1] for row in cases()], HEADER[::-1]))
    assert (outcome.state, outcome.loaded, outcome.told) == ("accepted", 40, {})


def test_another_way_to_write_dates_holds_the_batch_and_is_named(days: Days) -> None:
    written = {
        date(2021, 6, 28): ("%m/%d/%Y", "MM/dd/yyyy HH:mm"),
        date(2021, 6, 29): ("%Y-%m-%d", "yyyy-MM-dd HH:mm"),
        date(2021, 6, 30): ("%d.%m.%Y", "dd.MM.yyyy HH:mm"),
    }
    files = {day: csv(cases(day, date_format=date_format)) for day, (date_format, _) in written.items()}
    for outcome, (_, looks_like) in zip(days(files), written.values(), strict=True):
        assert outcome.state == "held"
        outcome.says(
            "conventions_kept", "critical", f"{looks_like}, not dd/MM/yyyy HH:mm", "Ngày nhận", "replay"
        )


@pytest.mark.parametrize("count", [1, 40])
def test_days_and_months_that_changed_places_are_found_where_every_date_can_be_read(
    night: Night, count: int
) -> None:
    outcome = night(csv(cases(date(2021, 6, 2), count, date_format="%m/%d/%Y", spread=8)), date(2021, 6, 2))
    assert (outcome.state, outcome.loaded, outcome.rejected) == ("held", count, 0)
    outcome.says(
        "conventions_kept", "critical", "Ngày nhận looks as if day and month changed places", "replay"
    )


def test_few_rejected_dates_of_a_small_file_hold_it_when_none_speaks_for_the_contract(night: Night) -> None:
    rows = cases(date(2021, 6, 6), 9, date_format="%m/%d/%Y", spread=8)  # the last is due on the 14th
    outcome = night(csv(rows), date(2021, 6, 6))
    assert outcome.rejected == 1 and outcome.state == "held"
    outcome.says("conventions_kept", "critical", "dates of Ngày hẹn trả look like MM/dd/yyyy, not dd/MM/yyyy")


def test_a_date_that_somebody_wrote_otherwise_is_only_a_reject(night: Night) -> None:
    rows = cases()
    rows[7][3] = "07/31/2021"
    outcome = night(csv(rows))
    assert (outcome.state, outcome.rejected, outcome.told) == ("accepted", 1, {})


def test_some_dates_written_otherwise_are_a_warning(night: Night) -> None:
    rows = [*cases(count=36), *cases(first=37, count=4, date_format="%Y-%m-%d")]
    outcome = night(csv(rows))
    assert outcome.state == "accepted" and outcome.rejected == 4
    outcome.says(
        "conventions_even", "warning", "times of Ngày nhận look like yyyy-MM-dd HH:mm", "4 values say so"
    )


def test_another_way_to_write_numbers_holds_the_batch_and_is_named(days: Days) -> None:
    written = {date(2021, 6, 29): (",", ".", "1,234.5"), DAY: (" ", ",", "1 234,5")}
    files = {
        day: csv(cases(day, thousands=thousands, decimal=decimal))
        for day, (thousands, decimal, _) in written.items()
    }
    for outcome, (_, _, looks_like) in zip(days(files), written.values(), strict=True):
        assert outcome.state == "held"
        outcome.says("conventions_kept", "critical", "numbers of", f"{looks_like}, not 1.234,5", "replay")


def test_one_column_of_numbers_written_otherwise_holds_the_batch_and_is_told(night: Night) -> None:
    outcome = night(csv(cases(decimal=".")))
    assert outcome.state == "held"
    outcome.says("columns_typed", "critical", "Tiến độ (not a number in 40 of 40 rows)")
    outcome.says("conventions_even", "warning", "numbers of Tiến độ look like 1,234.5, not 1.234,5")


ASCII_HEADER = ["Ma ho so", "Noi dung", "Ngay nhan", "Ngay hen tra", "Le phi", "Tien do"]


def test_utf8_that_became_windows_1258_never_gets_in_and_is_named(days: Days) -> None:
    header, rows_only = days(
        {
            date(2021, 6, 29): windows_1258(csv(cases(date(2021, 6, 29))).decode()),
            DAY: windows_1258(csv(cases(), ASCII_HEADER).decode()),
        }
    )
    assert (header.state, header.loaded) == ("unreadable", 0)
    header.says("readable", "critical", "it looks like windows-1258", "sure")
    assert (rows_only.state, rows_only.loaded) == ("held", 0)
    rows_only.says("encoding_kept", "critical", "it looks like windows-1258", "sure")


def test_windows_1258_that_became_utf8_never_gets_in_and_is_named(days: Days) -> None:
    files = {date(2021, 6, 29): csv(cases(date(2021, 6, 29))), DAY: csv(cases(), ASCII_HEADER)}
    header, rows_only = days(files, encoding="windows-1258")
    assert header.state == "unreadable"
    header.says("readable", "critical", "it looks like utf-8")
    assert rows_only.state == "held"
    rows_only.says("encoding_kept", "critical", "it looks like utf-8")


def test_an_export_that_its_source_garbled_itself_is_held(night: Night) -> None:
    rows = [[row[0], row[1].encode().decode("latin-1"), *row[2:]] for row in cases()]
    outcome = night(csv(rows))
    assert outcome.state == "held"
    outcome.says(
        "encoding_kept", "critical", "40 of 40 rows with accents are UTF-8 that was read as something else"
    )


def test_an_export_of_windows_1258_as_ever_is_accepted(night: Night) -> None:
    outcome = night(windows_1258(csv(cases()).decode()), encoding="windows-1258")
    assert (outcome.state, outcome.loaded, outcome.told) == ("accepted", 40, {})


LETTERS = "aăâbcdđeêghiklmnoôơpqrstuưvxyáàảãạấầẩẫậắằẳẵặéèẻẽẹếềểễệíìỉĩịóòỏõọốồổỗộớờởỡợúùủũụứừửữựýỳỷỹỵ"


@given(
    st.lists(st.text(st.sampled_from(LETTERS), min_size=1), min_size=1),
    st.sampled_from(['"{}"', "“{}”", "«{}»", "{}…", "{} – {}", "{}—"]),
)
def test_vietnamese_is_never_taken_for_garbled(words: list[str], quoted: str) -> None:
    text = " ".join(quoted.format(word, word) for word in words)
    assert not is_garbled(text) and not is_garbled(text.upper())


@given(
    st.text(st.sampled_from("đêôơưạảấầậắặẻềệịọốồộớờợụứừựỳ"), min_size=1),
    st.sampled_from(["latin-1", "cp1258"]),
)
def test_what_was_read_by_the_wrong_encoding_is_always_found(text: str, encoding: str) -> None:
    try:
        garbled = text.encode().decode(encoding)
    except UnicodeDecodeError:
        return
    assert is_garbled(garbled)


def test_a_number_that_became_a_text_holds_the_batch(night: Night) -> None:
    outcome = night(csv([[*row[:4], "miễn phí", row[5]] for row in cases()]))
    assert outcome.state == "held"
    outcome.says(
        "columns_typed", "critical", "Lệ phí (not a whole number in 40 of 40 rows)", "kho rejects show"
    )


def test_keys_of_another_form_hold_the_batch(night: Night) -> None:
    outcome = night(csv(cases(code="{:06}-21")))
    assert outcome.state == "held"
    outcome.says("columns_typed", "critical", "Mã hồ sơ (not of the contract's pattern in 40 of 40 rows)")


def test_a_full_list_of_new_keys_is_a_warning_with_their_share(night: Night) -> None:
    first = night(csv(cases()), date(2021, 6, 29), load_="full")
    assert first.told == {}
    outcome = night(csv(cases(first=38)), load_="full")
    assert outcome.state == "accepted"
    outcome.says("keys_as_usual", "warning", "3 of 40 keys were in the list before", "renumbered")


def test_a_full_list_that_grew_or_shrank_is_nothing_to_tell(night: Night) -> None:
    for day, count in ((28, 40), (29, 30), (30, 60)):
        assert night(csv(cases(count=count)), date(2021, 6, day), load_="full").told == {}


def test_one_key_with_two_contents_is_a_warning_and_the_same_row_twice_another(night: Night) -> None:
    rows = cases()
    outcome = night(csv([*rows, rows[0], [*rows[1][:4], "5.000", rows[1][5]]]))
    assert outcome.state == "accepted" and outcome.rejected == 2
    outcome.says(
        "keys_unique", "warning", "say something else: 1 of 42 rows", "does the key still tell rows apart"
    )
    outcome.says("rows_unique", "warning", "twice: 2")


def handed_over(settings: Settings, name: str, data: bytes) -> None:
    path = settings.exports / "desk" / "cases" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, (0, 0))


def fresh(settings: Settings) -> freshness.Freshness:
    """Fetch, load and judge what is handed over; how fresh the source is then."""
    contract = contracts(settings)["desk.cases"]
    fetch(settings, contract, DAY)
    load(settings, contract)
    check.exports(settings, DAY)
    with connect(settings, "kho_auditor") as connection:
        return sources.source_freshness(connection, DAY, contract)


def test_an_export_in_parts_is_complete_when_all_are_there(desk: Settings) -> None:
    _project(desk, file_name=r"cases_(?P<business_date>\d{8})_(?P<part>\d)of(?P<parts>\d)\.csv")
    handed_over(desk, "cases_20210630_1of3.csv", csv(cases(count=20)))
    handed_over(desk, "cases_20210630_3of3.csv", csv(cases(first=41, count=20)))
    state = fresh(desk)
    assert (state.state, state.reason) == ("not_delivered", "part 2 of 3 not delivered")
    handed_over(desk, "cases_20210630_2of3.csv", csv(cases(first=21, count=20)))
    assert (fresh(desk).state, fresh(desk).as_of) == ("fresh", DAY)
    with connect(desk, "kho_auditor") as connection:
        assert connection.execute(
            "select count(distinct _key), count(distinct _batch_id) from raw.desk__cases"
        ).fetchone() == (60, 3)


def test_a_full_list_in_parts_is_refused_by_its_contract(desk: Settings) -> None:
    path = _project(desk, load_="full", file_name=r"cases_(?P<business_date>\d{8})_(?P<part>\d)\.csv")
    with pytest.raises(ContractError, match=r"a full list can't come in files of its parts.*zip"):
        read_contract(path)


def test_an_export_that_comes_under_other_names_is_told_once(desk: Settings) -> None:
    _project(desk, file_name=r"cases_(?P<business_date>\d{8})\.csv")
    handed_over(desk, "cases_20210630_1of2.csv", csv(cases()))
    for _ in range(2):
        assert fresh(desk).state == "not_delivered"
    with connect(desk, "kho_auditor") as connection:
        noted = connection.execute("select name, reason from ledger.fetch_failure").fetchall()
    assert noted == [("cases_20210630_1of2.csv", "not named as the contract's fileName says")]


def test_times_that_moved_against_the_days_before_are_a_warning(days: Days) -> None:
    usual = {day: csv(cases(day)) for day in (date(2021, 6, n) for n in range(24, 30))}
    *before, outcome = days({**usual, DAY: csv(cases(hour=2))})
    assert [each.told for each in before] == [{}] * 6
    assert outcome.state == "accepted"
    outcome.says("times_as_usual", "warning", "received_at by about -7 hours", "around 03:", "timeZone")


def test_times_of_days_that_differ_are_nothing_to_tell(days: Days) -> None:
    different = (date(2021, 6, n) for n in range(24, 31))
    outcomes = days({day: csv(cases(day, hour=8 + day.day % 3)) for day in different})
    assert [each.told for each in outcomes] == [{}] * 7


@pytest.mark.parametrize(("hour", "is_told"), [(9, False), (13, False), (2, True)])
def test_a_new_export_whose_times_are_not_like_those_of_its_system_is_a_warning(
    desk: Settings, night: Night, hour: int, is_told: bool
) -> None:
    assert night(csv(cases())).told == {}
    path = desk.contracts / "desk" / "letters.yaml"
    path.write_text(
        (desk.contracts / "desk" / "cases.yaml").read_text().replace("id: desk.cases", "id: desk.letters")
    )
    letters = contracts(desk)["desk.letters"]
    deliver(desk, letters, "cases_20210630.csv", csv(cases(hour=hour)), DAY)
    (batch,) = load(desk, letters)
    check.exports(desk, DAY)
    outcome = Outcome(desk, batch.batch_id)
    assert outcome.state == "accepted" and bool(outcome.told) == is_told
    if is_told:
        outcome.says(
            "times_like_the_systems", "warning", "around 03:0", "the others' around 10:0", "timeZone"
        )
