"""Commands of packages beside Kho come by entry points, and need nothing installed until they run."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points


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
