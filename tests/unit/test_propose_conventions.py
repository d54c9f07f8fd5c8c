"""What is found in a sample is what it was written with, or an open question: never another certain answer."""

from __future__ import annotations

import csv
import io
import tempfile
import unicodedata
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from kho.formats.encodings import windows_1258
from kho.formats.guessing import SURE, guess, is_vietnamese
from kho_propose.contract_text import render
from kho_propose.infer import propose
from kho_propose.proposal import Proposal
from kho_propose.types import Values, infer
from tests.examples import examples

TEXT = """
Số vào sổ ngày cấp diện tích người sử dụng đất hòa giải trường hợp đăng ký khai sinh quyết định ủy ban
nhân dân xã thị trấn tỉnh huyện phường đường phố thủ tục hành chính lĩnh vực công thương giáo dục tư pháp
hộ tịch nghĩa quả khỏe nghiệp nguyễn trần lê phạm huỳnh võ thạch kết hôn giấy chứng nhận quyền bưu điện
trễ hẹn chuyển trả kịp thuế
"""
WORDS = TEXT.split()
DATES = {
    "dd/MM/yyyy": "%d/%m/%Y", "MM/dd/yyyy": "%m/%d/%Y", "dd-MM-yyyy": "%d-%m-%Y", "MM-dd-yyyy": "%m-%d-%Y",
    "yyyy-MM-dd": "%Y-%m-%d", "yyyy/MM/dd": "%Y/%m/%d", "dd.MM.yyyy": "%d.%m.%Y",
}  # fmt: skip
TIMES = {" HH:mm": " %H:%M", " HH:mm:ss": " %H:%M:%S", "'T'HH:mm:ss": "T%H:%M:%S"}
SIGNS = ((".", ","), (",", "."), (" ", ","), ("", "."), ("", ","))


def encoded(text: str, encoding: str) -> bytes:
    return windows_1258(text) if encoding == "windows-1258" else text.encode(encoding)


def written(number: Decimal, signs: tuple[str, str]) -> str:
    thousands, point = signs
    whole, _, decimals = f"{number:,f}".partition(".")
    return whole.replace(",", thousands) + (point + decimals if decimals else "")


def proposed(table: list[list[str]], encoding: str = "utf-8", name: str = "items_20210630.csv") -> Proposal:
    text = io.StringIO()
    csv.writer(text, delimiter=";").writerows(table)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(encoded(text.getvalue(), encoding))
        return propose("office.items", [path])


ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "windows-1258", "tcvn3", "vni")


@given(st.lists(st.sampled_from(WORDS), min_size=12, max_size=80), st.sampled_from(ENCODINGS))
def test_a_vietnamese_text_is_read_by_its_own_encoding(words: list[str], encoding: str) -> None:
    text = " ".join(words)
    data = encoded(text, encoding)
    found = guess(data)
    read = unicodedata.normalize("NFC", data.decode(found.encoding))
    assert read == text or found.confidence < SURE, found


@given(
    st.lists(
        st.sampled_from(
            ("été", "garçon", "forêt", "Noël", "façade", "Köln", "Straße", "Übung", "señor", "où")
        ),
        min_size=4,
    )
)
def test_a_western_text_is_no_vietnamese_one(words: list[str]) -> None:
    data = " ".join(words).encode("cp1252")
    found = guess(data)
    assert data.decode(found.encoding) == " ".join(words) or found.confidence < SURE, found


def test_how_sure_an_encoding_is_grows_with_what_was_seen() -> None:
    little, much = guess(encoded("Hòa", "tcvn3")), guess(encoded(" ".join(WORDS), "tcvn3"))
    assert little.confidence < SURE < much.confidence
    assert much.encoding == "tcvn3" and "cp1252" in (much.runner_up or "")


def test_a_text_that_was_decoded_wrongly_and_saved_again_is_told() -> None:
    twice = "Ủy ban nhân dân xã Đại Ân".encode().decode("cp1252", errors="replace").encode()
    assert "saved again" in (guess(twice).warning or "")
    assert guess("Ủy ban nhân dân xã Đại Ân".encode()).warning is None


