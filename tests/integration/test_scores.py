"""QĐ 766 by its worked examples, whole: exports of the desk and of the portal, a night, the sheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook
from typer.testing import CliRunner

from kho.cli import app
from kho.database import connect
from kho.figures.figures import UnknownPeriod
from kho.forms import scores
from kho.forms.form import Form, Line
from kho.forms.issues import hand_in, issued
from kho.settings import Settings
from kho.transform.project import run
from kho_sample.export import Export
from kho_sample.procedures import HEADER
from tests.integration import nights
from tests.integration.desk import exports, version
from tests.integration.test_forms import EXAMPLE_A, FIRST_REQUEST, A, B, C, example_b

PROVINCE = "H13"
#: the marts that the form and what it is counted from need
MARTS = ("path:models/marts/scores", "path:models/marts/one_stop")
NIGHT = date(2026, 10, 31)
SEPTEMBER = "2026-09"
#: numerator, denominator and the portal's points; empty is what the portal does not show
TOLD = {
    "1.1": (18, 20, "5,40"), "1.2": (19, 20, "3,80"), "1.3": (400, 400, "2,01"), "1.4": (950, 1000, "5,72"),
    "2.1": (940, 1000, "18,80"),
    "3.1": (360, 400, "2"), "3.2": (150, 300, "2"), "3.3": (45, 100, ""),
    "3.5": (45, 50, "2"), "3.5b": (10, 50, "0,5"), "3.6": (120, 400, "1,8"),
    "4.1": (880, 900, "5,87"), "4.2": (70, 100, "3,50"), "4.3": (30, 100, "0,75"), "4.4": (1, 2, "2"),
    "5.2": ("", 0, "6"), "5.4": (87, 100, "5,8"),
}  # fmt: skip


def told_by_portal(day: date, told: Mapping[tuple[str, str], Mapping[str, tuple]]) -> Export:
    """A file of the portal: by unit and period, then by metric."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow(["Mã định danh", "Kỳ", "Chỉ tiêu", "Tử số", "Mẫu số", "Điểm"])
    for (agency, period), metrics in told.items():
        writer.writerows([agency, period, metric, *values] for metric, values in metrics.items())
    name = f"service_scores_{day:%Y%m%d}.csv"
    return Export("national_portal", "service_scores", name, ("\ufeff" + text.getvalue()).encode(), day)


def procedures(agency: str, day: date, takes: str) -> Export:
    """The list of a unit with the one procedure that the examples are of."""
    cells = [
        "1", agency, "1.004946", "Đăng ký khai sinh", "HT", "Hộ tịch", "Thuộc thẩm quyền", "4", "NĐ 43/2011", "", takes,
        "Cấp xã", "Luật Hộ tịch", "06/01/2026", "08/01/2026", "Không", "Có",
    ]  # fmt: skip
    row = "".join(f"<td>{cell}</td>" for cell in cells)
    page = (
        f'<html><head><meta charset="utf-8"></head><body><table>{HEADER}<tr>{row}</tr></table></body></html>'
    )
    return Export("one_stop", "procedures", f"procedures_{agency}_{day:%Y%m%d}.xls", page.encode(), day)


@pytest.fixture(scope="module")
def told(module_built_warehouse: Settings) -> Settings:
    """The examples after October, with what the portal told of September."""
    rows = [*(row for row in EXAMPLE_A if row["maDinhDanh"] == A), *example_b()]
    nights.hand_over(
        module_built_warehouse,
        [
            *exports(rows, NIGHT, [FIRST_REQUEST]),
            procedures(B, date(2026, 9, 1), "5 ngày làm việc"),
            told_by_portal(
                date(2026, 10, 5),
                {
                    (PROVINCE, SEPTEMBER): TOLD,
                    (C, SEPTEMBER): {"5.4": (0, 0, ""), "1.1": (1, 2, "3")},
                    (C, "2026-Q3"): {"4.1": ("", "", "4")},
                },
            ),
        ],
    )
    nights.run_small_night(module_built_warehouse, NIGHT, *MARTS)
    return module_built_warehouse


def lines(form: Form) -> dict[str, Line]:
    return {line.ordinal: line for section in form.sections for line in section.lines if line.ordinal}


def totals(form: Form) -> dict[str, tuple]:
    return {section.title: section.lines[-1].counts for section in form.sections}


