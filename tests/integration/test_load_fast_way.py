"""Rows that go straight into raw, and all others: raw, rejects, counts and profile are those of a load through landing alone."""

from __future__ import annotations

import gzip
import json
import multiprocessing
import os
import signal
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.sql import SQL

from kho.contract import Contract, contracts
from kho.database import connect
from kho.formats import Unreadable, delimited
from kho.formats.encodings import windows_1258
from kho.load import fast, load, raw, signs, sorter, texts, ways
from kho.load.batches import fill
from kho.settings import Settings
from tests.bench.load import dossiers
from tests.contracts import document, read
from tests.examples import examples
from tests.integration.loading import deliver
from tests.mutations import run
from tests.mutations.broken import broken

DAY = date(2021, 4, 1)
NEVER = 1 << 60


def option(**keys: Any) -> dict[str, Any]:
    return {"customProperties": [{"property": name, "value": value} for name, value in keys.items()]}


def column(name: str, type_: str, **keys: Any) -> dict[str, Any]:
    return {"name": name, "logicalType": type_, **keys}


PATTERN = {"logicalTypeOptions": {"pattern": r"^[A-Z]{1,3}-\d{2,4}$"}}
NOT_COMMON = {"logicalTypeOptions": {"pattern": r"^(?=[a-z])\w+\S$"}}
COLUMNS = [
    column("changed_at", "timestamp", required=True),
    column("due_at", "timestamp", **option(mayLackTime=True, daysAhead=30)),
    column("begun_at", "timestamp", required=True, **option(daysAhead=1, earliest="2000-01-01")),
    column("held_date", "date"),
    column("kind", "string", enum=[{"value": each, "description": each} for each in ("a", "b", "ô")]),
    column("unit", "string", required=True, logicalTypeOptions={"format": "agency_code"}),
    column("mark", "string", **PATTERN),
    column("other_mark", "string", **NOT_COMMON),
    column("paid", "integer", logicalTypeOptions={"minimum": 0, "maximum": 5_000_000}),
    column("share", "number"),
    column("is_open", "boolean", required=True, **option(trueValues=["x", "1"], falseValues=["", "0"])),
    column("is_known", "boolean", **option(trueValues=["có"], falseValues=["không"])),
    column("person", "string", classification="personal", **option(personalData="hash")),
    column("born", "date", classification="personal", **option(personalData="drop")),
    column("note", "string", classification="personal", **option(personalData="drop")),
    column("words", "string"),
    column("late", "string", **option(mayBeAbsent=True)),
]
VERSIONED = {"versionColumn": "changed_at"}
VIETNAMESE = {
    "dateFormat": "dd/MM/yyyy",
    "timestampFormat": "dd/MM/yyyy HH:mm",
    "thousandsSeparator": ".",
    "decimalSeparator": ",",
}
#: keys of the file, of the server, and columns of the key beside the code
CONTRACTS: dict[str, tuple[dict[str, Any], dict[str, Any], tuple[str, ...]]] = {
    "Vietnamese": ({**VERSIONED, **VIETNAMESE}, {"delimiter": ";"}, ()),
    "ISO": (VERSIONED, {}, ("held_date",)),
    "American, of a zone with summers": (
        {**VERSIONED, "dateFormat": "MM/dd/yyyy", "timestampFormat": "MM/dd/yyyy HH:mm:ss", "timeZone": "Europe/Amsterdam",
         "thousandsSeparator": ",", "nullTexts": ["N/A", "-"]}, {"delimiter": "\t"}, ("unit",)),
    "without versions, with rows that are no data": (
        {**VIETNAMESE, "skipRows": [{"column": "words", "pattern": "^Tổng", "why": "total row"}]}, {}, ()),
    "with offsets": ({**VERSIONED, "timestampFormat": "yyyy-MM-dd'T'HH:mm:ssXXX"}, {}, ("paid",)),
    "of windows-1258": ({**VERSIONED, **VIETNAMESE}, {"encoding": "windows-1258"}, ("kind",)),
    "in gzip, its whole list": ({"load": "full", "fullListOf": ["unit"], **VIETNAMESE}, {"compression": "gzip"}, ()),
    "of UTF-16": ({**VERSIONED, **VIETNAMESE}, {"encoding": "utf-16", "delimiter": ";"}, ("changed_at",)),
}  # fmt: skip


