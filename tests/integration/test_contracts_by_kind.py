"""The page with one contract of each kind: every contract is usable as it stands, and loads the file below it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
import xlsxwriter
import yaml

from kho.contract import read_contract
from kho.fetch import fetch
from kho.load import load
from kho.load.dry_run import dry_run
from kho.settings import Settings
from tests import contracts as small
from tests.integration.loading import rows
from tests.pages import Block, blocks

PAGE = Path("docs/contracts-by-kind.md")
FOUND = [block for block in blocks(PAGE) if block.info == "yaml" or block.info.startswith("text ")]
PAIRS = list(zip(FOUND[::2], FOUND[1::2], strict=True))


def test_every_kind_has_its_contract_and_a_file() -> None:
    known = [yaml.safe_load(contract.text) for contract, _ in PAIRS]
    assert [each["servers"][0]["type"] for each in known] == ["local", "local", "local", "api", "local"]


@pytest.mark.parametrize(("contract", "file"), PAIRS, ids=[str(contract) for contract, _ in PAIRS])
def test_the_contract_loads_the_file_below_it(
    contract: Block, file: Block, module_warehouse: Settings, tmp_path: Path
) -> None:
    system, _, entity = yaml.safe_load(contract.text)["id"].partition(".")
    path = tmp_path / "contracts" / system / f"{entity}.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(contract.text)
    read = read_contract(path)
    export = tmp_path / file.info.split()[1]
    if export.suffix == ".xlsx":
        write_workbook(export, read.file.sheet, file.text)
    else:
        export.write_text(file.text)
    if read.server_type == "local":
        assert read.day_of(export.name) == date(2021, 6, 30)
    tried = dry_run(module_warehouse, read, export, export.name, date(2021, 6, 30))
    assert (tried.batch.rows_loaded, tried.batch.rows_rejected) == (2, 0), tried
    assert not tried.profile["missing_columns"] and not tried.profile["unknown_columns"]


def write_workbook(path: Path, sheet: str, text: str) -> None:
    with xlsxwriter.Workbook(path) as book:
        cells = book.add_worksheet(sheet)
        for number, line in enumerate(text.splitlines()):
            for place, cell in enumerate(line.split(" | ") if line else ()):
                cells.write_string(number, place, cell.strip(" |"))


def test_years_of_old_files_come_in_at_once_oldest_first(module_warehouse: Settings, tmp_path: Path) -> None:
    """As docs/add-a-source.md says it."""
    folder = module_warehouse.exports / "old"
    folder.mkdir(parents=True)
    for day in ("20190305", "20210701", "20180101", "20210630"):
        (folder / f"permits_{day}.csv").write_text(f"code\n{day}\n")
    place = {"type": "local", "path": "old", "format": "csv"}
    contract = small.read(tmp_path, small.document(place, fileName=r"permits_(?P<business_date>\d{8})\.csv"))
    fetch(module_warehouse, contract, date(2021, 6, 30), None)
    load(module_warehouse, contract)
    loaded = rows(
        module_warehouse,
        "select business_date from ledger.batch where contract = %s order by batch_id",
        contract.name,
    )
    assert [each["business_date"] for each in loaded] == [
        date(2018, 1, 1), date(2019, 3, 5), date(2021, 6, 30),
    ]  # fmt: skip
