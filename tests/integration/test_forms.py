"""Form II.06 by its worked examples, whole: an export with those dossiers, a night, the form."""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, assume, given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook
from typer.testing import CliRunner

from kho.cli import app
from kho.database import connect
from kho.figures.figures import Published, figures, figures_of, published
from kho.figures.settlement import settled, total
from kho.figures.verdicts import verdict_changes
from kho.forms import inventory, settlement
from kho.forms.form import Form
from kho.forms.issues import hand_in, issued
from kho.settings import Settings
from tests.examples import examples
from tests.integration import nights
from tests.integration.desk import exports, ministry_dossiers, procedures, request, sheet, version
from tests.unit import recount, recount_forms

#: a commune of its own for each example
A, B, C, D = "H13.31639", "H13.31654", "H13.31666", "H13.31552"
SHARED, SET_BACK = "H13.31673", "H13.31561"
LONG_DUC, DAI_NGAI = "H51.12.25", "H13.31645"
ONE_STOP = "path:models/marts/one_stop"
NIGHT = date(2026, 10, 31)
SETS = ("default", "strict", "until_2021")


def code(agency: str, day: str, number: int) -> str:
    return f"{agency}-{day[2:4]}{day[5:7]}{day[8:10]}-{number:04d}"


def plain(
    agency: str, number: int, received: str, channel: str, due: str, ended: str | None
) -> list[dict[str, str]]:
    """A dossier of example A: told when it was received and when it was resolved."""
    dossier = {"received": received, "due": due, "channel": channel}
    found = [version(code(agency, received, number), agency, received, status="2", **dossier)]
    if ended:
        found.append(version(found[0]["maHoSo"], agency, ended, status="9", processed=ended, **dossier))
    return found


#: example D has the same dossiers of its own
EXAMPLE_A = [
    row
    for agency in (A, D)
    for number, dossier in enumerate(
        [
            ("2026-08-28", "direct", "2026-09-04", "2026-09-03"),
            ("2026-08-27", "online", "2026-09-03", "2026-09-03"),
            ("2026-09-07", "online", "2026-09-10", "2026-09-11"),
            ("2026-09-08", "post", "2026-09-15", "2026-09-10"),
            ("2026-09-21", "none", "2026-09-24", "2026-09-24"),
            ("2026-09-28", "online", "2026-10-01", None),
            ("2026-09-14", "direct", "2026-09-18", None),
            ("2026-09-29", "direct", "2026-09-30", "2026-10-01"),
            ("2026-08-20", "online", "2026-08-25", "2026-08-28"),
            ("2026-10-01", "direct", "2026-10-06", None),
        ]
    )
    for row in plain(agency, number, *dossier)
]
#: of a ministry's system: the second row contradicts itself
SHEET_D = [
    "1;Hộ tịch;120;100;15;5;118;80;36;2;2;2;0",
    "2;Chứng thực;301;300;2;0;300;200;99;1;1;1;0",
    ";TỔNG CỘNG;421;400;17;5;418;280;135;3;3;3;0",
]
PROCEDURES = [
    {"Mã TTHC": "1.000001", "Cấp thực hiện": "Cấp tỉnh", "Quy trình nội bộ cấp tỉnh": "1"},
    {"Mã TTHC": "1.000002", "Cấp thực hiện": "Cấp tỉnh", "Thực hiện tại một cửa": "Không"},
    {"Mã TTHC": "1.000003", "Cấp thực hiện": "Cấp xã", "Quy trình nội bộ cấp xã": "2"},
    {"Mã TTHC": "1.000004", "Cấp thực hiện": "Cấp tỉnh; Cấp xã", "Quy trình nội bộ cấp tỉnh": "1",
     "Quy trình nội bộ cấp xã": "1"},
]  # fmt: skip


