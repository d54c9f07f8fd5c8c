"""Where things are and how to reach them: one frozen object, read from the environment and the home's config.

Every value may be given as an environment variable (`KHO_NIGHT_AT=01:30`) or in `<home>/config.toml`
(`night_at = "01:30"`); the environment leads. Secrets are files of mode 0600 under `<home>/secrets`.
"""

from __future__ import annotations

import json
import os
import secrets
import ssl
from datetime import time
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

Role = Literal["kho_operator", "kho_loader", "kho_transformer", "kho_auditor", "bi_reader"]
ROLES: tuple[Role, ...] = ("kho_operator", "kho_loader", "kho_transformer", "kho_auditor", "bi_reader")

TIMEZONE = "Asia/Ho_Chi_Minh"


def is_loopback(host: str | None) -> bool:
    """Whether a server of this name is on this machine: then nobody can stand in between. No name, or a path: a socket."""
    if not host or host == "localhost" or host.startswith("/"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def authorities() -> str:
    """The file of certificates that this machine trusts, for clients of PostgreSQL, whose own place has none."""
    return ssl.get_default_verify_paths().cafile or "system"


def checkout() -> Path:
    """Where the product is."""
    return Path(__file__).resolve().parents[2]


class Settings(BaseSettings):
    """All configuration of one installation. Fields are documented where they stand."""

    model_config = SettingsConfigDict(env_prefix="KHO_", frozen=True, extra="forbid")

    project: Path = Field(
        default_factory=checkout, description="holds contracts/, dags/, dbt_project/, expectations/"
    )
    home: Path = Field(
        default_factory=lambda: checkout() / ".kho", description="holds every file made at run time"
    )
    warehouse_url: SecretStr | None = Field(
        None,
        description="a PostgreSQL 16+ of one's own; empty: the embedded one. Elsewhere than on this machine it has to"
        " show a certificate that this machine trusts, or of `sslrootcert`, unless the URL has another `sslmode`",
    )
    warehouse_database: str = Field("kho", description="the warehouse's database on the embedded server")
    night_at: time = Field(time(2, 0), description="when the nightly load starts, in Asia/Ho_Chi_Minh")
    smtp_host: str = Field(
        "", description="where the digest is sent through; empty: the digest is only logged"
    )
    smtp_port: int = 25
    smtp_security: Literal["none", "starttls", "tls"] = "none"
    smtp_user: str = Field(
        "", description="its password is in `<home>/secrets/smtp_password`; empty: no login"
    )
    digest_from: str = "kho@localhost"
    digest_to: str = Field("", description="who receives the digest, comma separated")
    open_data_publisher: str = Field(
        "", description="who gives open data; empty: the provinces that they are of"
    )
    open_data_licence: str = Field(
        "CC-BY-4.0", description="by which licence: a name or an address, the publisher's choice"
    )
    openlineage_url: str = Field(
        "", description="where events of OpenLineage are posted to; empty: they are in the home's files only"
    )

    reports_group: str = Field(
        "",
        description="the group of this machine that may read `<home>/reports`; empty: nobody but Kho's account",
    )
    backup_to: str = Field(
        "", description="where each night leaves a backup: a folder, or s3://bucket/prefix; empty: nowhere"
    )
    backup_recipient: str = Field(
        "", description="the public key that backups are sealed for, as `kho backup key` prints it (age1…)"
    )

    keep_log_days: int | None = Field(
        None, ge=1, description="after how many days the night removes logs and events; empty: never"
    )
    keep_reject_text_days: int | None = Field(
        None,
        ge=1,
        description="after how many days the night empties the texts of rejected rows, of batches that were decided on;"
        " empty: never",
    )

    keep_withdrawn_days: int | None = Field(
        None,
        ge=1,
        description="after how many days the night removes rows and files of batches that were withdrawn or replaced; empty: never",
    )

    @field_validator("project", "home")
    @classmethod
    def _absolute(cls, folder: Path) -> Path:
        return folder.absolute()  # processes that we start have another working folder

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        home = Path(os.environ.get("KHO_HOME") or checkout() / ".kho")
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, home / "config.toml")

    @property
    def own(self) -> Path | None:
        """The home where it is an installation of one's own (`kho init`): its contracts take the place of the samples', its seeds
        that of the product's of the same name, and its models stand beside the product's. None where it has no contracts."""
        return self.home if (self.home / "contracts").is_dir() else None

    @property
    def contracts(self) -> Path:
        return (self.own or self.project) / "contracts"

    @property
    def staging(self) -> Path:
        """Where the staging models of the sources are, in a folder each system."""
        return (self.own or self.project / "dbt_project") / "models" / "staging"

    def seed(self, name: str) -> Path:
        """The file of a seed."""
        own = self.home / "seeds" / name
        return own if self.own and own.is_file() else self.project / "dbt_project" / "seeds" / name

    @property
    def archive(self) -> Path:
        return self.home / "archive"

    @property
    def exports(self) -> Path:
        """Where contracts of type `local` find their files: `<system>/<entity>/<file>`."""
        return self.home / "exports"

    def shown(self, path: Path) -> Path:
        """A file of the installation or the project as messages name it."""
        for folder in (self.own, self.project):
            if folder and path.is_relative_to(folder):
                return path.relative_to(folder)
        return path

    def reader_file(self, name: str) -> Path:
        """Where the password of a reader of one agency is: a secret of its own folder, for names are an operator's choice."""
        return self.home / "secrets" / "readers" / Path(name).name

    def secret(self, name: str) -> str:
        """The secret of this name; made at its first use, never written anywhere but to its own file."""
        path = self.home / "secrets" / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            draft = path.with_name(f".{path.name}.{os.getpid()}")
            with os.fdopen(os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_urlsafe(32))
            try:
                os.link(draft, path)  # atomic, and the first of two racing processes wins
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        return path.read_text().strip()

    def port(self, name: str) -> int:
        """The loopback port that `name` (postgres, airflow, sftp, http) was given when it was started."""
        try:
            return json.loads((self.home / "ports.json").read_text())[name]
        except (FileNotFoundError, KeyError):
            raise LookupError(f"{name} has no port yet: start it with `kho up`") from None

    def admin_url(self, database: str | None = None) -> str:
        """URL of the user that creates roles and databases. `database` defaults to the warehouse."""
        if self.warehouse_url:
            parts = urlsplit(self.warehouse_url.get_secret_value())
            given = dict(parse_qsl(parts.query))
            if "sslmode" not in given and not is_loopback(parts.hostname or given.get("host")):
                tls = {"sslmode": "verify-full"} | (
                    {} if "sslrootcert" in given else {"sslrootcert": authorities()}
                )
                parts = parts._replace(query="&".join(filter(None, [parts.query, urlencode(tls)])))
            return urlunsplit(parts._replace(path=f"/{database}")) if database else urlunsplit(parts)
        port = self.port("postgres")  # first: no secret is made for a server that was never started
        password = quote(self.secret("postgres"))
        return f"postgresql://postgres:{password}@127.0.0.1:{port}/{database or self.warehouse_database}"

    def role_url(self, role: Role) -> str:
        """`postgresql://` URL of the warehouse for one of its roles (least privilege: name the role you need)."""
        server = self.admin_url()  # first: no secret is made for a server that was never started
        return _logged_in(server, role, self.secret(role))

    def reader_url(self, name: str) -> str:
        """The same for a reader of one agency. Raises `LookupError` where this home has no password of that name."""
        if not self.reader_file(name).is_file():
            raise LookupError(f"there is no reader {name} here")
        return _logged_in(self.admin_url(), name, self.reader_file(name).read_text().strip())


def _logged_in(url: str, user: str, password: str) -> str:
    """The URL of the same database for another user."""
    parts = urlsplit(url)
    address = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{user}:{quote(password)}@{address}"))


@cache
def settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()
