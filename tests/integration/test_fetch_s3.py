"""S3 against an emulator of it: long listings, logins, objects that are replaced, a server in trouble."""

from __future__ import annotations

import gzip
import json
import logging
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
import trustme
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from kho.contract import Contract
from kho.fetch import Connection, FetchFailed, fetch, listing
from kho.fetch.s3 import S3
from kho.fetch.transport import Incomplete
from kho.settings import Settings
from tests import contracts
from tests.integration.fetching import JUNE, arrivals, empty

NAME, BUCKET, PREFIX = "registry.permits", "exports", "registry/permits"
KEEPER = {"aws_access_key_id": "keeper", "aws_secret_access_key": "keeper", "region_name": "us-east-1"}
App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

logging.getLogger("werkzeug").setLevel(logging.ERROR)


@contextmanager
def serving(app: App, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """Serve in a thread of its own; yields the port."""
    server = make_server("127.0.0.1", 0, app, threaded=True, ssl_context=tls)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def store() -> App:
    return DomainDispatcherApplication(create_backend_app)


@pytest.fixture(scope="module")
def port(store: App) -> Iterator[int]:
    with serving(store) as port:
        yield port


@pytest.fixture
def bucket(port: int) -> Iterator[Any]:
    """A client of the bucket's keeper; the bucket is empty."""
    url = f"http://127.0.0.1:{port}"
    httpx.post(f"{url}/moto-api/reset", trust_env=False)
    client = boto3.client("s3", endpoint_url=url, **KEEPER)
    client.create_bucket(Bucket=BUCKET)
    yield client
    httpx.post(f"{url}/moto-api/reset-auth", content=b"Infinity", trust_env=False)


@pytest.fixture
def connection(port: int) -> Connection:
    return Connection("127.0.0.1", port, "keeper", "keeper", scheme="http")


@pytest.fixture
def warehouse(module_warehouse: Settings) -> Settings:
    empty(module_warehouse)
    return module_warehouse


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    return made(tmp_path, f"s3://{BUCKET}/{PREFIX}")


def made(folder: Path, location: str, **keys: str) -> Contract:
    place = {"type": "s3", "location": location, "format": "csv"}
    name = r"permits_(?P<business_date>\d{8})(_\d+)?\.csv"
    return contracts.read(folder, contracts.document(place, connection="store", fileName=name, **keys))


def put(bucket: Any, day: str, data: bytes = b"code\n1\n") -> None:
    bucket.put_object(Bucket=BUCKET, Key=f"{PREFIX}/permits_{day}.csv", Body=data)


def test_new_and_replaced_objects_are_taken(
    warehouse: Settings, bucket: Any, connection: Connection, contract: Contract
) -> None:
    put(bucket, "20210629")
    put(bucket, "20210630", b"code\n2\n")
    bucket.put_object(Bucket=BUCKET, Key=f"{PREFIX}/old/permits_20210601.csv", Body=b"deeper")
    bucket.put_object(Bucket=BUCKET, Key=f"{PREFIX}/", Body=b"")  # what some tools make for a folder
    report = fetch(warehouse, contract, JUNE, connection)
    assert (report.taken, report.unknown) == (["permits_20210629.csv", "permits_20210630.csv"], [])
    assert fetch(warehouse, contract, JUNE, connection).unchanged == 2
    put(bucket, "20210629", b"code\n3\n")
    assert fetch(warehouse, contract, JUNE, connection).taken == ["permits_20210629.csv"]
    assert [one["bytes"] for one in arrivals(warehouse, NAME)] == [b"code\n1\n", b"code\n2\n", b"code\n3\n"]


def test_more_objects_than_one_answer_holds_are_listed(
    warehouse: Settings,
    bucket: Any,
    connection: Connection,
    contract: Contract,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "10")  # of real servers it is 1000
    for n in range(25):
        put(bucket, f"20210630_{n}")
    assert len(bucket.list_objects_v2(Bucket=BUCKET)["Contents"]) == 10
    assert len(listing(warehouse, contract, JUNE, connection)) == 25


def test_a_whole_bucket_can_be_the_location(
    warehouse: Settings, bucket: Any, connection: Connection, tmp_path: Path
) -> None:
    bucket.put_object(Bucket=BUCKET, Key="permits_20210630.csv", Body=b"code\n")
    report = fetch(warehouse, made(tmp_path, f"s3://{BUCKET}"), JUNE, connection)
    assert report.taken == ["permits_20210630.csv"]


def test_an_empty_object_is_a_file(
    warehouse: Settings, bucket: Any, connection: Connection, contract: Contract
) -> None:
    put(bucket, "20210630", b"")
    assert fetch(warehouse, contract, JUNE, connection).taken == ["permits_20210630.csv"]


@pytest.mark.parametrize(("compression", "times"), [("gzip", 1), ("gzip", 2), (None, 1), (None, 0)])
def test_an_object_is_unpacked_as_often_as_its_metadata_and_its_contract_say(
    warehouse: Settings,
    bucket: Any,
    connection: Connection,
    tmp_path: Path,
    compression: str | None,
    times: int,
) -> None:
    data = sent = b"code\n" + b"1234567\n" * 1_000_000
    for _ in range(times):
        sent = gzip.compress(sent, 1)
    key = f"{PREFIX}/permits_20210630.csv"
    bucket.put_object(Bucket=BUCKET, Key=key, Body=sent, ContentEncoding="gzip")
    keys = {"compression": compression} if compression else {}
    contract = made(tmp_path, f"s3://{BUCKET}/{PREFIX}", **keys)
    assert fetch(warehouse, contract, JUNE, connection).taken == ["permits_20210630.csv"]
    (arrival,) = arrivals(warehouse, NAME)
    assert (gzip.decompress(arrival["bytes"]) if compression else arrival["bytes"]) == data
    assert fetch(warehouse, contract, JUNE, connection).unchanged == 1


def test_a_wrong_key_is_told_and_not_shown(
    warehouse: Settings, bucket: Any, port: int, connection: Connection, contract: Contract
) -> None:
    put(bucket, "20210630")
    url = f"http://127.0.0.1:{port}"
    iam = boto3.client("iam", endpoint_url=url, **KEEPER)
    iam.create_user(UserName="kho")
    key = iam.create_access_key(UserName="kho")["AccessKey"]
    may = [{"Effect": "Allow", "Action": ["s3:ListBucket", "s3:GetObject"], "Resource": "*"}]
    policy = json.dumps({"Version": "2012-10-17", "Statement": may})
    iam.put_user_policy(UserName="kho", PolicyName="reads", PolicyDocument=policy)
    httpx.post(f"{url}/moto-api/reset-auth", content=b"0", trust_env=False)
    right = replace(connection, login=key["AccessKeyId"], password=key["SecretAccessKey"])
    assert fetch(warehouse, contract, JUNE, right).taken == ["permits_20210630.csv"]
    for wrong in (replace(right, password="not-this-one"), replace(right, login="AKIANOBODY")):
        with pytest.raises(FetchFailed, match="refuses connection store: check its login") as error:
            fetch(warehouse, contract, JUNE, wrong)
        assert wrong.password not in str(error.value)


def test_without_a_login_nothing_of_this_machine_is_used(
    warehouse: Settings,
    bucket: Any,
    store: App,
    contract: Contract,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bucket.put_object(Bucket=BUCKET, Key=f"{PREFIX}/permits_20210630.csv", Body=b"code\n", ACL="public-read")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "of-this-machine")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of-this-machine")
    signed: list[str | None] = []

    def listening(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        signed.append(environ.get("HTTP_AUTHORIZATION"))
        return store(environ, start)

    with serving(listening) as port:
        fetch(warehouse, contract, JUNE, Connection("127.0.0.1", port, scheme="http"))
    assert signed and set(signed) == {None}


@pytest.mark.parametrize("location", ["s3://nobodys/registry", f"s3://{BUCKET}/nothing/here"])
def test_a_missing_bucket_or_prefix_is_told(
    warehouse: Settings, bucket: Any, connection: Connection, tmp_path: Path, location: str
) -> None:
    with pytest.raises(FetchFailed, match="is not there: is the contract's location right"):
        fetch(warehouse, made(tmp_path, location), JUNE, connection)


def test_a_server_that_is_away_is_tried_again_and_then_told(
    warehouse: Settings, store: App, contract: Contract
) -> None:
    with serving(store) as port:
        pass
    with pytest.raises(FetchFailed, match=r"does not answer .*: is the server up"):
        fetch(warehouse, contract, JUNE, Connection("127.0.0.1", port, "keeper", "keeper", scheme="http"))


def test_a_server_in_trouble_is_asked_again(
    warehouse: Settings, bucket: Any, store: App, contract: Contract
) -> None:
    data = b"code\n" + b"1234567\n" * 1_500_000  # in several parts
    put(bucket, "20210630", data)
    count = 0

    def two_of_three_fail(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        nonlocal count
        count += 1
        if count % 3:
            start("503 Slow Down", [])
            return [b""]
        return store(environ, start)

    with serving(two_of_three_fail) as port:
        connection = Connection("127.0.0.1", port, "keeper", "keeper", scheme="http")
        assert fetch(warehouse, contract, JUNE, connection).taken == ["permits_20210630.csv"]
    assert arrivals(warehouse, NAME)[0]["bytes"] == data


def test_an_object_replaced_while_it_is_read_is_left_for_later(bucket: Any, connection: Connection) -> None:
    put(bucket, "20210630", b"a" * 10_000_000)
    s3 = S3(connection, "store", f"{BUCKET}/{PREFIX}")
    (file,) = s3.files()
    chunks = s3.read(file)
    next(chunks)
    put(bucket, "20210630", b"b" * 10_000_000)
    with pytest.raises(Incomplete, match="another object took its place"):
        list(chunks)


def test_over_tls_the_stores_certificate_is_verified(
    warehouse: Settings, bucket: Any, store: App, contract: Contract, tmp_path: Path
) -> None:
    put(bucket, "20210630")
    authority, ca_file = trustme.CA(), tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(ca_file)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    with serving(store, tls) as port:
        known = Connection("127.0.0.1", port, "keeper", "keeper", ca_file=ca_file)
        with pytest.raises(FetchFailed, match=r"certificate.*extra\.ca_file"):
            fetch(warehouse, contract, JUNE, replace(known, ca_file=None))
        assert fetch(warehouse, contract, JUNE, known).taken == ["permits_20210630.csv"]


def test_a_large_object_is_fetched_in_bounded_memory(
    warehouse: Settings, bucket: Any, port: int, tmp_path: Path
) -> None:
    put(bucket, "20210630", b"x" * 60_000_000)
    # getrusage would count what the parent had before this process was its own.
    script = (
        "from pathlib import Path; from kho.fetch import Connection; from kho.fetch.s3 import S3; "
        f"s3 = S3(Connection('127.0.0.1', {port}, 'keeper', 'keeper', scheme='http'), 'store', '{BUCKET}/{PREFIX}'); "
        "peak = lambda: int(Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0]) // 1024; "
        "(file,) = s3.files(); before = peak(); "
        "assert sum(map(len, s3.read(file))) == 60_000_000; print(peak() - before)"
    )
    alone = subprocess.run(
        [sys.executable, "-c", script], cwd=warehouse.project, capture_output=True, text=True, check=True
    )
    assert int(alone.stdout) < 40, "megabytes above what a listing takes"
