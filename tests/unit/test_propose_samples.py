"""For each export of the three systems the proposal agrees with the contract that was written by hand."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from kho.contract import Column, Contract, contracts, read_contract
from kho.settings import Settings
from kho_propose import contract_text, fixture
from kho_propose.infer import propose
from kho_propose.proposal import Proposal
from kho_sample import write
from kho_sample.totals import read

SETTINGS = Settings()
SAMPLES: dict[str, Callable[[str], bool]] = {
    "one_stop.dossiers": lambda name: "2021031" in name,
    "one_stop.procedures": lambda name: "20210401" in name,
    "one_stop.adjustments": lambda name: True,
    "documents.outgoing": lambda name: name[-13:-7] in ("202102", "202103", "202104"),
    "documents.deliveries": lambda name: "202103" in name,
    "portal.items": lambda name: True,
    "portal.traffic": lambda name: True,
}
# What the sample can't tell, or tells otherwise than people decided: types of columns by header.
DECIDED = {
    "one_stop.dossiers": {"nhanKetQuaBCCI": "integer"},  # 1 and 0 may be numbers
    "one_stop.procedures": {"STT": "integer"},
    "documents.outgoing": {"STT": "integer"},
}


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exports")
    whole = read(SETTINGS.project / "samples" / "long_phu_2021_h1.yaml")
    totals = whole.scaled(0.1).model_copy(update={"portal": whole.portal})  # enough visits for thousands
    for export in write.generate(SETTINGS, totals):
        wanted = SAMPLES.get(f"{export.system}.{export.entity}")
        if wanted and wanted(export.name):
            write.put(folder, export)
    return folder


@pytest.fixture(scope="module")
def proposals(exports: Path) -> dict[str, Proposal]:
    return {name: propose(name, sorted((exports / name.replace(".", "/")).iterdir())) for name in SAMPLES}


def of(contract: Contract, proposal: Proposal) -> list[Column]:
    """The contract's columns without those that may be absent and are, in the sample."""
    there = {column.header for column in proposal.columns}
    return [column for column in contract.columns if column.header in there or not column.keys.may_be_absent]


@pytest.mark.parametrize("name", SAMPLES)
def test_it_is_read_as_the_contract_says(proposals: dict[str, Proposal], name: str) -> None:
    proposal, contract = proposals[name], contracts(SETTINGS)[name]
    assert proposal.shape.format == contract.format
    assert proposal.shape.delimiter == contract.delimiter
    assert proposal.encoding == contract.encoding
    assert proposal.header_rows == contract.file.header_rows
    assert proposal.control_file == contract.server.control_file
    assert (proposal.shape.records_path or None) == contract.file.records_path
    assert [column.header for column in proposal.columns] == [
        column.header for column in of(contract, proposal)
    ]


@pytest.mark.parametrize("name", SAMPLES)
def test_its_columns_are_of_the_contracts_types_or_asked_about(
    proposals: dict[str, Proposal], name: str
) -> None:
    proposal, contract = proposals[name], contracts(SETTINGS)[name]
    asked = {question.topic for question in proposal.questions}
    for column, known in zip(proposal.columns, of(contract, proposal), strict=True):
        expected = DECIDED.get(name, {}).get(column.header, known.type)
        if "numbers" in asked and column.typed.type == "number":
            expected = "number"
        if column.remark == "always empty in the sample":
            expected = "string"
        assert column.typed.type == expected, column.header
    kinds = {column.type for column in contract.columns}
    if "date" in kinds:
        assert proposal.date_format == contract.file.date_format
    if "timestamp" in kinds:
        assert proposal.timestamp_format == contract.file.timestamp_format
    if proposal.numbers and "numbers" not in asked:
        assert proposal.numbers == (contract.file.thousands_separator, contract.file.decimal_separator)


@pytest.mark.parametrize("name", SAMPLES)
def test_its_key_is_the_contracts_or_enough_of_it(proposals: dict[str, Proposal], name: str) -> None:
    proposal, contract = proposals[name], contracts(SETTINGS)[name]
    proposed = {column.header for column in proposal.key}
    assert proposed <= {column.header for column in contract.key}


@pytest.mark.parametrize("name", SAMPLES)
def test_who_is_in_it_is_found(proposals: dict[str, Proposal], name: str) -> None:
    proposal, contract = proposals[name], contracts(SETTINGS)[name]
    personal = {column.header: column.keys.personal_data for column in of(contract, proposal)}
    assert {c.header: c.personal.treatment if c.personal else None for c in proposal.columns} == personal


@pytest.mark.parametrize("name", SAMPLES)
def test_files_named_as_the_contract_says_are_files_of_the_proposal(
    proposals: dict[str, Proposal], exports: Path, name: str
) -> None:
    for path in (exports / name.replace(".", "/")).iterdir():
        if path.suffix != ".ctl":
            match = re.fullmatch(proposals[name].file_pattern, path.name)
            assert match and match["business_date"] in path.name


@pytest.mark.parametrize("name", SAMPLES)
def test_what_is_written_is_a_contract(proposals: dict[str, Proposal], tmp_path: Path, name: str) -> None:
    proposal = proposals[name]
    path = tmp_path / proposal.system / f"{proposal.entity}.yaml"
    path.parent.mkdir()
    path.write_text(contract_text.render(proposal))
    contract: Contract = read_contract(path)
    assert contract.is_draft and len(contract.open_questions) == len(proposal.questions)
    assert [column.header for column in contract.columns] == [column.header for column in proposal.columns]
    people = {
        value
        for column in proposal.columns
        if column.personal
        for value in column.values
        if isinstance(value, str) and len(value) > 3
    }
    text = path.read_text()
    assert not [value for value in people if value in text]
    made = fixture.make(proposal)
    assert made.content


def test_what_a_sample_leaves_open_is_asked(proposals: dict[str, Proposal]) -> None:
    """A whole list per unit, a late file, thousands that could be decimals: none of it is guessed."""
    topics = {name: {question.topic for question in each.questions} for name, each in proposals.items()}
    assert "load" in topics["one_stop.procedures"] and "frequency" in topics["one_stop.procedures"]
    assert topics["portal.traffic"] == {"numbers"}
    assert proposals["one_stop.dossiers"].frequency == "d"
    assert proposals["documents.outgoing"].frequency == "m"
