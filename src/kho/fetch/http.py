"""Exports behind an HTTP API: a listing of deliveries, and each delivery in pages of records.

JSON lines are the lines of all pages; other pages are JSON objects, put one after the other as a JSON text sequence
(RFC 7464: a record separator before each).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from kho.fetch.budget import MOST_FILES, MOST_PAGES, expect_some
from kho.fetch.transport import Incomplete, Listed, Short, SourceError
from kho.fetch.web import Answer, Web

RECORD_SEPARATOR = b"\x1e"


class Http:
    """The deliveries of one export."""

    def __init__(self, web: Web, path: str, page_size: int, records_path: str | None) -> None:
        self._web, self._page_size, self._records_path = web, page_size, records_path
        self.where = web.where = web.base + path

    def files(self) -> list[Listed]:
        answer = self._web.get(self.where)
        try:
            found = [
                Listed(
                    str(one["name"]),
                    int(one["size"]),
                    datetime.fromisoformat(one["modified"]).astimezone(UTC),
                    None if one["records"] is None else int(one["records"]),
                )
                for one in _read(answer.content)["deliveries"]
            ]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise SourceError(
                f"{self.where} gives no listing of deliveries ({type(error).__name__}): is the contract's location right?"
            ) from None
        expect_some(len(found), MOST_FILES, "files")
        return found

    def read(self, file: Listed) -> Iterator[bytes]:
        number, pages, found = 1, 1, 0
        first: Answer | None = None
        tags: set[str | None] = set()
        while number <= pages:
            expect_some(number, MOST_PAGES, "pages")
            answer = self._get(file, number)
            page, records, pages, total = self._page(answer, file)
            first = first or answer
            tags.add(answer.headers.get("ETag"))
            found += records
            number += 1
            yield page
        if len(tags) > 1 and self._is_other(file, first, tags):
            raise Incomplete("it changed while its pages were read")
        if found < max(total, file.records or 0):
            raise Short(f"its pages hold {found} records of {max(total, file.records or 0)}")

    def _get(self, file: Listed, number: int) -> Answer:
        return self._web.get(
            f"{self.where}/{quote(file.name, safe='')}", {"page": number, "page_size": self._page_size}
        )

    def _is_other(self, file: Listed, first: Answer, tags: set[str | None]) -> bool:
        """Whether it changed between its pages. Some servers have a tag for every page, or answer: these tell nothing."""
        again = self._get(file, 1)
        was, tag = first.headers.get("ETag"), again.headers.get("ETag")
        return tag != was and (tag in tags or again.content != first.content)

    def close(self) -> None:
        self._web.close()

    def _page(self, answer: Answer, file: Listed) -> tuple[bytes, int, int, int]:
        """Bytes and number of records of a page, number of pages, total of records."""
        try:
            if self._records_path is None:
                lines = [line for line in answer.content.split(b"\n") if line.strip()]
                counts = int(answer.headers["X-Pages"]), int(answer.headers["X-Total"])
                return b"".join(line + b"\n" for line in lines), len(lines), *counts
            page: dict[str, Any] = json.loads(answer.content)
            bytes_ = RECORD_SEPARATOR + answer.content + b"\n"
            return bytes_, len(page[self._records_path]), int(page["pages"]), int(page["total"])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise SourceError(
                f"{self.where}: a page is not as the contract says ({type(error).__name__})"
            ) from None


def _read(listing: bytes) -> Any:
    """The listing; a name in it that is no UTF-8 leaves the others as they are."""
    try:
        return json.loads(listing)
    except UnicodeDecodeError:
        return json.loads(listing.decode("utf-8", "surrogateescape"))
