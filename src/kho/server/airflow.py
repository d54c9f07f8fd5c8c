"""Airflow as we run it: its configuration, its metadata database, its REST API."""

from __future__ import annotations

import configparser
import json
import os
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import httpx
import psycopg
import tenacity
from psycopg import sql

from kho.server import postgres
from kho.settings import TIMEZONE, Settings

USER = "admin"
DAG = "nightly"
PASSWORD = "airflow_admin"  # the name of its secret

#: Airflow's own role `Viewer` sees nights. To see that there is a console, too, and to start nights and decide, takes these.
ROLES = {
    "Console": [("can_read", "Plugins")],
    "Operator": [
        ("can_read", "Plugins"),
        ("can_edit", "DAGs"),
        *((action, kind) for kind in ("DAG Runs", "Task Instances") for action in ("can_create", "can_edit")),
    ],
}
Role = Literal["viewer", "operator", "admin"]
#: what Airflow knows each of ours by
_ROLES: dict[Role, tuple[str, ...]] = {
    "viewer": ("Viewer", "Console"),
    "operator": ("Viewer", "Operator"),
    "admin": ("Admin",),
}


def folder(settings: Settings) -> Path:
    """AIRFLOW_HOME: `airflow.cfg`, its logs."""
    return settings.home / "airflow"


def environment(settings: Settings) -> dict[str, str]:
    """The environment of Airflow's processes: ours without foreign Airflow options, and nobody is told of anything."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW_")}
    return inherited | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "AIRFLOW_HOME": str(folder(settings)),
        "AIRFLOW_CONFIG": str(folder(settings) / "airflow.cfg"),
        "KHO_HOME": str(settings.home),
        "PYTHONUNBUFFERED": "1",
        "SPT_NOENV": "1",  # process titles must not overwrite the environment, by which we know our processes
        "GX_ANALYTICS_ENABLED": "false",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
    }


def configuration(settings: Settings) -> str:
    """The text of `airflow.cfg`. It holds secrets: the file is for its owner only."""
    port = settings.port("airflow")
    options = {
        "core": {
            "dags_folder": settings.project / "dags",
            "executor": "kho.server.executor.Executor",
            "parallelism": 4,
            "load_examples": False,
            "auth_manager": "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager",
            "default_timezone": TIMEZONE,
            "fernet_key": settings.secret("airflow_fernet") + "=",
            "execution_api_server_url": f"http://127.0.0.1:{port}/execution/",
            "hostname_callable": "socket.gethostname",  # a look-up by DNS may hang where there is none
        },
        "database": {"sql_alchemy_conn": postgres.airflow_url(settings).replace("://", "+psycopg2://", 1)},
        "logging": {
            "base_log_folder": folder(settings) / "logs",
            "file_task_handler_new_folder_permissions": "0o700",
            "file_task_handler_new_file_permissions": "0o600",
        },
        "api": {
            "host": "127.0.0.1",
            "port": port,
            "base_url": f"http://127.0.0.1:{port}",
            "workers": 1,
            "secret_key": settings.secret("airflow_session"),
            "instance_name": "Kho",
            "enable_swagger_ui": False,
        },
        "fab": {"custom_roles": custom_roles()},
        "api_auth": {"jwt_secret": settings.secret("airflow_jwt"), "jwt_algorithm": "HS256"},
        "dag_processor": {"parsing_processes": 1, "refresh_interval": 60},
        "secrets": {
            "backend": "airflow.secrets.local_filesystem.LocalFilesystemBackend",
            "backend_kwargs": f'{{"connections_file_path": "{settings.home / "connections.json"}"}}',
        },
    }
    config = configparser.ConfigParser(interpolation=None)
    config.read_dict(
        {
            section: {name: str(value).replace("%", "%%") for name, value in pairs.items()}
            for section, pairs in options.items()
        }
    )
    lines = ["# Written by `kho up`; what is changed here is lost."]
    for section in config.sections():
        lines += ["", f"[{section}]", *(f"{name} = {value}" for name, value in config.items(section))]
    return "\n".join(lines) + "\n"


def custom_roles() -> str:
    """`ROLES` as Airflow's option `[fab] custom_roles` has them."""
    return json.dumps(
        {
            role: [{"action": action, "resource": resource} for action, resource in may]
            for role, may in ROLES.items()
        }
    )


