"""One home with Airflow's real processes, for all tests of this folder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import date

import pytest

from kho import release
from kho.server import airflow, postgres, processes
from kho.settings import Settings
from tests.mailbox import Mailbox, mailbox

NIGHT = date(2021, 2, 15)
CLIENT = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def kho(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line, as a person uses it."""
    script = "from kho.cli import app; app()"
    return subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env=os.environ | CLIENT | {"KHO_HOME": str(settings.home), "COLUMNS": "120"},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )


@pytest.fixture(scope="package")
def letters() -> Iterator[Mailbox]:
    """Where the digests of `running` arrive."""
    with mailbox() as box:
        yield box


@pytest.fixture(scope="package")
def running(tmp_path_factory: pytest.TempPathFactory, letters: Mailbox) -> Iterator[Settings]:
    """A home with a small sample and everything running, started by `kho up`."""
    settings = Settings(home=tmp_path_factory.mktemp("running") / "home")
    settings.home.mkdir()
    (settings.home / "config.toml").write_text(
        f'smtp_host = "127.0.0.1"\nsmtp_port = {letters.port}\ndigest_to = "vanphong@example.vn"\n'
    )
    sample = kho(settings, "sample", "--scale", "0.02")
    assert sample.returncode == 0, sample.stdout + sample.stderr
    up = kho(settings, "up")
    try:
        assert up.returncode == 0, up.stdout + up.stderr
        assert airflow.url(settings) in up.stdout
        yield settings
    finally:
        processes.down(settings)
        postgres.remove(settings)


@pytest.fixture(scope="module")
def released(running: Settings) -> Settings:
    """The same home with everything running and a release in force, whatever tests before did to it."""
    up = kho(running, "up")
    assert up.returncode == 0, up.stdout + up.stderr
    if release.in_force(running) is None:
        ran = kho(running, "run", "--date", NIGHT.isoformat())
        assert ran.returncode == 0, ran.stdout + ran.stderr
    return running
