"""Would this source work? Its contract, its connection, a file of it, the boundary's verdict and what it would move.

Nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import psycopg

from kho.contract import Contract, ContractError, read_contract
from kho.contract.schedule import yesterday
from kho.database import connect
from kho.fetch import FetchFailed, Offered, connections, listing
from kho.ledger.freshness import delivered, joined
from kho.settings import Settings
from kho.source import trial
from kho.source.effect import Effect
from kho.source.overview import find
from kho.source.step import Finding, Step

NEWEST = 3  # deliveries that are named
MOST = 5  # names of a list that are shown


def check(settings: Settings, name: str, file: Path | None = None, day: date | None = None) -> Iterator[Step]:
    """Look at a source: contract, connection, dry run, verdict, effect, each given as soon as it is done. Nothing is written.

    `name`: the contract's name, or the path of its file. `file`: what to try instead of the newest delivery; then a
    source that can't be reached is told, and not wrong. `day`: the newest delivery up to it; with a file whose name
    holds no date, the date that it is for. Raises `UnknownSource`.
    """
    path = find(settings, name)
    shown = settings.shown(path)
    try:
        contract = read_contract(path)
    except ContractError as error:
        yield Step("Contract", tuple(Finding("wrong", f"{shown}: {each}") for each in error.problems))
        for title in ("Connection", "Dry run", "Verdict"):
            yield Step(title, (Finding("told", "not looked at: the contract can't be used"),))
        return
    yield Step("Contract", tuple(_contract(settings, contract, shown)))
    try:
        offered = listing(
            settings, contract, day or yesterday(), connections(settings).get(contract.server.connection)
        )
    except (FetchFailed, ValueError) as error:
        offered = []
        yield Step("Connection", (Finding("told" if file else "wrong", str(error)),))
    else:
        yield Step("Connection", tuple(_connection(settings, contract, offered)))
    yield from _try_out(settings, contract, offered, file, day)


def _contract(settings: Settings, contract: Contract, path: Path) -> Iterator[Finding]:
    yield Finding(
        "fine",
        f"{path}: version {contract.version}, {contract.format} over {contract.server_type}, "
        f"{len(contract.columns)} columns, key {', '.join(column.name for column in contract.key)}",
    )
    for question in contract.open_questions:
        yield Finding("wrong", f"open question: {question}")
    free = [
        column.name for column in contract.columns if not (column.is_classified or column.says_what_it_holds)
    ]
    if free:
        yield Finding(
            "told",
            f"may hold anything, names of people too: {_some(free)}. Say what stands there by a pattern, an enum or a mapping; or"
            " by its classification: personal with personalData, or internal where it can name nobody",
        )
    if contract.is_draft:
        yield Finding("told", "it is a draft: nights take it once its status is 'active'")
    model = settings.staging / contract.system / f"stg_{contract.raw_table}.sql"
    if not model.exists():
        yield Finding(
            "told", f"its rows go no further than the raw table: there is no {settings.shown(model)}"
        )


def _connection(settings: Settings, contract: Contract, offered: list[Offered]) -> Iterator[Finding]:
    deliveries = trial.deliveries(offered)
    where = ":".join(filter(None, [contract.server.connection, contract.location]))
    if contract.server_type == "local":
        where = str(settings.exports / contract.location)
    yield Finding("fine", f"{where}: {len(offered)} files, {len(deliveries)} of them named as fileName says")
    if deliveries:
        newest = [f"{each.name} of {each.day}" for each in reversed(deliveries[-NEWEST:])]
        yield Finding("fine", f"newest: {', '.join(newest)}")
    else:
        yield Finding("told", f"no delivery is there: names must match {contract.server.file_name}")
    names = {each.name for each in offered}
    lists = {
        "not complete yet, their control file is missing": [
            each.name
            for each in deliveries
            if contract.server.control_file
            and contract.server.control_file.format(name=each.name) not in names
        ],
        "not complete yet": [
            f"{each.business_date} ({each.trouble})"
            for each in joined(delivered(contract, each.name, each.day) for each in deliveries)
            if not each.is_accepted
        ],
        "not named as fileName says": [each.name for each in offered if each.kind == "unknown"],
        "links, or nothing that is a file": [each.name for each in offered if each.kind == "link"],
        "named as a newer one, as far as one can see": [each.name for each in offered if each.kind == "twin"],
        "named with something that is no date": [each.name for each in offered if each.kind == "misdated"],
    }
    for what, found in lists.items():
        if found:
            yield Finding("told", f"{what}: {_some(found)}")


def _try_out(
    settings: Settings, contract: Contract, offered: list[Offered], file: Path | None, day: date | None
) -> Iterator[Step]:
    try:
        ledger = connect(settings, "kho_auditor", autocommit=True)
    except (psycopg.OperationalError, LookupError) as error:
        yield from _untried(f"needs the warehouse: start it with `kho up` ({str(error).splitlines()[0]})")
        return
    with ledger:
        try:
            with trial.file_to_try(settings, ledger, contract, offered, file, day) as found:
                effect = Effect(settings, contract, found.day)
                tried = trial.try_out(settings, contract, found, effect.look)
                yield Step("Dry run", tuple(trial.findings(ledger, contract, found, tried)))
            yield Step("Verdict", tuple(trial.verdict(ledger, contract, found, tried)))
            if effect.findings:
                yield Step("Effect", effect.findings)
        except (trial.NothingToTry, FetchFailed) as error:
            yield from _untried(str(error))
        except ContractError as error:
            yield from _untried(*error.problems)


def _untried(*reasons: str) -> Iterator[Step]:
    yield Step("Dry run", tuple(Finding("wrong", reason) for reason in reasons))
    yield Step("Verdict", (Finding("told", "none: there was no dry run"),))


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
    return ", ".join(names[:MOST]) + more
