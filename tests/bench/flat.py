"""Whether a night stays as it is while history grows: `make bench-full`, or `python -m tests.bench.flat 10000 100000`.

The bench's province in each of these sizes, and what the same 10,000 rows cost each of them, as ratio to the smallest.
"""

from __future__ import annotations

import sys

from rich.console import Console
from rich.table import Table

from tests.bench import province
from tests.bench.province import ORDINARY, STAGES, Measured
from tests.bench.rows import Extent

SIZES = [100_000, 1_000_000, 10_000_000]


def flatness(measured: list[Measured]) -> Table:
    smallest, *larger = measured
    table = Table("stage", title="CPU of an ordinary night, as ratio to that of the smallest province")
    table.add_column(f"{smallest.size:,} dossiers, seconds", justify="right")
    for each in larger:
        table.add_column(f"{each.size:,} dossiers", justify="right")
    for stage in (*STAGES, "all"):
        base = _cpu(smallest, stage)
        table.add_row(stage, f"{base:.1f}", *(f"{_cpu(each, stage) / max(base, 0.1):.1f}" for each in larger))
    return table


def _cpu(measured: Measured, stage: str) -> float:
    costs = measured.costs[ORDINARY]
    return sum(cost.cpu for cost in costs.values()) if stage == "all" else costs[stage].cpu


def main(sizes: list[int]) -> None:
    console = Console()
    province.announce(sizes, console)
    measured = []
    for size in sorted(sizes):
        measured.append(province.measure(Extent(size), console))
        for table in province.tables(measured[-1]):
            console.print(table)
    console.print(flatness(measured))


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or SIZES)
