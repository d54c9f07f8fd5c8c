"""The marts boundary, over marts that dbt built from sample exports: what it lets pass, and what it refuses."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from urllib.parse import unquote

import psycopg
import pytest
from lxml import html
from psycopg import sql

from kho import check, night, transform
from kho.check import vanished
from kho.check.failure import Unavailable
from kho.check.marts import SHOWN_ROWS
from kho.check.project import data_docs
from kho.database import connect
from kho.ledger import acceptances, releases
from kho.publish import release
from kho.settings import Settings
from kho.transform import builds
from kho.transform.project import run
from tests.conftest import fresh_warehouse
from tests.integration import nights
from tests.owner import as_owner
from tests.projects import copied, of_project

NIGHT = date(2021, 2, 5)


@pytest.fixture(scope="module")
def first_release(module_built_warehouse: Settings) -> Settings:
    """A month of sample exports, loaded, built, checked and published."""
    here = module_built_warehouse
    nights.hand_over(here, [each for each in nights.sample(here, scale=0.05) if each.arrives <= NIGHT])
    check.exports(here, NIGHT)
    builds.open_build(here, NIGHT)
    transform.build(here, "staging")
    transform.build(here, "warehouse")
    builds.close_build(here)
    candidate(here)
    verdict = check.marts(here)
    assert not verdict.is_refused, verdict.reason
    release.publish(here)
    return here


@pytest.fixture(scope="module")
def second(
    server: Settings, first_release: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    """A copy of it."""
    yield from fresh_warehouse(server, tmp_path_factory.mktemp("home"), first_release)


@pytest.fixture
def built(second: Settings) -> Settings:
    """The same with another candidate, whose marts tests may break and mend; a refused one is followed by a new one. It
    counts every figure by itself."""
    if releases.releases(second)[0].state != "candidate":
        with as_owner(second) as connection:
            connection.execute("update ledger.build set is_full_refresh = true")
        candidate(second)
    return second


@pytest.fixture
def published_once(server: Settings, first_release: Settings, tmp_path: Path) -> Iterator[Settings]:
    """The same for a test that goes on with it."""
    yield from fresh_warehouse(server, tmp_path / "home", first_release)


def candidate(settings: Settings) -> releases.Release:
    made = release.open_release(settings)
    transform.build(settings, "marts")
    return made


def rows(settings: Settings, query: str, *parameters: object) -> list[tuple]:
    with connect(settings, "kho_auditor") as connection:
        return connection.execute(query, parameters).fetchall()


@contextmanager
def changed(settings: Settings, *statements: str) -> Iterator[None]:
    """The candidate's marts, or rows that it shares, with these changes, and afterwards without them."""
    schema = releases.releases(settings)[0].schema_name
    marts = sorted({re.search(r"(?:update|from|into) (\w+)", each)[1] for each in statements})
    with connect(settings, "kho_transformer") as connection:
        connection.execute(sql.SQL("set search_path to {}, warehouse").format(sql.Identifier(schema)))
        for mart in marts:
            connection.execute(
                sql.SQL("create table pg_temp.{} as table {}").format(
                    sql.Identifier(f"was_{mart}"), sql.Identifier(mart)
                )
            )
        for statement in statements:
            assert connection.execute(statement).rowcount > 0, statement
        connection.commit()
        yield
        for mart in marts:
            connection.execute(sql.SQL("truncate {}").format(sql.Identifier(mart)))
            connection.execute(
                sql.SQL("insert into {} table {}").format(sql.Identifier(mart), sql.Identifier(f"was_{mart}"))
            )


def failed(verdict: check.MartsVerdict) -> dict[tuple[str, str], str]:
    return {(each.subject, each.expectation): each.severity for each in (*verdict.critical, *verdict.told)}


