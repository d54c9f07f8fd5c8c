"""The one-stop desk of a province after the merger of 2025: dossiers of the province itself and of its communes.

There is no district any more, and what communes of before the merger had begun was handed over to those of today.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache
from itertools import accumulate
from math import ceil
from random import Random

from pydantic import Field, model_validator

from kho_sample import dossiers, procedures, supplements
from kho_sample.agencies import Agency
from kho_sample.courses import Step
from kho_sample.desk import CLOSES, DIRECT, IN_PROCESS, ONLINE, OPENS, POST, PROCESSED, written
from kho_sample.dossiers import Dossier, Life
from kho_sample.export import Export
from kho_sample.procedures import Catalogue, Inventor, Procedure, fields
from kho_sample.section import AnyLevel, Count, Level, Period, Section
from kho_sample.system import Place, System
from kho_sample.working_days import WorkingDays, quarter_starts

#: a list on the first day of a quarter, the one before the period too
QUARTER = timedelta(days=92)
CHANNELS = (ONLINE, ONLINE, DIRECT, DIRECT, "", POST)


class Desk(Section):
    """What the desks of a level are asked for in the period. What is neither late nor in progress is resolved on time."""

    procedures: Count
    dossiers_received: Count
    dossiers_resolved_late: Count
    dossiers_in_progress_within_deadline: Count
    dossiers_overdue: Count

    @model_validator(mode="after")
    def _parts_fit_their_whole(self) -> Desk:
        parts = (
            self.dossiers_resolved_late + self.dossiers_in_progress_within_deadline + self.dossiers_overdue
        )
        if parts > self.dossiers_received:
            raise ValueError(
                f"dossiers late and in progress are {parts}, more than dossiers_received, which is {self.dossiers_received}"
            )
        return self

    def scaled(self, factor: float) -> Desk:
        """The same procedures for dossiers at another size: none vanishes, and parts still fit."""
        small = {name: ceil(count * factor) for name, count in self if name != "procedures"}
        parts = sum(small.values()) - small["dossiers_received"]
        small["dossiers_received"] = max(small["dossiers_received"], parts)
        return Desk.model_validate(small | {"procedures": self.procedures})


class HandedOver(Section):
    """So many dossiers of a commune of before the merger that its successor got, by the codes of both, root first."""

    giver: str = Field(alias="from")
    taker: str = Field(alias="to")
    count: Count


class Merger(Section):
    """Dossiers received in the weeks before the merger and handed over on its day."""

    day: date
    dossiers_handed_over: tuple[HandedOver, ...]


class ProvinceDesk(Section):
    """What the desks add up to, by level."""

    province: Desk
    commune: Desk
    merger: Merger

    def scaled(self, factor: float) -> ProvinceDesk:
        return self.model_copy(
            update={"province": self.province.scaled(factor), "commune": self.commune.scaled(factor)}
        )


def exports(told: ProvinceDesk, place: Place) -> list[Export]:
    """A delta for every day of the period, the first one with what was handed over at the merger."""
    files = dossiers.by_day(lives(told, place), WorkingDays(place.period))
    return [
        export
        for day, lines in files.items()
        for export in dossiers.delta(f"dossiers_{day:%Y%m%d}.csv", lines, day)
    ]


def lists(told: ProvinceDesk, place: Place) -> list[Export]:
    """The procedures of every unit."""
    return procedures.lists_of(_offered(told, place), place.units, Random(f"{place.seed} province lists"))


def requests(told: ProvinceDesk, place: Place) -> list[Export]:
    """What applicants were asked for, by month."""
    asked = [request for life in lives(told, place) for request in dossiers.requests_of(life)]
    return supplements.of_requests(asked, place.period, Random(f"{place.seed} province supplements"))


@lru_cache(maxsize=1)
def lives(told: ProvinceDesk, place: Place) -> list[Life]:
    """What the desks tell of every dossier."""
    days, offered = WorkingDays(place.period), _offered(told, place)
    drawn = [one for level in offered.procedures for one in _of_level(level, told, place, offered, days)]
    drawn += dossiers.divert(drawn, place.levels.courses, days, Random(f"{place.seed} province courses"))
    dossiers.give_codes(drawn)
    rng = Random(f"{place.seed} province dossiers")
    found = [dossiers.life(one, place.units, days, rng) for one in drawn]
    return [*found, *_handed_over(told.merger, offered, rng)]


@lru_cache(maxsize=1)
def _offered(told: ProvinceDesk, place: Place) -> Catalogue:
    """Procedures of every field that the level has, in turn. What districts decided, the province does."""
    rng = Random(f"{place.seed} province procedures")
    invent = Inventor(rng)
    found: dict[AnyLevel, list[Procedure]] = {}
    desks: tuple[tuple[AnyLevel, Desk, Level], ...] = (
        ("province", told.province, "district"),
        ("commune", told.commune, "commune"),
    )
    for level, of_level, fields_of in desks:
        codes = [entry["code"] for entry in fields() if fields_of in entry["levels"]]
        found[level] = [
            invent(codes[n % len(codes)], "own_authority", rng.choice((3, 4)))
            for n in range(of_level.procedures)
        ]
    return Catalogue(found, quarter_starts(place.period.start - QUARTER, place.period.end))


def _of_level(
    level: AnyLevel, told: ProvinceDesk, place: Place, offered: Catalogue, days: WorkingDays
) -> list[Dossier]:
    desk: Desk = getattr(told, level)
    rng = Random(f"{place.seed} province {level}")
    units = [unit for unit in place.units if unit.level == level]
    end, busyness = days.last_until(days.end), list(accumulate(days.busyness))
    late, overdue = desk.dossiers_resolved_late, desk.dossiers_overdue
    within = desk.dossiers_in_progress_within_deadline
    latest = {"late": days.before(end, 15), "overdue": days.before(end, 10)}
    outcomes = ["late"] * late + ["overdue"] * overdue + ["within_deadline"] * within
    outcomes += ["on_time"] * (desk.dossiers_received - len(outcomes))
    found = []
    for number, outcome in enumerate(outcomes):
        day = rng.choices(days.open, cum_weights=busyness)[0]
        if outcome == "within_deadline":
            day = days.before(end, rng.randint(0, 10))
        found.append(
            Dossier(
                units[number % len(units)],
                min(day, latest.get(outcome, end)),
                channel=rng.choice(CHANNELS),
                procedure=rng.choice(offered.procedures[level]),
                outcome=outcome,
            )
        )
    return found


def _handed_over(told: Merger, offered: Catalogue, rng: Random) -> list[Life]:
    """Received before the merger, handed over on its day, and resolved in time, late, or still in progress."""
    days = WorkingDays(
        Period.model_validate({"from": told.day - timedelta(days=30), "to": told.day + timedelta(days=60)})
    )
    long = [one for one in offered.procedures["commune"] if one.days >= 5]
    drawn = []
    for pair in told.dossiers_handed_over:
        for _ in range(pair.count):
            received_on = days.before(told.day, rng.randint(1, 5))
            giver, taker = (Agency(code, "", "commune") for code in (pair.giver, pair.taker))
            drawn.append((Dossier(giver, received_on, DIRECT, rng.choice(long)), taker))
    dossiers.give_codes([dossier for dossier, _ in drawn])
    found = []
    for number, (dossier, taker) in enumerate(drawn):
        received = (dossier.received_on, rng.randint(OPENS, CLOSES - 60))
        due = (days.after(dossier.received_on, dossier.procedure.days), CLOSES)
        steps: list[Step] = [
            ((told.day, OPENS + number), {"maDinhDanh": taker.leaf_first, "maTrangThai": IN_PROCESS})
        ]
        if number % 4:
            ended = (days.after(due[0], 2 if number % 4 == 1 else 0), rng.randint(OPENS, CLOSES))
            steps.append((ended, {"maTrangThai": PROCESSED, "ngayKetThucXuLy": written(ended)}))
        found.append(dossiers.versions(dossier, received, due, steps, days, rng))
    return found


SYSTEM = System(
    "one_stop",
    {
        "province: procedures": lists,
        "province: dossiers": exports,
        "province: supplements": requests,
    },
    section="province_desk",
    told_as=ProvinceDesk,
    served=("sftp",),
)
