"""Releases: numbered schemas of marts, published by pointing the views in `marts` at one of them.

Readers only ever see `marts.<mart>`. All views turn in one transaction, so that nobody meets two releases in one
transaction: who has read a mart holds a lock until the end of the transaction, and publishing waits for it. It also
waits for transactions whose snapshot is older than the new tables, because they would see them empty.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from time import monotonic, sleep

import psycopg
import tenacity
from psycopg import errors, sql
from psycopg.rows import class_row

from kho.database import connect
from kho.settings import Settings

KEPT = 3
READERS = ("bi_reader", "kho_auditor", "kho_owner")
# Longer than the 15 minutes after which a reader that idles in a transaction is cut off.
PATIENCE = timedelta(minutes=20)

log = logging.getLogger(__name__)


class ReleaseError(Exception):
    """A release that can't be opened, published or gone back to; the message says why and what to do."""


@dataclass(frozen=True)
class Release:
    """A row of `ledger.release`."""

    release_id: int
    build_id: int
    schema_name: str
    business_date: date
    state: str
    reason: str | None
    created_at: datetime
    published_at: datetime | None


def releases(settings: Settings) -> list[Release]:
    """Every release there was, newest first."""
    with connect(settings, "kho_auditor") as connection:
        return _select(connection, "true order by release_id desc")


def in_force(settings: Settings) -> Release | None:
    """The release that readers see."""
    with connect(settings, "kho_auditor") as connection:
        return _in_force(connection)


def contents(settings: Settings, release: Release) -> tuple[list[tuple], list[tuple]]:
    """How fresh each source is in a release, and what its boundary did not pass."""
    with connect(settings, "kho_auditor") as connection:
        sources = connection.execute(
            """
            select contract, state, as_of, expected_as_of, stale_since, reason,
              rows_in_file, rows_loaded, rows_rejected, rows_skipped
            from ledger.build_source where build_id = %s order by contract
            """,
            [release.build_id],
        ).fetchall()
        findings = connection.execute(
            "select subject, expectation, severity, observed, message from ledger.verdict"
            " where build_id = %s and boundary = 'marts' and outcome <> 'passed' order by verdict_id",
            [release.build_id],
        ).fetchall()
        return sources, findings


def open_release(settings: Settings) -> Release:
    """The candidate of the newest build, with an empty schema for its marts.

    A candidate that this build has from a run before is emptied; those of other builds are refused.
    """
    with connect(settings, "kho_transformer") as connection:
        _lock(connection)
        build = connection.execute(
            "select build_id, business_date from ledger.build order by build_id desc limit 1"
        ).fetchone()
        if not build:
            raise ReleaseError("there is no build yet: a release is made from a build of the warehouse")
        candidates = _select(connection, "state = 'candidate' order by release_id desc")
        for candidate in candidates:
            if candidate.build_id != build[0]:
                _refuse(connection, candidate, f"build {build[0]} came after it")
        ours = next((each for each in candidates if each.build_id == build[0]), None)
        if ours:
            _drop_schema(connection, ours.schema_name)
        else:
            number = connection.execute(
                "insert into ledger.release (build_id, business_date, schema_name, state)"
                " values (%s, %s, '', 'candidate') returning release_id",
                build,
            ).fetchone()[0]
            connection.execute(
                "update ledger.release set schema_name = %s where release_id = %s",
                [f"release_{number}", number],
            )
            ours = _one(connection, number)
        _create_schema(connection, ours.schema_name)
        return ours


def publish(settings: Settings, *, patience: timedelta = PATIENCE) -> Release:
    """Put the candidate in force and drop the releases that are no longer kept.

    Published already, it does nothing. Raises `ReleaseError` if there is no candidate, if readers keep it waiting
    longer than `patience`, or if a mart's columns changed while something depends on it: the message names who or
    what, and everything stays as it was.
    """
    with connect(settings, "kho_transformer", autocommit=True) as connection:
        newest = _select(connection, "true order by release_id desc limit 1")
        if not newest:
            raise ReleaseError("there is no release to publish")
        release = newest[0]
        if release.state == "candidate":
            _put_in_force(connection, release, patience)
        elif release.state == "refused":
            raise ReleaseError(f"release {release.release_id} was refused: {release.reason}")
        _drop_old(connection)
        return _in_force(connection)


def rollback(settings: Settings, release_id: int | None = None, *, patience: timedelta = PATIENCE) -> Release:
    """Put a kept release back in force: this one, or the newest that came before the one in force."""
    with connect(settings, "kho_transformer", autocommit=True) as connection:
        now = _in_force(connection)
        kept = _select(connection, "state = 'kept' order by release_id desc")
        wanted = [
            each
            for each in kept
            if (each.release_id == release_id if release_id else now and each.release_id < now.release_id)
        ]
        if now and now.release_id == release_id:
            return now
        if not wanted:
            have = ", ".join(str(each.release_id) for each in kept) or "none"
            what = f"release {release_id} is not kept" if release_id else "there is no earlier release"
            raise ReleaseError(f"{what}; kept: {have}")
        _put_in_force(connection, wanted[0], patience)
        return _in_force(connection)


