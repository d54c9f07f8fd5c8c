"""The ledger's migrations: a ledger of any earlier state comes to the one that a new ledger has, and keeps its rows."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from psycopg import sql

from kho.database import connect
from kho.ledger import schema
from kho.settings import Settings
from kho.transform import builds

#: the ledger as it was made before it had migrations, by what each was the first to know
EARLIER = {path.stem: path for path in sorted((Path(__file__).parents[1] / "ledgers").glob("*.sql"))}
CONTRACT = "one_stop.procedures"
NIGHT = date(2021, 1, 31)
NEW = "fresh"
ROWS = """
insert into ledger.contract (contract, version, fingerprint, body) values ('one_stop.procedures', '1.0.0', 'f', 'b');
insert into ledger.delivery (contract, name, business_date) values
  ('one_stop.procedures', 'procedures_000.21.12.H51_20210101.xls', '2021-01-01');
insert into ledger.arrival (delivery_id, sha256, size_bytes) values (1, 'aa', 5);
insert into ledger.batch (arrival_id, delivery_id, contract, contract_version, contract_fingerprint, business_date,
  state, rows_in_file, rows_loaded, rows_rejected, rows_skipped, profile)
  values (1, 1, 'one_stop.procedures', '1.0.0', 'f', '2021-01-01', 'accepted', 3, 2, 1, 0, '{}');
insert into ledger.batch_event (batch_id, to_state, actor) values (1, 'pending', 'load'), (1, 'accepted', 'lan');
insert into ledger.fetch_failure (contract, business_date, reason) values ('one_stop.dossiers', '2021-01-01', 'gone');
insert into ledger.build (business_date, state, model_fingerprint) values ('2021-01-30', 'built', 'm');
insert into ledger.build_batch (batch_id, from_build) values (1, 1);
insert into ledger.build_source values (1, 'one_stop.procedures', null, null, 'fresh', null, null, 3, 2, 1, 0);
insert into ledger.model_run (build_id, layer, model, status) values (1, 'warehouse', 'fct', 'success');
insert into ledger.verdict (boundary, build_id, business_date, subject, expectation, severity, outcome)
  values ('marts', 1, '2021-01-30', 'm', 'e', 'info', 'passed');
