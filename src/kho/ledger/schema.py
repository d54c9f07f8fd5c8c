"""The warehouse's roles and schemas, and the ledger's tables: made, and brought up to date, at every start.

Roles, and what they may do with the database, are written anew each time. Everything inside the ledger comes from
numbered migrations.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import psycopg
from psycopg import conninfo, errors, sql

from kho.database import LOCK_WAIT, SESSION
from kho.ledger import locks, readers, roles
from kho.settings import Settings

_ADMINISTRATOR = "grant kho_owner, kho_loader, kho_transformer to current_user;"
_DATABASE = f"""
{_ADMINISTRATOR}
grant pg_read_all_stats to kho_transformer with inherit true;  -- publishing waits for readers' old snapshots
grant bi_reader to kho_transformer with inherit true, set false;  -- and ends readers that outstay their limits
create schema if not exists ledger authorization kho_owner;
create schema if not exists raw authorization kho_loader;
create schema if not exists reject authorization kho_loader;
create schema if not exists seed authorization kho_transformer;
create schema if not exists staging authorization kho_transformer;
create schema if not exists warehouse authorization kho_transformer;
create schema if not exists marts authorization kho_transformer;
create schema if not exists scoped authorization kho_transformer;
grant usage on schema scoped to kho_reader;
revoke all on schema public from public;
do $$ begin
  execute format('revoke all on database %I from public', current_database());
  execute format('grant connect on database %I to kho_operator, kho_loader, kho_transformer, kho_auditor, bi_reader, kho_reader', current_database());
  execute format('grant temporary on database %I to kho_loader, kho_transformer', current_database());
  execute format('grant create on database %I to kho_transformer', current_database());  -- a schema per release
end $$;
set local role kho_owner;
"""


def prepare_roles(connection: psycopg.Connection, settings: Settings) -> None:
    """Make the roles alone, for a database that is about to be restored: what is in it belongs to them."""
    roles.write(connection, settings)
    connection.execute(_ADMINISTRATOR)


def prepare(settings: Settings, *, patience: timedelta = LOCK_WAIT) -> list[str]:
    """Create or bring up to date the warehouse's roles, schemas and ledger, in one transaction. Safe at every start.

    Gives the statements, beside what Kho needs, that keep readers from using the server up: only a superuser may run
    them. Raises `PermissionError`, with what one has to run once, when the administrator may not do what Kho needs, and
    `Blocked` when somebody holds a lock for longer than `patience`.
    """
    import sqlalchemy as sa  # both take long
    from alembic import command
    from alembic.config import Config

    connect = partial(psycopg.connect, settings.admin_url(), options=SESSION, application_name="kho prepare")
    engine = sa.create_engine("postgresql+psycopg://", creator=connect, poolclass=sa.NullPool)
    try:
        with engine.begin() as transaction:
            connection = transaction.connection.driver_connection
            with locks.bounded(connection, "what is to be prepared in the warehouse", patience):
                _lock(connection)
                lacking = roles.write(connection, settings) + roles.revoke_functions(connection)
                connection.execute(_DATABASE)
                alembic = Config(attributes={"connection": transaction})
                alembic.set_main_option("script_location", "kho.ledger:migrations")
                command.upgrade(alembic, "head")
                # As the administrator again, who makes roles.
                connection.execute("reset role")
                lacking += readers.write(connection, settings)
            return lacking
    except errors.InsufficientPrivilege as error:
        info = conninfo.conninfo_to_dict(settings.admin_url())
        user, name = (sql.Identifier(str(info[key])).as_string() for key in ("user", "dbname"))
        raise PermissionError(
            f"the warehouse can't be prepared: {error.diag.message_primary}. A superuser runs once: alter role {user}"
            f" createrole; grant pg_read_all_stats to {user} with admin option; alter database {name} owner to {user};"
        ) from None


def _lock(connection: psycopg.Connection) -> None:
    """Keep others from preparing until the transaction ends, by a lock on a role: readers may lock none.

    At the first start of all there is nothing to be kept from others yet.
    """
    comments = connection.execute(
        "select shobj_description(oid, 'pg_authid') from pg_roles where rolname = 'kho_owner'"
    ).fetchall()
    for (comment,) in comments:
        connection.execute(sql.SQL("comment on role kho_owner is {}").format(sql.Literal(comment)))
