"""What all tests share: one PostgreSQL a run, a fresh warehouse a test, and work that is done once for all of them."""

from __future__ import annotations

import os
import pickle
import random
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from psycopg import sql
from xdist.scheduler.loadscope import LoadScopeScheduling

import tests.examples  # noqa: F401  (before a test is read, and before pytest takes another profile)
from kho.garbage import look_seldom
from kho.ledger import schema
from kho.server import ports, postgres
from kho.settings import Settings
from kho.transform.lineage import Lineage, lineage
from kho.transform.project import read
from tests.golden import Golden, build_nothing, make

#: the folder that all processes of a run share
SHARED = "KHO_TESTS_SHARED"
#: what takes longest, longest first: no process is left with one of them at the end of a parallel run
LONG = (
    "tests/e2e/",
    "tests/nights/",
    "tests/integration/test_figures.py",
    "tests/integration/test_report.py",
    "tests/integration/test_marts_boundary.py",
    "tests/integration/test_event_log.py",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--faults", type=int, default=3, help="how many kills, three of them in a night")
    parser.addoption("--mutations", type=int, default=200, help="how many of the 2,000 broken exports")
    parser.addoption("--order", type=int, help="the number that a run printed, for its order of tests")


def pytest_configure(config: pytest.Config) -> None:
    look_seldom()
    if _is_worker(config):
        config.option.order = config.workerinput["order"]
        return
    _clear_up_after_killed_runs()
    shared = _memory_or_disk() / f"kho-tests-{os.getpid()}"
    shared.mkdir(mode=0o711)  # PostgreSQL's account passes through
    os.environ[SHARED] = str(shared)
    if config.option.basetemp is None:
        config.option.basetemp = str(shared / "tests")
    if config.option.order is None:
        config.option.order = random.randrange(1_000_000)


def pytest_configure_node(node: Any) -> None:
    node.workerinput["order"] = node.config.option.order


def pytest_unconfigure(config: pytest.Config) -> None:
    if not _is_worker(config) and SHARED in os.environ:
        _remove(Path(os.environ.pop(SHARED)))


def pytest_report_header(config: pytest.Config) -> str:
    return f"order of tests: --order {config.option.order}"


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def _memory_or_disk() -> Path:
    """Where nothing waits for a disk, if there is room: the archive syncs every file."""
    memory = Path("/dev/shm")
    if memory.is_dir() and shutil.disk_usage(memory).free > 3 * 2**30:
        return memory
    return Path(tempfile.gettempdir())


def _clear_up_after_killed_runs() -> None:
    for left in _memory_or_disk().glob("kho-tests-*"):
        if not psutil.pid_exists(int(left.name.rpartition("-")[2])):
            _remove(left)


def _remove(shared: Path) -> None:
    for home in (shared / "server", shared / "nights"):
        if home.exists():
            postgres.remove(Settings(home=home))
    shutil.rmtree(shared, ignore_errors=True)


class ByFile(LoadScopeScheduling):
    """In a parallel run one process has all tests of a file, one those of the running Airflow, one those of nights."""

    def _split_scope(self, nodeid: str) -> str:
        path, _, _ = nodeid.partition("::")
        return next((folder for folder in LONG if path.startswith(folder)), path)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Files in any order behind the long ones, tests of a file in any order: no test relies on another.

    Those of the running Airflow stay as they are written: each starts it if it must, which takes half a minute.
    """
    chance = random.Random(config.option.order)
    places = {path: chance.random() for path in sorted({item.nodeid.partition("::")[0] for item in items})}

    def place(item: pytest.Item) -> tuple:
        path = item.nodeid.partition("::")[0]
        long = next((n for n, each in enumerate(LONG) if path.startswith(each)), len(LONG))
        if path.startswith("tests/e2e/"):
            return (long,)
        return long, places[path], chance.random()

    items.sort(key=place)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByFile:
    return ByFile(config, log)


@pytest.fixture(scope="session")
def shared() -> Path:
    """A folder that all processes of this run share; it goes when the run ends."""
    return Path(os.environ[SHARED])


@pytest.fixture(scope="session")
def once(shared: Path) -> Callable[[str, Callable[[], Any]], Any]:
    """Does a piece of work in the first process that needs it; the others wait for what it gives."""

    def do(name: str, work: Callable[[], Any]) -> Any:
        path = shared / f"{name}.pickle"
        with ports.locked(shared / f"{name}.lock"):
            if not path.exists():
                path.write_bytes(pickle.dumps(work()))
        return pickle.loads(path.read_bytes())

    return do


@pytest.fixture(scope="session")
def server(shared: Path, once: Callable) -> Settings:
    """Settings of a home with the run's PostgreSQL; its database `kho` is prepared and empty."""
    settings = Settings(home=shared / "server")
    once("started", lambda: start_server(settings))
    return settings


def start_server(settings: Settings) -> None:
    """Start one that is quick: it survives kill -9, which is all that tests do to it, and no power cut."""
    postgres.start(settings)
    with psycopg.connect(settings.admin_url("postgres"), autocommit=True) as connection:
        connection.execute("alter system set fsync = off")
        connection.execute("alter system set full_page_writes = off")
        connection.execute("alter system set scram_iterations = 1")  # a connection costs a third
        connection.execute("select pg_reload_conf()")
    schema.prepare(settings)  # with passwords that are hashed so


@pytest.fixture(scope="session")
def golden(server: Settings, made: Settings, shared: Path, once: Callable) -> Golden:
    """Both districts of the reports, loaded, built and published; take `published` or `module_published`."""
    return once("golden", lambda: make(clone(server, shared / "golden", made.warehouse_database)))


@pytest.fixture
def published(server: Settings, golden: Golden, tmp_path: Path) -> Iterator[Settings]:
    """A warehouse of one's own with both districts of the reports."""
    yield from fresh_warehouse(server, tmp_path / "home", golden.settings)


@pytest.fixture(scope="module")
def module_published(
    server: Settings, golden: Golden, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    """The same for a whole module, whose tests only look at it."""
    yield from fresh_warehouse(server, tmp_path_factory.mktemp("home"), golden.settings)


@pytest.fixture(scope="session")
def read_project(shared: Path, once: Callable) -> Settings:
    """Settings of a home without a server; dbt has read the project, and knows a copy of it as well."""
    home = shared / "project"
    share_manifests(home)
    settings = Settings(home=home)
    once("read", lambda: bool(read(settings)))
    return settings


@pytest.fixture(scope="session")
def project(read_project: Settings) -> Settings:
    """The same, for what reads the project and not the warehouse."""
    return read_project


@pytest.fixture(scope="session")
def known(project: Settings, once: Callable) -> Lineage:
    """Where every column and figure comes from."""
    return once("lineage", lambda: lineage(project))


@pytest.fixture
def warehouse(server: Settings, tmp_path: Path) -> Iterator[Settings]:
    """Settings of a fresh, prepared warehouse on the run's server, with a home (archive, exports) of its own."""
    yield from fresh_warehouse(server, tmp_path / "home")


@pytest.fixture(scope="module")
def module_warehouse(server: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """The same for a whole module, whose tests only add to it."""
    yield from fresh_warehouse(server, tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="session")
def made(server: Settings, read_project: Settings, shared: Path, once: Callable) -> Settings:
    """The warehouse that `built_warehouse` is cloned from."""
    return once("made", lambda: build_nothing(clone(server, shared / "made")))


@pytest.fixture
def built_warehouse(server: Settings, made: Settings, tmp_path: Path) -> Iterator[Settings]:
    """A fresh warehouse in which dbt has made every table, of nothing: the next build is no full refresh."""
    yield from fresh_warehouse(server, tmp_path / "home", made)


@pytest.fixture(scope="module")
def module_built_warehouse(
    server: Settings, made: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    """The same for a whole module."""
    yield from fresh_warehouse(server, tmp_path_factory.mktemp("home"), made)


def share_manifests(home: Path) -> None:
    """What this home reads of the project, all homes of the run know."""
    for name in ("manifests", "lineage"):
        folder = home / "dbt" / name
        if not folder.is_symlink():
            folder.parent.mkdir(parents=True, exist_ok=True)
            ours = Path(os.environ[SHARED]) / name
            ours.mkdir(exist_ok=True)
            with suppress(FileExistsError):  # another process was first
                folder.symlink_to(ours)


def fresh_warehouse(server: Settings, home: Path, like: Settings | None = None) -> Iterator[Settings]:
    """A warehouse with a home of its own: empty, or like another one, which nobody may be using."""
    settings = clone(server, home, like and like.warehouse_database)
    # Nobody writes into a file of the archive or an export that is there: they cost no copy.
    copies = {"archive": os.link, "exports": os.link, "expectations": shutil.copy2, "data_docs": shutil.copy2}
    for folder, copy in copies.items():
        if like and (like.home / folder).exists():
            shutil.copytree(like.home / folder, home / folder, copy_function=copy)
    yield settings
    drop(settings)


def clone(server: Settings, home: Path, template: str | None = None) -> Settings:
    """A warehouse cloned from `template` (an empty one, when none is named), which nobody may be using."""
    name, template = f"kho_{uuid.uuid4().hex[:12]}", template or server.warehouse_database
    home.mkdir(exist_ok=True)
    for of_server in ("secrets", "ports.json", "postgres"):
        if not (home / of_server).exists():
            (home / of_server).symlink_to(server.home / of_server)
    share_manifests(home)
    with psycopg.connect(server.admin_url("postgres"), autocommit=True) as connection:
        # Great Expectations keeps a connection for later.
        idle = "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s and state = 'idle'"
        connection.execute(idle, [template])
        connection.execute(
            # Cloned through the log, a sequence lacks what was logged ahead of it: a crash would turn it back.
            sql.SQL("create database {} template {} strategy file_copy").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
        # Grants on the database itself are not cloned.
        connection.execute(
            "update pg_database set datacl = (select datacl from pg_database where datname = %s) where datname = %s",
            [template, name],
        )
    return server.model_copy(update={"warehouse_database": name, "home": home})


def drop(settings: Settings) -> None:
    with psycopg.connect(settings.admin_url("postgres"), autocommit=True) as connection:
        name = sql.Identifier(settings.warehouse_database)
        connection.execute(sql.SQL("drop database {} with (force)").format(name))
