"""What a night costs a province with five years behind it: `python -m tests.bench.province 100000`.

The history is made in place (`tests.bench.history`): 138 agencies, so many dossiers and as many documents. Then everything
is built for the first time, and once more for an ordinary night, which brings 10,000 rows. A stage's CPU is that of this
process and that of the server, with all it does beside; its autovacuum is off, for it would fall into any stage, and all is
vacuumed between both. In the morning after, questions are asked (`tests.bench.answers`).
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from dataclasses import astuple, dataclass
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil
import psycopg
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from kho import night
from kho.contract import contracts
from kho.garbage import look_seldom
from kho.server import postgres
from kho.settings import Settings
from tests.bench import answers, history, load
from tests.bench.rows import Extent

STAGES = ("staging", "warehouse", "marts", "check_marts", "publish")
FULL, ORDINARY = "full refresh", "ordinary night"

# For each dossier and besides, of five years. Most of the disk is for temporary files.
_BYTES, _BYTES_AT_ALL = 40_000, 6 << 30
_SECONDS, _SECONDS_AT_ALL = 0.004, 180
_GIGABYTE, _MEGABYTE = 1 << 30, 1 << 20


@dataclass(frozen=True)
class Cost:
    """Seconds, seconds of CPU of Kho and of the server, bytes of temporary files and of WAL."""

    seconds: float
    kho: float
    server: float
    temporary: float
    wal: float

    @property
    def cpu(self) -> float:
        return self.kho + self.server

    def __add__(self, other: Cost) -> Cost:
        return Cost(*map(sum, zip(astuple(self), astuple(other), strict=True)))

    def __sub__(self, other: Cost) -> Cost:
        return self + Cost(*(-each for each in astuple(other)))


@dataclass(frozen=True)
class Measured:
    """A size: what each stage of both nights cost, the nodes that took longest, and the largest relations. `copy`: the
    seconds of CPU of a plain COPY of 100,000 dossiers, on this machine at that time; `disk`: the most bytes that were taken;
    `answers`: what questions took after both.
    """

    size: int
    copy: float
    disk: int
    costs: dict[str, dict[str, Cost]]
    nodes: dict[str, list[tuple[Any, ...]]]
    relations: list[tuple[Any, ...]]
    answers: answers.Answers


def now(settings: Settings) -> Cost:
    seconds, kho = time.perf_counter(), time.process_time()
    time.sleep(1.2)  # until sessions have ended, and counted what they did
    with psycopg.connect(settings.admin_url(), autocommit=True) as connection:
        temporary, wal = connection.execute(
            "select temp_bytes, pg_current_wal_lsn() - '0/0' from pg_stat_database where datname = current_database()"
        ).fetchone()
        own = psutil.Process(connection.info.backend_pid)
        server = own.parent()
        of_server = server.cpu_times()
        cpu = of_server.user + of_server.system + of_server.children_user + of_server.children_system
        for process in server.children():
            if process != own:
                times = process.cpu_times()
                cpu += times.user + times.system
    return Cost(seconds, kho, cpu, float(temporary), float(wal))


def run(pipe: Connection, settings: Settings) -> None:
    """The stages of the night after what has been loaded, and what each cost; the message of the first that fails."""
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    from kho.server.executor import NEEDED  # Airflow, which would tell the other process what to log

    for name in NEEDED:
        import_module(name)
    look_seldom()
    with psycopg.connect(settings.admin_url()) as connection:
        (business_date,) = connection.execute("select max(business_date) from ledger.batch").fetchone()
    for stage in STAGES:
        before = now(settings)
        try:
            night.do(settings, stage, business_date)
        except Exception as failure:
            pipe.send((stage, f"{type(failure).__name__}: {failure}"))
            return
        pipe.send((stage, now(settings) - before))


def built(settings: Settings, progress: Progress, title: str) -> dict[str, Cost]:
    task = progress.add_task(title, total=len(STAGES))
    parent, child = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=run, args=(child, settings))
    process.start()
    child.close()
    costs = {}
    for stage in STAGES:
        progress.update(task, description=f"{title}: {stage}")
        told, cost = parent.recv()
        if isinstance(cost, str):
            sys.exit(f"{told}: {cost}")
        costs[stage] = cost
        progress.advance(task)
    process.join()
    return costs


def measure(extent: Extent, console: Console) -> Measured:
    """A province of this size in a server of its own, which is gone afterwards, whatever happens."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with (
        tempfile.TemporaryDirectory() as folder,
        Progress(
            TextColumn("{task.description:34}"), BarColumn(), TimeElapsedColumn(), console=console
        ) as progress,
    ):
        Path(folder).chmod(0o711)  # PostgreSQL's account passes through
        project = history.project(Path(folder) / "project", Settings().project)
        settings = Settings(home=Path(folder) / "home", project=project, warehouse_url=None)
        postgres.start(settings)
        disk = Disk(Path(folder))
        try:
            with psycopg.connect(settings.admin_url(), autocommit=True) as connection:
                connection.execute("alter system set autovacuum = off")
                connection.execute("select pg_reload_conf()")
            copy = _plain_copy(settings, Path(folder) / "dossiers.csv")
            task = progress.add_task(f"{extent.size:,} dossiers", total=1.0)
            history.make(settings, extent, lambda share: progress.update(task, completed=share))
            costs, nodes = {}, {}
            costs[FULL] = built(settings, progress, FULL)
            nodes[FULL] = _nodes(settings)
            history.settle(settings)
            came = history.make_night(settings, extent)
            costs[ORDINARY] = built(settings, progress, f"{came:,} rows more")
            nodes[ORDINARY] = _nodes(settings)
            relations = _relations(settings)
            history.settle(settings)
            progress.add_task("questions", total=None)
            answered = answers.measure(settings)
            return Measured(extent.size, copy, disk.most, costs, nodes, relations, answered)
        finally:
            disk.ended.set()
            postgres.remove(settings)


