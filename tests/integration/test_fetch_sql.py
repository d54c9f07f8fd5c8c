"""Queries on real databases: a day's rows are a file, changes are found, every value keeps its meaning."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
import trustme

from kho.contract import Contract
from kho.database import connect
from kho.fetch import Connection, Fetched, FetchFailed, fetch, listing, sql, take
from kho.fetch.sql import Database
from kho.fetch.transport import Passing
from kho.load import load
from kho.settings import Settings
from tests import contracts
from tests.integration import databases
from tests.integration.fetching import JUNE, arrivals, empty

NAME = "registry.permits"
TABLE = """
    create table permit (code varchar(20) primary key, holder varchar(50), changed_at {timestamp}, changed_on date)
"""


@dataclass
class Registry:
    """A source system's database: how Kho reaches it, and how its keeper does."""

    kind: str
    connection: Connection
    keeper: sa.Engine
    place: dict[str, Any]

    def run(self, *statements: str) -> None:
        with self.keeper.begin() as session:
            for statement in statements:
                session.exec_driver_sql(statement)

    def put(self, *rows: tuple[str, str]) -> None:
        """Insert permits by code and time of the last change."""
        with self.keeper.begin() as session:
            session.execute(
                sa.text("insert into permit (code, holder, changed_at) values (:code, 'An', :at)"),
                [{"code": code, "at": at} for code, at in rows],
            )


@pytest.fixture(scope="module")
def postgres(server: Settings) -> Iterator[Registry]:
    with databases.postgres(server) as (connection, url):
        keeper = sa.create_engine(
            url.replace("postgresql://", "postgresql+psycopg://"), poolclass=sa.NullPool
        )
        place = {"type": "postgres", "host": "{connection}", "port": "{connection}", "schema": "public"}
        database = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
        yield Registry("postgres", connection, keeper, place | {"database": database})


@pytest.fixture(scope="module")
def mariadb() -> Iterator[Registry]:
    if not (databases.MARIADBD and databases.SYSTEM_TABLES):
        pytest.skip("MariaDB's server is not installed: make system")
    with databases.mariadb() as (connection, port):
        keeper = sa.create_engine(f"mysql+pymysql://root@127.0.0.1:{port}/registry", poolclass=sa.NullPool)
        place = {"type": "mysql", "host": "{connection}", "port": "{connection}", "database": "registry"}
        yield Registry("mysql", connection, keeper, place)


@pytest.fixture(params=["postgres", "mariadb"])
def registry(request: pytest.FixtureRequest) -> Registry:
    """Each database with an empty table of permits; its clock is in UTC."""
    found: Registry = request.getfixturevalue(request.param)
    timestamp = "timestamptz" if found.kind == "postgres" else "timestamp(6) null"
    found.run("drop table if exists permit", TABLE.format(timestamp=timestamp))
    return found


@pytest.fixture
def warehouse(module_warehouse: Settings) -> Settings:
    empty(module_warehouse)
    return module_warehouse


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Contract]:
    def made(registry: Registry, query: str = "select * from permit", **more: Any) -> Contract:
        keys = {"connection": "registry", "query": query, "watermarkColumn": "changed_at"} | more
        given = {name: value for name, value in keys.items() if value is not None}
        return contracts.read(tmp_path, contracts.document(registry.place, **given))

    return made


@pytest.fixture
def opened() -> Iterator[Callable[..., Database]]:
    """Opens a contract's source, and closes it when the test ends: nobody else waits for its locks."""
    with contextlib.ExitStack() as stack:

        def made(registry: Registry, contract: Contract) -> Database:
            database = Database(registry.connection, "registry", contract, JUNE, frozenset())
            return stack.enter_context(contextlib.closing(database))

        yield made


def run(settings: Settings, registry: Registry, contract: Contract, day: date = JUNE) -> Fetched:
    return fetch(settings, contract, day, registry.connection)


def rows(arrival: dict[str, Any]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in arrival["bytes"].splitlines()]


def codes(settings: Settings) -> list[tuple[int, list[str]]]:
    """Day of June and codes of every arrival."""
    return [
        (one["business_date"].day, [row["code"] for row in rows(one)]) for one in arrivals(settings, NAME)
    ]


