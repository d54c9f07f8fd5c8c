"""Models built aside, in seconds: a schema with the rows of one file, which no night and no reader looks at.

Only the models around one source are built there, of the seeds as they are now; other sources have no rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier

from kho.contract import Contract, contracts, samples
from kho.database import connect
from kho.ledger import locks
from kho.load import raw
from kho.load.dry_run import BATCH
from kho.settings import Settings
from kho.transform import raw_sources
from kho.transform.project import BATCHES, TransformError, read, run_aside

SCHEMA = "scratch"
_STAGING, _WAREHOUSE, _UNIONS = "models/staging/", "models/warehouse/", "models/warehouse/unions/"
_LATER = ("models/warehouse/movements/", "models/warehouse/kept/")  # they count, and keep from night to night


@dataclass(frozen=True)
class Model:
    """A model that reads a source, directly or through a union of sources. `columns`: name and type, as its YAML has them."""

    name: str
    path: str  # below dbt_project, as the next
    described_in: str
    columns: dict[str, str]

    @property
    def is_staging(self) -> bool:
        return self.path.startswith(_STAGING)

    @property
    def is_union(self) -> bool:
        return self.path.startswith(_UNIONS)


@dataclass(frozen=True)
class Plan:
    """The models that are built to be looked at; by name they, their tests, and all that they are made of."""

    models: tuple[Model, ...]
    made: tuple[str, ...]
    raw: tuple[str, ...]  # tables of raw rows that are read


def plan(settings: Settings, contract: Contract) -> Plan:
    """What reads the rows of a contract. Raises `TransformError` when dbt can't read the project, or nothing reads them."""
    manifest = read(settings)
    manifest.build_parent_and_child_maps()
    chosen = _readers(manifest, contract)
    if not chosen:
        model = settings.staging / contract.system / f"stg_{contract.raw_table}.sql"
        raise TransformError(f"no model reads {contract.name}: write {settings.shown(model)}")
    needed = _with_parents(manifest, chosen)
    tests = [
        node.name
        for node in (*manifest.nodes.values(), *manifest.unit_tests.values())
        if node.resource_type in ("test", "unit_test")
        and (getattr(node, "attached_node", None) or node.depends_on.nodes[0]) in chosen
        and needed.issuperset(node.depends_on.nodes)
    ]
    models = tuple(_model(manifest.nodes[each]) for each in chosen)
    made = [
        (manifest.nodes | manifest.functions)[each].name for each in needed if each not in manifest.sources
    ]
    rows = {
        source.name for each in needed if (source := manifest.sources.get(each)) and source.schema == "raw"
    } | {contract.raw_table}
    return Plan(models, tuple(sorted([*made, *tests])), tuple(sorted(rows)))


def _model(node: Any) -> Model:
    types = {
        name: column.data_type or ""
        for name, column in node.columns.items()
        if not name.startswith("_")  # what staging adds to every row
    }
    path = node.original_file_path
    described_in = (node.patch_path or "").partition("://")[2] or f"{path.removesuffix('.sql')}.yml"
    return Model(node.name, path, described_in, types)


def _readers(manifest: Any, contract: Contract) -> list[str]:
    """The models that read a source, and what reads these: on through staging models and unions, and no further.

    One that has a staging model's name is meant to read it, whatever a slip makes of that.
    """
    own = f"model.kho.stg_{contract.raw_table}"
    found = [own] if own in manifest.nodes else []
    ahead = [f"source.kho.raw.{contract.raw_table}", *found]
    while ahead:
        for child in manifest.child_map.get(ahead.pop(0), ()):
            node = manifest.nodes.get(child)
            if node is None or node.resource_type != "model" or child in found:
                continue
            path = node.original_file_path
            if path.startswith((_STAGING, _WAREHOUSE)) and not path.startswith(_LATER):
                found.append(child)
                if path.startswith((_STAGING, _UNIONS)):
                    ahead.append(child)
    return found


def _with_parents(manifest: Any, chosen: list[str]) -> set[str]:
    needed: set[str] = set()
    ahead = list(chosen)
    while ahead:
        each = ahead.pop()
        if each not in needed:
            needed.add(each)
            ahead += manifest.parent_map.get(each, ())
    return needed


@contextmanager
def scratch(settings: Settings, contract: Contract, planned: Plan) -> Iterator[psycopg.Connection]:
    """The schema, with empty tables of the raw rows that are read; it goes in the end. One process has it at a time."""
    known = samples(settings) | contracts(settings) | {contract.name: contract}
    tables = {raw_sources.table_name(name): each for name, each in known.items()}
    with connect(settings, "kho_transformer", autocommit=True) as connection:
        locks.hold(connection, SCHEMA)
        _drop(connection)  # of one that was killed
        try:
            connection.execute(SQL("create schema {}").format(Identifier(SCHEMA)))
            for name in planned.raw:
                if name in tables:
                    connection.execute(raw.created(tables[name], SCHEMA))
            connection.execute(
                SQL("create table {} (like {})").format(
                    Identifier(SCHEMA, BATCHES), Identifier("ledger", BATCHES)
                )
            )
            yield connection
        finally:
            _drop(connection)


def _drop(connection: psycopg.Connection) -> None:
    connection.execute(SQL("drop schema if exists {} cascade").format(Identifier(SCHEMA)))


def take_rows(
    connection: psycopg.Connection, loader: psycopg.Connection, contract: Contract, name: str, day: date
) -> None:
    """Copy the raw rows of a dry run, which `loader` sees, into the schema: as the one batch of the build."""
    columns = SQL(", ").join(
        map(Identifier, ["_batch_id", "_row_number", "_key", *(column.name for column in contract.stored)])
    )
    given = SQL("copy (select {} from {} where _batch_id = {}) to stdout (format binary)").format(
        columns, raw.table(contract), BATCH
    )
    taken = SQL("copy {} ({}) from stdin (format binary)").format(
        Identifier(SCHEMA, contract.raw_table), columns
    )
    with loader.cursor().copy(given) as source, connection.cursor().copy(taken) as sink:
        for data in source:
            sink.write(data)
    connection.execute(SQL("analyze {}").format(Identifier(SCHEMA, contract.raw_table)))
    connection.execute(
        SQL(
            "insert into {} (batch_id, contract, business_date, arrival_id, list_unit, is_in_force, is_touched)"
            " values (%s, %s, %s, %s, %s, true, true)"
        ).format(Identifier(SCHEMA, BATCHES)),
        [BATCH, contract.name, day, BATCH, contract.unit_of(name)],
    )


def build(settings: Settings, planned: Plan) -> Any:
    """Build and test what is planned; gives dbt's results. Raises `TransformError` if it can't start."""
    arguments = ["build", "--full-refresh", "--indirect-selection", "empty", "--select", *planned.made]
    return run_aside(settings, arguments, SCHEMA)
