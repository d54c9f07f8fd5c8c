"""`kho release` and `kho batch`, as an operator types them."""

from __future__ import annotations

import getpass
import json

import pytest
from typer.testing import CliRunner

from kho import settings
from kho.cli import batch as batch_commands
from kho.cli import release as release_commands
from kho.contract import contracts
from kho.database import connect
from kho.publish import release

DOSSIERS, DAY = "one_stop.dossiers", "2021-01-31"


@pytest.fixture
def kho(warehouse, monkeypatch):
    """Types a command at this warehouse; gives its exit code and what it said."""
    monkeypatch.setenv("KHO_HOME", str(warehouse.home))
    monkeypatch.setenv("KHO_WAREHOUSE_DATABASE", warehouse.warehouse_database)
    monkeypatch.setenv("COLUMNS", "300")
    settings.settings.cache_clear()

    def type_in(group: str, *words: object) -> tuple[int, str]:
        app = {"release": release_commands.app, "batch": batch_commands.app}[group]
        result = CliRunner().invoke(app, [str(word) for word in words])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, result.output

    yield type_in
    settings.settings.cache_clear()


def test_an_operator_accepts_withdraws_and_takes_it_back(kho, warehouse, hand_over):
    held = hand_over(DOSSIERS, DAY, state="held", reason="too many rejects")
    assert "too many rejects" in kho("batch", "list", "--state", "held")[1]
    code, said = kho("batch", "accept", held, "--reason", "the source confirmed them")
    assert code == 0 and f"Batch {held}: held → accepted" in said
    assert kho("batch", "withdraw", held, "--reason", "after all")[0] == 0
    assert kho("batch", "undo", held, "--reason", "no")[0] == 0
    story = kho("batch", "show", held)[1]
    assert "the source confirmed them" in story and getpass.getuser() in story
    with connect(warehouse, "kho_auditor") as connection:
        events = connection.execute(
            "select to_state, actor, reason from ledger.batch_event where batch_id = %s order by event_id",
            [held],
        ).fetchall()
    me = getpass.getuser()
    assert events[1:] == [
        ("accepted", me, "the source confirmed them"),
        ("withdrawn", me, "after all"),
        ("accepted", me, "no"),
    ]


def test_a_decision_needs_a_reason_and_a_batch_that_can_be_decided_on(kho, hand_over):
    unreadable = hand_over(DOSSIERS, DAY, state="unreadable", reason="empty")
    assert kho("batch", "accept", unreadable)[0] == 2
    assert kho("batch", "accept", unreadable, "--reason", " ")[0] == 2
    code, said = kho("batch", "accept", unreadable, "--reason", "please")
    assert code == 1 and "nothing of it was loaded" in said
    assert kho("batch", "show", 99) == (1, "there is no batch 99: `kho batch list` shows them\n")


def test_batches_are_listed_for_programs_too(kho, hand_over):
    number = hand_over(DOSSIERS, DAY, state="accepted", rows=10, rejected=1)
    (listed,) = json.loads(kho("batch", "list", "--format", "json")[1])
    assert (listed["batch"], listed["in_file"], listed["loaded"], listed["rejected"]) == (number, 10, 9, 1)
    assert kho("batch", "list", "--format", "csv", "--contract", "portal.items")[1].count("\n") == 1


def test_releases_are_listed_shown_and_gone_back_to(kho, warehouse, candidate):
    assert kho("release", "show") == (1, "no release is in force yet: make a night with `kho run`\n")
    for _ in range(2):
        candidate()
        release.publish(warehouse)
    listed = json.loads(kho("release", "list", "--format", "json")[1])
    assert [(each["release"], each["state"]) for each in listed] == [(2, "in_force"), (1, "kept")]
    assert DOSSIERS in kho("release", "show")[1]
    shown = json.loads(kho("release", "show", 1, "--format", "json")[1])
    assert {each["contract"] for each in shown} == contracts(warehouse).keys()
    assert kho("release", "rollback") == (0, "Release 1 of 2021-01-31 is in force.\n")
    assert kho("release", "rollback", 7) == (1, "release 7 is not kept; kept: 2\n")
    assert kho("release", "show", 7)[0] == 1
