"""Everything that runs: PostgreSQL, Airflow's three processes and what other packages bring, under supervisord.

supervisord restarts what dies. A short outage of PostgreSQL ends Airflow's processes; started again, they finish
the run they were at. Airflow's log servers, which would listen on every interface, are switched off: everything is
on one machine and the API reads the log files themselves. There is no triggerer: no task of ours defers.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Callable
from pathlib import Path

import psutil

from kho.ledger import schema
from kho.server import airflow, ports, postgres, programs
from kho.settings import Settings

AIRFLOW = ("api-server", "scheduler", "dag-processor")

_HEALTHY_SECONDS = 240
_STOP_SECONDS = 120
_MARK = "KHO_SUPERVISED"  # in the environment of every process that supervisord starts for us


def up(settings: Settings, say: Callable[[str], None] = lambda step: None) -> None:
    """Start everything that does not run yet and wait until it is healthy; `say` hears each step.

    Raises RuntimeError or TimeoutError, which name what did not come up and where its log is.
    """
    with ports.locked(settings.home / "up.lock"):
        if is_up(settings) and not _is_configured(settings):
            say("Restarting with the changed configuration")
            down(settings)
        if not is_up(settings):
            say("Starting PostgreSQL")
            _start_supervisor(settings)
        _start(settings, "postgres")
        _wait(lambda: postgres.is_running(settings), settings, "postgres")
        postgres.create_databases(settings)
        say("Preparing the warehouse")
        for statement in schema.prepare(settings):
            say(f"Readers may use this server up, until a superuser runs: {statement}")
        say("Preparing Airflow's database")
        airflow.migrate(settings)
        say("Starting Airflow")
        for name in AIRFLOW:
            _start(settings, name)
        for name, program in programs.installed().items():
            if program.is_wanted(settings):
                say(f"Starting {program.title}")
                start_program(settings, name)
        say("Waiting for Airflow")
        for part in ("api_server", "scheduler", "dag_processor"):
            _wait(lambda part=part: airflow.health(settings)[part], settings, part.replace("_", "-"))
        with airflow.Api(settings) as api:
            _wait(api.knows, settings, "dag-processor")
            api.activate()


def down(settings: Settings) -> None:
    """Stop everything, PostgreSQL last. What runs is stopped in mid-task; the next night takes it up again."""
    if is_up(settings):
        supervisor = _supervisor(settings)
        process = psutil.Process(supervisor.getPID())
        # Supervisord alone would end one after the other. To the API tasks tell how they ended.
        last = ("api-server", "postgres")
        for names in (set(states(settings)).difference(last), *([name] for name in last)):
            _stop(settings, *names)
        supervisor.shutdown()
        try:
            process.wait(_STOP_SECONDS)
        except psutil.TimeoutExpired:
            raise TimeoutError(
                f"supervisord (process {process.pid}) did not stop in {_STOP_SECONDS} s"
            ) from None
    _end_leftovers(settings)
    postgres.stop(settings)


def start_program(settings: Settings, name: str) -> None:
    """Start an installed program by its name, and wait until it listens. Raises TimeoutError, which names its log."""
    program = programs.installed()[name]
    _start(settings, name)
    _wait(lambda: _listen(settings, *program.ports), settings, name)


def stop_program(settings: Settings, name: str) -> None:
    """Stop an installed program, if it runs."""
    _stop(settings, name)


def is_up(settings: Settings) -> bool:
    """Whether our supervisord answers."""
    try:
        return _supervisor(settings).getIdentification() == _identifier(settings)
    except (OSError, LookupError, xmlrpc.client.Error):
        return False


def fallen(settings: Settings) -> str | None:
    """What became of a supervisord that did not end by `kho down` and does not answer; None when it was never started or
    was stopped."""
    try:
        pid = int((settings.home / "supervisord.pid").read_text())
    except (OSError, ValueError):
        return None
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        if process.status() != psutil.STATUS_ZOMBIE and any(
            "supervisord" in word for word in process.cmdline()
        ):
            return f"supervisord (process {pid}) runs and does not answer: see {logs(settings) / 'supervisord.log'}"
    left = len(_leftovers(settings))
    return f"supervisord was killed: {left} processes of ours run without it, and none is started again when it dies"


def states(settings: Settings) -> dict[str, str]:
    """Each process with its state in supervisord's words (RUNNING, STOPPED, BACKOFF, FATAL…) and since when it runs."""
    return {
        process["name"]: process["description"]
        if process["statename"] == "RUNNING"
        else process["statename"].lower()
        for process in _supervisor(settings).getAllProcessInfo()
    }


def logs(settings: Settings) -> Path:
    """The folder with each process's log."""
    return settings.home / "logs"