def example_b() -> list[dict[str, str]]:
    b = [f"{B}-260903-{number:04d}" for number in range(8)]
    september = "2026-09-{:02d}".format
    return [
        version(b[1], B, september(3), received=september(3), due=september(8), status="2"),
        version(b[1], B, september(4), received=september(3), due=september(8), status="5", asked=september(4)),
        version(b[2], B, september(3), received=september(3), due=september(8), status="2"),
        version(b[2], B, september(4), received=september(3), due=september(8), status="5", asked=september(4)),
        version(
            b[2], B, september(14), received=september(3), due=september(8), status="9", asked=september(4),
            answered=september(10), processed=september(14),
        ),
        version(b[3], B, september(7), received=september(7), due=september(14), status="2"),
        version(b[3], B, september(9), received=september(7), due=september(14), status="7"),
        version(b[4], B, september(7), received=september(7), due=september(10), status="2"),
        version(b[4], B, september(16), received=september(7), due=september(10), status="8", refused=september(16)),
        version(b[5], B, september(10), channel="online", status="1"),
        version(b[5], B, september(11), channel="online", status="3", refused=september(11), submitted=september(10)),
        version(b[6], B, september(10), received=september(10), due=september(17), channel="online", status="2"),
        version(
            b[6], B, september(16), received=september(10), due=september(17), channel="online", status="5",
            asked=september(16), answered=september(14),
        ),
        version(b[7], B, september(15), received=september(15), status="2"),
        version(b[7], B, september(25), received=september(15), status="9", processed=september(25)),
    ]  # fmt: skip


#: what the dossier itself does not tell any more: its first request
FIRST_REQUEST = request("BS-2026-00001", f"{B}-260903-0006", B, "2026-09-11", "2026-09-14", "2026-09-14")
OPEN_C = version(f"{C}-260921-0001", C, "2026-09-30", received="2026-09-21", due="2026-09-24")
BACK_DATED_C = version(
    f"{C}-260921-0001",
    C,
    "2026-10-05",
    received="2026-09-21",
    due="2026-09-24",
    status="9",
    processed="24/09/2026 17:00",
)
EXAMPLE_E = [
    version(f"{LONG_DUC}-250625-0001", agency, told, received="2025-06-25", due="2025-07-02", **ended)
    for agency, told, ended in (
        (LONG_DUC, "2025-06-25", {"status": "2"}),
        (DAI_NGAI, "2025-07-01", {"status": "9", "processed": "2025-07-01"}),
    )
]  # fmt: skip


SHARED_CASE, CODE_THERE = f"{SHARED}-260901-0007", "G15.05-260901-000123"
IN_TWO_SYSTEMS = [
    version(SHARED_CASE, SHARED, told, received="2026-09-07", due="2026-09-10", ministry=CODE_THERE, **ended)
    for told, ended in (("2026-09-07", {}), ("2026-09-09", {"status": "9", "processed": "2026-09-09"}))
]
REQUEST_SET_BACK = [
    version(f"{SET_BACK}-260921-0001", SET_BACK, told, received="2026-09-21", due="2026-09-24", **asked)
    for told, asked in (("2026-09-21", {}), ("2026-10-06", {"status": "5", "asked": "2026-09-22"}))
]
#: each in a commune of its own, by its number
QUIRKS = {2: "H13.31528", 3: "H13.31531", 4: "H13.31537", 7: "H13.31540"}
AS_SENT = [
    *(
        version(code(QUIRKS[2], "2026-09-07", n), QUIRKS[2], "2026-09-07", received="2026-09-07", due=due)
        for n, due in enumerate(("01/01/0001 00:00", "01/01/1900 00:00", "31/12/9999 00:00"))
    ),
    *(
        version(
            code(QUIRKS[quirk], "2026-09-07", 1), QUIRKS[quirk], "2026-09-09", received="2026-09-07", due=due,
            status="9", processed="09/09/2026 16:40",
        )
        for quirk, due in ((3, "09/09/2026"), (4, "09/09/2026 00:00"))
    ),
    version(
        code(QUIRKS[7], "2026-09-07", 1), QUIRKS[7], "2026-09-07", received="07/09/2026 11:30", due="07/09/2026 03:00"
    ),
    version(
        code(QUIRKS[7], "2026-09-07", 2), QUIRKS[7], "2026-09-07", received="07/09/2026 11:30", due="10/09/2026 17:00",
        status="9", processed="04/09/2026 08:00",
    ),
]  # fmt: skip
LONG_DUCS = {"Mã TTHC": "1.000005", "Thời gian giải quyết": "3 ngày làm việc"}
PROMISED = [
    version(
        f"{LONG_DUC}-250403-{number:04d}", LONG_DUC, "2025-04-03", received="2025-04-03", due=due, status="9",
        processed="2025-04-03", procedure="1.000005",
    )
    for number, due in enumerate(("2025-04-09", "2025-04-11", None))
]  # fmt: skip
NOT_ACCEPTED = [
    version(f"{LONG_DUC}-250610-0001", LONG_DUC, "2025-06-10", channel="online", status="1"),
    version(
        f"{LONG_DUC}-250610-0002", LONG_DUC, "2025-06-11", channel="online", status="3", refused="2025-06-11"
    ),
]


