"""What a contract says about its server: where the files are, who names them, and what ties its keys together."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import PurePosixPath
from typing import Any, get_args
from urllib.parse import urlsplit

from kho.contract.model import FILES, Contract, FileKeys, ServerKeys

TYPES: tuple[str, ...] = get_args(Contract.model_fields["server_type"].annotation)
DATABASES = ("postgres", "mysql")
#: keys that only some types of servers have
_ONLY = {
    "transport": ("ftps",),
    "query": DATABASES,
    "watermark_column": DATABASES,
    **dict.fromkeys(("paging", "page_parameter", "size_parameter", "first_page", "next_path"), ("api",)),
}
#: how Kho writes the rows of a database: see kho.fetch.sql
_WRITTEN = {"timestampFormat": "yyyy-MM-dd'T'HH:mm:ssXXX"}


def server_type(server: dict[str, Any]) -> str:
    """The type in Kho's words: ODCS has no word for FTPS, and two for PostgreSQL."""
    if server["type"] == "custom":
        return str(_properties(server).get("transport", "custom"))
    return "postgres" if server["type"] == "postgresql" else server["type"]


def location(server: dict[str, Any]) -> str:
    """Where the files are at that server; who it is says the connection."""
    url = urlsplit(server.get("location", ""))
    match server_type(server):
        case "local":
            return server["path"]
        case "s3":
            return f"{url.netloc}/{url.path.strip('/')}".rstrip("/")
        case "postgres":
            return f"{server['database']}/{server['schema']}"
        case "mysql":
            return server["database"]
        case "api" if url.query:
            return f"{url.path.strip('/')}?{url.query}"
    return url.path.strip("/")


def is_named_by_kho(server: dict[str, Any]) -> bool:
    """Whether the source has no names of files: the rows of a query, and what a URL gives."""
    is_url = server["type"] == "api" and _properties(server).get("paging", FILES) != FILES
    return is_url or server_type(server) in DATABASES


def defaults(server: dict[str, Any], entity: str) -> dict[str, Any]:
    """What the server's custom properties say when they don't say it."""
    if not is_named_by_kho(server):
        return {}
    made = {"format": "jsonl"} if server_type(server) in DATABASES else {}
    ending = server.get("format") or _properties(server).get("format") or made.get("format")
    return {**made, "fileName": rf"{entity}_(?P<business_date>\d{{8}})\.{ending}"}


def file_defaults(server: dict[str, Any]) -> dict[str, Any]:
    """The same for the custom properties of the file."""
    return _WRITTEN if server_type(server) in DATABASES else {}


def problems(contract: Contract, server: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What is wrong with the server of a contract: the path in its file, and what would be right."""
    keys, place = contract.server, "$.servers[0].customProperties"
    for name, types in _ONLY.items():
        if name in keys.model_fields_set and contract.server_type not in types:
            key = ServerKeys.model_fields[name].alias
            yield f"{place}.{key}", f"only for servers of type {' or '.join(types)}"
    if contract.server_type != "local" and not keys.connection:
        yield f"{place}.connection", "names the Airflow connection"
    if is_named_by_kho(server):
        if not contract.frequency:
            yield "$.slaProperties", "needs 'frequency': Kho names these files itself, by their dates"
        for name in ("fileName", "controlFile"):
            if name in _properties(server):
                yield f"{place}.{name}", "take it out: Kho names these files itself"
    if contract.server_type == "local" and not _is_below(contract.location):
        yield (
            "$.servers[0].path",
            "leaves the folder of the exports: write it from there, as <system>/<entity>",
        )
    if contract.server_type in DATABASES:
        yield from _database(contract, server, place)
    elif contract.server_type == "api":
        yield from _api(contract, place)
    if contract.server_type == "s3" and "{connection}" not in server.get("endpointUrl", "{connection}"):
        yield "$.servers[0].endpointUrl", "write https://{connection}: the connection says where it is"


def _database(contract: Contract, server: dict[str, Any], place: str) -> Iterator[tuple[str, str]]:
    for name in ("host", "port"):
        if server[name] != "{connection}":
            yield f"$.servers[0].{name}", "write '{connection}': the connection says where the database is"
    if not re.match(r"\s*(select|with)\b", contract.server.query or "", re.IGNORECASE):
        yield f"{place}.query", "needs the SELECT whose rows are the export"
    if contract.format != "jsonl":
        yield f"{place}.format", "take it out: Kho writes the rows of a query as JSON lines"
    if contract.file.load == "delta":
        if not contract.server.watermark_column:
            yield (
                f"{place}.watermarkColumn",
                "names the column that says when a row changed; without one, load is full",
            )
        if contract.frequency == "q":
            yield "$.slaProperties", "the changes of a query come by day or by month (unit d or m)"
    standard = FileKeys(load="full")
    for key, written in (
        ("dateFormat", standard.date_format),
        ("timestampFormat", _WRITTEN["timestampFormat"]),
        ("thousandsSeparator", standard.thousands_separator),
        ("decimalSeparator", standard.decimal_separator),
    ):
        name = next(name for name, field in FileKeys.model_fields.items() if field.alias == key)
        if getattr(contract.file, name) != written:
            yield f"$.schema[0].customProperties.{key}", "take it out: Kho writes the rows of a query itself"


def _api(contract: Contract, place: str) -> Iterator[tuple[str, str]]:
    keys = contract.server
    try:
        is_dated = contract.location.format(business_date=date.min) != contract.location
    except (LookupError, ValueError):
        yield (
            "$.servers[0].location",
            "only {business_date} may stand in braces; {business_date:%Y%m%d} writes 20210630",
        )
        return
    if is_dated and keys.paging == FILES:
        yield f"{place}.paging", "a location with {business_date} needs none, page, offset, cursor or link"
    if keys.paging in ("page", "offset", "cursor", "link") and contract.format not in ("json", "jsonl"):
        yield f"{place}.paging", f"pages are json or jsonl, not {contract.format}: use none for a file"
    if (keys.paging == "cursor") != bool(keys.next_path):
        yield (
            f"{place}.nextPath",
            "says where a page of JSON names the next one: with paging cursor, and only then",
        )
    if keys.paging == "cursor" and contract.format != "json":
        yield f"{place}.paging", "the next page is named in a page of json: use link for jsonl"


def _is_below(location: str) -> bool:
    path = PurePosixPath(location)
    return not path.is_absolute() and ".." not in path.parts and location.isprintable()


def _properties(place: dict[str, Any]) -> dict[str, Any]:
    return {each["property"]: each.get("value") for each in place.get("customProperties", ())}
