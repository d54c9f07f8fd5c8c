"""A province of after with 124 communes, taken in by one list: its dimension holds, and figures count departments."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from kho.agencies import apply, listed, merged, problems, read
from kho.figures.figures import figures
from kho.settings import Settings
from kho.transform.project import run
from kho_sample.agencies import Agency
from kho_sample.dossiers import HEADER
from kho_sample.export import Export, crlf_csv
from tests import agencies
from tests.integration import nights
from tests.integration.loading import rows
from tests.pages import PROJECT, Block, blocks
from tests.projects import copied, of_project

PAGE = Path("docs/agencies.md")
NIGHT = date(2026, 9, 30)
#: dossiers received by agency: province's office, sở, commune, its phòng, its centre, another commune's centre
RECEIVED = {"H61.04": 3, "H61.02": 1, "H61.101": 2, "H61.101.02": 4, "H61.101.10": 5, "H61.102.10": 7}
OPERATED = ("H61", "H61.101", "H61.102")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout of one's own."""
    return copied(tmp_path_factory.mktemp("agencies"))


@pytest.fixture(scope="module")
def released(
    module_built_warehouse: Settings, project: Path, tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    """The list is taken in, its units operate a desk, and a night counts dossiers of communes and departments."""
    settings = of_project(module_built_warehouse, project)
    path = tmp_path_factory.mktemp("list") / "units.xlsx"
    path.write_bytes(agencies.xlsx_bytes(agencies.province()))
    change = merged(settings, listed(path, read(settings)))
    assert not list(problems(change.versions)) and len(change.added) > 124 * 4
    apply(settings, change)
    with (project / "dbt_project/seeds/system_operation.csv").open("a", encoding="utf-8") as seed:
        seed.writelines(f"one_stop,{code},true,2025-07-01,\n" for code in OPERATED)
    nights.hand_over(settings, [dossiers()])
    nights.accept_pending(settings)
    run(settings, ["seed", "--select", "agencies", "system_operation"])
    nights.refresh(
        settings,
        NIGHT,
        "one_stop.dossiers",
        "agencies+,path:models/warehouse/dimensions",
        "agencies+,path:models/warehouse/bridges",
    )
    nights.publish_some(settings)
    return settings


def dossiers() -> Export:
    """A day's file: each agency's dossiers, all still open."""
    lines = [list(HEADER)]
    for agency, count in RECEIVED.items():
        leaf_first = Agency(agency, "", "commune").leaf_first
        for number in range(1, count + 1):
            row = dict.fromkeys(HEADER, "") | {
                "maHoSo": f"{agency}-260929-{number:04}", "maTTHC": "1.004946", "maLinhVuc": "HT", "maDinhDanh": leaf_first,
                "kenhThucHien": "1", "loaiDoiTuong": "1", "ngayTiepNhan": "29/09/2026 08:00", "maTrangThai": "2",
                "ngayHenTra": "05/10/2026 17:00", "hinhThucTra": "1", "nhanKetQuaBCCI": "0", "ngayCapNhat": "29/09/2026 08:00",
            }  # fmt: skip
            lines.append([row[name] for name in HEADER])
    return Export("one_stop", "dossiers", "dossiers_20260930.csv", crlf_csv(lines).encode("utf-8-sig"), NIGHT)


def received(settings: Settings, scope: str) -> dict[str, Decimal | None]:
    return {
        each.level: each.value
        for each in figures(settings, scope, "2026-09")
        if each.metric == "dossiers_received" and not each.detail
    }


def test_figures_of_a_province_and_of_a_commune_add_up_their_departments(released: Settings) -> None:
    assert rows(released, "select count(*) as n from warehouse.fct_dossier") == [
        {"n": sum(RECEIVED.values())}
    ]
    assert received(released, "H61") == {"all": 22, "province": 4, "commune": 18}
    assert received(released, "H61.101") == {"all": 11, "commune": 11}
    assert received(released, "H61.101.10") == {"commune": 5}
    assert received(released, "H61.04") == {"province": 3}


def test_the_dimension_and_its_bridge_hold_with_all_of_them(released: Settings) -> None:
    (counted,) = rows(
        released,
        "select count(*) filter (where is_unit and agency_level = 'commune') as communes,"
        " count(*) filter (where not is_unit and agency_level = 'commune') as departments,"
        " count(*) filter (where unit_agency_code = 'H61') as of_province"
        " from warehouse.dim_agency where starts_with(agency_code, 'H61') and valid_to is null",
    )
    assert counted == {"communes": 124, "departments": 124 * 4, "of_province": 5}
    (below,) = rows(
        released, "select count(*) as n from warehouse.bridge_agency where scope_agency_code = 'H61'"
    )
    assert below["n"] == 1 + 4 + 124 * 5
    results = run(released, ["test", "--select", "dim_agency", "bridge_agency"])
    assert {str(result.status) for result in results} == {"pass"}
    names = {result.node.name for result in results}
    assert {
        "agencies_have_one_version_a_day",
        "departments_of_a_commune_and_of_a_province_count_for_both",
    } <= names


@pytest.fixture(scope="module")
def typed(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[tuple[Block, int, str]]]:
    """The page, typed from its first command to its last, in a checkout whose seed is as it comes."""
    other, folder = tmp_path_factory.mktemp("typed"), tmp_path_factory.mktemp("folder")
    agencies.project(other / "kho")
    done = []
    for block in blocks(PAGE):
        if block.info in ("sh", "sh fails"):
            ran = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", f'kho() {{ "{sys.executable}" -c "from kho.cli import app; app()" "$@"; }}\n{block.text}'],
                cwd=folder,
                env=os.environ | {"KHO_PROJECT": str(other / "kho"), "KHO_HOME": str(other / "home"), "PYTHONPATH": str(PROJECT / "src")},
                capture_output=True,
                text=True,
            )  # fmt: skip
            done.append((block, ran.returncode, ran.stdout + ran.stderr))
        elif block.info == "text output":
            done.append((block, 0, ""))
    yield done


def test_the_page_does_what_it_says(typed: list[tuple[Block, int, str]]) -> None:
    printed = ""
    for block, status, output in typed:
        if block.info == "text output":
            assert [line for line in block.text.splitlines() if line not in printed.splitlines()] == [], block
            continue
        assert (status != 0) == (block.info == "sh fails"), f"{block}: {output}"
        assert "Traceback" not in output
        printed = output
    assert len(typed) == 6
