"""Civil status registers: the entries of every month, with the dossiers that asked for them and nobody's name."""

from __future__ import annotations

from collections import Counter
from datetime import date
from math import ceil
from random import Random

import kho.formats.encodings  # noqa: F401  (makes vni known)
from kho_sample.dossiers import drawn
from kho_sample.export import Export, Line, crlf_csv, spoil
from kho_sample.section import Count, Section
from kho_sample.system import Place, System
from kho_sample.working_days import WorkingDays, month_ends

HEADER = ("Mã đơn vị", "Loại việc", "Quyển số", "Số", "Ngày đăng ký", "Mã hồ sơ")
FIELD = "HT"
#: what a procedure's name speaks of, and what is registered then
EVENTS = {
    "khai sinh": "Khai sinh", "khai tử": "Khai tử", "kết hôn": "Kết hôn", "giám hộ": "Giám hộ",
    "nhận cha mẹ con": "Nhận cha, mẹ, con", "cải chính": "Cải chính hộ tịch",
    "tình trạng hôn nhân": "Xác nhận tình trạng hôn nhân", "trích lục": "Trích lục",
}  # fmt: skip


class CivilStatus(Section):
    """Entries that no dossier asked for; every resolved dossier of the field has an entry, too."""

    registrations_without_dossier: Count

    def scaled(self, factor: float) -> CivilStatus:
        return CivilStatus(registrations_without_dossier=ceil(self.registrations_without_dossier * factor))


def exports(told: CivilStatus, place: Place) -> list[Export]:
    """A file in VNI for every month."""
    rng = Random(f"{place.seed} civil_status")
    days = WorkingDays(place.period)
    entries: list[tuple[date, str, str, str]] = []
    for dossier in drawn(place) if place.levels.district else ():
        if dossier.procedure.field["code"] == FIELD and dossier.has_result:
            # The district keeps one register, whichever of its desks received the dossier.
            keeper = dossier.agency if dossier.agency.level == "commune" else place.units[0]
            event = next(
                (event for word, event in EVENTS.items() if word in dossier.procedure.name), "Trích lục"
            )
            day = min(
                days.after(dossier.received_on, rng.choice((0, 0, 1, 2))), days.last_until(place.period.end)
            )
            entries.append((day, keeper.code, event, dossier.code))
    communes = [unit for unit in place.units if unit.level == "commune"]
    for _ in range(told.registrations_without_dossier):
        keeper = rng.choice(communes)
        entries.append((rng.choice(days.within), keeper.code, rng.choice(list(EVENTS.values())), ""))
    files: dict[date, list[Line]] = {last: [] for last in month_ends(place.period.start, place.period.end)}
    numbers: Counter[tuple[str, str]] = Counter()
    for day, keeper, event, code in sorted(entries):
        numbers[keeper, event] += 1
        row = [keeper, event, f"01/{day:%Y}", str(numbers[keeper, event]), f"{day:%d/%m/%Y}", code]
        files[next(last for last in files if day <= last)].append(Line("|".join(row[:4]), row))
    spoil(files, SPOILERS, rng, lambda day: True)
    return [
        Export(
            "civil_status",
            "registrations",
            f"hotich_{last:%Y%m%d}.csv",
            crlf_csv([list(HEADER), *(line.values for line in lines)]).encode("vni"),
            last,
        )
        for last, lines in files.items()
    ]


def _put(position: int, value: str):
    return lambda rng, cells: [*cells[:position], value, *cells[position + 1 :]]


SPOILERS = (
    _put(4, "31/02/2021"),
    _put(1, "Khai sinh lại"),
    _put(3, "17a"),
    _put(5, "không có"),
    lambda rng, cells: cells[:4],
)


SYSTEM = System(
    "civil_status", {"civil status": exports}, section="civil_status", told_as=CivilStatus, served=("sftp",)
)
