"""Flows, and ratios of them, counted by MetricFlow from the same definitions: every one of its figures is Kho's.

It knows neither states nor attested values, and is silently wrong on stocks: an oracle for flows, and no more.
"""

from __future__ import annotations

import pytest
from psycopg.rows import class_row, dict_row

from kho.database import connect
from kho.settings import Settings
from tests.semantics import Metric, statement

#: whom MetricFlow is to count for, by which periods; and the figures of just those
ASKED = {
    "units": ("unit__unit_agency_code", "month", r"^\d{4}-\d{2}$", "scope.is_unit and figure.level = scope.agency_level"),
    "districts": (
        "unit__district_code", "quarter", r"^\d{4}-Q\d$", "scope.agency_level = 'district' and figure.level = 'all'",
    ),
    "provinces": (
        "unit__province_code", "year", r"^\d{4}$", "scope.agency_level = 'province' and figure.level = 'all'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("asked", ASKED)
def test_flows_are_what_metricflow_counts(module_published: Settings, asked: str) -> None:
    by, grain, period_code, of_these = ASKED[asked]
    with connect(module_published, "bi_reader") as connection:
        metrics = (
            connection.cursor(row_factory=class_row(Metric))
            .execute(
                """
                select metric.metric as name, metric.movement, metric.numerator, metric.denominator
                from marts.figure_metric as metric
                left join marts.figure_metric as numerator on numerator.metric = metric.numerator
                left join marts.figure_metric as denominator on denominator.metric = metric.denominator
                where metric.kind = 'flow' or (numerator.kind = 'flow' and denominator.kind = 'flow')
                """
            )
            .fetchall()
        )
        counted = (
            connection.cursor(row_factory=dict_row)
            .execute(statement(metrics, [by, f"metric_time__{grain}"]))
            .fetchall()
        )
        figures = connection.execute(
            f"""
            select figure.metric, figure.scope_agency_code, figure.from_date, figure.value
            from marts.report_figure as figure
            join marts.agency as scope on scope.agency_code = figure.scope_agency_code
              and figure.to_date between scope.valid_from and coalesce(scope.valid_to, 'infinity')
            where figure.scheme = 'calendar' and figure.period_code ~ %s and {of_these}
              and figure.detail = '' and figure.value is not null and figure.state <> 'attested'
              and figure.metric = any(%s)
            """,  # noqa: S608 (a choice of this module)
            [period_code, [metric.name for metric in metrics]],
        ).fetchall()
    found = {
        (metric.name, row[by], row[f"metric_time__{grain}"].date()): row[metric.name]
        for row in counted
        for metric in metrics
    }
    ratios = {metric.name for metric in metrics if metric.numerator}
    assert len(metrics) > 40 and len(ratios) >= 5
    compared = {
        figure: (float(value), float(found.get(figure) or 0) * (100 if figure[0] in ratios else 1))
        for *key, value in figures
        if (figure := (key[0], key[1], key[2]))
    }
    assert {
        figure: both for figure, both in compared.items() if both[0] != pytest.approx(both[1], abs=0.0051)
    } == {}
    assert sum(ours > 0 for ours, _ in compared.values()) > 50
    assert {name for name, *_ in compared} > ratios
