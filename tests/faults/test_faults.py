"""Killed anywhere, run again: the night ends in the same tables, and no row was lost in between.

Each case kills a real process with SIGKILL at a random moment of a seeded sequence: the loader, dbt or PostgreSQL.
Five cases by default; `--faults 20` for more.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from multiprocessing.process import BaseProcess
from pathlib import Path

import psutil
import pytest

from kho.server import postgres
from kho.settings import Settings
from tests.conftest import fresh_warehouse
from tests.snapshot import lost_rows, snapshot

SEED = 20210630
SCALE = "0.01"
NIGHTS = (date(2021, 2, 15), date(2021, 3, 31))
VICTIMS = {
    "loader": ("fetch", "load"),
    "dbt": ("staging", "warehouse", "marts"),
    "postgres": ("load", "warehouse", "publish"),
}

# Children of a server that has imported what a night needs: a night starts at once, and from a clean process.
night_processes = multiprocessing.get_context("forkserver")
night_processes.set_forkserver_preload(
    ["kho.night", "dbt.cli.main", "dbt.adapters.postgres", "great_expectations", "tests.faults.run"]
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        metafunc.parametrize("case", range(metafunc.config.getoption("faults")))


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A server of this module's own: it is killed."""
    settings = Settings(home=tmp_path_factory.mktemp("faults"))
    postgres.start(settings)
    yield settings
    postgres.remove(settings)


@pytest.fixture(scope="module")
def sources(own_server: Settings) -> Iterator[Settings]:
    """The sample exports of a small district, behind real SFTP and HTTP servers."""
    environment = os.environ | {"KHO_HOME": str(own_server.home)}
    subprocess.run([sys.executable, "-m", "kho.cli", "sample", "--scale", SCALE], env=environment, check=True)
    servers = subprocess.Popen([sys.executable, "-m", "kho.sample.servers"], env=environment)
    while not (own_server.home / "connections.json").exists():
        assert servers.poll() is None
        time.sleep(0.1)
    yield own_server
    servers.terminate()
    servers.wait(10)


def home_with_sources(sources: Settings, home: Path) -> Iterator[Settings]:
    for settings in fresh_warehouse(sources, home):
        for shared in ("exports", "connections.json"):
            (home / shared).symlink_to(sources.home / shared)
        yield settings


def start_night(settings: Settings, night: date, progress: Path) -> BaseProcess:
    from tests.faults.run import night_with_progress

    progress.unlink(missing_ok=True)
    process = night_processes.Process(target=night_with_progress, args=(settings, night, progress))
    process.start()
    return process


def finish(settings: Settings, night: date, progress: Path) -> dict[str, float]:
    """A whole night; the seconds that each of its steps took."""
    process = start_night(settings, night, progress)
    process.join(300)
    assert process.exitcode == 0, progress.with_suffix(".log").read_text()[-5000:]
    marks = [line.split() for line in progress.read_text().splitlines()]
    starts = [(step, float(at)) for step, at in marks]
    return {step: after - at for (step, at), (_, after) in pairwise(starts)}


@pytest.fixture(scope="module")
def undisturbed(
    sources: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[dict, dict[str, float]]]:
    """What both nights end in when nothing happens, and how long the steps of the second take."""
    home = tmp_path_factory.mktemp("undisturbed")
    for settings in home_with_sources(sources, home):
        finish(settings, NIGHTS[0], home / "progress")
        steps = finish(settings, NIGHTS[1], home / "progress")
        assert not lost_rows(settings)
        yield snapshot(settings), steps


def test_a_night_that_is_killed_and_run_again_ends_in_the_same_tables(
    undisturbed: tuple[dict, dict[str, float]], sources: Settings, tmp_path: Path, case: int
) -> None:
    expected, steps = undisturbed
    chance = random.Random(SEED + case)
    for settings in home_with_sources(sources, tmp_path / "home"):
        progress = tmp_path / "progress"
        for night in NIGHTS:
            victim = list(VICTIMS)[case % len(VICTIMS)] if night == NIGHTS[1] else None
            if victim:
                step = chance.choice(VICTIMS[victim])
                process = start_night(settings, night, progress)
                _wait_for(step, progress, process)
                time.sleep(chance.uniform(0, steps[step]))
                _kill(victim, process, sources)
                assert not lost_rows(settings), f"after killing {victim} in {step}"
            finish(settings, night, progress)
            assert not lost_rows(settings)
        assert snapshot(settings) == expected


def _wait_for(step: str, progress: Path, process: BaseProcess) -> None:
    deadline = time.monotonic() + 120
    while not progress.exists() or f"{step} " not in progress.read_text():
        assert process.is_alive() and time.monotonic() < deadline, f"the night never came to {step}"
        time.sleep(0.01)


def _kill(victim: str, process: BaseProcess, server: Settings) -> None:
    if victim == "postgres":
        postmaster = psutil.Process(int((server.home / "postgres" / "data" / "postmaster.pid").read_text().split()[0]))
        for each in [postmaster, *postmaster.children(recursive=True)]:
            each.send_signal(signal.SIGKILL)
        process.join(120)
        postgres.start(server)
    else:
        process.kill()
        process.join(10)
