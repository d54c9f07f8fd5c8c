"""One dbt invocation per layer, its per-model record in the ledger."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import psycopg

from kho.contract import drafts, samples, unusable
from kho.database import connect
from kho.ledger import builds, releases
from kho.load import known, raw
from kho.settings import Settings
from kho.transform import raw_sources
from kho.transform.project import TransformError, run

Layer = Literal["staging", "warehouse", "marts"]
log = logging.getLogger(__name__)

#: what a delivery can change
_DELIVERED = "source:*+"


@dataclass(frozen=True)
class _Build:
    build_id: int
    is_full_refresh: bool
    release_schema: str | None
    touched: list[str]  # contracts


class Made(NamedTuple):
    """A model or seed that was built: its id and those that it reads, as dbt has them, and why it failed, if it did."""

    node: str
    parents: tuple[str, ...]
    failure: str | None


def build(settings: Settings, layer: Layer, tell: Callable[[list[Made]], None] = lambda made: None) -> None:
    """Build a layer for the newest build of the ledger; marts go to the schema of its candidate release.

    `tell` hears of what was built, before what failed is raised.

    Views, functions, and what is made of seeds alone, are made in a full refresh only: all that decides them is part of the
    models' fingerprint. A fact that no batch touched stays as it is.
    The data tests that dbt_project.yml calls nightly run as soon as what they read is built; nothing is built on what fails.
    Raises `TransformError` that names the failing models and tests; what succeeded stays, and the layer may be built again.
    """
    now = _newest_build(settings)
    models, tests = [f"path:models/{layer},resource_type:model"], f"fqn:kho.{layer},tag:nightly"
    if layer == "warehouse" and not now.is_full_refresh:
        made = [(_DELIVERED, "table"), (_DELIVERED, "kept")]
        made += [
            (f"source:raw.{raw_sources.table_name(contract)}+", kind)
            for contract in now.touched
            for kind in ("entries", "fact")
        ]
        models = [f"{source},{models[0]},config.materialized:{kind}" for source, kind in made]
        tests = f"{_DELIVERED},{tests}"
    arguments = ["build", "--indirect-selection", "empty", "--resource-type", "model", "test"]
    if layer == "staging":
        _ensure_raw_tables(settings)
        if not now.is_full_refresh:
            return
        arguments += ["--resource-type", "seed", "--select", "resource_type:seed", *models, tests]
        if waiting := _not_built(settings):
            arguments += ["--exclude", *(f"source:raw.{raw_sources.table_name(name)}+1" for name in waiting)]
    else:
        arguments += ["--select", *models, tests]
    if layer == "marts" and not now.release_schema:
        raise TransformError(
            f"build {now.build_id} has no candidate release: open one before building the marts"
        )
    if layer == "warehouse" and now.is_full_refresh:
        arguments += ["resource_type:function", "--resource-type", "function"]
    if now.is_full_refresh:
        arguments.append("--full-refresh")
    results = run(settings, arguments, release_schema=now.release_schema)
    tell(
        [
            Made(
                each.node.unique_id,
                tuple(each.node.depends_on.nodes) if each.node.resource_type == "model" else (),
                None if each.status == "success" else _message(each) or str(each.status),
            )
            for each in results
            if each.node.resource_type in ("model", "seed") and each.status != "skipped"
        ]
    )
    _record(settings, now.build_id, layer, results)


def _not_built(settings: Settings) -> list[str]:
    """Contracts whose staging models are not built: drafts, and those that never could be used and have no table."""
    with connect(settings, "kho_loader") as connection:
        there = raw.tables(connection)
    return drafts(settings) + [
        name for name in unusable(settings) if raw_sources.table_name(name) not in there
    ]


def _newest_build(settings: Settings) -> _Build:
    with connect(settings, "kho_transformer") as connection:
        now = builds.newest(connection)
        release = now and releases.of_build(connection, now.build_id)
        touched = builds.touched(connection)
    if not now:
        raise TransformError("there is no build yet: open one before building a layer")
    is_candidate = release and release.state == "candidate"
    release_schema = release.schema_name if is_candidate else None
    return _Build(now.build_id, now.is_full_refresh, release_schema, touched)


def _ensure_raw_tables(settings: Settings) -> None:
    # A source that never delivered has a table too: its staging view is empty.
    with connect(settings, "kho_loader", autocommit=True) as connection:
        used = [each.contract for each in known(settings, connection) if each.contract and not each.problem]
        for contract in (*used, *samples(settings).values()):
            try:
                with connection.transaction():
                    raw.ensure(connection, settings, contract)
            except (
                psycopg.Error
            ):  # its own load has failed by it; if its models can't do without, dbt says so
                log.exception("%s: its raw table could not be brought up to date", contract.name)


def _record(settings: Settings, build_id: int, layer: Layer, results: Any) -> None:
    with connect(settings, "kho_operator") as connection:
        builds.record_models(
            connection,
            build_id,
            layer,
            (
                (
                    result.node.name,
                    str(result.status),
                    result.failures if _is_test(result) else result.adapter_response.get("rows_affected"),
                    result.execution_time,
                    _message(result),
                )
                for result in results
            ),
        )
    failed = [result for result in results if result.status in ("error", "fail", "runtime error")]
    if failed:
        reasons = "; ".join(f"{result.node.name}: {_message(result) or 'no message'}" for result in failed)
        raise TransformError(f"{layer} could not be built: {reasons}")


def _is_test(result: Any) -> bool:
    return result.node.resource_type == "test"


def _message(result: Any) -> str | None:
    """What dbt says; of a test that fails, where the rows are, what to do and the query that shows them."""
    if not _is_test(result) or result.status != "fail":
        return result.message and " ".join(result.message.split())
    tables = ", ".join(dict.fromkeys(name.rpartition(".")[2] for name in result.node.depends_on.nodes))
    code = (line for line in result.node.compiled_code.splitlines() if not line.strip().startswith("--"))
    return (
        f"{result.failures} rows of {tables} are wrong: mend the seeds or exports that they come from. "
        f"`kho psql` shows them: {' '.join(' '.join(code).split())}"
    )
