"""Folders as others keep them, on every way that lists files: odd names stop nobody, and what looks the same is; links and
times that tell nothing keep no file away."""

from __future__ import annotations

import itertools
import json
import shutil
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar
from unicodedata import normalize
from zoneinfo import ZoneInfo

import asyncssh
import boto3
import psycopg
import pytest
import trustme
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from pyftpdlib.filesystems import AbstractedFS
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kho.contract import Contract
from kho.contract.schedule import day_written, yesterday
from kho.fetch import Connection, Fetched, FetchFailed, fetch, listing
from kho.settings import Settings
from tests import contracts
from tests.integration import test_fetch_ftps, test_fetch_url
from tests.integration.fetching import JUNE, arrivals, empty, failures, write
from tests.integration.test_fetch_s3 import BUCKET, KEEPER, PREFIX
from tests.integration.test_fetch_s3 import serving as serving_s3
from tests.integration.test_fetch_sftp import letting_in

NAME = "registry.permits"
GOOD, OTHER = b'{"code": "1"}\n', b'{"code": "2"}\n'
PLAIN = r"permits_(?P<business_date>\d{8})\.jsonl"
LOOSE = r"permits_(?P<business_date>\d{8}).*\.jsonl"
VIETNAMESE = r"hồ sơ cấp phép_(?P<business_date>\d{8})\.jsonl"


class Place(ABC):
    """Where a source's files are, and how it is reached; files are JSON lines."""

    connection: Connection | None = None
    server: ClassVar[dict[str, Any]]  # what the contract says of it

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @abstractmethod
    def put(self, name: str, data: bytes = GOOD, age: float = 3600) -> None: ...

    @abstractmethod
    def remove(self, name: str) -> None: ...

    def contract(self, file_name: str, **keys: Any) -> Contract:
        server, given = dict(self.server), {"fileName": file_name, **keys}
        if server["type"] != "local":
            given["connection"] = "office"
        given |= server.pop("keys", {})
        return contracts.read(self._folder, contracts.document(server, **given))


class InFolder(Place):
    server: ClassVar = {"type": "local", "path": "registry/permits", "format": "jsonl"}

    def __init__(self, folder: Path, served: Path) -> None:
        super().__init__(folder)
        self.served = served

    def put(self, name: str, data: bytes = GOOD, age: float = 3600) -> None:
        write(self.served / name, data, age)

    def remove(self, name: str) -> None:
        (self.served / name).unlink()


class OverSftp(InFolder):
    server: ClassVar = {"type": "sftp", "location": "sftp://{connection}/out", "format": "jsonl"}


class OverFtps(InFolder):
    server: ClassVar = {
        "type": "custom",
        "location": "ftps://{connection}/out",
        "format": "jsonl",
        "keys": {"transport": "ftps"},
    }


class OverHttp(Place):
    """A listing whose names are bytes, as of a server that knows no encodings."""

    server: ClassVar = {
        "type": "api",
        "location": "https://{connection}/permits",
        "keys": {"format": "jsonl"},
    }

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._files: dict[str, tuple[bytes, float]] = {}

    def answer(self, request: Request) -> Response:
        name = request.scope["path"].removeprefix("/permits").removeprefix("/")
        if not name:
            listed = [
                {
                    "name": each,
                    "size": len(data),
                    "modified": datetime.fromtimestamp(int(at), UTC).isoformat(),
                    "records": 1,
                }
                for each, (data, at) in self._files.items()
            ]
            text = json.dumps({"deliveries": listed}, ensure_ascii=False)
            return Response(text.encode("utf-8", "surrogateescape"))
        if name not in self._files:
            return JSONResponse({}, status_code=404)
        return Response(self._files[name][0], headers={"X-Pages": "1", "X-Total": "1"})

    def put(self, name: str, data: bytes = GOOD, age: float = 3600) -> None:
        self._files[name] = data, time.time() - age

    def remove(self, name: str) -> None:
        del self._files[name]


class InBucket(Place):
    server: ClassVar = {
        "type": "s3",
        "location": f"s3://{BUCKET}/{PREFIX}",
        "format": "jsonl",
    }

    def __init__(self, folder: Path, client: Any) -> None:
        super().__init__(folder)
        self._client = client

    def put(self, name: str, data: bytes = GOOD, age: float = 3600) -> None:
        self._client.put_object(Bucket=BUCKET, Key=f"{PREFIX}/{name}", Body=data)

    def remove(self, name: str) -> None:
        self._client.delete_object(Bucket=BUCKET, Key=f"{PREFIX}/{name}")


