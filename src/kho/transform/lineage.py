"""Where columns and figures come from: read from the SQL that dbt compiles, without a server.

What is exact: a column's expression names these columns, through every common table expression, union and lookup (a
value that is looked up in another table comes from what it is looked up by, too). What is not shown: which version of a row counts, and
which rows a filter lets through, except in what a figure counts.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec
import sqlglot
from sqlglot import exp
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope, walk_in_scope

from kho.contract import Contract
from kho.settings import Settings
from kho.transform.project import fingerprint, keep, read

Layer = Literal["raw", "ledger", "seed", "staging", "warehouse", "marts"]
#: what a figure has columns for, by the column of the counted movements
ROLES = {
    "amount": "counted by",
    "movement_date": "dated by",
    "agency_code": "agency",
    "detail": "detail",
    "counted_key": "distinct",
}
#: the key of a description that holds the Vietnamese title
TITLE = "title_vi"
_MOVEMENTS = "movement_"
_EFFECTS = "adjustment_effects"


class Ref(NamedTuple):
    """A column of a table. Tables have dbt's name, those of raw and ledger their schema before it."""

    table: str
    column: str

    def __str__(self) -> str:
        return f"{self.table}.{self.column}"


#: of no export: the date of the delivery that a row came in
DELIVERY_DATE = Ref("ledger.build_input", "business_date")


@dataclass(frozen=True)
class ColumnInfo:
    """A column as it is described; `tests` are in words, `title` is what it is called in Vietnamese, if readers see it."""

    name: str
    type: str = ""
    description: str = ""
    tests: tuple[str, ...] = ()
    title: str = ""


@dataclass(frozen=True)
class Table:
    """A table or view of the warehouse. `parents` are the tables that it reads, `title` is Vietnamese, for what is published."""

    name: str
    layer: Layer
    topic: str
    description: str
    columns: tuple[ColumnInfo, ...]
    parents: frozenset[str] = frozenset()
    title: str = ""


@dataclass(frozen=True)
class Figure:
    """A figure of the reports: what the seed says of it, and the columns that it is counted from, by their role."""

    metric: str
    title: str
    unit: str
    meaning: str  # of its kind
    additivity: str  # of its kind, in Vietnamese
    rule_source: str
    service_level: str  # of online services that it is about; it is valid in that level's time
    numerator: str
    denominator: str
    reads: dict[str, frozenset[Ref]] = field(default_factory=dict)


@dataclass(frozen=True)
class Lineage:
    """All tables and figures, and where each column comes from."""

    tables: dict[str, Table]
    columns: dict[Ref, frozenset[Ref]]
    reads: dict[str, frozenset[Ref]]  # per table every column that its SQL needs, filters and joins included
    figures: dict[str, Figure]

    def origins(self, columns: Iterable[Ref]) -> set[Ref]:
        """The columns of raw tables that these come from, and `DELIVERY_DATE`; other technical columns are left out."""
        return {
            ref
            for ref in self._closure(columns)
            if ref == DELIVERY_DATE or (ref.table.startswith("raw.") and not ref.column.startswith("_"))
        }

    def lists(self, columns: Iterable[Ref]) -> set[str]:
        """The seeds that these columns come from: mappings of codes, agencies, days off."""
        return {
            ref.table
            for ref in self._closure(columns)
            if ref.table in self.tables and self.tables[ref.table].layer == "seed"
        }

    def _closure(self, columns: Iterable[Ref]) -> set[Ref]:
        seen: set[Ref] = set()
        ahead = list(columns)
        while ahead:
            ref = ahead.pop()
            if ref not in seen:
                seen.add(ref)
                ahead += self.columns.get(ref, ())
        return seen

    def figure_origins(self, metric: str) -> dict[str, set[Ref]]:
        """The columns of raw tables that a figure comes from, by role; those of a ratio are its parts'."""
        figure = self.figures[metric]
        parts = [self.figure_origins(part) for part in (figure.numerator, figure.denominator) if part]
        parts.append({role: self.origins(refs) for role, refs in figure.reads.items()})
        told: dict[str, set[Ref]] = {}
        for part in parts:
            for role, refs in part.items():
                told.setdefault(role, set()).update(refs)
        return {role: told[role] for role in ROLES.values() if told.get(role)}

    def figures_from(self, ref: Ref) -> list[str]:
        """The figures that come from this column of a raw table, in the report's order."""
        return [
            metric
            for metric in self.figures
            if any(ref in refs for refs in self.figure_origins(metric).values())
        ]

    def readers(self, ref: Ref) -> list[str]:
        """The tables whose SQL fails or changes when this column goes: directly, or through columns made from it."""
        made, grown = {ref}, True
        while grown:
            more = {column for column, parents in self.columns.items() if parents & made} - made
            made, grown = made | more, bool(more)
        return sorted(table for table, needed in self.reads.items() if needed & made)

    @cached_property
    def children(self) -> dict[str, set[str]]:
        """The tables that read a table, by its name."""
        found: dict[str, set[str]] = {}
        for table in self.tables.values():
            for parent in table.parents:
                found.setdefault(parent, set()).add(table.name)
        return found