@pytest.fixture(scope="module")
def told(module_built_warehouse: Settings) -> Settings:
    """The examples after October; of the one that was set back only what September knew."""
    rows = [
        *EXAMPLE_A,
        *example_b(),
        OPEN_C,
        *EXAMPLE_E,
        *NOT_ACCEPTED,
        *PROMISED,
        *IN_TWO_SYSTEMS,
        *REQUEST_SET_BACK,
        *AS_SENT,
    ]
    files = [
        *exports(rows, NIGHT, [FIRST_REQUEST]),
        sheet(D, date(2026, 9, 30), SHEET_D),
        ministry_dossiers(
            date(2026, 9, 30),
            [(CODE_THERE, SHARED, "2026-09-01"), ("G15.05-260901-000124", SHARED, "2026-09-01")],
        ),
        procedures("H13", date(2026, 7, 1), PROCEDURES),
        procedures(DAI_NGAI, date(2026, 7, 1), PROCEDURES[2:]),
        procedures(LONG_DUC, date(2025, 4, 1), [LONG_DUCS]),
    ]
    nights.hand_over(module_built_warehouse, files)
    nights.run_small_night(module_built_warehouse, NIGHT, ONE_STOP)
    return module_built_warehouse


def form(settings: Settings, scope: str, period: str, scheme: str = "calendar", **parameters: str) -> Form:
    return settlement.draft(settings, scope, period, scheme, **parameters)


def columns(
    settings: Settings, scope: str, period: str, scheme: str = "calendar", **parameters: str
) -> tuple:
    return form(settings, scope, period, scheme, **parameters).total.counts


def test_every_row_of_the_examples_was_loaded(told: Settings) -> None:
    with connect(told, "kho_auditor") as connection:
        rejected = connection.execute(
            "select contract, sum(rows_rejected) from ledger.batch group by 1 having sum(rows_rejected) > 0"
        ).fetchall()
    assert rejected == [("ministry_forms.settlement", 1)]  # example D is about that


def test_example_a_the_plain_form(told: Settings) -> None:
    assert columns(told, A, "2026-09") == (8, 2, 4, 2, 5, 2, 2, 1, 3, 2, 1)
    assert columns(told, A, "2026-10") == (4, 0, 1, 3, 1, 0, 0, 1, 3, 0, 3)
    assert columns(told, A, "2026-09", "administrative") == (6, 3, 3, 0, 5, 2, 1, 2, 1, 1, 0)


def test_example_b_supplements_refusals_and_no_due_date(told: Settings) -> None:
    assert columns(told, B, "2026-09") == (6, 1, 5, 0, 4, 0, 4, 0, 2, 2, 0)
    assert columns(told, B, "2026-09", parameters="strict") == (6, 1, 5, 0, 4, 1, 1, 2, 2, 0, 2)
    assert columns(told, B, "2026-09", parameters="ended_excluded") == (4, 1, 3, 0, 2, 0, 2, 0, 2, 2, 0)
    assert columns(told, B, "2026-09", parameters="waiting_resolved") == (6, 1, 5, 0, 6, 0, 6, 0, 0, 0, 0)
    assert "2 hồ sơ trả lại, dừng hoặc rút" in form(told, B, "2026-09").total.note


def test_quirk_1_a_dossier_that_was_not_accepted_is_a_figure_of_its_own(told: Settings) -> None:
    found = {each.metric: each.value for each in figures(told, LONG_DUC, "2025-06")}
    assert (
        found["dossiers_received"],
        found["dossiers_declined"],
        found["dossiers_awaiting_acceptance"],
    ) == (1, 1, 1)


