"""One dbt invocation per layer, its per-model record in the ledger."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

from psycopg.conninfo import conninfo_to_dict

from kho.contract import contracts, drafts
from kho.database import SESSION, connect
from kho.load import raw
from kho.settings import Settings
from kho.transform import sources

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

Layer = Literal["staging", "warehouse", "marts"]
#: what the profile asks for, where nothing is connected to
_NO_SERVER = {
    "KHO_DBT_HOST": "localhost",
    "KHO_DBT_PORT": "1",
    "KHO_DBT_DBNAME": "none",
    "DBT_ENV_SECRET_KHO_PASSWORD": "none",
}


class TransformError(Exception):
    """A layer that could not be built: which models failed, and why."""


@dataclass(frozen=True)
class _Build:
    build_id: int
    is_full_refresh: bool
    release_schema: str | None


def build(settings: Settings, layer: Layer) -> None:
    """Build a layer for the newest build of the ledger; marts go to the schema of its candidate release.

    Views of staging and unions are made in a full refresh only: what they are made of is part of the models' fingerprint.
    Raises `TransformError` that names the failing models; what succeeded stays, and the layer may be built again.
    """
    now = _newest_build(settings)
    arguments = ["build", "--resource-type", "model"]
    if layer == "staging":
        _ensure_raw_tables(settings)
        if not now.is_full_refresh:
            return
        arguments += ["--resource-type", "seed", "--select", "resource_type:seed", "path:models/staging"]
        if waiting := drafts(settings):
            arguments += ["--exclude", *(f"source:raw.{sources.table_name(name)}+1" for name in waiting)]
    else:
        arguments += ["--select", f"path:models/{layer}"]
    if layer == "warehouse" and not now.is_full_refresh:
        arguments += ["--exclude", "path:models/warehouse/unions"]
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
    # Marts change their schema every night: a folder of their own keeps the other layers' parse reusable.
    target = settings.home / "dbt" / ("marts" if release_schema else "warehouse")
    return _invoke(settings, arguments, target, _variables(settings, release_schema))


def read(settings: Settings, *, is_compiled: bool = False) -> Manifest:
    """The project as dbt reads it, with the SQL of every model if asked for. It needs no server and disturbs no build.

    Raises `TransformError` if dbt can't make sense of it.
    """
    with TemporaryDirectory() as folder:
        manifest = _invoke(settings, ["parse"], Path(folder), _NO_SERVER)
        if is_compiled:
            # As in a full refresh: what is incremental would ask the server.
            options = ["--no-introspect", "--no-populate-cache", "--full-refresh", "--select", "path:models"]
            _invoke(settings, ["compile", *options], Path(folder), _NO_SERVER, manifest)
    return manifest


def _invoke(
    settings: Settings,
    arguments: list[str],
    target: Path,
    variables: dict[str, str],
    manifest: Manifest | None = None,
) -> Any:
    from dbt.cli.main import dbtRunner

    project = settings.project / "dbt_project"
    options = [
        "--project-dir", str(project), "--profiles-dir", str(project),
        "--target-path", str(target), "--log-path", str(settings.home / "dbt" / "logs"),
        "--log-level", "none", "--log-level-file", "info", "--no-write-json",
    ]  # fmt: skip
    with _environment(variables | {"KHO_DBT_SOURCES": str(sources.write(settings))}):
        outcome = dbtRunner(manifest=manifest).invoke([*arguments, *options])
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