def lineage(settings: Settings, *older: Contract) -> Lineage:
    """Read the project as it is now. Raises `TransformError` when dbt can't compile it.

    It takes some ten seconds, and is kept until the project changes. `older`: versions of contracts whose columns are known
    too, for models that still read what is gone.
    """
    if older:
        return _found(settings, older)
    if known := kept(settings):
        return known
    path = _place(settings)
    found = _found(settings)
    if _place(settings) == path:  # read while somebody wrote, it may be neither what was there nor what is
        keep(path, msgspec.msgpack.encode(found))
    return found


def kept(settings: Settings) -> Lineage | None:
    """The lineage of the project as it is now, if it has been read before: then it costs no dbt and no time."""
    try:
        return msgspec.msgpack.decode(_place(settings).read_bytes(), type=Lineage)
    except FileNotFoundError:
        return None


def _place(settings: Settings) -> Path:
    """Where it is kept: by what the project is made of, and by what reads it."""
    reader = hashlib.sha256(Path(__file__).read_bytes() + version("sqlglot").encode()).hexdigest()[:16]
    return settings.home / "dbt" / "lineage" / f"{reader}.{fingerprint(settings)}"


def _found(settings: Settings, older: Iterable[Contract] = ()) -> Lineage:
    manifest = read(settings, is_compiled=True)
    tables = {table.name: table for table in _tables(settings, manifest)}
    sql = {node.name: node.compiled_code for node in manifest.nodes.values() if node.resource_type == "model"}
    known = {name: [column.name for column in table.columns] for name, table in tables.items()}
    for contract in older:
        table = f"raw.{contract.raw_table}"
        known[table] = [*known.get(table, ()), *(column.name for column in contract.stored)]
    columns: dict[Ref, frozenset[Ref]] = {}
    reads: dict[str, frozenset[Ref]] = {}
    for name in _parents_first(tables):
        if name not in sql:
            continue
        model = _Query(_parse(sql[name]), known)
        made = model.columns()
        known[name] = list(made)
        columns |= {Ref(name, column): frozenset(parents) for column, parents in made.items()}
        reads[name] = frozenset(model.needed())
    figures = {}
    if movements := {text: _parse(text) for name, text in sql.items() if name.startswith(_MOVEMENTS)}:
        adjustable = {row["metric"] for row in _rows(settings.seed(f"{_EFFECTS}.csv"))}
        kinds = {row["kind"]: row for row in _rows(settings.seed("metric_kinds.csv"))}
        for row in _rows(settings.seed("metrics.csv")):
            figures[row["metric"]] = _figure(row, kinds[row["kind"]], movements, known, adjustable)
    return Lineage(tables, columns, reads, figures)


def _figure(
    row: dict[str, str],
    kind: dict[str, str],
    movements: dict[str, exp.Expression],
    known: dict[str, list[str]],
    adjustable: set[str],
) -> Figure:
    told = {
        key: row[key]
        for key in ("metric", "title", "unit", "rule_source", "service_level", "numerator", "denominator")
    }
    reads: dict[str, frozenset[Ref]] = {}
    metric = row["movement"]
    for sql, movement in movements.items() if metric else ():
        # A movement names what it counts; only adjustments have it in their rows.
        if f"'{metric}'" not in sql and metric not in adjustable:
            continue
        tree = movement.copy()
        _keep_movements_of(tree, metric, metric in adjustable)
        made = _Query(tree, known).columns()
        for column, role in ROLES.items():
            if made.get(column):
                reads[role] = reads.get(role, frozenset()) | made[column]
    if not kind["counted_once"]:
        reads.pop(ROLES["counted_key"], None)
    return Figure(**told, meaning=kind["meaning"], additivity=kind["additivity_title"], reads=reads)


