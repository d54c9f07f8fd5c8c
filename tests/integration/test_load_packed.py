"""Exports in zip and gzip: every format, several parts, and archives that are broken, locked or bombs."""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from kho.check import exports
from kho.contract import Contract
from kho.fetch import fetch
from kho.formats import open_export
from kho.formats.encodings import windows_1258
from kho.load import load
from kho.settings import Settings
from tests.integration.loading import rejects, rows
from tests.integration.registers import (
    COLUMNS,
    DAY,
    HEADER,
    TYPED,
    WRITTEN,
    expect_register,
    expect_unreadable,
    load_one,
    register,
)
from tests.integration.test_load_parquet import parquet, table
from tests.integration.test_load_workbooks import encrypted_marks, ods, xls, xlsx
from tests.integration.test_load_xml import PATHS, document, record, zipped

Lines = list[list[object]]


def csv(lines: Lines, encoding: str = "utf-8") -> bytes:
    quoted = [[f'"{str(cell).replace(chr(34), chr(34) * 2)}"' for cell in line] for line in lines]
    return "\r\n".join([";".join(HEADER), *map(";".join, quoted)]).encode(encoding)


def html(lines: Lines) -> bytes:
    cells = [[f"<td>{cell}</td>" for cell in line] for line in [HEADER, *lines]]
    return ("<table>" + "".join(f"<tr>{''.join(line)}</tr>" for line in cells) + "</table>").encode()


def objects(lines: Lines) -> list[dict[str, object]]:
    return [dict(zip(HEADER, line, strict=True)) for line in lines]


WRITERS: dict[str, Callable[[Lines], bytes]] = {
    "csv": csv,
    "html": html,
    "xlsx": lambda lines: xlsx({"Sổ": [HEADER, *lines]}),
    "xls": lambda lines: xls({"Sổ": [HEADER, *lines]}),
    "ods": lambda lines: ods({"Sổ": [HEADER, *lines]}),
    "json": lambda lines: json.dumps({"items": objects(lines)}).encode(),
    "jsonl": lambda lines: b"\n".join(json.dumps(each).encode() for each in objects(lines)),
    "xml": lambda lines: document(*map(record, lines)).encode(),
    "parquet": lambda lines: parquet(table(lines)),
}


def packed_register(folder: Path, format: str, compression: str, **file: object) -> Contract:
    if format == "xml":
        file |= {"headers": PATHS, "recordsPath": "SoHoSo/DanhSach/HoSo"}
    return register(folder, format, server={"compression": compression}, **file)


@pytest.mark.parametrize("format", WRITERS)
def test_every_format_is_read_from_gzip_and_from_the_parts_in_a_zip(
    warehouse: Settings, tmp_path: Path, format: str
) -> None:
    write = WRITERS[format]
    contract = packed_register(tmp_path, format, "gzip")
    expect_register(warehouse, contract, load_one(warehouse, contract, gzip.compress(write(WRITTEN))))
    contract = packed_register(tmp_path, format, "zip")
    members = {
        "b/../part-2": write(WRITTEN[1:]),
        "a/part-1": write(WRITTEN[:1]),
        "__MACOSX/a/part-1": b"junk",
        "Thumbs.db": b"junk",
        "c/": b"",
    }
    expect_register(warehouse, contract, load_one(warehouse, contract, zipped(members)))
    (ledger,) = rows(warehouse, "select profile from ledger.batch order by batch_id desc limit 1")
    assert ledger["profile"]["missing_columns"] == []


def test_parts_count_their_rows_on_and_a_gzip_may_have_several_members(
    warehouse: Settings, tmp_path: Path
) -> None:
    contract = packed_register(tmp_path, "csv", "zip")
    broken = csv([WRITTEN[0], ["000.09", "x"]]) + b"\r\n"
    data = zipped({"1.csv": broken, "2.csv": csv([["000.08"], *WRITTEN[1:]])})
    batch = load_one(warehouse, contract, data)
    assert (batch.rows_in_file, batch.rows_loaded, batch.rows_rejected) == (5, 3, 2)
    found = rejects(warehouse, batch.batch_id)
    assert [(each["row_number"], each["byte_offset"]) for each in found] == [(2, None), (3, None)]

    contract = packed_register(tmp_path, "csv", "gzip")
    whole = csv(WRITTEN)
    data = gzip.compress(whole[:50]) + gzip.compress(whole[50:])
    expect_register(warehouse, contract, load_one(warehouse, contract, data))


