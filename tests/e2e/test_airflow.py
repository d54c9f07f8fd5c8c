"""A night under Airflow's real processes, triggered through its REST API; and what happens when processes die."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import pytest

from kho import night
from kho.database import connect
from kho.ledger import releases
from kho.server import airflow, processes
from kho.settings import Settings
from tests.checkout import client, command, eventually, kho, ours
from tests.e2e.conftest import NIGHT, Typed
from tests.faults.__main__ import strike
from tests.faults.installation import Installation, Night
from tests.faults.kinds import KINDS
from tests.faults.reader import Reader
from tests.mailbox import subject_and_text
from tests.pages import of_state
from tests.snapshot import lost_rows, snapshot

pytestmark = pytest.mark.e2e

WENT_WRONG = Path("docs/a-night-went-wrong.md")


def of_each(settings: Settings, ask: Callable[[psutil.Process], Any]) -> list[Any]:
    """What each of our processes answers; Airflow's helpers come and go."""
    answers = []
    for process in ours(settings):
        with suppress(psutil.Error):
            answers.append(ask(process))
    return answers


def pid(settings: Settings, name: str) -> int:
    return processes._supervisor(settings).getProcessInfo(name)["pid"]


def pids(settings: Settings) -> dict[str, int]:
    return {name: pid(settings, name) for name in ("postgres", *processes.AIRFLOW, "samples")}


def runs_of(settings: Settings, state: str) -> list[str]:
    with psycopg.connect(settings.admin_url("airflow")) as connection:
        found = connection.execute("select run_id from dag_run where state = %s", [state]).fetchall()
    return [run for (run,) in found]


def test_a_night_under_the_scheduler_ends_in_a_release(walked: list[Typed], running: Settings) -> None:
    (ran,) = (each for each in walked if f"--to {NIGHT}" in each.block.text)
    assert ran.returncode == 0, ran.output
    # As the page says that days are made up for, from another one on.
    (made_up,) = of_state("days-missing", WENT_WRONG)
    assert made_up.text.strip() == f"kho run --from 2021-01-01 --to {NIGHT}"
    for step in [
        *(f"{system}.ingest" for system in night.systems(running)),
        "check_exports",
        *night.LAYERS,
        "check_marts",
        "publish",
        "upkeep",
        "tell_people",
    ]:
        assert f"✓ {step}" in ran.output
    # Before it the days were made up for, one by one.
    assert "Exports by day" in ran.output
    with connect(running, "kho_auditor") as ledger:
        (day,) = ledger.execute(
            "select business_date from ledger.release where state = 'in_force'"
        ).fetchone()
        assert day == NIGHT
        sources = ledger.execute(
            "select contract, rows_in_file, rows_loaded, rows_rejected, rows_skipped from ledger.build_source"
        ).fetchall()
    for contract, in_file, loaded, rejected, skipped in sources:
        assert in_file == loaded + rejected + skipped
        assert contract in ran.output
    with connect(running, "bi_reader") as reader:
        assert reader.execute("select count(*) from marts.report_figure").fetchone()[0] > 0
    with airflow.Api(running) as api:
        assert api.import_errors() == []
    (mail,) = ran.letters
    assert "số liệu đến hết ngày 30/06/2021: đã phát hành bản" in subject_and_text(mail)[0]


