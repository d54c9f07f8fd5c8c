"""What can strike: how each kind of fault is done, and undone by whoever runs the machine."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg

from kho.server import processes
from kho.settings import Settings
from tests.faults.installation import Installation

#: by how many seconds the clock of everything that runs is moved
CLOCK = "clock"
#: how long a thing is away or slow
SECONDS = 10
_STEP = 60
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Kind:
    """`strike` is given what runs and the process of the task; it leaves nothing that would not heal by itself."""

    title: str
    strike: Callable[[Installation, int], None]
    steps: tuple[str, ...] = ()  # only these; any, if there are none
    needs_small: bool = False
    needs_clock: bool = False


def _task(number: int) -> Callable[[Installation, int], None]:
    def strike(_: Installation, task: int) -> None:
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(task)
            for each in [process, *process.children(recursive=True)]:
                with suppress(psutil.NoSuchProcess):
                    each.send_signal(number)

    return strike


def _postgres_killed(here: Installation, _: int) -> None:
    postmaster = _process(here.settings, "postgres")
    for each in [postmaster, *postmaster.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            each.kill()


def _away(program: str, seconds: float) -> Callable[[Installation, int], None]:
    def strike(here: Installation, _: int) -> None:
        supervisor = processes._supervisor(here.settings)
        supervisor.stopProcess(program)
        time.sleep(seconds)
        supervisor.startProcess(program)

    return strike


def _connections_reset(here: Installation, _: int) -> None:
    with psycopg.connect(here.settings.admin_url("postgres"), autocommit=True) as connection:
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname is not null and pid <> pg_backend_pid()"
        )


def _disk_full(here: Installation, _: int) -> None:
    ballast = here.settings.home / "ballast"
    with suppress(OSError), ballast.open("wb") as file:
        while True:
            file.write(bytes(_BLOCK))
            file.flush()
    try:
        time.sleep(SECONDS)
    finally:
        ballast.unlink()


def _source_slow(here: Installation, _: int) -> None:
    source = _process(here.settings, "samples")
    source.suspend()
    time.sleep(SECONDS)
    source.resume()


def _clock_steps(here: Installation, _: int) -> None:
    """On, back behind the right time, and right again."""
    for seconds in (_STEP, -_STEP, 0):
        _move(here.folder, seconds)
        time.sleep(SECONDS / 3)


def _process(settings: Settings, name: str) -> psutil.Process:
    return psutil.Process(processes._supervisor(settings).getProcessInfo(name)["pid"])


KINDS = {
    "killed": Kind("task killed (SIGKILL)", _task(signal.SIGKILL)),
    "terminated": Kind("task ended (SIGTERM)", _task(signal.SIGTERM)),
    "postgres_killed": Kind("PostgreSQL killed", _postgres_killed),
    "postgres_stopped": Kind(f"PostgreSQL stopped for {SECONDS} s", _away("postgres", SECONDS)),
    "postgres_restarted": Kind("PostgreSQL restarted", _away("postgres", 0)),
    "connections_reset": Kind("all connections reset", _connections_reset),
    "disk_full": Kind(f"disk full for {SECONDS} s", _disk_full, needs_small=True),
    "source_down": Kind(f"source down for {SECONDS} s", _away("samples", SECONDS), steps=("fetch",)),
    "source_slow": Kind(f"source silent for {SECONDS} s", _source_slow, steps=("fetch",)),
    "clock_step": Kind(f"clock {_STEP} s on, then {_STEP} s behind", _clock_steps, needs_clock=True),
}


def can_move_clocks() -> bool:
    """Whether what moves them can be built here."""
    return bool(shutil.which("cc"))


def environment(folder: Path) -> dict[str, str]:
    """Started with this, everything reads its clock by `clock.c`, built into `folder`."""
    library = folder / "clock.so"
    source = Path(__file__).with_name("clock.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", library, source], check=True)
    _move(folder, 0)
    return {"LD_PRELOAD": str(library), "KHO_CLOCK": str(folder / CLOCK)}


def _move(folder: Path, seconds: int) -> None:
    path = folder / CLOCK
    path.touch()
    with path.open("r+b") as file:  # it is mapped: never another file
        file.write(seconds.to_bytes(8, sys.byteorder, signed=True))
