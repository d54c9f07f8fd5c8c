"""Numbers that add up: those of a row, and those of a file in its row of sums."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from random import Random

import pytest

from kho.check.exports import rules
from kho.contract import Contract, ContractError, read_contract
from kho.load import load
from kho.settings import Settings
from tests.integration.loading import deliver, raw_rows, rejects, rows

CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: elsewhere.counts
name: Counts
version: 1.0.0
status: active
servers:
  - server: production
    type: local
    path: elsewhere
    format: csv
    customProperties: [{property: fileName, value: 'counts_(?P<business_date>\\d{8}).csv'}, {property: delimiter, value: ;}]
schema:
  - name: counts
    customProperties:
      - {property: load, value: delta}
      - {property: decimalSeparator, value: ','}
      - property: sums
        value: [{column: whole, of: [online, direct]}]
      - property: skipRows
        value: [{column: field, pattern: '^Tổng', why: total row, isSum: true}]
    properties:
      - {name: field, physicalName: Lĩnh vực, logicalType: string, required: true, primaryKey: true, primaryKeyPosition: 1}
      - {name: whole, physicalName: (3), logicalType: number}
      - {name: online, physicalName: (4), logicalType: integer}
      - {name: direct, physicalName: (5), logicalType: number}
slaProperties:
  - {property: frequency, value: 1, unit: d}
"""


def contract(folder: Path, text: str = CONTRACT) -> Contract:
    path = folder / "elsewhere" / "counts.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return read_contract(path)


def loaded(warehouse: Settings, made: Contract, *lines: str) -> tuple[list[str], list[dict], dict[str, str]]:
    """Fields that were loaded, rejects, and by how much sums of the file are off."""
    data = "\n".join(["Lĩnh vực;(3);(4);(5)", *lines]) + "\n"
    deliver(warehouse, made, "counts_20260930.csv", data.encode(), date(2026, 9, 30))
    (batch,) = load(warehouse, made)
    (told,) = rows(
        warehouse, "select profile -> 'sums_off' as off from ledger.batch where batch_id = %s", batch.batch_id
    )
    good = raw_rows(warehouse, made, batch.batch_id)
    assert batch.rows_in_file == batch.rows_loaded + batch.rows_rejected + batch.rows_skipped
    return [row["field"] for row in good], rejects(warehouse, batch.batch_id), told["off"]


def test_a_row_that_does_not_add_up_is_a_reject_that_tells_the_difference(
    warehouse: Settings, tmp_path: Path
) -> None:
    good, bad, off = loaded(
        warehouse,
        contract(tmp_path),
        "even;3;1;2",
        "more told;2,5;1;1",
        "less told;1;1;1",
        "not told;;1;2",
        "a part not told;3;1;",
        "no number;x;1;2",
    )
    assert good == ["even", "not told", "a part not told"]
    assert [(each["reasons"], each["row_text"].split("; ")[4:]) for each in bad] == [
        (["(3): not the sum of (4), (5)"], ["(3) differs by -0.5"]),
        (["(3): not the sum of (4), (5)"], ["(3) differs by +1"]),
        (["(3): not a number"], []),
    ]
    assert off == {}


def test_the_row_of_sums_is_checked_against_all_rows_and_not_loaded(
    warehouse: Settings, tmp_path: Path
) -> None:
    good, bad, off = loaded(warehouse, contract(tmp_path), "a;3;1;2", "b;9;1;2", "Tổng cộng;12;2;5")
    assert (good, len(bad), off) == (["a"], 1, {"(5)": "-1"})


def test_a_batch_that_does_not_add_up_to_its_row_of_sums_is_held(tmp_path: Path) -> None:
    (rule,) = (rule for rule in rules(contract(tmp_path)) if rule.name == "sums_agree")
    assert rule.severity == "critical"
    plain = contract(tmp_path, CONTRACT.replace(", isSum: true", ""))
    assert "sums_agree" not in {rule.name for rule in rules(plain)}


def test_any_table_is_loaded_just_where_it_adds_up(warehouse: Settings, tmp_path: Path) -> None:
    rng = Random(11)
    table = [
        (f"f{n}", rng.randint(0, 9), rng.randint(0, 9), rng.choice((0, 0, 0, 1, -2))) for n in range(300)
    ]
    lines = [f"{name};{online + direct + wrong};{online};{direct}" for name, online, direct, wrong in table]
    whole, online, direct = (
        sum(column) for column in zip(*((o + d + w, o, d) for _, o, d, w in table), strict=True)
    )
    good, bad, off = loaded(
        warehouse, contract(tmp_path), *lines, f"Tổng số;{whole + 7};{online};{direct - 7}"
    )
    assert good == [name for name, _, _, wrong in table if not wrong]
    assert len(bad) == len(table) - len(good)
    assert off == {"(3)": "-7", "(5)": "+7"}


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ("of: [online, direct]", "of: [online, field]", "'field' is no number that is stored"),
        ("column: whole, of", "column: all, of", "'all' is no number that is stored"),
        ("of: [online, direct]", "of: []", "sums"),
    ],
)
def test_what_adds_up_are_numbers_of_the_contract(
    tmp_path: Path, before: str, after: str, problem: str
) -> None:
    with pytest.raises(ContractError, match=r"\$\.schema\[0\]\.customProperties") as error:
        contract(tmp_path, CONTRACT.replace(before, after))
    assert problem in str(error.value)
