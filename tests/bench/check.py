"""The short benchmarks again, against the ratios that are recorded in docs/benchmarks.json: `make bench-check`.

Ends with 1 if any ratio got worse by more than the noise. `--record` writes what is measured in their place: where a change
is meant to cost more, and after one that costs less.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench import load, province, readers, rivals
from tests.bench.rows import Extent

RECORDED = Path(__file__).parents[2] / "docs" / "benchmarks.json"
NOISE = 0.25  # two runs of the same code differ by a fifth, where others use the machine too


def measured(console: Console) -> dict[str, float]:
    short = province.measure(Extent(20_000, years=1), console)
    return load.main(100_000) | rivals.main(200_000) | readers.main() | province.ratios(short)


def worse(recorded: dict[str, float], now: dict[str, float]) -> list[str]:
    return [name for name, ratio in now.items() if ratio > recorded.get(name, ratio) * (1 + NOISE)]


def main() -> None:
    console = Console()
    now = measured(console)
    if "--record" in sys.argv[1:]:
        rounded = {name: round(ratio, 2) for name, ratio in sorted(now.items())}
        RECORDED.write_text(json.dumps(rounded, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        return
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))
    found = worse(recorded, now)
    table = Table("ratio", "recorded", "now", "")
    for name in sorted(recorded.keys() | now.keys()):
        told = (f"{ratios[name]:.1f}" if name in ratios else "" for ratios in (recorded, now))
        table.add_row(name, *told, "worse" if name in found else "")
    console.print(table)
    if found:
        sys.exit(f"{len(found)} ratios got worse by more than {NOISE:.0%}: see above")


if __name__ == "__main__":
    main()
