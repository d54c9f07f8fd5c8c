"""iDesk and M-Office side by side: a document is one, whatever it came through, in whatever order its exports came."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier

from kho.settings import Settings
from kho.transform import builds
from kho.transform.project import run
from kho_sample import totals
from tests.examples import examples
from tests.integration import nights
from tests.integration.loading import rows
from tests.unit import recount_documents

END = date(2017, 9, 28)


@pytest.fixture(scope="module")
def told(project: Settings) -> totals.Totals:
    return totals.read(project.project / "samples" / f"{nights.TIEU_CAN}.yaml")


@pytest.fixture(scope="module")
def tieu_can(module_built_warehouse: Settings) -> Settings:
    """The warehouse of what both systems of the sample tell."""
    here = module_built_warehouse
    exports = nights.sample(here, report=nights.TIEU_CAN)
    of_documents = [each for each in exports if each.system in ("idesk", "moffice")]
    for each in of_documents:
        path = here.exports / each.system / each.entity / each.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(each.content)
    nights.hand_over(here, of_documents)
    nights.accept_pending(here)
    builds.open_build(here, END)
    unions = ["union_document", "union_document_delivery", "union_incoming_document"]
    facts = ["fct_document", "fct_document_delivery", "fct_incoming_document"]
    results = run(here, ["run", "--select", *unions, *facts])
    assert {str(result.status) for result in results} == {"success"}
    return here


def built(settings: Settings, query: str) -> list[dict]:
    """What a query of the warehouse gives."""
    with psycopg.connect(settings.role_url("kho_transformer"), row_factory=dict_row) as connection:
        return connection.execute(query).fetchall()


def test_a_document_of_both_systems_counts_once(tieu_can: Settings, told: totals.Totals) -> None:
    found = {
        (row["agency_level"], row["systems"]): row["n"]
        for row in built(
            tieu_can,
            "select agency_level, systems, count(*) as n from warehouse.fct_document"
            " join warehouse.dim_agency using (agency_key) group by 1, 2",
        )
    }
    section = told.idesk_and_moffice
    assert found == {
        (level, systems): count
        for level, given in (("district", section.district), ("commune", section.commune))
        for systems, count in (
            ("idesk", given.only_idesk),
            ("moffice", given.only_moffice),
            ("idesk, moffice", given.through_both),
        )
    }


def test_what_happened_to_documents_is_kept_and_makes_no_others(
    tieu_can: Settings, told: totals.Totals
) -> None:
    (found,) = built(
        tieu_can,
        "select count(*) filter (where is_recalled) as recalled, count(replaced_by) as replaced,"
        " count(*) filter (where is_signed_electronically) as signed, count(*) filter (where is_sent_on_paper) as on_paper,"
        " (select count(*) from warehouse.fct_incoming_document) as incoming"
        " from warehouse.fct_document",
    )
    levels = (told.idesk_and_moffice.district, told.idesk_and_moffice.commune)
    assert found == {
        "recalled": sum(level.recalled for level in levels),
        "replaced": sum(level.replaced for level in levels),
        "signed": sum(level.electronic_signed for level in levels),
        "on_paper": sum(level.parallel_paper for level in levels),
        "incoming": sum(level.incoming for level in levels),
    }


def test_deliveries_and_signatures_are_what_the_messages_tell(tieu_can: Settings) -> None:
    (found,) = built(
        tieu_can,
        """
        select count(*) as "deliveries", count(*) filter (where outcome = 'received') as "received",
          count(*) filter (where outcome = 'refused') as "refused", count(*) filter (where outcome = 'recalled') as "recalled",
          count(*) filter (where outcome is null) as "open", count(change_agreed_at) as "agreed",
          count(change_refused_at) as "refused to change",
          count(*) filter (where arrived_at >= sent_at) as "sent to arrived",
          count(*) filter (where received_at >= arrived_at) as "arrived to received",
          count(*) filter (where done_at >= received_at) as "received to done",
          extract(epoch from sum(arrived_at - sent_at) filter (where arrived_at >= sent_at)) as "seconds from sent to arrived",
          extract(epoch from sum(received_at - arrived_at) filter (where received_at >= arrived_at))
            as "seconds from arrived to received",
          extract(epoch from sum(done_at - received_at) filter (where done_at >= received_at))
            as "seconds from received to done"
        from warehouse.fct_document_delivery
        """,
    )
    assert found == recount_documents.deliveries(tieu_can.exports)
    assert min(found.values()) > 0
    seeds = tieu_can.project / "dbt_project" / "seeds"
    words = {"Cá nhân": "person", "Cơ quan": "agency", "Cá nhân và cơ quan": "both", "": "unknown"}
    counted = recount_documents.outgoing(tieu_can.exports, seeds)
    signatures = {
        (level, word): counts[f"signature: {told}"]
        for level, counts in counted.items()
        for told, word in words.items()
    }
    assert signatures == {
        (row["agency_level"], row["signature"]): row["n"]
        for row in built(
            tieu_can,
            "select agency_level, signature, count(*) as n from warehouse.fct_document"
            " join warehouse.dim_agency using (agency_key) group by 1, 2",
        )
    }


def test_a_document_numbered_as_the_party_does_is_one_in_both_systems(tieu_can: Settings) -> None:
    found = built(
        tieu_can,
        "select document_number, document_symbol, systems from warehouse.fct_document where agency_code = 'H59.06.18'",
    )
    assert "idesk, moffice" in {row["systems"] for row in found}
    assert {row["document_symbol"].rpartition("/")[2] for row in found} == {"HĐTN"}
    assert all(row["document_number"].isdigit() for row in found)


def test_secret_series_stop_at_load_and_show_nothing(tieu_can: Settings) -> None:
    secret = rows(
        tieu_can,
        "select row_text from reject.rejected_row join ledger.batch using (batch_id)"
        " where contract = 'moffice.outgoing' and 'Độ mật: not one of the contract''s values' = any(reasons)",
    )
    assert len(secret) > 3 and {row["row_text"] for row in secret} == {"•••"}
    assert rows(tieu_can, "select 1 from raw.moffice__outgoing where document_code ~ '/\\s*T?M-'") == []
    assert (
        rows(tieu_can, "select 1 from raw.idesk__outgoing where document_symbol in ('M-UBND', 'TM-UBND')")
        == []
    )


# Any documents, in any order


@dataclass(frozen=True)
class Told:
    """A row of an export: which document (agency, year, number), how it is spelled, and what is said of it."""

    agency: int
    year: int
    number: int
    spelling: int
    minute: int
    is_signed: bool
    is_on_paper: bool
    is_of_party: bool  # numbered as 12-CV/HU
    business: str = "0"
    of: int = 0  # number of the document that is replaced


AGENCIES = (("000.00.06.H59", "UBND huyện Tiểu Cần"), ("000.31.06.H59", "UBND xã Tân Hòa"))
START = datetime(2017, 1, 2, 8)
facts = st.fixed_dictionaries(
    {"agency": st.integers(0, 1), "year": st.sampled_from([2016, 2017]), "number": st.integers(1, 4),
     "spelling": st.integers(0, 2), "minute": st.integers(0, 30), "is_signed": st.booleans(), "is_on_paper": st.booleans(),
     "is_of_party": st.booleans()}
)  # fmt: skip
messages = st.builds(
    lambda fact, business, of: Told(**fact, business=business, of=of),
    facts,
    st.sampled_from(["0", "0", "0", "1", "2", "3"]),
    st.integers(1, 4),
)
entries = st.builds(lambda fact: Told(**fact), facts)


def exports_of(one: st.SearchStrategy[Told]) -> st.SearchStrategy[list[list[Told]]]:
    """Some months of a system, each with its rows; a row's own time tells its versions apart."""
    same = lambda row: (row.agency, row.year, row.number, row.is_of_party, row.business, row.minute)  # noqa: E731
    all_rows = st.lists(one, max_size=14, unique_by=same)
    return st.tuples(all_rows, st.integers(1, 3)).map(
        lambda drawn: [drawn[0][n :: drawn[1]] for n in range(drawn[1])]
    )


