"""Speed and memory of loading, beside a plain COPY of the same file in the same run: `make bench`.

Prints ratios; absolute times belong to the machine. Every load runs in a process of its own, so that its peak memory
can be told from the process's start.
"""

from __future__ import annotations

import multiprocessing
import re
import sys
import tempfile
import time
from datetime import date, datetime, timedelta
from pathlib import Path

import psycopg
from psycopg.sql import SQL, Identifier
from rich.console import Console
from rich.table import Table

from kho.contract import Contract, contracts
from kho.load import load
from kho.server import postgres
from kho.settings import Settings
from tests.integration.loading import deliver


def dossiers(contract: Contract, rows: int, bad_share: float = 0.02) -> bytes:
    """A CSV export of this many dossiers, of which some are broken."""
    start = datetime(2021, 1, 4, 7, 30)
    every = int(1 / bad_share) if bad_share else rows + 1
    lines = [";".join(column.header for column in contract.columns)]
    for n in range(rows):
        received = start + timedelta(minutes=n % 200_000)
        stamp = received.strftime("%d/%m/%Y %H:%M") if n % every else "31/02/2021 08:00"
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
    parent, child = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_run, args=(child, work, *arguments))
    process.start()
    seconds, megabytes = parent.recv()
    process.join()
    return seconds, megabytes


def _run(pipe, work, *arguments) -> None:
    import kho.formats.delimited
    import kho.formats.json
    import kho.formats.parquet
    import kho.formats.xml
    import kho.load  # noqa: F401  (imports are the process's start, not the load)

    before = _peak_megabytes()
    start = time.perf_counter()
    work(*arguments)
    seconds = time.perf_counter() - start
    pipe.send((seconds, _peak_megabytes() - before))


def _peak_megabytes() -> float:
    # getrusage would count what the parent had before this process was its own.
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024


def plain_copy(settings: Settings, path: Path, width: int, delimiter: str) -> None:
    """The reference: the file's bytes into a logged table of texts, nothing typed, nothing checked."""
    with psycopg.connect(settings.admin_url()) as connection, connection.cursor() as cursor:
        columns = SQL(", ").join(SQL("{} text").format(Identifier(f"c{n}")) for n in range(width))
        cursor.execute(SQL("create table plain ({})").format(columns))
        options = SQL("copy plain from stdin (format csv, header, delimiter {})").format(delimiter)
        with path.open("rb") as file, cursor.copy(options) as copy:
            while chunk := file.read(1 << 20):
                copy.write(chunk)


def kho_load(settings: Settings, name: str) -> None:
    load(settings, contracts(settings)[name])


def main(rows: int) -> None:
    table = Table("load", "rows", "MB", "time against plain COPY", "memory, MB", title=f"{rows:,} rows")
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home))
        postgres.start(settings)
        try:
            known = contracts(settings)
            contract = known["one_stop.dossiers"]
            data = dossiers(contract, rows)
            path = Path(home) / "dossiers.csv"
            path.write_bytes(data)
            deliver(settings, contract, "bench", data, date(2021, 1, 4))
            size = len(data) / 1e6
            del data
            plain, memory = measured(plain_copy, settings, path, len(contract.columns), contract.delimiter)
            table.add_row("plain COPY into texts", f"{rows:,}", f"{size:.0f}", "1.0", f"{memory:.0f}")
            seconds, memory = measured(kho_load, settings, contract.name)
            table.add_row(
                "CSV, 2 % bad rows", f"{rows:,}", f"{size:.0f}", f"{seconds / plain:.1f}", f"{memory:.0f}"
            )
            contract = known["documents.deliveries"]
            data = events(contract, rows)
            size = len(data) / 1e6
            deliver(settings, contract, "bench", data, date(2021, 1, 4))
            del data
            seconds, memory = measured(kho_load, settings, contract.name)
            table.add_row("JSON lines", f"{rows:,}", f"{size:.0f}", f"{seconds / plain:.1f}", f"{memory:.0f}")
        finally:
            postgres.stop(settings)
    Console().print(table)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
