"""What the charts of dashboards ask, as SQL of our own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg import sql

from kho.bi import charts
from kho.bi.datasets import Dataset
from kho.bi.specification import CHOSEN, FILTERS, Chart, Meant
from kho.settings import Settings

#: what the filters of a dashboard choose, of the districts of the reports
LONG_PHU = {
    "agency": "Huyện Long Phú (H51.12)",
    "period": "2021-H1",
    "province": "Tỉnh Sóc Trăng",
}
TIEU_CAN = {
    "agency": "Huyện Tiểu Cần (H59.06)",
    "period": "2017-Q3",
    "province": "Tỉnh Trà Vinh",
}


def chosen(one: Meant, chart: Chart, choice: Mapping[str, str] = LONG_PHU) -> dict[str, str]:
    """The columns that the dashboard's filters choose for a chart, with what they choose."""
    return {
        FILTERS[name][1]: choice[name]
        for name in one.dashboard.filters
        if chart.only.get(FILTERS[name][0]) == CHOSEN
    }


def rows(
    settings: Settings, chart: Chart, asked: Dataset, choice: Mapping[str, str], role: str = ""
) -> list[dict[str, Any]]:
    """The rows of a chart with these values chosen, as who sees all marts, or as a reader of one agency."""
    (query,) = charts.query(chart, asked)["queries"]
    columns = [sql.Identifier(name) for name in query["columns"]]
    measures = [
        sql.SQL("{} as {}").format(sql.SQL(each["sqlExpression"]), sql.Identifier(each["label"]))
        for each in query.get("metrics", [])
    ]
    conditions = [
        sql.SQL("{} {} {}").format(
            sql.Identifier(each["col"]),
            sql.SQL({"==": "=", "!=": "<>", "IN": "= any"}[each["op"]]),
            sql.SQL("({})").format(
                sql.Literal("" if each["val"] == "<empty string>" else each["val"])  # as Superset takes it
            ),
        )
        for each in [
            *query["filters"],
            *({"col": name, "op": "==", "val": value} for name, value in choice.items()),
        ]
    ]
    whole = sql.SQL("select {shown} from ({asked}) as asked where {conditions} {grouped}").format(
        shown=sql.SQL(", ").join([*columns, *measures]),
        asked=sql.SQL(asked.sql),
        conditions=sql.SQL(" and ").join([sql.SQL("true"), *conditions]),
        grouped=sql.SQL("group by {}").format(sql.SQL(", ").join(columns)) if measures else sql.SQL(""),
    )
    with connection(settings, role) as asking:
        return asking.cursor(row_factory=psycopg.rows.dict_row).execute(whole).fetchall()


def connection(settings: Settings, role: str = "") -> psycopg.Connection:
    """As dashboards connect: relations are found in `marts`, or in `scoped` by a reader of one agency."""
    schema = "scoped" if role else "marts"
    url = settings.reader_url(role) if role else settings.role_url("bi_reader")
    return psycopg.connect(
        url, options=f"-c search_path={schema} -c enable_nestloop=off -c TimeZone=Asia/Ho_Chi_Minh"
    )
