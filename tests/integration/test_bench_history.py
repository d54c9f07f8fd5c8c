"""The history of the benchmarks is one that loads could have left."""

from __future__ import annotations

from psycopg.sql import SQL, Identifier

from kho.contract import contracts
from kho.settings import Settings
from tests.bench import history
from tests.bench.rows import Extent
from tests.integration.loading import rows


def test_every_row_is_of_an_accepted_batch_and_counted_there(warehouse: Settings) -> None:
    extent = Extent(400, years=1)
    shares: list[float] = []
    history.make(warehouse, extent, shares.append)
    assert shares == sorted(shares) and shares[-1] == 1
    came = history.make_night(warehouse, extent)

    assert {row["state"] for row in rows(warehouse, "select distinct state from ledger.batch")} == {
        "accepted"
    }
    known = contracts(warehouse)
    for name in history.CONTRACTS:
        counted = SQL(
            "select count(*) from (select _batch_id, count(*) as n from {} group by 1) as had"
            " full join (select batch_id, rows_loaded from ledger.batch where contract = {} and rows_loaded > 0) as told"
            " on batch_id = _batch_id where n is distinct from rows_loaded"
        ).format(Identifier("raw", known[name].raw_table), name)
        assert rows(warehouse, counted.as_string())[0]["count"] == 0, name
    tonight = rows(
        warehouse, "select sum(rows_in_file)::int from ledger.batch where business_date = '2025-12-31'"
    )
    assert tonight == [{"sum": came}]
