"""`kho report`: what it says of a release, and that what was reported stays as it was when a later release differs."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import docx
import msgspec
import psycopg
import pytest
from python_calamine import CalamineWorkbook
from typer.testing import CliRunner, Result

from kho import settings as settings_module
from kho.cli import app
from kho.contract import contracts
from kho.database import connect
from kho.figures.explain import Explanation, explain
from kho.figures.figures import Figure, NoRelease, figures
from kho.ledger import decisions
from kho.publish import release
from kho.report import page, word, workbook
from kho.report.content import Cell, Content
from kho.report.draft import draft
from kho.report.issues import encode, hand_over, issued
from kho.settings import Settings
from kho_sample.dossiers import ADJUSTMENT_HEADER
from kho_sample.export import Export
from tests import office, reports
from tests.integration import nights
from tests.integration.test_figures import typing_at
from tests.owner import as_owner

NIGHT = date(2021, 1, 20)
PERIOD = "2021-01-04..2021-01-20"
#: has what was signed for a day before the period, too
MONTH = "2021-01"
#: periods that end before the held day, and that begin after it
BEFORE_AND_AFTER = ("2021-01-04..2021-01-11", "2021-01-13..2021-01-14")
POSITION = "Chánh Văn phòng HĐND và UBND huyện"


@dataclass(frozen=True)
class Story:
    """A report of a release that lacks a held batch; the next release has it, and lacks a register instead.

    At the end a build is there that no release was made of yet: it lacks that batch again, and the signed adjustments.
    """

    settings: Settings
    held: int
    withdrawn: int
    lacking: dict[str, list[Figure]]  # by period, of the release that lacks it
    before: Content  # of a period that ends before the held day
    unreported: Content
    reported: Content
    typed: dict[str, str]  # what `kho figures` printed of it, by format
    first: list[Explanation]  # of the release that was reported
    later: Content
    second: list[Explanation]
    told: list[Content]  # of the release in force, for the period and the month
    told_ahead: list[Content]  # the same when the next warehouse was built
    second_ahead: list[Explanation]


@pytest.fixture(scope="module")
def story(module_built_warehouse: Settings) -> Story:
    settings = module_built_warehouse
    exports = [each for each in nights.sample(settings, scale=0.02) if each.arrives <= NIGHT]
    nights.hand_over(settings, [*exports, adjustment()])
    with as_owner(settings) as connection:
        (held,) = connection.execute(
            "select batch_id from ledger.batch where contract = 'one_stop.dossiers' and business_date = '2021-01-12'"
        ).fetchone()
        decisions.change(
            connection, held, "pending", "held", actor=decisions.BOUNDARY, reason="too many rejects"
        )
        (withdrawn,) = connection.execute(
            "select batch_id from ledger.batch where contract = 'population.services'"
        ).fetchone()
    with pytest.raises(NoRelease, match="nothing is published yet"):
        draft(settings, "946", PERIOD)
    nights.run_small_night(settings, NIGHT)
    lacking = {period: figures(settings, "946", period) for period in ("2021-01", *BEFORE_AND_AFTER)}
    before = draft(settings, "946", BEFORE_AND_AFTER[0])
    unreported = draft(settings, "946", PERIOD)
    reported = hand_over(settings, unreported, POSITION)
    with pytest.MonkeyPatch.context() as patch, typing_at(settings, patch) as ask:
        typed = {
            name: ask("946", PERIOD, "--all", "--format", name).stdout for name in ("table", "csv", "json")
        }
    decisions.accept(settings, held, actor="operator", reason="the source confirmed it")
    decisions.withdraw(settings, withdrawn, actor="operator", reason="another district's")
    first = explained(settings)
    nights.run_small_night(settings, NIGHT)
    told, second = drafts(settings), explained(settings)
    with connect(settings, "kho_auditor") as connection:
        ((signed,),) = connection.execute(
            "select batch_id from ledger.batch where contract = 'one_stop.adjustments'"
        ).fetchall()
    for batch in (held, signed):
        decisions.withdraw(settings, batch, actor="operator", reason="not theirs after all")
    nights.build_warehouse(settings, NIGHT)
    return Story(
        settings,
        held,
        withdrawn,
        lacking,
        before,
        unreported,
        reported,
        typed,
        first,
        told[0],
        second,
        told,
        drafts(settings),
        explained(settings),
    )


def adjustment() -> Export:
    """A signed adjustment: a dossier of Châu Khánh was late, whatever its software says."""
    row = (
        "DC-1", "dossiers_resolved_on_time", "000.29.12.H51", "", "-1", "02/01/2021", "18/01/2021 09:30",
        "Chủ tịch", "UBND xã Châu Khánh", "31/UBND-VP", "Nhập chậm",
    )  # fmt: skip
    text = "".join("\t".join(each) + "\r\n" for each in (ADJUSTMENT_HEADER, row))
    return Export("one_stop", "adjustments", "adjustments_20210118.txt", text.encode("utf-16"), NIGHT)


def explained(settings: Settings) -> list[Explanation]:
    """What rows of three kinds come to: summed, signed, counted once."""
    metrics = ("dossiers_received", "dossiers_resolved_on_time", "procedures_on_one_stop")
    return [explain(settings, "946", MONTH, metric) for metric in metrics]


def drafts(settings: Settings) -> list[Content]:
    return [draft(settings, "946", period) for period in (PERIOD, MONTH)]


@pytest.fixture
def kho(story: Story, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Result]]:
    """Types `kho report ...`."""
    monkeypatch.setenv("KHO_HOME", str(story.settings.home))
    monkeypatch.setenv("KHO_WAREHOUSE_DATABASE", story.settings.warehouse_database)
    settings_module.settings.cache_clear()
    yield lambda *words: CliRunner().invoke(app, ["report", *map(str, words)])
    settings_module.settings.cache_clear()


def cells(content: Content) -> list[Cell]:
    """Every cell of every table."""
    lines = [cell for area in content.areas for line in area.lines for cell in line.cells]
    series = [each for area in content.areas for made in area.breakdowns for each in made.series]
    return [cell for cell in [*lines, *(cell for each in series for cell in each.cells)] if cell.figure]


def value(content: Content, metric: str, level: str = "all") -> Decimal:
    return next(
        cell.value
        for area in content.areas
        for line in area.lines
        if line.metric == metric and not line.is_detail
        for cell in line.cells
        if cell.figure and cell.figure.level == level
    )


def sheet_texts(content: bytes, sheet: str) -> list[str]:
    rows = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_name(sheet).to_python()
    return [cell for row in rows for cell in row if isinstance(cell, str)]


def test_a_held_day_makes_figures_stale_and_nothing_else(story: Story) -> None:
    def found(figures: list[Figure], metric: str = "dossiers_received") -> Figure:
        return next(each for each in figures if (each.metric, each.level, each.detail) == (metric, "all", ""))

    before, after = (found(story.lacking[period]) for period in BEFORE_AND_AFTER)
    assert (before.state, before.as_of) == ("measured", date(2021, 1, 11))
    assert (after.state, after.as_of) == ("stale", date(2021, 1, 11))
    january = story.lacking["2021-01"]
    assert found(january).state == "stale"
    assert found(january, "procedures_on_one_stop").state == "measured"
    assert found(january, "documents_outgoing").state == "not_delivered", "January is not over"
    now = found(figures(story.settings, "946", "2021-01"))
    assert (now.state, now.as_of) == ("measured", NIGHT)


def test_what_is_told_of_a_release_is_of_the_release_though_a_newer_warehouse_is_built(story: Story) -> None:
    """Explanations, remarks, who signed: nothing is read from what the next release will be made of."""
    with connect(story.settings, "kho_auditor") as connection:
        newer = connection.execute(
            "select (select count(*) from warehouse.fct_dossier_adjustment),"
            " (select count(*) from warehouse.fct_dossier where _batch_id = %s)",
            [story.held],
        ).fetchone()
    assert newer == (0, 0), "else this shows nothing"
    assert story.told_ahead == story.told
    assert story.second_ahead == story.second
    signed_by = "văn bản 31/UBND-VP do Chủ tịch, UBND xã Châu Khánh"
    assert [each for each in story.told[1].remarks if signed_by in each]
    received, on_time, offered = story.second_ahead
    files = {row.file for row in received.parts[0].rows}
    assert "dossiers_20210112.csv" in files and None not in files
    (signed,) = [row for row in on_time.parts[0].rows if row.is_adjustment]
    assert (signed.amount, signed.document_code, signed.file) == (
        -1,
        "31/UBND-VP",
        "adjustments_20210118.txt",
    )
    for told in (received, on_time, offered):
        for figure in told.figures:
            assert told.parts[0].counted(figure.level) == figure.value, figure.metric


def test_a_release_that_one_goes_back_to_is_told_as_it_was(story: Story) -> None:
    release.rollback(story.settings, 1, actor="lan", reason="as reported")
    try:
        again, told = draft(story.settings, "946", PERIOD), explained(story.settings)
    finally:
        release.rollback(story.settings, 2, actor="lan", reason="as it was")
    assert told == story.first != story.second
    assert (again.release, again.remarks) == (1, story.unreported.remarks)
    assert (again.sources, again.notices) == (story.unreported.sources, story.unreported.notices)
    assert explained(story.settings) == story.second


def test_a_release_without_the_rows_behind_its_figures_says_so(story: Story) -> None:
    """One that was made before releases had them, and is in force until the first night after."""
    rename = "alter table release_2.{} rename to {}"
    with connect(story.settings, "kho_transformer") as connection:
        connection.execute(rename.format("figure_row", "before"))
    try:
        for ask in (draft, lambda *asked: explain(*asked, "dossiers_received")):
            with pytest.raises(NoRelease, match="release 2 was made by an earlier version"):
                ask(story.settings, "946", PERIOD)
        assert figures(story.settings, "946", PERIOD)
    finally:
        with connect(story.settings, "kho_transformer") as connection:
            connection.execute(rename.format("before", "figure_row"))


def test_the_report_has_the_figures_of_the_release(story: Story) -> None:
    known = {(each.metric, each.level, each.detail): each for each in figures(story.settings, "946", PERIOD)}
    told = {
        (cell.figure.metric, cell.figure.level, cell.figure.detail): cell.figure
        for area in story.later.areas
        for line in area.lines
        for cell in line.cells
        if cell.figure
    }
    assert told == known


def test_units_add_up_to_the_whole(story: Story) -> None:
    one_stop = next(area for area in story.later.areas if area.key == "one_stop")
    (by_unit,) = one_stop.breakdowns  # months are not told apart within one
    assert len(by_unit.labels) == 12 and by_unit.labels[0] == "Cấp huyện" and "31663" in by_unit.codes
    received = next(each for each in by_unit.series if each.title == "Hồ sơ tiếp nhận trong kỳ")
    assert sum(cell.value for cell in received.cells) == value(story.later, "dossiers_received") > 0


def test_a_period_of_several_months_has_each_as_far_as_it_lies_in_it(story: Story) -> None:
    content = draft(story.settings, "946", "2020-12-20..2021-01-20")
    made = next(
        made
        for area in content.areas
        if area.key == "one_stop"
        for made in area.breakdowns
        if made.by == "month"
    )
    assert (made.labels, made.codes) == (["12/2020", "01/2021"], ["2020-12", "2021-01"])
    first, last = (cell.figure for cell in made.series[0].cells)
    assert (first.first_day, first.last_day) == (date(2020, 12, 20), date(2020, 12, 31))
    assert (last.first_day, last.last_day) == (date(2021, 1, 1), date(2021, 1, 20))


def test_the_first_page_says_what_the_release_lacks(story: Story) -> None:
    (held,) = [each for each in story.unreported.notices if "đang chờ kiểm tra" in each]
    assert held.startswith("Số liệu của Một cửa điện tử cho ngày 12/01/2021 ")
    (late,) = [each for each in story.unreported.notices if "sau ngày 11/01/2021" in each]
    assert late.startswith("Số liệu của Một cửa điện tử ") and "có thể thấp hơn thực tế: " in late
    (told,) = [each for each in story.unreported.remarks if "sau ngày 11/01/2021" in each]
    assert (
        "hồ sơ tiếp nhận trong kỳ" in told
        and "tỷ lệ hồ sơ giải quyết đúng hạn" in told
        and len(told) > len(late)
    )
    sheet = sheet_texts(workbook.render(story.unreported), "Chung")
    whole_page = page.render(story.unreported)
    for notice in story.unreported.notices:
        assert notice in sheet and notice in whole_page
    stale = next(each for each in story.before.notices if "11/01/2021" in each)
    assert "kỳ báo cáo không bị ảnh hưởng" in stale
    assert not [each for each in story.later.notices if "11/01/2021" in each or "12/01/2021" in each]


def test_officials_read_of_no_contract_batch_or_rejected_row(story: Story) -> None:
    assert any(each.rows_rejected for each in story.unreported.sources), "else this shows nothing"
    names = contracts(story.settings).keys()
    for content in (story.unreported, story.later):
        document = docx.Document(io.BytesIO(word.render(content)))
        book = CalamineWorkbook.from_filelike(io.BytesIO(workbook.render(content)))
        read = {
            "docx": " ".join(text for text in document.element.itertext()),
            "html": page.render(content),
            "xlsx": " ".join(
                str(cell)
                for sheet in book.sheet_names
                for row in book.get_sheet_by_name(sheet).to_python()
                for cell in row
            ),
        }
        for form, text in read.items():
            assert [name for name in names if name in text] == [], form
            assert not re.search(r"\blô \d|bị loại|Bị loại", text), form
    assert {each["contract"] for each in json.loads(encode(story.later))["sources"]} <= set(names)


def test_the_sources_are_told_by_system(story: Story) -> None:
    rows = CalamineWorkbook.from_filelike(io.BytesIO(workbook.render(story.unreported)))
    told = {row[0]: row[1:] for row in rows.get_sheet_by_name("Nguồn số liệu").to_python()[3:]}
    assert told["Một cửa điện tử"] == ["chưa đủ", "11/01/2021", "chưa đủ số liệu", "ngày 12/01/2021"]
    assert len(told) == len({each.title for each in story.unreported.sources})


def test_incomplete_figures_say_so_where_they_stand(story: Story) -> None:
    area = next(area for area in story.unreported.areas if area.key == "one_stop")
    line = next(line for line in area.lines if line.metric == "dossiers_received")
    assert "số liệu mới đến 11/01/2021" in line.note
    assert any("(số liệu mới đến 11/01/2021)." in text for text in area.paragraphs)


def test_what_is_not_operated_is_said_in_words(story: Story) -> None:
    content = draft(story.settings, "31663", PERIOD)
    assert content.levels == ["Toàn xã"] and content.issuer == "Ủy ban nhân dân xã Châu Khánh"
    assert content.parent_name == "Ủy ban nhân dân huyện Long Phú"
    portal = next(area for area in content.areas if area.key == "portal")
    assert "không vận hành" in portal.paragraphs[0] and "khác với bằng 0" in portal.paragraphs[0]
    assert {cell.text for line in portal.lines for cell in line.cells} == {"không vận hành"}
    assert all(cell.value is None for line in portal.lines for cell in line.cells)


def test_the_states_and_zero_are_told_apart_wherever_figures_are_shown(story: Story) -> None:
    expected = {
        ("dossiers_overdue", "all"): ("0", "stale"),
        ("procedures_online_full", "all"): ("", "not_applicable"),
        ("dossiers_received", "all"): (str(value(story.reported, "dossiers_received")), "stale"),
        ("portal_items_received", "all"): ("", "not_delivered"),
        ("portal_items_received", "commune"): ("", "not_operated"),
    }
    typed = csv.DictReader(io.StringIO(story.typed["csv"]))
    found = {(row["metric"], row["level"]): row for row in typed if not row["detail"]}
    assert {name: (found[name]["value"], found[name]["state"]) for name in expected} == expected
    numbers = {
        (row["metric"], row["level"]): row for row in json.loads(story.typed["json"]) if not row["detail"]
    }
    assert {name: (numbers[name]["value"], numbers[name]["state"]) for name in expected} == {
        name: (int(number) if number else None, state) for name, (number, state) in expected.items()
    }

    def lines(rows: Iterable[Sequence[object]], title: str) -> str:
        return next(" | ".join(map(str, row)) for row in rows if title in str(row[0]))

    rows = re.findall(r"<tr.*?</tr>", page.render(story.reported), re.DOTALL)
    book = CalamineWorkbook.from_filelike(io.BytesIO(workbook.render(story.reported)))
    document = docx.Document(io.BytesIO(word.render(story.reported)))
    shown = {
        # A line without a number at its end is a note to the one above.
        "table": re.split(r"\n(?=.* {2}[\d.,–]+ *\n)", story.typed["table"]),
        "html": [re.sub(r"<[^>]+>", " | ", row).lstrip(" |\n") for row in rows],
        "xlsx": [row for sheet in book.sheet_names for row in book.get_sheet_by_name(sheet).to_python()],
        "docx": [[cell.text for cell in row.cells] for table in document.tables for row in table.rows],
    }
    for form, rows in shown.items():
        rows = [[row] if isinstance(row, str) else row for row in rows]
        absent = {"chưa có số liệu", "không vận hành"}
        news = lines(rows, "Tin bài nhận được")
        assert all(text in news for text in absent), (form, news)
        assert "không áp dụng" in lines(rows, "Thủ tục cung cấp trực tuyến toàn trình"), form
        zero = lines(rows, "Hồ sơ đang giải quyết quá hạn")
        assert "0" in zero and not any(text in zero for text in absent), (form, zero)
        received = lines(rows, "Hồ sơ tiếp nhận trong kỳ")
        assert "số liệu mới đến 11/01/2021" in received, (form, received)
        assert expected["dossiers_received", "all"][0] in received, (form, received)


def test_every_number_carries_its_lineage_in_the_json(story: Story) -> None:
    told = json.loads(encode(story.later))
    found = [
        cell
        for area in told["areas"]
        for each in [*area["lines"], *(one for made in area["breakdowns"] for one in made["series"])]
        for cell in each["cells"]
        if cell["figure"]
    ]
    assert len(found) == len(cells(story.later)) > 100
    for cell in found:
        figure = cell["figure"]
        assert figure["release"] == story.later.release and figure["metric"] and figure["first_day"]
        assert cell["value"] == figure["value"] and (
            cell["value"] is None or cell["value"] + 0 == cell["value"]
        )
        if figure["unit"] == "percent" and cell["value"] is not None:
            assert figure["denominator"] > 0
    assert msgspec.json.decode(encode(story.later), type=Content) == story.later


def test_the_workbook_has_numbers_notes_and_codes(story: Story) -> None:
    made = workbook.render(story.later)
    book = CalamineWorkbook.from_filelike(io.BytesIO(made))
    titles = [area.title for area in story.later.areas]
    assert book.sheet_names == ["Chung", *titles, "Khác số đã báo cáo", "Nguồn số liệu", "Từ điển dữ liệu"]
    rows = book.get_sheet_by_name("Một cửa điện tử").to_python()
    received = next(row for row in rows if row[0] == "Hồ sơ tiếp nhận trong kỳ")
    assert received[2] == float(value(story.later, "dossiers_received"))
    share = next(row for row in rows if row[0] == "Tỷ lệ hồ sơ giải quyết đúng hạn")
    assert share[2] == pytest.approx(float(value(story.later, "dossiers_resolved_on_time_pct")) / 100)
    assert next(row for row in rows if row[0] == "Châu Khánh")[1] == "31663", "a code is text"
    with zipfile.ZipFile(io.BytesIO(made)) as parts:
        notes = [parts.read(name).decode() for name in parts.namelist() if "comments" in name]
        styles = parts.read("xl/styles.xml").decode()
    assert sum(each.count("<comment ") for each in notes) == len(cells(story.later)) + len(
        story.later.revisions
    )
    assert "Bản phát hành: 2" in "".join(notes) and "Mẫu số:" in "".join(notes)
    assert "[$-42A]#,##0" in styles and "[$-42A]0.00%" in styles


def test_the_dictionary_of_the_workbook_has_every_metric_and_its_sources(story: Story) -> None:
    texts = sheet_texts(workbook.render(story.later), "Từ điển dữ liệu")
    assert {each.metric for each in story.later.definitions} <= set(texts)
    received = next(each for each in story.later.definitions if each.metric == "dossiers_received")
    assert received.sources == ["Một cửa điện tử iGate", "Một cửa điện tử"]


def test_the_page_needs_nothing_else_and_has_every_figure(story: Story) -> None:
    made = page.render(story.later)
    assert (
        not re.search(r"""(?:src|href)=["']?(?!#)""", made.replace("xlink:href", ""))
        and "<script" not in made
    )
    assert [cell.text for cell in cells(story.later) if f">{cell.text}</td>" not in made] == []
    assert made.count("<svg") == sum(len(area.breakdowns) for area in story.later.areas)


