"""Releases: numbered schemas of marts, published by pointing the views in `marts` at one of them.

Readers only ever see `marts.<mart>`. All views turn in one transaction, so that nobody meets two releases in one
transaction: who has read a mart holds a lock until the end of the transaction, and publishing waits for it. It also
waits for transactions whose snapshot is older than the new tables, because they would see them empty.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from time import monotonic

import psycopg
from psycopg import errors, sql

from kho.database import connect
from kho.ledger import builds, locks, releases
from kho.ledger.releases import Pin, Release, ReleaseError, ReleaseWaits
from kho.ledger.roles import LIMITS, Limits
from kho.publish import scopes
from kho.publish.readers import (
    PUBLISHER,
    lock_holders,
    patiently,
    told,
    users_of,
    wait_for_older_snapshots,
)
from kho.publish.views import repoint
from kho.settings import Settings

KEPT = 3
# Longer than the 15 minutes after which a reader that idles in a transaction is ended.
PATIENCE = timedelta(minutes=20)

log = logging.getLogger(__name__)


def open_release(settings: Settings) -> Release:
    """The candidate of the newest build, with an empty schema for its marts.

    A candidate that this build has from a run before is emptied; those of other builds are refused. Raises
    `ReleaseError` as long as the newest build's warehouse is not whole.
    """
    with connect(settings, "kho_transformer") as connection:
        releases.lock(connection)
        build = builds.newest(connection)
        if not build:
            raise ReleaseError("there is no build yet: a release is made from a build of the warehouse")
        if build.state != "built":
            raise ReleaseError(
                f"build {build.build_id} is {build.state}: build the warehouse first, a release is made from all of it"
            )
        ours = None
        for candidate in releases.select(connection, "candidate"):
            if candidate.build_id == build.build_id:
                ours = candidate
            else:
                _refuse(connection, candidate, f"build {build.build_id} came after it")
        if ours:
            _drop_schema(connection, ours.schema_name)
        else:
            ours = releases.insert(connection, build.build_id, build.business_date)
        _create_schema(connection, ours.schema_name)
        return ours


def publish(
    settings: Settings,
    *,
    allow_older: bool = False,
    patience: timedelta = PATIENCE,
    limits: Limits = LIMITS,
) -> Release:
    """Put the candidate in force and drop the releases that are no longer kept.

    Readers that outstay `limits` are ended. Published already, it does nothing. Raises `ReleaseWaits` as long as a release
    is pinned, and if the candidate's business date is before that of the release in force, unless that is allowed. Raises
    `ReleaseError` if there is no candidate, if readers keep it waiting longer than `patience`, or if a mart's columns
    changed while something depends on it: the message names who or what, and everything stays as it was.
    """
    with connect(settings, "kho_transformer", autocommit=True) as connection:
        newest = releases.select(connection)
        if not newest:
            raise ReleaseError("there is no release to publish")
        release = newest[0]
        if release.state == "candidate":
            _expect_free(connection, release, allow_older)
            _put_in_force(
                connection,
                release,
                patience,
                limits,
                decide=lambda: _expect_free(connection, release, allow_older),
            )
        elif release.state == "refused":
            raise ReleaseError(f"release {release.release_id} was refused: {release.reason}")
        _drop_old(connection)
        return releases.select(connection, "in_force")[0]


def _expect_free(connection: psycopg.Connection, candidate: Release, allow_older: bool) -> None:
    """Raise `ReleaseWaits` if a candidate waits for a person."""
    kept = releases.kept_by(connection, candidate)
    if kept and (isinstance(kept, Pin) or not allow_older):
        raise ReleaseWaits(releases.told(candidate, kept))


def rollback(
    settings: Settings,
    release_id: int | None = None,
    *,
    actor: str,
    reason: str,
    patience: timedelta = PATIENCE,
) -> Release:
    """Put a kept release back in force, and pin it: this one, or the newest that came before the one in force."""
    with connect(settings, "kho_transformer", autocommit=True) as connection:
        now = releases.find_in_force(connection)
        kept = releases.select(connection, "kept")
        wanted = [
            each
            for each in kept
            if (each.release_id == release_id if release_id else now and each.release_id < now.release_id)
        ]
        if now and now.release_id == release_id:
            with connection.transaction():
                releases.lock(connection)
                releases.write_pin(connection, now.release_id, actor=actor, reason=reason)
            return now
        if not wanted:
            have = ", ".join(str(each.release_id) for each in kept) or "none"
            what = f"release {release_id} is not kept" if release_id else "there is no earlier release"
            raise ReleaseError(f"{what}; kept: {have}")
        back_to = wanted[0].release_id
        _put_in_force(
            connection,
            wanted[0],
            patience,
            decide=lambda: releases.write_pin(connection, back_to, actor=actor, reason=reason),
        )
        return releases.select(connection, "in_force")[0]


def unpin(settings: Settings, *, actor: str) -> Pin:
    """Let nights publish again. Gives the pin that there was; `ReleaseError` if there was none."""
    with connect(settings, "kho_operator") as connection:
        releases.lock(connection)
        pinned = releases.pin(connection)
        if not pinned:
            raise ReleaseError("no release is pinned")
        releases.end_pin(connection, actor=actor)
        return pinned


def refuse(settings: Settings, reason: str) -> Release:
    """Refuse the candidate and drop its marts; the release in force stays as it is. Refused already: nothing."""
    with connect(settings, "kho_transformer") as connection:
        releases.lock(connection)
        newest = releases.select(connection, "candidate", "refused")
        if not newest:
            raise ReleaseError("there is no candidate to refuse")
        if newest[0].state == "candidate":
            _refuse(connection, newest[0], reason)
        return releases.select(connection, "refused")[0]


def _create_schema(connection: psycopg.Connection, schema: str) -> None:
    for statement in (
        "create schema {}",
        "grant usage on schema {} to kho_auditor",
        "alter default privileges in schema {} grant select on tables to kho_auditor",
    ):
        connection.execute(sql.SQL(statement).format(sql.Identifier(schema)))


def _drop_schema(connection: psycopg.Connection, schema: str) -> None:
    with locks.bounded(connection, f"{schema}, which is to be dropped,"):
        connection.execute(sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(schema)))


def _refuse(connection: psycopg.Connection, candidate: Release, reason: str) -> None:
    _drop_schema(connection, candidate.schema_name)
    releases.mark(connection, candidate.release_id, "refused", reason)


def _put_in_force(
    connection: psycopg.Connection,
    release: Release,
    patience: timedelta,
    limits: Limits = LIMITS,
    *,
    decide: Callable[[], None],
) -> None:
    """Turn the views; `decide` is done in the same transaction, while nobody else decides on releases."""
    deadline = monotonic() + patience.total_seconds()
    connection.execute("select set_config('application_name', %s, false)", [PUBLISHER])
    there_since = builds.marts_since(connection, release.build_id)
    wait_for_older_snapshots(connection, release.schema_name, deadline, there_since, limits)

    def turn() -> None:
        connection.execute("set local lock_timeout = '500ms'")
        releases.lock(connection)
        decide()
        repoint(connection, release.schema_name)
        scopes.repoint(connection, release.schema_name)
        if not releases.turn(connection, release.release_id):
            raise ReleaseError(f"release {release.release_id} was refused or dropped meanwhile")

    try:
        patiently(connection, turn, deadline, limits)
    except (errors.LockNotAvailable, errors.DeadlockDetected):
        raise ReleaseError(
            f"release {release.release_id} could not be published: readers hold the marts. "
            + told(lock_holders(connection))
        ) from None


def _drop_old(connection: psycopg.Connection) -> None:
    """Drop all but the last releases. What can't be dropped now is told, and tried again next time."""
    for release in releases.select(connection, "in_force", "kept")[KEPT:]:
        if release.state == "in_force":
            continue  # gone back to, and not followed by a newer one yet

        def drop(release: Release = release) -> None:
            connection.execute("set local lock_timeout = '500ms'")
            if users := users_of(connection, release.schema_name):
                log.warning("%s is kept: %s read it directly", release.schema_name, ", ".join(users))
                return
            _drop_schema(connection, release.schema_name)
            releases.mark(connection, release.release_id, "dropped")

        try:
            patiently(connection, drop, monotonic() + 5)
        except (errors.LockNotAvailable, errors.DeadlockDetected):
            log.warning("%s is still being read: it is dropped after a later release", release.schema_name)
