"""Databases as streams, by PostgreSQL's own programs."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import psycopg
from psycopg import IsolationLevel, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from kho.backup.place import BackupError
from kho.database import SESSION, the_row
from kho.server import postgres
from kho.settings import Settings

_LOCK_WAIT = 600_000  # milliseconds: as long as any of our sessions


@contextmanager
def standing_still(settings: Settings) -> Iterator[tuple[psycopg.Connection, str]]:
    """A session in which the warehouse stands still, and the snapshot by which others see the same."""
    with psycopg.connect(settings.admin_url(), options=SESSION, application_name="kho backup") as connection:
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        yield connection, the_row(connection.execute("select pg_export_snapshot()"))[0]


def rows(connection: psycopg.Connection) -> dict[str, int]:
    """How many rows each table has."""
    tables = connection.execute(
        """
        select nspname, relname from pg_class c join pg_namespace n on n.oid = relnamespace
        where relkind = 'r' and relpersistence = 'p' and nspname !~ '^pg_' and nspname <> 'information_schema'
        order by 1, 2
        """
    ).fetchall()
    return {
        f"{schema}.{name}": the_row(
            connection.execute(sql.SQL("select count(*) from {}").format(sql.Identifier(schema, name)))
        )[0]
        for schema, name in tables
    }


@contextmanager
def dumped(settings: Settings, url: str, snapshot: str | None = None) -> Iterator[IO[bytes]]:
    """The dump of a database, as it comes. Raises `BackupError` at the end with what pg_dump said, if it failed."""
    options = ["--format=custom", "--compress=gzip:1", f"--lock-wait-timeout={_LOCK_WAIT}"]
    # What was taken from everybody there is taken again at every start, as far as that server's administrator may.
    options.append("--exclude-schema=pg_catalog")
    if snapshot:
        options.append(f"--snapshot={snapshot}")
    with tempfile.TemporaryFile() as said:
        process = _start(settings, "pg_dump", url, options, stdout=subprocess.PIPE, stderr=said)
        try:
            assert process.stdout
            yield process.stdout
        except BaseException:
            process.kill()
            raise
        finally:
            process.stdout.close()
            process.wait()
        _expect_success(process, said, "the database could not be dumped")


@contextmanager
def restoring(settings: Settings, url: str) -> Iterator[IO[bytes]]:
    """Where a dump goes to: all of it, or nothing. Raises `BackupError` with what pg_restore said, if it failed."""
    options = ["--exit-on-error", "--single-transaction"]
    with tempfile.TemporaryFile() as said:
        process = _start(settings, "pg_restore", url, options, stdin=subprocess.PIPE, stderr=said)
        try:
            assert process.stdin
            yield process.stdin
        except BrokenPipeError:
            pass  # it says why itself
        except BaseException:
            process.kill()
            raise
        finally:
            try:
                process.stdin.close()
            except BrokenPipeError:
                pass
            process.wait()
        _expect_success(process, said, "the database could not be restored")


def _start(
    settings: Settings, program: str, url: str, options: list[str], **streams: object
) -> subprocess.Popen[bytes]:
    parts = conninfo_to_dict(url)
    # On a command line everybody on the machine could read it.
    environment = os.environ | {"PGPASSWORD": str(parts.pop("password", ""))}
    path = postgres.binaries(settings) / program
    return subprocess.Popen([path, *options, "--dbname", make_conninfo(**parts)], env=environment, **streams)  # type: ignore[call-overload]


def _expect_success(process: subprocess.Popen[bytes], said: IO[bytes], what: str) -> None:
    if process.returncode:
        said.seek(0)
        lines = said.read().decode(errors="replace").strip().splitlines()
        raise BackupError(f"{what}: {' '.join(lines[-3:]) or f'exit code {process.returncode}'}")
