"""`kho run --from … --to …`: days gone by are brought in, shown while it lasts, and told of in a table at the end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from itertools import groupby

from kho import backfill
from kho.backfill import Outcome, Part
from kho.cli.output import progress, show_rows
from kho.settings import Settings


def bring(settings: Settings, parts: Sequence[Part]) -> None:
    """Bring in what of these is not done yet; says what failed."""
    left = backfill.left(settings, parts)
    days = len({part.day for part in parts})
    done = sum(len(part.contracts) for part in parts) - sum(len(part.contracts) for part in left)
    print(
        f"{days} days with {done + sum(len(part.contracts) for part in left)} exports, {done} of them done already"
    )
    with progress() as say:
        failed = backfill.bring(settings, left, say)
    for day, system, why in failed:
        print(f"{day} {system} failed: {why}")


def show(settings: Settings, parts: Iterable[Part]) -> None:
    """A row per day, and one for days in a row of which all was loaded."""
    rows = []
    for is_whole, of in groupby(backfill.outcomes(settings, parts), _is_whole):
        days = list(of)
        if is_whole:
            rows.append((_span(days[0].day, days[-1].day), sum(len(each.loaded) for each in days), "", ""))
        else:
            rows += [
                (each.day, len(each.loaded), ", ".join(each.held), ", ".join(each.missing)) for each in days
            ]
    show_rows("Exports by day", ("day", "loaded", "held", "missing"), rows, "table")


def _is_whole(outcome: Outcome) -> bool:
    return not outcome.held and not outcome.missing


def _span(first: date, last: date) -> str:
    return str(first) if first == last else f"{first} – {last}"
