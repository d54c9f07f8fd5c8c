"""Killed anywhere, run again: the night ends in the same tables, and no row was lost in between.

Each case kills a real process with SIGKILL at a random moment of a seeded sequence: the loader, dbt or PostgreSQL.
Five cases by default; `--faults 20` for more.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
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
    kho = Path(sys.executable).with_name("kho")
    subprocess.run([kho, "sample", "--scale", SCALE], env=environment, check=True)
    servers = subprocess.Popen([sys.executable, "-m", "kho.sample.servers"], env=environment)
    while not (own_server.home / "connections.json").exists():
        assert servers.poll() is None
        time.sleep(0.1)
    yield own_server
    servers.terminate()
    servers.wait(10)


@pytest.fixture(scope="module")
def after_first_night(sources: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A warehouse with one good night behind it: every case starts from a copy."""
    home = tmp_path_factory.mktemp("first")
    for settings in fresh_warehouse(sources, home):
        for shared in ("exports", "connections.json"):
            (home / shared).symlink_to(sources.home / shared)
        finish(settings, NIGHTS[0], home / "progress")
        yield settings


def copy_of(first: Settings, server: Settings, home: Path) -> Iterator[Settings]:
    shutil.copytree(first.home, home, symlinks=True)
    yield from fresh_warehouse(server, home, first.warehouse_database)


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
    after_first_night: Settings, sources: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[dict, dict[str, float]]]:
    """What the second night ends in when nothing happens, and how long its steps take."""
    home = tmp_path_factory.mktemp("undisturbed") / "home"
    for settings in copy_of(after_first_night, sources, home):
        steps = finish(settings, NIGHTS[1], home / "progress")
        assert not lost_rows(settings)
        yield snapshot(settings), steps


def test_a_night_that_is_killed_and_run_again_ends_in_the_same_tables(
    undisturbed: tuple[dict, dict[str, float]],
    after_first_night: Settings,
    sources: Settings,
    tmp_path: Path,
    case: int,
) -> None:
    expected, steps = undisturbed
    chance = random.Random(SEED + case)
    victim = list(VICTIMS)[case % len(VICTIMS)]
    step = chance.choice(VICTIMS[victim])
    progress = tmp_path / "progress"
    for settings in copy_of(after_first_night, sources, tmp_path / "home"):
        published = snapshot(settings, "marts")
        process = start_night(settings, NIGHTS[1], progress)
        _wait_for(step, progress, process)
        time.sleep(chance.uniform(0, steps[step]))
        _kill(victim, process, sources)
        assert not lost_rows(settings), f"after killing {victim} in {step}"
        if step != "publish":
            assert snapshot(settings, "marts") == published, f"after killing {victim} in {step}"
        finish(settings, NIGHTS[1], progress)
        assert not lost_rows(settings)
        assert snapshot(settings) == expected, f"after killing {victim} in {step}"


def _wait_for(step: str, progress: Path, process: BaseProcess) -> None:
    deadline = time.monotonic() + 120
    while not progress.exists() or f"{step} " not in progress.read_text():
        assert process.is_alive() and time.monotonic() < deadline, f"the night never came to {step}"
        time.sleep(0.01)


def _kill(victim: str, process: BaseProcess, server: Settings) -> None:
    if victim == "postgres":
        postmaster = psutil.Process(
            int((server.home / "postgres" / "data" / "postmaster.pid").read_text().split()[0])
        )
        for each in [postmaster, *postmaster.children(recursive=True)]:
            each.send_signal(signal.SIGKILL)
        process.join(120)
        postgres.start(server)
    else:
        process.kill()
        process.join(10)
