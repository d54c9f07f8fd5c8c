"""Killed anywhere and run again, time after time: a night ends in the same tables, and no row was lost in between.

SIGKILL strikes a real process at a random moment of a seeded sequence: the loader, dbt and PostgreSQL, in one night one
after the other. Three kills by default, all in one night; `--faults 20` for more nights.
"""

from __future__ import annotations

import random
import signal
import time
from itertools import cycle, islice
from multiprocessing.process import BaseProcess
from pathlib import Path

import psutil
import pytest

from kho.night import STEPS
from kho.server import postgres
from kho.settings import Settings
from tests.events import ends
from tests.nights.conftest import NIGHTS, copy_of, finish, start_night
from tests.snapshot import lost_rows, snapshot

SEED = 20210630
VICTIMS = {
    "loader": ("fetch", "load"),
    "dbt": ("staging", "warehouse", "marts"),
    "postgres": ("load", "warehouse", "publish"),
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "victims" in metafunc.fixturenames:
        killed = list(islice(cycle(VICTIMS), metafunc.config.getoption("faults")))
        nights = [killed[first : first + len(VICTIMS)] for first in range(0, len(killed), len(VICTIMS))]
        metafunc.parametrize(("case", "victims"), [*enumerate(nights)])


@pytest.fixture(scope="module")
def undisturbed(after_second_night: tuple[Settings, dict[str, float]]) -> tuple[dict, dict[str, float]]:
    """What the second night ends in when nothing happens, and how long its steps take."""
    settings, seconds = after_second_night
    assert not lost_rows(settings)
    return snapshot(settings), seconds


def test_a_night_that_is_killed_and_run_again_ends_in_the_same_tables(
    undisturbed: tuple[dict, dict[str, float]],
    after_first_night: Settings,
    sources: Settings,
    tmp_path: Path,
    case: int,
    victims: list[str],
) -> None:
    expected, seconds = undisturbed
    chance = random.Random(SEED + case)
    order = ["fetch", "load", *(step.name for step in STEPS)]  # the first two are done in one task
    # As the steps come: each kill strikes a night that got further than the one before.
    kills = sorted(
        ((chance.choice(VICTIMS[victim]), victim) for victim in victims),
        key=lambda kill: order.index(kill[0]),
    )
    progress = tmp_path / "progress"
    for settings in copy_of(after_first_night, sources, tmp_path / "home"):
        published = snapshot(settings, "marts")
        for step, victim in kills:
            process = start_night(settings, NIGHTS[1], progress)
            _wait_for(step, progress, process)
            _linger(chance.uniform(0, seconds[step]), step, progress)
            _kill(victim, process, sources)
            assert not lost_rows(settings), f"after killing {victim} in {step}"
            if step != "publish":
                assert snapshot(settings, "marts") == published, f"after killing {victim} in {step}"
        finish(settings, NIGHTS[1], progress)
        assert not lost_rows(settings)
        assert ends(settings)  # of every run, killed or not
        assert snapshot(settings) == expected, f"after {kills}"


def _wait_for(step: str, progress: Path, process: BaseProcess) -> None:
    deadline = time.monotonic() + 120
    while not progress.exists() or f"{step} " not in progress.read_text():
        assert process.is_alive() and time.monotonic() < deadline, f"the night never came to {step}"
        time.sleep(0.01)


def _linger(seconds: float, step: str, progress: Path) -> None:
    """As long as it took before, but not past the step: it may go faster this time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and progress.read_text().splitlines()[-1].startswith(f"{step} "):
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
        assert process.exitcode == -signal.SIGKILL, "the night was over before it was killed"
