"""Nothing that a file says gets out: words are planted in every place of every format, for every contract, and sought."""

from __future__ import annotations

import logging
import os
import random
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from psycopg import sql

from kho import night
from kho.contract import contracts
from kho.database import connect
from kho.digest import digest
from kho.settings import Settings
from kho.transform.builds import open_build
from tests.planting import Words, broken, found, name_of, sound_row, spoiled_row, write

NIGHT = date(2021, 6, 30)
FIRST = date(2021, 6, 1)
FORMATS = ("csv", "html", "xlsx", "xls", "ods", "json", "jsonl", "xml", "parquet")
#: the contract that is tried in every format
NAME = "dossiers"
#: what the operator alone may read of a file: `kho rejects show`, and the names of files in `kho batch` and `kho source`
OPERATORS = {("ledger", "delivery", "name"), ("ledger", "fetch_failure", "name")}
#: the rows themselves
ROWS = ("raw", "reject")


@pytest.fixture(scope="module")
def words() -> Words:
    return Words(random.Random(10))


@pytest.fixture(scope="module")
def told(
    module_warehouse: Settings, words: Words, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Settings, str]]:
    """A warehouse after a night of planted files, and all that the night said: logs and what its tasks raised."""
    settings = _project(module_warehouse, tmp_path_factory.mktemp("project"))
    _hand_over(settings, words)
    said = _Said()
    logging.getLogger().addHandler(said)
    level = logging.getLogger().level
    logging.getLogger().setLevel(logging.INFO)
    try:
        for task in night.tasks(settings):
            if task.step.name == "ingest":
                try:
                    night.do(settings, task.step.name, NIGHT, task.system)
                except Exception as failure:  # as Airflow logs it
                    logging.getLogger("airflow").exception("Task failed: %s", failure)
        # It takes long, and its words come from what the ledger has of a batch, which is searched for every contract.
        night.check_exports(_only(settings, f"{NAME}_*zip", tmp_path_factory.mktemp("checked")), NIGHT)
        open_build(settings, NIGHT)
        logging.getLogger("kho").info("%s", digest(settings, NIGHT, ["load"]))
    finally:
        logging.getLogger().removeHandler(said)
        logging.getLogger().setLevel(level)
    events = [path.read_text(encoding="utf-8") for path in (settings.home / "openlineage").glob("*.jsonl")]
    assert events
    yield settings, "\n".join(said.lines + events)


class _Said(logging.Handler):
    """Keeps everything that is logged, with tracebacks."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.setFormatter(logging.Formatter())

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


def _project(settings: Settings, project: Path) -> Settings:
    """A project with every contract as it is, but with its files in a folder; and one of them in every other format."""
    for each in settings.project.iterdir():
        if each.name in ("dbt_project", "expectations", "samples"):
            (project / each.name).symlink_to(each)
    for path in sorted(settings.contracts.glob("*/*.yaml")):
        written = yaml.safe_load(path.read_bytes())
        _put(project, path.parent.name, path.stem, _in_a_folder(written))
        if path.stem == NAME:
            for format_ in FORMATS:
                for packing in ("", "zip") if format_ in ("csv", "xlsx", "xml") else ("",):
                    _put(
                        project,
                        "one_stop",
                        f"dossiers_{format_}{packing}",
                        _in_a_folder(written, format_, packing),
                    )
    return settings.model_copy(update={"project": project})


def _only(settings: Settings, pattern: str, project: Path) -> Settings:
    """The same project with these contracts alone."""
    (project / "dbt_project").symlink_to(settings.project / "dbt_project")
    (project / "contracts" / "one_stop").mkdir(parents=True)
    for path in settings.contracts.glob(f"*/{pattern}.yaml"):
        (project / "contracts" / "one_stop" / path.name).symlink_to(path)
    return settings.model_copy(update={"project": project})


def _in_a_folder(written: dict[str, Any], format_: str = "", packing: str = "") -> dict[str, Any]:
    server = written["servers"][0]
    keys = {each["property"]: each["value"] for each in server.get("customProperties", ())}
    is_own = not format_
    kept = ("fileName", "encoding", "delimiter", "compression", "controlFile") if is_own else ("fileName",)
    server = {
        "server": "production",
        "type": "local",
        "format": format_ or server.get("format") or keys["format"],
        "customProperties": [
            *({"property": name, "value": keys[name]} for name in kept if name in keys),
            *([{"property": "compression", "value": packing}] if packing else []),
        ],
    }
    return {**written, "servers": [server]}


def _put(project: Path, system: str, entity: str, written: dict[str, Any]) -> None:
    path = project / "contracts" / system / f"{entity}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    server = {**written["servers"][0], "path": f"{system}/{entity}"}
    schema = {**written["schema"][0], "name": entity}
    changed = {**written, "id": f"{system}.{entity}", "servers": [server], "schema": [schema]}
    path.write_text(yaml.safe_dump(changed, allow_unicode=True), encoding="utf-8")


def _hand_over(settings: Settings, words: Words) -> None:
    for number, contract in enumerate(contracts(settings).values()):
        folder = settings.exports / contract.location
        folder.mkdir(parents=True)
        known = [column.header for column in contract.columns]
        unknown = words.word(f"an unknown column of {contract.name}", made_of="plain")
        rows = [sound_row(contract, words, 0), sound_row(contract, words, 1), spoiled_row(contract, words)]
        wide = [[*row, words.word(f"a cell of an unknown column of {contract.name}")] for row in rows]
        wide.append(spoiled_row(contract, words, is_shifted=True))
        if contract.format == "csv":
            wide.append([words.word(f"a cell of a ragged row of {contract.name}") for _ in range(3)])
        files = [write(contract, wide, [*known, unknown], words)]
        files.append(
            write(
                contract, [[words.word("a cell without header") for _ in known] for _ in range(3)], [], words
            )
        )
        oddities = list(broken(contract, words))
        # Every format has all of them under the contracts of this test; each real contract some.
        is_planted = contract.entity.startswith(f"{NAME}_")
        files += oddities if is_planted else [oddities[number % len(oddities)]]
        for day, data in enumerate(files):
            name = name_of(
                contract, FIRST + timedelta(days=day), lambda: words.word("a file's name", "names", "plain")
            )
            _hand(folder / name, data)
            if contract.server.control_file:
                _hand(folder / f"{name}.ctl", f"rows={len(wide) if day == 0 else 0}".encode())
        if contract.server.control_file:
            name = name_of(contract, NIGHT, lambda: words.word("a file's name", "names", "plain"))
            _hand(folder / name, b"x")
            _hand(folder / f"{name}.ctl", words.word("a control file").encode())
        _hand(folder / f"{words.word('an unknown file', 'names')}.csv", b"x")


def _hand(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    os.utime(path, (0, 0))


def _tables(settings: Settings) -> Iterator[tuple[str, str, str]]:
    """Schema, name and all rows as text of every table, without what is the operator's."""
    with psycopg.connect(settings.admin_url()) as connection:
        names = connection.execute(
            "select schemaname, tablename from pg_tables where schemaname not in ('pg_catalog', 'information_schema')"
        ).fetchall()
        for schema, table in names:
            left_out = [column for *place, column in OPERATORS if tuple(place) == (schema, table)]
            (rows,) = connection.execute(
                sql.SQL(
                    "select coalesce(string_agg((to_jsonb(t) - %s::text[])::text, E'\\n'), '') from {} t"
                ).format(sql.Identifier(schema, table)),
                [left_out],
            ).fetchone()
            yield schema, table, rows


