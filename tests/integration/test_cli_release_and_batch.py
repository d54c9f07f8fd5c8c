"""`kho release` and `kho batch`, as an operator types them."""

from __future__ import annotations

import json
import os
import pwd
from dataclasses import replace
from datetime import date

import pytest
from typer.testing import CliRunner

from kho import settings
from kho.actor import os_user
from kho.cli import batch as batch_commands
from kho.cli import release as release_commands
from kho.cli import server
from kho.contract import contracts
from kho.database import connect
from kho.digest import digest
from kho.ledger import acceptances, verdicts
from kho.ledger.acceptances import Finding
from kho.ledger.verdicts import Verdict
from kho.publish import release
from tests.owner import as_owner

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
    assert "the source confirmed them" in story and os_user() in story
    with connect(warehouse, "kho_auditor") as connection:
        events = connection.execute(
            "select to_state, actor, reason from ledger.batch_event where batch_id = %s order by event_id",
            [held],
        ).fetchall()
    me = os_user()
    assert events[1:] == [
        ("accepted", me, "the source confirmed them"),
        ("withdrawn", me, "after all"),
        ("accepted", me, "no"),
    ]


def test_a_decision_is_kept_with_the_account_whatever_the_environment_says(
    kho, warehouse, hand_over, monkeypatch
):
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody-else")
    held = hand_over(DOSSIERS, DAY, state="held", reason="too many rejects")
    assert kho("batch", "accept", held, "--reason", "confirmed")[0] == 0
    with connect(warehouse, "kho_auditor") as connection:
        actors = connection.execute(
            "select actor from ledger.batch_event where batch_id = %s and reason = 'confirmed'", [held]
        ).fetchall()
    assert actors == [(pwd.getpwuid(os.getuid()).pw_name,)]


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
    assert kho("release", "rollback")[0] == 2  # it asks for a reason
    assert kho("release", "rollback", "--reason", " ")[0] == 2
    code, said = kho("release", "rollback", "--reason", "wrong sums")
    assert code == 0 and said.startswith(
        "Release 1 of 2021-01-31 is in force, and pinned: nights publish nothing"
    )
    assert kho("release", "rollback", 7, "-r", "x") == (1, "release 7 is not kept; kept: 2\n")
    assert kho("release", "show", 7)[0] == 1


def let_through(settings, made):
    """Enters that the marts boundary has judged a release's marts and found nothing."""
    with as_owner(settings) as connection:
        rule = Verdict("marts", made.business_date, "first", "adds_up", "critical", "passed")
        verdicts.replace(connection, made.build_id, [replace(rule, build_id=made.build_id)])


def test_a_pinned_release_is_told_until_it_is_unpinned_and_the_candidate_is_published_by_hand(
    kho, warehouse, candidate, capsys
):
    assert kho("release", "unpin") == (1, "no release is pinned\n")
    for _ in range(2):
        candidate()
        release.publish(warehouse)
    kho("release", "rollback", 1, "--reason", "wrong sums")
    let_through(warehouse, candidate())
    me = os_user()
    code, said = kho("release", "publish")
    assert code == 1 and f"release 3 waits: release 1 is pinned by {me} since" in said
    assert "`kho release unpin`" in said
    assert f"Decided: release 1 is pinned by {me} since" in kho("release", "show")[1]
    server.print_night(warehouse, date(2021, 1, 31))
    told = " ".join(capsys.readouterr().out.split())
    assert f"Pinned: release 1 is pinned by {me} since" in told and "(wrong sums)" in told
    assert "Last night: 2021-01-31, release 3 candidate" in told and "Not published: release 3 waits" in told
    night_before = digest(warehouse, date(2021, 1, 31))
    assert "bản 3 đã kiểm tra xong, chưa phát hành vì bản 1 đang được ghim" in night_before.splitlines()[0]
    assert (
        f"Bản 1 được {me} ghim lúc" in night_before and "(wrong sums): chưa phát hành bản mới" in night_before
    )
    code, said = kho("release", "unpin")
    assert code == 0 and "`kho release publish`" in said
    assert kho("release", "publish") == (0, "Release 3 of 2021-01-31 is in force.\n")
    server.print_night(warehouse, date(2021, 1, 31))
    told = capsys.readouterr().out
    assert "inned" not in told and "Not published" not in told
    assert "ghim" not in digest(warehouse, date(2021, 1, 31))


def test_an_older_release_says_what_to_type_and_is_published_then(kho, warehouse, candidate, capsys):
    candidate()
    release.publish(warehouse)
    let_through(warehouse, candidate(night=date(2021, 1, 30)))
    server.print_night(warehouse, date(2021, 1, 30))
    assert "`kho release publish --allow-older` publishes it." in capsys.readouterr().out
    assert "cũ hơn bản đang dùng (kho release publish --allow-older)" in digest(warehouse, date(2021, 1, 30))
    code, said = kho("release", "publish")
    assert code == 1 and "older than release 1 in force, of 2021-01-31" in said
    assert kho("release", "publish", "--allow-older") == (0, "Release 2 of 2021-01-30 is in force.\n")


def test_what_was_not_checked_is_not_published_by_hand(kho, candidate):
    candidate()
    code, said = kho("release", "publish", "--allow-older")
    assert code == 1 and "has not let release 1 through: check the marts first" in said


def test_a_refused_release_is_accepted_by_a_person_with_a_reason(kho, warehouse, candidate, capsys):
    code, said = kho("release", "accept", "--reason", "closed")
    assert (code, said) == (1, "there is no release yet: `kho release list` shows them\n")
    candidate()
    release.publish(warehouse)
    refused = candidate()
    with as_owner(warehouse) as connection:
        found = [Finding("first", "still_there", "{}")]
        acceptances.write_findings(connection, refused.release_id, compared_with=1, findings=found)
    release.refuse(warehouse, "figures vanished")
    assert kho("release", "accept")[0] == 2
    assert kho("release", "accept", "--reason", " ")[0] == 2
    code, said = kho("release", "accept", 2, "--reason", "closed [by law]")
    assert (
        code == 0
        and "What was found in release 2 is accepted (1 rows)." in said
        and "`kho run --date 2021-01-31`" in said
    )
    me = os_user()
    assert f"Decided: accepted by {me} on" in kho("release", "show", 2)[1]
    server.print_night(warehouse, date(2021, 1, 31))
    told = " ".join(capsys.readouterr().out.split())
    assert f"Release 2: accepted by {me} on" in told and "as found in release 2: closed [by law]" in told
