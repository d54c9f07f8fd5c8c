"""Open data: what leaves the administration, whole, the same each time, and nothing else."""

from __future__ import annotations

import csv
import hashlib
import json
import pickle
import signal
import subprocess
import sys
from pathlib import Path

import jsonschema_rs
import pyarrow.parquet
import pytest
from typer.testing import CliRunner

from kho import settings as kho_settings
from kho.cli import app
from kho.contract import contracts
from kho.database import connect
from kho.open_data import FolderError, Terms, export
from kho.open_data.tables import TABLES
from kho.settings import Settings
from kho.transform.lineage import Lineage, Ref

TERMS = Terms("Ủy ban nhân dân tỉnh Sóc Trăng", "CC-BY-4.0")
TEXT = {"type": "string", "minLength": 1}
#: what version 1 of the specifications Data Package, Data Resource and Tabular Data Resource ask for
PACKAGE = {
    "type": "object",
    "required": ["name", "resources", "licenses", "sources", "version", "created", "title"],
    "properties": {
        "name": {"type": "string", "pattern": "^[-a-z0-9._/]+$"},
        "profile": {"const": "data-package"},
        "created": {"type": "string", "format": "date-time"},
        "licenses": {
            "type": "array",
            "minItems": 1,
            "items": {"anyOf": [{"required": ["name"]}, {"required": ["path"]}]},
        },
        "contributors": {"type": "array", "items": {"required": ["title"]}},
        "sources": {"type": "array", "minItems": 1, "items": {"required": ["title"]}},
        "resources": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["name", "path", "profile", "hash", "bytes", "rows", "title"],
                "properties": {
                    "name": {"type": "string", "pattern": "^[-a-z0-9._/]+$"},
                    "path": {"type": "string", "pattern": r"^(?=^[^./~])(^((?!\.{2}).)*$).*$"},
                    "hash": {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"},
                    "bytes": {"type": "integer"},
                },
                "if": {"properties": {"profile": {"const": "tabular-data-resource"}}},
                "then": {
                    "required": ["schema"],
                    "properties": {
                        "schema": {
                            "required": ["fields"],
                            "properties": {
                                "fields": {
                                    "type": "array",
                                    "minItems": 1,
                                    "items": {
                                        "required": ["name", "type", "title", "description"],
                                        "properties": {
                                            "type": {
                                                "enum": ["string", "integer", "date", "boolean", "number"]
                                            },
                                            "title": TEXT,
                                            "description": TEXT,
                                        },
                                    },
                                }
                            },
                        }
                    },
                },
            },
        },
    },
}
WORDS = {
    "type": "object",
    "required": ["@language", "@value"],
    "properties": {"@language": {"const": "vi"}, "@value": TEXT},
}
#: what DCAT 3 has of a catalogue, with what its profile for European portals makes mandatory
CATALOGUE = {
    "type": "object",
    "required": ["@context", "@type", "dct:title", "dct:description", "dct:publisher", "dcat:dataset"],
    "properties": {
        "@type": {"const": "dcat:Catalog"},
        "dct:title": WORDS,
        "dcat:dataset": {
            "type": "array",
            "minItems": 1,
            "items": {
                "required": [
                    "@id",
                    "dct:title",
                    "dct:description",
                    "dct:publisher",
                    "dct:license",
                    "dcat:distribution",
                ],
                "properties": {
                    "@type": {"const": "dcat:Dataset"},
                    "dct:title": WORDS,
                    "dcat:distribution": {
                        "type": "array",
                        "minItems": 2,
                        "items": {
                            "required": [
                                "dcat:accessURL",
                                "dcat:mediaType",
                                "dcat:byteSize",
                                "spdx:checksum",
                                "dct:license",
                            ]
                        },
                    },
                },
            },
        },
    },
}


@pytest.fixture(scope="module")
def folder(module_published: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("out") / "open"
    export(module_published, folder, TERMS)
    return folder


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_package_tells_each_file_as_it_is(folder: Path) -> None:
    package = json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))
    jsonschema_rs.validator_for(PACKAGE).validate(package)
    described = {each["path"]: each for each in package["resources"]}
    assert {*described, "datapackage.json", "dcat.jsonld"} == {path.name for path in folder.iterdir()}
    for name, resource in described.items():
        body = (folder / name).read_bytes()
        assert resource["bytes"] == len(body)
        assert resource["hash"] == f"sha256:{hashlib.sha256(body).hexdigest()}"
        if resource["format"] == "csv":
            rows = read(folder / name)
            assert len(rows) == resource["rows"] > 50
            assert list(rows[0]) == [field["name"] for field in resource["schema"]["fields"]]
            key = resource["schema"]["primaryKey"]
            assert len({tuple(row[column] for column in key) for row in rows}) == len(rows)
    assert {each["title"] for each in package["sources"]} >= {"Một cửa điện tử", "Quản lý văn bản M-Office"}
    assert package["contributors"][0]["title"] == TERMS.publisher


