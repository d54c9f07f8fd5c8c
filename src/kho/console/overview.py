"""The first page: how things stand, and what waits for a person."""

from __future__ import annotations

from datetime import date

from fastapi import APIRouter, Request, Response

from kho.console.access import Who
from kho.console.render import page
from kho.database import connect
from kho.ledger import batches, builds, locks, sources
from kho.ledger.standing import standing
from kho.publish import readers
from kho.settings import settings

router = APIRouter()


@router.get("/")
def overview(request: Request, who: Who) -> Response:
    here = settings()
    with connect(here, "kho_auditor") as connection:
        build = builds.newest(connection)
        content = {
            "now": standing(connection),
            "held": batches.held(connection, date.max),
            "late": sources.late(connection, build.build_id) if build else [],
        }
    return page(
        request, who, "overview.html.j2", **content, waits=locks.waits(here), reading=readers.waited_for(here)
    )
