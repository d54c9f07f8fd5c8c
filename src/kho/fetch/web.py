"""Asking an HTTP server: who it is, who asks, and what its answers mean."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from kho.fetch.connection import Connection
from kho.fetch.transport import Passing, SourceError, patiently

TIMEOUT_SECONDS = 30
TROUBLE = {408, 429, 500, 502, 503, 504}  # of the server, for now
ABSENT = {404, 410}


class Absent(SourceError):
    """There is nothing at a URL."""


class Web:
    """One server. Its `base` is the URL of its root, with a slash at the end.

    `where` is what messages call the place that is asked: URLs go on with names and cursors that the server made.
    """

    def __init__(self, connection: Connection, connection_id: str) -> None:
        port = f":{connection.port}" if connection.port else ""
        self.base = self.where = f"{connection.scheme}://{connection.host}{port}/"
        self._id = connection_id
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

    def get(self, url: str, params: dict[str, int] | None = None) -> httpx.Response:
        """The whole answer, asked for a few times. Raises SourceError."""

        def attempt() -> httpx.Response:
            with self._sure():
                return self._checked(self._client.get(url, params=params))

        return patiently(attempt)

    def head(self, url: str) -> httpx.Headers:
        """The headers of what is at the URL, asked for a few times. Raises SourceError."""

        def attempt() -> httpx.Headers:
            with self._sure():
                answer = self._client.head(url)
                if answer.status_code in (403, 405, 501):  # not every server knows HEAD
                    with self._client.stream("GET", url) as answer:
                        return self._checked(answer).headers
                return self._checked(answer).headers

        return patiently(attempt)

    @contextmanager
    def open(self, url: str) -> Iterator[httpx.Response]:
        """The answer to be read in pieces, asked for once. Raises SourceError, while it is read too."""
        with self._sure(), self._client.stream("GET", url) as answer:
            yield self._checked(answer)

    def close(self) -> None:
        self._client.close()

    @contextmanager
    def _sure(self) -> Iterator[None]:
        try:
            yield
        except httpx.TransportError as error:
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                raise SourceError(
                    f"{self.where}: the server shows a certificate that can't be trusted ({error}): put the file of its "
                    f"authority's certificate into extra.ca_file of connection {self._id}. If it was trusted before, "
                    "somebody may stand in between"
                ) from None
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
            raise Absent(f"{told}: is the contract's location right?")
        if answer.status_code != 200:
            raise SourceError(f"{told}: is the contract's location right?")
        return answer


def _words(error: httpx.TransportError) -> str:
    """What went wrong; a broken answer without its bytes."""
    is_quoting = isinstance(error, httpx.ProtocolError | httpx.DecodingError)
    return type(error).__name__ if is_quoting else str(error) or type(error).__name__
