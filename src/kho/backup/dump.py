"""Databases as streams, by PostgreSQL's own programs."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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
            if process.stdout:
                process.stdout.close()
            process.wait()
        _expect_success(process, said, "the database could not be dumped")


@contextmanager
def restoring(settings: Settings, url: str) -> Iterator[IO[bytes]]:
    """Where a dump goes to: all of it, or nothing. Raises `BackupError` with what the programs said, if one failed."""
    ending_on_error = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"]
    with tempfile.TemporaryFile() as said:
        server = _start(
            settings,
            "psql",
            url,
            ending_on_error,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=said,
        )
        script = subprocess.Popen(
            [postgres.binaries(settings) / "pg_restore", "--file=-"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
        )
        statements = threading.Thread(target=_pass_on, args=(script, server))
        statements.start()
        assert script.stdin
        try:
            yield script.stdin
        except BrokenPipeError:
            pass  # it says why itself
        except BaseException:
            server.kill()
            raise
        finally:
            with suppress(BrokenPipeError):
                script.stdin.close()
            statements.join()
            server.wait()
        _expect_success(server, said, "the database could not be restored")


def _pass_on(script: subprocess.Popen[bytes], server: subprocess.Popen[bytes]) -> None:
    """Hand the statements of a dump on to psql, in one transaction that ends well only if all of them came.

    Without the last word psql ends, and the server rolls back: also when this process is killed.
    """
    assert script.stdout and server.stdin
    with suppress(BrokenPipeError), script.stdout:
        server.stdin.write(b"begin;\n")
        for line in script.stdout:
            # Older servers than the program's don't know it, and its default is none.
            if not line.startswith(b"SET transaction_timeout"):
                server.stdin.write(line)
            if line.startswith(b"SELECT pg_catalog.set_config"):
                break  # what is set is set: the rest needs no look
        shutil.copyfileobj(script.stdout, server.stdin)
        if script.wait() == 0:
            server.stdin.write(b"commit;\n")
    script.wait()
    if script.returncode:
        server.kill()
    with suppress(BrokenPipeError):
        server.stdin.close()


def _start(
    settings: Settings,
    program: str,
    url: str,
    options: list[str],
    *,
    stdout: int,
    stderr: IO[bytes],
    stdin: int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    parts = conninfo_to_dict(url)
    # On a command line everybody on the machine could read it.
    environment = os.environ | {"PGPASSWORD": str(parts.pop("password", ""))}
    target = make_conninfo("", **parts)
    path = postgres.binaries(settings) / program
    return subprocess.Popen(
        [path, *options, "--dbname", target], env=environment, stdin=stdin, stdout=stdout, stderr=stderr
    )


def _expect_success(process: subprocess.Popen[bytes], said: IO[bytes], what: str) -> None:
    if process.returncode:
        said.seek(0)
        lines = said.read().decode(errors="replace").strip().splitlines()
        raise BackupError(f"{what}: {' '.join(lines[-3:]) or f'exit code {process.returncode}'}")
