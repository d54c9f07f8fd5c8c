"""The exports of iDesk and M-Office add up to whatever totals they are told, by a count of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from kho.settings import Settings
from kho_sample import totals, write
from kho_sample.document_systems import Documents, DocumentSystems
from tests.unit import recount_documents

PROJECT = Path(__file__).resolve().parents[2]
SEEDS = PROJECT / "dbt_project" / "seeds"
TOLD = totals.read(PROJECT / "samples" / "tieu_can_2017_q3.yaml")
SMALL = {"only_idesk": 9, "only_moffice": 4, "through_both": 7, "electronic_signed": 20, "parallel_paper": 0,
         "updated": 6, "recalled": 4, "replaced": 6, "incoming": 20}  # fmt: skip
OTHERS = {
    "the report's": (TOLD.idesk_and_moffice, 946),
    "others": (
        DocumentSystems(
            district=Documents(**SMALL),
            commune=Documents(**SMALL | {"only_moffice": 0, "through_both": 40, "electronic_signed": 0, "incoming": 3}),
        ),
        7,
    ),
    "scaled": (TOLD.idesk_and_moffice.scaled(0.1), 11),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_documents_are_counted_again_in_the_exports(name: str, tmp_path: Path) -> None:
    section, seed = OTHERS[name]
    told = totals.Totals(period=TOLD.period, agency_code="H59.06", idesk_and_moffice=section)
    write.write(Settings(home=tmp_path), told, seed=seed)
    found = recount_documents.outgoing(tmp_path / "exports", SEEDS)
    for level, counts in (("district", section.district), ("commune", section.commune)):
        expected = {
            "documents": counts.outgoing,
            "signed": counts.electronic_signed,
            "on paper": counts.parallel_paper,
            "recalled": counts.recalled,
            "replaced": counts.replaced,
            "idesk": counts.only_idesk,
            "moffice": counts.only_moffice,
            "idesk and moffice": counts.through_both,
        }
        assert {each: found[level][each] for each in expected} == expected, level
    assert recount_documents.incoming(tmp_path / "exports", SEEDS) == {
        "district": section.district.incoming,
        "commune": section.commune.incoming,
    }


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"electronic_signed": 21}, "electronic_signed is 21, more than the documents, which is 20"),
        ({"recalled": 99}, "updated [+] recalled [+] replaced is 111, more than only_idesk [+] through_both"),
    ],
)
def test_totals_that_contradict_each_other_are_refused(change: dict[str, int], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Documents(**SMALL | change)
