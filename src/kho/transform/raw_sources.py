"""The dbt sources of raw tables, made from the contracts whenever dbt runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml

from kho.contract import Contract, contracts, drafts, samples, unusable
from kho.settings import Settings

_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
HEADER = "# Made from the contract before each run of dbt: change the contract, not this file.\n"
_SOURCE = {
    "name": "raw",
    "schema": "raw",
    "description": "Typed rows of every batch, appended by the load step; staging picks those of a build.",
}


def write(settings: Settings, folder: Path) -> None:
    """Bring the sources' YAML in `folder` up to date, one of dbt's model paths: a file a contract, for dbt reads those that changed.

    Another process that writes at the same time writes the same; a reader sees whole files.
    """
    wanted = {f"{name}.yml": text for name, text in render(settings).items()}
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in wanted.items():
        write_file(folder / name, text)
    for path in folder.glob("*.yml"):
        if path.name not in wanted:
            path.unlink(missing_ok=True)


def write_file(path: Path, text: str) -> None:
    """Write a file that dbt reads, whole, and only if it is another than the one that is there."""
    if not path.is_file() or path.is_symlink() or path.read_text(encoding="utf-8") != text:
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)


def table_name(contract: str) -> str:
    """The raw table of a contract, whether it can be used already or not."""
    return contract.replace(".", "__")


def render(settings: Settings) -> dict[str, str]:
    """The YAML of the source `raw` by the contract: its one table, with its columns' types and descriptions.

    Of drafts and those that can't be used it has the name only: their staging models are read.
    """
    known = contracts(settings) | samples(settings)
    tables = {name: _table(contract) for name, contract in known.items()}
    for name in (*drafts(settings), *unusable(settings)):
        tables[name] = {"name": table_name(name), "description": "Its contract can't be used yet."}
    return {name: HEADER + _dumped({**_SOURCE, "tables": [table]}) for name, table in tables.items()}


def _dumped(source: dict[str, Any]) -> str:
    document = {"version": 2, "sources": [source]}
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


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
