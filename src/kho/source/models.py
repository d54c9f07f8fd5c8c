"""What stands on a source, as the text of the models has it: dbt would take seconds to say it."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path

from kho.contract import Contract
from kho.settings import Settings
from kho.transform import assembly

MODELS = Path("dbt_project/models")
_REF = re.compile(r"ref\(\s*['\"](\w+)['\"]\s*\)")
_MAPPED = re.compile(r"join_mapping\(\s*'\w+',\s*'(\w+)',\s*'(\w+)',\s*(['\"])(?:\w+\.)?(\w+)\3\s*\)")


@dataclass(frozen=True)
class Mapped:
    """A column of the export whose codes a staging model translates."""

    column: str
    domain: str
    system: str


@dataclass(frozen=True)
class Standing:
    """The codes that staging models translate, the facts that the source feeds and the figures counted from these."""

    mapped: tuple[Mapped, ...]
    facts: tuple[str, ...]
    figures: tuple[str, ...]


def standing(settings: Settings, contract: Contract) -> Standing:
    """Whom a source's rows reach: through staging models and unions to facts, and to the figures of these."""
    folders = {settings.project / MODELS, settings.staging}
    texts = {path: path.read_text(encoding="utf-8") for folder in folders for path in folder.rglob("*.sql")}
    own = [path for path, text in texts.items() if re.search(rf"['\"]{re.escape(contract.name)}['\"]", text)]
    stored = {column.name for column in contract.stored}
    mapped = {
        Mapped(column, domain, system)
        for path in own
        for domain, system, _, column in _MAPPED.findall(texts[path])
        if column in stored
    }
    readers: dict[str, list[Path]] = {}
    for path, text in texts.items():
        for name in _REF.findall(text):
            readers.setdefault(name, []).append(path)
    unions = assembly.unions(settings.own) if settings.own else {}
    for union, members in unions.items():
        for name in members:
            readers.setdefault(name, []).extend(path for path in texts if path.stem == union)
    facts: set[str] = set()
    seen = set(own)
    ahead = list(own)
    while ahead:
        for path in readers.get(ahead.pop().stem, ()):
            if path.parent.name == "facts":
                facts.add(path.stem)
            elif path not in seen and (path.parent.name == "unions" or "staging" in path.parts):
                seen.add(path)
                ahead.append(path)
    return Standing(
        tuple(sorted(mapped, key=lambda each: each.column)),
        tuple(sorted(facts)),
        tuple(_figures(settings, facts)),
    )


def _figures(settings: Settings, facts: set[str]) -> list[str]:
    with settings.seed("metrics.csv").open(encoding="utf-8", newline="") as file:
        metrics = list(csv.DictReader(file))
    counted = {row["metric"] for row in metrics if f"fct_{row['fact']}" in facts}
    return [
        row["metric"]
        for row in metrics
        if row["metric"] in counted or {row["numerator"], row["denominator"]} & counted
    ]
