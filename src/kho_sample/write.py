"""Writing the sample exports where the sample servers, and the folder contracts, find them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from kho.settings import TIMEZONE, Settings
from kho_sample.export import Export
from kho_sample.system import Place
from kho_sample.systems import SYSTEMS
from kho_sample.totals import Totals

SEED = 946


def parts(
    settings: Settings, totals: Totals, seed: int = SEED
) -> Iterator[tuple[str, Callable[[], list[Export]]]]:
    """The parts of a sample: a title, and what makes the part's exports."""
    here = Place.of(totals, settings.project / "dbt_project" / "seeds", seed)
    for system in SYSTEMS:
        if told := system.told(totals):
            for title, exports in system.exports.items():
                yield title, partial(exports, told, here)


def generate(settings: Settings, totals: Totals, seed: int = SEED) -> Iterator[Export]:
    """Every export of the sample."""
    for _, make in parts(settings, totals, seed):
        yield from make()


def put(folder: Path, export: Export) -> bool:
    """Write an export below `<folder>/<system>/<entity>/` in one step; False if it is there already, byte for byte.

    The file's time is the evening on which the system hands it over, so that a rewritten sample looks the same.
    """
    path = folder / export.system / export.entity / export.name
    if path.exists() and path.stat().st_size == len(export.content) and path.read_bytes() == export.content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.part")
    draft.write_bytes(export.content)
    evening = datetime.combine(export.arrives, time(23, 30), ZoneInfo(TIMEZONE)) + timedelta(
        minutes=export.name.endswith(".ctl")
    )
    os.utime(draft, (evening.timestamp(), evening.timestamp()))
    draft.replace(path)
    return True


def write(settings: Settings, totals: Totals, until: date | None = None, seed: int = SEED) -> int:
    """Write the exports handed over by `until`; returns how many files are new or changed."""
    return sum(
        put(settings.exports, export)
        for export in generate(settings, totals, seed)
        if until is None or export.arrives <= until
    )
