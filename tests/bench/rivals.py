"""The load of dossiers beside what others would load them with: dlt and pgloader, in the same run as a plain COPY: `make bench`.

dlt gets an environment of its own, in the user's cache: pip installs `dlt.lock` there. pgloader is a package of the system.
Who is not here is left out, and the output says so. None of them rejects and explains rows, makes keys, hashes identity
numbers or counts a profile: the column "bad dates" says what becomes of a 31 February.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg.sql import SQL, Identifier
from rich.console import Console
from rich.table import Table

from kho.contract import Column, Contract, contracts
from kho.server import postgres
from kho.settings import Settings
from tests.bench.load import Cost, charged, dossiers, kho_load, plain_copy, with_server
from tests.integration.loading import deliver

LOCK = Path(__file__).with_name("dlt.lock")
SCRIPT = Path(__file__).with_name("with_dlt.py")
TYPES = {"timestamp": "timestamp", "integer": "bigint", "boolean": "boolean"}

Told = Callable[[str], None]


class Dlt(NamedTuple):
    """A way to load with dlt: what it is called, in what format rows wait for the server, what becomes of a bad date."""

    title: str
    way: str
    typed: bool
    bad_dates: str


DLT = (
    Dlt("dlt: pyarrow, Parquet, ADBC; typed", "parquet", True, "become another day"),
    Dlt("dlt: pyarrow, Parquet, ADBC; texts", "parquet", False, "are texts"),
    Dlt("dlt: pyarrow, CSV, COPY; typed", "csv", True, "become another day"),
    Dlt("dlt: the file as it is, COPY; texts", "file", False, "are texts"),
)


def environment(tell: Told) -> Path | None:
    """The Python of dlt's environment, which is made once for each lock; None where it can't be."""
    key = hashlib.sha256(LOCK.read_bytes() + sys.version.encode()).hexdigest()[:12]
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kho" / f"bench-dlt-{key}"
    python, installed = home / "bin" / "python", home / "installed"
    if not installed.exists():
        tell(f"Installing dlt into {home}")
        pip = [python, "-m", "pip", "install", "--disable-pip-version-check", "--quiet", "--no-deps"]
        for command in (
            [sys.executable, "-m", "venv", "--clear", home],
            [*pip, "--require-hashes", "-r", LOCK],
        ):
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                tell(f"dlt could not be installed and is left out: {done.stderr.strip()[-400:]}")
                return None
        installed.touch()
    return python


def with_dlt(python: Path, way: Dlt, job: dict[str, Any], versions: dict[str, str]) -> Cost:
    variables = os.environ | {
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "DATA_WRITER__COMPRESSION": "none",  # of Parquet
        "NORMALIZE__DATA_WRITER__DISABLE_COMPRESSION": "true",  # of CSV
        "HOME": job["home"],  # dlt keeps things there
    }
    done = subprocess.run(
        [python, SCRIPT],
        input=json.dumps(job | way._asdict()),
        cwd=job["home"],
        env=variables,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"{way.title}:\n{done.stderr[-4000:]}")
    told = json.loads(done.stdout.splitlines()[-1])
    versions |= told["versions"]
    return told["cpu"], told["seconds"], told["megabytes"]


def with_pgloader(settings: Settings, contract: Contract, path: Path, schema: str) -> Cost:
    """Typed by the server as it copies; numbers lose their dots on the way."""
    columns = ", ".join(f'"{column.name}" {TYPES.get(column.type, "text")}' for column in contract.stored)
    with psycopg.connect(settings.admin_url()) as connection:
        connection.execute(f"create schema {schema}")
        connection.execute(f"create table {schema}.dossiers ({columns})")

    def target(column: Column) -> str:
        if column.type != "integer":
            return column.name
        return f'{column.name} bigint using (when {column.name} (remove (char "." 0) {column.name}))'

    command = path.with_suffix(".load")
    command.write_text(
        f"""load csv from '{path}' with encoding utf-8
        ({", ".join(f"{column.name} [null if blanks]" for column in contract.columns)})
        into {settings.admin_url()} target table {schema}.dossiers ({", ".join(map(target, contract.stored))})
        with skip header = 1, fields terminated by '{contract.delimiter}', fields optionally enclosed by '"',
          fields escaped by double-quote
        set datestyle to 'ISO, DMY', client_encoding to 'utf8';"""
    )
    before, start = _cpu_of_children(), time.perf_counter()
    process = subprocess.Popen(
        ["pgloader", "--root-dir", path.parent / "pgloader", command], stdout=subprocess.DEVNULL
    )
    megabytes = 0.0
    while process.poll() is None:
        # The whole process: where its start ends can't be told from outside.
        megabytes = max(megabytes, _peak_megabytes(process.pid))
        time.sleep(0.02)
    return _cpu_of_children() - before, time.perf_counter() - start, megabytes


def _cpu_of_children() -> float:
    times = resource.getrusage(resource.RUSAGE_CHILDREN)
    return times.ru_utime + times.ru_stime


def _peak_megabytes(process: int) -> float:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    return int(found[1]) / 1024 if found else 0  # a process that has ended has none


def main(rows: int) -> dict[str, float]:
    """Prints the table; gives Kho's CPU against that of every other load with types."""
    console, bench = Console(), None
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home, "kho"))
        postgres.start(settings)
        try:
            bench = _Bench(settings, Path(home), rows)
            bench.kho()
            if python := environment(console.print):
                bench.dlt(python)
            if shutil.which("pgloader"):
                bench.pgloader()
            else:
                console.print("pgloader is not here (Debian's package pgloader) and is left out")
        finally:
            postgres.stop(settings)
    plain = tuple(map(statistics.median, zip(*bench.copies, strict=True)))
    versions = ", ".join(f"{name} {number}" for name, number in sorted(bench.versions.items()))
    titles = ("load", "CPU against plain COPY", "rows/s against plain COPY", "memory, MB", "bad dates")
    table = Table(*titles, title=f"{rows:,} rows: {versions}")
    for title, (cpu, clock, megabytes), bad_dates in [
        ("plain COPY; texts", plain, "are texts"),
        *bench.costs,
    ]:
        table.add_row(
            title, f"{cpu / plain[0]:.1f}", f"{plain[1] / clock:.2f}", f"{megabytes:.0f}", bad_dates
        )
    console.print(table)
    (_, kho, _), *others = bench.costs
    return {
        f"load, {rows:,} rows: Kho against {title}": kho[0] / cost[0]
        for title, cost, _ in others
        if "; typed" in title
    }


