"""A night without Airflow: what follows a failure is what follows it in the Dag."""

from __future__ import annotations

import logging
from datetime import date, timedelta
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from kho import night
from kho.cli import app
from kho.database import connect
from kho.settings import Settings
from kho.transform import TransformError
from tests.contracts import document
from tests.events import ends, names
from tests.integration.loading import rows

NIGHT = date(2021, 1, 31)
BROKEN, SOUND = "broken", "sound"


@pytest.fixture
def two_systems(warehouse: Settings, tmp_path: Path) -> Settings:
    """A project of two systems with an export each, and without a single model."""
    project = tmp_path / "project"
    for system in (BROKEN, SOUND):
        server = {"type": "local", "path": f"{system}/permits", "format": "csv", "encoding": "utf-8"}
        contract = document(server, fileName=r"permits_(?P<business_date>\d{8})\.csv", delimiter=";")
        path = project / "contracts" / system / "permits.yaml"
        path.parent.mkdir(parents=True)
        path.write_text(yaml.safe_dump(contract | {"id": f"{system}.permits"}))
        file = warehouse.exports / system / "permits" / "permits_20210131.csv"
        file.parent.mkdir(parents=True)
        file.write_text("code\nA1\nA2\n")
    (project / "dbt_project").mkdir()
    (project / "dbt_project" / "seeds").symlink_to(warehouse.project / "dbt_project" / "seeds")
    (project / "expectations").symlink_to(warehouse.project / "expectations")
    return warehouse.model_copy(update={"project": project})


def test_a_failed_source_stops_nobody_a_failed_layer_stops_what_comes_after_and_people_are_told(
    two_systems: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    with connect(two_systems, "kho_loader") as connection:
        connection.execute("create table raw.broken__permits (code text)")  # can't be loaded into
    caplog.set_level(logging.INFO)
    with pytest.raises(TransformError):  # there is nothing to build
        night.run(two_systems, NIGHT)
    states = rows(two_systems, "select contract, state from ledger.batch")
    assert states == [{"contract": "sound.permits", "state": "accepted"}]
    taken = rows(two_systems, "select contract from ledger.delivery order by 1")
    assert [each["contract"] for each in taken] == ["broken.permits", "sound.permits"]
    failed = [
        record.message.partition(" failed: ")[0]
        for record in caplog.records
        if record.name == "kho.night" and " failed: " in record.message
    ]
    assert failed == ["broken.ingest", "staging"]
    (told,) = (record.message for record in caplog.records if record.message.startswith("Kho dữ liệu, "))
    assert "- broken.ingest\n- staging\n" in told
    assert rows(two_systems, "select 1 from ledger.release") == []
    found = {job: last for job, (last,) in ends(two_systems).items()}
    assert {job: last["eventType"] for job, last in found.items()} == {
        "broken.fetch": "COMPLETE", "broken.load": "FAIL", "sound.fetch": "COMPLETE", "sound.load": "COMPLETE",
        "check_exports": "COMPLETE", "staging": "FAIL",
    }  # fmt: skip
    assert names(found["sound.fetch"]["inputs"]) == {"sound.permits"}
    assert names(found["sound.load"]["outputs"]) == {"raw.sound__permits"}
    (judged,) = [each for each in found["check_exports"]["inputs"] if each["name"] == "raw.sound__permits"]
    assertions = judged["inputFacets"]["dataQualityAssertions"]["assertions"]
    assert assertions and all(each["success"] for each in assertions)


def test_what_was_fetched_before_a_failure_is_loaded_and_both_failures_are_told(
    two_systems: Settings,
) -> None:
    of_sound = two_systems.project / "contracts" / "sound"
    for name in ("absent", "unloadable"):
        text = (of_sound / "permits.yaml").read_text()
        (of_sound / f"{name}.yaml").write_text(text.replace("sound.permits", f"sound.{name}"))
    text = (of_sound / "absent.yaml").read_text()
    (of_sound / "absent.yaml").write_text(text.replace("path: sound/permits", "path: sound/absent"))
    with connect(two_systems, "kho_loader") as connection:
        connection.execute("create table raw.sound__unloadable (code text)")
    with pytest.raises(RuntimeError, match=r"sound\.absent: [\s\S]*\nsound\.unloadable: "):
        night.ingest_system(two_systems, "sound", NIGHT)
    states = rows(two_systems, "select contract, state from ledger.batch")
    assert states == [{"contract": "sound.permits", "state": "pending"}]


def test_what_was_fetched_before_is_loaded_whatever_keeps_a_fetch_from_beginning(
    two_systems: Settings,
) -> None:
    night.fetch_system(two_systems, "sound", NIGHT)
    (two_systems.home / "connections.json").write_text("[")
    with pytest.raises(ValueError):
        night.ingest_system(two_systems, "sound", NIGHT)
    states = rows(two_systems, "select contract, state from ledger.batch")
    assert states == [{"contract": "sound.permits", "state": "pending"}]


def test_a_night_can_do_every_step_that_it_has(two_systems: Settings) -> None:
    assert {step.name for step in night.STEPS} == {task.step.name for task in night.tasks(two_systems)}
    with pytest.raises(ValueError, match="no step"):
        night.do(two_systems, "rest", NIGHT)


@pytest.mark.parametrize("day", [date.min, date(1999, 12, 31), date.today() + timedelta(3), date.max])
def test_a_date_that_no_night_loads_up_to_is_refused(two_systems: Settings, day: date) -> None:
    with pytest.raises(ValueError, match=f"{day} is no business date"):
        night.run(two_systems, day)
    typed = CliRunner().invoke(app, ["run", "--date", str(day)])
    assert typed.exit_code == 2 and "is no business date" in typed.output
    assert rows(two_systems, "select 1 from ledger.delivery") == []


def test_a_catalogue_that_can_not_be_written_hurts_no_night(
    warehouse: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    (warehouse.home / "dictionary").write_text("a file where the folder should be")
    night.do(warehouse, "upkeep", NIGHT)
    assert "the catalogue could not be written" in caplog.text
