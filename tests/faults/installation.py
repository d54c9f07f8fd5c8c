"""A small Kho with everything running, in a file system of its own where that can be had."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import httpx
import psycopg

from kho.server import airflow, postgres, processes
from kho.settings import Settings
from tests.checkout import FETCHED, checked_out, client, command, try_again_after
from tests.projects import retire

#: a day for each night; the first one is behind every case
FIRST = date(2021, 6, 19)
SCALE = "0.02"
#: a server that was killed is back by then
RETRY_SECONDS = 10
#: room for a home and its growth, and little enough to be filled in a moment
MEGABYTES = 3000


@dataclass
class Installation:
    """`settings` of what runs; `is_small` where its home is a file system that can be filled."""

    settings: Settings
    folder: Path
    is_small: bool
    environment: dict[str, str]

    def kho(self, *arguments: str) -> str:
        done = subprocess.run(
            command(*arguments),
            env=client(self.settings) | (self.environment if arguments[0] == "up" else {}),
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        if done.returncode:
            raise RuntimeError(f"kho {' '.join(arguments)}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def night(self, day: date) -> Night:
        with airflow.Api(self.settings) as api:
            return Night(self.settings, api.trigger(day))

    def save(self) -> None:
        """Keep the home as it is: `restore` makes it so again."""
        self.kho("down")
        subprocess.run(["cp", "-a", self.settings.home, self.folder / "saved"], check=True)
        self.kho("up")

    def restore(self) -> None:
        self.kho("down")
        for path in self.settings.home.iterdir():
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        subprocess.run(["cp", "-a", f"{self.folder}/saved/.", self.settings.home], check=True)
        shutil.rmtree(self.folder / "backups", ignore_errors=True)
        self.kho("up")


@dataclass
class Night:
    """A run of the Dag."""

    settings: Settings
    run: str

    def state(self) -> str | None:
        """As Airflow's API has it; nothing while it does not answer."""
        try:
            with airflow.Api(self.settings, patience=1) as api:
                return api.state(self.run)
        except (airflow.NoAnswer, httpx.HTTPError, LookupError):
            return None

    def wait(self, seconds: float = 1500) -> str:
        """Until it is over: how it ended."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if (state := self.state()) in ("success", "failed"):
                return state
            time.sleep(1)
        raise TimeoutError(f"{self.run} is not over after {seconds} s")

    def process(self, task: str) -> int | None:
        """The process of a task that runs now, as Airflow's database has it."""
        return self._in_state(task, "running")

    def has_done(self, task: str) -> bool:
        return self._in_state(task, "success") is not None

    def _in_state(self, task: str, state: str) -> int | None:
        try:
            with psycopg.connect(self.settings.admin_url("airflow"), connect_timeout=2) as connection:
                found = connection.execute(
                    "select pid from task_instance where run_id = %s and task_id = %s and state = %s",
                    [self.run, task, state],
                ).fetchone()
        except psycopg.OperationalError:
            return None
        return found[0] if found else None


@contextmanager
def installation(folder: Path, environment: dict[str, str]) -> Iterator[Installation]:
    """Kho with a small sample, one night behind it; all that runs has this environment."""
    project = checked_out(folder / "kho")
    retire(project, but=FETCHED)
    try_again_after(project, RETRY_SECONDS)
    home = project / ".kho"
    home.mkdir()
    mounted = ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m,mode=711", "tmpfs", str(home)]
    is_small = os.geteuid() == 0 and not subprocess.run(mounted, capture_output=True).returncode
    settings = Settings(project=project, home=home)
    made = Installation(settings, folder, is_small, environment)
    try:
        made.kho("sample", "--scale", SCALE)
        for path in (settings.exports / "documents/deliveries").iterdir():
            if path.name.partition("2021")[2][:4] < "0610":
                path.unlink()
        told = made.kho("backup", "key", str(folder / "key")).splitlines()
        (recipient,) = (line.strip() for line in told if line.strip().startswith("backup_recipient"))
        (home / "config.toml").write_text(f'backup_to = "{folder / "backups"}"\n{recipient}\n')
        made.kho("up")
        if (state := made.night(FIRST).wait()) != "success":
            raise RuntimeError(f"the first night: {state}")
        made.save()
        yield made
    finally:
        processes.down(settings)
        postgres.remove(settings)
        if is_small:
            subprocess.run(["umount", str(home)], check=False)
