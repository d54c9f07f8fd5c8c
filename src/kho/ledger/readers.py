"""Readers of one agency: login roles, each with the agency whose rows it sees.

The rows of `ledger.reader` are what counts: roles are made from them at every start, as those of a copied database have to
be, and a role without a row sees nothing of any agency.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import NamedTuple

import psycopg
from psycopg import errors, sql
from psycopg.rows import class_row

from kho.database import session
from kho.ledger import roles
from kho.settings import Settings

_NAME = re.compile(r"[a-z][a-z0-9_]{1,39}")


class ReaderError(ValueError):
    """A reader that can't be added or removed; the message says why, and what to do."""


class Reader(NamedTuple):
    """A login role, the agency whose rows it sees, and who let it in.

    `sees_small_cells`: of what is below its agency too it sees whatever there is, and not what is public only.
    """

    role_name: str
    scope_agency_code: str
    sees_small_cells: bool
    added_at: datetime
    added_by: str


def readers(connection: psycopg.Connection) -> list[Reader]:
    """All of them, by name."""
    return (
        connection.cursor(row_factory=class_row(Reader))
        .execute(
            "select role_name, scope_agency_code, sees_small_cells, added_at, added_by from ledger.reader order by role_name"
        )
        .fetchall()
    )


def names(connection: psycopg.Connection) -> list[str]:
    """Every login role that reads marts and nothing else: whom publishing may end."""
    found = connection.execute("select role_name from ledger.reader order by role_name").fetchall()
    return [roles.READER, *(name for (name,) in found)]


def seen(reach: sql.Composable) -> sql.Composed:
    """The agencies that who asks may see, by a table of who sees whom. A subquery for a view: whoever asks it, is asked about."""
    return sql.SQL("select reach.agency_code {}").format(_of_who_asks(reach))


def seen_whole(reach: sql.Composable) -> sql.Composed:
    """Of these agencies those whose small counts are not kept from who asks: its own, or all that it may see."""
    return sql.SQL("{} and (reader.sees_small_cells or reach.is_own)").format(seen(reach))


def sees_small_cells() -> sql.SQL:
    """Whether no small count is kept from who asks. A condition for a view."""
    return sql.SQL("(select sees_small_cells from ledger.reader where role_name = current_user)")


def _of_who_asks(reach: sql.Composable) -> sql.Composed:
    return sql.SQL(
        "from ledger.reader join {} as reach using (scope_agency_code) where reader.role_name = current_user"
    ).format(reach)


def add(
    settings: Settings, name: str, scope: str, *, sees_small_cells: bool = False, actor: str
) -> list[str]:
    """Make a login role that sees this agency and all below it; gives what a superuser has to run for its limits.

    Of what is below it, it sees what is public, unless it `sees_small_cells`.

    Its password is in the file `secrets/readers/<name>`. Raises `ReaderError` where the name can't be had.
    """
    if not _NAME.fullmatch(name) or name.startswith(("pg_", "kho_")):
        raise ReaderError(
            f"{name} is no name for a reader: a letter, then letters, digits and _, 40 at most, none of them a capital;"
            " pg_ and kho_ are taken"
        )
    with _administrator(settings) as connection:
        if _is_there(connection, name):
            raise ReaderError(
                f"there is a role {name} already: `kho reader list` shows the readers. To give one another agency, remove"
                " it and add it again; what is no reader keeps its name"
            )
        # What a reader of this name had before is nobody's any more.
        settings.reader_file(name).unlink(missing_ok=True)
        connection.execute(
            "insert into ledger.reader (role_name, scope_agency_code, sees_small_cells, added_by) values (%s, %s, %s, %s)",
            [name, scope, sees_small_cells, actor],
        )
        return _write(connection, settings, name, is_there=False)


def remove(settings: Settings, name: str) -> None:
    """Take a reader's rights and its role away, and end its sessions. Raises `ReaderError` where that can't be."""
    role = sql.Identifier(name)
    with _administrator(settings) as connection:
        if name not in {each.role_name for each in readers(connection)}:
            raise ReaderError(f"there is no reader {name}: `kho reader list` shows them")
        is_there = _is_there(connection, name) and _is_ours(connection, name)
        if is_there:
            connection.execute(sql.SQL("alter role {} nologin").format(role))
    try:
        with _administrator(settings) as connection:
            if is_there:
                connection.execute("set local role kho_transformer")  # which may end readers
                connection.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity where usename = %s", [name]
                )
                connection.execute("reset role")
                connection.execute(sql.SQL("drop role {}").format(role))
            connection.execute("delete from ledger.reader where role_name = %s", [name])
    except errors.DependentObjectsStillExist as error:
        raise ReaderError(
            f"{name} can't log in any more, but was given more than readers have: take it back, then remove it again.\n"
            f"{error.diag.message_detail}"
        ) from None
    settings.reader_file(name).unlink(missing_ok=True)


def write(connection: psycopg.Connection, settings: Settings) -> list[str]:
    """Make the login roles of all readers, or write their passwords and limits anew; gives what a superuser has to run."""
    lacking = []
    for reader in readers(connection):
        is_there = _is_there(connection, reader.role_name)
        if is_there and not _is_ours(connection, reader.role_name):
            lacking.append(_joining(reader.role_name).as_string(connection))
        else:
            lacking += _write(connection, settings, reader.role_name, is_there=is_there)
    return lacking


def _write(connection: psycopg.Connection, settings: Settings, name: str, *, is_there: bool) -> list[str]:
    roles.write_login(connection, name, settings.secret(f"readers/{name}"), is_there=is_there, inherits=True)
    connection.execute(_joining(name))
    connection.execute(
        # Publishing ends readers that outstay their limits.
        sql.SQL("grant {} to kho_transformer with inherit true, set false").format(sql.Identifier(name))
    )
    return roles.limit_reader(connection, name, roles.LOGIN_SESSIONS)


def _is_there(connection: psycopg.Connection, name: str) -> bool:
    return bool(connection.execute("select 1 from pg_roles where rolname = %s", [name]).fetchone())


def _is_ours(connection: psycopg.Connection, name: str) -> bool:
    """Whether a role is a reader. On a server that the database was copied to, somebody else's may have its name."""
    found = connection.execute(
        "select 1 from pg_auth_members m join pg_roles r on r.oid = m.member"
        " where rolname = %s and roleid = %s::regrole",
        [name, roles.READERS],
    )
    return bool(found.fetchone())


def _joining(name: str) -> sql.Composed:
    # Nobody becomes the group, which has no agency.
    return sql.SQL("grant {} to {} with inherit true, set false").format(
        sql.Identifier(roles.READERS), sql.Identifier(name)
    )


def _administrator(settings: Settings) -> psycopg.Connection:
    """Who may make roles, and what only the ledger's owner may do."""
    return psycopg.connect(settings.admin_url(), options=session(), application_name="kho reader")
