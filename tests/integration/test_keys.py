"""Keys: one rule for raw rows and models, by which two different things never share one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import psycopg
import pytest
from hypothesis import example, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from psycopg.sql import SQL, Identifier

from kho.contract import Contract
from kho.database import connect
from kho.load import load, raw
from kho.settings import Settings
from kho.transform import builds
from tests.integration import nights
from tests.integration.loading import deliver, raw_rows, rows
from tests.integration.test_load_values import contract as contract_of

DAY = date(2021, 1, 5)
parts = st.lists(st.none() | st.text(alphabet="ab|,{}\"\\' NULé", max_size=6), min_size=1, max_size=4)


@pytest.fixture(scope="module")
def database(module_warehouse: Settings) -> Iterator[psycopg.Connection]:
    with connect(module_warehouse, "kho_transformer", autocommit=True) as connection:
        yield connection


@examples(max_examples=300, deadline=None)
@given(one=parts, other=parts)
@example(one=["a|b", "c"], other=["a", "b|c"])
@example(one=["a", None], other=["a", ""])
@example(one=["a", None], other=["a"])
@example(one=["NULL"], other=[None])
@example(one=['a","b'], other=["a", "b"])
def test_different_parts_never_share_a_key(
    database: psycopg.Connection, one: list[str | None], other: list[str | None]
) -> None:
    (is_same,) = database.execute(
        "select raw.key_of(variadic %s::text[]) = raw.key_of(variadic %s::text[])", [one, other]
    ).fetchone()
    assert is_same == (one == other)


def two_part_key(folder: Path) -> Contract:
    """A contract whose key is a text and, where it is known, a day."""
    made = contract_of(folder)
    columns = [
        each.model_copy(update={"key_position": 2}) if each.name == "planned_date" else each
        for each in made.columns
    ]
    return made.model_copy(update={"columns": tuple(columns)})


LINES = ["a|2021-01-04,,,", "a,,2021-01-04,", "b,,,", "c,,2021-01-04,x"]


def loaded(settings: Settings, contract: Contract, name: str = "events_20210105.csv") -> list[dict]:
    data = "\n".join(["event_code,happened_at,planned_date,is_open", *LINES]) + "\n"
    deliver(settings, contract, name, data.encode(), DAY)
    (batch,) = load(settings, contract)
    assert batch.rows_loaded == len(LINES)
    return raw_rows(settings, contract, batch.batch_id)


def test_a_stroke_in_a_key_makes_no_two_rows_one(warehouse: Settings, tmp_path: Path) -> None:
    found = loaded(warehouse, two_part_key(tmp_path))
    assert len({row["_key"] for row in found}) == len(LINES)


def test_a_table_with_keys_of_an_older_rule_comes_out_as_loaded_anew(
    warehouse: Settings, tmp_path: Path
) -> None:
    contract = two_part_key(tmp_path)
    wanted = loaded(warehouse, contract)[1:]  # by the older rule the first two rows are one
    table = raw.table(contract)
    with connect(warehouse, "kho_loader") as connection:
        connection.execute(SQL("delete from {} where _row_number = 1").format(table))
        connection.execute(
            SQL("update {} set _key = md5(concat_ws('|', event_code, planned_date))::uuid").format(table)
        )
        connection.execute(SQL("comment on column {}._key is null").format(table))

    def keys() -> list[dict]:
        return rows(warehouse, "select _row_number, _key from raw.elsewhere__events order by 1")

    older = keys()
    assert older != [{name: row[name] for name in ("_row_number", "_key")} for row in wanted]
    with pytest.raises(RuntimeError), connect(warehouse, "kho_loader") as connection:
        raw.ensure(connection, warehouse, contract)
        raise RuntimeError("killed")
    assert keys() == older
    for _ in range(2):
        with connect(warehouse, "kho_loader") as connection:
            raw.ensure(connection, warehouse, contract)
        assert keys() == [{name: row[name] for name in ("_row_number", "_key")} for row in wanted]


def test_keys_of_today_s_rule_are_not_written_again(warehouse: Settings, tmp_path: Path) -> None:
    contract = two_part_key(tmp_path)
    loaded(warehouse, contract)
    place = "select _row_number, ctid::text from raw.elsewhere__events order by 1"
    before = rows(warehouse, place)
    with connect(warehouse, "kho_loader") as connection:
        raw.ensure(connection, warehouse, contract)
    assert rows(warehouse, place) == before


#: staging models that tell of dossiers of the one-stop desk by their code
TELL_OF_DOSSIERS = {
    "stg_one_stop__fees": 20, "stg_one_stop__supplements": 3, "stg_post__handovers": 3,
    "stg_civil_status__registrations": 3, "stg_online_services__submissions": 3,
}  # fmt: skip


def test_models_find_a_dossier_by_the_key_that_its_row_was_loaded_with(built_warehouse: Settings) -> None:
    here = built_warehouse
    systems = {name.removeprefix("stg_").split("__")[0] for name in TELL_OF_DOSSIERS}
    nights.hand_over(here, (each for each in nights.sample(here, scale=0.05) if each.system in systems))
    nights.accept_pending(here)
    builds.open_build(here, date(2021, 6, 30))
    with connect(here, "kho_transformer") as connection:
        for name, at_least in TELL_OF_DOSSIERS.items():
            (of_known, lost) = connection.execute(
                SQL(
                    "select count(*) filter (where by_code.dossier_key = told.dossier_key),"
                    " count(*) filter (where by_code.dossier_key <> told.dossier_key)"
                    " from staging.{} told join staging.stg_one_stop__dossiers by_code using (dossier_code)"
                ).format(Identifier(name))
            ).fetchone()
            assert (of_known >= at_least, lost) == (True, 0), name
