"""One checkout with Airflow's real processes, for all tests of this folder."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from zoneinfo import ZoneInfo

import psutil
import pytest

from kho.ledger import releases
from kho.server import airflow, postgres, processes
from kho.settings import TIMEZONE, Settings
from tests.conftest import share_manifests
from tests.mailbox import Mailbox, mailbox
from tests.pages import PROJECT, Block, blocks
from tests.projects import know, retire

NIGHT = date(2021, 6, 30)
#: the page that adds a source: its night is the one that all tests here look at
PAGE = Path("docs/add-a-source.md")
#: the systems that are fetched from, over each transport of the sample; of all others the models are built
FETCHED = ("documents", "lookups", "one_stop", "online_services", "portal")


@dataclass(frozen=True)
class Typed:
    """A block of the page, typed in the checkout: what it ended with, printed, and what letters came meanwhile."""

    block: Block
    returncode: int
    output: str
    letters: list[EmailMessage]


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


@pytest.fixture(scope="package")
def letters() -> Iterator[Mailbox]:
    """Where the digests of `running` arrive."""
    with mailbox() as box:
        yield box


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


@pytest.fixture(scope="package")
def checkout(shared: Path, read_project: Settings) -> Path:
    """The same with most systems retired: each costs a night seconds."""
    folder = checked_out(shared / "running" / "kho")
    know(folder)
    retire(folder, but=FETCHED)
    try_again_after(folder, seconds=3)
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    subprocess.run(["git", "add", "-A"], cwd=folder, check=True)
    return folder


def try_again_after(folder: Path, seconds: int) -> None:
    """Let nights wait so long for their retries; of an installation it is 30 seconds, then 60."""
    nightly = folder / "dags" / "nightly.py"
    text = nightly.read_text()
    assert "seconds=30" in text
    nightly.write_text(text.replace("seconds=30", f"seconds={seconds}"))


@dataclass(frozen=True)
class Fallen:
    """A supervisord that was killed while Airflow started: what it left, what `kho status` told, what `kho up` did then."""

    left: list[psutil.Process]
    told: subprocess.CompletedProcess[str]
    up: subprocess.CompletedProcess[str]


@pytest.fixture(scope="package")
def installed(checkout: Path, letters: Mailbox) -> Iterator[Settings]:
    """The checkout with a small sample; nothing runs."""
    settings = Settings(project=checkout, home=checkout / ".kho")
    settings.home.mkdir()
    share_manifests(settings.home)
    (settings.home / "config.toml").write_text(
        f'smtp_host = "127.0.0.1"\nsmtp_port = {letters.port}\ndigest_to = "vanphong@example.vn"\n'
    )
    sample = kho(settings, "sample", "--scale", "0.02")
    assert sample.returncode == 0, sample.stdout + sample.stderr
    _thin_out(settings.exports)
    try:
        yield settings
    finally:
        processes.down(settings)
        postgres.remove(settings)


@pytest.fixture(scope="package")
def fallen(installed: Settings) -> Fallen:
    """The first `kho up`, killed with its supervisord as soon as Airflow's processes begin, and another."""
    first = subprocess.Popen(command("up"), env=client(installed), stdout=subprocess.DEVNULL)
    assert eventually(lambda: processes.is_up(installed) and _has_begun(installed, "dag-processor"))
    first.kill()
    first.wait()
    left = ours(installed)
    os.kill(left[0].pid, signal.SIGKILL)
    assert eventually(lambda: not processes.is_up(installed))
    told = kho(installed, "status")
    return Fallen(left, told, kho(installed, "up"))


def _has_begun(settings: Settings, name: str) -> bool:
    return processes._supervisor(settings).getProcessInfo(name)["pid"] != 0


@pytest.fixture(scope="package")
def started(installed: Settings, fallen: Fallen) -> Settings:
    """The same with everything running, started by `kho up`."""
    assert fallen.up.returncode == 0, fallen.up.stdout + fallen.up.stderr
    assert airflow.url(installed) in fallen.up.stdout
    return installed


def _thin_out(exports: Path) -> None:
    """Most days take no part in anything: their files would only be fetched and loaded."""
    for file in (exports / "documents/deliveries").iterdir():
        if re.search(r"\d{8}", file.name)[0] < "20210621":
            file.unlink()


@pytest.fixture
def running(started: Settings) -> Settings:
    """The same with everything running, whatever tests before did to it."""
    if not processes.is_up(started):
        up = kho(started, "up")
        assert up.returncode == 0, up.stdout + up.stderr
    return started


@pytest.fixture(scope="package")
def walked(started: Settings, letters: Mailbox) -> list[Typed]:
    """The page that adds a source, typed from its first command to its last: with the one whole night."""
    done = []
    if not processes.is_up(started):
        assert kho(started, "up").returncode == 0
    for block in blocks(PAGE):
        if block.info in ("sh", "sh fails"):
            before = len(letters.mails)
            typed = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", block.text],
                cwd=started.project,
                env=client(started),
                capture_output=True,
                text=True,
                stdin=subprocess.DEVNULL,
            )
            done.append(Typed(block, typed.returncode, typed.stdout + typed.stderr, letters.mails[before:]))
    return done


@pytest.fixture
def released(walked: list[Typed], running: Settings) -> Settings:
    """The same with a release in force."""
    found = releases.in_force(running)
    assert found and found.business_date == NIGHT, "\n".join(each.output for each in walked)
    return running
