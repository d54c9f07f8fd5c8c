"""What is left of processes that were killed, and the end: behind all others, so that nothing has to start again."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from kho.settings import Settings
from tests.checkout import kho, ours
from tests.e2e.conftest import Fallen
from tests.pages import of_state

pytestmark = pytest.mark.e2e


def test_what_a_killed_supervisor_left_is_told_and_cleared_by_up(fallen: Fallen) -> None:
    assert fallen.told.returncode == 1
    assert "supervisord was killed" in fallen.told.stdout, fallen.told.stdout + fallen.told.stderr
    assert len(fallen.left) > 4
    assert fallen.up.returncode == 0, fallen.up.stdout + fallen.up.stderr
    assert [each.text for each in of_state("stopped", Path("docs/a-night-went-wrong.md"))] == ["kho up\n"]
    assert [process for process in fallen.left if _runs(process)] == []


def test_down_stops_all(running: Settings) -> None:
    now = ours(running)
    assert kho(running, "down").returncode == 0
    psutil.wait_procs(now, timeout=10)
    assert [process for process in now if _runs(process)] == []
    told = kho(running, "status")
    assert told.returncode == 1
    assert "kho up" in told.stdout and "killed" not in told.stdout


def _runs(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
