"""The keys of contracts: all are described, an editor knows them all, and one that Kho doesn't know is an error."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from pydantic import TypeAdapter

from kho.contract import ContractError, paths, read_contract, reference
from kho.settings import Settings

SETTINGS = Settings()
CONTRACTS = paths(SETTINGS)
FIRST_LINE = "# yaml-language-server: $schema=../contract.schema.json"
SCHEMA = jsonschema_rs.Draft202012Validator(reference.schema())


def document(name: str) -> dict[str, Any]:
    return yaml.safe_load(CONTRACTS[name].read_text())


def mappings(value: Any, place: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The place of every mapping in a contract."""
    if isinstance(value, dict):
        yield place
        for key, each in value.items():
            yield from mappings(each, (*place, key))
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from mappings(each, (*place, number))


def kinds_of_place() -> Iterator[tuple[str, tuple[str | int, ...]]]:
    """One mapping of every kind that stands in the project's contracts, with a contract that has it."""
    seen = set()
    for name in CONTRACTS:
        whole = document(name)
        for place in mappings(whole):
            parts, at = [], whole
            for part in place:
                at = at[part]
                number = at.get("property", "*") if isinstance(at, dict) else "*"
                parts.append(number if isinstance(part, int) else part)
            if tuple(parts) not in seen:
                seen.add(tuple(parts))
                yield name, place


def write(tmp_path: Path, name: str, contract: dict[str, Any] | str) -> Path:
    system, entity = name.split(".")
    path = tmp_path / system / f"{entity}.yaml"
    path.parent.mkdir(exist_ok=True)
    text = contract if isinstance(contract, str) else yaml.safe_dump(contract, allow_unicode=True)
    path.write_text(text)
    return path


def problems(tmp_path: Path, name: str, contract: dict[str, Any] | str) -> str:
    with pytest.raises(ContractError) as error:
        read_contract(write(tmp_path, name, contract))
    return str(error.value)


def test_the_reference_and_the_schema_are_those_of_the_keys() -> None:
    remedy = "run `python -m kho.contract.reference`"
    assert reference.page(SETTINGS).read_text() == reference.render(), remedy
    assert json.loads(reference.schema_file(SETTINGS).read_text()) == reference.schema(), remedy


@pytest.mark.parametrize(
    ("model", "name"), [(model, name) for _, model in reference.PLACES for name in model.model_fields]
)
def test_every_key_is_described_and_has_an_example_that_may_be_its_value(model: Any, name: str) -> None:
    field = model.model_fields[name]
    assert field.description
    assert field.examples
    if not isinstance(field.examples[0], dict | list):  # examples of places are shortened
        TypeAdapter(field.annotation).validate_python(field.examples[0])


@pytest.mark.parametrize("name", CONTRACTS)
def test_an_editor_finds_the_schema_of_a_contract_and_no_fault_in_it(name: str) -> None:
    first, _, text = CONTRACTS[name].read_text().partition("\n")
    assert first == FIRST_LINE
    assert (CONTRACTS[name].parent / "../contract.schema.json").resolve() == reference.schema_file(SETTINGS)
    assert [
        f"{each.instance_path}: {each.message}" for each in SCHEMA.iter_errors(yaml.safe_load(text))
    ] == []


@pytest.mark.parametrize(("name", "place"), list(kinds_of_place()), ids=lambda each: str(each))
def test_an_unknown_key_is_an_error_wherever_it_stands(name: str, place: tuple, tmp_path: Path) -> None:
    contract = document(name)
    at = contract
    for part in place:
        at = at[part]
    at["unheardOf"] = "x"
    assert not SCHEMA.is_valid(contract)
    assert "unheardOf" in problems(tmp_path, name, contract)


@pytest.mark.parametrize(
    ("found", "replaced", "problem"),
    [
        # Keys of the standard that Kho would pass over.
        ("primaryKey: true\n", "primaryKey: true\n        unique: true\n",
         "$.schema[0].properties[0].unique: Kho knows no such key here"),
        ("logicalTypeOptions: {pattern", "logicalTypeOptions: {maxLength: 3, pattern",
         "logicalTypeOptions.maxLength: Kho knows no such key here; there are format, maximum, minimum, pattern"),
        ("mustBeLessOrEqualTo: 2", "mustBeLessThan: 2", "quality[1].mustBeLessThan: Kho knows no such key here"),
        ("physicalName: maHoSo", "physicalname: maHoSo", "did you mean physicalName?"),
        ("server: production", "server: production\n    roles: [{role: reader}]", "$.servers[0].roles"),
        ("latency, value: 1, unit: d", "latency, value: 1, unit: m", "slaProperties[1].unit: Input should be 'd'"),
        ("frequency, value: 1", "frequency, value: 2", "slaProperties[0].value: Input should be 1"),
        ("property: latency", "property: retention", "expected tags: 'frequency', 'latency', 'endOfLife'"),
        ("property: latency, value: 1, unit: d", "property: endOfLife, value: 30/06/2025",
         "slaProperties[1].value: String should match"),
        ("metric: invalidValues", "metric: nullValues", "quality[0].metric: Input should be 'invalidValues'"),
        # Twice the same: the later one would win without a word.
        ("version: 1.2.1", "version: 1.2.1\nversion: 2.0.0", "'version' is there twice"),
        ("{property: load, value: delta}", "{property: load, value: delta}\n      - {property: load, value: full}",
         "customProperties.load: is there twice"),
    ],
)  # fmt: skip
def test_nothing_in_a_contract_is_passed_over(
    tmp_path: Path, found: str, replaced: str, problem: str
) -> None:
    text = CONTRACTS["one_stop.dossiers"].read_text()
    assert found in text
    assert problem in problems(tmp_path, "one_stop.dossiers", text.replace(found, replaced, 1))


def test_the_schema_asks_of_a_server_what_the_standard_asks() -> None:
    contract = document("one_stop.adjustments")
    assert SCHEMA.is_valid(contract)
    for key, value in {"type": "sftp", "location": "x", "path": None}.items():
        changed = copy.deepcopy(contract)
        changed["servers"][0][key] = value
        assert not SCHEMA.is_valid(changed), key


def test_every_key_of_the_page_is_known_to_the_schema() -> None:
    told = set(re.findall(r"^\| `(\w+)` \|", reference.render(), re.MULTILINE))
    assert len(told) > 60
    assert told <= set(re.findall(r'"(\w+)"', json.dumps(reference.schema())))
