"""What is left of processes that were killed, and the end: behind all others, so that nothing has to start again."""

from __future__ import annotations

import os

import psutil
import pytest

from kho.server import processes
from kho.settings import Settings
from tests.e2e.conftest import kho
from tests.e2e.test_airflow import eventually, ours

pytestmark = pytest.mark.e2e


def test_what_a_killed_supervisor_left_is_cleared_by_up_and_down_stops_all(running: Settings) -> None:
    left = ours(running)
    os.kill(left[0].pid, 9)
    assert eventually(lambda: not processes.is_up(running))
    told = kho(running, "status")
    assert told.returncode == 1 and "supervisord was killed" in told.stdout, told.stdout + told.stderr
    again = kho(running, "up")
    assert again.returncode == 0, again.stdout + again.stderr
    assert not [
        process for process in left if process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    ]
    now = ours(running)
    assert kho(running, "down").returncode == 0
    _, alive = psutil.wait_procs(now, timeout=10)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []
    told = kho(running, "status")
    assert told.returncode == 1
    assert "kho up" in told.stdout and "killed" not in told.stdout
