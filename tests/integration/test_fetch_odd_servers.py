"""HTTP servers that answer otherwise than the book says: each gives its file, once, and none is waited for without end."""

from __future__ import annotations

import contextlib
import gzip
import io
import itertools
import time
import zipfile
import zlib
from collections.abc import Callable
from datetime import date, timedelta
from email.utils import formatdate
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from kho.contract import Contract
from kho.fetch import Connection, FetchFailed, fetch, web
from kho.load import load
from kho.settings import Settings
from tests.integration import fetching
from tests.integration.fetching import JUNE, arrivals, empty, failures
from tests.integration.test_fetch_http import EVENTS, ITEMS, troubled
from tests.integration.test_fetch_url import Site, authority, codes, connection, made, site

__all__ = ["authority", "connection", "made", "site"]  # fixtures

NAME = "registry.permits"
GOOD = b"code\n1\n"
TAKEN = ["permits_20210630.csv"]
Make = Callable[..., Contract]


@pytest.fixture
def warehouse(module_warehouse: Settings) -> Settings:
    empty(module_warehouse)
    return module_warehouse


def bytes_of(settings: Settings) -> list[bytes]:
    return [one["bytes"] for one in arrivals(settings, NAME)]


# HEAD


@pytest.mark.parametrize("location", ["permits.csv", "{business_date:%Y%m%d}.csv"])
@pytest.mark.parametrize("status", [204, 301, 400, 401, 403, 404, 405, 410, 500, 501])
def test_where_head_is_refused_get_tells(
    warehouse: Settings, site: Site, connection: Connection, made: Make, status: int, location: str
) -> None:
    site.trouble = lambda request: Response(status_code=status) if request.method == "HEAD" else None
    site.files[location.format(business_date=JUNE)] = GOOD, {"ETag": '"a"'}
    assert fetch(warehouse, made(location, "none", "csv"), JUNE, connection).taken == TAKEN
    assert bytes_of(warehouse) == [GOOD] and not failures(warehouse, NAME)


def test_a_server_that_never_answers_head_is_asked_by_get(
    warehouse: Settings, site: Site, connection: Connection, made: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "TIMEOUT_SECONDS", 0.5)

    def hangs(request: Request) -> None:
        if request.method == "HEAD":
            time.sleep(1.5)

    site.trouble = hangs
    site.files["permits.csv"] = GOOD, {}
    assert fetch(warehouse, made("permits.csv", "none", "csv"), JUNE, connection).taken == TAKEN


@pytest.mark.parametrize("status", [404, 405])
def test_a_day_that_get_does_not_know_either_is_not_there_yet(
    warehouse: Settings, site: Site, connection: Connection, made: Make, status: int
) -> None:
    site.trouble = lambda request: Response(status_code=status) if request.method == "HEAD" else None
    assert fetch(warehouse, made("{business_date}.csv", "none", "csv"), JUNE, connection).taken == []
    assert not failures(warehouse, NAME)


# Versions


def versions(name: str, *, of_head: Callable[[int], str], of_get: Callable[[int], str]) -> Any:
    """Answers with a version by how many answers there were."""
    count = itertools.count()

    def answer(request: Request) -> Response:
        version = (of_head if request.method == "HEAD" else of_get)(next(count))
        return Response(GOOD, headers={name: version})

    return answer


def moment(seconds: float) -> str:
    return formatdate(seconds, usegmt=True)


@pytest.mark.parametrize(
    "answer",
    [
        versions("ETag", of_head='"{}"'.format, of_get='"{}"'.format),  # another one at every answer
        versions("ETag", of_head=lambda _: "", of_get='"{}"'.format),
        versions(
            "Last-Modified", of_head=lambda _: moment(time.time()), of_get=lambda _: moment(time.time())
        ),
        versions(
            "Last-Modified",  # hours ago, and yet of the moment
            of_head=lambda n: moment(time.time() - 9999 + 5 * n),
            of_get=lambda n: moment(time.time() - 9999 + 5 * n),
        ),
        versions(
            "Last-Modified",  # Vietnam's time, called GMT
            of_head=lambda n: moment(time.time() + 25_200 + n),
            of_get=lambda n: moment(time.time() + 25_200 + n),
        ),
    ],
)
@pytest.mark.parametrize("location", ["permits.csv", "{business_date}.csv"])
def test_a_version_that_is_of_the_answer_keeps_no_file_away(
    warehouse: Settings, site: Site, connection: Connection, made: Make, answer: Any, location: str
) -> None:
    site.trouble = answer
    assert fetch(warehouse, made(location, "none", "csv"), JUNE, connection).taken == TAKEN
    assert bytes_of(warehouse) == [GOOD]


