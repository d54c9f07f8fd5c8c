"""Small releases and batches made by SQL, for tests of what gates do with them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial

import pytest
from psycopg import sql
from tenacity import wait_none

from kho.database import connect
from kho.fetch import transport
from kho.ledger import releases
from kho.publish import release
from kho.settings import Settings
from kho.transform import builds
from tests import entering


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked for again after trouble is asked for at once."""
    monkeypatch.setattr(transport, "WAIT", wait_none())


@pytest.fixture
def candidate(warehouse: Settings) -> Callable[..., releases.Release]:
    """Makes a candidate whose marts are these queries: `candidate(first="select 1 as n")`.

    By default there are `first` and `second`, whose `version` is the release's number: a reader that meets two
    versions has met two releases.
    """
    return partial(_candidate, warehouse)


def _candidate(settings: Settings, night: date = date(2021, 1, 31), **marts: str) -> releases.Release:
    builds.open_build(settings, night)
    builds.close_build(settings)
    made = release.open_release(settings)
    version = sql.SQL("select {} as version, n from generate_series(1, 100) n").format(made.release_id)
    queries = {mart: sql.SQL(query) for mart, query in marts.items()} or {"first": version, "second": version}
    with connect(settings, "kho_transformer") as connection:
        for mart, query in queries.items():
            connection.execute(
                sql.SQL("create table {} as {}").format(sql.Identifier(made.schema_name, mart), query)
            )
    return made


@pytest.fixture
def hand_over(warehouse: Settings) -> Callable[..., int]:
    """Enters a pending batch as the load step does: `hand_over("one_stop.dossiers", "2021-01-31", rejected=3)`.

    Gives the batch's number. The same name and date again is a newer arrival of the same delivery.
    """
    return partial(entering.hand_over, warehouse)