@contextmanager
def _over_sftp(folder: Path, server: type[asyncssh.SFTPServer] = asyncssh.SFTPServer) -> Iterator[Place]:
    key = asyncssh.generate_private_key("ssh-ed25519")
    (folder / "key").write_bytes(key.export_private_key())
    (folder / "out").mkdir()
    place = OverSftp(folder, folder / "out")
    with letting_in(key, folder, server) as office:
        place.connection = replace(office, key_file=folder / "key")
        yield place


@contextmanager
def _over_ftps(folder: Path, files: type[AbstractedFS] = AbstractedFS) -> Iterator[Place]:
    (folder / "served" / "out").mkdir(parents=True)
    place = OverFtps(folder, folder / "served" / "out")
    server = test_fetch_ftps.Server(folder / "served", folder)
    server.files = files
    with server.running():
        place.connection = server.connection
        yield place


@contextmanager
def _over_http(folder: Path) -> Iterator[Place]:
    place, site = OverHttp(folder), test_fetch_url.Site()
    site.trouble = place.answer
    with test_fetch_url.serving(site, trustme.CA(), folder) as connection:
        place.connection = connection
        yield place


@contextmanager
def _in_bucket(folder: Path) -> Iterator[Place]:
    with serving_s3(DomainDispatcherApplication(create_backend_app)) as port:
        client = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{port}", **KEEPER)
        client.create_bucket(Bucket=BUCKET)
        place = InBucket(folder, client)
        place.connection = Connection("127.0.0.1", port, "keeper", "keeper", scheme="http")
        yield place
        for each in client.list_objects_v2(Bucket=BUCKET).get("Contents", []):
            client.delete_object(Bucket=BUCKET, Key=each["Key"])


@pytest.fixture
def warehouse(module_warehouse: Settings) -> Settings:
    empty(module_warehouse)
    return module_warehouse


@pytest.fixture
def place(request: pytest.FixtureRequest, warehouse: Settings, tmp_path: Path) -> Iterator[Place]:
    if request.param == "local":
        folder = warehouse.exports / "registry" / "permits"
        folder.mkdir(parents=True)
        yield InFolder(tmp_path, folder)
        shutil.rmtree(folder)
        return
    opened = {"sftp": _over_sftp, "ftps": _over_ftps, "http": _over_http, "s3": _in_bucket}[request.param]
    with opened(tmp_path) as found:
        yield found


ANYWHERE = pytest.mark.parametrize("place", ["local", "sftp", "ftps", "http", "s3"], indirect=True)
ANYWHERE_BUT_S3 = pytest.mark.parametrize(
    "place", ["local", "sftp", "ftps", "http"], indirect=True
)  # it sets its times
OF_BYTES = pytest.mark.parametrize("place", ["local", "sftp", "ftps", "http"], indirect=True)
IN_FOLDERS = pytest.mark.parametrize("place", ["local", "sftp", "ftps"], indirect=True)


def run(settings: Settings, contract: Contract, place: Place, nights: int = 0) -> Fetched:
    return fetch(settings, contract, JUNE + timedelta(days=nights), place.connection)


