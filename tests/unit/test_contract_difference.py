"""What a new version of a contract changes: every kind of change with its effect."""

from __future__ import annotations

from pathlib import Path

import pytest

from kho.contract import Contract, contracts, read_contract
from kho.settings import Settings
from kho.source.difference import Change, compare
from kho.source.versions import Difference

NAME = "one_stop.dossiers"
FEE = "      - {name: fee_vnd, physicalName: phi, logicalType: integer, description: Fee in dong.}\n"
SETTINGS = Settings()


def changed(folder: Path, *changes: tuple[str, str]) -> Contract:
    text = (SETTINGS.contracts / "one_stop" / "dossiers.yaml").read_text()
    for found, put in changes:
        assert found in text
        text = text.replace(found, put)
    path = folder / "one_stop" / "dossiers.yaml"
    path.parent.mkdir()
    path.write_text(text)
    return read_contract(path)


def changes(folder: Path, *put: tuple[str, str]) -> list[Change]:
    return compare(contracts(SETTINGS)[NAME], changed(folder, *put))


def test_nothing_is_different_between_a_contract_and_itself(tmp_path: Path) -> None:
    assert changes(tmp_path, ("# What the one-stop desk", "# Another remark: what the desk")) == []


@pytest.mark.parametrize(
    ("found", "put", "place", "what", "effect"),
    [
        (FEE, "", "column fee_vnd", "removed", "breaks"),
        (FEE, FEE + FEE.replace("fee_vnd", "fine_vnd").replace("phi", "tienPhat"), "column fine_vnd", "added (integer)", "additive"),
        (FEE, FEE.replace("fee_vnd", "fee"), "column fee_vnd", "renamed to fee", "breaks"),
        (FEE, FEE.replace("phi,", "lePhiHoSo,"), "column fee_vnd", "physicalName: phi → lePhiHoSo", "additive"),
        (FEE, FEE.replace("integer", "string"), "column fee_vnd", "logicalType: integer → string", "breaks"),
        (FEE, FEE.replace("integer,", "integer, required: true,"), "column fee_vnd", "required: no → yes", "additive"),
        ("logicalType: string, required: true, description: Code of the field", "logicalType: string, description: Code of the field", "column field_code", "required: yes → no", "breaks"),
        ("customProperties: [{property: mapping, value: dossier_status}]", "enum: [{value: '1'}]", "column status_code", "values listed", "additive"),
        ("customProperties: [{property: mapping, value: dossier_status}]", "enum: [{value: '1'}]", "column status_code", "mapping: dossier_status → nothing", "additive"),
        ("-\\d{6}-\\d{4,8}$", "-\\d{6}-\\d{4,9}$", "column dossier_code", "pattern", "additive"),
        ("value: updated_at}", "value: due_at}", "file", "versionColumn: updated_at → due_at", "breaks"),
        ("{property: load, value: delta}", "{property: load, value: full}\n      - {property: fullListOf, value: [agency_code]}", "file", "load: delta → full", "breaks"),
        ("value: dd/MM/yyyy HH:mm}", "value: MM/dd/yyyy HH:mm}", "file", "timestampFormat", "additive"),
        ("encoding: utf-8-sig", "encoding: windows-1258", "server", "encoding: utf-8-sig → windows-1258", "additive"),
        ("value: one_stop_sftp}", "value: another}", "server", "connection: one_stop_sftp → another", "additive"),
        ("mustBeLessOrEqualTo: 5", "mustBeLessOrEqualTo: 9", "quality reject_rate", "mustBeLessOrEqualTo: 5.0 → 9.0", "additive"),
        ("{property: latency, value: 1,", "{property: latency, value: 2,", "slaProperties", "latency: 1 → 2", "additive"),
        ("property: personalData, value: hash}", "property: personalData, value: drop}", "column applicant_hash", "personalData: hash → drop", "breaks"),
        ("status: active", "status: draft", "contract", "status: active → draft", "additive"),
    ],
)  # fmt: skip
def test_each_change_has_its_effect(
    tmp_path: Path, found: str, put: str, place: str, what: str, effect: str
) -> None:
    (change,) = [each for each in changes(tmp_path, (found, put)) if what in each.what]
    assert (change.place, change.effect) == (place, effect)


def test_values_come_and_go(tmp_path: Path) -> None:
    column = read_contract(SETTINGS.contracts / "portal" / "items.yaml").columns
    (before,) = [each for each in column if each.name == "item_type"]
    contract = contracts(SETTINGS)[NAME]
    told = [
        change.what
        for change in compare(
            contract.model_copy(
                update={"columns": (before.model_copy(update={"values": ("news", "article")}),)}
            ),
            contract.model_copy(
                update={"columns": (before.model_copy(update={"values": ("news", "film")}),)}
            ),
        )
    ]
    assert "values added: film" in told and "values removed: article" in told


def test_another_key_needs_every_batch_again(tmp_path: Path) -> None:
    second = "        physicalName: maTTHC\n        logicalType: string\n        required: true\n"
    (change,) = changes(
        tmp_path, (second, second + "        primaryKey: true\n        primaryKeyPosition: 2\n")
    )
    assert (change.place, change.effect, change.columns) == ("key", "replay", None)
    assert change.what == "dossier_code → dossier_code, procedure_code"
    here = contracts(SETTINGS)[NAME]
    assert Difference(here, here, "", (change,)).effect == "replay"


def test_what_nobody_reads_breaks_nobody_but_the_raw_table(tmp_path: Path) -> None:
    (removed,) = changes(tmp_path, (FEE, ""))
    assert removed.reaching([], []).effect == "additive"
    assert removed.reaching(["stg_one_stop__dossiers"], []).effect == "breaks"
    (tmp_path / "other").mkdir()
    (retyped,) = changes(tmp_path / "other", (FEE, FEE.replace("integer", "string")))
    assert retyped.reaching([], []).effect == "breaks"
