"""Rows that releases share: a night adds what it touched, and every release goes on telling what it told."""

from __future__ import annotations

from datetime import date, timedelta

from psycopg import sql

from kho import transform
from kho.database import connect
from kho.publish import release
from kho.settings import Settings
from kho.transform import builds
from kho_sample.export import Export
from tests.integration import nights
from tests.owner import as_owner

END = date(2021, 6, 30)
#: of a row behind figures, all but the builds that it is of
TOLD = (
    "metric, agency_code, detail, movement_date, counted_key, is_adjustment, parameter_set, amount, row_code,"
    " batch_id, row_number"
)


def dossiers(settings: Settings) -> list[Export]:
    """Daily files, the last one of few dossiers."""
    return [
        each for each in nights.sample(settings, 0.04, systems=("one_stop",)) if each.entity == "dossiers"
    ]


def take_in(settings: Settings, exports: list[Export]) -> None:
    nights.hand_over(settings, exports)
    nights.accept_pending(settings)


def rows(settings: Settings, query: str, *names: str) -> list[tuple]:
    with connect(settings, "kho_transformer") as connection:
        return connection.execute(sql.SQL(query).format(*map(sql.Identifier, names))).fetchall()


def publish(settings: Settings) -> str:
    """A release of nothing but movements, by rows and by days; its schema."""
    candidate = release.open_release(settings)
    marts = ("figure_told", "figure_row", "figure_movement", "dossier_day")
    nights.build(settings, *marts, release_schema=candidate.schema_name)
    return release.publish(settings).schema_name


def told(settings: Settings, schema: str) -> tuple[list[tuple], list[tuple]]:
    """The rows behind the figures of a release, and its dossiers by days."""
    return (
        rows(settings, f"select {TOLD} from {{}}.figure_row order by figure_row::text", schema),  # noqa: S608
        rows(settings, "select * from {}.dossier_day order by dossier_day::text", schema),
    )


def places(settings: Settings) -> dict[str, str]:
    """Of each row of a dossier that the last build has, where it stands, and the dossier's key."""
    query = (
        "select ctid::text, fact_key::text from warehouse.kept_row"
        " where to_build is null and source in ('movement_dossier', 'movement_dossier_history')"
    )
    return dict(rows(settings, query))


def generations(settings: Settings) -> int:
    query = "select count(*) from pg_class where relname ~ '^kept_row__[0-9]+$' and relkind = 'r'"
    ((count,),) = rows(settings, query)
    return count


def test_a_night_adds_rows_of_touched_keys_and_a_release_keeps_its_own(built_warehouse: Settings) -> None:
    warehouse = built_warehouse
    *history, last = dossiers(warehouse)
    take_in(warehouse, history)
    nights.build_warehouse(warehouse, END)
    first = publish(warehouse)
    before, stood = told(warehouse, first), places(warehouse)

    take_in(warehouse, [last])
    nights.build_warehouse(warehouse, END)
    touched = {
        key
        for (key,) in rows(
            warehouse,
            "select key::text from ledger.touched_key where build_id = (select max(build_id) from ledger.build)"
            " and fact in ('fct_dossier', 'fct_dossier_history')",
        )
    }
    assert touched and None not in touched, "few of the dossiers"
    stand = places(warehouse)
    assert {key for place, key in stand.items() if place not in stood} <= touched
    assert {place: key for place, key in stood.items() if key not in touched}.items() <= stand.items()
    assert told(warehouse, first) == before
    second = publish(warehouse)
    now = told(warehouse, second)
    assert all(new != old for new, old in zip(now, before, strict=True))
    ((written,),) = rows(
        warehouse,
        "select count(*) from warehouse.kept_dossier_day where from_build = (select max(build_id) from ledger.build)",
    )
    assert 0 < written < len(now[1]) / 2, "days that nothing touched stay as they are"

    with as_owner(warehouse) as connection:
        connection.execute("update ledger.build set is_full_refresh = true")
    transform.build(warehouse, "warehouse")
    assert generations(warehouse) == 1, "both releases read what was there before the full refresh"
    assert (told(warehouse, first), told(warehouse, second)) == (before, now)
    for _ in range(release.KEPT):
        refreshed = publish(warehouse)
    assert told(warehouse, refreshed) == now
    nights.build_warehouse(warehouse, END)
    assert generations(warehouse) == 0, "nobody reads it any more"
    assert told(warehouse, refreshed) == now


def test_what_an_abandoned_build_added_is_undone_and_what_no_release_tells_of_goes(
    built_warehouse: Settings,
) -> None:
    warehouse = built_warehouse
    *history, last = dossiers(warehouse)
    take_in(warehouse, history)
    nights.build_warehouse(warehouse, END)
    content = f"select {TOLD} from warehouse.kept_row where to_build is null order by kept_row::text"  # noqa: S608
    before = rows(warehouse, content)

    take_in(warehouse, [last])
    abandoned = builds.open_build(warehouse, END)
    transform.build(warehouse, "warehouse")
    transform.build(warehouse, "warehouse")  # again, as after a kill
    assert rows(warehouse, content) != before

    nights.decide(warehouse, nights.batches(warehouse, "accepted")[-1], "withdrawn")
    nights.build_warehouse(warehouse, END + timedelta(1))
    assert rows(warehouse, content) == before
    ((closed, made),) = rows(
        warehouse,
        "select array_agg(distinct to_build) filter (where to_build is not null), array_agg(distinct from_build)"
        " from warehouse.kept_row",
    )
    assert closed == [abandoned + 1] and abandoned not in made
