"""What the raw codes of source systems mean: the seeds that the load step and the models share."""

from __future__ import annotations

import csv
import difflib
import io
from functools import cache
from pathlib import Path

from kho.settings import checkout

FOLDER = Path("dbt_project/seeds")  # below the project
SEED = FOLDER / "code_mappings.csv"
HEADER = ["domain", "system", "raw_code", "code"]
#: words of domains that have no dimension
WORDS = FOLDER / "code_words.csv"
#: seed of a domain's dimension, and its column that a meaning must stand in
DIMENSIONS = {
    "agency": ("agencies", "agency_code"),
    "channel": ("channels", "channel"),
    "civil_event": ("civil_events", "civil_event"),
    "document_type": ("document_types", "document_type"),
    "dossier_status": ("dossier_statuses", "status"),
    "item_type": ("item_types", "item_type"),
    "lookup_channel": ("lookup_channels", "lookup_channel"),
    "procedure_group": ("procedure_groups", "procedure_group"),
    "service_level": ("service_levels", "level"),
    "spending_item": ("spending_items", "spending_item"),
    "system": ("systems", "system"),
}

#: raw code: code of the warehouse
Codes = dict[str, str]
#: path below the project and bytes of every seed that mappings are made of; none, where there is no project
Seeds = tuple[tuple[Path, bytes], ...]


def seeds(folder: Path) -> Seeds:
    """The seeds of a project, or of an installation of one's own, where those that it has not are the product's."""
    names = [SEED, WORDS, *(_dimension(domain) for domain in DIMENSIONS)]
    places = [folder / name for name in names]
    if not (folder / FOLDER).is_dir():
        own = [folder / "seeds" / name.name for name in names]
        places = [
            each if each.is_file() else checkout() / name for each, name in zip(own, names, strict=True)
        ]
    return tuple(
        (name, place.read_bytes()) for name, place in zip(names, places, strict=True) if place.is_file()
    )


def codes(seeds: Seeds, domain: str, system: str) -> Codes:
    """What the codes of a system mean; empty when it has none of this domain.

    Raises `ValueError`: which line is wrong, be it a meaning that no dimension knows.
    """
    found = _read(seeds).get((domain, system), {})
    words, where = _words(seeds, domain)
    for raw_code, code in found.items():
        if code not in words:
            alike = difflib.get_close_matches(code, words, 1)
            raise ValueError(
                f"{SEED}: {domain} {raw_code} of {system} means '{code}', which {where} does not have"
                + (f"; did you mean {alike[0]}?" if alike else ": take a word from there, or add it")
            )
    return found


def line_for(domain: str, system: str, raw_code: str) -> str:
    """The line that the seed lacks, but for the meaning, which nobody can guess."""
    return f"{domain},{system},{raw_code},<meaning>"


def words(seeds: Seeds) -> dict[str, list[str]]:
    """Every domain, with the meanings that its codes may have, in the order of their seed."""
    own = dict.fromkeys(row["domain"] for row in csv.DictReader(_text(seeds, WORDS)))
    return {domain: list(_words(seeds, domain)[0]) for domain in sorted([*DIMENSIONS, *own])}


def place_of(domain: str) -> Path:
    """The seed that the meanings of a domain stand in."""
    return _dimension(domain) if domain in DIMENSIONS else WORDS


def _dimension(domain: str) -> Path:
    return (FOLDER / DIMENSIONS[domain][0]).with_suffix(".csv")


@cache
def _words(seeds: Seeds, domain: str) -> tuple[dict[str, None], Path]:
    """Every meaning that a code of the domain may have, and where they stand."""
    where, column = (_dimension(domain), DIMENSIONS[domain][1]) if domain in DIMENSIONS else (WORDS, "code")
    rows = csv.DictReader(_text(seeds, where))
    return dict.fromkeys(row[column] for row in rows if row.get("domain", domain) == domain), where


def _text(seeds: Seeds, name: Path) -> io.StringIO:
    return io.StringIO(dict(seeds).get(name, b"").decode("utf-8-sig"), newline="")


@cache
def _read(seeds: Seeds) -> dict[tuple[str, str], Codes]:
    found: dict[tuple[str, str], Codes] = {}
    lines = csv.reader(_text(seeds, SEED))
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
