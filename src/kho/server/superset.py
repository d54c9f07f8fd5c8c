"""Superset as we run it: an environment of its own, its configuration, its database, the people who may log in.

It is optional, and can share none of our libraries: what runs in its environment is in `bi/superset` and knows nothing of
this package. `python -m kho.server.superset` becomes its web server.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from kho import bi
from kho.database import connect
from kho.ledger import readers
from kho.server import ports, postgres, processes
from kho.server.programs import Program
from kho.settings import Settings, settings

NAME = "superset"  # of its program, its port, its role and its database
USER = "admin"
PASSWORD = "superset_admin"  # the name of its secret
#: what it takes: of the disk, of the memory (measured: docs/connect-a-bi-tool.md)
MEGABYTES, MEMORY_MEGABYTES = 700, 350

_PYTHONS = ("python3.12", "python3.11")
_TOLD_EVERY = 20


class SupersetError(RuntimeError):
    """Superset could not be installed, set up or started; the message says what to do."""


def up(settings: Settings, say: Callable[[str], None] = lambda step: None) -> list[str]:
    """Install Superset where that is due, give it its people and dashboards as they are now, start it.

    `say` hears each step. Gives what became of things that people had made themselves. Raises `SupersetError`,
    `bi.DashboardError`, or what `processes.up` raises.
    """
    processes.up(settings, say)
    say("Reading the dashboards")
    assets = bi.assets(settings, warehouse(settings))
    with ports.locked(settings.home / "superset.lock"):
        is_new = not is_installed(settings)
        if is_new:
            processes.stop_program(settings, NAME)
            install(settings, say)
        is_changed = configure(settings)
        say("Preparing Superset's database, people and dashboards")
        told = set_up(settings, assets)
        if is_new or is_changed:
            processes.stop_program(settings, NAME)
        say("Starting Superset")
        _mark(settings).touch()
        processes.start_program(settings, NAME)
    return told


def down(settings: Settings) -> None:
    """Stop Superset; `kho up` does not start it any more. Its database and environment stay."""
    _mark(settings).unlink(missing_ok=True)
    if processes.is_up(settings):
        processes.stop_program(settings, NAME)


def is_wanted(settings: Settings) -> bool:
    """Whether it is to run: `up` was asked for, and `down` not since. It can't without its environment."""
    return _mark(settings).exists() and _server(settings).exists()


def is_installed(settings: Settings) -> bool:
    """Whether its environment is there, as the lock has it."""
    done = _environment(settings) / "installed"
    return done.is_file() and done.read_text() == _digest(_lock(settings))


def install(settings: Settings, say: Callable[[str], None]) -> None:
    """Make its environment, as the lock has it; no warehouse is needed. Raises `SupersetError`."""
    environment = _environment(settings)
    shutil.rmtree(environment, ignore_errors=True)
    environment.parent.mkdir(parents=True, exist_ok=True)
    pinned = re.findall(r"^\S+==.*(?:\n .*)*", _lock(settings).read_text(), re.MULTILINE)
    # What builds the packages that come as their source has to be there before them.
    tools = [each for each in pinned if each.startswith(("setuptools==", "wheel=="))]
    say(f"Making Superset's environment: {len(pinned)} packages, some {MEGABYTES} MB")
    _run([_python(), "-m", "venv", str(environment)], settings)
    for part in (tools, [each for each in pinned if each not in tools]):
        wanted = folder(settings) / "requirements.part"
        wanted.write_text("\n".join(part) + "\n")
        _pip(settings, wanted, say)
        wanted.unlink()
    (environment / "installed").write_text(_digest(_lock(settings)))


def url(settings: Settings) -> str:
    """Where its pages and its API are. Raises `LookupError` while it never ran."""
    return f"http://127.0.0.1:{settings.port(NAME)}"


def folder(settings: Settings) -> Path:
    """What it has on the disk: its environment, its configuration, its cache."""
    return settings.home / "bi"


PROGRAM = Program(title="Superset", module=__name__, ports=(NAME,), is_wanted=is_wanted)


def _mark(settings: Settings) -> Path:
    return folder(settings) / "wanted"


def _environment(settings: Settings) -> Path:
    return folder(settings) / "venv"


def _server(settings: Settings) -> Path:
    return _environment(settings) / "bin" / "gunicorn"


def _lock(settings: Settings) -> Path:
    return settings.project / "bi" / "requirements.lock"


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def warehouse(settings: Settings) -> str:
    """The URL of the warehouse for SQLAlchemy, without a user: each person has one."""
    parts = urlsplit(settings.admin_url())
    return urlunsplit(parts._replace(scheme="postgresql+psycopg2", netloc=parts.netloc.rpartition("@")[2]))


def _python() -> str:
    """A Python that Superset runs on: ours, or an older one."""
    if sys.version_info < (3, 13):
        return sys.executable
    if found := next(filter(None, map(shutil.which, _PYTHONS)), None):
        return found
    raise SupersetError("Superset needs Python 3.11 or 3.12: install one beside this one")