def migrate(settings: Settings) -> None:
    """Create or upgrade Airflow's tables and its one user, once for each version. Raises RuntimeError with its output."""
    from importlib.metadata import version

    wanted = f"airflow {version('apache-airflow')}, fab {version('apache-airflow-providers-fab')}"
    with psycopg.connect(postgres.airflow_url(settings)) as connection:
        have = connection.execute(
            "select shobj_description(oid, 'pg_database') from pg_database where datname = current_database()"
        ).fetchone()
        if have == (wanted,):
            return
        _make_database(settings)
        connection.execute(
            sql.SQL("comment on database {} is {}").format(
                sql.Identifier(postgres.AIRFLOW), sql.Literal(wanted)
            )
        )


def password(settings: Settings) -> str:
    """The password of Airflow's one user, `admin`."""
    return settings.secret(PASSWORD)


def url(settings: Settings) -> str:
    """Where Airflow's pages and its API are."""
    return f"http://127.0.0.1:{settings.port('airflow')}"


def console_url(settings: Settings) -> str:
    """Where the operator's console is, in Airflow's page."""
    return f"{url(settings)}/plugin/kho"


def health(settings: Settings) -> dict[str, bool]:
    """Which of Airflow's processes say of themselves that they are healthy; all False when the API does not answer."""
    parts = ("scheduler", "dag_processor")
    try:
        answer = httpx.get(f"{url(settings)}/api/v2/monitor/health", timeout=5).raise_for_status().json()
        return {"api_server": True, **{part: answer[part]["status"] == "healthy" for part in parts}}
    except (httpx.HTTPError, LookupError, ValueError, TypeError):  # silent, or out of its mind
        return dict.fromkeys(("api_server", *parts), False)


class NoAnswer(Exception):
    """Airflow's API does not answer, or only with errors, though it was asked for minutes; the message says where to look."""


@dataclass(frozen=True)
class Task:
    """A task of a run as it stands now. `state` is Airflow's word; None: not yet scheduled. `attempt` counts from 1."""

    name: str
    state: str | None
    seconds: float | None
    attempt: int


@dataclass(frozen=True)
class User:
    """Who may log in to Airflow. `role` is one of ours, or the names of Airflow's where somebody gave others."""

    name: str
    role: str
    last_login: str | None


class UserError(Exception):
    """A user that can't be added or removed; the message says why."""


