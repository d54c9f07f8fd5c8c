"""Exports that a URL gives: a file, or records in pages. The URL has no names of files, so Kho makes them.

A location with `{business_date}` is asked for every expected date that is not in the archive, or came to nothing there.
One without is, each time, the file of the newest expected date; a server that names its version (ETag, Last-Modified)
is not made to send it again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date, timedelta
from email.utils import formatdate, parsedate_to_datetime
from typing import Any

import httpx

from kho.contract import Contract
from kho.contract.schedule import expected_dates, newest_expected_date
from kho.fetch.budget import MOST_PAGES, expect_some
from kho.fetch.http import RECORD_SEPARATOR
from kho.fetch.transport import Incomplete, Listed, SourceError
from kho.fetch.web import Absent, Answer, Web

#: what was modified so shortly before the answer may be so at every answer
_FRESH = timedelta(minutes=1)


class Url:
    """What one URL gives, as files of the contract's dates.

    `taken`: the dates that are in the archive; `again`: those of them that are asked for all the same.
    """

    def __init__(
        self,
        web: Web,
        contract: Contract,
        business_date: date,
        taken: frozenset[date],
        again: frozenset[date] = frozenset(),
    ) -> None:
        self._web, self._contract = web, contract
        self._dates = self._due(business_date, taken, again)
        self._heads: dict[str, httpx.Headers] = {}  # of every listed file
        self.where = web.where = web.base + contract.location

    def files(self) -> list[Listed]:
        return [file for day in self._dates if (file := self._listed(day))]

    def read(self, file: Listed) -> Iterator[bytes]:
        url = self._urls[file.name]
        try:
            yield from self._pages(url) if self._is_paged else self._file(url, file)
        except Absent:
            raise Incomplete("it is not there yet") from None

    def close(self) -> None:
        self._web.close()

    @property
    def _is_paged(self) -> bool:
        return self._contract.server.paging != "none"

    @property
    def _is_dated(self) -> bool:
        return "{business_date" in self._contract.location

    @property
    def _urls(self) -> dict[str, str]:
        return {
            self._name(day): self._web.base + self._contract.location.format(business_date=day)
            for day in self._dates
        }

    def _due(self, business_date: date, taken: frozenset[date], again: frozenset[date]) -> list[date]:
        """The dates to ask for: the newest one, and where each has its own URL those missed since the first taken."""
        frequency, end_of_life = self._contract.frequency, self._contract.end_of_life
        newest = newest_expected_date(frequency, business_date, end_of_life)
        if not self._is_dated:
            return [newest]
        due = expected_dates(frequency, min([newest, *taken]), newest, end_of_life)
        return [day for day in due if day not in taken - again]

    def _name(self, day: date) -> str:
        return f"{self._contract.entity}_{day:%Y%m%d}.{self._contract.format}"

    def _listed(self, day: date) -> Listed | None:
        name, again = self._name(day), "changed" if self._is_dated else "never"
        if self._is_paged:
            return Listed(name, None, None, again=again)
        url = self._urls[name]
        try:
            headers = self._web.head(url)
        except Absent:
            if self._is_dated:
                return None  # not there yet
            raise
        self._heads[name] = headers
        return Listed(name, None, None, tag=_tag(url, headers), again=again)

    def _file(self, url: str, file: Listed) -> Iterator[bytes]:
        with self._web.open(url) as answer:
            if self._is_other(url, self._heads[file.name], answer.headers):
                raise Incomplete("it changed while it was read")
            yield from self._web.pieces(answer, as_sent=self._contract.server.compression == "gzip")

    def _is_other(self, url: str, listed: httpx.Headers, sent: httpx.Headers) -> bool:
        """Whether another version was sent than was listed. Only names of one kind can be compared, others tell nothing."""
        if listed.get("ETag") and sent.get("ETag"):
            return listed["ETag"] != sent["ETag"]
        was, modified = _settled(listed), _settled(sent)
        # Some servers tell another time for GET than for HEAD: it changed if that for HEAD does.
        return bool(was and modified and was != modified) and _settled(self._web.head(url)) != was

    # Pages

    def _pages(self, url: str) -> Iterator[bytes]:
        """The pages, as the formats json and jsonl take them; the empty one at the end of numbered pages is left out."""
        keys, number, found, before = self._contract.server, 0, 0, None
        asked: set[str] = set()
        step: str | None = self._first(url)
        while step:
            expect_some(number + 1, MOST_PAGES, "pages")
            try:
                answer = self._web.get(step)
            except Absent:
                if found and keys.paging in ("page", "offset"):
                    return  # so some servers say that there are no more
                raise
            page, records, following = self._page(answer)
            if step in asked or (records and records == before):
                raise SourceError(
                    f"{self.where} gives the same page again: do paging and pageParameter of the contract fit?"
                )
            asked.add(step)
            number, found, before = number + 1, found + len(records), records
            if number == 1 or records:
                yield page
            match keys.paging:
                case "page":
                    step = self._numbered(url, keys.first_page + number) if records else None
                case "offset":
                    step = self._numbered(url, found) if records else None
                case _:
                    step = self._following(url, following) if following else None

    def _first(self, url: str) -> str:
        keys = self._contract.server
        if keys.paging == "page":
            return self._numbered(url, keys.first_page)
        if keys.paging == "offset":
            return self._numbered(url, 0)
        size = keys.size_parameter or ("limit" if keys.paging == "cursor" else None)
        return _with(url, {size: keys.page_size} if size else {})

    def _numbered(self, url: str, number: int) -> str:
        keys = self._contract.server
        size = keys.size_parameter or ("page_size" if keys.paging == "page" else "limit")
        return _with(url, {keys.page_parameter or keys.paging: number, size: keys.page_size})

    def _following(self, url: str, following: str) -> str:
        """Where the next page is: at a URL of the same server, or at ours with its cursor."""
        keys = self._contract.server
        is_url = following.startswith(("http://", "https://", "?")) or re.match(r"/[^?]*\?", following)
        if keys.paging == "cursor" and not is_url:
            return _with(
                url,
                {keys.page_parameter or "cursor": following, keys.size_parameter or "limit": keys.page_size},
            )
        target = str(httpx.URL(url).join(following))
        if not target.startswith(self._web.base):
            raise SourceError(
                f"{self.where} names a next page that is not at the server of the connection: nothing is asked there"
            )
        return target

    def _page(self, answer: Answer) -> tuple[bytes, list[Any], str | None]:
        """Bytes and records of a page, and what it says about the next one."""
        following = answer.links.get("next", {}).get("url")
        if self._contract.format == "jsonl":
            lines = [line + b"\n" for line in answer.content.split(b"\n") if line.strip()]
            return b"".join(lines), lines, following
        try:
            document = json.loads(answer.content)
        except (ValueError, RecursionError):
            document = None
        path = self._contract.file.records_path
        records = document if path is None and isinstance(document, list) else _at(document, path or "items")
        if not isinstance(records, list):
            raise SourceError(
                f"{self.where} gives no page of records: are the contract's location and recordsPath right?"
            )
        if self._contract.server.paging == "cursor":
            following = _at(document, self._contract.server.next_path)
        return (
            RECORD_SEPARATOR + answer.content + b"\n",
            records,
            None if following is None else str(following),
        )


def _with(url: str, parameters: dict[str, Any]) -> str:
    return str(httpx.URL(url).copy_merge_params(parameters))


def _at(document: Any, path: str) -> Any:
    for key in path.split("."):
        document = document.get(key) if isinstance(document, dict) else None
    return document


def _tag(url: str, headers: httpx.Headers) -> str | None:
    version = headers.get("ETag") or _settled(headers)
    return version and f"{url} {version}"


def _settled(headers: httpx.Headers) -> str | None:
    """When it was last modified; None where that was a moment before the answer, as it is for a file made on request."""
    modified, now = headers.get("Last-Modified"), headers.get("Date") or formatdate(usegmt=True)
    try:
        is_fresh = parsedate_to_datetime(modified) > parsedate_to_datetime(now) - _FRESH
    except (TypeError, ValueError):
        return modified
    return None if is_fresh else modified
