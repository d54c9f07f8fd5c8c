"""What moved figures of the past since the release in force: the batches that came or went, and the rows of them that count otherwise."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import namedtuple_row
from psycopg.types.json import Jsonb

from kho.ledger import builds
from kho.ledger.releases import Release

SHOWN = 10  # batches in a message
MOVED = frozenset({"scope_agency_code", "scheme", "period_code", "metric", "value_before", "value"})


def behind(
    connection: psycopg.Connection, candidate: Release, before: Release, rows: Iterable[dict[str, Any]]
) -> str:
    """The batches behind figures that have another value than in the release `before`, that with most rows first; empty for
    other rows."""
    figures = [row for row in rows if row.keys() >= MOVED]
    if not figures:
        return ""
    changed = {
        each.batch_id: each
        for each in builds.changed_batches(connection, before.build_id, candidate.build_id)
    }
    if builds.is_refreshed_since(connection, before.build_id):
        # All rows were written anew: which of them are others can't be told.
        told = [f"{_named(each)} {'came' if each.is_new else 'went'}" for each in changed.values()]
    else:
        told = [
            f"{_named(changed[each.batch_id])}, of which {each.rows:,} rows of {each.first_day} to {each.last_day} "
            f"{'came' if changed[each.batch_id].is_new else 'went'}"
            for each in _moving(connection, candidate, before, figures)
            if each.batch_id in changed
        ]
    if not told:
        has_other_models = builds.have_other_models(connection, before.build_id, candidate.build_id)
        return "a model or a seed of dbt_project changed" if has_other_models else ""
    more = [f"and {len(told) - SHOWN} more batches"] if len(told) > SHOWN else []
    return "; ".join([*told[:SHOWN], *more])


def _named(batch: builds.ChangedBatch) -> str:
    state = "" if batch.is_new else f" ({batch.state})"
    return f"batch {batch.batch_id} of {batch.contract}, {batch.business_date}{state}"


def _moving(
    connection: psycopg.Connection, candidate: Release, before: Release, figures: list[dict[str, Any]]
) -> list[Any]:
    """Per batch, how many rows of it move these figures otherwise than before, and the first and the last day of theirs.

    Of kept rows only those are looked at that were written or closed since.
    """
    query = sql.SQL(
        """
        with figure as (
          select distinct scope_agency_code, scheme, period_code, metric
          from jsonb_to_recordset(%(figures)s)
            as figure (scope_agency_code text, scheme text, period_code text, metric text)
        ), counted as (
          select distinct figure.scope_agency_code, part.movement,
            case part.reach
              when 'within' then period.from_date
              when 'within_year' then date_trunc('year', period.to_date)::date
              else '-infinity'
            end as first_day,
            case part.reach when 'until_start' then period.from_date - 1 else period.to_date end as last_day
          from figure
          join {period} as period using (scheme, period_code)
          join {metric} as metric using (metric)
          join {metric} as part on part.metric in (metric.metric, metric.numerator, metric.denominator)
          where part.movement is not null
        ), moved as (
          select metric as movement, agency_code, movement_date, batch_id, row_number
          from warehouse.kept_row
          where (from_build > %(before)s and to_build is null or to_build > %(before)s and from_build <= %(before)s)
            and metric in (select movement from counted)
          group by metric, agency_code, detail, movement_date, counted_key, batch_id, row_number
          having sum(case when from_build > %(before)s then amount else -amount end) <> 0
        )
        select batch_id, count(distinct row_number) as rows, min(movement_date) as first_day, max(movement_date) as last_day
        from moved
        where exists (
          select from counted
          join {scope} as scope using (scope_agency_code)
          where counted.movement = moved.movement and scope.agency_code = moved.agency_code
            and moved.movement_date between counted.first_day and counted.last_day
        )
        group by batch_id
        order by rows desc, batch_id
        """
    ).format(
        period=sql.Identifier(candidate.schema_name, "figure_period"),
        metric=sql.Identifier(candidate.schema_name, "figure_metric"),
        scope=sql.Identifier(candidate.schema_name, "figure_scope"),
    )
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        return cursor.execute(query, {"figures": Jsonb(figures), "before": before.build_id}).fetchall()
