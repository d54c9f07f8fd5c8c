"""Bad input of the post's CSV and the portal's JSON: a clear reason for every row or file, and nothing else changes."""

from __future__ import annotations

import copy
import json
from datetime import date
from typing import Any

import pytest

from kho import check
from kho.contract import contracts
from kho.formats.encodings import windows_1258
from kho.load import load
from kho.settings import Settings
from kho.transform import builds
from kho_sample.post import HEADER
from tests.integration.loading import deliver, load_each, rejects, rows

DAY = date(2021, 1, 31)
SEED = "seeds/code_mappings.csv"
BILL = dict(
    zip(
        HEADER,
        (
            "EX000000001VN", "T", "000.05.12.H51-210104-0001", "H51.12.05", "95100", "05/01/2021 16:10", "06/01/2021 08:30",
            "PTC", "26.000", "Nguyễn Văn Mẫu", "0000000001", "Số 1, ấp Tưởng Tượng 1", "06/01/2021 08:30",
        ),
        strict=True,
    )
)  # fmt: skip
SUBMISSION: dict[str, Any] = {
    "id": "DVC-2021-000001",
    "dossier": {"code": "000.05.12.H51-210104-0001"},
    "unit": "H51.12.05",
    "procedure": {"code": "1.004946"},
    "state": "TIEP_NHAN",
    "submitted_at": "2021-01-04T07:15:00+07:00",
    "accepted_at": "2021-01-04T08:15:00+07:00",
    "applicant": {"name": "Nguyễn Văn Mẫu", "phone": "0000000001", "email": "an@example.vn"},
    "updated_at": "2021-01-04T08:15:00+07:00",
}


def post(*bills: dict[str, str]) -> bytes:
    lines = [";".join(HEADER), *(";".join(each.values()) for each in bills)]
    return windows_1258("\r\n".join(lines) + "\r\n")


def online(*items: Any) -> bytes:
    return json.dumps({"items": list(items)}, ensure_ascii=False).encode()


