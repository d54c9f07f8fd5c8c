"""What a rule on a column of a frame finds: for Great Expectations, and where to import it would take longer than to look."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def found(values: Iterable[Any], at_least: float | None, at_most: float | None) -> list[tuple[int, Any]]:
    """Those values that lie out of bounds, or all that are there where there are no bounds; each with its row, from 0."""
    import pandas as pd

    there = [(row, value) for row, value in enumerate(values) if pd.notna(value)]
    if at_least is None and at_most is None:
        return there
    return [
        (row, value)
        for row, value in there
        if (at_least is not None and value < at_least) or (at_most is not None and value > at_most)
    ]