def _pip(settings: Settings, wanted: Path, say: Callable[[str], None]) -> None:
    options = ["--no-input", "--no-compile", "--no-deps", "--no-build-isolation", "--require-hashes"]
    command = [str(_environment(settings) / "bin" / "python"), "-m", "pip", "install", *options]
    with (
        (folder(settings) / "pip.log").open("w") as log,
        subprocess.Popen(
            [*command, "-r", str(wanted)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as pip,
    ):
        assert pip.stdout
        collected = 0
        for line in pip.stdout:
            log.write(line)
            if line.startswith(("Collecting ", "Processing ")):
                collected += 1
                if collected % _TOLD_EVERY == 0:
                    say(f"  {collected} packages")
            elif line.startswith("Installing collected"):
                say(f"  installing {collected} packages")
    if pip.returncode:
        raise SupersetError(
            f"Superset's environment could not be installed: see {folder(settings) / 'pip.log'}, then run `kho bi up` again"
        )


def _run(command: list[str], settings: Settings) -> None:
    ran = subprocess.run(command, capture_output=True, text=True)
    if ran.returncode:
        raise SupersetError(f"{' '.join(command)} failed:\n{ran.stdout[-2000:]}{ran.stderr[-2000:]}")


def _configuration(settings: Settings) -> dict[str, Any]:
    """What `bi/superset` reads. It holds secrets: the file is for its owner only."""
    secrets = settings.home / "secrets"
    settings.secret("bi_reader")
    return {
        "warehouse": warehouse(settings),
        "metadata": postgres.own_url(settings, NAME).replace("://", "+psycopg2://", 1),
        "secret_key": settings.secret("superset_session"),
        "admin": USER,
        "sees_all": {"user": "bi_reader", "password": str(secrets / "bi_reader")},
        "readers": str(secrets / "readers"),
        "cache": str(folder(settings) / "cache"),
        # What changes them has to start it anew.
        "made_of": {
            each.name: _digest(each) for each in sorted((settings.project / "bi" / "superset").glob("*.py"))
        },
    }


def configure(settings: Settings) -> bool:
    """Write its configuration; gives whether that is another one now."""
    path = folder(settings) / "superset.json"
    text = json.dumps(_configuration(settings), indent=2) + "\n"
    if path.exists() and path.read_text() == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(text)
    return True


def _variables(settings: Settings) -> dict[str, str]:
    """The environment of its processes: ours without what could make it another Superset."""
    foreign = ("SUPERSET_", "FLASK_", "AIRFLOW_", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return inherited | {
        "PATH": f"{_environment(settings) / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "PYTHONPATH": str(settings.project / "bi" / "superset"),
        "SUPERSET_HOME": str(folder(settings)),
        "KHO_SUPERSET": str(folder(settings) / "superset.json"),
        "PYTHONUNBUFFERED": "1",
        "SCARF_ANALYTICS": "false",
        "DO_NOT_TRACK": "1",
    }


def set_up(settings: Settings, assets: bi.Assets) -> list[str]:
    """Make or upgrade its database, its people and its dashboards, in one process: it takes seconds to begin.

    Gives what became of things that people had made themselves. It has to be configured. Raises `SupersetError`.
    """
    postgres.create_own_database(settings, NAME)
    with connect(settings, "kho_auditor") as connection:
        known = {each.role_name: each.scope_agency_code for each in readers.readers(connection)}
    given = {
        "admin": USER,
        "password": settings.secret(PASSWORD),
        "readers": {
            name: {"scope": scope, "password": settings.reader_file(name).read_text().strip()}
            for name, scope in known.items()
            if settings.reader_file(name).is_file() and name != USER
        },
        "files": assets.files,
        "filters": assets.filters,
        "of_all_agencies": assets.of_all_agencies,
    }
    ran = subprocess.run(
        [
            str(_environment(settings) / "bin" / "python"),
            str(settings.project / "bi" / "superset" / "set_up.py"),
        ],
        env=_variables(settings),
        cwd=folder(settings),
        input=json.dumps(given),
        capture_output=True,
        text=True,
    )
    (folder(settings) / "set_up.log").write_text(ran.stderr)
    if ran.returncode:
        raise SupersetError(
            f"Superset could not be set up: see {folder(settings) / 'set_up.log'}\n{ran.stderr[-1500:]}"
        )
    told: list[str] = json.loads(ran.stdout.splitlines()[-1])
    if USER in known:
        told.append(f"the reader {USER} can't log in to Superset, whose administrator is called so")
    return told


def serve(settings: Settings) -> None:
    """Become its web server, on loopback; never returns."""
    configure(settings)  # PostgreSQL may have moved to another port
    port = ports.take(settings, NAME)
    os.chdir(folder(settings))
    arguments = [
        *("--bind", f"127.0.0.1:{port}", "--workers", "1", "--worker-class", "gthread", "--threads", "8"),
        *("--timeout", "120", "--worker-tmp-dir", "/dev/shm", "--no-control-socket"),
        "superset.app:create_app()",
    ]
    os.execve(_server(settings), [str(_server(settings)), *arguments], _variables(settings))


if __name__ == "__main__":
    serve(settings())
