"""Reports and reference pages that Kho has written, behind the login.

A new kind of them is a line of `SHELVES`. Nothing else of the home can be reached: a file has to lie in a shelf's folder,
links followed, and be of a kind that is served.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import FileResponse

from kho.console.access import Who
from kho.console.render import page
from kho.settings import Settings, settings

router = APIRouter()

KINDS = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".png": "image/png",
    ".gif": "image/gif",
    ".ico": "image/x-icon",
    ".otf": "font/otf",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
#: pages that need no script get none; those that do are kept from Airflow's cookies and pages as if of another server
_QUIET = (
    "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:;"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
_SANDBOXED = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' data:;"
    " style-src 'unsafe-inline'; img-src data:; font-src data:; frame-ancestors 'self'"
)


@dataclass(frozen=True)
class Shelf:
    """A folder of the home. `first` is the page that it is entered by; without one, all its files are listed."""

    name: str
    title: str
    folder: str
    first: str | None = None
    policy: str = _QUIET


SHELVES = (
    Shelf("reports", "Reports", "reports"),
    Shelf("dictionary", "Data dictionary", "dictionary", policy=_SANDBOXED),
    Shelf("data-docs", "Data Docs", "data_docs", "index.html"),
)


@router.get("/documents")
def documents(request: Request, who: Who) -> Response:
    here = settings()
    return page(
        request, who, "documents.html.j2", shelves=[(shelf, _entries(here, shelf)) for shelf in SHELVES]
    )


@router.get("/documents/{shelf_name}/{path:path}")
def document(shelf_name: str, path: str) -> Response:
    shelf = next((each for each in SHELVES if each.name == shelf_name), None)
    found = file(settings(), shelf, path) if shelf else None
    if not shelf or not found:
        raise HTTPException(404)
    kind = KINDS[found.suffix.lower()]
    is_page = kind.startswith(("text/", "image/", "font/"))
    return FileResponse(
        found,
        media_type=kind,
        filename=None if is_page else found.name,
        headers={"Content-Security-Policy": shelf.policy},
    )


def file(settings: Settings, shelf: Shelf, path: str) -> Path | None:
    """The file of a shelf that this path names; None for all that is not one."""
    folder = (settings.home / shelf.folder).resolve()
    try:
        found = (folder / path).resolve()
        is_served = found.is_relative_to(folder) and found.suffix.lower() in KINDS and found.is_file()
    except (OSError, ValueError):  # no name that a file can have
        return None
    return found if is_served else None


def _entries(settings: Settings, shelf: Shelf) -> list[str]:
    """What a shelf is entered by, if it has anything."""
    if shelf.first:
        return [shelf.first] if file(settings, shelf, shelf.first) else []
    folder = settings.home / shelf.folder
    if not folder.is_dir():
        return []
    return sorted(each.name for each in folder.iterdir() if file(settings, shelf, each.name))
