"""Headers, rows that are no data, names of columns and files, personal columns: what is seen in odd samples."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from datetime import date
from html import escape
from pathlib import Path

import pytest
import xlsxwriter
import yaml
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from kho.contract import read_contract
from kho.formats import open_export
from kho_propose import contract_text, fixture, staging
from kho_propose.detect import CannotPropose, delimiter, detect
from kho_propose.infer import propose
from kho_propose.layout import find
from kho_propose.names import FileNames, column_names, file_names, frequency, singular
from kho_propose.personal import look
from kho_propose.proposal import Proposal
from kho_propose.types import Typed
from tests import samples
from tests.examples import examples


def csv_sample(folder: Path, text: str, name: str = "items_20210630.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("kind", "format_", "compression"),
    [
        (kind, kind.split()[0].replace("json", "json"), {"gzip": "gzip", "zip": "zip"}.get(kind.split()[-1]))
        for kind in samples.KINDS
    ],
)
def test_a_file_is_what_its_bytes_say_whatever_its_name(
    tmp_path: Path, kind: str, format_: str, compression: str | None
) -> None:
    path = samples.put(tmp_path, kind, samples.rows(10))
    lying = path.rename(tmp_path / "export.csv")
    shape = detect(lying)
    assert (shape.format, shape.compression) == (format_, compression)


def test_records_are_found_wherever_they_stand(tmp_path: Path) -> None:
    made = samples.rows(10)
    assert detect(samples.put(tmp_path, "json document", made)).records_path == "data.items"
    assert detect(samples.put(tmp_path, "json list", made)).records_path is None
    assert detect(samples.put(tmp_path, "xml", made)).records_path == "register/list/certificate"


def test_of_a_workbooks_sheets_the_one_with_a_table_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "certificates_20210630.xlsx"
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet("Bìa").write(0, 0, "Sổ cấp giấy")
        sheet = book.add_worksheet("Số liệu")
        for y, row in enumerate([list(samples.HEADER), *samples.texts(samples.rows(30))]):
            sheet.write_row(y, 0, row)
        book.add_worksheet("Trống")
    proposal = propose("land.certificates", [path])
    assert (proposal.shape.sheet, proposal.shape.other_sheets) == ("Số liệu", ("Bìa",))
    assert any("Bìa" in remark for remark in proposal.remarks)
    assert "{property: sheet, value: Số liệu}" in contract_text.render(proposal)
    made = fixture.make(proposal)
    assert made.content and made.content.startswith(b"PK")


def test_a_message_is_one_record_though_something_in_it_repeats(tmp_path: Path) -> None:
    path = tmp_path / "message.xml"
    path.write_text(
        "<edXML><From><OrganId>H51.12</OrganId></From><To><OrganId>1</OrganId></To><To><OrganId>2</OrganId></To>"
        "<Code><CodeNumber>12</CodeNumber><CodeNotation>UBND-VP</CodeNotation></Code><Subject>Họp</Subject></edXML>"
    )
    assert detect(path).records_path == "edXML"


@given(st.sampled_from(";,\t|"), st.integers(2, 8), st.integers(3, 20))
def test_the_delimiter_is_what_splits_all_lines_alike(sign: str, width: int, count: int) -> None:
    header = sign.join(f"column {n}" for n in range(width))
    body = [sign.join('"1,5; 2|3"' if n == 0 else f"{row}{n}" for n in range(width)) for row in range(count)]
    assert delimiter("\r\n".join([header, *body])) == sign


def test_decimal_commas_are_no_delimiter() -> None:
    assert delimiter("Mã;Diện tích\nA;1,5\nB;2,5\nC;3,5\n") == ";"


TITLES = [["SỔ ĐĂNG KÝ", "", "", ""], ["Từ ngày 01/01/2021", "", "", ""], ["", "", "", ""]]


def test_titles_sections_numbering_and_totals_are_no_data() -> None:
    rows = [
        *TITLES,
        ["STT", "Đơn vị", "Hồ sơ", "Đúng hạn"],
        ["(1)", "(2)", "(3)", "(4)"],
        ["I", "Cấp huyện", "", ""],
        [1.0, "Phòng Tư pháp", 12.0, 11.0],
        [2.0, "Phòng Nội vụ", 7.0, 7.0],
        ["II", "Cấp xã", "", ""],
        [3.0, "Xã Đại Ân", 3.0, 3.0],
        ["", "", "", ""],
        ["Tổng cộng", "", 22.0, 21.0],
    ]
    layout = find(rows)
    assert (layout.first, layout.header_rows, layout.header) == (3, 1, ["STT", "Đơn vị", "Hồ sơ", "Đúng hạn"])
    assert [rows[n][1] for n in layout.data] == ["Phòng Tư pháp", "Phòng Nội vụ", "Xã Đại Ân"]
    assert {skip.why for skip in layout.skips} == {"total row", "section row", "row that numbers the columns"}
    assert layout.left_over == []


def test_a_header_of_merged_rows_is_named_by_its_lowest_labels() -> None:
    rows = [
        ["STT", "Đơn vị", "Hồ sơ", "Hồ sơ", "Ghi chú"],
        ["STT", "Đơn vị", "Nhận", "Trả", "Ghi chú"],
        ["1", "Phòng Tư pháp", "12", "11", "a"],
        ["2", "Phòng Nội vụ", "7", "7", "b"],
    ]
    layout = find(rows)
    assert (layout.header_rows, layout.header) == (2, ["STT", "Đơn vị", "Nhận", "Trả", "Ghi chú"])
    blank_where_merged = [["STT", "Đơn vị", "Hồ sơ", ""], ["", "", "Nhận", "Trả"], *[r[:4] for r in rows[2:]]]
    layout = find(blank_where_merged)
    assert (layout.header_rows, layout.header) == (2, ["STT", "Đơn vị", "Nhận", "Trả"])


def test_rows_of_words_alone_are_no_second_header() -> None:
    rows = [["Tên", "Loại", "Nơi"], ["Hòa", "lớn", "xã"], ["Bình", "nhỏ", "huyện"], ["Minh", "lớn", "xã"]]
    layout = find(rows)
    assert (layout.header_rows, len(layout.data)) == (1, 3)


def test_a_name_that_begins_like_a_total_is_data(tmp_path: Path) -> None:
    lines = ["Cơ quan;Số lượng;Ngày"] + [f"Tổng cục {n};{n};{n:02d}/06/2021" for n in range(1, 28)]
    proposal = propose("office.items", [csv_sample(tmp_path, "\n".join(lines))])
    assert proposal.skips == [] and len(proposal.columns[0].values) == 27


def test_signatures_below_a_total_are_told() -> None:
    rows = [["Mã", "Tên", "Số"], *[[f"A{n}", f"b{n}", n] for n in range(9)], ["", "Người lập biểu", ""]]
    layout = find(rows)
    assert len(layout.data) == 9 and (layout.left_over or layout.skips)


def test_columns_are_named_by_their_headers_words() -> None:
    headers = [
        "Số vào sổ",
        "maHoSo",
        "case:concept:name",
        "Đã trả?",
        "2021",
        "order",
        "Ngày",
        "ngày",
        "From/OrganId",
    ]
    assert column_names(headers, "payments") == [
        "so_vao_so", "ma_ho_so", "case_concept_name", "da_tra", "column_2021", "payment_order", "ngay", "ngay_2",
        "from_organ_id",
    ]  # fmt: skip


@given(st.lists(st.text(max_size=60), min_size=1, max_size=20))
def test_any_header_gives_a_name_that_a_contract_takes(headers: list[str]) -> None:
    names = column_names(headers, "items")
    assert len(set(names)) == len(headers)
    for name in names:
        assert name[0].isalpha() and name.isascii() and name == name.lower() and len(name) <= 41
        assert name.replace("_", "").isalnum()


def test_singular_words() -> None:
    words = {
        "certificates": "certificate",
        "categories": "category",
        "boxes": "box",
        "addresses": "address",
        "hoso": "hoso",
    }
    assert {word: singular(word) for word in words} == words


def test_file_names_tell_dates_units_and_suffixes() -> None:
    assert file_names(["dossiers_20210630.csv"]).pattern == r"dossiers_(?P<business_date>\d{8})\.csv"
    units = file_names(["list_H51.12_20210401.xls", "list_H51.13_20210401.xls"])
    assert (units.pattern, units.has_units) == (r"list_[^_]+_(?P<business_date>\d{8})\.xls", True)
    late = file_names(["d_20210629.csv", "d_20210630_late.csv"])
    assert (late.pattern, late.has_units) == (r"d_(?P<business_date>\d{8})(_[A-Za-z0-9]+)?\.csv", False)
    parts = file_names(["d_20210629_1of2.csv", "d_20210630_2of2.csv"])
    assert (parts.pattern, parts.has_parts) == (
        r"d_(?P<business_date>\d{8})_(?P<part>\d+)of(?P<parts>\d+)\.csv",
        True,
    )
    assert (
        file_names(["d_part1_20210629.csv"]).pattern == r"d_part(?P<part>\d+)_(?P<business_date>\d{8})\.csv"
    )
    assert file_names(["export.csv"]) == FileNames(r"export\.csv", ())
    assert file_names(["list_a.csv", "list_b.csv"]) == FileNames(r"list_[^_]+", ())
    assert file_names(["export_12345678.csv"]).dates == ()  # no day


def test_a_file_that_comes_once_is_expected_no_more(tmp_path: Path) -> None:
    proposal = proposal_of(tmp_path, "Mã;Loại", [f"A{n};{n % 3}" for n in range(60)], "dump.csv")
    (asked,) = [each for each in proposal.questions if each.topic == "frequency"]
    proposal.answer(asked, "once")
    path = tmp_path / "office" / "items.yaml"
    path.parent.mkdir()
    path.write_text(contract_text.render(proposal))
    contract = read_contract(path)
    assert contract.frequency is None and contract.is_named("dump.csv") and not contract.names_its_days
    assert any("is of the day on which it was written" in remark for remark in proposal.remarks)


def test_how_often_is_told_by_dates_in_a_row() -> None:
    assert frequency([date(2021, 6, 29), date(2021, 6, 30)]) == "d"
    assert frequency([date(2021, 5, 31), date(2021, 6, 30), date(2021, 7, 31)]) == "m"
    assert frequency([date(2021, 1, 1), date(2021, 4, 1), date(2021, 7, 1)]) == "q"
    assert frequency([date(2021, 5, 31), date(2021, 6, 30)]) is None  # may be picked from a daily export
    assert frequency([date(2021, 6, 30)]) is None
    assert frequency([date(2021, 6, 1), date(2021, 6, 8)]) is None


@pytest.mark.parametrize(
    ("header", "values", "kind"),
    [
        ("Họ và tên", ["x"], "name"),
        ("chuHoSo", ["x"], "name"),
        ("applicant_name", ["x"], "name"),
        ("Tên thủ tục", ["Đăng ký khai sinh", "Cấp giấy"], None),
        ("procedure_name", ["birth"], None),
        ("Số điện thoại", ["1"], "phone"),
        ("Liên lạc", ["0912345678", "0987654321"], "phone"),
        ("contact", ["an.nguyen@example.com"], "email"),
        ("Số giấy tờ", ["1"], "identity"),
        ("Giấy tờ", ["079123456789", "079123456780"], "identity"),
        ("Ngày sinh", ["01/01/1980"], "birth"),
        ("Địa chỉ", ["x"], "address"),
        ("Nơi nhận", ["Số 5, ấp 3", "ấp 4", "ấp 5", "ấp 6", "ấp 7", "ấp 8"], "address"),
        ("Phụ trách", ["Nguyễn Văn An", "TRẦN THỊ BÌNH"], "name"),
        ("Kết quả", ["đồng ý", "giao bà Trần Thị Bình xử lý"], "text"),
        ("Trích yếu", ["x"], "text"),
        ("Ket qua", [*(f"xong {n}" for n in range(200)), "gọi 0912 345 678"], "text"),
        ("Đơn vị", ["UBND xã Lê Hồng Phong", "UBND xã Đại Ân"], None),
        ("Loại người nộp", ["cá nhân"], None),
        ("Số người", ["3"], None),
        ("Chức vụ người ký", ["Chủ tịch"], None),
        ("Tên đường", ["Nguyễn Huệ", "Lê Lợi", "Trần Hưng Đạo"], None),
        ("Xã, phường", ["Lê Hồng Phong", "Trần Phú", "Võ Thị Sáu"], None),
        ("Street Name", ["LE VAN DUYET", "Nguyễn Trãi"], None),
        ("Cross Street 1", ["BROADWAY", "5 AVENUE"], None),
        ("Borough", ["Nguyễn Văn Cừ"], None),
        ("Trường học", ["Trường THPT Nguyễn Huệ", "THCS Lê Quý Đôn"], None),
        ("Cơ sở", ["Trường Tiểu học Trần Quốc Toản", "Chợ Lê Bình", "cầu Nguyễn Văn Trỗi"], None),
        ("Phụ trách", ["LE VAN TAM", "TRAN THI BICH NGOC", "PHAM MINH DUC"], "name"),
        ("Phụ trách", ["Le Van Tam", "Tran Thi Binh"], "name"),
        ("Kết quả", [*(f"xong {n}" for n in range(20)), "giao LE VAN TAM xu ly"], "text"),
        ("Kết quả", [*(f"xong {n}" for n in range(20)), "đã chuyển chị Lan, anh Tâm xử lý"], "text"),
        ("Kết quả", [*(f"xong {n}" for n in range(20)), "hỏi đ/c Hùng"], "text"),
        ("Kết quả", [*(f"chờ {n}" for n in range(20)), "họp ở Bà Rịa, Hồ Chí Minh"], "text"),
        ("Ket qua", ["Le Chateau Bleu", "Van Buren Street", "Mai Tai Bar", "To Be Done"], None),
        ("Tinh", ["LAM DONG", "CAO BANG", "SON LA", "HA TINH", "HO CHI MINH"], None),
    ],
)
def test_personal_columns_are_told_by_header_or_values(
    header: str, values: list[str], kind: str | None
) -> None:
    found = look(header, Typed("string"), values)
    assert (found and found.kind) == kind
    assert not found or found.treatment == ("hash" if kind == "identity" else "drop")


def test_a_measure_is_not_personal_for_what_its_header_hints_at() -> None:
    assert look("Số tiền người nộp", Typed("integer"), ["1000"]) is None
    assert look("Số CCCD", Typed("integer"), ["12345678901"]) is not None


def proposal_of(tmp_path: Path, header: str, rows: list[str], name: str = "items_20210630.csv") -> Proposal:
    return propose("office.items", [csv_sample(tmp_path, "\n".join([header, *rows]), name)])


def test_a_personal_column_is_no_key_if_another_will_do(tmp_path: Path) -> None:
    rows = [f"0912345{n:03d};{n % 7};{n // 7};2021-06-01" for n in range(60)]
    proposal = proposal_of(tmp_path, "Số điện thoại;Mã xã;Mã số;Ngày", rows)
    assert [column.header for column in proposal.key] == ["Mã xã", "Mã số"]
    alone = proposal_of(
        tmp_path, "Số điện thoại;Loại;Ngày", [f"0912345{n:03d};a;2021-06-01" for n in range(60)]
    )
    (key,) = alone.key
    assert key.header == "Số điện thoại" and key.personal and key.personal.treatment == "hash"


def test_row_numbers_are_no_key(tmp_path: Path) -> None:
    rows = [f"{n};H{n * 37 % 1000};{n % 3}" for n in range(1, 60)]
    assert [c.header for c in proposal_of(tmp_path, "STT;Số hiệu;Loại", rows).key] == ["Số hiệu"]


def test_without_any_key_that_is_asked(tmp_path: Path) -> None:
    proposal = proposal_of(tmp_path, "Loại;Cấp", [f"{n % 2};{n % 3}" for n in range(60)])
    assert "key" in {question.topic for question in proposal.questions}


def test_an_event_log_is_keyed_by_case_activity_and_time(tmp_path: Path) -> None:
    rows = [
        f"case {n // 4},{('start', 'check', 'check', 'end')[n % 4]},2011-10-{10 + n // 4 % 18:02d} 1{n % 4}:42:22"
        f"{'.688000' if n % 3 else ''}+02:00,{'EMPTY' if n % 5 else 'manual'}"
        for n in range(120)
    ]
    proposal = proposal_of(tmp_path, "case:concept:name,concept:name,time:timestamp,case:channel", rows)
    types = {column.header: column.typed.type for column in proposal.columns}
    assert types["time:timestamp"] == "timestamp"
    assert proposal.timestamp_format == "yyyy-MM-dd HH:mm:ssXXX"
    assert proposal.conventions.null_texts == ("EMPTY",)
    keyed = [column.header for column in proposal.key]
    assert keyed == ["case:concept:name", "concept:name", "time:timestamp"]
    assert proposal.case_column == proposal.key[0].name


@pytest.mark.parametrize(
    ("header", "row", "case", "keyed"),
    [
        ("Mã hồ sơ;Bước xử lý;Thời gian;Ghi nhận", "HS{c};{a};{t};x{c}", "Mã hồ sơ", ["Mã hồ sơ", "Bước xử lý", "Thời gian"]),
        ("Case ID;Activity;Complete Timestamp;Resource group", "{c};{a};{t};g{c}", "Case ID", ["Case ID", "Activity", "Complete Timestamp"]),
        ("eventID;case;activityNameNL;time:timestamp", "{n};c{c};{a};{t}", "case", ["case", "eventID"]),
        ("Thời điểm;Số hồ sơ;Trạng thái", "{t};{c};{a}", "Số hồ sơ", ["Số hồ sơ", "Trạng thái", "Thời điểm"]),
    ],
)  # fmt: skip
def test_an_event_log_is_told_by_its_cases_which_come_again(
    tmp_path: Path, header: str, row: str, case: str, keyed: list[str]
) -> None:
    rows = [
        row.format(c=n // 4, n=n, a=("nhận", "thẩm tra", "trình ký", "trả")[n % 4], t=f"2021-06-{n // 4 % 28 + 1:02d} 1{n % 4}:42:22")
        for n in range(120)
    ]  # fmt: skip
    proposal = proposal_of(tmp_path, header, rows)
    assert proposal.case_column == next(each.name for each in proposal.columns if each.header == case)
    assert [column.header for column in proposal.key] == keyed
    assert "caseColumn" in contract_text.render(proposal)
    assert any("an event log" in remark for remark in proposal.remarks)


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("Mã hồ sơ;Trạng thái;Cập nhật", "HS{n};{a};{t}"),  # a row per dossier
        ("Mã đơn vị;Trạng thái;Cập nhật;Mã hồ sơ", "U{c};{a};{t};HS{n}"),  # units come again, dossiers don't
        ("Mã hồ sơ;Loại;Ngày", "HS{c};{n};2021-06-01"),  # nothing happens
    ],
)
def test_other_tables_are_no_event_logs(tmp_path: Path, header: str, row: str) -> None:
    rows = [
        row.format(c=n // 4, n=n, a=("nhận", "trả")[n % 2], t=f"2021-06-{n // 4 % 28 + 1:02d} 1{n % 4}:42:22")
        for n in range(120)
    ]
    assert proposal_of(tmp_path, header, rows).case_column is None


def test_values_of_a_sample_are_told_and_bind_no_later_file(tmp_path: Path) -> None:
    rows = [f"A{n};{('mở', 'đóng')[n % 2]}" for n in range(500)]
    proposal = proposal_of(tmp_path, "Mã;Trạng thái", rows)
    text = contract_text.render(proposal)
    path = tmp_path / "office" / "items.yaml"
    path.parent.mkdir()
    path.write_text(text)
    assert read_contract(path).columns[1].values == ()
    assert "so far mở, đóng: if there are no others, an enum of them rejects mistakes" in text
    assert "accepted_values" not in staging.render_yaml(proposal)
    for few in (rows[:50], [*rows, "A999;lạ"]):
        assert "so far" not in contract_text.render(proposal_of(tmp_path, "Mã;Trạng thái", few))


def test_a_person_is_nowhere_in_the_fixture(tmp_path: Path) -> None:
    """Names hide in codes, remarks, titles and other people's rows; such rows are left out, whole."""
    rows = [
        f"A{n};Nguyễn Văn Bảy Mươi {n};09{n:08d};{'x' if n % 2 else f'nguyen van bay muoi {n}'};{n}"
        for n in range(120)
    ]
    rows.insert(5, "A990;Trần Thị Cả;0911111111;giao anh Trần Thị Cả xử lý;1")
    proposal = proposal_of(tmp_path, "Mã;Họ tên;Điện thoại;Kết quả;Số", rows)
    assert "names of people" in (proposal.columns[3].remark or "")
    made = fixture.make(proposal)
    text = (made.content or b"").decode()
    assert "A1;" in text and "A0;" not in text and "A990" not in text
    assert "Bảy Mươi" not in text and "bay muoi" not in text and "Thị Cả" not in text
    assert fixture.make(proposal).content == made.content  # the same every time
    for line in text.splitlines()[1:]:
        assert line.split(";")[2].startswith("0000")  # nobody's number, in the shape of a phone's


