"""Exports of any contract with words in them that nobody but the file may ever say: made to be looked for elsewhere."""

from __future__ import annotations

import csv
import io
import json
import random
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from html import escape
from unicodedata import normalize

import pyarrow
from lxml import etree
from pyarrow import parquet

from kho.contract import Column, Contract
from kho.contract.model import FORMATS
from kho.formats.cells import text
from kho.formats.encodings import windows_1258
from tests.integration.test_load_workbooks import WRITERS

Rows = list[list[str]]
#: what planted words look like, to be found in any text
_PLANTED = re.compile(r"zq[b-x]{7}|nghiễ[b-x]{7}ộ|7\d{11}")


@dataclass
class Words:
    """Words that were planted, each once, by where they may be found: nowhere, or with the rows of the file only."""

    chance: random.Random
    nowhere: dict[str, str] = field(default_factory=dict)  # and what they were
    with_rows: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    def word(self, what: str, kind: str = "nowhere", made_of: str | None = None) -> str:
        """A new word: of plain letters, of Vietnamese ones, or of digits."""
        letters = "".join(self.chance.choices("bcdghklmnpqrstvx", k=7))
        digits = str(self.chance.randrange(10**10, 10**11))
        made = {"plain": f"zq{letters}", "vietnamese": f"nghiễ{letters}ộ", "digits": f"7{digits}"}
        word = made[made_of or self.chance.choice(list(made))]
        getattr(self, kind)[word] = what
        return word


def found(text_: str, planted: dict[str, str]) -> set[str]:
    """What was planted and stands in the text, however it is written there."""
    words = _PLANTED.findall(normalize("NFC", text_).casefold())
    return {f"{planted[word]}: {word}" for word in words if word in planted}


# Rows


def sound_row(contract: Contract, words: Words, number: int) -> list[str]:
    """A row that loads. Columns that take any text have a word each."""
    return [_sound(contract, column, words, number) for column in contract.columns]


def spoiled_row(contract: Contract, words: Words, *, is_shifted: bool = False) -> list[str]:
    """A row with a word in every column; shifted, what is personal stands in a column that is not."""
    cells = [_word(contract, column, words, is_shifted=is_shifted) for column in contract.columns]
    return ["", *cells] if is_shifted else cells


def _word(contract: Contract, column: Column, words: Words, *, is_shifted: bool = False) -> str:
    kind = "nowhere" if column.keys.personal_data and not is_shifted else "with_rows"
    return words.word(f"a cell of {column.name} of {contract.name}", kind)


def _sound(contract: Contract, column: Column, words: Words, number: int) -> str:
    if column.values:
        return next(filter(None, column.values))
    if column.type == "string":
        pattern = FORMATS[column.format][0] if column.format else column.pattern
        return _matching(pattern) if pattern else _word(contract, column, words)
    if column.type == "boolean":
        return column.keys.true_values[0]
    if column.type in ("integer", "number"):
        return str(int(max(column.minimum or 0, 0)))  # which add up, too
    moment = date(2021, 6, 1 + number)
    return text(moment, contract.file, column) or ""


#: what the patterns of contracts want
_CODES = (
    "12", "12/UBND", "000.00.12.H51-210105-0001", "H51.12", "000.00.12.H51,2021/06/01,12/UBND", "MT-0001",
    "000.00.12.H51", "UBND", "1.004946", "DVC-0001", "EE123456789VN", "DKS-01", "CT-2021-001", "vp@ubnd.gov.vn",
    "2026-09", "AB123", "BL21-000001", "T-ABC-000001-TT", "DVC-2021-000001", "CTV-2021-0001", "06/2021", "0123456789ABCDEF",
)  # fmt: skip


def _matching(pattern: str) -> str:
    return next(code for code in _CODES if re.search(pattern, code))


# Files


def write(
    contract: Contract, rows: Rows, header: list[str] | None, words: Words, sheet: str | None = None
) -> bytes:
    """The rows in the contract's format, below its header or this one; no header where it is empty."""
    header = [column.header for column in contract.columns] if header is None else header
    lines = ([header] * contract.file.header_rows if header else []) + rows
    match contract.format:
        case "csv":
            data = encoded(contract, delimited(contract, lines))
        case "html":
            cells = ("".join(f"<td>{escape(cell)}</td>" for cell in line) for line in lines)
            data = "<table>{}</table>".format("".join(f"<tr>{line}</tr>" for line in cells)).encode(
                contract.encoding
            )
        case "xlsx" | "xls" | "ods":
            typed = [[_typed(cell, contract.encoding) for cell in line] for line in lines]
            data = WRITERS[contract.format]({sheet or contract.file.sheet or "Sheet1": typed})
        case "parquet":
            names = header or words_of_columns(contract, words)
            columns = [[line[n] if n < len(line) else None for line in rows] for n in range(len(names))]
            file = io.BytesIO()
            parquet.write_table(pyarrow.table(dict(zip(names, columns, strict=True))), file)
            data = file.getvalue()
        case "json" | "jsonl":
            names = header or words_of_columns(contract, words)
            records = [dict(zip(names, row, strict=False)) for row in rows]
            lines_of = "\n".join(json.dumps(each, ensure_ascii=False) for each in records)
            path = contract.file.records_path or "items"
            document = json.dumps({path: records}, ensure_ascii=False)
            data = (lines_of if contract.format == "jsonl" else document).encode()
        case _:
            names = header or words_of_columns(contract, words)
            if contract.server.compression == "zip":
                return zipped([xml(contract, names, [row]) for row in rows], words)
            data = xml(contract, names, rows)
    return zipped([data], words) if contract.server.compression == "zip" else data


