"""URLs that give a file or pages of records, over TLS: logins, ways of paging, versions, days that are missing."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from kho.contract import Contract
from kho.fetch import Connection, Fetched, FetchFailed, fetch, listing
from kho.load import load
from kho.settings import Settings
from tests import contracts
from tests.integration.fetching import JUNE, arrivals, empty, failures

NAME = "registry.permits"
RECORDS = [{"code": f"{n:03}"} for n in range(25)]


class Site:
    """What the server serves: files by path, records by day, and what it was asked."""

    def __init__(self) -> None:
        self.files: dict[str, tuple[bytes, dict[str, str]]] = {}
        self.records: dict[str | None, list[dict[str, Any]]] = {}
        self.allowed: Callable[[Request], bool] = lambda _: True
        self.asked: list[str] = []
        self.trouble: Callable[[Request], Response | None] = lambda _: None
        self.knows_head = True

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/{path:path}", self.answer, methods=["GET", "HEAD"])])

    def answer(self, request: Request) -> Response:
        path, query = request.path_params["path"], request.query_params
        self.asked.append(f"{request.method} {request.url.path}?{request.url.query}".rstrip("?"))
        if not self.allowed(request):
            return Response(status_code=401)
        if trouble := self.trouble(request):
            return trouble
        if request.method == "HEAD" and not self.knows_head:
            return Response(status_code=405)
        if path in self.files:
            content, headers = self.files[path]
            return Response(content, headers=headers)
        if path not in (
            "numbered",
            "from-nought",
            "offset",
            "cursor",
            "next",
            "links",
            "lines",
            "same",
            "away",
        ):
            return Response(status_code=404)
        return self.page(path, query, str(request.url.replace(query="")))

    def page(self, path: str, query: Any, url: str) -> Response:
        records, cap = (
            self.records.get(query.get("day"), []),
            10,
        )  # a page holds at most ten, whatever is asked for
        size = min(cap, int(query.get("page_size") or query.get("limit") or cap))
        first = {"numbered": 1, "from-nought": 0}
        if path in first:
            start = (int(query["page"]) - first[path]) * size
        elif path == "same":
            start = 0
        else:
            start = int(query.get("offset") or query.get("cursor", "c0/=").strip("c/=") or 0)
        part, more = records[start : start + size], start + size < len(records)
        following = start + size
        body: dict[str, Any] = {"items": part}
        match path:
            case "cursor":
                body = {"data": {"permits": part}, "meta": {"next": f"c{following}/=" if more else None}}
            case "next":
                body = {"items": part, "next": f"{url}?offset={following}" if more else ""}
            case "away":
                body = {"items": part, "next": "https://elsewhere.example.org/?offset=1"}
            case "links" | "lines":
                links = {"Link": f'<{url}?offset={following}>; rel="next"'} if more else {}
                if path == "lines":
                    lines = "".join(json.dumps(one) + "\n" for one in part)
                    return Response(lines, headers=links)
                return JSONResponse(part, headers=links)
        return JSONResponse(body)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@contextmanager
def serving(site: Site, authority: trustme.CA, folder: Path) -> Iterator[Connection]:
    """Serve over TLS in a thread of its own."""
    ca_file, certificate = folder / "ca.pem", folder / "server.pem"
    authority.cert_pem.write_to_path(ca_file)
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(certificate)
    config = uvicorn.Config(
        site.app(),
        port=0,
        lifespan="off",
        log_level="critical",
        ssl_certfile=certificate,
        ssl_keyfile=certificate,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Connection("127.0.0.1", port, ca_file=ca_file)
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def connection(site: Site, authority: trustme.CA, tmp_path: Path) -> Iterator[Connection]:
    with serving(site, authority, tmp_path) as found:
        yield found


@pytest.fixture
def warehouse(module_warehouse: Settings) -> Settings:
    empty(module_warehouse)
    return module_warehouse


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., Contract]:
    def read(
        location: str, paging: str, format: str = "json", file: dict[str, Any] | None = None, **keys: Any
    ) -> Contract:
        place = {"type": "api", "location": f"https://{{connection}}/{location}"}
        given = {"connection": "office", "paging": paging, "format": format, **keys}
        return contracts.read(tmp_path, contracts.document(place, file=file, **given))

    return read


def codes(settings: Settings, contract: Contract) -> list[str]:
    """What the newest arrival holds, as the load step reads it."""
    load(settings, contract)
    from kho.database import connect

    with connect(settings, "kho_auditor") as session:
        found = session.execute(
            "select code from raw.registry__permits where _batch_id ="
            " (select max(_batch_id) from raw.registry__permits) order by code"
        )
        return [code for (code,) in found]


def run(settings: Settings, contract: Contract, connection: Connection, day: date = JUNE) -> Fetched:
    return fetch(settings, contract, day, connection)


@pytest.mark.parametrize(
    ("location", "paging", "keys", "file"),
    [
        ("numbered?day={business_date}", "page", {"pageSize": 7}, {}),
        ("from-nought?day={business_date}", "page", {"firstPage": 0}, {}),
        ("offset?day={business_date}", "offset", {"pageSize": 100}, {}),  # more than the server gives
        ("cursor?day={business_date}", "cursor", {"nextPath": "meta.next"}, {"recordsPath": "data.permits"}),
        ("next", "cursor", {"nextPath": "next"}, {}),
        ("links", "link", {}, {}),
        ("lines", "link", {"format": "jsonl"}, {}),
    ],
)  # fmt: skip
def test_every_way_of_paging_brings_every_record(
    warehouse: Settings,
    site: Site,
    connection: Connection,
    made: Callable[..., Contract],
    location: str,
    paging: str,
    keys: dict[str, Any],
    file: dict[str, Any],
) -> None:
    site.records = {"2021-06-30": RECORDS, None: RECORDS}
    contract = made(location, paging, keys.pop("format", "json"), file, **keys)
    assert len(run(warehouse, contract, connection).taken) == 1
    assert codes(warehouse, contract) == [one["code"] for one in RECORDS]
    assert run(warehouse, contract, connection).taken == []


def test_a_day_without_records_is_a_delivery(
    warehouse: Settings, site: Site, connection: Connection, made: Callable[..., Contract]
) -> None:
    contract = made("numbered?day={business_date:%Y%m%d}", "page")
    assert run(warehouse, contract, connection).taken == ["permits_20210630.json"]
    assert site.asked == ["GET /numbered?day=20210630&page=1&page_size=1000"]
    (batch,) = load(warehouse, contract)
    assert (batch.state, batch.rows_loaded) == ("pending", 0)


def test_days_that_were_missed_are_asked_for_later(
    warehouse: Settings, site: Site, connection: Connection, made: Callable[..., Contract]
) -> None:
    contract = made("{business_date}/permits.csv", "none", "csv")
    site.files = {f"2021-06-{day}/permits.csv": (b"code\n1\n", {}) for day in (26, 27, 30)}
    run(warehouse, contract, connection, JUNE - timedelta(days=4))
    assert run(warehouse, contract, connection).taken == ["permits_20210627.csv", "permits_20210630.csv"]
    site.files["2021-06-29/permits.csv"] = b"code\n2\n", {}
    assert run(warehouse, contract, connection).taken == ["permits_20210629.csv"]
    assert not failures(warehouse, NAME)  # a file that is not there yet is no failure
    site.files["2021-06-25/permits.csv"] = b"code\n3\n", {}
    assert run(warehouse, contract, connection, date(2021, 6, 25)).taken == ["permits_20210625.csv"]


def test_a_system_that_was_given_up_is_asked_for_its_last_days_only(
    warehouse: Settings, site: Site, connection: Connection, made: Callable[..., Contract]
) -> None:
    contract = made("{business_date}/permits.csv", "none", "csv").model_copy(
        update={"end_of_life": date(2021, 6, 28)}
    )
    site.files = {f"2021-06-{day}/permits.csv": (b"code\n1\n", {}) for day in (27, 28, 29, 30)}
    assert run(warehouse, contract, connection, date(2021, 6, 27)).taken == ["permits_20210627.csv"]
    assert run(warehouse, contract, connection).taken == ["permits_20210628.csv"]
    assert run(warehouse, contract, connection).taken == []


def test_a_file_of_a_known_version_is_not_sent_again(
    warehouse: Settings, site: Site, connection: Connection, made: Callable[..., Contract]
) -> None:
    contract = made("permits.csv", "none", "csv", {"load": "full", "fullListOf": ["code"]})
    site.files["permits.csv"] = b"code\n1\n", {"ETag": '"a"'}
    run(warehouse, contract, connection, JUNE - timedelta(days=1))
    site.asked.clear()
    assert run(warehouse, contract, connection).taken == ["permits_20210630.csv"]  # still the whole list
    assert site.asked == ["HEAD /permits.csv"]
    site.files["permits.csv"] = b"code\n2\n", {"ETag": '"b"'}
    run(warehouse, contract, connection, JUNE + timedelta(days=1))
    assert [one["bytes"] for one in arrivals(warehouse, NAME)] == [b"code\n1\n", b"code\n1\n", b"code\n2\n"]


@pytest.mark.parametrize("version", [{"ETag": 'W/"a"'}, {"Last-Modified": "Wed, 30 Jun 2021 01:00:00 GMT"}])
def test_changes_of_a_known_version_are_those_of_another_day(
    warehouse: Settings,
    site: Site,
    connection: Connection,
    made: Callable[..., Contract],
    version: dict[str, str],
) -> None:
    contract = made("permits.csv", "none", "csv")
    site.files["permits.csv"] = b"code\n1\n", version
    run(warehouse, contract, connection, JUNE - timedelta(days=1))
    assert run(warehouse, contract, connection).taken == []


def test_a_server_that_does_not_know_head_is_asked_otherwise(
    warehouse: Settings, site: Site, connection: Connection, made: Callable[..., Contract]
) -> None:
    site.knows_head = False
    site.files["permits.csv"] = b"code\n1\n", {"ETag": '"a"'}
    assert run(warehouse, made("permits.csv", "none", "csv"), connection).taken == ["permits_20210630.csv"]


def test_a_url_without_a_file_is_told(
    warehouse: Settings, connection: Connection, made: Callable[..., Contract]
) -> None:
    with pytest.raises(FetchFailed, match="answers 404: is the contract's location right"):
        run(warehouse, made("nothing.csv", "none", "csv"), connection)


@pytest.mark.parametrize(
    ("login", "header", "value"),
    [
        ({"password": "token"}, "authorization", "Bearer token"),
        ({"login": "kho", "password": "secret"}, "authorization", "Basic a2hvOnNlY3JldA=="),
        ({"password": "key", "extra": {"api_key_header": "X-API-Key"}}, "x-api-key", "key"),
    ],
)
def test_a_token_a_login_or_a_key_lets_in_and_a_wrong_one_is_told_and_not_shown(
    warehouse: Settings,
    site: Site,
    connection: Connection,
    made: Callable[..., Contract],
    login: dict[str, Any],
    header: str,
    value: str,
) -> None:
    site.files["permits.csv"] = b"code\n1\n", {}
    site.allowed = lambda request: request.headers.get(header) == value
    contract = made("permits.csv", "none", "csv")
    wrong = replace(connection, **{**login, "password": "not-this-one"})
    for refused in (connection, wrong):
        with pytest.raises(FetchFailed, match="answers 401: the password of connection office") as error:
            run(warehouse, contract, refused)
        assert "not-this-one" not in str(error.value)
    assert run(warehouse, contract, replace(connection, **login)).taken == ["permits_20210630.csv"]


def test_a_certificate_of_nobody_known_is_refused(
    warehouse: Settings, site: Site, connection: Connection, made: Callable[..., Contract]
) -> None:
    with pytest.raises(FetchFailed, match=r"a certificate that can't be trusted.*extra\.ca_file"):
        run(warehouse, made("permits.csv", "none", "csv"), replace(connection, ca_file=None))
    assert site.asked == []


@pytest.mark.parametrize(
    ("location", "paging", "keys", "problem"),
    [
        ("same", "page", {}, "gives the same page again"),
        ("away", "cursor", {"nextPath": "next"}, "a next page that is not at the server of the connection"),
        ("numbered", "page", {"file": {"recordsPath": "data"}}, "gives no page of records"),
        ("permits.csv", "page", {}, "gives no page of records"),
    ],
)
def test_pages_that_do_not_fit_are_told(
    warehouse: Settings,
    site: Site,
    connection: Connection,
    made: Callable[..., Contract],
    location: str,
    paging: str,
    keys: dict[str, Any],
    problem: str,
) -> None:
    site.records[None] = RECORDS
    site.files["permits.csv"] = b"code\n1\n", {}
    with pytest.raises(FetchFailed, match=problem):
        run(warehouse, made(location, paging, **keys), connection)
    assert not arrivals(warehouse, NAME)


@pytest.mark.parametrize("location", ["permits.csv", "numbered"])
def test_a_server_in_trouble_is_asked_again(
    warehouse: Settings, site: Site, connection: Connection, made: Callable[..., Contract], location: str
) -> None:
    site.records[None] = RECORDS
    site.files["permits.csv"] = b"code\n1\n", {}
    site.trouble = lambda _: Response(status_code=503) if len(site.asked) % 3 else None
    contract = made(location, "none", "csv") if location == "permits.csv" else made(location, "page")
    assert len(run(warehouse, contract, connection).taken) == 1


def test_a_file_that_breaks_off_is_read_again_from_its_start(
    warehouse: Settings, site: Site, connection: Connection, made: Callable[..., Contract]
) -> None:
    data = b"code\n" + b"1234567\n" * 100_000
    site.files["permits.csv"] = data, {"ETag": '"a"'}

    def breaks(request: Request) -> Response | None:
        if request.method == "GET" and sum(one.startswith("GET") for one in site.asked) < 3:
            headers = {"ETag": '"a"', "Content-Length": str(len(data))}
            return StreamingResponse(iter([data[:300_000]]), headers=headers)
        return None

    site.trouble = breaks
    run(warehouse, made("permits.csv", "none", "csv"), connection)
    assert [one["bytes"] for one in arrivals(warehouse, NAME)] == [data]


def test_a_file_replaced_after_it_was_listed_waits_for_a_later_night(
    warehouse: Settings, site: Site, connection: Connection, made: Callable[..., Contract]
) -> None:
    def replaces(request: Request) -> None:
        site.files["permits.csv"] = b"code\n1\n", {"ETag": f'"{request.method}"'}

    site.trouble = replaces
    report = run(warehouse, made("permits.csv", "none", "csv"), connection)
    assert "it changed while it was read" in report.incomplete["permits_20210630.csv"]


def test_a_listing_names_the_file_that_the_url_would_give(
    warehouse: Settings, site: Site, connection: Connection, made: Callable[..., Contract]
) -> None:
    site.files["permits.csv"] = b"code\n1\n", {}
    (one,) = listing(warehouse, made("permits.csv", "none", "csv"), JUNE, connection)
    assert (one.file.name, one.kind, one.day) == ("permits_20210630.csv", "delivery", JUNE)


def test_a_large_file_is_fetched_in_bounded_memory(
    warehouse: Settings, site: Site, connection: Connection, made: Callable[..., Contract], tmp_path: Path
) -> None:
    site.files["permits.csv"] = b"code\n" + b"1234567\n" * 10_000_000, {"ETag": '"a"'}
    made("permits.csv", "none", "csv")
    # getrusage would count what the parent had before this process was its own.
    script = (
        "from datetime import date; from pathlib import Path; from kho.contract import read_contract; "
        "from kho.fetch import Connection; from kho.fetch.url import Url; from kho.fetch.web import Web; "
        f"at = Connection('127.0.0.1', {connection.port}, ca_file=Path({str(connection.ca_file)!r})); "
        f"contract = read_contract(Path({str(tmp_path)!r}) / 'registry' / 'permits.yaml'); "
        "url = Url(Web(at, 'office'), contract, date(2021, 6, 30), frozenset()); "
        "peak = lambda: int(Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0]) // 1024; "
        "(file,) = url.files(); before = peak(); "
        "assert sum(map(len, url.read(file))) == 80_000_005; print(peak() - before)"
    )
    alone = subprocess.run(
        [sys.executable, "-c", script], cwd=warehouse.project, capture_output=True, text=True, check=True
    )
    assert int(alone.stdout) < 25, "megabytes above what a listing takes"