def refuse(settings: Settings, reason: str) -> Release:
    """Refuse the candidate and drop its marts; the release in force stays as it is. Refused already: nothing."""
    with connect(settings, "kho_transformer") as connection:
        _lock(connection)
        newest = _select(connection, "state in ('candidate', 'refused') order by release_id desc limit 1")
        if not newest:
            raise ReleaseError("there is no candidate to refuse")
        if newest[0].state == "candidate":
            _refuse(connection, newest[0], reason)
        return _one(connection, newest[0].release_id)


def _select(connection: psycopg.Connection, condition: str) -> list[Release]:
    with connection.cursor(row_factory=class_row(Release)) as cursor:
        query = sql.SQL("select * from ledger.release where {}").format(sql.SQL(condition))
        return cursor.execute(query).fetchall()


def _one(connection: psycopg.Connection, release_id: int) -> Release:
    with connection.cursor(row_factory=class_row(Release)) as cursor:
        return cursor.execute("select * from ledger.release where release_id = %s", [release_id]).fetchone()


def _in_force(connection: psycopg.Connection) -> Release | None:
    found = _select(connection, "state = 'in_force'")
    return found[0] if found else None


def _lock(connection: psycopg.Connection) -> None:
    connection.execute("select pg_advisory_xact_lock(hashtext('kho release'))")


def _create_schema(connection: psycopg.Connection, schema: str) -> None:
    for statement in (
        "create schema {}",
        "grant usage on schema {} to kho_auditor, kho_owner",
        "alter default privileges in schema {} grant select on tables to kho_auditor, kho_owner",
    ):
        connection.execute(sql.SQL(statement).format(sql.Identifier(schema)))


def _drop_schema(connection: psycopg.Connection, schema: str) -> None:
    connection.execute(sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(schema)))


def _refuse(connection: psycopg.Connection, candidate: Release, reason: str) -> None:
    _drop_schema(connection, candidate.schema_name)
    connection.execute(
        "update ledger.release set state = 'refused', reason = %s where release_id = %s",
        [reason, candidate.release_id],
    )


def _put_in_force(connection: psycopg.Connection, release: Release, patience: timedelta) -> None:
    deadline = monotonic() + patience.total_seconds()
    _wait_for_older_snapshots(connection, release.schema_name, deadline)

    def turn() -> None:
        connection.execute("set local lock_timeout = '500ms'")
        _lock(connection)
        _repoint(connection, release.schema_name)
        connection.execute("update ledger.release set state = 'kept' where state = 'in_force'")
        changed = connection.execute(
            "update ledger.release set state = 'in_force', published_at = now()"
            " where release_id = %s and state in ('candidate', 'kept')",
            [release.release_id],
        )
        if changed.rowcount != 1:
            raise ReleaseError(f"release {release.release_id} was refused or dropped meanwhile")

    try:
        _patiently(connection, turn, deadline)
    except (errors.LockNotAvailable, errors.DeadlockDetected):
        raise ReleaseError(
            f"release {release.release_id} could not be published: readers hold the marts. "
            + _told(_lock_holders(connection))
        ) from None


def _patiently(connection: psycopg.Connection, work: Callable[[], None], deadline: float) -> None:
    """Do this in one transaction; try again while readers hold a lock, until the deadline."""
    for attempt in tenacity.Retrying(
        retry=tenacity.retry_if_exception_type((errors.LockNotAvailable, errors.DeadlockDetected)),
        wait=tenacity.wait_random(0.1, 0.5),  # leaves the queue to readers between two attempts
        stop=tenacity.stop_after_delay(max(0, deadline - monotonic())),
        reraise=True,
    ):
        with attempt, connection.transaction():
            work()


def _wait_for_older_snapshots(connection: psycopg.Connection, schema: str, deadline: float) -> None:
    """Wait until no transaction that may read marts has a snapshot from before this schema's tables."""
    # A mart is created and filled in one transaction: what sees its pg_class row sees its rows.
    # Transactions that start from now on see the tables, whatever their xmin.
    start = connection.execute("select clock_timestamp()").fetchone()[0]
    while True:
        older = connection.execute(
            """
            select pid, usename, application_name, xact_start, query from pg_stat_activity
            where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()
              and xact_start < %(start)s and has_schema_privilege(usesysid, 'marts', 'usage')
              and age(backend_xmin) >= (
                select min(age(xmin)) from pg_class
                where relnamespace = %(schema)s::regnamespace and relkind in ('r', 'p', 'v', 'm'))
            """,
            {"start": start, "schema": schema},
        ).fetchall()
        if not older:
            return
        if monotonic() > deadline:
            raise ReleaseError(
                f"{schema} could not be published: transactions from before it are still open. "
                + _told(older)
            )
        sleep(0.2)


def _lock_holders(connection: psycopg.Connection) -> list[tuple]:
    return connection.execute(
        """
        select distinct on (a.pid) a.pid, a.usename, a.application_name, a.xact_start, a.query
        from pg_locks l join pg_stat_activity a using (pid) join pg_class c on c.oid = l.relation
        where c.relnamespace = 'marts'::regnamespace and a.pid <> pg_backend_pid()
        """
    ).fetchall()


