"""Dossiers of the one-stop desk and the signed adjustments of their figures.

First the final state of every dossier is drawn so that the totals hold; then its life is told day by day: the
export of a day holds each dossier that changed on that day, as it was in the evening.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache, lru_cache
from itertools import accumulate, groupby
from random import Random

from kho.formats.encodings import windows_1258
from kho_sample import people
from kho_sample.agencies import Agency
from kho_sample.courses import COURSES, LONGEST, Case, Courses, Step
from kho_sample.desk import (
    CLOSES,
    DIRECT,
    IN_PROCESS,
    LAST_RECEPTION,
    ONLINE,
    OPENS,
    POST,
    PROCESSED,
    RECEIVED,
    REGISTERED,
    RETURNED,
    STOPPED,
    SUPPLEMENT_ASKED,
    Moment,
    Told,
    day_text,
    written,
)
from kho_sample.export import Export, Line, control, crlf_csv, spoil
from kho_sample.levels import Levels, LevelTotals
from kho_sample.procedures import Catalogue, Procedure, catalogue
from kho_sample.section import Level
from kho_sample.system import Place
from kho_sample.working_days import SATURDAY, WorkingDays, month_ends

HEADER = (
    "maHoSo", "maTTHC", "maLinhVuc", "maDinhDanh", "kenhThucHien", "loaiDoiTuong", "ngayNopHoSo", "ngayTiepNhan",
    "ngayHenTra", "ngayYeuCauBoSung", "ngayCongDanBoSung", "ngayKetThucXuLy", "ngayTra", "ngayTuChoi", "maTrangThai",
    "hinhThucTra", "nhanKetQuaBCCI", "maVanDonBuuDien", "phi", "lePhi", "soTien", "chuHoSo", "soDienThoaiChuHoSo",
    "soGiayToChuHoSo", "diaChiChuHoSo", "ghiChu", "ngayCapNhat",
)  # fmt: skip
NOTES = (
    "Đã gọi điện\nhẹn buổi chiều",
    'Người nộp ghi "nhận tại nhà"',
    "Thiếu bản sao; đã bổ sung\nngay tại quầy",
    "Ưu tiên người cao tuổi",
    'Kèm 02 bản chính; xem mục "giấy tờ khác"',
)

#: the versions of a dossier from the oldest on, each with the day whose export holds it
Life = list[tuple[date, Told]]


@dataclass(slots=True)
class Dossier:
    """The final state of a dossier, as far as the period goes."""

    agency: Agency
    received_on: date  # submitted, where it is not received
    channel: str = ""
    procedure: Procedure | None = None
    is_returned_by_post: bool = False
    outcome: str = "on_time"  # on_time, late, within_deadline, overdue; not_received
    processed_on: date | None = None  # told in advance, else drawn
    is_level_4: bool = False
    course: str = ""  # a kind of courses.COURSES; none: straight on
    code: str = ""

    @property
    def has_result(self) -> bool:
        """What was applied for was granted or declined in the period."""
        return self.outcome in ("on_time", "late") and self.course != "withdrawn"


@lru_cache(maxsize=1)
def drawn(place: Place) -> list[Dossier]:
    """Every dossier in its final state, the same for whoever asks: other systems tell of these dossiers, too."""
    totals, agencies, offered = place.levels, place.units, catalogue(place)
    names = {agency.name for agency in agencies}
    for one in (*totals.dossiers_late_on_software, *totals.adjustments):
        if one.agency not in names:
            raise LookupError(
                f"no agency is named {one.agency}: spell agencies as the seed agencies.csv does"
            )
    days = _days(totals)
    dossiers = [
        dossier
        for level in ("district", "commune")
        for dossier in _of_level(
            level, totals, agencies, offered, days, Random(f"{place.seed} dossiers {level}")
        )
    ]
    dossiers += divert(dossiers, totals.courses, days, Random(f"{place.seed} courses"))
    give_codes(dossiers)
    return dossiers


def exports(told: Levels, place: Place) -> list[Export]:
    """A delta with its control file for every day of the period."""
    days, rng = _days(told), Random(f"{place.seed} dossiers spoiled")
    files = by_day(lives(place), days)
    spoil(files, SPOILERS, rng, lambda day: day.weekday() < SATURDAY and bool(files[day]))
    odd = told.deliveries
    found = []
    for day, lines in files.items():
        arrives = odd.late.arrives if day == odd.late.date else day
        for more in ("", "_b") if day == odd.twice else ("",):
            found += delta(f"dossiers_{day:%Y%m%d}{more}.csv", lines, arrives)
    return found


def by_day(told: Iterable[Life], days: WorkingDays) -> dict[date, list[Line]]:
    """The rows of each day's delta. What lies before the period is of the first one."""
    span = [days.start + timedelta(days=n) for n in range((days.end - days.start).days + 1)]
    files: dict[date, list[Line]] = {day: [] for day in span}
    for life in told:
        for day, cells in life:
            files[max(day, days.start)].append(Line(cells["maHoSo"], list(cells.values())))
    for lines in files.values():
        lines.sort(key=lambda line: (line.values[-1][-5:], line.key))
    return files