class _Bench:
    """What each load cost, and a plain COPY after each: their median is less noisy than one of them."""

    def __init__(self, settings: Settings, home: Path, rows: int) -> None:
        self._settings, self._home, self._rows = settings, home, rows
        self._contract = contracts(settings)["one_stop.dossiers"]
        self._path = home / "dossiers.csv"
        data = dossiers(self._contract, rows)
        self._path.write_bytes(data)
        deliver(settings, self._contract, "bench", data, date(2021, 1, 4))
        self.costs: list[tuple[str, Cost, str]] = []
        self.copies: list[Cost] = []
        with psycopg.connect(settings.admin_url()) as connection:
            self.versions = {"PostgreSQL": connection.execute("show server_version").fetchone()[0]}

    def kho(self) -> None:
        cost = with_server(self._settings, kho_load, self._settings, self._contract.name)
        self._tell("Kho; typed", cost, "are rejects, with all their reasons")

    def dlt(self, python: Path) -> None:
        stored = self._contract.stored
        columns = [
            {"header": column.header, "type": column.type, "is_stored": column in stored}
            for column in self._contract.columns
        ]
        for n, way in enumerate(DLT):
            name = f"dlt_{n}"
            folder = self._home / name
            folder.mkdir()
            job = {
                "name": name,
                "home": str(folder),
                "url": self._settings.admin_url(),
                "path": str(self._path),
                "delimiter": self._contract.delimiter,
                "columns": columns,
            }
            cost = charged(self._settings, partial(with_dlt, python, way, job, self.versions))
            self._tell(way.title, cost, way.bad_dates, schema=name)
            shutil.rmtree(folder)

    def pgloader(self) -> None:
        """A file without bad dates: with them 20,000 rows take a minute, in batches of any size."""
        found = subprocess.run(["pgloader", "--version"], capture_output=True, text=True).stdout
        self.versions["pgloader"] = found.split('"')[1]
        path, schema = self._home / "good.csv", "pgloader"
        path.write_bytes(dossiers(self._contract, self._rows, bad_share=0))
        run = partial(with_pgloader, self._settings, self._contract, path, schema)
        cost = charged(self._settings, run)
        self._tell("pgloader, a file without bad dates; typed", cost, "each sends its batch again", schema)

    def _tell(self, title: str, cost: Cost, bad_dates: str, schema: str | None = None) -> None:
        """`schema`: it has all rows, and is not needed any more."""
        self.costs.append((title, cost, bad_dates))
        text_copy = self._path, len(self._contract.columns), self._contract.delimiter
        self.copies.append(with_server(self._settings, plain_copy, self._settings, *text_copy))
        if schema:
            name = Identifier(schema)
            with psycopg.connect(self._settings.admin_url()) as connection:
                count = SQL("select count(*) from {}.dossiers").format(name)
                (found,) = connection.execute(count).fetchone()
                if found != self._rows:
                    raise AssertionError(f"{title}: {found} of {self._rows} rows")
                connection.execute(SQL("drop schema {} cascade").format(name))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000)
