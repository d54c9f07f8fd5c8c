"""The files of `bi/dashboards`: read, and refused where a chart could show a wrong number or hide how good it is."""

from __future__ import annotations

import csv
import difflib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kho.bi import datasets
from kho.bi.datasets import SCOPE, Codes, Dataset, Words
from kho.bi.marts import Mart
from kho.publish.scopes import AGENCY, EMPTY, OF_ALL_AGENCIES
from kho.settings import Settings

Value = str | bool | int
#: what a filter of the dashboard chooses, by its name: the column that charts name, and the one that people choose by
FILTERS = {
    "agency": (SCOPE, "scope_agency_title"),
    "period": ("period_code", "period_code"),
    "province": ("scope_agency_province", "scope_agency_province"),
}
#: in place of a value: what the dashboard's filter chooses, or every one, each shown by itself
CHOSEN, EACH = "chosen", "each"
#: of levels: the one that the figures of the scope as a whole are told by, `all` or the only one that it has
WHOLE = "whole"
#: in place of a column: how many rows there are
ROWS = "rows"
_NEVER_ADDED = re.compile(r"_pct$|_mean_|^points$|^maximum$|^portal_points$|_seconds$")
_EXAMPLES = {
    "scheme": "calendar",
    "period_code": f"{CHOSEN} (with the filter period), {EACH} (with a period_kind), or 2021-H1",
    "period_kind": "month",
    "level": WHOLE,
    "detail": "''",
    "parameter_set": "default",
    "metric": "dossiers_received",
    SCOPE: f"{CHOSEN} (with the filter agency)",
}


class DashboardError(ValueError):
    """A dashboard that can't be made; each line names a file, a chart and what to do."""


class Chart(BaseModel):
    """A chart as its lines say it.

    `only` says which rows: a value, a list of values, `chosen` by the dashboard's filter, `each` (of details: each part, without
    the whole), or `whole` (of levels: what is told of the scope as a whole). `columns` are shown as they are; `show` are numbers
    that are added up over all rows of the same columns; `rows` counts them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str
    kind: Literal["table", "bar", "ranking"]
    mart: str
    state_of: str = ""
    only: dict[str, Value | list[Value]] = {}
    x: str = ""
    columns: list[str] = []
    show: list[str] = []
    order: list[str] = []
    note: str = ""
    width: int = Field(6, ge=2, le=12)
    height: int = Field(50, ge=10, le=150)

    @property
    def shown(self) -> list[str]:
        """The columns that people see, but for those that are added up."""
        return [*([self.x] if self.x else []), *self.columns]

    @property
    def named(self) -> list[str]:
        """Every column of the dataset that the chart needs."""
        ordered = [each.removeprefix("-") for each in self.order]
        return [*self.shown, *self.only, *(each for each in [*self.show, *ordered] if each != ROWS)]


class Dashboard(BaseModel):
    """A dashboard as its file says it. `name` is that of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = ""
    title: str
    about: str
    filters: list[Literal["agency", "period", "province"]] = []
    charts: list[Chart] = Field(min_length=1)

    @property
    def is_of_all_agencies(self) -> bool:
        """Whether it shows what tells of all agencies at once, which readers of one agency don't get."""
        return any(
            chart.mart in OF_ALL_AGENCIES or any((chart.mart, column) in EMPTY for column in chart.named)
            for chart in self.charts
        )


@dataclass(frozen=True)
class Meant:
    """A dashboard with the datasets of its charts, by the chart's name."""

    dashboard: Dashboard
    datasets: dict[str, Dataset]


def meant(settings: Settings, known: dict[str, Mart]) -> list[Meant]:
    """Every dashboard of the folder, in the order of their files. Raises `DashboardError` with all that is wrong in any of them."""
    folder = settings.project / "bi" / "dashboards"
    said = datasets.words(settings)
    metrics, codes = _metrics(settings), datasets.codes(settings)
    found, wrong = [], []
    for path in sorted(folder.glob("*.yaml")):
        try:
            dashboard = _read(path)
        except DashboardError as error:
            wrong.append(str(error))
            continue
        of_charts = {}
        for chart in dashboard.charts:
            problems = list(_problems(dashboard, chart, known, said, metrics, codes))
            if not problems:
                of_charts[chart.name] = _dataset(chart, known, said)
                problems = list(_misleading(dashboard, chart, of_charts[chart.name]))
            wrong += [f"{settings.shown(path)}, chart {chart.name}: {problem}" for problem in problems]
        found.append(Meant(dashboard, of_charts))
    if wrong:
        raise DashboardError("\n".join(wrong))
    return found