@st.composite
def interleavings(draw: st.DrawFn) -> tuple[list, list]:
    """The same exports of both systems twice: each system's in their order, the two mixed otherwise."""
    idesk, moffice = draw(exports_of(messages)), draw(exports_of(entries))

    def mixed() -> list[tuple[str, int, list[Told]]]:
        left = {
            "idesk.outgoing": list(enumerate(idesk)),
            "moffice.outgoing": list(enumerate(moffice)),
        }
        made = []
        for contract in draw(st.permutations([name for name, each in left.items() for _ in each])):
            made.append((contract, *left[contract].pop(0)))
        return made

    return mixed(), mixed()


@pytest.fixture(scope="module")
def folded(tieu_can: Settings) -> Iterator[psycopg.Connection]:
    """A transaction in which the build's input is what a test says; it is taken back in the end. Its rows are not kept."""
    results = run(tieu_can, ["compile", "--full-refresh", "--select", "union_document", "fct_document"])
    compiled = {each.node.name: SQL(each.node.compiled_code) for each in results}
    with psycopg.connect(tieu_can.admin_url(tieu_can.warehouse_database)) as connection:
        connection.execute(
            "create table ledger.example (batch_id bigint, contract text, business_date date, arrival_id bigint)"
        )
        connection.execute("grant select on ledger.example to public")
        connection.execute(
            "create or replace view ledger.build_input as"
            " select *, true as is_in_force, true as is_touched, null::text as list_unit,"
            " null::date as covers_from from ledger.example"
        )
        connection.execute("alter table warehouse.union_document rename to kept")
        connection.execute(
            SQL("create view warehouse.union_document as {}").format(compiled["union_document"])
        )
        connection.execute(SQL("create temporary view folded as {}").format(compiled["fct_document"]))
        yield connection
        connection.rollback()