@office.needs_office
def test_what_is_opened_shows_every_figure_and_first_what_is_amiss(story: Story, tmp_path: Path) -> None:
    written = {
        "draft.docx": (story.unreported, word.render(story.unreported)),
        "later.docx": (story.later, word.render(story.later)),
        "workbook.xlsx": (story.unreported, workbook.render(story.unreported)),
    }
    for name, (_, file) in written.items():
        (tmp_path / name).write_bytes(file)
    shown = office.pdf(*(tmp_path / name for name in written))
    pages = list(map(office.pages, shown))
    for opened, (content, _) in zip(pages, written.values(), strict=True):
        whole = " ".join(opened)
        is_book = opened is pages[-1]
        assert [row for row in reports.rows(content, is_book) if row not in whole] == []
        assert [text for text in [*content.notices, *content.remarks] if text not in whole] == []
        assert [text for area in content.areas for text in area.paragraphs if text not in whole] == []
    draft, later, book = pages
    assert [
        notice for notice in story.unreported.notices if notice not in draft[0] or notice not in book[0]
    ] == []
    assert "DỰ THẢO" in draft[0]
    assert [each.title for each in story.later.revisions if each.title not in " ".join(later)] == []


def test_what_two_systems_tell_differently_is_remarked_with_its_count(story: Story) -> None:
    with connect(story.settings, "kho_transformer") as connection:
        connection.execute(
            "insert into release_2.source_reconciliation values"
            " ('dossiers_received_by_post', 'H51.12.29', '2021-01-01', 'one_stop', 2, 'post', 5, 3),"
            " ('dossiers_received_by_post', 'H51.12.28', '2021-01-01', 'one_stop', 2, 'post', 1, -1),"
            " ('dossiers_received_by_post', 'H51.12.27', '2021-01-01', 'one_stop', 2, 'post', 2, 0)"
        )
    told = "Bưu chính công ích khác Một cửa điện tử ở {} lần đối chiếu theo đơn vị và tháng (nhiều hơn 3, ít hơn {})"
    for scope, expected in (("946", told.format(2, 1)), ("31663", told.format(1, 0))):
        remarks = draft(story.settings, scope, PERIOD).remarks
        assert [each for each in remarks if expected in each and "lấy theo Một cửa điện tử" in each], remarks


