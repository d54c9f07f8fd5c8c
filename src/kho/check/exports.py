"""The exports boundary: each batch of the night is accepted or held, by expectations made from its contract.

One validation per contract over a frame with a row per batch: what the load pass saw of it, and what batches before
it were like. Critical holds the batch; a warning lets it pass and is told.
"""

from __future__ import annotations

import logging
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import psycopg

from kho.check import drift, floors
from kho.check.drift import HISTORY
from kho.check.failure import exception
from kho.check.found import found
from kho.check.project import open_project, validate, write_data_docs
from kho.contract import Contract, telling
from kho.contract.model import Quality
from kho.database import connect
from kho.ledger import batches, decisions, locks
from kho.ledger.batches import Judged
from kho.ledger.forgetting import FORGOTTEN
from kho.ledger.verdicts import Severity, Verdict, missing_told, write
from kho.load import Known, freshness, known
from kho.settings import Settings

if TYPE_CHECKING:
    import pandas as pd
    from great_expectations.core.run_identifier import RunIdentifier
    from great_expectations.data_context import EphemeralDataContext

log = logging.getLogger(__name__)

SOURCE = "batches"  # the name of what is judged, in Data Docs
REMEMBERED = 60  # earlier batches of a kind in which it is looked for those that tell of times of day
ALIKE = (1 / floors.MANY_TIMES, floors.MANY_TIMES)  # rows of a batch, as a multiple of what is usual
AKIN = (0.05, 20)  # the same as long as few batches say what is usual
EMPTY_SHARE = 0.98  # of a column's values; it counts as emptied when it used to be filled


@dataclass(frozen=True)
class ExportsVerdict:
    """What the boundary decided in one run: batches by state, and what is told without stopping anything."""

    accepted: list[int] = field(default_factory=list)
    held: dict[int, str] = field(default_factory=dict)  # batch -> why
    told: list[Verdict] = field(default_factory=list)  # failed warnings and infos, missing deliveries

    def __str__(self) -> str:
        lines = [
            f"{len(self.accepted)} batches accepted, {len(self.held)} held, {len(self.told)} things told"
        ]
        lines += [f"batch {batch_id} held: {why}" for batch_id, why in self.held.items()]
        said = ((each.subject, (each.severity, each.message or each.expectation)) for each in self.told)
        for names, (severity, message) in telling.together(said):
            of = list(dict.fromkeys(names))
            lines.append(
                f"{severity}: {of[0]}: {message}"
                if len(of) == 1
                else f"{severity}: {len(of)} sources: {message} ({', '.join(of)})"
            )
        return "\n".join(lines)


@dataclass(frozen=True)
class _Rule:
    """One expectation of a contract's suite: a column of the frame that must be empty, or lie within bounds."""

    name: str
    severity: Severity
    says: str  # begins the message when it fails
    column: str
    at_least: float | None = None
    at_most: float | None = None
    needs: str | None = None  # column of the frame without which there is nothing to compare with
    remedy: str = ""  # ends the message

    @property
    def is_range(self) -> bool:
        return self.at_least is not None or self.at_most is not None

    def expectation(self) -> Any:
        from kho.check.expectations import ExpectColumnValuesToBeBetween, ExpectColumnValuesToBeNull

        given = {
            "column": self.column,
            "severity": self.severity,
            "meta": {"rule": self.name, "remedy": self.remedy},
            "description": f"{self.says}{self.bounds()}"
            if self.is_range
            else f"no batch of which it is so: {self.says}",
            "notes": self.says,
        }
        if self.is_range:
            return ExpectColumnValuesToBeBetween(min_value=self.at_least, max_value=self.at_most, **given)
        return ExpectColumnValuesToBeNull(**given)

    def message(self, observed: Any) -> str:
        return f"{self.says}: {observed}{self.bounds()}" + (f"; {self.remedy}" if self.remedy else "")

    def bounds(self) -> str:
        bounds = [f"at least {self.at_least:g}"] if self.at_least is not None else []
        bounds += [f"at most {self.at_most:g}"] if self.at_most is not None else []
        return f" (must be {' and '.join(bounds)})" if bounds else ""


