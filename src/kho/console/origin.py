"""Whether a request comes from the console's own pages. Airflow has no check of its own, and its cookie comes along from
other ports of the same machine."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers


def is_of_own_page(headers: Headers) -> bool:
    """Whether a page of this very server sent it, as the browser says; what says nothing of it is refused."""
    site = headers.get("sec-fetch-site")
    if site is not None and site != "same-origin":
        return False
    origin = headers.get("origin")
    if origin is None:
        return site == "same-origin"
    return urlsplit(origin).netloc == headers.get("host")
