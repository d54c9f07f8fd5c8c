"""Records that name their columns: other spellings of a header are told and read, names that are no text harm one record, and
records may be named themselves."""

from __future__ import annotations

import json
import unicodedata
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from kho.check import exports
from kho.formats import look
from kho.settings import Settings
from kho_propose.detect import CannotPropose, detect
from tests.integration.loading import raw_rows, rejects, rows
from tests.integration.registers import DAY, HEADER, WRITTEN, expect_unreadable, load_one, register

RECORDS = [dict(zip(HEADER, line, strict=True)) for line in WRITTEN]
SPELLINGS = {
    "other case": str.upper,
    "loose accents": lambda name: unicodedata.normalize("NFD", name.lower()),
    "no accents": lambda name: "".join(
        c for c in unicodedata.normalize("NFD", name.lower()) if not unicodedata.combining(c)
    ),
    "other gaps": lambda name: name.replace(" ", "_"),
    "hidden signs": lambda name: f"\ufeff{name}\u200b",
}
WRITE = {
    "jsonl": lambda records: "\n".join(json.dumps(each) for each in records).encode(),
    "json": lambda records: json.dumps(records).encode(),
    "xml": lambda records: (
        "<l>"
        + "".join(
            "<r>" + "".join(f"<{name}>{value}</{name}>" for name, value in each.items()) + "</r>"
            for each in records
        )
        + "</l>"
    ).encode(),
}


def contract_of(folder: Path, format: str):
    if format != "xml":
        return register(folder, format)
    return register(folder, "xml", headers={name: xml_name(name) for name in NAMES}, recordsPath="l/r")


def xml_name(header: str) -> str:
    return header.replace(" ", "-")


NAMES = dict(
    zip(
        ("file_code", "subject", "opened_date", "changed_at", "page_count", "fee", "is_open"),
        HEADER,
        strict=True,
    )
)


@pytest.mark.parametrize(
    ("format", "spelling"),
    # Names of XML have no hidden signs.
    [pair for pair in product(WRITE, SPELLINGS) if pair != ("xml", "hidden signs")],
)
def test_a_header_that_is_spelled_otherwise_is_read_and_told(
    warehouse: Settings, tmp_path: Path, format: str, spelling: str
) -> None:
    (tmp_path / "contracts").mkdir()
    headers = {name: xml_name(header) if format == "xml" else header for name, header in NAMES.items()}
    given = {"headers": headers} | ({"recordsPath": "l/r"} if format == "xml" else {})
    contract = register(tmp_path / "contracts", format, **given)
    spelled = SPELLINGS[spelling]
    records = [
        {spelled(headers[name]): value for name, value in zip(NAMES, line, strict=True)} for line in WRITTEN
    ]
    batch = load_one(warehouse, contract, WRITE[format](records))
    assert rejects(warehouse, batch.batch_id) == []
    found = raw_rows(warehouse, contract, batch.batch_id)
    assert [(row["file_code"], row["page_count"]) for row in found] == [
        ("000.01", 12),
        ("000.02", 0),
        ("000.03", None),
    ]
    (ledger,) = rows(warehouse, "select profile from ledger.batch")
    assert ledger["profile"]["missing_columns"] == [] and ledger["profile"]["unknown_columns"] == {}
    settings = warehouse.model_copy(update={"project": tmp_path})
    told = [each.expectation for each in exports(settings, DAY).told]
    is_respelled = spelling not in ("hidden signs",) and any(
        spelled(each) != each and unicodedata.normalize("NFC", spelled(each)) != each
        for each in headers.values()
    )
    assert ("headers_spelled" in told) == is_respelled


@pytest.mark.parametrize("format", ["jsonl", "json"])
def test_the_header_itself_counts_before_other_spellings(
    warehouse: Settings, tmp_path: Path, format: str
) -> None:
    both = RECORDS[0] | {"trích yếu": "khác"}
    other = {"MÃ HỒ SƠ" if name == "Mã hồ sơ" else name: value for name, value in RECORDS[1].items()}
    contract = register(tmp_path, format)
    batch = load_one(warehouse, contract, WRITE[format]([both, other]))
    found = raw_rows(warehouse, contract, batch.batch_id)
    assert [(row["file_code"], row["subject"]) for row in found] == [
        ("000.01", "Đăng ký đất đai"),
        ("000.02", 'Về việc "hộ tịch"'),
    ]
    (ledger,) = rows(warehouse, "select profile from ledger.batch")
    assert list(ledger["profile"]["unknown_columns"].values()) == [1]


