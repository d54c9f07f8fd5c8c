"""From a figure to the rows that it counts, and to the columns of the exports that they were made from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Request, Response

from kho.console.access import Who
from kho.console.render import page
from kho.contract import contracts
from kho.dictionary.content import Origin, origins, system_names
from kho.figures import figures
from kho.figures.explain import UnknownMetric, explain
from kho.figures.figures import Figure, NoRelease, Period, Scheme, UnknownPeriod, UnknownScope
from kho.settings import Settings, settings
from kho.transform import TransformError, lineage
from kho.transform.lineage import Lineage

router = APIRouter()

#: a named one: what is stored is shown at once, what would have to be counted is for the command
Code = Annotated[str, Path(pattern=r"^\d{4}(-\w{2})?$")]
LEVELS = ("all", "province", "district", "commune")
#: rows of a part: who wants them all takes the command
MOST_ROWS = 40
#: by which a figure cannot be of an agency: told once, not line by line
_NOT_HERE = ("not_operated", "not_applicable")


@router.get("/figures")
def agencies(request: Request, who: Who) -> Response:
    """The agencies to choose from; those that are no more have figures of their time."""
    try:
        with figures.explained(settings()) as release:
            day, known = release.business_date, figures.scopes(release)
    except NoRelease:
        return page(request, who, "figures.html.j2", now=[], former=[])
    newest = {each.agency_code: each for each in known if each.valid_from <= day}
    now = [each for each in newest.values() if each.valid_to is None or each.valid_to >= day]
    former = [each for each in newest.values() if each not in now]
    return page(request, who, "figures.html.j2", now=now, former=former)


@router.get("/figures/{agency_code}")
def periods(request: Request, who: Who, agency_code: str) -> Response:
    """The periods of which this agency has any value, by year."""
    try:
        with figures.explained(settings()) as release:
            meant = [each for each in figures.scopes(release) if each.agency_code == agency_code]
            told = figures.told_periods(release, agency_code)
            known = [each for each in figures.periods(release) if (each.scheme, each.code) in told]
    except NoRelease:
        raise HTTPException(404) from None
    if not meant:
        raise HTTPException(404)
    years: dict[tuple[Scheme, str], list[Period]] = {}
    for each in known:
        years.setdefault((each.scheme, each.code[:4]), []).append(each)
    return page(request, who, "periods.html.j2", agency=meant[-1], years=years)


@router.get("/figures/{agency_code}/{scheme}/{period_code}")
def of_period(request: Request, who: Who, agency_code: str, scheme: Scheme, period_code: Code) -> Response:
    """All figures of an agency in a period, a line per metric."""
    try:
        with figures.explained(settings()) as release:
            meant, first_day, last_day = figures.asked(release, agency_code, period_code, scheme)
            found = figures.wholes_of(release, [meant.agency_code], first_day, last_day)[meant.agency_code]
    except (NoRelease, UnknownScope, UnknownPeriod):
        raise HTTPException(404) from None
    lines: dict[str, dict[str, Figure]] = {}
    for figure in found:
        lines.setdefault(figure.metric, {})[figure.level] = figure
    there = {
        metric: by_level
        for metric, by_level in lines.items()
        if any(figure.state not in _NOT_HERE for figure in by_level.values())
    }
    return page(
        request,
        who,
        "period.html.j2",
        agency=meant,
        scheme=scheme,
        period_code=period_code,
        first_day=first_day,
        last_day=last_day,
        levels=[level for level in LEVELS if any(level in by_level for by_level in there.values())],
        lines=there,
        left_out=len(lines) - len(there),
    )


@router.get("/figures/{agency_code}/{scheme}/{period_code}/{metric}")
def figure(
    request: Request, who: Who, agency_code: str, scheme: Scheme, period_code: Code, metric: str
) -> Response:
    """A figure with the rows that it counts. Files' names and words of signers are for those who decide."""
    here = settings()
    try:
        found = explain(here, agency_code, period_code, metric, scheme, MOST_ROWS)
    except (NoRelease, UnknownScope, UnknownPeriod, UnknownMetric):
        raise HTTPException(404) from None
    known = _lineage(here)
    columns = {
        part.metric: _by_export(origins(part.metric, known, contracts(here)))
        for part in found.parts
        if known and part.metric in known.figures
    }
    return page(
        request,
        who,
        "figure.html.j2",
        found=found,
        scheme=scheme,
        period_code=period_code,
        columns=columns,
        systems=system_names(here),
        most_rows=MOST_ROWS,
    )


def _lineage(settings: Settings) -> Lineage | None:
    """Where columns come from, if that was found out for the project as it is now: no page waits for dbt."""
    try:
        return lineage.kept(settings)
    except TransformError:
        return None


def _by_export(found: Iterable[Origin]) -> dict[str, dict[str, list[str]]]:
    """The headers of each export, by what the figure has them for."""
    told: dict[str, dict[str, list[str]]] = {}
    for origin in found:
        if origin.source:
            told.setdefault(origin.source, {}).setdefault(origin.role, []).append(origin.header)
    return told