def test_example_e_what_was_handed_over_leaves_the_past_alone(told: Settings) -> None:
    assert columns(told, LONG_DUC, "2025-06") == (1, 0, 1, 0, 0, 0, 0, 0, 1, 1, 0)
    july = form(told, DAI_NGAI, "2025-07")
    assert july.total.counts == (1, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0)
    with published(told) as release:
        for gone in (LONG_DUC, "H51.12"):
            assert settled(release, gone, date(2025, 7, 1), date(2025, 7, 31), "default") == []


def test_the_mart_says_what_the_function_says(told: Settings) -> None:
    with published(told) as release:
        rows = release.connection.execute(
            "select agency_code, from_date, to_date, sum(received_total_count), sum(resolved_late_count), sum(pending_overdue_count)"
            " from marts.dossier_settlement join marts.figure_period using (scheme, period_code)"
            " where parameter_set = 'default' and period_code in ('2026-09', '2025-06') group by 1, 2, 3"
        ).fetchall()
        assert len(rows) >= 6
        for agency, first, last, *counted in rows:
            counts = total(settled(release, agency, first, last, "default"))
            assert counted == [
                counts.received_total_count,
                counts.resolved_late_count,
                counts.pending_overdue_count,
            ]


def test_the_printed_layout_has_merged_heads_and_numbers(
    told: Settings, cli: CliRunner, tmp_path: Path
) -> None:
    path = tmp_path / "form.xlsx"
    result = cli.invoke(
        app, ["form", "II.06", A, "2026-09", "--scheme", "calendar", "--format", "xlsx", "--out", str(path)]
    )
    assert result.exit_code == 0, result.output
    sheet = CalamineWorkbook.from_path(path).get_sheet_by_index(0)
    rows = sheet.to_python()
    (numbers,) = (row for row in rows if row[:13] == [f"({n})" for n in range(1, 14)])
    heads = {row[2]: y for y, row in enumerate(rows)}
    y = heads["Số hồ sơ nhận giải quyết"]
    assert ((y, 2), (y, 5)) in sheet.merged_cell_ranges and ((y, 0), (y + 2, 0)) in sheet.merged_cell_ranges
    (whole,) = (row for row in rows if row[1] == "Tổng cộng")
    assert whole[2:13] == [8, 2, 4, 2, 5, 2, 2, 1, 3, 2, 1] and rows.index(numbers) == y + 3
    word = cli.invoke(
        app, ["form", "II.06", A, "2026-09", "--format", "docx", "--out", str(tmp_path / "form.docx")]
    )
    assert word.exit_code == 0 and (tmp_path / "form.docx").stat().st_size > 10_000


def test_csv_has_each_row_with_what_it_was_counted_by(told: Settings, cli: CliRunner) -> None:
    result = cli.invoke(
        app,
        ["form", "II.06", B, "2026-09", "--scheme", "calendar", "--parameters", "strict", "--format", "csv"],
    )
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert rows[-1]["row"] == "Tổng cộng" and rows[-1]["parameters"] == "strict"
    assert [rows[-1][f"column_{n}"] for n in range(3, 14)] == list("61504112202")


def test_example_d_two_sources(told: Settings) -> None:
    september = form(told, D, "2026-09")
    lines = {line.title: line.counts for section in september.sections for line in section.lines}
    assert lines["Cộng hệ thống của bộ, ngành"] == (120, 100, 15, 5, 118, 80, 36, 2, 2, 2, 0)
    assert lines["Cộng hệ thống của tỉnh"] == (8, 2, 4, 2, 5, 2, 2, 1, 3, 2, 1)
    assert september.total.counts == (128, 102, 19, 7, 123, 82, 38, 3, 5, 4, 1)
    assert "Hệ thống của bộ, ngành chưa đủ: 1 dòng bị giữ lại vì tự mâu thuẫn." in september.notices
    with connect(told, "kho_auditor") as connection:
        ((reasons, text),) = connection.execute(
            "select reasons, row_text from reject.rejected_row"
        ).fetchall()
        (off,) = connection.execute(
            "select profile -> 'sums_off' from ledger.batch where contract = 'ministry_forms.settlement'"
        ).fetchone()
    assert reasons == ["(3): not the sum of (4), (5), (6)"] and text.endswith("(3) differs by +1")
    assert off == {}  # the row of sums agrees with the told rows


