"""Contracts: the project's own are right, and a wrong one fails with its file, the path in it and the remedy."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from kho.contract import ContractError, contracts, drafts, read_contract
from kho.contract.mappings import SEED
from kho.settings import Settings

SETTINGS = Settings()


def test_the_three_systems_hand_over_seven_exports() -> None:
    assert set(contracts(SETTINGS)) >= {
        "documents.deliveries",
        "documents.outgoing",
        "one_stop.adjustments",
        "one_stop.dossiers",
        "one_stop.procedures",
        "portal.items",
        "portal.traffic",
    }


@pytest.mark.parametrize("contract", contracts(SETTINGS).values(), ids=lambda contract: contract.name)
def test_every_column_is_described_and_personal_ones_are_dropped_or_hashed(contract) -> None:
    assert all(column.description for column in contract.columns)
    assert not [c.name for c in contract.stored if c.keys.personal_data == "drop"]


@pytest.mark.parametrize(
    ("found", "replaced", "problem"),
    [
        ("logicalType: timestamp", "logicalType: time stamp", "\"time stamp\" is not one of"),
        ("version: 1.2.1\n", "", '"version" is a required property'),
        ("property: load,", "property: laod,", "laod: Extra inputs are not permitted"),
        ("value: delta}", "value: dleta}", "load: Input should be 'delta' or 'full'"),
        ("value: updated_at}", "value: update_at}", "'update_at' is no column; there are dossier_code"),
        ("versionColumn, value: updated_at}", "caseColumn, value: agency_code}", "'agency_code' must be part of the primary key"),
        ("versionColumn, value: updated_at}", "caseColumn, value: case}", "'case' is no column"),
        ("primaryKey: true", "primaryKey: false", "no column is part of the primary key"),
        ("id: one_stop.dossiers", "id: dossiers", "should be 'one_stop.dossiers'"),
        ("value: dd/MM/yyyy HH:mm}", "value: d/M/y}", "timestampFormat: use a date, a space or 'T'"),
        ("{property: personalData, value: drop}", "{property: trueValues, value: [x]}", "needs the custom property personalData"),
        ("\\d{6}-\\d{4,8}$", "(\\d{6}$", "is no regular expression"),
        ("(?P<business_date>", "(?P<part>", "parts and spans need a group (?P<business_date>"),
        ("property: frequency", "property: frequenzy", "expected tags: 'frequency', 'latency', 'endOfLife'"),
        ("property: frequency, value: 1, unit: d", "property: latency, value: 2, unit: d", "leave the list empty where nothing is ever expected"),
        ("      - name: dossier_code", "      - name: Dossier-Code", "use a-z, 0-9 and _"),
        ("severity: warning", "severity: mild", "severity"),
        ("status: active", "status: active\ncustomProperties:\n  - {property: openQuestions, value: ['$: which?']}", "must be 'draft' while there are openQuestions"),
        ("apiVersion", "apiversion", "apiversion"),
        ("kind: DataContract", "kind: [", "is no YAML"),
        ("kind: DataContract", "kind: &a [*a]", "Kho failed on it"),
    ],
)  # fmt: skip
def test_a_wrong_contract_says_where_and_what_would_be_right(
    tmp_path: Path, found: str, replaced: str, problem: str
) -> None:
    text = (SETTINGS.contracts / "one_stop" / "dossiers.yaml").read_text()
    assert found in text
    path = tmp_path / "one_stop" / "dossiers.yaml"
    path.parent.mkdir()
    path.write_text(text.replace(found, replaced))
    with pytest.raises(ContractError) as error:
        read_contract(path)
    assert str(path) in str(error.value) and problem in str(error.value)


def in_project(folder: Path, seed: str | None = None, **replaced: str) -> Path:
    """The contract of dossiers in a project of its own, with these lines as the seed of mappings."""
    text = (SETTINGS.contracts / "one_stop" / "dossiers.yaml").read_text()
    for found, by in replaced.items():
        assert found in text
        text = text.replace(found, by)
    shutil.copytree(SETTINGS.project / SEED.parent, folder / SEED.parent)
    if seed is not None:
        (folder / SEED).write_text(seed, encoding="utf-8")
    path = folder / "contracts/one_stop/dossiers.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_the_codes_of_a_mapping_are_those_of_the_seed(tmp_path: Path) -> None:
    before = read_contract(in_project(tmp_path))
    (status,) = [column for column in before.columns if column.keys.mapping == "dossier_status"]
    assert dict(zip(status.values, status.meanings, strict=True))["10"] == "result_returned"
    with (tmp_path / SEED).open("a") as seed:
        seed.write("dossier_status,one_stop,11,stopped\ndossier_status,igate,99,stopped\n")
    after = read_contract(tmp_path / "contracts/one_stop/dossiers.yaml")
    (mended,) = [column for column in after.columns if column.keys.mapping == "dossier_status"]
    assert set(mended.values) - set(status.values) == {"11"} and after.fingerprint != before.fingerprint


@pytest.mark.parametrize(
    ("seed", "replaced", "problem"),
    [
        (None, {"value: dossier_status": "value: dossier_state"}, "has no dossier_state of one_stop: add lines like dossier_state,one_stop,<code>,<meaning>"),
        (None, {"{property: mapping, value: dossier_status}": "{property: mapping, value: dossier_status}]\n        enum: [{value: '1'}"}, "the mapping says which values there are"),
        ("a,b,c,d\n", {}, f"{SEED}, line 1: should be domain,system,raw_code,code"),
        ("domain,system,raw_code,code\nchannel,one_stop,1\n", {}, f"{SEED}, line 2: needs domain, system, raw_code, code"),
        ("domain,system,raw_code,code\nchannel,one_stop,1,direct\nchannel,one_stop,1,post\n", {}, f"{SEED}, line 3: channel 1 of one_stop is there twice"),
        ("domain,system,raw_code,code\nchannel,one_stop,1,internal\n", {}, "channel 1 of one_stop means 'internal', which dbt_project/seeds/channels.csv does not have: take a word from there, or add it"),
        ("domain,system,raw_code,code\nreturn_method,one_stop,1,by post\n", {}, "means 'by post', which dbt_project/seeds/code_words.csv does not have; did you mean post?"),
    ],
)  # fmt: skip
def test_a_wrong_mapping_says_where_and_what_would_be_right(
    tmp_path: Path, seed: str | None, replaced: dict[str, str], problem: str
) -> None:
    with pytest.raises(ContractError) as error:
        read_contract(in_project(tmp_path, seed, **replaced))
    assert problem in str(error.value)


def test_nights_leave_drafts_alone_even_unusable_ones(tmp_path: Path) -> None:
    text = (SETTINGS.contracts / "one_stop" / "dossiers.yaml").read_text()
    asked = "status: draft\ncustomProperties:\n  - {property: openQuestions, value: ['$.schema: which?']}"
    written = {
        "dossiers": text,
        "asked": text.replace("one_stop.dossiers", "one_stop.asked").replace("status: active", asked),
        "broken": "status: draft\nversion: 1",
    }
    (tmp_path / "contracts" / "one_stop").mkdir(parents=True)
    for name, body in written.items():
        (tmp_path / "contracts" / "one_stop" / f"{name}.yaml").write_text(body)
    here = SETTINGS.model_copy(update={"project": tmp_path})
    assert list(contracts(here)) == ["one_stop.dossiers"]
    assert drafts(here) == ["one_stop.asked", "one_stop.broken"]
    draft = read_contract(tmp_path / "contracts" / "one_stop" / "asked.yaml")
    assert draft.is_draft and draft.open_questions == ("$.schema: which?",)


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("dossiers_20210630.csv", date(2021, 6, 30)),
        ("dossiers_20211399.csv", None),
        ("elsewhere_20210630.csv", None),
    ],
)
def test_the_day_of_a_delivery_is_in_its_name(name: str, day: date | None) -> None:
    assert read_contract(Settings().contracts / "one_stop" / "dossiers.yaml").day_of(name) == day