def _start_supervisor(settings: Settings) -> None:
    _end_leftovers(settings)
    postgres.stop(settings)  # it may run alone; from now on supervisord is to restart it
    postgres.create_cluster(settings)
    postgres.settle(settings)
    for name in ("postgres", "airflow", "supervisor"):
        ports.take(settings, name)
    logs(settings).mkdir(exist_ok=True)
    airflow.folder(settings).mkdir(exist_ok=True)
    connections = settings.home / "connections.json"
    if not connections.exists():
        connections.touch(mode=0o600)
        connections.write_text("{}\n")
    for path, text in _configuration(settings).items():
        path.touch(mode=0o600)
        path.write_text(text)
    started = subprocess.run(
        [sys.executable, "-m", "supervisor.supervisord", "-c", str(settings.home / "supervisord.conf")],
        env=airflow.environment(settings),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if started.returncode:
        raise RuntimeError(f"supervisord did not start:\n{started.stdout}{started.stderr}")
    _wait(lambda: is_up(settings), settings, "supervisord")


def _configuration(settings: Settings) -> dict[Path, str]:
    return {
        airflow.folder(settings) / "airflow.cfg": airflow.configuration(settings),
        settings.home / "supervisord.conf": _supervisor_configuration(settings),
    }


def _is_configured(settings: Settings) -> bool:
    return all(path.exists() and path.read_text() == text for path, text in _configuration(settings).items())


def _supervisor_configuration(settings: Settings) -> str:
    bin = Path(sys.executable).parent
    user = postgres.account()
    sections = {
        "supervisord": {
            "identifier": _identifier(settings),
            "logfile": logs(settings) / "supervisord.log",
            "pidfile": settings.home / "supervisord.pid",
            "childlogdir": logs(settings),
            "umask": "077",  # what is made at run time is for its owner only
            **({"user": "root"} if user else {}),
        },
        # TCP, for the path of a socket may be at most some hundred characters long.
        "inet_http_server": {
            "port": f"127.0.0.1:{settings.port('supervisor')}",
            "username": "kho",
            "password": settings.secret("supervisor"),
        },
        "rpcinterface:supervisor": {
            "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"
        },
        "supervisorctl": {
            "serverurl": f"http://127.0.0.1:{settings.port('supervisor')}",
            "username": "kho",
            "password": settings.secret("supervisor"),
        },
        "program:postgres": {
            "command": shlex.join(postgres.command(settings)),
            "stopsignal": "INT",  # "fast": ends sessions, then stops
            "stopwaitsecs": 60,
            "priority": 1,  # first to start, last to stop
            "startretries": 20,  # children of a killed server may hold its memory for a while
            **({"user": user.pw_name} if user else {}),
        },
    }
    for name in AIRFLOW:
        options = " --skip-serve-logs" if name == "scheduler" else ""
        sections[f"program:{name}"] = {"command": f"{shlex.quote(str(bin / 'airflow'))} {name}{options}"}
    for name, program in programs.installed().items():
        # By one of its names: what is started with another is no changed configuration.
        sections[f"program:{name}"] = {"command": shlex.join([str(bin / "python3"), "-m", program.module])}
    for name, section in sections.items():
        if name.startswith("program:"):
            log = logs(settings) / f"{name.removeprefix('program:')}.log"
            section |= {
                "autostart": False,
                "autorestart": True,
                "startsecs": 2,
                "redirect_stderr": True,
                "stdout_logfile": log,
                "stdout_logfile_maxbytes": "10MB",
                "stdout_logfile_backups": 2,
            }
            if name != "program:postgres":
                section |= {
                    "directory": settings.project,
                    "environment": f'{_MARK}="{settings.home}"',
                    "startretries": 20,
                    "stopasgroup": True,
                    "killasgroup": True,
                    "stopwaitsecs": 30,
                }
    lines = ["; Written by `kho up`; what is changed here is lost."]
    for name, section in sections.items():
        lines += ["", f"[{name}]"]
        lines += [f"{option} = {str(value).replace('%', '%%')}" for option, value in section.items()]
    return "\n".join(lines) + "\n"


def _identifier(settings: Settings) -> str:
    return f"kho {settings.home}"


def _supervisor(settings: Settings):
    address = f"127.0.0.1:{settings.port('supervisor')}"
    return xmlrpc.client.ServerProxy(f"http://kho:{settings.secret('supervisor')}@{address}/RPC2").supervisor


def _start(settings: Settings, name: str) -> None:
    supervisor = _supervisor(settings)
    if supervisor.getProcessInfo(name)["statename"] in ("STOPPED", "EXITED", "FATAL"):
        supervisor.startProcess(name, False)


def _stop(settings: Settings, *names: str) -> None:
    supervisor = _supervisor(settings)
    for name in names:
        with contextlib.suppress(xmlrpc.client.Fault):  # it does not run
            supervisor.stopProcess(name, False)
    deadline = time.monotonic() + _STOP_SECONDS
    while time.monotonic() < deadline and any(
        supervisor.getProcessInfo(name)["statename"] == "STOPPING" for name in names
    ):
        time.sleep(0.1)


def _listen(settings: Settings, *names: str) -> bool:
    try:
        return not any(ports.is_free(settings.port(name)) for name in names)
    except LookupError:
        return False


def _wait(is_there: Callable[[], bool], settings: Settings, name: str) -> None:
    deadline = time.monotonic() + _HEALTHY_SECONDS
    while not is_there():
        if time.monotonic() > deadline:
            raise TimeoutError(
                f"{name} did not come up in {_HEALTHY_SECONDS} s: see {logs(settings) / name}.log"
            )
        time.sleep(0.3)


def _leftovers(settings: Settings) -> list[psutil.Process]:
    """Processes that a supervisord of ours has started, though it may be gone."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):  # not ours to look at, or already gone
            if process.environ().get(_MARK) == str(settings.home) and process.pid != os.getpid():
                found.append(process)
    return found


def _end_leftovers(settings: Settings) -> None:
    """End processes whose supervisord, or whose parent under it, was killed."""
    found = _leftovers(settings)
    for process in found:
        with contextlib.suppress(psutil.Error):  # already gone
            process.terminate()
    _, alive = psutil.wait_procs(found, timeout=5)  # idle workers of a killed scheduler heed no SIGTERM
    for process in alive:
        process.kill()
    psutil.wait_procs(alive, timeout=5)
