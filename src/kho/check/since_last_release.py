"""What rules that compare with the release in force found in a candidate, row by row, and what people accepted of it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import psycopg
from psycopg import sql

from kho.check import moved, vanished
from kho.check.suites import Rule
from kho.database import connect
from kho.ledger import acceptances
from kho.ledger.acceptances import Finding
from kho.ledger.releases import Release
from kho.ledger.verdicts import Verdict
from kho.settings import Settings

log = logging.getLogger(__name__)

QUERY = "unexpected_rows_query"  # the argument of a rule that tells of rows


def settle(
    settings: Settings,
    candidate: Release,
    compared_with: Release,
    verdicts: Sequence[Verdict],
    rules: Mapping[str, Sequence[Rule]],
) -> tuple[list[Verdict], list[Finding]]:
    """The verdicts, and every row that critical ones of these rules, told by mart, are about. Of the others the message says
    what is behind them too, where they are about figures that moved.

    Where people accepted all rows that a rule found, its verdict is `accepted`; else its message says what is behind
    them. A rule that could not be checked, or that tells of no rows, is never accepted.
    """
    by_name = {(mart, rule.name): rule for mart, each in rules.items() for rule in each}
    settled, findings = [], []
    with connect(settings, "kho_auditor") as connection:
        let_pass = acceptances.accepted(connection, compared_with.release_id)
        for verdict in verdicts:
            rule = by_name.get((verdict.subject, verdict.expectation))
            # What could not be checked has nothing observed.
            if rule is None or verdict.outcome != "failed" or verdict.observed is None:
                settled.append(verdict)
                continue
            rows = _rows(connection, candidate, verdict.subject, rule)
            if not verdict.is_critical:
                behind = _behind(
                    connection, partial(moved.behind, connection, candidate, compared_with, rows)
                )
                settled.append(_with(verdict, behind))
                continue
            found = [Finding(verdict.subject, rule.name, _told(row)) for row in rows]
            findings += found
            told = _with(
                verdict,
                _behind(
                    connection,
                    partial(vanished.behind, settings, connection, candidate, compared_with, rows),
                ),
            )
            is_accepted = bool(found) and let_pass.issuperset(found)
            settled.append(
                replace(told, outcome="accepted", message=f"Accepted. {told.message}")
                if is_accepted
                else told
            )
    return settled, findings


def _rows(connection: psycopg.Connection, candidate: Release, mart: str, rule: Rule) -> list[dict[str, Any]]:
    """All rows that a rule finds; Great Expectations gives the first few."""
    if QUERY not in rule.arguments:
        return []
    query = rule.arguments[QUERY].rstrip("; \n")
    with connection.transaction():
        connection.execute(
            sql.SQL("set local search_path to {}").format(sql.Identifier(candidate.schema_name))
        )
        rows = connection.execute(
            sql.SQL("select distinct to_jsonb(found) from ({}) as found").format(
                sql.SQL(query).format(batch=sql.Identifier(mart))
            )
        ).fetchall()
    return [row for (row,) in rows]


def _with(verdict: Verdict, behind: str) -> Verdict:
    return replace(verdict, message=f"{verdict.message} Behind it: {behind}.") if behind else verdict


def _behind(connection: psycopg.Connection, ask: Callable[[], str]) -> str:
    """What is behind rows, where that can be told: a mart that is missing, too, fails the rule and no more."""
    try:
        with connection.transaction():
            return ask()
    except Exception:
        log.exception("what is behind the rows that a rule found could not be told")
        return ""


def _told(row: dict[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False, sort_keys=True)
