"""What Kho writes into its home is for its own account only, whatever the caller's umask is."""

from __future__ import annotations

import grp
import os
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from kho.cli import _Group
from kho.cli.output import OF_CALLER, umask
from kho.cli.papers import keep
from kho.settings import Settings


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


def test_papers_may_be_read_by_the_group_that_was_named_and_nothing_else_by_anybody(tmp_path: Path) -> None:
    home = tmp_path / "home"
    group = grp.getgrgid(os.getgroups()[0] if os.getgroups() else os.getgid()).gr_name
    here = Settings(home=home)
    (home / "secrets").mkdir(parents=True, mode=0o700)
    home.chmod(0o700)
    private = keep(here, "a.docx", b"1")
    assert [each.stat().st_mode & 0o077 for each in (home, private.parent, private)] == [0, 0, 0]
    of_group = keep(here.model_copy(update={"reports_group": group}), "b.docx", b"2")
    assert [each.stat().st_mode & 0o777 for each in (home, of_group.parent, of_group)] == [
        0o710,
        0o750,
        0o640,
    ]
    assert {grp.getgrgid(each.stat().st_gid).gr_name for each in (home, of_group.parent, of_group)} == {group}
    assert private.stat().st_mode & 0o077 == 0 and (home / "secrets").stat().st_mode & 0o077 == 0


def test_a_group_that_is_not_there_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit):
        keep(Settings(home=tmp_path / "home", reports_group="no such group"), "a.docx", b"1")
    assert "there is no group no such group" in capsys.readouterr().err
    assert (tmp_path / "home" / "reports" / "a.docx").read_bytes() == b"1"
