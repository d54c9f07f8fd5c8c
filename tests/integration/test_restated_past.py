"""What a night says otherwise of the past is told: which figures of periods that were complete, by how much, from which batches."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from kho import check, transform
from kho.ledger.verdicts import Verdict
from kho.publish import release
from kho.settings import Settings
from kho_sample.export import Export
from tests.conftest import fresh_warehouse
from tests.integration import nights
from tests.integration.loading import rows
from tests.owner import as_owner

FIRST, SECOND = date(2021, 3, 5), date(2021, 3, 6)
RULE = "closed_periods_stand"


def exports(settings: Settings, until: date = FIRST) -> list[Export]:
    return [
        each
        for each in nights.sample(settings, 0.1, systems=("one_stop", "documents"))
        if each.arrives <= until
    ]


@pytest.fixture(scope="module")
def first_release(module_built_warehouse: Settings) -> Settings:
    """Two months of two systems, published."""
    nights.hand_over(module_built_warehouse, exports(module_built_warehouse))
    nights.run_night(module_built_warehouse, FIRST)
    return module_built_warehouse


@pytest.fixture
def here(server: Settings, first_release: Settings, tmp_path: Path) -> Iterator[Settings]:
    """The same for a test that goes on with it."""
    yield from fresh_warehouse(server, tmp_path / "home", first_release)


def dossiers(settings: Settings, month: int) -> list[Export]:
    return [
        each for each in exports(settings) if each.entity == "dossiers" and f"_2021{month:02}" in each.name
    ]


def second_night(settings: Settings, *, is_full_refresh: bool = False) -> list[Verdict]:
    """What the marts boundary tells of the past that moved, in the night after."""
    nights.accept_pending(settings)
    nights.build_warehouse(settings, SECOND)
    if is_full_refresh:
        with as_owner(settings) as connection:
            connection.execute("update ledger.build set is_full_refresh = true")
    release.open_release(settings)
    transform.build(settings, "marts")
    return [each for each in check.marts(settings).told if each.expectation == RULE]


def told_again(files: list[Export], day: date) -> tuple[Export, int]:
    """A file of this day with the cases of these under other ids, and how many."""
    first = files[0]
    header = first.content.splitlines(keepends=True)[0]
    lines = [line for each in files for line in each.content.splitlines(keepends=True)[1:]]
    again = [re.sub(rb"-(\d{4});", rb"-7\1;", line, count=1) for line in lines]
    cases = {line.split(b";")[0] for line in again}
    return Export(
        first.system, first.entity, f"dossiers_{day:%Y%m%d}.csv", b"".join([header, *again]), day
    ), len(cases)


def last_batch(settings: Settings) -> int:
    return rows(settings, "select max(batch_id) from ledger.batch")[0]["max"]


def test_old_cases_that_come_again_under_other_ids_are_told_with_their_batch(here: Settings) -> None:
    again, cases = told_again(dossiers(here, 1), SECOND)
    nights.hand_over(here, [again])
    batch = last_batch(here)
    (told,) = second_night(here)
    assert told.severity == "warning" and told.message
    assert "period_code 2021-01, metric dossiers_received, level all" in told.message
    moved = re.search(r"value_before (\d+), value (\d+), moved_by (\d+)", told.message)
    before, now, by = map(int, moved.groups())
    assert now - before == by >= 100
    assert re.search(r"; and \d+ more\. Ask the source", told.message)
    (behind,) = re.findall(r"Behind it: (.*)\.$", told.message)
    assert behind.startswith(f"batch {batch} of one_stop.dossiers, 2021-03-06, of which ")
    assert behind.endswith(" came") and "rows of 2021-01-" in behind
    (of_which,) = re.findall(r"of which ([\d,]+) rows", behind)
    assert 0.9 * cases <= int(of_which.replace(",", "")) <= cases


def test_batches_that_are_withdrawn_are_told_each_with_its_rows(here: Settings) -> None:
    gone = [
        each["batch_id"]
        for each in rows(
            here,
            "select batch_id from ledger.batch where contract = 'one_stop.dossiers' and rows_loaded > 10"
            " and business_date between '2021-01-10' and '2021-01-20' order by batch_id limit 4",
        )
    ]
    for batch in gone:
        nights.decide(here, batch, "withdrawn")
    (told,) = second_night(here)
    assert "moved_by -" in told.message
    named = re.findall(
        r"batch (\d+) of one_stop\.dossiers, 2021-01-\d\d \(withdrawn\), of which [\d,]+ rows", told.message
    )
    assert sorted(map(int, named)) == gone


def test_corrected_files_are_told_with_what_they_took_the_place_of(here: Settings) -> None:
    corrected = []
    for each in dossiers(here, 1)[5:25]:
        lines = each.content.splitlines(keepends=True)
        content = b"".join(lines[: 1 + len(lines) // 3])
        corrected.append(Export(each.system, each.entity, each.name, content, SECOND))
    nights.hand_over(here, corrected)
    (told,) = second_night(here)
    assert "metric dossiers_received" in told.message and "moved_by -" in told.message
    assert re.search(r"batch \d+ of one_stop\.dossiers, 2021-01-\d\d \(withdrawn\), of which", told.message)
    assert re.search(r"; and \d+ more batches\.$", told.message)


def test_a_month_that_another_system_takes_back_is_told(here: Settings) -> None:
    (month,) = rows(
        here,
        "select batch_id from ledger.batch where contract = 'documents.outgoing' and business_date = '2021-01-31'",
    )
    nights.decide(here, month["batch_id"], "withdrawn")
    (told,) = second_night(here)
    assert (
        f"batch {month['batch_id']} of documents.outgoing, 2021-01-31 (withdrawn), of which" in told.message
    )
    assert "metric documents_outgoing" in told.message


def test_after_a_full_refresh_the_batches_are_named_without_their_rows(here: Settings) -> None:
    nights.hand_over(here, [told_again(dossiers(here, 1), SECOND)[0]])
    (told,) = second_night(here, is_full_refresh=True)
    (behind,) = re.findall(r"Behind it: (.*)\.$", told.message)
    assert behind == f"batch {last_batch(here)} of one_stop.dossiers, 2021-03-06 came"


def test_a_night_as_ever_is_nothing_to_tell(here: Settings) -> None:
    nights.hand_over(here, [each for each in exports(here, SECOND) if each.arrives > FIRST])
    assert second_night(here) == []


def test_late_news_of_few_cases_are_nothing_to_tell(here: Settings) -> None:
    again, _ = told_again(dossiers(here, 1)[:1], SECOND)
    lines = again.content.splitlines(keepends=True)[:6]
    nights.hand_over(here, [Export(again.system, again.entity, again.name, b"".join(lines), SECOND)])
    assert second_night(here) == []
