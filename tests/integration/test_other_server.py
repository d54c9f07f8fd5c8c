"""A night against a PostgreSQL 16 of one's own: `KHO_WAREHOUSE_URL` is all it takes."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest

from kho import database, night
from kho.database import connect
from kho.sample import servers, totals, write
from kho.server import postgres
from kho.settings import Settings

NIGHT = date(2021, 1, 31)
PASSWORD = "one/of@its:own"


@pytest.fixture(scope="module")
def other_url() -> Iterator[str]:
    """A PostgreSQL 16 with the database `phong_cntt`, run from the pgserver wheel's binaries; gives its URL."""
    place = Path(tempfile.mkdtemp(prefix="kho-other-", dir="/var/lib" if os.geteuid() == 0 else None))
    package = Path(find_spec("pgserver").origin).parent
    for part in ("pgserver", "pgserver.libs"):  # copied to where the account may run it
        if (package.parent / part).exists():
            shutil.copytree(package.parent / part, place / part, ignore=shutil.ignore_patterns("__pycache__"))
    binaries, data = place / "pgserver" / "pginstall" / "bin", place / "data"
    (place / "password").write_text(PASSWORD)
    data.mkdir()
    place.chmod(0o755)
    if user := postgres.account():
        for path in (data, place / "password"):
            os.chown(path, user.pw_uid, user.pw_gid)
    as_account = {"cwd": place, **postgres._identity()}
    subprocess.run(
        [
            *(binaries / "initdb", "-D", data, "-U", "chu", "--pwfile", place / "password"),
            *("--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C"),
        ],
        check=True,
        capture_output=True,
        **as_account,
    )
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = ["-c", "listen_addresses=127.0.0.1", "-c", f"port={port}", "-c", "unix_socket_directories="]
    server = subprocess.Popen(
        [binaries / "postgres", "-D", data, *options], stderr=subprocess.DEVNULL, **as_account
    )
    try:
        login = {"host": "127.0.0.1", "port": port, "user": "chu", "password": PASSWORD}
        deadline = time.monotonic() + 60
        while True:
            try:
                with psycopg.connect(dbname="postgres", autocommit=True, **login) as connection:
                    connection.execute("create database phong_cntt")
                break
            except psycopg.OperationalError:
                assert time.monotonic() < deadline, "the other server does not start"
                time.sleep(0.1)
        yield f"postgresql://chu:one%2Fof%40its%3Aown@127.0.0.1:{port}/phong_cntt"
    finally:
        server.send_signal(signal.SIGINT)  # ends open sessions
        server.wait(30)
        shutil.rmtree(place)


def test_a_night_against_another_server(
    other_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KHO_WAREHOUSE_URL", other_url)
    settings = Settings(home=tmp_path / "home")
    database.prepare(settings)
    database.prepare(settings)
    told = totals.read(settings.project / "samples" / "long_phu_2021_h1.yaml").scaled(0.02)
    write.write(settings, told, until=NIGHT)
    with servers.running(settings):
        night.run(settings, NIGHT)
    with connect(settings, "bi_reader") as reader:
        version, name = reader.execute(
            "select current_setting('server_version_num'), current_database()"
        ).fetchone()
        assert (int(version) // 10000, name) == (16, "phong_cntt")
        assert reader.execute("select count(*) from marts.report_figure").fetchone()[0] > 0
    with connect(settings, "kho_auditor") as ledger:
        assert ledger.execute("select state, business_date from ledger.release").fetchall() == [
            ("in_force", NIGHT)
        ]
    assert not (settings.home / "postgres").exists()
