"""Projects like ours, for tests that change one."""

from __future__ import annotations

import hashlib
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgpack

from kho.settings import Settings
from kho.transform import raw_sources
from tests.pages import PROJECT


def copied(folder: Path, *parts: str) -> Path:
    """A copy of ours: of these folders of it."""
    for part in parts or ("contracts", "dbt_project", "expectations", "samples"):
        shutil.copytree(
            PROJECT / part, folder / part, ignore=shutil.ignore_patterns("target", "logs", "__pycache__")
        )
    return folder


def retire(project: Path, but: tuple[str, ...]) -> None:
    """Nothing is fetched any more, but from these systems; the models of all are built."""
    for path in (project / "contracts").glob("*/*.yaml"):
        if path.parent.name not in but:
            path.write_text(path.read_text().replace("status: active", "status: retired"))


def read_as(settings: Settings, folder: Path) -> Settings:
    """Settings of the project in `folder`, which dbt has read like that of `settings`: it reads what is different there.

    From nothing it reads for four seconds, and so it would for another path of the project or of the home.
    """
    manifests = settings.home / "dbt" / "manifests"
    for known in sorted(manifests.glob(f"{_name(settings.project)}.*"), key=os.path.getmtime)[-1:]:
        with suppress(FileNotFoundError):  # another process has cleared up
            manifest = _elsewhere(msgpack.unpackb(known.read_bytes(), strict_map_key=False), settings, folder)
            (manifests / f"{_name(folder)}.like").write_bytes(msgpack.packb(manifest))
    return settings.model_copy(update={"project": folder})


def _elsewhere(manifest: dict[str, Any], settings: Settings, project: Path) -> dict[str, Any]:
    """The same manifest, of the project there and the sources of this home."""
    (there,) = (
        each["path"]["searched_path"] for name, each in manifest["files"].items() if name.endswith("/raw.yml")
    )
    here = str(raw_sources.folder(settings))
    manifest = _replaced(manifest, there, here)
    manifest = _replaced(manifest, f"{settings.project}/dbt_project", f"{project}/dbt_project")
    asked = hashlib.sha256(f"KHO_DBT_SOURCES:{here}|".encode()).hexdigest()
    manifest["state_check"]["project_env_vars_hash"]["checksum"] = asked
    return manifest


def _replaced(value: Any, old: str, new: str) -> Any:
    if isinstance(value, str):
        return value.replace(old, new) if old in value else value
    if isinstance(value, dict):
        return {_replaced(key, old, new): _replaced(each, old, new) for key, each in value.items()}
    if isinstance(value, list):
        return [_replaced(each, old, new) for each in value]
    return value


def _name(project: Path) -> str:
    """What the names of a project's manifests begin with."""
    return hashlib.sha256(str(project).encode()).hexdigest()[:16]
