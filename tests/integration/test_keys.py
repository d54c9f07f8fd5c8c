"""Keys: one rule for raw rows and models, by which two different things never share one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import psycopg
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from psycopg.sql import SQL, Identifier

from kho.contract import Contract
from kho.contract.model import agency_code
from kho.database import connect
from kho.load import load, raw
from kho.settings import Settings
from kho.transform import builds
from tests.contracts import document, read
from tests.examples import examples
from tests.integration import nights
from tests.integration.loading import deliver, raw_rows, rejects, rows
from tests.integration.test_load_values import contract as contract_of

DAY = date(2021, 1, 5)
parts = st.lists(st.none() | st.text(alphabet="ab|,{}\"\\' NULé", max_size=6), min_size=1, max_size=4)


@pytest.fixture(scope="module")
def database(module_warehouse: Settings) -> Iterator[psycopg.Connection]:
    with connect(module_warehouse, "kho_transformer", autocommit=True) as connection:
        yield connection


@examples(100)
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


code = st.builds(
    lambda root, parts: ".".join([root, *parts]),
    st.from_regex(r"[A-Z][0-9]{2}", fullmatch=True),
    st.lists(st.from_regex(r"[0-9]{2,3}", fullmatch=True), max_size=5),
)


@examples(100)
@given(root_first=code)
@example(root_first="H51")
@example(root_first="H51.00.12.000")
def test_an_agency_has_one_code_in_either_layout_here_and_in_the_database(
    database: psycopg.Connection, root_first: str
) -> None:
    root, *parts = root_first.split(".")
    is_in_four_parts = len(parts) <= 3
    leaf_first = ".".join([*("000",) * (3 - len(parts)), *reversed(parts), root])
    (one, other) = database.execute(
        "select raw.agency_code(%s), raw.agency_code(%s)", [root_first, leaf_first]
    ).fetchone()
    assert one == agency_code(root_first) == ".".join([root, *(part for part in parts if part.strip("0"))])
    if is_in_four_parts:
        assert other == one
        if not parts or len(parts[-1]) == 3 or len(parts) < 3:
            assert agency_code(leaf_first) == one


def test_no_agency_has_no_code(database: psycopg.Connection) -> None:
    found = database.execute("select raw.agency_code(''), raw.agency_code(null)").fetchone()
    assert found == (None, None)


@pytest.mark.parametrize(
    "text", ["", "946", "05.12.H51", "H51.3", "h51.12", "H51.12 và H51.13", "000.12.H51"]
)
def test_what_is_no_code_of_an_agency_stays_as_it_is(text: str) -> None:
    assert agency_code(text) == text


def agencies(folder: Path, format: str) -> Contract:
    return read(
        folder,
        document(
            {"type": "local", "path": "registry/permits", "format": "csv"},
            columns=[
                {"name": "agency_code", "logicalType": "string", "required": True, "primaryKey": True, "primaryKeyPosition": 2,
                 "logicalTypeOptions": {"format": format} if format else {"pattern": "."}},
                {"name": "recipient_codes", "logicalType": "string", "logicalTypeOptions": {"format": "agency_codes"}},
            ],
            fileName=r"permits_(?P<business_date>\d{8})\.csv",
        ),
    )  # fmt: skip


BOTH_LAYOUTS = [
    "a,000.21.12.H51,H51.12; 000.00.13.H51",
    "a,H51.12.21,",
    "b,H51.12.21,",
    "c,000.00.12.H51,H51",
    "d,H51.12,",
    "e,12.H51,",
    "f,H51.3,",
    "g,H51.12.21.003.05,000.21.12.H51;H51",
]


def test_both_layouts_of_agencies_codes_load_keep_their_text_and_are_one_in_a_key(
    warehouse: Settings, tmp_path: Path
) -> None:
    contract = agencies(tmp_path, "agency_code")
    data = "\n".join(["code,agency_code,recipient_codes", *BOTH_LAYOUTS]) + "\n"
    deliver(warehouse, contract, "permits_20210105.csv", data.encode(), DAY)
    (batch,) = load(warehouse, contract)
    found = raw_rows(warehouse, contract, batch.batch_id)
    assert [(row["code"], row["agency_code"]) for row in found] == [
        ("a", "H51.12.21"),
        ("b", "H51.12.21"),
        ("c", "000.00.12.H51"),
        ("d", "H51.12"),
    ]
    assert found[2]["recipient_codes"] == "H51"
    reasons = {each["row_number"]: each["reasons"] for each in rejects(warehouse, batch.batch_id)}
    assert reasons == {
        1: ["row: contradicts a later row of the file, which counts (same key and version)"],
        6: ["agency_code: not an agency's code"],
        7: ["agency_code: not an agency's code"],
        8: ["recipient_codes: not agencies' codes joined by '; '"],
    }


def test_rows_get_the_keys_that_a_contract_gives_them_once_it_calls_a_column_an_agencys_code(
    warehouse: Settings, tmp_path: Path
) -> None:
    before = agencies(tmp_path, "")
    deliver(warehouse, before, "permits_20210105.csv", b"code,agency_code\na,000.21.12.H51\nb,H51.12\n", DAY)
    load(warehouse, before)
    keys = "select code, _key from raw.registry__permits"
    older = {row["code"]: row["_key"] for row in rows(warehouse, keys)}
    after = agencies(tmp_path, "agency_code")
    deliver(warehouse, after, "permits_20210106.csv", b"code,agency_code\na,H51.12.21\n", date(2021, 1, 6))
    load(warehouse, after)
    newer = rows(warehouse, keys)
    assert len({row["_key"] for row in newer if row["code"] == "a"}) == 1
    assert {row["_key"] for row in newer if row["code"] == "b"} == {older["b"]}


#: staging models that tell of dossiers of the one-stop desk by their code
TELL_OF_DOSSIERS = {
    "stg_one_stop__fees": 20, "stg_one_stop__supplements": 3, "stg_post__handovers": 3,
    "stg_civil_status__registrations": 3, "stg_online_services__submissions": 3,
}  # fmt: skip


def test_models_find_a_dossier_by_the_key_that_its_row_was_loaded_with(built_warehouse: Settings) -> None:
    here = built_warehouse
    systems = {name.removeprefix("stg_").split("__")[0] for name in TELL_OF_DOSSIERS}
    nights.hand_over(here, nights.sample(here, scale=0.05, systems=systems))
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
