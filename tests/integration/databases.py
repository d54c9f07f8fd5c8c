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
from kho.settings import Settings

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
