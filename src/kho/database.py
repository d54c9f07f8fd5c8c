"""Connections to the warehouse, one role each."""

from __future__ import annotations

from importlib import resources

import psycopg
from psycopg import conninfo, errors, sql

from kho.settings import ROLES, TIMEZONE, Role, Settings

# ISO output, day first on input; every session agrees on the zone of wall-clock times.
SESSION = f"-c DateStyle=ISO,DMY -c TimeZone={TIMEZONE}"


def connect(settings: Settings, role: Role, *, autocommit: bool = False) -> psycopg.Connection:
    """A connection as `role`; leaving its `with` block commits and closes it (rolls back on an exception)."""
    return psycopg.connect(
        settings.role_url(role), autocommit=autocommit, options=SESSION, application_name=f"kho {role}"
    )


def prepare(settings: Settings) -> None:
    """Create or bring up to date the warehouse's roles, schemas and ledger. Safe to run at every start.

    Raises `PermissionError`, with what a superuser has to run once, when the administrator may not do it.
    """
    try:
        _create_roles(settings)
        with psycopg.connect(settings.admin_url(), options=SESSION) as connection:
            connection.execute("select pg_advisory_xact_lock(hashtext('kho prepare'))")
            connection.execute(resources.files("kho.ledger").joinpath("schema.sql").read_text())
    except errors.InsufficientPrivilege as error:
        info = conninfo.conninfo_to_dict(settings.admin_url())
        user, name = (sql.Identifier(str(info[key])).as_string() for key in ("user", "dbname"))
        raise PermissionError(
            f"the warehouse can't be prepared: {error.diag.message_primary}. A superuser runs once: alter role {user}"
            f" createrole; grant pg_read_all_stats to {user} with admin option; alter database {name} owner to {user};"
        ) from None


def _create_roles(settings: Settings) -> None:
    with psycopg.connect(settings.admin_url(), options=SESSION) as connection:
        connection.execute("select pg_advisory_xact_lock(hashtext('kho prepare'))")
        have = {name for (name,) in connection.execute("select rolname from pg_roles")}
        for role in ROLES:
            verb = "alter" if role in have else "create"
            # Hashed here, so that no log of the server can ever hold the password.
            password = connection.pgconn.encrypt_password(
                settings.secret(role).encode(), role.encode(), b"scram-sha-256"
            )
            # DDL takes no bound parameters: psycopg quotes the literal and the identifier.
            connection.execute(
                sql.SQL(verb + " role {} login noinherit password {}").format(
                    sql.Identifier(role), sql.Literal(password.decode())
                )
            )
        connection.execute("alter role bi_reader set idle_in_transaction_session_timeout = '15min'")
        connection.execute("alter role bi_reader set statement_timeout = '30min'")