def test_the_rows_of_a_day_are_its_file_and_quiet_days_have_one_too(
    warehouse: Settings, registry: Registry, read: Callable[..., Contract]
) -> None:
    registry.put(
        ("b", "2021-06-27 05:00"),
        ("a", "2021-06-27 09:00"),
        ("c", "2021-06-29 05:00"),
        ("d", "2021-07-01 05:00"),
    )
    report = run(warehouse, registry, read(registry))
    assert report.taken == [f"permits_202106{day}.jsonl" for day in (27, 28, 29, 30)]
    assert codes(warehouse) == [(27, ["a", "b"]), (28, []), (29, ["c"]), (30, [])]
    assert [one["control_rows"] for one in arrivals(warehouse, NAME)] == [2, 0, 1, 0]
    assert run(warehouse, registry, read(registry)).unchanged == 4


def test_a_day_begins_and_ends_in_the_contracts_time_zone(
    warehouse: Settings, registry: Registry, read: Callable[..., Contract]
) -> None:
    registry.put(
        ("a", "2021-06-29 16:59:59.999999"), ("b", "2021-06-29 17:00:00"), ("c", "2021-06-30 16:59:59")
    )
    run(warehouse, registry, read(registry))
    assert codes(warehouse) == [(29, ["a"]), (30, ["b", "c"])]
    assert [row["changed_at"] for row in rows(arrivals(warehouse, NAME)[1])] == [
        "2021-06-30T00:00:00+07:00",
        "2021-06-30T23:59:59+07:00",
    ]


def test_times_without_a_zone_are_those_of_the_contracts_zone(
    warehouse: Settings, registry: Registry, read: Callable[..., Contract]
) -> None:
    registry.run("alter table permit drop column changed_at")
    registry.run(
        f"alter table permit add changed_at {'timestamp' if registry.kind == 'postgres' else 'datetime(6)'}"
    )
    registry.put(("a", "2021-06-29 23:59:59.999999"), ("b", "2021-06-30 00:00:00"))
    run(warehouse, registry, read(registry))
    assert codes(warehouse) == [(29, ["a"]), (30, ["b"])]
    assert rows(arrivals(warehouse, NAME)[0])[0]["changed_at"] == "2021-06-29T23:59:59.999999+07:00"


def test_a_date_can_be_the_watermark(
    warehouse: Settings, registry: Registry, read: Callable[..., Contract]
) -> None:
    registry.put(("a", "2021-06-29 05:00"), ("b", "2021-06-29 05:00"))
    registry.run("update permit set changed_on = '2021-06-29' where code = 'a'")
    registry.run("update permit set changed_on = '2021-06-30' where code = 'b'")
    run(warehouse, registry, read(registry, watermarkColumn="changed_on"))
    assert codes(warehouse) == [(29, ["a"]), (30, ["b"])]


def test_a_row_that_changed_again_is_in_the_file_of_the_newer_day_and_stays_in_the_one_taken(
    warehouse: Settings, registry: Registry, read: Callable[..., Contract]
) -> None:
    registry.put(("a", "2021-06-28 05:00"), ("b", "2021-06-28 06:00"))
    run(warehouse, registry, read(registry), JUNE - timedelta(days=1))
    registry.run("update permit set changed_at = '2021-06-30 05:00' where code = 'b'")
    report = run(warehouse, registry, read(registry))
    assert (report.taken, report.unchanged) == (["permits_20210630.jsonl"], 2)
    assert codes(warehouse) == [(28, ["a", "b"]), (29, []), (30, ["b"])]
    registry.run("update permit set changed_at = '2021-07-01 05:00'")
    assert run(warehouse, registry, read(registry)).unchanged == 3


@pytest.mark.parametrize("at", ["2021-06-28 03:00", "2021-06-28 07:00"])
def test_rows_that_came_late_make_their_day_a_new_arrival(
    warehouse: Settings, registry: Registry, read: Callable[..., Contract], at: str
) -> None:
    registry.put(("a", "2021-06-28 05:00"))
    run(warehouse, registry, read(registry))
    registry.put(("b", at))
    assert run(warehouse, registry, read(registry)).taken == ["permits_20210628.jsonl"]
    first, *_, last = arrivals(warehouse, NAME)
    assert first["delivery_id"] == last["delivery_id"] and [row["code"] for row in rows(last)] == ["a", "b"]


