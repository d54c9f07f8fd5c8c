"""The report in Word: laid out as NĐ 30/2020 has it, from a template that a unit may edit."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import docx
import pytest
from docx.document import Document
from docx.oxml.ns import qn
from docx.shared import Pt

from kho.report import charts, page, vietnamese, word
from kho.report.content import Content
from tests import reports
from tests.pages import PROJECT


def rendered(content: Content, template: Path | None = None) -> Document:
    return docx.Document(io.BytesIO(word.render(content, template)))


def texts(document: Document) -> list[str]:
    """Every paragraph that says something, those in tables too, in the order of the page."""
    paragraphs = document.element.body.iter(qn("w:p"))
    return list(filter(None, ("".join(p.itertext(qn("w:t"))).strip() for p in paragraphs)))


def cells(content: Content) -> Iterator[str]:
    for area in content.areas:
        for line in area.lines:
            yield from (cell.text for cell in line.cells)
        for breakdown in area.breakdowns:
            yield from (cell.text for series in breakdown.series for cell in series.cells)


@pytest.fixture
def edited(tmp_path: Path) -> Callable[..., Path]:
    """A unit's own template: the one that comes with Kho, with paragraphs put before the closing one."""

    def edit(*paragraphs: str, change: Callable[[Document], object] = lambda document: None) -> Path:
        document = docx.Document(str(word.TEMPLATE))
        closing = next(each for each in document.paragraphs if each.text.startswith("Trên đây là báo cáo"))
        for text in paragraphs:
            # Word cuts a paragraph into runs wherever it likes: inside of tags too.
            inserted = closing.insert_paragraph_before()
            for start in range(0, len(text), 5):
                inserted.add_run(text[start : start + 5])
        change(document)
        document.save(str(tmp_path / "mau.docx"))
        return tmp_path / "mau.docx"

    return edit


def test_the_page_is_laid_out_by_the_decree() -> None:
    document = rendered(reports.draft())
    for section in document.sections:
        assert (round(section.page_width.mm), round(section.page_height.mm)) == (210, 297)
        assert 20 <= round(section.top_margin.mm) <= 25 and 20 <= round(section.bottom_margin.mm) <= 25
        assert 30 <= round(section.left_margin.mm) <= 35 and 15 <= round(section.right_margin.mm) <= 20
        assert section.different_first_page_header_footer  # the first page has no number
        assert "PAGE" in "".join(section.header._element.itertext())
        assert not "".join(section.first_page_header._element.itertext())
    used = {"Normal", "Body Text", *(paragraph.style.name for paragraph in document.paragraphs)}
    for style in (document.styles[name] for name in used):
        assert style.font.name == "Times New Roman", style.name
        assert Pt(13) <= style.font.size <= Pt(14), style.name
    said = texts(document)
    assert said[:7] == [
        "ỦY BAN NHÂN DÂN",
        "HUYỆN LONG PHÚ",
        "Số: ……/BC-UBND",
        "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM",
        "Độc lập - Tự do - Hạnh phúc",
        "Long Phú, ngày …… tháng …… năm ……",
        "DỰ THẢO",
    ]
    assert said[7:9] == ["BÁO CÁO", "Kết quả ứng dụng công nghệ thông tin 6 tháng đầu năm 2021"]
    recipients = said.index("Nơi nhận:")
    assert said[recipients + 1 : recipients + 3] == ["- Ủy ban nhân dân tỉnh Sóc Trăng;", "- Lưu: VT."]
    assert "PHỤ LỤC" in said[recipients:]


def test_a_report_that_was_made_final_has_its_day_and_no_mark_of_a_draft() -> None:
    said = texts(rendered(reports.reported()))
    assert "DỰ THẢO" not in said and "LƯU Ý VỀ SỐ LIỆU" not in said
    assert "Long Phú, ngày 05 tháng 7 năm 2021" in said
    row = said.index("Hồ sơ tiếp nhận trong kỳ, toàn huyện")
    assert said[row + 1 : row + 4] == [
        "32.500",
        "32.501",
        "số liệu của Một cửa điện tử ngày 30/06/2021 mới tính vào",
    ]


@pytest.mark.parametrize(
    ("position", "lines"),
    [
        ("Chủ tịch UBND huyện", ["TM. ỦY BAN NHÂN DÂN", "CHỦ TỊCH"]),
        ("Phó Chủ tịch Ủy ban nhân dân huyện", ["TM. ỦY BAN NHÂN DÂN", "KT. CHỦ TỊCH", "PHÓ CHỦ TỊCH"]),
        (
            "Chánh Văn phòng HĐND và UBND huyện",
            ["TL. CHỦ TỊCH", "CHÁNH VĂN PHÒNG HĐND VÀ UBND HUYỆN"],
        ),
    ],
)
def test_the_signature_says_for_whom_the_position_signs(position: str, lines: list[str]) -> None:
    said = texts(rendered(reports.reported(position)))
    assert said[said.index("- Lưu: VT.") + 1 :][: len(lines) + 1] == [*lines, "Họ và tên"]


