"""What looks the same is the same: characters that nobody sees make no other key, header or number, and are counted."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from kho.formats import look
from kho.load import load, ways
from kho.settings import Settings
from tests.contracts import document, read
from tests.integration.loading import deliver, raw_rows, rejects, rows
from tests.integration.registers import HEADER, WRITTEN, load_one, register
from tests.integration.test_load_parquet import parquet, table
from tests.integration.test_load_workbooks import WRITERS
from tests.integration.test_load_xml import PATHS
from tests.integration.test_load_xml import document as xml_document
from tests.integration.test_load_xml import record as xml_record
from tests.integration.test_texts_within_markup import page

HIDDEN = ["\u200b", "\u200c", "\u200d", "\u200e", "\u200f", "\u202a", "\u2060", "\u2066", "\u00ad", "\ufeff"]
SPACES = [" ", "\u00a0", "\u2002", "\u202f", "\u3000"]
LINES = [[f"000.{n}", *WRITTEN[0][1:]] for n in range(3)]


def csv(lines: list[list[str]]) -> bytes:
    return "".join(";".join(line) + "\r\n" for line in lines).encode()


def json_lines(lines: list[list[str]]) -> bytes:
    header, *records = lines
    return "\n".join(json.dumps(dict(zip(header, record, strict=True))) for record in records).encode()


def xml(lines: list[list[str]]) -> bytes:
    return xml_document(*map(xml_record, lines[1:])).encode()


WRITE: dict[str, Callable[[list[list[str]]], bytes]] = {
    "csv": csv,
    "html": lambda lines: page(lines).encode(),
    "jsonl": json_lines,
    "parquet": lambda lines: parquet(table(lines[1:])),
    "xml": xml,
    **{kind: lambda lines, write=write: write({"Sổ": lines}) for kind, write in WRITERS.items()},
}
each_format = pytest.mark.parametrize("format", list(WRITE))


def contract_of(folder: Path, format: str):
    if format == "xml":
        return register(folder, "xml", headers=PATHS, recordsPath="SoHoSo/DanhSach/HoSo")
    return register(folder, format)


@each_format
def test_a_key_is_the_same_whatever_nobody_sees_in_it_and_what_was_taken_out_is_counted(
    warehouse: Settings, tmp_path: Path, format: str
) -> None:
    contract = contract_of(tmp_path, format)
    keys = [f"0{sign}00.1{sign}" for sign in HIDDEN]
    data = WRITE[format]([HEADER, *([key, *WRITTEN[0][1:]] for key in ["000.1", *keys])])
    batch = load_one(warehouse, contract, data)
    (row,) = raw_rows(warehouse, contract, batch.batch_id)
    assert row["file_code"] == "000.1"
    assert [each["reasons"] for each in rejects(warehouse, batch.batch_id)] == [
        ["row: repeats an earlier row of the file (same key and version)"]
    ] * len(HIDDEN)
    (ledger,) = rows(warehouse, "select profile from ledger.batch")
    assert ledger["profile"]["notes"] == [
        f'{2 * len(HIDDEN)} characters that nobody sees (zero-width signs, ="…") were taken out of its texts'
    ]


@each_format
def test_edges_and_spaces_and_loose_accents_make_no_other_key(
    warehouse: Settings, tmp_path: Path, format: str
) -> None:
    contract = contract_of(tmp_path, format)
    keys = ["Hộ tịch", unicodedata.normalize("NFD", "Hộ tịch"), *(f"Hộ{space}tịch" for space in SPACES)]
    keys += ["\tHộ tịch", "Hộ tịch\t", "\u00a0Hộ tịch \u200b\t", " Hộ tịch\u3000"]
    data = WRITE[format]([HEADER, *([key, *WRITTEN[0][1:]] for key in keys)])
    batch = load_one(warehouse, contract, data)
    assert (batch.rows_loaded, batch.rows_rejected) == (1, len(keys) - 1)
    (row,) = raw_rows(warehouse, contract, batch.batch_id)
    assert row["file_code"] == "Hộ tịch"


@pytest.mark.parametrize("format", ["csv", "html", "jsonl", *WRITERS])
def test_headers_and_typed_values_are_read_through_what_nobody_sees(
    warehouse: Settings, tmp_path: Path, format: str
) -> None:
    contract = contract_of(tmp_path, format)
    hidden = [f"\ufeff{unicodedata.normalize('NFD', name[:1])}\u200b{name[1:]}\u00a0" for name in HEADER]
    line = [f"\u200e{cell}\u200f" if cell else cell for cell in LINES[0]]
    batch = load_one(warehouse, contract, WRITE[format]([hidden, line]))
    (row,) = raw_rows(warehouse, contract, batch.batch_id)
    assert (row["file_code"], row["opened_date"], row["page_count"], row["is_open"]) == (
        "000.0",
        date(2021, 1, 4),
        12,
        True,
    )


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b"\xef\xbb\xbf\xef\xbb\xbf"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_the_header_of_a_joined_file_is_skipped_behind_its_mark(
    warehouse: Settings, tmp_path: Path, quote: str, mark: bytes
) -> None:
    contract = contract_of(tmp_path, "csv")
    head = csv([[f"{quote}{name}{quote}" for name in HEADER]])
    whole = mark + head + csv(LINES[:2]) + mark + head + csv(LINES[2:])
    batch = load_one(warehouse, contract, whole)
    assert (batch.rows_loaded, batch.rows_rejected, batch.rows_skipped) == (3, 0, 1)


# `="00123"`


@pytest.mark.parametrize("format", ["csv", "html", *WRITERS])
@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ('="00123"', "00123"),
        (' ="00123" ', "00123"),
        ('="Tổ ""1"""', 'Tổ "1"'),
        ('=""', None),
        ('="a"&"b"', '="a"&"b"'),
        ('x="1"', 'x="1"'),
    ],
)
def test_a_text_that_was_written_as_a_formula_is_what_it_shows(
    warehouse: Settings, tmp_path: Path, format: str, cell: str, text: str | None
) -> None:
    contract = contract_of(tmp_path, format)
    for is_quoted in (False, True) if format == "csv" else (False,):
        shown = '"' + cell.replace('"', '""') + '"' if is_quoted else cell
        if format == "csv" and not is_quoted and cell.startswith('="Tổ'):
            continue
        lines = [["1", shown, *WRITTEN[0][2:]], *LINES]
        batch = load_one(warehouse, contract, WRITE[format]([HEADER, *lines]))
        found = raw_rows(warehouse, contract, batch.batch_id)
        assert len(found) == 4 and found[0]["subject"] == text


