"""A session of the ledger's owner, which may change what no login of Kho's may: for tests that bring a ledger into a state."""

from __future__ import annotations

import psycopg

from kho import database
from kho.settings import Settings


def as_owner(settings: Settings, *, autocommit: bool = False) -> psycopg.Connection:
    return psycopg.connect(
        settings.admin_url(),
        autocommit=autocommit,
        options=f"{database.SESSION} -c role=kho_owner",
        application_name="kho_owner",
    )
