"""Databases that stand in for those of source systems: PostgreSQL and, where it is installed, MariaDB."""

from __future__ import annotations

import os
import random
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pymysql
from psycopg import sql

from kho.fetch import Connection
from kho.server import ports
from kho.server.postgres import account as server_account
from kho.settings import Settings

#: of Debian, whose build speaks TLS; the embedded server's does not
POSTGRES = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), reverse=True)), None)
MARIADBD = shutil.which("mariadbd", path="/usr/sbin:/usr/bin:/usr/libexec")
SYSTEM_TABLES = next(
    (
        path
        for path in map(Path, ("/usr/share/mysql", "/usr/share/mariadb"))
        if (path / "mysql_system_tables.sql").exists()
    ),
    None,
)


@contextmanager
def postgres(server: Settings) -> Iterator[tuple[Connection, str]]:
    """A database on the tests' server with a login that may only read: its connection, and its keeper's URL."""
    name = f"registry_{secrets.token_hex(4)}"
    with psycopg.connect(server.admin_url("postgres"), autocommit=True) as keeper:
        keeper.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        keeper.execute(sql.SQL("create role {} login password 'secret'").format(sql.Identifier(name)))
    url = server.admin_url(name)
    with psycopg.connect(url) as keeper:
        keeper.execute(
            sql.SQL("alter default privileges grant select on tables to {}").format(sql.Identifier(name))
        )
    try:
        yield Connection("127.0.0.1", server.port("postgres"), name, "secret"), url
    finally:
        with psycopg.connect(server.admin_url("postgres"), autocommit=True) as keeper:
            keeper.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
            keeper.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))


@contextmanager
def postgres_with_tls(certificate: Path) -> Iterator[tuple[Connection, str]]:
    """A PostgreSQL server of its own that takes TCP connections over TLS only: a reader's connection, and its keeper's URL.

    The file holds the server's key and its chain. `registry` is an empty database that the reader may read.
    """
    assert POSTGRES
    with tempfile.TemporaryDirectory(prefix="kho-postgres-", dir="/var/tmp") as folder:
        data, own = Path(folder) / "data", Path(folder) / "server.pem"
        own.write_bytes(certificate.read_bytes())
        own.chmod(0o600)
        user = server_account()
        as_user = {"cwd": folder} | (
            {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
        )
        if user:
            for path in (folder, own):
                os.chown(path, user.pw_uid, user.pw_gid)
        made = [
            POSTGRES.with_name("initdb"),
            "-D",
            data,
            "-U",
            "keeper",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale",
            "C.UTF-8",
        ]
        subprocess.run(made, check=True, capture_output=True, **as_user)
        (data / "pg_hba.conf").write_text("hostssl all all 127.0.0.0/8 scram-sha-256\nlocal all all trust\n")
        port = next(port for port in random.sample(range(15_000, 32_000), 1000) if ports.is_free(port))
        process = subprocess.Popen(
            [
                *(POSTGRES, "-D", data, "-p", str(port), "-c", "listen_addresses=127.0.0.1", "-k", folder),
                *("-c", "ssl=on", "-c", f"ssl_cert_file={own}", "-c", f"ssl_key_file={own}"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **as_user,
        )
        try:
            while True:
                try:
                    keeper = psycopg.connect(
                        host=folder, port=port, user="keeper", dbname="postgres", autocommit=True
                    )
                    break
                except psycopg.OperationalError:
                    if process.poll() is not None:
                        raise
                    time.sleep(0.1)
            with keeper:
                keeper.execute("alter role keeper password 'secret'")
                keeper.execute("create role reader login password 'secret'")
                keeper.execute("create database registry")
            yield (
                Connection("127.0.0.1", port, "reader", "secret"),
                f"postgresql://keeper:secret@127.0.0.1:{port}/registry",
            )
        finally:
            process.terminate()
            process.wait()


@contextmanager
def mariadb(*options: str) -> Iterator[tuple[Connection, int]]:
    """A MariaDB server of its own on loopback, as an unprivileged user: the connection of a reader, the server's port.

    Its keeper is root without a password; `registry` is an empty database that the reader may read.
    """
    with tempfile.TemporaryDirectory(prefix="kho-mariadb-") as folder:
        server = [MARIADBD, "--no-defaults", f"--datadir={folder}", "--skip-log-bin"]
        if os.geteuid() == 0:
            shutil.chown(folder, "nobody")
            server.append("--user=nobody")
        script = "create database mysql;\nuse mysql;\nset @auth_root_socket=null, @skip_auth_anonymous=1;\n"
        script += "".join(
            (SYSTEM_TABLES / name).read_text()
            for name in ("mysql_system_tables.sql", "mysql_system_tables_data.sql")
        )
        subprocess.run([*server, "--bootstrap"], input=script, text=True, check=True, capture_output=True)
        port = next(port for port in random.sample(range(15_000, 32_000), 1000) if ports.is_free(port))
        process = subprocess.Popen(
            [*server, *options, f"--port={port}", "--bind-address=127.0.0.1", f"--socket={folder}/socket", f"--pid-file={folder}/pid"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            _wait(port, process)
            yield Connection("127.0.0.1", port, "kho", "secret"), port
        finally:
            process.terminate()
            process.wait()


def _wait(port: int, process: subprocess.Popen) -> None:
    while process.poll() is None:
        try:
            keeper = pymysql.connect(host="127.0.0.1", port=port, user="root")
        except pymysql.err.OperationalError:
            time.sleep(0.1)
            continue
        with keeper, keeper.cursor() as cursor:
            cursor.execute("create database registry character set utf8mb4")
            cursor.execute("create user kho@'127.0.0.1' identified by 'secret'")
            cursor.execute("grant select on registry.* to kho@'127.0.0.1'")
        return
    raise RuntimeError(f"MariaDB ended with {process.returncode}")