# One change for each expectation that it must fail.
WRONG = {
    (
        "dossier_settlement",
        "received_add_up",
    ): "update kept_settlement set received_online_count = received_online_count + 1",
    (
        "dossier_settlement",
        "resolved_add_up",
    ): "update kept_settlement set resolved_early_count = resolved_early_count + 1",
    (
        "dossier_settlement",
        "pending_add_up",
    ): "update kept_settlement set pending_overdue_count = pending_overdue_count + 1",
    (
        "dossier_settlement",
        "dossiers_add_up",
    ): "update kept_settlement set pending_total_count = pending_total_count + 1, pending_within_deadline_count = pending_within_deadline_count + 1",
    (
        "document_exchange",
        "flags_within_total",
    ): "update kept_exchange set signed_count = document_count + 9",
    (
        "report_figure",
        "documents_agree_with_exchange",
    ): "update kept_exchange set document_count = document_count + 5",
    (
        "document_exchange",
        "signatures_add_up",
    ): "update kept_exchange set signature_unknown_count = signature_unknown_count + 1",
    (
        "document_exchange",
        "deliveries_add_up",
    ): "update kept_exchange set delivery_received_count = delivery_received_count + 1",
    (
        "document_exchange",
        "not_received_within_sent",
    ): "update kept_exchange set delivery_not_received_count = delivery_sent_count + 1",
    (
        "document_exchange",
        "times_are_of_something",
    ): "update kept_exchange set received_to_done_count = 0 where received_to_done_seconds > 0",
    (
        "report_figure",
        "deliveries_agree_with_exchange",
    ): "update kept_exchange set delivery_change_refused_count = delivery_change_refused_count + 1",
    (
        "online_service",
        "online_within_received",
    ): "update online_service set received_online_count = received_count + 1",
    ("workplace", "parts_within_staff"): "update workplace set staff_with_mailbox_count = staff_count + 1",
    (
        "civil_registration",
        "parts_within_whole",
    ): "update civil_registration set with_dossier_count = registration_count + 1",
    ("portal_activity", "counts_are_not_negative"): "update portal_activity set visit_count = -1",
    ("source_freshness", "nothing_is_lost"): "update source_freshness set rows_loaded = rows_loaded + 1",
    (
        "figure_movement",
        "agencies_are_known",
    ): "update kept_movement set agency_code = 'H99' where metric = 'portal_visits'",
    (
        "figure_movement",
        "dossiers_reconcile_with_raw",
    ): "delete from kept_movement where metric = 'dossiers_received' and amount = 1",
    (
        "report_figure",
        "dossiers_add_up",
    ): "update kept_figure set value = value + 1, measured_value = measured_value + 1 where metric = 'dossiers_received' and level = 'commune' and detail = ''",
    (
        "report_figure",
        "deliveries_add_up",
    ): "update kept_figure set value = value + 1 where metric = 'deliveries_open' and value is not null",
    (
        "report_figure",
        "signatures_add_up",
    ): "update kept_figure set value = value + 1 where metric = 'documents_signed_by_both' and value is not null",
    (
        "report_figure",
        "levels_add_up",
    ): "update kept_figure set value = value + 1 where metric = 'documents_outgoing' and level = 'all'",
    (
        "report_figure",
        "numerators_within_denominators",
    ): "update kept_figure set numerator = denominator + 1 where metric = 'documents_electronic_signed_pct' and denominator > 0",
    (
        "report_figure",
        "ratios_are_of_sums",
    ): "update kept_figure set value = 1.23 where metric = 'documents_parallel_paper_pct' and denominator > 0",
    (
        "report_figure",
        "absence_is_no_number",
    ): "update kept_figure set state = 'not_delivered' where metric = 'portal_visits' and value is not null",
    (
        "report_figure",
        "covered_days_are_of_the_period",
    ): "update kept_figure set covered_to = to_date + 1 where metric = 'broadcast_minutes' and covered_to is not null",
    (
        "report_figure",
        "periods_have_begun",
    ): "update kept_figure set from_date = '2030-01-01' where metric = 'broadcast_listens'",
    (
        "report_figure",
        "rows_are_unique",
    ): "insert into kept_figure select * from kept_figure where metric = 'portal_page_views' limit 1",
    (
        "report_figure",
        "metrics_are_all_there",
    ): "delete from kept_figure where metric = 'portal_photos_published'",
    (
        "report_figure",
        "figures_are_still_there",
    ): "delete from kept_figure where metric = 'dossiers_overdue'",
    (
        "dossier_day",
        "the_newest_year_is_that_of_the_figures",
    ): "update kept_dossier_day set received_count = received_count + 1",
    (
        "document_day",
        "the_newest_year_is_that_of_the_figures",
    ): "update kept_document_day set document_type = 'of no dimension'",
    (
        "portal_day",
        "the_newest_year_is_that_of_the_figures",
    ): "update kept_portal_day set agency_key = gen_random_uuid()",
    (
        "dossier_month",
        "the_newest_month_has_the_figures_of_the_unit",
    ): "update kept_figure set value = value + 1 where metric = 'dossiers_declined' and detail = ''",
    (
        "document_month",
        "the_newest_month_has_the_figures_of_the_unit",
    ): "update kept_figure set value = value + 1 where metric = 'documents_copied' and detail = ''",
    (
        "portal_month",
        "the_newest_month_has_the_figures_of_the_unit",
    ): "update kept_figure set value = value + 1 where metric = 'portal_items_received' and detail = ''",
    (
        "public_month",
        "no_small_count_is_shown",
    ): "update kept_public_month set value = 3 where publication = 'shown' and metric = 'portal_visits'",
    ("field", "rows_are_unique"): "insert into field select * from field where field = ''",
}


