"""The audit trail: what is done is in it, whoever does it and however; and what is in it stays."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from datetime import date

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kho.actor import acting_as, os_user
from kho.database import connect
from kho.digest import digest
from kho.ledger import audit, decisions, readers
from kho.ledger.audit import Broken
from kho.publish import release
from kho.settings import ROLES, Settings
from kho.transform import builds

DOSSIERS, DAY = "one_stop.dossiers", "2021-01-31"


def told(warehouse: Settings) -> list[tuple[str, str, str, str, str]]:
    """What the trail tells, oldest first."""
    with connect(warehouse, "kho_auditor") as connection:
        audit.verify(connection)
        return [
            (each.actor, each.login, each.action, each.subject, each.reason)
            for each in reversed(audit.newest(connection, 1000))
        ]


def test_decisions_on_batches_are_told_with_who_took_them_and_why(warehouse: Settings, hand_over) -> None:
    held = hand_over(DOSSIERS, DAY, state="held", reason="too many rejects")
    assert told(warehouse) == []  # what a boundary decides is in its verdicts
    decisions.accept(warehouse, held, actor="airflow:thu", reason="the source confirmed them")
    decisions.withdraw(warehouse, held, actor="an", reason="after all")
    decisions.undo(warehouse, held, actor="an", reason="no\nagain")
    me = "kho_operator"
    assert told(warehouse) == [
        ("airflow:thu", me, "batch accepted", str(held), "the source confirmed them"),
        ("an", me, "batch withdrawn", str(held), "after all"),
        ("an", me, "batch accepted", str(held), "no\nagain"),
    ]


def test_what_nights_and_operators_do_with_releases_is_told(published: Settings) -> None:
    before = told(published)
    assert {"night begun", "release published"} <= {action for _, _, action, _, _ in before}
    number = int(
        next(
            subject for _, _, action, subject, _ in reversed(before) if action == "release published"
        ).split()[0]
    )
    release.rollback(published, number, actor="an", reason="the figures are wrong")
    release.unpin(published, actor="thu")
    builds.open_build(published, date(2021, 7, 5))
    reader = f"reader_{uuid.uuid4().hex[:12]}"
    readers.add(published, reader, "H51", actor="an")
    readers.remove(published, reader)
    me = os_user()
    assert [
        (actor, action, subject, reason)
        for actor, _, action, subject, reason in told(published)[len(before) :]
    ] == [
        ("an", "release pinned", str(number), "the figures are wrong"),
        ("thu", "release unpinned", str(number), "the figures are wrong"),
        (me, "night begun", "2021-07-05", ""),
        ("an", "reader added", f"{reader} H51", ""),
        (me, "reader removed", f"{reader} H51", ""),
    ]


def test_what_is_done_without_kho_is_told_too_and_what_is_rolled_back_is_not(
    warehouse: Settings, hand_over
) -> None:
    held = hand_over(DOSSIERS, DAY, state="held")
    by_hand = "insert into ledger.batch_event (batch_id, from_state, to_state, actor) values (%s, 'held', 'accepted', '')"
    with psycopg.connect(warehouse.role_url("kho_operator")) as connection:
        connection.execute(by_hand, [held])
        connection.rollback()
        connection.execute(by_hand, [held])
    assert told(warehouse) == [("kho_operator", "kho_operator", "batch accepted", str(held), "")]


def test_what_is_done_for_somebody_is_told_as_theirs(warehouse: Settings) -> None:
    for name in ("airflow:thu", r"airflow:Nguyễn Thị \ \'Thu'"):
        with acting_as(name):
            audit.write(warehouse, "restored", "")
    audit.write(warehouse, "restored", "")
    assert [actor for actor, *_ in told(warehouse)] == [
        "airflow:thu",
        r"airflow:Nguyễn Thị \ \'Thu'",
        os_user(),
    ]


@pytest.fixture
def entered(warehouse: Settings) -> Iterator[Settings]:
    """A warehouse with five entries."""
    for number in range(5):
        audit.write(warehouse, "restored", str(number), "because", actor="an")
    yield warehouse


def test_no_login_can_change_what_is_in_it_or_write_past_its_signs(entered: Settings) -> None:
    attacks = (
        "update ledger.audit_event set actor = 'somebody else'",
        "delete from ledger.audit_event",
        "truncate ledger.audit_event",
        "insert into ledger.audit_event select event_id + 5, at, actor, login, action, subject, reason, sign from ledger.audit_event",
        "drop table ledger.audit_event",
        "alter table ledger.batch_event disable trigger all",
        "drop trigger note_accepted on ledger.batch_event",
        "set session_replication_role = replica",
        "create or replace function ledger.note_action() returns trigger language plpgsql as 'begin return null; end'",
        "set role kho_owner",
    )
    before = told(entered)
    for role in ROLES:
        for attack in attacks:
            with (
                psycopg.connect(entered.role_url(role)) as connection,
                pytest.raises(psycopg.errors.InsufficientPrivilege),
            ):
                connection.execute(attack)
    assert told(entered) == before
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(entered.role_url("kho_operator").replace("kho_operator", "kho_owner", 1))


def test_who_loads_does_not_judge_what_was_loaded(warehouse: Settings, hand_over) -> None:
    held = hand_over(DOSSIERS, DAY, state="held")
    with connect(warehouse, "kho_loader") as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("update ledger.batch set state = 'accepted' where batch_id = %s", [held])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("update ledger.audit_event set actor = 'nobody' where event_id = 3", "entry 3"),
        ("update ledger.audit_event set at = at + interval '1 microsecond' where event_id = 1", "entry 1"),
        ("delete from ledger.audit_event where event_id = 2", "entry 2 is gone"),
        ("update ledger.audit_event set event_id = 9 where event_id = 5", "entry 5 is gone"),
        ("delete from ledger.audit_event where event_id = 5", "entries 5 to 5 are gone"),
    ],
)
def test_what_the_servers_administrator_changes_is_found(entered: Settings, change: str, said: str) -> None:
    with connect(entered, "kho_auditor") as connection:
        mark = audit.last(connection).mark
        assert audit.verify(connection, mark) == 5
    with psycopg.connect(entered.admin_url()) as connection:
        connection.execute(change)
    with connect(entered, "kho_auditor") as connection, pytest.raises(Broken, match=said):
        audit.verify(connection, mark)


def test_a_trail_that_was_written_anew_differs_from_the_mark_that_was_kept(entered: Settings) -> None:
    with connect(entered, "kho_auditor") as connection:
        mark = audit.last(connection).mark
    assert mark in digest(entered, date(2021, 1, 31))
    with psycopg.connect(entered.admin_url()) as connection:
        connection.execute("truncate ledger.audit_event")
        for number in range(6):
            connection.execute("select ledger.write_audit_event('thu', 'restored', %s, '')", [str(number)])
    with connect(entered, "kho_auditor") as connection:
        assert audit.verify(connection) == 6
        with pytest.raises(Broken, match="the mark was taken of"):
            audit.verify(connection, mark)


def test_many_that_write_at_once_follow_each_other(entered: Settings) -> None:
    def write() -> None:
        for number in range(5):
            audit.write(entered, "restored", str(number))

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told(entered)) == 25


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(texts=st.tuples(*[st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))] * 3))
def test_any_text_is_signed_as_it_is_checked(entered: Settings, texts: tuple[str, str, str]) -> None:
    subject, reason, actor = texts
    audit.write(entered, "restored", subject, reason, actor=actor)
    with connect(entered, "kho_auditor") as connection:
        audit.verify(connection)
        assert audit.last(connection).subject == subject.replace("\x1f", " ")
