"""One night's fetch of one contract: what is new or changed goes into the archive, then into the ledger."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import psycopg
from psycopg.rows import dict_row

from kho import archive
from kho.contract import Contract
from kho.database import connect
from kho.fetch.connection import Connection
from kho.fetch.rows import RowCount
from kho.fetch.source import Incomplete, Listed, Source, SourceError
from kho.settings import Settings

#: a file that was this fresh when it was fetched may have changed since without its listing showing it
_FRESH = timedelta(seconds=5)
_UNFINISHED = re.compile(r"\..*|.*\.(part|tmp|filepart)")


class FetchFailed(Exception):
    """Something of the source could not be fetched; what could be was."""


@dataclass
class FetchReport:
    """What became of the files that a source listed, by their names."""

    contract: str
    taken: list[str] = field(default_factory=list)
    unchanged: int = 0
    later: list[str] = field(default_factory=list)  # of days after the night's
    incomplete: dict[str, str] = field(default_factory=dict)  # and why
    failed: dict[str, str] = field(default_factory=dict)  # and why
    unknown: list[str] = field(default_factory=list)  # not named as the contract says

    def __str__(self) -> str:
        counts = {
            "taken": len(self.taken),
            "unchanged": self.unchanged,
            "of later days": len(self.later),
            "not complete yet": len(self.incomplete),
            "failed": len(self.failed),
            "of unknown name": len(self.unknown),
        }
        told = [", ".join(f"{count} {what}" for what, count in counts.items() if count) or "nothing there"]
        told += [f"{name}: {reason}" for name, reason in {**self.incomplete, **self.failed}.items()]
        told += [f"{name}: not named as the contract's fileName says" for name in self.unknown]
        return "\n".join(told)


def fetch(
    settings: Settings, contract: Contract, business_date: date, connection: Connection | None = None
) -> FetchReport:
    """Fetch every delivery of `contract` up to `business_date` that is new or has other bytes than before.

    A file that is not whole yet is left for a later night, and said so in the ledger. FetchFailed when the source
    or a file of it could not be read: then everything else was fetched first.
    """
    report = FetchReport(contract.name)
    with connect(settings, "kho_loader", autocommit=True) as ledger:
        # Two fetches of one contract would race for what is new.
        ledger.execute("select pg_advisory_lock(hashtextextended(%s, 0))", [f"fetch {contract.name}"])
        note = partial(_note_failure, ledger, contract, business_date)
        archive.remove_old_drafts(settings)
        try:
            with closing(_source(settings, contract, connection)) as source:
                _fetch_files(settings, contract, business_date, source, ledger, report)
        except SourceError as error:
            note(None, str(error))
            raise FetchFailed(f"{contract.name}: {error}") from None
        for name, reason in {**report.incomplete, **report.failed}.items():
            note(name, reason)
    if report.failed:
        reasons = "\n".join(f"{name}: {reason}" for name, reason in report.failed.items())
        raise FetchFailed(f"{contract.name}: {len(report.failed)} files could not be fetched\n{reasons}")
    return report


def _source(settings: Settings, contract: Contract, connection: Connection | None) -> Source:
    named = contract.server.connection
    if contract.server_type == "local":
        from kho.fetch.folder import Folder

        return Folder(settings.exports / contract.location)
    if connection is None:
        raise SourceError(
            f"there is no connection {named}: say in {settings.home / 'connections.json'} where it leads to"
        )
    if contract.server_type == "sftp":
        from kho.fetch.sftp import Sftp

        return Sftp(connection, named, contract.location)
    from kho.fetch.http import Http

    # JSON lines have no path to their records.
    records_path = (contract.file.records_path or "items") if contract.format == "json" else None
    return Http(connection, named, contract.location, contract.server.page_size, records_path)


def _fetch_files(
    settings: Settings,
    contract: Contract,
    business_date: date,
    source: Source,
    ledger: psycopg.Connection,
    report: FetchReport,
) -> None:
    listed = {file.name: file for file in source.files()}
    known = _known(ledger, contract)
    due: list[tuple[date, Listed]] = []
    for name, file in sorted(listed.items()):
        match = re.fullmatch(contract.server.file_name, name)
        if match is None:
            if not (_is_control(contract, name) or _UNFINISHED.fullmatch(name)):
                report.unknown.append(name)
            continue
        try:
            day = datetime.strptime(match["business_date"], "%Y%m%d").date()
        except ValueError:
            report.failed[name] = (
                f"{match['business_date']} is no date: its name must hold the date as yyyymmdd"
            )
            continue
        if day > business_date:
            report.later.append(name)
        elif _is_unchanged(file, known.get((name, day))):
            report.unchanged += 1
        else:
            due.append((day, file))
    for day, file in sorted(due, key=lambda one: (one[0], one[1].name)):
        try:
            control_rows = file.records
            if contract.server.control_file:
                control_rows = _control_rows(
                    source, listed.get(_control_name(contract, file.name)), contract, file
                )
            chunks = source.read(file)
            if contract.server.control_file:
                chunks = _whole(chunks, contract, control_rows)
            stored = archive.store(settings, chunks)
        except Incomplete as reason:
            report.incomplete[file.name] = f"not complete yet: {reason}; it is taken once it is"
        except SourceError as error:
            report.failed[file.name] = str(error)
        else:
            if _enter(ledger, contract, day, file, stored, control_rows):
                report.taken.append(file.name)
            else:
                report.unchanged += 1


# Control files


def _control_name(contract: Contract, name: str) -> str | None:
    return contract.server.control_file and contract.server.control_file.format(name=name)


def _is_control(contract: Contract, name: str) -> bool:
    start, _, end = (contract.server.control_file or "").partition("{name}")
    return bool(start or end) and name.startswith(start) and name.endswith(end)


def _control_rows(source: Source, control: Listed | None, contract: Contract, file: Listed) -> int:
    """The number of rows that the control file announces."""
    if control is None:
        raise Incomplete(f"its control file {_control_name(contract, file.name)} is not there")
    text = b"".join(source.read(control))[:1000].decode("utf-8", "replace").strip()
    if not (match := re.fullmatch(r"rows=(\d+)", text)):
        raise SourceError(f"its control file {control.name} holds {text!r}, and should hold rows=<number>")
    return int(match[1])


def _whole(chunks: Iterator[bytes], contract: Contract, announced: int) -> Iterator[bytes]:
    """Pass the bytes on; Incomplete at their end if they hold fewer rows than announced."""
    rows = RowCount(contract.encoding, contract.delimiter, contract.file.header_rows)
    for chunk in chunks:
        rows.add(chunk)
        yield chunk
    if rows.total() < announced:
        raise Incomplete(f"it holds {rows.total()} rows, and its control file announces {announced}")


# The ledger


def _known(ledger: psycopg.Connection, contract: Contract) -> dict[tuple[str, date], dict[str, Any]]:
    """The latest arrival of every delivery of the contract."""
    with ledger.cursor(row_factory=dict_row) as cursor:
        cursor.execute(
            """
            select distinct on (delivery_id) d.name, d.business_date, a.source_size, a.source_modified_at, a.arrived_at
            from ledger.delivery d join ledger.arrival a using (delivery_id)
            where d.contract = %s order by delivery_id, arrival_id desc
            """,
            [contract.name],
        )
        return {(row["name"], row["business_date"]): row for row in cursor}


def _is_unchanged(file: Listed, arrival: dict[str, Any] | None) -> bool:
    """Whether the listing alone shows that the file is the one that was taken last."""
    if arrival is None or file.modified is None:
        return False
    return (
        file.size == arrival["source_size"]
        and file.modified == arrival["source_modified_at"]
        and file.modified < arrival["arrived_at"] - _FRESH
    )


def _enter(
    ledger: psycopg.Connection,
    contract: Contract,
    day: date,
    file: Listed,
    stored: archive.Stored,
    control_rows: int | None,
) -> bool:
    """Write the delivery and its arrival down; False if its bytes are those that came last."""
    with ledger.transaction():
        ledger.execute(
            "insert into ledger.delivery (contract, name, business_date) values (%s, %s, %s) on conflict do nothing",
            [contract.name, file.name, day],
        )
        (delivery_id,) = ledger.execute(
            "select delivery_id from ledger.delivery where contract = %s and name = %s and business_date = %s",
            [contract.name, file.name, day],
        ).fetchone()
        last = ledger.execute(
            "select arrival_id, sha256 from ledger.arrival where delivery_id = %s order by arrival_id desc limit 1",
            [delivery_id],
        ).fetchone()
        if last and last[1] == stored.sha256:
            # Touched, not changed: remember how it is listed now, to spare the next download.
            ledger.execute(
                "update ledger.arrival set source_size = %s, source_modified_at = %s where arrival_id = %s",
                [file.size, file.modified, last[0]],
            )
            return False
        ledger.execute(
            """
            insert into ledger.arrival
              (delivery_id, sha256, size_bytes, source_modified_at, source_size, control_rows)
            values (%s, %s, %s, %s, %s, %s)
            """,
            [delivery_id, stored.sha256, stored.size_bytes, file.modified, file.size, control_rows],
        )
        return True


def _note_failure(
    ledger: psycopg.Connection, contract: Contract, business_date: date, name: str | None, reason: str
) -> None:
    ledger.execute(
        "insert into ledger.fetch_failure (contract, name, business_date, reason) values (%s, %s, %s, %s)",
        [contract.name, name, business_date, reason],
    )