def exports(settings: Settings, business_date: date) -> ExportsVerdict:
    """Judge every pending batch up to this date, write the verdicts and change the batches' states.

    Run again, it finds nothing pending and changes nothing. A delivery that should be there and isn't is a warning.
    """
    with connect(settings, "kho_auditor") as connection:
        sources = known(settings, connection)
        waiting = {
            source.contract: rows
            for source in sources
            if source.contract
            and not source.problem
            and (rows := _waiting(connection, source.contract, business_date))
        }
    verdicts = _validate(settings, business_date, waiting) if waiting else []
    with connect(settings, "kho_operator") as connection:
        # One boundary at a time; what another run has decided meanwhile stands.
        locks.take(connection, "exports boundary")
        verdict = _decide(connection, verdicts)
        verdict.told.extend(_missing(connection, sources, business_date))
    return verdict


def foresee(connection: psycopg.Connection, contract: Contract, would_be: dict[str, Any]) -> list[Verdict]:
    """The verdicts that a batch would get which is in no ledger. Nothing is written, not even Data Docs.

    By what the boundary's expectations find by, but without Great Expectations: to import it takes seconds. `would_be` has
    what `ledger.batch` would hold of it, and the delivery's `name`.
    """
    day = would_be["business_date"]
    before = [replace(each, is_waiting=False) for each in batches.to_judge(connection, contract.name, day)]
    itself = Judged(would_be["batch_id"], day, would_be["name"], would_be["state"] != "unreadable", True)
    *compared, last = _rows(connection, contract, day, [*before, itself])

    def look(frame: pd.DataFrame) -> dict[str, _Found]:
        return {
            rule.name: _Found(
                {frame["batch_id"][row] for row, _ in found(frame[rule.column], rule.at_least, rule.at_most)}
            )
            for rule in rules(contract)
        }

    return _verdicts(contract, [*compared, {**last, **would_be}], day, look)


_SUMS_AGREE = _Rule(
    "sums_agree",
    "critical",
    "the rows do not add up to the row of their sums",
    "sums_off",
    remedy="ask the source whether rows are missing",
)


_FLOORS = (
    _Rule(
        "something_loaded",
        "critical",
        "no row could be loaded",
        "nothing_loaded",
        remedy="`kho rejects show` shows why: mend the contract and replay, or ask the source",
    ),
    _Rule(
        "rejects_bounded",
        "critical",
        "most rows were rejected, and the contract has no limit of its own",
        "unbounded_rejects",
        remedy="`kho rejects show` shows them: mend the contract and replay, ask the source, or accept the batch",
    ),
    _Rule(
        "rows_are_data",
        "warning",
        "the file has rows, and none of them is data",
        "no_data",
        remedy="a quiet day has no rows: ask the source whether its export works",
    ),
    _Rule(
        "past_as_usual",
        "warning",
        "rows tell of long ago only, and their keys were never there",
        "old_rows",
        needs="old_rows_compared",
        remedy="are they rows that were there before under other keys? Then ask the source, and `kho batch withdraw`",
    ),
    _Rule("few_rows_blank", "info", "the file has a few blank rows and no others", "few_blank"),
)

_LIST_FLOORS = (
    _Rule(
        "list_not_cut",
        "critical",
        "the list lost all or nearly all of its rows",
        "cut_list",
        remedy="what it lacks would count as gone: ask the source for the whole list, or accept the batch if it is that short",
    ),
    _Rule(
        "list_not_halved",
        "warning",
        "the list lost more than half of its rows",
        "halved_list",
        remedy="what it lacks counts as gone: ask the source whether it is whole",
    ),
    _Rule(
        "list_has_rows",
        "warning",
        "the first list is empty",
        "empty_list",
        remedy="figures say 0: ask the source whether there is nothing",
    ),
)


