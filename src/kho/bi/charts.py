"""A chart as Superset keeps it: what its page draws, and the query that gives its rows."""

from __future__ import annotations

import json
from typing import Any

from kho.bi.datasets import Dataset
from kho.bi.specification import CHOSEN, EACH, ROWS, WHOLE, Chart, Value

#: numbers as people read them: up to two decimals, none that says nothing
NUMBER = ",.2~f"
DATE = "%d/%m/%Y"
_MOST_ROWS = 10_000
#: what its page takes for an empty text, which would be no condition at all
_EMPTY = "<empty string>"
_ROWS_TITLE = "Số dòng"
_OPERATORS = {"==": "EQUALS", "!=": "NOT_EQUALS", "IN": "IN"}

Json = dict[str, Any]


def drawn(chart: Chart, asked: Dataset) -> Json:
    """What the chart's page draws it from."""
    conditions = [
        {
            "expressionType": "SIMPLE",
            "clause": "WHERE",
            "subject": each["col"],
            "operator": each["op"],
            "operatorId": _OPERATORS[each["op"]],
            "comparator": each["val"],
        }
        for each in _conditions(chart)
    ]
    common = {"adhoc_filters": conditions, "row_limit": _MOST_ROWS, "extra_form_data": {}}
    return {**common, **(_bar(chart, asked) if chart.kind == "bar" else _table(chart, asked))}


def query(chart: Chart, asked: Dataset) -> Json:
    """The query for the chart's rows, without what the filters of its dashboard add."""
    return {
        "datasource": {"id": 0, "type": "table"},  # the importer fills in which
        "force": False,
        "queries": [
            {
                "columns": chart.shown,
                **({"metrics": [measure(name, asked) for name in chart.show]} if chart.show else {}),
                "filters": _conditions(chart),
                "orderby": _order(chart, asked),
                "row_limit": _MOST_ROWS,
                "extras": {},
            }
        ],
        "form_data": {},
        "result_format": "json",
        "result_type": "full",
    }


def measure(name: str, asked: Dataset) -> Json:
    """A number added up: empty where rows of several agencies, periods or the like would be."""
    if name == ROWS:
        expression, title = "count(*)", _ROWS_TITLE
    else:
        expression, title = f"sum({name})", asked.columns[name].title
        if asked.keys:
            one = f"count(distinct concat_ws('|', {', '.join(asked.keys)})) = 1"
            expression = f"case when {one} then {expression} end"
    return _expression(name, expression, title)


def _expression(name: str, expression: str, title: str) -> Json:
    return {
        "expressionType": "SQL",
        "sqlExpression": expression,
        "label": title,
        "hasCustomLabel": True,
        "optionName": f"metric_{name}",
    }


def _conditions(chart: Chart) -> list[Json]:
    conditions: list[Json] = []
    for name, value in chart.only.items():
        if isinstance(value, list):
            conditions.append({"col": name, "op": "IN", "val": [_sent(each) for each in value]})
        elif (name, value) == ("level", WHOLE):
            conditions.append({"col": "is_whole", "op": "==", "val": True})
        elif (name, value) == ("detail", EACH):
            conditions.append({"col": name, "op": "!=", "val": _EMPTY})
        elif value not in (CHOSEN, EACH):
            conditions.append({"col": name, "op": "==", "val": _sent(value)})
    return conditions


def _sent(value: Value) -> Value:
    return _EMPTY if value == "" else value


def _order(chart: Chart, asked: Dataset) -> list[list[Any]]:
    """Columns or measures, each with whether it ascends."""
    ordered: list[list[Any]] = []
    for each in [f"-{name}" for name in chart.show] if chart.kind == "ranking" else chart.order:
        name = each.removeprefix("-")
        if not chart.show:
            by: Any = name
        elif name in chart.show:
            by = measure(name, asked)
        else:
            by = _expression(f"order_{name}", f"min({name})", f"min({name})")
        ordered.append([by, not each.startswith("-")])
    return ordered


def _table(chart: Chart, asked: Dataset) -> Json:
    order = _order(chart, asked)
    numbers = [_ROWS_TITLE if name == ROWS else asked.columns[name].title for name in chart.show]
    numbers += [name for name in chart.columns if asked.columns[name].is_number]
    common = {
        "viz_type": "table",
        "table_timestamp_format": DATE,
        "show_cell_bars": chart.kind == "ranking",
        "color_pn": False,
        "include_search": chart.kind == "table",
        "page_length": 50 if chart.kind == "table" else 0,
        "column_config": {name: {"d3NumberFormat": NUMBER} for name in numbers},
    }
    if not chart.show:
        return {
            **common,
            "query_mode": "raw",
            "all_columns": chart.columns,
            "order_by_cols": [json.dumps([by, ascends]) for by, ascends in order],
        }
    return {
        **common,
        "query_mode": "aggregate",
        "groupby": chart.shown,
        "metrics": [measure(name, asked) for name in chart.show],
        "show_totals": chart.kind == "table",
        "order_desc": bool(order) and not order[0][1],
        **({"timeseries_limit_metric": order[0][0]} if order else {}),
    }


def _bar(chart: Chart, asked: Dataset) -> Json:
    return {
        "viz_type": "echarts_timeseries_bar",
        "x_axis": chart.x,
        "xAxisForceCategorical": True,
        "x_axis_sort_series": "name",
        "x_axis_sort_series_ascending": True,
        "metrics": [measure(name, asked) for name in chart.show],
        "groupby": chart.columns,
        "stack": "Stack",  # what has one state only stands by itself
        "only_total": True,
        "show_value": True,
        "show_legend": True,
        "legendType": "scroll",
        "legendOrientation": "top",
        "rich_tooltip": True,
        "y_axis_format": NUMBER,
        "truncateYAxis": False,
        "minorSplitLine": False,
    }
