"""What nights install and what everybody else installs: two locks that agree, and hold what the code imports."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).resolve().parents[2]
NIGHTS, ALL = "requirements.lock", "requirements-dev.lock"
DLT = "tests/bench/dlt.lock"  # of an environment of its own, which a benchmark makes


def locked(lock: str) -> dict[str, str]:
    """`name==version ; marker` of each entry, and its hashes."""
    entries = re.split(r"\n(?=\S)", (PROJECT / lock).read_text().strip())
    return dict(
        re.fullmatch(r"(.+?) \\\n\s+(--hash=.*)", entry, re.S).groups()
        for entry in entries
        if not entry.startswith("#")
    )


def versions(lock: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for entry in locked(lock):
        requirement = Requirement(entry)
        found.setdefault(canonicalize_name(requirement.name), set()).add(str(requirement.specifier)[2:])
    return found


def test_the_lock_of_nights_is_a_part_of_the_other() -> None:
    assert locked(NIGHTS).items() < locked(ALL).items()


@pytest.mark.parametrize(("lock", "extras"), [(NIGHTS, ()), (ALL, ("sample", "dev"))])
def test_a_lock_has_what_pyproject_asks_for(lock: str, extras: tuple[str, ...]) -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    asked = [
        *project["dependencies"],
        *(one for extra in extras for one in project["optional-dependencies"][extra]),
    ]
    known = versions(lock)
    for requirement in map(Requirement, asked):
        if requirement.name != "kho":
            here = known[canonicalize_name(requirement.name)]
            assert here and all(requirement.specifier.contains(version) for version in here), requirement


brought = cache(packages_distributions)


def imported(folder: str) -> set[str]:
    """Top-level modules that the code of a folder imports, inside functions too; the standard library's not."""
    found = set()
    for path in (PROJECT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.split(".")[0])
    return found - sys.stdlib_module_names - {"kho", "kho_sample", "kho_propose", "tests"}


@pytest.mark.parametrize(
    ("folder", "locks"),
    [
        ("src/kho", [NIGHTS]),
        ("dags", [NIGHTS]),
        ("src/kho_propose", [NIGHTS]),
        ("src/kho_sample", [ALL]),
        ("tests", [ALL, DLT]),
    ],
)
def test_a_lock_has_what_is_imported(folder: str, locks: list[str]) -> None:
    brought_by = brought()
    known = {name for lock in locks for name in versions(lock)}
    modules = imported(folder)
    assert modules
    assert not {
        module
        for module in modules
        if not {canonicalize_name(name) for name in brought_by.get(module, [module])} & known
    }
