"""The page that adds a source does, from its first command to its last, what it says: in this order."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from kho.night import systems
from kho.server import airflow
from kho.settings import Settings
from tests.e2e.conftest import PAGE, Typed
from tests.pages import blocks

pytestmark = pytest.mark.e2e


def test_the_page_takes_a_source_from_two_files_to_figures(walked: list[Typed], running: Settings) -> None:
    typed = iter(walked)
    last = None
    for block in blocks(PAGE):
        match block.info:
            case "sh" | "sh fails":
                last = next(typed)
                assert (last.returncode != 0) == (block.info == "sh fails"), f"{block}\n{last.output}"
                assert "Traceback" not in last.output, f"{block}\n{last.output}"
            case "text output":
                said = _plain(last.output)
                missing = [line for line in block.text.splitlines() if _plain(line) not in said]
                assert not missing, f"{block}: the command before does not print {missing}\n{last.output}"
    assert len(walked) > 10

    changed = subprocess.run(
        ["git", "status", "--porcelain", "-uall"],
        cwd=running.project,
        check=True,
        capture_output=True,
        text=True,
    )
    assert {line[3:] for line in changed.stdout.splitlines() if line[1] in "M?"} == {
        "contracts/land_desk/dossiers.yaml",
        "dbt_project/models/staging/land_desk/stg_land_desk__dossiers.sql",
        "dbt_project/models/staging/land_desk/stg_land_desk__dossiers.yml",
        "dbt_project/models/warehouse/unions/union_dossier.sql",
        "dbt_project/seeds/code_mappings.csv",
        "dbt_project/seeds/system_operation.csv",
        "dbt_project/seeds/systems.csv",
        "tests/fixtures/land_desk.dossiers/land_desk_20210629.csv",
    }

    # A night that is asked for at once has a system that came a moment ago.
    shutil.copytree(running.contracts / "land_desk", running.contracts / "tax_desk")
    with airflow.Api(running) as api:
        api.expect_systems(systems(running))
        assert {"land_desk.ingest", "tax_desk.ingest"} <= set(api.task_names())


def _plain(text: str) -> str:
    """Without the spaces and lines of a terminal's layout."""
    return re.sub(r"[\s│]+", "", text)
