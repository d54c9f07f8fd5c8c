"""Registers: what their figures are, and that later lists take the place of earlier ones."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from kho.database import connect
from kho.figures.figures import Figure, figures
from kho.settings import Settings
from kho_sample import totals


@pytest.fixture(scope="module")
def registers(module_published: Settings) -> Settings:
    """Both districts' registers, among all that they operate."""
    return module_published


def found(settings: Settings, scope: str, period: str) -> dict[tuple[str, str, str], Figure]:
    return {(each.metric, each.level, each.detail): each for each in figures(settings, scope, period)}


def test_the_figures_of_the_reports_come_out(registers: Settings) -> None:
    long_phu = found(registers, "946", "2021-H1")
    told = totals.read(registers.project / "samples" / "long_phu_2021_h1.yaml")
    for metric in ("staff_with_official_mailbox_pct", "staff_with_networked_computer_pct"):
        figure = long_phu[metric, "all", ""]
        assert (figure.value, figure.state) == (Decimal(100), "measured")
        assert figure.denominator == sum(told.workplace.staff_in_workplace.values())
    spent = long_phu["it_spending", "district", ""]
    assert (spent.value, spent.unit, spent.state) == (told.misa.it_spending, "million VND", "measured")
    for level, count in told.population.services_registered_with_population_database.items():
        assert long_phu["services_registered_with_population_database", level, ""].value == count
    tieu_can = found(registers, "846", "2017-01-01..2017-09-28")
    without = tieu_can["units_without_digital_certificate", "all", ""]
    assert (without.value, without.state) == (1, "measured")
    units = registers.project / "dbt_project" / "seeds" / "agencies.csv"
    here = sum(line.startswith("H59.06") for line in Path(units).read_text(encoding="utf-8").splitlines())
    assert tieu_can["units_with_digital_certificate", "all", ""].value == here - 1


def test_what_a_district_does_not_operate_has_no_figure_and_is_not_zero(registers: Settings) -> None:
    long_phu, tieu_can = (
        found(registers, "946", "2021-H1"),
        found(registers, "846", "2017-01-01..2017-09-28"),
    )
    assert long_phu["units_without_digital_certificate", "all", ""].state == "not_operated"
    assert long_phu["it_spending", "commune", ""].state == "not_operated"
    for metric in ("it_spending", "staff_in_workplace", "civil_registrations"):
        assert (tieu_can[metric, "all", ""].state, tieu_can[metric, "all", ""].value) == (
            "not_operated",
            None,
        )


def test_details_add_up_to_the_whole(registers: Settings) -> None:
    long_phu = found(registers, "946", "2021-H1")
    for metric in ("it_spending", "civil_registrations"):
        parts = [
            each.value
            for key, each in long_phu.items()
            if key[:2] == (metric, "all") and key[2] and each.value
        ]
        assert len(parts) > 1 and sum(parts) == long_phu[metric, "all", ""].value
    linked = long_phu["civil_registrations_with_dossier", "all", ""].value
    told = totals.read(registers.project / "samples" / "long_phu_2021_h1.yaml")
    unlinked = told.civil_status.registrations_without_dossier
    assert 0 < linked == long_phu["civil_registrations", "all", ""].value - unlinked


def test_spending_is_that_of_the_year_so_far(registers: Settings) -> None:
    """An entry that is no longer in the newest list was taken back; a later quarter counts from January on."""
    first, half = found(registers, "946", "2021-Q1"), found(registers, "946", "2021-Q2")
    assert 0 < first["it_spending", "all", ""].value < half["it_spending", "all", ""].value
    assert (
        half["it_spending", "all", ""].value
        == found(registers, "946", "2021-H1")["it_spending", "all", ""].value
    )
    with connect(registers, "kho_transformer") as connection:
        vouchers = {
            code: lists
            for code, lists in connection.execute(
                "select voucher_code, count(distinct _batch_id) from raw.misa__spending group by 1"
            )
        }
        kept = {code for (code,) in connection.execute("select voucher_code from warehouse.fct_it_spending")}
    assert "PC80002" in vouchers and "PC80002" not in kept
    assert {code for code, lists in vouchers.items() if lists > 1} <= kept | {"PC80002"}


def test_a_list_holds_until_the_next_one(registers: Settings) -> None:
    january, april = found(registers, "946", "2021-Q1"), found(registers, "946", "2021-Q2")
    assert january["staff_with_official_mailbox_pct", "all", ""].value < 100
    assert january["staff_in_workplace", "all", ""].value < april["staff_in_workplace", "all", ""].value
    services = "services_registered_with_population_database"
    assert january[services, "all", ""].value <= april[services, "all", ""].value
    # The veterans' certificate expired in the quarter; until then every unit signed.
    before = found(registers, "846", "2017-01-31..2017-01-31")
    assert before["units_without_digital_certificate", "all", ""].value <= 1


def test_nobody_is_known_beyond_load(registers: Settings) -> None:
    """Staff numbers and addresses are keyed hashes; names, days of birth, positions and narrations are nowhere."""
    with connect(registers, "kho_transformer") as connection:
        for table, columns in {
            "workplace__staff": {"ordinal", "staff_hash", "agency_code"},
            "workplace__mailboxes": {"ordinal", "mailbox_hash", "staff_hash", "agency_code", "status"},
            "misa__spending": {
                "ordinal", "voucher_code", "posted_date", "budget_item", "amount_vnd", "agency_code",
            },
            "certificates__register": {
                "ordinal", "agency_code", "agency_name", "certificate_code", "holder_kind", "issuer", "issued_date",
                "expiry_date", "status",
            },
            "civil_status__registrations": {
                "agency_code", "event_kind", "book_code", "entry_number", "registered_date", "dossier_code",
            },
        }.items():  # fmt: skip
            rows = connection.execute(f"select * from raw.{table}")  # noqa: S608
            kept = {column.name for column in rows.description if not column.name.startswith("_")}
            assert kept == columns
            told = " ".join(map(str, rows.fetchall()))
            assert not any(secret in told for secret in ("Nguyễn", "CB-0", "example.gov.vn", "Chuyên viên"))