@pytest.mark.parametrize(
    ("name", "old", "new"), [("ETag", '"a"', '"b"'), ("Last-Modified", moment(1), moment(9))]
)
def test_a_file_that_was_replaced_meanwhile_is_left_for_later_and_then_taken(
    warehouse: Settings, site: Site, connection: Connection, made: Make, name: str, old: str, new: str
) -> None:
    site.trouble = lambda _: Response(GOOD, headers={name: old if len(site.asked) == 1 else new})
    contract = made("permits.csv", "none", "csv")
    report = fetch(warehouse, contract, JUNE, connection)
    assert "it changed while it was read" in report.incomplete["permits_20210630.csv"]
    assert fetch(warehouse, contract, JUNE, connection).taken == TAKEN


@pytest.mark.parametrize(
    ("of_head", "of_get"),
    [('"a"', '"a-gzip"'), ('W/"a"', '"a"'), ('"of one cache"', '"of another"')],
)
def test_a_server_that_calls_one_version_by_two_names_is_waited_for_one_night_only(
    warehouse: Settings, site: Site, connection: Connection, made: Make, of_head: str, of_get: str
) -> None:
    site.trouble = versions("ETag", of_head=lambda _: of_head, of_get=lambda _: of_get)
    contract = made("{business_date:%Y%m%d}.csv", "none", "csv")
    for _ in range(2):  # of one night
        report = fetch(warehouse, contract, JUNE - timedelta(days=1), connection)
        assert "it changed while it was read" in report.incomplete["permits_20210629.csv"]
    assert fetch(warehouse, contract, JUNE, connection).taken == TAKEN
    assert fetch(warehouse, contract, JUNE + timedelta(days=1), connection).taken == ["permits_20210701.csv"]


# Packing


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "GZIP"])
@pytest.mark.parametrize(("compression", "times"), [("gzip", 1), ("gzip", 2), (None, 1)])
def test_a_file_is_unpacked_as_often_as_it_was_packed_on_its_way(
    warehouse: Settings,
    site: Site,
    connection: Connection,
    made: Make,
    coding: str,
    compression: str | None,
    times: int,
) -> None:
    data = b"code\n" + b"".join(b"%d\n" % number for number in range(100_000))
    sent = data
    for _ in range(times):
        sent = gzip.compress(sent, mtime=0)
    site.files["permits.csv.gz"] = sent, {"Content-Encoding": coding}
    keys = {"compression": compression} if compression else {}
    contract = made("permits.csv.gz", "none", "csv", **keys)
    fetch(warehouse, contract, JUNE, connection)
    (kept,) = bytes_of(warehouse)
    assert (gzip.decompress(kept) if compression else kept) == data
    (batch,) = load(warehouse, contract)
    assert (batch.state, batch.rows_loaded) == ("pending", 100_000)


@pytest.mark.parametrize(
    "sent",
    [
        gzip.compress(b"code\n1\n", mtime=0) + gzip.compress(b"2\n", mtime=0),  # one behind the other
        gzip.compress(b"code\n1\n2\n", mtime=0) + b"\0" * 512,
        b"code\n1\n2\n",  # its header is wrong
    ],
)
def test_what_is_called_packed_is_read_as_it_is(
    warehouse: Settings, site: Site, connection: Connection, made: Make, sent: bytes
) -> None:
    site.files["permits.csv"] = sent, {"Content-Encoding": "gzip"}
    fetch(warehouse, made("permits.csv", "none", "csv"), JUNE, connection)
    assert bytes_of(warehouse) == [b"code\n1\n2\n"]


def test_an_answer_that_cannot_be_unpacked_is_told_for_what_it_is(
    warehouse: Settings, site: Site, connection: Connection, made: Make
) -> None:
    packed = gzip.compress(zlib.compress(bytes(range(256)) * 40))
    for sent in (packed[:-9], packed[:40] + b"????" + packed[44:]):
        site.files["permits.csv"] = sent, {"Content-Encoding": "gzip"}
        with pytest.raises(FetchFailed, match=r"sends what can't be unpacked as it says"):
            fetch(warehouse, made("permits.csv", "none", "csv"), JUNE, connection)
    assert bytes_of(warehouse) == []


# Pages

RECORDS = [{"code": f"{number:02}"} for number in range(12)]


