"""The marts told to MetricFlow in its own words, so that it counts the same metrics by SQL of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, cast

import yaml
from metricflow.engine.metricflow_engine import MetricFlowEngine, MetricFlowQueryRequest
from metricflow.protocols.sql_client import SqlClient, SqlEngine
from metricflow.sql.render.postgres import PostgresSQLSqlPlanRenderer
from metricflow_semantic_interfaces.parsing.dir_to_model import (
    parse_yaml_files_to_validation_ready_semantic_manifest,
)
from metricflow_semantic_interfaces.parsing.objects import YamlConfigFile
from metricflow_semantics.model.semantic_manifest_lookup import SemanticManifestLookup


@dataclass(frozen=True)
class Metric:
    """What `marts.figure_metric` says of a flow, or of a ratio of two."""

    name: str
    movement: str | None
    numerator: str | None
    denominator: str | None


def statement(metrics: Iterable[Metric], by: Iterable[str]) -> str:
    """MetricFlow's statement for these metrics by these attributes: `unit__district_code`, `metric_time__month`."""
    metrics = list(metrics)
    documents = [yaml.safe_dump(each, allow_unicode=True) for each in _documents(metrics)]
    manifest = parse_yaml_files_to_validation_ready_semantic_manifest(
        [YamlConfigFile(filepath=f"{n}.yaml", contents=text) for n, text in enumerate(documents)]
    ).semantic_manifest
    engine = MetricFlowEngine(SemanticManifestLookup(manifest), cast(SqlClient, _Postgres()))
    asked = MetricFlowQueryRequest.create(
        metric_names=[metric.name for metric in metrics], group_by_names=list(by)
    )
    return engine.explain(asked).sql_statement.sql


class _Postgres:
    """What MetricFlow has to know of a server to write for it; the statement is run by who asked for it."""

    sql_engine_type = SqlEngine.POSTGRES
    sql_plan_renderer = PostgresSQLSqlPlanRenderer()


def _documents(metrics: list[Metric]) -> Iterator[dict[str, Any]]:
    yield {
        "project_configuration": {
            "time_spines": [
                {
                    "node_relation": _mart("calendar_day"),
                    "primary_column": {"name": "date_day", "time_granularity": "day"},
                }
            ]
        }
    }
    yield {
        "semantic_model": {
            "name": "movement",
            "node_relation": _mart("figure_movement"),
            "primary_entity": "movement",
            "defaults": {"agg_time_dimension": "movement_date"},
            "entities": [{"name": "unit", "type": "foreign", "expr": "agency_code"}],
            "dimensions": [_day("movement_date")],
            "measures": [
                {
                    "name": f"{metric.name}_amount",
                    "agg": "sum",
                    "expr": f"case when metric = '{metric.movement}' and coalesce(parameter_set, 'default') = 'default'"
                    " then amount end",
                }
                for metric in metrics
                if metric.movement
            ],
        }
    }
    # An agency has a version for each stretch of its life; MetricFlow's stretches end before their last day.
    yield {
        "semantic_model": {
            "name": "agency",
            "node_relation": _mart("agency"),
            "primary_entity": "version",
            "entities": [{"name": "unit", "type": "natural", "expr": "agency_code"}],
            "dimensions": [
                *(
                    {"name": name, "type": "categorical"}
                    for name in ("unit_agency_code", "district_code", "province_code")
                ),
                _day("valid_from", is_start=True),
                _day("valid_to", expr="valid_to + 1", is_end=True),
            ],
        }
    }
    for metric in metrics:
        yield {"metric": {"name": metric.name, "description": metric.name} | _rule(metric)}


def _rule(metric: Metric) -> dict[str, Any]:
    if metric.movement:
        return {"type": "simple", "type_params": {"measure": f"{metric.name}_amount"}}
    parts = {"numerator": {"name": metric.numerator}, "denominator": {"name": metric.denominator}}
    return {"type": "ratio", "type_params": parts}


def _mart(name: str) -> dict[str, str]:
    return {"schema_name": "marts", "alias": name}


def _day(name: str, expr: str | None = None, **validity: bool) -> dict[str, Any]:
    parameters: dict[str, Any] = {"time_granularity": "day"}
    if validity:
        parameters["validity_params"] = validity
    return {"name": name, "type": "time", "type_params": parameters} | ({"expr": expr} if expr else {})
