"""Decisions on batches: by the exports boundary or by a person, each with its reason, all of them written down.

A decision is one transaction; its events share their time. One batch of a delivery is in force: accepting a batch
withdraws the one whose place it takes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import psycopg
from psycopg.rows import namedtuple_row

from kho.database import connect
from kho.ledger import locks, removals
from kho.ledger.history import NOT_YET
from kho.settings import Settings

State = Literal["pending", "accepted", "held", "withdrawn", "unreadable"]
# Who is no person: `undo` only takes back what people decided.
BOUNDARY = "exports boundary"
LOADER = "load"


class DecisionError(Exception):
    """A decision that can't be taken; the message says why and what can be done."""


@dataclass(frozen=True)
class Change:
    """A batch that went from one state to another."""

    batch_id: int
    from_state: State
    to_state: State
    reason: str


def accept(settings: Settings, batch_id: int, *, actor: str, reason: str) -> list[Change]:
    """Accept a batch that is held, withdrawn or pending; the next night builds with it."""
    with connect(settings, "kho_operator") as connection:
        state = lock(connection, batch_id)
        if not _was_read(connection, batch_id):
            raise DecisionError(
                f"batch {batch_id} is unreadable: nothing of it was loaded, so there is nothing to accept. Have the "
                "source deliver it again, or mend the contract and replay it (`kho rejects replay`)"
            )
        if state == "accepted":
            raise DecisionError(f"batch {batch_id} is accepted already")
        return accept_locked(connection, batch_id, state, actor=actor, reason=reason)


def withdraw(settings: Settings, batch_id: int, *, actor: str, reason: str) -> list[Change]:
    """Withdraw a batch, whatever its state; the next night builds without it."""
    with connect(settings, "kho_operator") as connection:
        state = lock(connection, batch_id)
        if state == "withdrawn":
            raise DecisionError(f"batch {batch_id} is withdrawn already")
        return [change(connection, batch_id, state, "withdrawn", actor=actor, reason=reason)]


def undo(settings: Settings, batch_id: int, *, actor: str, reason: str) -> list[Change]:
    """Take back the last decision of a person on this batch, with all that it changed; undone twice, it holds again."""
    with connect(settings, "kho_operator") as connection:
        lock(connection, batch_id)
        decision = connection.execute(
            """
            select e.batch_id, e.from_state, e.to_state, b.state,
              (select p.reason from ledger.batch_event p where p.batch_id = e.batch_id and p.event_id < e.event_id
               order by p.event_id desc limit 1)
            from ledger.batch_event e join ledger.batch b using (batch_id)
            where (e.at, e.actor) = (
                select at, actor from ledger.batch_event
                where batch_id = %(batch)s and actor <> all(%(machines)s) order by event_id desc limit 1)
              and b.delivery_id = (select delivery_id from ledger.batch where batch_id = %(batch)s)
            order by e.event_id desc
            for update of b
            """,
            {"batch": batch_id, "machines": [BOUNDARY, LOADER]},
        ).fetchall()
        if not decision:
            raise DecisionError(f"nobody has decided on batch {batch_id}: there is nothing to undo")
        for each, _, to_state, state, _ in decision:
            if state != to_state:
                raise DecisionError(
                    f"batch {each} was {to_state} by that decision and is {state} now: it cannot be undone any more"
                )
        return [
            change(connection, each, state, from_state, actor=actor, reason=reason, stands_because=before)
            for each, from_state, _, state, before in decision
        ]


def recent(connection: psycopg.Connection, most: int) -> list[Any]:
    """Time, batch, contract, both states, who and why, of what people decided last, newest first."""
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        return cursor.execute(
            """
            select e.at, e.batch_id, b.contract, e.from_state, e.to_state, e.actor, e.reason
            from ledger.batch_event e join ledger.batch b using (batch_id)
            where e.actor <> all(%s) order by e.event_id desc limit %s
            """,
            [[BOUNDARY, LOADER], most],
        ).fetchall()


def lock(connection: psycopg.Connection, batch_id: int) -> State:
    """The state of a batch, which nobody else changes until the transaction ends."""
    with locks.bounded(connection, f"batch {batch_id}"):
        found = connection.execute(
            "select state, reason from ledger.batch where batch_id = %s for update", [batch_id]
        ).fetchone()
    if not found:
        raise DecisionError(f"there is no batch {batch_id}: `kho batch list` shows them")
    if found[1] == NOT_YET:
        raise DecisionError(f"batch {batch_id} can't be decided on: {NOT_YET}")
    if day := removals.removed_on(connection, batch_id):
        raise DecisionError(
            f"batch {batch_id} can't be decided on: its rows were removed on {day}, long after it was withdrawn"
        )
    return found[0]


def lock_undecided(connection: psycopg.Connection, batch_ids: Iterable[int]) -> dict[int, State]:
    """The states of those of these batches that nobody has decided on, the oldest first, as `lock` gives and keeps them."""
    with locks.bounded(connection, "the batches to decide on"):
        found = connection.execute(
            """
            select batch_id, state from ledger.batch
            where batch_id = any(%s) and state in ('pending', 'unreadable')
            order by batch_id
            for update
            """,
            [list(batch_ids)],
        )
        return dict(found.fetchall())


def _was_read(connection: psycopg.Connection, batch_id: int) -> bool:
    """Whether a batch could be read when it was loaded, whatever its state is now."""
    return not connection.execute(
        "select 1 from ledger.batch_event where batch_id = %s and to_state = 'unreadable'", [batch_id]
    ).fetchone()


def accept_locked(
    connection: psycopg.Connection, batch_id: int, state: State, *, actor: str, reason: str | None
) -> list[Change]:
    """Accept a batch that `lock` has locked, and withdraw those whose place it takes."""
    others = connection.execute(
        """
        select o.batch_id, o.state from ledger.batch o join ledger.batch b using (delivery_id)
        where b.batch_id = %s and o.batch_id <> b.batch_id
          and (o.state = 'accepted' or o.batch_id < b.batch_id and o.state in ('held', 'pending', 'unreadable'))
        order by o.batch_id
        for update of o
        """,
        [batch_id],
    ).fetchall()
    return [
        *(
            change(connection, other, was, "withdrawn", actor=actor, reason=f"replaced by batch {batch_id}")
            for other, was in others
        ),
        change(connection, batch_id, state, "accepted", actor=actor, reason=reason),
    ]


def change(
    connection: psycopg.Connection,
    batch_id: int,
    from_state: State,
    to_state: State,
    *,
    actor: str,
    reason: str | None,
    stands_because: str | None = None,
) -> Change:
    """Write a new state and its event. `stands_because` is the batch's reason where it isn't the decision's."""
    connection.execute(
        "update ledger.batch set state = %s, reason = %s where batch_id = %s",
        [to_state, stands_because or reason, batch_id],
    )
    connection.execute(
        "insert into ledger.batch_event (batch_id, from_state, to_state, actor, reason) values (%s, %s, %s, %s, %s)",
        [batch_id, from_state, to_state, actor, reason],
    )
    return Change(batch_id, from_state, to_state, reason or "")