def put(item: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(item)
    *above, name = path.split(".")
    place = changed
    for each in above:
        place = place[each]
    if value is ...:
        del place[name]
    else:
        place[name] = value
    return changed


def reasons(settings: Settings, name: str, data: bytes) -> list[str]:
    """What the only row of this file is rejected for."""
    contract = contracts(settings)[name]
    (day,) = rows(settings, "select count(*) as n from ledger.delivery")
    deliver(settings, contract, f"file{day['n']:03}", data, DAY)
    (batch,) = load(settings, contract)
    assert (batch.state, batch.rows_in_file, batch.rows_loaded) == ("pending", 1, 0), batch
    (row,) = rejects(settings, batch.batch_id)
    assert "Nguyễn" not in (row["row_text"] or "") and "0000000001" not in (row["row_text"] or "")
    return row["reasons"]


BAD_BILLS = [
    ("Số hiệu bưu gửi", "", "missing"),
    ("Số hiệu bưu gửi", "EX12VN", "not of the contract's pattern"),
    ("Số hiệu bưu gửi", "1,2E+12", "a number that a workbook has shortened: its digits are lost"),
    ("Chiều", "", "missing"),
    ("Chiều", "X", f"unmapped code; add post_direction,post,<code>,<meaning> to {SEED}"),
    ("Chiều", "n", f"unmapped code; add post_direction,post,<code>,<meaning> to {SEED}"),
    ("Mã hồ sơ", "", "missing"),
    ("Mã hồ sơ", "210104-0001", "not of the contract's pattern"),
    ("Mã hồ sơ", "000.05.12.H51-4/1/21-0001", "not of the contract's pattern"),
    ("Mã đơn vị", "5", "not an agency's code"),
    ("Mã đơn vị", "", "missing"),
    ("Ngày chấp nhận", "", "missing"),
    ("Ngày chấp nhận", "31/02/2021 08:00", "not a time (dd/MM/yyyy HH:mm)"),
    ("Ngày chấp nhận", "2021-01-05 08:00", "not a time (dd/MM/yyyy HH:mm)"),
    ("Ngày phát", "06/01/2021", "not a time (dd/MM/yyyy HH:mm)"),
    ("Ngày phát", "44201", "not a time (dd/MM/yyyy HH:mm)"),
    ("Trạng thái", "đã phát", f"unmapped code; add post_status,post,<code>,<meaning> to {SEED}"),
    ("Trạng thái", "99", f"unmapped code; add post_status,post,<code>,<meaning> to {SEED}"),
    ("Cước", "26.4", "not a whole number at least 0"),
    ("Cước", "-26.000", "not a whole number at least 0"),
    ("Cước", "2.6E+04", "not a whole number at least 0"),
    ("Cước", "", "missing"),
    ("Cập nhật", "hôm qua", "not a time (dd/MM/yyyy HH:mm)"),
]


@pytest.mark.parametrize(("header", "value", "problem"), BAD_BILLS)
def test_a_bad_bill_is_rejected_with_its_reason(
    module_warehouse: Settings, header: str, value: str, problem: str
) -> None:
    data = post(BILL | {header: value})
    assert reasons(module_warehouse, "post.handovers", data) == [f"{header}: {problem}"]


BAD_SUBMISSIONS = [
    ("id", ..., "missing"),
    ("id", "DVC-1", "not of the contract's pattern"),
    ("id", 17, "not of the contract's pattern"),
    ("unit", None, "missing"),
    ("unit", "05.12.H51", "not an agency's code"),
    ("unit", "", "missing"),
    ("dossier.code", "17", "not of the contract's pattern"),
    ("procedure.code", ..., "missing"),
    ("procedure.code", "1004946", "not of the contract's pattern"),
    ("procedure.code", ["1.004946"], "not of the contract's pattern"),
    ("procedure", "1.004946", "missing"),
    ("state", None, "missing"),
    ("state", "DANG_CHO", f"unmapped code; add submission_status,online_services,<code>,<meaning> to {SEED}"),
    ("state", 2, f"unmapped code; add submission_status,online_services,<code>,<meaning> to {SEED}"),
    ("state", "đang chờ xử lý", f"unmapped code; add submission_status,online_services,<code>,<meaning> to {SEED}"),
    ("submitted_at", "2021-02-31T08:15:00+07:00", "not a time (yyyy-MM-dd'T'HH:mm:ssXXX)"),
    ("submitted_at", "04/01/2021 08:15", "not a time (yyyy-MM-dd'T'HH:mm:ssXXX)"),
    ("submitted_at", "2021-01-04T08:15:00", "not a time (yyyy-MM-dd'T'HH:mm:ssXXX)"),
    ("submitted_at", 1609722900, "not a time (yyyy-MM-dd'T'HH:mm:ssXXX)"),
    ("submitted_at", ..., "missing"),
    ("accepted_at", "chưa", "not a time (yyyy-MM-dd'T'HH:mm:ssXXX)"),
    ("updated_at", None, "missing"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value", "problem"), BAD_SUBMISSIONS)
def test_a_bad_submission_is_rejected_with_its_reason(
    module_warehouse: Settings, path: str, value: Any, problem: str
) -> None:
    headers = {"procedure": "procedure.code"}
    data = online(put(SUBMISSION, path, value))
    found = reasons(module_warehouse, "online_services.submissions", data)
    assert found == [f"{headers.get(path, path)}: {problem}"]


GOOD_BILL, GOOD_ITEM = post(BILL), online(SUBMISSION)
BAD_FILES = [
    ("post.handovers", b"", "the file is empty"),
    ("post.handovers", b"<html><body>502 Bad Gateway</body></html>", "this is not the header of post.handovers: 13 of 13 columns are missing"),
    ("post.handovers", GOOD_BILL.replace(b";", b","), "this is not the header of post.handovers: 13 of 13 columns are missing"),
    ("post.handovers", b"PK\x03\x04" + b"\x00" * 200, "the file is binary"),
    ("post.handovers", post(BILL).decode("cp1258").encode("utf-16"), "the file starts with the mark of utf-16"),
    ("online_services.submissions", b"", "the file is empty"),
    ("online_services.submissions", b'{"items": [', "is the file cut off?"),
    ("online_services.submissions", b'{"error": "maintenance"}', "has no list 'items'"),
    ("online_services.submissions", b'{"items": "none"}', "has no list 'items'"),
    ("online_services.submissions", b"<html>login</html>", "not JSON"),
    ("online_services.submissions", GOOD_ITEM.decode().encode("utf-16"), "not JSON"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "data", "problem"), BAD_FILES)
def test_a_file_that_is_no_such_export_is_unreadable_and_says_why(
    module_warehouse: Settings, name: str, data: bytes, problem: str
) -> None:
    contract = contracts(module_warehouse)[name]
    deliver(module_warehouse, contract, f"bad{BAD_FILES.index((name, data, problem))}", data, DAY)
    (batch,) = load(module_warehouse, contract)
    assert batch.state == "unreadable" and problem in batch.reason
    assert (batch.rows_in_file, batch.rows_loaded) == (0, 0)


def test_the_boundary_holds_them_all_and_the_next_build_reads_what_it_read_before(
    warehouse: Settings,
) -> None:
    bills = [("post.handovers", post(BILL | {header: value})) for header, value, _ in BAD_BILLS]
    sent = [
        ("online_services.submissions", online(put(SUBMISSION, path, value)))
        for path, value, _ in BAD_SUBMISSIONS
    ]
    bad = load_each(warehouse, [*bills, *sent, *((name, data) for name, data, _ in BAD_FILES)], DAY, "bad")
    pair = [("post.handovers", GOOD_BILL), ("online_services.submissions", GOOD_ITEM)]
    good = sorted(batch.batch_id for batch in load_each(warehouse, pair, DAY, "good"))
    verdict = check.exports(warehouse, DAY)
    assert sorted(verdict.accepted) == good
    states = rows(
        warehouse,
        "select state, count(*)::int as n from ledger.batch where batch_id = any(%s) group by 1",
        [batch.batch_id for batch in bad],
    )
    assert {each["state"]: each["n"] for each in states} == {
        "held": len(BAD_BILLS) + len(BAD_SUBMISSIONS),
        "unreadable": len(BAD_FILES),
    }
    builds.open_build(warehouse, DAY)
    read = rows(warehouse, "select batch_id from ledger.build_input order by 1")
    assert [each["batch_id"] for each in read] == good
