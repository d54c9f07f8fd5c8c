"""Facts follow what was delivered, held, withdrawn and corrected, in whatever order, as if built from scratch."""

from __future__ import annotations

from datetime import date
from random import Random

import pytest
from dbt.contracts.results import RunResult
from psycopg import sql

from kho import transform
from kho.database import connect
from kho.settings import Settings
from kho.transform import builds
from kho.transform.project import run
from kho_sample.export import Export
from tests.integration import nights
from tests.owner import as_owner

END = date(2021, 6, 30)
FACT = "fct_broadcast_programme"


def contents(settings: Settings) -> dict[str, list[str]]:
    """Every table of the warehouse as its sorted rows; of entries and kept rows those that the last build has."""
    with connect(settings, "kho_transformer") as connection:
        tables = [
            name
            for (name,) in connection.execute(
                "select table_name from information_schema.tables"
                " where table_schema = 'warehouse' and table_type = 'BASE TABLE'"
            )
        ]
        return {
            table: [
                row
                for (row,) in connection.execute(
                    sql.SQL(
                        "select (row - '{{from_build,to_build,from_release,to_release,_is_touched}}'::text[])::text"
                        " from (select to_jsonb(t) as row from {} t) as t"
                        " where coalesce(row ->> 'to_build', row ->> 'to_release') is null and coalesce(row ->> '_is_in_force', 'true') = 'true' order by 1"
                    ).format(sql.Identifier("warehouse", table))
                )
            ]
            for table in tables
        }


def corrected(export: Export, random: Random) -> Export:
    """The same delivery again, without some of its rows."""
    lines = export.content.splitlines(keepends=True)
    kept = lines[:1] + [line for line in lines[1:] if random.random() < 0.7]
    return Export(export.system, export.entity, export.name, b"".join(kept), export.arrives)


def dossiers(settings: Settings) -> set[str]:
    with connect(settings, "kho_transformer") as connection:
        return {code for (code,) in connection.execute("select dossier_code from warehouse.fct_dossier")}


def is_of_lines(export: Export) -> bool:
    return nights.contract_of(export) in ("one_stop.dossiers", "documents.deliveries")


def programmes(settings: Settings) -> list[Export]:
    """The exports that the fact is made of."""
    return [
        each
        for each in nights.sample(settings, 0.2, systems=("broadcasting",))
        if each.entity == "programmes"
    ]


def places(settings: Settings) -> dict[str, str]:
    """Where each row of the fact stands: elsewhere when it was written again."""
    with connect(settings, "kho_transformer") as connection:
        found = connection.execute(f"select programme_code, ctid::text from warehouse.{FACT}")  # noqa: S608
        return dict(found.fetchall())


@pytest.mark.parametrize("seed", [2021])
def test_a_full_refresh_gives_the_same_rows_after_any_history(built_warehouse: Settings, seed: int) -> None:
    random, warehouse = Random(seed), built_warehouse
    exports = nights.sample(warehouse, scale=0.02)
    exports += nights.sample(warehouse, 0.05, nights.TIEU_CAN, systems=("idesk", "moffice"))
    daily = [each for each in exports if is_of_lines(each)]
    others = [each for each in exports if not is_of_lines(each)]
    waiting = random.sample(daily, 60) + others
    random.shuffle(waiting)  # late and out of order

    vanished = 0
    for night in range(3):
        share = len(waiting) // (3 - night)
        tonight, waiting = waiting[:share], waiting[share:]
        nights.hand_over(warehouse, tonight)
        for batch_id in nights.batches(warehouse, "pending"):
            nights.decide(warehouse, batch_id, random.choice(["accepted"] * 5 + ["held"]))
        for batch_id in random.sample(nights.batches(warehouse, "accepted"), 12 if night else 0):
            nights.decide(warehouse, batch_id, "withdrawn")
        for batch_id in random.sample(nights.batches(warehouse, "held"), min(night, 2)):
            nights.decide(warehouse, batch_id, "accepted")
        again = [each for each in tonight if is_of_lines(each)]
        nights.hand_over(warehouse, (corrected(each, random) for each in random.sample(again, 3)))
        nights.accept_pending(warehouse)

        before = dossiers(warehouse) if night else set()
        nights.build_warehouse(warehouse, END)
        vanished += len(before - dossiers(warehouse))

    with as_owner(warehouse) as connection:
        flags = connection.execute("select is_full_refresh from ledger.build order by build_id").fetchall()
        assert flags == [(True,), (False,), (False,), (False,)]
        connection.execute("update ledger.build set is_full_refresh = true")
    assert vanished > 0, "some dossiers were withdrawn with their batches"

    step_by_step = contents(warehouse)
    transform.build(warehouse, "warehouse")  # staging is views
    from_scratch = contents(warehouse)
    assert len(step_by_step["fct_dossier"]) > 100
    assert len(step_by_step["fct_procedure_offering"]) > 20
    assert len(step_by_step["fct_document_delivery"]) > 0
    assert len(step_by_step["fct_incoming_document"]) > 0
    assert {table for table in from_scratch if from_scratch[table] != step_by_step[table]} == set()
    assert from_scratch.keys() == step_by_step.keys()


