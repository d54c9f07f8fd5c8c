"""How each source stands, from what the ledger holds of its deliveries."""

from __future__ import annotations

from datetime import date
from typing import Any

import psycopg
from psycopg.rows import namedtuple_row

from kho.contract import Contract
from kho.ledger.freshness import Freshness, delivered, freshness, joined


def source_freshness(connection: psycopg.Connection, business_date: date, contract: Contract) -> Freshness:
    """How fresh a contract is on `business_date`, from what the ledger holds now."""
    rows = connection.execute(
        """
        select d.name, d.business_date, coalesce(bool_or(b.state = 'accepted'), false),
          case
            when bool_or(b.state = 'accepted') then null
            when count(b.batch_id) = 0 then 'not loaded'
            else (array_agg(concat_ws(': ', b.state, b.reason) order by b.batch_id desc)
                  filter (where b.state <> 'withdrawn'))[1]
          end,
          (array_agg(concat_ws(': ', b.state, b.reason) order by b.batch_id desc)
           filter (where b.state = 'withdrawn'))[1]
        from ledger.delivery d left join ledger.batch b using (delivery_id)
        where d.contract = %(contract)s and d.business_date <= %(date)s
        group by d.delivery_id, d.name, d.business_date
        """,
        {"contract": contract.name, "date": business_date},
    ).fetchall()
    return freshness(
        joined(delivered(contract, *row) for row in rows),
        contract.frequency,
        contract.latency_days,
        business_date,
        contract.end_of_life,
    )


def of_night(connection: psycopg.Connection, business_date: date | None = None) -> list[tuple[Any, ...]]:
    """What the newest build knows of each source, or the newest of a night: contract, its four counts, freshness."""
    return connection.execute(
        """
        select contract, rows_in_file, rows_loaded, rows_rejected, rows_skipped, as_of, state, stale_since, reason
        from ledger.build_source
        where build_id = (
          select max(build_id) from ledger.build
          where %(date)s::date is null or business_date = %(date)s)
        order by contract
        """,
        {"date": business_date},
    ).fetchall()


def late(connection: psycopg.Connection, build_id: int | None) -> list[Any]:
    """The rows of `ledger.build_source` that are not fresh in a build."""
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        return cursor.execute(
            "select * from ledger.build_source where build_id = %s and state <> 'fresh' order by contract",
            [build_id],
        ).fetchall()
