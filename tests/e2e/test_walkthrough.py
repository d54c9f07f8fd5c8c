"""The page that adds a source does, from its first command to its last, what it says: in this order."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from kho.night import systems
from kho.server import airflow
from kho.settings import Settings
from tests.e2e.conftest import client
from tests.pages import blocks

pytestmark = pytest.mark.e2e

PAGE = Path("docs/add-a-source.md")


def shell(settings: Settings, text: str) -> subprocess.CompletedProcess[str]:
    """Commands typed in the checkout."""
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text],
        cwd=settings.project,
        env=client(settings),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )


def test_the_page_takes_a_source_from_two_files_to_figures(released: Settings) -> None:
    output, commands = "", 0
    for block in blocks(PAGE):
        match block.info:
            case "sh" | "sh fails":
                done = shell(released, block.text)
                output, commands = done.stdout + done.stderr, commands + 1
                assert (done.returncode != 0) == (block.info == "sh fails"), f"{block}\n{output}"
                assert "Traceback" not in output, f"{block}\n{output}"
            case "text output":
                missing = [line for line in block.text.splitlines() if _plain(line) not in _plain(output)]
                assert not missing, f"{block}: the command before does not print {missing}\n{output}"
    assert commands > 10

    changed = subprocess.run(
        ["git", "status", "--porcelain", "-uall"],
        cwd=released.project,
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
    shutil.copytree(released.contracts / "land_desk", released.contracts / "tax_desk")
    with airflow.Api(released) as api:
        api.expect_systems(systems(released))
        assert {"land_desk.fetch", "tax_desk.fetch"} <= set(api.task_names())


def _plain(text: str) -> str:
    """Without the spaces and lines of a terminal's layout."""
    return re.sub(r"[\s│]+", "", text)
