"""How figures become words: numbers, periods, states, sentences; and the outline that says which figures go where."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kho.figures.figures import Figure
from kho.ledger import freshness
from kho.report import vietnamese
from kho.report.content import HeldBatch, Source
from kho.report.outline import outline
from kho.report.remarks import Effect, notices
from kho.report.sentences import PLACE, paragraphs
from kho.settings import Settings
from tests.examples import examples

LEVELS = ("all", "district", "commune")


def figure(
    metric: str = "dossiers_received", level: str = "all", value: int | str | None = 1234, **given: object
) -> Figure:
    known = None if value is None else Decimal(value)
    fields = {
        "metric": metric, "level": level, "detail": "", "value": known, "unit": "dossiers", "state": "measured",
        "measured_value": known, "numerator": None, "denominator": None, "as_of": date(2021, 6, 30), "release": 7,
        "title": "Hồ sơ tiếp nhận", "unit_title": "hồ sơ", "detail_title": "", "scope_code": "H51.12",
        "first_day": date(2021, 1, 1), "last_day": date(2021, 6, 30),
    }  # fmt: skip
    return Figure(**fields | given)


def say(*says: str, figures: list[Figure], levels: tuple[str, ...] = LEVELS) -> list[str]:
    known: dict = {}
    for each in figures:
        known.setdefault(each.metric, {}).setdefault(each.detail, {})[each.level] = each
    return paragraphs(says, known, levels)


@given(st.decimals(min_value=-(10**12), max_value=10**12, places=2))
@examples(40)
def test_a_printed_number_reads_back_as_it_was(value: Decimal) -> None:
    for unit in ("percent", "dossiers"):
        printed = vietnamese.number(value, unit)
        assert Decimal(printed.replace(".", "").replace(",", ".")) == value
        assert all(len(group) == 3 for group in printed.partition(",")[0].split(".")[1:])


def test_numbers_are_printed_the_vietnamese_way() -> None:
    assert vietnamese.number(Decimal(32501), "dossiers") == "32.501"
    assert vietnamese.printed(figure(value="61.87", unit="percent")) == "61,87%"
    assert vietnamese.printed(figure(value="100", unit="percent")) == "100,00%"
    assert vietnamese.number(Decimal("102.50"), "million VND") == "102,50"
    assert vietnamese.number(Decimal("1003.255"), "million VND") == "1.003,26"
    assert vietnamese.number(Decimal("76.725"), "million VND") == "76,73"


@pytest.mark.parametrize(
    ("asked", "called"),
    [
        ("2021", "Năm 2021"),
        ("2021-H1", "6 tháng đầu năm 2021"),
        ("2021-h2", "6 tháng cuối năm 2021"),
        ("2021-9M", "9 tháng đầu năm 2021"),
        ("2021-Q3", "Quý III năm 2021"),
        ("2021-06", "Tháng 6 năm 2021"),
        ("2017-01-01..2017-09-28", "Từ ngày 01/01/2017 đến ngày 28/09/2017"),
    ],
)
def test_periods_have_names(asked: str, called: str) -> None:
    assert vietnamese.period(asked, date(2017, 1, 1), date(2017, 9, 28)) == called


def test_the_states_read_differently() -> None:
    shown = [
        vietnamese.printed(figure(value=None, state="not_applicable")),
        vietnamese.printed(figure(value=None, state="not_operated")),
        vietnamese.printed(figure(value=None, state="not_delivered")),
        vietnamese.printed(figure(value=0)),
        vietnamese.note(figure(state="stale", as_of=date(2021, 1, 11))),
    ]
    assert shown == ["không áp dụng", "không vận hành", "chưa có số liệu", "0", "số liệu mới đến 11/01/2021"]


def test_a_part_of_a_period_says_from_when_to_when() -> None:
    part = figure(state="partial", covered_from=date(2021, 3, 1), covered_to=date(2021, 6, 30))
    days = "chỉ có số liệu từ ngày 01/03/2021 đến ngày 30/06/2021"
    assert vietnamese.note(part) == days
    assert say("Có {dossiers_received}.", figures=[part]) == [f"Có 1.234 hồ sơ ({days})."]
    assert "Ngày có số liệu trong kỳ: 01/03/2021 – 30/06/2021" in vietnamese.lineage(part)
    attested = replace(part, measured_value=Decimal(5))
    assert vietnamese.note(attested) == f"{days}; phần mềm 5, đã xác nhận"
    assert vietnamese.note(figure(state="partial")) == "không ngày nào trong kỳ có đủ số liệu"


def test_a_sentence_prints_figures_with_their_units() -> None:
    told = say(
        "Tiếp nhận {dossiers_received} (cấp xã {dossiers_received@commune}), tin {dossiers_received/news: tin}.",
        figures=[
            figure(value=32501),
            figure(level="commune", value=27773),
            figure(detail="news", value=193),
        ],
    )
    assert told == ["Tiếp nhận 32.501 hồ sơ (cấp xã 27.773 hồ sơ), tin 193 tin."]


def test_a_clause_goes_where_the_scope_has_no_such_level_or_detail() -> None:
    says = "Tiếp nhận {dossiers_received}[ (cấp xã {dossiers_received@commune})][, tin {dossiers_received/news}]."
    assert say(says, figures=[figure(level="commune", value=5)], levels=("commune",)) == [
        "Tiếp nhận 5 hồ sơ."
    ]


def test_a_level_that_does_not_operate_says_so_inside_the_sentence() -> None:
    told = say(
        "Tiếp nhận {dossiers_received}[ (cấp xã {dossiers_received@commune})].",
        figures=[figure(value=5), figure(level="commune", value=None, state="not_operated")],
    )
    assert told == ["Tiếp nhận 5 hồ sơ (cấp xã không vận hành)."]


def test_the_levels_of_a_scope_are_named_in_their_order_whatever_they_are() -> None:
    says = "Tiếp nhận {dossiers_received}[ ({dossiers_received@each})]."
    values = {"all": 9, "province": 4, "district": 3, "commune": 2}

    def told(*levels: str) -> list[str]:
        return say(
            says, figures=[figure(level=level, value=values[level]) for level in levels], levels=levels
        )

    assert told("all", "province", "commune") == ["Tiếp nhận 9 hồ sơ (cấp tỉnh 4 hồ sơ, cấp xã 2 hồ sơ)."]
    assert told("all", "district", "commune") == ["Tiếp nhận 9 hồ sơ (cấp huyện 3 hồ sơ, cấp xã 2 hồ sơ)."]
    assert told("commune") == ["Tiếp nhận 2 hồ sơ."]


def test_what_is_attested_or_incomplete_says_so_in_the_sentence() -> None:
    attested = figure(value=9, measured_value=Decimal(5), state="attested")
    assert say("Có {dossiers_received}.", figures=[attested]) == ["Có 9 hồ sơ (phần mềm 5, đã xác nhận)."]
    stale = figure(value=9, state="stale", as_of=date(2021, 1, 11))
    assert say("Có {dossiers_received}, {dossiers_received}.", figures=[stale]) == [
        "Có 9 hồ sơ, 9 hồ sơ (số liệu mới đến 11/01/2021)."
    ]


def test_sentences_without_a_figure_become_one_for_each_state() -> None:
    told = say(
        "A {dossiers_received}.",
        "B {portal_visits}.",
        "C {documents_outgoing}.",
        "D {it_spending}.",
        figures=[
            figure(value=None, state="not_operated"),
            figure("portal_visits", value=None, state="not_operated", title="Lượt truy cập"),
            figure("documents_outgoing", value=None, state="not_delivered", title="Văn bản đi"),
            figure("it_spending", value=None, state="not_applicable", title="Kinh phí"),
        ],
    )
    assert told == [
        "Không có số liệu vì đơn vị không vận hành hệ thống trong kỳ (khác với bằng 0):"
        " hồ sơ tiếp nhận; lượt truy cập.",
        "Chưa có số liệu của kỳ vì nguồn chưa gửi (khác với bằng 0): văn bản đi.",
        "Không áp dụng trong kỳ hoặc với loại đơn vị này (khác với bằng 0): kinh phí.",
    ]


def test_an_area_without_any_figure_says_so_once() -> None:
    told = say(
        "A {dossiers_received}.",
        "B {portal_visits}.",
        figures=[
            figure(value=None, state="not_operated"),
            figure("portal_visits", value=None, state="not_operated"),
        ],
    )
    assert told == ["Không có số liệu vì đơn vị không vận hành hệ thống trong kỳ (khác với bằng 0)."]


def test_levels_are_called_after_the_scope() -> None:
    known = {"all", "province", "commune"}
    titles = vietnamese.levels("Thành phố Cần Thơ", known)
    assert titles == {"all": "Toàn thành phố", "province": "Cấp tỉnh", "commune": "Cấp xã"}
    assert (
        vietnamese.levels("Tỉnh Sóc Trăng", {"all", "province", "district", "commune"})["all"] == "Toàn tỉnh"
    )
    # A commune is of one level, with or without departments.
    assert vietnamese.levels("Đặc khu Phú Quốc", {"all", "commune"}) == {"all": "Toàn đặc khu"}
    assert vietnamese.levels("Thị trấn Long Phú", {"commune"}) == {"commune": "Toàn thị trấn"}
    assert vietnamese.levels("Phòng Tư pháp", {"district"}) == {"district": "Cấp huyện"}
    attested = {"all": figure(state="attested"), "commune": figure(level="commune")}
    assert vietnamese.notes(attested, titles) == "toàn thành phố: phần mềm 1.234, đã xác nhận"


def source(
    contract: str,
    state: freshness.State,
    as_of: date | None,
    title: str = "Một cửa điện tử",
    held: Sequence[HeldBatch] = (),
) -> Source:
    return Source(contract, title, state, False, as_of, None, 67590, 67264, 326, 0, list(held))


def test_what_lacks_is_said_in_words_with_what_it_means_for_figures() -> None:
    effects = {
        "one_stop.dossiers": Effect(
            [
                "Hồ sơ tiếp nhận trong kỳ",
                "Hồ sơ đã giải quyết",
                "Yêu cầu bổ sung hồ sơ",
                "Phí và lệ phí đã thu",
            ],
            ["Tỷ lệ hồ sơ giải quyết đúng hạn"],
        ),
        "portal.items": Effect(absent=["Tin bài đã đăng"]),
    }
    sources = [
        source("one_stop.dossiers", "stale", date(2021, 1, 11), held=[HeldBatch(7, date(2021, 1, 12))]),
        source("one_stop.fees", "fresh", date(2021, 1, 20)),
        source("portal.items", "not_delivered", None, "Trang thông tin điện tử"),
        source("misa.spending", "unusable", date(2020, 12, 31), "Kế toán MISA"),
    ]
    told = notices(sources, effects)
    assert told == [
        "Số liệu của Một cửa điện tử sau ngày 11/01/2021 chưa có, nên các chỉ tiêu sau có thể thấp hơn thực tế:"
        " hồ sơ tiếp nhận trong kỳ, hồ sơ đã giải quyết, yêu cầu bổ sung hồ sơ và 1 chỉ tiêu khác; các chỉ tiêu sau có"
        " thể khác thực tế: tỷ lệ hồ sơ giải quyết đúng hạn.",
        "Số liệu của Một cửa điện tử cho ngày 12/01/2021 đang chờ kiểm tra, chưa tính vào báo cáo.",
        "Chưa có số liệu của Trang thông tin điện tử, nên chưa tính được các chỉ tiêu sau: tin bài đã đăng.",
        "Số liệu của Kế toán MISA sau ngày 31/12/2020 chưa có; kỳ báo cáo không bị ảnh hưởng.",
    ]
    assert notices([source("one_stop.fees", "fresh", date(2021, 1, 20))], {}) == []


def test_codes_are_called_in_the_marts_what_reports_call_them() -> None:
    path = Settings().project / "dbt_project" / "seeds" / "code_titles.csv"
    titles: dict[str, dict[str, str]] = {}
    for row in csv.DictReader(path.open(encoding="utf-8")):
        titles.setdefault(row["domain"], {})[row["code"]] = row["title"]
    assert titles["figure_state"] == vietnamese.STATES
    assert titles["agency_level"] == vietnamese.LEVELS


def _metrics() -> dict[str, dict[str, str]]:
    path = Settings().project / "dbt_project" / "seeds" / "metrics.csv"
    with path.open(encoding="utf-8", newline="") as seed:
        return {row["metric"]: row for row in csv.DictReader(seed)}


def test_every_metric_has_its_place_in_the_report() -> None:
    placed = [metric for area in outline() for metric in area.metrics]
    assert len(placed) == len(set(placed)), "one place"
    assert sorted(_metrics().keys() - set(placed)) == [], (
        "write it into an area of src/kho/report/outline.yaml"
    )


@pytest.mark.parametrize("area", outline(), ids=lambda area: area.key)
def test_sentences_and_breakdowns_are_of_figures_of_their_area(area) -> None:
    named = {place["metric"] for says in area.says for place in PLACE.finditer(says)}
    named |= {metric for breakdown in area.breakdowns for metric in breakdown.metrics}
    assert sorted(named - set(area.metrics)) == []
    for says in area.says:
        assert says.count("{") == len(list(PLACE.finditer(says))) > 0
    for breakdown in area.breakdowns:
        known = [_metrics()[metric]["unit_title"] for metric in breakdown.metrics if metric in _metrics()]
        assert len(set(known)) <= 1, f"{breakdown.title}: one chart has one unit"


def test_area_titles_are_names_of_sheets() -> None:
    assert [area.title for area in outline() if len(area.title) > 31] == []