def test_the_catalogue_has_a_dataset_per_table_with_both_files(folder: Path) -> None:
    catalogue = json.loads((folder / "dcat.jsonld").read_text(encoding="utf-8"))
    jsonschema_rs.validator_for(CATALOGUE).validate(catalogue)
    prefixes = catalogue["@context"].keys()

    def names(node: object) -> set[str]:
        if isinstance(node, dict):
            return {key for key in node if ":" in key}.union(*map(names, node.values()))
        return set().union(*map(names, node)) if isinstance(node, list) else set()

    assert {name.partition(":")[0] for name in names(catalogue)} <= prefixes
    files = {
        each["dcat:downloadURL"]["@id"]: each["spdx:checksum"]["spdx:checksumValue"]["@value"]
        for dataset in catalogue["dcat:dataset"]
        for each in dataset["dcat:distribution"]
    }
    assert len(files) == 2 * len(TABLES)
    for name, digest in files.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest


def test_parquet_has_what_csv_has(folder: Path) -> None:
    for table in TABLES:
        rows = [
            {name: "" if value is None else str(value) for name, value in row.items()}
            for row in pyarrow.parquet.read_table(folder / f"{table.name}.parquet").to_pylist()
        ]
        assert rows == read(folder / f"{table.name}.csv")


def test_no_small_count_leaves_and_what_is_empty_says_why(folder: Path, module_published: Settings) -> None:
    found = [row for table in TABLES[:3] for row in read(folder / f"{table.name}.csv")]
    with connect(module_published, "bi_reader") as connection:
        (rows,) = connection.execute("select count(*) from marts.public_month").fetchone()
    assert len(found) == rows
    assert not [row for row in found if row["value"] and 0 < int(row["value"]) < 5]
    assert all((row["publication"] == "shown") == bool(row["value"]) for row in found)
    assert {row["publication_title"] for row in found if not row["value"]} >= {"không công bố vì số nhỏ"}


def test_nothing_of_a_person_is_in_it(module_published: Settings, known: Lineage) -> None:
    """Only marts that count, and no column that comes from one that a contract calls personal."""
    personal = {
        Ref(f"raw.{each.raw_table}", column.name)
        for each in contracts(module_published).values()
        for column in each.columns
        if column.keys.personal_data
    }
    public = known.origins(Ref(table.mart, column) for table in TABLES for column in table.columns)
    assert len(personal) > 10 and len(public) > 10 and not personal & public
    assert {table.mart for table in TABLES} == {"public_month", "figure_metric"}


def test_the_same_release_gives_the_same_bytes(
    folder: Path, module_published: Settings, tmp_path: Path
) -> None:
    export(module_published, tmp_path / "again", TERMS)
    assert {path.name: path.read_bytes() for path in (tmp_path / "again").iterdir()} == {
        path.name: path.read_bytes() for path in folder.iterdir()
    }


def test_who_publishes_is_the_province_if_nobody_is_named(module_published: Settings, tmp_path: Path) -> None:
    package = export(module_published, tmp_path / "out", Terms("", "https://example.org/licence"))
    assert package.terms.publisher == "Tỉnh Sóc Trăng, Tỉnh Trà Vinh"
    told = json.loads((tmp_path / "out" / "datapackage.json").read_text(encoding="utf-8"))
    assert told["licenses"] == [{"path": "https://example.org/licence"}]


def test_a_folder_of_others_is_left_alone(module_published: Settings, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("all of it")
    (tmp_path / "file").write_text("no folder")
    for name in ("mine", "file"):
        with pytest.raises(FolderError, match="empty"):
            export(module_published, tmp_path / name, TERMS)
    assert {path.name for path in tmp_path.rglob("*")} == {"mine", "thesis.txt", "file"}


def test_an_export_that_is_killed_leaves_what_was_there_and_the_next_one_clears_up(
    module_published: Settings, tmp_path: Path
) -> None:
    folder = tmp_path / "open"
    killed = f"""
import os, pickle, signal, sys
from pathlib import Path
from kho.open_data import Terms, export
settings = pickle.load(sys.stdin.buffer)
tell = lambda table, rows: os.kill(os.getpid(), signal.SIGKILL) if table == {TABLES[1].name!r} else None
export(settings, Path({str(folder)!r}), Terms("x", "y"), tell)
"""

    def kill() -> None:
        done = subprocess.run([sys.executable, "-c", killed], input=pickle.dumps(module_published))
        assert done.returncode == -signal.SIGKILL

    kill()
    assert not folder.exists()
    export(module_published, folder, TERMS)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    kill()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert len(list(tmp_path.iterdir())) == 2
    # Killed between two renames, one of both is there.
    folder.rename(tmp_path / ".open.before")
    export(module_published, folder, TERMS)
    assert [path.name for path in tmp_path.iterdir()] == ["open"]


def test_the_command_tells_what_it_wrote_and_why_it_did_not(
    module_published: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KHO_HOME", str(module_published.home))
    monkeypatch.setenv("KHO_WAREHOUSE_DATABASE", module_published.warehouse_database)
    kho_settings.settings.cache_clear()
    try:
        done = CliRunner().invoke(app, ["export", "open-data", str(tmp_path / "out")])
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "x").touch()
        refused = CliRunner().invoke(app, ["export", "open-data", str(tmp_path / "mine")])
    finally:
        kho_settings.settings.cache_clear()
    assert (
        done.exit_code == 0 and "ho_so_theo_thang: 3120 rows" in done.output and "release 2 of" in done.output
    )
    assert refused.exit_code == 1 and "holds other files" in refused.output


def test_before_the_first_release_there_is_nothing_to_export(warehouse: Settings, tmp_path: Path) -> None:
    with pytest.raises(LookupError, match="nothing is released yet"):
        export(warehouse, tmp_path / "out", TERMS)
    assert not (tmp_path / "out").exists()