def test_every_wrong_sum_is_found_and_refuses_the_release(built):
    with changed(built, *WRONG.values()):
        verdict = check.marts(built)
    found = failed(verdict)
    assert verdict.is_refused
    assert {each: found.get(each) for each in WRONG} == dict.fromkeys(WRONG, "critical")
    kept = rows(
        built,
        "select subject, expectation, severity, message from ledger.verdict where boundary = 'marts' and outcome = 'failed'"
        " and build_id = (select max(build_id) from ledger.build)",
    )
    assert {(subject, expectation): severity for subject, expectation, severity, _ in kept} == found
    message = next(
        text for *what, _, text in kept if tuple(what) == ("dossier_settlement", "dossiers_add_up")
    )
    assert "Form II.06, 3 = 7 + 11" in message and "agency_code" in message
    assert "Form II.06" in verdict.reason


def test_of_a_rule_that_fails_in_every_row_some_are_kept(built):
    ((count,),) = rows(built, "select count(*) from marts.report_figure")
    with changed(built, "update kept_figure set state = 'unheard of'"):
        verdict = check.marts(built)
    assert failed(verdict)["report_figure", "states_are_known"] == "critical"
    told = next(each for each in verdict.critical if each.expectation == "states_are_known")
    assert told.observed == f"{count} rows" and "unheard of; unheard of" in told.message
    results = (built.home / "expectations" / "validation_results").rglob("*.json")
    newest = max(results, key=lambda path: ("report_figure/" in str(path), path.stat().st_mtime_ns))
    text = newest.read_text()
    assert count > 10_000 > 1000 > text.count("unheard of") > 0


def test_rows_that_are_there_twice_are_counted_and_the_first_of_them_told(built):
    with changed(
        built,
        "insert into figure_period select * from figure_period where scheme = 'calendar' and period_code in ('2021-01', '2021-02')",
    ):
        verdict = check.marts(built)
    (twice,) = [each for each in verdict.critical if each.subject == "figure_period"]
    assert (twice.expectation, twice.observed) == ("rows_are_unique", "4 rows")
    told = re.search(r"once\. (.*?)\. Look", twice.message)[1].split("; ")
    assert sorted(told) == [f"scheme calendar, period_code 2021-0{month}" for month in (1, 1, 2, 2)]


def test_what_is_only_odd_is_told_and_released(built):
    with changed(
        built,
        "update kept_figure set value = round(value / 2) where metric = 'portal_page_views' and period_code = '2021-01'",
        "update source_freshness set state = 'stale', stale_since = business_date where contract = 'portal.items'",
        "update counter_reconciliation set told_count = told_count + 7, difference = difference + 7 where counter = 'photos'",
    ):
        verdict = check.marts(built)
    found = failed(verdict)
    (counters,) = [each for each in verdict.told if each.subject == "counter_reconciliation"]
    assert counters.severity == "warning"
    assert "counter photos" in counters.message and "difference 7" in counters.message
    assert found["source_freshness", "sources_are_fresh"] == "warning"
    assert found["report_figure", "closed_periods_stand"] == "warning"
    assert {each.expectation for each in verdict.critical} <= {
        "what_is_not_attested_is_measured",
        "levels_add_up",
        "the_newest_month_has_the_figures_of_the_unit",
    }