def test_a_header_that_was_written_as_formulas_is_found(warehouse: Settings, tmp_path: Path) -> None:
    contract = contract_of(tmp_path, "csv")
    batch = load_one(warehouse, contract, csv([[f'="{name}"' for name in HEADER], *LINES]))
    assert batch.rows_loaded == 3


def test_the_fast_way_gives_the_same(warehouse: Settings, tmp_path: Path, monkeypatch) -> None:
    place = {"type": "local", "path": "archive", "format": "csv"}
    contract = read(
        tmp_path,
        document(
            place,
            columns=[{"name": "words", "logicalType": "string"}],
            fileName=r"(?P<business_date>\d{8}).*",
        ),
    )
    signs = [*HIDDEN, *SPACES, "\t", ""]
    lines = [
        f"k{n}{sign},{edge}w{sign}x{edge}\n" for n, sign in enumerate(signs) for edge in ("", "\t", '="', " ")
    ]
    data = (
        "code,words\n" + "".join(line.replace('="w', '"=""w').replace('x="', 'x"""') for line in lines)
    ).encode()
    found = []
    for day, small in ((date(2021, 1, 5), 1 << 60), (date(2021, 1, 6), 0)):
        monkeypatch.setattr(ways, "SMALL", small)
        deliver(warehouse, contract, "file", data, day)
        found.append(load_one_of(warehouse, contract))
    assert found[0] == found[1]


def load_one_of(settings: Settings, contract):
    (batch,) = load(settings, contract)
    loaded = [(row["code"], row["words"]) for row in raw_rows(settings, contract, batch.batch_id)]
    return loaded, [(each["row_number"], each["reasons"]) for each in rejects(settings, batch.batch_id)]


def test_a_sample_is_looked_at_as_it_is_loaded(tmp_path: Path) -> None:
    for format in ("csv", "html", "jsonl", *WRITERS):
        path = tmp_path / format
        path.write_bytes(WRITE[format]([HEADER, ["\u200b000\u00ad.1", *WRITTEN[0][1:]]]))
        shown = look(path, format, delimiter=";")
        assert [shown[0][0], shown[1][0]] == ["Mã hồ sơ", "000.1"]