def words_of_columns(contract: Contract, words: Words) -> list[str]:
    """A header that nobody knows."""
    return [words.word(f"a header in {contract.name}", made_of="plain") for _ in contract.columns]


def delimited(contract: Contract, lines: Rows) -> str:
    file = io.StringIO()
    csv.writer(file, delimiter=contract.delimiter, lineterminator="\r\n").writerows(lines)
    return file.getvalue()


def encoded(contract: Contract, content: str) -> bytes:
    if contract.encoding == "windows-1258":
        return windows_1258(content)
    return normalize("NFC", content).encode(contract.encoding)


def _typed(cell: str, encoding: str) -> str:
    """The cell as who types with an old font has it."""
    if encoding not in ("tcvn3", "vni") or cell.isascii():
        return cell
    return cell.lower().encode(encoding).decode("cp1252")


def xml(contract: Contract, names: list[str], rows: Rows) -> bytes:
    """The rows as records at the contract's path, their cells at the paths that the columns have."""
    *above, record = (contract.file.records_path or "records/record").strip("/").split("/")
    root = etree.Element(above[0] if above else record)
    for row in rows:
        place = root
        for name in above[1:]:
            place = _below(place, name)
        element = etree.SubElement(place, record) if above else root
        for name, cell in zip(names, row, strict=False):
            _put(element, name.replace("[last()]", ""), cell)
    return etree.tostring(root, encoding="utf-8", xml_declaration=True)


def _put(element: etree._Element, path: str, cell: str) -> None:
    *above, last = path.split("/")
    for name in above:
        element = _below(element, name)
    if last.startswith("@"):
        element.set(last[1:], cell)
    elif last == ".":
        element.text = cell
    else:
        etree.SubElement(element, last).text = cell


def _below(element: etree._Element, name: str) -> etree._Element:
    found = element.find(name)
    return etree.SubElement(element, name) if found is None else found


def zipped(parts: list[bytes], words: Words) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in parts:
            archive.writestr(f"{words.word('a folder in a zip')}/{words.word('a file in a zip')}.txt", part)
    return file.getvalue()


# What goes wrong with whole files


def broken(contract: Contract, words: Words) -> Iterator[bytes]:
    """Files of this contract that can't be read as they should, each in another way and with words in it."""
    rows = [spoiled_row(contract, words) for _ in range(3)]
    hidden = words.word(f"a text in a broken file of {contract.name}", made_of="plain")
    whole = write(contract, [[hidden] * len(contract.columns)], None, words)
    yield whole[: len(whole) * 2 // 3]
    yield f"<html><title>{hidden}</title><form>{hidden}</form></html>".encode()
    yield f"PK\x03\x04{hidden}".encode()
    known = [column.header for column in contract.columns]
    yield write(
        contract,
        rows,
        [*known[: len(known) // 2], *words_of_columns(contract, words)[len(known) // 2 :]],
        words,
    )
    match contract.format:
        case "xlsx" | "xls" | "ods":
            names = [words.word("a sheet", made_of=kind) for kind in ("plain", "vietnamese", "digits")]
            yield _packed(contract, WRITERS[contract.format]({name: [[hidden]] for name in names}), words)
            yield _packed(
                contract, WRITERS[contract.format]({names[0]: [[hidden]], names[1]: [known, *rows]}), words
            )
        case "csv":
            yield _packed(contract, encoded(contract, f'"{hidden}\r\n' * 3), words)
            yield _packed(
                contract, encoded(contract, delimited(contract, [known]) + f'"{hidden}\r\n' * 3), words
            )
            yield _packed(contract, f"{hidden}\xff\xfe".encode("latin-1"), words)
        case "json" | "jsonl":
            yield _packed(contract, f'{{"{hidden}": "{hidden}"}}'.encode(), words)
            yield _packed(contract, f'["{hidden}", {hidden}]'.encode(), words)
        case "xml":
            yield _packed(contract, f"<{hidden}><a>{hidden}</a></{hidden}>".encode(), words)
            yield _packed(contract, f'<?xml version="1.0" encoding="{hidden}"?><a/>'.encode(), words)
            yield _packed(contract, f"<a><{hidden}></b></a>".encode(), words)
            yield _packed(contract, f"<a>&{hidden};</a>".encode(), words)


def _packed(contract: Contract, data: bytes, words: Words) -> bytes:
    return zipped([data], words) if contract.server.compression == "zip" else data


def name_of(contract: Contract, day: date, named: Callable[[], str]) -> str:
    """A name as the contract's fileName wants it; `named` gives what a group of it may hold that can hold anything."""
    name = contract.server.file_name.replace(r"(?P<business_date>\d{8})", f"{day:%Y%m%d}")
    name = name.replace("(_[a-z0-9]+)?", "_{}").replace("(?P<unit>[^_]+)", "{}")
    if "{}" in name:
        name = name.replace("{}", named())
    name = re.sub(r"\(\?P<unit>.*?\)\*?\)", "H51.12", name)
    return name.replace("\\", "")
