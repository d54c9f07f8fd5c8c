"""Connections: where a source system is and how to log in, by the connection id that a contract names."""

from __future__ import annotations

import json
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kho.fetch.transport import SourceError
from kho.settings import Settings


@dataclass(frozen=True)
class Connection:
    """One connection. `extra` holds what one transport alone needs, such as the host key of SFTP.

    `ca_file` (of `extra`, below the home if it is relative) holds the certificates of the authority that the server's
    own must be signed by; without one those count that this machine trusts. No certificate goes unverified.
    `key_file` (likewise) holds the private key to log in with over SFTP.
    """

    host: str
    port: int | None = None
    login: str = ""
    password: str = field(default="", repr=False)
    extra: dict[str, Any] = field(default_factory=dict)
    scheme: str = "https"
    ca_file: Path | None = None
    key_file: Path | None = None

    def tls(self) -> ssl.SSLContext:
        """How to know the server. Raises SourceError when there is no such file of certificates."""
        try:
            return ssl.create_default_context(cafile=self.ca_file)
        except (OSError, ssl.SSLError) as error:
            raise SourceError(
                f"{self.ca_file}, the ca_file of a connection, holds no certificates ({error}): put the authority's "
                "there, as PEM"
            ) from None


def connections(settings: Settings) -> dict[str, Connection]:
    """The connections of `<home>/connections.json`, the file that Airflow's LocalFilesystemBackend reads too.

    ValueError says what is wrong with the file. No file, no connections.
    """
    path = settings.home / "connections.json"
    if not path.exists():
        return {}
    try:
        known = json.loads(path.read_text(encoding="utf-8") or "{}")
        return {name: _connection(settings.home, value) for name, value in known.items()}
    except (json.JSONDecodeError, AttributeError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path} is no file of connections ({error!r}): it maps each connection id to an object with host, "
            "port, login, password and extra"
        ) from None


def _connection(home: Path, value: dict[str, Any]) -> Connection:
    extra = value.get("extra_dejson") or value.get("extra") or {}
    extra = json.loads(extra) if isinstance(extra, str) else extra
    return Connection(
        host=value["host"],
        port=value.get("port"),
        login=value.get("login") or "",
        password=value.get("password") or "",
        extra=extra,
        scheme=value.get("schema") or "https",
        **{name: home / extra[name] for name in ("ca_file", "key_file") if extra.get(name)},
    )
