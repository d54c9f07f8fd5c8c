"""Exports in a bucket of S3, or of a store that speaks its protocol."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import TypeVar

from pyarrow import fs

from kho.fetch.budget import MOST_FILES, Budget, expect_some
from kho.fetch.connection import Connection
from kho.fetch.transport import Incomplete, Listed, Passing, SourceError, patiently
from kho.fetch.unpacking import NAMES, unpacked

T = TypeVar("T")
TIMEOUT_SECONDS = 60
CHUNK_BYTES = 1 << 22  # a request each
REGION = "us-east-1"  # what stores of one's own answer to
#: words of pyarrow's errors that mean that this login may not do this
_REFUSED = ("ACCESS_DENIED", "INVALID_ACCESS_KEY_ID", "SIGNATURE_DOES_NOT_MATCH", "INVALID_CLIENT_TOKEN_ID", "HTTP Status 403", "HTTP Status 401")  # fmt: skip
_MISSING = ("NO_SUCH_BUCKET", "NO_SUCH_KEY", "RESOURCE_NOT_FOUND", "HTTP Status 404")


class S3:
    """The objects right below one prefix of a bucket."""

    def __init__(
        self,
        connection: Connection,
        connection_id: str,
        path: str,
        budget: Budget | None = None,
        *,
        is_packed: bool = False,  # its files are in gzip themselves
    ) -> None:
        self._id, self._path, self._is_packed = connection_id, path, is_packed
        self._budget = budget or Budget()
        port = f":{connection.port}" if connection.port else ""
        self.where = f"s3://{path}" + (f" at {connection.host}{port}" if connection.host else "")
        self._files = file_system(connection)

    def files(self) -> list[Listed]:
        found = self._ask(lambda: self._files.get_file_info(fs.FileSelector(self._path)))
        expect_some(len(found), MOST_FILES, "files")
        return [_listed(one) for one in found if one.is_file and one.base_name]

    def read(self, file: Listed) -> Iterator[bytes]:
        path, offset = f"{self._path}/{file.name}", 0

        def chunk() -> bytes:
            return opened.read_at(min(CHUNK_BYTES, file.size - offset), offset)

        def sent() -> Iterator[bytes]:
            nonlocal offset
            while offset < file.size and (part := self._ask(chunk)):
                offset += len(part)
                yield part

        opened = self._ask(lambda: self._files.open_input_file(path))
        version = opened.metadata()
        is_gzip = version.get("Content-Encoding", b"").decode().lower() in NAMES
        with opened:
            yield from self._budget.counted(
                unpacked(sent(), is_packed=self._is_packed) if is_gzip else sent()
            )
        if offset != file.size or self._now(path) != (file, version):
            raise Incomplete("another object took its place while it was read")

    def close(self) -> None:
        pass

    def _now(self, path: str) -> tuple[Listed, object]:
        with self._ask(lambda: self._files.open_input_file(path)) as opened:
            return _listed(self._ask(lambda: self._files.get_file_info(path))), opened.metadata()

    def _ask(self, question: Callable[[], T]) -> T:
        def attempt() -> T:
            try:
                return _heard(question)
            except OSError as error:  # pyarrow knows no finer ones
                text = str(error)
                if any(word in text for word in _REFUSED):
                    raise SourceError(
                        f"{self.where} refuses connection {self._id}: check its login (access key) and password "
                        "(secret key), and that they may list and read it"
                    ) from None
                if isinstance(error, FileNotFoundError) or any(word in text for word in _MISSING):
                    raise SourceError(
                        f"{self.where} is not there: is the contract's location right, and was anything handed over?"
                    ) from None
                raise Passing(
                    f"{self.where} does not answer ({_words(text)}): is the server up, are host, port and schema of connection "
                    f"{self._id} right, and is its certificate signed by what extra.ca_file holds?"
                ) from None

        return patiently(attempt)


def file_system(connection: Connection) -> fs.S3FileSystem:
    """The store that a connection leads to. Raises SourceError when its `ca_file` holds no certificates."""
    port = f":{connection.port}" if connection.port else ""
    if connection.ca_file:
        connection.tls()  # says what is wrong with it
    return fs.S3FileSystem(
        access_key=connection.login or None,
        secret_key=connection.password or None,
        anonymous=not connection.login,  # never as whom this machine happens to be
        region=connection.extra.get("region", REGION),
        scheme=connection.scheme,
        endpoint_override=f"{connection.host}{port}" if connection.host else None,
        tls_ca_file_path=str(connection.ca_file) if connection.ca_file else None,
        connect_timeout=TIMEOUT_SECONDS,
        request_timeout=TIMEOUT_SECONDS,
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=1),  # `patiently` does that
    )


def _heard(question: Callable[[], T]) -> T:
    """The answer, asked for in a thread of its own: pyarrow waits where no time limit is heard.

    A thread that is given up is left behind; its process waits for it at its end, as long as the request may take.
    """
    answer: Future[T] = Future()

    def ask() -> None:
        try:
            answer.set_result(question())
        except BaseException as error:
            answer.set_exception(error)

    threading.Thread(target=ask, daemon=True).start()
    return answer.result()


def _listed(info: fs.FileInfo) -> Listed:
    return Listed(info.base_name, info.size, info.mtime)


def _words(text: str) -> str:
    """What went wrong by the store's own name for it; the rest of its words may name an object."""
    found = re.search(r"AWS Error [A-Z_]+|curlCode: \d+, [\w' ]+", text)
    return found[0] if found else "no answer that is understood"
