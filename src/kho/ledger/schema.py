"""The warehouse's roles and schemas, and the ledger's tables: made, and brought up to date, at every start.

Roles, and what they may do with the database, are written anew each time: a copy of the database on another server
has none of it. Everything inside the ledger comes from numbered migrations.
"""

from __future__ import annotations

from functools import partial

import psycopg
from psycopg import conninfo, errors, sql

from kho.database import SESSION
from kho.settings import ROLES, Settings

_DATABASE = """
grant kho_owner, kho_loader, kho_transformer to current_user;
grant pg_read_all_stats to kho_transformer with inherit true;  -- publishing waits for readers' old snapshots
create schema if not exists ledger authorization kho_owner;
create schema if not exists raw authorization kho_loader;
create schema if not exists reject authorization kho_loader;
create schema if not exists seed authorization kho_transformer;
create schema if not exists staging authorization kho_transformer;
create schema if not exists warehouse authorization kho_transformer;
create schema if not exists marts authorization kho_transformer;
revoke all on schema public from public;
do $$ begin
  execute format('revoke all on database %I from public', current_database());
  execute format('grant connect on database %I to kho_owner, kho_loader, kho_transformer, kho_auditor, bi_reader', current_database());
  execute format('grant temporary on database %I to kho_loader, kho_transformer', current_database());
  execute format('grant create on database %I to kho_transformer', current_database());  -- a schema per release
end $$;
set local role kho_owner;
"""


def prepare(settings: Settings) -> None:
    """Create or bring up to date the warehouse's roles, schemas and ledger, in one transaction. Safe at every start.

    Raises `PermissionError`, with what a superuser has to run once, when the administrator may not do it.
    """
    import sqlalchemy as sa  # both take long
    from alembic import command
    from alembic.config import Config

    connect = partial(psycopg.connect, settings.admin_url(), options=SESSION)
    engine = sa.create_engine("postgresql+psycopg://", creator=connect, poolclass=sa.NullPool)
    try:
        with engine.begin() as transaction:
            connection = transaction.connection.driver_connection
            connection.execute("select pg_advisory_xact_lock(hashtext('kho prepare'))")
            _write_roles(connection, settings)
            connection.execute(_DATABASE)
            alembic = Config(attributes={"connection": transaction})
            alembic.set_main_option("script_location", "kho.ledger:migrations")
            command.upgrade(alembic, "head")
    except errors.InsufficientPrivilege as error:
        info = conninfo.conninfo_to_dict(settings.admin_url())
        user, name = (sql.Identifier(str(info[key])).as_string() for key in ("user", "dbname"))
        raise PermissionError(
            f"the warehouse can't be prepared: {error.diag.message_primary}. A superuser runs once: alter role {user}"
            f" createrole; grant pg_read_all_stats to {user} with admin option; alter database {name} owner to {user};"
        ) from None


def _write_roles(connection: psycopg.Connection, settings: Settings) -> None:
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
