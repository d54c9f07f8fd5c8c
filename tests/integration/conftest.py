"""Small releases and batches made by SQL, for tests of what gates do with them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial

import pytest
from psycopg import sql

from kho import build, release
from kho.database import connect
from kho.settings import Settings


@pytest.fixture
def candidate(warehouse: Settings) -> Callable[..., release.Release]:
    """Makes a candidate whose marts are these queries: `candidate(first="select 1 as n")`.

    By default there are `first` and `second`, whose `version` is the release's number: a reader that meets two
    versions has met two releases.
    """
    return partial(_candidate, warehouse)


def _candidate(settings: Settings, **marts: str) -> release.Release:
    build.open_build(settings, date(2021, 1, 31))
    build.close_build(settings)
    made = release.open_release(settings)
    version = sql.SQL("select {} as version, n from generate_series(1, 100) n").format(made.release_id)
    queries = {mart: sql.SQL(query) for mart, query in marts.items()} or {"first": version, "second": version}
    with connect(settings, "kho_transformer") as connection:
        for mart, query in queries.items():
            connection.execute(
                sql.SQL("create table {} as {}").format(sql.Identifier(made.schema_name, mart), query)
            )
    return made
