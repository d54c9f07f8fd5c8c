"""What sections of an input file are made of: strict models, counts, and the period that the exports cover."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

Level = Literal["district", "commune"]
AnyLevel = Literal["province", "district", "commune"]
Count = Annotated[int, Field(ge=0)]


class Section(BaseModel):
    """A part of an input file: keys that nothing reads are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def scaled(self, factor: float) -> Self:
        """The same in a district `factor` times the size; some things have no size."""
        return self


class Period(Section):
    """First and last day of the sample, both in it."""

    start: date = Field(alias="from")
    end: date = Field(alias="to")
