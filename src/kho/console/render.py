"""Pages as they are sent: from templates that escape whatever they are given, in the language of who looks."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from functools import cache, partial
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from kho.console.access import Visitor
from kho.console.words import Language, language_of, say
from kho.figures.figures import State
from kho.report import vietnamese
from kho.sentences.vietnamese import in_vietnamese
from kho.settings import TIMEZONE


def page(request: Request, who: Visitor, template: str, **content: Any) -> HTMLResponse:
    """A page for this visitor."""
    return HTMLResponse(_filled(request, who.language, template, who=who, **content))


def error(request: Request, status: int, told: str, details: str = "") -> HTMLResponse:
    """A page that says what went wrong: `told` is one of our sentences, `details` are shown as they are."""
    language = language_of(request.headers.get("accept-language"))
    return HTMLResponse(
        _filled(request, language, "error.html.j2", who=None, status=status, told=told, details=details),
        status,
    )


def style() -> Response:
    return Response((files("kho.console") / "style.css").read_bytes(), media_type="text/css")


def _filled(request: Request, language: Language, template: str, **content: Any) -> str:
    return (
        _environment()
        .get_template(template)
        .render(
            base=request.scope.get("root_path", ""),
            path=request.scope["path"].removeprefix(request.scope.get("root_path", "")),
            language=language,
            t=partial(say, language),
            said=partial(_said, language),
            code=vietnamese.code if language == "vi" else str,
            day=partial(_day, language),
            moment=partial(_moment, language),
            number=partial(_number, language),
            quantity=partial(_quantity, language),
            figure_state=partial(_figure_state, language),
            level_title=partial(_level_title, language),
            **content,
        )
    )


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("kho.console", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _said(language: Language, text: str | None) -> str:
    return in_vietnamese(text) if language == "vi" else text or ""


def _day(language: Language, day: date | None) -> str:
    if day is None:
        return "–"
    return f"{day:%d/%m/%Y}" if language == "vi" else day.isoformat()


def _moment(language: Language, moment: datetime | None) -> str:
    if moment is None:
        return "–"
    here = moment.astimezone(ZoneInfo(TIMEZONE))
    return f"{here:%H:%M %d/%m/%Y}" if language == "vi" else f"{here:%Y-%m-%d %H:%M}"


def _number(language: Language, number: int | None) -> str:
    if number is None:
        return "–"
    return f"{number:,}".replace(",", ".") if language == "vi" else f"{number:,}"


def _quantity(language: Language, value: Decimal | None, unit: str) -> str:
    """A figure's value, as reports have it."""
    told = vietnamese.quantity(value, unit)
    return told if language == "vi" else told.translate(str.maketrans(".,", ",."))


def _figure_state(language: Language, state: State) -> str:
    """A figure's state, as reports call it: the same word may say something else of a source."""
    return vietnamese.STATES[state] if language == "vi" else state.replace("_", " ")


def _level_title(language: Language, level: str) -> str:
    if language == "vi":
        return vietnamese.LEVELS[level]
    return "All levels" if level == "all" else f"{level.capitalize()} level"
