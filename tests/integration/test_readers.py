"""A reader may do as it likes: it keeps no night waiting, and uses nothing up that others need."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, timedelta

import psycopg
import pytest
from psycopg import errors, sql
from typer.testing import CliRunner

from kho import database
from kho import settings as kho_settings
from kho.cli import app
from kho.contract import contracts
from kho.database import connect
from kho.ledger import batches, builds, decisions, deliveries, locks, releases, roles, schema
from kho.ledger.locks import Blocked
from kho.load import load, raw
from kho.publish import readers, release
from kho.settings import Settings
from kho.transform import builds as transform_builds
from kho.transform import project
from tests.integration.loading import rows

NIGHT = date(2021, 1, 31)
SHORT = timedelta(seconds=0.5)
#: what sessions locked once: any role may take advisory locks of these numbers
LOCKED_ONCE = """
  select pg_advisory_lock_shared(hashtext(name)), pg_advisory_lock_shared(hashtextextended(name, 0))
  from unnest(array['kho build', 'kho release', 'kho report', 'kho prepare', 'kho exports boundary',
                    'raw one_stop.dossiers', 'fetch one_stop.dossiers']) as name
"""


@contextmanager
def as_reader(settings: Settings, database: str | None = None) -> Iterator[psycopg.Connection]:
    """A session of bi_reader that has switched its timeouts off, in the warehouse or in another database."""
    where = {"dbname": database} if database else {}
    with psycopg.connect(
        settings.role_url("bi_reader"), autocommit=True, application_name="Excel", **where
    ) as it:
        for timeout in ("statement_timeout", "idle_in_transaction_session_timeout"):
            it.execute(sql.SQL("set {} = 0").format(sql.Identifier(timeout)))
        yield it


def setting(connection: psycopg.Connection, name: str) -> str:
    return connection.execute("select current_setting(%s)", [name]).fetchone()[0]


# Locks


def test_nothing_of_ours_waits_for_advisory_locks(warehouse: Settings) -> None:
    contract = contracts(warehouse)["one_stop.dossiers"]
    with psycopg.connect(warehouse.admin_url(), autocommit=True) as holder:
        holder.execute(LOCKED_ONCE)
        held = holder.execute("select count(*) from pg_locks where locktype = 'advisory'").fetchone()[0]
        assert held >= 14
        schema.prepare(warehouse, patience=SHORT)
        assert load(warehouse, contract) == []
        assert transform_builds.open_build(warehouse, NIGHT) == 1
        with connect(warehouse, "kho_loader", autocommit=True) as connection:
            deliveries.lock(connection, contract.name)
        with connect(warehouse, "kho_transformer") as connection:
            releases.lock(connection)


@pytest.mark.parametrize("role", ["bi_reader", "kho_auditor"])
def test_who_only_reads_reaches_no_lock_of_ours(warehouse: Settings, role: str) -> None:
    with connect(warehouse, role, autocommit=True) as connection:
        for statement in (
            "select from ledger.lock for update",
            "do $$ begin lock table ledger.lock in row exclusive mode; end $$",
            "insert into ledger.lock (name) values ('build')",
            "select from ledger.arrival for no key update",
            "select pg_advisory_lock(1)",
            "select pg_try_advisory_xact_lock_shared(1, 2)",
        ):
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute(statement)


def test_a_wait_for_a_lock_ends_and_names_who_holds_it_and_not_who_waits_before(warehouse: Settings) -> None:
    with (
        connect(warehouse, "kho_operator") as first,
        connect(warehouse, "kho_operator") as second,
        connect(warehouse, "kho_operator") as third,
        ThreadPoolExecutor() as pool,
    ):
        holder = first.info.backend_pid
        locks.take(first, "build")
        waiting = pool.submit(locks.take, second, "build", timedelta(seconds=3))
        while not (found := locks.waits(warehouse)):
            pass
        ((who, held_by),) = found
        assert (who.pid, [each.pid for each in held_by]) == (second.info.backend_pid, [holder])
        with pytest.raises(Blocked) as blocked:
            locks.take(third, "build", SHORT)
        with pytest.raises(Blocked):
            waiting.result()
    told = str(blocked.value).splitlines()
    assert "the lock 'build' was not to be had in time" in told[0] and "pg_terminate_backend" in told[0]
    assert f"process {holder} of kho_operator (kho kho_operator), in a transaction since" in told[1]
    assert locks.waits(warehouse) == []


def test_a_lock_of_a_session_is_held_without_a_transaction_and_is_free_when_its_process_is_killed(
    warehouse: Settings,
) -> None:
    script = (
        "import sys; from kho.database import connect; from kho.ledger import deliveries; from kho.settings import Settings\n"
        "from pathlib import Path; s = Settings(home=Path(sys.argv[1]), warehouse_database=sys.argv[2])\n"
        "c = connect(s, 'kho_loader', autocommit=True); deliveries.lock(c, 'a.b'); print(c.info.backend_pid, flush=True); input()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, warehouse.home, warehouse.warehouse_database],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    pid = int(process.stdout.readline())
    with connect(warehouse, "kho_loader", autocommit=True) as connection:
        with pytest.raises(Blocked, match=rf"the lock 'fetch a\.b' .*\n.*process {pid} of kho_loader"):
            locks.hold(connection, "fetch a.b", SHORT)
        deliveries.lock(connection, "a.c")
        state = "select state, backend_xmin, backend_xid from pg_stat_activity where pid = %s"
        assert connection.execute(state, [pid]).fetchone() == ("idle", None, None)
        process.kill()
        process.wait()
        deliveries.lock(connection, "a.b")
        with pytest.raises(Blocked), connect(warehouse, "kho_loader", autocommit=True) as other:
            locks.hold(other, "fetch a.b", SHORT)


def test_an_arrival_is_loaded_by_one_at_a_time(warehouse: Settings, hand_over: Callable[..., int]) -> None:
    hand_over("one_stop.dossiers", "2021-01-31")
    with connect(warehouse, "kho_loader") as first, connect(warehouse, "kho_loader") as second:
        assert batches.lock_arrival(first, 1)
        second.execute("set lock_timeout = '1500ms'")
        with pytest.raises(Blocked, match=r"arrival 1 .*\n.* of kho_loader"):
            batches.lock_arrival(second, 1)


def test_who_holds_the_warehouse_while_it_is_prepared_is_named(warehouse: Settings) -> None:
    with psycopg.connect(warehouse.admin_url(), application_name="by hand") as holder:
        holder.execute("lock table ledger.migration")
        with pytest.raises(
            Blocked, match=r"prepared.*\n.*of postgres \(by hand\), in a transaction since .*: lock table"
        ):
            schema.prepare(warehouse, patience=SHORT)
    with psycopg.connect(warehouse.admin_url(), application_name="twin") as holder:
        schema._lock(holder)
        with pytest.raises(Blocked, match=r"of postgres \(twin\)"):
            schema.prepare(warehouse, patience=SHORT)


def test_a_table_that_gains_a_column_waits_for_its_readers_for_a_while(warehouse: Settings) -> None:
    contract = contracts(warehouse)["one_stop.procedures"]
    load(warehouse, contract)
    table = sql.Identifier("raw", contract.raw_table)
    with connect(warehouse, "kho_loader") as connection:
        column = next(column for column in contract.stored if column not in contract.key)
        connection.execute(
            sql.SQL("alter table {} drop column {}").format(table, sql.Identifier(column.name))
        )
    with connect(warehouse, "kho_auditor") as auditor, connect(warehouse, "kho_loader") as connection:
        auditor.execute(sql.SQL("select * from {}").format(table))
        connection.execute("set lock_timeout = '1500ms'")
        with pytest.raises(
            Blocked, match=rf"gains the column {column.name}, .*\n.* of kho_auditor \(kho kho_auditor\)"
        ):
            raw.ensure(connection, warehouse, contract)


def test_what_dbt_waits_for_is_named(built_warehouse: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project, "SESSION", f"{project.SESSION} -c lock_timeout=3s")
    with connect(built_warehouse, "kho_auditor") as auditor:
        auditor.execute("select * from warehouse.dim_date")
        holder = auditor.info.backend_pid
        (replaced,) = project.run(built_warehouse, ["run", "--select", "dim_date"])
        assert replaced.status == "success"  # rows are replaced beside whoever reads
        (result,) = project.run(built_warehouse, ["run", "--full-refresh", "--select", "dim_date"])
    assert "lock timeout" in result.message
    assert f"process {holder} of kho_auditor (kho kho_auditor)" in result.message


def test_status_tells_what_a_night_waits_for_and_a_command_who_kept_it_waiting(
    warehouse: Settings, hand_over: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KHO_HOME", str(warehouse.home))
    monkeypatch.setenv("KHO_WAREHOUSE_DATABASE", warehouse.warehouse_database)
    monkeypatch.setattr(database, "SESSION", f"{database.SESSION} -c lock_timeout=3s")
    batch = hand_over("one_stop.dossiers", "2021-01-31", state="held")
    kho_settings.settings.cache_clear()
    try:
        with connect(warehouse, "kho_operator") as holder, ThreadPoolExecutor() as pool:
            holder_pid = holder.info.backend_pid
            decisions.lock(holder, batch)
            accepting = ["batch", "accept", str(batch), "--reason", "right"]
            typed = pool.submit(CliRunner().invoke, app, accepting)
            while not locks.waits(warehouse):
                assert not typed.done()
            told = CliRunner(env={"COLUMNS": "500"}).invoke(app, ["status"]).output.splitlines()
            result = typed.result()
        assert result.exit_code == 1
        assert f"batch {batch} was not to be had in time. End who holds it" in result.output
    finally:
        kho_settings.settings.cache_clear()
    (at,) = [n for n, line in enumerate(told) if line.startswith("Waiting for a lock: process ")]
    assert "from ledger.batch where batch_id = $1 for update" in told[at]
    assert told[at + 1].startswith(
        f"  held by process {holder_pid} of kho_operator (kho kho_operator), in a transaction"
    )


# What a reader may use up


def test_a_reader_spills_so_much_and_no_more(warehouse: Settings) -> None:
    with as_reader(warehouse) as reader:
        assert setting(reader, "temp_file_limit") == roles.READER_TEMP_FILES
        with pytest.raises(errors.InsufficientPrivilege):
            reader.execute("set temp_file_limit = -1")
        with pytest.raises(errors.ConfigurationLimitExceeded, match="temporary file size exceeds"):
            reader.execute(
                "with spilled as materialized (select repeat('x', 8000) from generate_series(1, 100000))"
                " select count(*) from spilled"
            )


def test_a_reader_writes_nothing(warehouse: Settings) -> None:
    with as_reader(warehouse) as reader:
        for statement in (
            "select lo_create(0)",
            "select lo_from_bytea(0, 'x')",
            "create temporary table t (n int)",
            "create table public.t (n int)",
            "create schema mine",
        ):
            with pytest.raises(errors.InsufficientPrivilege):
                reader.execute(statement)


@pytest.mark.parametrize("database", ["postgres", "airflow", "template1"])
def test_a_reader_enters_no_other_database(server: Settings, database: str) -> None:
    with (
        pytest.raises(psycopg.OperationalError, match="permission denied for database"),
        as_reader(server, database),
    ):
        pass
    with psycopg.connect(server.admin_url(database)) as connection:
        open_to_all = connection.execute(
            "select proname from pg_proc where proname ~ '^lo_' and has_function_privilege('bi_reader', oid, 'execute')"
        ).fetchall()
        assert open_to_all == []


# Publishing


@pytest.mark.parametrize(
    ("limits", "read"),
    [
        (roles.LIMITS._replace(idle=timedelta(0)), "select count(*) from marts.first"),
        (roles.LIMITS._replace(transaction=timedelta(0)), "select count(*) from marts.first"),
        (roles.LIMITS._replace(statement=timedelta(0)), "select count(*), pg_sleep(60) from marts.first"),
    ],
    ids=["idle", "transaction", "statement"],
)
def test_a_reader_that_outstays_its_limits_is_ended_by_publishing(
    warehouse: Settings, candidate: Callable[..., releases.Release], limits: roles.Limits, read: str
) -> None:
    candidate()
    release.publish(warehouse)
    ended: list[psycopg.Error] = []

    def read_on(reader: psycopg.Connection) -> None:
        try:
            reader.execute("begin isolation level repeatable read")
            reader.execute(read)
            is_published.wait(60)
            reader.execute("select 1")
        except psycopg.Error as error:
            ended.append(error)

    is_published = threading.Event()
    with as_reader(warehouse) as reader:
        reading = threading.Thread(target=read_on, args=[reader])
        pid = reader.info.backend_pid
        reading.start()
        while not rows(warehouse, "select 1 from pg_locks where pid = %s::int and relation is not null", pid):
            pass
        candidate()
        assert release.publish(warehouse, limits=limits).release_id == 2
        is_published.set()
        reading.join()
    assert [type(error) for error in ended] == [errors.AdminShutdown]


def test_who_outstays_no_limit_is_not_ended(
    warehouse: Settings, candidate: Callable[..., releases.Release]
) -> None:
    candidate()
    release.publish(warehouse)
    with as_reader(warehouse) as reader, connect(warehouse, "kho_auditor") as other:
        reader.execute("begin")
        reader.execute("select 1")
        other.execute("select count(*) from marts.first")
        with connect(warehouse, "kho_transformer", autocommit=True) as connection:
            readers.end_overdue(connection)
            readers.end_overdue(connection, roles.Limits(*[timedelta(0)] * 3))
        other.execute("select 1")  # no reader, and none of its business
        with pytest.raises(errors.AdminShutdown):
            reader.execute("select 1")


def test_a_transaction_of_another_database_keeps_no_release_waiting(
    warehouse: Settings, candidate: Callable[..., releases.Release]
) -> None:
    """It makes every snapshot of the server look as old as it is itself."""
    with psycopg.connect(warehouse.admin_url("postgres")) as elsewhere:
        elsewhere.execute("select pg_current_xact_id()")
        made = candidate()
        with connect(warehouse, "kho_operator") as owner:
            builds.record_models(owner, made.build_id, "marts", [("first", "success", 100, 0.1, None)])
        with as_reader(warehouse) as young:
            young.execute("begin isolation level repeatable read")
            young.execute("select 1")
            release.publish(warehouse, patience=SHORT)
            assert young.execute("select count(*) from marts.second").fetchone() == (100,)


def test_whom_a_release_waits_for_is_told_while_it_waits(
    warehouse: Settings, candidate: Callable[..., releases.Release]
) -> None:
    candidate()
    release.publish(warehouse)
    candidate()
    with as_reader(warehouse) as reader, ThreadPoolExecutor() as pool:
        reader.execute("begin")
        reader.execute("select count(*) from marts.first")
        assert readers.waited_for(warehouse) == []
        publishing = pool.submit(release.publish, warehouse, patience=timedelta(seconds=2))
        while not (found := readers.waited_for(warehouse)):
            pass
        with pytest.raises(releases.ReleaseError):
            publishing.result()
    assert [(each.usename, each.application_name) for each in found] == [("bi_reader", "Excel")]
