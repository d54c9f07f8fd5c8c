"""Builds: their input is frozen, and what changed since the last built one is touched."""

from __future__ import annotations

from datetime import date

import pytest

from kho.contract import contracts
from kho.database import connect
from kho.ledger import decisions
from kho.transform import builds
from tests.contracts import with_contract

DOSSIERS = "one_stop.dossiers"
NIGHT = date(2021, 1, 31)


def rows(settings, query, *parameters):
    with connect(settings, "kho_auditor") as connection:
        return connection.execute(query, parameters).fetchall()


def inputs(settings):
    """What dbt reads: batches in force, and batches whose keys it computes anew."""
    found = rows(settings, "select batch_id, is_in_force, is_touched from ledger.build_input")
    return {b for b, in_force, _ in found if in_force}, {b for b, _, touched in found if touched}


def built(settings, night=NIGHT):
    build_id = builds.open_build(settings, night)
    builds.close_build(settings)
    return build_id


@pytest.fixture
def accepted(hand_over):
    return lambda day, **given: hand_over(DOSSIERS, day, state="accepted", **given)


def test_a_build_reads_the_accepted_batches_up_to_its_night(warehouse, accepted, hand_over):
    first, second = accepted("2021-01-30"), accepted("2021-01-31")
    accepted("2021-02-01")
    hand_over(DOSSIERS, "2021-01-29", state="held")
    built(warehouse)
    assert inputs(warehouse) == ({first, second}, {first, second})


def test_only_what_changed_since_is_touched(warehouse, accepted):
    first = accepted("2021-01-30")
    built(warehouse)
    second = accepted("2021-01-31")
    built(warehouse)
    assert inputs(warehouse) == ({first, second}, {second})
    decisions.withdraw(warehouse, first, actor="lan", reason="sent by mistake")
    built(warehouse)
    assert inputs(warehouse) == ({second}, {first})
    assert ("withdrawn: sent by mistake",) in rows(warehouse, "select reason from ledger.build_source")
    decisions.undo(warehouse, first, actor="lan", reason="it was right")
    built(warehouse)
    assert inputs(warehouse) == ({first, second}, {first})
    built(warehouse)
    assert inputs(warehouse) == ({first, second}, set())


def test_a_build_run_again_keeps_the_list_that_it_froze(warehouse, accepted):
    first = accepted("2021-01-30")
    build_id = builds.open_build(warehouse, NIGHT)
    late = accepted("2021-01-29")
    decisions.withdraw(warehouse, first, actor="lan", reason="wrong")
    assert builds.open_build(warehouse, NIGHT) == build_id
    assert inputs(warehouse) == ({first}, {first})
    builds.close_build(warehouse)
    built(warehouse)
    assert inputs(warehouse) == ({late}, {first, late})


def test_what_an_abandoned_build_warehouse_stays_touched(warehouse, accepted):
    first, second = accepted("2021-01-29"), accepted("2021-01-30")
    built(warehouse)
    third = accepted("2021-01-31")
    decisions.withdraw(warehouse, first, actor="lan", reason="wrong")
    abandoned = builds.open_build(warehouse, NIGHT)
    decisions.withdraw(warehouse, third, actor="lan", reason="wrong too")
    decisions.undo(warehouse, first, actor="lan", reason="right after all")
    latest = builds.open_build(warehouse, date(2021, 2, 1))
    assert dict(
        rows(warehouse, "select build_id, state from ledger.build where build_id >= %s", abandoned)
    ) == {
        abandoned: "abandoned",
        latest: "open",
    }
    assert inputs(warehouse) == ({first, second}, {first, third})


def test_a_night_of_an_earlier_date_leaves_out_what_came_for_later_ones(warehouse, accepted):
    first, second = accepted("2021-01-30"), accepted("2021-01-31")
    built(warehouse)
    built(warehouse, date(2021, 1, 30))
    assert inputs(warehouse) == ({first}, {second})