def test_a_night_that_is_run_again_does_nothing_twice(released: Settings) -> None:
    """As the page says that ends every repair; struck at some steps as well, as `make faults` strikes whole nights."""
    (block,) = of_state("any-state", WENT_WRONG)
    assert block.text.strip() == f"kho run --date {NIGHT}"
    before, tables = releases.in_force(released), snapshot(released, "raw", "reject", "warehouse")
    reader = Reader(released)
    again = subprocess.Popen(
        command(*shlex.split(block.text)[1:]),
        env=client(released),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert eventually(lambda: runs_of(released, "running"))
    night = Night(released, runs_of(released, "running")[0])
    faults = [("warehouse", KINDS["postgres_killed"]), ("check_marts", KINDS["killed"])]
    here = Installation(released, released.home, is_small=False, environment={})
    strikes = strike(here, night, faults, {"warehouse": 1, "check_marts": 1}, "again")
    told, _ = again.communicate(timeout=600)
    reader.stop()
    assert again.returncode == 0, told
    assert [each.step for each in strikes] == ["warehouse", "check_marts"]
    now = releases.in_force(released)
    assert before and now and now.release_id > before.release_id
    assert not lost_rows(released) and snapshot(released, "raw", "reject", "warehouse") == tables
    assert reader.answered and not reader.wrong, reader.wrong


def test_status_tells_the_release_and_where_to_look(released: Settings) -> None:
    told = kho(released, "status")
    assert told.returncode == 0, told.stdout + told.stderr
    for wanted in (
        airflow.url(released),
        airflow.console_url(released),
        str(released.home / "secrets" / airflow.PASSWORD),
        "Release in force: ",
        "one_stop.dossiers",
    ):
        assert wanted in told.stdout
    assert str(released.home / "data_docs" / "index.html") in told.stdout


def test_psql_opens_as_the_role_asked_for(running: Settings) -> None:
    told = kho(running, "psql", "--role", "bi_reader", "--", "-Atc", "select current_user")
    assert told.stdout.strip() == "bi_reader", told.stderr
    refused = kho(running, "psql", "--role", "bi_reader", "--", "-Atc", "select * from ledger.batch")
    assert refused.returncode != 0
    assert "permission denied" in refused.stderr
    assert kho(running, "psql", "--role", "nobody").returncode == 2


def test_everything_listens_on_loopback_only(running: Settings) -> None:
    sockets = chain.from_iterable(of_each(running, lambda process: process.net_connections("inet")))
    listening = [each.laddr.ip for each in sockets if each.status == psutil.CONN_LISTEN]
    assert len(listening) >= 4
    assert set(listening) <= {"127.0.0.1", "::1"}


def test_airflow_lets_nobody_in_without_a_password(running: Settings) -> None:
    assert httpx.get(f"{airflow.url(running)}/api/v2/dags").status_code == 401
    guess = {"username": airflow.USER, "password": "admin"}
    assert httpx.post(f"{airflow.url(running)}/auth/token", json=guess).status_code == 401


def test_secrets_are_for_their_owner_only(running: Settings) -> None:
    secret = [*(running.home / "secrets").iterdir(), running.home / "supervisord.conf"]
    secret += [airflow.folder(running) / "airflow.cfg", running.home / "connections.json"]
    for path in secret:
        assert path.stat().st_mode & 0o077 == 0, path
    commands = "\n".join(of_each(running, lambda process: " ".join(process.cmdline())))
    told = kho(running, "status").stdout
    for path in (running.home / "secrets").iterdir():
        assert path.read_text().strip() not in commands + told, path
    made = [path for name in ("archive", "dbt", "logs") for path in (running.home / name).rglob("*")]
    # Links lead to the project, which everybody may read.
    files = [path for path in made if path.is_file() and not path.is_symlink()]
    assert [path for path in files if path.stat().st_mode & 0o077] == []


def test_workers_have_imported_what_nights_need_before_tasks_are_forked_from_them(running: Settings) -> None:
    def has_pandas(process: psutil.Process) -> bool | None:
        is_worker = "airflow worker" in " ".join(process.cmdline())
        return any("/pandas/" in each.path for each in process.memory_maps()) if is_worker else None

    answers = [each for each in of_each(running, has_pandas) if each is not None]
    assert answers and all(answers)


@pytest.mark.parametrize("python", ["python", "python3"])
def test_up_again_leaves_what_runs_alone_whichever_name_its_python_has(
    running: Settings, python: str
) -> None:
    before = pids(running)
    again = kho(running, "up", python=python)
    assert again.returncode == 0, again.stdout + again.stderr
    assert again.stdout.splitlines()[-1] == f"Console: {airflow.console_url(running)}"
    assert pids(running) == before


def test_a_killed_scheduler_and_postgres_come_back_with_every_row_and_airflow_with_them(
    running: Settings,
) -> None:
    with connect(running, "kho_auditor") as ledger:
        before = ledger.execute("select count(*) from ledger.batch").fetchone()
    killed = {name: pid(running, name) for name in ("scheduler", "postgres")}
    for each in killed.values():
        os.kill(each, 9)
    told = kho(running, "status")
    assert "Traceback" not in told.stderr and (told.returncode == 0 or "does not answer" in told.stderr), (
        told.stderr
    )

    def is_back() -> bool:
        try:
            with connect(running, "kho_auditor") as ledger:
                return ledger.execute("select count(*) from ledger.batch").fetchone() == before
        except psycopg.OperationalError:
            return False

    for name, dead in killed.items():
        assert eventually(lambda name=name, dead=dead: pid(running, name) not in (0, dead)), name
    assert eventually(is_back)
    assert eventually(lambda: all(airflow.health(running).values()))


def test_commands_say_what_to_do_when_nothing_runs(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    for typed in (["run"], ["figures", "946", "2021-H1"], ["batch", "list"]):
        told = kho(settings, *typed)
        assert told.returncode == 1
        assert "kho up" in told.stdout + told.stderr
        assert "Traceback" not in told.stdout + told.stderr
