"""Warehouses that are made once a run and cloned where a test needs them: of nothing, and of both reports' districts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from kho.database import connect
from kho.settings import Settings
from tests.integration import nights
from tests.plans import kept_plans

NIGHT = date(2021, 6, 30)
BEFORE_ALL = date(2010, 1, 1)

Rows = set[tuple[Any, ...]]


@dataclass(frozen=True)
class Golden:
    """The warehouse to clone: nobody connects to it. `alone` is what its mart held of Long Phú before Tiểu Cần came, `plans`
    how many rows the plans of its models handled."""

    settings: Settings
    alone: Rows
    plans: dict[str, float]


def make(settings: Settings) -> Golden:
    """Huyện Long Phú first, the years of huyện Tiểu Cần a night later; their exports are in the home too."""
    with kept_plans(settings) as plans:
        nights.put_and_hand_over(settings, nights.sample(settings))
        nights.run_small_night(settings, NIGHT)
        alone = of_long_phu(settings)
        nights.put_and_hand_over(settings, nights.sample(settings, report=nights.TIEU_CAN))
        nights.run_night(settings, NIGHT)
    return Golden(settings, alone, plans)


def build_nothing(settings: Settings) -> Settings:
    """Every table, before anything was handed over."""
    nights.build_warehouse(settings, BEFORE_ALL)
    return settings


def of_long_phu(settings: Settings) -> Rows:
    """Every figure of the province's only district that reports, of its units and of the province."""
    with connect(settings, "kho_auditor") as connection:
        return set(
            connection.execute(
                "select * from marts.report_figure where scope_agency_code ~ '^H51'"
            ).fetchall()
        )
