"""Tables of the warehouse: a night replaces their rows, and views that read them stay; a full refresh makes them anew."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from kho import transform
from kho.database import connect
from kho.ledger import releases
from kho.publish import release
from kho.settings import Settings
from kho.transform import builds
from kho.transform.layers import TransformError
from kho.transform.project import run
from tests.integration import nights
from tests.integration.loading import rows
from tests.projects import copied, of_project

NIGHT = date(2021, 6, 30)


def relations(settings: Settings, schema: str, kind: str) -> dict[str, int]:
    """Tables (r) or views (v) and which they are: one that is made anew is another."""
    found = rows(
        settings,
        f"select relname, oid::bigint from pg_class where relnamespace = '{schema}'::regnamespace and relkind = '{kind}'",  # noqa: S608
    )
    return {each["relname"]: each["oid"] for each in found}


def batches_told(settings: Settings) -> int:
    with connect(settings, "kho_transformer") as connection:
        (count,) = connection.execute("select count(*) from warehouse.fct_batch").fetchone()
        return count


def hand_over_programmes(settings: Settings) -> None:
    hand_over(settings, "broadcasting", "programmes")


def hand_over(settings: Settings, system: str, entity: str) -> None:
    exports = nights.sample(settings, 0.2, systems=(system,))
    nights.hand_over(settings, [each for each in exports if each.entity == entity])
    nights.accept_pending(settings)


def test_a_night_replaces_rows_and_makes_no_relation_anew(built_warehouse: Settings) -> None:
    views, tables = (relations(built_warehouse, "warehouse", kind) for kind in "vr")
    assert len(views) > 20 and len(tables) > 40 and batches_told(built_warehouse) == 0
    hand_over_programmes(built_warehouse)
    nights.build_warehouse(built_warehouse, NIGHT)
    assert relations(built_warehouse, "warehouse", "v") == views
    assert relations(built_warehouse, "warehouse", "r") == tables
    assert batches_told(built_warehouse) == len(nights.batches(built_warehouse, "accepted")) > 0
    made = {
        each["model"] for each in rows(built_warehouse, "select * from ledger.model_run where build_id = 2")
    }
    assert "fct_batch" in made and not made & views.keys()


def test_a_table_of_lists_is_made_again_when_one_came_or_went(built_warehouse: Settings) -> None:
    def written() -> int:
        nights.build_warehouse(built_warehouse, NIGHT)
        (newest,) = rows(
            built_warehouse,
            "select rows_affected from ledger.model_run where model = 'dim_procedure' order by build_id desc limit 1",
        )
        return newest["rows_affected"]

    hand_over(built_warehouse, "one_stop", "procedures")
    there = written()
    assert there > 0
    assert written() == 0
    assert rows(built_warehouse, "select count(*) from warehouse.dim_procedure") == [{"count": there}]
    nights.decide(built_warehouse, nights.batches(built_warehouse, "accepted")[-1], "withdrawn")
    assert written() > 0


def test_rows_that_can_t_be_replaced_leave_those_that_are_there(built_warehouse: Settings) -> None:
    hand_over_programmes(built_warehouse)
    nights.build_warehouse(built_warehouse, NIGHT)
    told = batches_told(built_warehouse)
    with connect(built_warehouse, "kho_transformer") as connection:
        connection.execute("alter table warehouse.fct_batch add check (batch_id < 0) not valid")
    builds.open_build(built_warehouse, NIGHT)
    with pytest.raises(TransformError, match=r"fct_batch: .*violates check constraint"):
        transform.build(built_warehouse, "warehouse")
    assert batches_told(built_warehouse) == told > 0


def test_marts_of_a_release_are_made_anew_as_often_as_they_are_built(built_warehouse: Settings) -> None:
    candidate = release.open_release(built_warehouse)
    transform.build(built_warehouse, "marts")
    first = relations(built_warehouse, candidate.schema_name, "r")
    transform.build(built_warehouse, "marts")
    again = relations(built_warehouse, candidate.schema_name, "r")
    assert first.keys() == again.keys() and not set(first.values()) & set(again.values())
    with connect(built_warehouse, "kho_auditor") as connection:
        connection.execute(f"select count(*) from {candidate.schema_name}.report_figure")  # noqa: S608
    assert release.publish(built_warehouse) == releases.in_force(built_warehouse)


def test_a_full_refresh_makes_tables_anew_and_holds_them_to_their_contracts(
    built_warehouse: Settings, tmp_path: Path
) -> None:
    project = copied(tmp_path / "project", "contracts", "dbt_project")
    before = relations(built_warehouse, "warehouse", "r")
    arguments = ["run", "--full-refresh", "--select", "dim_system", "dim_channel"]
    assert {str(each.status) for each in run(of_project(built_warehouse, project), arguments)} == {"success"}
    after = relations(built_warehouse, "warehouse", "r")
    assert {name for name in before if before[name] != after[name]} == {"dim_system", "dim_channel"}

    model = project / "dbt_project/models/warehouse/dimensions/dim_channel.sql"
    model.write_text(f"select *, 1 as more from (\n{model.read_text()}\n) as channel\n")  # noqa: S608
    results = {each.node.name: each for each in run(of_project(built_warehouse, project), arguments)}
    assert str(results["dim_system"].status) == "success"
    of_channel = results["dim_channel"]
    assert str(of_channel.status) == "error" and "enforced contract that failed" in of_channel.message
    assert relations(built_warehouse, "warehouse", "r")["dim_channel"] == after["dim_channel"]
