"""The morning list: whose dossiers somebody has to look at, and which."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Request, Response

from kho.console.access import Who
from kho.console.render import page
from kho.figures import figures, morning
from kho.figures.figures import NoRelease, UnknownScope
from kho.settings import settings

router = APIRouter()


@router.get("/morning")
def agencies(request: Request, who: Who) -> Response:
    try:
        with figures.explained(settings()) as release:
            day, counts = release.business_date, morning.counts(release)
    except NoRelease:
        day, counts = None, []
    return page(request, who, "morning.html.j2", day_of_list=day, counts=counts, reasons=morning.REASONS)


@router.get("/morning/{agency_code}")
def agency(request: Request, who: Who, agency_code: str) -> Response:
    try:
        with figures.explained(settings()) as release:
            day = release.business_date
            meant = figures.agency(release, agency_code, day, day)
            dossiers = morning.morning_list(release, meant.agency_code)
    except (NoRelease, UnknownScope):
        raise HTTPException(404) from None
    return page(request, who, "agency.html.j2", day_of_list=day, agency=meant, dossiers=dossiers)