def test_nobody_is_in_a_fixture_without_accents_nor_in_notes(tmp_path: Path) -> None:
    notes = [
        "xong",
        "giao LE VAN TAM xu ly",
        "hỏi anh Tâm",
        "chuyển chị Lan",
        "gọi đ/c Hùng",
        "Tran Thi Bich Ngoc ky",
    ]
    rows = [f"A{n};{notes[n] if n < 6 else f'xong {n}'};{n}" for n in range(400)]
    proposal = proposal_of(tmp_path, "Mã;Kết quả;Số", rows)
    assert proposal.columns[1].personal is None  # they are too few to say so
    assert "names of people" in (proposal.columns[1].remark or "")
    made = fixture.make(proposal)
    text = (made.content or b"").decode()
    assert "A0;" in text and "A6;" in text and len(text.splitlines()) == 21
    assert not any(f"A{n};" in text for n in range(1, 6))


def test_what_only_personal_columns_leave_open_is_not_asked_nor_shown(tmp_path: Path) -> None:
    rows = [f"A{n};0{n % 9 + 1}/05/1980;912.345.{n:03d}" for n in range(60)]
    proposal = proposal_of(tmp_path, "Mã;Ngày sinh;Điện thoại nhà", rows)
    assert {question.topic for question in proposal.questions} == {"load", "frequency"}
    assert (proposal.date_format, proposal.numbers) == (None, None)
    both = proposal_of(
        tmp_path, "Mã;Ngày sinh;Ngày cấp", [f"A{n};0{n % 9 + 1}/05/1980;02/03/2021" for n in range(60)]
    )
    (question,) = [each for each in both.questions if each.topic == "dates"]
    assert "02/03/2021" in question.text and "1980" not in contract_text.render(both)