@pytest.mark.parametrize("format", ["json", "jsonl", "xml"])
def test_what_only_a_later_part_has_is_told_too(warehouse: Settings, tmp_path: Path, format: str) -> None:
    contract = packed_register(tmp_path, format, "zip")
    odd = (b"</hs:HoSo>", b"<Odd>x</Odd></hs:HoSo>") if format == "xml" else (b'{"M', b'{"odd": "x", "M')
    later = WRITERS[format](WRITTEN[1:]).replace(*odd, 1)
    batch = load_one(warehouse, contract, zipped({"1": WRITERS[format](WRITTEN[:1]), "2": later}))
    assert (batch.state, batch.rows_loaded) == ("pending", len(WRITTEN))
    (ledger,) = rows(warehouse, "select profile from ledger.batch")
    assert list(ledger["profile"]["unknown_columns"].values()) == [1]


@pytest.mark.parametrize("encoding", ["tcvn3", "vni", "windows-1258", "utf-16"])
def test_a_text_is_read_in_its_encoding_packed_or_not(
    warehouse: Settings, tmp_path: Path, encoding: str
) -> None:
    data = csv(WRITTEN).decode()
    encoded = windows_1258(data) if encoding == "windows-1258" else data.encode(encoding)
    contract = register(tmp_path, "csv", server={"encoding": encoding})
    expect_register(warehouse, contract, load_one(warehouse, contract, encoded))
    contract = register(tmp_path, "csv", server={"encoding": encoding, "compression": "zip"})
    expect_register(warehouse, contract, load_one(warehouse, contract, zipped({"x.csv": encoded})))


def test_a_row_with_a_mark_that_belongs_to_no_letter_is_rejected_alone(
    warehouse: Settings, tmp_path: Path
) -> None:
    contract = register(tmp_path, "csv", server={"encoding": "vni"})
    data = csv(WRITTEN, "vni").replace("Ñaêng".encode("cp1252"), "Ñgêng".encode("cp1252"))
    batch = load_one(warehouse, contract, data)
    assert (batch.rows_loaded, batch.rows_rejected) == (2, 1)
    assert rejects(warehouse, batch.batch_id)[0]["reasons"] == ["row: a character is not vni"]


def test_title_rows_above_the_header_of_a_text_are_passed_over(warehouse: Settings, tmp_path: Path) -> None:
    contract = register(tmp_path, "csv")
    batch = load_one(warehouse, contract, "SỔ HỒ SƠ\r\n;;\r\nNăm;2021\r\n".encode() + csv(WRITTEN))
    expect_register(warehouse, contract, batch)
    (ledger,) = rows(warehouse, "select profile from ledger.batch")
    assert ledger["profile"]["header_row"] == 4


# Broken archives

LONG_LINE = b"x" * 999_999 + b"\n"


def lying(data: bytes, true: int, said: int) -> bytes:
    """The zip, saying of a member's size something else than is true."""
    changed = data.replace(true.to_bytes(4, "little"), said.to_bytes(4, "little"))
    assert changed != data
    return changed


def with_method(data: bytes, method: int) -> bytes:
    changed = bytearray(data)
    for mark, place in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        changed[changed.index(mark) + place] = method
    return bytes(changed)