def delta(name: str, lines: Sequence[Line], arrives: date) -> list[Export]:
    """A delta of dossiers and its control file."""
    content = "\ufeff" + crlf_csv([list(HEADER), *(line.values for line in lines)])
    file = Export("one_stop", "dossiers", name, content.encode("utf-8", "surrogateescape"), arrives)
    return [file, control(file, len(lines))]


def lives(place: Place) -> Iterator[Life]:
    """What the desk tells of every dossier, in the order in which they are drawn."""
    days, rng = _days(place.levels), Random(f"{place.seed} dossiers")
    for dossier in drawn(place):
        yield life(dossier, place.units, days, rng)


def told_last(place: Place) -> list[Told]:
    """Every dossier that was received, as the desk tells of it last: exports of the same dossiers have to agree."""
    return _told(place)[0]


def requests(place: Place) -> list[Told]:
    """Every request for a supplement, as its dossier tells of it last."""
    return _told(place)[1]


@lru_cache(maxsize=1)
def _told(place: Place) -> tuple[list[Told], list[Told]]:
    last, asked = [], []
    for told in lives(place):
        asked += requests_of(told)
        if told[-1][1]["ngayTiepNhan"]:
            last.append(told[-1][1])
    return last, asked


def requests_of(told: Life) -> list[Told]:
    """The requests for supplements that a dossier ever told of: it tells of the newest one only."""
    newest = {cells["ngayYeuCauBoSung"]: cells for _, cells in told if cells["ngayYeuCauBoSung"]}
    return list(newest.values())


def _days(totals: Levels) -> WorkingDays:
    # The delivery that comes late must not be an empty one.
    return WorkingDays(totals.period, extra=totals.deliveries.late.date)


# The final state


def _of_level(
    level: Level,
    totals: Levels,
    agencies: list[Agency],
    offered: Catalogue,
    days: WorkingDays,
    rng: Random,
) -> list[Dossier]:
    told = totals.level(level)
    units = [agency for agency in agencies if agency.level == level]
    by_name = {agency.name: agency for agency in units}
    adjusted = Counter()
    for one in totals.adjustments:
        if one.agency in by_name:
            adjusted[one.metric] += one.amount
    # What is attested is what the software shows, and the adjustments.
    received = told.dossiers_received - adjusted["dossiers_received"]
    resolved = told.dossiers_resolved - adjusted["dossiers_resolved"]
    late = resolved - (told.dossiers_resolved_on_time - adjusted["dossiers_resolved_on_time"])
    told_late = [one for one in totals.dossiers_late_on_software if one.agency in by_name]
    other_late = late - sum(one.count for one in told_late)
    overdue = received - resolved - told.dossiers_in_progress_within_deadline
    if other_late < 0 or overdue < 0:
        raise ValueError(
            f"{level}: dossiers_late_on_software, adjustments and the dossiers resolved and in progress contradict "
            f"each other ({late} late in all, {overdue} in progress overdue)"
        )

    weights = list(accumulate(rng.uniform(0.6, 1.6) for _ in units))
    busyness = list(accumulate(days.busyness))

    def draw(count: int, outcome: str, first: date = days.start, last: date = days.end) -> list[Dossier]:
        where = rng.choices(units, cum_weights=weights, k=count)
        when = rng.choices(days.open, cum_weights=busyness, k=count)
        # A day outside the limits is moved to the nearest one inside.
        return [
            Dossier(agency, min(max(day, first), last), outcome=outcome)
            for agency, day in zip(where, when, strict=True)
        ]

    end = days.last_until(days.end)
    on_time = draw(resolved - late, "on_time")
    others = draw(other_late, "late", last=days.before(end, 15))
    for dossier in draw(told.dossiers_in_progress_within_deadline, "within_deadline"):
        dossier.received_on = days.before(end, int(15 * rng.random() ** 2))
        others.append(dossier)
    others += draw(overdue, "overdue", last=days.before(end, 10))
    named = []
    for one in told_late:
        for _ in range(one.count):
            dossier = Dossier(
                by_name[one.agency], days.before(one.processed_on, rng.randint(4, 7)), outcome="late"
            )
            dossier.processed_on = one.processed_on
            asked = [
                procedure
                for procedure in offered.procedures[level]
                if procedure.field["code"] == one.field and _is_asked(offered, procedure, dossier.received_on)
            ]
            if not asked:
                raise ValueError(
                    f"no procedure of field {one.field} is offered where {one.count} should be late"
                )
            dossier.procedure = rng.choice(asked)
            named.append(dossier)

    _send_by_post(on_time, told, offered.procedures[level], days, rng)
    dossiers = on_time + others + named
    _choose_procedures(dossiers, told, offered, level, rng)
    if level == "district":
        _seat(dossiers, agencies, rng)
    return dossiers


