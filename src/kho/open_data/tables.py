"""The tables that are public, and their files: CSV (UTF-8, comma, empty where there is no value) and Parquet."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pyarrow
import pyarrow.parquet
from psycopg import sql

from kho.ledger.releases import Release

_BLOCK = 20_000  # rows in memory
#: what a type of PostgreSQL is in Parquet, and in Table Schema
_TYPES = {
    "text": (pyarrow.string(), "string"),
    "integer": (pyarrow.int32(), "integer"),
    "bigint": (pyarrow.int64(), "integer"),
    "date": (pyarrow.date32(), "date"),
    "boolean": (pyarrow.bool_(), "boolean"),
}


@dataclass(frozen=True)
class Terms:
    """Who gives the data (empty: the provinces that it is of), and by which licence: its name or its address."""

    publisher: str
    licence: str


@dataclass(frozen=True)
class Public:
    """A public table: of which mart it is made, which columns of it, in which order, where one value of a column is asked for."""

    name: str
    title: str
    mart: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    topic: str | None = None


_OF_MONTHS = (
    "unit_agency_code", "unit_name", "level_title", "province_name", "district_name", "month_start", "metric", "metric_title",
    "value", "unit_title", "publication", "publication_title", "state_title",
)  # fmt: skip
_OF_METRICS = ("metric", "title", "unit_title", "kind_title", "additivity_title", "rule_source")

#: nothing else leaves: a mart or a column that comes later has to be named here
TABLES = (
    *(
        Public(name, title, "public_month", _OF_MONTHS, ("month_start", "unit_agency_code", "metric"), topic)
        for topic, name, title in (
            ("dossier", "ho_so_theo_thang", "Hồ sơ thủ tục hành chính theo tháng"),
            ("document", "van_ban_theo_thang", "Văn bản điện tử theo tháng"),
            ("portal", "cong_thong_tin_theo_thang", "Cổng thông tin điện tử theo tháng"),
        )
    ),
    Public("chi_tieu", "Định nghĩa chỉ tiêu", "figure_metric", _OF_METRICS, ("metric",)),
)


@dataclass(frozen=True)
class Field:
    """A column: its type in Parquet and in Table Schema, its Vietnamese title, and what it means."""

    name: str
    arrow: pyarrow.DataType
    type: str
    title: str
    about: str


@dataclass(frozen=True)
class File:
    """A file that was written."""

    name: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Table:
    """A public table as it was written: with its files, and the systems that it tells of."""

    public: Public
    fields: list[Field]
    sources: list[str]
    rows: int = 0
    days: tuple[date, date] | None = None
    csv: File | None = None
    parquet: File | None = None

    @property
    def files(self) -> list[File]:
        return [file for file in (self.csv, self.parquet) if file]


@dataclass(frozen=True)
class Package:
    """What an export consists of."""

    release: Release
    terms: Terms
    tables: list[Table]


def provinces(connection: psycopg.Connection) -> str:
    """Those that the data is of."""
    found = connection.execute(
        "select distinct province_name from marts.public_month where publication <> 'none' order by 1"
    )
    return ", ".join(name for (name,) in found)


def described(connection: psycopg.Connection, public: Public) -> Table:
    """A table before it is written: its columns as the mart's comments have them, and its sources."""
    fields = {}
    for name, of_type, comment in connection.execute(
        """
        select attname, format_type(atttypid, atttypmod), col_description(attrelid, attnum)
        from pg_attribute where attrelid = %s::regclass and attnum > 0
        """,
        [f"marts.{public.mart}"],
    ):
        title, _, about = (comment or name).partition(". ")
        fields[name] = Field(name, *_TYPES[of_type], title, about)
    sources = connection.execute(
        """
        select distinct system.system_name
        from marts.public_month as month
        join marts.figure_metric as metric using (metric)
        join marts.figure_coverage as coverage using (fact)
        join warehouse.dim_system as system on system.system = split_part(coverage.contract, '.', 1)
        where month.topic = coalesce(%s, month.topic) and month.publication <> 'none' and coverage.covered_from is not null
        order by 1
        """,
        [public.topic],
    )
    return Table(public, [fields[name] for name in public.columns], [name for (name,) in sources])


def write_table(
    connection: psycopg.Connection, table: Table, folder: Path, tell: Callable[[str, int], None]
) -> Table:
    """Write the rows into both files, some thousands at a time."""
    public, rows, days = table.public, 0, set[date]()
    paths = [folder / f"{public.name}.{ending}" for ending in ("csv", "parquet")]
    schema = pyarrow.schema([(field.name, field.arrow) for field in table.fields])
    with (
        paths[0].open("w", encoding="utf-8", newline="") as text,
        pyarrow.parquet.ParquetWriter(paths[1], schema, compression="zstd") as columns,
    ):
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(public.columns)
        for block in _blocks(connection, public):
            writer.writerows(block)
            arrays = [
                pyarrow.array(values, field.arrow)
                for values, field in zip(zip(*block, strict=True), table.fields, strict=True)
            ]
            columns.write_table(pyarrow.table(arrays, schema=schema))
            if "month_start" in public.columns:
                at = public.columns.index("month_start")
                days |= {block[0][at], block[-1][at]}
            rows += len(block)
            tell(public.name, rows)
    return Table(
        public,
        table.fields,
        table.sources,
        rows,
        (min(days), max(days)) if days else None,
        *map(_file, paths),
    )


def _blocks(connection: psycopg.Connection, public: Public) -> Iterator[list[tuple[Any, ...]]]:
    names = sql.SQL(", ").join(map(sql.Identifier, public.columns))
    # Whatever the server sorts by, the bytes are the same.
    order = sql.SQL(", ").join(
        sql.SQL('{}::text collate "C"').format(sql.Identifier(column)) for column in public.key
    )
    condition = sql.SQL("topic = {}").format(sql.Literal(public.topic)) if public.topic else sql.SQL("true")
    asked = sql.SQL("select {} from {} where {} order by {}").format(
        names, sql.Identifier("marts", public.mart), condition, order
    )
    with connection.cursor(name="open_data") as cursor:
        cursor.execute(asked)
        while block := cursor.fetchmany(_BLOCK):
            yield block


def _file(path: Path) -> File:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return File(path.name, digest, path.stat().st_size)
