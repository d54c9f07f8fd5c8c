"""Settings say the same wherever they are read."""

from __future__ import annotations

from pathlib import Path

import pytest

from kho.settings import Settings


def test_a_relative_home_is_meant_from_where_it_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KHO_HOME", "here")
    assert Settings().home == tmp_path / "here"


def test_the_environment_leads_over_the_file_of_the_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.toml").write_text('smtp_host = "mail.example.vn"\nnight_at = "01:30:00"\n')
    monkeypatch.setenv("KHO_HOME", str(tmp_path))
    monkeypatch.setenv("KHO_NIGHT_AT", "03:00")
    settings = Settings()
    assert (settings.smtp_host, settings.night_at.hour) == ("mail.example.vn", 3)


def test_a_secret_is_made_once_and_is_for_its_owner_only(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    secret = settings.secret("kho_loader")
    assert secret == settings.secret("kho_loader") != settings.secret("bi_reader")
    assert (tmp_path / "secrets" / "kho_loader").stat().st_mode & 0o777 == 0o600