def test_where_everybody_is_everywhere_there_is_no_fixture(tmp_path: Path) -> None:
    rows = [f"Nguyễn Văn An {chr(65 + n)};nguyen van an {chr(65 + n)}/{n}" for n in range(26)]
    made = fixture.make(proposal_of(tmp_path, "Họ tên;Mã", rows))
    assert made.content is None and made.problem


def test_a_foreign_name_is_made_up_in_what_the_encoding_can_write(tmp_path: Path) -> None:
    rows = "\n".join(f"K{n};Jürgen Müller {n};Köln Süd {n}" for n in range(30))
    path = tmp_path / "kunden_20210630.csv"
    path.write_bytes(f"Code;Customer name;Größe\n{rows}".encode("cp1252"))
    proposal = propose("office.items", [path])
    made = fixture.make(proposal)
    assert proposal.encoding == "cp1252" and made.content and b"J\xfcrgen" not in made.content


def test_the_model_reads_all_that_is_kept_and_quotes_nothing(tmp_path: Path) -> None:
    rows = [f"A{n};{n};Nguyễn Văn An;{n:012d};2021-06-01 08:00" for n in range(60)]
    proposal = proposal_of(tmp_path, "Mã;order;Họ tên;Số CCCD;Cập nhật", rows)
    sql = staging.render_sql(proposal)
    assert "_key as item_key,\n  ma,\n  item_order,\n  so_cccd,\n  cap_nhat,\n" in sql
    assert "ho_ten" not in sql
    path = tmp_path / "office" / "items.yaml"
    path.parent.mkdir()
    path.write_text(contract_text.render(proposal))
    contract = read_contract(path)
    assert contract.file.version_column == "cap_nhat"
    assert {c.name: c.keys.personal_data for c in contract.columns if c.keys.personal_data} == {
        "ho_ten": "drop",
        "so_cccd": "hash",
    }


