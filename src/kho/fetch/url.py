"""Exports that a URL gives: a file, or records in pages. The URL has no names of files, so Kho makes them.

A location with `{business_date}` is asked for every expected date that is not in the archive, or came to nothing there.
One without is, each time, the file of the newest expected date; a server that names its version (ETag, Last-Modified)
is not made to send it again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from email.utils import formatdate, parsedate_to_datetime
from typing import Any

import httpx

from kho.contract import Contract
from kho.contract.schedule import expected_dates, newest_expected_date
from kho.fetch.budget import MOST_PAGES, expect_some
from kho.fetch.http import RECORD_SEPARATOR
from kho.fetch.transport import Doubtful, Incomplete, Listed, Short, SourceError
from kho.fetch.web import Absent, Answer, Web

#: what was modified so shortly before the answer may be so at every answer
_FRESH = timedelta(minutes=1)
NO_CONTENT = 204
_MOST_EMPTY = 10  # pages in a row
#: what pages call the number of all records, in small letters
_TOTALS = {"total", "count", "totalcount", "totalrecords", "totalitems", "totalelements", "totalresults"}


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
            raise Incomplete("it is not there yet, or the contract's location is not right") from None

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
            is_other = self._is_other(url, self._heads[file.name], answer.headers)
            beginning = b""
            for part in self._web.pieces(answer, is_packed=self._contract.server.compression == "gzip"):
                beginning = beginning or self._sound(part)
                yield part
        if is_other:
            raise Doubtful("it changed while it was read")

    def _sound(self, content: bytes) -> bytes:
        """The content; SourceError for a page for people, whose lines JSON lines would take for broken rows."""
        if self._contract.format == "jsonl" and content.lstrip().startswith(b"<"):
            raise SourceError(
                f"{self.where} gives a page for people and no JSON lines: does it ask for a login? It is asked for again"
            )
        return content

    def _is_other(self, url: str, listed: httpx.Headers, sent: httpx.Headers) -> bool:
        """Whether another version was sent than was listed. Only names of one kind can be compared, others tell nothing."""
        for version in (_etag, _settled):
            was, came = version(listed), version(sent)
            if was and came:
                if was == came:
                    return False
                now = version(self._web.head(url))
                # Some servers name another time for GET than for HEAD, and some another version at every answer.
                return now == came or (version is _etag and now == was)
        return False

    # Pages

    def _pages(self, url: str) -> Iterator[bytes]:
        """The pages, as the formats json and jsonl take them; the empty one at the end of numbered pages is left out."""
        keys, number, found, offset, largest, empty = self._contract.server, 0, 0, 0, 0, 0
        total: int | None = None
        before: list[Any] | None = None
        asked: set[str] = set()
        step: str | None = self._first(url)
        while step:
            expect_some(number + 1, MOST_PAGES, "pages")
            try:
                page = self._page(self._web.get(step))
            except Absent as absent:
                if number and self._is_end(absent, found, total):
                    break
                raise
            records = page.records
            is_again = step in asked or (bool(records) and records == before)
            # Behind the last page some servers give it again.
            if is_again and number > 1 and (len(records) < largest or found == total):
                break
            if is_again:
                raise SourceError(
                    f"{self.where} gives the same page again: do paging and pageParameter of the contract fit?"
                )
            asked.add(step)
            # As many as it holds may be a page's own count.
            if page.total not in (None, len(records)) and (records or total is None):
                total = page.total
            number, found, before = number + 1, found + len(records), records
            largest, empty = max(largest, len(records)), 0 if records else empty + 1
            offset += len(records) or largest or keys.page_size
            if number == 1 or records:
                yield page.content
            goes_on = bool(records) or _may_go_on(found, total, empty)
            match keys.paging:
                case "page":
                    step = self._numbered(url, keys.first_page + number) if goes_on else None
                case "offset":
                    step = self._numbered(url, offset) if goes_on else None
                case _:
                    step = self._following(url, page.following) if page.following else None
        if total is not None and found < total:
            raise Short(f"its pages hold {found} records of {total}", is_whole=True)

    def _is_end(self, absent: Absent, found: int, total: int | None) -> bool:
        """Whether there are no more pages, where one behind the first is not there."""
        if absent.status == NO_CONTENT or found == total:
            return True
        if self._contract.server.paging in ("page", "offset"):
            return found > 0
        raise SourceError(
            f"{self.where} names a next page that is not there (it answers {absent.status}): tell the keeper of the source"
        )

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

    def _page(self, answer: Answer) -> _Page:
        following = answer.links.get("next", {}).get("url")
        if self._contract.format == "jsonl":
            lines = [line + b"\n" for line in self._sound(answer.content).split(b"\n") if line.strip()]
            return _Page(b"".join(lines), lines, _total(answer.headers, None), following)
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
        return _Page(
            RECORD_SEPARATOR + answer.content + b"\n",
            records,
            _total(answer.headers, document),
            None if following is None else str(following),
        )


@dataclass(frozen=True)
class _Page:
    content: bytes
    records: list[Any]
    total: int | None  # of all pages, as this one says
    following: str | None  # as it says, too


def _may_go_on(found: int, total: int | None, empty: int) -> bool:
    """Whether records may come behind so many empty pages: one may lie between others, some where the total says so."""
    if total is None or found > total:
        return found > 0 and empty == 1
    return found < total and empty <= _MOST_EMPTY


def _total(headers: httpx.Headers, document: Any) -> int | None:
    """How many records all pages hold, or what else is called so."""
    objects = [document, *document.values()] if isinstance(document, dict) else []
    said = [
        *(headers[name] for name in ("X-Total-Count", "X-Total") if name in headers),
        *(
            value
            for each in objects
            if isinstance(each, dict)
            for key, value in each.items()
            if key.replace("_", "").lower() in _TOTALS
        ),
    ]
    numbers = [int(each) for each in said if re.fullmatch(r"\d{1,12}", str(each))]
    return max(numbers, default=None)


def _with(url: str, parameters: dict[str, Any]) -> str:
    return str(httpx.URL(url).copy_merge_params(parameters))


def _at(document: Any, path: str) -> Any:
    for key in path.split("."):
        document = document.get(key) if isinstance(document, dict) else None
    return document


def _tag(url: str, headers: httpx.Headers) -> str | None:
    version = _etag(headers) or _settled(headers)
    return version and f"{url} {version}"


def _etag(headers: httpx.Headers) -> str | None:
    return headers.get("ETag") or None


def _settled(headers: httpx.Headers) -> str | None:
    """When it was last modified; None where that was a moment before the answer, as it is for a file made on request."""
    modified, now = headers.get("Last-Modified"), headers.get("Date") or formatdate(usegmt=True)
    try:
        is_fresh = parsedate_to_datetime(modified) > parsedate_to_datetime(now) - _FRESH
    except (TypeError, ValueError):
        return modified
    return None if is_fresh else modified