def _is_asked(offered: Catalogue, procedure: Procedure, day: date) -> bool:
    return not procedure.is_rare and offered.online_level(procedure, day) is not None


def _send_by_post(
    on_time: list[Dossier], told: LevelTotals, procedures: list[Procedure], days: WorkingDays, rng: Random
) -> None:
    """Give dossiers that come or go by post one of the announced procedures, so that each is used."""
    announced = [procedure for procedure in procedures if procedure.is_announced_for_post]
    wanted = told.dossiers_received_by_post + told.dossiers_returned_by_post
    if wanted > len(on_time):
        raise ValueError(f"{wanted} dossiers go by post, and only {len(on_time)} are resolved on time")
    chosen = rng.sample(on_time, wanted)
    for n, dossier in enumerate(chosen):
        comes = n < told.dossiers_received_by_post
        used = told.procedures_received_by_post if comes else told.procedures_returned_by_post
        turn = n if comes else n - told.dossiers_received_by_post
        dossier.procedure = announced[turn % used]
        if comes:
            dossier.channel = POST
        else:
            dossier.is_returned_by_post = True
            # Early enough to be back before the period ends.
            dossier.received_on = min(dossier.received_on, days.before(days.end, 8))


def _choose_procedures(
    dossiers: list[Dossier], told: LevelTotals, offered: Catalogue, level: Level, rng: Random
) -> None:
    """Give every dossier a procedure of the list in force, and a channel, so that the online figures hold."""
    fixed = [dossier for dossier in dossiers if dossier.procedure]
    for dossier in fixed:
        dossier.is_level_4 = offered.online_level(dossier.procedure, dossier.received_on) == 4
    free = [dossier for dossier in dossiers if not dossier.procedure]
    wanted = told.dossiers_of_level_4_procedures - sum(dossier.is_level_4 for dossier in fixed)
    if not 0 <= wanted <= len(free):
        raise ValueError(
            f"{level}: dossiers_of_level_4_procedures does not go with the dossiers sent by post"
        )
    for dossier in rng.sample(free, wanted):
        dossier.is_level_4 = True

    by_hand = [dossier for dossier in dossiers if dossier.channel != POST]
    four = [dossier for dossier in by_hand if dossier.is_level_4]
    lower = [dossier for dossier in by_hand if not dossier.is_level_4 and not dossier.procedure]
    online_four = told.dossiers_received_online_level_4
    online_lower = told.dossiers_received_online - online_four
    if online_four > len(four) or online_lower > len(lower):
        raise ValueError(f"{level}: more dossiers are received online than there are to receive")
    for dossier in rng.sample(four, online_four) + rng.sample(lower, online_lower):
        dossier.channel = ONLINE

    @cache
    def pool(online: frozenset[int], is_newest: bool) -> tuple[list[Procedure], list[float]]:
        day = offered.lists[-1] if is_newest else offered.lists[0]
        found = [
            procedure
            for procedure in offered.procedures[level]
            if _is_asked(offered, procedure, day) and offered.online_level(procedure, day) in online
        ]
        return found, list(accumulate(procedure.weight for procedure in found))

    for dossier in free:
        is_newest = dossier.received_on >= offered.lists[-1]
        if dossier.is_level_4:
            candidates, weights = pool(frozenset({4}), is_newest)
        else:
            candidates, weights = pool(frozenset({3}), is_newest) if dossier.channel == ONLINE else ([], [])
            if not candidates:
                candidates, weights = pool(frozenset({2, 3}), is_newest)
        if not candidates:
            raise ValueError(
                f"{level}: no procedure is left for dossiers of level-4 procedures, or for the others"
            )
        dossier.procedure = rng.choices(candidates, cum_weights=weights)[0]
        if not dossier.channel:
            dossier.channel = rng.choice((DIRECT, DIRECT, DIRECT, ""))
    for dossier in fixed:
        dossier.channel = dossier.channel or DIRECT