def pages(*numbers: int, **said: Any) -> Callable[[Request], Response]:
    """Pages of so many records each, by page number or by offset of what is paged before some are left out; none behind them."""
    left, found = iter(RECORDS), []
    for number in numbers:
        found.append(list(itertools.islice(left, number)))

    def answer(request: Request) -> Response:
        query = request.query_params
        place = int(query["page"]) - 1 if "page" in query else _place(int(query["offset"]))
        records = found[place] if place < len(found) else []
        told = {key: len(records) if value == "its own" else value for key, value in said.items()}
        return JSONResponse({"items": records, **told})

    def _place(offset: int) -> int:
        # What is left of a page is skipped with it.
        return -(-offset // 4)

    return answer


@pytest.mark.parametrize("paging", ["page", "offset"])
@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ((4, 0, 4), {}),
        ((4, 4, 0, 4), {}),
        ((4, 0, 4), {"count": "its own"}),
        ((4, 3, 0, 4), {"count": 4}),
        ((4, 0, 4, 0, 4), {}),
        ((4, 0, 0, 4), {"total": 8}),
        ((0, 4, 4), {"total": 8}),
        ((4, 0, 0, 4), {"meta": {"total_count": "8"}}),
    ],
)
def test_an_empty_page_among_others_hides_none(
    warehouse: Settings,
    site: Site,
    connection: Connection,
    made: Make,
    paging: str,
    numbers: tuple[int, ...],
    said: dict[str, Any],
) -> None:
    site.trouble = pages(*numbers, **said)
    contract = made("permits", paging, pageSize=4)
    report = fetch(warehouse, contract, JUNE, connection)
    assert (len(report.taken), report.short) == (1, {})
    assert codes(warehouse, contract) == [one["code"] for one in RECORDS[: sum(numbers)]]


@pytest.mark.parametrize(
    ("numbers", "said"),
    [((4, 4, 2), {}), ((4, 4), {"total": 8}), ((4, 4, 1), {"count": 9}), ((4, 2), {"count": "its own"})],
)
def test_a_last_page_that_comes_again_is_the_end(
    warehouse: Settings,
    site: Site,
    connection: Connection,
    made: Make,
    numbers: tuple[int, ...],
    said: dict[str, Any],
) -> None:
    there = pages(*numbers, **said)

    def answer(request: Request) -> Response:
        last = min(int(request.query_params["page"]), len(numbers))
        scope = {**request.scope, "query_string": b"page=%d" % last}
        return there(Request(scope))

    site.trouble = answer
    contract = made("permits", "page", pageSize=4)
    assert len(fetch(warehouse, contract, JUNE, connection).taken) == 1
    assert len(codes(warehouse, contract)) == sum(numbers)


@pytest.mark.parametrize(
    ("numbers", "said", "asked"),
    [
        ((), {}, 1),
        ((4,), {}, 3),
        ((4, 2), {"total": 6}, 3),
        ((4, 4), {"count": 8}, 3),
        ((4, 4), {"count": 4}, 4),
    ],
)
def test_the_end_is_not_asked_for_often(
    warehouse: Settings,
    site: Site,
    connection: Connection,
    made: Make,
    numbers: tuple[int, ...],
    said: dict[str, Any],
    asked: int,
) -> None:
    site.trouble = pages(*numbers, **said)
    assert len(fetch(warehouse, made("permits", "page", pageSize=4), JUNE, connection).taken) == 1
    assert len(site.asked) == asked


@pytest.mark.parametrize("paging", ["page", "offset"])
@pytest.mark.parametrize(
    "said", [{"total": 9}, {"pagination": {"totalItems": 100}}, {"totalElements": 10_000}]
)
def test_a_total_above_what_the_pages_hold_is_told_once_and_what_they_hold_is_taken(
    warehouse: Settings, site: Site, connection: Connection, made: Make, paging: str, said: dict[str, Any]
) -> None:
    site.trouble = pages(4, 4, **said)
    contract = made("permits", paging, pageSize=4)
    for _ in range(2):
        report = fetch(warehouse, contract, JUNE, connection, again=True)
        assert not report.incomplete and not report.failed
    ((name, reason),) = failures(warehouse, NAME)
    assert name == "permits_20210630.json" and "its pages hold 8 records of" in reason
    assert "ask the keeper of the source which is right" in reason
    assert len(codes(warehouse, contract)) == 8


@pytest.mark.parametrize(
    ("location", "paging", "keys"),
    [("next", "cursor", {"nextPath": "next"}), ("links", "link", {}), ("numbered", "page", {"pageSize": 5})],
)
def test_nothing_behind_the_last_page_is_the_end(
    warehouse: Settings,
    site: Site,
    connection: Connection,
    made: Make,
    location: str,
    paging: str,
    keys: dict[str, Any],
) -> None:
    site.records[None] = RECORDS
    site.trouble = lambda _: Response(status_code=204) if len(site.asked) == 2 else None
    contract = made(location, paging, **keys)
    assert len(fetch(warehouse, contract, JUNE, connection).taken) == 1


@pytest.mark.parametrize(("location", "keys"), [("next", {"nextPath": "next"}), ("links", {})])
@pytest.mark.parametrize("status", [404, 410])
def test_a_page_that_the_server_named_and_does_not_have_is_told_as_that(
    warehouse: Settings,
    site: Site,
    connection: Connection,
    made: Make,
    location: str,
    keys: dict[str, Any],
    status: int,
) -> None:
    site.records[None] = RECORDS
    site.trouble = lambda _: Response(status_code=status) if len(site.asked) == 2 else None
    with pytest.raises(FetchFailed, match=f"names a next page that is not there .it answers {status}"):
        fetch(warehouse, made(location, "cursor" if keys else "link", **keys), JUNE, connection)
    assert not arrivals(warehouse, NAME)


