"""What a system of the sample is: it hands over exports, told what they add up to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from kho_sample import agencies
from kho_sample.agencies import Agency
from kho_sample.export import Export
from kho_sample.levels import Levels
from kho_sample.section import Period


@dataclass(frozen=True, eq=False)
class Place:
    """Where and when the sample is set: a district or province (its first unit) and those below it. Equal to itself only."""

    levels: Levels
    units: list[Agency]
    seed: int

    @classmethod
    def of(cls, levels: Levels, seeds: Path, seed: int) -> Place:
        """The place that an input file names, its units by the folder of the warehouse's seeds."""
        units = agencies.read(seeds / "agencies.csv", levels.agency_code, levels.period.start)
        return cls(levels, units, seed)

    @property
    def period(self) -> Period:
        return self.levels.period


@dataclass(frozen=True)
class System:
    """One system: everything that the sample knows of it is declared here.

    `exports` makes its exports, in parts with titles, from what it is told and the place. It is told a section of the
    input file, read as `told_as`, or, without one, the levels. The sample servers serve it by `served`.
    """

    name: str
    exports: Mapping[str, Callable[[Any, Place], list[Export]]]
    section: str | None = None
    told_as: Any = None
    served: tuple[Literal["sftp", "api"], ...] = ()
    tells_of_dossiers: bool = False

    def told(self, totals: Levels) -> Any:
        """What an input file tells it; nothing where the district does not have it."""
        if self.section:
            return getattr(totals, self.section)
        return totals if totals.district else None
