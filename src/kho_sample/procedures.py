"""The procedures that units offer, and the lists of them: HTML tables named .xls, one per unit and quarter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from html import escape
from importlib import resources
from random import Random

import yaml

from kho_sample.agencies import Agency
from kho_sample.export import ROWS_PER_SPOILED, Export
from kho_sample.levels import Group, Levels, LevelTotals
from kho_sample.section import AnyLevel, Level
from kho_sample.system import Place
from kho_sample.working_days import quarter_starts

#: the legal texts of some fields; of others that on one-stop desks
BASES = {
    "CT": "Nghị định 23/2015/NĐ-CP",
    "HT": "Luật Hộ tịch 60/2014/QH13",
    "DD": "Luật Đất đai 45/2013/QH13",
}
GROUPS: dict[Group, str] = {
    "own_authority": "Thuộc thẩm quyền",
    "military": "Quân sự",
    "district_land_received_at_commune": "Đất đai cấp huyện tiếp nhận tại xã",
}
AUTHORITIES: dict[AnyLevel, str] = {"province": "Cấp tỉnh", "district": "Cấp huyện", "commune": "Cấp xã"}
#: when provinces and communes became the only levels, and when online levels became words
MERGER, LEVELS_BY_WORDS = date(2025, 7, 1), date(2026, 7, 1)
ACTS = ("Đăng ký", "Cấp", "Cấp lại", "Thay đổi", "Xác nhận", "Gia hạn", "Thẩm định", "Điều chỉnh", "Thu hồi")
LAND, MILITARY = "DD", "QS"


@dataclass
class Procedure:
    """One procedure at one level. `online` is its online level in the newest list, `online_before` in the older
    lists; None where a list does not hold it."""

    code: str
    name: str
    field: dict
    group: Group
    online: int | None
    online_before: int | None
    days: int
    weight: float
    is_announced_for_post: bool = False
    is_rare: bool = False  # nobody asks for it in the sample
    missing_at: set[str] = field(default_factory=set)  # codes of communes that do not offer it


@dataclass(frozen=True)
class Catalogue:
    """Everything offered, by level, and the dates of the lists."""

    procedures: Mapping[AnyLevel, list[Procedure]]
    lists: list[date]

    def online_level(self, procedure: Procedure, day: date) -> int | None:
        """Online level by the list in force on a day."""
        return procedure.online if day >= self.lists[-1] else procedure.online_before


def fields() -> list[dict]:
    return yaml.safe_load(resources.files("kho_sample").joinpath("fields.yaml").read_text(encoding="utf-8"))


@lru_cache(maxsize=1)
def catalogue(place: Place) -> Catalogue:
    """Invent procedures that add up to the totals in the newest lists; older lists differ a little."""
    totals, rng = place.levels, Random(f"{place.seed} procedures")
    lists = quarter_starts(totals.period.start, totals.period.end)
    if not lists:
        raise ValueError("the period must hold the first day of a quarter: procedures are listed on that day")
    invent = Inventor(rng)
    district = _district(totals, invent, rng)
    communes = [agency for agency in place.units if agency.level == "commune"]
    commune = _commune(totals, invent, rng, district)
    for level, procedures in (("district", district), ("commune", commune)):
        _announce(procedures, totals.level(level), rng)
        _vary(procedures, communes, invent, rng, has_older=len(lists) > 1)
    return Catalogue({"district": district, "commune": commune}, lists)


class Inventor:
    """Makes procedures with unused codes and names."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._numbers = iter(rng.sample(range(100, 12000), 8000))
        self._names: Counter[str] = Counter()
        self._fields = {entry["code"]: entry for entry in fields()}

    def __call__(self, field_code: str, group: Group, online: int) -> Procedure:
        rng, entry = self._rng, self._fields[field_code]
        name = f"{rng.choice(ACTS)} {rng.choice(entry['subjects'])}"
        self._names[name] += 1
        if self._names[name] > 1:
            name = f"{name} (trường hợp {self._names[name]})"
        code = f"{rng.choice('12')}.{next(self._numbers):06d}"
        weight = entry["weight"] * rng.uniform(0.2, 1.8)
        return Procedure(code, name, entry, group, online, online, rng.randint(*entry["days"]), weight)


def _online_levels(totals: Levels, level: Level) -> list[int]:
    told = totals.level(level)
    four, three = told.procedures_online_level_4, told.procedures_online_level_3
    rest = sum(told.procedures_on_one_stop.values()) - three - four
    return [4] * four + [3] * three + [2] * rest


def _field_codes(level: Level) -> list[str]:
    return [entry["code"] for entry in fields() if level in entry["levels"] and entry["code"] != MILITARY]


def _district(totals: Levels, invent: Inventor, rng: Random) -> list[Procedure]:
    levels = _online_levels(totals, "district")
    rng.shuffle(levels)
    # One procedure in four concerns land: communes receive for some of those.
    codes = _field_codes("district")
    return [
        invent(LAND if n % 4 == 0 else codes[n % len(codes)], "own_authority", online)
        for n, online in enumerate(levels)
    ]


