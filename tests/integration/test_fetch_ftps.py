"""FTPS against a real server: whom it trusts, lost connections, files that change while they are read."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import trustme
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.filesystems import AbstractedFS
from pyftpdlib.handlers import TLS_FTPHandler
from pyftpdlib.servers import FTPServer

from kho.contract import Contract
from kho.fetch import Connection, FetchFailed, fetch, listing
from kho.fetch.ftps import Ftps
from kho.fetch.transport import Incomplete
from kho.settings import Settings
from tests import contracts
from tests.integration.fetching import JUNE, arrivals, empty, write

NAME = "registry.permits"


class Server:
    """A folder served over FTPS in a thread of its own."""

    files: type[AbstractedFS] = AbstractedFS  # how it looks at them

    def __init__(self, folder: Path, certificates: Path, port: int = 0) -> None:
        authority = trustme.CA()
        self.ca_file = certificates / "ca.pem"
        authority.cert_pem.write_to_path(self.ca_file)
        self.folder, self._certificate = folder, certificates / "server.pem"
        authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(self._certificate)
        self.port = port

    @contextmanager
    def running(self) -> Iterator[Server]:
        users = DummyAuthorizer()
        users.add_user("kho", "secret", str(self.folder), perm="elr")

        class Handler(TLS_FTPHandler):
            authorizer = users
            certfile = str(self._certificate)
            tls_control_required = tls_data_required = True
            auth_failed_timeout = 0
            abstracted_fs = self.files
            unicode_errors = "surrogateescape"  # names as they are

        server = FTPServer(("127.0.0.1", self.port), Handler)
        self.port = server.address[1]
        stop = threading.Event()

        def serve() -> None:
            while not stop.is_set():
                server.serve_forever(timeout=0.05, blocking=False)
            server.close_all()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            stop.set()
            thread.join()

    @property
    def connection(self) -> Connection:
        return Connection("127.0.0.1", self.port, "kho", "secret", ca_file=self.ca_file)


@pytest.fixture
def warehouse(module_warehouse: Settings) -> Settings:
    empty(module_warehouse)
    return module_warehouse


@pytest.fixture
def stopped(tmp_path: Path) -> Server:
    folder = tmp_path / "served"
    (folder / "out" / "permits").mkdir(parents=True)
    return Server(folder, tmp_path)


@pytest.fixture
def office(stopped: Server) -> Iterator[Server]:
    with stopped.running():
        yield stopped


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    place = {"type": "custom", "location": "ftps://{connection}/out/permits", "format": "csv"}
    name = r"permits_(?P<business_date>\d{8})\.csv"
    return contracts.read(
        tmp_path, contracts.document(place, transport="ftps", connection="office", fileName=name)
    )


def put(server: Server, day: str, data: bytes = b"code\n1\n", age: float = 3600) -> Path:
    return write(server.folder / "out" / "permits" / f"permits_{day}.csv", data, age)


def test_new_and_replaced_files_are_taken_and_others_are_not(
    warehouse: Settings, office: Server, contract: Contract
) -> None:
    put(office, "20210629")
    put(office, "20210630", b"code\n2\n")
    put(office, "20210701")
    (office.folder / "out" / "permits" / "folder").mkdir()
    report = fetch(warehouse, contract, JUNE, office.connection)
    assert report.taken == ["permits_20210629.csv", "permits_20210630.csv"]
    assert report.later == ["permits_20210701.csv"] and report.unknown == []
    assert fetch(warehouse, contract, JUNE, office.connection).unchanged == 2
    put(office, "20210629", b"code\n3\n", age=60)
    assert fetch(warehouse, contract, JUNE, office.connection).taken == ["permits_20210629.csv"]
    assert [one["bytes"] for one in arrivals(warehouse, NAME)] == [
        b"code\n1\n",
        b"code\n2\n",
        b"code\n3\n",
    ]


def test_an_empty_file_is_a_file(warehouse: Settings, office: Server, contract: Contract) -> None:
    put(office, "20210630", b"")
    assert fetch(warehouse, contract, JUNE, office.connection).taken == ["permits_20210630.csv"]


def test_a_listing_shows_what_is_there(warehouse: Settings, office: Server, contract: Contract) -> None:
    put(office, "20210630")
    (one,) = listing(warehouse, contract, JUNE, office.connection)
    assert (one.file.name, one.file.size, one.kind, one.day) == ("permits_20210630.csv", 7, "delivery", JUNE)


@pytest.mark.parametrize("known", ["those this machine trusts", "another authority"])
def test_a_certificate_of_nobody_known_is_refused(
    warehouse: Settings, office: Server, contract: Contract, tmp_path: Path, known: str
) -> None:
    put(office, "20210630")
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(other)
    connection = replace(office.connection, ca_file=None if known.startswith("those") else other)
    with pytest.raises(FetchFailed, match=r"a certificate that can't be trusted.*extra\.ca_file"):
        fetch(warehouse, contract, JUNE, connection)
    assert not arrivals(warehouse, NAME)


def test_a_certificate_of_another_host_is_refused(
    warehouse: Settings, office: Server, contract: Contract
) -> None:
    with pytest.raises(FetchFailed, match=r"a certificate that can't be trusted.*localhost"):
        fetch(warehouse, contract, JUNE, replace(office.connection, host="localhost"))


def test_a_file_of_certificates_that_is_none_is_told(
    warehouse: Settings, office: Server, contract: Contract, tmp_path: Path
) -> None:
    (tmp_path / "none.pem").write_text("no certificate")
    for name in ("none.pem", "not there.pem"):
        with pytest.raises(FetchFailed, match=f"{name}, the ca_file of a connection, holds no certificates"):
            fetch(warehouse, contract, JUNE, replace(office.connection, ca_file=tmp_path / name))


def test_a_wrong_password_is_told_and_not_shown(
    warehouse: Settings, office: Server, contract: Contract
) -> None:
    with pytest.raises(FetchFailed, match="refuses the login of connection office") as error:
        fetch(warehouse, contract, JUNE, replace(office.connection, password="not-this-one"))
    assert "not-this-one" not in str(error.value)


def test_a_missing_folder_is_told(warehouse: Settings, office: Server, contract: Contract) -> None:
    (office.folder / "out" / "permits").rmdir()
    with pytest.raises(FetchFailed, match="is the contract's location right"):
        fetch(warehouse, contract, JUNE, office.connection)


def test_a_server_that_is_away_is_tried_again_and_then_told(
    warehouse: Settings, stopped: Server, contract: Contract
) -> None:
    with stopped.running():
        pass
    with pytest.raises(FetchFailed, match=r"does not answer .*: is the server up"):
        fetch(warehouse, contract, JUNE, stopped.connection)


def test_reading_goes_on_where_it_was_after_a_lost_connection(stopped: Server) -> None:
    path = put(stopped, "20210630", bytes(range(256)) * 40_000)
    with stopped.running():
        ftps = Ftps(stopped.connection, "office", "out/permits")
        (file,) = ftps.files()
        chunks = ftps.read(file)
        start = next(chunks)
    with stopped.running():
        assert start + b"".join(chunks) == path.read_bytes()
        ftps.close()


def test_a_file_replaced_while_the_connection_was_lost_is_left_for_later(stopped: Server) -> None:
    put(stopped, "20210630", b"a" * 10_000_000)
    with stopped.running():
        ftps = Ftps(stopped.connection, "office", "out/permits")
        (file,) = ftps.files()
        chunks = ftps.read(file)
        next(chunks)
    put(stopped, "20210630", b"b" * 10_000_000, age=60)
    with stopped.running(), pytest.raises(Incomplete, match="still being written"):
        list(chunks)
    ftps.close()


def test_a_growing_file_is_left_for_later(office: Server) -> None:
    path = put(office, "20210630", b"a" * 10_000_000)
    ftps = Ftps(office.connection, "office", "out/permits")
    (file,) = ftps.files()
    chunks = ftps.read(file)
    next(chunks)
    with path.open("ab") as opened:
        opened.write(b"more")
    with pytest.raises(Incomplete, match="still being written"):
        list(chunks)
    assert [one.name for one in ftps.files()] == [path.name]  # and the connection is of use again
    ftps.close()