def test_months_that_were_not_told_are_told_in_longer_forms(told: Settings) -> None:
    quarter = form(told, D, "2026-Q3")
    (notice,) = (notice for notice in quarter.notices if "bộ, ngành" in notice)
    assert "1 lĩnh vực không được tính" in notice and "2 biểu tháng chưa có" in notice
    (own,) = (
        line for each in quarter.sections for line in each.lines if line.title == "Cộng hệ thống của tỉnh"
    )
    assert quarter.total.counts == own.counts
    assert columns(told, D, "2026-10") == columns(told, A, "2026-10")


def test_form_ii_07b_counts_procedures_by_level(told: Settings) -> None:
    once = inventory.draft(told, "H13", "2026-09", "calendar")
    assert once.total.counts == (4, 3, None, 2, 3, 2, None, 2, 5, 2, None, 3)
    assert "Cấp huyện: không áp dụng." in once.notices
    assert once.as_of == date(2026, 9, 30), "a list holds until the next one"
    assert [line.title for line in once.sections[0].lines] == [
        "Thành phố Cần Thơ",
        "Xã Đại Ngãi",
        "Tổng cộng",
    ]
    twice = inventory.draft(told, "H13", "2026-09", "calendar", "both_levels_twice")
    assert twice.total.counts == (5, 3, None, 2, 4, 2, None, 2, 5, 2, None, 3)
    commune = inventory.draft(told, DAI_NGAI, "2026-09", "calendar")
    assert commune.total.counts == (2, 1, None, 2, 2, 1, None, 2, 4, 1, None, 3)


def test_form_ii_07b_has_districts_until_there_are_none(told: Settings) -> None:
    june = inventory.draft(told, LONG_DUC, "2025-06", "calendar")
    assert june.total.counts == (1, 0, 0, 1, 1, 0, 0, 1, None, None, None, None)
    assert any("quy trình nội bộ: chưa có nguồn" in notice for notice in june.notices)


def test_form_ii_07b_is_handed_in_and_printed_like_any_other(
    told: Settings, cli: CliRunner, tmp_path: Path
) -> None:
    path = tmp_path / "form.xlsx"
    given = ["form", "II.07b", "H13", "2026-09", "--scheme", "calendar"]
    result = cli.invoke(app, [*given, "--format", "xlsx", "--out", str(path), "--reported-by", "Chủ tịch"])
    assert result.exit_code == 0, result.output
    rows = CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()
    (whole,) = (row for row in rows if row[1] == "Tổng cộng")
    assert whole[2:14] == [4, 3, "–", 2, 3, 2, "–", 2, 5, 2, "–", 3]
    again = cli.invoke(app, [*given, "--version", "1", "--format", "csv"])
    assert again.exit_code == 0 and list(csv.DictReader(io.StringIO(again.stdout)))[-1]["column_5"] == ""


def test_a_promise_for_later_than_the_procedure_allows_is_listed(told: Settings, cli: CliRunner) -> None:
    # Three working days from Thursday the 3rd on: the Hùng Kings' day on Monday the 7th is off.
    given = ["promises", LONG_DUC, "2025-04", "--scheme", "calendar", "--format", "json"]
    result = cli.invoke(app, given)
    assert result.exit_code == 0, result.output
    (found,) = json.loads(result.stdout)
    assert (found["promised_date"], found["latest_date"], found["working_days_beyond"]) == (
        "2025-04-11", "2025-04-09", 2
    )  # fmt: skip


def test_a_set_that_is_not_there_is_told_with_those_that_are(told: Settings, cli: CliRunner) -> None:
    result = cli.invoke(app, ["form", "II.06", A, "2026-09", "--parameters", "lenient"])
    assert result.exit_code == 2 and "default, ended_excluded" in result.output