# A page for people

LOGIN = b"<!DOCTYPE html>\n<html>\n<body>\n<form action=/login>\n</form>\n</body>\n</html>\n"


def _packed(name: str, data: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(name, data)
    return target.getvalue()


@pytest.mark.parametrize(
    ("format", "paging", "keys", "good"),
    [
        ("csv", "none", {}, GOOD),
        ("csv", "none", {"compression": "zip"}, _packed("permits.csv", GOOD)),
        ("csv", "none", {"compression": "gzip"}, gzip.compress(GOOD, mtime=0)),
        ("json", "none", {}, b'[{"code": "1"}]'),
        ("json", "link", {}, b'[{"code": "1"}]'),
        ("jsonl", "none", {}, b'{"code": "1"}\n'),
        ("jsonl", "link", {}, b'{"code": "1"}\n'),
        ("xml", "none", {}, b"<permits><permit><code>1</code></permit></permits>"),
        ("html", "none", {}, b"<table><tr><th>code</th></tr><tr><td>1</td></tr></table>"),
    ],
)
@pytest.mark.parametrize("location", ["permits", "permits/{business_date}"])
def test_a_login_page_in_a_files_place_is_asked_for_again(
    warehouse: Settings,
    site: Site,
    connection: Connection,
    made: Make,
    format: str,
    paging: str,
    keys: dict[str, Any],
    good: bytes,
    location: str,
) -> None:
    path = location.format(business_date=JUNE)
    site.files[path] = LOGIN, {"Content-Type": "text/html"}
    contract = made(location, paging, format, **keys)
    with contextlib.suppress(FetchFailed):
        fetch(warehouse, contract, JUNE, connection)
    assert {batch.state for batch in load(warehouse, contract)} <= {"unreadable"}
    site.files[path] = good, {}
    assert len(fetch(warehouse, contract, JUNE, connection).taken) == 1
    (batch,) = load(warehouse, contract)
    assert (batch.state, batch.rows_loaded) == ("pending", 1)


# The listing of files


async def _told_otherwise(
    scope: Scope, receive: Receive, send: Send, api: ASGIApp, change: Callable[[dict[bytes, bytes]], None]
) -> None:
    async def sent(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            headers = dict(message["headers"])
            change(headers)
            message = {**message, "headers": list(headers.items())}
        await send(message)

    await api(scope, receive, sent)


@pytest.mark.parametrize("kind", ["of the page", "of the answer", "on some pages"])
@pytest.mark.parametrize("name", [ITEMS, EVENTS])
def test_tags_that_are_no_files_version_do_not_keep_a_delivery_away(
    warehouse: Settings, name: str, kind: str
) -> None:
    fetching.put(warehouse, name, "20210430", rows=2100 if name == EVENTS else 120)

    async def answer(count: int, scope: Scope, receive: Receive, send: Send, api: ASGIApp) -> None:
        def change(headers: dict[bytes, bytes]) -> None:
            page = scope["query_string"].partition(b"page=")[2].partition(b"&")[0]
            headers[b"etag"] = b'"%s"' % (page if kind != "of the answer" else str(count).encode())
            if kind == "on some pages" and page == b"2":
                del headers[b"etag"]

        await _told_otherwise(scope, receive, send, api, change)

    with troubled(warehouse, answer):
        assert len(fetching.run(warehouse, name).taken) == 1
    assert not failures(warehouse, name)


def test_a_total_that_stays_above_what_comes_is_waited_for_one_night_and_then_left_to_the_boundary(
    warehouse: Settings,
) -> None:
    fetching.put(warehouse, EVENTS, "20210401", rows=29)

    async def one_more(count: int, scope: Scope, receive: Receive, send: Send, api: ASGIApp) -> None:
        def change(headers: dict[bytes, bytes]) -> None:
            if b"x-total" in headers:
                headers[b"x-total"] = b"30"

        await _told_otherwise(scope, receive, send, api, change)

    with troubled(warehouse, one_more):
        for _ in range(2):  # of one night
            report = fetching.run(warehouse, EVENTS)
            assert "its pages hold 29 records of 30" in report.incomplete["deliveries_20210401.jsonl"]
        later = fetching.run(warehouse, EVENTS, JUNE + timedelta(days=1))
        assert (later.taken, later.incomplete) == (["deliveries_20210401.jsonl"], {})
        assert "taken as it is" in str(later)
        assert fetching.run(warehouse, EVENTS, date(2021, 7, 2)).unchanged == 1