@pytest.mark.parametrize("folder", ["models", "macros", "seeds", "functions"])
def test_changed_models_mean_a_full_refresh(warehouse, tmp_path, folder):
    project = tmp_path / "project"
    (project / "dbt_project" / folder).mkdir(parents=True)
    (project / "contracts").symlink_to(warehouse.contracts)
    model = project / "dbt_project" / folder / "fct.sql"
    ours = warehouse.model_copy(update={"project": project})

    def is_full_refresh():
        built(ours)
        return rows(ours, "select is_full_refresh from ledger.build order by build_id desc limit 1")[0][0]

    model.write_text("select 1")
    assert is_full_refresh()
    assert not is_full_refresh()
    model.write_text("select 2")
    builds.open_build(ours, date(2021, 1, 30))  # begun with the other model, and given up
    model.write_text("select 1")
    assert is_full_refresh()
    assert not is_full_refresh()


def test_models_changed_under_an_open_build_mean_a_full_refresh(warehouse, tmp_path):
    project = tmp_path / "project"
    (project / "dbt_project" / "seeds").mkdir(parents=True)
    (project / "contracts").symlink_to(warehouse.contracts)
    ours = warehouse.model_copy(update={"project": project})
    built(ours)
    builds.open_build(ours, NIGHT)
    (project / "dbt_project" / "seeds" / "agencies.csv").write_text("code\n")
    builds.open_build(ours, NIGHT)
    assert rows(ours, "select is_full_refresh from ledger.build where state = 'open'") == [(True,)]


def test_each_source_says_how_fresh_it_is(warehouse, accepted, hand_over):
    accepted("2021-01-29", rows=50, rejected=2, skipped=1)
    hand_over(DOSSIERS, "2021-01-30", state="held", reason="too many rejects")
    accepted("2021-01-31", rows=10)
    build_id = builds.open_build(warehouse, NIGHT)
    sources = {
        contract: rest
        for contract, *rest in rows(
            warehouse,
            "select contract, as_of, expected_as_of, state, stale_since, reason, rows_in_file, rows_loaded,"
            " rows_rejected, rows_skipped from ledger.build_source where build_id = %s",
            build_id,
        )
    }
    assert sources.keys() == contracts(warehouse).keys()
    day = date(2021, 1, 29), date(2021, 1, 30)
    assert sources[DOSSIERS] == [day[0], day[1], "stale", day[1], "held: too many rejects", 60, 57, 2, 1]
    assert sources["portal.items"] == [None, None, "not_delivered", None, "nothing delivered yet", 0, 0, 0, 0]
    assert {each[2] for each in sources.values()} == {"stale", "not_delivered"}


def test_lists_are_expected_of_every_unit(warehouse, hand_over):
    for unit, day in [
        ("000.00.12.H51", "2021-01-01"),
        ("000.21.12.H51", "2021-01-01"),
        ("000.21.12.H51", "2021-04-01"),
    ]:
        name = f"procedures_{unit}_{day.replace('-', '')}.xls"
        hand_over("one_stop.procedures", day, name=name, state="accepted")
    builds.open_build(warehouse, date(2021, 4, 30))
    assert rows(
        warehouse,
        "select as_of, expected_as_of, state, reason from ledger.build_source where contract = 'one_stop.procedures'",
    ) == [(date(2021, 1, 1), date(2021, 4, 1), "stale", "not delivered by H51.12")]


def lists(settings):
    return dict(rows(settings, "select batch_id, list_unit from ledger.build_input where is_in_force"))


def test_each_batch_of_a_build_says_whose_list_it_is_as_its_contract_reads_the_name_now(
    warehouse, hand_over, accepted, tmp_path
):
    of_unit = hand_over(
        "one_stop.procedures",
        "2021-01-01",
        name="procedures_000.21.12.H51_20210101.xls",
        state="accepted",
    )
    of_all = hand_over("workplace.staff", "2021-01-01", state="accepted")
    changes = accepted("2021-01-30")
    built(warehouse)
    assert lists(warehouse) == {of_unit: "H51.12.21", of_all: "", changes: ""}
    ours = with_contract(
        warehouse, tmp_path / "changed", "one_stop.procedures", ("(?P<unit>", r"000\.(?P<unit>")
    )
    built(ours)
    assert rows(ours, "select is_full_refresh from ledger.build order by build_id desc limit 1") == [(True,)]
    assert lists(ours) == {of_unit: "21.12.H51", of_all: "", changes: ""}


