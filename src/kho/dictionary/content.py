"""What the dictionary tells: sources, tables and figures, and how they hang together."""

from __future__ import annotations

import csv
from dataclasses import dataclass

from kho.contract import Column, Contract, Quality, contracts, drafts, unusable
from kho.settings import Settings
from kho.transform.lineage import DELIVERY_DATE, ROLES, ColumnInfo, Figure, Lineage, Ref, Table

_DATED = {"d": "", "m": ", dated its last day", "q": ", dated its first day"}
_TRANSPORT = {
    "local": "folder",
    "sftp": "SFTP",
    "ftps": "FTPS",
    "api": "HTTP API",
    "s3": "S3",
    "postgres": "query on PostgreSQL",
    "mysql": "query on MariaDB or MySQL",
}
_PERSONAL = {"drop": "personal: not loaded", "hash": "personal: keyed hash"}
#: what each role of a column says to people
_ROLES = {
    "counted by": "whether and how much a row counts",
    "dated by": "the period that it counts in",
    "agency": "the agency that it counts for",
    "detail": "the detail that it is broken down by",
    "distinct": "what is counted once each",
}
#: columns that `version_columns` adds to every staging model
_VERSION_COLUMNS = {
    "_business_date": "Date of the delivery.",
    "_arrival_id": "Number of the arrival: later arrivals come last.",
    "_batch_id": "Batch that the row came in.",
    "_row_number": "Row of the file, 1 is the first after the header.",
    "_is_in_force": "The batch is in the build.",
    "_is_touched": "The batch, or the unit's list after it, came or went since the last build.",
}


@dataclass(frozen=True)
class SourceColumn:
    """A column of an export: its header, what becomes of it, and what it is good for."""

    header: str
    name: str
    type: str
    required: bool
    key_position: int | None
    description: str
    limits: str
    models: list[str]
    figures: list[str]


@dataclass(frozen=True)
class Source:
    """An export as its contract has it."""

    name: str
    title: str
    system: str
    purpose: str
    usage: str
    facts: dict[str, str]
    columns: list[SourceColumn]
    rules: list[tuple[str, str, str, str]]
    skipped: list[tuple[str, str, str]]


@dataclass(frozen=True)
class Origin:
    """A column of an export that a figure comes from, and as what."""

    role: str
    source: str
    header: str
    column: str


@dataclass(frozen=True)
class FigureEntry:
    """A figure with its origins; `lists` are the seeds that its codes and agencies come from."""

    figure: Figure
    meaning: str
    origins: list[Origin]
    tables: list[str]
    lists: list[str]

    @property
    def by_role(self) -> dict[str, list[Origin]]:
        told: dict[str, list[Origin]] = {}
        for origin in self.origins:
            told.setdefault(origin.role, []).append(origin)
        return told


@dataclass(frozen=True)
class Header:
    """A column of an export that a column of a mart comes from, through all that lies between."""

    source: str
    header: str
    column: str


@dataclass(frozen=True)
class TableEntry:
    """A table of the warehouse with what its columns come from; `headers`: of a mart, each column's in the exports."""

    table: Table
    columns: list[tuple[ColumnInfo, list[Ref]]]
    children: list[str]
    headers: dict[str, list[Header]]

    def by_source(self, column: str) -> dict[str, list[Header]]:
        told: dict[str, list[Header]] = {}
        for header in self.headers.get(column, ()):
            told.setdefault(header.source, []).append(header)
        return told


@dataclass(frozen=True)
class Dictionary:
    """All of it, in the order of the project."""

    sources: list[Source]
    drafts: list[str]
    tables: list[TableEntry]
    figures: list[FigureEntry]
    roles: dict[str, str]


def dictionary(settings: Settings, all_lineage: Lineage) -> Dictionary:
    """What there is to tell of the project and its lineage. Raises `ContractError`: it tells of all sources or of none."""
    for problem in unusable(settings).values():
        raise problem
    known = contracts(settings)
    users: dict[Ref, list[str]] = {}
    for metric in all_lineage.figures:
        for ref in set().union(*all_lineage.figure_origins(metric).values()):
            users.setdefault(ref, []).append(metric)
    systems = system_names(settings)
    order = {"staging": 0, "warehouse": 1, "marts": 2, "seed": 3}
    tables = [table for table in all_lineage.tables.values() if table.layer in order]
    tables.sort(key=lambda table: (order[table.layer], table.topic, table.name))
    return Dictionary(
        sources=[_source(contract, systems, all_lineage, users) for contract in known.values()],
        drafts=drafts(settings),
        tables=[_table(table, all_lineage, _headers(known)) for table in tables],
        figures=[_figure(figure, all_lineage, known) for figure in all_lineage.figures.values()],
        roles={role: _ROLES[role] for role in ROLES.values()},
    )