class _Query:
    """One query, resolved: every column knows its table."""

    def __init__(self, tree: exp.Expression, known: dict[str, list[str]]):
        for select in list(tree.find_all(exp.Select)):
            _in_place_of_values(select)
        schema: dict[str, dict[str, dict[str, str]]] = {}
        for table in tree.find_all(exp.Table):
            table.set("catalog", None)
            if columns := known.get(_name(table)):
                schema.setdefault(table.db, {})[table.name] = dict.fromkeys(columns, "text")
        self.root = build_scope(
            qualify(
                tree, dialect="postgres", schema=schema, validate_qualify_columns=False,
                quote_identifiers=False, identify=False,
            )
        )  # fmt: skip
        self._made: dict[int, dict[str, set[Ref]]] = {}

    def columns(self) -> dict[str, set[Ref]]:
        """The columns that it gives, each with the columns of tables that it is made from."""
        return self._columns(self.root)

    def needed(self) -> set[Ref]:
        """Every column of a table that it needs, in whatever clause."""
        found = set().union(*self.columns().values())
        for scope in self.root.traverse():
            if isinstance(scope.expression, exp.Select):
                for clause in ("where", "group", "having", "order", "distinct", "joins"):
                    for part in _listed(scope.expression.args.get(clause)):
                        found |= self._from(scope, part)
        return found

    def _columns(self, scope: Scope) -> dict[str, set[Ref]]:
        key = id(scope.expression)
        if key not in self._made:
            self._made[key] = {}  # a recursive query adds nothing to what its first part says
            self._made[key] = self._of_union(scope) if scope.set_operation_scopes else self._of_select(scope)
        return self._made[key]

    def _of_union(self, scope: Scope) -> dict[str, set[Ref]]:
        first, second = (self._columns(each) for each in scope.set_operation_scopes)
        return {
            name: refs | other for (name, refs), other in zip(first.items(), second.values(), strict=False)
        }

    def _of_select(self, scope: Scope) -> dict[str, set[Ref]]:
        if not isinstance(scope.expression, exp.Select):
            return {}
        made: dict[str, set[Ref]] = {}
        for place, each in enumerate(scope.expression.selects):
            name = each.alias_or_name if isinstance(each, exp.Alias | exp.Column) else ""
            # A union goes by places: none may be lost because it has no name, or that of another.
            made[name if name and name not in made else f"column {place}"] = self._from(scope, each)
        return made

    def _from(self, scope: Scope, part: exp.Expression) -> set[Ref]:
        """What an expression of this query is made from."""
        found = set()
        for node in walk_in_scope(part):
            if isinstance(node, exp.Column):
                found |= self._column(scope, node, frozenset())
            elif isinstance(node, exp.Subquery | exp.Exists):
                for inner in scope.subquery_scopes:
                    if inner.expression.parent is node:
                        found = found.union(*self._columns(inner).values())
        return found

    def _column(self, scope: Scope, column: exp.Column, seen: frozenset[str]) -> set[Ref]:
        source = scope.sources.get(column.table)
        if not column.table and len(scope.selected_sources) == 1:  # a table whose columns are not described
            ((_, source),) = scope.selected_sources.values()
        if source is None:  # a subquery's column may be that of the query around it
            return self._column(scope.parent, column, seen) if scope.parent else set()
        if isinstance(source, Scope):
            found = set(self._columns(source).get(column.name, ()))
        else:
            found = {Ref(_name(source), column.name)}
        if isinstance(source, exp.Table) and column.table not in seen:
            for key in self._looked_up_by(scope, column.table):
                found |= self._column(scope, key, seen | {column.table})
        return found

    @staticmethod
    def _looked_up_by(scope: Scope, alias: str) -> Iterator[exp.Column]:
        for join in scope.expression.args.get("joins") or ():
            if join.alias_or_name == alias and join.args.get("on"):
                for column in join.args["on"].find_all(exp.Column):
                    if column.table != alias:
                        yield column


def _keep_movements_of(tree: exp.Expression, metric: str, is_adjustable: bool) -> None:
    """Leave only what counts this metric: the rows of `values` and the queries that name another one go.

    What remains says in its amount under which condition it counts.
    """
    for select in list(tree.find_all(exp.Select)):
        counts = _in_place_of_values(select, metric)
        named = dict(zip(_names(select), select.selects, strict=False))
        if "metric" not in named or "amount" not in named:
            continue
        told = named["metric"].unalias()
        if isinstance(told, exp.Literal):
            counts = counts and told.name == metric
        elif isinstance(told, exp.Column) and any(table.db for table in _read_by(select)):
            counts = counts and is_adjustable  # the metric is in the rows: those of signed adjustments
        if not counts:
            select.set("expressions", [exp.alias_(exp.Null(), name) for name in named])
            select.set("where", None)
        elif where := select.args.get("where"):
            both = exp.Anonymous(this="of", expressions=[named["amount"].unalias().copy(), where.this.copy()])
            named["amount"].replace(exp.alias_(both, "amount"))


