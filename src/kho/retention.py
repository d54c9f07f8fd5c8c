"""What goes after a time: only what `keep_…_days` of config.toml says, and nothing without it.

What figures, explanations and a rebuild are made of stays: raw rows and files of the archive whose batches are not withdrawn, and
the ledger.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from kho.archive import Archive
from kho.database import connect
from kho.ledger import audit, rejects, removals
from kho.ledger.removals import Withdrawn
from kho.load import raw
from kho.server import processes
from kho.settings import Settings

#: what writes files day by day: supervised programs and Airflow's tasks, dbt, events of OpenLineage
LOGS = ("logs", "airflow/logs", "dbt/logs", "openlineage")


class Old(NamedTuple):
    """What is older than its rule lets it be. `days` is the rule, None where all is kept; `number` is of files or rows.
    `held_back`: how many more are older, and stay: their batch is not decided on, or what is kept was built with them."""

    kind: str
    days: int | None
    number: int
    size_bytes: int | None = None
    held_back: int = 0


def old(settings: Settings, now: datetime | None = None) -> list[Old]:
    """What the next night removes, by kind."""
    now = now or datetime.now(UTC)
    files = list(_files(settings, now, settings.keep_log_days))
    decided, undecided = 0, 0
    if texts := settings.keep_reject_text_days:
        decided, undecided = rejects.texts_before(settings, _before(now, texts))
    withdrawn: list[Withdrawn] = []
    if days := settings.keep_withdrawn_days:
        with connect(settings, "kho_auditor") as connection:
            withdrawn = removals.withdrawn_before(connection, _before(now, days))
    free = [each for each in withdrawn if not each.is_needed]
    return [
        Old("logs", settings.keep_log_days, len(files), sum(path.stat().st_size for path in files)),
        Old("reject texts", texts, decided, held_back=undecided),
        Old(
            "withdrawn files",
            days,
            len(free),
            sum(each.size_bytes for each in free),
            held_back=len(withdrawn) - len(free),
        ),
    ]


def prune(settings: Settings, now: datetime | None = None) -> list[Old]:
    """Remove what is older than the rules let it be; gives what went, which the audit trail tells, too.

    Files of the archive are left to `remove_files`. Killed, the next time removes the rest.
    """
    now = now or datetime.now(UTC)
    gone = [_prune_logs(settings, now)]
    if days := settings.keep_reject_text_days:
        gone.append(Old("reject texts", days, rejects.empty_texts(settings, _before(now, days))))
    if days := settings.keep_withdrawn_days:
        gone.append(_prune_withdrawn(settings, now, days))
    gone = [each for each in gone if each.number]
    for each in gone:
        audit.write(settings, "removed", f"{each.number} {each.kind}", f"older than {each.days} days")
    return gone


def _prune_logs(settings: Settings, now: datetime) -> Old:
    count, size = 0, 0
    for path in _files(settings, now, settings.keep_log_days):
        with suppress(FileNotFoundError):  # whoever wrote it turned it over just now
            size += path.stat().st_size
            count += 1
            if _is_open(settings, path):
                os.truncate(path, 0)
                continue
            path.unlink()
            with suppress(OSError):  # other files are in there
                path.parent.rmdir()
    return Old("logs", settings.keep_log_days, count, size)


def _prune_withdrawn(settings: Settings, now: datetime, days: int) -> Old:
    count, size = 0, 0
    with connect(settings, "kho_loader", autocommit=True) as connection:
        for each in removals.withdrawn_before(connection, _before(now, days)):
            if each.is_needed:
                continue
            with connection.transaction():
                if not removals.remove_rows(connection, each):
                    continue
                for batch_id in each.batches if each.has_rows else ():
                    raw.remove(connection, each.contract, batch_id)
            count, size = count + 1, size + each.size_bytes
    return Old("withdrawn files", days, count, size)


def remove_files(settings: Settings) -> None:
    """Remove the archive's files whose rows went and that nothing else needs. The history beside it tells of that already."""
    archive = Archive.of(settings)
    with connect(settings, "kho_loader", autocommit=True) as connection:
        for sha256 in removals.files_to_remove(connection):
            archive.remove(sha256)
            removals.file_removed(connection, sha256)


def _before(now: datetime, days: int) -> datetime:
    return now - timedelta(days=days)


def _files(settings: Settings, now: datetime, days: int | None) -> Iterator[Path]:
    """Files of logs that nobody has written to since."""
    if days is None:
        return
    before = _before(now, days).timestamp()
    for folder in LOGS:
        for path in sorted((settings.home / folder).rglob("*")):
            if not path.is_file() or path.is_symlink() or path.stat().st_mtime >= before:
                continue
            if path.stat().st_size or not _is_open(settings, path):
                yield path


def _is_open(settings: Settings, path: Path) -> bool:
    """Whether a supervised program may have it open, however long it was silent: removed, what comes next would be in no file."""
    return path.parent == processes.logs(settings) and path.suffix == ".log"
