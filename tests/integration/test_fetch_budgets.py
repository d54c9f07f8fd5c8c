"""Sources without end: every transport ends within the budget of its contract, which is named, and keeps what it took."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncssh
import psycopg
import pytest

from kho.contract import Contract
from kho.fetch import Connection, FetchFailed, fetch
from kho.settings import Settings
from tests import contracts
from tests.integration import databases
from tests.integration.fetching import JUNE, arrivals, empty, failures, write

NAME = "registry.permits"
NAMED = r"permits_(?P<business_date>\d{8})\.csv"
SHORT = 0.005  # minutes
Answer = Callable[[str], Iterator[bytes]]


@pytest.fixture
def warehouse(module_warehouse: Settings) -> Settings:
    empty(module_warehouse)
    return module_warehouse


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., Contract]:
    def read(place: dict[str, Any], **keys: Any) -> Contract:
        return contracts.read(tmp_path, contracts.document(place, **keys))

    return read


@contextmanager
def answering(answer: Answer) -> Iterator[Connection]:
    """An HTTP server that answers each request with these bytes until its client has enough."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(client: socket.socket) -> None:
        with client:
            try:
                while head := client.recv(65536):
                    method, target = head.decode().split(" ")[:2]
                    if method == "HEAD":
                        client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                        return
                    for part in answer(target):
                        client.sendall(part)
            except OSError:
                pass

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=[client], daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield Connection("127.0.0.1", listener.getsockname()[1], scheme="http")
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def endless(_: str) -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\n\r\n"
    while True:
        yield b"1234567\n" * 8192


def dripping(_: str) -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\n\r\ncode\n"
    while True:
        yield b"1"
        time.sleep(0.01)


def silent(_: str) -> Iterator[bytes]:
    time.sleep(3600)
    yield b""