def _names(select: exp.Select) -> list[str]:
    """The names of its columns: in a union those of the first query."""
    query: Any = select
    while isinstance(query.parent, exp.SetOperation):
        query = query.parent
    while isinstance(query, exp.SetOperation):
        query = query.this
    return [each.alias_or_name for each in query.selects]


def _in_place_of_values(select: exp.Select, metric: str | None = None) -> bool:
    """Put the rows of lateral `values` where their columns are used, only those of a metric if one is named.

    False if no row is of that metric.
    """
    counts = True
    for join in list(select.args.get("joins") or ()):
        lateral = join.this
        values = lateral.find(exp.Values) if isinstance(lateral, exp.Lateral) else None
        if values is None:
            continue
        names = [each.name for each in lateral.args["alias"].columns]
        rows = [dict(zip(names, row.expressions, strict=True)) for row in values.expressions]
        if metric and "metric" in names:
            rows = [row for row in rows if row["metric"].name == metric]
            counts = counts and bool(rows)
        for column in list(select.find_all(exp.Column)):
            if column.table == lateral.alias and column.find_ancestor(exp.Lateral) is None:
                taken = [row[column.name].copy() for row in rows] or [exp.Null()]
                one = taken[0] if len(taken) == 1 else exp.Anonymous(this="of", expressions=taken)
                at_top = column.parent is select
                column.replace(exp.alias_(one, column.name) if at_top else one)
        join.pop()
    return counts


def _read_by(select: exp.Select) -> list[exp.Table]:
    """The tables of its own FROM and JOINs."""
    parts = [select.args.get("from_"), *(select.args.get("joins") or ())]
    return [part.this for part in parts if part is not None and isinstance(part.this, exp.Table)]


def _parse(sql: str) -> exp.Expression:
    return sqlglot.parse_one(sql, dialect="postgres")


def _name(table: exp.Table) -> str:
    return f"{table.db}.{table.name}" if table.db in ("raw", "ledger") else table.name


def _listed(value: Any) -> list[exp.Expression]:
    return value if isinstance(value, list) else [value] if value is not None else []


def _parents_first(tables: dict[str, Table]) -> list[str]:
    order: dict[str, None] = {}

    def put(name: str) -> None:
        if name not in order:
            for parent in sorted(tables[name].parents):
                put(parent)
            order[name] = None

    for name in tables:
        put(name)
    return list(order)


def _tables(settings: Settings, manifest: Any) -> Iterator[Table]:
    names = {key: f"{node.source_name}.{node.name}" for key, node in manifest.sources.items()}
    names |= {
        key: node.name for key, node in manifest.nodes.items() if node.resource_type in ("model", "seed")
    }
    tests = _tests(manifest)
    for key, node in (*manifest.sources.items(), *manifest.nodes.items()):
        if key not in names:
            continue
        columns = [
            ColumnInfo(
                name,
                column.data_type or "",
                column.description,
                (*_constraints(column), *tests.get((key, name), ())),
                column.config.meta.get(TITLE, ""),
            )
            for name, column in node.columns.items()
        ]
        if node.resource_type == "seed":
            types = node.config.column_types
            columns = [ColumnInfo(name, types.get(name, "")) for name in _header(settings, node)]
        if node.resource_type == "source":
            layer, topic = node.source_name, node.config.meta.get("system", "")
        elif node.resource_type == "seed":
            layer, topic = "seed", ""
        else:
            layer, topic = node.fqn[1], node.fqn[2]
        parents = frozenset(names[parent] for parent in _parents(node) if parent in names)
        title = node.config.meta.get(TITLE, "")
        yield Table(names[key], layer, topic, node.description, tuple(columns), parents, title)


def _parents(node: Any) -> list[str]:
    return node.depends_on.nodes if node.resource_type == "model" else []


def _tests(manifest: Any) -> dict[tuple[str, str], list[str]]:
    """What dbt tests of columns, in words."""
    found: dict[tuple[str, str], list[str]] = {}
    for node in manifest.nodes.values():
        if node.resource_type == "test" and getattr(node, "attached_node", None) and node.column_name:
            given = node.test_metadata
            words = given.name.replace("_", " ")
            if given.name == "accepted_values":
                words = "one of " + ", ".join(str(value) for value in given.kwargs["values"])
            found.setdefault((node.attached_node, node.column_name), []).append(words)
    return found


def _constraints(column: Any) -> Iterator[str]:
    return (str(each.type.value).replace("_", " ") for each in column.constraints)


def _header(settings: Settings, seed: Any) -> list[str]:
    with settings.seed(Path(seed.original_file_path).name).open(encoding="utf-8") as file:
        return next(csv.reader(file))


def _rows(path: Any) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
