"""Sample exports of portals, radio stations and look-ups add up to whatever totals they are told."""

from __future__ import annotations

import csv
import tempfile
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import strategies as st

from kho.settings import Settings
from kho_sample import broadcasting, lookups, portal, radio_survey, tieu_can_portal, totals, write
from kho_sample.broadcasting import Broadcasting
from kho_sample.levels import Levels
from kho_sample.lookups import Lookups
from kho_sample.portal_life import Portal
from kho_sample.radio_survey import RadioSurvey
from kho_sample.section import Period, Section
from kho_sample.shares import shares
from kho_sample.system import Place
from tests.examples import examples
from tests.unit import recount_portals

PROJECT = Path(__file__).resolve().parents[2]
SEEDS = PROJECT / "dbt_project" / "seeds"
SYSTEMS = {
    "portal": portal,
    "tieu_can_portal": tieu_can_portal,
    "broadcasting": broadcasting,
    "radio_survey": radio_survey,
    "lookups": lookups,
}


def expected(section: Section) -> recount_portals.Counts:
    """What a recount must find of a section."""
    if isinstance(section, RadioSurvey):
        return {
            ("radio_station_sites_surveyed", "commune"): section.radio_station_sites_surveyed,
            ("radio_station_sites_not_eligible", "commune"): len(section.not_eligible),
        }
    level = "all" if isinstance(section, Lookups) else "district"
    found = {}
    for metric, value in section:
        if isinstance(value, dict):
            found[metric, level] = sum(value.values())
            found |= {(f"{metric} {detail}", level): count for detail, count in value.items()}
        else:
            found[metric, level] = value
    return found


def counted(
    system: str, section: Section, period: Period, district: str, seed: int
) -> recount_portals.Counts:
    """What stands in the exports of one system."""
    here = Place.of(Levels(period=period, agency_code=district), SEEDS, seed)
    with tempfile.TemporaryDirectory() as folder:
        for export in SYSTEMS[system].exports(section, here):
            write.put(Path(folder), export)
        return recount_portals.figures(Path(folder))


@pytest.mark.parametrize("name", ["long_phu_2021_h1", "tieu_can_2017_q3"])
@pytest.mark.parametrize("scale", [1, 0.01])
def test_the_totals_of_both_districts_are_counted_again_in_their_exports(name: str, scale: float) -> None:
    told = totals.read(PROJECT / "samples" / f"{name}.yaml").scaled(scale)
    sections = {system: getattr(told, system) for system in SYSTEMS if getattr(told, system)}
    assert len(sections) >= 2
    for system, section in sections.items():
        assert counted(system, section, told.period, told.agency_code, 946) == expected(section)


@pytest.mark.parametrize("name", ["long_phu_2021_h1", "tieu_can_2017_q3"])
def test_figures_of_the_report_are_in_the_exports(name: str) -> None:
    told = totals.read(PROJECT / "samples" / f"{name}.yaml")
    found = {}
    for system in SYSTEMS:
        if section := getattr(told, system):
            found |= counted(system, section, told.period, told.agency_code, 946)
    with (PROJECT / "tests" / "figures" / f"{name}.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["metric"].startswith(("portal_", "broadcast_", "radio_")):
                place = f"{row['metric']} {row['detail']}".strip(), row["level"]
                assert found[place] == int(row["value"]), row


@st.composite
def portals(draw: st.DrawFn) -> Portal:
    received = draw(st.integers(0, 40))
    news = draw(st.integers(0, received))
    article = draw(st.integers(0, received - news))
    photos = draw(st.integers(0, 60)) if news + article else 0
    visits = draw(st.integers(0, 3000))
    return Portal(
        portal_items_received=received,
        portal_items_published={"news": news, "article": article},
        portal_photos_published=photos,
        portal_directive_documents_published=draw(st.integers(0, 5)),
        portal_items_published_cumulative=news + article + draw(st.integers(0, 50)),
        portal_photos_published_cumulative=photos + draw(st.integers(0, 50)),
        portal_visits=visits,
        portal_visits_cumulative=visits + draw(st.integers(0, 9999)),
    )


@st.composite
def stations(draw: st.DrawFn) -> Broadcasting:
    programmes = draw(st.integers(0, 40))
    return Broadcasting(
        broadcast_programmes=programmes,
        broadcast_minutes=programmes * draw(st.integers(1, 9)),
        broadcast_listens=draw(st.integers(0, 9000)) if programmes else 0,
        broadcast_articles_contributed=draw(st.integers(0, 40)),
    )


# Without shrinking: an example takes a second.
@examples(5, phases=[Phase.reuse, Phase.generate], suppress_health_check=list(HealthCheck))
@given(told=portals(), station=stations(), lookups=st.integers(0, 900), seed=st.integers(0, 99))
def test_any_totals_are_met(told: Portal, station: Broadcasting, lookups: int, seed: int) -> None:
    period = Period(**{"from": date(2017, 1, 1), "to": date(2017, 4, 12)})
    asked = Lookups(result_lookups={"switchboard": lookups, "kiosk": 0, "zalo": 7})
    for system, section in {
        "portal": told,
        "tieu_can_portal": told,
        "broadcasting": station,
        "lookups": asked,
    }.items():
        assert counted(system, section, period, "H59.06", seed) == expected(section), system


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"portal_items_received": 100}, "portal_items_published is 208, more than portal_items_received"),
        ({"portal_visits_cumulative": 5}, "portal_visits is 178817, more than portal_visits_cumulative"),
        ({"portal_items_published": {"news": 0, "article": 0}}, "portal_photos_published must be 0"),
        ({"portal_items_published": {"photo": 1}}, "portal_items_published"),
    ],
)
def test_totals_of_a_portal_that_no_export_can_show_are_refused(change: dict, reason: str) -> None:
    told = totals.read(PROJECT / "samples" / "tieu_can_2017_q3.yaml").tieu_can_portal
    with pytest.raises(ValueError, match=reason):
        Portal.model_validate(told.model_dump() | change)


def test_a_survey_names_communes_that_there_are(tmp_path: Path) -> None:
    told = totals.read(PROJECT / "samples" / "tieu_can_2017_q3.yaml")
    wrong = told.radio_survey.model_copy(
        update={
            "not_eligible": [told.radio_survey.not_eligible[0].model_copy(update={"agency": "Xã Không Có"})]
        }
    )
    with pytest.raises(LookupError, match="no commune is named Xã Không Có"):
        write.write(Settings(home=tmp_path), told.model_copy(update={"radio_survey": wrong}))


@given(total=st.integers(0, 5000), weights=st.lists(st.floats(0.1, 50), min_size=1, max_size=60))
def test_shares_add_up_and_keep_to_their_weights(total: int, weights: list[float]) -> None:
    parts = shares(total, weights)
    assert sum(parts) == total
    assert all(
        abs(part - total * weight / sum(weights)) < 1 for part, weight in zip(parts, weights, strict=True)
    )
