"""The dbt project: read once, run as often as there is something to build."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from psycopg.conninfo import conninfo_to_dict

from kho.database import SESSION
from kho.ledger import locks
from kho.settings import Settings
from kho.transform.assembly import TransformError, assemble

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

#: what the profile asks for, where nothing is connected to
_NO_SERVER = {
    "KHO_DBT_HOST": "localhost",
    "KHO_DBT_PORT": "1",
    "KHO_DBT_DBNAME": "none",
    "DBT_ENV_SECRET_KHO_PASSWORD": "none",
}
BATCHES = "build_input"  # the view of the ledger that names the batches of a build
_MARTS = "release"  # the schema of marts as the project names it, whatever release they are built for
_KEPT_SECONDS = 24 * 3600  # what another has taken the place of
_ASKED = re.compile(rb"env_var\(\s*['\"](\w+)")


def run(settings: Settings, arguments: list[str], *, release_schema: str | None = None) -> Any:
    """Run dbt in this process as kho_transformer; gives what the command results in, a list of its nodes' results.

    Marts are those of `release_schema`. Raises `TransformError` if it can't start. Nodes that fail are in the results.
    """
    schemas = {_MARTS: release_schema or _MARTS}
    target = settings.home / "dbt" / "target"
    return _run(settings, arguments, target, lambda node: schemas.get(node.schema, node.schema))


def run_aside(settings: Settings, arguments: list[str], schema: str) -> Any:
    """The same with all that is made in one schema; there stand the raw rows, and the batches of the build, that are read."""
    with TemporaryDirectory() as target:
        return _run(
            settings, arguments, Path(target), lambda node: node.schema if _is_of_ledger(node) else schema
        )


def _is_of_ledger(node: Any) -> bool:
    return node.schema == "ledger" and node.name != BATCHES


def _run(settings: Settings, arguments: list[str], target: Path, schema_of: Callable[[Any], str]) -> Any:
    variables = _variables(settings)
    manifest = _kept(settings)
    _aim(manifest, variables["KHO_DBT_DBNAME"], schema_of)
    application = variables["KHO_DBT_APPLICATION"]
    with locks.Watch(lambda: settings.role_url("kho_transformer"), application=application) as watch:
        results = _invoke(settings, arguments, target, variables, manifest)
    for result in results or ():
        if "lock timeout" in (getattr(result, "message", None) or ""):
            result.message += f" {locks.remedy(watch.holders)}"
    return results


def read(settings: Settings, *, is_compiled: bool = False) -> Manifest:
    """The project as dbt reads it, with the SQL of every model if asked for. It needs no server and disturbs no build.

    It is read anew only if something that it is made of changed. Raises `TransformError` if dbt can't make sense of it.
    """
    manifest = _kept(settings)
    manifest.build_flat_graph()
    if is_compiled:
        # As in a full refresh: what is incremental would ask the server.
        options = ["--no-introspect", "--no-populate-cache", "--full-refresh", "--select", "path:models"]
        with TemporaryDirectory() as folder:
            _invoke(settings, ["compile", *options], Path(folder), _NO_SERVER, manifest)
    return manifest


def fingerprint(settings: Settings) -> str:
    """What changes when anything does that the project is made of."""
    return _fingerprint(assemble(settings))


def docs(settings: Settings) -> str:
    """dbt's own page of the project, with all that it needs; it asks no server. Marts are in the schema `marts`."""
    from argparse import Namespace

    from dbt.flags import set_from_args

    manifest = _kept(settings)
    _aim(
        manifest, settings.warehouse_database, lambda node: "marts" if node.schema == _MARTS else node.schema
    )
    # dbt only writes the manifest of a run that connects. Whoever opens the page is not counted.
    set_from_args(Namespace(send_anonymous_usage_stats=False, warn_error=None, warn_error_options=None), None)
    with TemporaryDirectory() as folder:
        manifest.write(str(Path(folder, "manifest.json")))
        _invoke(
            settings,
            ["docs", "generate", "--static", "--no-compile", "--empty-catalog"],
            Path(folder),
            _NO_SERVER,
            manifest,
        )
        return Path(folder, "static_index.html").read_text(encoding="utf-8")


def _kept(settings: Settings) -> Manifest:
    """The manifest that the home keeps under the fingerprint of what it was read from, without its flat graph.

    That is what macros see of other models: it is not packed, costs more than unpacking, and goes by where they are.
    One of the same content is good wherever it was read. Otherwise what changed since the newest one of this project is
    read, and what depends on it; dbt reads all where it must.
    """
    from dbt.contracts.graph.manifest import Manifest
    from dbt.parser.manifest import PARTIAL_PARSE_FILE_NAME

    project = assemble(settings)
    fingerprint = _fingerprint(project)
    name = hashlib.sha256(f"{settings.project} {settings.own}".encode()).hexdigest()[:16]
    path = settings.home / "dbt" / "manifests" / f"{name}.{fingerprint}"
    for known in (path, *path.parent.glob(f"*.{fingerprint}")):
        with suppress(FileNotFoundError):
            packed = known.read_bytes()
            if known != path:
                keep(path, packed)
            return Manifest.from_msgpack(packed)
    with TemporaryDirectory() as target:
        if newest := min(path.parent.glob(f"{name}.*"), key=_age, default=None):
            with suppress(FileNotFoundError):  # another process has cleared up
                shutil.copy(newest, Path(target) / PARTIAL_PARSE_FILE_NAME)
        manifest = _invoke(settings, ["parse", "--partial-parse"], Path(target), _NO_SERVER)
        if not _is_described(manifest):
            manifest = _invoke(settings, ["parse", "--no-partial-parse"], Path(target), _NO_SERVER)
    manifest.flat_graph = {}  # dbt made it; whoever needs it makes it again
    # Read while somebody wrote, it may be neither what was there nor what is.
    if _fingerprint(project) == fingerprint:
        keep(path, manifest.to_msgpack())
    return manifest


