"""Expectations of Great Expectations that judge as its own do and take the place of these, doing once what they do often.

Its own run a query twice, to count rows and to see them, ask for some forty metrics each, and make their configuration anew
some hundred times while they are validated.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

import sqlalchemy
from great_expectations.compatibility.pydantic import PrivateAttr
from great_expectations.constants import MAX_RESULT_RECORDS
from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.execution_engine import (
    ExecutionEngine,
    PandasExecutionEngine,
    SqlAlchemyExecutionEngine,
)
from great_expectations.expectations import core
from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.expectations.metrics.metric_provider import MetricProvider, metric_value
from great_expectations.expectations.metrics.query_metric_provider import QueryMetricProvider
from great_expectations.expectations.metrics.util import get_dbms_compatible_column_names
from great_expectations.expectations.registry import get_metric_kwargs
from great_expectations.validator.metric_configuration import MetricConfiguration
from great_expectations.validator.validator import ValidationDependencies

from kho.check.found import found


class _Configured(Expectation):
    """One that keeps its configuration until something of it changes."""

    _kept: ExpectationConfiguration | None = PrivateAttr(None)

    @property
    def configuration(self) -> ExpectationConfiguration:
        if self._kept is None:
            object.__setattr__(self, "_kept", super().configuration)
        return self._kept

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        object.__setattr__(self, "_kept", None)


class _ValuesFound(MetricProvider):
    """Those values of a frame's column that lie out of bounds, or all of them where there are no bounds; and their rows."""

    metric_name = "column_values.found"
    domain_keys = ("batch_id", "table", "column", "row_condition", "condition_parser")
    value_keys = ("min_value", "max_value", "result_format")

    @metric_value(engine=PandasExecutionEngine)
    def _pandas(
        cls,
        execution_engine: PandasExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        **_: Any,
    ) -> dict[str, Any]:
        frame, _, _ = execution_engine.get_compute_domain(metric_domain_kwargs, MetricDomainTypes.COLUMN)
        column = metric_domain_kwargs["column"]
        least, most, result_format = (metric_value_kwargs[key] for key in cls.value_keys)
        amiss = found(frame[column], least, most)
        keys = result_format.get("unexpected_index_column_names") or []
        return {
            "table.row_count": len(frame),
            "column_values.nonnull.unexpected_count": len(frame) - len(found(frame[column], None, None)),
            "unexpected_count": len(amiss),
            "unexpected_values": [value for _, value in amiss],
            "unexpected_index_list": [
                {column: value, **{key: frame[key].iloc[row] for key in keys}} for row, value in amiss
            ],
        }


class _RepeatedRowsFound(MetricProvider):
    """The rows of a table whose columns together are those of another row: how many, and the first of them."""

    metric_name = "compound_columns.repeated_rows_found"
    domain_keys = ("batch_id", "table", "column_list", "row_condition", "condition_parser")
    value_keys = ("result_format",)

    @metric_value(engine=SqlAlchemyExecutionEngine)
    def _sqlalchemy(
        cls,
        execution_engine: SqlAlchemyExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        metrics: dict[str, Any],
        **_: Any,
    ) -> dict[str, Any]:
        of_table = _of_table(metric_domain_kwargs)
        batch, _, _ = execution_engine.get_compute_domain(of_table, MetricDomainTypes.TABLE)
        names = get_dbms_compatible_column_names(
            metric_domain_kwargs["column_list"], metrics["table.columns"]
        )
        columns, count = [sqlalchemy.column(name) for name in names], sqlalchemy.func.count()
        # Each row with how often it is there: no join, that the planner could take for one of few rows.
        times = sqlalchemy.func.count().over(partition_by=columns).label("times")
        rows = sqlalchemy.select(*columns, times).select_from(batch).subquery()
        # A row that lacks one of them is none of these.
        is_repeated = sqlalchemy.and_(rows.c.times > 1, *(rows.c[name].is_not(None) for name in names))
        is_empty = sqlalchemy.and_(*(column.is_(None) for column in columns))
        found = sqlalchemy.select(*(rows.c[name] for name in names)).where(is_repeated).cte("found")
        how_many = sqlalchemy.select(count).select_from(found).scalar_subquery()
        counts = sqlalchemy.select(count, count.filter(is_empty), how_many).select_from(batch).subquery()
        most = metric_value_kwargs["result_format"]["partial_unexpected_count"]
        first = sqlalchemy.select(found).limit(most).subquery()
        query = sqlalchemy.select(counts, first).select_from(counts.outerjoin(first, sqlalchemy.true()))
        told = execution_engine.execute_query(query).fetchall()
        of_all, empty, repeated = told[0][:3]
        return {
            "table.row_count": of_all,
            "filtered_row_count": of_all - empty,
            "unexpected_count": repeated,
            "unexpected_values": [dict(zip(names, row[3:], strict=True)) for row in told if repeated],
        }

    @classmethod
    def _get_evaluation_dependencies(
        cls, metric: MetricConfiguration, *_: Any, **__: Any
    ) -> dict[str, MetricConfiguration]:
        return {"table.columns": MetricConfiguration("table.columns", _of_table(metric.metric_domain_kwargs))}


