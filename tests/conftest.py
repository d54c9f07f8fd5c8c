"""The real server that tests run against: one embedded PostgreSQL a session, a fresh warehouse a test."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from xdist.scheduler.loadscope import LoadScopeScheduling

from kho.ledger import schema
from kho.server import postgres
from kho.settings import Settings


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--faults", type=int, default=3, help="how many times a night is killed")


class ByFile(LoadScopeScheduling):
    """In a parallel run one process has all tests of a file, and one all that share the running Airflow."""

    def _split_scope(self, nodeid: str) -> str:
        path, _, _ = nodeid.partition("::")
        return "tests/e2e" if path.startswith("tests/e2e/") else path


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, so that no process is left with one at the end of a parallel run."""
    items.sort(key=lambda item: not item.nodeid.startswith(("tests/e2e/", "tests/nights/")))


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByFile:
    return ByFile(config, log)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings of a home of its own with a running embedded PostgreSQL; its database `kho` is prepared and empty."""
    settings = Settings(home=tmp_path_factory.mktemp("kho"))
    postgres.start(settings)
    with psycopg.connect(settings.admin_url("postgres"), autocommit=True) as connection:
        # Every test makes a database: nothing here has to outlive a power cut.
        connection.execute("alter system set fsync = off")
        connection.execute("alter system set full_page_writes = off")
        connection.execute("select pg_reload_conf()")
    yield settings
    postgres.remove(settings)


@pytest.fixture
def warehouse(server: Settings, tmp_path: Path) -> Iterator[Settings]:
    """Settings of a fresh, prepared warehouse on the session's server, with a home (archive, exports) of its own."""
    yield from fresh_warehouse(server, tmp_path / "home")


@pytest.fixture(scope="module")
def module_warehouse(server: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """The same for a whole module, whose tests only add to it."""
    yield from fresh_warehouse(server, tmp_path_factory.mktemp("home"))


def fresh_warehouse(server: Settings, home: Path, template: str | None = None) -> Iterator[Settings]:
    """A warehouse with a home of its own, cloned from `template` (an empty one, when none is named)."""
    name = f"kho_{uuid.uuid4().hex[:12]}"
    home.mkdir(exist_ok=True)
    for shared in ("secrets", "ports.json", "postgres"):
        if not (home / shared).exists():
            (home / shared).symlink_to(server.home / shared)
    with psycopg.connect(server.admin_url("postgres"), autocommit=True) as connection:
        connection.execute(
            # Cloned through the log, a sequence lacks what was logged ahead of it: a crash would turn it back.
            sql.SQL("create database {} template {} strategy file_copy").format(
                sql.Identifier(name), sql.Identifier(template or server.warehouse_database)
            )
        )
    settings = server.model_copy(update={"warehouse_database": name, "home": home})
    schema.prepare(settings)  # grants on the database itself are not cloned
    yield settings
    with psycopg.connect(server.admin_url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