def test_signs_of_a_wrong_guess_are_no_vietnamese() -> None:
    for word in ("hòa", "quyết", "nghiệp", "khuỷu", "giếng", "Đặng"):
        assert is_vietnamese(word), word
    for word in ("hßa", "hoøa", "Coäng", "céŋ", "été", "háp̀", "căp"):
        assert not is_vietnamese(word), word


@examples(60, suppress_health_check=[HealthCheck.too_slow])
@given(
    days=st.lists(st.dates(date(1990, 1, 1), date(2030, 12, 31)), min_size=3, max_size=80),
    moments=st.lists(st.datetimes(datetime(1990, 1, 1), datetime(2030, 12, 31)), min_size=3, max_size=3),
    numbers=st.lists(
        st.decimals(0, 9_999_999, places=0)
        | st.decimals(1, 9_999_999, places=2)
        | st.decimals(1, 99_999, places=3),
        min_size=3,
        max_size=3,
    ),
    day_format=st.sampled_from(sorted(DATES)),
    time_format=st.sampled_from(sorted(TIMES)),
    signs=st.sampled_from(SIGNS),
    encoding=st.sampled_from(ENCODINGS),
)
def test_a_table_gives_its_conventions_back_or_asks(
    days: list[date],
    moments: list[datetime],
    numbers: list[Decimal],
    day_format: str,
    time_format: str,
    signs: tuple[str, str],
    encoding: str,
) -> None:
    header = ["Mã số", "Ngày cấp", "Cập nhật lúc", "Diện tích", "Đã trả"]
    rows = [
        [
            f"A{n}",
            day.strftime(DATES[day_format]),
            moments[n % 3].strftime(DATES[day_format] + TIMES[time_format]),
            written(numbers[n % 3], signs),
            "có" if n % 2 else "không",
        ]
        for n, day in enumerate(days)
    ]
    proposal = proposed([header, *rows], encoding)
    asked = {question.topic for question in proposal.questions}
    code, day, moment, number, flag = proposal.columns
    assert [column.header for column in proposal.columns] == header
    assert [column.name for column in proposal.key] == ["ma_so"] or "key" in asked
    assert (code.typed.type, flag.typed.type, day.typed.type, moment.typed.type) == (
        "string", "boolean", "date", "timestamp",
    )  # fmt: skip
    if "dates" in asked:
        question = next(each for each in proposal.questions if each.topic == "dates")
        assert day_format in question.answers
        proposal.answer(question, day_format)
    assert proposal.date_format == day_format
    assert proposal.timestamp_format == day_format + time_format
    if "numbers" in asked:
        question = next(each for each in proposal.questions if each.topic == "numbers")
        example = question.text.split("'")[1]
        right = next(number for number in numbers if written(number, signs) == example)
        (answer,) = {each for each in question.answers if Decimal(each.replace(" ", "")) == right}
        proposal.answer(question, answer)
    assert number.typed.type in ("integer", "number")
    thousands, point = proposal.numbers or ("", ".")
    for shown, meant in zip(
        (row[3] for row in rows), (numbers[n % 3] for n in range(len(rows))), strict=True
    ):
        read = (shown.replace(thousands, "") if thousands else shown).replace(point, ".")
        assert Decimal(read) == meant


def column(header: str, texts: list[str]) -> Values:
    return Values(header, [text for text in texts if text], len(texts))


@pytest.mark.parametrize(
    ("texts", "numbers", "type_"),
    [
        (["32.501", "1.250"], 2, "number"),  # thousands or three decimals
        (["32.501", "1.250.000"], 1, "integer"),  # two groups tell
        (["32.501", "61,87"], 1, "number"),  # the other sign tells
        (["32.501", "17.63"], 1, "number"),  # no group has two digits
        (["1,250", "12"], 2, "number"),
        (["0.125", "0.250"], 1, "number"),  # nobody writes thousands with a zero in front
        (["12", "125"], 0, "integer"),
        (["1 250", "12,5"], 1, "number"),
    ],
)
def test_groups_of_three_are_asked_about_unless_another_value_tells(
    texts: list[str], numbers: int, type_: str
) -> None:
    (typed,), conventions = infer([column("Diện tích", texts)])
    assert (typed.type, len(conventions.numbers)) == (type_, numbers)