def test_columns_that_only_some_samples_have_are_told(tmp_path: Path) -> None:
    first = csv_sample(tmp_path, "Mã;Tên\nA1;x\nA2;y", "items_20210629.csv")
    second = csv_sample(tmp_path, "ma;Mới;TÊN\nA3;1;z", "items_20210630.csv")
    proposal = propose("office.items", [first, second])
    assert [column.header for column in proposal.columns] == ["Mã", "Tên", "Mới"]
    assert [column.is_required for column in proposal.columns] == [True, True, False]
    assert any("items_20210629.csv lacks Mới" in remark for remark in proposal.remarks)


def test_a_list_that_comes_again_may_be_a_whole_one(tmp_path: Path) -> None:
    folder = tmp_path
    for n in range(2):
        lines = [f"A{k};{k * 3}" for k in range(n, 40 + n)]
        csv_sample(folder, "\n".join(["Mã;Số", *lines]), f"items_2021063{n}.csv".replace("31", "29"))
    proposal = propose("office.items", sorted(folder.iterdir()))
    (question,) = [each for each in proposal.questions if each.topic == "load"]
    assert "% of a file's keys come again" in question.text
    assert "input_rows('office.items')" in staging.render_sql(proposal)
    proposal.answer(question, "full")
    assert proposal.full_list_of == ("ma",)
    assert "list_rows('office.items')" in staging.render_sql(proposal)
    (model,) = yaml.safe_load(staging.render_yaml(proposal))["models"]
    assert [column["name"] for column in model["columns"]][-3:] == ["list_unit", "list_date", "listed_to"]
    with pytest.raises(ValueError, match="is none of"):
        proposal.answer(question, "both")


