"""A file tried out: what a load would make of it, and what the exports boundary would say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import psycopg

from kho.archive import Archive, Lost, nameless
from kho.check import foresee
from kho.contract import Contract
from kho.contract.schedule import yesterday
from kho.fetch import Offered, connections, take
from kho.formats.words import beginning, headers
from kho.ledger.batches import last_profile
from kho.ledger.deliveries import newest
from kho.load.dry_run import DryRun, dry_run
from kho.settings import Settings
from kho.source.step import Finding

UNKNOWN = "columns unknown to the contract, left out"


class NothingToTry(Exception):
    """There is no delivery; the message says what can be done."""


@dataclass(frozen=True)
class TrialFile:
    """Bytes on this machine, and what their delivery would be."""

    path: Path
    name: str
    day: date
    control_rows: int | None
    where: str


def deliveries(offered: list[Offered]) -> list[Offered]:
    """The deliveries of a listing, oldest first."""
    return sorted(
        (each for each in offered if each.kind == "delivery"), key=lambda each: (each.day, each.name)
    )


@contextmanager
def file_to_try(
    settings: Settings,
    ledger: psycopg.Connection,
    contract: Contract,
    offered: list[Offered],
    given: Path | None,
    day: date | None,
) -> Iterator[TrialFile]:
    """The file to try: the given one, or the newest delivery up to the day, in the archive or else from its source.

    Nothing of it is left behind. Raises `NothingToTry`, `FetchFailed`.
    """
    if given:
        yield TrialFile(
            given, given.name, contract.day_of(given.name) or day or yesterday(), None, str(given)
        )
        return
    there = [each for each in deliveries(offered) if day is None or each.day <= day]
    archived = newest(ledger, contract.name, day)
    if archived and (not there or there[-1].day <= archived.business_date):
        name, of = archived.name, archived.business_date
        try:
            with Archive.of(settings).plain(archived.sha256) as path:
                yield TrialFile(path, name, of, archived.control_rows, "in the archive")
        except Lost as lost:
            raise NothingToTry(f"{name} of {of}: {lost}") from None
    elif there:
        offer = there[-1]
        lead = connections(settings).get(contract.server.connection)
        with nameless(settings.home) as path:
            control_rows = take(settings, contract, offer.day, offer.name, path, lead)
            yield TrialFile(path, offer.name, offer.day, control_rows, "at its source")
    else:
        raise NothingToTry("there is no delivery to try: name a file with --file")


def try_out(
    settings: Settings,
    contract: Contract,
    file: TrialFile,
    look: Callable[[psycopg.Connection], None] | None = None,
) -> DryRun:
    """What a load would make of the file; `look` sees its rows. Raises `ContractError` when the raw table can't take its columns."""
    return dry_run(settings, contract, file.path, file.name, file.day, file.control_rows, look)


def findings(
    ledger: psycopg.Connection, contract: Contract, file: TrialFile, tried: DryRun
) -> Iterator[Finding]:
    """Rows, rejects with examples, what was skipped, and how the file differs from its contract."""
    batch, profile = tried.batch, tried.profile
    told = f"{file.name} of {file.day} ({file.where})"
    if batch.state == "unreadable":
        yield Finding("wrong", f"{told} can't be read: {batch.reason}", words=beginning(contract, file.path))
        return
    is_nothing_loaded = batch.rows_rejected and not batch.rows_loaded
    yield Finding(
        "wrong" if is_nothing_loaded else "fine",
        f"{told}: {batch.rows_in_file:,} rows, {batch.rows_loaded:,} would load, {batch.rows_rejected:,} would be "
        f"rejected, {batch.rows_skipped:,} skipped",
    )
    if not batch.rows_in_file:
        yield Finding("told", "no row was there to try: name a --file, or an earlier --date, that has some")
    if not contract.is_named(file.name) or (contract.names_its_days and not contract.day_of(file.name)):
        yield Finding("told", f"a delivery must be named otherwise: fileName is {contract.server.file_name}")
    for reason, count in sorted(profile["rejects_by_reason"].items(), key=lambda each: -each[1]):
        examples = (f"row {each.row_number}: {each.text}" for each in tried.examples[reason])
        yield Finding("told", f"rejected ({count:,} rows): {reason}", tuple(examples))
    for reason, count in profile["skipped_by_reason"].items():
        yield Finding("told", f"skipped ({count:,} rows): {reason}")
    before = last_profile(ledger, contract.name, file.day)
    was = _drift(before) if before else {}
    for what, names in _drift(profile).items():
        if names:
            since = (
                ""
                if before is None
                else " (as in the last batch)"
                if names == was[what]
                else " (new since the last batch)"
            )
            words = headers(contract, file.path) if what == UNKNOWN else ()
            yield Finding("told", f"{what}: {', '.join(names)}{since}", words=words)


def _drift(profile: dict[str, Any]) -> dict[str, list[str]]:
    return {
        "columns missing": profile["missing_columns"],
        UNKNOWN: list(profile["unknown_columns"]),
        "headers spelled otherwise": [
            f"{place} for {own}" for own, place in profile["respelled_columns"].items()
        ],
        "laid out otherwise": profile.get("notes", []),
    }


def verdict(
    ledger: psycopg.Connection, contract: Contract, file: TrialFile, tried: DryRun
) -> Iterator[Finding]:
    """What the exports boundary would find of this batch, and what it would decide."""
    batch = tried.batch
    would_be = {
        "batch_id": batch.batch_id,
        "business_date": file.day,
        "name": file.name,
        "state": batch.state,
        "reason": batch.reason,
        "profile": tried.profile,
        "rows_in_file": batch.rows_in_file,
        "rows_loaded": batch.rows_loaded,
        "rows_rejected": batch.rows_rejected,
        "rows_skipped": batch.rows_skipped,
    }
    verdicts = foresee(ledger, contract, would_be)
    for each in verdicts:
        if each.outcome == "failed":
            yield Finding(
                "wrong" if each.is_critical else "told",
                f"{each.severity}, {each.expectation}: {each.message}",
            )
    outcomes = [each.outcome for each in verdicts]
    counted = f"{outcomes.count('passed')} expectations passed, {outcomes.count('failed')} failed"
    if skipped := outcomes.count("skipped"):
        counted += f", {skipped} had nothing to look at"
    if any(each.is_critical for each in verdicts):
        yield Finding("wrong", f"the batch would be held ({counted})")
    else:
        yield Finding("fine", f"the batch would be accepted ({counted})")
