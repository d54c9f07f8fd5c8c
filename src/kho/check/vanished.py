"""Why figures of the release in force are no longer there: the line of a seed, the contract or the batches behind them."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import namedtuple_row
from psycopg.types.json import Jsonb

from kho.ledger import builds
from kho.ledger.releases import Release
from kho.settings import Settings

SHOWN = 20  # causes in a message
METRICS, AGENCIES, OPERATIONS = "metrics.csv", "agencies.csv", "system_operation.csv"
REGISTER = "register.operations"  # its lists stand for the seed's in districts that hand them over
FIGURE = frozenset({"scope_agency_code", "scheme", "period_code", "metric"})
Period = tuple[str, str, str]  # scope, scheme, code
#: what a contract says of its deliveries, and what the ledger calls it
_SAID = {
    "load": "is_full_list",
    "a list per unit": "is_list_per_unit",
    "frequency": "frequency",
    "endOfLife": "end_of_life",
}


@dataclass(frozen=True)
class _Cause:
    """What is behind a figure. Causes that say the same of several lines of a seed are told as one."""

    text: str
    seed: str = ""
    line: int = 0
    system: str = ""


@dataclass(frozen=True)
class _Operated:
    """That a unit operates a system, as a line of the seed says it."""

    line: int
    system: str
    agency: str
    includes_departments: bool
    operated_from: date
    operated_to: date | None

    def speaks_of(self, agency: str, *, is_department: bool) -> bool:
        is_of_unit = is_department and self.includes_departments and agency.startswith(f"{self.agency}.")
        return is_of_unit or self.agency == agency


def behind(
    settings: Settings,
    connection: psycopg.Connection,
    candidate: Release,
    before: Release,
    rows: Iterable[dict[str, Any]],
) -> str:
    """What is behind each of these figures of the release `before`, that with most figures first; empty for other rows."""
    figures = [row for row in rows if row.keys() >= FIGURE]
    if not figures:
        return ""
    causes = _Causes(settings, connection, candidate, before)
    of_periods = causes.of_periods({_period(row) for row in figures})
    said: dict[tuple[str, str], set[_Cause]] = defaultdict(set)
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for row in figures:
        found = causes.of_lists(row) or of_periods.get(_period(row)) or {causes.of_all()}
        for cause in found:
            said[cause.seed, cause.text].add(cause)
        for each in {(cause.seed, cause.text) for cause in found}:
            counts[each] += 1
    told = [
        f"{_told(said[each])} ({count} figures)"
        for each, count in sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    ]
    more = [f"and {len(told) - SHOWN} more"] if len(told) > SHOWN else []
    return "; ".join([*told[:SHOWN], *more])


def _told(causes: set[_Cause]) -> str:
    (seed,), (text,) = {cause.seed for cause in causes}, {cause.text for cause in causes}
    lines = sorted({cause.line for cause in causes} - {0})
    systems = sorted({cause.system for cause in causes} - {""})
    numbered = f", line{'s' if len(lines) > 1 else ''} {', '.join(map(str, lines))}" if lines else ""
    of = f"{', '.join(systems)} of " if systems else ""
    return f"dbt_project/seeds/{seed}{numbered}: {of}{text}" if seed else text


def _period(row: dict[str, Any]) -> Period:
    return row["scope_agency_code"], row["scheme"], row["period_code"]


class _Causes:
    """What differs between the release in force and a candidate, asked for by figures."""

    def __init__(
        self, settings: Settings, connection: psycopg.Connection, candidate: Release, before: Release
    ) -> None:
        self._connection, self._candidate, self._before = connection, candidate, before
        self._metrics = self._column("figure_metric", "metric")
        self._scopes = self._column("figure_scope", "scope_agency_code")
        self._contracts_before = builds.contracts_of(connection, before.build_id)
        self._contracts = builds.contracts_of(connection, candidate.build_id)
        self._batches = builds.changed_batches(connection, before.build_id, candidate.build_id)
        self._agencies = {row["agency_code"]: (line, row) for line, row in _lines(settings.seed(AGENCIES))}
        self._operated = [
            _Operated(
                line,
                row["system"],
                row["agency_code"],
                row["includes_departments"] == "true",
                date.fromisoformat(row["operated_from"]),
                date.fromisoformat(row["operated_to"]) if row["operated_to"] else None,
            )
            for line, row in _lines(settings.seed(OPERATIONS))
        ]

    def of_lists(self, row: dict[str, Any]) -> set[_Cause]:
        """That a figure's metric or its unit is no longer known."""
        if row["metric"] not in self._metrics:
            return {_Cause(f"{row['metric']} is no metric any more", METRICS)}
        if row["scope_agency_code"] not in self._scopes:
            return {_Cause(f"{row['scope_agency_code']} is no unit any more", AGENCIES)}
        return set()

    def of_periods(self, periods: set[Period]) -> dict[Period, set[_Cause]]:
        """By period of a scope, why sources told of it before and don't tell any more."""
        found: dict[Period, set[_Cause]] = defaultdict(set)
        for lost in self._lost(periods):
            for cause in self._of_source(lost):
                for scope, scheme, code in lost.periods:
                    found[scope, scheme, code].add(cause)
        return found

    def of_all(self) -> _Cause:
        """What may be behind any figure."""
        if self._candidate.business_date < self._before.business_date:
            return self._is_older()
        if changed := [
            said for contract in sorted(self._contracts_before) if (said := self._changed(contract))
        ]:
            return _Cause(", ".join(changed))
        if builds.have_other_models(self._connection, self._before.build_id, self._candidate.build_id):
            return _Cause("a model or a seed of dbt_project changed")
        return _Cause("no seed, contract or batch that changed")

    def _of_source(self, lost: Any) -> Iterator[_Cause]:
        """Why a contract tells less of an agency than it did."""
        changed = self._changed(lost.contract)
        if changed:
            yield _Cause(changed)
        now = self._contracts.get(lost.contract)
        if now and lost.operated_before != lost.operated_now:
            yield from self._of_operation(now.system, lost.agency_code, lost)
        elif not changed:
            yield self._of_batches(lost.contract)

    def _changed(self, contract: str) -> str:
        """What a contract says in another way than before; empty if it is the same, or was not written down."""
        was, now = self._contracts_before.get(contract), self._contracts.get(contract)
        system, _, entity = contract.partition(".")
        if was and not now:
            return f"contracts/{system}/{entity}.yaml is gone"
        changes = list(_changes(was, now)) if was else []
        return f"contracts/{system}/{entity}.yaml: {', '.join(changes)}" if changes else ""

    def _of_operation(self, system: str, agency: str, lost: Any) -> Iterator[_Cause]:
        ends_before, ends_now = _ends(lost.operated_before), _ends(lost.operated_now)
        began = min(span.lower for span in lost.operated_before)
        _, unit = self._agencies.get(agency, (0, {}))
        is_department = not unit.get("unit_code")
        lines = [
            each
            for each in self._operated
            if each.system == system and each.speaks_of(agency, is_department=is_department)
        ]
        changed = [
            each
            for each in lines
            if (each.operated_to not in ends_before or each.operated_from > began)
            and (not ends_now or each.operated_to in ends_now)
        ]
        registers = [each for each in self._batches if each.contract == REGISTER]
        if changed:
            for each in changed:
                until = each.operated_to or "this day"
                text = f"{each.agency}, operated from {each.operated_from} to {until}, before: to {_last(ends_before)}"
                yield _Cause(text, OPERATIONS, each.line, system)
        elif registers:
            for batch in registers:
                yield _Cause(f"batch {batch.batch_id} of {REGISTER} {'came' if batch.is_new else 'went'}")
        elif lines:
            line, _ = self._agencies.get(agency, (0, {}))
            yield _Cause(
                f"{agency}, there to {_last(ends_now)}, before: to {_last(ends_before)}", AGENCIES, line
            )
        else:
            yield _Cause(f"{agency} has no line any more", OPERATIONS, 0, system)

    def _of_batches(self, contract: str) -> _Cause:
        gone = [each for each in self._batches if each.contract == contract and not each.is_new]
        if not gone or self._candidate.business_date < self._before.business_date:
            return self.of_all()
        named = ", ".join(f"{each.batch_id} ({each.state})" for each in gone[:SHOWN])
        more = f" and {len(gone) - SHOWN} more" if len(gone) > SHOWN else ""
        return _Cause(f"batches of {contract} that are no longer read: {named}{more}")

    def _is_older(self) -> _Cause:
        return _Cause(
            f"the night loads up to {self._candidate.business_date}, release {self._before.release_id} in force is of "
            f"{self._before.business_date}"
        )

    def _lost(self, periods: set[Period]) -> list[Any]:
        """Contract and agency of what told of these periods and doesn't any more, and the periods of each."""
        with self._connection.cursor(row_factory=namedtuple_row) as cursor:
            return cursor.execute(
                sql.SQL(
                    """
                    with gone as (
                      select scope_agency_code, scheme, period_code, from_date, to_date
                      from jsonb_to_recordset(%s) as gone (scope_agency_code text, scheme text, period_code text)
                      join marts.figure_period as period using (scheme, period_code)
                    ), told as (
                      select distinct gone.*, coverage.contract, coverage.agency_code
                      from gone
                      join marts.figure_scope as scope using (scope_agency_code)
                      join marts.figure_coverage as coverage on coverage.agency_code = scope.agency_code
                      where gone.from_date <= least(coverage.told_to, coverage.operated_to, scope.valid_to)
                        and gone.to_date >= greatest(coverage.covered_from, coverage.operated_from, scope.valid_from)
                        and coverage.covered_from is not null
                    )
                    select told.contract, told.agency_code,
                      array_agg(array[told.scope_agency_code, told.scheme, told.period_code]) as periods,
                      {spans_before} as operated_before, {spans_now} as operated_now
                    from told
                    where not exists (
                      select from {coverage} as coverage
                      where coverage.contract = told.contract and coverage.agency_code = told.agency_code
                        and told.from_date <= least(coverage.told_to, coverage.operated_to)
                        and told.to_date >= greatest(coverage.covered_from, coverage.operated_from)
                        and coverage.covered_from is not null)
                    group by told.contract, told.agency_code
                    order by told.contract, told.agency_code
                    """
                ).format(
                    coverage=self._of_candidate("figure_coverage"),
                    spans_before=_spans_of(sql.Identifier("marts", "figure_coverage")),
                    spans_now=_spans_of(self._of_candidate("figure_coverage")),
                ),
                [
                    Jsonb(
                        [
                            dict(zip(("scope_agency_code", "scheme", "period_code"), each, strict=True))
                            for each in periods
                        ]
                    )
                ],
            ).fetchall()

    def _column(self, mart: str, column: str) -> set[str]:
        query = sql.SQL("select distinct {} from {}").format(sql.Identifier(column), self._of_candidate(mart))
        return {value for (value,) in self._connection.execute(query)}

    def _of_candidate(self, mart: str) -> sql.Identifier:
        return sql.Identifier(self._candidate.schema_name, mart)