def whole(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def api(location: str = "permits.csv", **keys: Any) -> dict[str, Any]:
    place = {"type": "api", "location": f"https://{{connection}}/{location}"}
    return {"place": place, "connection": "office", **keys}


def refused(settings: Settings, contract: Contract, connection: Connection | None, match: str) -> None:
    """The fetch fails with this, in the ledger too, and nothing half is in the archive."""
    with pytest.raises(FetchFailed, match=match):
        fetch(settings, contract, JUNE, connection)
    assert failures(settings, NAME)
    assert not arrivals(settings, NAME)
    assert not [path for path in settings.archive.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("answer", "keys", "told"),
    [
        (endless, {"maxBytes": 1_000_000}, r"more than 1,000,000 bytes.*maxBytes.*Then raise it"),
        (dripping, {"maxMinutes": SHORT}, r"longer than 0\.005 minutes.*maxMinutes.*Then raise it"),
        (silent, {"maxMinutes": SHORT}, "maxMinutes"),
        (endless, {"maxSourceBytes": 1_000_000}, "maxSourceBytes"),
        (dripping, {"maxSourceMinutes": SHORT}, "maxSourceMinutes"),
    ],
)
def test_a_file_without_end_is_not_taken(
    warehouse: Settings, made: Callable[..., Contract], answer: Answer, keys: dict[str, Any], told: str
) -> None:
    with answering(answer) as connection:
        refused(warehouse, made(**api(paging="none", format="csv", **keys)), connection, told)


def test_a_time_limit_ends_a_fetch_in_another_thread_too(
    warehouse: Settings, made: Callable[..., Contract]
) -> None:
    told: list[BaseException] = []

    def work() -> None:
        try:
            refused(warehouse, contract, connection, "maxMinutes")
        except BaseException as failure:
            told.append(failure)

    contract = made(**api(paging="none", format="csv", maxMinutes=SHORT))
    with answering(dripping) as connection:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert not told


def pages(target: str) -> Iterator[bytes]:
    number = target.partition("page=")[2].partition("&")[0]
    yield whole(f'{{"items": [{{"code": "{number}"}}], "pages": 1000000000, "total": 1}}'.encode())


def empty_pages(target: str) -> Iterator[bytes]:
    number = int(target.partition("cursor=")[2].partition("&")[0] or 0)
    yield whole(f'{{"items": [], "next": "{number + 1}"}}'.encode())


@pytest.mark.parametrize(
    ("answer", "keys"),
    [(pages, {"paging": "page"}), (empty_pages, {"paging": "cursor", "nextPath": "next"})],
)
def test_pages_without_end_are_not_taken(
    warehouse: Settings,
    made: Callable[..., Contract],
    monkeypatch: pytest.MonkeyPatch,
    answer: Answer,
    keys: dict[str, Any],
) -> None:
    monkeypatch.setattr("kho.fetch.url.MOST_PAGES", 20)
    with answering(answer) as connection:
        refused(warehouse, made(**api("permits", format="json", **keys)), connection, "more than 20 pages")
        contract = made(**api("permits", format="json", maxSourceBytes=500, **keys))
        refused(warehouse, contract, connection, "maxSourceBytes")


def test_a_page_that_is_too_large_is_told_without_the_cursor_that_led_to_it(
    warehouse: Settings, made: Callable[..., Contract]
) -> None:
    def answer(target: str) -> Iterator[bytes]:
        if "cursor=" in target:
            yield from endless(target)
        else:
            yield whole(b'{"items": [{"code": "1"}], "next": "nguyen"}')

    keys = {"paging": "cursor", "nextPath": "next", "format": "json"}
    with answering(answer) as connection:
        contract = made(**api("permits", file={"maxFileMegabytes": 1}, **keys))
        refused(warehouse, contract, connection, "gives more than 1 MB at once")
    assert not [reason for _, reason in failures(warehouse, NAME) if "nguyen" in reason]


def test_an_api_that_announces_a_billion_pages_is_not_taken(
    warehouse: Settings, made: Callable[..., Contract], monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(target: str) -> Iterator[bytes]:
        if "page=" in target:
            yield from pages(target)
            return
        listed = (
            '{"name": "permits_20210630.csv", "size": 1, "modified": "2021-06-30T00:00:00Z", "records": 1}'
        )
        yield whole(f'{{"deliveries": [{listed}]}}'.encode())

    monkeypatch.setattr("kho.fetch.http.MOST_PAGES", 20)
    with answering(answer) as connection:
        contract = made(**api("permits", format="json", fileName=NAMED))
        refused(warehouse, contract, connection, "more than 20 pages")


@pytest.mark.parametrize(
    ("keys", "file", "told"),
    [
        ({"maxSourceBytes": 1_000_000}, {}, "maxSourceBytes"),
        ({}, {"maxFileMegabytes": 1}, "maxFileMegabytes"),
    ],
)
def test_a_list_or_a_page_without_end_is_not_read(
    warehouse: Settings,
    made: Callable[..., Contract],
    keys: dict[str, Any],
    file: dict[str, Any],
    told: str,
) -> None:
    with answering(endless) as connection:
        for of in ({"fileName": NAMED}, {"paging": "page"}):
            contract = made(**api("permits", format="json", **of, **keys), file=file)
            refused(warehouse, contract, connection, told)


def test_what_was_taken_before_the_budget_ended_is_kept_and_the_next_fetch_goes_on(
    warehouse: Settings, made: Callable[..., Contract]
) -> None:
    place = {"type": "local", "path": "registry/permits", "format": "csv"}
    for day in range(20210601, 20210607):
        write(warehouse.exports / "registry" / "permits" / f"permits_{day}.csv", b"code\n" + b"1234\n" * 20)
    contract = made(place, fileName=NAMED, maxSourceBytes=250)
    for taken in (2, 4, 6):
        if taken < 6:
            with pytest.raises(FetchFailed, match="maxSourceBytes"):
                fetch(warehouse, contract, JUNE)
        else:
            fetch(warehouse, contract, JUNE)
        assert len(arrivals(warehouse, NAME)) == taken
    assert fetch(warehouse, contract, JUNE).unchanged == 6


def test_a_file_of_a_folder_over_its_budget_fails_alone(
    warehouse: Settings, made: Callable[..., Contract]
) -> None:
    place = {"type": "local", "path": "registry/permits", "format": "csv"}
    folder = warehouse.exports / "registry" / "permits"
    write(folder / "permits_20210601.csv", b"code\n" + b"1\n" * 1000)
    write(folder / "permits_20210602.csv", b"code\n1\n")
    with pytest.raises(FetchFailed, match=r"delivery of 2021-06-01: it has more than 1,000 bytes.*maxBytes"):
        fetch(warehouse, made(place, fileName=NAMED, maxBytes=1000), JUNE)
    assert [one["name"] for one in arrivals(warehouse, NAME)] == ["permits_20210602.csv"]


def test_a_folder_of_too_many_files_is_told(
    warehouse: Settings, made: Callable[..., Contract], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kho.fetch.folder.MOST_FILES", 5)
    for number in range(6):
        write(warehouse.exports / "registry" / "permits" / f"{number}.txt", b"")
    place = {"type": "local", "path": "registry/permits", "format": "csv"}
    refused(warehouse, made(place, fileName=NAMED), None, "more than 5 files")


# SFTP


class _Endless(asyncssh.SFTPServer):
    """Lists one file, or files without end; its files have no end either, or never answer."""

    def __init__(self, chan: asyncssh.SSHServerChannel, has_end: bool, answers: bool) -> None:
        super().__init__(chan)
        self._has_end, self._answers = has_end, answers

    async def scandir(self, path: bytes) -> Any:
        attributes = asyncssh.SFTPAttrs(size=1 << 50, mtime=1_600_000_000, permissions=0o100644)
        yield asyncssh.SFTPName(b"permits_20210630.csv", attrs=attributes)
        number = 0
        while not self._has_end:
            number += 1
            yield asyncssh.SFTPName(b"%d" % number, attrs=attributes)

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        return object()

    async def read(self, file_obj: object, offset: int, size: int) -> bytes:
        if not self._answers:
            await asyncio.sleep(3600)
        return b"1234567\n" * (size // 8)

    def close(self, file_obj: object) -> None:
        pass


@contextmanager
def sftp(has_end: bool, answers: bool) -> Iterator[Connection]:
    key = asyncssh.generate_private_key("ssh-ed25519")
    ready: list[int] = []
    started = threading.Event()
    loop = asyncio.new_event_loop()

    class Login(asyncssh.SSHServer):
        def begin_auth(self, username: str) -> bool:
            return False

    async def listen() -> None:
        server = await asyncssh.listen(
            "127.0.0.1",
            0,
            server_factory=Login,
            server_host_keys=[key],
            sftp_factory=lambda chan: _Endless(chan, has_end, answers),
        )
        ready.append(server.get_port())
        started.set()

    def serve() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(listen())
        loop.run_forever()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    started.wait(10)
    host_key = key.export_public_key().decode().strip()
    try:
        yield Connection("127.0.0.1", ready[0], "kho", "secret", extra={"host_key": host_key})
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


@pytest.mark.parametrize(
    ("has_end", "answers", "keys", "told"),
    [
        (True, True, {"maxBytes": 1_000_000}, "maxBytes"),
        (True, False, {"maxMinutes": SHORT}, "maxMinutes"),
        (False, True, {}, "more than 500 files"),
    ],
)
def test_sftp_without_end_is_not_taken(
    warehouse: Settings,
    made: Callable[..., Contract],
    monkeypatch: pytest.MonkeyPatch,
    has_end: bool,
    answers: bool,
    keys: dict[str, Any],
    told: str,
) -> None:
    monkeypatch.setattr("kho.fetch.sftp.MOST_FILES", 500)
    place = {"type": "sftp", "location": "sftp://{connection}/permits", "format": "csv"}
    with sftp(has_end, answers) as connection:
        refused(warehouse, made(place, connection="office", fileName=NAMED, **keys), connection, told)


# Databases


@pytest.mark.parametrize(
    ("query", "keys", "told"),
    [
        ("select n::text as code from generate_series(1, 200000) n", {"maxBytes": 100_000}, "maxBytes"),
        ("select pg_sleep(3600)::text as code", {"maxSourceMinutes": SHORT}, "maxSourceMinutes"),
    ],
)
def test_a_query_without_end_is_not_taken(
    warehouse: Settings, made: Callable[..., Contract], query: str, keys: dict[str, Any], told: str
) -> None:
    with databases.postgres(warehouse) as (connection, url):
        name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
        place = {
            "type": "postgres",
            "host": "{connection}",
            "port": "{connection}",
            "database": name,
            "schema": "public",
        }
        file = {"load": "full", "fullListOf": ["code"]}
        contract = made(place, connection="office", query=query, file=file, **keys)
        refused(warehouse, contract, connection, told)


DATABASE = {"host": "{connection}", "port": "{connection}", "database": "office"}
QUERY = {"query": "select code, changed_at from permit", "watermarkColumn": "changed_at"}


@pytest.mark.parametrize(
    ("place", "keys"),
    [
        ({"type": "api", "location": "https://{connection}/permits"}, {"fileName": NAMED, "format": "json"}),
        ({"type": "sftp", "location": "sftp://{connection}/permits", "format": "csv"}, {"fileName": NAMED}),
        (
            {"type": "custom", "location": "ftps://{connection}/permits", "format": "csv"},
            {"fileName": NAMED, "transport": "ftps"},
        ),
        (
            {
                "type": "s3",
                "location": "s3://exports/permits",
                "endpointUrl": "https://{connection}",
                "format": "csv",
            },
            {"fileName": NAMED},
        ),
        ({"type": "postgres", "schema": "public", **DATABASE}, QUERY),
        ({"type": "mysql", **DATABASE}, QUERY),
    ],
)
def test_a_server_that_never_says_a_word_is_given_up(
    warehouse: Settings,
    made: Callable[..., Contract],
    monkeypatch: pytest.MonkeyPatch,
    place: dict[str, Any],
    keys: dict[str, Any],
) -> None:
    columns = [{"name": "changed_at", "logicalType": "timestamp"}]
    contract = made(place, connection="office", maxSourceMinutes=SHORT, columns=columns, **keys)
    key = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
    monkeypatch.setattr("kho.fetch.s3.TIMEOUT_SECONDS", 1)  # a process waits for its own at its end
    with socket.create_server(("127.0.0.1", 0)) as mute:  # it accepts nobody
        port = mute.getsockname()[1]
        found = Connection("127.0.0.1", port, "kho", "s", {"host_key": key}, scheme="http")
        refused(warehouse, contract, found, "maxSourceMinutes")
