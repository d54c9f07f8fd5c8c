"""Events of OpenLineage: whole, in a file and at a server, and no harm to what they tell of."""

from __future__ import annotations

import json
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from dbt.contracts.graph.manifest import Manifest

from kho import events
from kho.cli.form import Code
from kho.cli.report import PAPER
from kho.events import papers
from kho.events.model import table, told
from kho.events.night import named
from kho.settings import Settings
from kho.transform.project import read
from tests.events import ends, names
from tests.events import told as all_told

NIGHT = date(2021, 6, 30)


class Refuses(Exception):
    pass


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def server() -> Iterator[tuple[str, list[dict]]]:
    """A server that takes events, and what it was given."""
    given: list[dict] = []

    class Takes(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            given.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(201)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Takes) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}/api/v1/lineage", given
        running.shutdown()
        thread.join()


def test_a_run_ends_as_what_was_done_in_it(settings: Settings) -> None:
    with events.run(
        settings, "good", NIGHT, tell=lambda run: run.outputs.append(told(table("raw", "a")))
    ) as run:
        run.part("warehouse.b", [table("raw", "a")], table("warehouse", "b"))
        run.part("warehouse.c", [], table("warehouse", "c"), failure="division by zero")
    for job, error, given_up in (
        ("bad", ValueError, ()),
        ("waits", Refuses, (Refuses,)),
        ("killed", KeyboardInterrupt, ()),
    ):
        with pytest.raises(error), events.run(settings, job, NIGHT, given_up=given_up):
            raise error("so it is")
    found = {job: each for job, (each,) in ends(settings).items()}
    assert {job: each["eventType"] for job, each in found.items()} == {
        "good": "COMPLETE", "warehouse.b": "COMPLETE", "warehouse.c": "FAIL", "bad": "FAIL", "waits": "ABORT", "killed": "ABORT",
    }  # fmt: skip
    assert names(found["good"]["outputs"]) == {"raw.a"}
    assert found["good"]["run"]["facets"]["nominalTime"]["nominalStartTime"] == "2021-06-30T00:00:00+07:00"
    assert found["warehouse.b"]["run"]["facets"]["parent"]["run"]["runId"] == found["good"]["run"]["runId"]
    assert found["bad"]["run"]["facets"]["errorMessage"]["message"] == "so it is"


def test_a_run_of_a_process_that_was_killed_is_ended_by_the_next_one(settings: Settings) -> None:
    killed = """
import os, pickle, signal, sys
from kho import events
settings = pickle.load(sys.stdin.buffer)
with events.run(settings, "killed"):
    os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", killed], input=pickle.dumps(settings))
    assert done.returncode == -signal.SIGKILL
    assert [each["eventType"] for each in all_told(settings)] == ["START"]
    with events.run(settings, "next"):
        assert [each["eventType"] for each in all_told(settings)] == ["START", "ABORT", "START"]
        events.close_left_open(settings)  # what goes on is left alone
    assert {job: each["eventType"] for job, (each,) in ends(settings).items()} == {
        "killed": "ABORT", "next": "COMPLETE",
    }  # fmt: skip


def test_a_server_is_given_what_is_in_the_file(settings: Settings, server: tuple[str, list[dict]]) -> None:
    url, given = server
    settings = settings.model_copy(update={"openlineage_url": url})
    with events.run(settings, "good", NIGHT) as run:
        run.part("warehouse.b", [], table("warehouse", "b"))
    assert given == all_told(settings) and len(given) == 4


def test_a_server_that_is_not_there_hurts_nobody(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings = settings.model_copy(update={"openlineage_url": "http://127.0.0.1:9/gone"})
    with events.run(settings, "good"):
        pass
    assert [record.levelname for record in caplog.records if "does not take events" in record.message] == [
        "WARNING"
    ]
    assert set(ends(settings)) == {"good"}


def test_what_can_not_be_told_hurts_nobody(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    settings.home.mkdir()
    (settings.home / "openlineage").write_text("a file where the folder should be")
    with events.run(settings, "good", tell=lambda run: run.inputs.append(1 / 0)):
        done = True
    assert done and "could not be told" in caplog.text


def test_old_files_go(settings: Settings) -> None:
    folder = settings.home / "openlineage"
    folder.mkdir(parents=True)
    for day in ("2020-01-01", "2999-01-01"):
        (folder / f"{day}.jsonl").touch()
    with events.run(settings, "good"):
        pass
    assert {path.stem for path in folder.glob("*.jsonl")} >= {"2999-01-01"}
    assert not (folder / "2020-01-01.jsonl").exists()


def test_data_is_named_by_its_schema_and_never_by_a_release(project: Settings) -> None:
    manifest: Manifest = read(project)
    for key, node in {**manifest.nodes, **manifest.sources}.items():
        if node.resource_type in ("model", "seed", "source"):
            schema = {"release": "marts"}.get(node.schema, node.schema)
            assert named(key).name == f"{schema}.{node.name}", key


def test_a_paper_is_made_of_the_marts_of_its_exposure(project: Settings, settings: Settings) -> None:
    for paper in (PAPER, *(code.paper for code in Code)):
        with events.run(settings, paper, tell=papers.of(project, paper)):
            pass
    found = ends(settings)
    assert {"marts.dossier_settlement", "marts.figure_scope"} <= names(found["form_II_06"][0]["inputs"])
    assert "marts.report_figure" in names(found[PAPER][0]["inputs"])
    assert names(found["form_766"][0]["outputs"]) == {"papers.form_766"}
