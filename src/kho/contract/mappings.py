"""What the raw codes of source systems mean: the seed that the load step and the models share."""

from __future__ import annotations

import csv
import io
from functools import cache
from pathlib import Path

#: below the project
SEED = Path("dbt_project/seeds/code_mappings.csv")
HEADER = ["domain", "system", "raw_code", "code"]

#: raw code: code of the warehouse
Codes = dict[str, str]


def codes(seed: bytes, domain: str, system: str) -> Codes:
    """What the codes of a system mean; empty when it has none of this domain. Raises `ValueError`: which line is wrong."""
    return _read(seed).get((domain, system), {})


def line_for(domain: str, system: str, raw_code: str) -> str:
    """The line that the seed lacks, but for the meaning, which nobody can guess."""
    return f"{domain},{system},{raw_code},<meaning>"


@cache
def _read(seed: bytes) -> dict[tuple[str, str], Codes]:
    found: dict[tuple[str, str], Codes] = {}
    lines = csv.reader(io.StringIO(seed.decode("utf-8-sig")))
    if next(lines, None) != HEADER:
        raise ValueError(f"{SEED}, line 1: should be {','.join(HEADER)}")
    for cells in lines:
        if len(cells) != len(HEADER) or not all(cells):
            raise ValueError(f"{SEED}, line {lines.line_num}: needs {', '.join(HEADER)}")
        domain, system, raw_code, code = cells
        of_system = found.setdefault((domain, system), {})
        if raw_code in of_system:
            raise ValueError(
                f"{SEED}, line {lines.line_num}: {domain} {raw_code} of {system} is there twice: leave one of them"
            )
        of_system[raw_code] = code
    return found