def rules(contract: Contract) -> list[_Rule]:
    """The expectations of a contract's batches."""
    return [
        _Rule(
            "readable",
            "critical",
            "the file could not be read",
            "unreadable",
            remedy=f"`kho source check {contract.name}` shows how the newest file begins",
        ),
        _Rule(
            "columns_present",
            "critical",
            "columns are missing",
            "missing_columns",
            remedy="give a renamed one its new header in the contract (physicalName), or ask the source for it",
        ),
        _Rule(
            "conventions_kept",
            "critical",
            "values are written otherwise than the contract says",
            "changed_conventions",
            remedy="some may have been misread: change the contract's formats and replay, or ask the source",
        ),
        _Rule(
            "encoding_kept",
            "critical",
            "characters are encoded otherwise than the contract says",
            "changed_encoding",
            remedy="change the contract's encoding and replay, or ask the source for a sound export",
        ),
        _Rule(
            "columns_typed",
            "critical",
            "columns changed their type or form",
            "retyped_columns",
            remedy="`kho rejects show` shows the rows: mend the contract and replay, or ask the source",
        ),
        _Rule(
            "columns_known",
            "warning",
            "columns that the contract does not know were left out",
            "unknown_columns",
            remedy=f"add them to the contract to keep them: `kho source check {contract.name}` shows their headers",
        ),
        _Rule("headers_spelled", "info", "headers are spelled otherwise", "respelled_columns"),
        _Rule("layout_as_usual", "info", "the file is laid out otherwise", "changed_layout"),
        *(_quality(rule) for rule in contract.quality),
        _Rule(
            "control_total",
            "critical",
            "the rows are not as many as the source announced",
            "control_mismatch",
            needs="announced_rows",
        ),
        *([_SUMS_AGREE] if any(rule.is_sum for rule in contract.file.skip_rows) else ()),
        *_FLOORS,
        *(_LIST_FLOORS if contract.file.load == "full" else ()),
        _Rule("rows_unique", "warning", "rows were there twice", "duplicate_rows", at_most=0),
        _Rule(
            "keys_unique",
            "warning",
            "rows have the key of another row and say something else",
            "contradicting_rows",
            remedy=f"the {'last' if contract.file.later_row_counts else 'first'} of them counts: does the key still tell rows apart?",
        ),
        _Rule(
            "keys_as_usual",
            "warning",
            "most keys are new",
            "unfamiliar_keys",
            needs="keys_compared",
            remedy="has the source renumbered them?",
        ),
        _Rule(
            "conventions_even",
            "warning",
            "some values are written otherwise than the contract says",
            "mixed_conventions",
            remedy="they were rejected: ask the source which way is right",
        ),
        _Rule(
            "times_as_usual",
            "warning",
            "times of day moved",
            "shifted_times",
            needs="times_compared",
            remedy=f"has the time zone changed? Then {drift.clock_remedy(contract)} and replay",
        ),
        _Rule(
            "offsets_as_usual",
            "warning",
            "times come with other offsets than ever",
            "changed_offsets",
            needs="offsets_compared",
            remedy="the times are taken as they say. Are they right? Then there is nothing to do. Does the clock still show the"
            f" time of {contract.file.time_zone}? Then {drift.clock_remedy(contract)} and replay; if only some are wrong, ask the"
            " source",
        ),
        _Rule(
            "times_like_the_systems",
            "warning",
            "times of day are not like those of the system's other exports",
            "foreign_times",
            remedy=f"are they of another zone? Then {drift.clock_remedy(contract)} and replay",
        ),
        _Rule(
            "times_possible",
            "warning",
            "dates and times that can't be were emptied",
            "emptied_times",
            remedy="ask the source, or change the column's earliest or daysAhead in the contract and replay",
        ),
        _Rule(
            "times_in_order",
            "warning",
            "times contradict each other",
            "disordered_times",
            remedy="ask the source whether the columns still mean what the contract says",
        ),
        _Rule("few_times_disordered", "info", "a few times contradict each other", "few_disordered_times"),
        _Rule(
            "versions_not_from_the_future",
            "warning",
            "rows changed after their delivery's date, by their own account",
            "future_versions",
            remedy="they are ordered as of that date: ask the source whether its clock is right",
        ),
        _Rule(
            "values_known",
            "warning",
            "values that the contract does not know were rejected",
            "unknown_values",
            remedy="`kho rejects show` shows them",
        ),
        _Rule(
            "rows_as_usual",
            "warning",
            "rows, as a multiple of the usual number",
            "usual_ratio",
            *ALIKE,
            needs="usual_ratio",
        ),
        _Rule(
            "rows_as_before",
            "warning",
            "rows, as a multiple of those of the few files before",
            "early_ratio",
            *AKIN,
            needs="early_ratio",
        ),
        _Rule(
            "rejects_as_usual",
            "warning",
            "rejected rows, as a multiple of the usual share",
            "rejects_ratio",
            at_most=floors.MANY_TIMES,
            needs="rejects_ratio",
            remedy="`kho rejects show` shows them",
        ),
        _Rule(
            "columns_filled_as_usual",
            "warning",
            "columns that used to be filled are empty",
            "emptied_columns",
            needs="usual_ratio",
        ),
    ]


