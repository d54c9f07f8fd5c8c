"""What goes after a time: only what `keep_…_days` of config.toml says, and nothing without it.

Raw rows, the ledger and the archive stay: figures, explanations and a rebuild are made of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from kho.ledger import audit, rejects
from kho.server import processes
from kho.settings import Settings

#: what writes files day by day: supervised programs and Airflow's tasks, dbt, events of OpenLineage
LOGS = ("logs", "airflow/logs", "dbt/logs", "openlineage")


class Old(NamedTuple):
    """What is older than its rule lets it be. `days` is the rule, None where all is kept; `number` is of files or rows.
    `held_back`: how many more are older, and stay until their batch is decided on."""

    kind: str
    days: int | None
    number: int
    size_bytes: int | None = None
    held_back: int = 0


def old(settings: Settings, now: datetime | None = None) -> list[Old]:
    """What the next night removes, by kind."""
    now = now or datetime.now(UTC)
    logs, texts = settings.keep_log_days, settings.keep_reject_text_days
    files = list(_files(settings, now, logs))
    decided, undecided = rejects.texts_before(settings, _before(now, texts)) if texts else (0, 0)
    return [
        Old("logs", logs, len(files), sum(path.stat().st_size for path in files)),
        Old("reject texts", texts, decided, held_back=undecided),
    ]


def prune(settings: Settings, now: datetime | None = None) -> list[Old]:
    """Remove what is older than the rules let it be; gives what went, which the audit trail tells, too.

    Killed, the next time removes the rest.
    """
    now = now or datetime.now(UTC)
    logs, texts = settings.keep_log_days, settings.keep_reject_text_days
    count, size = 0, 0
    for path in _files(settings, now, logs):
        with suppress(FileNotFoundError):  # whoever wrote it turned it over just now
            size += path.stat().st_size
            count += 1
            if _is_open(settings, path):
                os.truncate(path, 0)
                continue
            path.unlink()
            with suppress(OSError):  # other files are in there
                path.parent.rmdir()
    gone = [Old("logs", logs, count, size)]
    gone.append(
        Old("reject texts", texts, rejects.empty_texts(settings, _before(now, texts)) if texts else 0)
    )
    gone = [each for each in gone if each.number]
    for each in gone:
        audit.write(settings, "removed", f"{each.number} {each.kind}", f"older than {each.days} days")
    return gone


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
