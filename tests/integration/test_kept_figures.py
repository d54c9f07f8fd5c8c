"""Figures that releases share: a night counts again what may have changed, and what it takes over is what it would count."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from random import Random

from psycopg import sql

from kho import transform
from kho.database import connect
from kho.ledger.releases import Release
from kho.publish import release
from kho.settings import Settings
from kho_sample.export import Export
from tests.integration import nights
from tests.owner import as_owner

KEPT = ("dossier_settlement", "document_exchange", "service_score", "public_month")
FIGURES = (
    "path:models/marts/figures",
    "path:models/marts/explanations",
    *(f"+{mart},path:models/marts" for mart in KEPT),
)


def rows(settings: Settings, query: str, *names: str) -> list[tuple]:
    with connect(settings, "kho_transformer") as connection:
        return connection.execute(sql.SQL(query).format(*map(sql.Identifier, names))).fetchall()


def figures(settings: Settings, told: Release) -> set[tuple]:
    """Every figure of a release."""
    return set(rows(settings, "select * from {}.report_figure", told.schema_name))


def settled(settings: Settings, told: Release) -> list[list[str]]:
    """What a release has of the marts that go on from its predecessor's, and what form II.06 is counted from."""
    found = [
        [
            text
            for (text,) in rows(
                settings, "select mart::text from {}.{} as mart order by 1", told.schema_name, mart
            )
        ]
        for mart in (*KEPT, "dossier_stretch")
    ]
    assert all(found)
    return found


def written(settings: Settings, told: Release, kept: str) -> set[str]:
    """The periods that a release has written of such a mart."""
    code = "month_code" if kept == "kept_public_month" else "period_code"
    found = rows(settings, "select distinct from_release, {} from warehouse.{}", code, kept)
    return {period for release_id, period in found if release_id == told.release_id}


def counted(settings: Settings, told: Release) -> dict[tuple[str, str, str], int]:
    """The release that counted the figures of each scope and period."""
    query = "select scope_agency_code, scheme, period_code, release_id from {}.counted_period"
    return {tuple(group): release_id for *group, release_id in rows(settings, query, told.schema_name)}


def recounted(settings: Settings, told: Release) -> set[tuple[str, str, str]]:
    """The scopes and periods whose figures a release has written."""
    query = "select distinct scope_agency_code, scheme, period_code from {}.recounted_figure"
    return set(rows(settings, query, told.schema_name))


def night(settings: Settings, day: date, exports: list[Export]) -> Release:
    """A release of figures of a night that brought these."""
    nights.hand_over(settings, exports)
    nights.accept_pending(settings)
    nights.build_warehouse(settings, day)
    score_the_sample(settings)
    return released(settings)


def released(settings: Settings) -> Release:
    candidate = release.open_release(settings)
    nights.build(settings, *FIGURES, release_schema=candidate.schema_name)
    return release.publish(settings)


def score_the_sample(settings: Settings) -> None:
    """There is no score of its years."""
    with connect(settings, "kho_transformer") as connection:
        connection.execute("update warehouse.dim_scoring_metric set valid_from = '2020-01-01'")


def counted_anew(settings: Settings) -> Release:
    """The same of a full refresh."""
    with as_owner(settings) as connection:
        connection.execute("update ledger.build set is_full_refresh = true")
    transform.build(settings, "warehouse")
    score_the_sample(settings)
    candidate = release.open_release(settings)
    nights.build(settings, *FIGURES, "--full-refresh", release_schema=candidate.schema_name)
    return release.publish(settings)


@contextmanager
def told_by_the_portal(settings: Settings, period_code: str, points: int) -> Iterator[None]:
    """What the portal tells of a period that is over, for as long as this lasts."""
    key = "00000000-0000-0000-0000-000000000001"
    with connect(settings, "kho_transformer") as connection:
        connection.execute(
            "insert into warehouse.fct_service_score (service_score_key, agency_code, period_code, metric_code, portal_points,"
            " _batch_id, _row_number) values (%s, 'H51.12', %s, '1.1', %s, 1, 1)",
            [key, period_code, points],
        )
    yield
    with connect(settings, "kho_transformer") as connection:
        connection.execute("delete from warehouse.fct_service_score where service_score_key = %s", [key])


def without(export: Export, lines: int) -> Export:
    """The same delivery again, without its last lines."""
    content = b"".join(export.content.splitlines(keepends=True)[:-lines])
    return Export(export.system, export.entity, export.name, content, export.arrives)


def test_what_a_night_takes_over_is_what_it_would_count(built_warehouse: Settings) -> None:
    """Whatever came late, was withdrawn or corrected."""
    here, random = built_warehouse, Random(7)
    exports = [each for each in nights.sample(here, 0.03) if each.arrives <= date(2021, 6, 10)]
    dossiers = [each for each in exports if each.entity == "dossiers"]
    late = random.sample([each for each in dossiers if each.arrives <= date(2021, 3, 10)], 2)
    first = night(
        here,
        date(2021, 6, 5),
        [each for each in exports if each.arrives <= date(2021, 6, 5) and each not in late],
    )
    assert set(counted(here, first).values()) == {first.release_id}

    ordinary = night(here, date(2021, 6, 9), [each for each in exports if each.arrives > date(2021, 6, 5)])
    again = counted(here, ordinary)
    assert again["H51.12", "calendar", "2021-06"] == again["H51", "calendar", "2021"] == ordinary.release_id
    assert again["H51.12", "calendar", "2021-01"] == again["H51", "calendar", "2021-Q1"] == first.release_id
    taken_over = {group for group, release_id in again.items() if release_id == first.release_id}
    assert recounted(here, ordinary) == again.keys() - taken_over != set()
    for kept in ("kept_settlement", "kept_exchange", "kept_score_count", "kept_service_score"):
        assert "2021-01" in written(here, first, kept)
        assert "2021-01" not in written(here, ordinary, kept) >= {"2021-06", "2021"}
    assert "2021-01" in written(here, first, "kept_public_month")
    assert "2021-01" not in written(here, ordinary, "kept_public_month") >= {"2021-06"}
    before, now = figures(here, first), figures(here, ordinary)
    assert (
        {row for row in before if row[:3] in taken_over}
        == {row for row in now if row[:3] in taken_over}
        != set()
    )

    with told_by_the_portal(here, "2021-01", points=7):
        told = released(here)
        assert "2021-02" not in written(here, told, "kept_service_score") >= {"2021-01"}
        assert rows(
            here,
            "select distinct portal_points from {}.service_score"
            " where (period_code, scope_agency_code, metric_code) = ('2021-01', 'H51.12', '1.1')",
            told.schema_name,
        ) == [(7,)]
        assert figures(here, first) == before

    nights.hand_over(here, [without(random.choice(dossiers[-20:]), 1)])
    restated = night(here, date(2021, 6, 10), late)
    later = counted(here, restated)
    assert later["H51.12", "calendar", "2021-03"] == restated.release_id
    assert recounted(here, restated) == {
        group for group, number in later.items() if number == restated.release_id
    }
    assert recounted(here, restated) != later.keys()
    assert figures(here, ordinary) == now

    told, form = figures(here, restated), settled(here, restated)
    whole = counted_anew(here)
    assert set(counted(here, whole).values()) == {whole.release_id}
    assert figures(here, whole) == told and settled(here, whole) == form
    assert figures(here, restated) == told and settled(here, restated) == form, (
        "it still reads what was there before the full refresh"
    )
