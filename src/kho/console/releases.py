"""Releases: what changed in each, and which one readers see."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from kho import night
from kho.actor import acting_as
from kho.console.access import Who, acts
from kho.console.batches import Number, Reason
from kho.console.render import page
from kho.database import connect
from kho.ledger import acceptances, builds, releases
from kho.ledger.releases import Release
from kho.ledger.standing import standing
from kho.publish import release as publishing
from kho.settings import settings

router = APIRouter()

#: a page is not waited for as long as a night waits for readers
PATIENCE = timedelta(seconds=30)
_SHOWN = 20  # releases


@router.get("/releases")
def all_releases(request: Request, who: Who) -> Response:
    with connect(settings(), "kho_auditor") as connection:
        content = {"now": standing(connection), "releases": releases.select(connection)[:_SHOWN]}
    return page(request, who, "releases.html.j2", **content)


@router.get("/releases/{number}")
def release(request: Request, who: Who, number: Number) -> Response:
    here = settings()
    with connect(here, "kho_auditor") as connection:
        known = releases.select(connection)
        found = next((each for each in known if each.release_id == number), None)
        if not found:
            raise HTTPException(404)
        before = _before(known, found)
        changed = builds.changed_batches(connection, before.build_id, found.build_id) if before else []
        content = {
            "now": standing(connection),
            "accepted": acceptances.of_release(connection, number),
            "acceptable": acceptances.found_in(connection, number),
            "is_of_other_models": before is not None
            and builds.have_other_models(connection, before.build_id, found.build_id),
        }
    states, findings = releases.contents(here, found)
    return page(
        request,
        who,
        "release.html.j2",
        **content,
        release=found,
        before=before,
        came=_by_contract(each.contract for each in changed if each.is_new),
        went=_by_contract(each.contract for each in changed if not each.is_new),
        sources=states,
        findings=findings,
    )


@router.post("/releases/{number}/accept", dependencies=[Depends(acts)])
def accept(request: Request, who: Who, number: Number, reason: Reason) -> Response:
    acceptances.accept(settings(), number, actor=who.actor, reason=reason.strip())
    return RedirectResponse(f"{request.scope['root_path']}/releases/{number}", 303)


@router.post("/releases/{number}/rollback", dependencies=[Depends(acts)])
def rollback(request: Request, who: Who, number: Number, reason: Reason) -> Response:
    """Go back to a kept release and pin it; the one in force is only pinned."""
    with acting_as(who.actor):
        publishing.rollback(settings(), number, actor=who.actor, reason=reason.strip(), patience=PATIENCE)
    return _back(request)


@router.post("/releases/unpin", dependencies=[Depends(acts)])
def unpin(request: Request, who: Who) -> Response:
    publishing.unpin(settings(), actor=who.actor)
    return _back(request)


@router.post("/releases/publish", dependencies=[Depends(acts)])
def publish(request: Request, who: Who, allow_older: Annotated[bool, Form()] = False) -> Response:
    with acting_as(who.actor):
        night.publish(settings(), allow_older=allow_older, patience=PATIENCE)
    return _back(request)


def _back(request: Request) -> Response:
    return RedirectResponse(f"{request.scope['root_path']}/releases", 303)


def _before(known: list[Release], release: Release) -> Release | None:
    """The release that readers had when this one was made."""
    return next(
        (each for each in known if each.release_id < release.release_id and each.published_at is not None),
        None,
    )


def _by_contract(contracts: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(contracts).items()))
