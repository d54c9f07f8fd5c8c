"""`kho bi` beside a running Kho: only where Superset's environment is named (`make dashboards`)."""

from __future__ import annotations

import os
from pathlib import Path

import httpx
import pytest

from kho.server import processes, superset
from kho.settings import Settings
from tests.checkout import eventually, kho

ENVIRONMENT = os.environ.get("KHO_TESTS_SUPERSET", "")

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not ENVIRONMENT, reason="Superset's environment is not named (make dashboards)"),
]


def test_dashboards_are_served_from_bi_up_to_bi_down_and_kho_up_keeps_to_that(released: Settings) -> None:
    superset.folder(released).mkdir()
    (superset.folder(released) / "venv").symlink_to(Path(ENVIRONMENT).absolute())

    before = kho(released, "bi", "status")
    assert before.returncode == 1 and "kho bi up" in before.stderr

    up = kho(released, "bi", "up")
    assert up.returncode == 0, up.stdout + up.stderr
    assert superset.url(released) in up.stdout and "superset_admin" in up.stdout
    assert eventually(lambda: is_served(released))
    status = kho(released, "bi", "status")
    assert status.returncode == 0 and "superset  pid" in status.stdout

    again = kho(released, "bi", "up")
    assert again.returncode == 0, again.stdout + again.stderr
    assert is_served(released), "what had not changed was started anew"

    down = kho(released, "bi", "down")
    assert down.returncode == 0 and not is_served(released)
    assert kho(released, "up").returncode == 0
    assert not is_served(released) and processes.states(released)[superset.NAME] == "stopped"


def is_served(settings: Settings) -> bool:
    try:
        return httpx.get(f"{superset.url(settings)}/health").text == "OK"
    except (httpx.HTTPError, LookupError):
        return False
