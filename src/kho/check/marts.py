"""The marts boundary: the suites of `expectations/` over the candidate's marts decide whether it may be released.

Great Expectations reads as the auditor; its search path is the candidate's schema, so that the suites name no release.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from kho.check import since_last_release
from kho.check.failure import exception
from kho.check.project import open_project, validate, write_data_docs
from kho.check.suites import Rule, suites
from kho.database import SESSION, connect
from kho.ledger import releases
from kho.ledger.acceptances import write_findings
from kho.ledger.builds import is_of_full_refresh
from kho.ledger.releases import Release, ReleaseError
from kho.ledger.verdicts import Outcome, Verdict, of_build, replace
from kho.settings import Settings

if TYPE_CHECKING:
    from great_expectations.core import ExpectationSuiteValidationResult
    from great_expectations.data_context import EphemeralDataContext

SOURCE = "release"  # the name of the candidate, in Data Docs
SHOWN_ROWS = 5  # of what fails, in a message
WHOLE_ON = (
    7  # Sunday: also what earlier releases counted is judged then, by rules that may have changed since
)
WEEKLY = "it reads all years: judged on Sundays, and after a full refresh"


@dataclass(frozen=True)
class MartsVerdict:
    """What the boundary found in one candidate. `told` is what failed without stopping it, accepted or not critical."""

    release_id: int
    critical: tuple[Verdict, ...]
    told: tuple[Verdict, ...]
    skipped: tuple[Verdict, ...]

    @property
    def is_refused(self) -> bool:
        """The release must not be published."""
        return bool(self.critical)

    @property
    def reason(self) -> str:
        """Why the release is refused, for a person."""
        return "; ".join(f"{each.subject}: {each.message}" for each in self.critical)

    def __str__(self) -> str:
        lines = [f"release {self.release_id}: {'refused' if self.is_refused else 'may be published'}"]
        lines += [f"{each.severity}: {each.subject}: {each.message}" for each in (*self.critical, *self.told)]
        return "\n".join(lines)


def marts(settings: Settings) -> MartsVerdict:
    """Judge the candidate release and write the verdicts; run again, they are replaced. Changes no release's state.

    A newest release that is published or refused already is not judged again: what was found then is told.
    """
    candidate = next(iter(releases.releases(settings)), None)
    if not candidate:
        raise ReleaseError("there is no candidate to check: build the marts first")
    if candidate.state != "candidate":
        with connect(settings, "kho_auditor") as connection:
            return _told_of(candidate, of_build(connection, candidate.build_id))
    known = suites(settings)
    project = open_project(settings)
    from great_expectations.core.run_identifier import RunIdentifier

    asked = {*known, *(suite.judges for suite in known.values() if suite.judges)}
    _add_release(project, _audited_url(settings, candidate), sorted(asked))
    run = RunIdentifier(run_name=f"marts {candidate.business_date}", run_time=datetime.now(UTC))
    before = releases.in_force(settings)
    verdicts = []
    with connect(settings, "kho_auditor") as connection:
        is_of_all = candidate.business_date.isoweekday() == WHOLE_ON or is_of_full_refresh(
            connection, candidate.build_id
        )
    for mart, suite in known.items():
        judged = [(mart, mart if is_of_all else suite.judges or mart, suite.rules)]
        if is_of_all and suite.weekly:
            judged.append((f"{mart}_weekly", mart, suite.weekly))
        elif suite.weekly:
            verdicts += [_skipped(candidate, mart, rule, WEEKLY) for rule in suite.weekly]
        if before is None:
            verdicts += [
                _skipped(candidate, mart, rule, "no release is in force yet")
                for rule in suite.since_last_release
            ]
        elif suite.since_last_release:
            judged.append((f"{mart}_since_last_release", mart, suite.since_last_release))
        for name, rows, rules in judged:
            table = project.data_sources.get(SOURCE).get_asset(rows)
            batch = table.get_batch(table.build_batch_request())
            made = [rule.made() for rule in rules]
            result = validate(project, batch, name, made, "SUMMARY", run)
            verdicts += _verdicts(candidate, mart, rules, result)
    if before:
        comparing = {mart: suite.since_last_release for mart, suite in known.items()}
        verdicts, findings = since_last_release.settle(settings, candidate, before, verdicts, comparing)
    with connect(settings, "kho_operator") as connection:
        replace(connection, candidate.build_id, verdicts)
        if before:
            write_findings(connection, candidate.release_id, before.release_id, findings)
    write_data_docs(settings, project, run)
    return _told_of(candidate, verdicts)


def _told_of(release: Release, verdicts: list[Verdict]) -> MartsVerdict:
    return MartsVerdict(
        release.release_id,
        critical=tuple(each for each in verdicts if each.is_critical),
        told=tuple(
            each for each in verdicts if each.outcome in ("failed", "accepted") and not each.is_critical
        ),
        skipped=tuple(each for each in verdicts if each.outcome == "skipped"),
    )


def _audited_url(settings: Settings, candidate: Release) -> str:
    options = f"{SESSION} -c search_path={candidate.schema_name}"
    url = settings.role_url("kho_auditor").replace("postgresql://", "postgresql+psycopg2://", 1)
    return f"{url}{'&' if '?' in url else '?'}options={quote(options)}"


def _add_release(project: EphemeralDataContext, url: str, marts: Sequence[str]) -> None:
    """Tell Great Expectations where the marts are; one that is missing fails its rules, and no other's."""
    from great_expectations.datasource.fluent import PostgresDatasource
    from great_expectations.datasource.fluent.sql_datasource import TableAsset

    tables = [TableAsset(name=mart, table_name=mart) for mart in marts]
    project.add_datasource(datasource=PostgresDatasource(name=SOURCE, connection_string=url, assets=tables))


def _verdicts(
    candidate: Release, mart: str, rules: Sequence[Rule], result: ExpectationSuiteValidationResult
) -> list[Verdict]:
    by_name = {rule.name: rule for rule in rules}
    verdicts = []
    for each in result.results:
        rule = by_name[each.expectation_config.meta["rule"]]
        observed, found = _found(each)
        message = None if each.success else f"Not so: {rule.says} {found or ''} {rule.remedy}"
        verdicts.append(
            _verdict(candidate, mart, rule, "passed" if each.success else "failed", observed, message)
        )
    return verdicts


def _skipped(candidate: Release, mart: str, rule: Rule, why: str) -> Verdict:
    return _verdict(candidate, mart, rule, "skipped", None, why)


def _verdict(
    candidate: Release, mart: str, rule: Rule, outcome: Outcome, observed: str | None, message: str | None
) -> Verdict:
    return Verdict(
        "marts",
        candidate.business_date,
        mart,
        rule.name,
        rule.severity,
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
    more = (
        f"; and {observed - SHOWN_ROWS:,} more" if isinstance(observed, int) and observed > SHOWN_ROWS else ""
    )
    return f"{observed} rows", "; ".join(_told(row) for row in rows[:SHOWN_ROWS]) + f"{more}."


def _told(row: Any) -> str:
    if isinstance(row, dict):
        return ", ".join(f"{name} {value}" for name, value in row.items() if value is not None)
    return str(row)