def test_example_c_and_quirk_5_what_was_handed_in_stays_and_what_was_set_back_is_told(told: Settings) -> None:
    september = form(told, C, "2026-09")
    assert september.total.counts == (1, 0, 1, 0, 0, 0, 0, 0, 1, 0, 1)
    handed = hand_in(told, september, "Chủ tịch")
    assert handed.issue and handed.issue.version == 1
    assert hand_in(told, september, "Chủ tịch").issue == handed.issue

    nights.hand_over(told, exports([BACK_DATED_C], date(2026, 10, 5)))
    nights.run_small_night(told, NIGHT, ONE_STOP)
    assert columns(told, C, "2026-09") == (1, 0, 1, 0, 1, 0, 1, 0, 0, 0, 0)
    october = form(told, C, "2026-10")
    assert october.total.counts == (0,) * 11
    assert any("Cột (6) là 0" in notice and "lệch -1" in notice for notice in october.notices)
    assert issued(told, "II.06", C, "2026-09", "calendar", 1).total.counts == september.total.counts
    assert any(
        "cột (9) 0 → 1" in notice and "cột (13) 1 → 0" in notice
        for notice in form(told, C, "2026-09").notices
    )
    with published(told) as release:
        (change,) = verdict_changes(release, C, "calendar", date(2026, 9, 1), date(2026, 9, 30))
    assert (change.told_verdict, change.ended_date_before, change.verdict) == ("overdue", None, "on_time")
    assert (change.changed_date, change.ended_date) == (date(2026, 10, 5), date(2026, 9, 24))
    assert change.is_end_back_dated and change.is_end_on_due_date
    assert (change.file, change.row_number) == ("dossiers_20261005.csv", 1)
    assert hand_in(told, form(told, C, "2026-09"), "Chủ tịch").issue.version == 2


def test_a_request_for_a_supplement_that_was_set_back_is_told(told: Settings) -> None:
    assert columns(told, SET_BACK, "2026-09") == (1, 0, 1, 0, 0, 0, 0, 0, 1, 1, 0)
    with published(told) as release:
        (change,) = verdict_changes(release, SET_BACK, "calendar", date(2026, 9, 1), date(2026, 9, 30))
    assert (change.told_verdict, change.verdict, change.ended_date) == ("overdue", "within_deadline", None)
    assert (change.requested_date, change.changed_date) == (date(2026, 9, 22), date(2026, 10, 6))
    assert change.is_request_back_dated and not change.is_end_back_dated
    assert (change.file, change.row_number) == ("dossiers_20261006.csv", 1)


def profile(settings: Settings, name: str) -> dict:
    """What was noticed of the file of this name."""
    with connect(settings, "kho_auditor") as connection:
        ((found,),) = connection.execute(
            "select profile from ledger.batch join ledger.delivery using (delivery_id) where name = %s",
            [name],
        )
    return found


def test_quirk_2_a_due_date_that_stands_for_none_is_never_late(told: Settings) -> None:
    assert columns(told, QUIRKS[2], "2026-09") == (3, 0, 3, 0, 0, 0, 0, 0, 3, 3, 0)
    assert profile(told, "dossiers_20260907.csv")["emptied"] == {"ngayHenTra": 3}


def test_quirk_3_a_due_date_without_a_time_is_all_of_its_day(told: Settings) -> None:
    assert columns(told, QUIRKS[3], "2026-09") == (1, 0, 1, 0, 1, 0, 1, 0, 0, 0, 0)


def test_quirk_4_midnight_is_a_date_and_no_moment(told: Settings) -> None:
    for parameters in ({}, {"parameters": "until_2021"}):
        assert columns(told, QUIRKS[4], "2026-09", **parameters) == (1, 0, 1, 0, 1, 0, 1, 0, 0, 0, 0)


def test_quirk_7_times_in_an_impossible_order_tell_no_verdict(told: Settings) -> None:
    assert columns(told, QUIRKS[7], "2026-09") == (2, 0, 2, 0, 1, 1, 0, 0, 1, 1, 0)
    told_of = profile(told, "dossiers_20260907.csv")["disordered"]
    assert told_of == {"ngayHenTra before ngayTiepNhan": 1, "ngayKetThucXuLy before ngayTiepNhan": 1}


