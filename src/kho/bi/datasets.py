"""What a chart asks: a mart with the words for its codes beside them, so that no dashboard needs a join of its own.

Relations are named without a schema. A login of one agency finds them in `scoped`, who sees all in `marts`.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace

import yaml
from psycopg import sql

from kho.bi.marts import Column, Mart
from kho.settings import Settings

SCOPE = "scope_agency_code"
#: what is never added up: a chart says which one it is of, or shows each
KEYS = (SCOPE, "scheme", "period_code", "parameter_set", "metric", "level", "detail")
#: marts without a period: the day by which their agency is in a scope
_DATED = {"late_promise": "received_date", "morning_list": "as_of"}
#: codes that have a mart of their own: its column of names
_NAMED = {
    "channel": "channel_name",
    "document_type": "document_type_name",
    "field": "field_name",
    "item_type": "item_type_name",
}
#: codes that are in `code_title`: their domain
_DOMAINS = {"level": "agency_level", "agency_level": "agency_level", "state": "figure_state"}

#: the newest name of each agency
_AGENCIES = (
    "(select distinct on (agency_code) * from agency order by agency_code, valid_from desc nulls last)"
)
#: agencies of a scope at any time of a period: of scopes that the reader has figures of, for of a larger one it has a part only
_MEMBERS = (
    "(select distinct member.scope_agency_code, member.agency_code, told.scheme, told.period_code"
    " from counted_period as told join figure_scope as member on member.scope_agency_code = told.scope_agency_code"
    " and member.valid_from <= told.to_date and coalesce(member.valid_to, 'infinity') >= told.from_date)"
)
#: the same of any day
_MEMBERS_BY_DAY = (
    "(select * from figure_scope where scope_agency_code in (select scope_agency_code from counted_period))"
)
#: the level by which the figures of a scope as a whole are told: what has nothing below it has no `all`
_WHOLES = (
    "(select told.scope_agency_code, told.scheme, told.period_code, case when bool_or(member.depth > 0) then 'all'"
    " else min(member.agency_level) end as level from counted_period as told join figure_scope as member"
    " on member.scope_agency_code = told.scope_agency_code and member.valid_from <= told.to_date"
    " and coalesce(member.valid_to, 'infinity') >= told.from_date group by 1, 2, 3)"
)


@dataclass(frozen=True)
class Dataset:
    """A mart as charts ask it.

    `of_scope`: a row of an agency is there once for every scope that counts it. `state_of` is the metric whose state tells how
    far the numbers of a scope can be relied on.
    """

    key: str
    mart: Mart
    title: str
    description: str
    columns: dict[str, Column]
    sql: str
    of_scope: bool = False
    state_of: str = ""

    @property
    def keys(self) -> list[str]:
        """The columns whose values are not to be added up."""
        return [key for key in KEYS if key in self.columns]


Words = dict[str, dict[str, dict[str, str]]]
#: what codes of the seed are called, by domain
Codes = dict[str, dict[str, str]]


def words(settings: Settings) -> Words:
    """What codes are called that no mart has words for: by mart, column and code."""
    return yaml.safe_load((settings.project / "bi" / "words.yaml").read_text(encoding="utf-8"))


def codes(settings: Settings) -> Codes:
    """What codes are called that the seed of titles has words for: by domain and code."""
    found: Codes = {}
    with settings.seed("code_titles.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["domain"], {})[row["code"]] = row["title"]
    return found


def titles(column: Column, said: dict[str, dict[str, str]], codes: Codes) -> dict[str, str]:
    """All words that a column of words may hold, by their code; none where they are not known beforehand."""
    code = column.name.removesuffix("_title")
    return said.get(code) or codes.get(_DOMAINS.get(code, ""), {})


def has_scope(mart: Mart) -> bool:
    """Whether rows of the mart can be asked by the scope that counts their agency."""
    has_time = "period_code" in mart.columns or mart.name in _DATED
    return SCOPE in mart.columns or ("agency_code" in mart.columns and has_time)


def dataset(
    known: dict[str, Mart], name: str, said: Words, *, of_scope: bool = False, state_of: str = ""
) -> Dataset:
    """The mart of this name with words for its codes."""
    mart = known[name]
    made = _Query(known, mart, said.get(name, {}))
    key, title, description = name, mart.title, mart.description
    if of_scope and SCOPE not in mart.columns:
        made.add_scope()
        key += "/scope"
        title += ", theo cơ quan tổng hợp"
        description += (
            " Each row is there once for every agency that counts it: choose one scope_agency_code."
        )
    if state_of:
        made.add_state(state_of)
        key += f"/{state_of}"
        title += f", trạng thái theo {state_of}"
        description += f" The state is that of {state_of}."
    made.add_words()
    return Dataset(key, mart, f"{title} ({name})", description, made.columns, made.sql, of_scope, state_of)


class _Query:
    """A select over a mart that grows by joins; every column is described."""

    def __init__(self, known: dict[str, Mart], mart: Mart, said: dict[str, dict[str, str]]):
        self._known, self._mart, self._said = known, mart, said
        self.columns: dict[str, Column] = dict(mart.columns)
        self._from = {name: f"fact.{name}" for name in mart.columns}
        self._joins: list[str] = []

    @property
    def sql(self) -> str:
        shown = ",\n  ".join(
            name if made == name else f"{made} as {name}" for name, made in self._from.items()
        )
        return "\n".join([f"select\n  {shown}", f"from {self._mart.name} as fact", *self._joins])

    def add_scope(self) -> None:
        if date := _DATED.get(self._mart.name):
            self._join(
                _MEMBERS_BY_DAY, "scope",
                f"scope.agency_code = fact.agency_code and fact.{date} between scope.valid_from"
                " and coalesce(scope.valid_to, 'infinity')",
                "join",
            )  # fmt: skip
        else:
            self._join(_MEMBERS, "scope", _on("scope", "agency_code", "scheme", "period_code"), "join")
        self._add(SCOPE, f"scope.{SCOPE}", self._known["figure_scope"].columns[SCOPE])

    def add_state(self, metric: str) -> None:
        self._join_whole()
        on = f"told.{SCOPE} = {self._from[SCOPE]} and {_on('told', 'scheme', 'period_code')}"
        on += f" and told.metric = {_text(metric)} and told.level = whole.level and told.detail = ''"
        self._join("report_figure", "told", on)
        for name in ("state", "as_of", "covered_from", "covered_to"):
            self._add(name, f"told.{name}", self._known["report_figure"].columns[name])

    def add_words(self) -> None:
        for column in list(self.columns.values()):
            if words := self._said.get(column.name):
                cases = " ".join(f"when {_text(code)} then {_text(word)}" for code, word in words.items())
                made = self._from[column.name]
                self._add_title(column, f"case {made} {cases} else {made} end")
            elif column.name in _DOMAINS:
                self._add_code(column, _DOMAINS[column.name])
            elif column.name in _NAMED and column.name != self._mart.name:
                self._join(column.name, f"the_{column.name}", _on(f"the_{column.name}", column.name))
                made = self._from[column.name]
                self._add_title(column, f"coalesce(the_{column.name}.{_NAMED[column.name]}, {made})")
            elif column.name.endswith("agency_code"):
                self._add_agency(column)
            elif column.type == "boolean":
                self._add_title(column, f"case when {self._from[column.name]} then 'có' else 'không' end")
        if "level" in self.columns and SCOPE in self.columns:
            self._join_whole()
            whole = Column(
                "is_whole", "boolean", "Toàn bộ phạm vi", "The level is that of the scope as a whole."
            )
            self._add(whole.name, "fact.level = whole.level", whole)
        self._add_metric()
        self._add_detail()
        self._add_period()

    def _add_code(self, column: Column, domain: str) -> None:
        alias = f"the_{column.name}"
        made = self._from[column.name]
        self._join("code_title", alias, f"{alias}.domain = '{domain}' and {alias}.code = {made}")
        self._add_title(column, f"coalesce({alias}.title, {made})")
        ordinal = self._known["code_title"].columns["ordinal"]
        self._add(f"{column.name}_ordinal", f"{alias}.ordinal", ordinal)

    def _add_agency(self, column: Column) -> None:
        stem = column.name.removesuffix("_code")
        code, alias = self._from[column.name], f"the_{stem}"
        agency = self._known["agency"].columns
        self._join(_AGENCIES, alias, f"{alias}.agency_code = {code}")
        # Two agencies may share a name.
        self._add_title(column, f"coalesce({alias}.agency_name || ' (' || {code} || ')', {code})")
        self._add(f"{stem}_level", f"{alias}.agency_level", agency["agency_level"])
        self._add(f"{stem}_level_title", f"{alias}.level_title", agency["level_title"])
        self._add(f"{stem}_is_unit", f"{alias}.is_unit", agency["is_unit"])
        self._add(f"{stem}_province", f"{alias}.province_name", agency["province_name"])

    def _add_metric(self) -> None:
        if "metric" in self.columns and "metric_title" not in self.columns:
            metric = self._known["figure_metric"].columns
            self._join("figure_metric", "the_metric", _on("the_metric", "metric"))
            self._add_title(self.columns["metric"], "the_metric.title")
            self._add("metric_ordinal", "the_metric.ordinal", metric["ordinal"])
            self._add("unit_title", "the_metric.unit_title", metric["unit_title"])

    def _add_detail(self) -> None:
        if "detail" in self.columns:
            # A part of an agency's part: its name, then the code.
            split = "case when fact.detail like '% / %' then split_part(fact.detail, ' / ', {}) else {} end"
            part = split.format(2, "fact.detail")
            self._join("figure_detail", "the_detail", f"the_detail.detail = {part}")
            made = f"concat_ws(' / ', {split.format(1, 'null')}, coalesce(the_detail.title, {part}))"
            self._add_title(self.columns["detail"], made)

    def _add_period(self) -> None:
        if "period_code" in self.columns and "scheme" in self.columns:
            period = self._known["figure_period"].columns
            self._join("figure_period", "the_period", _on("the_period", "scheme", "period_code"))
            for name in ("period_kind", "from_date", "to_date"):
                self._add(name, f"the_period.{name}", period[name])

    def _join_whole(self) -> None:
        on = f"whole.{SCOPE} = {self._from[SCOPE]} and {_on('whole', 'scheme', 'period_code')}"
        self._join(_WHOLES, "whole", on)

    def _join(self, relation: str, alias: str, on: str, kind: str = "left join") -> None:
        self._joins.append(f"{kind} {relation} as {alias} on {on}")

    def _add_title(self, code: Column, made: str) -> None:
        """What a code is called: `field_title` beside `field`, called as the code without «Mã»."""
        title = code.title.removeprefix("Mã ")
        described = replace(code, type="text", title=title[:1].upper() + title[1:])
        self._add(f"{code.name.removesuffix('_code')}_title", made, described)

    def _add(self, name: str, made: str, described: Column) -> None:
        if name not in self.columns:
            self.columns[name] = replace(described, name=name)
            self._from[name] = made


def _text(value: str) -> str:
    return sql.Literal(value).as_string(None)


def _on(alias: str, *columns: str) -> str:
    return " and ".join(f"{alias}.{column} = fact.{column}" for column in columns)


def of_filters(known: dict[str, Mart]) -> Dataset:
    """What the filters of all dashboards offer: agencies and periods that the reader has figures of, the likeliest first."""
    made = dataset(known, "counted_period", {})
    told = (
        "left join (select scope.scope_agency_code, count(distinct scope.agency_code) as member_count,"
        " max(least(told.told_to, told.operated_to, told.business_date)) as told_to"
        " from figure_scope as scope left join figure_coverage as told on told.agency_code = scope.agency_code"
        " group by 1) as told on told.scope_agency_code = fact.scope_agency_code"
    )
    query = made.sql.replace("\nfrom ", ",\n  told.member_count,\n  told.told_to\nfrom ", 1) + f"\n{told}"
    columns = [
        Column("member_count", "bigint", "Số cơ quan trực thuộc", "Agencies that the scope counts."),
        Column("told_to", "date", "Có số liệu đến ngày", "Up to which day any source tells of them."),
    ]
    return replace(
        made,
        key="filters",
        title="Bộ lọc: cơ quan và kỳ",
        sql=query,
        columns={**made.columns, **{column.name: column for column in columns}},
    )


_DAYS = "(coalesce({}, date '2000-01-01') - date '2000-01-01')"
#: metrics by which filters are ordered, so that what comes first has figures: the scopes of which sources tell last, and of
#: those the one that counts most; of the periods that are told of as a whole the newest and longest
FILTER_ORDERS = {
    "largest_first": f"max({_DAYS.format('told_to')} * 100000 + member_count)",
    "newest_first": f"max(case when to_date <= told_to then {_DAYS.format('to_date')} * 1000 + (to_date - from_date) else 0 end)",
}
