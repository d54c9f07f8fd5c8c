"""Programs of other packages that run under supervisord beside Airflow, by the entry points `kho.programs`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import entry_points

from kho.settings import Settings


@dataclass(frozen=True)
class Program:
    """A module that runs until it is ended (`python -m`); it is up when it listens on its ports."""

    title: str  # what `kho up` calls it: "the sample sources"
    module: str
    ports: tuple[str, ...]  # names in ports.json
    is_wanted: Callable[[Settings], bool]  # whether `kho up` starts it


def installed() -> dict[str, Program]:
    """Every installed program by its name."""
    return {entry.name: entry.load() for entry in entry_points(group="kho.programs")}
