"""The portal of Tiểu Cần, of another make: a SharePoint list as XML, site statistics as text, counters as a web page."""

from __future__ import annotations

from datetime import date
from html import escape
from random import Random
from xml.sax.saxutils import quoteattr

from kho_sample import portal_life
from kho_sample.export import Export, Line, spoil
from kho_sample.portal_life import Counters, Item, Portal
from kho_sample.section import Period
from kho_sample.system import Place, System
from kho_sample.working_days import month_ends

SITE = "tieucan.travinh.example"
TYPES = {"news": "Tin", "article": "Bài viết", "directive": "Văn bản chỉ đạo điều hành"}
# Moderation of a SharePoint list: 0 approved, 1 rejected, 2 pending.
STATUSES = {"published": "0", "unpublished": "1", "received": "2"}
TRAFFIC_HEADER = ("Site", "Day", "Number of visits", "Pages")


def exports(told: Portal, place: Place) -> list[Export]:
    """Items, visits and counters of the district's portal."""
    rng = Random(f"{place.seed} tieu_can_portal")
    lives = portal_life.items(told, place.period, place.units, rng)
    visited = portal_life.visits(told, place.period, 1, rng)
    return [
        *_items(lives, place.period, rng),
        *_traffic(visited, place.period, rng),
        *_counters(portal_life.counters(told, place.period, lives, visited)),
    ]


# The list of items


def _items(lives: list[list[Item]], period: Period, rng: Random) -> list[Export]:
    files = {
        last: [Line(str(item.number), _attributes(item)) for item in items]
        for last, items in portal_life.by_month(lives, period).items()
    }
    spoil(files, ITEM_SPOILERS, rng, lambda day: True, share=0.02)
    return [
        Export("tieu_can_portal", "items", f"TinBai_{last:%Y%m%d}.xml", rowset(lines), last)
        for last, lines in files.items()
    ]


def _attributes(item: Item) -> dict[str, str]:
    """A row as the software spells it: what has no value is left out, people and units are looked up elsewhere."""
    found = {
        "ows_ID": str(item.number),
        "ows_Site": SITE,
        "ows_ContentType": TYPES[item.kind],
        "ows_ChuyenMuc": item.section,
        "ows_Title": item.title,
        "ows_Author": f"{10 + item.number % 7};#{item.author}",
        "ows__ModerationStatus": STATUSES[item.status],
        "ows_SoAnh": str(item.photos),
        "ows_Created": f"{item.received_at:%Y-%m-%d %H:%M:%S}",
        "ows_Modified": f"{item.updated_at:%Y-%m-%d %H:%M:%S}",
    }
    if item.sent_by:
        found["ows_DonViGui"] = item.sent_by.code
    if item.published_at:
        found["ows_NgayDang"] = f"{item.published_at:%Y-%m-%d %H:%M:%S}"
    return found


def rowset(lines: list[Line]) -> bytes:
    """The XML of a list: an element a row, its cells as attributes."""
    rows = "".join(
        "   <z:row" + "".join(f" {name}={quoteattr(value)}" for name, value in line.values.items()) + "/>\n"
        for line in lines
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        "<xml xmlns:s='uuid:BDC6E3F0-6DA3-11d1-A2A3-00AA00C14882' xmlns:rs='urn:schemas-microsoft-com:rowset'"
        " xmlns:z='#RowsetSchema'>\n"
        f'<rs:data ItemCount="{len(lines)}">\n{rows}</rs:data>\n</xml>\n'
    ).encode()


def _set(name: str, value: str):
    return lambda rng, row: {**row, name: value}


def _drop(name: str):
    return lambda rng, row: {key: value for key, value in row.items() if key != name}


ITEM_SPOILERS = (
    _set("ows_SoAnh", "2,5"),
    _set("ows_Created", "2017-02-31 08:15:00"),
    _set("ows__ModerationStatus", "9"),
    _drop("ows_Modified"),
)


# The site's statistics: all of it, by day


def _traffic(visited: dict[date, list[int]], period: Period, rng: Random) -> list[Export]:
    files: dict[date, list[Line]] = {last: [] for last in month_ends(period.start, period.end)}
    for day, (visits,) in visited.items():
        pages = int(visits * rng.uniform(1.5, 4))
        values = [SITE, f"{day:%Y/%m/%d}", str(visits), str(pages)]
        files[next(last for last in files if day <= last)].append(Line(str(day), values))
    found = []
    for last, lines in files.items():
        text = "".join(
            "\t".join(cells) + "\n" for cells in (TRAFFIC_HEADER, *(line.values for line in lines))
        )
        found.append(Export("tieu_can_portal", "traffic", f"awstats_{last:%Y%m%d}.txt", text.encode(), last))
    return found


# The counters: a page of the portal's administration, saved from the browser


def _counters(shown: list[Counters]) -> list[Export]:
    return [
        Export("tieu_can_portal", "counters", f"ThongKe_{at.day:%Y%m%d}.xls", page(at), at.day)
        for at in shown
    ]


def page(at: Counters) -> bytes:
    """The page as a browser saves it: all counters in one row below a header of two."""
    groups = (("Tin bài", at.items), ("Ảnh", at.photos), ("Lượt truy cập", at.visits))
    above = "".join(f'<th colspan="2">{name}</th>' for name, _ in groups)
    below = "".join(f"<th>{name} trong năm</th><th>{name} từ khi hoạt động</th>" for name, _ in groups)
    cells = "".join(f"<td>{_spaced(number)}</td>" for _, pair in groups for number in pair)
    return (
        '<html><head><meta charset="utf-8"></head><body>\n'
        f"<h3>Thống kê trang {escape(SITE)}</h3>\n<table border='1'>\n"
        f"<tr><th rowspan='2'>Trang</th><th rowspan='2'>Đến ngày</th>{above}</tr>\n<tr>{below}</tr>\n"
        f"<tr><td>{escape(SITE)}</td><td>{at.day:%d-%m-%Y}</td>{cells}</tr>\n</table></body></html>\n"
    ).encode()


def _spaced(number: int) -> str:
    return f"{number:,}".replace(",", ".")


SYSTEM = System(
    "tieu_can_portal",
    {"portal of Tiểu Cần": exports},
    section="tieu_can_portal",
    told_as=Portal,
    served=("sftp",),
)