def spans(settings):
    return dict(rows(settings, "select batch_id, covers_from from ledger.build_input where is_in_force"))


def test_each_batch_of_a_build_says_since_when_it_tells_as_its_contract_has_it_now(
    warehouse, hand_over, accepted, tmp_path
):
    dump = accepted("2021-01-10", name="dossiers_20190901-20210110.csv")
    changes = accepted("2021-01-11")
    other = hand_over("portal.items", "2021-01-31", state="accepted")
    built(warehouse)
    assert spans(warehouse) == {dump: None, changes: None, other: None}

    by_name = with_contract(
        warehouse,
        tmp_path / "by_name",
        DOSSIERS,
        (r"dossiers_(?P<business_date>", r"dossiers_((?P<covers_from>\d{8})-)?(?P<business_date>"),
    )
    built(by_name)
    assert spans(warehouse) == {dump: date(2019, 9, 1), changes: None, other: None}

    key = "{property: load, value: delta}\n      - {property: firstDeliveryCoversFrom, value: 2020-01-01}"
    by_key = with_contract(warehouse, tmp_path / "by_key", DOSSIERS, ("{property: load, value: delta}", key))
    built(by_key)
    assert spans(warehouse) == {dump: date(2020, 1, 1), changes: None, other: None}
    # The second one does not become the first.
    decisions.withdraw(warehouse, dump, actor="lan", reason="sent by mistake")
    built(by_key)
    assert spans(warehouse) == {changes: None, other: None}
    decisions.undo(warehouse, dump, actor="lan", reason="it was right")
    built(warehouse)
    assert spans(warehouse) == {dump: None, changes: None, other: None}


def test_an_open_build_goes_on_as_long_as_contracts_are_those_that_it_knows(warehouse, accepted, tmp_path):
    first = accepted("2021-01-30")
    build_id = builds.open_build(warehouse, NIGHT)
    late = accepted("2021-01-29")
    project = tmp_path / "changed"
    ours = with_contract(warehouse, project, DOSSIERS, ("latency, value: 1,", "latency, value: 2,"))
    assert builds.open_build(ours, NIGHT) == build_id  # nothing of that is frozen
    assert inputs(ours) == ({first}, {first})
    ours = with_contract(
        ours, project, DOSSIERS, ("frequency, value: 1, unit: d", "frequency, value: 1, unit: m")
    )
    anew = builds.open_build(ours, NIGHT)
    assert anew > build_id
    assert dict(rows(ours, "select build_id, state from ledger.build")) == {
        build_id: "abandoned",
        anew: "open",
    }
    assert inputs(ours) == ({first, late}, {first, late})
    frequencies = "select build_id, frequency from ledger.build_contract where contract = %s"
    assert dict(rows(ours, frequencies, DOSSIERS)) == {build_id: "d", anew: "m"}
    assert builds.open_build(ours, NIGHT) == anew


@pytest.mark.parametrize(
    ("contract", "old", "new", "is_full_refresh"),
    [
        ("portal.items", "load, value: delta", "load, value: full}\n      - {property: fullListOf, value: [agency_code]", True),
        ("one_stop.procedures", "(?P<unit>[^_]+)", "[^_]+", True),
        ("one_stop.procedures", "fileName, value: 'procedures_", "fileName, value: 'lists_", True),
        ("portal.items", "frequency, value: 1, unit: m", "frequency, value: 1, unit: q", False),
        ("portal.items", "slaProperties:", "slaProperties:\n  - {property: endOfLife, value: '2021-01-15'}", False),
        ("portal.items", "\nname: ", "\nname: New ", False),
        ("portal.items", "latency, value: 3", "latency, value: 9", False),
    ],
)  # fmt: skip
def test_only_whose_lists_a_contract_hands_over_means_a_full_refresh(
    warehouse, tmp_path, contract, old, new, is_full_refresh
):
    built(warehouse)
    ours = with_contract(warehouse, tmp_path / "changed", contract, (old, new))
    built(ours)
    refreshed = rows(ours, "select is_full_refresh from ledger.build order by build_id")
    assert refreshed == [(True,), (is_full_refresh,)]
