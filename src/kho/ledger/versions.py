"""Versions of contracts that batches were loaded by."""

from __future__ import annotations

from typing import Any

import psycopg

from kho.contract import Contract


def used(connection: psycopg.Connection, contract: Contract) -> list[tuple[Any, ...]]:
    """Version, when it was first used, its number of batches, and whether it is the contract as given; newest first."""
    return connection.execute(
        """
        select c.version, c.first_used_at, count(b.batch_id), c.fingerprint = %s
        from ledger.contract c left join ledger.batch b
          on (b.contract, b.contract_version, b.contract_fingerprint) = (c.contract, c.version, c.fingerprint)
        where c.contract = %s group by c.version, c.first_used_at, c.fingerprint order by c.first_used_at desc
        """,
        [contract.fingerprint, contract.name],
    ).fetchall()


def last_used(
    connection: psycopg.Connection, contract: str, version: str | None = None
) -> tuple[Any, ...] | None:
    """Version, text and last use of the contract that batches were last loaded by, or of the version asked for."""
    return connection.execute(
        """
        select c.version, c.body, max(b.loaded_at)
        from ledger.contract c join ledger.batch b
          on (b.contract, b.contract_version, b.contract_fingerprint) = (c.contract, c.version, c.fingerprint)
        where c.contract = %(contract)s and (%(version)s::text is null or c.version = %(version)s)
        group by c.version, c.fingerprint, c.body order by max(b.batch_id) desc limit 1
        """,
        {"contract": contract, "version": version},
    ).fetchone()


def of_arrival(connection: psycopg.Connection, arrival_id: int) -> list[str]:
    """The texts of the contracts that an arrival was loaded by, newest first."""
    found = connection.execute(
        """
        select c.body from ledger.contract c join ledger.batch b
          on (b.contract, b.contract_version, b.contract_fingerprint) = (c.contract, c.version, c.fingerprint)
        where b.arrival_id = %s group by c.body order by max(b.batch_id) desc
        """,
        [arrival_id],
    )
    return [body for (body,) in found]