class Disk:
    """How much of a disk is taken at most, as others leave it alone: temporary files come and go within a statement."""

    def __init__(self, folder: Path) -> None:
        self.most = 0
        self.ended = threading.Event()
        before = shutil.disk_usage(folder).free

        def watch() -> None:
            while not self.ended.wait(2):
                self.most = max(self.most, before - shutil.disk_usage(folder).free)

        threading.Thread(target=watch, daemon=True).start()


def _plain_copy(settings: Settings, path: Path) -> float:
    contract = contracts(settings)["one_stop.dossiers"]
    path.write_bytes(load.dossiers(contract, 100_000))
    times = 5  # one alone takes too little to be measured well
    copy = load.plain_copy, settings, path, len(contract.columns), contract.delimiter, times
    seconds, _, _ = load.with_server(settings, *copy)
    with psycopg.connect(settings.admin_url()) as connection:
        connection.execute("drop table plain")
    return seconds / times


def _nodes(settings: Settings) -> list[tuple[Any, ...]]:
    """The nodes of the newest build that took longest: layer, name, seconds, rows."""
    return _asked(
        settings,
        "select layer, model, seconds, rows_affected from ledger.model_run"
        " where build_id = (select max(build_id) from ledger.build) order by seconds desc limit 10",
    )


def _relations(settings: Settings) -> list[tuple[Any, ...]]:
    return _asked(
        settings,
        """
        select relnamespace::regnamespace || '.' || relname, reltuples, pg_table_size(oid), pg_indexes_size(oid)
        from pg_class where relkind in ('r', 'm') order by pg_total_relation_size(oid) desc limit 10
        """,
    )


def _asked(settings: Settings, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(settings.admin_url()) as connection:
        return connection.execute(query).fetchall()


def tables(measured: Measured) -> list[Table]:
    told = []
    for title, costs in measured.costs.items():
        table = Table(title=f"{measured.size:,} dossiers: {title}")
        for heading in ("stage", "seconds", "CPU of Kho", "CPU of the server", "temporary MB", "WAL MB"):
            table.add_column(heading, justify="left" if heading == "stage" else "right")
        for stage, cost in {**costs, "all": sum(costs.values(), Cost(0, 0, 0, 0, 0))}.items():
            spent = (f"{each:.1f}" for each in (cost.seconds, cost.kho, cost.server))
            written = (f"{each / _MEGABYTE:,.0f}" for each in (cost.temporary, cost.wal))
            table.add_row(stage, *spent, *written)
        told.append(table)
        table = Table("layer", "node", "seconds", "rows", title=f"{title}: what took longest")
        for layer, name, seconds, count in measured.nodes[title]:
            table.add_row(layer, name, f"{seconds:.1f}", "" if count is None else f"{count:,}")
        told.append(table)
    title = f"The largest relations; on the disk were {measured.disk / _GIGABYTE:.1f} GB at most"
    table = Table("relation", "rows", "MB", "MB of indexes", title=title)
    for name, count, size, indexes in measured.relations:
        table.add_row(
            name, f"{max(0, count):,.0f}", f"{size / _MEGABYTE:,.0f}", f"{indexes / _MEGABYTE:,.0f}"
        )
    return [*told, table, *answers.tables(measured.answers)]


def ratios(measured: Measured) -> dict[str, float]:
    """CPU of the stages that take some, in plain COPYs."""
    return {
        f"{title}, {measured.size:,} dossiers: {stage}": cost.cpu / measured.copy
        for title, costs in measured.costs.items()
        for stage, cost in costs.items()
        if stage not in ("staging", "publish")
    }


def needed(size: int) -> tuple[int, int]:
    """Bytes on the disk and seconds that a size takes, about."""
    return _BYTES_AT_ALL + size * _BYTES, int(_SECONDS_AT_ALL + size * _SECONDS)


def announce(sizes: list[int], console: Console) -> None:
    """Say what each size takes; ends the process where the disk has less."""
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    for size in sizes:
        wanted, seconds = needed(size)
        console.print(
            f"{size:,} dossiers take some {wanted / _GIGABYTE:,.0f} GB and {seconds / 60:,.0f} minutes"
        )
    console.print(f"{folder} has {free / _GIGABYTE:,.0f} GB; the variable TMPDIR names another folder")
    if max(needed(size)[0] for size in sizes) > free:
        sys.exit("That is not enough")


def main() -> None:
    parser = argparse.ArgumentParser(description="What a night costs a province with years behind it")
    parser.add_argument("size", type=int, nargs="?", default=100_000, help="dossiers, and documents (100000)")
    parser.add_argument("--events", type=int, default=2, choices=range(1, 6), help="events a document (2)")
    parser.add_argument("--years", type=int, default=5, help="of the history (5)")
    asked, console = parser.parse_args(), Console()
    announce([asked.size], console)
    for table in tables(measure(Extent(asked.size, asked.events, asked.years), console)):
        console.print(table)


if __name__ == "__main__":
    main()
