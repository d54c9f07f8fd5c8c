"""All that Superset is given, as its importer takes it: the same files for the same dashboards, wherever they are made."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

import yaml

from kho.bi import charts, dashboards, datasets
from kho.bi.datasets import Dataset
from kho.bi.marts import Column, marts
from kho.bi.specification import Chart, Dashboard, Meant, meant
from kho.settings import Settings

_OURS = UUID("6f0c8a52-6a0a-5c0b-9f5e-3f5f6b1c2d4e")
_VERSION = "1.0.0"
DATABASE = "Kho"

Json = dict[str, Any]


@dataclass(frozen=True)
class Assets:
    """Files of assets by their path; by their uuids, the dataset of the filters and the dashboards of all agencies at once."""

    files: dict[str, str]
    filters: str
    of_all_agencies: list[str]


def assets(settings: Settings, warehouse: str) -> Assets:
    """The assets of every dashboard in `bi/dashboards`, on the warehouse at this URL, which names no user.

    Raises `DashboardError`, and `TransformError` if dbt can't make sense of the project.
    """
    known = marts(settings)
    found = meant(settings, known)
    filters = datasets.of_filters(known)
    used = {each.key: each for one in found for each in one.datasets.values()} | {filters.key: filters}
    colours = dashboards.colours(datasets.codes(settings))
    made: dict[str, Json] = {
        # The importer wants a time; one that changes would make every file another.
        "metadata.yaml": {"version": _VERSION, "type": "assets", "timestamp": "2000-01-01T00:00:00+00:00"},
        "databases/kho.yaml": _database(warehouse),
    }
    for asked in used.values():
        orders = datasets.FILTER_ORDERS if asked.key == filters.key else {}
        made[f"datasets/kho/{asked.key.replace('/', '_')}.yaml"] = _dataset(asked, orders)
    for one in found:
        for chart in one.dashboard.charts:
            made[f"charts/{one.dashboard.name}_{chart.name}.yaml"] = _chart(one, chart)
        made[f"dashboards/{one.dashboard.name}.yaml"] = _dashboard(one.dashboard, filters, colours)
    return Assets(
        files={
            name: yaml.safe_dump(each, allow_unicode=True, sort_keys=False) for name, each in made.items()
        },
        filters=_uuid("dataset", filters.key),
        of_all_agencies=[
            _uuid("dashboard", one.dashboard.name) for one in found if one.dashboard.is_of_all_agencies
        ],
    )


def slug(dashboard: Dashboard) -> str:
    """What a dashboard is called in its address."""
    return f"kho-{dashboard.name.replace('_', '-')}"


def _uuid(*names: str) -> str:
    return str(uuid5(_OURS, "/".join(names)))


def _database(warehouse: str) -> Json:
    return {
        **_ours("database", DATABASE),
        "database_name": DATABASE,
        "sqlalchemy_uri": warehouse,
        "expose_in_sqllab": True,
        "allow_run_async": False,
        "allow_ctas": False,
        "allow_cvas": False,
        "allow_dml": False,
        "allow_csv_upload": False,
        # Each person asks as a login of their own, and finds what they asked for and nobody else.
        "impersonate_user": True,
        "extra": {"per_user_caching": True, "allows_virtual_table_explore": True},
    }


def _dataset(asked: Dataset, orders: dict[str, str]) -> Json:
    return {
        **_ours("dataset", asked.key),
        "table_name": asked.title,
        "description": asked.description,
        "schema": None,
        "catalog": None,
        "sql": asked.sql,
        "filter_select_enabled": True,
        "columns": [_column(each) for each in asked.columns.values()],
        "metrics": [{"metric_name": name, "expression": made} for name, made in orders.items()],
        "database_uuid": _uuid("database", DATABASE),
    }


def _column(column: Column) -> Json:
    is_time = column.type in ("date", "timestamptz")
    return {
        "column_name": column.name,
        "verbose_name": column.title,
        "description": column.description,
        "type": column.type.upper(),
        "is_dttm": is_time,
        "is_active": True,
        "groupby": True,
        "filterable": True,
    }


def _chart(one: Meant, chart: Chart) -> Json:
    asked = one.datasets[chart.name]
    return {
        **_ours("chart", one.dashboard.name, chart.name),
        "slice_name": chart.title,
        "description": chart.note or None,
        "viz_type": charts.drawn(chart, asked)["viz_type"],
        "params": charts.drawn(chart, asked),
        "query_context": json.dumps(charts.query(chart, asked), ensure_ascii=False),
        "dataset_uuid": _uuid("dataset", asked.key),
    }


def _dashboard(dashboard: Dashboard, filters: Dataset, colours: dict[str, str]) -> Json:
    position, metadata = dashboards.laid_out(
        dashboard,
        lambda chart: _uuid("chart", dashboard.name, chart.name),
        _uuid("dataset", filters.key),
        colours,
    )
    return {
        **_ours("dashboard", dashboard.name),
        "dashboard_title": dashboard.title,
        "description": dashboard.about.strip(),
        "slug": slug(dashboard),
        "published": True,
        "position": position,
        "metadata": metadata,
    }


def _ours(*names: str) -> Json:
    """What marks an asset as ours: its page lets nobody change it, and it goes when it left the folder."""
    return {"uuid": _uuid(*names), "version": _VERSION, "is_managed_externally": True}
