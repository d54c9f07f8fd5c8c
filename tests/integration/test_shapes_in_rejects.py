"""A rejected row shows by its shape what may be somebody's, wherever in the row it stands."""

from __future__ import annotations

from datetime import date

import pytest

from kho.contract import Contract, contracts, telling
from kho.load import load
from kho.settings import Settings
from tests.integration.loading import deliver, rejects, rows
from tests.integration.test_load_csv import GOOD, csv

DAY = date(2021, 1, 31)
#: what a row of another layout brings into a column: a name, an address, an identity number, phones, a mail address
SOMEBODYS = (
    "Nguyễn Văn Thử", "Ấp Ba xã Tân Thạnh", "000000000001", "0000 000 001", "+84 000.000.001", "thu@example.org",
)  # fmt: skip
TEXTS = (
    *SOMEBODYS, "Đỗ Ư", "H51.12", "000.00.12.H51-210105-0001", "bad 1", "05/01/2021 08:15", "31/02/2021", "(a)", "a\\b]c^", "1",
)  # fmt: skip


@pytest.fixture
def dossiers(warehouse: Settings) -> Contract:
    return contracts(warehouse)["one_stop.dossiers"]


def test_what_stands_in_another_column_than_its_own_is_not_shown(
    warehouse: Settings, dossiers: Contract
) -> None:
    shifted = [
        GOOD | {"maHoSo": f"bad {n}"} | {column.header: text}
        for column in dossiers.columns
        for n, text in enumerate(SOMEBODYS)
    ]
    deliver(warehouse, dossiers, "a.csv", csv(dossiers, *shifted), DAY)
    (batch,) = load(warehouse, dossiers)
    told = [each["row_text"] for each in rejects(warehouse, batch.batch_id)]
    assert len(told) == len(shifted)
    assert [text for text in told for somebody in SOMEBODYS if somebody in text] == []
    assert sum("(3 words, 12 letters)" in text for text in told) >= 15
    assert all("maTTHC=1.004946" in text or "maTTHC=(" in text for text in told)


def test_what_is_wrong_is_shown_where_it_is_nobodys(warehouse: Settings, dossiers: Contract) -> None:
    wrong = [
        GOOD | {"maHoSo": "bad 1"},
        GOOD | {"maTrangThai": "Đang xem xét"},
        GOOD | {"ngayTiepNhan": "31/02/2021 08:15"},
    ]
    deliver(warehouse, dossiers, "a.csv", csv(dossiers, *wrong), DAY)
    (batch,) = load(warehouse, dossiers)
    told = [each["row_text"] for each in rejects(warehouse, batch.batch_id)]
    assert "maHoSo=bad 1;" in told[0] and "ngayTiepNhan=05/01/2021 08:15;" in told[0]
    assert "maTrangThai=Đang xem xét" in told[1]  # a code that is to be added
    assert "ngayTiepNhan=31/02/2021 08:15;" in told[2]


def test_a_shape_is_told_as_messages_tell_it(warehouse: Settings) -> None:
    shapes = rows(
        warehouse, "select text, raw.shape(text) as shape from unnest(%s::text[]) as text", list(TEXTS)
    )
    assert {each["text"]: each["shape"] for each in shapes} == {text: telling.shape(text) for text in TEXTS}


def test_what_may_be_somebodys_looks_so_and_codes_and_days_do_not(warehouse: Settings) -> None:
    found = rows(
        warehouse, "select text from unnest(%s::text[]) as text where raw.may_be_personal(text)", list(TEXTS)
    )
    assert {each["text"] for each in found} == {*SOMEBODYS, "Đỗ Ư"}
