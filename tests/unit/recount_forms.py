"""Counts form II.06 straight from export files, dossier by dossier and day by day: nothing of the product helps.

Rules: TT 01/2020/TT-VPCP and what provinces do where it is silent, as the sets of parameters name it.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cache, cached_property
from pathlib import Path

DAY = timedelta(days=1)
Rules = Mapping[str, str]
#: columns 4, 5, 6, 8, 9, 10, 12, 13
Columns = Counter


MONEY = r"|\d{1,3}(\.\d{3})*"
SOUND = {
    "maTTHC": r"[123]\.\d{6}(\.\d{3}\.\d{2}\.\d{2}\.[A-Z]\d{2})?",
    "maDinhDanh": r"\d{3}(\.\d{2,5}){2}\.[A-Z]\d{2}|[A-Z]\d{2}(\.\d{2,5})*",
    "maTrangThai": "10|[1-9]",
    "maLyDo": "[123]",
    "phi": MONEY,
    "lePhi": MONEY,
    "soTien": MONEY,
}


@cache
def moment(text: str) -> datetime | None:
    """Of a cell; an empty one and a placeholder have none."""
    if not text:
        return None
    found = datetime.strptime(text, "%d/%m/%Y %H:%M" if " " in text else "%d/%m/%Y")
    return found if 1990 <= found.year < 9999 else None


def is_sound(cells: dict[str, str]) -> bool:
    """Nothing in the row that makes it a reject."""
    if None in cells or None in cells.values() or any("\ufffd" in text for text in cells.values()):
        return False
    try:
        for header, text in cells.items():
            if header.startswith("ngay"):
                moment(text)
    except ValueError:
        return False
    return all(re.fullmatch(SOUND[header], text) for header, text in cells.items() if header in SOUND)


@dataclass
class Version:
    told: tuple[datetime, date, int]
    cells: dict[str, str]

    def moment(self, header: str) -> datetime | None:
        return moment(self.cells[header])

    @property
    def told_on(self) -> date:
        return min(self.told[0].date(), self.told[1])


@dataclass
class Dossier:
    versions: list[Version] = field(default_factory=list)
    requests: list[tuple[date, date | None]] = field(default_factory=list)

    @property
    def newest(self) -> Version:
        return self.versions[-1]

    @cached_property
    def received(self) -> datetime | None:
        return self.newest.moment("ngayTiepNhan")

    @cached_property
    def end(self) -> tuple[datetime | None, str]:
        return _end(self, self.received)


def read(exports: Path) -> dict[str, Dossier]:
    """Every dossier with its versions from the oldest to the newest, and the requests of the list of supplements."""
    found: dict[str, Dossier] = defaultdict(Dossier)
    for day, number, cells in rows_of(exports / "one_stop" / "dossiers"):
        told = datetime.strptime(cells["ngayCapNhat"], "%d/%m/%Y %H:%M"), day, number
        found[cells["maHoSo"]].versions.append(Version(told, cells))
    for dossier in found.values():
        dossier.versions.sort(key=lambda version: version.told)
    asked: dict[tuple[str, str], tuple[tuple, dict[str, str]]] = {}
    for day, number, cells in rows_of(exports / "one_stop" / "supplements"):
        told = datetime.strptime(cells["ngayCapNhat"], "%d/%m/%Y %H:%M"), day, number
        name = cells["maYeuCau"], cells["maHoSo"]
        if name not in asked or asked[name][0] < told:
            asked[name] = told, cells
    for _, cells in asked.values():
        if cells["maHoSo"] in found:
            request = [
                datetime.strptime(cells[name], "%d/%m/%Y %H:%M").date() if cells[name] else None
                for name in ("ngayYeuCau", "ngayBoSung")
            ]
            found[cells["maHoSo"]].requests.append((request[0], request[1]))
    return dict(found)


def rows_of(folder: Path) -> Iterator[tuple[date, int, dict[str, str]]]:
    for path in sorted(folder.glob("*.csv")):
        day = datetime.strptime(path.stem.split("_")[1], "%Y%m%d").date()
        text = path.read_bytes().decode("utf-8-sig", errors="replace")
        for number, cells in enumerate(csv.DictReader(io.StringIO(text, newline=""), delimiter=";")):
            if is_sound(cells):
                yield day, number, cells


def form(
    dossiers: Mapping[str, Dossier],
    rules: Rules,
    first: date,
    last: date,
    told_to: date,
    working: WorkingDays,
) -> dict[tuple[str, str], Columns]:
    """Columns 4 to 13 without their sums, by agency and field as the files spell them."""
    found: dict[tuple[str, str], Columns] = defaultdict(Counter)
    for dossier in dossiers.values():
        if placed := _columns(dossier, rules, first, min(last, told_to), working):
            agency, columns = placed
            found[agency, dossier.newest.cells["maLinhVuc"]].update(columns)
    return dict(found)


def _columns(
    dossier: Dossier, rules: Rules, first: date, end: date, working: WorkingDays
) -> tuple[str, list[int]] | None:
    newest = dossier.newest
    if not dossier.received or end < first or dossier.received.date() > end:
        return None
    received = dossier.received.date()
    ended_at, kind = dossier.end
    ended = max(ended_at.date(), received) if ended_at else None
    if ended and ended < first:
        return None
    is_ended = ended is not None and ended <= end
    as_of = min(end, ended) if ended else end
    version = _version(dossier, received, as_of)
    agency = _version(dossier, received, received) if rules["counted_agency"] == "receiving" else version
    due = _due(dossier, version, rules, received, as_of, working)
    columns = []
    if received < first:
        columns.append(6)
    else:
        columns.append(4 if newest.cells["kenhThucHien"] == "2" else 5)
    if is_ended:
        if kind != "resolved" and rules["ended"] == "excluded":
            return None
        columns.append(_resolved(rules, kind, ended_at, ended, due, version))
    elif _is_waiting(dossier, received, end) and rules["waiting"] == "resolved":
        columns.append(9)
    else:
        over = due is not None and (end > due if rules["due_on_last_day"] == "within" else end >= due)
        waits = _is_waiting(dossier, received, end) and rules["waiting"] == "within"
        columns.append(13 if over and not waits else 12)
    return agency.cells["maDinhDanh"], columns


def _resolved(
    rules: Rules, kind: str, ended_at: datetime, ended: date, due: date | None, version: Version
) -> int:
    if (kind != "resolved" and rules["ended"] == "on_time") or due is None:
        return 9
    if ended != due:
        return 8 if ended < due else 10
    promised = version.moment("ngayHenTra")
    if rules["compare"] == "moment" and promised.time() != time(0):
        shifted = datetime.combine(due, promised.time())
        return 10 if ended_at > shifted else 9
    return 9


def _end(dossier: Dossier, received: datetime) -> tuple[datetime | None, str]:
    newest = dossier.newest
    for header in ("ngayKetThucXuLy", "ngayTra"):
        if moment := newest.moment(header):
            return moment, "resolved"
    refused = newest.moment("ngayTuChoi")
    if refused and refused >= received:
        return refused, "returned"
    status = newest.cells["maTrangThai"]
    kinds = {"7": "withdrawn", "8": "stopped", "9": "resolved", "10": "resolved"}
    if status not in kinds:
        return None, ""
    since = newest
    for version in reversed(dossier.versions):
        if version.cells["maTrangThai"] != status:
            break
        since = version
    return since.told[0], kinds[status]


def _version(dossier: Dossier, received: date, day: date) -> Version:
    """What was told up to a day; before the reception and the first version, what was told first."""
    earliest = min(version.told_on for version in dossier.versions)
    known = [
        version
        for version in dossier.versions
        if version.told_on == earliest or max(version.told_on, received) <= day
    ]
    return known[-1]


def _due(
    dossier: Dossier, version: Version, rules: Rules, received: date, as_of: date, working: WorkingDays
) -> date | None:
    promised = version.moment("ngayHenTra")
    if not promised or (promised.time() != time(0) and promised < dossier.received):
        return None
    due = promised.date()
    if rules["pause"] == "apply":
        days = {
            day
            for asked, answered in _requests(dossier)
            if answered and answered <= as_of
            for day in _days_after(max(asked, received), answered)
            if working.is_open(day)
        }
        for _ in days:
            due += DAY
            while not working.is_open(due):
                due += DAY
    return due if due >= received else None


def _days_after(first: date, last: date) -> Iterator[date]:
    while first < last:
        first += DAY
        yield first


def _requests(dossier: Dossier) -> list[tuple[date, date | None]]:
    told: dict[date, date | None] = {}

    def tell(asked: date, answered: date | None) -> None:
        if answered and answered < asked:
            answered = None
        told[asked] = max(filter(None, (told.get(asked), answered)), default=None)

    for version in dossier.versions:
        if asked := version.moment("ngayYeuCauBoSung"):
            answered = version.moment("ngayCongDanBoSung")
            tell(asked.date(), answered and answered.date())
    for asked, answered in dossier.requests:
        tell(asked, answered)
    if told:
        days = sorted(told)
        return [(day, told[day] or later) for day, later in zip(days, [*days[1:], None], strict=True)]
    found = []
    for version, later in zip(dossier.versions, [*dossier.versions[1:], None], strict=True):
        if version.cells["maTrangThai"] == "5":
            found.append((version.told_on, later.told_on if later else None))
    return found


def _is_waiting(dossier: Dossier, received: date, day: date) -> bool:
    return any(
        max(asked, received) <= day and (answered is None or day < answered)
        for asked, answered in _requests(dossier)
    )


class WorkingDays:
    """The calendar as its seeds have it."""

    def __init__(self, seeds: Path) -> None:
        self._off = {date.fromisoformat(row["date_day"]) for row in _seed(seeds, "days_off.csv")}
        self._made_up = {date.fromisoformat(row["date_day"]) for row in _seed(seeds, "make_up_days.csv")}

    def is_open(self, day: date) -> bool:
        return day in self._made_up or (day.weekday() < 5 and day not in self._off)


@cache
def _seed(seeds: Path, name: str) -> list[dict[str, str]]:
    with (seeds / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def rules(seeds: Path) -> dict[str, Rules]:
    """Every set of parameters by its name."""
    return {row["parameter_set"]: row for row in _seed(seeds, "parameter_sets.csv")}
