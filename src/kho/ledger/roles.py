"""The warehouse's roles, what a reader may use up, and what not even everybody may do in a database.

All is written anew at every start: a copy of the database on another server has none of it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

import psycopg
from psycopg import errors, sql

from kho.database import the_row
from kho.settings import ROLES, Settings

#: owns the ledger; nobody logs in as it
OWNER = "kho_owner"
#: reads all marts
READER = "bi_reader"
#: the group of those that read the marts of one agency each: kho.ledger.readers
READERS = "kho_reader"
#: of the 100 sessions that a server has at least, the night needs some
READER_SESSIONS = 40
#: of each reader of one agency; all of them together leave what the server reserves
LOGIN_SESSIONS = 10
#: of one session, in temporary files
READER_TEMP_FILES = "512MB"


class Limits(NamedTuple):
    """How long a reader may idle in a transaction, run one statement, and stay in one transaction."""

    idle: timedelta = timedelta(minutes=15)
    statement: timedelta = timedelta(minutes=30)
    transaction: timedelta = timedelta(hours=1)


LIMITS = Limits()

# Large objects are everybody's by default, and so are advisory locks: whoever takes enough leaves no lock for others.
_LARGE_OBJECTS, _ADVISORY_LOCKS = "lo_.*|loread|lowrite", "pg_(try_)?advisory_.*"


def write(connection: psycopg.Connection, settings: Settings) -> list[str]:
    """Create the roles, or write their passwords and limits anew; gives what a superuser has to run for the rest."""
    have = {name for (name,) in connection.execute("select rolname from pg_roles")}
    for role in ROLES:
        write_login(connection, role, settings.secret(role), is_there=role in have)
    for group in {READERS, OWNER} - have:
        connection.execute(sql.SQL("create role {}").format(sql.Identifier(group)))
    # An earlier Kho logged in as it.
    connection.execute(sql.SQL("alter role {} nologin password null").format(sql.Identifier(OWNER)))
    return _reserve(connection) + limit_reader(connection, READER, READER_SESSIONS)


def _reserve(connection: psycopg.Connection) -> list[str]:
    """Let all but readers into the connections that a server reserves, so that no number of readers keeps a night out."""
    lacking = []
    (reserves,) = the_row(connection.execute("select current_setting('reserved_connections') <> '0'"))
    for role in ROLES:
        (may,) = the_row(
            connection.execute("select pg_has_role(%s, 'pg_use_reserved_connections', 'usage')", [role])
        )
        if may or role == READER:
            continue
        grant = sql.SQL("grant pg_use_reserved_connections to {} with inherit true").format(
            sql.Identifier(role)
        )
        if not _may(connection, grant) and reserves:
            lacking.append(grant.as_string(connection))
    return lacking


def write_login(
    connection: psycopg.Connection, role: str, password: str, *, is_there: bool, inherits: bool = False
) -> None:
    """Create a login role, or write its password anew."""
    # Hashed here, so that no log of the server can ever hold the password.
    hashed = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256")
    # DDL takes no bound parameters: psycopg quotes the literal and the identifier.
    connection.execute(
        sql.SQL("{} role {} login {} password {}").format(
            sql.SQL("alter" if is_there else "create"),
            sql.Identifier(role),
            sql.SQL("inherit" if inherits else "noinherit"),
            sql.Literal(hashed.decode()),
        )
    )


def limit_reader(connection: psycopg.Connection, role: str, sessions: int) -> list[str]:
    """Bound what a reader may use up, whatever it set itself; gives what a superuser has to run for the rest."""
    reader, database = sql.Identifier(role), sql.Identifier(connection.info.dbname)
    limits = {
        "idle_in_transaction_session_timeout": LIMITS.idle,
        "statement_timeout": LIMITS.statement,
    }
    if connection.info.server_version >= 170_000:
        limits["transaction_timeout"] = LIMITS.transaction
    connection.execute(sql.SQL("alter role {} connection limit {}").format(reader, sessions))
    # A role may change its own settings: what it changed goes.
    connection.execute(sql.SQL("alter role {} in database {} reset all").format(reader, database))
    connection.execute(sql.SQL("alter role {} reset all").format(reader))
    for name, limit in limits.items():
        connection.execute(
            sql.SQL("alter role {} set {} = {}").format(
                reader, sql.Identifier(name), sql.Literal(f"{limit.total_seconds():.0f}s")
            )
        )
    temp_files = sql.SQL("alter role {} set temp_file_limit = {}").format(
        reader, sql.Literal(READER_TEMP_FILES)
    )
    if _may(connection, temp_files):
        return []
    (is_set,) = the_row(
        connection.execute(
            "select exists (select from pg_db_role_setting, unnest(setconfig) as each"
            " where setrole = %s::regrole and each like 'temp_file_limit=%%')",
            [reader.as_string(connection)],
        )
    )
    return [] if is_set else [temp_files.as_string(connection)]


def revoke_functions(connection: psycopg.Connection, *, has_advisory_locks: bool = False) -> list[str]:
    """Take the functions on large objects from everybody, and advisory locks unless somebody needs them here.

    Gives what a superuser has to run where this may not be done.
    """
    names = _LARGE_OBJECTS if has_advisory_locks else f"{_LARGE_OBJECTS}|{_ADVISORY_LOCKS}"
    found = connection.execute(
        """
        select coalesce(string_agg(p.oid::regprocedure::text, ', ' order by p.oid), '') from pg_proc p
        where pronamespace = 'pg_catalog'::regnamespace and proname ~ ('^(' || %s || ')$')
          and exists (select from aclexplode(coalesce(proacl, acldefault('f', proowner))) where grantee = 0)
        """,
        [names],
    )
    (functions,) = the_row(found)
    if not functions:
        return []
    # Signatures, as the catalog quotes them.
    revoke = sql.SQL("revoke execute on function {} from public").format(sql.SQL(functions))
    return [] if _may(connection, revoke) else [revoke.as_string(connection)]


def _may(connection: psycopg.Connection, statement: sql.Composed) -> bool:
    """Run it, and tell whether we may."""
    try:
        with connection.transaction():
            connection.execute(statement)
    except errors.InsufficientPrivilege:
        return False
    return True
