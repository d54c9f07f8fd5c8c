"""What the one-stop desk and the document system are told to add up to, by level; and what else belongs to a district."""

from __future__ import annotations

from datetime import date, datetime
from math import ceil
from typing import Literal, Self

from pydantic import model_validator

from kho_sample.courses import Courses
from kho_sample.section import Count, Level, Period, Section

Group = Literal["own_authority", "military", "district_land_received_at_commune"]


class LateDelivery(Section):
    """The dossiers of `date` are handed over on the day `arrives` only."""

    date: date
    arrives: date


class Deliveries(Section):
    """What is odd about the deliveries of dossiers."""

    twice: date
    late: LateDelivery


class LateDossiers(Section):
    """So many dossiers of a field at a unit (by its name), processed after they were due."""

    agency: str
    field: str
    count: Count
    processed_on: date

    def scaled(self, factor: float) -> LateDossiers:
        return self.model_copy(update={"count": ceil(self.count * factor)})


class Adjustment(Section):
    """A signed correction of one metric of one unit."""

    metric: Literal["dossiers_received", "dossiers_resolved", "dossiers_resolved_on_time"]
    agency: str
    field: str
    amount: int
    effective_date: date
    signed_at: datetime
    signer_position: str
    signer_agency: str
    document: str
    reason: str

    def scaled(self, factor: float) -> Adjustment:
        return self.model_copy(update={"amount": ceil(self.amount * factor)})


class LevelTotals(Section):
    """The totals of the district's own units or of its communes, named as the metrics they become."""

    procedures_on_one_stop: dict[Group, Count]
    procedures_online_level_3: Count
    procedures_online_level_4: Count
    procedures_announced_for_post: Count
    procedures_received_by_post: Count
    procedures_returned_by_post: Count
    dossiers_received: Count
    dossiers_resolved: Count
    dossiers_resolved_on_time: Count
    dossiers_in_progress_within_deadline: Count
    dossiers_received_by_post: Count
    dossiers_returned_by_post: Count
    dossiers_of_level_4_procedures: Count
    dossiers_received_online_level_4: Count
    dossiers_received_online: Count
    documents_outgoing: Count
    documents_electronic_signed: Count
    documents_parallel_paper: Count

    @model_validator(mode="after")
    def _parts_fit_their_wholes(self) -> LevelTotals:
        procedures = sum(self.procedures_on_one_stop.values())
        pending = self.dossiers_received - self.dossiers_resolved
        wholes = [
            ("procedures_online_level_3 + procedures_online_level_4", self.procedures_online_level_3 + self.procedures_online_level_4, "procedures_on_one_stop", procedures),
            ("procedures_announced_for_post", self.procedures_announced_for_post, "procedures_on_one_stop", procedures),
            ("procedures_received_by_post", self.procedures_received_by_post, "procedures_announced_for_post", self.procedures_announced_for_post),
            ("procedures_returned_by_post", self.procedures_returned_by_post, "procedures_announced_for_post", self.procedures_announced_for_post),
            ("procedures_received_by_post", self.procedures_received_by_post, "dossiers_received_by_post", self.dossiers_received_by_post),
            ("procedures_returned_by_post", self.procedures_returned_by_post, "dossiers_returned_by_post", self.dossiers_returned_by_post),
            ("dossiers_resolved", self.dossiers_resolved, "dossiers_received", self.dossiers_received),
            ("dossiers_resolved_on_time", self.dossiers_resolved_on_time, "dossiers_resolved", self.dossiers_resolved),
            ("dossiers_in_progress_within_deadline", self.dossiers_in_progress_within_deadline, "dossiers in progress", pending),
            ("dossiers_of_level_4_procedures", self.dossiers_of_level_4_procedures, "dossiers_received", self.dossiers_received),
            ("dossiers_received_online_level_4", self.dossiers_received_online_level_4, "dossiers_of_level_4_procedures", self.dossiers_of_level_4_procedures),
            ("dossiers_received_online_level_4", self.dossiers_received_online_level_4, "dossiers_received_online", self.dossiers_received_online),
            ("dossiers_received_online + dossiers_received_by_post", self.dossiers_received_online + self.dossiers_received_by_post, "dossiers_received", self.dossiers_received),
            ("documents_electronic_signed", self.documents_electronic_signed, "documents_outgoing", self.documents_outgoing),
            ("documents_parallel_paper", self.documents_parallel_paper, "documents_outgoing", self.documents_outgoing),
        ]  # fmt: skip
        for part, has, whole, limit in wholes:
            if has > limit:
                raise ValueError(f"{part} is {has}, more than {whole}, which is {limit}")
        return self

    def scaled(self, factor: float) -> LevelTotals:
        """The same totals at another size: none vanishes, and parts still fit their wholes."""

        def shrink(value: int | dict) -> int | dict:
            if isinstance(value, dict):
                return {name: shrink(part) for name, part in value.items()}
            return ceil(value * factor)

        small = {name: shrink(value) for name, value in self.model_dump().items()}
        # Rounding up each part can overshoot a sum: then the whole grows by that little.
        small["dossiers_received"] = max(
            small["dossiers_received"],
            small["dossiers_resolved"] + small["dossiers_in_progress_within_deadline"],
            small["dossiers_received_online"] + small["dossiers_received_by_post"],
        )
        groups = small["procedures_on_one_stop"]
        online = small["procedures_online_level_3"] + small["procedures_online_level_4"]
        groups["own_authority"] += max(0, online - sum(groups.values()))
        return LevelTotals.model_validate(small)


class Levels(Section):
    """What every input file tells: the district or province and the period; and a district's levels, where it has the
    two systems."""

    period: Period
    agency_code: str
    #: its deltas leave a gap behind those of other samples: nights would wait for the days between
    needs_its_own_home: bool = False
    deliveries: Deliveries | None = None
    district: LevelTotals | None = None
    commune: LevelTotals | None = None
    dossiers_late_on_software: list[LateDossiers] = []
    adjustments: list[Adjustment] = []
    courses: Courses = Courses()

    @model_validator(mode="after")
    def _levels_come_together(self) -> Self:
        given = [self.deliveries is None, self.district is None, self.commune is None]
        if any(given) != all(given):
            raise ValueError("deliveries, district and commune come together")
        if self.district and set(self.district.procedures_on_one_stop) - {"own_authority"}:
            raise ValueError(
                "district: procedures_on_one_stop has only own_authority, the other groups are communes'"
            )
        return self

    def level(self, level: Level) -> LevelTotals:
        return self.district if level == "district" else self.commune

    def scaled(self, factor: float) -> Self:
        return self.model_copy(
            update={
                "district": self.district and self.district.scaled(factor),
                "commune": self.commune and self.commune.scaled(factor),
                "dossiers_late_on_software": [one.scaled(factor) for one in self.dossiers_late_on_software],
                "adjustments": [one.scaled(factor) for one in self.adjustments],
                "courses": self.courses.scaled(factor),
            }
        )
