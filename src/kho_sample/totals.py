"""What the sample exports are told to add up to: the input file, read, checked and scaled."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import yaml
from pydantic import ValidationError, create_model, model_validator

from kho_sample.levels import Levels
from kho_sample.section import Section
from kho_sample.systems import SYSTEMS

_SECTIONS = {system.section: system.told_as for system in SYSTEMS if system.section}


class Totals(
    create_model("Sections", __base__=Levels, **{key: (told | None, None) for key, told in _SECTIONS.items()})
):
    """One input file: what every file tells, and a section for each system that has one."""

    @model_validator(mode="after")
    def _dossiers_are_there_to_tell_of(self) -> Self:
        telling = [each.section for each in SYSTEMS if each.tells_of_dossiers and getattr(self, each.section)]
        if telling and not self.district:
            raise ValueError(
                f"{' and '.join(telling)} tell of the dossiers of district and commune: give those too"
            )
        return self

    def scaled(self, factor: float) -> Self:
        """The same half-year in a district `factor` times the size."""
        if factor == 1:
            return self
        sections = {key: getattr(self, key) for key in _SECTIONS}
        return (
            super()
            .scaled(factor)
            .model_copy(
                update={
                    key: told.scaled(factor) for key, told in sections.items() if isinstance(told, Section)
                }
            )
        )


def read(path: Path) -> Totals:
    """The totals of an input file; ValueError says which of them cannot be."""
    try:
        return Totals.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        reasons = "; ".join(
            f"{'.'.join(map(str, problem['loc'])) or 'the file'}: {problem['msg']}"
            for problem in error.errors()
        )
        raise ValueError(f"{path} cannot be used as totals: {reasons}") from None
