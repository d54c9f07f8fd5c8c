"""A whole number divided among many."""

from __future__ import annotations

from collections.abc import Sequence


def shares(total: int, weights: Sequence[float]) -> list[int]:
    """`total` in whole parts, near to these weights, that add up to it. With no weights, total must be 0."""
    if not weights:
        if total:
            raise ValueError(f"{total} cannot be divided among nobody")
        return []
    exact = [total * weight / sum(weights) for weight in weights]
    parts = [int(part) for part in exact]
    # The largest remainders get one more.
    order = sorted(range(len(parts)), key=lambda n: parts[n] - exact[n])
    for n in order[: total - sum(parts)]:
        parts[n] += 1
    return parts
