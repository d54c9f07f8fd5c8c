"""The units of the sample's district or province, from the warehouse's own seed."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from kho_sample.section import AnyLevel


@dataclass(frozen=True)
class Agency:
    """One unit. `code` is root first (H51.12.21), as the documents and portal systems spell it."""

    code: str
    name: str
    level: AnyLevel

    @property
    def leaf_first(self) -> str:
        """The code as the one-stop desk spells it: four parts, leaf first (000.21.12.H51)."""
        parts = self.code.split(".")[::-1]
        return ".".join(["000", "00", "00"][: 4 - len(parts)] + parts)


def read(seed: Path, agency_code: str, on: date) -> list[Agency]:
    """A district or province (first) and the units below it in force on a day. LookupError if there are none."""
    with seed.open(encoding="utf-8", newline="") as file:
        found = [
            Agency(row["agency_code"], row["name"], row["level"])
            for row in csv.DictReader(file)
            if (row["agency_code"] + ".").startswith(agency_code + ".")
            and row["valid_from"] <= on.isoformat() <= (row["valid_to"] or "9999-12-31")
        ]
    if not found or found[0].code != agency_code:
        raise LookupError(f"{seed} has no agency {agency_code} on {on}: name a agency_code that it has")
    return found