def _quality(rule: Quality) -> _Rule:
    """A quality rule of the contract, on the column of the frame that measures it."""
    measure = {
        "invalidValues": "rejected",
        "duplicateValues": "duplicate",
        "rowCount": "rows_loaded",
        "nullValues": f"nulls_of_{rule.column}",
        "missingValues": f"nulls_of_{rule.column}",
    }[rule.metric]
    if rule.metric != "rowCount":
        measure += "_pct" if rule.unit == "percent" else "_rows"
    says = (rule.description.rstrip(".") or rule.name) + (" (percent)" if rule.unit == "percent" else "")
    remedy = "`kho rejects show` shows them" if rule.metric == "invalidValues" else ""
    return _Rule(rule.name, rule.severity, says, measure, rule.at_least, rule.at_most, remedy=remedy)


def _waiting(connection: psycopg.Connection, contract: Contract, business_date: date) -> list[dict[str, Any]]:
    """The batches to judge with those before them that they are compared with; empty if there is none to judge."""
    listed = batches.to_judge(connection, contract.name, business_date)
    if not any(each.is_waiting for each in listed):
        return []
    return _rows(connection, contract, business_date, listed)


def _rows(
    connection: psycopg.Connection, contract: Contract, business_date: date, listed: Sequence[Judged]
) -> list[dict[str, Any]]:
    """Those of the listed batches that wait, and those before them that they are compared with."""
    needed: set[int] = set()
    history = _History(contract)
    for batch in listed:
        if batch.is_waiting:
            alike, earlier = history.before(batch.name, batch.business_date)
            needed |= {each.batch_id for each in (*alike, *earlier, batch)}
        if batch.is_readable:
            history.add(batch.name, batch.business_date, batch)
    hours = batches.hours_of_peers(connection, contract, business_date)
    seen = batches.seen_of(connection, needed)
    return [
        {**asdict(each), **seen.get(each.batch_id, {}), "hours_of_peers": hours}
        for each in listed
        if each.batch_id in needed
    ]


