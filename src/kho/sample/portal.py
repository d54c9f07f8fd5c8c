"""The portal: its items by month, and its daily visit counters."""

from __future__ import annotations

import json
from datetime import date, datetime, time, timedelta
from random import Random

from kho import people
from kho.formats.encodings import windows_1258
from kho.sample.agencies import Agency
from kho.sample.export import Export, Line, control, crlf_csv, spoil
from kho.sample.totals import Totals
from kho.sample.working_days import SATURDAY, WorkingDays, month_ends

SECTIONS = (
    "Tin tức – Sự kiện", "Văn hóa – Xã hội", "Kinh tế", "Quốc phòng – An ninh", "Cải cách hành chính",
    "Chuyển đổi số", "Thông báo",
)  # fmt: skip
TRAFFIC_SECTIONS = (*SECTIONS, "Trang chủ", "Dịch vụ công")
TRAFFIC_HEADER = ("Ngày", "Mã đơn vị", "Chuyên mục", "Lượt truy cập", "Lượt xem trang")


def exports(totals: Totals, agencies: list[Agency], seed: int) -> list[Export]:
    """Items and visits of the district's portal."""
    return _items(totals, agencies[0], Random(f"{seed} items")) + _traffic(
        totals, agencies[0], Random(f"{seed} traffic")
    )


def _items(totals: Totals, district: Agency, rng: Random) -> list[Export]:
    days = WorkingDays(totals.period)
    months = month_ends(days.start, days.end)
    files: dict[date, list[Line]] = {last: [] for last in months}
    count = totals.district.portal_items_received
    received = sorted(
        datetime.combine(day, time(rng.randint(7, 16), rng.randrange(60), rng.randrange(60)))
        for day in rng.choices(days.within, k=count)
    )
    end = datetime.combine(days.end, time(17))
    # The last ones sent in are the likeliest still to wait.
    order = sorted(range(count), key=lambda n: rng.random() * count + n / 2)
    published = set(order[: totals.district.portal_items_published])
    for n, moment in enumerate(received):
        code = f"TB{moment:%y}{n + 1:05d}"
        item = {
            "id": code,
            "unit": district.code,
            "section": rng.choice(SECTIONS),
            "type": rng.choice(("news", "news", "article")),
            "title": f"Tin mẫu số {n + 1}: {rng.choice(('hội nghị', 'tập huấn', 'gương sáng', 'kế hoạch'))}",
            "author": people.name(rng),
            "status": "received",
            "photos": rng.randint(0, 6),
            "received_at": _stamp(moment),
            "published_at": None,
            "updated_at": _stamp(moment),
        }
        states = [(moment, item)]
        if n in published:
            appeared = min(moment + timedelta(hours=rng.choice((2, 5, 20, 30, 70, 200))), end)
            item = {
                **item,
                "status": "published",
                "published_at": _stamp(appeared),
                "updated_at": _stamp(appeared),
            }
            states.append((appeared, item))
            corrected = appeared + timedelta(days=rng.randint(1, 30), hours=1)
            if rng.random() < 0.1 and corrected < end:
                states.append(
                    (corrected, {**item, "photos": item["photos"] + 1, "updated_at": _stamp(corrected)})
                )
        elif rng.random() < 0.3 and (turned_down := moment + timedelta(days=3)) < end:
            states.append((turned_down, {**item, "status": "unpublished", "updated_at": _stamp(turned_down)}))
        newest = {next(last for last in months if when.date() <= last): state for when, state in states}
        for last, state in newest.items():
            files[last].append(Line(code, state))
    spoil(files, ITEM_SPOILERS, rng, lambda day: True, share=0.02)
    return [
        Export(
            "portal",
            "items",
            f"items_{last:%Y%m%d}.json",
            json.dumps({"items": [line.values for line in lines]}, ensure_ascii=False, indent=1).encode(),
            last,
        )
        for last, lines in files.items()
    ]


def _stamp(moment: datetime) -> str:
    return f"{moment.isoformat()}+07:00"


def _set(name: str, value: object):
    return lambda rng, item: {**item, name: value}


ITEM_SPOILERS = (
    _set("photos", "mười"),
    _set("updated_at", "2021-02-31T08:15:00+07:00"),
    _set("status", "nháp"),
    _set("received_at", None),
)


def _traffic(totals: Totals, district: Agency, rng: Random) -> list[Export]:
    """Daily visits of every section; visits are invented, no total tells them."""
    start, found_first = totals.period.start, totals.period.start
    months = month_ends(start, totals.period.end)
    files: dict[date, list[Line]] = {}
    for last in months:
        lines = files[last] = []
        for n in range((last - found_first).days + 1):
            day = found_first + timedelta(days=n)
            for section in TRAFFIC_SECTIONS:
                visits = int(rng.uniform(40, 900) * (1 if day.weekday() < SATURDAY else 0.4))
                views = int(visits * rng.uniform(1.2, 3.5))
                values = [f"{day:%d/%m/%Y}", district.code, section, _dotted(visits), _dotted(views)]
                lines.append(Line(f"{day}|{section}", values))
        found_first = last + timedelta(days=1)
    spoil(files, TRAFFIC_SPOILERS, rng, lambda day: True)
    found = []
    for last, lines in files.items():
        text = crlf_csv([list(TRAFFIC_HEADER), *(line.values for line in lines)])
        file = Export("portal", "traffic", f"traffic_{last:%Y%m%d}.csv", windows_1258(text), last)
        found += [file, control(file, len(lines))]
    return found


def _dotted(number: int) -> str:
    return f"{number:,}".replace(",", ".")


def _put(position: int, value: str):
    return lambda rng, cells: [*cells[:position], value, *cells[position + 1 :]]


TRAFFIC_SPOILERS = (
    _put(0, "31/02/2021"),
    _put(3, "12.34"),
    _put(4, "-5"),
    lambda rng, cells: cells[:3],
)
