"""A load that leaves nothing behind: the same pass over the rows, in a transaction that is rolled back."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from psycopg import Connection

from kho.contract import Contract
from kho.database import connect
from kho.load import raw
from kho.load.batches import Batch, fill, unreadable
from kho.load.failure import is_of_the_file, told
from kho.settings import Settings

BATCH = 0  # no batch has this number
EXAMPLES = 3


@dataclass(frozen=True)
class Example:
    """A rejected row: 1 is the first after the header; its text is masked as in the rejects."""

    row_number: int
    reasons: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class DryRun:
    """The batch that a load would make, its profile, and some rejects of every reason."""

    batch: Batch
    profile: dict[str, Any]
    examples: dict[str, list[Example]] = field(default_factory=dict)


def dry_run(
    settings: Settings,
    contract: Contract,
    path: Path,
    name: str,
    day: date,
    control_rows: int | None = None,
    look: Callable[[Connection], None] | None = None,
) -> DryRun:
    """What a load of this file would give, as the delivery of `day`. `look` sees the raw rows before they go.

    Raises `ContractError` when the raw table that is there can't take the contract's columns.
    """
    # Nobody sees these hashes: no key has to be there, or is made.
    secret = secrets.token_urlsafe()
    with connect(settings, "kho_loader") as connection, connection.transaction(force_rollback=True):
        raw.ensure(connection, settings, contract)
        try:
            with connection.transaction():
                made = fill(connection, contract, path, name, day, control_rows, BATCH, secret)
        except Exception as failure:
            if not is_of_the_file(failure):
                raise
            return DryRun(*unreadable(BATCH, name, told(failure)))
        if look:
            look(connection)
        return DryRun(*made, _examples(connection))


def _examples(connection: Connection) -> dict[str, list[Example]]:
    rows = connection.execute(
        """
        select reason, row_number, reasons, coalesce(row_text, '•••')
        from (
          select r.*, each.reason, row_number() over (partition by each.reason order by r.row_number) as place
          from reject.rejected_row r, unnest(r.reasons) as each (reason) where r.batch_id = %s
        ) as placed
        where place <= %s order by reason, row_number
        """,
        [BATCH, EXAMPLES],
    ).fetchall()
    examples: dict[str, list[Example]] = {}
    for reason, row_number, reasons, text in rows:
        examples.setdefault(reason, []).append(Example(row_number, tuple(reasons), text))
    return examples
