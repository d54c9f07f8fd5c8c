"""Every source: how fresh it is, what came lately, what could not be fetched."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from kho.console.access import Who
from kho.console.render import page
from kho.database import connect
from kho.ledger import batches, builds, deliveries, sources
from kho.settings import settings

router = APIRouter()

_TREND = 12  # batches


@router.get("/sources")
def all_sources(request: Request, who: Who) -> Response:
    with connect(settings(), "kho_auditor") as connection:
        build = builds.newest(connection)
        contracts = builds.contracts_of(connection, build.build_id) if build else {}
        lately = batches.recent(connection, _TREND)
        content: dict[str, Any] = {
            "build": build,
            "not_fetched": deliveries.not_fetched(connection, build.business_date) if build else [],
            "sources": [
                {
                    "contract": contract,
                    "title": contracts[contract].title if contract in contracts else "",
                    "loaded": loaded,
                    "rejected": rejected,
                    "as_of": as_of,
                    "state": state,
                    "since": since,
                    "reason": reason,
                    "lately": lately.get(contract, []),
                }
                for contract, _, loaded, rejected, _, as_of, state, since, reason in sources.of_night(
                    connection
                )
            ],
        }
    return page(request, who, "sources.html.j2", **content)
