"""A checkout as a newcomer has it, and the commands of `kho` as a person types them there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import psutil

from kho.server import processes
from kho.settings import TIMEZONE, Settings
from tests.pages import PROJECT

#: the systems that are fetched from, over each transport of the sample; of all others the models are built
FETCHED = ("documents", "lookups", "one_stop", "online_services", "portal")
#: no night begins by itself between the tests' own
FAR_FROM_NOW = f"{datetime.now(ZoneInfo(TIMEZONE)) + timedelta(hours=12):%H:%M}"


def client(settings: Settings) -> dict[str, str]:
    """The environment of somebody who works in the checkout after `. .venv/bin/activate`."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("KHO_")}
    modules = [str(settings.project / "src"), *filter(None, sys.path)]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return own | {
        "PATH": path, "PYTHONPATH": os.pathsep.join(modules), "COLUMNS": "120", "KHO_NIGHT_AT": FAR_FROM_NOW
    }  # fmt: skip


def kho(settings: Settings, *arguments: str, python: str = "python") -> subprocess.CompletedProcess[str]:
    """The command line, as a person uses it; the environment's Python has several names."""
    return subprocess.run(
        command(*arguments, python=python),
        env=client(settings),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )


def command(*arguments: str, python: str = "python") -> list[str | Path]:
    return [Path(sys.executable).with_name(python), "-c", "from kho.cli import app; app()", *arguments]


def eventually(is_so: Callable[[], bool], seconds: float = 120) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if is_so():
            return True
        time.sleep(0.5)
    return False


def ours(settings: Settings) -> list[psutil.Process]:
    """Supervisord and all that it has started."""
    top = psutil.Process(processes._supervisor(settings).getPID())
    return [top, *top.children(recursive=True)]


def checked_out(folder: Path) -> Path:
    """The project as a newcomer has it: what git knows or would."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in listed.stdout.splitlines():
        if (PROJECT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, folder / name)
    return folder


def try_again_after(folder: Path, seconds: int) -> None:
    """Let nights wait so long for their retries; of an installation it is 30 seconds, then 60."""
    nightly = folder / "dags" / "nightly.py"
    text = nightly.read_text()
    assert "seconds=30" in text
    nightly.write_text(text.replace("seconds=30", f"seconds={seconds}"))
