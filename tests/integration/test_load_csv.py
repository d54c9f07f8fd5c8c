"""Loading delimited exports: what is typed, what is rejected and why, and that nothing is lost."""

from __future__ import annotations

import hashlib
import hmac
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from kho.contract import Contract, contracts
from kho.formats import Unreadable, look
from kho.formats.delimited import MAX_LINE_BYTES
from kho.formats.guessing import guess
from kho.load import load
from kho.settings import Settings
from tests.integration.loading import deliver, raw_rows, rejects, rows

DAY = date(2021, 1, 5)
GOOD = {
    "maHoSo": "000.00.12.H51-210105-0001",
    "maTTHC": "1.004946",
    "maLinhVuc": "civil_status",
    "maDinhDanh": "000.21.12.H51",
    "ngayTiepNhan": "05/01/2021 08:15",
    "maTrangThai": "2",
    "soTien": "1.250.000",
    "chuHoSo": "Nguyễn Văn Thử",
    "soGiayToChuHoSo": "000000000001",
    "ghiChu": "",
    "ngayCapNhat": "05/01/2021 08:20",
}


@pytest.fixture
def dossiers(warehouse: Settings) -> Contract:
    return contracts(warehouse)["one_stop.dossiers"]


def csv(contract: Contract, *records: dict[str, str] | str) -> bytes:
    header = [column.header for column in contract.columns]
    lines = [";".join(header)]
    for record in records:
        lines.append(record if isinstance(record, str) else ";".join(record.get(name, "") for name in header))
    return ("\ufeff" + "\r\n".join(lines) + "\r\n").encode()


def test_rows_are_typed_by_the_contract(warehouse: Settings, dossiers: Contract) -> None:
    second = GOOD | {
        "maHoSo": "000.00.12.H51-210105-0002",
        "ghiChu": '"hai\r\ndòng; và ""nháy"""',
        "soTien": "",
    }
    deliver(warehouse, dossiers, "a.csv", csv(dossiers, GOOD, second), DAY)
    (batch,) = load(warehouse, dossiers)
    assert (batch.state, batch.rows_in_file, batch.rows_loaded) == ("pending", 2, 2)
    first, other = raw_rows(warehouse, dossiers, batch.batch_id)
    assert first["received_at"] == datetime(2021, 1, 5, 8, 15, tzinfo=ZoneInfo("Asia/Ho_Chi_Minh"))
    assert (first["amount_vnd"], other["amount_vnd"]) == (1_250_000, None)
    assert first["is_returned_by_post"] is False
    assert (first["_row_number"], other["_row_number"]) == (1, 2)
    assert other["dossier_code"] == "000.00.12.H51-210105-0002"


