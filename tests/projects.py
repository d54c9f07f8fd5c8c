"""Projects like ours, for tests that change one."""

from __future__ import annotations

import shutil
from pathlib import Path

from kho.settings import Settings
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


def of_project(settings: Settings, folder: Path) -> Settings:
    """Settings of the project in `folder`, with the same home and warehouse."""
    return settings.model_copy(update={"project": folder})