def test_a_month_is_a_file_dated_its_last_day(
    warehouse: Settings, registry: Registry, tmp_path: Path
) -> None:
    registry.put(("a", "2021-05-02 05:00"), ("b", "2021-05-31 05:00"), ("c", "2021-06-01 05:00"))
    keys = {"connection": "registry", "query": "select * from permit", "watermarkColumn": "changed_at"}
    contract = contracts.read(tmp_path, contracts.document(registry.place, unit="m", **keys))
    assert run(warehouse, registry, contract, date(2021, 6, 29)).taken == ["permits_20210531.jsonl"]
    assert run(warehouse, registry, contract).taken == ["permits_20210630.jsonl"]
    assert codes(warehouse) == [(31, ["a", "b"]), (30, ["c"])]


def test_the_last_month_of_a_system_that_was_given_up_is_dated_its_last_day(
    warehouse: Settings, registry: Registry, tmp_path: Path
) -> None:
    registry.put(("a", "2021-05-02 05:00"), ("b", "2021-06-01 05:00"), ("c", "2021-06-11 05:00"))
    keys = {"connection": "registry", "query": "select * from permit", "watermarkColumn": "changed_at"}
    written = contracts.document(registry.place, unit="m", **keys)
    written["slaProperties"].append({"property": "endOfLife", "value": "2021-06-10"})
    contract = contracts.read(tmp_path, written)
    taken = ["permits_20210531.jsonl", "permits_20210610.jsonl"]
    assert run(warehouse, registry, contract).taken == taken
    assert codes(warehouse) == [(31, ["a"]), (10, ["b"])]


def test_a_full_list_is_taken_once_for_every_date(
    warehouse: Settings, registry: Registry, tmp_path: Path
) -> None:
    registry.put(("b", "2021-06-28 05:00"), ("a", "2021-06-28 05:00"))
    file = {"load": "full", "fullListOf": ["code"]}
    keys = {"connection": "registry", "query": "select code from permit"}
    contract = contracts.read(tmp_path, contracts.document(registry.place, file=file, **keys))
    run(warehouse, registry, contract, JUNE - timedelta(days=1))
    registry.run("delete from permit where code = 'a'")
    assert run(warehouse, registry, contract, JUNE - timedelta(days=1)).unchanged == 1
    run(warehouse, registry, contract)
    assert codes(warehouse) == [(29, ["a", "b"]), (30, ["b"])]


def test_what_is_listed_is_what_is_read_whatever_happens_meanwhile(
    registry: Registry, read: Callable[..., Contract], opened: Callable[..., Database]
) -> None:
    registry.put(("a", "2021-06-30 05:00"), ("b", "2021-06-30 06:00"))
    database = opened(registry, read(registry))
    (file,) = database.files()
    registry.run("update permit set changed_at = '2021-07-01 05:00' where code = 'a'")
    registry.put(("c", "2021-06-30 07:00"))
    assert [json.loads(line)["code"] for line in b"".join(database.read(file)).splitlines()] == ["a", "b"]


TYPES = {
    "postgres": """
        create table permit (code text primary key, area numeric(20, 6), fee double precision, rooms bigint, is_paid boolean,
          issued date, changed_at timestamptz, seen timestamp, photo bytea, notes jsonb, id uuid, opens time);
        insert into permit values
          ('a', 12345678901234.567890, 0.1, 9007199254740993, true, '2021-06-30', '2021-06-30 01:02:03.456789+02',
           '2021-06-30 01:02:03', '\\x00ff', '{"x": [1, "á"]}', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '07:30'),
          ('b', null, null, null, null, null, '2021-06-30 05:00+07', null, null, null, null, null),
          ('c', -0.5, 1e21, -1, false, '1999-12-31', '2021-06-30 06:00+07', '1900-01-01 00:00', '', '[]', null, null);
    """,
    "mysql": """
        create table permit (code varchar(9) primary key, area decimal(20, 6), fee double, rooms bigint, is_paid boolean,
          issued date, changed_at timestamp(6) null, seen datetime, photo blob, notes json, id uuid, opens time);
        insert into permit values
          ('a', 12345678901234.567890, 0.1, 9007199254740993, true, '2021-06-30', '2021-06-29 23:02:03.456789',
           '2021-06-30 01:02:03', x'00ff', '{"x": [1, "á"]}', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '07:30'),
          ('b', null, null, null, null, null, '2021-06-29 22:00', null, null, null, null, null),
          ('c', -0.5, 1e21, -1, false, '1999-12-31', '2021-06-29 23:00', '1900-01-01 00:00', '', '[]', null, null);
    """,
}
COLUMNS = [
    {"name": "area", "logicalType": "number"},
    {"name": "rooms", "logicalType": "integer"},
    {"name": "issued", "logicalType": "date"},
    {"name": "changed_at", "logicalType": "timestamp"},
    {"name": "seen", "logicalType": "timestamp"},
]  # fmt: skip