class _Once(yaml.SafeLoader):
    """Refuses a key that is there twice, of which YAML would take the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        names = [key.value for key, _ in node.value]
        if twice := [name for name, count in Counter(names).items() if count > 1]:
            raise yaml.constructor.ConstructorError(None, None, f"{twice[0]} is there twice", node.start_mark)
        return super().construct_mapping(node, deep)


def _read(path: Path) -> Dashboard:
    where = f"bi/dashboards/{path.name}"
    try:
        dashboard = Dashboard.model_validate(
            {**yaml.load(path.read_text(encoding="utf-8"), _Once), "name": path.stem}
        )
    except (yaml.YAMLError, TypeError) as error:
        raise DashboardError(f"{where}: is no mapping in YAML: {error}") from None
    except ValidationError as error:
        raise DashboardError(
            "\n".join(
                f"{where}, {'.'.join(str(part) for part in each['loc'])}: {each['msg']}"
                for each in error.errors()
            )
        ) from None
    names = Counter(chart.name for chart in dashboard.charts)
    if twice := [name for name, count in names.items() if count > 1]:
        raise DashboardError(f"{where}, chart {twice[0]}: is there twice: give each chart a name of its own")
    return dashboard


def _metrics(settings: Settings) -> set[str]:
    with settings.seed("metrics.csv").open(encoding="utf-8", newline="") as file:
        return {row["metric"] for row in csv.DictReader(file)}


def _dataset(chart: Chart, known: dict[str, Mart], said: Words) -> Dataset:
    of_scope = SCOPE in chart.only and SCOPE not in known[chart.mart].columns
    return datasets.dataset(known, chart.mart, said, of_scope=of_scope, state_of=chart.state_of)


def _problems(
    dashboard: Dashboard, chart: Chart, known: dict[str, Mart], said: Words, metrics: set[str], codes: Codes
) -> Iterator[str]:
    """What keeps the chart from being made at all."""
    if chart.mart not in known:
        yield f"there is no mart {chart.mart}{_instead(chart.mart, known)}"
        return
    mart = known[chart.mart]
    if SCOPE in chart.only and not datasets.has_scope(mart):
        yield f"{chart.mart} is not asked by {SCOPE}: leave it out of `only`"
        return
    if chart.state_of and (SCOPE not in chart.only or "period_code" not in mart.columns):
        yield "`state_of` tells of a scope and a period: name both in `only`, of a mart that has them"
        return
    asked = [*_listed(chart.only.get("metric", [])), *([chart.state_of] if chart.state_of else [])]
    for metric in asked:
        if metric not in metrics and metric not in (CHOSEN, EACH):
            yield f"there is no metric {metric}{_instead(str(metric), metrics)}"
            return
    columns = _dataset(chart, known, said).columns
    for name in dict.fromkeys(chart.named):
        if name not in columns:
            yield f"{chart.mart} has no column {name}{_instead(name, columns)}"
    for name in chart.show:
        if name == ROWS:
            continue
        if name in columns and not columns[name].is_number:
            yield f"{name} is no number: move it from `show` to `columns`"
        elif _NEVER_ADDED.search(name):
            yield f"{name} never adds up: put it into `columns`, or take its metric from report_figure"
    if chart.kind != "table" and not (chart.x and len(chart.show) == 1 and not chart.order):
        yield f"a {chart.kind} has an `x` and one number to `show`, which orders it"
    if chart.kind == "bar":
        for name in chart.columns:
            if name in columns and not datasets.titles(columns[name], said.get(chart.mart, {}), codes):
                yield f"bars are coloured by what has few words, as state_title or level_title, and not by {name}"
    if chart.kind == "table" and (chart.x or not chart.shown):
        yield "a table has `columns`, and no `x`"


def _misleading(dashboard: Dashboard, chart: Chart, asked: Dataset) -> Iterator[str]:
    """By what the chart could show a wrong number, or one without its state."""
    wanted = list(asked.keys)
    if chart.only.get("period_code") == EACH:
        wanted.insert(wanted.index("period_code"), "period_kind")
    agency = AGENCY.get(chart.mart)
    if agency and SCOPE not in asked.columns and agency not in chart.only:
        has_scope = datasets.has_scope(asked.mart)
        yield f"say whose rows: only: {{{SCOPE if has_scope else agency}: {CHOSEN if has_scope else EACH}}}"
    for name in wanted:
        if name not in chart.only:
            yield f"say which {name}, for they are never added up: only: {{{name}: …}}, such as {_EXAMPLES[name]}"
    for name, value in chart.only.items():
        shown = (name, f"{name.removesuffix('_code')}_title")
        several = value == EACH or (isinstance(value, list) and len(value) > 1)
        if several and name in (*KEYS_SHOWN, agency) and not set(shown) & set(chart.shown):
            yield f"{name} has several values: show them, by {shown[-1]} in `columns`"
        if value == CHOSEN and not any(FILTERS[each][0] == name for each in dashboard.filters):
            with_it = [each for each, (column, _) in FILTERS.items() if column == name]
            yield (
                f"{name} is chosen by no filter: add {with_it[0]} to the dashboard's `filters`, or name a value"
                if with_it
                else f"{name} can't be chosen: name a value"
            )
    yield from _stateless(chart, asked)


KEYS_SHOWN = (*datasets.KEYS, "period_kind")


def _stateless(chart: Chart, asked: Dataset) -> Iterator[str]:
    if "state_title" in asked.columns:
        if "state_title" not in chart.shown:
            yield "shows numbers without how far they can be relied on: add state_title to `columns`"
    elif "period_code" in asked.columns and _has_numbers(chart, asked):
        yield (
            f"{chart.mart} does not say how far its numbers can be relied on: add `state_of`, with a metric of the same"
            " source, and state_title to `columns`"
        )
    elif "as_of" in asked.columns and "as_of" not in chart.shown:
        yield "does not say of which day it is: add as_of to `columns`"


def _has_numbers(chart: Chart, asked: Dataset) -> bool:
    return bool(chart.show) or any(
        name.endswith(("_count", "value", "_pct")) and asked.columns[name].is_number for name in chart.shown
    )


def _listed(value: Value | list[Value]) -> list[Value]:
    return value if isinstance(value, list) else [value]


def _instead(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), 1)
    return f": did you mean {near[0]}?" if near else ""
