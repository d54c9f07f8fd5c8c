"""One checkout with Airflow's real processes, for all tests of this folder."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from email.message import EmailMessage
from pathlib import Path

import psutil
import pytest

from kho.ledger import releases
from kho.server import airflow, postgres, processes
from kho.settings import Settings
from tests.checkout import FETCHED, checked_out, client, command, eventually, kho, ours, try_again_after
from tests.conftest import share_manifests
from tests.mailbox import Mailbox, mailbox
from tests.pages import Block, blocks
from tests.projects import know, retire

NIGHT = date(2021, 6, 30)
#: the page that adds a source: its night is the one that all tests here look at
PAGE = Path("docs/add-a-source.md")


@dataclass(frozen=True)
class Typed:
    """A block of the page, typed in the checkout: what it ended with, printed, and what letters came meanwhile."""

    block: Block
    returncode: int
    output: str
    letters: list[EmailMessage]


@pytest.fixture(scope="package")
def letters() -> Iterator[Mailbox]:
    """Where the digests of `running` arrive."""
    with mailbox() as box:
        yield box


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
