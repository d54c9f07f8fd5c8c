"""The licences in a software bill of materials, and what is under each: `python -m tests.licences sbom.cdx.json`."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

UNKNOWN = "says none"


def licences(bill: dict[str, Any]) -> dict[str, list[str]]:
    """The components under each licence; one that names several is under the first, as their files have it."""
    found = defaultdict(list)
    for component in bill["components"]:
        (first, *_) = component.get("licenses") or [{}]
        named = first.get("license", {})
        licence = first.get("expression") or named.get("id") or named.get("name") or UNKNOWN
        found[licence.rpartition(":: ")[2]].append(f"{component['name']} {component['version']}")
    return {licence: sorted(found[licence], key=str.casefold) for licence in sorted(found, key=str.casefold)}


if __name__ == "__main__":
    path = Path(sys.argv[1])
    under = licences(json.loads(path.read_text(encoding="utf-8")))
    for licence, names in under.items():
        print(f"{licence} ({len(names)}): {', '.join(names)}")
    print(f"\n{sum(map(len, under.values()))} components in {path}")
