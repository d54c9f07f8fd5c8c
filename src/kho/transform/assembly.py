"""The folder that dbt reads: links to the project's files, the sources made from contracts, and an installation's own files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path

import yaml

from kho.settings import Settings
from kho.transform import raw_sources

PROJECT = "dbt_project.yml"
UNIONS = "unions.yaml"


class TransformError(Exception):
    """What dbt could not read or build: which models failed, and why."""


def assemble(settings: Settings) -> Path:
    """Bring the folder up to date; it is below the home, since the project may be read-only.

    All is below it by the same names wherever project and home are: what was read of one is good for another. The staging
    models and seeds of an installation of one's own stand among the project's, in place of what is called the same.
    """
    folder, project, own = settings.home / "dbt" / "project", settings.project / "dbt_project", settings.own
    raw_sources.write(settings, folder / "sources")
    if own is None:
        _link(folder, _visible(project), keep={"sources"})
        return folder
    _link(folder, _visible(project), keep={"sources", "models", "seeds", PROJECT})
    for name in ("models", "seeds"):
        _spread(folder / name, _files(project / name) | _files(own / name))
    document = yaml.safe_load((project / PROJECT).read_bytes())
    document["vars"]["own_unions"] = unions(own)
    raw_sources.write_file(folder / PROJECT, yaml.safe_dump(document, sort_keys=False, allow_unicode=True))
    return folder


def written(settings: Settings, path: str) -> Path:
    """The file that stands at this place of the folder."""
    own = settings.own and settings.own / path
    return own if own and own.is_file() else settings.project / "dbt_project" / path


def unions(own: Path) -> dict[str, list[str]]:
    """Which staging models of an installation belong to which union, by the union's name. Raises `TransformError`."""
    path = own / UNIONS
    try:
        found = (yaml.safe_load(path.read_bytes()) if path.is_file() else None) or {}
    except yaml.YAMLError as error:
        raise TransformError(f"{path}: is no YAML: {error}") from None
    are_lists = isinstance(found, dict) and all(isinstance(each, list) for each in found.values())
    if not are_lists or not all(isinstance(name, str) for each in found.values() for name in each):
        raise TransformError(
            f"{path}: write a union, and its staging models as a list: `union_dossier: [stg_…]`"
        )
    return found


def _visible(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        return {}
    return {path.name: path for path in folder.iterdir() if not path.name.startswith(".")}


def _files(folder: Path) -> dict[Path, Path]:
    """The files in a folder and those within it, by where they are."""
    return {
        path.relative_to(folder): path
        for path in folder.rglob("*")
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    }


def _spread(folder: Path, files: Mapping[Path, Path]) -> None:
    """Let the folder have links to these files, in folders of its own: dbt does not go through links to others."""
    within: dict[Path, dict[str, Path]] = {Path(): {}}
    for place, path in files.items():
        within.setdefault(place.parent, {})[place.name] = path
        for above in place.parents[1:]:
            within.setdefault(above, {})
    for place, wanted in within.items():
        below = {each.name for each in within if each != place and each.parent == place}
        _link(folder / place, wanted, keep=below)
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and path.relative_to(folder) not in within:
            shutil.rmtree(path)


def _link(folder: Path, wanted: Mapping[str, Path], keep: Collection[str] = ()) -> None:
    """Let the folder have links to these files, by their names, and nothing else but what is to be kept, which is no link."""
    if folder.is_symlink():
        folder.unlink()
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.is_symlink() and (path.name not in wanted or path.name in keep):
            path.unlink(missing_ok=True)
        elif not path.is_symlink() and path.name in wanted and path.name not in keep:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for name, path in wanted.items():
        link = folder / name
        if name not in keep and (not link.is_symlink() or link.readlink() != path):
            draft = folder / f".{name}.{os.getpid()}"
            draft.symlink_to(path)
            draft.replace(link)