def _seat(dossiers: list[Dossier], agencies: list[Agency], rng: Random) -> None:
    """At the district, the department of the procedure's field receives; a tenth go to the district's own desk."""
    district = agencies[0]
    departments = {agency.code: agency for agency in agencies}
    for dossier in dossiers:
        desk = f"{district.code}.{dossier.procedure.field['desk']}"
        dossier.agency = district if rng.random() < 0.1 else departments.get(desk, district)


def divert(dossiers: list[Dossier], told: Courses, days: WorkingDays, rng: Random) -> list[Dossier]:
    """Give some dossiers another course, so that no total changes; gives those that come on top: not received ones."""
    last = days.before(days.end, LONGEST + 5)
    plain = [
        dossier
        for dossier in dossiers
        if dossier.channel != POST
        and not (dossier.is_returned_by_post or dossier.processed_on or dossier.course)
    ]
    free = {
        "on_time": [one for one in plain if one.outcome == "on_time" and one.procedure.days >= LONGEST and one.received_on <= last],
        "within_deadline": [one for one in plain if one.outcome == "within_deadline" and one.received_on < days.before(days.end, 2)],
    }  # fmt: skip
    for some in free.values():
        rng.shuffle(some)
    more = []
    for kind, count in told:
        outcome = COURSES[kind].outcome
        if outcome == "not_received":
            models = rng.sample(plain, min(count, len(plain)))
            more += [replace(model, outcome=outcome, course=kind) for model in models]
            continue
        for dossier in free[outcome][:count]:
            dossier.course = kind
        del free[outcome][:count]
    return more


def give_codes(dossiers: list[Dossier]) -> None:
    numbers: Counter[tuple[str, date]] = Counter()
    for dossier in dossiers:
        unit = dossier.agency.code if dossier.course == "other_code_layout" else dossier.agency.leaf_first
        numbers[unit, dossier.received_on] += 1
        dossier.code = f"{unit}-{dossier.received_on:%y%m%d}-{numbers[unit, dossier.received_on]:04d}"


# The life


def life(dossier: Dossier, units: Sequence[Agency], days: WorkingDays, rng: Random) -> Life:
    """What the desk tells of a dossier in the period."""
    received = (dossier.received_on, rng.randint(OPENS, LAST_RECEPTION))
    due_on, processed_on = _deadline_and_end(dossier, days, rng)
    if dossier.course:
        others = [unit for unit in units if unit != dossier.agency]
        of_level = [unit for unit in others if unit.level == dossier.agency.level]
        case = Case(dossier.agency, rng.choice(of_level or others), (due_on, CLOSES), received, days, rng)
        steps = COURSES[dossier.course].steps(case)
    else:
        steps = _straight_on(dossier, received, processed_on, days, rng)
    return versions(dossier, received, (due_on, CLOSES), steps, days, rng)


def _straight_on(
    dossier: Dossier, received: Moment, processed_on: date | None, days: WorkingDays, rng: Random
) -> list[Step]:
    steps: list[Step] = []
    received_on = dossier.received_on
    stop = processed_on or days.last_until(days.end)
    if stop > days.after(received_on, 1) and rng.random() < 0.6:
        steps.append(
            ((days.after(received_on, 1), rng.randint(OPENS, CLOSES - 5)), {"maTrangThai": IN_PROCESS})
        )
        asks = days.after(received_on, 2)
        if rng.random() < 0.08 and stop > days.after(asks, 2):
            asked = (asks, rng.randint(OPENS, CLOSES - 5))
            answered = (days.after(asks, 1), rng.randint(OPENS, CLOSES - 5))
            steps += [
                (asked, {"maTrangThai": SUPPLEMENT_ASKED, "ngayYeuCauBoSung": written(asked)}),
                (answered, {"maTrangThai": IN_PROCESS, "ngayCongDanBoSung": written(answered)}),
            ]
    if not processed_on:
        return steps
    processed = (processed_on, _minute(rng, received if processed_on == received_on else None))
    returned = _return(dossier, processed, days, rng)
    end = {"maTrangThai": PROCESSED, "ngayKetThucXuLy": written(processed)}
    if dossier.is_returned_by_post:
        end["maVanDonBuuDien"] = _bill(rng)
    elif dossier.channel != POST and rng.random() < 0.004:
        return [*steps, (processed, end | {"maTrangThai": STOPPED, "ngayTuChoi": written(processed)})]
    steps.append((processed, end))
    if returned:
        steps.append((returned, {"maTrangThai": RETURNED, "ngayTra": written(returned)}))
    return steps


