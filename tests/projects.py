"""Projects like ours, for tests that change one."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from kho.settings import Settings
from kho.transform.project import read
from tests.conftest import share_manifests
from tests.pages import PROJECT

WHOLE = ("contracts", "dbt_project", "expectations", "samples")


def copied(folder: Path, *parts: str) -> Path:
    """A copy of ours: of these folders of it. dbt knows it, and reads in part what a test changes."""
    for part in parts or WHOLE:
        shutil.copytree(
            PROJECT / part, folder / part, ignore=shutil.ignore_patterns("target", "logs", "__pycache__")
        )
    if {"contracts", "dbt_project"}.issubset(parts or WHOLE):
        know(folder)
    return folder


def know(project: Path) -> None:
    """Have dbt read a project: a change of it is then read in part, which takes seconds less."""
    with TemporaryDirectory() as home:
        share_manifests(Path(home))
        read(Settings(home=Path(home), project=project))


def retire(project: Path, but: tuple[str, ...]) -> None:
    """Nothing is fetched any more, but from these systems; the models of all are built."""
    for path in (project / "contracts").glob("*/*.yaml"):
        if path.parent.name not in but:
            path.write_text(path.read_text().replace("status: active", "status: retired"))


def of_project(settings: Settings, folder: Path) -> Settings:
    """Settings of the project in `folder`, with the same home and warehouse."""
    return settings.model_copy(update={"project": folder})