def test_sound_marts_pass_and_the_overlap_of_the_flags_is_told_with_its_count(built):
    verdict = check.marts(built)
    assert not verdict.is_refused and not verdict.critical and not verdict.skipped
    (overlap,) = [each for each in verdict.told if each.expectation == "flags_do_not_overlap"]
    (both,) = rows(
        built,
        "select sum(signed_and_on_paper_count) from marts.document_exchange where scheme = 'calendar' and period_code = '2021-01'",
    )[0]
    assert (
        both > 0 and overlap.severity == "warning" and f"documents_with_both_flags {both}" in overlap.message
    )


def test_systems_that_tell_otherwise_are_told_with_the_count(built):
    ((leading, months),) = rows(
        built,
        "select sum(leading_count)::int, count(*)::int from marts.source_reconciliation where topic = 'dossiers_received_online'",
    )
    with changed(
        built,
        "update source_reconciliation set other_count = leading_count, difference = 0",
        "update source_reconciliation set other_count = leading_count + 7, difference = 7 where topic = 'dossiers_received_online'",
    ):
        verdict = check.marts(built)
    (told,) = [each for each in verdict.told if each.expectation == "systems_agree"]
    assert told.severity == "warning" and not verdict.is_refused
    assert f"units_and_months_that_differ {months}, leading_system one_stop, counts {leading}" in told.message
    assert f"counts_instead {leading + 7 * months}, differ_by {7 * months}" in told.message


def test_what_a_release_takes_over_is_judged_again_on_sundays_only(published_once):
    """It was judged by the release that counted it; a rule may have changed since."""
    here = published_once
    made = candidate(here)
    broken = (
        "update kept_figure set value = -1 where metric = 'portal_visits' and value is not null"
        " and from_release = 1 and to_release is null"
    )
    with changed(here, broken):
        assert ("report_figure", "values_are_not_negative") not in failed(check.marts(here))
        with connect(here, "kho_transformer") as connection:
            connection.execute(
                "update ledger.release set business_date = '2021-02-07' where release_id = %s",
                [made.release_id],
            )
        assert failed(check.marts(here))["report_figure", "values_are_not_negative"] == "critical"


def test_the_first_release_is_compared_with_nothing_and_says_so(first_release):
    skipped = rows(
        first_release,
        "select expectation, message from ledger.verdict where boundary = 'marts' and outcome = 'skipped'",
    )
    assert ("figures_are_still_there", "no release is in force yet") in skipped


def test_run_again_its_verdicts_are_replaced(built):
    counts = []
    for _ in range(2):
        check.marts(built)
        counts.append(rows(built, "select count(*) from ledger.verdict where boundary = 'marts'"))
    assert counts[0] == counts[1]


def test_a_mart_that_is_missing_refuses_the_release(built):
    mart = sql.Identifier(releases.releases(built)[0].schema_name, "online_service")
    with connect(built, "kho_transformer") as connection:
        connection.execute(sql.SQL("alter table {} rename to was_online_service").format(mart))
    verdict = check.marts(built)
    with connect(built, "kho_transformer") as connection:
        gone = sql.Identifier(releases.releases(built)[0].schema_name, "was_online_service")
        connection.execute(sql.SQL("alter table {} rename to online_service").format(gone))
    assert verdict.is_refused
    assert "online_service: Not so" in verdict.reason and "could not be checked" in verdict.reason


