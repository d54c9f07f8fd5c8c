"""Rows that are taken out of a file are blank in it; all others read as before, and lie where they lay where a format has places."""

from __future__ import annotations

import csv
import gzip
import io
import json
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from kho.contract import Contract
from kho.formats.blanking import NotRewritable, blanked, found
from tests.contracts import document, read

HOLDER = {"name": "holder", "logicalType": "string"}
ROWS = [("A1", "one"), ("A2", "Nguyễn"), ("A3", "three"), ("A2", "again")]


def contract_of(folder: Path, file_format: str, **keys: Any) -> Contract:
    server = {"type": "local", "path": "registry/permits", "format": file_format}
    server |= {"encoding": keys.pop("encoding", "utf-8")} if file_format == "csv" else {}
    folder.mkdir(exist_ok=True)
    return read(folder, document(server, fileName=r"p(?P<business_date>\d{8})", columns=[HOLDER], **keys))


def without(contract: Contract, data: bytes, code: str = "A2") -> tuple[bytes, list[int]]:
    """The file after its rows of this code are gone, and which these were."""
    with tempfile.NamedTemporaryFile() as before, tempfile.TemporaryFile() as after:
        before.write(data)
        before.flush()
        rows = blanked(
            contract,
            Path(before.name),
            after,
            ["code"],
            lambda _, text: text == code,
            Path(tempfile.gettempdir()),
        )
        after.seek(0)
        return after.read(), sorted(rows)


def as_csv(rows: list[tuple[str, str]], encoding: str = "utf-8", end: str = "\n") -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator=end).writerows([("code", "holder"), *rows])
    return text.getvalue().encode(encoding)


def as_xlsx(rows: list[tuple[str, str]]) -> bytes:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        sheet = book.add_worksheet("Sổ")
        for line, row in enumerate([("Sổ cấp phép", ""), ("code", "holder"), *rows]):
            sheet.write_row(line, 0, row)
    return file.getvalue()


def as_xml(rows: list[tuple[str, str]]) -> bytes:
    inner = "".join(f"<permit><code>{code}</code><holder>{who}</holder></permit>" for code, who in rows)
    return f"<?xml version='1.0' encoding='UTF-8'?>\n<permits>{inner}</permits>".encode()


def objects(rows: list[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"code": code, "holder": who} for code, who in rows]


def as_jsonl(rows: list[tuple[str, str]]) -> bytes:
    return "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in objects(rows)).encode()


def as_pages(rows: list[tuple[str, str]]) -> bytes:
    pages = [{"total": 4, "items": objects(rows[:2])}, {"total": 4, "items": objects(rows[2:])}]
    return b"\x1e" + b"\x1e".join(json.dumps(page, ensure_ascii=False, indent=1).encode() for page in pages)


WRITERS: dict[str, Callable[[list[tuple[str, str]]], bytes]] = {
    "csv": as_csv,
    "jsonl": as_jsonl,
    "json": as_pages,
    "xml": as_xml,
    "xlsx": as_xlsx,
}


@pytest.mark.parametrize("file_format", WRITERS)
def test_rows_of_a_code_are_blank_and_nothing_of_them_is_left(tmp_path: Path, file_format: str) -> None:
    contract = contract_of(tmp_path, file_format)
    after, rows = without(contract, WRITERS[file_format](ROWS))
    assert rows == [2, 4]
    text = after
    if file_format == "xlsx":
        with zipfile.ZipFile(io.BytesIO(after)) as book:
            text = b"".join(map(book.read, book.namelist()))
    assert "Nguyễn".encode() not in text and b"again" not in text and b">A2<" not in text
    assert file_format == "xlsx" or b"A2" not in text  # there cells are called so
    assert b"one" in text and b"three" in text
    assert without(contract, after) == (b"", [])


