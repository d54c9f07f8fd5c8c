"""Batches that wait for a decision, and what people decide on them."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Form, HTTPException, Path, Request, Response
from fastapi.responses import RedirectResponse

from kho.console.access import Who, acts
from kho.console.render import page
from kho.database import connect
from kho.ledger import batches, decisions, rejects
from kho.settings import settings

router = APIRouter()

Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
#: something is said, and nothing that no text of a database has
Reason = Annotated[str, Form(max_length=2000, pattern=r"^[^\x00]*[^\s\x00][^\x00]*$")]
_DECISIONS = {"accept": decisions.accept, "withdraw": decisions.withdraw, "undo": decisions.undo}
_RECENT = 20  # decisions
_REJECTS = 10  # rows


@router.get("/batches")
def waiting(request: Request, who: Who) -> Response:
    with connect(settings(), "kho_auditor") as connection:
        content = {
            "held": batches.held(connection, date.max),
            "decided": decisions.recent(connection, _RECENT),
        }
    return page(request, who, "batches.html.j2", **content)


@router.get("/batches/{batch_id}")
def batch(request: Request, who: Who, batch_id: Number) -> Response:
    """A batch with all that was found and decided. Words of its file are for those who decide: persons may be in them."""
    here = settings()
    found = batches.batches(here, batch_id=batch_id)
    if not found:
        raise HTTPException(404)
    verdicts, events = batches.story(here, batch_id)
    return page(
        request,
        who,
        "batch.html.j2",
        batch=found[0],
        findings=[each for each in verdicts if each[2] in ("failed", "accepted")],
        passed=sum(each[2] == "passed" for each in verdicts),
        left_out=sum(each[2] == "skipped" for each in verdicts),
        events=events,
        machines=(decisions.BOUNDARY, decisions.LOADER),
        rejects=rejects.rows(here, batch_id, _REJECTS),
    )


@router.post("/batches/{batch_id}/{decision}", dependencies=[Depends(acts)])
def decide(
    request: Request,
    who: Who,
    batch_id: Number,
    decision: Literal["accept", "withdraw", "undo"],
    reason: Reason,
) -> Response:
    _DECISIONS[decision](settings(), batch_id, actor=who.actor, reason=reason.strip())
    return RedirectResponse(f"{request.scope['root_path']}/batches/{batch_id}", 303)
