"""Whom a change reaches: the staging models that read a column, the models after them, the figures made of those."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from typing import Any

from kho.contract import Contract
from kho.settings import Settings
from kho.source.difference import Change
from kho.transform import layers


def reach(settings: Settings, contract: Contract, changes: Iterable[Change]) -> Iterator[Change]:
    """The changes of a contract, with the models and figures that they reach."""
    changes = list(changes)
    if all(change.columns == () for change in changes):
        yield from changes
        return
    manifest = layers.run(settings, ["parse"])
    staging = _readers(manifest, contract)
    for change in changes:
        readers = [
            model
            for model in staging
            if change.columns is None
            or any(_uses(manifest.nodes[model].raw_code, name) for name in change.columns)
        ]
        models = _with_children(manifest, readers) if change.columns != () else []
        names = [manifest.nodes[model].name for model in models]
        yield change.reaching(names, _figures(settings, names))


def _readers(manifest: Any, contract: Contract) -> list[str]:
    (source,) = (
        id
        for id, each in manifest.sources.items()
        if (each.source_name, each.name) == ("raw", contract.raw_table)
    )
    return [id for id in manifest.child_map[source] if id.startswith("model.")]


def _uses(sql: str, column: str) -> bool:
    return re.search(rf"\b{column}\b", sql) is not None


def _with_children(manifest: Any, models: list[str]) -> list[str]:
    """These models and all that are made of them, in the order of their making."""
    found = list(models)
    for model in found:
        found += [id for id in manifest.child_map[model] if id.startswith("model.") and id not in found]
    return found


def _figures(settings: Settings, models: list[str]) -> list[str]:
    """The metrics that are counted from the facts among these models."""
    with (settings.project / "dbt_project" / "seeds" / "metrics.csv").open(encoding="utf-8") as seed:
        return [row["metric"] for row in csv.DictReader(seed) if f"fct_{row['fact']}" in models]
