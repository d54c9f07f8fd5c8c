"""Event logs: exports of what happened, with a row per event of a case."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from kho_propose.types import words

_CASES = ("case", "trace", "ho so", "hs", "dossier", "vu viec", "process instance", "ticket", "request")
_ACTIVITIES = (
    "activity", "concept name", "event", "task", "step", "action", "buoc", "cong viec", "hanh dong", "hoat dong", "thao tac",
    "xu ly",
)  # fmt: skip
_LEAST_CASES = 5
_LEAST_EVENTS, _MOST_EVENTS = 1.5, 200  # of a case, in the mean
_MOST_ACTIVITIES = 200


@dataclass(frozen=True)
class Candidate:
    """A column of one file, as texts; an empty one says nothing."""

    name: str
    header: str
    type: str
    texts: Sequence[str]


@dataclass(frozen=True)
class EventLog:
    """The columns that make a table a log."""

    case: str
    activity: str
    time: str


def look(columns: Sequence[Candidate]) -> EventLog | None:
    """Which columns are case, activity and time; None where rows are no events.

    A case is called one, and comes again with other activities; times are filled.
    """
    filled = [each for each in columns if all(each.texts)]
    times = [each for each in filled if each.type == "timestamp"]
    for case in filled:
        if case.type not in ("string", "integer") or not _is_called(case, _CASES) or not _comes_again(case):
            continue
        changing = [
            each
            for each in filled
            if each.type == "string"
            and each is not case
            and not _is_called(each, _CASES[:1])
            and _happens(each, case)
        ]
        activity = max(
            changing, key=lambda each: (_is_called(each, _ACTIVITIES), -filled.index(each)), default=None
        )
        moments = [each for each in times if _changes_within(each, case)]
        if activity and moments:
            return EventLog(case.name, activity.name, moments[0].name)
    return None


def _is_called(column: Candidate, hints: Sequence[str]) -> bool:
    named = words(column.header)
    return any(f" {hint} " in named for hint in hints)


def _comes_again(case: Candidate) -> bool:
    cases = len(set(case.texts))
    return cases >= _LEAST_CASES and _LEAST_EVENTS <= len(case.texts) / cases <= _MOST_EVENTS


def _happens(column: Candidate, case: Candidate) -> bool:
    """Whether it says the same few things of many cases, and others as a case goes on."""
    values = set(column.texts)
    return 2 <= len(values) <= min(_MOST_ACTIVITIES, len(column.texts) / 3) and _changes_within(column, case)


def _changes_within(column: Candidate, case: Candidate) -> bool:
    by_case: dict[str, set[str]] = defaultdict(set)
    rows: dict[str, int] = defaultdict(int)
    for key, value in zip(case.texts, column.texts, strict=True):
        by_case[key].add(value)
        rows[key] += 1
    several = [key for key, many in rows.items() if many > 1]
    return bool(several) and sum(len(by_case[key]) > 1 for key in several) * 2 > len(several)