class Api:
    """The running Airflow, over its REST API, as its one user. Everything it is asked may raise `NoAnswer`.

    It is asked for `patience` seconds: it may be slow on a busy machine, or just restarting with the database.
    """

    def __init__(self, settings: Settings, patience: float = 180) -> None:
        self._client = httpx.Client(base_url=url(settings), timeout=30)
        self._log = settings.home / "logs" / "api-server.log"
        self._asked_until_answered = tenacity.Retrying(
            retry=tenacity.retry_if_exception(_may_pass),
            stop=tenacity.stop_after_delay(patience),
            wait=tenacity.wait_exponential(min=0.5, max=15),
            reraise=True,
        )
        login = {"username": USER, "password": password(settings)}
        token = self._ask("POST", "/auth/token", json=login).json()["access_token"]
        self._client.headers["Authorization"] = f"Bearer {token}"

    def __enter__(self) -> Api:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def knows(self, dag: str = DAG) -> bool:
        """Whether the Dag has been parsed."""
        return self._ask("GET", f"/api/v2/dags/{dag}", may_be=404).status_code == 200

    def activate(self, dag: str = DAG) -> None:
        """Let the Dag run by its schedule."""
        self._ask("PATCH", f"/api/v2/dags/{dag}", json={"is_paused": False})

    def import_errors(self) -> list[str]:
        """What is wrong with Dag files, if anything."""
        found = self._get("/api/v2/importErrors")["import_errors"]
        return [f"{error['filename']}:\\n{error['stack_trace']}" for error in found]

    def task_names(self) -> list[str]:
        """Names of the Dag's tasks, as Airflow knows the Dag now."""
        return [task["task_id"] for task in self._get(f"/api/v2/dags/{DAG}/tasks")["tasks"]]

    def expect_systems(self, systems: list[str]) -> None:
        """Wait until the Dag has a task group for each of these and no other; a file is only read again every now and then.

        Raises RuntimeError when Airflow doesn't get to it.
        """
        wanted = {f"{system}.ingest" for system in systems}
        deadline = time.monotonic() + 120
        while {name for name in self.task_names() if name.endswith(".ingest")} != wanted:
            if time.monotonic() > deadline:
                raise RuntimeError("\n".join(["Airflow did not read the Dag again", *self.import_errors()]))
            token = self._get(f"/api/v2/dags/{DAG}")["file_token"]
            self._ask("PUT", f"/api/v2/parseDagFile/{token}", may_be=409)  # somebody has asked already
            time.sleep(1)

    def trigger(self, business_date: date) -> str:
        """Start a night for this date; returns the run's id."""
        # Named here: asked once more after an answer was lost, it is the same night.
        run = f"kho__{business_date}__{uuid.uuid4()}"
        wanted = {
            "dag_run_id": run,
            "logical_date": None,
            "conf": {"business_date": business_date.isoformat()},
        }
        self._ask("POST", f"/api/v2/dags/{DAG}/dagRuns", may_be=409, json=wanted)
        return run

    def state(self, run: str) -> str:
        """queued, running, success or failed."""
        return self._get(f"/api/v2/dags/{DAG}/dagRuns/{run}")["state"]

    def tasks(self, run: str) -> list[Task]:
        """The run's tasks in the order in which they became known to Airflow."""
        path, found, total = f"/api/v2/dags/{DAG}/dagRuns/{run}/taskInstances?limit=100", [], 1
        while len(found) < total:
            page = self._get(f"{path}&offset={len(found)}")
            found += page["task_instances"]
            total = page["total_entries"] if page["task_instances"] else 0
        return [Task(task["task_id"], task["state"], task["duration"], task["try_number"]) for task in found]

    def errors(self, run: str, task: Task) -> list[str]:
        """What the newest try of a task complained of: its errors, with the exception that ended it."""
        path = f"/api/v2/dags/{DAG}/dagRuns/{run}/taskInstances/{task.name}/logs/{task.attempt}"
        told = []
        for line in self._get(path)["content"]:
            if isinstance(line, dict) and line.get("level") in ("error", "critical"):
                details = [
                    f"{each['exc_type']}: {each['exc_value']}" for each in line.get("error_detail") or []
                ]
                told += [line["event"], *details]
        return told

    def users(self) -> list[User]:
        """Who may log in, oldest first."""
        found = self._get("/auth/fab/v1/users?limit=1000")["users"]
        ours = {frozenset(names): role for role, names in _ROLES.items()}
        return [
            User(
                each["username"],
                ours.get(frozenset(names), ", ".join(sorted(names))),
                each["last_login"],
            )
            for each in found
            for names in [[role["name"] for role in each["roles"] or []]]
        ]

    def add_user(self, name: str, role: Role, password: str) -> None:
        """Let somebody log in. Raises `UserError` where the name is taken."""
        wanted = {
            "username": name,
            "first_name": name,
            "last_name": role,
            "email": f"{name}@localhost",
            "roles": [{"name": each} for each in _ROLES[role]],
            "password": password,
        }
        if self._ask("POST", "/auth/fab/v1/users", may_be=409, json=wanted).status_code == 409:
            raise UserError(f"there is a user {name} already: `kho user list` shows them")

    def remove_user(self, name: str) -> None:
        """Let somebody no longer log in. Raises `UserError` where there is no such user, or Kho itself needs it."""
        if name == USER:
            raise UserError(f"{USER} stays: Kho itself starts nights by it")
        if self._ask("DELETE", f"/auth/fab/v1/users/{quote(name, safe='')}", may_be=404).status_code == 404:
            raise UserError(f"there is no user {name}: `kho user list` shows them")

    def _get(self, path: str) -> dict:
        return self._ask("GET", path).json()

    def _ask(self, method: str, path: str, *, may_be: int = 200, **given: Any) -> httpx.Response:
        """The answer, which is good or has this status."""

        def ask() -> httpx.Response:
            answer = self._client.request(method, path, **given)
            return answer if answer.status_code == may_be else answer.raise_for_status()

        try:
            return self._asked_until_answered(ask)
        except httpx.HTTPError as error:
            told = " ".join(str(error).splitlines()[:1]) or type(error).__name__
            raise NoAnswer(
                f"Airflow's API gives no good answer to {path.partition('?')[0]} ({told}): see {self._log}, and"
                " `kho status` for what runs. A night that has begun goes on by itself"
            ) from None


def _may_pass(failure: BaseException) -> bool:
    """Whether Airflow may answer when it is asked again: it restarts, is without its database for now, or somebody tried
    wrong passwords."""
    if isinstance(failure, httpx.HTTPStatusError):
        return failure.response.is_server_error or failure.response.status_code == 429
    return isinstance(failure, httpx.TransportError)


def _make_database(settings: Settings) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "kho.server.airflow_database"],
        env=environment(settings),
        cwd=folder(settings),
        input=f"{password(settings)}\n" * 2,
        start_new_session=True,  # has no terminal: what is asked for is read from the input
        capture_output=True,
        text=True,
    )
    if ran.returncode:
        raise RuntimeError(f"Airflow's database could not be made:\n{ran.stdout[-3000:]}{ran.stderr[-3000:]}")
