"""What operators decide about batches."""

from __future__ import annotations

import pytest

from kho.database import connect
from kho.ledger import decisions
from kho.ledger.decisions import DecisionError
from tests.owner import as_owner

DOSSIERS, DAY = "one_stop.dossiers", "2021-01-31"
LAN = {"actor": "lan", "reason": "seen with the source"}


def state(settings, batch_id):
    with connect(settings, "kho_auditor") as connection:
        return connection.execute(
            "select state, reason from ledger.batch where batch_id = %s", [batch_id]
        ).fetchone()


def test_a_held_batch_may_be_accepted_and_that_undone(warehouse, hand_over):
    held = hand_over(DOSSIERS, DAY, state="held", reason="too many rejects")
    decisions.accept(warehouse, held, **LAN)
    assert state(warehouse, held) == ("accepted", "seen with the source")
    decisions.undo(warehouse, held, actor="lan", reason="seen wrongly")
    assert state(warehouse, held) == ("held", "too many rejects")
    decisions.undo(warehouse, held, actor="lan", reason="no, rightly")
    assert state(warehouse, held)[0] == "accepted"


def test_accepting_takes_the_place_of_the_batch_in_force_and_undo_gives_it_back(warehouse, hand_over):
    old = hand_over(DOSSIERS, DAY, state="accepted")
    new = hand_over(DOSSIERS, DAY, state="held", reason="few rows")
    decisions.accept(warehouse, new, **LAN)
    assert state(warehouse, old) == ("withdrawn", f"replaced by batch {new}")
    decisions.accept(warehouse, old, **LAN)
    assert (state(warehouse, old)[0], state(warehouse, new)[0]) == ("accepted", "withdrawn")
    decisions.undo(warehouse, old, **LAN)
    assert (state(warehouse, old)[0], state(warehouse, new)[0]) == ("withdrawn", "accepted")


def test_an_unreadable_batch_can_not_be_accepted(warehouse, hand_over):
    unreadable = hand_over(DOSSIERS, DAY, state="unreadable", reason="empty")
    with pytest.raises(DecisionError, match="is unreadable: nothing of it was loaded"):
        decisions.accept(warehouse, unreadable, **LAN)
    decisions.withdraw(warehouse, unreadable, **LAN)
    with pytest.raises(DecisionError, match="nothing of it was loaded"):
        decisions.accept(warehouse, unreadable, **LAN)
    decisions.undo(warehouse, unreadable, **LAN)
    assert state(warehouse, unreadable) == ("unreadable", "empty")


def test_what_has_changed_since_can_not_be_undone(warehouse, hand_over):
    first = hand_over(DOSSIERS, DAY, state="held", reason="few rows")
    decisions.accept(warehouse, first, **LAN)
    second = hand_over(DOSSIERS, DAY, state="held")
    with as_owner(warehouse) as connection:
        decisions.accept_locked(
            connection, second, decisions.lock(connection, second), actor=decisions.BOUNDARY, reason=None
        )
    with pytest.raises(DecisionError, match="cannot be undone any more"):
        decisions.undo(warehouse, first, **LAN)


def test_decisions_without_a_subject_say_so(warehouse, hand_over):
    with pytest.raises(DecisionError, match="no batch 99"):
        decisions.accept(warehouse, 99, **LAN)
    fresh = hand_over(DOSSIERS, DAY, state="accepted")
    with pytest.raises(DecisionError, match="nobody has decided"):
        decisions.undo(warehouse, fresh, **LAN)
    with pytest.raises(DecisionError, match="accepted already"):
        decisions.accept(warehouse, fresh, **LAN)
    decisions.withdraw(warehouse, fresh, **LAN)
    with pytest.raises(DecisionError, match="withdrawn already"):
        decisions.withdraw(warehouse, fresh, **LAN)
