"""HTTP: pages, servers in trouble, pages that hold too little."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import httpx
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from kho.fetch import FetchFailed, connections, web
from kho.fetch.http import Http
from kho.fetch.transport import Incomplete
from kho.fetch.web import Web
from kho.settings import Settings
from kho_sample import servers
from tests.integration import fetching
from tests.integration.fetching import arrivals, failures, put, run

ITEMS, EVENTS = "portal.items", "documents.deliveries"
Answer = Callable[[int, Scope, Receive, Send, ASGIApp], object]


@pytest.fixture
def warehouse(module_warehouse: Settings) -> Settings:
    """A warehouse that has fetched nothing yet."""
    fetching.empty(module_warehouse)
    return module_warehouse


@pytest.fixture
def served(warehouse: Settings) -> Iterator[Settings]:
    with servers.running(warehouse):
        yield warehouse


def troubled(settings: Settings, answer: Answer) -> AbstractContextManager[None]:
    """Serve with something in front of the API that is told the number of each request."""
    api, count = servers.api(settings), 0

    async def front(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal count
        count += 1
        await answer(count, scope, receive, send, api)

    return servers.running(settings, front)


async def refuse(send: Send, status: int) -> None:
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": b"trouble"})


def test_pages_of_lines_are_the_lines_of_the_file(served: Settings) -> None:
    path = put(served, EVENTS, "20210401", rows=2500)
    run(served, EVENTS)
    (arrival,) = arrivals(served, EVENTS)
    assert arrival["bytes"] == path.read_bytes() and arrival["control_rows"] == 2500


def test_a_quiet_day_is_a_delivery_without_lines(served: Settings) -> None:
    put(served, EVENTS, "20210404", rows=0)
    run(served, EVENTS)
    (arrival,) = arrivals(served, EVENTS)
    assert (arrival["bytes"], arrival["control_rows"]) == (b"", 0)


def test_pages_of_items_are_kept_as_a_json_text_sequence(served: Settings) -> None:
    put(served, ITEMS, "20210430", rows=120)
    run(served, ITEMS)
    (arrival,) = arrivals(served, ITEMS)
    nothing, *pages = arrival["bytes"].split(b"\x1e")
    documents = [json.loads(page) for page in pages]
    assert nothing == b"" and [page["page"] for page in documents] == [1, 2, 3]
    assert sum(len(page["items"]) for page in documents) == 120 == arrival["control_rows"]


@pytest.mark.parametrize("status", [500, 502, 503, 429])
def test_a_server_in_trouble_is_asked_again(warehouse: Settings, status: int) -> None:
    put(warehouse, ITEMS, "20210430", rows=220)

    async def two_of_three_fail(count: int, scope: Scope, receive: Receive, send: Send, api: ASGIApp) -> None:
        await (refuse(send, status) if count % 3 else api(scope, receive, send))

    with troubled(warehouse, two_of_three_fail):
        assert run(warehouse, ITEMS).taken == ["items_20210430.json"]
    assert arrivals(warehouse, ITEMS)[0]["control_rows"] == 220


def test_a_timeout_is_tried_again(warehouse: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    put(warehouse, EVENTS, "20210401")
    monkeypatch.setattr(web, "TIMEOUT_SECONDS", 0.3)

    async def every_other_hangs(count: int, scope: Scope, receive: Receive, send: Send, api: ASGIApp) -> None:
        if count % 2:
            await asyncio.sleep(1.5)
        await api(scope, receive, send)

    with troubled(warehouse, every_other_hangs):
        assert run(warehouse, EVENTS).taken == ["deliveries_20210401.jsonl"]


def test_a_dropped_connection_is_tried_again(warehouse: Settings) -> None:
    put(warehouse, EVENTS, "20210401", rows=2000)

    async def every_other_breaks_off(
        count: int, scope: Scope, receive: Receive, send: Send, api: ASGIApp
    ) -> None:
        async def half(message: dict) -> None:
            if message["type"] == "http.response.body":
                await send(
                    {**message, "body": message["body"][: len(message["body"]) // 2], "more_body": True}
                )
                raise ConnectionResetError
            await send(message)

        await api(scope, receive, half if count % 2 else send)

    with troubled(warehouse, every_other_breaks_off):
        run(warehouse, EVENTS)
    assert arrivals(warehouse, EVENTS)[0]["bytes"].count(b"\n") == 2000


def test_a_server_that_stays_in_trouble_is_told_and_one_bad_delivery_fails_alone(warehouse: Settings) -> None:
    put(warehouse, ITEMS, "20210331")
    put(warehouse, ITEMS, "20210430")

    async def march_fails(count: int, scope: Scope, receive: Receive, send: Send, api: ASGIApp) -> None:
        await (refuse(send, 503) if "20210331" in scope["path"] else api(scope, receive, send))

    with (
        troubled(warehouse, march_fails),
        pytest.raises(FetchFailed, match=r"delivery of 2021-03-31: .*answers 503"),
    ):
        run(warehouse, ITEMS)
    assert [one["name"] for one in arrivals(warehouse, ITEMS)] == ["items_20210430.json"]
    assert failures(warehouse, ITEMS)[0][0] == "items_20210331.json"

    async def all_fails(count: int, scope: Scope, receive: Receive, send: Send, api: ASGIApp) -> None:
        await refuse(send, 500)

    with (
        troubled(warehouse, all_fails),
        pytest.raises(FetchFailed, match="answers 500: the server is in trouble"),
    ):
        run(warehouse, ITEMS)


def test_fewer_records_than_the_total_are_not_taken(warehouse: Settings) -> None:
    put(warehouse, EVENTS, "20210401", rows=30)

    async def one_line_lost(count: int, scope: Scope, receive: Receive, send: Send, api: ASGIApp) -> None:
        async def short(message: dict) -> None:
            if message["type"] == "http.response.start":
                headers = [pair for pair in message["headers"] if pair[0] != b"content-length"]
                message = {**message, "headers": headers}
            elif scope["path"].endswith(".jsonl"):
                message = {**message, "body": message["body"].partition(b"\n")[2]}
            await send(message)

        await api(scope, receive, short)

    with troubled(warehouse, one_line_lost):
        report = run(warehouse, EVENTS)
    assert "its pages hold 29 records of 30" in report.incomplete["deliveries_20210401.jsonl"]
    assert not arrivals(warehouse, EVENTS)
    with servers.running(warehouse):
        assert run(warehouse, EVENTS).taken == ["deliveries_20210401.jsonl"]


def test_a_delivery_that_changes_between_its_pages_is_left_for_later(served: Settings) -> None:
    path = put(served, ITEMS, "20210430", rows=120)
    reader = Http(Web(connections(served)["portal_api"], "portal_api"), "portal/items", 50, "items")
    (listed,) = reader.files()
    pages = reader.read(listed)
    next(pages)
    os.utime(path)
    with pytest.raises(Incomplete, match="changed while its pages were read"):
        list(pages)
    reader.close()


def test_a_wrong_token_is_told(served: Settings) -> None:
    put(served, ITEMS, "20210430")
    path = served.home / "connections.json"
    path.write_text(re.sub(r'"password": "[^"]*"', '"password": "wrong"', path.read_text()))
    with pytest.raises(
        FetchFailed, match="answers 401: the password of connection portal_api must be a valid token"
    ):
        run(served, ITEMS)


def test_an_address_that_is_no_listing_is_told(served: Settings) -> None:
    (served.exports / "portal" / "items").rmdir()
    with pytest.raises(FetchFailed, match="answers 404: is the contract's location right"):
        run(served, ITEMS)


def test_the_api_serves_exports_only(served: Settings) -> None:
    token = served.secret("sample_api")
    base = f"http://127.0.0.1:{served.port('http')}"
    put(served, ITEMS, "20210430")
    for address in (
        "/portal/..",
        "/portal/items/../../secrets",
        "/secrets/sample_api",
        "/portal/items/.hidden",
    ):
        answer = httpx.get(base + address, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 404, address
    assert httpx.get(f"{base}/portal/items").status_code == 401