class _History:
    """What came before a batch, newest last, as far as it is compared with it."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._alike: dict[Any, deque[Any]] = defaultdict(lambda: deque(maxlen=HISTORY))
        self._earlier: dict[Any, deque[Any]] = defaultdict(lambda: deque(maxlen=REMEMBERED))

    def before(self, name: str, day: date) -> tuple[list[Any], list[Any]]:
        """Those that are alike, whose size it is compared with, and earlier ones of its kind."""
        alike, earlier = self._of(name, day)
        return list(alike), list(earlier)

    def add(self, name: str, day: date, batch: Any) -> None:
        for each in self._of(name, day):
            each.append(batch)

    def _of(self, name: str, day: date) -> tuple[deque[Any], deque[Any]]:
        named = self._contract.named(name)
        series = named.get("unit"), named.get("part")
        # A delta of a Monday is compared with those of Mondays; a list with the unit's lists.
        weekday = day.weekday() if self._contract.frequency == "d" else None
        return self._alike[weekday, series], self._earlier[series]


def _frame(contract: Contract, rows: list[dict[str, Any]]) -> pd.DataFrame:
    """A row per batch to judge, a column per thing that a rule looks at; None where there is nothing to look at."""
    import pandas as pd

    history = _History(contract)
    lists: dict[str | None, dict[str, Any]] = {}  # by unit, the last one that is no cut one which waits
    judged = []
    for row in rows:
        unit = contract.named(row["name"]).get("unit")
        if row["is_waiting"]:
            alike, earlier = history.before(row["name"], row["business_date"])
            judged.append(
                _measures(contract, row, alike, lists.get(unit), [each["profile"] for each in earlier])
            )
        if row["is_readable"]:
            history.add(row["name"], row["business_date"], row)
            if not (row["is_waiting"] and floors.cut(row, lists.get(unit))):
                lists[unit] = row
    return pd.DataFrame(judged, dtype=object)


def _measures(
    contract: Contract,
    row: dict[str, Any],
    before: list[dict[str, Any]],
    last_list: dict[str, Any] | None,
    profiles: list[dict[str, Any]],
) -> dict[str, Any]:
    """`before`: the batches that its size is compared with; `last_list`: the one that a full list takes the place of;
    `profiles`: of earlier ones of its kind."""
    given = {"batch_id": row["batch_id"], "business_date": row["business_date"].isoformat()}
    names = dict.fromkeys(
        name for rule in rules(contract) for name in (rule.column, rule.needs) if name is not None
    )
    if not row["is_readable"]:
        return {**given, **names, "unreadable": row["reason"]}
    profile, counted = row["profile"], floors.counted(row)
    reasons: dict[str, int] = profile["rejects_by_reason"]
    announced_of = counted + profile.get("skipped_by_reason", {}).get(FORGOTTEN, 0)  # the source counted them
    steady = drift.steady_times(profiles)
    measures = {
        "missing_columns": _listed(drift.missing(profile)),
        "unknown_columns": _listed(f"{name} ({n} values)" for name, n in profile["unknown_columns"].items()),
        "respelled_columns": _listed(
            f"{place} for {name}" for name, place in profile["respelled_columns"].items()
        ),
        "retyped_columns": _listed(drift.retyped(contract, reasons, counted)),
        "changed_conventions": _listed(drift.conventions(contract, profile)),
        "mixed_conventions": _listed(drift.mixtures(contract, profile)),
        "changed_encoding": _listed(drift.encoding(contract, profile, counted)),
        "changed_layout": _listed(drift.layout(profile, profiles)),
        "contradicting_rows": drift.contradicting(reasons, counted),
        "unfamiliar_keys": drift.renumbered(profile),
        "keys_compared": profile.get("known_keys"),
        "shifted_times": _listed(drift.shifted(profile, steady)),
        "times_compared": ", ".join(steady) or None,
        "changed_offsets": _listed(drift.reset(profile, profiles, steady)),
        "offsets_compared": ", ".join(profile.get("offsets_before", {})) or None,
        "foreign_times": None if steady else drift.foreign(profile, row["hours_of_peers"]),
        "unknown_values": _listed(
            f"{why} ({n})" for why, n in reasons.items() if ": not one of" in why or ": unmapped code" in why
        ),
        "emptied_times": _listed(f"{name} ({n} values)" for name, n in profile.get("emptied", {}).items()),
        "disordered_times": _listed(drift.disordered(profile, row["rows_loaded"], many=True)),
        "few_disordered_times": _listed(drift.disordered(profile, row["rows_loaded"], many=False)),
        "future_versions": profile.get("future_versions") or None,
        "announced_rows": profile["control_rows"],
        "control_mismatch": _mismatch(profile["control_rows"], announced_of, reasons),
        "sums_off": _listed(f"{name} by {off}" for name, off in profile.get("sums_off", {}).items()),
        "duplicate_rows": profile["duplicate_rows"],
        "duplicate_pct": _percent(profile["duplicate_rows"], counted),
        "rejected_rows": row["rows_rejected"],
        "rejected_pct": _percent(row["rows_rejected"], counted),
        "rows_loaded": row["rows_loaded"],
        "nothing_loaded": floors.nothing_loaded(row),
        "unbounded_rejects": floors.rejects(contract, row),
        "no_data": floors.no_data(row, many=True),
        "few_blank": floors.no_data(row, many=False),
        "old_rows": floors.old_rows(row, profiles),
        "old_rows_compared": floors.usual_old_rows(profiles),
        "cut_list": floors.cut(row, last_list),
        "halved_list": floors.halved(row, last_list),
        "empty_list": floors.empty(contract, row, last_list),
    }
    for name, column in profile["columns"].items():
        measures[f"nulls_of_{name}_rows"] = column["nulls"]
        measures[f"nulls_of_{name}_pct"] = _percent(column["nulls"], row["rows_loaded"])
    if len(before) == HISTORY:
        usual = sorted(map(floors.counted, before))[HISTORY // 2]
        measures["usual_ratio"] = floors.ratio(counted, usual)
        measures["rejects_ratio"] = floors.rejects_ratio(row, before)
        measures["emptied_columns"] = _listed(_emptied(row, before))
    elif before:
        # The first is often all that there was by then: of two, the smaller one says what is usual.
        measures["early_ratio"] = floors.ratio(
            counted, sorted(map(floors.counted, before))[(len(before) - 1) // 2]
        )
    return {**given, **names, **{name: measures.get(name) for name in names}}


def _mismatch(announced: int | None, counted: int, reasons: dict[str, int]) -> str | None:
    # A row with a line break and a broken quote falls into two ragged ones: that many more are no mismatch.
    split = sum(n for why, n in reasons.items() if "ragged" in why)
    if announced is None or announced <= counted <= announced + split:
        return None
    return f"{announced} announced, {counted} came"


def _emptied(row: dict[str, Any], before: list[dict[str, Any]]) -> Iterable[str]:
    def share(batch: dict[str, Any], column: str) -> float:
        nulls = batch["profile"]["columns"].get(column, {}).get("nulls")
        return 1.0 if nulls is None or not batch["rows_loaded"] else nulls / batch["rows_loaded"]

    if row["rows_loaded"] >= 10:
        for name in row["profile"]["columns"]:
            if (
                share(row, name) >= EMPTY_SHARE
                and max(share(each, name) for each in before) < EMPTY_SHARE / 2
            ):
                yield name


def _listed(words: Iterable[str]) -> str | None:
    return ", ".join(words) or None


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 2) if whole else 0.0


def _validate(
    settings: Settings,
    business_date: date,
    waiting: dict[Contract, list[dict[str, Any]]],
) -> list[Verdict]:
    from great_expectations.core.run_identifier import RunIdentifier

    project = open_project(settings)
    _add_batches(project, waiting)
    run = RunIdentifier(run_name=f"exports {business_date}", run_time=datetime.now(UTC))
    verdicts = []
    for contract, rows in waiting.items():
        look = partial(_validated, project, contract, run)
        verdicts += _verdicts(contract, rows, business_date, look)
    write_data_docs(settings, project, run)
    return verdicts


def _add_batches(project: EphemeralDataContext, of: Iterable[Contract]) -> None:
    """Tell Great Expectations what the frames are that it will be given."""
    from great_expectations.datasource.fluent import PandasDatasource
    from great_expectations.datasource.fluent.pandas_datasource import DataFrameAsset

    frames = [DataFrameAsset(name=contract.name) for contract in of]
    project.add_datasource(datasource=PandasDatasource(name=SOURCE, assets=frames))


@dataclass(frozen=True)
class _Found:
    """The batches that a rule found something in, or why it could not look."""

    batches: set[int]
    problem: str | None = None


_Look = Callable[["pd.DataFrame"], dict[str, _Found]]  # by rule


def _validated(
    project: EphemeralDataContext, contract: Contract, run: RunIdentifier, frame: pd.DataFrame
) -> dict[str, _Found]:
    """What Great Expectations finds."""
    asset = project.data_sources.get(SOURCE).get_asset(contract.name)
    result = validate(
        project,
        asset.get_batch(asset.build_batch_request({"dataframe": frame})),
        contract.name,
        [rule.expectation() for rule in rules(contract)],
        {"result_format": "COMPLETE", "unexpected_index_column_names": ["batch_id"]},
        run,
    )
    return {
        each.expectation_config.meta["rule"]: _Found(
            {int(row["batch_id"]) for row in each.result.get("unexpected_index_list") or ()}, exception(each)
        )
        for each in result.results
    }


def _verdicts(
    contract: Contract, rows: list[dict[str, Any]], business_date: date, look: _Look
) -> list[Verdict]:
    """The verdicts on the waiting ones of a contract's batches, also where Kho fails on judging them."""
    try:
        return _judged(contract, rows, business_date, look)
    except (OSError, MemoryError):  # of the machine, not of these batches: it is tried again
        raise
    except Exception as failure:
        log.exception("%s could not be judged", contract.name)
        return _not_judged(contract, rows, business_date, failure)