def test_values_of_every_type_keep_their_meaning_up_to_the_raw_table(
    warehouse: Settings, registry: Registry, tmp_path: Path
) -> None:
    registry.run("drop table permit", *filter(str.strip, TYPES[registry.kind].split(";\n")))
    truth = [
        {"property": "trueValues", "value": ["true", "1"]},
        {"property": "falseValues", "value": ["false", "0"]},
    ]
    paid = {"name": "is_paid", "logicalType": "boolean", "customProperties": truth}
    none_is_no = {
        **paid,
        "customProperties": [truth[0], {"property": "falseValues", "value": ["false", "0", ""]}],
    }
    keys = {"connection": "registry", "query": "select * from permit", "watermarkColumn": "changed_at"}
    contract = contracts.read(
        tmp_path, contracts.document(registry.place, columns=[*COLUMNS, none_is_no], **keys)
    )
    run(warehouse, registry, contract)
    a, b, c = rows(arrivals(warehouse, NAME)[0])
    assert a["area"] == "12345678901234.567890" and a["fee"] == "0.1" and a["photo"] == "00ff"
    assert a["changed_at"] == "2021-06-30T06:02:03.456789+07:00" and a["seen"] == "2021-06-30T01:02:03+07:00"
    assert a["id"] == "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11" and a["opens"] in ("07:30:00", "7:30:00")
    assert {value for name, value in b.items() if name not in ("code", "changed_at")} == {None}
    assert c["fee"] == "1000000000000000000000" and c["rooms"] == -1
    (batch,) = load(warehouse, contract)
    assert (batch.rows_loaded, batch.rows_rejected) == (3, 0)
    with connect(warehouse, "kho_auditor") as session:
        found = session.execute(
            "select area::text, rooms, issued::text, extract(epoch from changed_at)::text, seen::text, is_paid"
            " from raw.registry__permits where _batch_id = %s order by code",
            [batch.batch_id],
        ).fetchall()
    assert found[0] == (
        "12345678901234.567890",
        9007199254740993,
        "2021-06-30",
        "1625007723.456789",
        "2021-06-30 01:02:03+07",
        True,
    )
    assert found[1][:3] == (None, None, None) and found[1][-1] is False
    assert found[2][:3] == ("-0.500000", -1, "1999-12-31")


def test_a_query_goes_in_as_it_is_written(
    warehouse: Settings, registry: Registry, read: Callable[..., Contract]
) -> None:
    registry.put(("a%b:c", "2021-06-30 05:00"), ("ax", "2021-06-30 05:00"))
    query = r"""
        select code, changed_at, 'at :code 12:30' as said -- a remark
        from permit where code like 'a%b:%' ; """
    run(warehouse, registry, read(registry, query))
    assert [(row["code"], row["said"]) for row in rows(arrivals(warehouse, NAME)[0])] == [
        ("a%b:c", "at :code 12:30")
    ]


