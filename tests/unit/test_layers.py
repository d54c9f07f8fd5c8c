"""Modules import downwards only: a stage knows what is below it, nothing looks up."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import kho

ROOT = Path(kho.__file__).parent
LAYERS = [
    {"cli"},
    {"night", "sample"},
    {"server"},
    {"dictionary", "digest", "report", "release", "transform", "check", "build", "batch", "load", "fetch"}
    | {"propose", "source"},
    {"contract", "formats", "archive", "ledger", "database", "people"},
    {"settings"},
]
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}


def imports() -> Iterator[tuple[str, str, Path]]:
    """(importing part, imported part, file) of every import between parts of the package, inside functions too."""
    for path in ROOT.rglob("*.py"):
        part = path.relative_to(ROOT).parts[0].removesuffix(".py")
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module == "kho":
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("kho."):
                names = [node.module.split(".")[1]]
            elif isinstance(node, ast.Import):
                names = [alias.name.split(".")[1] for alias in node.names if alias.name.startswith("kho.")]
            else:
                continue
            yield from ((part, name, path) for name in names if name != part)


def test_every_part_has_its_layer() -> None:
    parts = {path.relative_to(ROOT).parts[0].removesuffix(".py") for path in ROOT.rglob("*.py")} - {
        "__init__"
    }
    assert parts <= RANK.keys()


def test_imports_go_downwards_only() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} ({part}) imports {name}"
        for part, name, path in imports()
        if RANK[name] < RANK[part]
    ]
    assert wrong == []
    assert sum(1 for _ in imports()) > 10


def test_the_foundation_knows_no_stage() -> None:
    below = set().union(*LAYERS[4:])
    assert not [name for part, name, _ in imports() if part in below and name not in below]
