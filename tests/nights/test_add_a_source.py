"""The page that adds a source does, from its first command to its last, what it says: on a checkout of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kho.night import systems
from kho.server import airflow, postgres
from kho.settings import Settings
from tests.pages import PROJECT, blocks

pytestmark = pytest.mark.e2e

PAGE = Path("docs/add-a-source.md")


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Path]:
    """The project as a newcomer has it, with a small sample and everything running."""
    folder = tmp_path / "kho"
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    for name in listed.stdout.splitlines():
        if (PROJECT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, folder / name)
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    subprocess.run(["git", "add", "-A"], cwd=folder, check=True)
    try:
        for command in ("kho sample --scale 0.02", "kho up"):
            done = shell(folder, command)
            assert done.returncode == 0, done.stdout + done.stderr
        yield folder
    finally:
        shell(folder, "kho down")
        postgres.remove(Settings(project=folder, home=folder / ".kho"))


def shell(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    """Commands typed in this folder, with the environment on the path as after `. .venv/bin/activate`."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KHO_")}
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text],
        cwd=folder,
        env=environment
        | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(folder / "src"),
            "COLUMNS": "120",
        },
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )


def test_the_page_takes_a_source_from_two_files_to_figures(checkout: Path) -> None:
    output, commands = "", 0
    for block in blocks(PAGE):
        match block.info:
            case "sh" | "sh fails":
                done = shell(checkout, block.text)
                output, commands = done.stdout + done.stderr, commands + 1
                assert (done.returncode != 0) == (block.info == "sh fails"), f"{block}\n{output}"
                assert "Traceback" not in output, f"{block}\n{output}"
            case "text output":
                missing = [line for line in block.text.splitlines() if _plain(line) not in _plain(output)]
                assert not missing, f"{block}: the command before does not print {missing}\n{output}"
    assert commands > 10

    changed = subprocess.run(
        ["git", "status", "--porcelain", "-uall"], cwd=checkout, check=True, capture_output=True, text=True
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
    settings = Settings(project=checkout, home=checkout / ".kho")
    shutil.copytree(checkout / "contracts" / "land_desk", checkout / "contracts" / "tax_desk")
    with airflow.Api(settings) as api:
        api.expect_systems(systems(settings))
        assert {"land_desk.fetch", "tax_desk.fetch"} <= set(api.task_names())


def _plain(text: str) -> str:
    """Without the spaces and lines of a terminal's layout."""
    return re.sub(r"[\s│]+", "", text)