def raw(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


# No UTF-8


@OF_BYTES
@pytest.mark.parametrize(
    ("name", "told"),
    [
        (raw(b"Gi\xe1y ph\xe9p.txt"), "Gi?y ph?p.txt"),
        (raw("hồ sơ.jsonl".encode("utf-16-le").replace(b"\0", b"")), None),
        (
            raw(b"permits_20210629_\xd0\xf2.jsonl"),
            "permits_20210629_??.jsonl",
        ),  # as the contract would name one
        (raw(b"\xff"), "?"),
    ],
)
def test_a_name_that_is_no_utf8_is_told_once_and_the_others_are_taken(
    warehouse: Settings, place: Place, name: str, told: str | None
) -> None:
    contract = place.contract(LOOSE)
    place.put(name)
    place.put("permits_20210630.jsonl")
    for taken in (["permits_20210630.jsonl"], []):
        report = run(warehouse, contract, place)
        assert (report.taken, report.failed, len(report.unknown)) == (taken, {}, 1)
        str(report).encode()
    ((noted, reason),) = failures(warehouse, NAME)
    assert reason == "not named as the contract's fileName says" and told in (None, noted)
    assert {one.kind for one in listing(warehouse, contract, JUNE, place.connection)} == {
        "unknown",
        "delivery",
    }


@ANYWHERE
@pytest.mark.parametrize("name", ["a\u202egnp.jsonl", "b\x1b[2J.txt", "💾 #1?%41.txt"])
def test_a_name_of_odd_signs_keeps_no_other_away(warehouse: Settings, place: Place, name: str) -> None:
    place.put(name)
    place.put("permits_20210630.jsonl")
    report = run(warehouse, place.contract(PLAIN), place)
    assert (report.taken, report.failed, len(report.unknown)) == (["permits_20210630.jsonl"], {}, 1)
    assert all(each.isprintable() for each in report.unknown)


@ANYWHERE
def test_a_file_is_opened_by_the_name_that_it_has(warehouse: Settings, place: Place) -> None:
    place.put("permits_20210630 #1 %41&x=ề.jsonl")
    assert len(run(warehouse, place.contract(LOOSE), place).taken) == 1
    assert [one["bytes"] for one in arrivals(warehouse, NAME)] == [GOOD]


# The same look


@ANYWHERE
@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        (normalize("NFD", "hồ sơ cấp phép_20210630.jsonl"), VIETNAMESE),
        ("hồ sơ cấp phép_20210630.jsonl", normalize("NFD", VIETNAMESE)),
        ("hồ sơ cấp\u200b phép_20210630\ufeff.jsonl", VIETNAMESE),
    ],
)
def test_a_name_that_looks_as_the_contract_says_is_that_name(
    warehouse: Settings, place: Place, name: str, pattern: str
) -> None:
    contract, composed = place.contract(pattern), "hồ sơ cấp phép_20210630.jsonl"
    place.put(name)
    assert run(warehouse, contract, place).taken == [composed]
    # As another computer spells it, it is the same delivery.
    place.remove(name)
    place.put(composed)
    assert (run(warehouse, contract, place).taken, len(arrivals(warehouse, NAME))) == ([], 1)
    place.remove(composed)
    place.put(normalize("NFD", composed), OTHER, age=60)
    assert run(warehouse, contract, place).taken == [composed]
    first, second = arrivals(warehouse, NAME)
    assert first["delivery_id"] == second["delivery_id"] and second["bytes"] == OTHER
    assert not failures(warehouse, NAME)


@ANYWHERE
def test_of_two_files_that_are_named_alike_the_newer_one_is_taken_and_the_other_told_once(
    warehouse: Settings, place: Place
) -> None:
    contract, name = place.contract(VIETNAMESE), "hồ sơ cấp phép_20210630.jsonl"
    place.put(normalize("NFD", name), GOOD, age=7200)
    if isinstance(place, InBucket):
        time.sleep(1.1)  # it tells whole seconds
    place.put(name, OTHER)
    for taken in ([name], []):
        report = run(warehouse, contract, place)
        assert (report.taken, len(report.twins)) == (taken, 1)
    assert [one["bytes"] for one in arrivals(warehouse, NAME)] == [OTHER]
    ((_, reason),) = failures(warehouse, NAME)
    assert "another file of its folder that is newer" in reason
    place.remove(name)
    assert run(warehouse, contract, place).taken == [name]


@IN_FOLDERS
def test_a_control_file_is_found_however_its_name_is_spelled(warehouse: Settings, place: Place) -> None:
    contract = place.contract(VIETNAMESE, controlFile="{name}.ctl")
    place.put(normalize("NFD", "hồ sơ cấp phép_20210630.jsonl"))
    place.put("hồ sơ cấp phép_20210630.jsonl.ctl", b"rows=1")
    report = run(warehouse, contract, place)
    assert (len(report.taken), report.unknown, report.incomplete) == (1, [], {})
    assert arrivals(warehouse, NAME)[0]["control_rows"] == 1