def test_counters_that_differ_from_what_is_counted_are_remarked_with_the_amount(story: Story) -> None:
    with connect(story.settings, "kho_transformer") as connection:
        connection.execute(
            "insert into release_2.counter_reconciliation values"
            " ('portal', 'H51.12', 'items', '2021-01-19', 'year_to_date', '2021-01-01', 1234, 1230, 4),"
            " ('portal', 'H51.12', 'items', '2021-01-05', 'year_to_date', '2021-01-01', 9, 1, 8),"
            " ('portal', 'H51.12', 'visits', '2021-01-19', 'year_to_date', '2021-01-01', 7, 7, 0)"
        )
    told = [each for each in draft(story.settings, "946", PERIOD).remarks if "bộ đếm" in each]
    assert told == [
        "Trang thông tin điện tử: bộ đếm tin bài ghi 1.234 từ 01/01/2021 đến 19/01/2021,"
        " cộng từng ngày là 1.230 (chênh lệch +4)."
    ]


def test_what_was_reported_stays_as_it_was(story: Story) -> None:
    kept = issued(story.settings, "Long Phú (huyện)", PERIOD, "calendar", 1)
    assert kept == story.reported
    assert (kept.issue.version, kept.issue.reported_by, kept.issue.release) == (1, POSITION, 1)
    assert value(kept, "dossiers_received") < value(story.later, "dossiers_received")
    with connect(story.settings, "kho_auditor") as connection:
        (stored,) = connection.execute(
            "select value from ledger.report_figure where agency_code = 'H51.12' and metric = 'dossiers_received'"
            " and level = 'all' and detail = '' order by report_id limit 1"
        ).fetchone()
    assert stored == value(kept, "dossiers_received")
    for statement in ("update ledger.report set version = 9", "delete from ledger.report_figure"):
        with (
            as_owner(story.settings) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute(statement)


def test_a_later_release_tells_what_was_reported_what_it_is_now_and_why(story: Story) -> None:
    assert story.later.earlier == story.reported.issue
    revision = next(
        each
        for each in story.later.revisions
        if each.figure.metric == "dossiers_received" and each.figure.level == "all"
    )
    assert revision.title == "Hồ sơ tiếp nhận trong kỳ, toàn huyện"
    assert revision.reported == value(story.reported, "dossiers_received")
    assert revision.figure.value == value(story.later, "dossiers_received")
    assert len(revision.because) == 1
    assert revision.because[0] == "số liệu của Một cửa điện tử ngày 12/01/2021 mới tính vào"
    line = next(
        line for area in story.later.areas for line in area.lines if line.metric == "dossiers_received"
    )
    assert f"đã báo cáo {revision.reported_text}, nay {revision.now_text}" in line.note
    assert any(each.figure.scope_code != "H51.12" for each in story.later.revisions), "units differ too"
    gone = next(
        each
        for each in story.later.revisions
        if each.figure.metric == "services_registered_with_population_database" and each.figure.level == "all"
    )
    assert gone.reported > 0 and (gone.figure.value, gone.now_text) == (None, "chưa có số liệu")
    assert len(gone.because) == 1
    assert gone.because[0].startswith("số liệu của Cơ sở dữ liệu quốc gia về dân cư ngày ")
    assert gone.because[0].endswith(" không còn tính")
    assert not [each for each in story.later.revisions if each.figure.metric.startswith("documents")]
    told = page.render(story.later)
    assert revision.because[0] in told and "vẫn giữ nguyên" in told
    assert revision.because[0] in sheet_texts(workbook.render(story.later), "Khác số đã báo cáo")


def test_handed_over_again_it_is_a_version_only_if_figures_differ(
    story: Story, kho: Callable[..., Result], tmp_path: Path
) -> None:
    department = draft(story.settings, "H51.12.03", PERIOD)
    assert (department.issuer, department.place) == ("Phòng Tư pháp", "Long Phú")
    first = hand_over(story.settings, department, "Trưởng phòng")
    again = hand_over(story.settings, draft(story.settings, "H51.12.03", PERIOD), "Phó Trưởng phòng")
    assert again == first and first.issue.version == 1

    written = tmp_path / "report.json"
    result = kho("946", PERIOD, "--format", "json", "--out", written, "--reported-by", POSITION)
    assert result.exit_code == 0 and "Version 2" in result.output, result.output
    assert "differ from version 1" in result.output
    told = json.loads(written.read_text())
    assert told["issue"]["version"] == 2 and told["earlier"]["version"] == 1 and told["revisions"]
    assert issued(story.settings, "946", PERIOD, "calendar", 1) == story.reported
    assert draft(story.settings, "946", PERIOD).revisions == []
    assert kho("946", PERIOD, "--format", "json", "--version", 1, "--out", written).exit_code == 0
    assert json.loads(written.read_text())["issue"]["version"] == 1


def test_a_report_that_nobody_handed_over_is_a_draft(story: Story, kho: Callable[..., Result]) -> None:
    result = kho("31663", PERIOD, "--format", "html")
    path = story.settings.home / "reports" / "report_31663_2021-01-04_2021-01-20_draft.html"
    assert result.exit_code == 0 and str(path) in result.output.replace("\n", "")
    assert "DỰ THẢO" in path.read_text()
    assert story.unreported.is_draft and "DỰ THẢO" in story.unreported.standing
    assert "DỰ THẢO" not in story.reported.standing and POSITION in story.reported.standing


def test_a_mistake_is_told_and_nothing_is_kept(
    kho: Callable[..., Result], story: Story, tmp_path: Path
) -> None:
    missing = kho("946", PERIOD, "--version", "7", "--format", "json")
    assert missing.exit_code == 1 and "no version 7" in missing.output
    assert kho("nowhere", PERIOD, "--format", "json").exit_code == 2
    assert kho("946", "2021-13", "--format", "json").exit_code == 2
    assert kho("946", PERIOD, "--format", "json", "--template", tmp_path).exit_code == 2
    assert kho("946", PERIOD, "--format", "json", "--reported-by", " ").exit_code == 2
    assert kho("946", PERIOD, "--format", "json", "--version", 1, "--reported-by", POSITION).exit_code == 2
    with connect(story.settings, "kho_auditor") as connection:
        assert connection.execute("select count(*) from ledger.report where version > 2").fetchone() == (0,)
