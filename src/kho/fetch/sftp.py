"""Exports on an SFTP server whose host key is known."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from stat import S_IFMT, S_ISDIR, S_ISREG
from typing import TypeVar

import asyncssh

from kho.fetch.budget import MOST_FILES, Budget, expect_some
from kho.fetch.connection import Connection
from kho.fetch.transport import CHUNK_BYTES, Listed, Passing, SourceError, expect_unchanged, patiently

T = TypeVar("T")
TIMEOUT_SECONDS = 60


class Sftp:
    """The files of one folder of a server. Connects when first used, and again when a connection was lost."""

    def __init__(
        self, connection: Connection, connection_id: str, path: str, budget: Budget | None = None
    ) -> None:
        self._connection, self._id, self._path = connection, connection_id, path
        self._budget = budget or Budget()
        self._runner = asyncio.Runner()
        self._ssh: asyncssh.SSHClientConnection | None = None
        self._client: asyncssh.SFTPClient | None = None
        self.where = f"sftp://{connection.host}:{connection.port or 22}/{path}"

    def files(self) -> list[Listed]:
        async def listing(client: asyncssh.SFTPClient) -> list[Listed]:
            found: list[Listed] = []
            # As bytes: of a name that is no UTF-8 nobody has to make a text.
            async for entry in client.scandir(self._path.encode()):
                if not S_ISDIR(entry.attrs.permissions or 0):
                    found.append(_listed(entry.filename.decode("utf-8", "surrogateescape"), entry.attrs))
                    expect_some(len(found), MOST_FILES, "files")
            return found

        return self._ask(listing)

    def read(self, file: Listed) -> Iterator[bytes]:
        path, offset = f"{self._path}/{file.name}", 0
        opened: dict[asyncssh.SFTPClient, asyncssh.SFTPClientFile] = {}

        async def chunk(client: asyncssh.SFTPClient) -> bytes:
            if client not in opened:  # the first time, and after the connection was lost
                opened[client] = await client.open(path, "rb")
            return await opened[client].read(CHUNK_BYTES, offset)

        async def end(client: asyncssh.SFTPClient) -> Listed:
            if client in opened:
                await opened[client].close()
            return _listed(file.name, await client.lstat(path))

        while offset < file.size and (part := self._ask(chunk)):
            self._budget.spend(len(part))
            yield part
            offset += len(part)
        expect_unchanged(file, self._ask(end), offset)

    def close(self) -> None:
        self._drop()
        self._runner.close()

    def _ask(self, question: Callable[[asyncssh.SFTPClient], Awaitable[T]]) -> T:
        """The server's answer, over a new connection if need be."""

        async def ask() -> T:
            client = await self._connected()
            return await asyncio.wait_for(question(client), TIMEOUT_SECONDS)

        def attempt() -> T:
            try:
                return self._runner.run(ask())
            except asyncssh.HostKeyNotVerifiable:
                raise SourceError(
                    f"{self.where} does not show the host key that connection {self._id} names. If the server was "
                    "given a new key, have its keeper confirm it and put it into extra.host_key; if not, somebody "
                    "stands in between"
                ) from None
            except asyncssh.PermissionDenied:
                raise SourceError(
                    f"{self.where} refuses the login of connection {self._id}: check login, and password or "
                    "extra.key_file"
                ) from None
            except asyncssh.SFTPNoSuchFile:
                raise SourceError(f"{self.where}: no such file: is the contract's location right?") from None
            except asyncssh.SFTPPermissionDenied:
                raise SourceError(
                    f"{self.where}: permission denied: let the user of connection {self._id} read it"
                ) from None
            except (KeyboardInterrupt, SourceError):
                self._drop()  # nobody knows what the server still answers
                raise
            except (OSError, TimeoutError, asyncssh.Error) as error:
                self._drop()
                raise Passing(
                    f"{self.where} does not answer ({_words(error)}): is the server up, and "
                    f"are host and port of connection {self._id} right?"
                ) from None

        return patiently(attempt)

    async def _connected(self) -> asyncssh.SFTPClient:
        if self._client is None:
            self._ssh = await asyncssh.connect(
                self._connection.host,
                self._connection.port or 22,
                username=self._connection.login,
                password=self._connection.password,
                known_hosts=([self._host_key()], [], []),
                client_keys=self._login_key(),
                agent_path=None,
                config=None,
                connect_timeout=TIMEOUT_SECONDS,
                login_timeout=TIMEOUT_SECONDS,
            )
            self._client = await self._ssh.start_sftp_client()
        return self._client

    def _login_key(self) -> list[asyncssh.SSHKey] | None:
        """The private key to log in with, if the connection names one; its password opens it."""
        path = self._connection.key_file
        try:
            return path and [asyncssh.read_private_key(path, self._connection.password or None)]
        except (OSError, asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
            raise SourceError(
                f"{path}, the key_file of connection {self._id}, can't be read ({error}): it must be a private key, and "
                "the connection's password that of the key"
            ) from None

    def _host_key(self) -> asyncssh.SSHKey:
        try:
            return asyncssh.import_public_key(self._connection.extra["host_key"])
        except (KeyError, asyncssh.KeyImportError):
            raise SourceError(
                f"connection {self._id} has no host key to know {self.where} by: put the server's public key, as "
                "`ssh-keyscan` shows it, into extra.host_key"
            ) from None

    def _drop(self) -> None:
        if self._ssh is not None:
            self._ssh.abort()
        self._ssh = self._client = None


def _listed(name: str, attributes: asyncssh.SFTPAttrs) -> Listed:
    # SFTP tells whole seconds.
    modified = datetime.fromtimestamp(int(attributes.mtime), UTC) if attributes.mtime is not None else None
    mode = attributes.permissions or 0
    # A server that doesn't tell what a thing is has only files; one that has no size is none.
    is_file = (S_ISREG(mode) or not S_IFMT(mode)) and attributes.size is not None
    return Listed(name, attributes.size, modified, is_regular=is_file)


def _words(error: Exception) -> str:
    """What went wrong; of an answer about files only its kind, for its words may name one."""
    return (
        type(error).__name__ if isinstance(error, asyncssh.SFTPError) else str(error) or type(error).__name__
    )