def test_a_query_with_a_name_for_a_part_of_it_is_one(
    warehouse: Settings, registry: Registry, read: Callable[..., Contract]
) -> None:
    registry.put(("a", "2021-06-30 05:00"))
    run(warehouse, registry, read(registry, "with p as (select * from permit) select * from p"))
    assert codes(warehouse) == [(30, ["a"])]


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("select code from permit", "has no column changed_at, the contract's watermarkColumn, among its 1"),
        ("select code, code, changed_at from permit", "(same name|Duplicate column name)"),
        ("select code, changed_at from permits", "query fails: .*permits.*(does not|doesn't) exist"),
        ("select code, changed_att from permit", "query fails: .*changed_att"),
        ("select code changed_at from from permit", "query fails: "),
        ("select code, changed_at from permit; drop table permit", "query fails: "),
        ("select code, 'x' as changed_at from permit", "(query fails|so they are of no day)"),
    ],
)  # fmt: skip
def test_a_wrong_query_is_told(
    warehouse: Settings, registry: Registry, read: Callable[..., Contract], query: str, problem: str
) -> None:
    registry.put(("a", "2021-06-30 05:00"))
    with pytest.raises(FetchFailed, match=problem):
        run(warehouse, registry, read(registry, query))
    with registry.keeper.connect() as session:
        assert session.scalar(sa.text("select count(*) from permit")) == 1


def test_rows_of_no_day_are_not_left_out_silently(
    warehouse: Settings, registry: Registry, read: Callable[..., Contract]
) -> None:
    registry.put(("a", "2021-06-30 05:00"))
    registry.run("insert into permit (code) values ('b'), ('c')")
    with pytest.raises(FetchFailed, match="2 rows have no changed_at, so they are of no day"):
        run(warehouse, registry, read(registry))


def test_nothing_can_be_written_by_a_query(
    warehouse: Settings, registry: Registry, read: Callable[..., Contract]
) -> None:
    registry.put(("a", "2021-06-30 05:00"))
    if registry.kind == "postgres":
        body = "returns int language sql security definer as $$ delete from permit returning 1 $$"
        registry.run(f"create or replace function empties() {body}")
    else:
        registry.run("drop function if exists empties")
        registry.run("create function empties() returns int begin delete from permit; return 1; end")
        registry.run("grant execute on registry.* to kho@'127.0.0.1'")
    with pytest.raises(FetchFailed, match=r"query fails: .*(?i:read.only)"):
        run(warehouse, registry, read(registry, "select code, empties() as x, changed_at from permit"))
    with registry.keeper.connect() as session:
        assert session.scalar(sa.text("select count(*) from permit")) == 1


@pytest.mark.parametrize("changed", [{"password": "not-this-one"}, {"login": "nobody"}])
def test_a_wrong_login_is_told_and_not_shown(
    warehouse: Settings, registry: Registry, read: Callable[..., Contract], changed: dict[str, str]
) -> None:
    wrong = replace(registry.connection, **changed)
    with pytest.raises(FetchFailed, match="refuses the login of connection registry") as error:
        fetch(warehouse, read(registry), JUNE, wrong)
    assert wrong.password not in str(error.value)


def test_a_missing_database_is_told(
    warehouse: Settings, registry: Registry, read: Callable[..., Contract]
) -> None:
    other = replace(registry, place=registry.place | {"database": "nowhere"})
    with pytest.raises(
        FetchFailed, match=r"nowhere.*(is the contract's database right|check login, password)"
    ):
        run(warehouse, other, read(other))


def test_a_server_that_is_away_is_tried_again_and_then_told(
    warehouse: Settings, registry: Registry, read: Callable[..., Contract], unused_port: int
) -> None:
    away = replace(registry.connection, port=unused_port)
    with pytest.raises(FetchFailed, match=r"does not answer .*: is the server up") as error:
        fetch(warehouse, read(registry), JUNE, away)
    assert away.password not in str(error.value)


@pytest.fixture
def unused_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_a_connection_lost_while_reading_can_be_tried_again(
    registry: Registry,
    read: Callable[..., Contract],
    opened: Callable[..., Database],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sql, "BLOCK_ROWS", 10)
    registry.put(*((f"{n:05}", "2021-06-30 05:00") for n in range(8_000)))
    contract = read(registry, "select code, changed_at, repeat('x', 2000) as filling from permit")
    database = opened(registry, contract)
    (file,) = database.files()
    chunks = database.read(file)
    next(chunks)
    registry.run(*_ends_sessions(registry))
    with pytest.raises(Passing, match="does not answer"):
        list(chunks)
    assert b"".join(database.read(file)).count(b"\n") == 8_000