def test_json_that_is_no_list_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "one_20210630.json"
    path.write_text(json.dumps({"a": {"b": [1, 2]}}, indent=1))
    with pytest.raises(Exception, match="no list of records"):
        propose("office.items", [path])


CELLS = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_categories=("Cs",), exclude_characters="\0"), max_size=30),
    st.sampled_from(
        [
            "",
            "-",
            "1.250",
            "12,5",
            "01/02/2021",
            "x",
            "NULL",
            "Nguyễn Văn An",
            "0912345678",
            "Tổng cộng",
            "I",
            "¹",
        ]
    ),
    st.integers(-(10**6), 10**6).map(str),
)


@examples(60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data(), width=st.integers(1, 6), kind=st.sampled_from(["csv", "jsonl", "html"]))
def test_whatever_a_sample_holds_a_proposal_is_a_contract_and_a_fixture_it_reads(
    data: st.DataObject, width: int, kind: str
) -> None:
    cells = data.draw(st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1, max_size=12))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "items_20210630.dat"
        path.write_bytes(in_kind(kind, cells))
        try:
            proposal = propose("office.items", [path])
        except CannotPropose:
            return
        written = Path(folder) / "office" / "items.yaml"
        written.parent.mkdir()
        written.write_text(contract_text.render(proposal))
        contract = read_contract(written)
        assert contract.is_draft
        yaml.safe_load(staging.render_yaml(proposal))
        made = fixture.make(proposal)
        if made.content is not None:
            fixed = Path(folder) / made.name
            fixed.write_bytes(made.content)
            assert sum(block.row_count for block in open_export(contract, fixed).blocks())


def in_kind(kind: str, cells: list[list[str]]) -> bytes:
    if kind == "csv":
        text = io.StringIO()
        csv.writer(text, delimiter=";").writerows(cells)
        return text.getvalue().encode()
    if kind == "jsonl":
        names = [f"{n} {cell}" for n, cell in enumerate(cells[0])]
        return "".join(json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in cells[1:]).encode()
    rows = ("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in cells)
    return f"<table>{''.join(rows)}</table>".encode()
