"""Killed anywhere, run again: the night ends in the same tables, and no row was lost in between.

Each case kills a real process with SIGKILL at a random moment of a seeded sequence: the loader, dbt or PostgreSQL.
Three cases by default, one of each; `--faults 20` for more.
"""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path

import psutil
import pytest

from kho.server import postgres
from kho.settings import Settings
from tests.nights.conftest import NIGHTS, copy_of, finish, start_night
from tests.snapshot import lost_rows, snapshot

SEED = 20210630
VICTIMS = {
    "loader": ("fetch", "load"),
    "dbt": ("staging", "warehouse", "marts"),
    "postgres": ("load", "warehouse", "publish"),
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        metafunc.parametrize("case", range(metafunc.config.getoption("faults")))


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
