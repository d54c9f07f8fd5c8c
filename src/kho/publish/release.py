"""Releases: numbered schemas of marts, published by pointing the views in `marts` at one of them.

Readers only ever see `marts.<mart>`. All views turn in one transaction, so that nobody meets two releases in one
transaction: who has read a mart holds a lock until the end of the transaction, and publishing waits for it. It also
waits for transactions whose snapshot is older than the new tables, because they would see them empty.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from time import monotonic

import psycopg
from psycopg import errors, sql

from kho.database import connect
from kho.ledger import releases
from kho.ledger.releases import Release, ReleaseError
from kho.publish.readers import lock_holders, patiently, told, users_of, wait_for_older_snapshots
from kho.publish.views import repoint
from kho.settings import Settings

KEPT = 3
# Longer than the 15 minutes after which a reader that idles in a transaction is cut off.
PATIENCE = timedelta(minutes=20)

log = logging.getLogger(__name__)


def open_release(settings: Settings) -> Release:
    """The candidate of the newest build, with an empty schema for its marts.

    A candidate that this build has from a run before is emptied; those of other builds are refused.
    """
    with connect(settings, "kho_transformer") as connection:
        releases.lock(connection)
        build = connection.execute(
            "select build_id, business_date from ledger.build order by build_id desc limit 1"
        ).fetchone()
        if not build:
            raise ReleaseError("there is no build yet: a release is made from a build of the warehouse")
        candidates = releases.select(connection, "state = 'candidate' order by release_id desc")
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
            ours = releases.one(connection, number)
        _create_schema(connection, ours.schema_name)
        return ours


def publish(settings: Settings, *, patience: timedelta = PATIENCE) -> Release:
    """Put the candidate in force and drop the releases that are no longer kept.

    Published already, it does nothing. Raises `ReleaseError` if there is no candidate, if readers keep it waiting
    longer than `patience`, or if a mart's columns changed while something depends on it: the message names who or
    what, and everything stays as it was.
    """
    with connect(settings, "kho_transformer", autocommit=True) as connection:
        newest = releases.select(connection, "true order by release_id desc limit 1")
        if not newest:
            raise ReleaseError("there is no release to publish")
        release = newest[0]
        if release.state == "candidate":
            _put_in_force(connection, release, patience)
        elif release.state == "refused":
            raise ReleaseError(f"release {release.release_id} was refused: {release.reason}")
        _drop_old(connection)
        return releases.find_in_force(connection)


def rollback(settings: Settings, release_id: int | None = None, *, patience: timedelta = PATIENCE) -> Release:
    """Put a kept release back in force: this one, or the newest that came before the one in force."""
    with connect(settings, "kho_transformer", autocommit=True) as connection:
        now = releases.find_in_force(connection)
        kept = releases.select(connection, "state = 'kept' order by release_id desc")
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
        return releases.find_in_force(connection)


def refuse(settings: Settings, reason: str) -> Release:
    """Refuse the candidate and drop its marts; the release in force stays as it is. Refused already: nothing."""
    with connect(settings, "kho_transformer") as connection:
        releases.lock(connection)
        newest = releases.select(
            connection, "state in ('candidate', 'refused') order by release_id desc limit 1"
        )
        if not newest:
            raise ReleaseError("there is no candidate to refuse")
        if newest[0].state == "candidate":
            _refuse(connection, newest[0], reason)
        return releases.one(connection, newest[0].release_id)


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
    wait_for_older_snapshots(connection, release.schema_name, deadline)

    def turn() -> None:
        connection.execute("set local lock_timeout = '500ms'")
        releases.lock(connection)
        repoint(connection, release.schema_name)
        connection.execute("update ledger.release set state = 'kept' where state = 'in_force'")
        changed = connection.execute(
            "update ledger.release set state = 'in_force', published_at = now()"
            " where release_id = %s and state in ('candidate', 'kept')",
            [release.release_id],
        )
        if changed.rowcount != 1:
            raise ReleaseError(f"release {release.release_id} was refused or dropped meanwhile")

    try:
        patiently(connection, turn, deadline)
    except (errors.LockNotAvailable, errors.DeadlockDetected):
        raise ReleaseError(
            f"release {release.release_id} could not be published: readers hold the marts. "
            + told(lock_holders(connection))
        ) from None


def _drop_old(connection: psycopg.Connection) -> None:
    """Drop all but the last releases. What can't be dropped now is told, and tried again next time."""
    for release in releases.select(connection, "state in ('in_force', 'kept') order by release_id desc")[
        KEPT:
    ]:
        if release.state == "in_force":
            continue  # gone back to, and not followed by a newer one yet

        def drop(release: Release = release) -> None:
            connection.execute("set local lock_timeout = '500ms'")
            if users := users_of(connection, release.schema_name):
                log.warning("%s is kept: %s read it directly", release.schema_name, ", ".join(users))
                return
            _drop_schema(connection, release.schema_name)
            connection.execute(
                "update ledger.release set state = 'dropped' where release_id = %s", [release.release_id]
            )

        try:
            patiently(connection, drop, monotonic() + 5)
        except (errors.LockNotAvailable, errors.DeadlockDetected):
            log.warning("%s is still being read: it is dropped after a later release", release.schema_name)
