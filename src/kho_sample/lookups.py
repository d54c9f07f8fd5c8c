"""Look-ups of results by channel: a small text file that the switchboard's supplier sends when it is asked to."""

from __future__ import annotations

from math import ceil
from random import Random
from typing import Literal

from kho_sample.export import Export, crlf_csv
from kho_sample.section import Count, Section
from kho_sample.shares import shares
from kho_sample.system import Place, System
from kho_sample.working_days import month_ends

HEADER = ("Ngày chốt", "Mã đơn vị", "Kênh tra cứu", "Số lượt")
CHANNELS = {"switchboard": "Tổng đài", "kiosk": "Ki-ốt", "zalo": "Zalo"}


class Lookups(Section):
    """The totals of look-ups by channel."""

    result_lookups: dict[Literal["switchboard", "kiosk", "zalo"], Count]

    def scaled(self, factor: float) -> Lookups:
        """The same look-ups at another size: none vanishes."""
        return Lookups(
            result_lookups={channel: ceil(count * factor) for channel, count in self.result_lookups.items()}
        )


def exports(told: Lookups, place: Place) -> list[Export]:
    """A file for every month: what every unit had by every channel."""
    rng = Random(f"{place.seed} lookups")
    months = month_ends(place.period.start, place.period.end)
    desks = [unit for unit in place.units if unit is place.units[0] or unit.level == "commune"]
    rows: dict = {last: [list(HEADER)] for last in months}
    for channel, count in told.result_lookups.items():
        places = [(last, desk) for last in months for desk in desks]
        parts = shares(count, [rng.uniform(0.2, 2) for _ in places])
        for (last, desk), part in zip(places, parts, strict=True):
            rows[last].append([f"{last:%d/%m/%Y}", desk.code, CHANNELS[channel], str(part)])
    return [
        Export("lookups", "results", f"tra_cuu_{last:%Y%m%d}.csv", crlf_csv(lines).encode("utf-8-sig"), last)
        for last, lines in rows.items()
    ]


SYSTEM = System("lookups", {"look-ups": exports}, section="lookups", told_as=Lookups, served=("sftp",))
