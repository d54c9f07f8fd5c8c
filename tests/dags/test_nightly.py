"""The Dag is there, whole, and cheap to parse: no database, no connection, nothing heavy imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from kho import night
from kho.database import LOCK_WAIT
from kho.publish import release
from kho.settings import Settings

# In a process of its own, as the Dag processor does; audit events tell every connection from Python.
PARSE = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
before, connected = set(sys.modules), []
sys.addaudithook(lambda event, _: connected.append(event) if event in ("socket.connect", "sqlite3.connect") else None)
bag = DagBag(sys.argv[1])
print(json.dumps({
    "errors": bag.import_errors,
    "connected": connected,
    "imported": sorted({name.partition(".")[0] for name in set(sys.modules) - before}),
    "dags": {dag.dag_id: {
        "downstream": {task.task_id: sorted(task.downstream_task_ids) for task in dag.tasks},
        "rules": {task.task_id: str(task.trigger_rule.value) for task in dag.tasks},
        "retries": {task.task_id: task.retries for task in dag.tasks},
        "seconds": {task.task_id: task.execution_timeout.total_seconds() for task in dag.tasks},
        "dagrun_seconds": dag.dagrun_timeout.total_seconds(),
        "teardown": [task.task_id for task in dag.tasks if task.is_teardown],
        "max_active_runs": dag.max_active_runs, "catchup": dag.catchup,
        "timetable": dag.timetable.serialize(),
    } for dag in bag.dags.values()},
}))
"""


@pytest.fixture(scope="module")
def project() -> Path:
    return Settings().project


def parse(project: Path, home: Path, **environment: str) -> dict:
    ran = subprocess.run(
        [sys.executable, "-c", PARSE, str(project / "dags")],
        env={
            **os.environ,
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            **environment,
        },
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def bag(project: Path, tmp_path_factory: pytest.TempPathFactory) -> dict:
    return parse(project, tmp_path_factory.mktemp("airflow"))


def test_the_bag_holds_the_nightly_dag_without_errors(bag: dict) -> None:
    assert bag["errors"] == {}
    assert "nightly" in bag["dags"]


def test_parsing_opens_no_connection_and_imports_nothing_heavy(bag: dict) -> None:
    assert bag["connected"] == []
    heavy = {"great_expectations", "dbt", "pandas", "numpy", "psycopg", "psycopg2", "asyncssh", "lxml"}
    assert heavy.isdisjoint(bag["imported"])


def test_the_night_is_wired_as_designed(bag: dict, project: Path) -> None:
    systems = night.systems(Settings())
    assert systems == sorted(folder.name for folder in (project / "contracts").iterdir() if folder.is_dir())
    wanted: dict[str, list[str]] = {"tell_people": []}
    chain = [
        "check_exports",
        "staging",
        "warehouse",
        "marts",
        "check_marts",
        "publish",
        "upkeep",
        "tell_people",
    ]
    wanted |= {task: [following] for task, following in pairwise(chain)}
    for system in systems:
        wanted |= {f"{system}.ingest": ["check_exports"]}
    assert bag["dags"]["nightly"]["downstream"] == wanted


def test_the_dag_is_the_night_as_it_is_run_without_it(bag: dict) -> None:
    """The same tasks, each after the same ones, and the same of them run after a failure."""
    dag = bag["dags"]["nightly"]
    tasks = night.tasks(Settings())
    assert dag["downstream"].keys() == {task.task_id for task in tasks}
    done: set[str] = set()
    for task in tasks:
        waits_for = {before for before, following in dag["downstream"].items() if task.task_id in following}
        assert waits_for == set(task.waits_for) <= done
        assert task.step.runs_after_failure == (dag["rules"][task.task_id] != "all_success")
        done.add(task.task_id)


def test_a_failing_source_stops_nobody_and_telling_always_runs(bag: dict) -> None:
    dag = bag["dags"]["nightly"]
    assert dag["rules"]["check_exports"] == "all_done"
    after = ("staging", "warehouse", "marts", "check_marts", "publish")
    assert {dag["rules"][task] for task in after} == {"all_success"}
    assert dag["teardown"] == ["upkeep", "tell_people"]
    assert all(retries > 0 for retries in dag["retries"].values())


def test_no_task_waits_for_ever_and_a_night_ends_before_the_next(bag: dict) -> None:
    dag = bag["dags"]["nightly"]
    longest = {task.task_id: task.step.hours * 3600 for task in night.tasks(Settings())}
    assert dag["seconds"] == longest
    assert dag["dagrun_seconds"] < timedelta(days=1).total_seconds()
    # One try of each, one after the other, where none waits for another of its system.
    of_each = sum({task.step.name: longest[task.task_id] for task in night.tasks(Settings())}.values())
    assert of_each < dag["dagrun_seconds"]
    # What a step waits for itself ends sooner, and says who kept it waiting.
    assert max(LOCK_WAIT, release.PATIENCE).total_seconds() < min(longest.values())


def test_the_night_starts_at_the_configured_hour_of_vietnam(project: Path, tmp_path: Path, bag: dict) -> None:
    dag = bag["dags"]["nightly"]
    timetable = dag["timetable"]
    assert (timetable["expression"], timetable["timezone"]) == ("0 2 * * *", "Asia/Ho_Chi_Minh")
    assert (dag["max_active_runs"], dag["catchup"]) == (1, False)
    later = parse(project, tmp_path, KHO_NIGHT_AT="23:45")["dags"]["nightly"]["timetable"]
    assert later["expression"] == "45 23 * * *"
