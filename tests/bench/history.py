"""A province's five years, made in place: rows of `raw` and what the ledger says of them, as loads would leave both.

138 agencies, 18 departments and 120 communes, hand over dossiers, documents and their events, and lists of procedures.
Every row belongs to an accepted batch, every batch to a delivery of its own, and their counts agree. Profiles and verdicts
are those of a file of the sample of the same contract, which the product loads and accepts first. The communes have no
district above them, though before July 2025 they had one. Nights of those years have left no builds.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path

import psycopg
from psycopg.sql import SQL, Identifier

from kho import night
from kho.contract import Contract, contracts
from kho.database import SESSION, the_row
from kho.load import load, raw
from kho.settings import Settings
from kho_sample import totals, write
from tests.bench import rows
from tests.integration.loading import deliver

DEPARTMENTS = [f"{number:02}" for number in range(1, 19)]
COMMUNES = [f"{number}" for number in range(201, 321)]
PROCEDURES = 150  # that each of them offers
CONTRACTS = ("one_stop.procedures", "one_stop.dossiers", "documents.outgoing", "documents.deliveries")

_SINCE = "2010-01-01"
_PLENTY = 1 << 50  # bytes that come: more than any table has
_SESSION = f"{SESSION} -c work_mem=512MB -c maintenance_work_mem=512MB -c synchronous_commit=off"


def project(folder: Path, like: Path) -> Path:
    """A copy of the project whose seeds know the province."""
    ignored = shutil.ignore_patterns("target", "logs", "__pycache__")
    for part in ("contracts", "dbt_project", "expectations", "samples"):
        shutil.copytree(like / part, folder / part, ignore=ignored)
    _add(folder, "agencies.csv", _agencies())
    operations = (
        (system, f"H77{code}", "true", _SINCE, "")
        for system in ("one_stop", "documents")
        for code in _units()
    )
    _add(folder, "system_operation.csv", operations)
    return folder


def _units() -> list[str]:
    return ["", *(f".{code}" for code in COMMUNES)]


def _agencies() -> Iterator[tuple[str, ...]]:
    yield "H77", "77", "Tỉnh Mẫu", "Mẫu", "province", "", _SINCE, ""
    for code in DEPARTMENTS:
        yield f"H77.{code}", "", f"Sở Mẫu {code}", f"Sở Mẫu {code}", "province", "H77", _SINCE, ""
    for code in COMMUNES:
        yield f"H77.{code}", f"99{code}", f"Xã Mẫu {code}", f"Mẫu {code}", "commune", "H77", _SINCE, ""


def _add(folder: Path, seed: str, lines: Iterable[tuple[str, ...]]) -> None:
    path = folder / "dbt_project" / "seeds" / seed
    with path.open("a", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(lines)


def make(settings: Settings, extent: rows.Extent, told: Callable[[float], None]) -> None:
    """A history in a warehouse without rows; `told` hears which share of it is there."""
    _load_samples(settings, extent.first)
    known, quarters = contracts(settings), list(_quarters(extent.first))
    units = [_leaf_first(code) for code in (*DEPARTMENTS, *COMMUNES)]
    kinds: dict[str, Callable[[date, date], rows.Made]] = {
        "one_stop.procedures": lambda first, _: rows.procedures(first, units),
        "one_stop.dossiers": partial(rows.dossiers, extent),
        "documents.outgoing": partial(rows.documents, extent),
        "documents.deliveries": partial(rows.events, extent),
    }
    with _connect(settings) as connection:
        _make_lists(connection, settings)
        for place, (name, kind) in enumerate(kinds.items()):
            indexes = raw.take_indexes_off(connection, known[name], _PLENTY)
            for number, (first, last) in enumerate(quarters, 1):
                _enter(connection, known[name], kind(first, last))
                told((place + number / len(quarters)) / len(kinds))
            for made_by in indexes:
                connection.execute(made_by)
        connection.execute(_VERDICTS)
    settle(settings)


def make_night(settings: Settings, extent: rows.Extent) -> int:
    """What the night after it brings, in the same way; gives how many rows."""
    known = contracts(settings)
    with _connect(settings) as connection:
        _make_lists(connection, settings)
        return sum(_enter(connection, known[made.contract], made) for made in rows.night(extent))


def settle(settings: Settings) -> None:
    """What PostgreSQL does by itself until the next night."""
    with _connect(settings) as connection:
        connection.execute("vacuum analyze")
        connection.execute("checkpoint")


def _quarters(first: date) -> Iterator[tuple[date, date]]:
    starts = [
        date(year, month, 1) for year in range(first.year, rows.LAST.year + 1) for month in (1, 4, 7, 10)
    ]
    for start, following in pairwise([*starts, rows.TONIGHT]):
        yield start, following - timedelta(1)


def _leaf_first(code: str) -> str:
    return f"000.00.{code}.H77"


def _connect(settings: Settings) -> psycopg.Connection:
    return psycopg.connect(settings.admin_url(), autocommit=True, options=_SESSION)


def _load_samples(settings: Settings, first: date) -> None:
    """The largest file of the sample of each contract, on the way that every file goes."""
    known = contracts(settings)
    told = totals.read(settings.project / "samples" / "long_phu_2021_h1.yaml").scaled(0.02)
    files = [each for each in write.generate(settings, told) if not each.name.endswith(".ctl")]
    for name in CONTRACTS:
        of_contract = (each for each in files if f"{each.system}.{each.entity}" == name)
        largest = max(of_contract, key=lambda each: len(each.content))
        file, content, day = largest.name, largest.content, max(largest.arrives, first - timedelta(1))
        if known[name].is_list_per_unit:
            # As the first list of a unit of ours: one that is never followed by another would be stale.
            unit, ours, day = (
                known[name].unit_of(file),
                _leaf_first(DEPARTMENTS[0]),
                date(first.year - 1, 10, 1),
            )
            file, content = (
                f"procedures_{ours}_{day:%Y%m%d}.xls",
                content.replace(unit.encode(), ours.encode()),
            )
        deliver(settings, known[name], file, content, day)
        load(settings, known[name])
    night.do(settings, "check_exports", rows.LAST)


def _make_lists(connection: psycopg.Connection, settings: Settings) -> None:
    """The temporary tables that rows are made from."""
    with (settings.project / "dbt_project" / "seeds" / "fields.csv").open(
        encoding="utf-8", newline=""
    ) as file:
        fields = [row["raw_code"] for row in csv.DictReader(file) if row["system"] == "one_stop"]
    codes = [*DEPARTMENTS, *COMMUNES]
    connection.execute(
        """
        create temporary table agency as
        select place - 1 as agency_number, 'H77.' || code as root_first, '000.00.' || code || '.H77' as leaf_first
        from unnest(%s::text[]) with ordinality as listed (code, place)
        """,
        [codes],
    )
    connection.execute(
        """
        create temporary table procedure as
        select number as procedure_number, '1.' || lpad(number::text, 6, '0') as procedure_code,
          (%(fields)s::text[])[1 + number %% cardinality(%(fields)s::text[])] as field_code
        from generate_series(0, %(last)s) as number
        """,
        {"fields": fields, "last": PROCEDURES - 1},
    )
    connection.execute("analyze pg_temp.agency, pg_temp.procedure")


def _enter(connection: psycopg.Connection, contract: Contract, made: rows.Made) -> int:
    """Deliveries, their accepted batches and rows, in one transaction; gives how many rows."""
    with connection.transaction():
        connection.execute(SQL("create temporary table coming on commit drop as {}").format(made.rows))
        names = [
            column.name for column in connection.execute("select * from coming limit 0").description or ()
        ]
        deliveries = made.deliveries
        batches = connection.execute(
            _BATCHES,
            {
                "contract": contract.name,
                "days": [each.day for each in deliveries],
                "names": [each.name for each in deliveries],
                "units": [each.unit for each in deliveries],
            },
        ).fetchall()
        connection.execute(
            "create temporary table entered (batch_id bigint, day date, unit text) on commit drop"
        )
        with connection.cursor() as cursor, cursor.copy("copy entered from stdin") as copy:
            for batch in batches:
                copy.write_row(batch)
        connection.execute("analyze entered")
        columns = [Identifier(name) for name in names if name not in ("day", "unit")]
        entered = connection.execute(
            SQL(
                """
                insert into {table} (_batch_id, _row_number, _key, {columns})
                select batch_id, row_number() over (partition by batch_id), {key}, {columns}
                from coming join entered using (day, unit)
                """
            ).format(table=raw.table(contract), key=raw.key(contract), columns=SQL(", ").join(columns))
        ).rowcount
        (coming,) = the_row(connection.execute("select count(*) from coming"))
        assert entered == coming, f"{contract.name}: {coming - entered} rows have no delivery"
        return entered


# A batch's number, day and unit; it is like the first batch of its contract, a file of the sample.
_BATCHES = """
    with expected as (
      select * from unnest(%(days)s::date[], %(names)s::text[], %(units)s::text[]) as expected (day, name, unit)
    ), counted as (
      select day, unit, count(*) as row_count from coming group by day, unit
    ), like_it as (
      select * from ledger.batch where contract = %(contract)s and state = 'accepted' order by batch_id limit 1
    ), delivered as (
      insert into ledger.delivery (contract, name, business_date)
      select %(contract)s, name, day from expected order by day, name
      returning delivery_id, name, business_date
    ), arrived as (
      insert into ledger.arrival (delivery_id, sha256, size_bytes, arrived_at)
      select delivery_id, encode(sha256(name::bytea), 'hex'), 100000, business_date + 1 from delivered order by delivery_id
      returning arrival_id, delivery_id
    ), loaded as (
      insert into ledger.batch (
        arrival_id, delivery_id, contract, contract_version, contract_fingerprint, business_date, state,
        rows_in_file, rows_loaded, rows_rejected, rows_skipped, profile, loaded_at)
      select arrival_id, delivery_id, contract, contract_version, contract_fingerprint, day, 'accepted',
        coalesce(row_count, 0), coalesce(row_count, 0), 0, 0, profile, day + 1
      from arrived join delivered using (delivery_id) join expected using (name)
      left join counted using (day, unit) cross join (select contract, contract_version, contract_fingerprint, profile from like_it) as like_it
      order by arrival_id
      returning batch_id, delivery_id, loaded_at
    ), told as (
      insert into ledger.batch_event (batch_id, from_state, to_state, actor, at)
      select batch_id, from_state, to_state, actor, loaded_at
      from loaded cross join (values (null, 'pending', 'load'), ('pending', 'accepted', 'exports boundary'))
        as event (from_state, to_state, actor)
    )
    select batch_id, day, unit
    from loaded join delivered using (delivery_id) join expected using (name)
"""

# What the boundary said of a contract's first batch, of each other one.
_VERDICTS = """
    insert into ledger.verdict (boundary, batch_id, business_date, subject, expectation, severity, outcome, observed, message, at)
    select boundary, batch.batch_id, batch.business_date, subject, expectation, severity, outcome, observed, message, loaded_at
    from ledger.verdict join ledger.batch on batch.contract = verdict.subject and batch.batch_id <> verdict.batch_id
"""