def _judged(
    contract: Contract, rows: list[dict[str, Any]], business_date: date, look: _Look
) -> list[Verdict]:
    """A verdict per rule and batch."""
    frame = _frame(contract, rows)
    by_rule, judged = look(frame), frame.to_dict("records")
    verdicts = []
    for rule in rules(contract):
        problem, failed = by_rule[rule.name].problem, by_rule[rule.name].batches
        for row in judged:
            observed = row[rule.column]
            is_failed = problem is not None or row["batch_id"] in failed
            # Nothing to look at: an unreadable file, too little history, nothing announced.
            is_skipped = observed is None and (
                rule.is_range
                or (rule.needs is not None and row[rule.needs] is None)
                or (row["unreadable"] is not None and rule.name != "readable")
            )
            verdicts.append(
                Verdict(
                    "exports",
                    business_date,
                    contract.name,
                    rule.name,
                    rule.severity,
                    "failed" if is_failed else "skipped" if is_skipped else "passed",
                    None if observed is None else str(observed),
                    (
                        f"{rule.says}? It could not be checked: {problem}"
                        if problem
                        else rule.message(observed)
                    )
                    if is_failed
                    else None,
                    batch_id=row["batch_id"],
                )
            )
    return verdicts


def _not_judged(
    contract: Contract, rows: list[dict[str, Any]], business_date: date, failure: Exception
) -> list[Verdict]:
    """One contract that can't be judged keeps nobody else's batches waiting: its own are held until a person decides."""
    why = (
        f"Kho failed on judging it ({type(failure).__name__}), which is to be mended in Kho: report that with the night's log"
        " of check_exports; if its rows look right, accept it"
    )
    return [
        Verdict(
            "exports",
            business_date,
            contract.name,
            "judged",
            "critical",
            "failed",
            None,
            why,
            batch_id=row["batch_id"],
        )
        for row in rows
        if row["is_waiting"]
    ]


