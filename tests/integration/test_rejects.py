"""Rejects: shown with file, row, offset and reasons; a mended contract lets them in through the boundary."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from kho.check.exports import exports
from kho.contract import Contract, ContractError, contracts
from kho.ledger import rejects
from kho.load import load, replay
from kho.settings import Settings
from tests.integration.loading import deliver, raw_rows, rows
from tests.integration.test_load_csv import DAY, GOOD, csv


@pytest.fixture
def dossiers(warehouse: Settings) -> Contract:
    return contracts(warehouse)["one_stop.dossiers"]


@pytest.fixture
def mended(warehouse: Settings, tmp_path: Path) -> Contract:
    """The contract in a project whose seed knows status 11, and nothing else changed."""
    for folder in ("contracts/one_stop", "dbt_project/seeds"):
        shutil.copytree(warehouse.project / folder, tmp_path / folder)
    with (tmp_path / "dbt_project/seeds/code_mappings.csv").open("a", encoding="utf-8") as seed:
        seed.write("dossier_status,one_stop,11,withdrawal_requested\n")
    return contracts(warehouse.model_copy(update={"project": tmp_path}))["one_stop.dossiers"]


def test_rejects_are_counted_and_shown_with_their_place(warehouse: Settings, dossiers: Contract) -> None:
    deliver(warehouse, dossiers, "a.csv", csv(dossiers, GOOD, GOOD | {"maTrangThai": "11"}), DAY)
    (batch,) = load(warehouse, dossiers)
    reason = (
        "maTrangThai: unmapped code; add dossier_status,one_stop,<code>,<meaning> to seeds/code_mappings.csv"
    )
    assert rejects.counts(warehouse) == [(batch.batch_id, dossiers.name, "a.csv", "pending", reason, 1)]
    ((file, row, offset, reasons, text),) = rejects.rows(warehouse, batch.batch_id)
    assert (file, row, reasons) == ("a.csv", 2, reason) and offset > 0 and "maTrangThai=11" in text
    with pytest.raises(LookupError, match="there is no batch 99"):
        rejects.rows(warehouse, 99)


def test_a_replay_after_its_code_was_added_to_the_seed_takes_the_old_batchs_place_through_the_boundary(
    warehouse: Settings, dossiers: Contract, mended: Contract
) -> None:
    known = [GOOD | {"maHoSo": f"000.00.12.H51-210105-{n:04}"} for n in range(98)]
    bad = [GOOD | {"maHoSo": f"000.00.12.H51-210105-9{n:03}", "maTrangThai": "11"} for n in range(2)]
    deliver(warehouse, dossiers, "a.csv", csv(dossiers, *known, *bad), DAY)
    (old,) = load(warehouse, dossiers)
    exports(warehouse, date(2021, 1, 6))
    with pytest.raises(ValueError, match="mend the contract first"):
        replay(warehouse, dossiers, old.batch_id)
    new = replay(warehouse, mended, old.batch_id)
    assert (old.rows_rejected, new.rows_rejected, new.rows_loaded) == (2, 0, 100)
    states = "select batch_id, state from ledger.batch order by batch_id"
    assert [each["state"] for each in rows(warehouse, states)] == ["accepted", "pending"]
    exports(warehouse, date(2021, 1, 6))
    assert [each["state"] for each in rows(warehouse, states)] == ["withdrawn", "accepted"]
    assert len(raw_rows(warehouse, dossiers, new.batch_id)) == 100
    with pytest.raises(ValueError, match="is not the newest"):
        replay(warehouse, dossiers, old.batch_id)


def test_a_contract_may_add_a_column_but_not_retype_one(warehouse: Settings, dossiers: Contract) -> None:
    deliver(warehouse, dossiers, "a.csv", csv(dossiers, GOOD), DAY)
    load(warehouse, dossiers)
    added = dossiers.columns[0].model_copy(update={"name": "shelf", "header": "ke", "required": False, "key_position": None, "pattern": None})  # fmt: skip
    wider = dossiers.model_copy(update={"columns": (*dossiers.columns, added), "fingerprint": "wider"})
    deliver(
        warehouse, wider, "b.csv", csv(wider, GOOD | {"ke": "A1", "ngayCapNhat": "06/01/2021 09:00"}), DAY
    )
    (batch,) = load(warehouse, wider)
    assert raw_rows(warehouse, wider, batch.batch_id)[0]["shelf"] == "A1"
    retyped = wider.model_copy(
        update={
            "columns": (*dossiers.columns, added.model_copy(update={"type": "integer"})),
            "fingerprint": "retyped",
        }
    )
    with pytest.raises(Exception, match="give the column another name"):
        load(warehouse, retyped)


def test_rows_are_told_apart_by_the_version_column_that_they_were_loaded_with(
    warehouse: Settings, dossiers: Contract
) -> None:
    deliver(warehouse, dossiers, "a.csv", csv(dossiers, GOOD), DAY)
    load(warehouse, dossiers)
    for column in (None, "received_at"):
        file = dossiers.file.model_copy(update={"version_column": column})
        with pytest.raises(ContractError, match="are told apart by updated_at"):
            load(warehouse, dossiers.model_copy(update={"file": file}))