def _commune(totals: Levels, invent: Inventor, rng: Random, district: list[Procedure]) -> list[Procedure]:
    groups = totals.commune.procedures_on_one_stop
    free = Counter(_online_levels(totals, "commune"))
    found: list[Procedure] = []
    # The land procedures that communes receive for are the district's own: same code, same name, same level.
    shared = iter([procedure for procedure in district if procedure.field["code"] == LAND])
    land: Group = "district_land_received_at_commune"
    while len(found) < groups.get(land, 0):
        twin = next(shared, None)
        if twin is None:
            break
        if free[twin.online]:
            free[twin.online] -= 1
            found.append(
                Procedure(
                    twin.code,
                    twin.name,
                    twin.field,
                    land,
                    twin.online,
                    twin.online,
                    twin.days,
                    twin.weight / 8,
                )
            )
    levels = list(free.elements())
    rng.shuffle(levels)
    # Fields with late dossiers come first: they need a procedure however small the sample is.
    late = {one.field for one in totals.dossiers_late_on_software}
    codes = sorted(_field_codes("commune"), key=lambda code: code not in late)
    own = groups.get("own_authority", 0)
    for n, online in enumerate(levels):
        if n < own:
            found.append(invent(codes[n % len(codes)], "own_authority", online))
        elif n < own + groups.get("military", 0):
            found.append(invent(MILITARY, "military", online))
        else:
            found.append(invent(LAND, land, online))
    return found


def _announce(procedures: list[Procedure], told: LevelTotals, rng: Random) -> None:
    """Announce procedures for post: of online level 4 in the share that dossiers have, as far as there are some."""
    own = [procedure for procedure in procedures if procedure.group == "own_authority"]
    four = [procedure for procedure in own if procedure.online == 4]
    other = [procedure for procedure in own if procedure.online != 4]
    wanted = told.procedures_announced_for_post
    share = told.dossiers_of_level_4_procedures / max(1, told.dossiers_received)
    least, most = max(0, wanted - len(other)), min(wanted, len(four))
    of_four = min(most, max(least, round(wanted * share)))
    for procedure in rng.sample(four, of_four) + rng.sample(other, wanted - of_four):
        procedure.is_announced_for_post = True