def test_what_fails_is_named_and_may_be_built_again(built_warehouse: Settings) -> None:
    here = built_warehouse
    nights.hand_over(here, programmes(here))
    nights.accept_pending(here)
    builds.open_build(here, END)
    rename = "alter view staging.stg_broadcasting__programmes rename column {} to {}"
    with connect(here, "kho_transformer") as connection:
        connection.execute(rename.format("minute_count", "elsewhere"))
    with pytest.raises(
        transform.TransformError, match=rf"warehouse could not be built: .*{FACT}: .*minute_count"
    ):
        transform.build(here, "warehouse")
    assert not places(here)
    with connect(here, "kho_transformer") as connection:
        connection.execute(rename.format("elsewhere", "minute_count"))
    transform.build(here, "warehouse")
    assert places(here)


def test_only_what_was_touched_is_written_again(built_warehouse: Settings) -> None:
    """And all of it or nothing: a build that fails leaves the fact as it was."""
    warehouse = built_warehouse

    def build(*options: str) -> RunResult:
        builds.open_build(warehouse, END)
        arguments = ["build", "--resource-type", "model", *options]
        (found,) = (each for each in run(warehouse, arguments) if each.node.name == FACT)
        if found.status == "success":
            builds.close_build(warehouse)
        return found

    exports = programmes(warehouse)
    nights.hand_over(warehouse, exports[:-1])
    nights.accept_pending(warehouse)
    build("--select", FACT)
    first = places(warehouse)
    assert len(first) > 5

    untouched = build("--select", FACT)
    assert untouched.adapter_response["rows_affected"] == 0
    assert places(warehouse) == first

    nights.hand_over(warehouse, exports[-1:])
    nights.accept_pending(warehouse)
    with connect(warehouse, "kho_transformer") as connection:
        connection.execute(f"alter table warehouse.{FACT} add check (minute_count < -1) not valid")
    failed = build("--select", FACT)
    assert failed.status == "error" and "violates check constraint" in failed.message
    assert places(warehouse) == first
    with connect(warehouse, "kho_transformer") as connection:
        connection.execute(f"alter table warehouse.{FACT} drop constraint {FACT}_minute_count_check")
        connection.execute(f"alter table warehouse.{FACT} add column more text")
    other = build("--select", FACT)
    assert other.status == "error" and "has more: a full refresh makes the table anew" in other.message
    with connect(warehouse, "kho_transformer") as connection:
        connection.execute(f"alter table warehouse.{FACT} drop column more")

    touched = build("--select", FACT)
    now = places(warehouse)
    written = {code for code in now if now[code] != first.get(code)}
    assert len(written) == touched.adapter_response["rows_affected"] > 0
    assert first.keys() - written


def test_entries_of_other_batches_stay_where_they_are(built_warehouse: Settings) -> None:
    """Those of batches that came are read, those of batches that left go, and a night later none is touched."""
    warehouse = built_warehouse

    def entries() -> dict[int, set[tuple[str, bool, bool]]]:
        """Of each batch, where its rows stand, and what they say."""
        builds.open_build(warehouse, END)
        run(warehouse, ["build", "--resource-type", "model", "--select", "union_document_delivery"])
        builds.close_build(warehouse)
        found: dict[int, set[tuple[str, bool, bool]]] = {}
        with connect(warehouse, "kho_transformer") as connection:
            for batch_id, *row in connection.execute(
                "select _batch_id, ctid::text, _is_in_force, _is_touched from warehouse.union_document_delivery"
            ):
                found.setdefault(batch_id, set()).add(tuple(row))
        return found

    def flags(rows: set[tuple[str, bool, bool]]) -> set[tuple[bool, bool]]:
        return {(is_in_force, is_touched) for _, is_in_force, is_touched in rows}

    exports = [
        each for each in nights.sample(warehouse, 0.05, systems=("documents",)) if each.entity == "deliveries"
    ]
    nights.hand_over(warehouse, exports[:-1])
    nights.accept_pending(warehouse)
    came = entries()
    assert len(came) > 2 and set.union(*map(flags, came.values())) == {(True, True)}, (
        "read by batch, into what is there"
    )

    stay = entries()
    assert stay.keys() == came.keys() and set.union(*map(flags, stay.values())) == {(True, False)}

    nights.hand_over(warehouse, exports[-1:])
    nights.accept_pending(warehouse)
    left = min(came)
    nights.decide(warehouse, left, "withdrawn")
    now = entries()
    (new,) = now.keys() - stay.keys()
    assert flags(now[new]) == {(True, True)} and flags(now[left]) == {(False, True)}
    assert {batch: rows for batch, rows in now.items() if batch not in (new, left)} == {
        batch: rows for batch, rows in stay.items() if batch != left
    }

    after = entries()
    assert after.keys() == now.keys() - {left}
    assert flags(after[new]) == {(True, False)}


def test_marts_need_a_release_to_go_to(warehouse: Settings) -> None:
    with pytest.raises(transform.TransformError, match="no build yet"):
        transform.build(warehouse, "staging")
    builds.open_build(warehouse, END)
    with pytest.raises(transform.TransformError, match="no candidate release"):
        transform.build(warehouse, "marts")