def _told(sessions: list[tuple]) -> str:
    if not sessions:
        return "They are gone now: publish again."
    lines = [
        f"process {pid} of {user} ({application or 'no name'}), in a transaction since {since:%Y-%m-%d %H:%M:%S}:"
        f" {' '.join(query.split())[:120]}"
        for pid, user, application, since, query in sessions
    ]
    return "End them (select pg_terminate_backend(<process>)) and publish again:\n" + "\n".join(lines)


def _repoint(connection: psycopg.Connection, schema: str) -> None:
    """Point `marts` at this schema: replace views in place where that is possible, so that dependents stay."""
    wanted, there = _columns(connection, schema), _columns(connection, "marts")
    if not wanted:
        raise ReleaseError(f"{schema} has no marts: build them first")
    for mart in sorted(there.keys() - wanted.keys()):
        _drop_view(connection, mart, "is no longer there")
    for mart in sorted(wanted):
        grants = [] if mart in there else [(role, "SELECT", False) for role in READERS]
        # A view may gain columns at its end; anything else takes a new view.
        if mart in there and wanted[mart][: len(there[mart])] != there[mart]:
            grants = _grants(connection, mart)
            _drop_view(connection, mart, "has other columns")
        connection.execute(
            sql.SQL("create or replace view {} as select * from {}").format(
                sql.Identifier("marts", mart), sql.Identifier(schema, mart)
            )
        )
        for grantee, privilege, is_grantable in grants:
            connection.execute(
                sql.SQL("grant {} on {} to {}{}").format(
                    sql.SQL(privilege),
                    sql.Identifier("marts", mart),
                    sql.Identifier(grantee) if grantee else sql.SQL("public"),
                    sql.SQL(" with grant option" if is_grantable else ""),
                )
            )


def _columns(connection: psycopg.Connection, schema: str) -> dict[str, list[tuple]]:
    """Name, type and collation of the columns of every table and view of a schema, in their order."""
    rows = connection.execute(
        """
        select c.relname, array_agg(row(a.attname, a.atttypid::bigint, a.atttypmod, a.attcollation::bigint)::text
                                    order by a.attnum) filter (where a.attnum > 0 and not a.attisdropped)
        from pg_class c join pg_attribute a on a.attrelid = c.oid
        where c.relnamespace = %s::regnamespace and c.relkind in ('r', 'p', 'v', 'm')
        group by c.relname
        """,
        [schema],
    ).fetchall()
    return dict(rows)


def _grants(connection: psycopg.Connection, mart: str) -> list[tuple[str | None, str, bool]]:
    """Who but the owner was granted what on a mart; None stands for everybody."""
    return connection.execute(
        """
        select r.rolname, x.privilege_type, x.is_grantable
        from pg_class c cross join aclexplode(c.relacl) x left join pg_roles r on r.oid = x.grantee
        where c.relnamespace = 'marts'::regnamespace and c.relname = %s and x.grantee <> c.relowner
        """,
        [mart],
    ).fetchall()


def _drop_view(connection: psycopg.Connection, mart: str, why: str) -> None:
    try:
        connection.execute(sql.SQL("drop view {}").format(sql.Identifier("marts", mart)))
    except errors.DependentObjectsStillExist as error:
        raise ReleaseError(
            f"marts.{mart} {why} in the new release, and other objects depend on it: drop or change them, then "
            f"publish again.\n{error.diag.message_detail}"
        ) from None


def _drop_old(connection: psycopg.Connection) -> None:
    """Drop all but the last releases. What can't be dropped now is told, and tried again next time."""
    for release in _select(connection, "state in ('in_force', 'kept') order by release_id desc")[KEPT:]:
        if release.state == "in_force":
            continue  # gone back to, and not followed by a newer one yet

        def drop(release: Release = release) -> None:
            connection.execute("set local lock_timeout = '500ms'")
            if users := _users_of(connection, release.schema_name):
                log.warning("%s is kept: %s read it directly", release.schema_name, ", ".join(users))
                return
            _drop_schema(connection, release.schema_name)
            connection.execute(
                "update ledger.release set state = 'dropped' where release_id = %s", [release.release_id]
            )

        try:
            _patiently(connection, drop, monotonic() + 5)
        except (errors.LockNotAvailable, errors.DeadlockDetected):
            log.warning("%s is still being read: it is dropped after a later release", release.schema_name)


def _users_of(connection: psycopg.Connection, schema: str) -> list[str]:
    """Views outside a schema that read its tables."""
    rows = connection.execute(
        """
        select distinct v.oid::regclass::text
        from pg_depend d join pg_class t on t.oid = d.refobjid and d.refclassid = 'pg_class'::regclass
        join pg_rewrite w on w.oid = d.objid and d.classid = 'pg_rewrite'::regclass
        join pg_class v on v.oid = w.ev_class
        where t.relnamespace = %(schema)s::regnamespace and v.relnamespace <> %(schema)s::regnamespace
        """,
        {"schema": schema},
    ).fetchall()
    return [name for (name,) in rows]