def _vary(
    procedures: list[Procedure], communes: list[Agency], invent: Inventor, rng: Random, has_older: bool
) -> None:
    """Make some procedures rare, and the older lists different from the newest."""
    plain = [
        procedure
        for procedure in procedures
        if procedure.group == "own_authority" and not procedure.is_announced_for_post
    ]
    low = [procedure for procedure in plain if procedure.online == 2]
    rare = rng.sample(low, len(low) // 4)
    for procedure in rare:
        procedure.is_rare = True
        if communes and procedure.code:
            procedure.missing_at = {rng.choice(communes).code}
    if not has_older:
        return
    four = [procedure for procedure in plain if procedure.online == 4]
    for procedure in rng.sample(four, len(four) // 20):
        procedure.online_before = 3  # raised to level 4 since
    for procedure in rare[: len(rare) // 4]:
        procedure.online_before = None  # new
    if len(procedures) > ROWS_PER_SPOILED:
        gone = invent("CT", "own_authority", 2)
        gone.online = None  # abolished since
        gone.is_rare = True
        procedures.append(gone)


HEADER = """<tr><th rowspan="3">STT</th><th rowspan="3">Mã định danh</th><th colspan="5">Thủ tục hành chính</th>\
<th colspan="2">Dịch vụ công trực tuyến</th><th>Bưu chính công ích</th><th colspan="7">Theo quyết định công bố</th></tr>
<tr><th rowspan="2">Mã TTHC</th><th rowspan="2">Tên thủ tục hành chính</th><th colspan="2">Lĩnh vực</th>\
<th rowspan="2">Nhóm thủ tục</th><th rowspan="2">Mức độ</th><th rowspan="2">Theo quy định</th>\
<th rowspan="2">Công bố BCCI</th><th rowspan="2">Thời gian giải quyết</th><th rowspan="2">Cấp thực hiện</th>\
<th rowspan="2">Căn cứ pháp lý</th><th rowspan="2">Ngày quyết định công bố</th><th rowspan="2">Ngày công khai</th>\
<th rowspan="2">Có phí, lệ phí</th><th rowspan="2">Đủ điều kiện toàn trình</th></tr>
<tr><th>Mã lĩnh vực</th><th>Tên lĩnh vực</th></tr>"""


def exports(told: Levels, place: Place) -> list[Export]:
    """The list of every unit (the district as one unit, each commune) at the start of every quarter."""
    return lists_of(catalogue(place), place.units, Random(f"{place.seed} procedure lists"))


def lists_of(offered: Catalogue, agencies: Sequence[Agency], rng: Random) -> list[Export]:
    """The lists of the first unit and of the communes."""
    found = []
    for day in offered.lists:
        for agency in agencies:
            if agency.level == "commune" or agency is agencies[0]:
                content = _table(offered, agency, day, rng).encode()
                name = f"procedures_{agency.leaf_first}_{day:%Y%m%d}.xls"
                found.append(Export("one_stop", "procedures", name, content, day))
    return found


def _table(offered: Catalogue, agency: Agency, day: date, rng: Random) -> str:
    here = [
        procedure
        for procedure in offered.procedures[agency.level]
        if offered.online_level(procedure, day) and agency.code not in procedure.missing_at
    ]
    here.sort(key=lambda one: (list(GROUPS).index(one.group), one.field["name"], one.name))
    rows = [_row(offered, procedure, agency, day) for procedure in here]
    if day < offered.lists[-1]:  # the newest lists are sound
        rows = _spoiled(rows, here, rng)
    lines, section, numbers = [], None, 0
    for procedure, row in rows:
        if procedure.field["name"] != section:
            section, numbers = procedure.field["name"], numbers + 1
            lines.append(
                f'<tr><td><b>{_roman(numbers)}</b></td><td colspan="16"><b>{escape(section)}</b></td></tr>'
            )
        lines.append(
            "<tr>"
            + "".join(f"<td>{escape(cell)}</td>" for cell in [str(len(lines) + 1 - numbers), *row])
            + "</tr>"
        )
    total = (
        f'<tr><td colspan="3"><b>Tổng cộng</b></td><td>{len(here)} thủ tục</td><td colspan="13"></td></tr>'
    )
    return (
        '<html xmlns:x="urn:schemas-microsoft-com:office:excel">\n<head><meta charset="utf-8"></head>\n<body>\n'
        f"<h3>DANH MỤC THỦ TỤC HÀNH CHÍNH<br>{escape(agency.name)}, ngày {day:%d/%m/%Y}</h3>\n"
        f'<table border="1">\n{HEADER}\n' + "\n".join(lines) + f"\n{total}\n</table>\n</body>\n</html>\n"
    )


def _row(offered: Catalogue, procedure: Procedure, agency: Agency, day: date) -> tuple[Procedure, list[str]]:
    # Every third procedure is listed with the suffix of the province.
    suffix = f".000.00.00.{agency.code[:3]}" if int(procedure.code[-1]) % 3 == 0 else ""
    return procedure, [
        agency.leaf_first,
        procedure.code + suffix,
        procedure.name,
        procedure.field["code"],
        procedure.field["name"],
        GROUPS[procedure.group],
        *_level(offered.online_level(procedure, day), day),
        "x" if procedure.is_announced_for_post else "",
        *_announced(procedure, agency, day),
    ]


def _level(online: int | None, day: date) -> list[str]:
    """The online level as lists of a day spell it, and the decree that defines it."""
    if day < LEVELS_BY_WORDS:
        return [str(online), "NĐ 43/2011"]
    return ["toàn trình" if online == 4 else "một phần", "NĐ 224/2026"]


def _announced(procedure: Procedure, agency: Agency, day: date) -> list[str]:
    """What the decision says that announces the procedure: the same in all lists of a level."""
    rng = Random(f"{procedure.code} decision")
    takes = f"{procedure.days} ngày làm việc" if procedure.days else rng.choice(["4 giờ", "Trong ngày"])
    is_districts = procedure.group == "district_land_received_at_commune"
    decided = date(day.year - 1, 1, 6) + timedelta(days=7 * rng.randint(0, 40))
    return [
        takes,
        AUTHORITIES["district" if is_districts else agency.level],
        "Nghị định 118/2025/NĐ-CP"
        if day >= MERGER
        else BASES.get(procedure.field["code"], "Nghị định 61/2018/NĐ-CP"),
        f"{decided:%d/%m/%Y}",
        f"{decided + timedelta(days=rng.randint(1, 9)):%d/%m/%Y}",
        "Có" if any(procedure.field["fees"]) else "Không",
        "Có" if procedure.online == 4 else "Không",
    ]


def _spoiled(rows: list, here: list[Procedure], rng: Random) -> list:
    """Break one row of a long list, of a procedure that nobody asks for, and repeat another row."""
    rare = [n for n, procedure in enumerate(here) if procedure.is_rare]
    if len(rows) < ROWS_PER_SPOILED or not rare:
        return rows
    n = rng.choice(rare)
    procedure, cells = rows[n]
    broken = rng.choice([
        [cells[0], cells[1].replace(".", ",", 1), *cells[2:]],  # a code that Excel took for a number
        [*cells[:6], "5", *cells[7:]],  # a level that does not exist
        cells[:6],  # a ragged row
    ])  # fmt: skip
    again = rng.choice(rare)
    return [*rows[:n], (procedure, broken), *rows[n + 1 : again], rows[again], *rows[again:]] if again > n else [
        *rows[:n], (procedure, broken), *rows[n + 1 :]
    ]  # fmt: skip


def _roman(number: int) -> str:
    text = ""
    for value, letters in ((10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")):
        text += letters * (number // value)
        number %= value
    return text