def _is_described(manifest: Manifest) -> bool:
    """Whether all that stands in a schema file has what is said of it there.

    Read in part, what comes after the file that describes it has no columns and no tests: dbt reads that file only if it
    changed too.
    """
    described = {
        (file.project_name, kind, each["name"])
        for file in manifest.files.values()
        for kind in ("models", "seeds", "snapshots", "macros")
        for each in (getattr(file, "dict_from_yaml", None) or {}).get(kind, ())
    }
    return not any(
        node.patch_path is None and (node.package_name, f"{node.resource_type}s", node.name) in described
        for node in chain(manifest.nodes.values(), manifest.macros.values())
        if hasattr(node, "patch_path")
    )


def keep(path: Path, packed: bytes) -> None:
    """Write what was made of the project, whole or not at all; what its folder has of before goes after a day."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_bytes(packed)
    draft.replace(path)
    for old in path.parent.iterdir():
        if _age(old) > _KEPT_SECONDS:
            old.unlink(missing_ok=True)


def _age(path: Path) -> float:
    """For how many seconds a file has been there; for ever, if another process took it away."""
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return float("inf")


def _fingerprint(project: Path) -> str:
    """sha256 over all that dbt reads: itself, the files of the folder, variables that one asks for."""
    digest = hashlib.sha256(f"{version('dbt-core')} {version('dbt-postgres')}\0".encode())
    asked = set()
    for folder, _, names in sorted(os.walk(project, followlinks=True)):
        for name in sorted(name for name in names if not name.startswith(".")):
            path = Path(folder, name)
            body = path.read_bytes()
            asked.update(asked_for.decode() for asked_for in _ASKED.findall(body))
            digest.update(f"{path.relative_to(project)}\0".encode())
            digest.update(hashlib.sha256(body).digest())
    for name in sorted(asked):
        digest.update(f"{name}={os.environ.get(name)}\0".encode())
    return digest.hexdigest()


def _aim(manifest: Manifest, database: str, schema_of: Callable[[Any], str]) -> None:
    """Name the relations of a manifest, which was read for no server, as they are in this database and its schemas."""
    for node in chain(manifest.nodes.values(), manifest.sources.values(), manifest.functions.values()):
        schema = schema_of(node)
        if node.relation_name:
            _, _, name = node.relation_name.rpartition(".")
            node.relation_name = f'"{database}"."{schema}".{name}'
        node.database, node.schema = database, schema
    manifest.build_flat_graph()


def _invoke(
    settings: Settings,
    arguments: list[str],
    target: Path,
    variables: dict[str, str],
    manifest: Manifest | None = None,
) -> Any:
    from dbt.adapters.base import impl
    from dbt.cli.main import dbtRunner

    # An adapter adds its flags to this list of its base, and every run of a process makes an adapter.
    flags = impl.DEFAULT_BASE_BEHAVIOR_FLAGS
    flags[:] = {flag["name"]: flag for flag in flags}.values()
    project = settings.home / "dbt" / "project"
    # Without its log: it words every line of its debugging before it drops them. The ledger tells what became of each model.
    options = [
        "--project-dir", str(project), "--profiles-dir", str(project),
        "--target-path", str(target), "--log-path", str(settings.home / "dbt" / "logs"),
        "--log-level", "none", "--log-level-file", "none", "--no-write-json",
    ]  # fmt: skip
    with _environment(variables):
        outcome = dbtRunner(manifest=manifest).invoke([*arguments, *options])
    if outcome.exception:
        raise TransformError(f"dbt could not run: {outcome.exception}") from outcome.exception
    return outcome.result


def _variables(settings: Settings) -> dict[str, str]:
    address = conninfo_to_dict(settings.role_url("kho_transformer"))
    return {
        "KHO_DBT_HOST": str(address.get("host", "localhost")),
        "KHO_DBT_PORT": str(address.get("port", 5432)),
        "KHO_DBT_USER": str(address["user"]),
        "DBT_ENV_SECRET_KHO_PASSWORD": str(address["password"]),
        "KHO_DBT_DBNAME": str(address["dbname"]),
        "KHO_DBT_SSLMODE": str(address.get("sslmode", "prefer")),
        "KHO_DBT_SSLROOTCERT": str(address.get("sslrootcert", "")),
        "KHO_DBT_APPLICATION": f"kho dbt {os.getpid()}",
        "PGOPTIONS": SESSION,
    }


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
