"""What is known of each source: its contract, and why nothing can be loaded by it if nothing can.

A contract that can't be used stops its own source and no other: what was accepted of it stays, and is told as old.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import psycopg

from kho.contract import Contract, ContractError, contracts, parse_contract, paths, unusable
from kho.ledger import versions
from kho.ledger.freshness import NOTHING_YET, Freshness
from kho.ledger.sources import source_freshness
from kho.load import raw
from kho.settings import Settings


@dataclass(frozen=True)
class Known:
    """A source. Where its contract can't be used, `problem` says why, and `contract` is the one that batches were last
    loaded by; None, where there is no such one."""

    name: str
    contract: Contract | None
    problem: str | None = None


def known(settings: Settings, connection: psycopg.Connection) -> list[Known]:
    """Every source that is no draft, in order of name. A contract is unusable too when the database can't take it."""
    found = [_checked(connection, contract) for contract in contracts(settings).values()]
    for name, error in unusable(settings).items():
        used = versions.last_used(connection, name)
        found.append(
            Known(name, _parsed(settings, name, used[1] if used else None), "; ".join(error.problems))
        )
    return sorted(found, key=lambda each: each.name)


def freshness(connection: psycopg.Connection, business_date: date, source: Known) -> Freshness:
    """How fresh a source is on `business_date`; unusable, whatever it has, while its contract is."""
    state = Freshness(None, None, "not_delivered", None, NOTHING_YET)
    if source.contract:
        state = source_freshness(connection, business_date, source.contract)
    return replace(state, state="unusable", reason=source.problem) if source.problem else state


def _checked(connection: psycopg.Connection, contract: Contract) -> Known:
    if not (problems := raw.problems(connection, contract)):
        return Known(contract.name, contract)
    return Known(contract.name, contract, "; ".join(problems))


def _parsed(settings: Settings, name: str, body: str | None) -> Contract | None:
    try:
        return parse_contract(paths(settings)[name], body.encode()) if body else None
    except ContractError:  # it was sound for an older Kho, or for the seeds as they were
        return None