def test_the_signature_block_never_stands_alone_on_a_page() -> None:
    """At least the sentence above it goes with it, whole: by the marks that Word and LibreOffice go by."""
    for content in (reports.draft(), reports.reported(), replace(reports.draft(), remarks=[], areas=[])):
        body = list(rendered(content).element.body)
        block = next(at for at, each in enumerate(body) if "Nơi nhận:" in "".join(each.itertext(qn("w:t"))))
        (row,) = body[block].iter(qn("w:tr"))
        assert row.find(f"{qn('w:trPr')}/{qn('w:cantSplit')}") is not None
        closing = next(
            at for at, each in enumerate(body) if "".join(each.itertext(qn("w:t"))).startswith("Trên đây")
        )
        assert closing < block
        for paragraph in body[closing:block]:
            assert paragraph.find(f"{qn('w:pPr')}/{qn('w:keepNext')}") is not None
        assert body[closing].find(f"{qn('w:pPr')}/{qn('w:keepLines')}") is not None


@pytest.mark.parametrize(
    ("unit", "above", "head", "place", "recipient"),
    [
        ("Tỉnh Vĩnh Long", "", ["ỦY BAN NHÂN DÂN", "TỈNH VĨNH LONG"], "Vĩnh Long", "- ……;"),
        ("Thành phố Cần Thơ", "", ["ỦY BAN NHÂN DÂN", "THÀNH PHỐ CẦN THƠ"], "Cần Thơ", "- ……;"),
        (
            "Xã Tân Hòa",
            "Tỉnh Vĩnh Long",
            ["ỦY BAN NHÂN DÂN", "XÃ TÂN HÒA"],
            "Tân Hòa",
            "- Ủy ban nhân dân tỉnh Vĩnh Long;",
        ),
        (
            "Phường Cái Răng",
            "Thành phố Cần Thơ",
            ["ỦY BAN NHÂN DÂN", "PHƯỜNG CÁI RĂNG"],
            "Cái Răng",
            "- Ủy ban nhân dân thành phố Cần Thơ;",
        ),
        (
            "Đặc khu Phú Quốc",
            "Tỉnh An Giang",
            ["ỦY BAN NHÂN DÂN", "ĐẶC KHU PHÚ QUỐC"],
            "Phú Quốc",
            "- Ủy ban nhân dân tỉnh An Giang;",
        ),
        (
            "Thị trấn Long Phú",
            "Huyện Long Phú",
            ["ỦY BAN NHÂN DÂN", "THỊ TRẤN LONG PHÚ"],
            "Long Phú",
            "- Ủy ban nhân dân huyện Long Phú;",
        ),
    ],
)
def test_the_letter_is_a_provinces_and_a_communes_too(
    unit: str, above: str, head: list[str], place: str, recipient: str
) -> None:
    content = replace(
        reports.draft(),
        issuer=vietnamese.issuer(unit),
        parent_name=vietnamese.issuer(above) if above else "",
        place=vietnamese.place(unit),
        levels=list(vietnamese.levels(unit, {"all", "commune"}).values()),
        areas=[],
    )
    said = texts(rendered(content))
    assert said[:3] == [*head, "Số: ……/BC-UBND"]
    assert f"{place}, ngày …… tháng …… năm ……" in said
    assert said[said.index("Nơi nhận:") + 1] == recipient
    assert said[said.index("- Lưu: VT.") + 1] == "TM. ỦY BAN NHÂN DÂN"


def test_a_province_has_no_chart_of_all_its_communes_but_the_table() -> None:
    one_stop, *rest = reports.draft().areas
    communes = [f"Xã {number}" for number in range(124)]
    (by_unit, *_) = one_stop.breakdowns
    whole = replace(
        by_unit,
        labels=communes,
        codes=[""] * 124,
        series=[replace(each, cells=[each.cells[0]] * 124) for each in by_unit.series],
    )
    assert charts.has_room(by_unit) and not charts.has_room(whole)
    content = replace(reports.draft(), areas=[replace(one_stop, breakdowns=[whole]), *rest])
    document = rendered(content)
    assert len(document.inline_shapes) == 0 and set(communes) <= set(texts(document))
    assert "<svg" not in page.render(content)


