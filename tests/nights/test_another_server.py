"""The night against a PostgreSQL of one's own: another server, another version, no superuser."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from datetime import date, timedelta
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr

from kho.backup import BackupError, back_up, new_key, restore
from kho.figures.figures import figures
from kho.ledger import readers, releases, schema
from kho.server import postgres
from kho.settings import Settings
from tests.conftest import share_manifests
from tests.nights.conftest import finish
from tests.snapshot import lost_rows, snapshot

NIGHT = date(2021, 1, 31)
PASSWORD = "one/of@its:own"


@pytest.fixture
def other_server() -> Iterator[tuple[str, str]]:
    """URLs of an administrator who is no superuser, and of a superuser, on a PostgreSQL 16 that Kho did not set up."""
    folder = Path(tempfile.mkdtemp(prefix="kho-other-", dir="/var/tmp"))
    package = Path(find_spec("pgserver").origin).parent
    for part in ("pgserver", "pgserver.libs"):  # the binaries look for the libraries beside them
        shutil.copytree(package.parent / part, folder / part, symlinks=True)
    user = postgres.account()
    as_user = {"cwd": folder} | (
        {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
    )
    (folder / "data").mkdir(mode=0o700)
    (folder / "password").write_text(PASSWORD)
    folder.chmod(0o755)
    if user:
        for path in (folder / "data", folder / "password"):
            os.chown(path, user.pw_uid, user.pw_gid)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    binaries, data = folder / "pgserver" / "pginstall" / "bin", str(folder / "data")
    subprocess.run(
        [
            binaries / "initdb",
            "-D",
            data,
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale",
            "C.UTF-8",
        ],
        check=True,
        capture_output=True,
        **as_user,
    )
    server = subprocess.Popen(
        # It is on a disk, and nobody tries there what a machine without power leaves.
        [binaries / "postgres", "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", "", "-c", "fsync=off"],
        stderr=subprocess.DEVNULL,
        **as_user,
    )
    superuser = f"postgresql://postgres:{quote(PASSWORD, safe='')}@127.0.0.1:{port}/postgres"
    try:
        _wait_until_ready(superuser, server)
        with psycopg.connect(superuser, autocommit=True) as connection:
            assert connection.info.server_version // 10_000 == 16
            connection.execute(sql.SQL("create role province login createrole password {}").format(PASSWORD))
            connection.execute("create database du_lieu owner province")
        yield f"postgresql://province:{quote(PASSWORD, safe='')}@127.0.0.1:{port}/du_lieu", superuser
    finally:
        server.terminate()
        server.wait(30)
        shutil.rmtree(folder)


def _wait_until_ready(url: str, server: subprocess.Popen) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            psycopg.connect(url).close()
            return
        except psycopg.OperationalError:
            assert server.poll() is None and time.monotonic() < deadline
            time.sleep(0.1)


def test_the_night_runs_on_another_server(
    other_server: tuple[str, str], sources: Settings, tmp_path: Path
) -> None:
    url, superuser = other_server
    home = tmp_path / "home"
    home.mkdir()
    share_manifests(home)
    for shared in ("exports", "connections.json", "ports.json"):
        (home / shared).symlink_to(sources.home / shared)
    settings = sources.model_copy(update={"home": home, "warehouse_url": SecretStr(url)})
    with pytest.raises(PermissionError, match="A superuser runs once") as told:
        schema.prepare(settings)
    with psycopg.connect(superuser, autocommit=True) as connection:
        connection.execute(str(told.value).partition("runs once: ")[2])
    schema.prepare(settings)
    finish(settings, NIGHT, tmp_path / "progress")
    assert releases.in_force(settings).business_date == NIGHT
    assert not lost_rows(settings)
    received = {
        each.level: each.value for each in figures(settings, "946", "2021-01") if each.metric == "dossiers_received" and not each.detail
    }  # fmt: skip
    assert received["all"] == received["district"] + received["commune"] > 0
    with psycopg.connect(settings.role_url("bi_reader")) as reader:
        assert reader.execute("select count(*) from marts.report_figure").fetchone()[0] > 0
    # A login of one agency is made, made again and taken away without a superuser.
    for statement in (lacking := readers.add(settings, "of_a_commune", "H51.12.21", actor="test")):
        assert "temp_file_limit" in statement
    assert lacking and set(lacking) <= set(schema.prepare(settings))
    with psycopg.connect(settings.reader_url("of_a_commune")) as reader:
        seen = reader.execute("select distinct scope_agency_code from scoped.report_figure").fetchall()
        assert seen == [("H51.12.21",)]
        readers.remove(settings, "of_a_commune")
        with pytest.raises(psycopg.OperationalError):
            reader.execute("select 1")
    _expect_to_be_restored(settings, superuser, tmp_path)


def _expect_to_be_restored(settings: Settings, superuser: str, tmp_path: Path) -> None:
    """Its backup is restored into another database of that server, without a superuser."""
    with psycopg.connect(superuser, autocommit=True) as connection:
        connection.execute("create database afterwards owner province")
    sealed_for = settings.model_copy(update={"backup_recipient": new_key(tmp_path / "key")})
    assert "Airflow's history is not in it" in " ".join(back_up(sealed_for, str(tmp_path / "place")).notes)
    url = urlunsplit(urlsplit(settings.warehouse_url.get_secret_value())._replace(path="/afterwards"))
    there = Settings(home=tmp_path / "there", project=settings.project, warehouse_url=SecretStr(url))
    try:
        restore(there, str(tmp_path / "place"), tmp_path / "key")
        assert snapshot(there) == snapshot(settings)
        with psycopg.connect(there.role_url("bi_reader")) as reader:
            assert reader.execute("select count(*) from marts.report_figure").fetchone()[0] > 0
        # Where somebody's warehouse is, none is brought back.
        again = there.model_copy(update={"home": tmp_path / "again"})
        finish(settings, NIGHT + timedelta(days=1), tmp_path / "progress")
        back_up(sealed_for, str(tmp_path / "place"))
        with pytest.raises(BackupError, match="Restore it into a database that is empty"):
            restore(again, str(tmp_path / "place"), tmp_path / "key")
    finally:
        for home in (there, there.model_copy(update={"home": tmp_path / "again"})):
            if home.home.exists():
                postgres.remove(home)
