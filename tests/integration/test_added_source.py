"""A source that Kho has never seen: the contract that the page shows is enough to load it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from kho.contract.reading import read_contract
from kho.database import connect
from kho.load import load
from kho.load.rejects import rows
from kho.settings import Settings
from tests.integration.loading import deliver
from tests.pages import blocks

EXPORT = """\
Số vào sổ;Ngày cấp;Diện tích;Người sử dụng đất
CH001;30/06/2021;120.5;Nguyễn Văn A
CH002;2021-06-29;-1;Trần Thị B
"""


def test_a_contract_alone_brings_an_export_in(warehouse: Settings, tmp_path: Path) -> None:
    (block,) = blocks(Path("docs/add-a-source.md"), "yaml")
    path = tmp_path / "land" / "certificates.yaml"
    path.parent.mkdir()
    path.write_text(block.text)
    contract = read_contract(path)
    deliver(warehouse, contract, "certificates_20210630.csv", EXPORT.encode(), date(2021, 6, 30))

    (batch,) = load(warehouse, contract)

    assert (batch.rows_in_file, batch.rows_loaded, batch.rows_rejected) == (2, 1, 1)
    with connect(warehouse, "kho_auditor") as connection:
        loaded = connection.execute(
            "select certificate_code, issued_date, area_m2 from raw.land__certificates"
        ).fetchall()
    assert loaded == [("CH001", date(2021, 6, 30), 120.5)]
    ((_, row, _, reasons, text),) = rows(warehouse, batch.batch_id)
    assert row == 2
    assert reasons == "Ngày cấp: not a date (dd/MM/yyyy); Diện tích: not a number at least 0"
    assert "Trần Thị B" not in text
