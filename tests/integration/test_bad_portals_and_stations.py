"""Bad input of portals, radio stations and look-ups: a clear reason for every row or file, and nothing else changes."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pytest

from kho import check
from kho.contract import contracts
from kho.load import load
from kho.settings import Settings
from kho.transform import builds
from kho_sample import broadcasting, lookups, radio_survey, tieu_can_portal
from kho_sample.export import Line, crlf_csv
from tests.integration.loading import deliver, load_each, rejects, rows

SEED = "seeds/code_mappings.csv"
DAY = date(2017, 8, 31)
SITE = tieu_can_portal.SITE
NO_DATE, NO_COUNT = "not a date (dd/MM/yyyy)", "not a whole number at least 0"
NO_MOMENT = "not a time (yyyy-MM-dd HH:mm:ss)"
NO_CODE = "not of the contract's pattern"
NO_AGENCY = "not an agency's code"

Row = dict[str, Any]


def rowset(made: list[Row]) -> bytes:
    return tieu_can_portal.rowset(
        [Line("", {name: str(value) for name, value in row.items()}) for row in made]
    )


def statistics(made: list[Row]) -> bytes:
    lines = [tieu_can_portal.TRAFFIC_HEADER, *(tuple(row.values()) for row in made)]
    return "".join("\t".join(map(str, cells)) + "\n" for cells in lines).encode()


def page(made: list[Row]) -> bytes:
    empty = tieu_can_portal.Counters(DAY, (0, 0), (0, 0), (0, 0))
    head, _, _ = tieu_can_portal.page(empty).decode().partition(f"<tr><td>{SITE}")
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row.values()) + "</tr>\n" for row in made)
    return f"{head}{body}</table></body></html>".encode()


def document(made: list[Row]) -> bytes:
    return json.dumps({"items": made}, ensure_ascii=False).encode()


def text(made: list[Row]) -> bytes:
    return crlf_csv([list(lookups.HEADER), *([str(cell) for cell in row.values()] for row in made)]).encode()


def workbook(header: tuple[str, ...]) -> Callable[[list[Row]], bytes]:
    return lambda made: broadcasting.workbook("", header, DAY, [Line("", list(row.values())) for row in made])


def counter_cells() -> Row:
    names = [
        f"{group} {span}"
        for group in ("Tin bài", "Ảnh", "Lượt truy cập")
        for span in ("trong năm", "từ khi hoạt động")
    ]
    return {"Trang": SITE, "Đến ngày": "31-08-2017", **dict.fromkeys(names, "1.250")}


@dataclass(frozen=True)
class Format:
    """An export with one good row; rows that are bad in one cell (`...` leaves it out); files that are bad as a whole."""

    write: Callable[[list[Row]], bytes]
    good: Row
    key: tuple[str, Callable[[int], Any]]  # column that tells rows apart, and its value of the n-th row
    rows: list[tuple[str, Any, str]]
    files: dict[str, tuple[Callable[[bytes], bytes], str]]


def unmapped(domain: str, system: str) -> str:
    """What is told of an unmapped code: not the code itself."""
    return f"unmapped code; add {domain},{system},<code>,<meaning> to {SEED}"


FORMATS = {
    "tieu_can_portal.items": Format(
        rowset,
        {
            "ows_ID": "1", "ows_Site": SITE, "ows_ContentType": "Tin", "ows_ChuyenMuc": "Kinh tế", "ows_Title": "Tin mẫu",
            "ows_Author": "11;#Nguyễn Văn Mẫu", "ows_DonViGui": "H59.06.21", "ows__ModerationStatus": "0", "ows_SoAnh": "3",
            "ows_Created": "2017-08-03 14:20:02", "ows_NgayDang": "2017-08-03 19:20:02", "ows_Modified": "2017-08-17 20:20:02",
        },
        ("ows_ID", str),
        [
            ("ows_ID", ..., "missing"),
            ("ows_ID", "12a", NO_CODE),
            ("ows_ID", "1.00000000000000", NO_CODE),
            ("ows_Site", ..., "missing"),
            ("ows_Site", "tieucan.example", unmapped("agency", "tieu_can_portal")),
            ("ows_ContentType", ..., "missing"),
            ("ows_ContentType", "Video", unmapped("item_type", "tieu_can_portal")),
            ("ows_ContentType", "tin", unmapped("item_type", "tieu_can_portal")),
            ("ows_ChuyenMuc", "", "missing"),
            ("ows_DonViGui", "Xã Tân Hòa", NO_AGENCY),
            ("ows__ModerationStatus", "3", unmapped("item_status", "tieu_can_portal")),
            ("ows__ModerationStatus", ..., "missing"),
            ("ows_SoAnh", "3.00000000000000", NO_COUNT),
            ("ows_SoAnh", "-1", NO_COUNT),
            ("ows_SoAnh", "ba", NO_COUNT),
            ("ows_SoAnh", ..., "missing"),
            ("ows_Created", "2017-02-31 08:15:00", NO_MOMENT),
            ("ows_Created", "2017-08-03T14:20:02Z", NO_MOMENT),
            ("ows_Created", "03/08/2017 14:20", NO_MOMENT),
            ("ows_NgayDang", "chưa đăng", NO_MOMENT),
            ("ows_Modified", ..., "missing"),
            ("ows_Modified", "2017-08-17", NO_MOMENT),
        ],
        {
            "empty": (lambda data: b"", "no whole XML"),
            "cut off": (lambda data: data[: len(data) // 2], "no whole XML"),
            "an error page": (lambda data: b"<html><body><h1>401</h1></body></html>", ""),
            "declares entities": (lambda data: b'<!DOCTYPE xml [<!ENTITY a "b">]>' + data.partition(b"?>")[2], "DOCTYPE"),
            "not the encoding that it says": (lambda data: data.replace("Kinh tế".encode(), b"Kinh t\xca"), "no whole XML"),
        },
    ),
    "tieu_can_portal.traffic": Format(
        statistics,
        {"Site": SITE, "Day": "2017/08/01", "Number of visits": "600", "Pages": "900"},
        ("Day", lambda n: f"2017/08/{n % 28 + 1:02}"),
        [
            ("Site", "", "missing"),
            ("Site", "localhost", unmapped("agency", "tieu_can_portal")),
            ("Site", "TIEUCAN.TRAVINH.EXAMPLE", unmapped("agency", "tieu_can_portal")),
            ("Day", "", "missing"),
            ("Day", "2017/02/29", "not a date (yyyy/MM/dd)"),
            ("Day", "01/08/2017", "not a date (yyyy/MM/dd)"),
            ("Day", "2017/8", "not a date (yyyy/MM/dd)"),
            ("Day", "42948", "not a date (yyyy/MM/dd)"),
            ("Number of visits", "", "missing"),
            ("Number of visits", "1.250", NO_COUNT),
            ("Number of visits", "-5", NO_COUNT),
            ("Number of visits", "6e2", NO_COUNT),
            ("Number of visits", "12 345", NO_COUNT),
            ("Pages", "", "missing"),
            ("Pages", "n/a", NO_COUNT),
            ("Pages", "1,5", NO_COUNT),
        ],
        {
            "empty": (lambda data: b"", "empty"),
            "an error page": (lambda data: b"<html><body>404 Not Found</body></html>\n", "not the header"),
            "another program's table": (lambda data: b"date\thits\tbytes\n2017/08/01\t1\t2\n", "not the header"),
            "packed": (lambda data: gzip.compress(data), ""),
        },
    ),
    "tieu_can_portal.counters": Format(
        page,
        counter_cells(),
        ("Đến ngày", lambda n: f"{n % 28 + 1:02}-07-2017"),
        [
            ("Trang", "", "missing"),
            ("Trang", "khac.example", unmapped("agency", "tieu_can_portal")),
            ("Đến ngày", "", "missing"),
            ("Đến ngày", "31-09-2017", "not a date (dd-MM-yyyy)"),
            ("Đến ngày", "31/08/2017", "not a date (dd-MM-yyyy)"),
            ("Đến ngày", "ngày 31 tháng 8", "not a date (dd-MM-yyyy)"),
            *(
                (name, value, problem)
                for name in list(counter_cells())[2:]
                for value, problem in (("", "missing"), ("17.63", NO_COUNT), ("đang đếm", NO_COUNT))
            ),
        ],
        {
            "empty": (lambda data: b"", ""),
            "no table": (lambda data: b"<html><body><p>H\xe1\xba\xbft phi\xc3\xaan</p></body></html>", "no HTML table"),
            "cut off": (lambda data: data[:-30], "has no end"),
            "another table": (lambda data: b"<table><tr><td>Menu</td></tr></table>", "not the header"),
            "in another encoding": (lambda data: data.decode().encode("utf-16"), ""),
        },
    ),
    "portal.counters": Format(
        document,
        {"unit": "H51.12", "as_of": "2017-08-31", "counter": "items", "year_to_date": 5, "since_opening": 90},
        ("as_of", lambda n: f"2017-07-{n % 28 + 1:02}"),
        [
            ("unit", None, "missing"),
            ("unit", "00.12.H51", NO_AGENCY),
            ("unit", ..., "missing"),
            ("as_of", "31/08/2017", "not a date (yyyy-MM-dd)"),
            ("as_of", "2017-08-32", "not a date (yyyy-MM-dd)"),
            ("as_of", None, "missing"),
            ("as_of", 20170831, "not a date (yyyy-MM-dd)"),
            ("counter", "videos", "not one of the contract's values"),
            ("counter", ..., "missing"),
            ("year_to_date", -1, NO_COUNT),
            ("year_to_date", 1.5, NO_COUNT),
            ("year_to_date", "năm", NO_COUNT),
            ("year_to_date", None, "missing"),
            ("since_opening", [90], NO_COUNT),
            ("since_opening", {"all": 90}, NO_COUNT),
            ("since_opening", True, NO_COUNT),
        ],
        {
            "empty": (lambda data: b"", "the file is empty"),
            "cut off": (lambda data: data[:-5], "cut off"),
            "an error page": (lambda data: b"<html></html>", "not JSON"),
            "no list": (lambda data: b'{"error": "token expired"}', "has no list 'items'"),
        },
    ),
    "broadcasting.programmes": Format(
        workbook(broadcasting.PROGRAMMES),
        dict(
            zip(
                broadcasting.PROGRAMMES,
                ("CT-2017-001", "H51.12", date(2017, 8, 3), "Bản tin", 6, 4000, datetime(2017, 8, 3, 19)),
                strict=True,
            )
        ),
        ("Mã chương trình", lambda n: f"CT-2017-{n:03}"),
        [
            ("Mã chương trình", "", "missing"),
            ("Mã chương trình", "CT01", NO_CODE),
            ("Mã chương trình", 2017001, NO_CODE),
            ("Mã đơn vị", "", "missing"),
            ("Mã đơn vị", "Đài huyện", NO_AGENCY),
            ("Ngày phát", "", "missing"),
            ("Ngày phát", "31/02/2017", NO_DATE),
            ("Ngày phát", "2017-08-03", NO_DATE),
            ("Ngày phát", "sáng thứ hai", NO_DATE),
            ("Tên chương trình", "", "missing"),
            ("Thời lượng (phút)", "", "missing"),
            ("Thời lượng (phút)", "6 phút", "not a whole number at least 1 at most 600"),
            ("Thời lượng (phút)", 0, "not a whole number at least 1 at most 600"),
            ("Thời lượng (phút)", 6.5, "not a whole number at least 1 at most 600"),
            ("Thời lượng (phút)", 6000, "not a whole number at least 1 at most 600"),
            ("Lượt nghe", "", "missing"),
            ("Lượt nghe", "khoảng 4000", NO_COUNT),
            ("Lượt nghe", -1, NO_COUNT),
            ("Cập nhật", "", "missing"),
            ("Cập nhật", "hôm qua", "not a time (dd/MM/yyyy HH:mm)"),
        ],
        {
            "empty": (lambda data: b"", ""),
            "cut off": (lambda data: data[: len(data) // 2], ""),
            "text that calls itself xlsx": (lambda data: b"M\xc3\xa3;T\xc3\xaan\n1;2\n", ""),
            "another workbook": (
                lambda data: broadcasting.workbook("", ("Họ tên", "Điện thoại"), DAY, []),
                "not the header",
            ),
        },
    ),
    "radio_survey.sites": Format(
        workbook(radio_survey.HEADER),
        dict(zip(radio_survey.HEADER, ("DKS-01", "H59.06.21", "Ấp 1", date(2017, 8, 3), "x", ""), strict=True)),
        ("Mã điểm", lambda n: f"DKS-{n:02}"),
        [
            ("Mã điểm", "", "missing"),
            ("Mã điểm", "1", NO_CODE),
            ("Mã đơn vị", "Tân Hòa", NO_AGENCY),
            ("Địa điểm", "", "missing"),
            ("Ngày khảo sát", "tháng 8", NO_DATE),
            ("Đủ điều kiện", "có", "neither yes nor no"),
        ],
        {},
    ),
    "lookups.results": Format(
        text,
        dict(zip(lookups.HEADER, ("31/08/2017", "H51.12", "Zalo", "12"), strict=True)),
        ("Ngày chốt", lambda n: f"{n % 28 + 1:02}/07/2017"),
        [
            ("Ngày chốt", "", "missing"),
            ("Ngày chốt", "tháng 8", NO_DATE),
            ("Ngày chốt", "2017-08-31", NO_DATE),
            ("Ngày chốt", "31/9/2017", NO_DATE),
            ("Mã đơn vị", "", "missing"),
            ("Mã đơn vị", "946", NO_AGENCY),
            ("Kênh tra cứu", "", "missing"),
            ("Kênh tra cứu", "Facebook", unmapped("lookup_channel", "lookups")),
            ("Kênh tra cứu", "zalo", unmapped("lookup_channel", "lookups")),
            ("Số lượt", "", "missing"),
            ("Số lượt", "12,5", NO_COUNT),
            ("Số lượt", "12.34", NO_COUNT),
            ("Số lượt", "-3", NO_COUNT),
            ("Số lượt", "1E+03", NO_COUNT),
            ("Số lượt", "nhiều", NO_COUNT),
        ],
        {
            "empty": (lambda data: b"", "empty"),
            "another table": (lambda data: b"a;b;c\n1;2;3\n", "not the header"),
            "an error page": (lambda data: b"<html>502</html>\n", "not the header"),
            "commas for semicolons": (lambda data: data.replace(b";", b","), "not the header"),
            "a workbook": (lambda data: broadcasting.workbook("", lookups.HEADER, DAY, []), ""),
        },
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def read_before(module_warehouse: Settings) -> Settings:
    """A warehouse in which each format has a good batch, which a build has read."""
    return with_good_batches(module_warehouse)


def with_good_batches(settings: Settings) -> Settings:
    good = [(name, made.write([made.good])) for name, made in FORMATS.items()]
    for batch in load_each(settings, good, DAY, "good"):
        assert (batch.state, batch.rows_loaded, batch.rows_rejected) == ("pending", 1, 0), batch
    assert check.exports(settings, DAY).held == {}
    builds.open_build(settings, DAY)
    builds.close_build(settings)
    return settings


def changed(made: Format, number: int, column: str, value: Any) -> Row:
    key, code = made.key
    row = made.good | ({key: code(number)} if key != column else {})
    return (
        {name: cell for name, cell in row.items() if name != column}
        if value is ...
        else row | {column: value}
    )


def with_bad_rows(made: Format) -> bytes:
    bad = [changed(made, number, column, value) for number, (column, value, _) in enumerate(made.rows, 2)]
    return made.write([made.good, *bad])


@pytest.mark.parametrize("name", FORMATS)
def test_every_bad_row_is_rejected_with_its_reason(read_before: Settings, name: str) -> None:
    made, contract = FORMATS[name], contracts(read_before)[name]
    deliver(read_before, contract, "bad rows", with_bad_rows(made), DAY)
    (batch,) = load(read_before, contract)
    assert (batch.state, batch.rows_loaded, batch.rows_rejected) == ("pending", 1, len(made.rows))
    found = rejects(read_before, batch.batch_id)
    at = "@" if name.endswith(".items") else ""
    told = {row["row_number"]: row["reasons"] for row in found}
    assert told == {
        number: [f"{at}{column}: {problem}"] for number, (column, _, problem) in enumerate(made.rows, 2)
    }
    assert all("Nguyễn" not in (row["row_text"] or "") for row in found)


@pytest.mark.parametrize("name", [name for name, made in FORMATS.items() if made.files])
def test_every_bad_file_is_unreadable_and_says_why(read_before: Settings, name: str) -> None:
    made, contract = FORMATS[name], contracts(read_before)[name]
    data = made.write([made.good])
    for what, (spoil, _) in made.files.items():
        deliver(read_before, contract, what, spoil(data), DAY)
    batches = dict(zip(made.files, load(read_before, contract), strict=True))
    assert {what: batch.state for what, batch in batches.items()} == dict.fromkeys(made.files, "unreadable")
    told = {what: batch.reason for what, batch in batches.items()}
    assert {what: told[what] for what, (_, why) in made.files.items() if why not in told[what]} == {}
    assert all(len(batch.reason) > 10 for batch in batches.values())


def test_the_boundary_holds_them_all_and_the_next_build_reads_what_it_read_before(
    warehouse: Settings,
) -> None:
    with_good_batches(warehouse)
    read = "select batch_id from ledger.build_batch where to_build is null order by 1"
    before = rows(warehouse, read)
    bad = [(name, with_bad_rows(made)) for name, made in FORMATS.items()]
    bad += [
        (name, spoil(made.write([made.good])))
        for name, made in FORMATS.items()
        for spoil, _ in made.files.values()
    ]
    held = {batch.batch_id for batch in load_each(warehouse, bad, DAY, "bad")}
    verdict = check.exports(warehouse, DAY)
    assert verdict.accepted == [] and verdict.held.keys() == held and len(held) == len(bad)
    builds.open_build(warehouse, DAY)
    builds.close_build(warehouse)
    assert rows(warehouse, read) == before and len(before) == len(FORMATS)
