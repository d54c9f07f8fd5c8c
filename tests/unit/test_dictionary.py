"""The data dictionary: a page and a workbook that tell of every source, table and figure, and that are whole."""

from __future__ import annotations

import os
import pickle
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from kho.contract import contracts
from kho.dictionary import Dictionary, dictionary
from kho.dictionary.content import origins
from kho.dictionary.page import render
from kho.dictionary.workbook import save
from kho.settings import Settings
from kho.transform import catalogue
from kho.transform.lineage import Lineage

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def content(project: Settings, known: Lineage) -> Dictionary:
    return dictionary(project, known)


@pytest.fixture(scope="module")
def page(content: Dictionary) -> str:
    return render(content)


@pytest.fixture(scope="module")
def book(content: Dictionary, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[list[object]]]:
    path = tmp_path_factory.mktemp("out") / "dictionary.xlsx"
    save(content, path)
    workbook = CalamineWorkbook.from_path(path)
    return {name: workbook.get_sheet_by_name(name).to_python() for name in workbook.sheet_names}


class Links(HTMLParser):
    """What a page links to and takes in, what can be linked to, and that every element is closed."""

    VOID = {"meta", "input", "br", "link", "img"}

    def __init__(self, page: str):
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.targets: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)
        for name, value in attributes:
            if name == "id":
                self.ids.append(value or "")
            elif name in ("href", "src"):
                self.targets.add(value or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_of_exports_that_can_not_be_used_nothing_is_told(known: Lineage, project: Settings) -> None:
    every = contracts(project)
    usable = {"igate.dossiers": every["igate.dossiers"]}
    told = {each.source for each in origins("dossiers_resolved_on_time", known, every)}
    assert {"", "igate.dossiers", "one_stop.dossiers"} <= told
    some = {each.source for each in origins("dossiers_resolved_on_time", known, usable)}
    assert some == {"", "igate.dossiers"}


def test_everything_is_told_of(content: Dictionary, project: Settings, page: str) -> None:
    ids = set(Links(page).ids)
    for contract in contracts(project).values():
        assert {f"{contract.name}.{column.name}" for column in contract.columns} <= ids
    models = {path.stem for path in (project.project / "dbt_project" / "models").rglob("*.sql")}
    seeds = {path.stem for path in (project.project / "dbt_project" / "seeds").glob("*.csv")}
    assert models | seeds <= ids
    assert {entry.figure.metric for entry in content.figures} <= ids
    assert len(content.figures) > 30


def test_the_page_stands_alone_and_its_links_lead_somewhere(page: str) -> None:
    links = Links(page)
    assert links.open == []
    assert len(links.ids) == len(set(links.ids))
    beside = {target for target in links.targets if not target.startswith("#")}
    assert beside == {catalogue.FILE}  # which stands in the same folder
    assert {target.removeprefix("#") for target in links.targets} - beside <= set(links.ids)
    assert not re.search(r"url\(|@import|<link|<img", page)
    assert "default-src 'none'" in page


def test_a_figure_shows_the_headers_that_it_comes_from(page: str) -> None:
    (told,) = re.findall(
        r'<details class="entry" id="dossiers_resolved_on_time">.*?</details>', page, re.DOTALL
    )
    assert "Hồ sơ giải quyết trước hạn và đúng hạn" in told
    assert "Cộng được giữa các đơn vị và giữa các kỳ" in told and "Thông tư 01/2020/TT-VPCP" in told
    assert "ngayHenTra" in told and "ngayKetThucXuLy" in told and "chuHoSo" not in told


def test_a_figure_of_a_level_of_online_services_says_when_it_is_valid(page: str) -> None:
    (told,) = re.findall(r'<details class="entry" id="procedures_online_full">.*?</details>', page, re.DOTALL)
    assert 'have the level <code>full</code> (<a href="#service_levels">' in told
    assert "Nghị định 42/2022/NĐ-CP" in told


def test_a_mart_shows_what_it_and_its_columns_are_called_in_vietnamese(page: str) -> None:
    (told,) = re.findall(r'<details class="entry" id="report_figure">.*?</details>', page, re.DOTALL)
    assert "Số liệu báo cáo" in told and "Trạng thái" in told
    (inside,) = re.findall(r'<details class="entry" id="kept_figure">.*?</details>', page, re.DOTALL)
    assert "<th>Title</th>" not in inside


def test_text_of_a_contract_is_text_on_the_page(content: Dictionary) -> None:
    script = replace(content.sources[0], title="<script>alert(1)</script>")
    assert "<script>alert" not in render(replace(content, sources=[script]))


def test_the_workbook_has_a_sheet_for_each_kind_of_thing(
    book: dict[str, list[list[object]]], content: Dictionary
) -> None:
    assert list(book) == [
        "Figures",
        "Lineage",
        "Sources",
        "Export columns",
        "Tables",
        "Columns",
        "Mart columns",
    ]
    assert len(book["Figures"]) == 1 + len(content.figures)
    assert len(book["Export columns"]) == 1 + sum(len(source.columns) for source in content.sources)
    traced = {(row[0], row[2], row[3], row[4], row[5]) for row in book["Lineage"]}
    assert (
        "dossiers_resolved_on_time",
        "counted by",
        "one_stop.dossiers",
        "ngayHenTra",
        "due_at",
    ) in traced
    columns = {(row[0], row[1]): row[2:] for row in book["Columns"]}
    assert columns["report_figure", "state"][0] == "Trạng thái"
    assert "one of measured, attested" in columns["report_figure", "state"][3]
    assert columns["fct_dossier", "due_at"][4] == "union_dossier.due_at"


def test_every_cell_is_text(book: dict[str, list[list[object]]]) -> None:
    assert {type(cell) for rows in book.values() for row in rows for cell in row} == {str}


def test_the_same_project_gives_the_same_page(project: Settings, known: Lineage, page: str) -> None:
    """In another process too, where sets have another order."""
    program = (
        "import pickle, sys; from kho.dictionary import dictionary; from kho.dictionary.page import render\n"
        "print(render(dictionary(*pickle.load(sys.stdin.buffer))), end='')"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": "1"}
    other = subprocess.run(
        [sys.executable, "-c", program],
        env=environment, input=pickle.dumps((project, known)), capture_output=True, check=True,
    )  # fmt: skip
    assert other.stdout.decode() == page


def test_a_column_of_a_mart_is_told_down_to_the_headers_of_the_exports(
    content: Dictionary, page: str, book: dict[str, list[list[object]]]
) -> None:
    entry = {each.table.name: each for each in content.tables}["spending"]
    assert [(each.source, each.header) for each in entry.headers["amount_vnd"]] == [
        ("misa.spending", "Số tiền")
    ]
    assert entry.by_source("amount_vnd").keys() == {"misa.spending"}
    assert not any(entry.headers for entry in content.tables if entry.table.layer != "marts")
    row = ["spending", "amount_vnd", "misa.spending", "Số tiền"]
    assert row in [[each[0], each[1], each[3], each[4]] for each in book["Mart columns"]]
    cell = page[page.index('id="spending.amount_vnd"') :]
    assert (
        '<a href="#misa.spending">misa.spending</a>: <span lang="vi">Số tiền</span>'
        in cell[: cell.index("</tr>")]
    )


def test_the_catalogue_is_one_file_that_asks_nobody_and_is_made_when_the_project_changed(
    project: Settings, tmp_path: Path
) -> None:
    path = catalogue.write(project, tmp_path)
    told = path.read_text(encoding="utf-8")
    assert list(tmp_path.iterdir()) == [path]
    assert not re.search(r"<(script|link|img|iframe)[^>]+(src|href)=.?(https?:)?//", told)
    assert '"send_anonymous_usage_stats": false' in told
    for name in ("model.kho.public_month", "exposure.kho.form_II_06", "exposure.kho.open_data"):
        assert name in told
    assert '\\"marts\\".\\"public_month\\"' in told and '\\"release\\".' not in told
    before = path.stat()
    catalogue.write(project, tmp_path)
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    path.write_text(told[:-5] + "-->\n")
    catalogue.write(project, tmp_path)
    assert path.stat().st_mtime_ns != before.st_mtime_ns