def progress(settings: Settings, scope: str, period: str = SEPTEMBER) -> dict[str, tuple]:
    """On time, of how many, percent and points, by each way of counting from dossiers."""
    with connect(settings, "kho_auditor") as connection:
        return {
            version: tuple(rest)
            for version, *rest in connection.execute(
                "select formula_version, numerator, denominator, ratio_pct, points from marts.service_score"
                " where scope_agency_code = %s and period_code = %s and metric_code = '2.1' and formula_version <> 'told'",
                [scope, period],
            )
        }


def test_every_row_of_the_examples_was_loaded(told: Settings) -> None:
    with connect(told, "kho_auditor") as connection:
        rejected = connection.execute(
            "select contract, sum(rows_rejected) from ledger.batch group by 1 having sum(rows_rejected) > 0"
        ).fetchall()
    assert rejected == []


def test_example_a_by_both_memberships(told: Settings) -> None:
    found = progress(told, A)
    assert found["received"] == (4, 6, Decimal("66.67"), Decimal("13.33"))
    assert found["open_or_ended"] == (6, 8, Decimal("75.00"), Decimal("15.00"))
    assert found["received_first_due"] == found["received"]
    line = lines(scores.draft(told, A, SEPTEMBER))["2.1"]
    assert line.counts[:5] == (4, 6, Decimal("66.67"), 20, Decimal("13.33"))
    assert "hiện tại: 6/8, 15,00 điểm" in line.note and "ban đầu: 4/6, 13,33 điểm" in line.note


def test_example_b_supplements_refusals_and_the_longest_time_of_a_procedure(told: Settings) -> None:
    assert progress(told, B)["received"] == (3, 6, Decimal("50.00"), Decimal("10.00"))
    assert progress(told, B, "2026-Q3")["received"] == (3, 6, Decimal("50.00"), Decimal("10.00"))


def test_the_province_counts_its_communes(told: Settings) -> None:
    assert progress(told, PROVINCE)["received"][:2] == (7, 12)


def test_whole_sheet(told: Settings) -> None:
    form = scores.draft(told, PROVINCE, SEPTEMBER)
    found = totals(form)
    points = {title: counts[4] for title, counts in found.items()}
    assert points["Công khai, minh bạch"] == Decimal("16.90")
    assert points["Dịch vụ công trực tuyến"] == Decimal("9.40")
    assert points["Thanh toán trực tuyến"] == Decimal("4.30")
    shown = {code: line.counts[4] for code, line in lines(form).items()}
    assert [shown[code] for code in ("1.1", "1.2", "1.3", "1.4")] == list(
        map(Decimal, ("5.40", "3.80", "2.00", "5.70"))
    )
    assert [shown[code] for code in ("3.1", "3.2", "3.3", "3.5", "3.5b", "3.6")] == list(
        map(Decimal, ("2.00", "2.00", "5.40", "2.00", "0.50", "1.80"))
    )
    assert [shown[code] for code in ("4.1", "4.2", "4.3", "5.2", "5.4")] == list(
        map(Decimal, ("5.87", "2.80", "0.75", "6.00", "5.80"))
    )
    notes = {code: line.note for code, line in lines(form).items()}
    assert "theo tử số và mẫu số của Cổng: 940/1.000, 18,80 điểm" in notes["2.1"]
    assert "70/100, 3,50 điểm" in notes["4.2"]
    assert "45/50, 2,25 điểm" in notes["3.5"]  # without a cap the payments are 4.55
    assert lines(scores.draft(told, C, SEPTEMBER))["5.4"].counts[4] == Decimal("0.00")
    assert sum(found["Tổng điểm"][3:4]) == 100


def test_differences_from_the_portal_are_listed(told: Settings) -> None:
    form = scores.draft(told, PROVINCE, SEPTEMBER)
    (notice,) = (each for each in form.notices if each.startswith("Điểm tính lại khác"))
    assert "1.4 (5,70, Cổng 5,72)" in notice and "4.2 (2,80, Cổng 3,50)" in notice and "2.1 (" in notice
    assert "1.3" not in notice  # 2.00 and 2.01 are the same, rounded otherwise
    assert lines(form)["1.3"].counts[6] == Decimal("-0.01")


