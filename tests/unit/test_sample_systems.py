"""What the systems of the sample declare holds: their names are those of their exports, they are served as contracts say."""

from __future__ import annotations

from pathlib import Path

import pytest

from kho.contract import contracts
from kho.settings import Settings
from kho_sample import servers, totals
from kho_sample.system import Place
from kho_sample.systems import SYSTEMS

PROJECT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("sample", ["long_phu_2021_h1", "tieu_can_2017_q3"])
def test_a_system_hands_over_its_own_exports(sample: str) -> None:
    told = totals.read(PROJECT / "samples" / f"{sample}.yaml").scaled(0.02)
    place = Place.of(told, PROJECT / "dbt_project" / "seeds", 1)
    here = [system for system in SYSTEMS if system.told(told)]
    assert len(here) >= 7
    for system in here:
        for title, exports in system.exports.items():
            assert {export.system for export in exports(system.told(told), place)} == {system.name}, title


def test_every_contract_finds_its_system_and_its_connection() -> None:
    known = contracts(Settings()).values()
    # No district of the sample saves the national portal's scores.
    assert {contract.name.partition(".")[0] for contract in known} - {"national_portal"} == {
        system.name for system in SYSTEMS
    }
    assert {contract.server.connection for contract in known} - {None} == servers.CONNECTIONS.keys()
