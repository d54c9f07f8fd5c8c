"""The dbt sources of raw tables, written from the contracts: `python -m kho.transform.sources`."""

from __future__ import annotations

from pathlib import Path

import yaml

from kho.contract import Contract, contracts
from kho.settings import Settings, settings

HEADER = "# Made from the contracts by `python -m kho.transform.sources`: change a contract, not this file.\n"


def path(settings: Settings) -> Path:
    return settings.project / "dbt_project" / "models" / "staging" / "_raw_sources.yml"


def render(known: dict[str, Contract]) -> str:
    """The YAML of the source `raw`: one table per contract, with its columns' types and descriptions."""
    tables = [_table(known[name]) for name in sorted(known)]
    source = {
        "name": "raw",
        "schema": "raw",
        "description": "Typed rows of every batch, appended by the load step; staging picks those of a build.",
        "tables": tables,
    }
    document = {"version": 2, "sources": [source]}
    return HEADER + yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=110)


def _table(contract: Contract) -> dict:
    meta = {
        "contract": contract.name,
        "contract_version": contract.version,
        "system": contract.system,
        "title": contract.title,
        "frequency": contract.frequency,
        "load": contract.file.load,
    }
    technical = [
        ("_batch_id", "bigint", "Batch that the row came in."),
        ("_row_number", "bigint", "Row of the file, 1 is the first after the header."),
        ("_key", "uuid", "md5 of the primary key's columns joined by '|'."),
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


def main() -> None:
    here = settings()
    path(here).write_text(render(contracts(here)), encoding="utf-8")


if __name__ == "__main__":
    main()
