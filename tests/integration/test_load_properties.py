"""Whatever bytes arrive: rows in the file = loaded + rejected + skipped, and reading in other pieces gives the same."""

from __future__ import annotations

import csv
import io
import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kho.contract import contracts
from kho.formats import Block, Unreadable, delimited, open_export
from kho.settings import Settings
from tests.examples import examples

TRAFFIC = contracts(Settings())["portal.traffic"]
UTF8 = TRAFFIC.model_copy(update={"encoding": "utf-8"})
JSON_LINES = contracts(Settings())["documents.deliveries"]
HEADER = ";".join(column.header for column in TRAFFIC.columns) + "\r\n"

field = st.text(alphabet='ab1;"\r\n\\.\u00e9 ', max_size=6) | st.sampled_from(
    ['"a;b"', '"x\ny"', '"q""q"', "\\.", ""]
)
line = st.lists(field, min_size=1, max_size=7).map(";".join) | st.just("05/01/2021;H51.12;tin;1;2")
ending = st.sampled_from(["\r\n", "\n"])
lines = st.lists(st.tuples(line, ending), max_size=30).map(lambda pairs: "".join(a + b for a, b in pairs))


def read(path: Path, block_bytes: int) -> tuple[list[list[str]], list[tuple[int, str]], int, list[int]]:
    """Copied rows as the server would see them, rejects, skipped rows and offsets."""
    whole = delimited.BLOCK_BYTES
    delimited.BLOCK_BYTES = block_bytes
    try:
        blocks = list(open_export(UTF8, path).blocks())
    finally:
        delimited.BLOCK_BYTES = whole
    rows = [row for block in blocks for row in copied(block)]
    rejects = [(reject.row_number, reject.reason) for block in blocks for reject in block.rejects]
    offsets = [int(offset) for block in blocks for offset in block.offsets]
    return rows, rejects, sum(block.skipped.total() for block in blocks), offsets


def copied(block: Block) -> list[list[str]]:
    text = block.copy.decode()
    if block.is_csv:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=";"))
    unescaped = {"\\n": "\n", "\\r": "\r", "\\t": "\t", "\\\\": "\\", "\\N": ""}
    return [
        [
            re.sub(r"\\.", lambda found: unescaped[found[0]], value).replace("\r\n", "\n")
            for value in row.split("\t")[1:]
        ]
        for row in text.splitlines()
    ]


@examples(150)
@given(text=lines, junk=st.binary(max_size=12))
def test_every_row_of_any_bytes_is_counted_once(
    tmp_path_factory: pytest.TempPathFactory, text: str, junk: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(HEADER.encode() + text.encode() + junk)
    try:
        blocks = list(open_export(UTF8, path).blocks())
    except Unreadable:
        return
    for block in blocks:
        assert block.row_count == block.copied_count + len(block.rejects) + block.skipped.total()
    offsets = [offset for block in blocks for offset in block.offsets]
    assert offsets == sorted(set(offsets)) and len(offsets) == sum(block.row_count for block in blocks)
    assert [block.first_row for block in blocks][:1] in ([], [1])
    for before, after in pairwise(blocks):
        assert after.first_row == before.first_row + before.row_count


@examples(100)
@given(text=lines, block_bytes=st.integers(150, 600))
@example(text="05/01/2021;H51.12\r\n" * 13, block_bytes=158)  # the file ends with its second block
def test_the_size_of_the_blocks_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, text: str, block_bytes: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "blocks.csv"
    path.write_bytes(HEADER.encode() + text.encode())
    assert read(path, block_bytes) == read(path, 1 << 20)


json_line = st.sampled_from(
    [
        b'{"page":{"count":1}}',
        b'{"event_id":"x","extra":1}',
        b"{broken",
        b"",
        b" \r",
        b"[1]",
        b"\xef\xbb\xbf{}",
        b'{"event_id":"\\u0000"}',
        b'{"id":"' + b"x" * 22 + b'"}',
        b'{"id":"' + b"x" * 23 + b'"}',
        b"x" * 100,
    ]
)


@examples(100)
@given(lines=st.lists(json_line, min_size=2, max_size=12), chunk_bytes=st.integers(1, 120))
def test_the_size_of_what_is_read_at_once_changes_no_line_of_json(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], chunk_bytes: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "lines.jsonl"
    path.write_bytes(b"\n".join(lines))
    lines = lines if lines[-1] else lines[:-1]  # the file ends with its last line
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kho.formats.json.MAX_LINE_BYTES", 32)
        patch.setattr("kho.formats.json.CHUNK_BYTES", chunk_bytes)
        try:
            blocks = list(open_export(JSON_LINES, path).blocks())
        except Unreadable:
            assert len(lines) == 1
            return
    rejects = {reject.row_number: reject.reason for block in blocks for reject in block.rejects}
    assert sum(block.row_count for block in blocks) == len(lines)
    assert [offset for block in blocks for offset in block.offsets] == [
        sum(len(line) + 1 for line in lines[:number]) for number in range(len(lines))
    ]
    assert sorted(rejects) == [
        number
        for number, line in enumerate(lines, 1)
        if len(line) >= 32 or line in (b"{broken", b"[1]", b'{"event_id":"\\u0000"}')
    ]
    assert {number for number, reason in rejects.items() if reason == "the line is longer than 32 bytes"} == {
        number for number, line in enumerate(lines, 1) if len(line) >= 32
    }
    assert sum(block.skipped.total() for block in blocks) == sum(not line.strip() for line in lines)
