"""The models of a source, built aside of a file of it: whether they are right can be seen without a night."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier

from kho.contract import Contract, read_contract
from kho.contract.schedule import yesterday
from kho.database import connect
from kho.fetch import FetchFailed, connections, listing
from kho.settings import Settings
from kho.source import trial
from kho.source.overview import find
from kho.source.step import Finding, Step
from kho.transform import faults, scratch
from kho.transform.assembly import written
from kho.transform.scratch import Model, Plan

ROWS = 3  # of a model that are shown
_SUCCESS = ("success", "pass")


@dataclass(frozen=True)
class Shown:
    """Some rows of a model, and the columns that are empty in every row."""

    model: str
    count: int
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    empty: tuple[str, ...]


def build(
    settings: Settings, name: str, file: Path | None = None, day: date | None = None
) -> Iterator[Step | Shown]:
    """Load a file of a source as a dry run, and build the models around it in a schema of its own, which goes in the end.

    `name`, `file` and `day` are as `check` has them. Raises `UnknownSource`, `ContractError`, `TransformError`, and
    `NothingToTry` or `FetchFailed` where there is no file.
    """
    contract = read_contract(find(settings, name))
    planned = scratch.plan(settings, contract)
    with scratch.scratch(settings, contract, planned) as connection:
        rows = _rows(settings, contract, connection, file, day)
        yield rows
        if rows.is_wrong:
            yield Step("Models", (Finding("told", "not built: there are no rows"),))
            return
        results = list(scratch.build(settings, planned) or ())
        yield Step("Models", tuple(_models(settings, connection, planned, results)))
        yield Step("Tests", tuple(_tests(settings, results)))
        built = {result.node.name for result in results if result.status in _SUCCESS}
        for model in planned.models:
            if model.name in built and not model.is_union:  # it repeats its parts
                yield from _shown(connection, model)


def _rows(
    settings: Settings,
    contract: Contract,
    connection: psycopg.Connection,
    file: Path | None,
    day: date | None,
) -> Step:
    with connect(settings, "kho_auditor", autocommit=True) as ledger:
        offered = [] if file else _offered(settings, contract, day)
        with trial.file_to_try(settings, ledger, contract, offered, file, day) as found:

            def take(loader: psycopg.Connection) -> None:
                scratch.take_rows(connection, loader, contract, found.name, found.day)

            tried = trial.try_out(settings, contract, found, take)
            return Step("Rows", tuple(trial.findings(ledger, contract, found, tried)))


def _offered(settings: Settings, contract: Contract, day: date | None) -> list[Any]:
    """What is at the source; nothing where it can't be reached: the archive may have a delivery."""
    try:
        return listing(
            settings, contract, day or yesterday(), connections(settings).get(contract.server.connection)
        )
    except (FetchFailed, ValueError):
        return []


def _models(
    settings: Settings, connection: psycopg.Connection, planned: Plan, results: list[Any]
) -> Iterator[Finding]:
    for result in results:
        node = result.node
        if node.resource_type in ("model", "seed", "function") and result.status in (
            "error",
            "runtime error",
        ):
            yield _fault(settings, node, result.message)
    status = {result.node.name: result.status for result in results}
    for model in planned.models:
        if status.get(model.name) in _SUCCESS:
            yield from _looked_at(settings, connection, model)
        elif status.get(model.name, "skipped") == "skipped":
            yield Finding("told", f"{model.name}: not built, since what it reads is wrong")


def _looked_at(settings: Settings, connection: psycopg.Connection, model: Model) -> Iterator[Finding]:
    try:
        count = _count(connection, model.name)
    except psycopg.Error as error:  # a view is made before anybody reads it
        yield Finding(
            "wrong",
            f"{model.name}: its rows can't be read: {str(error).splitlines()[0]}",
            (f"see {settings.shown(written(settings, model.path))}",),
        )
        return
    yield Finding("fine", f"{model.name}: {count:,} rows")
    if not model.is_staging:  # dbt holds the others to what is described
        return
    made = _columns(connection, model.name)
    described = settings.shown(written(settings, model.described_in))
    if lacking := [column for column in made if column not in model.columns]:
        yield Finding(
            "told", f"{model.name}: {', '.join(lacking)} are not described: add lines to {described}"
        )
    for column, type_ in model.columns.items():
        if column not in made:
            yield Finding("wrong", f"{model.name} lacks {column}, which {described} describes")
        elif made[column] != type_:
            yield Finding(
                "wrong",
                f"{model.name}.{column} is {made[column]}, and described as {type_ or 'nothing'}: "
                f"cast it (`::{type_ or 'text'}`), or mend data_type in {described}",
            )


def _tests(settings: Settings, results: list[Any]) -> Iterator[Finding]:
    tests = [each for each in results if each.node.resource_type in ("test", "unit_test")]
    passed = [each for each in tests if each.status in _SUCCESS]
    of_units = sum(each.node.resource_type == "unit_test" for each in passed)
    yield Finding("fine", f"{len(passed) - of_units} data tests and {of_units} unit tests passed")
    for each in tests:
        if each.status == "skipped":
            yield Finding("told", f"{each.node.name}: not run, since what it tests is wrong")
        elif each not in passed:
            yield _fault(settings, each.node, each.message)


def _fault(settings: Settings, node: Any, message: str | None) -> Finding:
    fault = faults.fault(settings, node, message or "no message")
    return Finding("wrong", f"{fault.place}: {fault.text}", fault.details)


def _shown(connection: psycopg.Connection, model: Model) -> Iterator[Shown]:
    """The model's rows, without the columns that staging adds to every row."""
    names = list(_columns(connection, model.name))
    table = Identifier(scratch.SCHEMA, model.name)
    try:
        count = _count(connection, model.name)
        filled = connection.execute(
            SQL("select {} from {}").format(
                SQL(", ").join(SQL("count({})").format(Identifier(name)) for name in names), table
            )
        ).fetchone()
        assert filled
        some = [name for name, number in zip(names, filled, strict=True) if number]
        rows = (
            connection.execute(
                SQL("select {} from {} order by 1 limit {}").format(
                    SQL(", ").join(map(Identifier, some)), table, ROWS
                )
            ).fetchall()
            if some
            else []
        )
    except psycopg.Error:  # told where it was counted
        return
    empty = [name for name in names if name not in some]
    if count:
        yield Shown(model.name, count, tuple(some), tuple(rows), tuple(empty))


def _count(connection: psycopg.Connection, model: str) -> int:
    row = connection.execute(
        SQL("select count(*) from {}").format(Identifier(scratch.SCHEMA, model))
    ).fetchone()
    assert row
    return row[0]


def _columns(connection: psycopg.Connection, model: str) -> dict[str, str]:
    """Name and type of the columns of a model that is built, without those that staging adds to every row."""
    found = connection.execute(
        "select attname, replace(format_type(atttypid, null), 'timestamp with time zone', 'timestamptz') from pg_attribute"
        " where attrelid = %s::regclass and attnum > 0 and not attisdropped and attname not like '\\_%%' order by attnum",
        [f"{scratch.SCHEMA}.{model}"],
    )
    return dict(found.fetchall())
