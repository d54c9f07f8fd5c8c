"""Small contracts for tests, written as files and read as any other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from kho.contract import Contract, read_contract


def document(server: dict[str, Any], **keys: Any) -> dict[str, Any]:
    """The smallest contract of an export from this server; `keys` are the server's custom properties."""
    properties = [{"property": name, "value": value} for name, value in keys.items()]
    return {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": "registry.permits",
        "version": "1.0.0",
        "status": "active",
        "servers": [{"server": "production", **server, "customProperties": properties}],
        "schema": [
            {
                "name": "permits",
                "customProperties": [{"property": "load", "value": "delta"}],
                "properties": [
                    {"name": "code", "logicalType": "string", "required": True, "primaryKey": True, "primaryKeyPosition": 1}
                ],
            }
        ],
        "slaProperties": [{"property": "frequency", "value": 1, "unit": "d"}],
    }  # fmt: skip


def read(folder: Path, written: dict[str, Any]) -> Contract:
    path = folder / "registry" / "permits.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump(written))
    return read_contract(path)
