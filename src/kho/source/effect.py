"""What a tried file would move: codes and agencies that nobody knows, keys that are new or changed, figures behind them."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import psycopg
from psycopg.sql import SQL, Identifier, Literal

from kho.contract import Contract, mappings
from kho.database import the_row
from kho.ledger import batches
from kho.load import raw
from kho.load.dry_run import BATCH
from kho.settings import Settings
from kho.source.models import Mapped, Standing, standing
from kho.source.step import Finding

MOST = 10  # codes that are named, those of most rows first
AGENCIES = mappings.FOLDER / "agencies.csv"
SYSTEMS = mappings.FOLDER / "systems.csv"


class Effect:
    """Looks at the rows of a dry run before they go; tells what it saw."""

    def __init__(self, settings: Settings, contract: Contract, day: date):
        self.settings, self.contract, self.day = settings, contract, day
        self.findings: tuple[Finding, ...] = ()

    def look(self, loader: psycopg.Connection) -> None:
        known = standing(self.settings, self.contract)
        self.findings = (
            *self._codes(loader, known),
            *self._agencies(loader),
            *self._system(known),
            *self._keys(loader),
            *self._figures(known),
        )

    def _codes(self, loader: psycopg.Connection, known: Standing) -> Iterator[Finding]:
        """Codes that the seed lacks: of rejected rows, and of loaded ones where only the model asks for them."""
        seeds = mappings.seeds(self.settings.own or self.settings.project)
        by_contract = [
            Mapped(column.name, column.keys.mapping, self.contract.system)
            for column in self.contract.columns
            if column.keys.mapping
        ]
        is_fine = True
        for each in dict.fromkeys([*by_contract, *known.mapped]):
            try:
                words = mappings.codes(seeds, each.domain, each.system)
            except ValueError as error:
                is_fine = False
                yield Finding("wrong", str(error))
                continue
            is_rejecting = each in by_contract
            found = self._rejected(loader, each) if is_rejecting else self._loaded(loader, each.column)
            lacking = [(code, rows) for code, rows in found if code not in words]
            if lacking:
                is_fine = False
                lines = tuple(
                    f"{_csv_line(each.domain, each.system, code, '<meaning>')}   ({rows:,} rows)"
                    for code, rows in lacking[:MOST]
                )
                becomes = "their rows are rejected" if is_rejecting else "it is empty in their rows"
                yield Finding(
                    "told",
                    f"{each.column}: {len(lacking)} codes mean nothing, and {becomes}; add to {self._shown(mappings.SEED)}, with a "
                    f"meaning that {self._shown(mappings.place_of(each.domain))} has:",
                    # Of rejected rows nobody judged the values: they may be anything.
                    () if is_rejecting else lines,
                    lines if is_rejecting else (),
                )
        if is_fine and (by_contract or known.mapped):
            yield Finding("fine", "every code has a meaning")

    def _loaded(self, loader: psycopg.Connection, column: str) -> list[tuple[str, int]]:
        return self._counted(loader, SQL("{}::text").format(Identifier(column)))

    def _counted(
        self, loader: psycopg.Connection, value: SQL | psycopg.sql.Composed
    ) -> list[tuple[str, int]]:
        query = SQL(
            "select value, count(*) from (select {} as value from {} where _batch_id = {}) as tried"
            " where value is not null group by 1 order by 2 desc, 1"
        )
        return loader.execute(query.format(value, raw.table(self.contract), BATCH)).fetchall()

    def _rejected(self, loader: psycopg.Connection, mapped: Mapped) -> list[tuple[str, int]]:
        header = next(each.header for each in self.contract.columns if each.name == mapped.column)
        return loader.execute(
            """
            select code, count(*)
            from (
              select substring(row_text from %s) as code from reject.rejected_row
              where batch_id = %s and exists (select from unnest(reasons) as reason where starts_with(reason, %s))
            ) as rejected
            where code is not null group by 1 order by 2 desc, 1
            """,
            [f"(?:^|; ){re.escape(header)}=([^;]*)", BATCH, f"{header}: unmapped code"],
        ).fetchall()

    def _shown(self, seed: Path) -> Path:
        return self.settings.shown(self.settings.seed(seed.name))

    def _agencies(self, loader: psycopg.Connection) -> Iterator[Finding]:
        columns = [column for column in self.contract.stored if column.format == "agency_code"]
        known: dict[str, list[tuple[str, str]]] = {}
        with self.settings.seed(AGENCIES.name).open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                known.setdefault(row["agency_code"], []).append((row["valid_from"], row["valid_to"]))
        day = self.day.isoformat()
        is_fine = True
        for column in columns:
            code = SQL("raw.agency_code({})").format(Identifier(column.name))
            found = self._counted(loader, code)
            unknown = [(code, rows) for code, rows in found if code not in known]
            over = [
                (code, rows)
                for code, rows in found
                if code in known
                and not any(first <= day and day <= (last or day) for first, last in known[code])
            ]
            if unknown:
                is_fine = False
                yield Finding(
                    "told",
                    f"{column.name}: {len(unknown)} agencies are unknown, and counted nowhere; take them in with `kho agency "
                    f"import` (docs/agencies.md), which adds to {self._shown(AGENCIES)}:",
                    tuple(f"{_agency_line(code)}   ({rows:,} rows)" for code, rows in unknown[:MOST]),
                )
            if over:
                is_fine = False
                spans = [f"{code}: {_spans(known[code])}   ({rows:,} rows)" for code, rows in over[:MOST]]
                yield Finding(
                    "told",
                    f"{column.name}: {len(over)} agencies of {self._shown(AGENCIES)} are not there on {day}:",
                    tuple(spans),
                )
        if columns and is_fine:
            yield Finding("fine", "every agency is known")

    def _system(self, known: Standing) -> Iterator[Finding]:
        with self.settings.seed(SYSTEMS.name).open(encoding="utf-8", newline="") as file:
            systems = {row["system"] for row in csv.DictReader(file)}
        if known.facts and self.contract.system not in systems:
            line = f"{self.contract.system},<name>,Asia/Ho_Chi_Minh,unknown"
            yield Finding(
                "told",
                f"the system is unknown, and its rows are in no fact; add to {self._shown(SYSTEMS)}:",
                (line,),
            )

    def _keys(self, loader: psycopg.Connection) -> Iterator[Finding]:
        """How the newest version of each key stands to that of the accepted batches."""
        # A hash has another secret in a dry run.
        names = [column.name for column in self.contract.stored if column.keys.personal_data != "hash"]
        version = self.contract.file.version_column
        order = SQL("{} desc nulls last, ").format(Identifier(version)) if version else SQL("")
        total, new, changed = the_row(
            loader.execute(
                SQL(
                    """
                    with tried as (
                      select distinct on (_key) _key, row({columns}) as content
                      from {table} where _batch_id = {batch} order by _key, {order}_row_number desc
                    ), known as (
                      select distinct on (_key) _key, row({columns}) as content
                      from {table} as known
                      join unnest({accepted}) with ordinality as accepted (_accepted_id, _place) on _accepted_id = _batch_id
                      where _key in (select _key from tried)
                      order by _key, {order}_place desc, _row_number desc
                    )
                    select count(*), count(*) filter (where known._key is null),
                      count(*) filter (where known.content is distinct from tried.content and known._key is not null)
                    from tried left join known using (_key)
                    """
                ).format(
                    columns=SQL(", ").join(map(Identifier, names)),
                    table=raw.table(self.contract),
                    batch=Literal(BATCH),
                    accepted=SQL("{}::bigint[]").format(
                        Literal(batches.accepted(loader, self.contract.name))
                    ),
                    order=order,
                )
            )
        )
        if total:
            yield Finding(
                "fine",
                f"{total:,} keys: {new:,} new, {changed:,} changed, {total - new - changed:,} as they are in accepted batches",
            )

    def _figures(self, known: Standing) -> Iterator[Finding]:
        if not known.facts:
            yield Finding("told", "no fact reads it: no figure moves")
        elif not known.figures:
            yield Finding("fine", f"feeds {', '.join(known.facts)}, which no figure is counted from")
        else:
            yield Finding(
                "fine",
                f"feeds {', '.join(known.facts)}; what may move are {len(known.figures)} figures:",
                (", ".join(known.figures),),
            )


def _spans(versions: list[tuple[str, str]]) -> str:
    return ", ".join(f"{first} to {last or 'now'}" for first, last in versions)


def _csv_line(*cells: str) -> str:
    return ",".join(
        '"' + each.replace('"', '""') + '"' if re.search('[",\n]', each) else each for each in cells
    )


def _agency_line(code: str) -> str:
    """The line that the seed lacks, but for what nobody can guess."""
    above = code.rpartition(".")[0]
    return f"{code},<unit code>,<name>,<short name>,<level>,{above},<first day>,"