def test_a_delivery_that_was_taken_under_letters_apart_is_not_taken_twice(
    warehouse: Settings, tmp_path: Path
) -> None:
    folder = warehouse.exports / "registry" / "permits"
    place, name = InFolder(tmp_path, folder), "permits_20210630 sửa.jsonl"
    contract = place.contract(LOOSE)
    place.put(normalize("NFD", name))
    run(warehouse, contract, place)
    with psycopg.connect(warehouse.admin_url()) as connection:  # as it was written down before
        connection.execute("update ledger.delivery set name = %s", [normalize("NFD", name)])
    assert run(warehouse, contract, place).unchanged == 1
    place.put(normalize("NFD", name), OTHER, age=60)
    run(warehouse, contract, place)
    first, second = arrivals(warehouse, NAME)
    assert first["delivery_id"] == second["delivery_id"]


# Links


@IN_FOLDERS
@pytest.mark.parametrize("target", ["nothing", "beside", "permits_20210630.jsonl", "."])
def test_a_link_fails_no_fetch_and_is_waited_for_by_none(
    warehouse: Settings, place: InFolder, target: str, tmp_path: Path
) -> None:
    contract = place.contract(PLAIN)
    (place.served / "beside").mkdir()
    place.put("permits_20210630.jsonl")
    (place.served / "permits_20210629.jsonl").symlink_to(target)
    for _ in range(2):
        report = run(warehouse, contract, place)
        assert (report.failed, report.incomplete) == ({}, {})
    assert len(failures(warehouse, NAME)) == len(report.links) <= 1
    if not isinstance(place, OverFtps):  # whose server follows links by itself, and shows none
        assert report.links == ["permits_20210629.jsonl"]
        assert [one["bytes"] for one in arrivals(warehouse, NAME)] == [GOOD]


@pytest.mark.parametrize("place", ["local", "sftp"], indirect=True)
def test_a_control_file_that_is_a_link_is_told_as_one(warehouse: Settings, place: InFolder) -> None:
    contract = place.contract(PLAIN, controlFile="{name}.ctl")
    place.put("permits_20210630.jsonl")
    place.put("counts", b"rows=1")
    (place.served / "permits_20210630.jsonl.ctl").symlink_to("counts")
    with pytest.raises(FetchFailed, match="its control file is a link"):
        run(warehouse, contract, place)


# Times

_moments = itertools.count(1_600_000_000)


class AlwaysNow(asyncssh.SFTPServer):
    """Tells another time at every look."""

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        async for entry in super().scandir(path):
            entry.attrs.mtime = next(_moments)
            yield entry

    def lstat(self, path: bytes) -> asyncssh.SFTPAttrs:
        attributes = asyncssh.SFTPAttrs.from_local(super().lstat(path))
        attributes.mtime = next(_moments)
        return attributes


class AlwaysNowFiles(AbstractedFS):
    """Likewise."""

    def stat(self, path: str) -> SimpleNamespace:
        state = super().stat(path)
        told = {name: getattr(state, name) for name in dir(state) if name.startswith("st_")}
        return SimpleNamespace(**told | {"st_mtime": next(_moments)})


@pytest.mark.parametrize(
    "serving", [partial(_over_sftp, server=AlwaysNow), partial(_over_ftps, files=AlwaysNowFiles)]
)
def test_a_time_that_is_of_the_look_is_waited_for_one_night_only(
    warehouse: Settings, tmp_path: Path, serving: Callable[[Path], AbstractContextManager[Place]]
) -> None:
    with serving(tmp_path) as place:
        contract = place.contract(PLAIN, controlFile="{name}.ctl")
        for day in ("20210630", "20210701"):
            place.put(f"permits_{day}.jsonl.ctl", b"rows=1")
        place.put("permits_20210630.jsonl")
        for _ in range(2):
            report = run(warehouse, contract, place)
            assert "its time changed while it was read" in report.incomplete["permits_20210630.jsonl"]
        place.put("permits_20210701.jsonl", OTHER)
        assert run(warehouse, contract, place, nights=1).taken == [
            "permits_20210630.jsonl",
            "permits_20210701.jsonl",
        ]
        assert [one["bytes"] for one in arrivals(warehouse, NAME)] == [GOOD, OTHER]
        assert run(warehouse, contract, place, nights=2).unchanged == 2


class Untold(asyncssh.SFTPServer):
    """Tells nothing of some files."""

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        async for entry in super().scandir(path):
            if entry.filename.startswith(b"permits_202106"):
                entry.attrs.size = entry.attrs.mtime = None
            yield entry


