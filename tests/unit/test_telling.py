"""What a message says of a source's own words: places and shapes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kho.contract import telling
from tests import contracts

FOLDER = {"type": "local", "path": "permits", "format": "csv"}


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("Nguyễn Văn An", "3 words, 11 letters"),
        ("Nguye\u0302\u0303n", "6 letters"),
        ("CCCD 079123456789", "2 words, 4 letters 12 digits"),
        ("12/03/1990", "8 digits 2 signs"),
        ("a", "1 letter"),
        (" \t", "nothing"),
    ],
)
def test_a_text_is_told_by_its_shape(text: str, shape: str) -> None:
    assert telling.shape(text) == shape


@given(st.text(min_size=1))
def test_a_shape_is_made_of_our_own_words(text: str) -> None:
    assert set(telling.shape(text).replace(",", "").split()) <= {
        *map(str, range(len(text) + 1)),
        *("word", "words", "letter", "letters", "digit", "digits", "sign", "signs", "nothing"),
    }


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("permits_000.00.12.H51_20210630_2of3.csv", "delivery of 2021-06-30 by H51.12, part 2 of 3"),
        ("permits_Nguyễn Văn An_20210630_2of3.csv", "delivery of 2021-06-30 by a unit (3 words, 11 letters), part 2 of 3"),
        ("permits_H51.12_20210631_2of3.csv", "a file (name of 32 characters)"),
        ("Nguyễn Văn An.csv", "a file (name of 17 characters)"),
    ],
)  # fmt: skip
def test_a_file_is_told_by_what_its_contract_knows_of_its_name(tmp_path: Path, name: str, told: str) -> None:
    written = contracts.document(
        FOLDER, fileName=r"permits_(?P<unit>[^_]+)_(?P<business_date>\d{8})_(?P<part>\d)of(?P<parts>\d)\.csv"
    )
    assert telling.delivery(contracts.read(tmp_path, written), name) == told