def _spans_of(coverage: sql.Composable) -> sql.Composable:
    """From when to when an agency operates the system of a contract, as the marts of a release have it."""
    return sql.SQL(
        "(select array_agg(distinct daterange(span.operated_from, span.operated_to, '[]')) from {} as span"
        " where span.contract = told.contract and span.agency_code = told.agency_code)"
    ).format(coverage)


def _ends(spans: list[Any] | None) -> list[date | None]:
    """The last days of these times; None: it goes on."""
    return [span.upper and span.upper - timedelta(days=1) for span in spans or []]


def _last(ends: list[date | None]) -> str:
    known = [end for end in ends if end]
    if not ends:
        return "no day"
    return str(max(known)) if len(known) == len(ends) else "this day"


def _lines(seed: Path) -> list[tuple[int, dict[str, str]]]:
    """The rows of a seed, each with the number of its line."""
    with seed.open(encoding="utf-8") as file:
        reader = csv.DictReader(file)
        return [(reader.line_num, row) for row in reader]


def _changes(was: Any, now: Any) -> Iterator[str]:
    for said, column in _SAID.items():
        before, after = getattr(was, column), getattr(now, column)
        if before != after:
            words = {True: "full", False: "delta"} if said == "load" else {True: "yes", False: "no"}
            yield f"{said} is {words.get(after, after)}, before: {words.get(before, before)}"