def test_a_night_does_not_write_in_the_suites_and_data_docs_lead_to_them(built):
    folder = built.project / "expectations"
    before = {path: path.read_bytes() for path in folder.iterdir()}
    check.marts(built)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    docs = data_docs(built).parent
    pages = list(docs.glob("**/*.html"))
    linked = {
        (page.parent / unquote(link)).resolve()
        for page in pages
        for link in html.parse(page).xpath("//a/@href[contains(., '.html')]")
    }
    assert not [link for link in linked if not link.exists()]
    # of the exports that this warehouse was loaded with, and of the marts
    of_suites = {path for path in linked if path.is_relative_to(docs / "expectations")}
    assert docs / "expectations" / "report_figure_since_last_release.html" in of_suites
    assert docs / "expectations" / "one_stop" / "dossiers.html" in of_suites
    assert not [page for page in pages if re.search(r"\bNone\b", html.parse(page).xpath("string(//body)"))]
    last = max(docs.glob("validations/document_exchange/**/*.html"), key=lambda page: page.parent.name)
    severity, should_be, _, found = html.parse(last).xpath("(//table//tr[td])[1]/td")
    assert (severity.text_content(), severity.xpath("span/@class")) == ("warning", ["warning"])
    assert should_be.text_content() == "Signed electronic documents are not sent on paper as well."
    assert [cell.text_content() for cell in found.xpath(".//th")] == [
        "documents",
        "documents_with_both_flags",
    ]


def test_a_unit_that_was_closed_is_refused_by_the_lines_of_the_seed_and_accepting_lets_no_wrong_sum_through(
    published_once, tmp_path
):
    project = copied(tmp_path / "project")
    seed = project / "dbt_project" / "seeds" / "system_operation.csv"
    text = seed.read_text()
    seed.write_text(re.sub(r"^(\w+,H51\.12\.25,\w+,.*),.*$", r"\1,2020-12-31", text, flags=re.MULTILINE))
    ended = [number for number, line in enumerate(seed.read_text().splitlines(), 1) if ",2020-12-31" in line]
    closed = of_project(published_once, project)
    builds.open_build(closed, NIGHT)
    # what a full refresh makes of the seed before the marts
    changed_models = ["system_operation", "bridge_system_operation+,path:models/warehouse"]
    run(closed, ["build", "--select", *changed_models, "--exclude-resource-type", "unit_test"])
    builds.close_build(closed)
    candidate(closed)
    with pytest.raises(night.Refused, match="No figure of the release in force has vanished") as refused:
        night.check_marts(closed)
    told = re.search(r"Behind it: (.*)\.$", str(refused.value))[1]
    named = re.findall(r"system_operation\.csv, lines? ([\d, ]+): .*? of (\S+), operated from", told)
    assert {agency for _, agency in named} == {"H51.12.25"}
    assert sorted(int(line) for lines, _ in named for line in lines.split(", ")) == ended
    assert "operated from 2016-01-01 to 2020-12-31, before: to 2025-06-30" in told
    # The rows that the unit has of days after its end still count in its district.
    assert "the communes of a district make up its communes" in str(refused.value)
    accepted = acceptances.accept(closed, actor="lan", reason="the commune was closed")
    assert accepted.findings > SHOWN_ROWS
    (other,) = accepted.still_refused_by
    assert "the communes of a district make up its communes" in other


