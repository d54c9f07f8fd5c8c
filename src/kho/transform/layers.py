"""One dbt invocation per layer, its per-model record in the ledger."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from psycopg.conninfo import conninfo_to_dict

from kho.contract import contracts, drafts
from kho.database import SESSION, connect
from kho.load import raw
from kho.settings import Settings
from kho.transform import sources

Layer = Literal["staging", "warehouse", "marts"]


class TransformError(Exception):
    """A layer that could not be built: which models failed, and why."""


@dataclass(frozen=True)
class _Build:
    build_id: int
    is_full_refresh: bool
    release_schema: str | None


def build(settings: Settings, layer: Layer) -> None:
    """Build a layer for the newest build of the ledger; marts go to the schema of its candidate release.

    Raises `TransformError` that names the failing models; what succeeded stays, and the layer may be built again.
    """
    now = _newest_build(settings)
    arguments = ["build", "--resource-type", "model"]
    if layer == "staging":
        _ensure_raw_tables(settings)
        if now.is_full_refresh:  # seeds are part of the models' fingerprint
            arguments += ["--resource-type", "seed", "--select", "resource_type:seed", "path:models/staging"]
        else:
            arguments += ["--select", "path:models/staging"]
    else:
        arguments += ["--select", f"path:models/{layer}"]
    if layer == "staging" and (waiting := drafts(settings)):
        arguments += ["--exclude", *(f"source:raw.{sources.table_name(name)}+1" for name in waiting)]
    if layer == "marts" and not now.release_schema:
        raise TransformError(
            f"build {now.build_id} has no candidate release: open one before building the marts"
        )
    if now.is_full_refresh:
        arguments.append("--full-refresh")
    _record(settings, now.build_id, layer, run(settings, arguments, release_schema=now.release_schema))


def run(settings: Settings, arguments: list[str], *, release_schema: str | None = None) -> Any:
    """Run dbt in this process as kho_transformer; gives what the command results in, a list of its nodes' results.

    Raises `TransformError` if it can't start. Nodes that fail are in the results.
    """
    from dbt.cli.main import dbtRunner

    project = settings.project / "dbt_project"
    home = settings.home / "dbt"
    # Marts change their schema every night: a folder of their own keeps the other layers' parse reusable.
    target = home / ("marts" if release_schema else "warehouse")
    options = [
        "--project-dir", str(project), "--profiles-dir", str(project),
        "--target-path", str(target), "--log-path", str(home / "logs"),
        "--quiet", "--log-level-file", "info",
    ]  # fmt: skip
    variables = _variables(settings, release_schema) | {"KHO_DBT_SOURCES": str(sources.write(settings))}
    with _environment(variables):
        outcome = dbtRunner().invoke([*arguments, *options])
    if outcome.exception:
        raise TransformError(f"dbt could not run: {outcome.exception}") from outcome.exception
    return outcome.result


def _newest_build(settings: Settings) -> _Build:
    with connect(settings, "kho_transformer") as connection:
        row = connection.execute(
            """
            select build_id, is_full_refresh,
              (select max(r.schema_name) from ledger.release r where r.build_id = b.build_id and r.state = 'candidate')
            from ledger.build b order by build_id desc limit 1
            """
        ).fetchone()
    if not row:
        raise TransformError("there is no build yet: open one before building a layer")
    return _Build(*row)


def _ensure_raw_tables(settings: Settings) -> None:
    # A source that never delivered has a table too: its staging view is empty.
    for contract in contracts(settings).values():
        with connect(settings, "kho_loader") as connection:
            raw.ensure(connection, settings, contract)


def _record(settings: Settings, build_id: int, layer: Layer, results: Any) -> None:
    with connect(settings, "kho_owner") as connection, connection.cursor() as cursor:
        cursor.executemany(
            "insert into ledger.model_run (build_id, layer, model, status, rows_affected, seconds, message)"
            " values (%s, %s, %s, %s, %s, %s, %s)",
            [
                (
                    build_id,
                    layer,
                    result.node.name,
                    str(result.status),
                    result.adapter_response.get("rows_affected"),
                    result.execution_time,
                    result.message,
                )
                for result in results
            ],
        )
    failed = [result for result in results if result.status in ("error", "fail", "runtime error")]
    if failed:
        reasons = "; ".join(f"{result.node.name}: {_one_line(result.message)}" for result in failed)
        raise TransformError(f"{layer} could not be built: {reasons}")


def _one_line(message: str | None) -> str:
    return " ".join((message or "no message").split())


def _variables(settings: Settings, release_schema: str | None) -> dict[str, str]:
    address = conninfo_to_dict(settings.role_url("kho_transformer"))
    variables = {
        "KHO_DBT_HOST": str(address.get("host", "localhost")),
        "KHO_DBT_PORT": str(address.get("port", 5432)),
        "KHO_DBT_USER": str(address["user"]),
        "DBT_ENV_SECRET_KHO_PASSWORD": str(address["password"]),
        "KHO_DBT_DBNAME": str(address["dbname"]),
        "KHO_DBT_SSLMODE": str(address.get("sslmode", "prefer")),
        "PGOPTIONS": SESSION,
    }
    if release_schema:
        variables["KHO_RELEASE_SCHEMA"] = release_schema
    return variables


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