@pytest.mark.parametrize("file_format", WRITERS)
def test_a_file_without_the_code_is_not_written(tmp_path: Path, file_format: str) -> None:
    assert without(contract_of(tmp_path, file_format), WRITERS[file_format](ROWS), "A9") == (b"", [])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "windows-1258"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_every_other_byte_of_lines_stays_where_it_was(tmp_path: Path, encoding: str, end: str) -> None:
    contract = contract_of(tmp_path, "csv", encoding=encoding)
    rows = [("A1", "một"), ("A2", 'hai, "và\nhai'), ("A3", "ba")]
    codec = {"utf-16-be": "utf-16-be", "windows-1258": "cp1258"}.get(encoding, encoding)
    rows = rows if codec != "cp1258" else [("A1", "mot"), ("A2", 'hai, "va\nhai'), ("A3", "ba")]
    data = as_csv(rows, codec, end)
    after, gone = without(contract, data)
    assert gone == [2] and len(after) == len(data)
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(rows[1])
    plain = line.getvalue().encode(codec.removesuffix("-sig") if codec != "utf-16" else "utf-16-le")
    spaces = " ".encode(
        "utf-16-le" if codec == "utf-16" else "utf-16-be" if codec == "utf-16-be" else "ascii"
    )
    assert after == data.replace(plain, spaces * (len(plain) // len(spaces)))


CELLS = st.text(st.sampled_from("ab ;,\"\n\r'Nễ0"), max_size=5)


@given(
    rows=st.lists(st.tuples(st.sampled_from(["A1", "A2", "A3"]), CELLS), max_size=12),
    end=st.sampled_from(["\n", "\r\n"]),
    is_cut=st.booleans(),
)
@pytest.mark.hypothesis
def test_whatever_stands_in_other_lines_they_stay(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], end: str, is_cut: bool
) -> None:
    contract = contract_of(Path(tempfile.gettempdir()) / "kho-blanking", "csv")
    data = as_csv(rows, end=end)
    data = data.removesuffix(end.encode()) if is_cut else data
    after, gone = without(contract, data)
    assert gone == [number for number, (code, _) in enumerate(rows, 1) if code == "A2"]
    if gone:
        assert len(after) == len(data)
        assert all(now in (was, 32) for was, now in zip(data, after, strict=True))
        assert b"A2" not in after


def test_a_line_that_could_not_be_split_goes_by_any_of_its_parts(tmp_path: Path) -> None:
    data = b"code,holder\nA1,one\nA2,two,three\n,A2 \nA22,x,y\n"
    after, rows = without(contract_of(tmp_path, "csv"), data)
    assert rows == [2] and after == b"code,holder\nA1,one\n            \n,A2 \nA22,x,y\n"


@pytest.mark.parametrize("file_format", ["csv", "xml", "xlsx"])
def test_the_files_of_a_zip_are_written_anew_and_others_in_it_stay(tmp_path: Path, file_format: str) -> None:
    file, other = io.BytesIO(), WRITERS[file_format]([("B1", "x")])
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("1", WRITERS[file_format](ROWS))
        packed.writestr("2", other)
        packed.writestr(".note", b"A2")
    after, rows = without(contract_of(tmp_path, file_format, compression="zip"), file.getvalue())
    assert rows == [2, 4]
    with zipfile.ZipFile(io.BytesIO(after)) as packed:
        assert packed.read("2") == other and packed.read(".note") == b"A2"
    assert without(contract_of(tmp_path, file_format, compression="zip"), after) == (b"", [])


def test_a_packed_file_is_packed_again(tmp_path: Path) -> None:
    after, rows = without(contract_of(tmp_path, "csv", compression="gzip"), gzip.compress(as_csv(ROWS)))
    assert rows == [2, 4]
    assert gzip.decompress(after) == without(contract_of(tmp_path, "csv"), as_csv(ROWS))[0]


def test_what_cannot_be_written_anew_safely_is_refused(tmp_path: Path) -> None:
    html = "".join(f"<tr><td>{code}</td><td>{who}</td></tr>" for code, who in [("code", "holder"), *ROWS])
    with pytest.raises(NotRewritable, match="format html"):
        without(contract_of(tmp_path, "html"), f"<table>{html}</table>".encode())
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ("code", "holder"))
        sheet.write_row(1, 0, ("A2", 1))
        sheet.write_formula(1, 1, "=1+1", None, "2")
    with pytest.raises(NotRewritable, match="formulas"):
        without(contract_of(tmp_path, "xlsx"), file.getvalue())


def test_rows_are_found_with_the_texts_that_they_hold(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(as_csv([(" A2 ", "x"), ("A1", "A2")]))
    rows = found(contract_of(tmp_path, "csv"), path, ["code"], lambda _, text: text == "A2")
    assert rows == {1: {"A2"}}