def _ends_sessions(registry: Registry) -> list[str]:
    if registry.kind == "postgres":
        return ["select pg_terminate_backend(pid) from pg_stat_activity where left(usename, 8) = 'registry'"]
    with registry.keeper.connect() as session:
        found = session.execute(sa.text("select id from information_schema.processlist where user = 'kho'"))
        return [f"kill {number}" for (number,) in found]


def test_a_listing_shows_what_the_days_hold_and_one_can_be_looked_at(
    warehouse: Settings, registry: Registry, read: Callable[..., Contract], tmp_path: Path
) -> None:
    registry.put(("a", "2021-06-29 05:00"))
    offered = listing(warehouse, read(registry), JUNE, registry.connection)
    assert [(one.file.name, one.file.records, one.kind) for one in offered] == [
        ("permits_20210629.jsonl", 1, "delivery"),
        ("permits_20210630.jsonl", 0, "delivery"),
    ]
    looked_at = tmp_path / "looked_at"
    name = offered[0].file.name
    assert take(warehouse, read(registry), JUNE, name, looked_at, registry.connection) == 1
    assert json.loads(looked_at.read_text())["code"] == "a" and not arrivals(warehouse, NAME)


def test_values_of_rows_are_not_in_errors(
    warehouse: Settings, postgres: Registry, read: Callable[..., Contract]
) -> None:
    postgres.run("drop table if exists permit", TABLE.format(timestamp="timestamptz"))
    postgres.put(("Nguyễn Văn A", "2021-06-30 05:00"))
    with pytest.raises(FetchFailed, match="run it by hand") as error:
        run(warehouse, postgres, read(postgres, "select cast(code as int) as code, changed_at from permit"))
    assert "Nguyễn" not in str(error.value)


def test_a_server_without_time_zones_can_serve_a_zone_that_never_changes_only(
    warehouse: Settings, mariadb: Registry, tmp_path: Path
) -> None:
    keys = {
        "connection": "registry",
        "query": "select 'a' as code, now() as changed_at",
        "watermarkColumn": "changed_at",
    }
    file = {"timeZone": "Europe/Amsterdam"}
    contract = contracts.read(tmp_path, contracts.document(mariadb.place, file=file, **keys))
    with pytest.raises(
        FetchFailed, match=r"does not know the time zone Europe/Amsterdam: have its keeper load"
    ):
        run(warehouse, mariadb, contract)


