"""Sample exports of the registers add up to whatever totals they are told."""

from __future__ import annotations

import csv
import tempfile
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from kho.contract import contracts
from kho.formats.header import match
from kho.settings import Settings
from kho_sample import (
    agencies,
    certificates,
    civil_status,
    dossiers,
    misa,
    population,
    totals,
    workplace,
    write,
)
from kho_sample.certificates import Certificates
from kho_sample.civil_status import CivilStatus
from kho_sample.levels import Levels
from kho_sample.misa import Misa
from kho_sample.population import Population
from kho_sample.section import Period, Section
from kho_sample.system import Place
from kho_sample.workplace import Workplace
from tests.examples import examples
from tests.unit import recount_registers

PROJECT = Path(__file__).resolve().parents[2]
SEEDS = PROJECT / "dbt_project" / "seeds"
FIGURES = PROJECT / "tests" / "figures"
SYSTEMS = {"certificates": certificates, "misa": misa, "population": population, "workplace": workplace}

Counts = dict[tuple[str, str], float]


def place(period: Period, district: str, seed: int) -> Place:
    return Place.of(Levels(period=period, agency_code=district), SEEDS, seed)


def counted(system: str, section: Section, period: Period, district: str, seed: int) -> Counts:
    """What stands in the exports of one system."""
    with tempfile.TemporaryDirectory() as folder:
        for export in SYSTEMS[system].exports(section, place(period, district, seed)):
            write.put(Path(folder), export)
        return recount_registers.figures(Path(folder), SEEDS, period.end)


