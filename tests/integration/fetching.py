"""Help for tests that fetch: put files where the sample servers serve them, look at what was written down."""

from __future__ import annotations

import os
import shutil
import time
from datetime import date
from pathlib import Path
from typing import Any

import psycopg

from kho.archive import Archive
from kho.contract import Contract, contracts
from kho.database import connect
from kho.fetch import Fetched, connections, fetch
from kho.settings import Settings

JUNE = date(2021, 6, 30)
NAMES = {
    "one_stop.procedures": "procedures_000.00.12.H51_{}.xls",  # a folder
    "one_stop.dossiers": "dossiers_{}.csv",  # SFTP, with control files
    "portal.items": "items_{}.json",  # HTTP, JSON pages
    "documents.deliveries": "deliveries_{}.jsonl",  # HTTP, pages of lines
}


def contract(name: str) -> Contract:
    return contracts(Settings())[name]


def content(name: str, rows: int, word: str = "a") -> bytes:
    """An export with so many rows; `word` makes the bytes differ."""
    match name:
        case "one_stop.dossiers":
            return b"maHoSo;ghiChu\r\n" + f'{word};"hai\ndòng"\r\n'.encode() * rows
        case "portal.items":
            return b'{"items": [' + b",".join([f'{{"id": "{word}"}}'.encode()] * rows) + b"]}"
        case "documents.deliveries":
            return f'{{"event_id": "{word}"}}\n'.encode() * rows
        case _:
            return f"<table><tr><td>{word}</td></tr></table>".encode() * rows


def empty(settings: Settings) -> None:
    """Forget every delivery: exports, archive and ledger as they were before the first fetch."""
    for folder in (settings.exports, settings.archive):
        shutil.rmtree(folder, ignore_errors=True)
    for name in NAMES:
        (settings.exports / name.replace(".", "/")).mkdir(parents=True)
    with psycopg.connect(settings.admin_url()) as connection:
        connection.execute("truncate ledger.delivery, ledger.fetch_failure cascade")


def put(
    settings: Settings,
    name: str,
    day: str,
    rows: int = 3,
    word: str = "a",
    suffix: str = "",
    age: float = 3600,
) -> Path:
    """Hand over an export of a day, last written `age` seconds ago, with its control file if its contract has one."""
    system, entity = name.split(".")
    base, dot, ending = NAMES[name].format(day).rpartition(".")
    path = settings.exports / system / entity / f"{base}{suffix}{dot}{ending}"
    return write(path, content(name, rows, word), age, rows if name == "one_stop.dossiers" else None)


def write(path: Path, data: bytes, age: float = 3600, control_rows: int | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    then = time.time() - age
    os.utime(path, (then, then))
    if control_rows is not None:
        path.with_name(f"{path.name}.ctl").write_text(f"rows={control_rows}\n")
    return path


def run(settings: Settings, name: str, business_date: date = JUNE) -> Fetched:
    found = contract(name)
    return fetch(settings, found, business_date, connections(settings).get(found.server.connection))


def arrivals(settings: Settings, name: str) -> list[dict[str, Any]]:
    """Every arrival in order, with its delivery and the archived bytes."""
    with connect(settings, "kho_auditor") as connection:
        rows = connection.execute(
            """
            select d.name, d.business_date, d.delivery_id, a.sha256, a.control_rows, a.size_bytes
            from ledger.arrival a join ledger.delivery d using (delivery_id)
            where d.contract = %s order by arrival_id
            """,
            [name],
        ).fetchall()
    keys = ("name", "business_date", "delivery_id", "sha256", "control_rows", "size_bytes")
    found = [dict(zip(keys, row, strict=True)) for row in rows]
    for one in found:
        with Archive.of(settings).plain(one["sha256"]) as path:
            one["bytes"] = path.read_bytes()
    return found


def failures(settings: Settings, name: str) -> list[tuple[str | None, str]]:
    with connect(settings, "kho_auditor") as connection:
        return connection.execute(
            "select name, reason from ledger.fetch_failure where contract = %s order by failure_id", [name]
        ).fetchall()
