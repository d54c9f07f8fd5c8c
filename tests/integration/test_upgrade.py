"""A warehouse that an earlier Kho made goes on in place: the same figures, the same reports, nothing lost."""

from __future__ import annotations

import csv
import lzma
import subprocess
import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from kho import backup
from kho.database import connect
from kho.figures.explain import explain
from kho.figures.figures import NoRelease, figure_set
from kho.ledger import audit, releases, schema
from kho.night import build_layer, check_marts, publish
from kho.publish import release
from kho.report.issues import issued
from kho.server import postgres
from kho.settings import Settings
from tests.conftest import share_manifests
from tests.integration.loading import rows
from tests.snapshot import lost_rows

EARLIER = Path(__file__).parents[1] / "upgrade"
FIGURES, BACKED_UP = EARLIER / "figures.csv", EARLIER / "backed_up_figures.csv"
NIGHT = date(2021, 6, 30)
#: what an upgrade leaves as it is
KEPT = ("raw", "reject")


@pytest.fixture
def earlier(server: Settings, tmp_path: Path) -> Iterator[Settings]:
    """The earlier warehouse, in a database of its own."""
    name = f"kho_{uuid.uuid4().hex[:12]}"
    home = tmp_path / "home"
    home.mkdir()
    for shared in ("secrets", "ports.json", "postgres"):
        (home / shared).symlink_to(server.home / shared)
    share_manifests(home)
    with psycopg.connect(server.admin_url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("create database {} template template0").format(sql.Identifier(name)))
    settings = server.model_copy(update={"warehouse_database": name, "home": home})
    subprocess.run(
        [
            postgres.binaries(server) / "psql",
            "--quiet",
            "--set=ON_ERROR_STOP=1",
            "--dbname",
            settings.admin_url(),
        ],
        # The releases' functions name their database.
        input=lzma.decompress((EARLIER / "warehouse.sql.xz").read_bytes()).replace(
            b'"kho".', f'"{name}".'.encode()
        ),
        stdout=subprocess.DEVNULL,
        check=True,
    )
    yield settings
    with psycopg.connect(server.admin_url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def told(settings: Settings, then: Path = FIGURES) -> list[dict[str, str]]:
    """What the file of figures tells, as the release in force has it; what is counted since then is not there."""
    asked = dict.fromkeys((row["scope"], row["period"]) for row in expected(then))
    counted = {row["metric"] for row in expected(then)}
    return [
        {name: "" if (value := found[name]) is None else str(value) for name in expected(then)[0]}
        for scope, period in asked
        for figure in figure_set(settings, scope, period).figures
        if figure.metric in counted
        for found in [vars(figure) | {"scope": scope, "period": period}]
    ]


#: what is told of numbers that stay: by how a metric begins, the state that was another one then
NOW = {
    "procedures_online_partial": "not_applicable", "procedures_online_full": "not_applicable",
    "broadcast_programmes": "partial", "broadcast_minutes": "partial", "broadcast_listens": "partial",
    "radio_station_sites_": "partial",
}  # fmt: skip


def said_now(row: dict[str, str]) -> dict[str, str]:
    """The same figure: what could not be is no 0 any more, what covers a part of its period says so, and none is as of a day
    after its period."""
    last = {"2021-Q1": "2021-03-31"}.get(row["period"], row["as_of"])
    row = row | {"as_of": min(row["as_of"], last)}
    state = next((state for start, state in NOW.items() if row["metric"].startswith(start)), row["state"])
    if state == "not_applicable":
        return row | {"state": state, "value": "", "measured_value": ""}
    return row | {"state": state} if row["value"] else row


def expected(then: Path = FIGURES) -> list[dict[str, str]]:
    with then.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def loaded(settings: Settings) -> Counter[str]:
    """How many rows each table of raw and of rejects has."""
    tables = rows(settings, "select schemaname, tablename from pg_tables where schemaname = any(%s)", [*KEPT])
    with psycopg.connect(settings.admin_url()) as connection:
        count = sql.SQL("select count(*) from {}")
        return Counter(
            {
                each["tablename"]: connection.execute(
                    count.format(sql.Identifier(*each.values()))
                ).fetchone()[0]
                for each in tables
            }
        )


def test_it_comes_to_the_same_figures_in_place(earlier: Settings) -> None:
    before = loaded(earlier)
    assert sum(before.values()) > 1_000
    schema.prepare(earlier)

    # Until the next night the release that is there stands, and says the same.
    assert told(earlier) == expected()
    handed_over = issued(earlier, "946", "2021-Q1", "calendar", 1)
    with pytest.raises(NoRelease, match="made by an earlier version"):
        explain(earlier, "946", "2021-H1", "dossiers_received")

    for layer in ("staging", "warehouse", "marts"):
        build_layer(earlier, layer, NIGHT)
    check_marts(earlier)
    publish(earlier)
    assert told(earlier) == [said_now(row) for row in expected()]
    assert loaded(earlier) == before
    assert issued(earlier, "946", "2021-Q1", "calendar", 1) == handed_over
    found = explain(earlier, "946", "2021-H1", "dossiers_received")
    assert [part.counted(figure.level) for part in found.parts for figure in part.figures] == [
        figure.value for figure in found.figures
    ]

    # The next one needs no full refresh.
    build_layer(earlier, "staging", NIGHT)
    (newest,) = rows(earlier, "select is_full_refresh from ledger.build order by build_id desc limit 1")
    assert not newest["is_full_refresh"]


def test_a_release_of_before_can_be_gone_back_to(earlier: Settings) -> None:
    schema.prepare(earlier)
    made_before = rows(earlier, "select release_id from ledger.release where state = 'kept' order by 1")
    release.rollback(earlier, made_before[0]["release_id"], actor="lan", reason="as it was")
    assert releases.in_force(earlier).release_id == made_before[0]["release_id"]


@pytest.fixture
def restored(read_project: Settings, tmp_path: Path) -> Iterator[Settings]:
    """What an earlier Kho backed up before it was upgraded, brought back by this one."""
    settings = Settings(home=tmp_path / "home", project=read_project.project)
    try:
        backup.restore(settings, str(EARLIER / "backup"), EARLIER / "backup.key")
        share_manifests(settings.home)
        yield settings
    finally:
        postgres.remove(settings)


def test_a_backup_of_before_comes_back_and_goes_on(restored: Settings) -> None:
    before = loaded(restored)
    assert sum(before.values()) > 400 and not lost_rows(restored)
    assert told(restored, BACKED_UP) == expected(BACKED_UP)
    handed_over = issued(restored, "946", "2021-Q1", "calendar", 1)
    with connect(restored, "kho_auditor") as connection:
        assert audit.last(connection).action == "restored" and audit.verify(connection) > 1

    night = date(2021, 3, 31)
    for layer in ("staging", "warehouse", "marts"):
        build_layer(restored, layer, night)
    check_marts(restored)
    publish(restored)
    assert told(restored, BACKED_UP) == expected(BACKED_UP)
    assert loaded(restored) == before and not lost_rows(restored)
    assert issued(restored, "946", "2021-Q1", "calendar", 1) == handed_over
