"""How things stand: what readers see, how the last night ended, and what waits for a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg

from kho.ledger import acceptances, backups, builds, releases, verdicts
from kho.ledger.acceptances import Acceptance
from kho.ledger.backups import Backup
from kho.ledger.releases import Pin, Release


@dataclass(frozen=True)
class Standing:
    """`last_night` is as `builds.last_night` gives it; `waits` the release that waits for a person, and what it waits by;
    `accepted` the acceptances that bear on the release in force and on the newest one, by their numbers; `backup` the last one."""

    in_force: Release | None
    pinned: Pin | None
    last_night: tuple[Any, ...] | None
    waits: tuple[Release, Pin | Release] | None
    accepted: dict[int, list[Acceptance]]
    backup: Backup | None


def standing(connection: psycopg.Connection) -> Standing:
    """How things stand now."""
    in_force = releases.find_in_force(connection)
    newest = next(iter(releases.select(connection)), None)
    concerned = {each.release_id for each in (in_force, newest) if each}
    return Standing(
        in_force,
        releases.pin(connection),
        builds.last_night(connection),
        verdicts.waiting(connection),
        {number: acceptances.of_release(connection, number) for number in sorted(concerned)},
        backups.last(connection),
    )
