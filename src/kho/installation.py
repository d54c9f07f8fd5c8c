"""An installation of one's own: a folder with contracts, seeds, models and settings, apart from the product and its samples."""

from __future__ import annotations

import shutil
from pathlib import Path

from kho.settings import Settings

#: seeds of which every province has its own; the others are the product's until a file of the name stands beside these
SEEDS = (
    "agencies.csv",
    "code_mappings.csv",
    "cut_offs.csv",
    "fields.csv",
    "leading_systems.csv",
    "pausing_statuses.csv",
    "report_parameters.csv",
    "system_operation.csv",
    "systems.csv",
)
_SCHEMA = "contract.schema.json"
_SETTINGS = """\
# Settings of this installation; docs/move-to-production.md has them all.
# night_at = "02:00"
# warehouse_url = "postgresql://keeper:…@db.example.org:5432/warehouse"
# smtp_host = "mail.example.org"
# digest_to = "it@example.org"
"""
_UNIONS = """\
# Which staging models of models/staging belong to which union of the product:
# union_dossier: [stg_land_desk__dossiers]
"""
_IGNORED = """\
# What is a province's own is kept: contracts, seeds, models, fixtures, unions.yaml. All else is made at run time or secret.
/*
!/.gitignore
!/README.md
!/contracts/
!/fixtures/
!/models/
!/seeds/
!/unions.yaml
"""
_README = """\
# This installation of Kho

| | |
|---|---|
| `contracts/` | what each export must look like: `contracts/<system>/<entity>.yaml`, made by `kho source new` |
| `models/staging/` | what it means: a staging model for each source, made by `kho source new` |
| `unions.yaml` | which of these models counts where: `union_dossier: [stg_land_desk__dossiers]` |
| `seeds/` | agencies, who operates what, and what codes mean; a file here takes the place of the product's seed of its name |
| `config.toml` | settings: when the night begins, where mail goes |
| `connections.json` | how systems are reached; it holds passwords |

All the rest is made at run time. `.gitignore` leaves it out, and what is secret: `git init` keeps the history of the rest.

Every command of Kho works on this installation where the environment variable `KHO_HOME` names this folder.
"""


class Taken(Exception):
    """The folder holds something already."""


def make(settings: Settings) -> list[Path]:
    """Make the home an installation of one's own; gives the files that were written. What is there stays: raises `Taken`."""
    home, product = settings.home, settings.project
    if (home / "contracts").exists():
        raise Taken(f"{home} has contracts already: it is an installation, or a checkout of Kho")
    written = {home / "seeds" / name: _header(product / "dbt_project" / "seeds" / name) for name in SEEDS}
    written |= {
        home / ".gitignore": _IGNORED,
        home / "README.md": _README,
        home / "unions.yaml": _UNIONS,
        home / "models" / "staging" / ".gitkeep": "",
    }
    if there := [path for path in written if path.exists()]:
        raise Taken(f"{there[0]} is there already: take an empty folder")
    for path, text in written.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for path, text in {home / "config.toml": _SETTINGS, home / "connections.json": "{}\n"}.items():
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(text, encoding="utf-8")
            written[path] = text
    # Last: by its contracts a home is an installation.
    contracts = home / "contracts"
    contracts.mkdir()
    shutil.copyfile(product / "contracts" / _SCHEMA, contracts / _SCHEMA)
    return [*written, contracts / _SCHEMA]


def _header(seed: Path) -> str:
    with seed.open(encoding="utf-8", newline="") as file:
        return file.readline()
