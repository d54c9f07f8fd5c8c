"""Each statement of a load does work in proportion to the file's rows, whatever the planner guesses of tables that it has no
statistics of: counted in what the server's own plans handled, not in time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.sql import SQL, Composed

from kho.contract import Contract, contracts
from kho.database import SESSION
from kho.load import load, raw, ways
from kho.load.batches import fill
from kho.settings import Settings
from tests.bench.load import dossiers
from tests.contracts import document, read
from tests.integration.loading import deliver
from tests.plans import handled, nodes

ROWS = 6_000
#: rows that one node of a plan may handle for each row of the file
EACH = 5
DAY = date(2021, 1, 5)


class Explained(psycopg.Connection[Any]):
    """A connection that does each query twice: first to see its plan, of which nothing stays, then in earnest."""

    most: tuple[float, str] = (0, "")

    def execute(self, query: Any, params: Any = None, **keys: Any) -> psycopg.Cursor[Any]:
        text = query.as_string(self) if isinstance(query, Composed) else query
        if text.lstrip().startswith(("select", "with", "insert", "update", "delete")):
            with self.transaction(force_rollback=True):
                explain = SQL("explain (analyze, timing off, format json) {}").format(SQL(text))
                ((((found,),)),) = super().execute(explain, params).fetchall()
            self.most = max(self.most, *((handled(node), text) for node in nodes(found["Plan"])))
        return super().execute(query, params, **keys)


def repeated(contract: Contract, many: int = 5) -> bytes:
    """So many rows stand in the file twice."""
    head, *lines = dossiers(contract, ROWS).rstrip().split(b"\r\n0")
    return b"\r\n0".join([head, *lines, *lines[1 : 1 + many]])


def doubled(contract: Contract) -> bytes:
    return repeated(contract, ROWS // 2)


def broken(contract: Contract) -> bytes:
    return dossiers(contract, ROWS, bad_share=0.5)


@pytest.mark.parametrize("small", [0, 1 << 60], ids=["straight into raw", "through landing"])
@pytest.mark.parametrize("is_analyzed", [False, True])
@pytest.mark.parametrize("export", [repeated, doubled, broken])
def test_a_load_takes_work_in_proportion_to_its_rows(
    warehouse: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    export: Callable[[Contract], bytes],
    is_analyzed: bool,
    small: int,
) -> None:
    monkeypatch.setattr(ways, "SMALL", small)
    contract = contracts(warehouse)["one_stop.dossiers"]
    before = broken(contract)
    assert_is_linear(
        warehouse, contract, "dossiers_{}.csv", [before, export(contract)], tmp_path, is_analyzed
    )


@pytest.mark.parametrize("is_analyzed", [False, True])
def test_a_list_is_compared_with_the_one_before_in_proportion_to_its_rows(
    warehouse: Settings, tmp_path: Path, is_analyzed: bool
) -> None:
    place = {"type": "local", "path": "registry/permits", "format": "csv"}
    name = r"(?P<business_date>\d{8})\.csv"
    contract = read(tmp_path, document(place, file={"load": "full", "fullListOf": ["code"]}, fileName=name))
    data = b"code\n" + b"".join(b"p%d\n" % n for n in range(ROWS))
    assert_is_linear(warehouse, contract, "{}.csv", [data, data], tmp_path, is_analyzed)


def assert_is_linear(
    settings: Settings, contract: Contract, name: str, exports: list[bytes], folder: Path, is_analyzed: bool
) -> None:
    """Of the second of two exports; the server may know the tables as the first left them."""
    before, data = exports
    deliver(settings, contract, name.format("20210104"), before, date(2021, 1, 4))
    load(settings, contract)
    (folder / "export").write_bytes(data)
    with Explained.connect(settings.role_url("kho_loader"), options=SESSION) as connection:
        if is_analyzed:
            connection.execute(SQL("analyze {}, reject.rejected_row").format(raw.table(contract)))
        batch, _ = fill(
            connection, contract, folder / "export", name.format("20210105"), DAY, None, 9, "secret"
        )
        assert batch.rows_in_file >= ROWS
        most, statement = connection.most
        assert most <= EACH * ROWS, statement[:2_000]
        connection.rollback()