def _of_table(domain: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in domain.items() if key != "column_list"}


# Where one of these is given, or on another engine, an expectation asks as its parent does.
_UNKNOWN_TO_OURS = {"row_condition", "ignore_row_if", "strict_min", "strict_max"}


class _FoundAtOnce(_Configured):
    """One that finds by a single metric what its parent finds by some forty, or by several queries."""

    engine: ClassVar[type[ExecutionEngine]]
    found_by: ClassVar[str]
    map_metric: ClassVar[str | None]

    def get_validation_dependencies(
        self,
        execution_engine: ExecutionEngine | None = None,
        runtime_configuration: dict[str, Any] | None = None,
    ) -> ValidationDependencies:
        is_known = self.configuration.kwargs.keys().isdisjoint(_UNKNOWN_TO_OURS)
        if not (is_known and isinstance(execution_engine, self.engine)):
            return super().get_validation_dependencies(execution_engine, runtime_configuration)
        needed = Expectation.get_validation_dependencies(self, execution_engine, runtime_configuration)
        given = get_metric_kwargs(self.found_by, self.configuration, runtime_configuration)
        needed.set_metric_configuration(
            self.found_by,
            MetricConfiguration(self.found_by, given["metric_domain_kwargs"], given["metric_value_kwargs"]),
        )
        return needed

    def _validate(self, metrics: dict[str, Any], *given: Any, **named: Any) -> Any:
        found = metrics.get(self.found_by, {})
        of_parent = {f"{self.map_metric}.{name}": value for name, value in found.items()}
        return super()._validate({**metrics, **found, **of_parent}, *given, **named)


class ExpectColumnValuesToBeNull(_FoundAtOnce, core.ExpectColumnValuesToBeNull):
    """By its name it is known to suites: the same as that of its parent."""

    engine, found_by = PandasExecutionEngine, _ValuesFound.metric_name


class ExpectColumnValuesToBeBetween(_FoundAtOnce, core.ExpectColumnValuesToBeBetween):
    """See above."""

    engine, found_by = PandasExecutionEngine, _ValuesFound.metric_name


class ExpectColumnValuesToBeInSet(core.ExpectColumnValuesToBeInSet, _Configured):
    """See above."""


class ExpectColumnValuesToBeUnique(core.ExpectColumnValuesToBeUnique, _Configured):
    """See above."""


class ExpectCompoundColumnsToBeUnique(_FoundAtOnce, core.ExpectCompoundColumnsToBeUnique):
    """See above."""

    engine, found_by = SqlAlchemyExecutionEngine, _RepeatedRowsFound.metric_name


class ExpectTableRowCountToBeBetween(core.ExpectTableRowCountToBeBetween, _Configured):
    """See above."""


# As a CTE the query is planned for all of its rows, not for the first ones.
_COUNTED = """
with found as materialized (
{query}
)
select (select count(*) from found), found.* from found limit {most}
"""


class _UnexpectedRowsFound(QueryMetricProvider):
    """How many rows the query finds, and the first of them."""

    metric_name = "unexpected_rows_query.found"
    value_keys = ("unexpected_rows_query",)
    query_param_name: ClassVar[str] = "unexpected_rows_query"

    @metric_value(engine=SqlAlchemyExecutionEngine)
    def _sqlalchemy(
        cls,
        execution_engine: SqlAlchemyExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        **_: Any,
    ) -> tuple[int, list[dict[str, Any]]]:
        batch, _, _ = execution_engine.get_compute_domain(metric_domain_kwargs, MetricDomainTypes.TABLE)
        query = cls._get_substituted_batch_subquery_from_query_and_batch_selectable(
            cls._get_query_from_metric_value_kwargs(metric_value_kwargs), batch, execution_engine
        )
        found = execution_engine.execute_query(
            sqlalchemy.text(_COUNTED.format(query=query, most=MAX_RESULT_RECORDS))
        )
        names, rows = list(found.keys())[1:], found.fetchall()
        shown = [[_as_text(value) for value in row[1:]] for row in rows]
        return (rows[0][0] if rows else 0), [dict(zip(names, row, strict=True)) for row in shown]


def _as_text(value: Any) -> Any:
    """An amount as it stands: to make a float of each, the library looks through the whole stack and its sources."""
    return str(value) if isinstance(value, Decimal) else value


class UnexpectedRowsExpectation(core.UnexpectedRowsExpectation, _Configured):
    """See above. The rows that it tells are few in every result format; its parent tells them in the format of all others'."""

    metric_dependencies: ClassVar[tuple[str, ...]] = (_UnexpectedRowsFound.metric_name,)

    def _validate(self, metrics: dict[str, Any], **runtime: Any) -> Any:
        count, rows = metrics[_UnexpectedRowsFound.metric_name]
        found = {"observed_value": count, "details": {"unexpected_rows": rows}}
        return {"success": count == 0, "result": found}
