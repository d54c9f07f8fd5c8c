"""`make faults`: faults of each kind at each step of a night under Airflow, and what is left of them.

The same nights are run twice from the same state, undisturbed and struck: afterwards every table has to be the same.
A night is struck at each of its steps by one kind of fault, at a moment of a seeded sequence; Airflow's own retries and
supervisord are all that helps. Ends with 1 if anything was lost, doubled or otherwise.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg
from rich.console import Console
from rich.table import Table

from tests.faults.installation import FIRST, Installation, Night, installation
from tests.faults.kinds import KINDS, Kind, can_move_clocks, environment
from tests.faults.reader import Reader
from tests.snapshot import lost_rows, snapshot

SEED = 20210630
#: each step by the task that does it, and by the run that events tell of while it does, if there is one
STEPS = {
    "fetch": ("one_stop.ingest", "one_stop.fetch"),
    "load": ("one_stop.ingest", "one_stop.load"),
    "check_exports": ("check_exports", "check_exports"),
    "staging": ("staging", "staging"),
    "warehouse": ("warehouse", "warehouse"),
    "marts": ("marts", "marts"),
    "check_marts": ("check_marts", "check_marts"),
    "publish": ("publish", "publish"),
    "upkeep": ("upkeep", None),
    "tell_people": ("tell_people", None),
}
PAGE = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
BEGIN, END = "<!-- the matrix, by `make faults` -->", "<!-- until here -->"

console = Console(width=140)
Tables = dict[str, tuple[int, str]]


@dataclass
class Strike:
    """A fault at a step: when, and how long after it the step was done."""

    step: str
    at: datetime
    healed: float | None = None


@dataclass
class Outcome:
    """What became of a night that one kind of fault struck."""

    kind: Kind
    strikes: list[Strike] = field(default_factory=list)
    state: str = ""
    was_run_again: bool = False
    lost: int = 0
    doubled: int = 0
    different: list[str] = field(default_factory=list)
    reader: Reader | None = None

    @property
    def is_good(self) -> bool:
        assert self.reader
        return self.state == "success" and not (
            self.lost or self.doubled or self.different or self.reader.wrong
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="make faults", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS), help="only these")
    parser.add_argument("--steps", nargs="+", choices=STEPS, default=list(STEPS), help="only at these")
    parser.add_argument("--record", action="store_true", help="write the table into docs/reliability.md")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # nothing is left behind
    outcomes: list[Outcome] = []
    # What has a clock of its own is an installation of its own.
    for needs_clock in (False, True):
        if kinds := [KINDS[name] for name in given.kinds if KINDS[name].needs_clock == needs_clock]:
            for outcome in _of_installation(kinds, given.steps, needs_clock):
                outcomes.append(outcome)
                if given.record:
                    _record(outcomes)
    _show(outcomes)
    sys.exit(not all(outcome.is_good for outcome in outcomes))


def _of_installation(kinds: list[Kind], steps: list[str], needs_clock: bool) -> Iterator[Outcome]:
    if needs_clock and not can_move_clocks():
        console.print("Left out: steps of the clock (there is no C compiler here)")
        return
    with tempfile.TemporaryDirectory(prefix="kho-faults-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        with installation(folder, environment(folder) if needs_clock else {}) as here:
            possible = [kind for kind in kinds if here.is_small or not kind.needs_small]
            for kind in kinds:
                if kind not in possible:
                    console.print(f"Left out: {kind.title} (only root can make a file system to fill)")
            yield from _matrix(here, possible, steps)


def _matrix(here: Installation, kinds: list[Kind], steps: list[str]) -> Iterator[Outcome]:
    days = [FIRST + timedelta(days=number + 1) for number in range(len(kinds))]
    expected: list[Tables] = []
    seconds: dict[str, float] = {}
    for day in days:
        night = here.night(day)
        if (state := night.wait()) != "success":
            raise RuntimeError(f"the night of {day} ended without a fault as {state}")
        expected.append(snapshot(here.settings))
        took = {step: _seconds(night, task, run) for step, (task, run) in STEPS.items()}
        console.print(f"{day} undisturbed: {sum(took.values()):.0f} s in its steps")
        seconds = {step: min(took[step], seconds.get(step, took[step])) for step in took}
    here.restore()
    for kind, day, tables in zip(kinds, days, expected, strict=True):
        outcome = _struck(here, kind, day, [each for each in steps if each in (kind.steps or steps)], seconds)
        _compare(outcome, here, tables)
        console.print(
            f"{day} {kind.title}: {outcome.state}, {'the same tables' if outcome.is_good else 'NOT the same'}"
        )
        yield outcome


def _struck(
    here: Installation, kind: Kind, day: date, steps: list[str], seconds: dict[str, float]
) -> Outcome:
    """The night of a day, struck at each of these steps; run again by somebody if Airflow gave it up."""
    outcome = Outcome(kind, reader=Reader(here.settings))
    night = here.night(day)
    outcome.strikes = strike(here, night, [(step, kind) for step in steps], seconds, kind.title)
    outcome.state = night.wait()
    if outcome.state != "success":
        outcome.was_run_again = True
        night = here.night(day)
        outcome.state = night.wait()
    for each in outcome.strikes:
        each.healed = _healed(night, STEPS[each.step][0], each.at)
    assert outcome.reader
    outcome.reader.stop()
    return outcome


def strike(
    here: Installation, night: Night, faults: list[tuple[str, Kind]], seconds: dict[str, float], seed: str
) -> list[Strike]:
    """Strike a night that has begun at these steps, in their order; `seconds` is how long each takes. Gives what struck:
    a step may be over before that, and after one that is given up no other comes."""
    chance = random.Random(f"{SEED} {seed}")
    strikes = []
    for step, kind in faults:
        task, run = STEPS[step]
        process = _begun(here, night, task, run)
        if process is None:
            continue
        time.sleep(chance.uniform(0, 0.6) * seconds[step])
        if run and not _is_open(here, run):
            continue  # it went faster this time
        strikes.append(Strike(step, datetime.now(UTC)))
        kind.strike(here, process)
    return strikes


def _begun(here: Installation, night: Night, task: str, run: str | None) -> int | None:
    """The process that does a step, as soon as it does; nothing if it is done already, or the night ends without it."""
    looked = time.monotonic()
    while True:
        if process := _is_open(here, run) if run else night.process(task):
            return process
        if time.monotonic() - looked > 1:
            if night.has_done(task) or night.state() in ("success", "failed"):
                return None
            looked = time.monotonic()
        time.sleep(0.02)


def _is_open(here: Installation, run: str) -> int | None:
    """The process of a run that events have told the beginning of, and not the end."""
    for path in (here.settings.home / "openlineage" / "open").glob("*.json"):
        try:
            told = json.loads(path.read_text())
        except (ValueError, OSError):  # it is written, or gone, just now
            continue
        if told["job"] == run:
            return told["process"]
    return None


def _healed(night: Night, task: str, at: datetime) -> float | None:
    with psycopg.connect(night.settings.admin_url("airflow")) as connection:
        found = connection.execute(
            "select end_date from task_instance where run_id = %s and task_id = %s and state = 'success'",
            [night.run, task],
        ).fetchone()
    return (found[0] - at).total_seconds() if found else None


def _seconds(night: Night, task: str, run: str | None) -> float:
    """How long a step took: its run, or its task where no event tells of it."""
    if run:
        paths = sorted((night.settings.home / "openlineage").glob("*.jsonl"))
        events = [json.loads(line) for path in paths for line in path.read_text().splitlines()]
        *_, first, last = (
            datetime.fromisoformat(each["eventTime"]) for each in events if each["job"]["name"] == run
        )
        return (last - first).total_seconds()
    with psycopg.connect(night.settings.admin_url("airflow")) as connection:
        found = connection.execute(
            "select duration from task_instance where run_id = %s and task_id = %s", [night.run, task]
        ).fetchone()
    return found[0] if found else 0


def _compare(outcome: Outcome, here: Installation, expected: Tables) -> None:
    found = snapshot(here.settings)
    outcome.lost = sum(max(rows - found.get(name, (0, ""))[0], 0) for name, (rows, _) in expected.items())
    outcome.doubled = sum(max(rows - expected.get(name, (0, ""))[0], 0) for name, (rows, _) in found.items())
    outcome.different = sorted(
        name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name)
    )
    outcome.different += [f"batch {number}: rows are missing" for number, *_ in lost_rows(here.settings)]


def _rows(outcomes: list[Outcome]) -> Iterator[list[str]]:
    for outcome in outcomes:
        reader = outcome.reader
        assert reader
        healed = {
            strike.step: "not" if strike.healed is None else f"{max(strike.healed, 0):.0f}"
            for strike in outcome.strikes
        }
        yield [
            outcome.kind.title,
            *(healed.get(step, "") for step in STEPS),
            "by hand" if outcome.was_run_again else "by itself",
            str(outcome.lost),
            str(outcome.doubled),
            "the same" if not outcome.different else ", ".join(outcome.different),
            f"{reader.answered}, {reader.refused}, {len(reader.wrong)}",
        ]


HEAD = [
    "fault",
    *STEPS,
    "recovered",
    "rows lost",
    "rows doubled",
    "tables",
    "reader: answered, server away, wrong",
]


def _show(outcomes: list[Outcome]) -> None:
    table = Table(*HEAD)
    for row in _rows(outcomes):
        table.add_row(*row)
    Console(width=240).print(table)
    for outcome in outcomes:
        for each in outcome.reader.wrong[:5] if outcome.reader else []:
            console.print(f"{outcome.kind.title}: {each}", markup=False)


def _record(outcomes: list[Outcome]) -> None:
    """Of kinds that were not tried this time the page keeps what it has."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    table, _, after = rest.partition(END)
    there = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.split("\n") if line]
    rows = {row[0]: row for row in [*there, *_rows(outcomes)]}
    lines = [HEAD, ["---"] * len(HEAD), *(rows[kind.title] for kind in KINDS.values() if kind.title in rows)]
    text = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