def contract_of(folder: Path, which: str) -> Contract:
    file, server, keys = CONTRACTS[which]
    place = {"type": "local", "path": "registry/permits", "format": "csv"}
    columns = [
        {**each, "required": True, "primaryKey": True, "primaryKeyPosition": 2 + keys.index(each["name"])}
        if each["name"] in keys
        else each
        for each in COLUMNS
    ]
    (folder / which).mkdir(exist_ok=True)
    name = r"(?P<business_date>\d{8})\.csv"
    return read(folder / which, document(place, columns=columns, file=file, fileName=name, **server))


def moment(chance: Random, pattern: str) -> str:
    day = DAY - timedelta(days=chance.choice((0, 1, 15, 30, 300)))
    at = {"yyyy": f"{day:%Y}", "MM": f"{day:%m}", "dd": f"{day:%d}", "HH": f"{chance.randint(0, 23):02}", "mm": "05", "ss": "07",
          "XXX": chance.choice(("+07:00", "Z", "+0100")), "'": ""}  # fmt: skip
    for part, written in at.items():
        pattern = pattern.replace(part, written)
    return pattern


def good(chance: Random, contract: Contract, name: str) -> str:
    file = contract.file
    thousand = f"1{file.thousands_separator}250"
    match name:
        case "code":
            return f"k{chance.randint(1, 30)}"
        case "changed_at":
            return (
                moment(chance, file.timestamp_format)
                if chance.random() < 0.3
                else good_version(file.timestamp_format)
            )
        case "due_at" | "begun_at":
            return moment(chance, file.timestamp_format)
        case "held_date" | "born":
            return moment(chance, file.date_format)
        case "kind":
            return chance.choice("abô")
        case "unit":
            return chance.choice(("H51.12", "000.21.12.H51", "H51"))
        case "mark":
            return f"AB-{chance.randint(10, 500)}"
        case "other_mark":
            return chance.choice(("abc", "x1y"))
        case "paid":
            return chance.choice(("0", "7", thousand, "+12", str(chance.randint(1, 4000))))
        case "share":
            return chance.choice(
                ("0", f"1{file.decimal_separator}50", f"-{thousand}{file.decimal_separator}125", "0012")
            )
        case "is_open":
            return chance.choice(("x", "1", "", "0"))
        case "is_known":
            return chance.choice(("có", "không", ""))
        case "person":
            return chance.choice(("", f"{chance.randrange(10**12):012}", "Trần Văn Ước"))
        case _:
            return chance.choice(("", "một hai", "Ấp 3", f"n{chance.randint(1, 500)}"))


def good_version(pattern: str) -> str:
    return moment(Random(0), pattern)


ODD = (
    "", " ", "  x", "y ", "\t", "N/A", "-", "NULL", "null", "EMPTY", "{a}", "a,b", 'q"q', "a\\b", "\\.", "a\nb", "a\r\nb", "Tổng cộng",
    unicodedata.normalize("NFD", "Ấp Đường"), "a\u00a0b", "\u200bz", "\u00a0", "\x01", "\x1f", "\x0b", "x" * 3_000, "0", "-1", "+5", "1e5",
    "1,5", "1.5", "1.25.000", "1.250.000", "12,345", "99999999999999999999", "9223372036854775807", "999999999999999999", "٣", "１２",
    "31/02/2021", "29/02/2021 08:00", "2021-02-30", "05/01/2021", "2021-01-05", "2021-01-05 08:15:00", "05/01/2021 08:15",
    "01/05/2021 08:15:00", "05/01/2021 24:00", "05/01/2021 08:60", "2021-01-05 08:15:60", "2021-01-05 08:15:00.123", "5/1/2021",
    "1900-01-01 00:00:00", "01/01/0001", "01/01/1900 00:00", "31/12/9999 23:59", "12/31/9999 00:00:00", "9999-12-31", "0000-01-01",
    "31/12/1989 23:59", "01/01/1990 00:00", "03/28/2021 02:30:00", "03/28/2021 03:30:00", "10/31/2020 02:30:00", "10/25/2020 02:30:00",
    "13/06/1975 00:00", "12/06/1975 23:30", "2021-03-01T08:15:00+07:00", "2021-03-01T08:15:00", "now", "infinity", "aB-12", "AB-12\n",
    "H51.12.", "H99", "000.00.00.H51", "abc", "Abc", "có ", "C", "true", "x", "Ã¡Âº", "code", "words",
)  # fmt: skip