def test_personal_data_are_dropped_or_hashed_with_the_secret(warehouse: Settings, dossiers: Contract) -> None:
    deliver(warehouse, dossiers, "a.csv", csv(dossiers, GOOD, GOOD | {"maHoSo": "bad"}), DAY)
    (batch,) = load(warehouse, dossiers)
    (row,) = raw_rows(warehouse, dossiers, batch.batch_id)
    assert "applicant_name" not in row and "note" not in row
    key = warehouse.secret("hash_key").encode()
    assert row["applicant_hash"] == hmac.new(key, b"000000000001", hashlib.sha256).hexdigest()
    (reject,) = rejects(warehouse, batch.batch_id)
    assert (
        "Nguyễn" not in reject["row_text"]
        and "chuHoSo=•••" in reject["row_text"]
        and "maHoSo=bad" in reject["row_text"]
    )


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("ngayTiepNhan", "31/02/2021 08:00", "ngayTiepNhan: not a time (dd/MM/yyyy HH:mm)"),
        ("ngayTiepNhan", "2021-01-05 08:00", "ngayTiepNhan: not a time (dd/MM/yyyy HH:mm)"),
        ("ngayTiepNhan", "05/01/2021 24:00", "ngayTiepNhan: not a time (dd/MM/yyyy HH:mm)"),
        ("ngayTiepNhan", "now", "ngayTiepNhan: not a time (dd/MM/yyyy HH:mm)"),
        ("ngayTiepNhan", "1/2/24", "ngayTiepNhan: not a time (dd/MM/yyyy HH:mm)"),
        ("ngayCapNhat", "", "ngayCapNhat: missing"),
        (
            "maTrangThai",
            "11",
            "maTrangThai: unmapped code; add dossier_status,one_stop,<code>,<meaning> to seeds/code_mappings.csv",
        ),
        (
            "kenhThucHien",
            "Nguyễn Văn An",
            "kenhThucHien: unmapped code; add channel,one_stop,<code>,<meaning> to seeds/code_mappings.csv",
        ),
        ("maTTHC", "4.004946", "maTTHC: not of the contract's pattern"),
        ("maDinhDanh", "9,5E+10", "maDinhDanh: not an agency's code"),
        ("soTien", "17.63", "soTien: not a whole number"),
        ("soTien", "9.5E+10", "soTien: not a whole number"),
        ("nhanKetQuaBCCI", "maybe", "nhanKetQuaBCCI: neither yes nor no"),
    ],
)
def test_a_bad_value_rejects_its_row_with_the_reason(
    warehouse: Settings, dossiers: Contract, field: str, value: str, reason: str
) -> None:
    deliver(warehouse, dossiers, "a.csv", csv(dossiers, GOOD | {field: value}), DAY)
    (batch,) = load(warehouse, dossiers)
    assert (batch.rows_in_file, batch.rows_rejected) == (1, 1)
    assert rejects(warehouse, batch.batch_id)[0]["reasons"] == [reason]


def test_every_reason_of_a_row_is_told(warehouse: Settings, dossiers: Contract) -> None:
    deliver(
        warehouse,
        dossiers,
        "a.csv",
        csv(dossiers, GOOD | {"maTrangThai": "x", "soTien": "x", "ngayTra": "x"}),
        DAY,
    )
    (batch,) = load(warehouse, dossiers)
    assert len(rejects(warehouse, batch.batch_id)[0]["reasons"]) == 3


def test_odd_rows_become_rejects_or_skips_and_spare_their_neighbours(
    warehouse: Settings, dossiers: Contract
) -> None:
    good = [GOOD | {"maHoSo": f"000.00.12.H51-210105-{n:04}"} for n in range(1, 8)]
    header = ";".join(column.header for column in dossiers.columns)
    text = csv(
        dossiers,
        good[0],
        "too;few;columns",
        good[1],
        "",
        good[2] | {"ghiChu": '"never closed'},
        good[3],
        good[4] | {"ghiChu": 'nhà 5" nhỏ'},
        header,
        good[5] | {"ghiChu": "\x00"},
        ";" * (len(dossiers.columns) - 1),
        good[6],
        good[6],
    )
    text = text.replace("Nguyễn Văn Thử".encode(), b"Nguy\xff", 1)  # the first row's name is no UTF-8
    deliver(warehouse, dossiers, "a.csv", text, DAY)
    (batch,) = load(warehouse, dossiers)
    found = {reject["row_number"]: reject["reasons"][0] for reject in rejects(warehouse, batch.batch_id)}
    assert found == {
        1: "row: a character is not utf-8",
        2: "row: ragged row: 3 columns instead of 28",
        5: "row: unbalanced quote",
        9: "row: a zero character stands in the row",
        12: "row: repeats an earlier row of the file (same key and version)",
    }
    assert (batch.rows_in_file, batch.rows_loaded, batch.rows_rejected, batch.rows_skipped) == (12, 4, 5, 3)
    assert [row["_row_number"] for row in raw_rows(warehouse, dossiers, batch.batch_id)] == [3, 6, 7, 11]
    (profile,) = rows(warehouse, "select profile from ledger.batch where batch_id = %s", batch.batch_id)
    assert profile["profile"]["skipped_by_reason"] == {"blank row": 2, "repeated header": 1}


