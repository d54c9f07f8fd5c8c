"""Opening and closing a build: its input is frozen, and what decides its rows besides is compared with the last one's."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import date
from pathlib import Path

from kho.contract import Contract
from kho.database import connect
from kho.ledger import builds, history
from kho.load import freshness, known
from kho.load.raw import key_rule
from kho.settings import Settings

_EXPOSURES = Path("models/exposures")


def open_build(settings: Settings, business_date: date) -> int:
    """The number of the open build of this night, with its input frozen.

    An open build of the same night goes on with what it has, as long as the contracts are those that it knows; else it
    is abandoned, as one of another night is.
    """
    with connect(settings, "kho_operator") as connection:
        builds.lock(connection)
        if history.is_unfinished(connection):
            raise history.HistoryError(
                "a rebuild was not finished, and what was built now would lack rows: run `kho rebuild` again"
            )
        sources = known(settings, connection)
        used = [source.contract for source in sources if source.contract]
        unusable = [source.name for source in sources if source.problem]
        fingerprint = model_fingerprint(settings, used)
        now = builds.newest(connection)
        is_ours = now and (now.state, now.business_date) == ("open", business_date)
        if now and is_ours and builds.knows(connection, now.build_id, used, unusable):
            builds.go_on(connection, now.build_id, fingerprint)
            return now.build_id
        builds.abandon(connection)
        build_id = builds.insert(connection, business_date, fingerprint)
        builds.freeze(connection, build_id, business_date, used)
        builds.write_contracts(connection, build_id, used)
        for source in sources:
            builds.write_source(
                connection, build_id, source.name, freshness(connection, business_date, source)
            )
        return build_id


def close_build(settings: Settings) -> int | None:
    """Mark the open build as built: the whole warehouse succeeded. Returns its number; None if none was open."""
    with connect(settings, "kho_operator") as connection:
        builds.lock(connection)
        return builds.close(connection)


def model_fingerprint(settings: Settings, contracts: Iterable[Contract]) -> str:
    """sha256 over what decides the warehouse's rows besides its input: dbt's models, macros, functions, seeds and settings.

    Of contracts counts which there are (the staging models of drafts are not built), whose lists they hand over, what
    their rows' keys are made of, and whether due dates are filled.
    """
    project = settings.project / "dbt_project"
    files = [(project, project / "dbt_project.yml")]
    for folder in ("models", "macros", "functions", "seeds"):
        files += [(project, path) for path in sorted((project / folder).rglob("*"))]
    if own := settings.own:
        files += [(own, own / "unions.yaml")]
        files += [(own, path) for folder in ("models", "seeds") for path in sorted((own / folder).rglob("*"))]
    digest = hashlib.sha256()
    for contract in contracts:
        lists_of = contract.server.file_name if contract.is_list_per_unit else ""
        digest.update(f"{contract.name}\0{contract.file.load}\0{lists_of}\0{key_rule(contract)}\0".encode())
        digest.update(b"fills due dates\0" * contract.file.fills_due_dates)
    for root, path in files:
        if path.is_file() and _decides(path.relative_to(root)):
            digest.update(f"{path.relative_to(root).as_posix()}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _decides(path: Path) -> bool:
    """Whether a file decides any row: leftovers do not, nor does what is only told of those that read."""
    is_leftover = any(part.startswith((".", "__pycache__")) for part in path.parts)
    return not is_leftover and not path.is_relative_to(_EXPOSURES)
