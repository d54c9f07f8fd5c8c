"""Texts of HTML and XML with markup in them: words stay words where a reader sees them apart, and what nobody sees is no text."""

from __future__ import annotations

import base64
import quopri
from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart
from email.mime.text import MIMEText
from email.policy import SMTP
from pathlib import Path

import pytest

from kho.formats import Unreadable, look, open_export
from kho.formats.encodings import windows_1258
from kho.settings import Settings
from kho_propose.detect import CannotPropose, detect
from kho_propose.reading import read
from tests.integration.loading import raw_rows, rejects
from tests.integration.registers import (
    HEADER,
    WRITTEN,
    expect_register,
    expect_unreadable,
    load_one,
    register,
)
from tests.integration.test_load_workbooks import WRITERS
from tests.integration.test_load_xml import document, record, xml_register


def page(lines: list[list[str]]) -> str:
    table = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in line) + "</tr>" for line in lines)
    return f"<html><body><table>{table}</table></body></html>"


MARKUP = [
    ("Tư pháp<br>Hộ tịch", "Tư pháp Hộ tịch"),
    ("Tư pháp<br/>\n Hộ tịch<br>", "Tư pháp Hộ tịch"),
    ("<p>Tư pháp</p><p>Hộ tịch</p>", "Tư pháp Hộ tịch"),
    ("<div>Tư pháp</div>Hộ tịch", "Tư pháp Hộ tịch"),
    ("Tư pháp<ul><li>Hộ tịch</li><li>Chứng thực</li></ul>", "Tư pháp Hộ tịch Chứng thực"),
    ("<span><div>Tư</div></span>pháp", "Tư pháp"),
    ("<b>T</b>ư ph<span>áp</span>", "Tư pháp"),
    ("H<sub>2</sub>O", "H2O"),
    ("12<ins>3</ins>", "123"),
    ("Tư<!-- không thấy --> pháp", "Tư pháp"),
    ("x<script>var a=1</script><style>td {color: red}</style>y", "xy"),
    ("<a href='#'>Tư pháp</a>&nbsp;Hộ&#32;tịch", "Tư pháp Hộ tịch"),
    ("<table><tr><td>a</td><td>b</td></tr></table>", "a b"),
]


@pytest.mark.parametrize(("cell", "text"), MARKUP[:-1])
def test_html_is_read_in_the_words_that_a_browser_shows(tmp_path: Path, cell: str, text: str) -> None:
    path = tmp_path / "page.html"
    path.write_text(page([["Phòng", "Số"], [cell, "1"]]))
    assert look(path, "html") == [["Phòng", "Số"], [text, "1"]]


@pytest.mark.parametrize("pages", ["1<br>2", "1<p>2</p>", "<div>1</div><div>2</div>", "1<hr>2"])
def test_lines_of_digits_are_no_number(warehouse: Settings, tmp_path: Path, pages: str) -> None:
    lines = [*WRITTEN[0]]
    lines[4] = pages
    batch = load_one(warehouse, register(tmp_path, "html"), page([HEADER, lines]).encode())
    (reject,) = rejects(warehouse, batch.batch_id)
    assert reject["reasons"] == ["Số trang: not a whole number"]


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Tư pháp<br/>Hộ tịch", "Tư pháp Hộ tịch"),
        ("Tư pháp<Dong>khác</Dong>Hộ tịch", "Tư pháp Hộ tịch"),
        ("\n  Tư pháp\n  <br/>Hộ tịch\n", "Tư pháp Hộ tịch"),
        ("Tư <!-- chú --> pháp", "Tư  pháp"),
        ("Tư <![CDATA[pháp]]>", "Tư pháp"),
    ],
)
def test_texts_of_xml_are_parted_by_the_elements_in_them(
    warehouse: Settings, tmp_path: Path, subject: str, text: str
) -> None:
    contract = xml_register(tmp_path)
    # Many that are alike around it: whoever reads them, the words are the same.
    lines = [[f"a{n}", *WRITTEN[0][1:]] for n in range(200)]
    lines[100][1] = "VIEC"
    data = document(*map(record, lines)).replace("VIEC", subject).encode()
    batch = load_one(warehouse, contract, data)
    found = {row["file_code"]: row["subject"] for row in raw_rows(warehouse, contract, batch.batch_id)}
    assert len(found) == 200
    assert found["a100"] == text
    assert found["a101"] == WRITTEN[0][1]


