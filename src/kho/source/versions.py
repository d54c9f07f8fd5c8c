"""A contract against the version that was last used, another one that was used, or a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kho.contract import Contract, ContractError, parse_contract, read_contract
from kho.database import connect
from kho.ledger.versions import last_used
from kho.settings import Settings
from kho.source.difference import Change, Effect, compare
from kho.source.overview import UnknownSource, find
from kho.source.reach import reach


class NothingToCompare(Exception):
    """There is no other version; the message says why."""


@dataclass(frozen=True)
class Difference:
    """What a contract changes against an older version of it. `against` says where that is from."""

    contract: Contract
    older: Contract
    against: str
    changes: tuple[Change, ...]

    @property
    def effect(self) -> Effect:
        """The gravest one of the changes."""
        effects = {change.effect for change in self.changes}
        return next((effect for effect in ("breaks", "replay") if effect in effects), "additive")

    @property
    def needs_a_version(self) -> bool:
        return bool(self.changes) and self.contract.version == self.older.version


def diff(settings: Settings, name: str, against: str | None = None) -> Difference:
    """What the contract of this name or path changes against the version that batches were last loaded by.

    `against`: a version that was used (`1.0.0`), or a contract's file. Raises `UnknownSource` when there is no such
    contract or version, `NothingToCompare` when it was never used, `ContractError` when one of both can't be used.
    """
    path = find(settings, name)
    contract = read_contract(path)
    if against and against.endswith((".yaml", ".yml")):
        older, told = parse_contract(path, find(settings, against).read_bytes()), against
    else:
        older, told = _used(settings, contract, path, against)
    changes = compare(older, contract)
    reached = reach(settings, older, changes)
    return Difference(contract, older, told, tuple(reached))


def _used(settings: Settings, contract: Contract, path: Path, version: str | None) -> tuple[Contract, str]:
    with connect(settings, "kho_auditor") as connection:
        row = last_used(connection, contract.name, version)
    if not row and version:
        raise UnknownSource(
            f"no batch of {contract.name} was loaded by version {version}: `kho source show` lists them"
        )
    if not row:
        raise NothingToCompare(f"no batch of {contract.name} was loaded yet: there is no older version")
    used, body, at = row
    try:
        return parse_contract(path, body.encode()), f"version {used}, last used on {at:%Y-%m-%d}"
    except ContractError as error:
        raise ContractError(Path(f"{contract.name} {used}, as the ledger has it"), error.problems) from None
