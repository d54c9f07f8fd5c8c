"""Whom a change reaches: the models whose SQL needs a column, and the figures that come from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kho.contract import Contract
from kho.settings import Settings
from kho.source.difference import Change
from kho.transform.lineage import Ref, lineage


def reach(settings: Settings, contract: Contract, changes: Iterable[Change]) -> Iterator[Change]:
    """The changes against this contract, with the models (in the order of the layers) and figures that they reach."""
    changes = list(changes)
    if all(change.columns == () for change in changes):
        yield from changes
        return
    known = lineage(settings, contract)
    layers = ("staging", "warehouse", "marts")
    for change in changes:
        names = [column.name for column in contract.stored] if change.columns is None else change.columns
        refs = [Ref(f"raw.{contract.raw_table}", name) for name in names]
        models = {model for ref in refs for model in known.readers(ref)}
        figures = {figure for ref in refs for figure in known.figures_from(ref)}
        yield change.reaching(
            sorted(models, key=lambda model: (layers.index(known.tables[model].layer), model)),
            [figure for figure in known.figures if figure in figures],
        )
