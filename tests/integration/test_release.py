"""Releases: what readers see while marts are published, and what happens when something is in the way."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, timedelta

import pandas as pd
import psycopg
import pytest
import sqlalchemy
from psycopg import sql

from kho.database import connect
from kho.ledger import releases, verdicts
from kho.ledger.releases import ReleaseError, ReleaseWaits
from kho.ledger.verdicts import Verdict
from kho.publish import release
from kho.publish.readers import lock_holders
from kho.publish.views import NOT_FOR_READERS
from kho.server import postgres
from kho.settings import Settings
from kho.transform import builds
from tests.conftest import fresh_warehouse
from tests.owner import as_owner

NIGHT = date(2021, 1, 31)
PUBLICATIONS = 12
Candidate = Callable[..., releases.Release]
HAPPENED = ("errors", "empty", "mixed")


@pytest.fixture
def published(warehouse: Settings, candidate: Candidate) -> Settings:
    """A warehouse with one release in force."""
    candidate()
    release.publish(warehouse)
    return warehouse


def versions(connection: psycopg.Connection, mart: str = "marts.first") -> set[int]:
    query = sql.SQL("select distinct version from {}").format(sql.Identifier(*mart.split(".")))
    return {version for (version,) in connection.execute(query)}


def seen(settings: Settings) -> set[int]:
    """The versions that a new reader meets in both marts."""
    with connect(settings, "bi_reader") as connection:
        return versions(connection) | versions(connection, "marts.second")


def go_back(settings: Settings, release_id: int | None = None) -> releases.Release:
    return release.rollback(settings, release_id, actor="lan", reason="wrong sums")


def states(settings: Settings) -> dict[int, str]:
    return {each.release_id: each.state for each in releases.releases(settings)}


def schemas(settings: Settings) -> set[str]:
    with as_owner(settings) as connection:
        found = connection.execute("select nspname from pg_namespace where nspname like 'release%'")
        return {name for (name,) in found}


class Readers:
    """Readers that read all the time and count what must not happen."""

    def __init__(self, settings: Settings):
        self.settings, self.counts, self.reads = settings, Counter(), Counter()
        self.stopped = threading.Event()
        self.threads = [
            threading.Thread(target=self.run, args=each)
            for each in (
                ("plain", self.plain),
                ("prepared", self.prepared),
                ("dependent view", self.dependent),
                ("read committed", self.read_committed),
                ("repeatable read", self.repeatable_read),
            )
        ]

    @contextmanager
    def reading(self) -> Iterator[None]:
        for thread in self.threads:
            thread.start()
        try:
            yield
        finally:
            self.stopped.set()
            for thread in self.threads:
                thread.join()

    def run(self, name: str, read: Callable[[psycopg.Connection], list[set[int]]]) -> None:
        with connect(self.settings, "bi_reader", autocommit=True) as connection:
            while not self.stopped.is_set():
                try:
                    self.count(read(connection))
                    self.reads[name] += 1
                except psycopg.Error as error:
                    self.counts["errors"] += 1
                    self.counts[f"{name}: {error}"] += 1
                time.sleep(0.002)  # without a pause they would take the whole machine

    def count(self, read: list[set[int]]) -> None:
        self.counts["empty"] += any(not each for each in read)
        self.counts["mixed"] += len(set().union(*read)) > 1

    def plain(self, connection: psycopg.Connection) -> list[set[int]]:
        return [versions(connection)]

    def prepared(self, connection: psycopg.Connection) -> list[set[int]]:
        rows = connection.execute("select distinct version from marts.first", prepare=True)
        return [{version for (version,) in rows}]

    def dependent(self, connection: psycopg.Connection) -> list[set[int]]:
        return [versions(connection, "bi.dependent")]

    def read_committed(self, connection: psycopg.Connection) -> list[set[int]]:
        with connection.transaction():
            return [versions(connection), versions(connection, "marts.second"), versions(connection)]

    def repeatable_read(self, connection: psycopg.Connection) -> list[set[int]]:
        with connection.transaction():
            connection.execute("set transaction isolation level repeatable read")
            connection.execute("select 1")  # takes the snapshot, reads no mart
            time.sleep(random.uniform(0, 0.1))
            return [versions(connection), versions(connection, "marts.second")]


def dependent_view(settings: Settings) -> None:
    """What somebody with rights of their own built on a mart."""
    with psycopg.connect(settings.admin_url()) as connection:
        connection.execute("create schema bi")
        connection.execute("create view bi.dependent as select * from marts.first where n > 10")
        connection.execute("grant usage on schema bi to bi_reader")
        connection.execute("grant select on bi.dependent to bi_reader")


def test_concurrent_readers_never_meet_an_error_an_empty_mart_or_two_releases(published, candidate):
    dependent_view(published)
    readers = Readers(published)
    first_publication = releases.in_force(published).release_id
    with readers.reading():
        for _ in range(PUBLICATIONS):
            # Opened before the build, first reading after it, while publishing is under way.
            early = [connect(published, "bi_reader") for _ in range(2)]
            early[0].execute("set transaction isolation level repeatable read")
            for connection in early:
                connection.execute("select 1")
            made = candidate()
            publishing = threading.Thread(target=release.publish, args=[published])
            publishing.start()
            time.sleep(0.05)
            for connection in early:
                readers.count([versions(connection), versions(connection, "marts.second")])
                connection.close()
            publishing.join()
            assert seen(published) == {made.release_id}
    assert releases.in_force(published).release_id == first_publication + PUBLICATIONS
    assert {each: readers.counts[each] for each in HAPPENED} == dict.fromkeys(HAPPENED, 0), readers.counts
    assert len(readers.reads) == 5 and all(count >= PUBLICATIONS for count in readers.reads.values()), (
        readers.reads
    )


def test_a_snapshot_older_than_the_marts_makes_publishing_wait_then_fail_and_name_it(published, candidate):
    with connect(published, "bi_reader") as old:
        old.execute("set transaction isolation level repeatable read")
        old.execute("select 1")
        candidate()
        with pytest.raises(
            ReleaseError, match=r"(?s)from before it are still open.* of bi_reader .*select 1"
        ):
            release.publish(published, patience=timedelta(seconds=1))
        assert versions(old) == {1}
        assert states(published) == {1: "in_force", 2: "candidate"}
    assert release.publish(published).release_id == 2


def test_a_reader_that_holds_a_mart_makes_publishing_wait_then_fail_and_name_it(published, candidate):
    candidate()
    with connect(published, "bi_reader") as reader:
        assert versions(reader) == {1}
        with pytest.raises(ReleaseError, match=r"(?s)readers hold the marts.* of bi_reader .*marts.*first"):
            release.publish(published, patience=timedelta(seconds=2))
        assert seen(published) == {1} == versions(reader)
    release.publish(published)
    assert seen(published) == {2}


def test_a_reader_of_another_warehouse_is_not_named(server, published, tmp_path):
    """A clone's tables have the same numbers as the original's."""
    for twin in fresh_warehouse(server, tmp_path / "twin", published):
        with connect(twin, "bi_reader") as reader, as_owner(published) as connection:
            assert versions(reader) == {1}
            assert lock_holders(connection) == []


def test_a_candidate_without_marts_is_not_published(published):
    builds.open_build(published, date(2021, 2, 28))
    builds.close_build(published)
    release.open_release(published)
    with pytest.raises(ReleaseError, match="release_2 has no marts"):
        release.publish(published)
    assert seen(published) == {1}


def test_a_build_that_is_still_open_makes_no_release(published):
    before = releases.releases(published)
    number = builds.open_build(published, date(2021, 2, 28))
    with pytest.raises(ReleaseError, match=f"build {number} is open: build the warehouse first"):
        release.open_release(published)
    assert releases.releases(published) == before
    assert schemas(published) == {"release_1"}


def test_published_again_changes_nothing(published):
    before = releases.releases(published)
    assert release.publish(published) == before[0]
    assert releases.releases(published) == before


def test_three_releases_are_kept_and_one_command_goes_back(published, candidate):
    for _ in range(4):
        candidate()
        release.publish(published)
    assert states(published) == {5: "in_force", 4: "kept", 3: "kept", 2: "dropped", 1: "dropped"}
    assert schemas(published) == {"release_3", "release_4", "release_5"}

    assert go_back(published).release_id == 4
    assert seen(published) == {4}
    assert go_back(published).release_id == 3
    assert seen(published) == {3}
    with pytest.raises(ReleaseError, match="no earlier release; kept: 5, 4"):
        go_back(published)
    with pytest.raises(ReleaseError, match="release 2 is not kept"):
        go_back(published, 2)
    assert go_back(published, 5).release_id == 5
    assert seen(published) == {5}


def test_a_release_that_was_gone_back_to_is_kept_until_it_is_unpinned(published, candidate):
    candidate()
    release.publish(published)
    go_back(published)
    for _ in range(2):  # nights go on building
        made = candidate()
        with pytest.raises(
            ReleaseWaits,
            match=r"release 1 is pinned by lan since \S+ \S+ \(wrong sums\)\. `kho release unpin`",
        ):
            release.publish(published)
        with pytest.raises(ReleaseWaits):
            release.publish(published, allow_older=True)
        assert seen(published) == {1} and states(published)[made.release_id] == "candidate"
    ended = release.unpin(published, actor="minh")
    assert (ended.release_id, ended.pinned_by, ended.reason) == (1, "lan", "wrong sums")
    with pytest.raises(ReleaseError, match="no release is pinned"):
        release.unpin(published, actor="minh")
    assert release.publish(published) == releases.in_force(published)
    assert states(published) == {4: "in_force", 3: "refused", 2: "kept", 1: "kept"}
    assert seen(published) == {4}


def test_airflow_skips_publishing_and_says_what_for_while_a_release_waits(published, candidate, tmp_path):
    candidate()
    release.publish(published)
    go_back(published)
    made = candidate()
    judged = Verdict("marts", NIGHT, "first", "adds_up", "critical", "passed", build_id=made.build_id)
    with as_owner(published) as connection:
        verdicts.replace(connection, made.build_id, [judged])
    program = (
        "import datetime, sys, types; from airflow.dag_processing.dagbag import DagBag\n"
        "from airflow.sdk.exceptions import AirflowSkipException\n"
        "task = DagBag(sys.argv[1]).dags['nightly'].get_task('publish')\n"
        "run = types.SimpleNamespace(logical_date=None, run_after=datetime.datetime.now(datetime.UTC))\n"
        "try: task.python_callable(*task.op_args, params={'business_date': '2021-01-31'}, dag_run=run)\n"
        "except AirflowSkipException as skipped: print('skipped:', skipped)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, str(published.project / "dags")],
        env=os.environ
        | {"AIRFLOW_HOME": str(tmp_path), "AIRFLOW__CORE__LOAD_EXAMPLES": "false"}
        | {"KHO_HOME": str(published.home), "KHO_WAREHOUSE_DATABASE": published.warehouse_database}
        | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
    )
    assert "skipped: release 3 waits: release 1 is pinned by lan since" in ran.stdout, ran.stderr
    assert seen(published) == {1}


def test_going_back_again_pins_the_other_release_and_the_story_is_kept(published, candidate):
    candidate()
    release.publish(published)
    published_at = releases.in_force(published).published_at
    assert go_back(published, 2).published_at == published_at  # in force already, it is pinned
    assert go_back(published, 1).release_id == 1
    with connect(published, "kho_auditor") as connection:
        assert releases.pin(connection).release_id == 1
        told = connection.execute(
            "select release_id, pinned_by, unpinned_by from ledger.release_pin order by 1"
        ).fetchall()
    assert told == [(1, "lan", None), (2, "lan", "lan")]
    with pytest.raises(ReleaseError, match="is not kept"):
        go_back(published, 7)


def test_a_release_of_an_earlier_date_is_published_only_where_that_is_allowed(published, candidate):
    candidate(night=date(2021, 1, 30))
    with pytest.raises(
        ReleaseWaits, match=r"of 2021-01-30, older than release 1 in force, of 2021-01-31\. .*--allow-older"
    ):
        release.publish(published)
    assert states(published) == {2: "candidate", 1: "in_force"} and seen(published) == {1}
    assert release.publish(published, allow_older=True).release_id == 2
    assert seen(published) == {2}
    candidate(night=date(2021, 1, 30))  # of the same date
    assert release.publish(published).release_id == 3


def test_who_goes_back_while_a_night_waits_for_readers_is_not_overrun(published, candidate):
    """The pin is looked for again in the transaction that turns the views."""
    candidate()
    with connect(published, "bi_reader") as reader, ThreadPoolExecutor() as pool:
        versions(reader)
        night = pool.submit(release.publish, published)
        time.sleep(0.5)
        assert not night.done()
        go_back(published, 1)  # in force already: nothing to wait for
        reader.rollback()
        with pytest.raises(ReleaseWaits):
            night.result()
    assert states(published) == {2: "candidate", 1: "in_force"} and seen(published) == {1}


def test_a_refused_candidate_leaves_the_release_in_force(published, candidate):
    candidate()
    refused = release.refuse(published, "the sums do not add up")
    assert (refused.state, refused.reason) == ("refused", "the sums do not add up")
    assert release.refuse(published, "said twice") == refused
    assert schemas(published) == {"release_1"}
    with pytest.raises(ReleaseError, match="was refused: the sums do not add up"):
        release.publish(published)
    assert seen(published) == {1}


def test_a_candidate_is_made_anew_when_its_build_is_run_again(published, candidate):
    made = candidate()
    assert release.open_release(published) == made
    with connect(published, "kho_transformer") as connection:
        left = connection.execute("select count(*) from pg_tables where schemaname = %s", [made.schema_name])
        assert left.fetchone() == (0,)


def test_a_candidate_of_an_earlier_build_is_refused(published, candidate):
    candidate()
    candidate()
    assert states(published) == {3: "candidate", 2: "refused", 1: "in_force"}
    assert schemas(published) == {"release_1", "release_3"}


def test_marts_may_come_go_and_change_their_columns(published, candidate):
    candidate(first="select 'two' as version, 1.5 as amount", third="select 3 as version")
    release.publish(published)
    with connect(published, "bi_reader") as connection:
        assert connection.execute("select * from marts.first").fetchall() == [("two", 1.5)]
        assert versions(connection, "marts.third") == {3}
        with pytest.raises(psycopg.errors.UndefinedTable):
            versions(connection, "marts.second")
    assert go_back(published).release_id == 1
    assert seen(published) == {1}


def test_a_dependent_view_outlives_marts_that_gain_columns(published, candidate):
    dependent_view(published)
    candidate(first="select 2 as version, 20 as n, 'new' as word")
    release.publish(published)
    with connect(published, "bi_reader") as connection:
        assert versions(connection, "bi.dependent") == {2}


@pytest.mark.parametrize(
    "marts", [{"first": "select 'a' as version, 1 as n"}, {"second": "select 1 as version"}]
)
def test_a_mart_that_others_depend_on_is_not_dropped_from_under_them(published, candidate, marts):
    dependent_view(published)
    candidate(**marts)
    with pytest.raises(ReleaseError, match=r"(?s)marts\.first .*view bi\.dependent depends on view"):
        release.publish(published)
    assert states(published) == {2: "candidate", 1: "in_force"}
    assert seen(published) == {1}


def test_grants_survive_a_mart_that_is_made_anew(published, candidate):
    with psycopg.connect(published.admin_url()) as connection:
        connection.execute("revoke select on marts.first from kho_auditor")
        connection.execute("grant select on marts.first to kho_loader with grant option")

    def grants() -> set[tuple]:
        with psycopg.connect(published.admin_url()) as connection:
            return set(
                connection.execute(
                    "select grantee, privilege_type, is_grantable from information_schema.role_table_grants"
                    " where table_schema = 'marts' and table_name = 'first' and grantee <> 'kho_transformer'"
                )
            )

    before = grants()
    candidate(first="select 'text now' as version")
    release.publish(published)
    assert grants() == before
    assert ("kho_loader", "SELECT", "YES") in before


def test_what_a_release_says_of_its_marts_is_said_of_the_views_whichever_is_in_force(published, candidate):
    def said() -> dict[str, tuple[str | None, str | None]]:
        with connect(published, "bi_reader") as connection:
            return {
                mart: (of_mart, of_column)
                for mart, of_mart, of_column in connection.execute(
                    "select relname, obj_description(oid, 'pg_class'), col_description(oid, 1) from pg_class"
                    " where relnamespace = 'marts'::regnamespace"
                )
            }

    def say(made: releases.Release, *statements: str) -> None:
        with connect(published, "kho_transformer") as connection:
            connection.execute(f"set local search_path to {made.schema_name}")
            for each in statements:
                connection.execute(f"comment on {each}")
        release.publish(published)

    assert said() == {"first": (None, None), "second": (None, None)}
    say(candidate(), "table first is 'Lần đầu. It''s %s \"first\".'", "column first.version is 'Bản'")
    of_two = {"first": ('Lần đầu. It\'s %s "first".', "Bản"), "second": (None, None)}
    assert said() == of_two
    # Made anew, for its columns have other types; and replaced in place.
    say(
        candidate(first="select 'text' as version", second="select 3 as version, 1 as n"),
        "column first.version is 'Chữ'",
    )
    assert said() == {"first": (None, "Chữ"), "second": (None, None)}
    go_back(published)
    assert said() == of_two
    go_back(published, 1)
    assert said() == {"first": (None, None), "second": (None, None)}


def publish_in_a_process(settings: Settings) -> subprocess.Popen:
    program = (
        "import sys; from pathlib import Path; from kho.settings import Settings; from kho.publish import release\n"
        "settings = Settings(home=Path(sys.argv[1]), warehouse_database=sys.argv[2])\n"
        "print('ready', flush=True); release.publish(settings)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(settings.home), settings.warehouse_database],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout.readline() == b"ready\n"
    return process


def kill(process: subprocess.Popen) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()


def test_killed_in_the_middle_of_turning_the_views_it_ends_the_same_when_run_again(published, candidate):
    candidate()
    with connect(published, "bi_reader") as reader:
        versions(reader, "marts.second")  # `first` is turned by then, `second` is waited for
        process = publish_in_a_process(published)
        time.sleep(1)
        assert process.poll() is None
        kill(process)
    assert seen(published) == {1}
    assert states(published) == {2: "candidate", 1: "in_force"}
    release.publish(published)
    assert seen(published) == {2}
    assert states(published) == {2: "in_force", 1: "kept"}


def test_killed_at_any_moment_it_ends_the_same_when_run_again(published, candidate):
    moments = random.Random(946)
    for _ in range(6):
        made = candidate()
        before = seen(published)
        process = publish_in_a_process(published)
        time.sleep(moments.uniform(0, 0.15))
        kill(process)
        assert seen(published) in (before, {made.release_id})
        assert release.publish(published).release_id == made.release_id
        assert seen(published) == {made.release_id}
        assert len(schemas(published)) == min(made.release_id, release.KEPT)


def test_readers_read_marts_and_nothing_else(published):
    with psycopg.connect(published.admin_url()) as connection:
        everything = connection.execute(
            """
            select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
            where c.relkind in ('r', 'p', 'v', 'm') and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
            """
        ).fetchall()
    others = [each for each in everything if each[0] != "marts"]
    assert {"ledger", "reject", "release_1"} <= {schema for schema, _ in others}
    with connect(published, "bi_reader", autocommit=True) as connection:
        for schema, name in others:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(sql.SQL("select * from {}").format(sql.Identifier(schema, name)))
        for statement in (
            "delete from marts.first",
            "create view marts.mine as select 1",
            "create table public.mine (n int)",
            "create temporary table mine (n int)",
            "create schema mine",
            "drop view marts.first",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
        readable = connection.execute(
            "select nspname from pg_namespace where has_schema_privilege(oid, 'usage')"
        )
        assert {name for (name,) in readable} == {"marts", "pg_catalog", "information_schema"}


def test_the_auditor_reads_every_release(published, candidate):
    candidate()
    with connect(published, "kho_auditor") as connection:
        assert versions(connection, "release_1.first") == {1}
        assert versions(connection, "release_2.first") == {2}
        assert versions(connection) == {1}


def test_readers_read_with_psql(published):
    psql = postgres.binaries(published) / "psql"
    done = subprocess.run(
        [psql, published.role_url("bi_reader"), "-Atc", "select count(*) from marts.first"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "100"


def test_readers_read_with_pandas(published):
    engine = sqlalchemy.create_engine(
        published.role_url("bi_reader").replace("postgresql", "postgresql+psycopg", 1)
    )
    frame = pd.read_sql_query("select * from marts.first order by n", engine)
    assert frame["n"].tolist() == list(range(1, 101))
    table = pd.read_sql_table("second", engine, schema="marts")
    assert set(table["version"]) == {1}
    engine.dispose()


def test_what_a_release_explains_its_figures_by_is_not_for_readers(published, candidate):
    """It has codes of dossiers, row by row. Kho itself reads it in the release's schema."""
    marts = {mart: "select 1 as version" for mart in ("first", "second", *NOT_FOR_READERS)}
    made = candidate(**marts)
    release.publish(published)
    with connect(published, "bi_reader", autocommit=True) as connection:
        assert connection.execute("select version from marts.first").fetchall() == [(1,)]
        for mart in NOT_FOR_READERS:
            with pytest.raises(psycopg.errors.UndefinedTable):
                connection.execute(sql.SQL("select * from {}").format(sql.Identifier("marts", mart)))
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(sql.SQL("select * from {}").format(sql.Identifier(made.schema_name, mart)))
    with connect(published, "kho_auditor") as connection:
        connection.execute(sql.SQL("set search_path to {}").format(sql.Identifier(made.schema_name)))
        assert connection.execute("select version from figure_row").fetchall() == [(1,)]
