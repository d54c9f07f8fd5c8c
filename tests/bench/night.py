"""Where the seconds of a night go, step by step: `make bench`.

A night that brings the history of a sample district, and one that brings a day more, without Airflow, over the sample's SFTP
and HTTP servers. In a process that has imported what a night needs, as Airflow's workers have. CPU is that of this process
and of the server's sessions, apart. Each night is backed up; what the backup and the audit trail take is told below it.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path

import psycopg
from rich.console import Console
from rich.table import Table

from kho import night
from kho.backup.sealing import new_key
from kho.garbage import look_seldom
from kho.ledger import schema
from kho.server import postgres
from kho.settings import Settings
from kho_sample import totals, write
from tests.bench.load import sessions

SCALE = 0.2
LAST = date(2021, 6, 30)
NIGHTS = {"the history of half a year": LAST - timedelta(1), "a day more": LAST}

#: seconds, CPU of the process, CPU of the server
Cost = tuple[float, float, float]


def now(settings: Settings) -> Cost:
    return time.perf_counter(), time.process_time(), sessions(settings)


def run(pipe: Connection, settings: Settings, business_date: date) -> None:
    """A night as `night.run` does it, and what each step cost, of all systems together."""
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    from kho.server.executor import NEEDED  # Airflow, which would tell the other process what to log

    for name in NEEDED:
        import_module(name)
    look_seldom()
    costs: dict[str, Cost] = defaultdict(lambda: (0.0, 0.0, 0.0))
    do = night.do

    def measured(settings: Settings, step: str, *rest) -> None:
        before = now(settings)
        try:
            do(settings, step, *rest)
        finally:
            spent = (after - then for after, then in zip(now(settings), before, strict=True))
            costs[step] = tuple(map(sum, zip(costs[step], spent, strict=True)))

    night.do = measured
    night.run(settings, business_date)
    pipe.send(dict(costs))


def of_night(settings: Settings, business_date: date) -> dict[str, Cost]:
    parent, child = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=run, args=(child, settings, business_date))
    process.start()
    costs = parent.recv()
    process.join()
    return costs


def kept_safe(settings: Settings, backups: Path) -> str:
    """What backups and the audit trail take, all that there are of them."""
    size = sum(path.stat().st_size for path in backups.rglob("*") if path.is_file())
    with psycopg.connect(settings.admin_url()) as connection:
        entries, trail = connection.execute(
            "select count(*), pg_total_relation_size('ledger.audit_event') from ledger.audit_event"
        ).fetchone()
        (milliseconds,) = connection.execute(
            "select coalesce(sum(total_time), 0) from pg_stat_user_functions"
            " where schemaname = 'ledger' and funcname = 'note_action'"
        ).fetchone()
        (warehouse,) = connection.execute("select pg_database_size(current_database())").fetchone()
    return (
        f"backups so far: {size / 1e6:.1f} MB, beside {warehouse / 1e6:.0f} MB of warehouse;"
        f" audit trail so far: {entries} entries, {trail / 1e3:.0f} kB, {milliseconds / 1e3:.2f} s of the server"
    )


@contextmanager
def sources(settings: Settings) -> Iterator[None]:
    """The sample's servers over what is in the home."""
    servers = subprocess.Popen(
        [sys.executable, "-m", "kho_sample.servers"],
        env=os.environ | {"KHO_HOME": str(settings.home)},
        stdout=subprocess.DEVNULL,
    )
    while not (settings.home / "connections.json").exists():
        time.sleep(0.1)
    yield
    servers.terminate()
    servers.wait(10)


def main() -> None:
    console = Console()
    with tempfile.TemporaryDirectory() as home:
        Path(home).chmod(0o711)  # PostgreSQL's account passes through
        backups = Path(home) / "backups"
        settings = Settings(
            home=Path(home) / "home", backup_to=str(backups), backup_recipient=new_key(Path(home) / "key")
        )
        told = totals.read(settings.project / "samples" / "long_phu_2021_h1.yaml").scaled(SCALE)
        postgres.start(settings)
        try:
            schema.prepare(settings)
            with psycopg.connect(settings.admin_url(), autocommit=True) as connection:
                connection.execute("alter system set track_functions = 'pl'")
                connection.execute("select pg_reload_conf()")
            with sources(settings):
                for title, business_date in NIGHTS.items():
                    write.write(settings, told, business_date)
                    costs = of_night(settings, business_date)
                    whole = [sum(column) for column in zip(*costs.values(), strict=True)]
                    table = Table("step", "seconds", "CPU of Kho", "CPU of the server", "share", title=title)
                    for step, cost in {**costs, "all": whole}.items():
                        share = sum(cost[1:]) / sum(whole[1:])
                        table.add_row(step, *(f"{each:.1f}" for each in cost), f"{share:.0%}")
                    console.print(table)
                    console.print(kept_safe(settings, backups))
        finally:
            postgres.remove(settings)


if __name__ == "__main__":
    main()
