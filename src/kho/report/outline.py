"""The order of the report: which figures, sentences and breakdowns each of its areas has. Read from `outline.yaml`."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class BreakdownOutline(_Part):
    """A table and chart of some figures (of one unit of measure), by unit or by month."""

    by: Literal["unit", "month"]
    title: str
    metrics: list[str]


class AreaOutline(_Part):
    """An area of the report; what its fields mean stands in `outline.yaml`."""

    key: str
    title: str
    metrics: list[str]
    says: list[str]
    breakdowns: list[BreakdownOutline] = []


@cache
def outline() -> tuple[AreaOutline, ...]:
    """The areas in the order of the report."""
    text = resources.files("kho.report").joinpath("outline.yaml").read_text(encoding="utf-8")
    return tuple(AreaOutline.model_validate(area) for area in yaml.safe_load(text))