def test_names_within_names_are_not_folded_into_one(warehouse: Settings, tmp_path: Path) -> None:
    contract = register(tmp_path, "jsonl", headers={"subject": "hồ sơ.tên"})
    record = {name: value for name, value in RECORDS[0].items() if name != "Trích yếu"}
    batch = load_one(
        warehouse,
        contract,
        WRITE["jsonl"]([record | {"hồ sơ tên": "x"}, record | {"Mã hồ sơ": "2", "HỒ SƠ": {"Tên": "y"}}]),
    )
    assert [row["subject"] for row in raw_rows(warehouse, contract, batch.batch_id)] == [None, "y"]


@pytest.mark.parametrize("name", ["Trích\0 yếu", "\0", "Mã hồ sơ\0"])
@pytest.mark.parametrize("format", ["jsonl", "json"])
def test_a_name_with_a_character_that_is_none_rejects_its_record(
    warehouse: Settings, tmp_path: Path, format: str, name: str
) -> None:
    contract = register(tmp_path, format)
    batch = load_one(warehouse, contract, WRITE[format]([RECORDS[0] | {name: "x"}, *RECORDS[1:]]))
    assert (batch.rows_loaded, batch.rows_rejected) == (2, 1)


# Objects of objects

BY_NAME: list[tuple[str | None, Any]] = [
    (None, {"a": {"x": 1}, "b": {"x": 2}}),
    ("data", {"data": {"a": {"x": 1}, "b": {"x": 2}}, "total": 2}),
    ("data.rows", {"data": {"rows": {"a": {"x": 1}, "b": {"x": 2}}}}),
    ("items", {"items": {"a": {"x": 1}, "b": {"x": 2}}}),
]


@pytest.mark.parametrize(("place", "shape"), BY_NAME)
def test_an_object_of_objects_is_a_list_of_records_with_names(
    warehouse: Settings, tmp_path: Path, place: str | None, shape: Any
) -> None:
    text = json.dumps(shape)
    for name, record in zip("ab", RECORDS, strict=False):
        rest = {header: value for header, value in record.items() if header != "Mã hồ sơ"}
        text = text.replace(
            f'"{name}": {json.dumps({"x": 1 if name == "a" else 2})}', f'"{name}": {json.dumps(rest)}'
        )
    keys = {"recordsPath": place} if place not in (None, "items") else {}
    contract = register(tmp_path, "json", headers={"file_code": "@key"}, **keys)
    batch = load_one(warehouse, contract, text.encode())
    assert [(row["file_code"], row["subject"]) for row in raw_rows(warehouse, contract, batch.batch_id)] == [
        ("a", "Đăng ký đất đai"),
        ("b", 'Về việc "hộ tịch"'),
    ]


@pytest.mark.parametrize(("place", "document"), BY_NAME)
def test_a_sample_that_is_an_object_of_objects_is_seen_as_one(
    tmp_path: Path, place: str | None, document: Any
) -> None:
    path = tmp_path / "sample.json"
    path.write_text(json.dumps(document, indent=1))
    shape = detect(path)
    assert (shape.format, shape.records_path) == ("json", place)
    assert look(path, "json", records_path=shape.records_path) == [["@key", "x"], ["a", 1], ["b", 2]]


def test_an_object_of_other_things_is_no_list(warehouse: Settings, tmp_path: Path) -> None:
    expect_unreadable(
        warehouse,
        register(tmp_path, "json", recordsPath="data"),
        {
            "texts": (b'{"data": {"a": "x"}}', "has no list 'data'"),
            "a record": (b'{"data": {"a": {"x": 1}, "b": 2}}', "has no list 'data'"),
            "missing": (b'{"date": {}}', "has no list 'data'"),
        },
    )
    path = tmp_path / "sample.json"
    path.write_text('{\n"a": {"x": 1},\n"b": {"y": 1}}')
    with pytest.raises(CannotPropose, match="no list of records"):
        detect(path)


def test_an_empty_object_says_that_nothing_happened(warehouse: Settings, tmp_path: Path) -> None:
    contract = register(tmp_path, "json", headers={"file_code": "@key"}, recordsPath="data")
    batch = load_one(warehouse, contract, b'{"data": {}}')
    assert (batch.state, batch.rows_in_file) == ("pending", 0)
