"""Lineage: what columns and figures come from, against pairs that people know."""

from __future__ import annotations

import pytest

from kho.contract import contracts
from kho.publish.views import NOT_FOR_READERS
from kho.settings import Settings
from kho.transform.lineage import DELIVERY_DATE, Lineage, Ref

pytestmark = pytest.mark.slow


def of_dossiers(*columns: str) -> set[Ref]:
    """These columns of every desk that tells them."""
    return {
        Ref(f"raw.{contract.raw_table}", column.name)
        for contract in contracts(Settings()).values()
        for column in contract.columns
        if contract.entity == "dossiers" and contract.system != "ministry_forms" and column.name in columns
    }


def of_adjustments(*columns: str) -> set[Ref]:
    return {Ref("raw.one_stop__adjustments", column) for column in columns}


def test_a_figure_is_traced_to_the_headers_of_its_exports(known: Lineage, project: Settings) -> None:
    counted = known.figure_origins("dossiers_resolved_on_time")["counted by"]
    headers = {
        column.header
        for column in contracts(project)["one_stop.dossiers"].columns
        if Ref("raw.one_stop__dossiers", column.name) in counted
    }
    # When it was due and when it ended, in whatever way, and what moved its due date.
    assert headers == {
        "ngayTiepNhan", "ngayHenTra", "ngayYeuCauBoSung", "ngayCongDanBoSung", "ngayKetThucXuLy", "ngayTra", "ngayTuChoi",
        "maTrangThai", "ngayCapNhat",
    }  # fmt: skip


#: when a dossier was received, is due and has ended, since when a version tells so, and what was asked of the applicant
JUDGED = (
    of_dossiers(
        "received_at", "due_at", "processed_at", "returned_at", "refused_at", "status_code", "updated_at"
    )
    | of_dossiers("supplement_requested_at", "supplemented_at")
    | {Ref("raw.one_stop__supplements", each) for each in ("dossier_code", "requested_at", "supplemented_at")}
    | {DELIVERY_DATE}
)
#: a document may come through any of these
ISSUED = {Ref(f"raw.{system}__outgoing", "issued_date") for system in ("documents", "idesk", "moffice")}


@pytest.mark.parametrize(
    ("metric", "role", "origins"),
    [
        ("dossiers_received", "dated by", of_dossiers("received_at") | of_adjustments("effective_date")),
        ("dossiers_received_online", "counted by", of_dossiers("channel_code", "received_at")),
        ("dossiers_received_online", "dated by", of_dossiers("received_at")),
        ("dossiers_resolved_early", "counted by", JUDGED),
        ("dossiers_resolved_on_time", "agency", of_dossiers("agency_code") | of_adjustments("agency_code")),
        ("dossiers_resolved_on_time", "detail", of_dossiers("field_code") | of_adjustments("field_code")),
        ("dossiers_overdue", "dated by", JUDGED),
        ("dossiers_returned_by_post", "counted by", of_dossiers("returned_at", "is_returned_by_post")),
        ("procedures_returned_by_post", "distinct", of_dossiers("procedure_code")),
        (
            "dossiers_of_level_4_procedures",  # its level is looked up by unit, procedure and day
            "counted by",
            of_dossiers("agency_code", "procedure_code", "received_at", "submitted_at", "updated_at")
            | {Ref("raw.one_stop__procedures", "online_level")},
        ),
        (
            "procedures_on_one_stop",
            "dated by",
            {DELIVERY_DATE},
        ),
        (
            "documents_signed_and_on_paper",
            "counted by",
            {
                Ref("raw.documents__outgoing", "is_signed_electronically"),
                Ref("raw.documents__outgoing", "is_sent_on_paper"),
                Ref("raw.idesk__outgoing", "signature_method"),
                Ref("raw.idesk__outgoing", "is_sent_on_paper"),
                Ref("raw.moffice__outgoing", "is_signed_electronically"),
                Ref("raw.moffice__outgoing", "is_sent_on_paper"),
                # A copy does not count.
                Ref("raw.documents__outgoing", "document_symbol"),
                Ref("raw.documents__outgoing", "document_type_name"),
                Ref("raw.idesk__outgoing", "document_type_name"),
                Ref("raw.moffice__outgoing", "document_code"),
                Ref("raw.moffice__outgoing", "document_type_name"),
            },
        ),
        ("documents_outgoing", "dated by", ISSUED),
        (
            "portal_photos_published",
            "counted by",
            {
                Ref("raw.portal__items", "photo_count"),
                Ref("raw.portal__items", "published_at"),
                Ref("raw.portal__items", "item_type"),
                Ref("raw.tieu_can_portal__items", "photo_count"),
                Ref("raw.tieu_can_portal__items", "published_at"),
                Ref("raw.tieu_can_portal__items", "item_type_name"),
            },
        ),
        (
            "portal_visits",
            "counted by",
            {Ref("raw.portal__traffic", "visits"), Ref("raw.tieu_can_portal__traffic", "visits")},
        ),
    ],
)
def test_what_figures_come_from(known: Lineage, metric: str, role: str, origins: set[Ref]) -> None:
    assert known.figure_origins(metric)[role] == origins