def test_a_broken_row_with_a_line_break_is_one_reject(warehouse: Settings, dossiers: Contract) -> None:
    noted = [GOOD | {"maHoSo": f"000.00.12.H51-210105-{n:04}", "ghiChu": '"hai\r\ndòng"'} for n in range(4)]
    header = [column.header for column in dossiers.columns]
    ragged = ";".join([*(noted[1].get(name, "") for name in header), "too", "many"])
    data = csv(dossiers, noted[0], ragged, noted[2], noted[3])
    at = data.rindex("Nguyễn Văn Thử".encode())
    deliver(warehouse, dossiers, "a.csv", data[:at] + b"Nguy\xff" + data[at + 8 :], DAY)
    (batch,) = load(warehouse, dossiers)
    assert (batch.rows_in_file, batch.rows_loaded) == (4, 2)
    assert [each["reasons"][0] for each in rejects(warehouse, batch.batch_id)] == [
        "row: ragged row: 30 columns instead of 28",
        "row: a character is not utf-8",
    ]


def test_the_offset_of_a_reject_points_at_its_row(warehouse: Settings, dossiers: Contract) -> None:
    data = csv(
        dossiers,
        *(GOOD | {"maHoSo": f"000.00.12.H51-210105-{n:04}"} for n in range(5)),
        GOOD | {"maHoSo": "bad!"},
        "ragged",
    )
    deliver(warehouse, dossiers, "a.csv", data, DAY)
    (batch,) = load(warehouse, dossiers)
    first, second = rejects(warehouse, batch.batch_id)
    assert data[first["byte_offset"] :].startswith(b"bad!;") and data[second["byte_offset"] :].startswith(
        b"ragged"
    )


def test_a_header_alone_is_a_batch_without_rows(warehouse: Settings, dossiers: Contract) -> None:
    deliver(warehouse, dossiers, "a.csv", csv(dossiers), DAY)
    (batch,) = load(warehouse, dossiers)
    assert (batch.state, batch.rows_in_file) == ("pending", 0)


def test_a_header_spelled_otherwise_is_matched_and_told(warehouse: Settings, dossiers: Contract) -> None:
    data = (
        csv(dossiers, GOOD).replace(b"maHoSo;", "Ma ho\u00a0SO;".encode()).replace(b"soTien;", b"soTien;moi;")
    )
    data = data.replace(b"1.250.000;", b"1.250.000;secret;")
    deliver(warehouse, dossiers, "a.csv", data, DAY)
    (batch,) = load(warehouse, dossiers)
    assert batch.rows_loaded == 1
    (ledger,) = rows(warehouse, "select profile from ledger.batch where batch_id = %s", batch.batch_id)
    assert ledger["profile"]["respelled_columns"] == {"maHoSo": "column 1"}
    assert ledger["profile"]["unknown_columns"] == {"column 23 (3 letters)": 1}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the file is empty"),
        (b"PK\x03\x04 whatever", "binary"),
        (b"a;b;c\r\n1;2;3\r\n", "not the header of one_stop.dossiers"),
        ("maHoSo;maTTHC".encode("utf-16"), "mark of utf-16-le"),
    ],
)
def test_a_file_that_is_no_such_export_is_unreadable_and_says_why(
    warehouse: Settings, dossiers: Contract, data: bytes, reason: str
) -> None:
    deliver(warehouse, dossiers, "a.csv", data, DAY)
    (batch,) = load(warehouse, dossiers)
    assert batch.state == "unreadable" and reason in (batch.reason or "")


def test_a_file_whose_lines_do_not_end_is_unreadable(warehouse: Settings, dossiers: Contract) -> None:
    deliver(warehouse, dossiers, "a.csv", csv(dossiers, GOOD) + b"x" * (MAX_LINE_BYTES + 2_000_000), DAY)
    (batch,) = load(warehouse, dossiers)
    assert batch.state == "unreadable" and f"is longer than {MAX_LINE_BYTES} bytes" in (batch.reason or "")
    assert rows(warehouse, "select 1 from raw.one_stop__dossiers") == []