def test_what_is_behind_a_figure_that_vanished_is_named(published_once, tmp_path):
    """Contracts, batches, lists and dates, told from the marts of two releases."""
    project = copied(tmp_path / "project")
    contract = project / "contracts" / "one_stop" / "dossiers.yaml"
    delta, full = "{property: load, value: delta}", "{property: load, value: full}"
    whole = full + "\n      - {property: fullListOf, value: [agency_code]}"
    contract.write_text(contract.read_text().replace(delta, whole))
    changed = of_project(published_once, project)
    ((withdrawn,),) = rows(
        changed, "select min(batch_id) from ledger.batch where contract = 'documents.outgoing'"
    )
    nights.decide(changed, withdrawn, "withdrawn")
    builds.open_build(changed, NIGHT)
    builds.close_build(changed)
    before, made = releases.in_force(changed), release.open_release(changed)
    with connect(changed, "kho_transformer") as connection:
        for mart in ("figure_metric", "figure_scope", "figure_coverage"):
            connection.execute(
                sql.SQL("create table {} as table {}").format(
                    sql.Identifier(made.schema_name, mart), sql.Identifier(before.schema_name, mart)
                )
            )
        connection.execute(sql.SQL("set search_path to {}").format(sql.Identifier(made.schema_name)))
        connection.execute(
            "update figure_coverage set covered_from = '2021-02-05'"
            " where contract in ('one_stop.dossiers', 'documents.outgoing')"
        )
        connection.execute("delete from figure_metric where metric = 'portal_visits'")
        connection.execute("delete from figure_scope where scope_agency_code = 'H51.12.22'")

    def behind(metric: str, agency: str = "H51.12.21", of: releases.Release = made) -> str:
        row = {"scope_agency_code": agency, "scheme": "calendar", "period_code": "2021-01", "metric": metric}
        with connect(changed, "kho_auditor") as connection:
            return vanished.behind(changed, connection, of, before, [row])

    both = behind("dossiers_received")
    assert "contracts/one_stop/dossiers.yaml: load is full, before: delta (1 figures)" in both
    assert (
        f"batches of documents.outgoing that are no longer read: {withdrawn} (withdrawn) (1 figures)" in both
    )
    assert (
        behind("portal_visits")
        == "dbt_project/seeds/metrics.csv: portal_visits is no metric any more (1 figures)"
    )
    gone = behind("dossiers_received", "H51.12.22")
    assert gone == "dbt_project/seeds/agencies.csv: H51.12.22 is no unit any more (1 figures)"
    earlier = behind("dossiers_received", of=replace(made, business_date=date(2021, 1, 31)))
    assert "the night loads up to 2021-01-31, release 1 in force is of 2021-02-05" in earlier
    assert vanished.behind(changed, None, made, before, [{"item": 1}]) == ""


def test_a_broken_model_is_refused_and_every_published_row_stays_until_it_is_mended(published_once, tmp_path):
    project = copied(tmp_path / "project")
    model = project / "dbt_project" / "models" / "marts" / "one_stop" / "kept_settlement.sql"
    text = model.read_text()
    model.write_text(
        text.replace(
            "  counted.{{ count }}\n",
            "  counted.{{ count }}{{ ' + 1' if count == 'resolved_late_count' }} as {{ count }}\n",
        )
    )
    assert model.read_text() != text
    broken = of_project(published_once, project)
    with as_owner(broken) as connection:  # as a build by other models is
        connection.execute("update ledger.build set is_full_refresh = true")

    def published():
        marts = rows(
            broken, "select relname from pg_class where relnamespace = 'marts'::regnamespace order by 1"
        )
        with connect(broken, "bi_reader") as connection:
            return {
                mart: sorted(
                    map(
                        repr,
                        connection.execute(sql.SQL("select * from {}").format(sql.Identifier("marts", mart))),
                    )
                )
                for (mart,) in marts
            }

    before, in_force = published(), releases.in_force(broken)
    night.build_layer(broken, "marts", NIGHT)
    with pytest.raises(night.Refused, match="dossier_settlement"):
        night.check_marts(broken)
    refused = releases.releases(broken)[0]
    assert refused.state == "refused" and "dossier_settlement" in refused.reason
    with pytest.raises(release.ReleaseError, match="was refused"):
        night.publish(broken)
    assert published() == before and sum(map(len, before.values())) > 0
    assert releases.in_force(broken) == in_force

    night.build_layer(published_once, "marts", NIGHT)
    night.check_marts(published_once)
    night.publish(published_once)
    assert releases.in_force(published_once).release_id > refused.release_id


def test_a_server_that_goes_away_meanwhile_refuses_nothing(built: Settings) -> None:
    """What Great Expectations could not ask says nothing of the marts: the check fails, and is done again."""
    over, ended = threading.Event(), []

    def end_sessions() -> None:
        with psycopg.connect(built.admin_url(), autocommit=True) as connection:
            while not over.wait(0.02):
                # Ours have a name: those are Great Expectations'.
                ended.extend(
                    connection.execute(
                        "select pg_terminate_backend(pid) from pg_stat_activity"
                        " where datname = current_database() and usename = 'kho_auditor' and application_name = ''"
                    )
                )

    ending = threading.Thread(target=end_sessions)
    ending.start()
    try:
        with pytest.raises(Unavailable) as told:
            check.marts(built)
    finally:
        over.set()
        ending.join()
    assert ended and "Traceback" not in str(told.value)
    assert releases.releases(built)[0].state == "candidate"
    assert not check.marts(built).is_refused
