"""How soon questions are answered, in the bench's province after its last night; and by readers while releases turn.

Seconds within a process that has imported all it needs, connecting included. Readers are threads with a session each; meanwhile
the release in force is turned back and forth.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import psycopg
from rich.table import Table

from kho.database import connect
from kho.figures import explain
from kho.figures.figures import figure_set
from kho.ledger import releases
from kho.publish import release
from kho.report import draft, word
from kho.settings import Settings

PROVINCE, COMMUNE = "H77", "H77.201"
#: one that is over, and one that is open
PERIODS = "2025-Q3", "2025"
FLOW, STOCK, RATIO = "dossiers_received", "dossiers_in_progress", "dossiers_resolved_on_time_pct"
READERS, SECONDS, PAUSE = 20, 10, 1.0  # between two turns
QUERIES = (
    "select * from marts.report_figure where (scope_agency_code, scheme, period_code) = (%(scope)s, 'calendar', %(period)s)",
    "select movement_date, sum(amount) from marts.figure_movement"
    " where metric = 'dossiers_received' and agency_code = %(scope)s group by 1",
    "select * from marts.dossier_settlement where (agency_code, scheme, period_code) = (%(scope)s, 'calendar', %(period)s)",
)


@dataclass(frozen=True)
class Answers:
    """Seconds of each question, by the scope and the period; of readers the seconds of each query, and what went wrong."""

    asked: dict[str, dict[str, float]]
    read: list[float]
    errors: list[str]
    turns: int


def measure(settings: Settings) -> Answers:
    asked = {
        question: {
            f"{scope}, {period}": _soonest(ask, settings, scope, period)
            for scope in (PROVINCE, COMMUNE)
            for period in PERIODS
        }
        for question, ask in _questions().items()
    }
    return Answers(asked, *_read(settings))


def _questions() -> dict[str, Callable[[Settings, str, str], Any]]:
    def explained(metric: str) -> Callable[[Settings, str, str], Any]:
        return lambda settings, scope, period: explain.explain(settings, scope, period, metric)

    return {
        "figures": figure_set,
        **{f"--explain {metric}": explained(metric) for metric in (FLOW, STOCK, RATIO)},
        "report for Word": lambda *asked: word.render(draft.draft(*asked)),
    }


def _soonest(ask: Callable[[Settings, str, str], Any], settings: Settings, scope: str, period: str) -> float:
    def once() -> float:
        start = time.perf_counter()
        ask(settings, scope, period)
        return time.perf_counter() - start

    return min(once() for _ in range(3))


def _read(settings: Settings) -> tuple[list[float], list[str], int]:
    """Seconds of each query, errors, and how often the release was turned."""
    read: list[float] = []
    errors: list[str] = []
    ended = threading.Event()

    def reader(place: int) -> None:
        asked = {"scope": COMMUNE if place % 2 else PROVINCE, "period": PERIODS[place // 2 % 2]}
        with connect(settings, "bi_reader", autocommit=True) as connection:
            for query in cycle(QUERIES):
                if ended.is_set():
                    return
                start = time.perf_counter()
                try:
                    connection.execute(query, asked).fetchall()
                except psycopg.Error as error:
                    errors.append(str(error))
                read.append(time.perf_counter() - start)
                time.sleep(0.02)  # nobody reads without a pause

    threads = [threading.Thread(target=reader, args=(place,)) for place in range(READERS)]
    for thread in threads:
        thread.start()
    try:
        turns = _turn(settings, time.monotonic() + SECONDS)
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    return read, errors, turns


def _turn(settings: Settings, until: float) -> int:
    """Put the release before in force, and the last one again, until then; gives how often."""
    with connect(settings, "kho_auditor") as connection:
        last, before = (each.release_id for each in releases.select(connection, "in_force", "kept")[:2])
    turns = 0
    while time.monotonic() < until:
        for each in (before, last):
            release.rollback(settings, each, actor="bench", reason="readers don't notice")
            turns += 1
            time.sleep(PAUSE)
    release.unpin(settings, actor="bench")
    return turns


def tables(answers: Answers) -> list[Table]:
    asked = Table(title="Seconds until a question is answered")
    asked.add_column("question")
    for column in next(iter(answers.asked.values())):
        asked.add_column(column, justify="right")
    for question, seconds in answers.asked.items():
        asked.add_row(question, *(f"{each:.2f}" for each in seconds.values()))
    read = Table(title=f"{READERS} readers at once, while releases turned {answers.turns} times")
    for heading in ("queries", "errors", "p50 ms", "p95 ms", "longest ms"):
        read.add_column(heading, justify="right")
    each = sorted(answers.read)
    at = (each[int((len(each) - 1) * share)] * 1000 for share in (0.5, 0.95, 1))
    read.add_row(f"{len(each):,}", str(len(answers.errors)), *(f"{ms:.0f}" for ms in at))
    return [asked, read]
