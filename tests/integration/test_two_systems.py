"""What several systems tell of the same: the one-stop desk leads, differences are told, and another vendor's numbers
mean what its seed says."""

from __future__ import annotations

from datetime import date

import pytest

from kho.figures.figures import Figure, figures
from kho.ledger import decisions
from kho.settings import Settings
from kho_sample import totals
from tests.integration import nights
from tests.integration.loading import rows
from tests.integration.test_report import adjustment
from tests.unit import recount

ON_TIME = ("dossiers_resolved_on_time", "commune", "")


@pytest.fixture(scope="module")
def told() -> totals.Totals:
    return totals.read(Settings().project / "samples" / "long_phu_2021_h1.yaml")


@pytest.fixture(scope="module")
def built(module_published: Settings) -> Settings:
    return module_published


def warehouse(settings: Settings, query: str) -> list[dict]:
    """What a query on the warehouse gives."""
    from psycopg.rows import dict_row

    from kho.database import connect

    with connect(settings, "kho_transformer") as connection:
        connection.row_factory = dict_row
        return connection.execute(query).fetchall()


def by_name(settings: Settings, scope: str, period: str) -> dict[tuple[str, str, str], Figure]:
    return {(each.metric, each.level, each.detail): each for each in figures(settings, scope, period)}


def test_facts_hold_what_a_recount_of_the_files_finds(built: Settings) -> None:
    bills = warehouse(
        built,
        "select direction, count(*) as n from warehouse.fct_post_handover where status = 'delivered' group by 1",
    )
    counted = recount.post(built.exports)
    assert {each["direction"]: each["n"] for each in bills} == {
        "to_desk": counted["N"],
        "from_desk": counted["T"],
    }
    sent = warehouse(built, "select status, count(*) as n from warehouse.fct_online_submission group by 1")
    states = {"TIEP_NHAN": "accepted", "TU_CHOI": "refused", "MOI": "submitted"}
    assert {each["status"]: each["n"] for each in sent} == {
        states[state]: count for state, count in recount.submissions(built.exports).items()
    }
    found = by_name(built, "946", "2021-H1")
    assert found["dossier_supplements_requested", "all", ""].value == recount.supplements(built.exports)
    assert found["dossier_fees_paid", "all", ""].value == recount.fees(built.exports)


def test_rows_of_other_systems_find_their_dossiers(built: Settings) -> None:
    (found,) = warehouse(
        built,
        """
        select
          (select count(*) from warehouse.fct_post_handover h left join warehouse.fct_dossier d using (dossier_key) where d.dossier_key is null) as bills,
          (select count(*) from warehouse.fct_dossier_fee f left join warehouse.fct_dossier d using (dossier_key) where d.dossier_key is null) as fees,
          (select count(*) from warehouse.fct_dossier_supplement s left join warehouse.fct_dossier d using (dossier_key) where d.dossier_key is null) as supplements,
          (select count(*) from warehouse.fct_online_submission s left join warehouse.fct_dossier d using (dossier_key) where d.dossier_key is null and s.status = 'accepted') as submissions
        """,
    )
    assert set(found.values()) == {0}


def test_the_desk_leads_and_differences_are_counted(built: Settings, told: totals.Totals) -> None:
    found = {
        each["topic"]: each
        for each in rows(
            built,
            "select topic, sum(leading_count)::int as leading, sum(other_count)::int as other,"
            " sum(abs(difference))::int as differ from marts.source_reconciliation group by topic",
        )
    }
    h1 = by_name(built, "946", "2021-H1")
    for topic in ("dossiers_received_by_post", "dossiers_returned_by_post", "dossiers_received_online"):
        assert found[topic]["leading"] == h1[topic, "all", ""].value, topic
    assert found["dossiers_received_by_post"]["differ"] == 0
    assert found["dossiers_returned_by_post"]["differ"] == told.post.returned_untold
    assert found["dossiers_received_online"]["differ"] == told.online_services.accepted_untold
    for topic in ("procedures_online_level_3", "procedures_online_level_4"):
        assert found[topic]["leading"] > 0 and found[topic]["differ"] == 0, topic


def test_another_vendors_numbers_mean_what_the_seed_says(built: Settings) -> None:
    loaded = recount.igate(built.exports)
    names = {"2": "processed", "3": "result_returned"}
    wanted = loaded["Tình trạng"].map(names).value_counts().to_dict()
    found = warehouse(
        built, "select status, count(*) as n from warehouse.fct_dossier where system = 'igate' group by 1"
    )
    assert {each["status"]: each["n"] for each in found} == wanted
    rejected = rows(
        built,
        "select r.reasons from reject.rejected_row r join ledger.batch b using (batch_id) where b.contract = 'igate.dossiers'",
    )
    line = "dossier_status,igate,<code>,<meaning> to seeds/code_mappings.csv"
    assert [each["reasons"] for each in rejected] == [[f"Tình trạng: unmapped code; add {line}"]]


def test_a_desk_out_of_service_is_not_operated_and_never_zero(built: Settings) -> None:
    december = by_name(built, "846", "2016-12")
    assert december["dossiers_received", "all", ""].value == len(recount.igate(built.exports))
    later = by_name(built, "846", "2017-01-01..2017-09-28")
    for metric in ("dossiers_received", "dossiers_received_online"):
        figure = later[metric, "all", ""]
        assert (figure.state, figure.value) == ("not_operated", None)


def test_a_withdrawn_adjustment_gives_the_measured_figure_back(built_warehouse: Settings) -> None:
    """The signature stands in the fact as long as the adjustment does."""
    here, day = built_warehouse, date(2021, 1, 20)
    exports = nights.sample(here, 0.02, systems=("one_stop",))
    nights.hand_over(here, [*(each for each in exports if each.arrives <= day), adjustment()])
    nights.run_small_night(here, day)
    before = by_name(here, "946", "2021-01")[ON_TIME]
    assert before.state == "attested" and before.value < before.measured_value
    signed = warehouse(
        here,
        "select amount, signer_position, signer_agency, signed_at, document_code, adjustment_reason"
        " from warehouse.fct_dossier_adjustment order by signed_at",
    )
    assert sum(each["amount"] for each in signed) == before.value - before.measured_value
    assert all(all(each.values()) for each in signed)
    for (number,) in (
        tuple(each.values())
        for each in rows(
            here,
            "select batch_id from ledger.batch where contract = 'one_stop.adjustments' and rows_loaded > 0",
        )
    ):
        decisions.withdraw(here, number, actor="an", reason="signed by mistake")
    nights.run_small_night(here, day)
    after = by_name(here, "946", "2021-01")[ON_TIME]
    assert (after.state, after.value) == ("measured", before.measured_value)
    assert warehouse(here, "select * from warehouse.fct_dossier_adjustment") == []
    (number,) = rows(here, "select min(batch_id) as n from ledger.batch where contract = 'one_stop.adjustments' and rows_loaded > 0")  # fmt: skip
    assert [
        each.to_state for each in decisions.undo(here, number["n"], actor="an", reason="it was right")
    ] == ["accepted"]
