"""Writing the sample exports where the sample servers, and the folder contracts, find them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from kho.settings import TIMEZONE, Settings
from kho_sample import (
    agencies,
    broadcasting,
    certificates,
    civil_status,
    documents,
    dossiers,
    fees,
    idesk,
    igate,
    lookups,
    misa,
    moffice,
    online_services,
    population,
    portal,
    post,
    procedures,
    radio_survey,
    register,
    supplements,
    tieu_can_portal,
    workplace,
)
from kho_sample.export import Export
from kho_sample.totals import Totals

SEED = 946


def parts(
    settings: Settings, totals: Totals, seed: int = SEED
) -> Iterator[tuple[str, Callable[[], list[Export]]]]:
    """The parts of a sample: a title, and what makes the part's exports."""
    seeds = settings.project / "dbt_project" / "seeds" / "agencies.csv"
    units = agencies.read(seeds, totals.district_code, totals.period.start)
    if totals.district:
        offered = procedures.catalogue(totals, units, seed)
        yield "one-stop: procedures", lambda: procedures.lists(offered, units, seed)
        yield "one-stop: dossiers", lambda: dossiers.exports(totals, units, offered, seed)
        yield "one-stop: adjustments", lambda: dossiers.adjustments(totals, units)
        yield "documents", lambda: documents.exports(totals, units, seed)
        told = cache(lambda: dossiers.told_last(totals, units, offered, seed))
        yield "one-stop: supplements", lambda: supplements.exports(totals.period, told(), seed)
        yield "one-stop: fees", lambda: fees.exports(totals.period, told(), seed)
        if totals.post:
            yield "post", lambda: post.exports(totals.post, totals.period, units, told(), seed)
        if totals.online_services:
            yield (
                "online services",
                lambda: online_services.exports(
                    totals.online_services, totals.period, units, offered, told(), seed
                ),
            )
    if totals.igate:
        yield "iGate", lambda: igate.exports(totals.igate, totals.period, units, seed)
    period = totals.period
    if totals.certificates:
        yield "certificates", lambda: certificates.exports(totals.certificates, period, units, seed)
    if totals.civil_status:
        asked = dossiers.drawn(totals, units, offered, seed) if totals.district else []
        yield "civil status", lambda: civil_status.exports(totals.civil_status, period, units, asked, seed)
    if totals.misa:
        yield "accounting", lambda: misa.exports(totals.misa, period, units, seed)
    if totals.population:
        yield "population", lambda: population.exports(totals.population, period, units, seed)
    if totals.operations:
        yield "register", lambda: register.exports(totals.operations, period, units)
    if totals.workplace:
        yield "workplace", lambda: workplace.exports(totals.workplace, period, units, seed)
    if totals.idesk_and_moffice:
        yield "iDesk", lambda: idesk.exports(totals.idesk_and_moffice, period, units, seed)
        yield "M-Office", lambda: moffice.exports(totals.idesk_and_moffice, period, units, seed)
    if totals.portal:
        yield "portal", lambda: portal.exports(totals.portal, period, units, seed)
    if totals.tieu_can_portal:
        yield (
            "portal of Tiểu Cần",
            lambda: tieu_can_portal.exports(totals.tieu_can_portal, period, units, seed),
        )
    if totals.broadcasting:
        yield "broadcasting", lambda: broadcasting.exports(totals.broadcasting, period, units, seed)
    if totals.radio_survey:
        yield "radio survey", lambda: radio_survey.exports(totals.radio_survey, period, units, seed)
    if totals.lookups:
        yield "look-ups", lambda: lookups.exports(totals.lookups, period, units, seed)


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
