"""The first rows of a file are shown without a contract, as they are: title rows, header and all."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from pathlib import Path

import pytest
import xlsxwriter

from kho.formats import Unreadable, first_bytes, look

ROWS = [["Mã", "Tên"], ["01", "Hộ tịch"], ["02", "Đất đai"]]


def written(folder: Path, data: bytes) -> Path:
    path = folder / "file"
    path.write_bytes(data)
    return path


def zipped(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "tcvn3", "vni"])
@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_text_shows_its_records_whatever_their_width(tmp_path: Path, encoding: str, delimiter: str) -> None:
    lines = [["Danh mục"], *ROWS]
    path = written(tmp_path, "\n".join(delimiter.join(line) for line in lines).encode(encoding))
    assert look(path, "csv", encoding=encoding, delimiter=delimiter) == lines
    assert look(path, "csv", encoding=encoding, delimiter=delimiter, most=2) == lines[:2]


def test_a_workbook_shows_typed_cells(tmp_path: Path) -> None:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        sheet.write(0, 1, "Danh mục")
        sheet.write_row(1, 0, ["Mã", "Số"])
        sheet.write_row(2, 0, ["01", 5])
    assert look(written(tmp_path, file.getvalue()), "xlsx") == [["", "Danh mục"], ["Mã", "Số"], ["01", 5.0]]


def test_html_shows_its_table_with_merged_cells_repeated(tmp_path: Path) -> None:
    page = "<table><tr><td colspan=2>Danh mục</td></tr><tr><td>01</td><td>Hộ tịch</td></tr></table>"
    assert look(written(tmp_path, page.encode()), "html") == [["Danh mục", "Danh mục"], ["01", "Hộ tịch"]]


def test_a_span_that_is_no_number_is_none(tmp_path: Path) -> None:
    page = "<table><tr><td colspan='²'>Danh mục</td><td colspan='x'>Số</td></tr></table>"
    assert look(written(tmp_path, page.encode()), "html") == [["Danh mục", "Số"]]


RECORDS = [{"id": 1, "person": {"name": "A"}}, {"id": 2, "tags": ["x"]}]
SHOWN = [["id", "person.name", "tags"], [1, "A", None], [2, None, ["x"]]]


def test_records_show_the_union_of_their_paths(tmp_path: Path) -> None:
    lines = "\n".join(json.dumps(each) for each in RECORDS)
    assert look(written(tmp_path, lines.encode()), "jsonl") == SHOWN
    assert look(written(tmp_path, json.dumps(RECORDS).encode()), "json") == SHOWN
    within = json.dumps({"data": {"rows": RECORDS}}).encode()
    assert look(written(tmp_path, within), "json", records_path="data.rows") == SHOWN


def test_what_is_in_a_zip_or_gzip_is_shown(tmp_path: Path) -> None:
    text = "\n".join(";".join(line) for line in ROWS).encode()
    assert look(written(tmp_path, gzip.compress(text)), "csv", delimiter=";", compression="gzip") == ROWS
    path = written(tmp_path, zipped(a=text, b=b"x"))
    assert look(path, "csv", delimiter=";", compression="zip") == ROWS
    assert first_bytes(path, "zip", most=2) == "Mã".encode()[:2]
    lines = [json.dumps(each).encode() for each in RECORDS]
    path = written(tmp_path, zipped(a=lines[0], b=lines[1]))
    assert look(path, "jsonl", compression="zip") == SHOWN


def test_another_kind_of_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="binary"):
        look(written(tmp_path, gzip.compress(b"a;b\n")), "csv")
    with pytest.raises(Unreadable, match="no whole zip"):
        look(written(tmp_path, b"a;b\n"), "csv", compression="zip")
    with pytest.raises(Unreadable, match="unpacked"):
        look(written(tmp_path, gzip.compress(b"a;b\n")[:-4]), "csv", compression="gzip")
