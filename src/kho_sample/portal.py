"""The portal of Long Phú: its items by month, its daily visits, and its monthly counters."""

from __future__ import annotations

import json
from datetime import date, datetime
from random import Random

from kho.formats.encodings import windows_1258
from kho_sample import portal_life
from kho_sample.export import Export, Line, control, crlf_csv, spoil
from kho_sample.portal_life import TRAFFIC_SECTIONS, Counters, Item, Portal
from kho_sample.section import Period
from kho_sample.system import Place, System
from kho_sample.working_days import month_ends

TRAFFIC_HEADER = ("Ngày", "Mã đơn vị", "Chuyên mục", "Lượt truy cập", "Lượt xem trang")


def exports(told: Portal, place: Place) -> list[Export]:
    """Items, visits and counters of the district's portal."""
    code, rng = place.units[0].code, Random(f"{place.seed} items")
    lives = portal_life.items(told, place.period, place.units, rng)
    traffic = Random(f"{place.seed} traffic")
    visited = portal_life.visits(told, place.period, len(TRAFFIC_SECTIONS), traffic)
    return [
        *_items(code, lives, place.period, rng),
        *_traffic(code, visited, place.period, traffic),
        *_counters(code, portal_life.counters(told, place.period, lives, visited)),
    ]


def _items(code: str, lives: list[list[Item]], period: Period, rng: Random) -> list[Export]:
    files = {
        last: [Line(str(item.number), _record(code, item)) for item in items]
        for last, items in portal_life.by_month(lives, period).items()
    }
    spoil(files, ITEM_SPOILERS, rng, lambda day: True, share=0.02)
    return [
        _document("items", last, [line.values for line in lines]) for last, lines in files.items()
    ]  # fmt: skip


def _record(code: str, item: Item) -> dict[str, object]:
    return {
        "id": f"TB{item.received_at:%y}{item.number:05d}",
        "unit": code,
        "sent_by": item.sent_by and item.sent_by.code,
        "section": item.section,
        "type": item.kind,
        "title": item.title,
        "author": item.author,
        "status": item.status,
        "photos": item.photos,
        "received_at": _stamp(item.received_at),
        "published_at": item.published_at and _stamp(item.published_at),
        "updated_at": _stamp(item.updated_at),
    }


def _stamp(moment: datetime) -> str:
    return f"{moment.isoformat()}+07:00"


def _document(entity: str, last: date, records: list[object]) -> Export:
    text = json.dumps({"items": records}, ensure_ascii=False, indent=1)
    return Export("portal", entity, f"{entity}_{last:%Y%m%d}.json", text.encode(), last)


def _set(name: str, value: object):
    return lambda rng, item: {**item, name: value}


ITEM_SPOILERS = (
    _set("photos", "mười"),
    _set("updated_at", "2021-02-31T08:15:00+07:00"),
    _set("status", "nháp"),
    _set("received_at", None),
)


def _traffic(code: str, visited: dict[date, list[int]], period: Period, rng: Random) -> list[Export]:
    files: dict[date, list[Line]] = {last: [] for last in month_ends(period.start, period.end)}
    for day, parts in visited.items():
        lines = files[next(last for last in files if day <= last)]
        for section, visits in zip(TRAFFIC_SECTIONS, parts, strict=True):
            views = int(visits * rng.uniform(1.2, 3.5))
            values = [f"{day:%d/%m/%Y}", code, section, _dotted(visits), _dotted(views)]
            lines.append(Line(f"{day}|{section}", values))
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


def _counters(code: str, shown: list[Counters]) -> list[Export]:
    return [
        _document("counters", at.day, [
            {"unit": code, "as_of": at.day.isoformat(), "counter": name, "year_to_date": year, "since_opening": ever}
            for name, (year, ever) in (("items", at.items), ("photos", at.photos), ("visits", at.visits))
        ])
        for at in shown
    ]  # fmt: skip


SYSTEM = System("portal", {"portal": exports}, section="portal", told_as=Portal, served=("sftp", "api"))