def test_one_odd_value_among_many_tells_nothing() -> None:
    """17.63 may be a mistake in a file that writes 1.250 for thousands: that is asked."""
    texts = [f"{n}.{n + 100}" for n in range(1, 200)]
    assert len(infer([column("Số tiền", [*texts, "17.63"])])[1].numbers) == 2
    assert len(infer([column("Số tiền", [*texts, "17.63.1"])])[1].numbers) == 2


def test_a_day_after_the_twelfth_tells_the_order_for_dates_and_times_alike() -> None:
    open_days = [column("Ngày", ["03/04/2021", "05/06/2021"])]
    assert infer(open_days)[1].date_formats == ("dd/MM/yyyy", "MM/dd/yyyy")
    telling = [*open_days, column("Lúc", ["25/04/2021 08:00"])]
    _, conventions = infer(telling)
    assert (conventions.date_formats, conventions.timestamp_formats) == (
        ("dd/MM/yyyy",),
        ("dd/MM/yyyy HH:mm",),
    )


def test_offsets_fractions_and_texts_that_mean_nothing_are_taken_in() -> None:
    moments = [
        "2011-10-11 13:42:22.688000+02:00",
        "2011-11-11 13:42:22+01:00",
        "EMPTY",
        "2011-10-11 13:42:22.688000+02:00",
    ]
    typed, conventions = infer(
        [column("time:timestamp", moments), column("case:reason", ["EMPTY", "a", "b", "-"])]
    )
    assert [each.type for each in typed] == ["timestamp", "string"]
    assert conventions.timestamp_formats == ("yyyy-MM-dd HH:mm:ssXXX",)
    assert conventions.null_texts == ("EMPTY",)  # a dash among words may mean something


def test_codes_of_digits_are_no_numbers() -> None:
    texts = {
        "Mã xã": ["31639", "29362"],
        "Số": ["01", "12"],
        "Dư nợ": ["31639", "29362"],
        "phone": ["912345678", "1"],
    }
    typed, _ = infer([column(header, values) for header, values in texts.items()])
    assert [each.type for each in typed] == ["string", "string", "integer", "string"]


def test_columns_written_in_two_ways_are_told_and_read_as_text() -> None:
    typed, conventions = infer(
        [
            column("a", ["31/12/2021"]),
            column("b", ["31/12/2020"]),
            column("c", ["2021-12-31"]),
            column("d", ["5/6/2021"]),
        ]
    )
    assert [each.type for each in typed] == ["date", "date", "string", "date"]
    assert conventions.date_formats == ("d/M/yyyy",)  # which reads the others as well
    assert typed[2].remark


def timed(*offsets: str) -> list[list[str]]:
    return [
        ["Mã số", "Nhận lúc"],
        *(
            [f"A{n}", f"2021-06-{n % 28 + 1:02}T09:{n % 60:02}:00{offsets[n % len(offsets)]}"]
            for n in range(60)
        ),
    ]


@pytest.mark.parametrize("said", ["Z", "+00:00", "+0000"])
def test_times_that_all_say_utc_are_asked_about(said: str) -> None:
    proposal = proposed(timed(said))
    (question,) = [each for each in proposal.questions if each.topic == "offsets"]
    quoted = f"yyyy-MM-dd'T'HH:mm:ss'{said}'"
    assert f"every time of the sample says {said}" in question.text and quoted in question.text
    lines = render(proposal).splitlines()
    assert any("timestampFormat" in line and "? every time of the sample says" in line for line in lines)
    assert any(line.strip().startswith("- ") and question.path in line for line in lines)
    proposal.answer(question, question.answers[1])
    assert proposal.timestamp_format == quoted
    assert "offsets" not in {each.topic for each in proposal.questions}


def test_times_that_say_utc_in_several_ways_are_asked_about_and_cannot_be_quoted() -> None:
    proposal = proposed(timed("Z", "+00:00"))
    (question,) = [each for each in proposal.questions if each.topic == "offsets"]
    assert "ask its keeper" in question.text
    proposal.answer(question, question.answers[0])
    assert proposal.timestamp_format == "yyyy-MM-dd'T'HH:mm:ssXXX"


@pytest.mark.parametrize("offsets", [("+07:00",), ("+01:00", "+02:00"), ("Z", "+07:00"), ("",)])
def test_times_of_other_offsets_are_not(offsets: tuple[str, ...]) -> None:
    assert "offsets" not in {each.topic for each in proposed(timed(*offsets)).questions}