def test_a_ratio_comes_from_what_its_parts_come_from(known: Lineage) -> None:
    both = known.figure_origins("documents_electronic_signed_pct")
    assert both["counted by"] == known.figure_origins("documents_electronic_signed")["counted by"]
    assert both["dated by"] == ISSUED


def test_every_figure_comes_from_an_export_or_a_list(known: Lineage) -> None:
    of_lists = {"one_stop_units"}
    assert {metric for metric in known.figures if not known.figure_origins(metric)} == of_lists
    assert known.lists(known.figures["one_stop_units"].reads["dated by"]) == {"agencies"}


def test_a_code_comes_from_the_raw_code_that_it_is_looked_up_by(known: Lineage) -> None:
    assert known.origins([Ref("fct_dossier", "status")]) == of_dossiers("status_code")
    assert known.lists([Ref("fct_dossier", "status")]) == {"code_mappings"}


def test_a_column_of_an_export_knows_its_readers_and_its_figures(known: Lineage) -> None:
    channel = Ref("raw.one_stop__dossiers", "channel_code")
    assert {"stg_one_stop__dossiers", "fct_dossier", "movement_dossier"} <= set(known.readers(channel))
    assert known.figures_from(channel) == [
        "procedures_received_by_post",
        "dossiers_received_online",
        "dossiers_received_by_post",
        "dossiers_received_online_level_4",
        "dossiers_received_online_level_4_pct",
    ]
    unread = Ref("raw.one_stop__dossiers", "postal_bill_number")
    assert known.readers(unread) == [] and known.figures_from(unread) == []


def test_the_columns_that_are_described_are_those_that_there_are(known: Lineage) -> None:
    for table in known.tables.values():
        if table.layer not in ("staging", "warehouse", "marts"):
            continue
        made = {ref.column for ref in known.columns if ref.table == table.name}
        if table.layer == "staging":  # what the macro `version_columns` adds is the same everywhere
            made = {column for column in made if not column.startswith("_")}
        assert made == {column.name for column in table.columns}, table.name


def test_every_column_of_a_fact_comes_from_somewhere(known: Lineage) -> None:
    nowhere = {
        str(ref) for ref, parents in known.columns.items() if ref.table.startswith("fct_") and not parents
    }
    # Requests, and whether any is open: they are counted. What the database's function `deadline` gives is not followed.
    assert nowhere == {
        "fct_dossier_history.is_waiting",
        "fct_dossier_history.is_clock_stopped",
        "fct_dossier_history.request_count",
        "fct_dossier.latest_due_at",
        "fct_dossier.is_latest_due_provisional",
    }


def test_a_column_of_a_union_is_traced_by_its_place(known: Lineage) -> None:
    """Also where the queries of the union have constants without a name before it."""
    for column in ("requested_date", "paused_time"):
        assert (
            Ref("union_dossier", "supplement_requested_at")
            in known.columns[Ref("fct_dossier_history", column)]
        )


def test_tables_know_what_they_read(known: Lineage) -> None:
    assert known.tables["stg_portal__traffic"].parents >= {"raw.portal__traffic", "ledger.build_input"}
    assert "movement_dossier" in known.children["fct_dossier"]


def test_no_mart_that_people_read_is_made_of_words_on_deliveries(known: Lineage) -> None:
    spoken = {
        "build_source": ("reason",),
        "batch": ("reason", "profile"),
        "batch_event": ("reason",),
        "verdict": ("message",),
        "delivery": ("name",),
        "fetch_failure": ("name", "reason"),
    }
    readers = {
        model
        for table, columns in spoken.items()
        for column in columns
        for model in known.readers(Ref(f"ledger.{table}", column))
        if known.tables[model].layer == "marts"
    }
    assert readers <= NOT_FOR_READERS
    assert "source_freshness" in known.readers(Ref("ledger.build_source", "reason_code"))