def versions(
    dossier: Dossier, received: Moment, due: Moment, steps: Iterable[Step], days: WorkingDays, rng: Random
) -> Life:
    """A dossier as it was in the evening of its reception (or submission), and of every day that something happened."""
    procedure = dossier.procedure
    fee = rng.choice(procedure.field["fees"])
    charge = fee if rng.random() < 0.3 else 0
    is_online = dossier.channel == ONLINE
    is_received = dossier.outcome != "not_received"
    submitted = _submission(received, is_online, days, rng) if is_received else received
    # Every fifth unit's software writes procedure codes with the province's suffix.
    suffix = f".000.00.00.{dossier.agency.code[:3]}" if int(dossier.agency.code[-2:]) % 5 == 0 else ""
    method = POST if dossier.is_returned_by_post else ONLINE if is_online and rng.random() < 0.6 else DIRECT
    cells = dict.fromkeys(HEADER, "") | {
        "maHoSo": dossier.code,
        "maTTHC": procedure.code + suffix,
        "maLinhVuc": procedure.field["code"],
        "maDinhDanh": dossier.agency.leaf_first,
        "kenhThucHien": dossier.channel,
        "loaiDoiTuong": rng.choice("1111112"),
        "ngayNopHoSo": written(submitted),
        "ngayTiepNhan": written(received) if is_received else "",
        "ngayHenTra": written(due) if is_received else "",
        "maTrangThai": RECEIVED if is_received else REGISTERED,
        "hinhThucTra": method,
        "nhanKetQuaBCCI": "1" if dossier.is_returned_by_post else "0",
        "maVanDonBuuDien": _bill(rng) if dossier.channel == POST else "",
        "phi": _dong(fee - charge),
        "lePhi": _dong(charge),
        "soTien": _dong(fee),
        "chuHoSo": people.name(rng),
        "soDienThoaiChuHoSo": people.phone(rng),
        "soGiayToChuHoSo": people.identity_number(rng),
        "diaChiChuHoSo": people.address(rng),
        "ghiChu": rng.choice(NOTES) if rng.random() < 0.1 else "",
    }
    found: Life = []
    first: Step = (received, {})
    for day, of_day in groupby(
        sorted([first, *steps], key=lambda step: step[0]), key=lambda step: step[0][0]
    ):
        if day > days.end:
            break
        for at, changed in of_day:
            cells |= changed
            cells["ngayCapNhat"] = written(at)
        found.append((day, dict(cells)))
    return found


def _deadline_and_end(dossier: Dossier, days: WorkingDays, rng: Random) -> tuple[date, date | None]:
    """The day that the result is due, and the day that processing ends, if it does in the period."""
    received_on, allowed = dossier.received_on, dossier.procedure.days
    end = days.last_until(days.end)
    due_on = days.after(received_on, allowed)
    match dossier.outcome:
        case "on_time":
            ends = days.after(received_on, int((allowed + 1) * rng.random() ** 1.5))
            last = days.before(end, 3) if dossier.is_returned_by_post else end
            if ends > last:  # told to be resolved in the period: some day of its last two weeks, then
                ends = max(received_on, days.before(last, rng.randint(0, 9)))
            return due_on, ends
        case "late":
            if dossier.processed_on:  # told in advance
                due_on = days.before(dossier.processed_on, rng.randint(1, 2))
                if not received_on <= due_on < dossier.processed_on:
                    raise ValueError(f"a late dossier cannot be processed as early as {dossier.processed_on}")
                return due_on, dossier.processed_on
            due_on = days.after(received_on, rng.randint(1, 5))
            return due_on, days.after(due_on, rng.randint(1, 5))
        case "within_deadline":
            return max(due_on, days.after(days.end, rng.randint(1, 5))), None
        case _:
            return days.after(received_on, rng.randint(1, 8)), None


