"""Asking an HTTP server: who it is, who asks, and what its answers mean."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from kho.fetch.budget import Budget
from kho.fetch.connection import Connection
from kho.fetch.transport import Passing, SourceError, patiently
from kho.fetch.unpacking import DAMAGED, NAMES, unpacked

TIMEOUT_SECONDS = 30
TROUBLE = {408, 429, 500, 502, 503, 504}  # of the server, for now
BUSY = {429, 503}
ABSENT = {204, 404, 410}


class Absent(SourceError):
    """There is nothing at a URL, says its server by this status."""

    def __init__(self, told: str, status: int) -> None:
        super().__init__(told)
        self.status = status


@dataclass(frozen=True)
class Answer:
    """What a server answered, whole."""

    headers: httpx.Headers
    links: dict[str | None, dict[str, str]]  # of its Link header, by their relation
    content: bytes


class Web:
    """One server. Its `base` is the URL of its root, with a slash at the end.

    `where` is what messages call the place that is asked: URLs go on with names and cursors that the server made.
    """

    def __init__(self, connection: Connection, connection_id: str, budget: Budget | None = None) -> None:
        port = f":{connection.port}" if connection.port else ""
        self.base = self.where = f"{connection.scheme}://{connection.host}{port}/"
        self._id, self._budget = connection_id, budget or Budget()
        tls = connection.tls()
        headers = {"Accept-Encoding": "identity"}
        login = None
        if key := connection.extra.get("api_key_header"):
            headers[key] = connection.password
        elif connection.login:
            login = httpx.BasicAuth(connection.login, connection.password)
        elif connection.password:
            headers["Authorization"] = f"Bearer {connection.password}"
        self._client = httpx.Client(
            auth=login,
            headers=headers,
            timeout=TIMEOUT_SECONDS,
            verify=tls,
            mounts={
                "all://127.0.0.1": httpx.HTTPTransport(verify=tls)
            },  # never through a proxy of the environment
        )

    def get(self, url: str, params: dict[str, int] | None = None) -> Answer:
        """The whole answer, asked for a few times. Raises SourceError."""

        def attempt() -> Answer:
            with self._sure(), self._client.stream("GET", url, params=params) as answer:
                self._checked(answer)
                return Answer(answer.headers, answer.links, self._whole(answer))

        return patiently(attempt)

    def _whole(self, answer: httpx.Response) -> bytes:
        parts, size = [], 0
        for part in self.pieces(answer):
            parts.append(part)
            size += len(part)
            if size > self._budget.whole_bytes:
                raise SourceError(
                    f"{self.where} gives more than {self._budget.whole_bytes // 1_000_000} MB at once: the "
                    "contract's maxFileMegabytes"
                )
        return b"".join(parts)

    def head(self, url: str) -> httpx.Headers:
        """The headers of what is at the URL, asked for a few times. Raises SourceError."""

        def attempt() -> httpx.Headers:
            with self._sure():
                if (headers := self._by_head(url)) is not None:
                    return headers
                with self._client.stream("GET", url) as answer:
                    return self._checked(answer).headers

        return patiently(attempt)

    def _by_head(self, url: str) -> httpx.Headers | None:
        """None where only GET tells: many servers answer HEAD with anything, or not at all."""
        try:
            answer = self._client.head(url)
        except (httpx.ProtocolError, httpx.ReadError, httpx.ReadTimeout):
            return None
        if answer.status_code in BUSY:
            self._checked(answer)
        return answer.headers if answer.status_code == 200 else None

    @contextmanager
    def open(self, url: str) -> Iterator[httpx.Response]:
        """The answer to be read in pieces, asked for once. Raises SourceError, while it is read too."""
        with self._sure(), self._client.stream("GET", url) as answer:
            yield self._checked(answer)

    def pieces(self, answer: httpx.Response, *, is_packed: bool = False) -> Iterator[bytes]:
        """The bytes of an answer as they come, without what packed them on their way. `is_packed`: the file itself is
        in gzip, which some servers call the packing of the way (Content-Encoding).
        """
        is_gzip = answer.headers.get("Content-Encoding", "").strip().lower() in NAMES
        return self._budget.counted(
            unpacked(answer.iter_raw(), is_packed=is_packed) if is_gzip else answer.iter_bytes()
        )

    def close(self) -> None:
        self._client.close()

    @contextmanager
    def _sure(self) -> Iterator[None]:
        try:
            yield
        except (httpx.TransportError, httpx.DecodingError) as error:
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                raise SourceError(
                    f"{self.where}: the server shows a certificate that can't be trusted ({error}): put the file of its "
                    f"authority's certificate into extra.ca_file of connection {self._id}. If it was trusted before, "
                    "somebody may stand in between"
                ) from None
            if isinstance(error, httpx.DecodingError):
                raise Passing(DAMAGED) from None
            raise Passing(
                f"{self.where} does not answer ({_words(error)}): is the server up, and are host "
                f"and port of connection {self._id} right?"
            ) from None

    def _checked(self, answer: httpx.Response) -> httpx.Response:
        told = f"{self.where} answers {answer.status_code}"
        if answer.status_code in TROUBLE:
            raise Passing(f"{told}: the server is in trouble; tell its keeper")
        if answer.status_code in (401, 403):
            raise SourceError(
                f"{told}: the password of connection {self._id} must be a valid token, or that of its login, or the key "
                "for the header that extra.api_key_header names"
            )
        if answer.status_code in ABSENT:
            raise Absent(f"{told}: is the contract's location right?", answer.status_code)
        if answer.status_code != 200:
            raise SourceError(f"{told}: is the contract's location right?")
        return answer


def _words(error: httpx.TransportError) -> str:
    """What went wrong; a broken answer without its bytes."""
    return (
        type(error).__name__ if isinstance(error, httpx.ProtocolError) else str(error) or type(error).__name__
    )
