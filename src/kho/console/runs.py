"""What of the console concerns one night: the tab on its page in Airflow."""

from __future__ import annotations

from typing import Any

from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
from fastapi import APIRouter, HTTPException, Request, Response
from sqlalchemy import select

from kho.console.access import Who
from kho.console.render import page
from kho.contract.schedule import business_date
from kho.database import connect
from kho.ledger import batches, builds, deliveries, releases, sources
from kho.server.airflow import DAG
from kho.settings import settings

router = APIRouter()


@router.get("/runs")
def night(request: Request, who: Who, run: str) -> Response:
    with create_session() as session:
        found = session.scalars(select(DagRun).where(DagRun.dag_id == DAG, DagRun.run_id == run)).first()
        if found is None:
            raise HTTPException(404)
        asked = (found.conf or {}).get("business_date")
        began = found.logical_date or found.run_after
    try:
        day = business_date(asked, began)
    except (ValueError, TypeError):  # somebody asked for no date
        raise HTTPException(404) from None
    with connect(settings(), "kho_auditor") as connection:
        build = builds.newest(connection, day)
        number = build.build_id if build else None
        content: dict[str, Any] = {
            "build": build,
            "release": releases.of_build(connection, number),
            "held": batches.held(connection, day),
            "not_fetched": deliveries.not_fetched(connection, day),
            "late": sources.late(connection, number),
            "rejected": batches.rejected(connection, number),
        }
    return page(request, who, "run.html.j2", run=run, day_of_night=day, **content)
