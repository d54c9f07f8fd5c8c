"""Figures: those of a real half-year report come out of its exports, whole and by unit, for any period."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from psycopg import sql
from typer.testing import CliRunner, Result

from kho import settings as settings_module
from kho.archive import Archive
from kho.cli import app
from kho.database import connect
from kho.figures.explain import explain
from kho.figures.figures import figures, figures_of, published, wholes_of
from kho.report import word, workbook
from kho.report.draft import draft
from kho.settings import Settings
from kho.transform.project import run
from tests import office, plans, reports
from tests.golden import Golden, of_long_phu
from tests.pages import blocks

REPORTS = Path(__file__).resolve().parents[1] / "figures"
#: the reports that the districts made by hand: file of its figures, scope, period
HANDED_IN = [
    ("long_phu_2021_h1", "946", "2021-H1"),
    ("tieu_can_2017_q3", "Huyện Tiểu Cần", "2017-01-01..2017-09-28"),
]

#: rows that one node of a model's plan may handle for each row of the exports: of a period's there are some, of a row's none
EACH_ROW = 60

Ask = Callable[..., Result]


@pytest.fixture(scope="module")
def long_phu(module_published: Settings) -> Settings:
    return module_published


@pytest.fixture
def kho(long_phu: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ask]:
    """Types `kho figures ...`."""
    with typing_at(long_phu, monkeypatch) as ask:
        yield ask


@contextmanager
def typing_at(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ask]:
    monkeypatch.setenv("KHO_HOME", str(settings.home))
    monkeypatch.setenv("KHO_WAREHOUSE_DATABASE", settings.warehouse_database)
    monkeypatch.setenv("COLUMNS", "160")
    settings_module.settings.cache_clear()
    yield lambda *words: CliRunner().invoke(app, ["figures", *words])
    settings_module.settings.cache_clear()


def rows(result: Result) -> list[dict[str, str]]:
    assert result.exit_code == 0, result.output
    return list(csv.DictReader(io.StringIO(result.stdout)))


def by_name(result: Result) -> dict[tuple[str, str, str], dict[str, str]]:
    found = rows(result)
    named = {(row["metric"], row["level"], row["detail"]): row for row in found}
    assert len(named) == len(found), "one row for each metric, level and detail"
    return named


@pytest.mark.parametrize(("report", "scope", "period"), HANDED_IN)
def test_every_figure_of_the_report_comes_out(kho: Ask, report: str, scope: str, period: str) -> None:
    result = kho(scope, period, "--format", "csv")
    assert result.stdout.startswith(
        "metric,level,detail,value,unit,state,measured_value,numerator,denominator,as_of,covered_from,covered_to,release\n"
    )
    found = by_name(result)
    wrong = []
    for line in csv.DictReader((REPORTS / f"{report}.csv").open(encoding="utf-8")):
        row = found.get((line["metric"], line["level"], line["detail"]))
        # A figure without a value is one of a system that was not operated, and the other way round.
        states = ("measured", "attested") if line["value"] else ("not_operated",)
        told = row and (printed(row["value"], line["value"]), row["unit"], row["state"] in states)
        if told != (line["value"], line["unit"], True):
            wrong.append((*line.values(), row))
    assert wrong == []


def printed(value: str, as_in: str) -> str:
    """As the report prints it: some percentages with no decimals, where two come out."""
    if not value or not as_in:
        return value
    return str(round(Decimal(value), -Decimal(as_in).as_tuple().exponent))


def test_no_figure_of_a_district_changes_by_loading_another(long_phu: Settings, golden: Golden) -> None:
    """Other province, other years, one warehouse."""
    assert len(golden.alone) > 10_000
    assert of_long_phu(long_phu) == golden.alone


def test_the_years_between_two_districts_cost_nothing(long_phu: Settings) -> None:
    with connect(long_phu, "kho_auditor") as connection:
        years = connection.execute(
            "select scope_agency_code, array_agg(distinct left(period_code, 4) order by left(period_code, 4))"
            " from marts.report_figure where scheme = 'calendar' and scope_agency_code in ('H51', 'H51.12', 'H59.06')"
            " group by 1 order by 1"
        ).fetchall()
    assert years == [("H51", ["2021"]), ("H51.12", ["2021"]), ("H59.06", ["2016", "2017"])]


def test_no_model_takes_the_square_of_its_rows(long_phu: Settings, golden: Golden) -> None:
    with connect(long_phu, "kho_auditor") as ledger:
        (rows,) = ledger.execute("select sum(rows_loaded) from ledger.batch").fetchone()
    assert golden.plans["model.kho.fct_dossier"] > 10_000  # the plans were seen
    assert {model: most for model, most in golden.plans.items() if most > EACH_ROW * rows} == {}


@office.needs_office
def test_every_figure_stands_in_the_reports_that_are_opened(long_phu: Settings, tmp_path: Path) -> None:
    made = [(name, draft(long_phu, scope, period)) for name, scope, period in HANDED_IN]
    for name, content in made:
        told = {
            (cell.figure.metric, cell.figure.level, cell.figure.detail)
            for area in content.areas
            for line in area.lines
            for cell in line.cells
            if cell.figure
        }
        lines = csv.DictReader((REPORTS / f"{name}.csv").open(encoding="utf-8"))
        assert [line for line in lines if (line["metric"], line["level"], line["detail"]) not in told] == []
        (tmp_path / f"{name}.docx").write_bytes(word.render(content))
        (tmp_path / f"{name}_book.xlsx").write_bytes(workbook.render(content))
    for shown in office.pdf(*tmp_path.iterdir()):
        is_book = shown.stem.endswith("_book")
        content = dict(made)[shown.stem.removesuffix("_book")]
        whole = " ".join(office.pages(shown))
        assert [row for row in reports.rows(content, is_book) if row not in whole] == []


def test_the_readme_shows_what_comes_out(
    kho: Ask, long_phu: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "92")
    table, sources = blocks(Path("README.md"), "text")[0].text.split("\n\n")
    printed = [line.rstrip() for line in kho("946", "2021-H1").stdout.splitlines()]
    assert [line for line in table.splitlines() if line not in printed] == []
    with connect(long_phu, "kho_auditor") as connection:
        counted = connection.execute(
            "select contract, rows_in_file, rows_loaded, rows_rejected, rows_skipped, as_of"
            " from ledger.build_source where build_id = (select max(build_id) from ledger.build)"
        ).fetchall()
    counted = [
        [contract, *(f"{count:,}" for count in counts), str(as_of)] for contract, *counts, as_of in counted
    ]
    assert [line for line in sources.splitlines()[1:] if line.split() not in counted] == []


def test_percentages_have_two_decimals_and_their_parts(kho: Ask) -> None:
    found = by_name(kho("946", "2021-H1", "--format", "csv"))
    signed = found["documents_electronic_signed_pct", "all", ""]
    assert signed["value"] == f"{100 * Decimal(signed['numerator']) / Decimal(signed['denominator']):.2f}"
    assert signed["denominator"] == found["documents_outgoing", "all", ""]["value"]


def test_what_is_attested_stands_beside_what_was_measured(kho: Ask) -> None:
    found = by_name(kho("946", "2021-H1", "--format", "csv"))
    on_time = found["dossiers_resolved_on_time", "commune", ""]
    late = found["dossiers_late_on_software", "commune", ""]
    assert on_time["state"] == "attested" and late["state"] == "measured"
    assert int(on_time["value"]) - int(on_time["measured_value"]) == int(late["value"]) > 0
    assert found["dossiers_resolved_on_time", "district", ""]["state"] == "measured"
    assert found["dossiers_resolved_late", "commune", ""]["value"] == "0"


def test_what_adds_up_adds_up_over_units_and_days(kho: Ask, long_phu: Settings) -> None:
    whole = by_name(kho("946", "2021-H1", "--format", "csv"))
    with connect(long_phu, "kho_transformer") as connection:
        units = [
            code
            for (code,) in connection.execute(
                "select agency_code from warehouse.dim_agency where agency_level = 'commune' and agency_code like 'H51.12.%'"
            )
        ]
    for metric in ("dossiers_received", "documents_outgoing"):
        parts = [by_name(kho(unit, "2021-H1", "--format", "csv"))[metric, "commune", ""] for unit in units]
        assert sum(int(part["value"]) for part in parts) == int(whole[metric, "commune", ""]["value"])
        quarters = [
            by_name(kho("946", period, "--format", "csv"))[metric, "all", ""]
            for period in ("2021-Q1", "2021-04-01..2021-05-11", "2021-05-12..2021-06-30")
        ]
        assert sum(int(part["value"]) for part in quarters) == int(whole[metric, "all", ""]["value"])


def test_received_and_carried_over_are_resolved_or_in_progress(kho: Ask) -> None:
    for period in ("2021-03", "2021-Q2", "2021-02-10..2021-02-20"):
        found = by_name(kho("946", period, "--format", "csv"))

        def value(metric: str, found=found) -> int:
            return int(found[metric, "all", ""]["value"])

        assert value("dossiers_carried_over") > 0
        assert value("dossiers_received") + value("dossiers_carried_over") == value(
            "dossiers_resolved"
        ) + value("dossiers_in_progress")
        assert value("dossiers_in_progress") == value("dossiers_in_progress_within_deadline") + value(
            "dossiers_overdue"
        )


def test_a_commune_and_a_department_are_scopes(kho: Ask) -> None:
    commune = by_name(kho("31663", "2021-H1", "--format", "csv"))
    assert {level for _, level, _ in commune} == {"commune"}
    assert commune["dossiers_late_on_software", "commune", "civil_status"]["value"] == "1"
    assert commune == by_name(kho("chau  KHANH", "2021-H1", "--format", "csv"))
    department = by_name(kho("H51.12.03", "2021-H1", "--format", "csv"))
    assert {level for _, level, _ in department} == {"district"}
    assert int(department["dossiers_received", "district", ""]["value"]) > 0
    assert department["procedures_on_one_stop", "district", ""]["state"] == "not_applicable"
    assert department["portal_items_published", "district", ""]["state"] == "not_operated"


def test_absence_is_told_from_zero(kho: Ask) -> None:
    found = by_name(kho("946", "2021-H1", "--format", "csv"))
    portal = found["portal_items_published", "commune", ""]
    assert (portal["state"], portal["value"], portal["measured_value"]) == ("not_operated", "", "")
    zero = found["dossiers_returned_by_post", "commune", ""]
    assert (zero["state"], zero["value"]) == ("measured", "0")
    before = by_name(kho("946", "2020-H1", "--format", "csv"))["dossiers_received", "all", ""]
    assert (before["state"], before["value"]) == ("not_delivered", "")
    assert kho("946", "2025-Q4", "--format", "csv").exit_code == 2, "the district was abolished"


def test_the_two_schemes_answer_differently(kho: Ask) -> None:
    calendar = by_name(kho("946", "2021-Q2", "--format", "csv"))
    administrative = by_name(kho("946", "2021-Q2", "--format", "csv", "--scheme", "administrative"))
    same = by_name(kho("946", "2021-03-15..2021-06-14", "--format", "csv"))
    assert administrative == same != calendar


def test_the_mart_holds_what_the_command_shows(kho: Ask, long_phu: Settings) -> None:
    for scope in ("H51.12", "H51.12.29", "H51.12.03"):
        for period in ("2021-H1", "2021-05"):
            shown = {
                name: (row["value"], row["state"])
                for name, row in by_name(kho(scope, period, "--format", "csv")).items()
            }
            with connect(long_phu, "kho_auditor") as connection:
                held = connection.execute(
                    "select metric, level, detail, value, state, unit from marts.report_figure"
                    " where scope_agency_code = %s and scheme = 'calendar' and period_code = %s",
                    [scope, period],
                ).fetchall()
            text = {
                (metric, level, detail): (
                    "" if value is None else f"{value:.{2 if unit == 'percent' or value % 1 else 0}f}",
                    state,
                )
                for metric, level, detail, value, state, unit in held
            }
            assert text == shown


def test_the_mart_holds_what_the_function_counts(long_phu: Settings) -> None:
    columns = "metric, level, detail, value, unit, state, measured_value, numerator, denominator, as_of, covered_from, covered_to"
    with connect(long_phu, "kho_auditor") as connection:
        for scope in ("H51", "H51.12", "H51.12.29", "H51.12.03"):
            for scheme, period in (
                ("calendar", "2021"),
                ("calendar", "2021-Q2"),
                ("administrative", "2021-H1"),
            ):
                given = [scope, scheme, period]
                ((first, last),) = connection.execute(
                    "select from_date, to_date from marts.figure_period where scheme = %s and period_code = %s",
                    given[1:],
                )
                held = connection.execute(
                    f"select {columns} from marts.report_figure"  # noqa: S608
                    " where scope_agency_code = %s and scheme = %s and period_code = %s",
                    given,
                ).fetchall()
                (schema,) = connection.execute(
                    "select schema_name from ledger.release where state = 'in_force'"
                ).fetchone()
                counted = connection.execute(
                    sql.SQL("select {} from {}(%s, %s, %s)").format(
                        sql.SQL(columns), sql.Identifier(schema, "figures")
                    ),
                    [scope, first, last],
                ).fetchall()
                assert held and set(held) == set(counted), given


def test_figures_of_named_periods_are_read_and_not_counted(long_phu: Settings) -> None:
    with plans.logged(long_phu):
        for scope, period in (("H51", "2021"), ("946", "2021-H1"), ("31663", "2021-05")):
            assert figures(long_phu, scope, period)
    of_figures = [plan for plan in plans.plans(long_phu) if "detail_title" in plan["Query Text"]]
    scanned = [
        node["Relation Name"]
        for plan in of_figures
        for node in plans.nodes(plan["Plan"])
        if "Relation Name" in node
    ]
    assert "kept_figure" in scanned and "kept_movement" not in scanned


@pytest.mark.parametrize("days", [("2021-01-01", "2021-06-30"), ("2021-02-03", "2021-05-20")])
def test_figures_of_many_units_are_those_of_each(long_phu: Settings, days: tuple[str, str]) -> None:
    first, last = map(date.fromisoformat, days)
    scopes = ["H51.12.29", "H51.12.03", "H59.06"]  # the last has none of these days
    with published(long_phu) as release:
        each = {code: figures_of(release, code, first, last) for code in scopes}
        assert wholes_of(release, scopes, first, last) == {
            code: [figure for figure in found if not figure.detail] for code, found in each.items()
        }
    assert all(each.values())


def test_form_ii_06_reconciles_with_the_figures(kho: Ask, long_phu: Settings) -> None:
    with connect(long_phu, "kho_auditor") as connection:
        found = connection.execute(
            """
            select
              count(*) filter (where
                received_total_count <> received_online_count + received_direct_or_post_count + carried_over_count
                or resolved_total_count <> resolved_early_count + resolved_on_time_count + resolved_late_count
                or pending_total_count <> pending_within_deadline_count + pending_overdue_count
                or received_total_count <> resolved_total_count + pending_total_count),
              sum(received_total_count - carried_over_count)
                filter (where scheme = 'calendar' and period_code = '2021-H1'),
              sum(pending_total_count) filter (where scheme = 'calendar' and period_code = '2021-H1')
            from marts.dossier_settlement
            where parameter_set = 'default'
            """
        ).fetchone()
    whole = by_name(kho("946", "2021-H1", "--format", "csv"))
    assert found[0] == 0
    assert found[1] == int(whole["dossiers_received", "all", ""]["value"])
    assert found[2] == int(whole["dossiers_in_progress", "all", ""]["value"])


def test_an_ambiguous_name_lists_who_may_be_meant(kho: Ask) -> None:
    result = kho("long phu", "2021-H1")
    assert result.exit_code == 2
    assert all(name in result.output for name in ("Huyện Long Phú", "Thị trấn Long Phú", "Xã Long Phú"))
    assert "H51.12.31" in result.output
    assert kho("Huyện Long Phú", "2021-H1").exit_code == 0


def test_the_past_is_restated_in_todays_units(kho: Ask) -> None:
    today = ("2021-H1", "--units-of", "2025-07-01")
    now = by_name(kho("31639", *today, "--format", "csv"))
    town, village = (by_name(kho(code, "2021-H1", "--format", "csv")) for code in ("H51.12.21", "H51.12.31"))
    for metric in ("dossiers_received", "dossiers_in_progress", "documents_outgoing"):
        parts = [int(part[metric, "commune", ""]["value"]) for part in (town, village)]
        assert int(now[metric, "commune", ""]["value"]) == sum(parts) > 0
    offered = [int(part["procedures_on_one_stop", "commune", ""]["value"]) for part in (town, village)]
    assert max(offered) <= int(now["procedures_on_one_stop", "commune", ""]["value"]) < sum(offered)
    told = {(row["units_of"], row["made_of"]) for row in now.values()}
    assert told == {("2025-07-01", "Thị trấn Long Phú (Huyện Long Phú); Xã Long Phú (Huyện Long Phú)")}
    shown = " ".join(kho("31639", *today).stdout.split())
    assert "tính theo đơn vị hành chính tại ngày 01/07/2025, gộp từ Thị trấn Long Phú" in shown
    province = by_name(kho("Thành phố Cần Thơ", *today, "--format", "csv"))
    district = by_name(kho("946", "2021-H1", "--format", "csv"))
    assert (
        province["dossiers_received", "all", ""]["value"] == district["dossiers_received", "all", ""]["value"]
    )


def test_a_commune_that_holds_two_districts_says_nothing_of_either(kho: Ask) -> None:
    later = ("2025-Q4", "--units-of", "2025-06-30")
    mixed = kho("946", *later)
    assert mixed.exit_code == 1
    assert "Xã Nhơn Mỹ also holds Xã An Mỹ (Huyện Kế Sách), Xã Nhơn Mỹ (Huyện Kế Sách)" in mixed.output
    assert "also holds Thị trấn Long Phú" in kho("31669", *later).output
    unknown = kho("31552", "2021-H1", "--units-of", "2025-07-01")
    assert unknown.exit_code == 1 and "which this warehouse doesn't know" in unknown.output
    # All of Tiểu Cần went to communes that hold nothing else: only of the period nothing can be told yet.
    whole = kho("846", *later)
    assert whole.exit_code == 2 and "2025-Q4 has not begun" in whole.output


def test_a_code_is_another_units_at_another_time(kho: Ask) -> None:
    def asked(scope: str, period: str) -> str:
        return kho(scope, period).output

    assert "Thị trấn Long Phú (H51.12.21)" in asked("31639", "2025-Q2")
    assert "Xã Long Phú (H13.31639)" in asked("31639", "2025-Q3")
    assert "Xã Tân Hùng (H59.06.28)" in asked("29362", "2021-H1")
    assert "Xã Hùng Hòa (H61.29362)" in asked("29362", "2025-Q3")
    both = asked("31639", "2025")
    assert "Thị trấn Long Phú, until 2025-06-30" in both and "Xã Long Phú, since 2025-07-01" in both
    names = asked("Xã Tân Hòa", "2025")
    assert "H59.06.31" in names and "H61.29371" in names


def test_what_is_no_scope_or_period_is_told(kho: Ask) -> None:
    unknown = kho("31639999", "2021-H1")
    assert unknown.exit_code == 2 and "no agency" in unknown.output
    for period in ("2021-13", "H1", "2021-06-30..2021-01-01", "2021-01-01..x"):
        result = kho("946", period)
        assert result.exit_code == 2 and period in result.output


def test_the_table_speaks_vietnamese(kho: Ask) -> None:
    shown = kho("946", "2021-H1").output
    assert "Hồ sơ tiếp nhận trong kỳ" in shown and "không vận hành" in shown
    value = int(by_name(kho("946", "2021-H1", "--format", "csv"))["dossiers_received", "all", ""]["value"])
    assert f"{value:,}".replace(",", ".") in shown


def test_what_nobody_operates_or_does_not_apply_is_one_line_unless_all_is_asked_for(kho: Ask) -> None:
    rows = list(csv.DictReader(io.StringIO(kho("31663", "2021-H1", "--format", "csv").stdout)))
    absent = {row["metric"] for row in rows if row["state"] in ("not_operated", "not_applicable")}
    assert "portal_visits" in absent
    brief, whole = (" ".join(kho("31663", "2021-H1", *words).stdout.split()) for words in ([], ["--all"]))
    title = "Lượt truy cập"
    assert title not in brief and title in whole
    assert "--all" in brief and "--all" not in whole and len(brief) < len(whole)


def test_json_has_numbers_and_nulls(kho: Ask) -> None:
    found = json.loads(kho("946", "2021-H1", "--format", "json").stdout)
    shown = {(row["metric"], row["level"], row["detail"]): row["value"] for row in found}
    assert isinstance(shown["dossiers_received", "all", ""], int)
    assert isinstance(shown["documents_electronic_signed_pct", "all", ""], float)
    assert shown["portal_visits", "commune", ""] is None


@pytest.mark.parametrize(
    "metric",
    [
        "dossiers_resolved_on_time",
        "dossiers_in_progress",
        "dossiers_carried_over",
        "procedures_on_one_stop",
        "procedures_returned_by_post",
        "document_systems_in_parallel",
        "it_spending",
        "portal_visits",
        "documents_electronic_signed_pct",
        "one_stop_units_with_software_pct",
    ],
)
def test_the_rows_that_a_figure_counts_come_to_the_figure(long_phu: Settings, metric: str) -> None:
    for scope, period in (("946", "2021-Q2"), ("31663", "2021-03-10..2021-04-20"), ("H51.12.03", "2021-H1")):
        found = explain(long_phu, scope, period, metric)
        for part in found.parts:
            assert {
                figure.level: part.counted(figure.level)
                for figure in part.figures
                if figure.value is not None
            } == {figure.level: figure.value for figure in part.figures if figure.value is not None}
        if metric.endswith("_pct"):
            numerator, denominator = found.parts
            for figure in found.figures:
                if figure.value is not None:
                    assert (numerator.counted(figure.level), denominator.counted(figure.level)) == (
                        figure.numerator, figure.denominator,
                    )  # fmt: skip


def test_an_explanation_reads_the_rows_of_its_own_agencies(long_phu: Settings) -> None:
    with connect(long_phu, "kho_auditor") as connection:
        ((schema,),) = connection.execute("select schema_name from ledger.release where state = 'in_force'")
        ((own, all_of_metric),) = connection.execute(
            sql.SQL(
                "select count(*) filter (where agency_code = 'H51.12.29'), count(*) from {} where metric = 'dossiers_received'"
            ).format(sql.Identifier(schema, "figure_row"))
        )
    with plans.logged(long_phu):
        explain(long_phu, "H51.12.29", "2021-H1", "dossiers_received")
    handled = [
        plans.handled(node)
        for plan in plans.plans(long_phu)
        if "figure_row" in plan["Query Text"] and "figure_attestation" in plan["Query Text"]
        for node in plans.nodes(plan["Plan"])
        if node.get("Relation Name") == "kept_row"
    ]
    assert handled and max(handled) <= own < all_of_metric / 5


def test_a_figure_explains_itself_down_to_the_row_of_a_file(kho: Ask, long_phu: Settings) -> None:
    late = list(
        csv.DictReader(
            io.StringIO(
                kho("946", "2021-H1", "--explain", "dossiers_late_on_software", "--format", "csv").stdout
            )
        )
    )
    assert len(late) == 4 and {row["amount"] for row in late} == {"1"}
    with connect(long_phu, "kho_auditor") as connection:
        for row in late:
            (sha256,) = connection.execute(
                "select sha256 from ledger.arrival join ledger.delivery using (delivery_id)"
                " where (contract, name) = (%s, %s) order by arrival_id desc limit 1",
                [row["contract"], row["file"]],
            ).fetchone()
            with (
                Archive.of(long_phu).plain(sha256) as path,
                path.open(encoding="utf-8-sig", newline="") as file,
            ):
                lines = list(csv.reader(file, delimiter=";"))
            assert row["row_code"] in lines[int(row["row_number"])]


def test_what_is_attested_explains_who_signed_it(kho: Ask) -> None:
    told = json.loads(
        kho("946", "2021-H1", "--explain", "dossiers_resolved_on_time", "--format", "json").stdout
    )
    signed = [row for row in told["parts"][0]["rows"] if row["is_adjustment"]]
    assert [(row["amount"], row["signer_position"], row["document_code"]) for row in signed] == [
        (3, "Phó Chủ tịch", "57/UBND-VP"),
        (1, "Chủ tịch", "31/UBND-VP"),
    ]
    assert all(row["adjustment_reason"] and row["signed_at"] and row["file"] for row in signed)
    shown = kho("946", "2021-H1", "--explain", "dossiers_resolved_on_time").stdout
    assert (
        "DC-2021-002: Phó Chủ tịch, UBND xã Phú Hữu, văn bản 57/UBND-VP" in shown
        and "dòng nữa: --format csv" in shown
    )


def test_an_explanation_of_nothing_says_why(kho: Ask) -> None:
    empty = kho("31663", "2021-H1", "--explain", "portal_visits")
    assert "không vận hành" in empty.stdout and "Được đếm" not in empty.stdout
    unknown = kho("946", "2021-H1", "--explain", "dossiers_recieved")
    assert unknown.exit_code == 2 and "did you mean dossiers_received" in unknown.output


def test_the_models_hold_their_own_tests(long_phu: Settings) -> None:
    """dbt's unit tests, and every data test: those that a night runs and those that only we do."""
    with connect(long_phu, "kho_auditor") as connection:
        (schema,) = connection.execute(
            "select schema_name from ledger.release where state = 'in_force'"
        ).fetchone()
    results = run(long_phu, ["test"], release_schema=schema)
    assert {result.node.name: result.message for result in results if result.status != "pass"} == {}
    assert sum(result.node.resource_type == "unit_test" for result in results) >= 14
    tests = [result.node for result in results if result.node.resource_type == "test"]
    assert {(node.fqn[1], "nightly" in node.tags) for node in tests} == {
        ("staging", False),
        ("warehouse", True),
        ("warehouse", False),
        ("marts", False),
    }


def test_every_model_of_a_build_is_in_the_ledger(long_phu: Settings) -> None:
    with connect(long_phu, "kho_auditor") as connection:
        found = connection.execute(
            "select distinct layer from ledger.model_run where status = 'success' and seconds > 0"
        ).fetchall()
        (written,) = connection.execute(
            "select max(rows_affected) from ledger.model_run where model = 'kept_figure'"
        ).fetchone()
    assert {layer for (layer,) in found} == {"staging", "warehouse", "marts"}
    assert written > 0
