"""Every source with where it comes from, how fresh it is and what came last."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import psycopg

from kho.contract import Contract, ContractError, paths, read_contract, schedule
from kho.database import connect
from kho.ledger import batches, builds
from kho.ledger.freshness import Freshness
from kho.load import Known, freshness, known
from kho.settings import Settings


class UnknownSource(LookupError):
    """There is no such contract, or no such version of it; the message names those that there are."""


@dataclass(frozen=True)
class LastBatch:
    """A batch by what it brought."""

    batch_id: int
    file: str
    business_date: date
    state: str
    rows_in_file: int
    rows_loaded: int
    rows_rejected: int
    rows_skipped: int
    reason: str | None

    @property
    def rejected_percent(self) -> float | None:
        """Of the rows that are data; None where there are none."""
        data = self.rows_in_file - self.rows_skipped
        return round(100 * self.rows_rejected / data, 2) if data else None


@dataclass(frozen=True)
class SourceState:
    """One source. `problem` says why its contract can't be used, if it can't; then `contract` is the one that it was last
    loaded by, or None. The rest is what the ledger knows."""

    name: str
    contract: Contract | None
    problem: str | None = None
    freshness: Freshness | None = None
    last_batch: LastBatch | None = None


def find(settings: Settings, name: str) -> Path:
    """The contract's file, by its name (`one_stop.dossiers`) or its path. Raises `UnknownSource`."""
    if name.endswith((".yaml", ".yml")):
        if not Path(name).is_file():
            raise UnknownSource(f"there is no file {name}")
        return Path(name).absolute()
    known = paths(settings)
    if name not in known:
        raise UnknownSource(f"there is no contract {name}; there are {', '.join(known) or 'none'}")
    return known[name]


def sources(settings: Settings, *, with_ledger: bool = True) -> list[SourceState]:
    """Every contract of the project, in order of name; without the ledger, only what the files say.

    Freshness is that on the date of the newest night, from what the ledger holds now.
    """
    files = {name: _of_file(name, path) for name, path in paths(settings).items()}
    if not with_ledger:
        return [SourceState(name, each.contract, each.problem) for name, each in files.items()]
    with connect(settings, "kho_auditor") as connection:
        day = newest_night(connection)
        # Of drafts there is what the files say.
        found = files | {each.name: each for each in known(settings, connection)}
        return [
            SourceState(
                name,
                each.contract,
                each.problem,
                freshness(connection, day, each),
                next(iter(last_batches(connection, name, most=1)), None),
            )
            for name, each in found.items()
        ]


def _of_file(name: str, path: Path) -> Known:
    try:
        return Known(name, read_contract(path))
    except ContractError as error:
        return Known(name, None, "; ".join(error.problems))


def newest_night(connection: psycopg.Connection) -> date:
    """The business date of the newest night; yesterday, while there was none."""
    build = builds.newest(connection)
    return build.business_date if build else schedule.yesterday()


def last_batches(connection: psycopg.Connection, name: str, *, most: int) -> list[LastBatch]:
    """The batches of a contract that were loaded last, newest first."""
    return [LastBatch(*row) for row in batches.last(connection, name, most)]
