"""A survey of places for radio stations in the communes: one list, handed over as it grows."""

from __future__ import annotations

from datetime import timedelta
from random import Random

from pydantic import model_validator

from kho_sample.broadcasting import workbook
from kho_sample.export import Export, Line
from kho_sample.section import Count, Section
from kho_sample.system import Place, System
from kho_sample.working_days import WorkingDays, month_ends

HEADER = ("Mã điểm", "Mã đơn vị", "Địa điểm", "Ngày khảo sát", "Đủ điều kiện", "Lý do")


class NotEligible(Section):
    """A place of a commune (by its name) that is no good for a station, and why."""

    agency: str
    reason: str


class RadioSurvey(Section):
    """The totals of a survey."""

    radio_station_sites_surveyed: Count
    not_eligible: list[NotEligible] = []

    @model_validator(mode="after")
    def _parts_fit_their_wholes(self) -> RadioSurvey:
        if len(self.not_eligible) > self.radio_station_sites_surveyed:
            raise ValueError(
                f"not_eligible has {len(self.not_eligible)} places, more than radio_station_sites_surveyed,"
                f" which is {self.radio_station_sites_surveyed}"
            )
        return self


def exports(told: RadioSurvey, place: Place) -> list[Export]:
    """The places surveyed in each of the last two months, and nothing in those before; a date of the first is wrong and
    comes again, mended."""
    rng = Random(f"{place.seed} radio_survey")
    communes = {unit.name: unit for unit in place.units if unit.level == "commune"}
    if unknown := [one.agency for one in told.not_eligible if one.agency not in communes]:
        raise LookupError(f"no commune is named {unknown[0]}: spell agencies as the seed agencies.csv does")
    good = told.radio_station_sites_surveyed - len(told.not_eligible)
    others = [
        unit for name, unit in communes.items() if name not in {one.agency for one in told.not_eligible}
    ]
    rng.shuffle(others)
    found = [(others[n % len(others)], "x", "") for n in range(good)]
    found += [(communes[one.agency], "", one.reason) for one in told.not_eligible]
    days = WorkingDays(place.period)
    months = month_ends(place.period.start, place.period.end)
    began = months[-2] - timedelta(days=20)
    rows = [
        [f"DKS-{n:02d}", unit.code, f"Ấp Tưởng Tượng {n}", days.after(began, n), is_good, reason]
        for n, (unit, is_good, reason) in enumerate(found, start=1)
    ]
    first, rest = rows[: (len(rows) + 1) // 2], rows[(len(rows) + 1) // 2 :]
    if first:
        rest = [first[0], *rest]
        first = [[*first[0][:3], "31/6", *first[0][4:]], *first[1:]]
    return [
        Export(
            "radio_survey",
            "sites",
            f"khao_sat_{last:%Y%m%d}.xlsx",
            workbook("sites", HEADER, last, [Line(row[0], row) for row in part]),
            last,
        )
        for last, part in zip(months, [[]] * (len(months) - 2) + [first, rest], strict=True)
    ]


SYSTEM = System("radio_survey", {"radio survey": exports}, section="radio_survey", told_as=RadioSurvey)
