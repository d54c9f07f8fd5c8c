"""Builds: what a night's warehouse is made of, written down before it is made.

A build freezes the batches it reads, so that a kill or a decision in between never mixes two states. A batch is in
a build from `ledger.build_batch.from_build` until `to_build`; both are compared with the last build that was built,
so what an abandoned build touched stays touched.
"""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path

from kho.contract import contracts
from kho.database import connect
from kho.ledger import builds
from kho.settings import Settings


def open_build(settings: Settings, business_date: date) -> int:
    """The number of the open build of this night, with its input frozen.

    An open build of the same night goes on with the list that it has; one of another night is abandoned.
    """
    fingerprint = model_fingerprint(settings)
    known = contracts(settings)
    with connect(settings, "kho_owner") as connection:
        builds.lock(connection)
        open_now = connection.execute(
            "select build_id, business_date from ledger.build where state = 'open'"
        ).fetchone()
        if open_now and open_now[1] == business_date:
            connection.execute(
                "update ledger.build set is_full_refresh = is_full_refresh or model_fingerprint <> %(now)s,"
                " model_fingerprint = %(now)s where build_id = %(build)s",
                {"now": fingerprint, "build": open_now[0]},
            )
            return open_now[0]
        connection.execute(
            "update ledger.build set state = 'abandoned', closed_at = now() where state = 'open'"
        )
        build_id = builds.insert(connection, business_date, fingerprint)
        builds.freeze(connection, build_id, business_date, known.values())
        for contract in known.values():
            builds.write_source(connection, build_id, business_date, contract)
        return build_id


def close_build(settings: Settings) -> int | None:
    """Mark the open build as built: the whole warehouse succeeded. Returns its number; None if none was open."""
    with connect(settings, "kho_owner") as connection:
        builds.lock(connection)
        closed = connection.execute(
            "update ledger.build set state = 'built', closed_at = now() where state = 'open' returning build_id"
        ).fetchone()
        return closed[0] if closed else None


def model_fingerprint(settings: Settings) -> str:
    """sha256 over what decides the warehouse's rows besides its input: dbt's models, macros, seeds and settings.

    Of contracts counts which there are (the staging models of drafts are not built), and whose lists they hand over.
    """
    project = settings.project / "dbt_project"
    files = [project / "dbt_project.yml"]
    for folder in ("models", "macros", "seeds"):
        files += sorted(path for path in (project / folder).rglob("*") if path.is_file())
    digest = hashlib.sha256()
    for contract in contracts(settings).values():
        lists_of = contract.server.file_name if contract.is_list_per_unit else ""
        digest.update(f"{contract.name}\0{contract.file.load}\0{lists_of}\0".encode())
    for path in files:
        if path.is_file() and not _is_leftover(path.relative_to(project)):
            digest.update(f"{path.relative_to(project).as_posix()}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _is_leftover(path: Path) -> bool:
    return any(part.startswith((".", "__pycache__")) for part in path.parts)
