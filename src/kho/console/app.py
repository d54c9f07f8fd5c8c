"""The console's pages as one application: what holds for all of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus

import psycopg
from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from kho.console import batches, documents, figures, morning, overview, releases, runs, sources
from kho.console.access import reads
from kho.console.origin import is_of_own_page
from kho.console.render import error, style
from kho.ledger.decisions import DecisionError
from kho.ledger.locks import Blocked
from kho.ledger.releases import ReleaseError
from kho.night import Waits

HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    # Not less: without any, the browser no longer says from which page a form came.
    "Referrer-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'self'",
}


def make() -> FastAPI:
    """The application. What a route does not say of itself, holds for it all the same: readers only, own pages only."""
    app = FastAPI(
        dependencies=[Depends(reads)],
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    for part in (overview, batches, releases, sources, figures, morning, runs, documents):
        app.include_router(part.router)
    app.add_api_route("/style.css", style, methods=["GET"])

    @app.middleware("http")
    async def guard(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        if request.method not in ("GET", "HEAD") and not is_of_own_page(request.headers):
            response: Response = error(request, 403, "This did not come from a page of the console.")
        elif "\0" in request.scope["path"] or b"%00" in request.scope["query_string"]:
            response = error(request, 404, "There is nothing here.")  # no text of a database has it
        else:
            response = await answer(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    @app.exception_handler(HTTPException)
    def refused(request: Request, problem: HTTPException) -> Response:
        told = {
            401: "You are not logged in.",
            403: "You may not see or do this.",
            404: "There is nothing here.",
        }
        return error(request, problem.status_code, told.get(problem.status_code) or str(problem.detail))

    @app.exception_handler(RequestValidationError)
    def misunderstood(request: Request, problem: RequestValidationError) -> Response:
        if request.method == "GET":
            return error(request, 404, "There is nothing here.")
        return error(request, HTTPStatus.UNPROCESSABLE_ENTITY, "Say why, in at most 2000 characters.")

    @app.exception_handler(psycopg.OperationalError)
    def missing(request: Request, problem: psycopg.OperationalError) -> Response:
        return error(request, 503, "The warehouse does not answer. Try again in a while.")

    for kind in (DecisionError, ReleaseError, Waits, Blocked):
        app.add_exception_handler(kind, _not_now)
    return app


def _not_now(request: Request, problem: Exception) -> Response:
    return error(request, HTTPStatus.CONFLICT, "That can't be done now.", str(problem))
