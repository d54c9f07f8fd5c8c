"""Events of OpenLineage: whole, in a file and at a server, and no harm to what they tell of."""

from __future__ import annotations

import copy
import json
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from dbt.contracts.graph.manifest import Manifest

from kho import events
from kho.cli.form import Code
from kho.cli.report import PAPER
from kho.contract import contracts
from kho.dictionary import dictionary
from kho.events import papers
from kho.events.model import Field, judged, of_columns, of_version, table, told
from kho.events.night import built, loaded, named
from kho.ledger.verdicts import Verdict
from kho.night import systems
from kho.settings import Settings
from kho.transform.layers import Made
from kho.transform.lineage import Lineage
from kho.transform.project import read
from tests.conftest import share_manifests
from tests.events import Event, Invalid, ends, fields, names, rebuilt
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


@pytest.fixture
def event(settings: Settings) -> Event:
    """One that has whatever an event of ours can have."""
    verdict = Verdict("marts", NIGHT, "a", "rows_are_there", "critical", "passed", None, None)
    columns = {"b": [Field(table("raw", "a"), "code", is_masked=True)]}

    def tell(run: events.Run) -> None:
        run.inputs.append(judged(table("marts", "a"), [verdict]))
        run.outputs.append(
            told(table("marts", "a"), columnLineage=of_columns(columns), version=of_version(1))
        )

    with events.run(settings, "check_marts", NIGHT, tell=tell):
        pass
    return all_told(settings)[-1]


def test_an_event_is_as_the_published_schemas_have_it(event: Event) -> None:
    assert rebuilt(event).eventType.value == "COMPLETE"
    (made,) = rebuilt(event).outputs[0].facets["columnLineage"].fields["b"].inputFields
    assert (made.name, made.field, made.transformations[0].masking) == ("raw.a", "code", True)


@pytest.mark.parametrize(
    "break_it",
    [
        lambda event: event.pop("eventTime"),
        lambda event: event.pop("producer"),
        lambda event: event.update(eventTime="today"),
        lambda event: event.update(eventType="DONE"),
        lambda event: event.update(night="2021-06-30"),
        lambda event: event.update(schemaURL="https://openlineage.io/spec/1-0-0/OpenLineage.json"),
        lambda event: event.update(producer="kho"),
        lambda event: event["run"].update(runId="1"),
        lambda event: event["job"].pop("namespace"),
        lambda event: event["run"]["facets"]["nominalTime"].pop("nominalStartTime"),
        lambda event: event["run"]["facets"]["nominalTime"].pop("_schemaURL"),
        lambda event: event["run"]["facets"]["nominalTime"].update(nominalStartTime="2021-06-30"),
        lambda event: event["run"]["facets"].update(version=event["outputs"][0]["facets"]["version"]),
        lambda event: event["outputs"][0]["facets"]["version"].update(datasetVersion=1),
        lambda event: event["inputs"][0].pop("name"),
        lambda event: event["inputs"][0].update(rows=1),
        lambda event: assertion(event).update(success="yes"),
        lambda event: assertion(event).update(outcome="passed"),
        lambda event: assertion(event).pop("assertion"),
        lambda event: field(event).pop("field"),
        lambda event: field(event).update(column="code"),
        lambda event: field(event).update(transformations=[{"subtype": "HASH"}]),
        lambda event: event["outputs"][0]["facets"]["columnLineage"].update(fields=[]),
    ],
)
def test_an_event_that_is_otherwise_is_found(event: Event, break_it: Callable[[Event], object]) -> None:
    broken = copy.deepcopy(event)
    break_it(broken)
    with pytest.raises(Invalid):
        rebuilt(broken)


def assertion(event: Event) -> Event:
    return event["inputs"][0]["inputFacets"]["dataQualityAssertions"]["assertions"][0]


def field(event: Event) -> Event:
    return event["outputs"][0]["facets"]["columnLineage"]["fields"]["b"]["inputFields"][0]


@pytest.fixture
def built_all(project: Settings, settings: Settings) -> dict[str, Event]:
    """The last events of a night that builds every model, by what they write."""
    share_manifests(settings.home)
    manifest: Manifest = read(project)
    made = [
        Made(key, tuple(node.depends_on.nodes) if node.resource_type == "model" else (), None)
        for key, node in manifest.nodes.items()
        if node.resource_type in ("model", "seed")
    ]
    with events.run(settings, "all") as run:
        built(settings, run, made)
    return {job: last for job, (last,) in ends(settings).items() if job != "all"}


@pytest.mark.slow
def test_what_columns_are_made_from_is_what_the_job_reads(
    built_all: dict[str, Event], known: Lineage
) -> None:
    for name, event in built_all.items():
        (output,) = event["outputs"]
        if name.startswith("seed."):
            assert output["facets"] == {}
            continue
        made = fields(output)
        assert {each for of in made.values() for _, each, _ in of} <= names(event["inputs"]), name
        assert {column.name for column in known.tables[name.partition(".")[2]].columns} <= made.keys(), name
    assert ("kho", "warehouse.fct_dossier", "returned_at") in fields(
        built_all["marts.morning_list"]["outputs"][0]
    )["reason"]


@pytest.mark.slow
def test_events_lead_from_a_mart_to_the_headers_that_the_dictionary_names(
    built_all: dict[str, Event], known: Lineage, project: Settings
) -> None:
    """Column by column, through the events of the layers and of the loads."""
    loads = events.Run("load")
    for system in systems(project):
        loaded(project, system)(loads)
    written = [*loads.outputs, *(each["outputs"][0] for each in built_all.values())]
    made = {each["name"]: fields(each) for each in written if each["facets"]}

    def headers(name: str, column: str, seen: set[tuple[str, str]]) -> set[tuple[str, str]]:
        found: set[tuple[str, str]] = set()
        for namespace, parent, field in made.get(name, {}).get(column, ()):
            if namespace == "archive":
                found.add((parent, field))
            elif (parent, field) not in seen:
                seen.add((parent, field))
                found |= headers(parent, field, seen)
        return found

    told = {
        (entry.table.name, column): {(each.source, each.header) for each in of}
        for entry in dictionary(project, known).tables
        for column, of in entry.headers.items()
    }
    assert len(told) > 800 and sum(map(bool, told.values())) > 300
    for (mart, column), of in told.items():
        name = named(f"model.kho.{mart}").name
        assert headers(name, column, set()) == of, (mart, column)


def test_what_is_told_of_a_column_of_persons_does_not_tell_it(project: Settings) -> None:
    hashed = [
        (contract, column)
        for contract in contracts(project).values()
        for column in contract.columns
        if column.keys.personal_data
    ]
    assert {column.keys.personal_data for _, column in hashed} == {"drop", "hash"}
    for contract, column in hashed:
        loads = events.Run("load")
        loaded(project, contract.system)(loads)
        (output,) = [each for each in loads.outputs if each["name"] == f"raw.{contract.raw_table}"]
        told = output["facets"]["columnLineage"]["fields"].get(column.name)
        if column.keys.personal_data == "drop":
            assert told is None
        else:
            assert told["inputFields"][0]["transformations"][0]["masking"] is True


def test_a_layer_is_told_of_where_nobody_can_say_what_its_columns_are_made_from(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere = settings.model_copy(update={"project": tmp_path / "nowhere"})
    with events.run(settings, "marts") as run:
        built(nowhere, run, [Made("model.kho.report_figure", (), None)])
    (told,) = ends(settings)["marts.report_figure"]
    assert told["eventType"] == "COMPLETE" and told["outputs"][0]["facets"] == {}
    assert "events tell of no columns" in caplog.text
