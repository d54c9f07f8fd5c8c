"""Any step of a night may be run again, at any time and after any other: nothing is lost, and readers see no change."""

from __future__ import annotations

from pathlib import Path

import pytest

from kho import night
from kho.database import connect
from kho.ledger import releases
from kho.ledger.releases import ReleaseError
from kho.settings import Settings
from tests.events import ends, fields, names
from tests.nights.conftest import NIGHTS, copy_of
from tests.snapshot import lost_rows, snapshot

NIGHT = NIGHTS[1]


def again(settings: Settings, *steps: str) -> None:
    for step in steps:
        for task in night.tasks(settings):
            if task.step.name == step:
                night.do(settings, step, NIGHT, task.system)


def break_the_candidate(settings: Settings) -> None:
    """A period that it has counted again, and wrong."""
    wrong = """
        insert into warehouse.kept_settlement
        select (jsonb_populate_record(kept, jsonb_build_object(
          'received_online_count', received_online_count + 1, 'from_release', %s::bigint, 'to_release', null))).*
        from warehouse.kept_settlement as kept limit 1
    """
    with connect(settings, "kho_transformer") as connection:
        assert connection.execute(wrong, [releases.releases(settings)[0].release_id]).rowcount > 0


def test_any_step_may_be_run_again_after_any_other(
    after_second_night: tuple[Settings, dict[str, float]], sources: Settings, tmp_path: Path
) -> None:
    for settings in copy_of(after_second_night[0], sources, tmp_path / "home"):
        before, made = snapshot(settings), releases.releases(settings)
        in_force = releases.in_force(settings)
        assert in_force.business_date == NIGHT

        # After the whole night, backwards.
        again(settings, "tell_people", "publish", "check_marts", "warehouse", "check_exports", "ingest")
        assert snapshot(settings) == before
        assert releases.releases(settings) == made
        expect_events_of_a_night(settings)

        # A build that was opened and not finished: a release is made of a whole one only.
        again(settings, "staging")
        with pytest.raises(ReleaseError, match="is open: build the warehouse first"):
            again(settings, "marts")
        again(settings, "check_marts", "publish")
        assert snapshot(settings, "marts") == snapshot_of(before, "marts")
        assert releases.releases(settings) == made

        # What is refused stays so, for the same reason, until the marts are built anew.
        again(settings, "warehouse", "marts")
        with pytest.raises(ReleaseError, match=r"has not let release \d+ through: check the marts first"):
            again(settings, "publish")
        again(settings, "check_marts", "marts")  # made anew, they are not judged any more
        with pytest.raises(ReleaseError, match="check the marts first"):
            again(settings, "publish")
        break_the_candidate(settings)
        reasons = []
        for _ in range(2):
            with pytest.raises(night.Refused) as refused:
                again(settings, "check_marts")
            reasons.append(str(refused.value))
            with pytest.raises(ReleaseError, match="was refused: dossier_settlement"):
                again(settings, "publish")
        assert reasons[0] == reasons[1] != ""
        assert releases.in_force(settings) == in_force
        assert snapshot(settings, "marts") == snapshot_of(before, "marts")
        assert not lost_rows(settings)


def expect_events_of_a_night(settings: Settings) -> None:
    found = {job: runs[-1] for job, runs in ends(settings).items()}
    dossiers = found["warehouse.fct_dossier"]
    assert any(name.startswith("staging.stg_") for name in names(dossiers["inputs"]))
    assert names(dossiers["outputs"]) == {"warehouse.fct_dossier"}
    assert ("kho", "warehouse.union_dossier", "channel") in fields(dossiers["outputs"][0])["channel"]
    (figures,) = found["marts.report_figure"]["outputs"]
    assert fields(figures)["value"] and set(fields(figures)) >= {"metric", "scope_agency_code", "value"}
    loaded = {each["name"]: fields(each) for each in found["one_stop.load"]["outputs"]}
    assert loaded["raw.one_stop__dossiers"]["received_at"] == {
        ("archive", "one_stop.dossiers", "ngayTiepNhan")
    }
    assert dossiers["eventType"] == found["publish"]["eventType"] == "COMPLETE"
    in_force = releases.in_force(settings)
    published = {
        each["name"]: each["facets"]["version"]["datasetVersion"] for each in found["publish"]["outputs"]
    }
    assert {"marts.report_figure", "marts.public_month"} <= published.keys()
    assert set(published.values()) == {str(in_force.release_id)}
    asserted = {
        each["name"]: {
            assertion["assertion"] for assertion in each["inputFacets"]["dataQualityAssertions"]["assertions"]
        }
        for each in found["check_marts"]["inputs"]
        if each["inputFacets"]
    }
    assert "no_small_count_is_shown" in asserted["marts.public_month"]


def snapshot_of(whole: dict, schema: str) -> dict:
    return {table: told for table, told in whole.items() if table.startswith(f"{schema}.")}
