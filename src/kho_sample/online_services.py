"""The online service portal: what units offer there, and what citizens submitted."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from itertools import count
from math import ceil
from random import Random
from typing import Any

from kho_sample import people
from kho_sample.agencies import Agency
from kho_sample.desk import DIRECT, ONLINE, Told, moment, receiver
from kho_sample.dossiers import told_last
from kho_sample.export import Export, Line, Spoil, monthly, spoil
from kho_sample.procedures import Catalogue, catalogue
from kho_sample.section import Count, Period, Section
from kho_sample.system import Place, System
from kho_sample.working_days import month_ends

LEVELS = {3: "MUC_3", 4: "MUC_4"}
DECREE = "43/2011/NĐ-CP"


class OnlineServices(Section):
    """What the portal tells that the one-stop desk does not."""

    #: submissions that never became a dossier
    refused: Count = 0
    #: submissions that became dossiers which the desk shows as handed in there
    accepted_untold: Count = 0

    def scaled(self, factor: float) -> OnlineServices:
        """The same at another size: none vanishes."""
        return OnlineServices.model_validate({name: ceil(count * factor) for name, count in self})


def exports(told: OnlineServices, place: Place) -> list[Export]:
    rng = Random(f"{place.seed} online services")
    submitted = _submissions(told, place.period, told_last(place), rng)
    return _offerings(place.units, catalogue(place)) + submitted


def _offerings(units: list[Agency], offered: Catalogue) -> list[Export]:
    """At the start of every quarter the offerings that are new or have ended."""
    files: dict[date, list[Line]] = {}
    told: dict[tuple[str, str], dict[str, Any]] = {}
    numbers = count(1)
    for day in offered.lists:
        lines = files[day] = []
        for unit in units:
            if unit.level == "district" and unit is not units[0]:
                continue
            for procedure in offered.procedures[unit.level]:
                level = None if unit.code in procedure.missing_at else offered.online_level(procedure, day)
                place = (unit.code, procedure.code)
                before = told.get(place)
                if (before and before["service"]["level"]) == LEVELS.get(level or 0):
                    continue
                stamp = f"{day.isoformat()}T00:05:00+07:00"
                if before:
                    lines.append(
                        _line(before | {"to": (day - timedelta(days=1)).isoformat(), "updated_at": stamp})
                    )
                    del told[place]
                if level in LEVELS:
                    told[place] = {
                        "id": f"CC-{next(numbers):05d}",
                        "unit": unit.code,
                        "procedure": {"code": procedure.code, "name": procedure.name},
                        "service": {"level": LEVELS[level], "decree": DECREE},
                        "from": day.isoformat(),
                        "to": None,
                        "updated_at": stamp,
                    }
                    lines.append(_line(told[place]))
    return [_export("offerings", day, lines) for day, lines in files.items()]


def _submissions(section: OnlineServices, period: Period, dossiers: list[Told], rng: Random) -> list[Export]:
    online = [one for one in dossiers if one["kenhThucHien"] == ONLINE]
    at_desk = [one for one in dossiers if one["kenhThucHien"] == DIRECT]
    accepted = online + rng.sample(at_desk, section.accepted_untold)
    refused = rng.sample(dossiers, section.refused)
    sent = [(one, True) for one in accepted] + [(one, False) for one in refused]
    sent.sort(key=lambda each: (moment(each[0]["ngayNopHoSo"]), each[0]["maHoSo"], each[1]))
    lines = []
    for number, (one, is_accepted) in enumerate(sent, start=1):
        submitted, decided = moment(one["ngayNopHoSo"]), moment(one["ngayTiepNhan"])
        submitted = max(submitted, datetime.combine(period.start, datetime.min.time()))
        new = {
            "id": f"DVC-{period.start:%Y}-{number:06d}",
            "dossier": None,
            "unit": receiver(one),
            "procedure": {"code": one["maTTHC"][:8]},
            "state": "MOI",
            "submitted_at": _stamp(submitted),
            "accepted_at": None,
            "applicant": {
                "name": people.name(rng),
                "phone": people.phone(rng),
                "email": f"nguoi.dan{number}@example.vn",
            },
            "updated_at": _stamp(submitted),
        }
        done = new | {"state": "TIEP_NHAN" if is_accepted else "TU_CHOI", "updated_at": _stamp(decided)}
        if is_accepted:
            done |= {"dossier": {"code": one["maHoSo"]}, "accepted_at": _stamp(decided)}
        lines += [(submitted.date(), _line(new)), (decided.date(), _line(done))]
    files = monthly(lines, month_ends(period.start, period.end))
    spoil(files, SPOILERS, rng, lambda day: True, share=0.01)
    return [_export("submissions", end, rows) for end, rows in files.items()]


def _line(item: dict[str, Any]) -> Line:
    return Line(item["id"], item)


def _export(entity: str, day: date, lines: list[Line]) -> Export:
    content = json.dumps({"items": [line.values for line in lines]}, ensure_ascii=False).encode()
    return Export("online_services", entity, f"{entity}_{day:%Y%m%d}.json", content, day)


def _stamp(at: datetime) -> str:
    return f"{at.isoformat()}+07:00"


def _set(name: str, value: Any) -> Spoil:
    return lambda rng, item: item | {name: value}


SPOILERS = (
    _set("state", "LUU_NHAP"),
    _set("submitted_at", "2021-02-31T08:15:00+07:00"),
    _set("unit", None),
    _set("id", "DVC-1"),
)


SYSTEM = System(
    "online_services",
    {"online services": exports},
    section="online_services",
    told_as=OnlineServices,
    served=("api",),
    tells_of_dossiers=True,
)
