"""A reader of one agency sees what is its agency's, by whatever client it asks and whatever it asks."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import psycopg
import pytest
from click.testing import Result
from psycopg import errors, sql
from typer.testing import CliRunner

from kho import settings as kho_settings
from kho.cli import app
from kho.database import connect
from kho.ledger import readers, releases, roles, schema
from kho.ledger.readers import ReaderError
from kho.publish import readers as waits
from kho.publish import release, scopes
from kho.settings import Settings
from tests.integration.loading import rows
from tests.owner import as_owner
from tests.plans import nodes

COMMUNE, DISTRICT, PROVINCE, ELSEWHERE = "H51.12.21", "H51.12", "H51", "H59.06"


@pytest.fixture(scope="module")
def added() -> Iterator[list[tuple[Settings, str]]]:
    """Readers are roles of the whole server: those of a test go with it."""
    added: list[tuple[Settings, str]] = []
    yield added
    for settings, name in added:
        with psycopg.connect(settings.admin_url("postgres")) as connection:
            connection.execute(sql.SQL("drop role if exists {}").format(sql.Identifier(name)))


@pytest.fixture(scope="module")
def reader(added: list[tuple[Settings, str]]) -> Callable[[Settings, str], str]:
    """Adds a reader: `reader(warehouse, "H51.12")` gives its name. No small count is kept from it, if nothing else is said."""

    def add(settings: Settings, scope: str, sees_small_cells: bool = True) -> str:
        name = f"reader_{uuid.uuid4().hex[:12]}"
        readers.add(settings, name, scope, sees_small_cells=sees_small_cells, actor="test")
        added.append((settings, name))
        return name

    return add


def as_reader(settings: Settings, name: str) -> psycopg.Connection:
    return psycopg.connect(settings.reader_url(name), autocommit=True, application_name="Excel")


@pytest.fixture
def small(warehouse: Settings, candidate: Callable[..., releases.Release]) -> Settings:
    """A release with two agencies below a province, and something of nobody."""
    candidate(
        spending="""
          select * from (values ('p.a', 1, 'first'), ('p.a', 2, 'second'), ('p.b', 777, 'secret'), (null, 3, 'lost'))
            as spending (agency_code, amount_vnd, spending_item)
        """,
        figure_metric="select 'visits'::text as metric",
        source_freshness="select 'a.b'::text as contract, 12 as rows_loaded",
        quality_history="select 1 as verdict_id",
        reader_reach="""
          select * from (values ('p', 'p'), ('p', 'p.a'), ('p', 'p.b'), ('p.a', 'p.a'), ('p.b', 'p.b'))
            as reader_reach (scope_agency_code, agency_code)
        """,
    )
    release.publish(warehouse)
    return warehouse


# What is there


@pytest.mark.parametrize("scope", [COMMUNE, DISTRICT, PROVINCE, ELSEWHERE])
def test_every_mart_has_the_rows_of_the_agency_and_no_others(
    module_published: Settings, reader: Callable[..., str], scope: str
) -> None:
    with (
        as_reader(module_published, reader(module_published, scope)) as asking,
        connect(module_published, "kho_auditor") as all_,
    ):
        seen = 0
        for mart, column in (scopes.AGENCY | scopes.PUBLIC).items():
            found = asking.execute(
                sql.SQL("select {0}, count(*) from {1} group by 1").format(
                    sql.Identifier(column), sql.Identifier("scoped", mart)
                )
            ).fetchall()
            # Codes of the sample begin with those of what is above them.
            wanted = all_.execute(
                sql.SQL(
                    "select {0}, count(*) from {1} where {0} = %(it)s or {0} like %(below)s group by 1"
                ).format(sql.Identifier(column), sql.Identifier("marts", mart)),
                {"it": scope, "below": f"{scope}.%"},
            ).fetchall()
            assert dict(found) == dict(wanted), mart
            seen += sum(dict(found).values())
        assert seen > 1_000
        for mart in scopes.OF_NO_AGENCY:
            counting = sql.SQL("select count(*) from {}")
            ours = asking.execute(counting.format(sql.Identifier("scoped", mart))).fetchone()
            theirs = all_.execute(counting.format(sql.Identifier("marts", mart))).fetchone()
            assert ours == theirs, mart


def test_a_unit_of_after_sees_what_it_was_made_of_and_one_of_before_what_it_has_become(
    module_published: Settings, reader: Callable[..., str]
) -> None:
    made_of = dict(
        (row["scope"], row["codes"])
        for row in rows(
            module_published,
            """
            select scope_agency_code as scope, array_agg(agency_code) as codes from warehouse.bridge_agency_restated
            where mixed_with is null and starts_with(agency_code, 'H51.12.') and starts_with(scope_agency_code, 'H13.') group by 1
            """,
        )
    )
    after, before = next(iter(made_of.items()))
    asked = "select distinct scope_agency_code from scoped.report_figure"
    with as_reader(module_published, reader(module_published, after)) as asking:
        seen = {code for (code,) in asking.execute(asked)}
    assert seen - {after} and seen - {after} <= set(before)


@pytest.mark.parametrize("sees_small_cells", [True, False])
def test_figures_of_one_agency_are_found_by_an_index(
    module_published: Settings, reader: Callable[..., str], sees_small_cells: bool
) -> None:
    with as_reader(module_published, reader(module_published, COMMUNE, sees_small_cells)) as asking:
        (plan,) = asking.execute(
            "explain (analyze, format json) select * from scoped.report_figure"
        ).fetchone()
    found = list(nodes(plan[0]["Plan"]))
    (figures,) = [node for node in found if node.get("Relation Name") == "kept_figure"]
    assert figures["Node Type"] in ("Index Scan", "Bitmap Heap Scan"), figures


@pytest.mark.parametrize("scope", [COMMUNE, DISTRICT, PROVINCE])
def test_of_what_is_below_its_agency_a_reader_sees_what_is_public_if_nothing_else_was_said(
    module_published: Settings, reader: Callable[..., str], scope: str
) -> None:
    counting = sql.SQL("select {0}, count(*) from {1} where {0} = any(%s) group by 1")
    with (
        as_reader(module_published, reader(module_published, scope, False)) as asking,
        connect(module_published, "kho_auditor") as all_,
    ):
        own = [
            code
            for (code,) in all_.execute(
                "select distinct agency_code from marts.agency where unit_agency_code = %s", [scope]
            )
        ]
        for mart, column in scopes.AGENCY.items():
            found = asking.execute(
                sql.SQL("select {0}, count(*) from {1} group by 1").format(
                    sql.Identifier(column), sql.Identifier("scoped", mart)
                )
            ).fetchall()
            wanted = all_.execute(
                counting.format(sql.Identifier(column), sql.Identifier("marts", mart)), [own]
            ).fetchall()
            told_of_others = all_.execute(
                "select scope_agency_code, count(*) from marts.report_figure where scope_agency_code = any(%s)"
                " and detail like '%% / %%' group by 1",
                [own],
            ).fetchall()
            less = dict(told_of_others) if mart == "report_figure" else {}
            assert dict(found) == {code: n - less.get(code, 0) for code, n in wanted}, mart
        public = "select unit_agency_code, publication, count(*), min(abs(value)) filter (where value <> 0) from {}.public_month"
        seen = asking.execute(public.format("scoped") + " group by 1, 2").fetchall()
        below = all_.execute(
            public.format("marts") + " where starts_with(unit_agency_code || '.', %s || '.') group by 1, 2",
            [scope],
        ).fetchall()
    assert sorted(seen) == sorted(below) and {publication for _, publication, *_ in seen} >= {
        "shown",
        "suppressed",
    }
    assert all(least is None or least >= 5 for *_, least in seen)


def test_a_release_that_does_not_tell_whose_own_a_row_is_shows_the_agency_itself(
    small: Settings, reader: Callable[..., str]
) -> None:
    with as_reader(small, reader(small, "p", False)) as asking:
        assert asking.execute("select * from scoped.spending").fetchall() == []
    with as_reader(small, reader(small, "p.a", False)) as asking:
        assert asking.execute("select count(*) from scoped.spending").fetchone() == (2,)


def test_who_has_no_scope_any_more_sees_nothing_and_is_refused_nothing(
    small: Settings, reader: Callable[..., str]
) -> None:
    name = reader(small, "p.a")
    with as_reader(small, name) as asking, as_owner(small) as owner:
        assert asking.execute("select count(*) from scoped.spending").fetchone() == (2,)
        owner.execute("delete from ledger.reader where role_name = %s", [name])
        owner.commit()
        assert asking.execute("select * from scoped.spending").fetchall() == []
        assert asking.execute("select * from scoped.figure_metric").fetchall() == [("visits",)]


def test_of_an_agency_that_no_release_knows_nothing_is_seen(
    small: Settings, reader: Callable[..., str]
) -> None:
    with as_reader(small, reader(small, "q")) as asking:
        assert asking.execute("select * from scoped.spending").fetchall() == []


def test_what_tells_of_all_agencies_at_once_is_not_told(small: Settings, reader: Callable[..., str]) -> None:
    with as_reader(small, reader(small, "p")) as asking:
        assert asking.execute("select * from scoped.source_freshness").fetchall() == [("a.b", None)]
        with pytest.raises(errors.UndefinedTable):
            asking.execute("select * from scoped.quality_history")


# What is asked by those who want more

CONDITIONS = [
    "spending_item::integer > 0",  # an error quotes what it can't read
    "amount_vnd / (case when agency_code = 'p.b' then 0 else 1 end) > 0",
    "1 / (777 - amount_vnd) < 2",
    "pg_notify('leak', spending_item) is not null",
    "set_config('leak.it', spending_item, false) is not null",
    "(select count(*) from pg_sleep(case when agency_code = 'p.b' then 30 else 0 end)) > 0",
]
ATTACKS = [
    "select * from marts.spending",
    "select * from release_1.spending",
    "select * from release_1.reader_reach",
    "select * from ledger.reader",
    "select * from raw.\"one_stop.dossiers\"",
    "select * from warehouse.dim_agency",
    "update ledger.reader set scope_agency_code = 'p'",
    "insert into ledger.reader (role_name, scope_agency_code, added_by) values (current_user, 'p', '')",
    "delete from scoped.spending",
    "insert into scoped.spending values ('p.a', 1, '')",
    "set role kho_reader",
    "set role kho_transformer",
    "set role bi_reader",
    "set session authorization bi_reader",
    "set local session authorization kho_owner",
    "grant kho_owner to current_user",
    "alter role current_user superuser",
    "alter role current_user connection limit 100",
    "alter role bi_reader set search_path = public",
    "alter view scoped.spending set (security_barrier = false)",
    "create or replace view scoped.spending as select 1 as n",
    "create function public.leak(text) returns boolean language sql as 'select true'",
    "create function scoped.leak(text) returns boolean language sql as 'select true'",
    "create temporary table spending (agency_code text)",
    "create temporary view reader as select current_user as role_name, 'p' as scope_agency_code",
    "create function pg_temp.leak(text) returns boolean language sql as 'select true'",
    "create operator public.= (leftarg = text, rightarg = text, function = texteq)",
    "create schema ledger_too",
    "do $$ begin perform * from ledger.reader; end $$",
    "copy scoped.spending to program 'cat'",
    "copy scoped.spending to '/tmp/spending'",
    "select pg_read_file('postgresql.conf')",
    "select * from pg_statistic",
    "select * from pg_authid",
    "select lo_create(0)",
    "select pg_advisory_lock(1)",
    "set temp_file_limit = -1",
    "set session_preload_libraries = 'auto_explain'",
    "load 'auto_explain'",
    "set auto_explain.log_min_duration = 0; load 'auto_explain'",
]  # fmt: skip


def test_a_reader_is_refused_whatever_leads_to_other_rows(
    small: Settings, reader: Callable[..., str]
) -> None:
    refused = (
        errors.InsufficientPrivilege, errors.CantChangeRuntimeParam, errors.UndefinedObject,
        errors.ObjectNotInPrerequisiteState,  # such a view takes no rows from anybody
    )  # fmt: skip
    with as_reader(small, reader(small, "p.a")) as asking:
        for statement in ATTACKS:
            try:
                asking.execute(statement)
            except refused:
                continue
            pytest.fail(statement)


def test_no_condition_of_a_reader_meets_a_row_of_another_agency(
    small: Settings, reader: Callable[..., str]
) -> None:
    asked = "select amount_vnd from scoped.spending where "
    with as_reader(small, reader(small, "p.a")) as asking:
        asking.execute("set statement_timeout = '5s'")
        asking.execute("listen leak")
        for condition in CONDITIONS:
            try:
                found = asking.execute(asked + condition).fetchall()
            except errors.InvalidTextRepresentation as error:
                assert "first" in str(error) or "second" in str(error), condition
            else:
                assert {amount for (amount,) in found} <= {1, 2}, condition
        heard = {each.payload for each in asking.notifies(timeout=0.05)}
        (kept,) = asking.execute("select current_setting('leak.it', true)").fetchone()
    assert heard == {"first", "second"} and kept in heard


def test_no_estimate_tells_of_rows_of_another_agency(small: Settings, reader: Callable[..., str]) -> None:
    """What the planner expects of a condition is the same, whether others have such rows or nobody has."""
    with connect(small, "kho_transformer", autocommit=True) as connection:
        connection.execute(
            "insert into release_1.spending select 'p.b', 777, 'secret' from generate_series(1, 5000)"
        )
        connection.execute("analyze release_1.spending")
    asked = [
        ("agency_code = {}", "'p.b'", "'p.x'"),
        ("spending_item = {}", "'secret'", "'nothing'"),
        ("spending_item > {}", "'rrr'", "'zzz'"),
        ("amount_vnd = {}", "777", "778"),
        ("amount_vnd > {}", "776", "778"),
        ("amount_vnd in ({}, 1)", "777", "778"),
    ]
    explained = "explain (format json) select * from {}.spending where "
    with as_reader(small, reader(small, "p.a")) as asking, connect(small, "bi_reader") as all_:

        def estimate(of: psycopg.Connection, schema: str, condition: str, value: str) -> str:
            shown = of.execute(explained.format(schema) + condition.format(value)).fetchone()[0]
            return str(shown).replace(value.strip("'"), "")

        for condition, there, nowhere in asked:
            assert estimate(all_, "marts", condition, there) != estimate(all_, "marts", condition, nowhere)
            assert estimate(asking, "scoped", condition, there) == estimate(
                asking, "scoped", condition, nowhere
            )


@pytest.mark.parametrize("catalog", ["pg_stats", "pg_stats_ext", "pg_stats_ext_exprs"])
def test_statistics_of_tables_are_not_shown(
    small: Settings, reader: Callable[..., str], catalog: str
) -> None:
    with as_reader(small, reader(small, "p.a")) as asking:
        shown = asking.execute(
            sql.SQL("select schemaname, tablename from {} where schemaname !~ '^(pg_|information)'").format(
                sql.Identifier(catalog)
            )
        ).fetchall()
    assert shown == []


def test_definitions_hold_nothing_of_who_sees_what(small: Settings, reader: Callable[..., str]) -> None:
    name = reader(small, "p.a")
    with as_reader(small, name) as asking:
        (definition,) = asking.execute("select pg_get_viewdef('scoped.spending'::regclass)").fetchone()
    assert "CURRENT_USER" in definition and name not in definition and "p.a" not in definition


def test_sums_over_what_a_reader_sees_are_its_own(small: Settings, reader: Callable[..., str]) -> None:
    asked = "select sum(amount_vnd), count(*), max(amount_vnd) from scoped.spending"
    for scope, wanted in {"p.a": (3, 2, 2), "p.b": (777, 1, 777), "p": (780, 3, 777)}.items():
        with as_reader(small, reader(small, scope)) as asking:
            assert asking.execute(asked).fetchone() == wanted


def test_who_reads_all_of_marts_has_no_scope(small: Settings) -> None:
    with connect(small, "bi_reader") as asking:
        assert asking.execute("select count(*) from marts.spending").fetchone() == (4,)


# Releases


def test_views_turn_with_the_release_and_back(
    small: Settings, candidate: Callable[..., releases.Release], reader: Callable[..., str]
) -> None:
    reach = "select 'p.a'::text as scope_agency_code, 'p.a'::text as agency_code"
    with as_reader(small, reader(small, "p.a")) as asking:
        candidate(spending="select 5::bigint as other, 'p.a'::text as agency_code", reader_reach=reach)
        release.publish(small)
        assert asking.execute("select * from scoped.spending").fetchall() == [(5, "p.a")]
        with pytest.raises(errors.UndefinedTable):
            asking.execute("select * from scoped.figure_metric")
        release.rollback(small, actor="test", reason="test")
        assert asking.execute("select sum(amount_vnd) from scoped.spending").fetchone() == (3,)
        assert asking.execute("select * from scoped.figure_metric").fetchall() == [("visits",)]


def test_a_release_from_before_there_were_readers_shows_them_nothing(
    warehouse: Settings, candidate: Callable[..., releases.Release], reader: Callable[..., str]
) -> None:
    candidate(spending="select 'p.a'::text as agency_code")
    release.publish(warehouse)
    with as_reader(warehouse, reader(warehouse, "p.a")) as asking:
        assert asking.execute("select * from scoped.spending").fetchall() == []


def test_what_is_said_of_a_mart_is_said_of_its_view(
    small: Settings, candidate: Callable[..., releases.Release]
) -> None:
    with connect(small, "kho_transformer") as connection:
        connection.execute("comment on view marts.spending is 'Chi'")
        connection.execute("comment on column marts.spending.amount_vnd is 'Số tiền'")
        connection.commit()
        scopes.repoint(connection, "release_1")
        said = "select obj_description('scoped.spending'::regclass), col_description('scoped.spending'::regclass, 2)"
        assert connection.execute(said).fetchone() == ("Chi", "Số tiền")


def test_publishing_waits_for_a_reader_of_one_agency_and_names_it(
    small: Settings, candidate: Callable[..., releases.Release], reader: Callable[..., str]
) -> None:
    name = reader(small, "p.a")
    candidate(spending="select 'p.a'::text as agency_code")
    with as_reader(small, name) as asking:
        asking.execute("begin isolation level repeatable read")
        asking.execute("select * from scoped.spending")
        with pytest.raises(releases.ReleaseError, match=rf"of {name} \(Excel\).*scoped\.spending"):
            release.publish(small, patience=roles.LIMITS.idle * 0)


def test_publishing_ends_a_reader_of_one_agency_that_outstays_its_limits(
    small: Settings, candidate: Callable[..., releases.Release], reader: Callable[..., str]
) -> None:
    name = reader(small, "p.a")
    candidate(spending="select 'p.a'::text as agency_code")
    with as_reader(small, name) as asking:
        asking.execute("begin isolation level repeatable read")
        asking.execute("select * from scoped.spending")
        release.publish(small, limits=roles.LIMITS._replace(idle=roles.LIMITS.idle * 0))
        with pytest.raises(errors.AdminShutdown):
            asking.execute("select 1")


def test_who_holds_the_view_of_an_agency_is_told(small: Settings, reader: Callable[..., str]) -> None:
    name = reader(small, "p.a")
    with as_reader(small, name) as asking, connect(small, "kho_transformer") as publisher:
        asking.execute("begin")
        asking.execute("select * from scoped.spending")
        assert [each.usename for each in waits.lock_holders(publisher)] == [name]


# Logins


def test_a_reader_is_added_told_of_and_removed_on_the_command_line(
    small: Settings, added: list[tuple[Settings, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KHO_HOME", str(small.home))
    monkeypatch.setenv("KHO_WAREHOUSE_DATABASE", small.warehouse_database)
    kho_settings.settings.cache_clear()
    name = f"reader_{uuid.uuid4().hex[:12]}"
    added.append((small, name))

    def kho(*words: str) -> Result:
        return CliRunner(env={"COLUMNS": "300"}).invoke(app, ["reader", *words])

    try:
        assert "there is no agency H99: `kho agency list`" in kho("add", name, "--scope", "H99").output
        made = kho("add", name, "--scope", "H51.12.21")
        assert made.exit_code == 0 and str(small.reader_file(name)) in made.output
        assert small.reader_file(name).read_text() not in made.output
        again = kho("add", name, "--scope", "H51")
        assert again.exit_code == 1 and "there is a role" in again.output
        assert (
            name in kho("list").output
            and "H51.12.21" in kho("list").output
            and "its own" in kho("list").output
        )
        assert kho("remove", name).exit_code == 0
        assert name not in kho("list").output
        assert kho("remove", name).exit_code == 1
        assert "of all below it too" in kho("add", name, "--scope", "H51.12", "--small-cells").output
        assert "shown" in kho("list").output
    finally:
        kho_settings.settings.cache_clear()


def test_nobody_is_let_in_without_small_counts_while_views_of_before_show_them(
    small: Settings, added: list[tuple[Settings, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KHO_HOME", str(small.home))
    monkeypatch.setenv("KHO_WAREHOUSE_DATABASE", small.warehouse_database)
    kho_settings.settings.cache_clear()
    name = f"reader_{uuid.uuid4().hex[:12]}"
    added.append((small, name))
    with connect(small, "kho_transformer") as connection:
        assert scopes.keep_small_cells(connection)
        connection.execute("create or replace view scoped.spending as select * from release_1.spending")
        assert not scopes.keep_small_cells(connection)
    try:
        refused = CliRunner().invoke(app, ["reader", "add", name, "--scope", "H51"])
        assert refused.exit_code == 1 and "after the next night" in " ".join(refused.output.split())
        assert (
            CliRunner().invoke(app, ["reader", "add", name, "--scope", "H51", "--small-cells"]).exit_code == 0
        )
    finally:
        kho_settings.settings.cache_clear()


def test_a_reader_has_the_limits_of_readers_whatever_it_sets(
    small: Settings, reader: Callable[..., str]
) -> None:
    name = reader(small, "p.a")
    with as_reader(small, name) as asking:
        asking.execute("alter role current_user set statement_timeout = 0")
        asking.execute(
            sql.SQL("alter role current_user in database {} set work_mem = '1TB'").format(
                sql.Identifier(small.warehouse_database)
            )
        )
    assert schema.prepare(small) == []
    shown = rows(
        small, "select rolconnlimit as sessions, rolconfig as settings from pg_roles where rolname = %s", name
    )
    assert shown[0]["sessions"] == roles.LOGIN_SESSIONS
    assert dict(each.split("=") for each in shown[0]["settings"]) == {
        "idle_in_transaction_session_timeout": "900s",
        "statement_timeout": "1800s",
        "transaction_timeout": "3600s",
        "temp_file_limit": roles.READER_TEMP_FILES,
    }
    with as_reader(small, name) as asking:
        assert asking.execute("show work_mem").fetchone() != ("1TB",)


def test_readers_of_a_database_that_was_copied_come_back_with_their_scopes(
    small: Settings, reader: Callable[..., str]
) -> None:
    name = reader(small, "p.a")
    with psycopg.connect(small.admin_url()) as connection:
        connection.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))
    schema.prepare(small)
    with as_reader(small, name) as asking:
        assert asking.execute("select count(*) from scoped.spending").fetchone() == (2,)


def test_a_role_of_the_same_name_on_another_server_is_left_alone(
    small: Settings, reader: Callable[..., str]
) -> None:
    name = reader(small, "p.a")
    with psycopg.connect(small.admin_url()) as connection:
        connection.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))
        connection.execute(sql.SQL("create role {}").format(sql.Identifier(name)))
    assert schema.prepare(small) == [f'grant "kho_reader" to "{name}" with inherit true, set false']
    assert rows(small, "select rolcanlogin from pg_roles where rolname = %s", name) == [
        {"rolcanlogin": False}
    ]
    readers.remove(small, name)
    assert rows(small, "select rolname from pg_roles where rolname = %s", name) == [{"rolname": name}]
    assert rows(small, "select * from ledger.reader") == []


def test_a_name_that_is_taken_or_none_is_refused(small: Settings) -> None:
    for name in ("bi_reader", "kho_reader", "postgres", "pg_mine", "Capital", "a", "x" * 41, "a b", "../a"):
        with pytest.raises(ReaderError):
            readers.add(small, name, "p.a", actor="test")
    assert rows(small, "select * from ledger.reader") == []


def test_a_reader_that_is_removed_is_ended_and_gone_and_may_come_again_with_another_password(
    small: Settings, reader: Callable[..., str]
) -> None:
    name = reader(small, "p.a")
    before = small.reader_file(name).read_text()
    assert small.reader_file(name).stat().st_mode & 0o777 == 0o600
    with as_reader(small, name) as asking:
        readers.remove(small, name)
        with pytest.raises(psycopg.OperationalError):
            asking.execute("select 1")
    assert not small.reader_file(name).exists()
    with pytest.raises(ReaderError, match="kho reader list"):
        readers.remove(small, name)
    readers.add(small, name, "p.b", actor="test")
    assert small.reader_file(name).read_text() != before
    with as_reader(small, name) as asking:
        assert asking.execute("select amount_vnd from scoped.spending").fetchall() == [(777,)]


def test_a_reader_that_was_given_more_is_locked_out_and_told(
    small: Settings, reader: Callable[..., str]
) -> None:
    name = reader(small, "p.a")
    with psycopg.connect(small.admin_url()) as connection:
        connection.execute(sql.SQL("grant usage on schema marts to {}").format(sql.Identifier(name)))
    with pytest.raises(ReaderError, match=r"(?s)given more.*schema marts"):
        readers.remove(small, name)
    with pytest.raises(psycopg.OperationalError, match="not permitted to log in"):
        as_reader(small, name)
    with psycopg.connect(small.admin_url()) as connection:
        connection.execute(sql.SQL("revoke usage on schema marts from {}").format(sql.Identifier(name)))
    readers.remove(small, name)
