"""Commands of packages beside Kho come by entry points, and need nothing installed until they run."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points, version

from typer.testing import CliRunner

from kho.cli import app


def kho(*arguments: str, without: str) -> subprocess.CompletedProcess[str]:
    """The command line where a package is not installed."""
    program = f"import sys; sys.modules['{without}'] = None; from kho.cli import app; app({list(arguments)})"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)


def test_every_brought_command_is_shown() -> None:
    names = {entry.name for entry in entry_points(group="kho.commands")}
    assert names == {"demo", "sample", "source.new"}
    assert {"sample", "demo"} <= set(kho("--help", without="xlwt").stdout.split())
    assert "new" in kho("source", "--help", without="xlwt").stdout.split()


def test_a_missing_extra_is_named_in_one_line() -> None:
    ran = kho("sample", without="xlwt")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == (
        "xlwt is not installed: install Kho with its extra sample, as requirements-dev.lock does.\n"
    )


def test_it_says_which_kho_it_is() -> None:
    said = CliRunner().invoke(app, ["--version"])
    assert said.exit_code == 0 and said.output == f"kho {version('kho')}\n"
    told = CliRunner().invoke(app, [])
    assert "Start with" in told.output and "--version" in told.output and "retention" in told.output