def test_a_department_stands_below_its_committee() -> None:
    content = replace(
        reports.reported("Phó Trưởng phòng"),
        issuer="Phòng Tư pháp",
        parent_name="Ủy ban nhân dân huyện Long Phú",
    )
    said = texts(rendered(content))
    assert said[:3] == ["UBND HUYỆN LONG PHÚ", "PHÒNG TƯ PHÁP", "Số: ……/BC-……"]
    assert said[said.index("- Lưu: VT.") + 1 :][:2] == ["KT. TRƯỞNG PHÒNG", "PHÓ TRƯỞNG PHÒNG"]


def test_the_document_says_all_of_the_report_and_keeps_no_tag() -> None:
    content = reports.draft()
    said = texts(rendered(content))
    assert [text for text in cells(content) if text and text not in said] == []
    assert [text for text in content.notices if text not in said] == []
    assert [text for text in content.remarks if f"- {text}" not in said] == []
    assert {"phần mềm 4, đã xác nhận", "Hồ sơ theo đơn vị (đơn vị tính: hồ sơ)"} <= {
        text.removeprefix("toàn huyện: ") for text in said
    }
    assert not [text for text in said if "{" in text or "}" in text]


def test_a_template_that_a_unit_edited_is_filled_in(edited: Callable[..., Path]) -> None:
    template = edited(
        "Riêng số hồ sơ tiếp nhận: {{ figure(“dossiers_received”) }}, cấp xã {{ figure('dossiers_received', 'commune') }}.",
        "{%p for area in areas if area.key == 'documents' %}",
        "Xem thêm: {{ area.title }}",
        "{%p endfor %}",
        change=lambda document: document.tables[1]._tbl.getparent().remove(document.tables[1]._tbl),
    )
    said = texts(rendered(reports.draft(), template))
    assert "Riêng số hồ sơ tiếp nhận: 32.501, cấp xã 27.773." in said
    assert "Xem thêm: Quản lý văn bản và chữ ký số" in said
    assert "Đơn vị tính" not in said  # the table that the unit took out


def test_the_tags_that_the_documentation_names_are_filled_in(edited: Callable[..., Path]) -> None:
    page = (PROJECT / "docs" / "write-the-report.md").read_text(encoding="utf-8")
    prints = re.findall(r"`(\{\{ .+? \}\})`", page)
    opens = re.findall(r"`(\{%p (?:if|for) .+? %\})`", page)
    assert len(prints) > 5 and len(opens) == 2
    around = (text for tag in opens for text in (tag, f"Thử {tag[4:6]}", f"{{%p end{tag[4:7].strip()} %}}"))
    said = texts(rendered(reports.draft(), edited(*(f"Thử: {tag}" for tag in prints), *around)))
    assert len([text for text in said if text.startswith("Thử: ")]) == len(prints)
    assert {"Thử if", "Thử fo"} <= set(said)


@pytest.mark.parametrize(
    ("paragraphs", "told"),
    [
        (["{{ tieu_de }}"], "'tieu_de' is undefined"),
        (["{{ areas[0].ten }}"], "has no attribute 'ten'"),
        (["{{ figure('dossiers_recieved') }}"], "no figure('dossiers_recieved', 'all', '')"),
        (["{{ title | viet_hoa }}"], "No filter named 'viet_hoa'"),
        (["{%p for area in areas %}", "{{ area.title }}"], "Unexpected end of template"),
        (["{{ title"], "near: "),
        (["{% for area in areas %}", "{{ area.title }}{%p endfor %}"], "with p"),
        (["{{ issuer.__class__.__base__ }}"], "unsafe"),
        (["{{ first_day | date(1) }}"], "argument"),
    ],
)
def test_a_wrong_tag_is_told_with_the_file_and_its_place(
    edited: Callable[..., Path], paragraphs: list[str], told: str
) -> None:
    template = edited(*paragraphs)
    with pytest.raises(word.WrongTemplate) as raised:
        word.render(reports.draft(), template)
    assert str(raised.value).startswith(f"{template}: ") and told in str(raised.value)


def test_what_is_no_word_document_is_told(tmp_path: Path) -> None:
    with pytest.raises(word.WrongTemplate, match=r"mau\.docx: there is no such file"):
        word.render(reports.draft(), tmp_path / "mau.docx")
    (tmp_path / "mau.docx").write_text("BÁO CÁO")
    with pytest.raises(word.WrongTemplate, match="no Word document"):
        word.render(reports.draft(), tmp_path / "mau.docx")
    with zipfile.ZipFile(tmp_path / "mau.docx", "w") as file:
        file.writestr("bao-cao.txt", "BÁO CÁO")
    with pytest.raises(word.WrongTemplate, match="save it in Word"):
        word.render(reports.draft(), tmp_path / "mau.docx")
