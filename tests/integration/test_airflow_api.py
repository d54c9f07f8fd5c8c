"""Airflow's API when it is not well: asked again for a while, and then told without a traceback."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kho.cli import app
from kho.server import airflow, processes
from kho.settings import Settings

NIGHT = date(2021, 1, 31)


@pytest.fixture
def unwell(tmp_path: Path) -> Iterator[tuple[Settings, list[tuple[str, str]], Callable[[int], None]]]:
    """A server that answers as Airflow's does to who logs in, what it was asked, and how to make it fail so many times."""
    asked: list[tuple[str, str]] = []
    failures = [0]

    class Answers(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            asked.append((f"{self.command} {self.path}", body))
            failures[0] -= 1
            self.send_response(500 if failures[0] >= 0 else 200)
            self.end_headers()
            self.wfile.write(json.dumps({"access_token": "t", "state": "running"}).encode())

        do_GET = do_POST = answer

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    (tmp_path / "ports.json").write_text(json.dumps({"airflow": server.server_port}))
    yield Settings(home=tmp_path), asked, lambda times: failures.__setitem__(0, times)
    server.shutdown()


def test_an_api_that_answers_with_errors_for_a_while_is_asked_again(unwell) -> None:
    settings, asked, fail = unwell
    fail(1)
    with airflow.Api(settings) as api:
        fail(1)
        assert api.state("a night") == "running"
        fail(1)
        run = api.trigger(NIGHT)
    triggered = [json.loads(body) for path, body in asked if path.endswith("/dagRuns")]
    assert [each["dag_run_id"] for each in triggered] == [
        run,
        run,
    ]  # one night, however often it is asked for
    assert triggered[0]["conf"] == {"business_date": str(NIGHT)}


def test_one_that_answers_nothing_else_is_told_with_where_to_look(unwell) -> None:
    settings, _, fail = unwell
    fail(1000)
    with pytest.raises(airflow.NoAnswer, match=r"500.*api-server\.log"):
        airflow.Api(settings, patience=0.1)
    assert not any(airflow.health(settings).values())
    fail(0)  # it answers, though not as Airflow does
    assert not any(airflow.health(settings).values())


def test_what_was_never_started_is_told_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KHO_HOME", str(tmp_path))
    assert processes.fallen(Settings(home=tmp_path)) is None
    told = CliRunner().invoke(app, ["run", "--date", str(NIGHT)])
    assert told.exit_code == 1 and "Airflow does not run: start it with `kho up`" in told.output
