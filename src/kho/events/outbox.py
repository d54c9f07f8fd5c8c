"""Where events go: a file of each day, kept for some weeks, and a server, if one is set."""

from __future__ import annotations

import json
import logging
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from kho.settings import Settings

KEPT = timedelta(days=30)
_PATIENCE = 5  # seconds that a server may take
_unreachable: set[str] = set()  # servers that this process asks no more

log = logging.getLogger(__name__)


def folder(settings: Settings) -> Path:
    return settings.home / "openlineage"


def send(settings: Settings, events: list[dict[str, Any]]) -> None:
    """Write events down, then send them. A server that does not answer is not asked again by this process."""
    if not events:
        return
    day = events[0]["eventTime"][:10]
    path = folder(settings) / f"{day}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in events)
    with path.open("a", encoding="utf-8") as file:
        file.write(lines)
    _prune(settings, date.fromisoformat(day))
    if settings.openlineage_url and settings.openlineage_url not in _unreachable:
        _post(settings.openlineage_url, events)


def _post(url: str, events: list[dict[str, Any]]) -> None:
    import httpx

    try:
        with httpx.Client(timeout=_PATIENCE) as client:
            for each in events:
                client.post(url, json=each).raise_for_status()
    except httpx.HTTPError as error:
        _unreachable.add(url)
        log.warning("%s does not take events, they are in the file only: %s", url, error)


def _prune(settings: Settings, today: date) -> None:
    for path in folder(settings).glob("*.jsonl"):
        if path.stem < (today - KEPT).isoformat():
            path.unlink(missing_ok=True)
