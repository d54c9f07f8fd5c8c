"""The exports boundary: what holds a batch, what is only told, and who takes whose place."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from datetime import date, timedelta

import pytest
from lxml import html

from kho import check
from kho.check.drift import HISTORY
from kho.check.exports import REMEMBERED
from kho.check.project import data_docs
from kho.contract import contracts
from kho.database import connect
from kho.ledger import decisions
from tests.owner import as_owner

DOSSIERS, ITEMS, LISTS = "one_stop.dossiers", "portal.items", "one_stop.procedures"
NIGHT = date(2021, 1, 31)


def rows(settings, query, *parameters):
    with connect(settings, "kho_auditor") as connection:
        return connection.execute(query, parameters).fetchall()


def states(settings):
    return dict(rows(settings, "select batch_id, state from ledger.batch order by batch_id"))


def verdicts(settings, batch_id, outcome="failed"):
    found = rows(
        settings,
        "select expectation, severity, message from ledger.verdict where batch_id = %s and outcome = %s",
        batch_id,
        outcome,
    )
    return {expectation: (severity, message) for expectation, severity, message in found}


def test_poisoned_batches_are_held_each_for_its_reason_and_the_others_go_on(warehouse, hand_over):
    good = hand_over(DOSSIERS, "2021-01-28", control_rows=100)
    poisoned = {
        "columns_present": hand_over(DOSSIERS, "2021-01-29", missing_columns=["maHoSo", "phi"]),
        "reject_rate": hand_over(DOSSIERS, "2021-01-30", rejected=30),
        "control_total": hand_over(DOSSIERS, "2021-01-31", control_rows=140),
        "columns_typed": hand_over(
            ITEMS, "2021-01-31", rejected=4, rows=100, rejects_by_reason={"photos: not a whole number": 60}
        ),
        "row_count": hand_over(LISTS, "2021-01-01", name="procedures_000.00.12.H51_20210101.xls", rows=0),
    }
    unreadable = hand_over(ITEMS, "2020-12-31", state="unreadable", reason="no JSON: the file is empty")
    verdict = check.exports(warehouse, NIGHT)

    assert verdict.accepted == [good]
    assert "control_total" in verdicts(warehouse, poisoned["reject_rate"], "skipped")
    assert "control_total" in verdicts(warehouse, good, "passed")
    assert len(verdicts(warehouse, unreadable, "skipped")) > 5
    assert states(warehouse) == {
        good: "accepted",
        unreadable: "unreadable",
        **dict.fromkeys(poisoned.values(), "held"),
    }
    for rule, batch_id in poisoned.items():
        assert verdicts(warehouse, batch_id)[rule][0] == "critical"
        assert set(verdicts(warehouse, batch_id)) <= {rule, "reject_rate_attention"}
    assert verdict.held[poisoned["columns_present"]].startswith("columns are missing: maHoSo, phi; give a")
    assert (
        verdict.held[poisoned["reject_rate"]]
        == "Share of rejected rows (percent): 30.0 (must be at most 5); `kho rejects show` shows them"
    )
    assert "140 announced, 100 came" in verdict.held[poisoned["control_total"]]
    assert verdict.held[unreadable].startswith("the file could not be read: no JSON: the file is empty; ")
    reasons = dict(rows(warehouse, "select batch_id, reason from ledger.batch where state = 'held'"))
    assert reasons == {batch_id: verdict.held[batch_id] for batch_id in poisoned.values()}
    events = rows(
        warehouse,
        "select batch_id, from_state, to_state, actor from ledger.batch_event where actor = %s",
        decisions.BOUNDARY,
    )
    assert len(events) == 1 + len(poisoned)


def test_drift_that_harms_nothing_is_told_and_accepted(warehouse, hand_over):
    drifted = hand_over(
        DOSSIERS,
        "2021-01-31",
        unknown_columns={"ghiChuMoi": 17},
        respelled_columns={"maHoSo": "Mã hồ sơ"},
        duplicate_rows=1,
        rejected=3,
        rejects_by_reason={"maTrangThai: unmapped code; add …": 2, "row: repeats": 1},
    )
    verdict = check.exports(warehouse, NIGHT)
    assert verdict.accepted == [drifted] and not verdict.held
    assert {name: severity for name, (severity, _) in verdicts(warehouse, drifted).items()} == {
        "columns_known": "warning",
        "headers_spelled": "info",
        "rows_unique": "warning",
        "values_known": "warning",
        "reject_rate_attention": "warning",
    }
    told = {each.expectation: each.message for each in verdict.told if each.batch_id == drifted}
    assert "left out: ghiChuMoi (17 values); add" in told["columns_known"]
    assert told["headers_spelled"].endswith("Mã hồ sơ for maHoSo")


def test_impossible_times_are_told_with_their_columns_and_counts_and_hold_nothing(warehouse, hand_over):
    times = hand_over(
        DOSSIERS,
        "2021-01-31",
        rows=300,
        emptied={"ngayHenTra": 3, "ngayTra": 1},
        disordered={"ngayHenTra before ngayTiepNhan": 4, "ngayTra before ngayTiepNhan": 3},
        future_versions=2,
    )
    as_ever = hand_over(DOSSIERS, "2021-01-30", emptied={}, disordered={}, future_versions=0)
    of_an_older_kho = hand_over(DOSSIERS, "2021-01-29")
    verdict = check.exports(warehouse, NIGHT)
    assert set(verdict.accepted) == {times, as_ever, of_an_older_kho}
    assert verdicts(warehouse, as_ever) == verdicts(warehouse, of_an_older_kho) == {}
    severities, messages = (
        {rule: each[n] for rule, each in verdicts(warehouse, times).items()} for n in (0, 1)
    )
    assert severities == {
        "times_possible": "warning",
        "times_in_order": "warning",
        "few_times_disordered": "info",
        "versions_not_from_the_future": "warning",
    }
    assert "emptied: ngayTra (1 values), ngayHenTra (3 values);" in messages["times_possible"]
    assert "ngayHenTra before ngayTiepNhan (4 of 300 rows);" in messages["times_in_order"]
    assert messages["few_times_disordered"].endswith("ngayTra before ngayTiepNhan (3 of 300 rows)")
    assert "by their own account: 2;" in messages["versions_not_from_the_future"]


def test_every_failing_batch_of_a_long_night_is_named(warehouse, hand_over):
    days = [f"2021-{month:02}-{day:02}" for month in (1, 2, 3) for day in range(1, 29)]
    bad = [hand_over(DOSSIERS, day, rejected=50) for day in days]
    assert sorted(check.exports(warehouse, date(2021, 3, 31)).held) == bad


def test_comparison_with_history_is_skipped_visibly_until_there_is_enough(warehouse, hand_over):
    mondays = ["2021-01-04", "2021-01-11", "2021-01-18", "2021-01-25", "2021-02-01", "2021-02-08"]
    filled = {"fee_vnd": {"nulls": 5}}
    batches = [hand_over(DOSSIERS, day, columns=filled) for day in mondays[:4]]
    check.exports(warehouse, NIGHT)
    for each in batches:
        assert {"rows_as_usual", "columns_filled_as_usual"} <= set(verdicts(warehouse, each, "skipped"))
    many = hand_over(DOSSIERS, mondays[4], rows=2000, columns={"fee_vnd": {"nulls": 2000}})
    few = hand_over(DOSSIERS, mondays[5], rows=3, columns=filled)
    sunday = hand_over(DOSSIERS, "2021-02-07", rows=0)
    verdict = check.exports(warehouse, date(2021, 2, 8))
    assert set(verdict.accepted) == {many, few, sunday}
    assert set(verdicts(warehouse, many)) == {"rows_as_usual", "columns_filled_as_usual"}
    assert set(verdicts(warehouse, few)) == {"rows_as_usual"}
    assert "rows_as_usual" in verdicts(warehouse, sunday, "skipped")


def test_times_are_compared_with_the_last_batches_and_not_with_all_that_ever_were(warehouse, hand_over):
    at_nine, at_four = ({"received_at": {"hour": hour, "closeness": 0.9, "rows": 50}} for hour in (9, 4))

    def day(number: int) -> str:
        return str(date(2020, 11, 1) + timedelta(number))

    for number in range(REMEMBERED):
        hand_over(DOSSIERS, day(number), state="accepted", hours=at_nine if number < HISTORY else {})
    compared = hand_over(DOSSIERS, day(REMEMBERED), hours=at_nine)
    hand_over(DOSSIERS, day(REMEMBERED + 1), state="accepted", hours={})
    forgotten = hand_over(DOSSIERS, day(REMEMBERED + 2), hours=at_four)
    check.exports(warehouse, NIGHT)
    assert "times_as_usual" in verdicts(warehouse, compared, "passed")
    assert "times_as_usual" in verdicts(warehouse, forgotten, "skipped")


def test_a_newer_batch_of_the_same_delivery_takes_the_old_ones_place(warehouse, hand_over):
    first, held = hand_over(DOSSIERS, "2021-01-30"), hand_over(DOSSIERS, "2021-01-31", rejected=50)
    check.exports(warehouse, NIGHT)
    corrected, mended = hand_over(DOSSIERS, "2021-01-30"), hand_over(DOSSIERS, "2021-01-31")
    worse = hand_over(DOSSIERS, "2021-01-30", rejected=50)
    check.exports(warehouse, NIGHT)
    assert states(warehouse) == {
        first: "withdrawn",
        held: "withdrawn",
        corrected: "accepted",
        mended: "accepted",
        worse: "held",
    }
    reasons = dict(rows(warehouse, "select batch_id, reason from ledger.batch where state = 'withdrawn'"))
    assert reasons == {first: f"replaced by batch {corrected}", held: f"replaced by batch {mended}"}


def test_a_missing_delivery_is_a_warning_told_once_a_night(warehouse, hand_over):
    hand_over(DOSSIERS, "2021-01-28")
    for _ in range(2):
        verdict = check.exports(warehouse, NIGHT)
        missing = {each.subject: each for each in verdict.told if each.expectation == "delivered"}
        assert missing[DOSSIERS].message == "stale since 2021-01-29: not delivered"
        assert missing[DOSSIERS].severity == "warning"
        assert missing[ITEMS].message == "nothing delivered yet"
        assert "register.operations" not in missing, "an optional source is missed by nobody"
    assert rows(
        warehouse,
        "select count(*) from ledger.verdict where expectation = 'delivered' and subject = %s",
        DOSSIERS,
    ) == [(1,)]


def test_run_again_it_changes_nothing(warehouse, hand_over):
    hand_over(DOSSIERS, "2021-01-30")
    hand_over(DOSSIERS, "2021-01-31", state="unreadable", reason="empty")

    def everything():
        return [
            rows(warehouse, query)
            for query in (
                "select * from ledger.batch order by 1",
                "select * from ledger.batch_event order by 1",
                "select * from ledger.verdict order by 1",
            )
        ]

    check.exports(warehouse, NIGHT)
    before = everything()
    again = check.exports(warehouse, NIGHT)
    assert not again.accepted and not again.held
    assert everything() == before


def test_killed_in_the_middle_of_deciding_it_ends_the_same_when_run_again(warehouse, hand_over):
    good, bad = hand_over(DOSSIERS, "2021-01-30"), hand_over(DOSSIERS, "2021-01-31", rejected=50)
    program = (
        "import sys; from datetime import date; from pathlib import Path; from kho.settings import Settings\n"
        "from kho import check\n"
        "check.exports(Settings(home=Path(sys.argv[1]), warehouse_database=sys.argv[2]), date(2021, 1, 31))"
    )
    with as_owner(warehouse) as blocker:
        # its verdicts are written by then, and the first batch's new state
        blocker.execute("lock table ledger.batch_event in share mode")
        process = subprocess.Popen(
            [sys.executable, "-c", program, str(warehouse.home), warehouse.warehouse_database],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        waiting = "select count(*) from pg_locks where not granted"
        while blocker.execute(waiting).fetchone() == (0,):
            assert process.poll() is None
            time.sleep(0.1)
        process.kill()
        process.wait()
    assert states(warehouse) == {good: "pending", bad: "pending"}
    check.exports(warehouse, NIGHT)
    assert states(warehouse) == {good: "accepted", bad: "held"}
    doubled = rows(
        warehouse,
        "select 1 from ledger.verdict where batch_id is not null group by batch_id, expectation having count(*) > 1",
    )
    assert not doubled


def test_what_lies_after_the_night_waits(warehouse, hand_over):
    later = hand_over(DOSSIERS, "2021-02-01")
    check.exports(warehouse, NIGHT)
    assert states(warehouse) == {later: "pending"}


def test_what_it_fails_on_is_foreseen_as_held_and_not_as_a_traceback(warehouse):
    would_be = {
        "batch_id": 0,
        "business_date": NIGHT,
        "name": "a.csv",
        "state": "pending",
        "reason": None,
        "profile": {},
    }
    with connect(warehouse, "kho_auditor") as ledger:
        (verdict,) = check.foresee(
            ledger, contracts(warehouse)[DOSSIERS], would_be | {"rows_in_file": 1, "rows_skipped": 0}
        )
    assert verdict.is_critical and "Kho failed on judging it (KeyError)" in verdict.message


def test_data_docs_show_the_nights_and_stay_small(warehouse, hand_over, monkeypatch):
    monkeypatch.setattr("kho.check.project.KEPT_RUNS", 2)
    for day in (27, 28, 29):
        hand_over(DOSSIERS, f"2021-01-{day}")
        check.exports(warehouse, date(2021, 1, day))
    pages = {str(path) for path in data_docs(warehouse).parent.glob("validations/**/*.html")}
    assert len(pages) == 2
    assert all(any(f"exports 2021-01-{day}" in page for page in pages) for day in (28, 29))
    assert "2021-01-29" in data_docs(warehouse).read_text() and DOSSIERS in data_docs(warehouse).read_text()
    foreign = re.compile(r'(src|href)="https?://')
    assert not [
        page for page in data_docs(warehouse).parent.glob("**/*.html") if foreign.search(page.read_text())
    ]


def test_data_docs_show_what_an_export_says_and_are_not_changed_by_it(warehouse, hand_over):
    header = "<script>$column</script>&amp;${html_success_icon}"
    batch = hand_over(DOSSIERS, "2021-01-31", unknown_columns={header: 2}, rejected=50)
    check.exports(warehouse, NIGHT)
    (result,) = (html.parse(page) for page in data_docs(warehouse).parent.glob("validations/**/*.html"))
    told = [row.text_content() for row in result.xpath("//table//table//tr")]
    assert any(each.startswith(f"{header} (2 values)1") and str(batch) in each for each in told)
    assert f"50.01{batch}" in told  # the share of rejected rows, once, in this batch
    (suite,) = (html.parse(page) for page in data_docs(warehouse).parent.glob("expectations/**/*.html"))
    notes = [each.text_content() for each in suite.xpath("//details/p")]
    assert "columns that the contract does not know were left out" in notes
    for page in (result, suite):
        assert not page.xpath("//script") and not page.xpath("//pre"), "every block is of a known kind"
        assert page.xpath("//a[.='Home']/@href")


def test_data_docs_show_outcomes_and_a_suite_again_only_when_it_changed(warehouse, hand_over, tmp_path):
    project = tmp_path / "project"
    shutil.copytree(warehouse.project / "contracts", project / "contracts")
    (project / "dbt_project").symlink_to(warehouse.project / "dbt_project")
    settings = warehouse.model_copy(update={"project": project})
    docs = data_docs(settings).parent
    suite = settings.home / "expectations" / "expectations" / "one_stop" / "dossiers.json"
    page = docs / "expectations" / "one_stop" / "dossiers.html"

    def night(day: int, **seen: int) -> tuple[int, int]:
        hand_over(DOSSIERS, f"2021-01-{day}", **seen)
        check.exports(settings, date(2021, 1, day))
        return suite.stat().st_mtime_ns, page.stat().st_mtime_ns

    first = night(27)
    assert night(28, rejected=50) == first
    outcomes = {
        run: outcome
        for run, outcome in re.findall(
            r"<h2>exports (\S+)</h2>.*?</td>\s*<td>(.*?)</td>",
            data_docs(settings).read_text(),
            re.DOTALL,
        )
    }
    assert outcomes["2021-01-27"] == "passed"
    assert re.findall(r'<span class="(\w+)">(.*?)</span>', outcomes["2021-01-28"]) == [
        ("critical", "1 critical"),
        ("warning", "1 warning"),
    ]

    contract = project / "contracts" / "one_stop" / "dossiers.yaml"
    contract.write_text(contract.read_text().replace("Share of rejected rows", "Share of lost rows"))
    changed = night(29)
    assert min(changed) > max(first) and "Share of lost rows" in suite.read_text()
    page.unlink()
    assert night(30) != changed and page.exists()


def test_a_row_that_a_broken_quote_split_in_two_is_no_mismatch_but_a_missing_row_is(warehouse, hand_over):
    ragged = {"row: ragged row: 2 columns instead of 27": 1}
    split = hand_over(DOSSIERS, "2021-01-29", control_rows=99, rejected=1, rejects_by_reason=ragged)
    cut_off = hand_over(DOSSIERS, "2021-01-30", control_rows=101, rejected=1, rejects_by_reason=ragged)
    too_many = hand_over(DOSSIERS, "2021-01-31", control_rows=98, rejected=1, rejects_by_reason=ragged)
    verdict = check.exports(warehouse, NIGHT)
    assert verdict.accepted == [split] and sorted(verdict.held) == [cut_off, too_many]


@pytest.mark.parametrize("state", ["held", "accepted", "withdrawn"])
def test_what_was_decided_meanwhile_stands(warehouse, hand_over, state):
    decided = hand_over(DOSSIERS, "2021-01-31", state=state, rejected=50)
    check.exports(warehouse, NIGHT)
    assert states(warehouse) == {decided: state}


def test_data_docs_have_a_word_and_a_colour_for_each_severity(warehouse, hand_over):
    hand_over(DOSSIERS, "2021-01-29", respelled_columns={"maHoSo": "Mã hồ sơ"})
    check.exports(warehouse, date(2021, 1, 29))
    hand_over(DOSSIERS, "2021-01-30", unknown_columns={"ghiChu": 2}, respelled_columns={"maHoSo": "Mã"})
    check.exports(warehouse, date(2021, 1, 30))
    held = hand_over(DOSSIERS, "2021-01-31", missing_columns=["phi"], rejected=100, duplicate_rows=1)
    check.exports(warehouse, NIGHT)

    index = html.parse(data_docs(warehouse))
    shown = {
        heading.text.split()[1]: [
            (mark.get("class"), mark.text) for mark in heading.getnext().xpath(".//td[2]/span")
        ]
        for heading in index.xpath("//h2")
    }
    assert shown == {
        "2021-01-29": [("info", "1 info")],
        "2021-01-30": [("warning", "1 warning"), ("info", "1 info")],
        "2021-01-31": [("critical", "3 critical"), ("warning", "2 warning")],
    }
    looks = re.findall(
        r"\.(critical|warning|info) \{ (background: #\w+; color: #\w+)", index.xpath("//style")[0].text
    )
    assert len({look for _, look in looks}) == 3
    assert [item.text_content().split(":")[0].strip() for item in index.xpath("//ul/li")] == [
        "critical",
        "warning",
        "info",
    ]

    (page,) = data_docs(warehouse).parent.glob("validations/**/exports 2021-01-31/**/*.html")
    result = html.parse(page)
    assert "None" not in result.xpath("//body")[0].text_content()
    assert "Checked: one_stop.dossiers" in result.xpath("string(//body)")
    rows_ = [[cell.text_content() for cell in row.xpath("td")] for row in result.xpath("//table[1]//tr[td]")][
        :5
    ]
    assert [row[0] for row in rows_] == ["critical"] * 3 + ["warning"] * 2
    said = {row[1]: row[2:] for row in rows_}
    assert said["columns are missing"][1] == f"batch {held}: phi"
    assert said["no row could be loaded"] == [
        "`kho rejects show` shows why: mend the contract and replay, or ask the source",
        f"batch {held}: 100 of 100 rows were rejected",
    ]
    assert said["Share of rejected rows (percent) (must be at most 5)"][1] == f"batch {held}: 100.0"


def test_what_is_said_of_several_sources_is_said_once(warehouse, hand_over):
    hand_over(DOSSIERS, "2021-01-31", duplicate_rows=1)
    said = str(check.exports(warehouse, NIGHT))
    assert said.count("nothing delivered yet") == 1 and "None" not in said
    assert re.search(r"warning: \d\d sources: nothing delivered yet \(.*portal\.items, .*\)", said)
    assert f"warning: {DOSSIERS}: rows were there twice: 1" in said
