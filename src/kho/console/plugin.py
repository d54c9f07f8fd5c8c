"""What Airflow is told of the console. Every process of Airflow loads this: nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from airflow.plugins_manager import AirflowPlugin

from kho.console import door

PREFIX = "/kho"

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


class Pages:
    """The console's pages, made at the first request."""

    def __init__(self) -> None:
        self._app: Callable[[Scope, Receive, Send], Awaitable[None]] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._app is None:
            from kho.console.app import make

            self._app = make()
        await self._app(scope, receive, send)


class Console(AirflowPlugin):
    """The pages below `/kho`, their entry under Browse, a tab on each night, and what guards Airflow's own door."""

    name = "kho"
    fastapi_apps = [{"name": "kho", "app": Pages(), "url_prefix": PREFIX}]
    fastapi_root_middlewares = [
        {"name": "kho_descriptions", "middleware": door.Descriptions},
        {"name": "kho_logins", "middleware": door.Logins},
        {"name": "kho_hosts", "middleware": door.hosts},
    ]
    external_views = [
        {
            "name": "Kho",
            "href": f"{PREFIX}/",
            "destination": "nav",
            "category": "browse",
            "url_route": "kho",
        },
        {
            "name": "Kho",
            "href": f"{PREFIX}/runs?run={{RUN_ID}}",
            "destination": "dag_run",
            "url_route": "kho-night",
        },
    ]