def test_broken_zips_are_unreadable_and_say_why(warehouse: Settings, tmp_path: Path) -> None:
    text = csv(WRITTEN)
    good = zipped({"sổ.csv": text})
    large = text + b"\r\n" + LONG_LINE * 30
    lzma = io.BytesIO()
    with zipfile.ZipFile(lzma, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.csv", text)
    flipped = bytearray(good)
    flipped[60] ^= 0xFF
    broken = {
        "empty": (b"", "no whole zip"),
        "cut off": (good[:-30], "no whole zip"),
        "cut off early": (good[:40], "no whole zip"),
        "a text": (text, "no whole zip"),
        "a gzip": (gzip.compress(text), "no whole zip"),
        "no member": (zipped({}), "the zip holds no file"),
        "only folders": (zipped({"a/": b"", "__MACOSX/x": b"x"}), "the zip holds no file"),
        "encrypted": (encrypted_marks(good), "file 1 of the zip is encrypted: ask for the zip without a password"),
        "packed by lzma": (lzma.getvalue(), "file 1 of the zip is packed in an uncommon way"),
        "packed by nobody knows what": (with_method(good, 99), "file 1 of the zip is packed in an uncommon way"),
        "a damaged member": (bytes(flipped), "file 1 of the zip: it can't be unpacked"),
        "an empty member": (zipped({"a.csv": text, "b.csv": b""}), "file 2 of the zip: the file is empty"),
        "another header": (
            zipped({"a.csv": text, "b.csv": text.replace(b"M\xc3\xa3", b"Ma", 1)}),
            "file 2 of the zip: it has another header than the parts before it",
        ),
        "another file": (zipped({"a.csv": text, "readme.txt": b"read me"}), "file 2 of the zip: this is not the header"),
        "a directory without end": (
            good[:-10] + (20_000_000).to_bytes(4, "little") + good[-6:],
            "the zip holds more files than any export has",
        ),
        "a zip in the zip": (zipped({"a.zip": good}), "file 1 of the zip: the file is binary"),
        "a bomb": (zipped({"a.csv": large}), "it unpacks to more than 200 times its size"),
        "a bomb of many": (
            zipped({f"{n}.csv": text + b"\r\n" + LONG_LINE * 4 for n in range(6)}),
            "it unpacks to more than 200 times its size",
        ),
        "a bomb that says it is small": (lying(zipped({"a.csv": large}), len(large), 5_000), "it can't be unpacked"),
        "a name from elsewhere": (zipped({"../../../etc/\x1b[31mx": b"no"}), "file 1 of the zip: this is not the header"),
    }  # fmt: skip
    expect_unreadable(warehouse, packed_register(tmp_path, "csv", "zip", maxFileMegabytes=20), broken)


def test_broken_gzips_are_unreadable_and_say_why(warehouse: Settings, tmp_path: Path) -> None:
    text = csv(WRITTEN)
    good = gzip.compress(text)
    wrong_sum = bytearray(good)
    wrong_sum[-6] ^= 0xFF
    flipped = bytearray(good)
    flipped[40] ^= 0xFF
    broken = {
        "empty": (b"", "the file is empty"),
        "cut off": (good[:-9], "it can't be unpacked: is the file cut off or damaged?"),
        "cut off in its head": (good[:5], "it can't be unpacked"),
        "a zip": (zipped({"a.csv": text}), "the file is binary"),
        "a wrong checksum": (bytes(wrong_sum), "it can't be unpacked"),
        "a damaged middle": (bytes(flipped), "it can't be unpacked"),
        "junk behind": (good + b"junk", "it can't be unpacked"),
        "nothing in it": (gzip.compress(b""), "the file is empty"),
        "a gzip in the gzip": (gzip.compress(good), "the file is binary"),
        "another export": (gzip.compress(b"a;b\r\n1;2\r\n"), "this is not the header"),
        "a bomb": (gzip.compress(text + b"\r\n" + LONG_LINE * 30), "it unpacks to more than 200 times its size"),
    }  # fmt: skip
    expect_unreadable(warehouse, packed_register(tmp_path, "csv", "gzip", maxFileMegabytes=20), broken)


@pytest.mark.parametrize(("format", "write"), WRITERS.items(), ids=list(WRITERS))
def test_what_a_server_has_unpacked_already_is_read(
    warehouse: Settings, tmp_path: Path, format: str, write: Callable[[Lines], bytes]
) -> None:
    contract = packed_register(tmp_path, format, "gzip")
    expect_register(warehouse, contract, load_one(warehouse, contract, write(WRITTEN)))


def test_a_packed_workbook_is_held_to_its_cap(warehouse: Settings, tmp_path: Path) -> None:
    large = xls({"Sổ": [HEADER]}) + random.Random(1).randbytes(2_000_000)
    expect_unreadable(
        warehouse,
        packed_register(tmp_path, "xls", "gzip", maxFileMegabytes=1),
        {"large": (gzip.compress(large), "larger than 1 MB")},
    )


def test_nothing_of_a_zip_is_written_where_its_names_point(tmp_path: Path) -> None:
    contract = packed_register(tmp_path, "csv", "zip")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(zipped({"../escaped.csv": csv(TYPED)}))
    before = sorted(tmp_path.rglob("*"))
    assert sum(b.row_count for b in open_export(contract, tmp_path / "deep" / "file").blocks()) == len(TYPED)
    assert sorted(tmp_path.rglob("*")) == before and len(COLUMNS) == len(HEADER)


@pytest.mark.parametrize("format", ["csv", "parquet"])
@pytest.mark.parametrize(("announced", "state"), [(3, "accepted"), (4, "held")])
def test_a_packed_files_control_total_is_compared_once_it_is_loaded(
    warehouse: Settings, tmp_path: Path, format: str, announced: int, state: str
) -> None:
    (tmp_path / "contracts").mkdir()
    settings = warehouse.model_copy(update={"project": tmp_path})
    server = {
        "compression": "gzip",
        "controlFile": "{name}.ctl",
        "fileName": r"files_(?P<business_date>\d{8}).gz",
    }
    contract = register(tmp_path / "contracts", format, server=server)
    folder = settings.exports / "archive"
    folder.mkdir(parents=True)
    (folder / "files_20210131.gz").write_bytes(gzip.compress(WRITERS[format](WRITTEN)))
    (folder / "files_20210131.gz.ctl").write_text(f"rows={announced}")
    for path in folder.iterdir():
        os.utime(path, (0, 0))
    assert fetch(settings, contract, DAY).taken == ["files_20210131.gz"]
    (batch,) = load(settings, contract)
    verdict = exports(settings, DAY)
    assert (batch.rows_loaded, rows(settings, "select state from ledger.batch")) == (3, [{"state": state}])
    assert ("4 announced, 3 came" in verdict.held.get(batch.batch_id, "")) == (state == "held")
