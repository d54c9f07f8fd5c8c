"""What the pages tell people to type does what they say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from kho.settings import Settings
from tests.checkout import client
from tests.pages import PAGES, Block, blocks

pytestmark = pytest.mark.e2e

#: pages that change the project have tests of their own: tests/e2e/test_walkthrough.py, and test_contributing.py and
#: test_agencies.py in tests/integration
READ_ONLY = [page for page in PAGES if page.name not in ("add-a-source.md", "agencies.md", "contributing.md")]


def run(settings: Settings, folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """A command in a folder of its own, with the environment on the path as after `. .venv/bin/activate`."""
    reader = settings.role_url("bi_reader").replace("postgresql://", "postgresql+psycopg://", 1)
    return subprocess.run(
        command,
        cwd=folder,
        env=client(settings) | {"KHO_HOME": str(settings.home), "WAREHOUSE": reader},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.parametrize("block", [block for page in READ_ONLY for block in blocks(page, "sh")], ids=str)
def test_commands_do_what_the_page_says(block: Block, released: Settings, tmp_path: Path) -> None:
    done = run(released, tmp_path, "bash", "-euo", "pipefail", "-c", block.text)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("block", [block for page in PAGES for block in blocks(page, "python")], ids=str)
def test_programs_run(block: Block, released: Settings, tmp_path: Path) -> None:
    done = run(released, tmp_path, sys.executable, "-c", block.text)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "measured" in done.stdout
