"""Servers of contracts: every type is read, and a wrong one is told with its path and the remedy."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from kho.contract import ContractError
from tests.contracts import document, read

FILE_NAME = r"permits_(?P<business_date>\d{8})\.csv"
POSTGRES = {
    "type": "postgres",
    "host": "{connection}",
    "port": "{connection}",
    "database": "registry",
    "schema": "public",
}
MYSQL = {"type": "mysql", "host": "{connection}", "port": "{connection}", "database": "registry"}
S3 = {"type": "s3", "location": "s3://exports/registry/permits", "format": "csv"}
FTPS = {"type": "custom", "location": "ftps://{connection}/out/permits", "format": "csv"}
API = {"type": "api", "location": "https://{connection}/v1/permits?day={business_date}"}
QUERY = {"connection": "registry", "query": "select * from permit", "watermarkColumn": "changed_at"}


@pytest.mark.parametrize(
    ("server", "keys", "server_type", "location", "format"),
    [
        (S3, {"connection": "s", "fileName": FILE_NAME}, "s3", "exports/registry/permits", "csv"),
        (S3 | {"location": "s3://exports", "endpointUrl": "https://{connection}"}, {"connection": "s", "fileName": FILE_NAME}, "s3", "exports", "csv"),
        (FTPS, {"transport": "ftps", "connection": "f", "fileName": FILE_NAME}, "ftps", "out/permits", "csv"),
        (POSTGRES, QUERY, "postgres", "registry/public", "jsonl"),
        (POSTGRES | {"type": "postgresql"}, QUERY, "postgres", "registry/public", "jsonl"),
        (MYSQL, QUERY, "mysql", "registry", "jsonl"),
        (API, {"connection": "a", "paging": "page", "format": "json"}, "api", "v1/permits?day={business_date}", "json"),
        (API | {"location": "https://{connection}/{business_date:%Y}/permits.csv"}, {"connection": "a", "paging": "none", "format": "csv"}, "api", "{business_date:%Y}/permits.csv", "csv"),
    ],
)  # fmt: skip
def test_every_type_of_server_is_read(
    tmp_path: Path, server: dict[str, Any], keys: dict[str, Any], server_type: str, location: str, format: str
) -> None:
    contract = read(tmp_path, document(server, **keys))
    assert (contract.server_type, contract.location, contract.format) == (server_type, location, format)


@pytest.mark.parametrize(("server", "keys"), [(POSTGRES, QUERY), (API, {"connection": "a", "paging": "link", "format": "jsonl"})])  # fmt: skip
def test_files_without_a_name_at_their_source_get_one(
    tmp_path: Path, server: dict[str, Any], keys: dict[str, Any]
) -> None:
    contract = read(tmp_path, document(server, **keys))
    assert contract.server.file_name == r"permits_(?P<business_date>\d{8})\.jsonl"


@pytest.mark.parametrize(
    ("server", "keys", "place", "remedy"),
    [
        (S3, {"fileName": FILE_NAME}, "connection", "names the Airflow connection"),
        (S3 | {"endpointUrl": "https://minio.example.org"}, {"connection": "s", "fileName": FILE_NAME}, "endpointUrl", "the connection says where"),
        (S3, {"connection": "s", "fileName": FILE_NAME, "query": "select 1"}, "query", "only for servers of type postgres or mysql"),
        (S3, {"connection": "s", "fileName": FILE_NAME, "paging": "none"}, "paging", "only for servers of type api"),
        (S3, {"connection": "s"}, "fileName", "Field required"),
        (FTPS, {"connection": "f", "fileName": FILE_NAME}, "$.servers[0].type", "custom property transport: ftps"),
        (FTPS, {"transport": "ftp", "connection": "f", "fileName": FILE_NAME}, "transport", "should be 'ftps'"),
        (POSTGRES | {"host": "db.example.org"}, QUERY, "host", "write '{connection}'"),
        (POSTGRES, QUERY | {"query": "delete from permit"}, "query", "needs the SELECT"),
        (MYSQL, {"connection": "registry", "watermarkColumn": "changed_at"}, "query", "needs the SELECT"),
        (MYSQL, {"connection": "registry", "query": "select 1"}, "watermarkColumn", "without one, load is full"),
        (MYSQL, QUERY | {"fileName": FILE_NAME}, "fileName", "take it out"),
        (MYSQL, QUERY | {"format": "csv"}, "format", "take it out"),
        (API, {"connection": "a", "format": "json", "fileName": FILE_NAME}, "paging", "needs none, page"),
        (API | {"location": "https://{connection}/{day}"}, {"connection": "a", "format": "json", "paging": "page"}, "location", "only {business_date}"),
        (API, {"connection": "a", "format": "csv", "paging": "page"}, "paging", "use none for a file"),
        (API, {"connection": "a", "format": "json", "paging": "cursor"}, "nextPath", "where a page of JSON names the next"),
        (API, {"connection": "a", "format": "jsonl", "paging": "cursor", "nextPath": "next"}, "paging", "use link for jsonl"),
        (API, {"connection": "a", "format": "json", "paging": "pages"}, "paging", "should be 'files', 'none'"),
        *(({"type": "local", "path": path, "format": "csv"}, {"fileName": r"(?P<business_date>\d{8})"}, "$.servers[0].path", "leaves the folder of the exports") for path in ("../keys", "a/../../keys", "/etc", "a\nb")),
        ({"type": "oracle", "host": "h", "port": 1521, "serviceName": "s"}, {}, "$.servers[0].type", "Input should be 'local', 'sftp'"),
    ],
)  # fmt: skip
def test_a_wrong_server_says_where_and_what_would_be_right(
    tmp_path: Path, server: dict[str, Any], keys: dict[str, Any], place: str, remedy: str
) -> None:
    with pytest.raises(ContractError) as error:
        read(tmp_path, document(server, **keys))
    assert any(place in problem and remedy in problem for problem in error.value.problems), error.value


@pytest.mark.parametrize("key", ["dateFormat", "timestampFormat", "thousandsSeparator", "decimalSeparator"])
def test_how_a_querys_values_are_written_is_not_for_the_contract_to_say(tmp_path: Path, key: str) -> None:
    wrong = {"dateFormat": "dd/MM/yyyy", "timestampFormat": "dd/MM/yyyy HH:mm", "thousandsSeparator": ".", "decimalSeparator": ","}  # fmt: skip
    written = document(POSTGRES, **QUERY)
    written["schema"][0]["customProperties"].append({"property": key, "value": wrong[key]})
    with pytest.raises(ContractError, match=rf"customProperties\.{key}: take it out"):
        read(tmp_path, written)


def test_a_pattern_that_explodes_costs_a_moment_and_no_night(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kho.contract.model.NAME_SECONDS", 0.05)
    place = {"type": "local", "path": "registry/permits", "format": "csv"}
    contract = read(tmp_path, document(place, fileName=r"(a+)+_(?P<business_date>\d{8})"))
    assert contract.named("a" * 200 + "!") == {}
    assert contract.day_of("aa_20210105") == date(2021, 1, 5)


SPAN = r"permits_((?P<covers_from>\d{8})-)?(?P<business_date>\d{8})\.csv"


@pytest.mark.parametrize(
    ("name", "day", "covers_from"),
    [
        ("permits_20260630.csv", date(2026, 6, 30), None),
        ("permits_20250301-20260630.csv", date(2026, 6, 30), date(2025, 3, 1)),
        ("permits_20260630-20260630.csv", date(2026, 6, 30), date(2026, 6, 30)),
        ("permits_20260701-20260630.csv", None, date(2026, 7, 1)),  # ends before it begins
        ("permits_20250231-20260630.csv", None, None),
        ("permits_20250301-20261330.csv", None, date(2025, 3, 1)),
    ],
)
def test_the_span_of_a_dump_is_in_its_name(
    tmp_path: Path, name: str, day: date | None, covers_from: date | None
) -> None:
    place = {"type": "local", "path": "registry/permits", "format": "csv"}
    contract = read(tmp_path, document(place, fileName=SPAN))
    assert (contract.day_of(name), contract.covers_from(name)) == (day, covers_from)


def test_a_unit_is_the_same_in_either_layout_of_its_code(tmp_path: Path) -> None:
    name = r"permits_(?P<unit>[^_]+)_(?P<business_date>\d{8})\.csv"
    place = {"type": "local", "path": "registry/permits", "format": "csv"}
    contract = read(tmp_path, document(place, file={"load": "full", "fullListOf": ["code"]}, fileName=name))
    units = [
        contract.unit_of(f"permits_{unit}_20250701.csv") for unit in ("000.21.12.H51", "H51.12.21", "946")
    ]
    assert units == ["H51.12.21", "H51.12.21", "946"]


@pytest.mark.parametrize("key", [True, False])
def test_a_full_list_covers_its_day_and_no_span(tmp_path: Path, key: bool) -> None:
    written = document(
        {"type": "local", "path": "registry/permits", "format": "csv"}, fileName=FILE_NAME if key else SPAN
    )
    keys = written["schema"][0]["customProperties"]
    if key:
        keys.append({"property": "firstDeliveryCoversFrom", "value": "2025-03-01"})
    assert read(tmp_path, written).tells_spans
    next(each for each in keys if each["property"] == "load")["value"] = "full"
    keys.append({"property": "fullListOf", "value": ["code"]})
    with pytest.raises(ContractError, match=r"customProperties\.load: a full list tells of its day"):
        read(tmp_path, written)


def test_the_changes_of_a_query_do_not_come_by_the_quarter(tmp_path: Path) -> None:
    written = document(POSTGRES, **QUERY)
    written["slaProperties"][0]["unit"] = "q"
    with pytest.raises(ContractError, match="by day or by month"):
        read(tmp_path, written)
