"""What a boundary finds: one verdict per expectation and thing judged, kept in the ledger."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from datetime import date
from typing import Literal

import psycopg

Severity = Literal["critical", "warning", "info"]
Outcome = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True)
class Verdict:
    """A row of `ledger.verdict`. `observed` is what was there, `message` what it means, for a person."""

    boundary: Literal["exports", "marts"]
    business_date: date
    subject: str
    expectation: str
    severity: Severity
    outcome: Outcome
    observed: str | None = None
    message: str | None = None
    batch_id: int | None = None
    build_id: int | None = None

    @property
    def is_critical(self) -> bool:
        return self.outcome == "failed" and self.severity == "critical"


def write(connection: psycopg.Connection, verdicts: Iterable[Verdict]) -> None:
    with (
        connection.cursor() as cursor,
        cursor.copy(
            "copy ledger.verdict (boundary, business_date, subject, expectation, severity, outcome, observed, message,"
            " batch_id, build_id) from stdin"
        ) as copy,
    ):
        for verdict in verdicts:
            copy.write_row(astuple(verdict))