def _decide(connection: psycopg.Connection, verdicts: list[Verdict]) -> ExportsVerdict:
    of_batch: dict[int, list[Verdict]] = {}
    for verdict in verdicts:
        if verdict.batch_id is not None:
            of_batch.setdefault(verdict.batch_id, []).append(verdict)
    outcome = ExportsVerdict()
    states = decisions.lock_undecided(connection, of_batch)
    write(connection, (verdict for batch_id in states for verdict in of_batch[batch_id]))
    for batch_id, state in states.items():
        found = of_batch[batch_id]
        why = "; ".join(each.message or each.expectation for each in found if each.is_critical)
        outcome.told.extend(each for each in found if each.outcome == "failed" and not each.is_critical)
        if state == "unreadable":
            outcome.held[batch_id] = why
        elif why:
            decisions.change(connection, batch_id, state, "held", actor=decisions.BOUNDARY, reason=why)
            outcome.held[batch_id] = why
        else:
            decisions.accept_locked(connection, batch_id, state, actor=decisions.BOUNDARY, reason=None)
            outcome.accepted.append(batch_id)
    return outcome


def _missing(connection: psycopg.Connection, sources: list[Known], business_date: date) -> list[Verdict]:
    """A warning for every source that can't be used or is not as fresh as it should be; written once a night."""
    warnings = []
    for source in sources:
        state = freshness(connection, business_date, source)
        is_optional = source.contract and source.contract.frequency is None and not state.stale_since
        if state.state == "fresh" or (is_optional and not source.problem):
            continue
        warning = Verdict(
            "exports",
            business_date,
            source.name,
            "contract_usable" if source.problem else "delivered",
            "warning",
            "failed",
            f"as of {state.as_of or '–'}, expected {state.expected_as_of or '–'}",
            f"{state.state.replace('_', ' ')} since {state.stale_since}: {state.reason}"
            if state.stale_since and not source.problem
            else state.reason,
        )
        warnings.append(warning)
    told = missing_told(connection, business_date)
    write(connection, (each for each in warnings if (each.subject, each.observed, each.message) not in told))
    return warnings
