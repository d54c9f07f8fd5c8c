"""What a person lets pass of a refused release: the rows that rules which compare with the release in force found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import psycopg
from psycopg.rows import class_row

from kho.database import connect
from kho.ledger import releases, verdicts
from kho.ledger.releases import Release, ReleaseError
from kho.settings import Settings


class Finding(NamedTuple):
    """A row that a rule found in a release, as JSON."""

    mart: str
    expectation: str
    row: str


@dataclass(frozen=True)
class Acceptance:
    """A row of `ledger.release_acceptance`. `release_id` is the release that was refused."""

    release_id: int
    accepted_by: str
    reason: str
    accepted_at: datetime

    def __str__(self) -> str:
        return (
            f"accepted by {self.accepted_by} on {self.accepted_at:%Y-%m-%d %H:%M}, as found in release "
            f"{self.release_id}: {self.reason}"
        )


@dataclass(frozen=True)
class Accepted:
    """What an acceptance lets pass, and the messages of what refuses such a release all the same."""

    release: Release
    findings: int
    still_refused_by: tuple[str, ...]


def write_findings(
    connection: psycopg.Connection, release_id: int, compared_with: int, findings: Iterable[Finding]
) -> None:
    """Write what was found in a release in the place of what was found before."""
    connection.execute("delete from ledger.release_finding where release_id = %s", [release_id])
    with (
        connection.cursor() as cursor,
        cursor.copy(
            "copy ledger.release_finding (release_id, compared_with, mart, expectation, finding) from stdin"
        ) as copy,
    ):
        for finding in findings:
            copy.write_row((release_id, compared_with, *finding))


def accepted(connection: psycopg.Connection, compared_with: int) -> set[Finding]:
    """What people let pass in comparison with this release."""
    return {
        Finding(*row)
        for row in connection.execute(
            "select mart, expectation, finding from ledger.release_finding"
            " join ledger.release_acceptance using (release_id) where compared_with = %s",
            [compared_with],
        )
    }


def found_in(connection: psycopg.Connection, release_id: int) -> list[tuple[str, str, int, int]]:
    """Mart, rule, the release compared with and the number of rows, of what a person may let pass of a release."""
    return connection.execute(
        "select mart, expectation, compared_with, count(*) from ledger.release_finding where release_id = %s"
        " group by 1, 2, 3 order by 1, 2",
        [release_id],
    ).fetchall()


def of_release(connection: psycopg.Connection, release_id: int) -> list[Acceptance]:
    """The acceptances that bear on what was found in a release, oldest first; its own is one of them."""
    with connection.cursor(row_factory=class_row(Acceptance)) as cursor:
        return cursor.execute(
            """
            select release_id, accepted_by, reason, accepted_at from ledger.release_acceptance as acceptance
            where exists (
              select from ledger.release_finding as let_pass
              join ledger.release_finding as found using (compared_with, mart, expectation, finding)
              where let_pass.release_id = acceptance.release_id and found.release_id = %s)
            order by accepted_at
            """,
            [release_id],
        ).fetchall()


def accept(settings: Settings, release_id: int | None = None, *, actor: str, reason: str) -> Accepted:
    """Let the findings of a refused release pass, from the next check of marts on; the newest release, if none is named.

    Only these very rows pass, and only in comparison with the release that is in force now. What other rules found
    refuses a release as ever. Raises `ReleaseError` if there is nothing that could be accepted.
    """
    with connect(settings, "kho_operator") as connection:
        releases.lock(connection)
        refused = _refused(connection, release_id)
        number = refused.release_id
        found = found_in(connection, number)
        if not found:
            raise ReleaseError(
                f"release {number} was refused for what nobody can accept: mend it, then run the night again. "
                f"{refused.reason}"
            )
        now = releases.find_in_force(connection)
        if now and now.release_id != found[0][2]:
            raise ReleaseError(
                f"release {number} was compared with release {found[0][2]}, and release {now.release_id} is in force "
                "now: run the night again and accept what is found then"
            )
        for known in of_release(connection, number):
            if known.release_id == number:
                raise ReleaseError(f"release {number} is {known}")
        connection.execute(
            "insert into ledger.release_acceptance (release_id, accepted_by, reason) values (%s, %s, %s)",
            [number, actor, reason],
        )
        let_pass = {(mart, expectation) for mart, expectation, *_ in found}
        return Accepted(
            refused,
            sum(count for *_, count in found),
            tuple(
                f"{each.subject}: {each.message}"
                for each in verdicts.of_build(connection, refused.build_id)
                if each.is_critical and (each.subject, each.expectation) not in let_pass
            ),
        )


def _refused(connection: psycopg.Connection, release_id: int | None) -> Release:
    known = releases.select(connection)
    found = next((each for each in known if release_id in (None, each.release_id)), None)
    if not found:
        raise ReleaseError(f"there is no release {release_id or 'yet'}: `kho release list` shows them")
    if found.state != "refused":
        raise ReleaseError(
            f"release {found.release_id} is {found.state.replace('_', ' ')}: only what a refused one was refused for "
            "can be accepted"
        )
    return found