def test_every_contract_had_rows_that_load_rows_that_do_not_and_a_file_that_is_unreadable(
    told: tuple[Settings, str],
) -> None:
    settings, _ = told
    known = contracts(settings)
    with connect(settings, "kho_auditor") as connection:
        counted = connection.execute(
            "select contract, sum(rows_loaded), sum(rows_rejected), count(*) filter (where state = 'unreadable')"
            " from ledger.batch group by contract"
        ).fetchall()
    assert {name for name, loaded, rejected, _ in counted if loaded and rejected} == set(known)
    # The contracts of this test get every oddity, of which some format has one that is no file at all.
    planted = {name: unreadable for name, *_, unreadable in counted if name.startswith(f"one_stop.{NAME}_")}
    assert len(planted) >= len(FORMATS) and all(planted.values())


def test_no_planted_word_is_in_the_database_but_with_the_rows(
    told: tuple[Settings, str], words: Words
) -> None:
    settings, _ = told
    everywhere = words.nowhere | words.with_rows | words.names
    leaks = {
        (schema, table): leak
        for schema, table, rows in _tables(settings)
        if (leak := found(rows, words.nowhere if schema in ROWS else everywhere))
    }
    assert leaks == {}


def test_what_belongs_to_the_rows_is_with_them(told: tuple[Settings, str], words: Words) -> None:
    settings, _ = told
    rows = "\n".join(text for schema, _, text in _tables(settings) if schema in ROWS)
    assert len(found(rows, words.with_rows)) > 1000  # or the scan sees nothing


def test_no_planted_word_is_logged_mailed_or_raised(told: tuple[Settings, str], words: Words) -> None:
    _, said = told
    assert "batches accepted" in said and "Nguồn chậm" in said and "could not be fetched" in said
    assert found(said, words.nowhere | words.with_rows | words.names) == set()


def test_no_planted_word_is_in_data_docs_or_any_other_file_of_the_home(
    told: tuple[Settings, str], words: Words
) -> None:
    settings, _ = told
    everywhere = words.nowhere | words.with_rows | words.names
    files = [
        path
        for folder in ("data_docs", "expectations", "postgres/log")
        for path in (settings.home / folder).rglob("*")
        if path.is_file()
    ]
    assert any(path.suffix == ".html" for path in files) and any(path.suffix == ".log" for path in files)
    leaks = {path: leak for path in files if (leak := found(path.read_text(errors="replace"), everywhere))}
    assert leaks == {}
