"""Settings say the same wherever they are read."""

from __future__ import annotations

from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from kho.settings import Settings, authorities


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


@pytest.mark.parametrize(
    ("url", "sslmode", "sslrootcert"),
    [
        ("postgresql://keeper:p@db.example.vn/w", "verify-full", authorities()),
        ("postgresql://keeper:p@10.0.0.5:5433/w?connect_timeout=3", "verify-full", authorities()),
        (
            "postgresql://keeper:p@db.example.vn/w?sslrootcert=/etc/office.pem",
            "verify-full",
            "/etc/office.pem",
        ),
        ("postgresql://keeper:p@db.example.vn/w?sslmode=disable", "disable", None),
        ("postgresql://keeper:p@db.example.vn/w?sslmode=require", "require", None),
        ("postgresql://keeper:p@127.0.0.1/w", None, None),
        ("postgresql://keeper:p@[::1]/w", None, None),
        ("postgresql://keeper:p@localhost/w", None, None),
        ("postgresql://keeper:p@/w?host=/run/postgresql", None, None),
        ("postgresql://keeper:p@/w?host=db.example.vn", "verify-full", authorities()),
    ],
)
def test_a_warehouse_elsewhere_shows_its_certificate_unless_its_url_says_otherwise(
    tmp_path: Path, url: str, sslmode: str | None, sslrootcert: str | None
) -> None:
    settings = Settings(home=tmp_path, warehouse_url=SecretStr(url))
    for made in (settings.admin_url(), settings.admin_url("other"), settings.role_url("kho_loader")):
        parts = conninfo_to_dict(made)
        assert (parts.get("sslmode"), parts.get("sslrootcert")) == (sslmode, sslrootcert)
