"""The province's register of digital certificates: the whole of it at the end of every month."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from kho_sample import people
from kho_sample.agencies import Agency
from kho_sample.export import Export
from kho_sample.section import Count, Period, Section
from kho_sample.sheet import workbook
from kho_sample.system import Place, System
from kho_sample.working_days import month_ends

HEADER = (
    ("STT", "Mã định danh", "Tên đơn vị", "Số sê-ri", "Loại chứng thư", "Chủ thể", "Đơn vị cấp", "Thời hạn", "", "Tình trạng"),
    ("", "", "", "", "", "", "", "Từ ngày", "Đến ngày", ""),
)  # fmt: skip
ISSUERS = ("Ban Cơ yếu Chính phủ", "VNPT-CA", "Viettel-CA")
VALID_DAYS = 730
#: a unit asks for the next one that long before the old one expires: the list between the two has both
RENEWAL_DAYS = 40


class Certificates(Section):
    """Who has no valid certificate at the end, by name; every other unit has one of its own, and some people, too."""

    units_without_digital_certificate: list[str]
    people_with_digital_certificate: Count


@dataclass(frozen=True)
class Certificate:
    """One certificate. `revoked` is when it was taken back, if it was."""

    unit: Agency
    serial: str
    is_personal: bool
    holder: str
    issuer: str
    issued: date
    revoked: date | None = None

    @property
    def expires(self) -> date:
        return self.issued + timedelta(days=VALID_DAYS)

    def status(self, on: date) -> str:
        """As the register calls it."""
        if self.revoked and self.revoked <= on:
            return "Thu hồi"
        return "Hết hạn" if self.expires < on else "Đang hiệu lực"


def exports(told: Certificates, place: Place) -> list[Export]:
    """The register of every month. A row of every list but the last is wrong."""
    rng = Random(f"{place.seed} certificates")
    names = {unit.name for unit in place.units}
    if unknown := [name for name in told.units_without_digital_certificate if name not in names]:
        raise LookupError(f"no agency is named {unknown[0]}: spell agencies as the seed agencies.csv does")
    issued = _issued(told, place.period, place.units, rng)
    lists = month_ends(place.period.start, place.period.end)
    return [
        Export(
            "certificates",
            "register",
            f"register_{day:%Y%m%d}.xlsx",
            _list(issued, place.units[0], day, spoiled),
            day,
        )
        for day, spoiled in zip(lists, [*(rng.choice(SPOILED) for _ in lists[1:]), None], strict=True)
    ]


def _issued(told: Certificates, period: Period, units: Sequence[Agency], rng: Random) -> list[Certificate]:
    def one(unit: Agency, issued: date, holder: str, revoked: date | None = None) -> Certificate:
        return Certificate(
            unit, f"{rng.getrandbits(96):024X}", holder != unit.name, holder,
            rng.choice(ISSUERS), issued, revoked,
        )  # fmt: skip

    found = []
    for unit in units:
        if unit.name in told.units_without_digital_certificate:
            # It had one, which expired soon after the period began.
            found.append(
                one(unit, period.start - timedelta(days=VALID_DAYS - rng.randint(20, 60)), unit.name)
            )
            continue
        issued = period.start - timedelta(days=rng.randint(30, VALID_DAYS - 30))
        found.append(one(unit, issued, unit.name))
        if found[-1].expires <= period.end:
            found.append(one(unit, found[-1].expires - timedelta(days=RENEWAL_DAYS), unit.name))
    for n in range(told.people_with_digital_certificate):
        issued = period.start - timedelta(days=rng.randint(0, 300))
        revoked = period.start + timedelta(days=rng.randint(10, 200)) if n % 12 == 5 else None
        found.append(one(units[n % len(units)], issued, people.name(rng), revoked))
    return found


def _list(issued: list[Certificate], district: Agency, on: date, spoiled: tuple[int, str] | None) -> bytes:
    rows: list[list[object]] = [
        [f"ỦY BAN NHÂN DÂN {district.name.upper()}"],
        [f"DANH SÁCH CHỨNG THƯ SỐ ĐẾN NGÀY {on:%d/%m/%Y}"],
        [],
        *map(list, HEADER),
    ]
    merged = [(3, column, 4, column) for column in (*range(7), 9)] + [(3, 7, 3, 8)]
    number = 0
    for numeral, title, level in (("I", "Cấp huyện", "district"), ("II", "Cấp xã", "commune")):
        rows.append([numeral, title])
        for each in issued:
            if each.unit.level == level and each.issued <= on:
                number += 1
                rows.append([
                    number, each.unit.code, each.unit.name, each.serial, "Cá nhân" if each.is_personal else "Tổ chức",
                    each.holder, each.issuer, each.issued, each.expires, each.status(on),
                ])  # fmt: skip
    if spoiled:
        column, text = spoiled
        rows[-1][column] = text
    rows += [["Tổng cộng", f"{number} chứng thư"], ["Ghi chú: số liệu do đơn vị quản trị cung cấp"]]
    return workbook("Chứng thư số", on, rows, merged)


#: column and what stands there in a wrong row
SPOILED = ((8, "31/02/2018"), (3, "chưa rõ"), (9, "Còn hạn"), (1, "12"))


SYSTEM = System("certificates", {"certificates": exports}, section="certificates", told_as=Certificates)