def test_loading_again_does_nothing(warehouse: Settings, dossiers: Contract) -> None:
    deliver(warehouse, dossiers, "a.csv", csv(dossiers, GOOD), DAY)
    assert len(load(warehouse, dossiers)) == 1
    assert load(warehouse, dossiers) == []
    assert len(rows(warehouse, "select 1 from ledger.batch")) == 1


def test_utf16_with_tabs_and_windows_1258_are_read(warehouse: Settings) -> None:
    known = contracts(warehouse)
    adjustments, traffic = known["one_stop.adjustments"], known["portal.traffic"]
    values = [
        "DC01",
        "dossiers_resolved_on_time",
        "000.21.12.H51",
        "civil_status",
        "-3",
        "30/06/2021",
        "30/06/2021 09:00",
    ]
    values += ["Chủ tịch", "Ủy ban nhân dân xã", "12/BC-UBND", "Lý do"]
    text = (
        "\t".join(column.header for column in adjustments.columns)
        + "\r\n"
        + "\t".join(values)
        + "\r\nragged\r\n"
    )
    deliver(warehouse, adjustments, "a.txt", text.encode("utf-16"), DAY)
    (batch,) = load(warehouse, adjustments)
    (row,) = raw_rows(warehouse, adjustments, batch.batch_id)
    assert (row["amount"], row["signer_position"], row["effective_date"]) == (
        -3,
        "Chủ tịch",
        date(2021, 6, 30),
    )
    (reject,) = rejects(warehouse, batch.batch_id)
    assert text.encode("utf-16")[reject["byte_offset"] :].decode("utf-16-le").startswith("ragged")
    # windows-1258 writes ộ as ô and a combining dot; the warehouse has one character.
    line = "Ngày;Mã đơn vị;Chuyên mục;Lượt truy cập;Lượt xem trang\r\n05/01/2021;H51.12;Tin tức xã hội;1.024;9\r\n"
    decomposed = (
        line.replace("ợ", "ơ\u0323").replace("ậ", "â\u0323").replace("ộ", "ô\u0323").replace("ứ", "ư\u0301")
    )
    decomposed = decomposed.replace("ị", "i\u0323").replace("ụ", "u\u0323").replace("ã", "a\u0303")
    deliver(warehouse, traffic, "a.csv", decomposed.encode("cp1258"), DAY)
    (batch,) = load(warehouse, traffic)
    (row,) = raw_rows(warehouse, traffic, batch.batch_id)
    assert (row["section"], row["visits"]) == ("Tin tức xã hội", 1024)


@pytest.mark.parametrize("first", ["Họ tên", "ệ", "Ўзбек", "日付", "đơn vị"])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-16"])
def test_text_of_two_bytes_is_read_without_a_mark_whatever_its_first_letters_are(
    tmp_path: Path, first: str, encoding: str
) -> None:
    lines = [f"{first};code", *(f"Nguyễn Ệ {n};k{n}" for n in range(5))]
    for written in ("utf-16-le", "utf-16-be") if encoding == "utf-16" else (encoding,):
        path = tmp_path / "file"
        path.write_bytes("\r\n".join(lines).encode(written))
        shown = look(path, "csv", encoding=encoding, delimiter=";")
        assert shown == [line.split(";") for line in lines]
        found = guess(path.read_bytes())
        assert (found.encoding, found.confidence > 0.9) == (written, True)
        page = "<table><tr>" + "</tr><tr>".join(f"<td>{line}</td>" for line in lines) + "</tr></table>"
        if encoding != "utf-16":
            path.write_bytes(page.encode(written))
            assert look(path, "html", encoding=encoding) == [[line] for line in lines]


def test_text_of_one_byte_is_no_text_of_two(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("Họ tên;code\n" * 1000)
    with pytest.raises(Unreadable, match="its first characters take one byte each"):
        look(path, "csv", encoding="utf-16")
