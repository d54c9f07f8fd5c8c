"""What stands before all of Airflow: which names it answers to, how often a password may be tried, what it tells of itself."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

#: so many wrong passwords for one name, and for all names together, in so many seconds
TRIES, TRIES_OF_ALL, WITHIN_SECONDS = 5, 50, 60.0
#: a login is a name and a password
LOGIN_BYTES = 10_000


def hosts(app: App) -> App:
    """Answer to this machine's own names and those of the configured addresses only: a page of somebody else's that has its
    name lead here (DNS rebinding) gets nothing."""
    from airflow.configuration import conf
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    configured = (
        urlsplit(conf.get(section, name, fallback="")).hostname
        for section, name in (("api", "base_url"), ("core", "execution_api_server_url"))
    )
    known = {"127.0.0.1", "localhost", *filter(None, configured)}
    return TrustedHostMiddleware(app, allowed_hosts=sorted(known), www_redirect=False)


class Descriptions:
    """Nobody is told which requests Airflow understands: that is for no operator, and for whoever looks for a hole."""

    PATHS = frozenset(
        f"{mounted}/{page}"
        for mounted in ("", "/auth", "/execution")
        for page in ("docs", "docs/oauth2-redirect", "redoc", "openapi.json")
    )

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _path(scope) in self.PATHS:
            await _answer(send, 404, "Not Found")
        else:
            await self._app(scope, receive, send)


class Logins:
    """Passwords can't be guessed by trying: after some wrong ones, a name has to wait.

    Of the logins over its APIs, which nothing else holds back; Airflow itself limits that of its page ([fab] auth_rate_limit).
    """

    PATHS = ("/auth/token", "/auth/token/cli", "/auth/api/v1/security/login")

    def __init__(self, app: App) -> None:
        self._app = app
        self._wrong: deque[tuple[float, str]] = deque()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or _path(scope) not in self.PATHS:
            await self._app(scope, receive, send)
            return
        body = await _body(receive)
        if body is None:
            await _answer(send, 413, "Content Too Large")
            return
        now = monotonic()
        while self._wrong and self._wrong[0][0] < now - WITHIN_SECONDS:
            self._wrong.popleft()
        name = _name(body)
        if len(self._wrong) >= TRIES_OF_ALL or sum(tried == name for _, tried in self._wrong) >= TRIES:
            await _answer(send, 429, "Too Many Requests", retry_after=round(WITHIN_SECONDS))
            return
        # Counted until it is known not to be wrong: others may be tried meanwhile.
        attempt = (now, name)
        self._wrong.append(attempt)
        is_read = False

        async def again() -> Any:
            nonlocal is_read
            if is_read:
                return await receive()
            is_read = True
            return {"type": "http.request", "body": body, "more_body": False}

        async def judged(message: Any) -> None:
            is_no = message["type"] != "http.response.start" or 400 <= message["status"] < 500
            if not is_no and attempt in self._wrong:
                self._wrong.remove(attempt)
            await send(message)

        await self._app(scope, again, judged)


def _path(scope: Scope) -> str:
    """The path of a request in Airflow, wherever Airflow itself is."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


async def _body(receive: Receive) -> bytes | None:
    """The body of a request; None where it is too long for a login."""
    body, is_more = b"", True
    while is_more:
        message = await receive()
        body += message.get("body", b"")
        is_more = message.get("more_body", False)
        if len(body) > LOGIN_BYTES:
            return None
    return body


def _name(body: bytes) -> str:
    """Who wants to log in; Airflow takes names in any case."""
    try:
        return str(json.loads(body)["username"]).strip().casefold()
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""


async def _answer(send: Send, status: int, said: str, *, retry_after: int | None = None) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    if retry_after:
        headers.append((b"retry-after", str(retry_after).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": said.encode()})
