"""Connections: where a source system is and how to log in, by the connection id that a contract names."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from kho.settings import Settings


@dataclass(frozen=True)
class Connection:
    """One connection. `extra` holds what one transport alone needs, such as the host key of SFTP."""

    host: str
    port: int | None = None
    login: str = ""
    password: str = field(default="", repr=False)
    extra: dict[str, Any] = field(default_factory=dict)
    scheme: str = "https"


def connections(settings: Settings) -> dict[str, Connection]:
    """The connections of `<home>/connections.json`, the file that Airflow's LocalFilesystemBackend reads too.

    ValueError says what is wrong with the file. No file, no connections.
    """
    path = settings.home / "connections.json"
    if not path.exists():
        return {}
    try:
        known = json.loads(path.read_text(encoding="utf-8") or "{}")
        return {name: _connection(value) for name, value in known.items()}
    except (json.JSONDecodeError, AttributeError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path} is no file of connections ({error!r}): it maps each connection id to an object with host, "
            "port, login, password and extra"
        ) from None


def _connection(value: dict[str, Any]) -> Connection:
    extra = value.get("extra_dejson") or value.get("extra") or {}
    return Connection(
        host=value["host"],
        port=value.get("port"),
        login=value.get("login") or "",
        password=value.get("password") or "",
        extra=json.loads(extra) if isinstance(extra, str) else extra,
        scheme=value.get("schema") or "https",
    )
