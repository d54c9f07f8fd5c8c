"""Accounting: the spending on information technology of the year so far, at the end of every month."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from random import Random

from kho_sample import people
from kho_sample.agencies import Agency
from kho_sample.export import Export
from kho_sample.section import Count, Period, Section
from kho_sample.shares import shares
from kho_sample.sheet import workbook
from kho_sample.system import Place, System
from kho_sample.working_days import WorkingDays, month_ends

HEADER = ("STT", "Ngày hạch toán", "Số chứng từ", "Diễn giải", "Tiểu mục", "Số tiền", "Mã định danh")
#: sub-items with their items, names, what the entries say, and how much of the money they take
ITEMS = (
    ("6605", "Mục 6600: Thông tin, tuyên truyền, liên lạc", "Cước internet tháng", 3),
    ("6912", "Mục 6900: Sửa chữa, duy tu tài sản", "Sửa máy in, máy tính cho ông {name}", 2),
    ("6956", "Mục 6950: Mua sắm tài sản phục vụ chuyên môn", "Mua máy tính xách tay cho bà {name}", 5),
    ("7053", "Mục 7000: Chi phí nghiệp vụ chuyên môn", "Bảo trì phần mềm", 2),
)  # fmt: skip
THOUSAND, THOUSANDS_PER_MILLION = 1000, 1000
#: a list of fewer rows has no wrong one: it would be held
ROWS_TO_SPOIL = 25


class Misa(Section):
    """Million dong spent from the year's start to the period's end, and how many entries tell of it."""

    it_spending: Count
    entries: Count


@dataclass(frozen=True)
class Entry:
    """One line of the books. `until` is the last day on which it is there, when it is taken back later."""

    posted: date
    voucher: str
    narration: str
    sub_item: str
    amount: int
    until: date | None = None


def exports(told: Misa, place: Place) -> list[Export]:
    """The books of the district's own budget. A row of larger lists is wrong, but for the last one."""
    rng = Random(f"{place.seed} misa")
    entries = _entries(told, place.period, rng)
    months = month_ends(place.period.start, place.period.end)
    found = []
    for last in months:
        now = [
            entry for entry in entries if entry.posted <= last and not (entry.until and entry.until < last)
        ]
        spoiled = rng.choice(SPOILED) if last != months[-1] and len(now) >= ROWS_TO_SPOIL else None
        found.append(
            Export(
                "misa",
                "spending",
                f"spending_{last:%Y%m%d}.xlsx",
                _list(now, place.units[0], last, spoiled),
                last,
            )
        )
    return found


def _entries(told: Misa, period: Period, rng: Random) -> list[Entry]:
    days = WorkingDays(period)
    kinds = [ITEMS[n % len(ITEMS)] for n in range(told.entries)]
    amounts = shares(
        told.it_spending * THOUSANDS_PER_MILLION, [weight * rng.uniform(0.5, 1.5) for *_, weight in kinds]
    )
    found = []
    posted = sorted(rng.choices(days.within, k=told.entries))
    for n, (day, (sub_item, _, says, _), amount) in enumerate(
        zip(posted, kinds, amounts, strict=True), start=1
    ):
        found.append(
            Entry(day, f"PC{n:05d}", says.format(name=people.name(rng)), sub_item, amount * THOUSAND)
        )
    # Booked twice and set right by a negative entry; and one that was a mistake, gone from later lists.
    for entry in found[5:6]:
        twice = replace(entry, voucher="PC80001")
        found += [
            twice,
            replace(twice, voucher="GT80001", narration="Ghi giảm do hạch toán trùng", amount=-entry.amount),
        ]
    followed = month_ends(period.start, period.end)[:-1]
    for entry in found[2:3]:
        if until := next((last for last in followed if entry.posted <= last), None):
            found.append(replace(entry, voucher="PC80002", until=until))
    return found


def _list(entries: list[Entry], district: Agency, last: date, spoiled: tuple[int, str] | None) -> bytes:
    rows: list[list[object]] = [
        [f"Đơn vị: {district.name}"],
        ["SỔ CHI TIẾT CHI CÔNG NGHỆ THÔNG TIN"],
        [f"Từ ngày 01/01/{last.year} đến ngày {last:%d/%m/%Y}"],
        [],
        list(HEADER),
        *_lines(entries, district),
    ]
    if spoiled:
        wrong = max(n for n, row in enumerate(rows) if isinstance(row[0] if row else "", int))
        rows[wrong][spoiled[0]] = spoiled[1]
    rows += [
        ["Tổng cộng", "", "", "", "", sum(entry.amount for entry in entries)],
        ["Người lập biểu", "", "", "Kế toán trưởng", "", "Thủ trưởng đơn vị"],
    ]
    return workbook("S61-H", last, rows)


def _lines(entries: list[Entry], district: Agency) -> Iterator[list[object]]:
    number = 0
    for sub_item, title, *_ in ITEMS:
        some = [entry for entry in entries if entry.sub_item == sub_item]
        if not some:
            continue
        yield [title]
        for entry in sorted(some, key=lambda entry: (entry.posted, entry.voucher)):
            number += 1
            yield [
                number, entry.posted, entry.voucher, entry.narration, entry.sub_item, entry.amount, district.code,
            ]  # fmt: skip
        yield [f"Cộng tiểu mục {sub_item}", "", "", "", "", sum(entry.amount for entry in some)]


#: column and what stands there in a wrong row
SPOILED = ((1, "31/04/2021"), (5, "1,5 triệu"), (4, "6699"))


SYSTEM = System("misa", {"accounting": exports}, section="misa", told_as=Misa)
