"""The marts boundary: the suites in `expectations/` over the candidate's marts decide whether it may be released.

Great Expectations reads as the auditor; its search path is the candidate's schema, so that the suites name no release.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from psycopg import sql

from kho.check.failure import exception
from kho.check.project import open_project, write_data_docs
from kho.database import SESSION, connect
from kho.ledger import releases
from kho.ledger.releases import Release, ReleaseError
from kho.ledger.verdicts import Verdict, write
from kho.settings import Settings

CHECKPOINT = "marts"
# Compares with the marts in force: skipped, visibly, as long as there are none.
COMPARISON = "marts_since_last_release"
SHOWN_ROWS = 5  # of what fails, in a message


@dataclass(frozen=True)
class MartsVerdict:
    """What the boundary found in one candidate. `told` is what failed without stopping it."""

    release_id: int
    critical: tuple[Verdict, ...]
    told: tuple[Verdict, ...]
    skipped: tuple[Verdict, ...]
    is_refused: bool

    @property
    def reason(self) -> str:
        """Why the release is refused, for a person."""
        return "; ".join(f"{each.subject}: {each.message}" for each in self.critical)

    def __str__(self) -> str:
        lines = [f"release {self.release_id}: {'refused' if self.is_refused else 'may be published'}"]
        lines += [f"{each.severity}: {each.subject}: {each.message}" for each in (*self.critical, *self.told)]
        return "\n".join(lines)


def marts(settings: Settings) -> MartsVerdict:
    """Judge the candidate release and write the verdicts; run again, they are replaced. Changes no release's state."""
    candidate = next((each for each in releases.releases(settings) if each.state == "candidate"), None)
    if not candidate:
        raise ReleaseError("there is no candidate to check: build the marts first")
    _analyze(settings, candidate)
    is_first = releases.in_force(settings) is None
    os.environ["KHO_AUDITED_URL"] = _audited_url(settings, candidate)
    project = open_project(settings)
    from great_expectations.core.run_identifier import RunIdentifier
    from great_expectations.expectations.metadata_types import FailureSeverity

    run = RunIdentifier(run_name=f"marts {candidate.business_date}", run_time=datetime.now(UTC))
    results = []
    for name in [CHECKPOINT] if is_first else [CHECKPOINT, COMPARISON]:
        results += project.checkpoints.get(name).run(run_id=run).run_results.values()
    verdicts = [each for result in results for each in _verdicts(candidate, result)]
    if is_first:
        for definition in project.checkpoints.get(COMPARISON).validation_definitions:
            verdicts += [_skipped(candidate, definition, each) for each in definition.suite.expectations]
    with connect(settings, "kho_owner") as connection:
        connection.execute(
            "delete from ledger.verdict where boundary = 'marts' and build_id = %s", [candidate.build_id]
        )
        write(connection, verdicts)
    write_data_docs(project, run)
    return MartsVerdict(
        candidate.release_id,
        critical=tuple(each for each in verdicts if each.is_critical),
        told=tuple(each for each in verdicts if each.outcome == "failed" and not each.is_critical),
        skipped=tuple(each for each in verdicts if each.outcome == "skipped"),
        is_refused=any(result.get_max_severity_failure() == FailureSeverity.CRITICAL for result in results),
    )


def _analyze(settings: Settings, candidate: Release) -> None:
    """Tell the planner about the new tables: without it a join across marts may take minutes."""
    with connect(settings, "kho_transformer") as connection:
        tables = connection.execute(
            "select tablename from pg_tables where schemaname = %s order by 1", [candidate.schema_name]
        ).fetchall()
        for (table,) in tables:
            connection.execute(sql.SQL("analyze {}").format(sql.Identifier(candidate.schema_name, table)))


def _audited_url(settings: Settings, candidate: Release) -> str:
    options = f"{SESSION} -c search_path={candidate.schema_name}"
    url = settings.role_url("kho_auditor").replace("postgresql://", "postgresql+psycopg2://", 1)
    return f"{url}{'&' if '?' in url else '?'}options={quote(options)}"


def _verdicts(candidate: Release, result: Any) -> list[Verdict]:
    mart = result.meta["active_batch_definition"]["data_asset_name"]
    return [
        _verdict(
            candidate,
            mart,
            each.expectation_config,
            "passed" if each.success else "failed",
            *_found(each),
        )
        for each in result.results
    ]


def _skipped(candidate: Release, definition: Any, expectation: Any) -> Verdict:
    return _verdict(
        candidate,
        definition.asset.name,
        expectation.configuration,
        "skipped",
        None,
        "no release is in force yet",
    )


def _verdict(
    candidate: Release, mart: str, expectation: Any, outcome: Any, observed: str | None, found: str | None
) -> Verdict:
    message = None
    if outcome == "failed":
        message = f"Not so: {expectation.description} {found or ''} {expectation.notes or ''}".strip()
    elif outcome == "skipped":
        message = found
    return Verdict(
        "marts",
        candidate.business_date,
        mart,
        expectation.meta["rule"],
        expectation.severity.value,
        outcome,
        observed,
        message,
        build_id=candidate.build_id,
    )


def _found(result: Any) -> tuple[str | None, str | None]:
    """What was observed, and a look at the first rows that fail."""
    if problem := exception(result):
        return None, f"It could not be checked: {problem}."
    found = result.result
    rows = (found.get("details") or {}).get("unexpected_rows") or found.get("partial_unexpected_list") or []
    observed = found.get("observed_value", found.get("unexpected_count"))
    if result.success or not rows:
        return str(observed), None
    return f"{observed} rows", "; ".join(_told(row) for row in rows[:SHOWN_ROWS]) + "."


def _told(row: Any) -> str:
    if isinstance(row, dict):
        return ", ".join(f"{name} {value}" for name, value in row.items())
    return str(row)
