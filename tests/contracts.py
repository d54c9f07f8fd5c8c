"""Small contracts for tests, written as files and read as any other."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import yaml

from kho.contract import Contract, read_contract
from kho.settings import Settings

CODE = {
    "name": "code",
    "logicalType": "string",
    "required": True,
    "primaryKey": True,
    "primaryKeyPosition": 1,
}


def document(
    server: dict[str, Any],
    *,
    columns: list[dict[str, Any]] | None = None,
    file: dict[str, Any] | None = None,
    unit: str = "d",
    **keys: Any,
) -> dict[str, Any]:
    """The smallest contract of an export from this server; `keys` and `file` are custom properties of both."""
    return {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": "registry.permits",
        "version": "1.0.0",
        "status": "active",
        "servers": [{"server": "production", **server, "customProperties": _properties(keys)}],
        "schema": [
            {
                "name": "permits",
                "customProperties": _properties({"load": "delta", **(file or {})}),
                "properties": [CODE, *(columns or [])],
            }
        ],
        "slaProperties": [{"property": "frequency", "value": 1, "unit": unit}],
    }


def _properties(keys: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"property": name, "value": value} for name, value in keys.items()]


def read(folder: Path, written: dict[str, Any]) -> Contract:
    path = folder / "registry" / "permits.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump(written))
    return read_contract(path)


def with_contract(settings: Settings, project: Path, name: str, *changes: tuple[str, str]) -> Settings:
    """Settings of a project like that of `settings`, whose contract of this name has other texts in these places."""
    if not project.exists():
        project.mkdir()
        for each in settings.project.iterdir():
            if each.name == "contracts":
                shutil.copytree(each, project / "contracts")
            elif each.name in ("dbt_project", "expectations", "samples"):
                (project / each.name).symlink_to(each)
    path = project / "contracts" / f"{name.replace('.', '/')}.yaml"
    text = path.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
    return settings.model_copy(update={"project": project})
