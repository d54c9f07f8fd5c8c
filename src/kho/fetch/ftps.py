"""Exports on an FTP server that speaks TLS (explicit FTPS), its certificate verified."""

from __future__ import annotations

import ftplib
import socket
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TypeVar, cast

from kho.fetch.budget import MOST_FILES, Budget, expect_some
from kho.fetch.connection import Connection
from kho.fetch.transport import (
    CHANGED,
    CHUNK_BYTES,
    Incomplete,
    Listed,
    Passing,
    SourceError,
    expect_unchanged,
    patiently,
)

T = TypeVar("T")
TIMEOUT_SECONDS = 60
_FACTS = ["type", "size", "modify"]
_FOLDERS = ("dir", "cdir", "pdir")


class _Client(ftplib.FTP_TLS):
    """Data connections go on with the TLS session of the control connection: many servers let in no others."""

    def ntransfercmd(self, cmd: str, rest: int | str | None = None) -> tuple[socket.socket, int | None]:
        data, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        return self.context.wrap_socket(data, server_hostname=self.host, session=self.sock.session), size

    def retrlines(self, cmd: str, callback: Callable[[str], object] | None = None) -> str:
        """The lines of a listing: it has an end, and a name that is no UTF-8 does not make all of it unreadable."""
        self.sendcmd("TYPE A")
        with self.transfercmd(cmd) as data, data.makefile("rb") as lines:
            for number, line in enumerate(iter(lambda: lines.readline(self.maxline), b""), 1):
                expect_some(number, MOST_FILES, "files")
                if callback:
                    callback(line.decode("utf-8", "surrogateescape").rstrip("\r\n"))
            cast(ssl.SSLSocket, data).unwrap()
        return self.voidresp()


class Ftps:
    """The files of one folder of a server. Connects when first used, and again when a connection was lost."""

    def __init__(
        self, connection: Connection, connection_id: str, path: str, budget: Budget | None = None
    ) -> None:
        self._connection, self._id, self._path = connection, connection_id, f"/{path}"
        self._budget = budget or Budget()
        self._context = connection.tls()
        self._client: _Client | None = None
        self._data: socket.socket | None = None
        self.where = f"ftps://{connection.host}:{connection.port or ftplib.FTP_PORT}/{path}"

    def files(self) -> list[Listed]:
        return self._ask(self._listing)

    def read(self, file: Listed) -> Iterator[bytes]:
        offset = 0

        def chunk(client: _Client) -> bytes:
            if self._data is None:  # the first time, and after the connection was lost
                if offset and self._find(client, file.name) != file:
                    raise Incomplete(CHANGED)
                client.voidcmd("TYPE I")
                self._data = client.transfercmd(f"RETR {self._path}/{file.name}", offset or None)
            part = self._data.recv(CHUNK_BYTES)
            if not part:
                raise EOFError("the file ended too early")
            return part

        def end(client: _Client) -> Listed | None:
            if self._data is not None:
                if self._data.recv(1):
                    raise Incomplete(CHANGED)
                self._data.unwrap()
                self._data.close()
                self._data = None
                client.voidresp()
            return self._find(client, file.name)

        try:
            while offset < file.size:
                part = self._ask(chunk)
                self._budget.spend(len(part))
                yield part
                offset += len(part)
            expect_unchanged(file, self._ask(end), offset)
        finally:
            if self._data is not None:  # not read to its end
                self._drop()

    def close(self) -> None:
        self._drop()

    def _find(self, client: _Client, name: str) -> Listed | None:
        return next((one for one in self._listing(client) if one.name == name), None)

    def _listing(self, client: _Client) -> list[Listed]:
        found: list[Listed] = []
        untold: Exception | None = None
        for name, facts in client.mlsd(self._path, _FACTS):
            kind = facts.get("type", "").lower()
            if kind in _FOLDERS:
                continue
            if kind and kind != "file":
                found.append(Listed(name, None, None, is_regular=False))
                continue
            try:
                _, size, modified = (facts[fact] for fact in _FACTS)
                found.append(Listed(name, int(size), _time(modified)))
            except (KeyError, ValueError) as error:
                found.append(Listed(name, None, None, is_regular=False))
                untold = error
        if untold and not any(one.is_regular for one in found):
            raise untold  # it is the server that tells too little, not one odd thing in its folder
        return found

    def _ask(self, question: Callable[[_Client], T]) -> T:
        """The server's answer, over a new connection if need be."""

        def attempt() -> T:
            try:
                return question(self._connected())
            except ssl.SSLCertVerificationError as error:
                raise SourceError(
                    f"{self.where} shows a certificate that can't be trusted ({error.verify_message}): put the file "
                    f"of its authority's certificate into extra.ca_file of connection {self._id}. If it was trusted "
                    "before, somebody may stand in between"
                ) from None
            except ftplib.error_perm as error:
                self._drop()
                raise SourceError(self._refusal(str(error))) from None
            except (KeyError, ValueError) as error:
                self._drop()
                raise SourceError(
                    f"{self.where} gives no listing that can be read ({type(error).__name__}): it must know MLSD with type, size and "
                    "modify, and UTF-8"
                ) from None
            except (KeyboardInterrupt, SourceError):
                self._drop()  # nobody knows what the server still answers
                raise
            except (OSError, EOFError, ftplib.Error) as error:
                self._drop()
                raise Passing(
                    f"{self.where} does not answer ({_words(error)}): is the server up, and are "
                    f"host and port of connection {self._id} right?"
                ) from None

        return patiently(attempt)

    def _refusal(self, answer: str) -> str:
        match answer[:3]:
            case "530":
                return f"{self.where} refuses the login of connection {self._id}: check login and password"
            case "501" | "550":  # MLSD answers 501 where there is no such folder
                return f"{self.where} answers {answer[:3]}: is the contract's location right, and may {self._id} read it?"
        return f"{self.where} answers {answer[:3]}: it must know TLS (AUTH TLS, PROT P) and MLSD"

    def _connected(self) -> _Client:
        if self._client is None:
            client = _Client(context=self._context, timeout=TIMEOUT_SECONDS)
            try:
                client.connect(self._connection.host, self._connection.port or ftplib.FTP_PORT)
                client.login(self._connection.login, self._connection.password)
                client.prot_p()
            except BaseException:
                client.close()
                raise
            self._client = client
        return self._client

    def _drop(self) -> None:
        for each in (self._data, self._client):
            if each is not None:
                each.close()
        self._data = self._client = None


def _time(text: str) -> datetime:
    return datetime.strptime(text[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)


def _words(error: Exception) -> str:
    """What went wrong; of an answer only its number, for its words may name a file."""
    return str(error)[:3] if isinstance(error, ftplib.Error) else str(error) or type(error).__name__