def documents(connection: psycopg.Connection, exports: list[tuple[str, int, list[Told]]]) -> list[tuple]:
    """What the fact makes of the exports, arrived in this order; all but where each version stood."""
    connection.execute("savepoint example")
    for arrival, (contract, month, told) in enumerate(exports, 10**6):
        connection.execute(
            "insert into ledger.example values (%s, %s, %s, %s)",
            [arrival, contract, date(2017, month + 1, 28), arrival],
        )
        for number, row in enumerate(told):
            values = {"_batch_id": arrival, "_row_number": number, "_key": uuid4(), **columns(contract, row)}
            connection.execute(
                SQL("insert into {} ({}) values ({})").format(
                    Identifier("raw", contract.replace(".", "__")),
                    SQL(", ").join(map(Identifier, values)),
                    SQL(", ").join(SQL("%s") for _ in values),
                ),
                list(values.values()),
            )
    found = connection.execute(
        "select agency_code, issued_year, document_number, document_symbol, issued_date, document_type,"
        " is_signed_electronically, is_sent_on_paper, systems, is_recalled, recalled_at, replaced_by, updated_at"
        " from folded order by 1, 2, 3, 4"
    ).fetchall()
    connection.execute("rollback to savepoint example")
    return found


def columns(contract: str, row: Told) -> dict[str, object]:
    code, name = AGENCIES[row.agency]
    number = (f"{row.number}", f"0{row.number}", f"00{row.number}")[row.spelling]
    symbol = ("QĐ-UBND", "QÐ - UBND", "qđ–UBND")[row.spelling]
    stroke = "/"
    if row.is_of_party:
        symbol, stroke = ("CV/HU", "CV / HU", "cv/HU")[row.spelling], ("-", "–", "/")[row.spelling]
    day = date(row.year, 1, 5 + row.spelling)
    moment = START + timedelta(minutes=row.minute)
    both = {"issued_date": day, "document_type_name": "Quyết định", "is_sent_on_paper": row.is_on_paper}
    if contract == "moffice.outgoing":
        return {
            **both,
            "agency_name": name,
            "document_code": f"{number} {stroke} {symbol}",
            "is_signed_electronically": row.is_signed,
            "updated_at": moment,
        }
    replaced = f"{code},{row.year}/01/05,{row.of}" + ("-CV/HU" if row.is_of_party else "/QĐ-UBND")
    return {
        **both,
        "business_code": row.business,
        "sent_at": moment,
        "agency_code": code,
        "document_number": number,
        "document_symbol": symbol,
        "signature_method": "rsa" if row.is_signed else None,
        "replaced_document_codes": replaced if row.business == "3" else None,
    }


def registered(exports: list[tuple[str, int, list[Told]]]) -> dict[tuple, set[str]]:
    """The documents that there are, with their systems: what some system registered and nothing calls a replacement."""
    found: dict[tuple, set[str]] = {}
    no_others = set()
    for contract, _, told in exports:
        for row in told:
            sender = re.sub(r"^000\.(00\.)?", "", AGENCIES[row.agency][0])
            document = (sender, row.year, str(row.number), "CV/HU" if row.is_of_party else "QĐ-UBND")
            if row.business == "0":
                found.setdefault(document, set()).add(contract.split(".")[0])
            elif row.business == "3" and row.of != row.number:
                no_others.add(document)
    return {document: systems for document, systems in found.items() if document not in no_others}


@examples(40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(both=interleavings())
def test_any_interleaving_of_the_two_systems_gives_the_same_documents(
    folded: psycopg.Connection, both: tuple[list, list]
) -> None:
    one, other = both
    found = documents(folded, one)
    assert found == documents(folded, other)
    leaf_first = {"H59.06": "06.H59", "H59.06.31": "31.06.H59"}
    assert {(leaf_first[row[0]], *row[1:4]): set(row[8].split(", ")) for row in found} == registered(one)