def test_quirk_8_the_same_case_in_two_systems_is_one_dossier(told: Settings) -> None:
    assert columns(told, SHARED, "2026-09") == (1, 0, 1, 0, 1, 1, 0, 0, 0, 0, 0)
    with connect(told, "kho_auditor") as connection:
        known = connection.execute(
            "select own.dossier_code, own.leading_system, theirs.ministry_dossier_code"
            " from warehouse.fct_shared_dossier own join warehouse.fct_ministry_dossier theirs using (ministry_dossier_code)"
        ).fetchall()
    assert known == [(SHARED_CASE, "one_stop", CODE_THERE)]


@pytest.fixture
def cli(told: Settings, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setattr("kho.settings.settings", lambda: told)
    return CliRunner()


# Recounted


@lru_cache(maxsize=2)
def as_read(exports: Path) -> dict[str, recount_forms.Dossier]:
    """Those of the half-year take seconds to read, and nobody changes them."""
    return recount_forms.read(exports)


def recounted(
    settings: Settings,
    scopes: Sequence[str],
    periods: Iterable[tuple[date, date]],
    told_to: date,
    sets: Sequence[str] = SETS,
) -> int:
    """Compares every agency and field of the release with a recount of the exports, by three sets of parameters.

    Gives how many dossiers stood in the forms.
    """
    seeds = settings.project / "dbt_project" / "seeds"
    working, rules = recount_forms.WorkingDays(seeds), recount_forms.rules(seeds)
    with (seeds / "fields.csv").open(encoding="utf-8") as file:
        fields = {
            row["raw_code"]: row["field"] for row in csv.DictReader(file) if row["system"] == "one_stop"
        }
    dossiers, met = as_read(settings.exports), 0
    with published(settings) as release:
        for first, last in periods:
            for name in sets:
                wanted: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0] * len(COUNTED))
                counted = recount_forms.form(dossiers, rules[name], first, last, told_to, working)
                for (agency, field), found in counted.items():
                    place = wanted[root_first(agency), fields[field]]
                    for at, column in enumerate(COUNTED):
                        place[at] += found[column]
                shown = {}
                for scope in scopes:
                    for row in settled(release, scope, first, last, name):
                        assert row.counts.broken() == []
                        values = dict(zip(range(3, 14), row.counts.columns, strict=True))
                        shown[row.agency_code, row.field] = [values[n] for n in COUNTED]
                assert shown == dict(wanted), (name, first, last)
                met += sum(map(sum, wanted.values()))
    return met


def root_first(code: str) -> str:
    return code if code[0].isalpha() else recount.root_first(code)


COUNTED = (4, 5, 6, 8, 9, 10, 12, 13)
AGENCIES = ("000.25.12.H51", "000.23.12.H51", "H51.12.22")
START = date(2021, 2, 1)  # Tết lies in it
DAYS = st.integers(0, 60).map(lambda n: START + timedelta(days=n))


@st.composite
def histories(draw: st.DrawFn) -> list[dict]:
    """The course of a dossier: what changed on which day, in any order that a careless desk may have."""
    received = draw(DAYS)
    state = {
        "received": received,
        "due": draw(st.one_of(st.none(), st.integers(-2, 20).map(lambda n: received + timedelta(days=n)))),
        "channel": draw(st.sampled_from(("direct", "online", "post", "none"))),
        "field": draw(st.sampled_from(("HT", "CT"))),
        "agency": draw(st.sampled_from(AGENCIES)),
        "status": "2",
    }
    told, found = received + timedelta(days=draw(st.integers(-1, 3))), []
    for _ in range(draw(st.integers(1, 5))):
        found.append({"told": told, **state})
        told += timedelta(days=draw(st.integers(0, 9)))
        match draw(
            st.sampled_from(
                ("ask", "answer", "move", "hand over", "end", "stop", "withdraw", "refuse", "status")
            )
        ):
            case "ask":
                state |= {"asked": told, "status": "5"}
            case "answer":
                state |= {"answered": told, "status": "4"}
            case "move":
                state |= {"due": told + timedelta(days=draw(st.integers(-3, 10)))}
            case "hand over":
                state |= {"agency": draw(st.sampled_from(AGENCIES))}
            case "end":
                ended = told - timedelta(days=draw(st.integers(0, 6)))
                state |= {"processed": ended, "status": "9"}
            case "stop":
                state |= {"status": "8"}
            case "withdraw":
                state |= {"status": "7"}
            case "refuse":
                state |= {"refused": told, "status": "8"}
            case "status":
                state |= {"status": draw(st.sampled_from(("4", "5", "6")))}
    found.append({"told": told, **state})
    return found