@pytest.fixture
def certificates(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Files: a certificate of 127.0.0.1 with its key, its authority's, another authority's."""
    authority, files = trustme.CA(), tuple(tmp_path / f"{name}.pem" for name in ("server", "ca", "other"))
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(files[0])
    authority.cert_pem.write_to_path(files[1])
    trustme.CA().cert_pem.write_to_path(files[2])
    return files


def test_a_server_elsewhere_is_asked_who_it_is_unless_its_connection_says_that_it_need_not_be(
    registry: Registry, warehouse: Settings, read: Callable[..., Contract]
) -> None:
    contract, elsewhere = (
        read(registry),
        replace(registry.connection, host="127.1"),
    )  # not known to be loopback
    with pytest.raises(
        FetchFailed, match=r'offers no TLS.*"tls": "unverified".* of connection registry|can\'t be trusted'
    ):
        fetch(warehouse, contract, JUNE, elsewhere)
    with pytest.raises(FetchFailed, match=r"extra\.tls of connection registry is 'off'"):
        fetch(warehouse, contract, JUNE, replace(elsewhere, extra={"tls": "off"}))
    fetch(warehouse, contract, JUNE, replace(elsewhere, extra={"tls": "unverified"}))
    fetch(warehouse, contract, JUNE, registry.connection)


def test_over_tls_the_servers_certificate_is_verified(
    warehouse: Settings, mariadb: Registry, tmp_path: Path, certificates: tuple[Path, Path, Path]
) -> None:
    certificate, ca_file, other = certificates
    query = "select variable_value as code from information_schema.session_status where variable_name = 'ssl_version'"
    keys = {"connection": "registry", "query": query}
    document = contracts.document(mariadb.place, file={"load": "full", "fullListOf": ["code"]}, **keys)
    contract = contracts.read(tmp_path, document)
    with tempfile.NamedTemporaryFile(suffix=".pem") as shown:  # where a server that is nobody can read it
        Path(shown.name).write_bytes(certificate.read_bytes())
        Path(shown.name).chmod(0o644)
        with databases.mariadb(f"--ssl-cert={shown.name}", f"--ssl-key={shown.name}") as (connection, _):
            with pytest.raises(FetchFailed, match=r"a certificate that can't be trusted.*extra\.ca_file"):
                fetch(warehouse, contract, JUNE, replace(connection, ca_file=other))
            fetch(warehouse, contract, JUNE, replace(connection, ca_file=ca_file))
    assert rows(arrivals(warehouse, NAME)[0])[0]["code"].startswith("TLSv1")


def test_over_tls_a_postgresqls_certificate_is_verified(
    warehouse: Settings, tmp_path: Path, certificates: tuple[Path, Path, Path]
) -> None:
    if not databases.POSTGRES:
        pytest.skip("a PostgreSQL that speaks TLS is not installed (Debian: postgresql)")
    certificate, ca_file, other = certificates
    query = "select version as code from pg_stat_ssl where pid = pg_backend_pid()"
    keys = {"connection": "registry", "query": query}
    place = {
        "type": "postgres",
        "host": "{connection}",
        "port": "{connection}",
        "schema": "public",
        "database": "registry",
    }
    contract = contracts.read(
        tmp_path, contracts.document(place, file={"load": "full", "fullListOf": ["code"]}, **keys)
    )
    with databases.postgres_with_tls(certificate) as (connection, url):
        with pytest.raises(FetchFailed, match=r"a certificate that can't be trusted.*extra\.ca_file"):
            fetch(warehouse, contract, JUNE, replace(connection, ca_file=other))
        fetch(warehouse, contract, JUNE, replace(connection, ca_file=ca_file))
        # A warehouse of one's own on such a server is reached as its URL says.
        of_ours = Settings(home=tmp_path, warehouse_url=f"{url}?sslmode=verify-full&sslrootcert={ca_file}")
        with psycopg.connect(of_ours.admin_url()) as keeper:
            (is_encrypted,) = keeper.execute(
                "select ssl from pg_stat_ssl where pid = pg_backend_pid()"
            ).fetchone()
            assert is_encrypted
        untrusted = Settings(home=tmp_path, warehouse_url=f"{url}?sslmode=verify-full&sslrootcert={other}")
        with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
            psycopg.connect(untrusted.admin_url())
        # Elsewhere than on this machine nothing needs to be said for the server to have to prove who it is.
        elsewhere = Settings(home=tmp_path, warehouse_url=url.replace("127.0.0.1", "127.1"))
        with pytest.raises(psycopg.OperationalError, match="certificate"):
            psycopg.connect(elsewhere.admin_url())
    assert rows(arrivals(warehouse, NAME)[0])[0]["code"].startswith("TLSv1")


def test_many_rows_are_fetched_in_bounded_memory(
    warehouse: Settings, registry: Registry, read: Callable[..., Contract], tmp_path: Path
) -> None:
    fill = "insert into permit (code, holder, changed_at) select n, repeat('x', 50), '2021-06-30 05:00' from "
    numbers = {
        "postgres": "generate_series(1, 150000) n",
        "mysql": "(select seq as n from seq_1_to_150000) s",
    }
    registry.run(fill + numbers[registry.kind])
    read(registry)
    # getrusage would count what the parent had before this process was its own.
    script = (
        "from datetime import date; from pathlib import Path; from kho.contract import read_contract; "
        "from kho.fetch import Connection; from kho.fetch.sql import Database; "
        f"at = {registry.connection.host!r}, {registry.connection.port}, {registry.connection.login!r}, 'secret'; "
        f"contract = read_contract(Path({str(tmp_path)!r}) / 'registry' / 'permits.yaml'); "
        "database = Database(Connection(*at), 'registry', contract, date(2021, 6, 30), frozenset()); "
        "peak = lambda: int(Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0]) // 1024; "
        "(file,) = database.files(); before = peak(); "
        "assert sum(chunk.count(b'\\n') for chunk in database.read(file)) == 150_000; print(peak() - before)"
    )
    alone = subprocess.run(
        [sys.executable, "-c", script], cwd=warehouse.project, capture_output=True, text=True, check=True
    )
    assert int(alone.stdout) < 25, "megabytes above what a listing takes"
