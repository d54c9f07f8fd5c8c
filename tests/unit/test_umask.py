"""What Kho writes into its home is for its own account only, whatever the caller's umask is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from kho.cli import _Group
from kho.cli.output import OF_CALLER, umask


@pytest.mark.parametrize(("is_asked_for", "mode"), [(False, 0o600), (True, 0o666 & ~OF_CALLER)])
def test_a_command_writes_for_itself_and_what_a_person_asks_for_as_that_person_would(
    tmp_path: Path, is_asked_for: bool, mode: int
) -> None:
    app = typer.Typer(cls=_Group)

    @app.command()
    def write() -> None:
        if is_asked_for:
            with umask(OF_CALLER):
                (tmp_path / "file").touch()
        (tmp_path / "file").touch()

    @app.command()
    def other() -> None: ...

    before = os.umask(OF_CALLER)
    os.umask(before)
    assert CliRunner().invoke(app, ["write"]).exit_code == 0
    assert (tmp_path / "file").stat().st_mode & 0o777 == mode
    after = os.umask(before)
    assert after == before