def test_digits_of_xml_with_an_element_between_them_are_no_number(
    warehouse: Settings, tmp_path: Path
) -> None:
    contract = xml_register(tmp_path)
    data = document(record(WRITTEN[0])).replace("<SoTrang>12<", "<SoTrang>1<br/>2<").encode()
    (reject,) = rejects(warehouse, load_one(warehouse, contract, data).batch_id)
    assert reject["reasons"] == ["SoTrang: not a whole number"]


@pytest.mark.parametrize("place", ["root", "record", "value"])
@pytest.mark.parametrize("prefix", ["xsi", "i", "p4"])
def test_what_says_that_a_value_is_missing_is_no_column_whatever_its_prefix(
    tmp_path: Path, prefix: str, place: str
) -> None:
    declared = f' xmlns:{prefix}="http://www.w3.org/2001/XMLSchema-instance"'
    at = {each: declared if each == place else "" for each in ("root", "record", "value")}
    records = "".join(
        f'<r{at["record"]}><a>{n}</a><b{at["value"]} {prefix}:nil="true"/></r>' for n in range(300)
    )
    path = tmp_path / "export.xml"
    path.write_text(f"<list{at['root']}>{records}</list>")
    contract = register(
        tmp_path, "xml", headers={"file_code": "a", "subject": "b"}, recordsPath="list/r", headerRows=1
    )
    export = open_export(contract, path)
    assert sum(block.copied_count for block in export.blocks()) == 300
    assert not export.unknown_columns


# Pages that came another way


PACKED = {"quoted-printable": quopri.encodestring, "base64": base64.encodebytes}


def archived(pages: list[str], encoding: str = "utf-8", packed: str = "quoted-printable") -> bytes:
    """A web archive, as Python's mails are written."""
    whole = MIMEMultipart("related")
    whole["Subject"] = "So"
    for each in pages:
        part = MIMENonMultipart("text", "html", charset=encoding)
        data = windows_1258(each) if encoding == "windows-1258" else each.encode(encoding)
        part.set_payload(PACKED[packed](data).decode())
        part["Content-Transfer-Encoding"] = packed
        whole.attach(part)
    whole.attach(MIMEText("td {color: red}", "css"))
    return whole.as_bytes(policy=SMTP)


@pytest.mark.parametrize("packed", list(PACKED))
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "windows-1258"])
def test_a_web_archive_is_read_as_the_pages_in_it(
    warehouse: Settings, tmp_path: Path, packed: str, encoding: str
) -> None:
    contract = register(tmp_path, "html")
    data = archived(["<html><p>Sổ</p></html>", page([HEADER, *WRITTEN])], encoding, packed)
    expect_register(warehouse, contract, load_one(warehouse, contract, data))
    sample = tmp_path / "sample.xls"
    sample.write_bytes(data)
    assert detect(sample).format == "html"
    assert read(sample).rows[0] == HEADER


SPREADSHEET_ML = (
    '<?xml version="1.0"?>\n<?mso-application progid="Excel.Sheet"?>\n'
    '<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet" xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet">'
    '<Worksheet ss:Name="S"><Table><Row><Cell><Data ss:Type="String">Mã hồ sơ</Data></Cell></Row></Table></Worksheet></Workbook>'
).encode()


@pytest.mark.parametrize("format", ["html", "xls", "xlsx", "ods"])
def test_a_file_of_another_kind_is_named_and_never_half_read(
    warehouse: Settings, tmp_path: Path, format: str
) -> None:
    whole = page([HEADER, *WRITTEN])
    mailed = quopri.encodestring(whole.encode())
    is_html = format == "html"
    others = {
        "of Excel 2003": (SPREADSHEET_ML, "XML of Excel 2003 (SpreadsheetML), which is not read: ask the source for xlsx or csv"),
        "a web archive": (archived(["<p>x</p>"] if is_html else [whole]), "the web archive (MHTML) holds no HTML table" if is_html else "it is a web archive (MHTML), which the format html reads"),
    }  # fmt: skip
    if is_html:
        others |= {
            "of a mail": (mailed.replace(b"<table", b'<table border=3D"1"'), "quoted-printable"),
            "cut off": (archived([whole[: len(whole) // 2]]), "cut off"),
            "an xlsx": (WRITERS["xlsx"]({"Sổ": [HEADER]}), "the file holds no HTML table"),
        }
    expect_unreadable(warehouse, register(tmp_path, format), others)


def test_a_sample_of_another_kind_is_named(tmp_path: Path) -> None:
    path = tmp_path / "sample.xls"
    path.write_bytes(SPREADSHEET_ML)
    with pytest.raises(CannotPropose, match="XML of Excel 2003"):
        detect(path)
    with pytest.raises(Unreadable, match="XML of Excel 2003"):
        look(path, "html")
