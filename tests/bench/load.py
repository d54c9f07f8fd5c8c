"""Speed and memory of loading, beside a plain COPY of the same file in the same run: `make bench`.

Prints ratios; absolute times belong to the machine. CPU is that of the process and of the server's sessions, which says more
than the clock where others work beside them. Every load runs in a process of its own, so that its peak memory can be told
from the process's start.
"""

from __future__ import annotations

import multiprocessing
import re
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import psutil
import psycopg
from psycopg.sql import SQL, Identifier
from rich.console import Console
from rich.table import Table

from kho.contract import Contract, contracts
from kho.load import load
from kho.server import postgres
from kho.settings import Settings
from tests.integration.loading import deliver

FILES, SMALL = 200, 50  # small files, and their rows

Cost = tuple[float, float, float]
"""Seconds of CPU, seconds by the clock, megabytes above the process's start."""


def dossiers(contract: Contract, rows: int, bad_share: float = 0.02) -> bytes:
    """A CSV export of this many dossiers, of which some are broken."""
    start = datetime(2021, 1, 4, 7, 30)
    every = int(1 / bad_share) if bad_share else 1
    lines = [";".join(column.header for column in contract.columns)]
    for n in range(rows):
        received = start + timedelta(minutes=n % 200_000)
        stamp = received.strftime("%d/%m/%Y %H:%M") if n % every or not bad_share else "31/02/2021 08:00"
        due = (received + timedelta(days=10)).strftime("%d/%m/%Y %H:%M")
        lines.append(
            f"000.21.12.H51-210104-{n % 10_000:04}{n // 10_000:04};1.004946;;civil_status;000.21.12.H51;{n % 3 + 1};1;{stamp};{stamp};"
            f"{due};;;{due};{due};;9;1;0;;0;0;1.250.000;Nguyễn Văn Thử {n};0900000000;{n:012};ấp Thử, xã Thử;"
            f"{'' if n % 50 else chr(34) + 'hai' + chr(10) + 'dòng' + chr(34)};{due}"
        )
    return ("\ufeff" + "\r\n".join(lines) + "\r\n").encode()


def events(contract: Contract, rows: int) -> bytes:
    """JSON lines of this many delivery events."""
    return "".join(
        f'{{"event_id":"e{n}","from_organ":"H51.12","to_organ":"H51.12.21","code_number":"{n % 900 + 1}","code_notation":"UBND-VP",'
        f'"promulgation_date":"2021-01-05","status":"01","timestamp":"2021-01-05T08:15:00+07:00","staff_name":"Thử"}}\n'
        for n in range(rows)
    ).encode()


def measured(work, *arguments) -> tuple[float, float]:
    """Seconds and megabytes above the process's start that `work` took, in a fresh process."""
    _, seconds, megabytes = in_a_process(work, *arguments)
    return seconds, megabytes


def in_a_process(work, *arguments) -> Cost:
    """The same behind the seconds of CPU that the process took."""
    parent, child = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_run, args=(child, work, *arguments))
    process.start()
    cost = parent.recv()
    process.join()
    return cost


def with_server(settings: Settings, work, *arguments) -> Cost:
    """The same; what the server's sessions took belongs to it."""
    return charged(settings, lambda: in_a_process(work, *arguments))


def charged(settings: Settings, run: Callable[[], Cost]) -> Cost:
    """What the run cost, with what the server's sessions took."""
    before = sessions(settings)
    own, seconds, megabytes = run()
    time.sleep(0.5)  # until its sessions have ended
    return own + sessions(settings) - before, seconds, megabytes


def sessions(settings: Settings) -> float:
    """Seconds of CPU that the server's ended sessions took."""
    with psycopg.connect(settings.admin_url()) as connection:
        server = psutil.Process(connection.info.backend_pid).parent()
    times = server.cpu_times()
    return times.children_user + times.children_system


def _run(pipe, work, *arguments) -> None:
    import kho.formats.delimited
    import kho.formats.json
    import kho.formats.parquet
    import kho.formats.xml
    import kho.load.fast  # noqa: F401  (imports are the process's start, not the load)

    before = _peak_megabytes()
    cpu, start = time.process_time(), time.perf_counter()
    work(*arguments)
    cost = time.process_time() - cpu, time.perf_counter() - start
    pipe.send((*cost, _peak_megabytes() - before))


def _peak_megabytes() -> float:
    # getrusage would count what the parent had before this process was its own.
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024


def plain_copy(settings: Settings, path: Path, width: int, delimiter: str, files: int = 1) -> None:
    """The reference: the file's bytes into a logged table of texts, nothing typed, nothing checked; as so many files."""
    with psycopg.connect(settings.admin_url()) as connection, connection.cursor() as cursor:
        columns = SQL(", ").join(SQL("{} text").format(Identifier(f"c{n}")) for n in range(width))
        cursor.execute(SQL("create table if not exists plain ({})").format(columns))
        options = SQL("copy plain from stdin (format csv, header, delimiter {})").format(delimiter)
        for _ in range(files):
            with path.open("rb") as file, cursor.copy(options) as copy:
                while chunk := file.read(1 << 20):
                    copy.write(chunk)
            connection.commit()


def kho_load(settings: Settings, name: str) -> None:
    load(settings, contracts(settings)[name])


def main(rows: int) -> dict[str, float]:
    """Prints the table; gives the ratios of CPU by what was loaded."""
    ratios: dict[str, float] = {}
    titles = ("load", "rows", "MB", "CPU against plain COPY", "time against plain COPY", "memory, MB")
    table = Table(*titles, title=f"{rows:,} rows")
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home))
        postgres.start(settings)
        try:
            known = contracts(settings)
            contract = known["one_stop.dossiers"]
            path = Path(home) / "dossiers.csv"
            text_copy = settings, path, len(contract.columns), contract.delimiter

            def tell(
                title: str,
                of: str,
                size: int,
                cost: Cost,
                plain: Cost,
            ) -> None:
                cpu, clock = cost[0] / plain[0], cost[1] / plain[1]
                table.add_row(title, of, f"{size / 1e6:.1f}", f"{cpu:.1f}", f"{clock:.1f}", f"{cost[2]:.0f}")
                if cost is not plain:
                    ratios[f"load, {of} rows: {title}"] = cpu

            data = dossiers(contract, SMALL, bad_share=0.06)
            path.write_bytes(data)
            for n in range(FILES):
                deliver(settings, contract, f"small {n}", data, date(2021, 1, 4))
            of, size = f"{FILES} x {SMALL}", FILES * len(data)
            plain = with_server(settings, plain_copy, *text_copy, FILES)
            tell("plain COPY of small files", of, size, plain, plain)
            cost = with_server(settings, kho_load, settings, contract.name)
            tell("small files, some bad dates", of, size, cost, plain)
            data = dossiers(contract, rows)
            path.write_bytes(data)
            deliver(settings, contract, "bench", data, date(2021, 1, 4))
            of, size = f"{rows:,}", len(data)
            del data
            plain = with_server(settings, plain_copy, *text_copy)
            tell("plain COPY into texts", of, size, plain, plain)
            cost = with_server(settings, kho_load, settings, contract.name)
            tell("CSV, 2 % bad rows", of, size, cost, plain)
            contract = known["documents.deliveries"]
            data = events(contract, rows)
            size = len(data)
            deliver(settings, contract, "bench", data, date(2021, 1, 4))
            del data
            tell("JSON lines", of, size, with_server(settings, kho_load, settings, contract.name), plain)
        finally:
            postgres.stop(settings)
    Console().print(table)
    return ratios


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