insert into ledger.release (build_id, schema_name, business_date, state) values (1, 'release_1', '2021-01-30', 'in_force');
insert into reject.rejected_row (batch_id, row_number, reasons) values (1, 3, array['row: ragged']);
create table warehouse.touched_dossier (dossier_key uuid);
alter table warehouse.touched_dossier owner to kho_transformer;
"""
CATALOG = {
    "columns": """
        select c.oid::regclass, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
          pg_get_expr(d.adbin, d.adrelid), array(select x::text from aclexplode(a.attacl) x order by 1)
        from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum where c.relnamespace = any(%(ours)s)""",
    "relations": """
        select c.oid::regclass, c.relkind, c.relowner::regrole, pg_get_viewdef(c.oid),
          array(select x::text from aclexplode(c.relacl) x order by 1)
        from pg_class c where c.relnamespace = any(%(ours)s)""",
    "constraints": """
        select conrelid::regclass, conname, pg_get_constraintdef(oid) from pg_constraint
        where connamespace = any(%(ours)s)""",
    "indexes": """
        select indexrelid::regclass, pg_get_indexdef(indexrelid) from pg_index join pg_class c on c.oid = indexrelid
        where c.relnamespace = any(%(ours)s)""",
    "functions": """
        select oid::regprocedure, proowner::regrole, pg_get_functiondef(oid),
          array(select x::text from aclexplode(proacl) x order by 1)
        from pg_proc where pronamespace = any(%(ours)s)""",
    "schemas": """
        select nspname, nspowner::regrole, array(select x::text from aclexplode(nspacl) x order by 1)
        from pg_namespace where oid = any(%(ours)s)""",
    "default grants": """
        select defaclrole::regrole, defaclnamespace::regnamespace, defaclobjtype,
          array(select x::text from aclexplode(defaclacl) x order by 1) from pg_default_acl""",
}


@pytest.fixture
def ledger_of(server: Settings, tmp_path: Path) -> Iterator[Callable[..., Settings]]:
    """Settings of an unprepared database, with the ledger that an earlier state made and these rows."""
    made = []

    def make(state: str = NEW, rows: str = "") -> Settings:
        name = f"kho_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(server.admin_url("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("create database {} template template0").format(sql.Identifier(name)))
        made.append(name)
        settings = server.model_copy(update={"warehouse_database": name})
        with psycopg.connect(settings.admin_url()) as connection:
            if state != NEW:
                connection.execute(EARLIER[state].read_text(encoding="utf-8"))
            connection.execute(rows)
        return settings

    yield make
    with psycopg.connect(server.admin_url("postgres"), autocommit=True) as connection:
        for name in made:
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def catalog(settings: Settings) -> dict[str, list[tuple[str, ...]]]:
    """Everything that makes the schema what it is, as text."""
    with psycopg.connect(settings.admin_url()) as connection:
        (ours,) = connection.execute(
            "select array_agg(oid) from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema'"
        ).fetchone()
        return {
            what: sorted(tuple(map(str, row)) for row in connection.execute(query, {"ours": ours}))
            for what, query in CATALOG.items()
        }


def counts(settings: Settings) -> dict[str, int]:
    with psycopg.connect(settings.admin_url()) as connection:
        tables = connection.execute(
            "select schemaname, tablename from pg_tables where schemaname in ('ledger', 'reject')"
            " and tablename <> 'migration'"
        ).fetchall()
        count = sql.SQL("select count(*) from {}")
        return {
            table: connection.execute(count.format(sql.Identifier(schema, table))).fetchone()[0]
            for schema, table in tables
        }


def versions(settings: Settings) -> list[tuple[str]]:
    with psycopg.connect(settings.admin_url()) as connection:
        if not connection.execute("select to_regclass('ledger.migration')").fetchone()[0]:
            return []
        return connection.execute("select version_num from ledger.migration").fetchall()


def test_there_are_earlier_states() -> None:
    assert EARLIER.keys() == {"fetched", "tagged", "reported"}


@pytest.mark.parametrize("state", EARLIER)
def test_a_ledger_of_an_earlier_state_becomes_the_one_that_a_new_ledger_is(
    ledger_of: Callable[..., Settings], state: str
) -> None:
    old, new = ledger_of(state, ROWS), ledger_of()
    before, lacked = counts(old), catalog(old)
    schema.prepare(old)
    schema.prepare(new)
    wanted = catalog(new)
    assert lacked != wanted
    assert catalog(old) == wanted
    assert len(wanted["columns"]) > 100 and len(wanted["constraints"]) > 40
    after = counts(old)
    assert {table: after[table] for table in before} == before
    assert sum(before.values()) == 14
    assert versions(old) == versions(new) != []


def test_the_next_night_of_an_earlier_ledger_fills_what_it_lacked(ledger_of: Callable[..., Settings]) -> None:
    settings = ledger_of("fetched", ROWS)
    schema.prepare(settings)
    builds.open_build(settings, NIGHT)
    with connect(settings, "kho_transformer") as connection:
        inputs = connection.execute(
            "select batch_id, is_in_force, list_unit from ledger.build_input"
        ).fetchall()
        (known,) = connection.execute(
            "select is_list_per_unit from ledger.build_contract where contract = %s", [CONTRACT]
        ).fetchone()
    assert inputs == [(1, True, "H51.12.21")]
    assert known is True


def test_prepared_again_nothing_changes(ledger_of: Callable[..., Settings]) -> None:
    settings = ledger_of()
    schema.prepare(settings)
    before, made = catalog(settings), versions(settings)
    schema.prepare(settings)
    assert catalog(settings) == before
    assert versions(settings) == made


def test_two_that_prepare_at_once_wait_for_each_other(ledger_of: Callable[..., Settings]) -> None:
    settings = ledger_of()
    failures: list[Exception] = []

    def prepare() -> None:
        try:
            schema.prepare(settings)
        except Exception as failure:
            failures.append(failure)

    threads = [threading.Thread(target=prepare) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(versions(settings)) == 1


def test_a_migration_that_fails_leaves_the_ledger_as_it_was(ledger_of: Callable[..., Settings]) -> None:
    settings = ledger_of("tagged", ROWS + "create table ledger.build_contract (mine int);")
    before = catalog(settings)
    with pytest.raises(sa.exc.ProgrammingError, match="build_contract"):
        schema.prepare(settings)
    assert catalog(settings) == before
    assert versions(settings) == []