@examples(
    1, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.data_too_large, HealthCheck.too_slow],
)  # fmt: skip
@given(drawn=st.lists(histories(), min_size=60, max_size=120), lists=st.randoms(use_true_random=False))
def test_any_dossiers_are_counted_as_the_recount_counts_them(
    server: Settings,
    made: Settings,
    tmp_path_factory: pytest.TempPathFactory,
    drawn: list[list[dict]],
    lists: Random,
) -> None:
    from tests.conftest import fresh_warehouse

    # Hypothesis begins with dossiers that are all alike: no night is spent on those.
    assume(len(set(map(repr, drawn))) > len(drawn) // 2)
    end = START + timedelta(days=90)
    rows, requests = [], []
    for number, course in enumerate(drawn):
        name = f"000.25.12.H51-210201-{number:04d}"
        for minute, step in enumerate(course):
            rest = {key: value for key, value in step.items() if key not in ("told", "agency")}
            told = datetime.combine(step["told"], time(16, minute))  # no two versions at once
            rows.append(version(name, step["agency"], told, **rest))
        if lists.random() < 0.2:
            asked = course[0]["received"] + timedelta(days=lists.randint(0, 9))
            answered = asked + timedelta(days=lists.randint(0, 9)) if lists.random() < 0.7 else None
            requests.append(
                request(
                    f"BS-2021-{number:05d}", name, course[0]["agency"], asked, answered, answered or asked
                )
            )
    for warehouse in fresh_warehouse(server, tmp_path_factory.mktemp("home"), made):
        nights.put_and_hand_over(warehouse, exports(rows, end, requests))
        nights.run_small_night(warehouse, end, ONE_STOP)
        periods = [
            (date(2021, month, 1), date(2021, month + 1, 1) - timedelta(days=1)) for month in range(1, 6)
        ]
        periods += [(date(2021, month, 15), date(2021, month + 1, 14)) for month in range(1, 5)] + [
            (START, end)
        ]
        assert recounted(warehouse, ("H51",), periods, end) > len(drawn)


def months(release: Published, scheme: str, first: date, last: date) -> list[tuple[date, date]]:
    return release.connection.execute(
        "select from_date, to_date from marts.figure_period"
        " where scheme = %s and period_kind = 'month' and to_date between %s and %s order by 1",
        [scheme, first, last],
    ).fetchall()


@pytest.mark.parametrize("scheme", ["calendar", "administrative"])
def test_every_month_of_the_half_year_is_what_a_recount_finds_and_goes_on_from_the_one_before(
    module_published: Settings, scheme: str
) -> None:
    """Huyện Long Phú and its communes, measured: signed adjustments are taken off."""
    first, last = date(2021, 1, 1), date(2021, 6, 30)
    with published(module_published) as release:
        periods = months(release, scheme, first, last)
        assert len(periods) == 6
        pending = None
        for period in periods:
            counts = total(settled(release, "H51.12", *period, "strict"))
            assert pending in (None, counts.carried_over_count)
            pending = counts.pending_total_count
            shown = {
                each.metric: each.value
                for each in figures_of(release, "H51.12", *period)
                if each.level == "all" and not each.detail
            }
            default = total(settled(release, "H51.12", *period, "default"))
            assert (
                shown["dossiers_received"],
                shown["dossiers_resolved"],
                shown["dossiers_resolved_late"],
                shown["dossiers_in_progress"],
                shown["dossiers_overdue"],
            ) == (
                default.received_total_count - default.carried_over_count,
                default.resolved_total_count,
                default.resolved_late_count,
                default.pending_total_count,
                default.pending_overdue_count,
            )
    assert (
        recounted(
            module_published, ("H51.12",), periods, last, sets=("strict", "until_2021", "waiting_resolved")
        )
        > 10_000
    )