def test_what_is_not_known_is_said_and_is_no_0(told: Settings) -> None:
    form = scores.draft(told, PROVINCE, SEPTEMBER)
    found = lines(form)
    assert found["3.3"].counts[4:] == (Decimal("5.40"), None, None)
    assert found["4.4"].counts[4:] == (None, Decimal("2"), None) and "chưa rõ công thức" in found["4.4"].note
    assert found["4.5a"].counts[4] is None and "chưa cho biết tử số" in found["4.5a"].note
    total = form.sections[-1].lines[-1]
    assert total.counts[6] is None and "chưa tính được: 4.4, 4.5a, 4.5b, 4.6, 5.3" in total.note
    commune = lines(scores.draft(told, C, SEPTEMBER))
    assert commune["1.1"].counts[4:] == (None, Decimal("3"), None) and "cấp này" in commune["1.1"].note
    assert commune["2.1"].counts[4] is None
    quarter = lines(scores.draft(told, C, "2026-Q3"))
    assert quarter["4.1"].counts[4:] == (None, Decimal("4"), None)
    empty = scores.draft(told, C, "2026-08")
    assert empty.sections == () and "Chưa có" in empty.notices[0]


def test_only_months_quarters_and_years_are_scored(told: Settings) -> None:
    for period in ("2026-H1", "2026-09-01..2026-09-15"):
        with pytest.raises(UnknownPeriod, match="no month, quarter or year"):
            scores.draft(told, A, period)


@pytest.fixture
def cli(told: Settings, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setattr("kho.settings.settings", lambda: told)
    return CliRunner()


def test_the_sheet_is_written_in_every_format(told: Settings, cli: CliRunner, tmp_path: Path) -> None:
    path = tmp_path / "score.xlsx"
    result = cli.invoke(app, ["form", "766", PROVINCE, SEPTEMBER, "--format", "xlsx", "--out", str(path)])
    assert result.exit_code == 0, result.output
    rows = CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()
    (payment,) = (row for row in rows if row[0] == "3.6")
    assert payment[2:9] == [120, 400, 30.0, 6, 1.8, 1.8, 0]
    word = cli.invoke(
        app, ["form", "766", PROVINCE, SEPTEMBER, "--format", "docx", "--out", str(tmp_path / "score.docx")]
    )
    assert word.exit_code == 0 and (tmp_path / "score.docx").stat().st_size > 10_000
    shown = cli.invoke(app, ["form", "766", PROVINCE, SEPTEMBER, "--format", "csv"])
    (progress_row,) = (
        row
        for row in csv.DictReader(io.StringIO(shown.stdout))
        if row["row"] == "Hồ sơ được giải quyết đúng hạn"
    )
    assert (progress_row["column_3"], progress_row["column_4"], progress_row["column_8"]) == (
        "7",
        "12",
        "18.80",
    )
    table = cli.invoke(app, ["form", "766", PROVINCE, SEPTEMBER])
    assert table.exit_code == 0 and "Tổng cộng" in table.output
    wrong = cli.invoke(app, ["form", "766", PROVINCE, SEPTEMBER, "--parameters", "strict"])
    assert wrong.exit_code == 2


def test_what_was_handed_in_stays_and_what_changed_since_is_told(told: Settings) -> None:
    october = "2026-10"
    draft = scores.draft(told, B, october)
    assert lines(draft)["2.1"].counts[4] is None and "không phát sinh" in lines(draft)["2.1"].note
    handed = hand_in(told, draft, "Chủ tịch")
    assert handed.issue and handed.issue.version == 1
    assert hand_in(told, draft, "Chủ tịch").issue == handed.issue

    told_later = [
        version(f"{B}-261002-0099", B, "2026-10-02", received="2026-10-02", due="2026-11-09", status="2")
    ]
    nights.hand_over(told, exports(told_later, date(2026, 10, 2)))
    nights.run_small_night(told, NIGHT, *MARTS)
    assert lines(issued(told, "766", B, october, "calendar", 1)) == lines(draft)
    assert any("2.1 – → 20,00" in notice for notice in scores.draft(told, B, october).notices)


def test_the_models_of_scores_hold_their_own_tests(told: Settings) -> None:
    """Those of data: unit tests ask for none."""
    with connect(told, "kho_auditor") as connection:
        (schema,) = connection.execute(
            "select schema_name from ledger.release where state = 'in_force'"
        ).fetchone()
    models = (
        "service_score",
        "dim_scoring_metric",
        "fct_service_score",
        "fct_dossier_history",
        "fct_dossier",
    )
    results = run(
        told, ["test", "--select", *(f"{model},test_type:data" for model in models)], release_schema=schema
    )
    assert results and {each.node.name: each.message for each in results if each.status != "pass"} == {}