def _source(
    contract: Contract, systems: dict[str, str], known: Lineage, users: dict[Ref, list[str]]
) -> Source:
    system = systems.get(contract.system)
    facts = {
        "System": f"{contract.system} ({system})" if system else contract.system,
        "Contract": f"contracts/{contract.system}/{contract.entity}.yaml, version {contract.version}",
        "Comes": _comes(contract),
        "Through": f"{_TRANSPORT[contract.server_type]}, {contract.location}",
        "File": f"{contract.server.file_name}, {_format(contract)}",
        "Holds": "the whole list" if contract.file.load == "full" else "what is new or changed",
        "Key": ", ".join(column.name for column in contract.key),
        "Raw table": f"raw.{contract.raw_table}",
    }
    return Source(
        contract.name,
        contract.title,
        contract.system,
        contract.purpose,
        contract.usage,
        facts,
        [_source_column(contract, column, known, users) for column in contract.columns],
        [(rule.name, _limits(rule), rule.severity, rule.description) for rule in contract.quality],
        [(rule.column, rule.pattern, rule.why) for rule in contract.file.skip_rows],
    )


def _source_column(
    contract: Contract, column: Column, known: Lineage, users: dict[Ref, list[str]]
) -> SourceColumn:
    ref = Ref(f"raw.{contract.raw_table}", column.name)
    return SourceColumn(
        header=column.header,
        name=column.name,
        type=_PERSONAL.get(column.keys.personal_data or "", column.raw_type),
        required=column.required,
        key_position=column.key_position,
        description=column.description,
        limits=_values(column),
        models=known.readers(ref),
        figures=users.get(ref, []),
    )


def _comes(contract: Contract) -> str:
    if not contract.frequency:
        return contract.rhythm
    return f"{contract.rhythm}{_DATED[contract.frequency]}; at most {contract.latency_days} days late"


def _format(contract: Contract) -> str:
    has_encoding = contract.format not in ("xlsx", "xls", "ods", "parquet")
    return f"{contract.format} in {contract.encoding}" if has_encoding else contract.format


def _values(column: Column) -> str:
    """What its values may be, in words."""
    values = [
        f"{value}: {meaning}" if meaning else value
        for value, meaning in zip(column.values, column.meanings, strict=True)
    ]
    limits = ["; ".join(values)] if values else []
    if column.pattern:
        limits.append(f"matches {column.pattern}")
    if column.minimum is not None:
        limits.append(f"at least {column.minimum:g}")
    if column.maximum is not None:
        limits.append(f"at most {column.maximum:g}")
    return ", ".join(limits)


def _limits(rule: Quality) -> str:
    limits = [f"at least {rule.at_least:g}"] if rule.at_least is not None else []
    limits += [f"at most {rule.at_most:g}"] if rule.at_most is not None else []
    return f"{' and '.join(limits)} {rule.unit}"


def _headers(contracts: dict[str, Contract]) -> dict[Ref, tuple[str, str]]:
    """Contract and header of each column of a raw table."""
    return {
        Ref(f"raw.{contract.raw_table}", column.name): (contract.name, column.header)
        for contract in contracts.values()
        for column in contract.columns
    }


def origins(metric: str, known: Lineage, contracts: dict[str, Contract]) -> list[Origin]:
    """The columns of these exports that a figure comes from, by role; the date of a delivery is of no export."""
    columns = _headers(contracts)
    found = []
    for role, refs in known.figure_origins(metric).items():
        for ref in sorted(refs):
            if ref == DELIVERY_DATE:
                found.append(Origin(role, "", "", "date of the delivery"))
            elif ref in columns:
                found.append(Origin(role, *columns[ref], ref.column))
    return found


def _figure(figure: Figure, known: Lineage, contracts: dict[str, Contract]) -> FigureEntry:
    parts = [known.figures[part] for part in (figure.numerator, figure.denominator) if part]
    reads = set().union(*(refs for each in (figure, *parts) for refs in each.reads.values()))
    return FigureEntry(
        figure,
        figure.meaning,
        origins(figure.metric, known, contracts),
        sorted({ref.table for ref in reads}),
        sorted(known.lists(reads)),
    )


def _table(table: Table, known: Lineage, told: dict[Ref, tuple[str, str]]) -> TableEntry:
    columns = list(table.columns)
    if table.layer == "staging" and table.topic != "ledger":
        columns += [ColumnInfo(name, "", description) for name, description in _VERSION_COLUMNS.items()]
    return TableEntry(
        table,
        [(column, sorted(known.columns.get(Ref(table.name, column.name), ()))) for column in columns],
        sorted(known.children.get(table.name, ())),
        {
            column.name: [
                Header(*told[ref], ref.column)
                for ref in sorted(known.origins([Ref(table.name, column.name)]))
                if ref in told
            ]
            for column in columns
            if table.layer == "marts"
        },
    )


def system_names(settings: Settings) -> dict[str, str]:
    """The name of each system that has one."""
    path = settings.seed("systems.csv")
    with path.open(encoding="utf-8", newline="") as seed:
        return {row["system"]: row["name"] for row in csv.DictReader(seed)}