def export(chance: Random, contract: Contract, rows: int, trouble: float) -> bytes:
    """A file with this share of cells that are not as they should be, and of rows that are none."""
    header = [each.header for each in contract.columns]
    if chance.random() < 0.3:
        header.remove("late")
    if chance.random() < 0.2:
        header.remove(
            chance.choice(
                ("words", "held_date", "paid", "kind", "is_open", "is_known", "person", "changed_at", "mark")
            )
        )
    header += chance.choice(([], ["lạ"], ["lạ", "lạ nữa", ""]))
    if chance.random() < 0.3:
        chance.shuffle(header)
    delimiter, end = contract.delimiter, chance.choice(("\n", "\r\n"))
    quotes_all = chance.random() < 0.2
    few_lines = chance.random() < 0.3

    def written(cell: str) -> str:
        if quotes_all or delimiter in cell or '"' in cell or "\n" in cell or chance.random() < 0.02:
            return '"' + cell.replace('"', '""') + '"'
        return cell

    lines = [delimiter.join(header)]
    whole: list[str] = []
    for _ in range(rows):
        cells = [
            chance.choice(ODD) if chance.random() < trouble and not (few_lines and "\n" in name)
            else good(chance, contract, name)
            for name in header
        ]  # fmt: skip
        line = delimiter.join(map(written, cells))
        kind = chance.random()
        if kind < trouble:
            line = chance.choice(
                (
                    "", delimiter * (len(header) - 1), " " + delimiter * (len(header) - 1), lines[0], line + delimiter, line[: len(line) // 2],
                    line + '"', '"' + line, line.replace("k", 'k"', 1), line + "\r", line.replace("k", "k\0", 1), "\\.",
                )
            )  # fmt: skip
        elif whole and kind < trouble + 0.1:
            line = chance.choice(whole)
            if chance.random() < 0.5:
                line = line.replace("n", "m", 1)
        whole.append(line)
        lines.append(line)
    text = end.join(lines) + chance.choice((end, ""))
    if contract.encoding == "windows-1258":
        data = b"".join(_windows(each) for each in text)
    elif contract.encoding == "utf-16":
        data = text.encode("utf-16")
    else:
        data = chance.choice(("", "\ufeff")).encode() + text.encode()
    if chance.random() < trouble:
        at = chance.randrange(len(data) // 2, len(data))
        data = data[:at] + b"\xff\xc3" + data[at:]
    return gzip.compress(data, mtime=0) if contract.server.compression else data


def _windows(text: str) -> bytes:
    try:
        return windows_1258(text)
    except UnicodeEncodeError:
        return b"?"


@contextmanager
def told_apart(**values: Any) -> Iterator[None]:
    """Small files have many blocks, groups and samples."""
    places = {
        "BLOCK_BYTES": delimited,
        "SMALL": ways,
        "LARGE": raw,
        "GROUP": fast,
        "SAMPLE": signs,
        "MANY_KNOWN": texts,
        "DISTINCT": sorter,
    }
    before = {name: getattr(places[name], name) for name in values}
    for name, value in values.items():
        setattr(places[name], name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(places[name], name, value)


def outcome(settings: Settings, contract: Contract, path: Path) -> tuple[Any, int]:
    """All that a load of the file leaves in the database, and how many rows landed."""
    with connect(settings, "kho_loader") as connection, connection.transaction(force_rollback=True):
        raw.ensure(connection, settings, contract)
        try:
            with connection.transaction():
                batch, profile = fill(connection, contract, path, "20210401.csv", DAY, None, 9, "secret")
        except (Unreadable, psycopg.Error) as failure:
            return (type(failure), str(failure)), 0
        kept = connection.execute(
            SQL("select * from {} order by _row_number").format(raw.table(contract))
        ).fetchall()
        rejected = connection.execute(
            "select * from reject.rejected_row where batch_id = 9 order by row_number"
        ).fetchall()
        indexes = connection.execute(
            "select pg_get_indexdef(indexrelid) from pg_index where indrelid = %s::regclass order by 1",
            [f'raw."{contract.raw_table}"'],
        ).fetchall()
        ((landed,),) = connection.execute(
            "select count(distinct _row_number) from pg_temp.landing"
        ).fetchall()
        return (batch, json.dumps(profile, sort_keys=True, default=str), rejected, kept, indexes), landed


def assert_the_same(settings: Settings, contract: Contract, path: Path, **keys: Any) -> None:
    with told_apart(**keys, SMALL=NEVER):
        usual, _ = outcome(settings, contract, path)
    with told_apart(**keys, SMALL=0):
        fast_way, _ = outcome(settings, contract, path)
    assert fast_way == usual


@pytest.mark.parametrize("which", CONTRACTS)
@examples(8)
@given(
    seed=st.integers(0, 1 << 32),
    rows=st.integers(1, 120),
    trouble=st.sampled_from((0.0, 0.002, 0.01, 0.05, 0.3)),
    block=st.sampled_from((400, 3_000, 1 << 20)),
    large=st.sampled_from((0, NEVER)),
    sample=st.sampled_from((3, 2_000)),
    known=st.sampled_from((2, 20_000)),
    distinct=st.sampled_from((0.0, 0.3, 1.0)),
)
def test_a_file_with_any_trouble_becomes_the_same_on_either_way(
    module_warehouse: Settings,
    tmp_path_factory: pytest.TempPathFactory,
    which: str,
    seed: int,
    rows: int,
    trouble: float,
    block: int,
    large: int,
    sample: int,
    known: int,
    distinct: float,
) -> None:
    folder = tmp_path_factory.getbasetemp()
    contract = contract_of(folder, which)
    path = folder / "export"
    path.write_bytes(export(Random(seed), contract, rows, trouble))
    assert_the_same(
        module_warehouse, contract, path,
        BLOCK_BYTES=block, LARGE=large, GROUP=2 * block, SAMPLE=sample, MANY_KNOWN=known, DISTINCT=distinct,
    )  # fmt: skip


@pytest.mark.parametrize("which", CONTRACTS)
def test_good_rows_do_not_land(warehouse: Settings, tmp_path: Path, which: str) -> None:
    contract = contract_of(tmp_path, which)
    chance = Random(1)
    header = [each.header for each in contract.columns]
    lines = [contract.delimiter.join(header)]
    for n in range(2_000):
        cells = {name: good(chance, contract, name) for name in header} | {"code": f"k{n}"}
        lines.append(
            contract.delimiter.join(
                f'"{each}"' if contract.delimiter in each else each for each in cells.values()
            )
        )
    text = "\n".join(lines) + "\n"
    data = (
        b"".join(_windows(each) for each in text)
        if contract.encoding == "windows-1258"
        else text.encode(contract.encoding)
    )
    (tmp_path / "export").write_bytes(gzip.compress(data) if contract.server.compression else data)
    with told_apart(SMALL=0, SAMPLE=10, BLOCK_BYTES=50_000):
        (batch, *_), landed = outcome(warehouse, contract, tmp_path / "export")
    assert batch.rows_loaded == 2_000
    assert landed < 60


def test_a_broken_export_becomes_the_same_on_either_way(module_warehouse: Settings, tmp_path: Path) -> None:
    files = [each for each in run.sound(module_warehouse, tmp_path) if each.contract.format == "csv"]
    assert len(files) > 5
    for number in range(60):
        chance = Random(number)
        each = files[number % len(files)]
        _, data = broken(each.data, chance, chance.choice(files).data)
        (tmp_path / "broken").write_bytes(data)
        assert_the_same(
            module_warehouse, each.contract, tmp_path / "broken", BLOCK_BYTES=chance.choice((1_000, 1 << 20))
        )


def test_dossiers_become_the_same_on_either_way(module_warehouse: Settings, tmp_path: Path) -> None:
    contract = contracts(module_warehouse)["one_stop.dossiers"]
    head, *lines = dossiers(contract, 6_000).rstrip().split(b"\r\n0")
    again = [lines[7], lines[7].replace(b"1.250.000", b"1"), *lines[8:30], *lines[4_000:4_100:7]]
    (tmp_path / "export").write_bytes(b"\r\n0".join([head, *again, *lines]) + b"\r\n")
    assert_the_same(module_warehouse, contract, tmp_path / "export")


def load_and_wait(settings: Settings, name: str, copied: Path) -> None:
    """Tell when the first rows are in raw, and go no further."""
    ways.SMALL, fast.GROUP = 0, 1 << 20
    copy = fast._Group.copy

    def then_wait(group: Any) -> None:
        copy(group)
        copied.touch()
        time.sleep(600)

    fast._Group.copy = then_wait
    load(settings, contracts(settings)[name])


def test_killed_amid_its_rows_it_leaves_nothing_and_is_loaded_whole_again(
    warehouse: Settings, tmp_path: Path
) -> None:
    contract = contracts(warehouse)["one_stop.dossiers"]
    deliver(warehouse, contract, "dossiers_20210401.csv", dossiers(contract, 10_000), DAY)
    copied = tmp_path / "copied"
    process = multiprocessing.get_context("spawn").Process(
        target=load_and_wait, args=(warehouse, contract.name, copied)
    )
    process.start()
    while not copied.exists():
        assert process.is_alive()
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    with psycopg.connect(warehouse.admin_url()) as watcher:
        assert not watcher.execute("select from raw.one_stop__dossiers").fetchone()
        assert not watcher.execute("select from ledger.batch").fetchone()
    with told_apart(SMALL=0):
        (batch,) = load(warehouse, contract)
    assert (batch.rows_in_file, batch.rows_loaded, batch.rows_rejected) == (10_000, 9_800, 200)


PIECES = (
    "a", "B", "ô", "0", "1", " ", "-", ".", "/", "_", ",", r"\d", r"\s", r"\.", r"\-", r"\\", r"\$", r"\w", r"\b", r"\S", r"\1",
    "[0-9A-Z.]", r"[a-c\d]", "[ôa-z]", "[^a]", "[.-]", "[[:alpha:]]", "[a", "]", "{2,3}", "{2}", "{1,}", "{", "}", "+", "?", "*",
    "(", "(?:", "(?i)", "(?=", ")", "|", "^", "$",
)  # fmt: skip


@examples(500)
@given(
    pieces=st.lists(st.sampled_from(PIECES), min_size=1, max_size=7),
    text=st.lists(
        st.sampled_from(["a", "B", "ô", "0", "1", "٣", " ", "\n", "-", ".", "/", "\\", "$", "c"]), max_size=6
    ),
)
def test_what_this_reads_by_a_common_expression_the_server_reads_too(
    database: psycopg.Connection, pieces: list[str], text: list[str]
) -> None:
    pattern, written = "".join(pieces), "".join(text)
    if not texts.is_common(pattern):
        return
    found = pc.match_substring_regex(pa.array([written]), pattern)[0].as_py()
    try:
        ((is_read,),) = database.execute("select %s ~ %s", [written, pattern]).fetchall()
    except psycopg.errors.InvalidRegularExpression:
        return
    assert is_read or not found


@pytest.mark.parametrize(
    "pattern",
    ["(?i)a", r"\bA", "[^a]", r"\w+", "a{300}", r"(a)\1", "[[:alpha:]]", "(?=x)", r"\A", r"\y", "a**"],
)
def test_other_expressions_are_left_to_the_server(pattern: str) -> None:
    assert not texts.is_common(pattern)


def test_codes_of_dossiers_need_no_question() -> None:
    columns = contracts(Settings())["one_stop.dossiers"].columns
    assert all(texts.is_common(each.pattern) for each in columns if each.pattern)


@pytest.fixture(scope="module")
def database(module_warehouse: Settings) -> Iterator[psycopg.Connection]:
    with connect(module_warehouse, "kho_loader", autocommit=True) as connection:
        yield connection