def _minute(rng: Random, after: Moment | None) -> int:
    """A minute of the working day, later than `after`."""
    return rng.randint(after[1] + 3 if after else OPENS + 10, CLOSES - 5)


def _return(dossier: Dossier, processed: Moment, days: WorkingDays, rng: Random) -> Moment | None:
    """When the result is handed out: some are never fetched, some only after the period."""
    if dossier.is_returned_by_post:
        return days.after(processed[0], 2), rng.randint(OPENS + 30, CLOSES - 5)
    if rng.random() < 0.04:
        return None
    wait = rng.choice((0, 0, 0, 1, 2))
    day = days.after(processed[0], wait)
    minute = rng.randint(processed[1], CLOSES - 1) if wait == 0 else rng.randint(OPENS, CLOSES - 1)
    return (day, minute) if day <= days.end else None


def _submission(received: Moment, is_online: bool, days: WorkingDays, rng: Random) -> Moment:
    if is_online and received[0] > days.start and rng.random() < 0.5:
        return received[0] - timedelta(days=1), rng.randint(12 * 60, 23 * 60)
    return received[0], received[1] - rng.randint(0, 30)


def _bill(rng: Random) -> str:
    return f"EX{rng.randrange(10**9):09d}VN"


def _dong(amount: int) -> str:
    return f"{amount:,}".replace(",", ".") if amount else ""


# What goes wrong with a row


def _put(header: str, *values: str):
    position = HEADER.index(header)

    def change(rng: Random, cells: list[str]) -> list[str]:
        return [*cells[:position], rng.choice(values), *cells[position + 1 :]]

    return change


def _ragged(rng: Random, cells: list[str]) -> list[str]:
    return rng.choice([cells[:11], [*_without_note(rng, cells), "x"]])


def _wrong_encoding(rng: Random, cells: list[str]) -> list[str]:
    position = HEADER.index("chuHoSo")
    name = windows_1258("Nguyễn Thị Thử").decode("utf-8", "surrogateescape")
    return _without_note(rng, [*cells[:position], name, *cells[position + 1 :]])


# A note may hold a quoted line break: in a broken row nobody could tell where the row ends.
_without_note = _put("ghiChu", "")


SPOILERS = (
    _put("ngayHenTra", "31/02/2021 17:00", "2021-02-30", "17:00"),
    _put("phi", "12.34", "9.5E+10", "mười nghìn"),
    _put("maTTHC", "1,004946", "4946", "TTHC"),
    _put("maDinhDanh", "0.12.H51", "12"),
    _put("maTrangThai", "99", "xong"),
    _ragged,
    _wrong_encoding,
)

# Adjustments

ADJUSTMENT_HEADER = (
    "Mã điều chỉnh", "Chỉ tiêu", "Mã định danh", "Mã lĩnh vực", "Số lượng", "Ngày hiệu lực", "Ngày ký",
    "Chức vụ người ký", "Cơ quan ký", "Số văn bản", "Lý do",
)  # fmt: skip


def adjustments(told: Levels, place: Place) -> list[Export]:
    """The corrections signed in each month, UTF-16 with tabs; a header only where there were none."""
    codes = {agency.name: agency.leaf_first for agency in place.units}
    found = []
    first = place.period.start
    for last in month_ends(place.period.start, place.period.end):
        rows = [ADJUSTMENT_HEADER]
        for number, one in enumerate(told.adjustments, start=1):
            if first <= one.signed_at.date() <= last:
                rows.append((
                    f"DC-{one.signed_at:%Y}-{number:03d}", one.metric, codes[one.agency], one.field, str(one.amount),
                    day_text(one.effective_date), f"{one.signed_at:%d/%m/%Y %H:%M}", one.signer_position,
                    one.signer_agency, one.document, one.reason,
                ))  # fmt: skip
        text = "".join("\t".join(row) + "\r\n" for row in rows)
        content = b"\xff\xfe" + text.encode("utf-16-le")
        found.append(Export("one_stop", "adjustments", f"adjustments_{last:%Y%m%d}.txt", content, last))
        first = last + timedelta(days=1)
    return found