@pytest.mark.parametrize(
    ("sample", "report", "metrics"),
    [
        (
            "long_phu_2021_h1",
            "long_phu_2021_h1",
            {
                "staff_with_official_mailbox_pct",
                "staff_with_networked_computer_pct",
                "it_spending",
                "services_registered_with_population_database",
            },
        ),
        ("tieu_can_2017_q3", "tieu_can_2017_q3", {"units_without_digital_certificate"}),
    ],
)
def test_the_figures_of_the_report_are_in_the_exports(sample: str, report: str, metrics: set[str]) -> None:
    told = totals.read(PROJECT / "samples" / f"{sample}.yaml")
    found: Counts = {}
    for system in SYSTEMS:
        if section := getattr(told, system):
            found |= counted(system, section, told.period, told.agency_code, seed=946)

    def value(metric: str, level: str) -> float:
        levels = ("district", "commune") if level == "all" else (level,)
        if metric.endswith("_pct"):
            return 100 * value(metric.removesuffix("_pct"), level) / value("staff_in_workplace", level)
        return sum(found.get((metric, each), 0) for each in levels)

    checked = 0
    with (FIGURES / f"{report}.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["metric"] in metrics:
                assert value(row["metric"], row["level"]) == float(row["value"]), row
                checked += 1
    assert checked == len(metrics) + ("it_spending" in metrics)  # services are told of both levels


HALF_YEAR, TO_28_SEPTEMBER, TO_15_SEPTEMBER = (
    Period.model_validate({"from": first, "to": last})
    for first, last in (
        (date(2021, 1, 1), date(2021, 6, 30)),
        (date(2017, 1, 1), date(2017, 9, 28)),
        (date(2019, 4, 1), date(2019, 9, 15)),
    )
)
PERIODS = st.sampled_from([HALF_YEAR, TO_28_SEPTEMBER, TO_15_SEPTEMBER])
CHEAP = examples(
    8, phases=[Phase.explicit, Phase.reuse, Phase.generate], suppress_health_check=list(HealthCheck)
)


@CHEAP
@given(period=PERIODS, million=st.integers(0, 3000), entries=st.integers(1, 120), seed=st.integers(0, 99))
@example(period=TO_15_SEPTEMBER, million=1970, entries=3, seed=18)  # all booked in the last month
def test_any_spending_is_met(period: Period, million: int, entries: int, seed: int) -> None:
    found = counted("misa", Misa(it_spending=million, entries=entries), period, "H51.12", seed)
    assert found == {("it_spending", "district"): million}


@CHEAP
@given(data=st.data(), period=PERIODS, seed=st.integers(0, 99))
def test_any_staff_and_services_are_met(data: st.DataObject, period: Period, seed: int) -> None:
    levels = ("district", "commune")
    staff = {level: data.draw(st.integers(0, 90)) for level in levels}
    reached = {level: data.draw(st.integers(0, staff[level])) for level in levels}
    online = {level: data.draw(st.integers(0, staff[level])) for level in levels}
    told = Workplace(
        staff_in_workplace=staff, staff_with_official_mailbox=reached, staff_with_networked_computer=online
    )
    found = counted("workplace", told, period, "H51.12", seed)
    assert found == {(metric, level): by[level] for metric, by in told for level in levels}
    services = Population(
        services_registered_with_population_database={
            level: data.draw(st.integers(0, 40)) for level in levels
        }
    )
    found = counted("population", services, period, "H51.12", seed)
    assert found == {(metric, level): by[level] for metric, by in services for level in levels}


@CHEAP
@given(data=st.data(), seed=st.integers(0, 99))
def test_any_units_can_be_without_a_certificate(data: st.DataObject, seed: int) -> None:
    period = Period.model_validate({"from": "2017-01-01", "to": "2017-09-28"})
    units = agencies.read(SEEDS / "agencies.csv", "H59.06", period.start)
    without = data.draw(st.sets(st.sampled_from([unit.name for unit in units])))
    told = Certificates(
        units_without_digital_certificate=sorted(without),
        people_with_digital_certificate=data.draw(st.integers(0, 60)),
    )
    found = counted("certificates", told, period, "H59.06", seed)
    for level in ("district", "commune"):
        here = {unit.name for unit in units if unit.level == level}
        assert found["units_without_digital_certificate", level] == len(here & without)
        assert found["units_with_digital_certificate", level] == len(here - without)


def test_every_resolved_dossier_of_civil_status_has_its_entry(tmp_path: Path) -> None:
    told = totals.read(PROJECT / "samples" / "long_phu_2021_h1.yaml").scaled(0.02)
    here = Place.of(told, SEEDS, 1)
    asked = dossiers.drawn(here)
    resolved = {
        dossier.code for dossier in asked if dossier.procedure.field["code"] == "HT" and dossier.has_result
    }
    assert resolved
    section = CivilStatus(registrations_without_dossier=9)
    for export in civil_status.exports(section, here):
        write.put(tmp_path, export)
    found = recount_registers.figures(tmp_path, SEEDS, told.period.end)
    linked = sum(found["civil_registrations_with_dossier", level] for level in ("district", "commune"))
    assert linked == len(resolved)
    assert sum(found["civil_registrations", level] for level in ("district", "commune")) == linked + 9


def test_headers_are_those_of_the_contracts() -> None:
    known = contracts(Settings())
    shown = {
        "certificates.register": [low or high for high, low in zip(*certificates.HEADER, strict=True)],
        "civil_status.registrations": civil_status.HEADER,
        "misa.spending": misa.HEADER,
        "population.services": [low or high for high, low in zip(*population.HEADER, strict=True)],
        "workplace.computers": workplace.COMPUTERS,
        "workplace.mailboxes": workplace.MAILBOXES,
        "workplace.staff": workplace.STAFF,
    }
    for name, header in shown.items():
        matched = match(known[name], header)
        assert (matched.missing, matched.respelled) == ([], {}), name
    assert set(match(known["population.services"], shown["population.services"]).unknown.values()) == {
        "Tên đơn vị"
    }


def test_exports_have_the_oddities_of_real_ones() -> None:
    """Total rows, sections, an entry that is taken back, wrong rows in earlier lists; the same bytes for the same seed."""
    told = totals.read(PROJECT / "samples" / "long_phu_2021_h1.yaml")
    one, same, other = (misa.exports(told.misa, Place.of(told, SEEDS, seed)) for seed in (1, 1, 2))
    assert one == same != other
    books = one
    vouchers = [recount_registers.texts(each.content) for each in books]
    assert any("PC80002" in each for each in vouchers) and "PC80002" not in vouchers[-1]
    assert {"Tổng cộng", "Cộng tiểu mục 6605", "Người lập biểu"} <= vouchers[-1]


def test_totals_that_no_export_can_show_are_refused() -> None:
    with pytest.raises(
        ValidationError, match="staff_with_official_mailbox of commune is 3, more than staff_in"
    ):
        Workplace(
            staff_in_workplace={"commune": 2},
            staff_with_official_mailbox={"commune": 3},
            staff_with_networked_computer={},
        )
    told = Certificates(units_without_digital_certificate=["Hội Không Có"], people_with_digital_certificate=0)
    period = Period.model_validate({"from": "2017-01-01", "to": "2017-09-28"})
    with pytest.raises(LookupError, match="no agency is named Hội Không Có"):
        certificates.exports(told, place(period, "H59.06", 1))