class UntoldFiles(AbstractedFS):
    """Likewise."""

    facts: ClassVar = (b"size", b"modify")

    def format_mlsx(self, *given: Any, **named: Any) -> Iterator[bytes]:
        for line in super().format_mlsx(*given, **named):
            facts, _, name = line.partition(b" ")
            kept = [each for each in facts.split(b";") if not each.startswith(self.facts)]
            yield b";".join(kept) + b" " + name if name.startswith(b"permits_202106") else line


class UntypedFiles(UntoldFiles):
    facts: ClassVar = (b"type",)


@pytest.mark.parametrize(
    "serving",
    [
        partial(_over_sftp, server=Untold),
        partial(_over_ftps, files=UntoldFiles),
        partial(_over_ftps, files=UntypedFiles),
    ],
)
def test_a_thing_that_the_server_tells_too_little_of_keeps_no_other_away(
    warehouse: Settings, tmp_path: Path, serving: Callable[[Path], AbstractContextManager[Place]]
) -> None:
    with serving(tmp_path) as place:
        contract = place.contract(PLAIN)
        place.put("permits_20210630.jsonl")
        place.put("permits_20210701.jsonl")
        report = run(warehouse, contract, place, nights=1)
        assert (report.taken, report.links) == (["permits_20210701.jsonl"], ["permits_20210630.jsonl"])
        place.remove("permits_20210701.jsonl")
        if isinstance(place, OverFtps):
            with pytest.raises(FetchFailed, match="it must know MLSD with type, size and modify"):
                run(warehouse, contract, place, nights=1)


def test_a_file_that_grows_is_never_taken_for_one_whose_time_tells_nothing(
    warehouse: Settings, tmp_path: Path
) -> None:
    class Growing(AlwaysNow):
        def lstat(self, path: bytes) -> asyncssh.SFTPAttrs:
            attributes = super().lstat(path)
            attributes.size = (attributes.size or 0) + 1
            return attributes

    with _over_sftp(tmp_path, Growing) as place:
        place.put("permits_20210630.jsonl")
        for nights in range(3):
            report = run(warehouse, place.contract(PLAIN), place, nights=nights)
            assert "its size or time changed" in report.incomplete["permits_20210630.jsonl"]


# No date in the name


def written(day: date, hour: int) -> float:
    """How many seconds ago it was that hour of that day."""
    moment = datetime(day.year, day.month, day.day, hour, 30, tzinfo=ZoneInfo("Asia/Ho_Chi_Minh"))
    return time.time() - moment.timestamp()


@ANYWHERE_BUT_S3
def test_a_file_without_a_date_in_its_name_is_of_the_day_on_which_it_was_written(
    warehouse: Settings, place: Place
) -> None:
    contract = place.contract(r"permits\.jsonl")
    day = yesterday() - timedelta(days=3)
    for n, (hour, of) in enumerate([(18, day), (1, day + timedelta(days=1)), (23, day + timedelta(days=3))]):
        # The next one takes its place; one of the small hours is the evening before's.
        name = "permits.jsonl"
        data = b'{"code": "%d"}\n' % n
        place.put(name, data, written(of + timedelta(days=hour < 6), hour))
        assert fetch(warehouse, contract, yesterday() + timedelta(days=1), place.connection).taken == [name]
        assert fetch(warehouse, contract, yesterday() + timedelta(days=1), place.connection).taken == []
        assert [(each["business_date"], each["bytes"]) for each in arrivals(warehouse, NAME)][-1] == (
            of,
            data,
        )
    assert len(arrivals(warehouse, NAME)) == 3


def test_a_file_of_a_month_or_a_quarter_is_of_the_last_that_was_due(tmp_path: Path) -> None:
    def at(*parts: int) -> datetime:
        return datetime(*parts, tzinfo=ZoneInfo("Asia/Ho_Chi_Minh"))

    assert day_written("d", at(2021, 7, 1, 5, 59)) == date(2021, 6, 30)
    assert day_written("d", at(2021, 7, 1, 6, 0)) == date(2021, 7, 1)
    assert (
        day_written("m", at(2021, 7, 3, 9, 0))
        == day_written("m", at(2021, 6, 30, 20, 0))
        == date(2021, 6, 30)
    )
    assert day_written("q", at(2021, 7, 3, 9, 0)) == date(2021, 7, 1)
    assert day_written(None, at(2021, 7, 3, 9, 0)) == date(2021, 7, 3)
