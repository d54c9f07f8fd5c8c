"""The dbt sources of raw tables, made from the contracts whenever dbt runs."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from kho.contract import Contract, contracts, drafts, unusable
from kho.settings import Settings

_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
HEADER = "# Made from the contracts before each run of dbt: change a contract, not this file.\n"


def write(settings: Settings) -> Path:
    """Bring the sources' YAML up to date and give its folder, one of dbt's model paths.

    It is below the home, since the project may be read-only. Another process that writes at the same time writes the
    same; a reader sees a whole file.
    """
    path = folder(settings) / "raw.yml"
    text = render(contracts(settings), [*drafts(settings), *unusable(settings)])
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    return path.parent


def folder(settings: Settings) -> Path:
    """Where the sources' YAML is."""
    return settings.home / "dbt" / "sources"


def table_name(contract: str) -> str:
    """The raw table of a contract, whether it can be used already or not."""
    return contract.replace(".", "__")


def render(known: dict[str, Contract], others: Iterable[str] = ()) -> str:
    """The YAML of the source `raw`: one table per contract, with its columns' types and descriptions.

    Others, drafts and those that can't be used, have a name only: their staging models are read.
    """
    tables = [_table(known[name]) for name in sorted(known)]
    tables += [
        {"name": table_name(name), "description": "Its contract can't be used yet."} for name in others
    ]
    source = {
        "name": "raw",
        "schema": "raw",
        "description": "Typed rows of every batch, appended by the load step; staging picks those of a build.",
        "tables": tables,
    }
    document = {"version": 2, "sources": [source]}
    return HEADER + yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


def _table(contract: Contract) -> dict:
    meta = {
        "contract": contract.name,
        "contract_version": contract.version,
        "system": contract.system,
    }
    if contract.file.fills_due_dates:
        meta["fills_due_dates"] = True
    technical = [
        ("_batch_id", "bigint", "Batch that the row came in."),
        ("_row_number", "bigint", "Row of the file, 1 is the first after the header."),
        ("_key", "uuid", "Key of the row: hash of its system and its primary key's columns."),
    ]
    stored = [(column.name, column.raw_type, column.description) for column in contract.stored]
    return {
        "name": contract.raw_table,
        "description": contract.purpose,
        "config": {"meta": meta},
        "columns": [
            {"name": name, "data_type": type_, "description": description}
            for name, type_, description in technical + stored
        ],
    }
