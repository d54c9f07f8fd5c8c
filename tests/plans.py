"""What a server's plans handled: counted in rows, which a busy machine does not change."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier

from kho.server import postgres
from kho.settings import Settings

_PLAN = re.compile(r"duration: [\d.]+ ms  plan:\s*")
_NODE = re.compile(r'"node_id": "([^"]+)"')
#: what takes less time than this handled few rows
_SLOW = "100ms"


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", []):
        yield from nodes(part)


def handled(node: dict[str, Any]) -> float:
    """How many rows a node gave or threw away in all."""
    return node["Actual Loops"] * sum(
        count for name, count in node.items() if name == "Actual Rows" or name.startswith("Rows Removed")
    )


@contextmanager
def kept_plans(settings: Settings) -> Iterator[dict[str, float]]:
    """Of each of dbt's models that is built meanwhile in this database: the most rows that a node of its plans handled.

    Known when it is over. What is quick is left out.
    """
    most: dict[str, float] = {}
    with logged(settings, _SLOW):
        yield most
    for plan in plans(settings):
        text = plan["Query Text"]
        if (model := _NODE.search(text)) and f'"{settings.warehouse_database}"' in text:
            rows = max(handled(node) for node in nodes(plan["Plan"]))
            most[model[1]] = max(most.get(model[1], 0), rows)


@contextmanager
def logged(settings: Settings, slow: str = "0") -> Iterator[None]:
    """Sessions that begin meanwhile in this database log the plans of what takes longer than `slow`."""
    database = Identifier(settings.warehouse_database)
    options = {
        "session_preload_libraries": "auto_explain",
        "auto_explain.log_min_duration": slow,
        "auto_explain.log_analyze": "on",
        "auto_explain.log_timing": "off",
        "auto_explain.log_format": "json",
    }
    with psycopg.connect(settings.admin_url("postgres"), autocommit=True) as connection:
        for name, value in options.items():
            connection.execute(SQL("alter database {} set {} = {}").format(database, SQL(name), value))
        try:
            yield
        finally:
            for name in options:
                connection.execute(SQL("alter database {} reset {}").format(database, SQL(name)))


def plans(settings: Settings) -> Iterator[dict[str, Any]]:
    """All that this server logged."""
    for path in postgres.logs(settings).glob("*.log"):
        text = path.read_text(errors="replace")
        for found in _PLAN.finditer(text):
            # Lines that go on begin with a tab.
            plan, _ = json.JSONDecoder(strict=False).raw_decode(text[found.end() :])
            yield plan
