"""What happens on a district's portal: items sent in and published, visits, and what its counters say of both.

Each portal software spells this in its own way; see the modules that write its exports.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from math import ceil
from random import Random
from typing import Literal

from pydantic import model_validator

from kho_sample import people
from kho_sample.agencies import Agency
from kho_sample.section import Count, Period, Section
from kho_sample.shares import shares
from kho_sample.working_days import SATURDAY, WorkingDays, month_ends

Kind = Literal["news", "article", "directive"]
Status = Literal["received", "published", "unpublished"]

SECTIONS = (
    "Tin tức – Sự kiện", "Văn hóa – Xã hội", "Kinh tế", "Quốc phòng – An ninh", "Cải cách hành chính",
    "Chuyển đổi số", "Thông báo",
)  # fmt: skip
DIRECTIVES = "Văn bản chỉ đạo – điều hành"
TRAFFIC_SECTIONS = (*SECTIONS, "Trang chủ", "Dịch vụ công")
TOPICS = ("hội nghị", "tập huấn", "gương sáng", "kế hoạch")


class Portal(Section):
    """The totals of a portal, named as the metrics they become. Directive documents are no items."""

    portal_items_received: Count
    portal_items_published: dict[Literal["news", "article"], Count]
    portal_photos_published: Count
    portal_directive_documents_published: Count
    portal_items_published_cumulative: Count
    portal_photos_published_cumulative: Count
    portal_visits: Count
    portal_visits_cumulative: Count

    @property
    def published(self) -> int:
        """Items published in the period, of both kinds."""
        return sum(self.portal_items_published.values())

    @model_validator(mode="after")
    def _parts_fit_their_wholes(self) -> Portal:
        wholes = [
            ("portal_items_published", self.published, "portal_items_received", self.portal_items_received),
            ("portal_items_published", self.published, "portal_items_published_cumulative", self.portal_items_published_cumulative),
            ("portal_photos_published", self.portal_photos_published, "portal_photos_published_cumulative", self.portal_photos_published_cumulative),
            ("portal_visits", self.portal_visits, "portal_visits_cumulative", self.portal_visits_cumulative),
        ]  # fmt: skip
        for part, has, whole, limit in wholes:
            if has > limit:
                raise ValueError(f"{part} is {has}, more than {whole}, which is {limit}")
        if self.portal_photos_published and not self.published:
            raise ValueError("portal_photos_published must be 0 where no item is published")
        return self

    def scaled(self, factor: float) -> Portal:
        """The same portal at another size: none vanishes, and parts still fit their wholes."""
        published = {kind: ceil(count * factor) for kind, count in self.portal_items_published.items()}
        small = {name: ceil(value * factor) for name, value in self if name != "portal_items_published"}
        for whole in ("portal_items_received", "portal_items_published_cumulative"):
            small[whole] = max(small[whole], sum(published.values()))
        return Portal.model_validate(small | {"portal_items_published": published})


@dataclass(frozen=True)
class Item:
    """An item in one state. `sent_by` is the unit whose contributor sent it in; directives come from the office."""

    number: int
    kind: Kind
    section: str
    title: str
    author: str
    sent_by: Agency | None
    status: Status
    photos: int
    received_at: datetime
    published_at: datetime | None
    updated_at: datetime


@dataclass(frozen=True)
class Counters:
    """What the portal's counters show on the evening of `day`: since the start of the year, and since it opened."""

    day: date
    items: tuple[int, int]
    photos: tuple[int, int]
    visits: tuple[int, int]


def items(told: Portal, period: Period, units: Sequence[Agency], rng: Random) -> list[list[Item]]:
    """The states of every item, oldest first, in order of reception; the last ones add up to the totals."""
    days = WorkingDays(period)
    count = told.portal_items_received
    # The last ones sent in are the likeliest still to wait.
    order = sorted(range(count), key=lambda n: rng.random() * count + n / 2)
    kinds: dict[int, Kind] = {}
    left = iter(order)
    for kind, many in told.portal_items_published.items():
        kinds |= {next(left): kind for _ in range(many)}
    photos = dict(
        zip(kinds, shares(told.portal_photos_published, [rng.uniform(0.3, 2) for _ in kinds]), strict=True)
    )
    received = sorted(_moment(day, rng) for day in rng.choices(days.within, k=count))
    lives = [
        _life(n, moment, kinds.get(n), photos.get(n, 0), days, rng.choice(units[1:] or units), rng)
        for n, moment in enumerate(received)
    ]
    for day in sorted(rng.choices(days.within, k=told.portal_directive_documents_published)):
        moment = _moment(day, rng)
        title = f"Văn bản mẫu số {len(lives) + 1}: {rng.choice(TOPICS)}"
        lives.append(
            [
                Item(
                    len(lives) + 1, "directive", DIRECTIVES, title, people.name(rng), None,
                    "published", 0, moment, moment, moment,
                )
            ]
        )  # fmt: skip
    return lives


def _life(
    n: int, moment: datetime, kind: Kind | None, photos: int, days: WorkingDays, sent_by: Agency, rng: Random
) -> list[Item]:
    end = datetime.combine(days.end, time(17))
    first = Item(
        number=n + 1,
        kind=kind or rng.choice(("news", "news", "article")),
        section=rng.choice(SECTIONS),
        title=f"Tin mẫu số {n + 1}: {rng.choice(TOPICS)}",
        author=people.name(rng),
        sent_by=sent_by,
        status="received",
        photos=photos if kind else rng.randint(0, 6),
        received_at=moment,
        published_at=None,
        updated_at=moment,
    )
    if not kind:
        turned_down = moment + timedelta(days=3)
        if rng.random() < 0.3 and turned_down < end:
            return [first, replace(first, status="unpublished", updated_at=turned_down)]
        return [first]
    appeared = max(min(moment + timedelta(hours=rng.choice((2, 5, 20, 30, 70, 200))), end), moment)
    published = replace(first, status="published", published_at=appeared, updated_at=appeared)
    corrected = appeared + timedelta(days=rng.randint(1, 30), hours=1)
    if photos and rng.random() < 0.1 and corrected < end:
        # A photo more, found later.
        return [
            replace(first, photos=photos - 1),
            replace(published, photos=photos - 1),
            replace(published, updated_at=corrected),
        ]
    return [first, published]


def by_month(lives: list[list[Item]], period: Period) -> dict[date, list[Item]]:
    """Each item as it was when a month ended in which it changed, by the months' last days."""
    files: dict[date, list[Item]] = {last: [] for last in month_ends(period.start, period.end)}
    for life in lives:
        newest = {next(last for last in files if item.updated_at.date() <= last): item for item in life}
        for last, item in newest.items():
            files[last].append(item)
    return files


def visits(told: Portal, period: Period, places: int, rng: Random) -> dict[date, list[int]]:
    """Visits of every day at each of so many places of the portal."""
    span = [period.start + timedelta(days=n) for n in range((period.end - period.start).days + 1)]
    weights = [
        rng.uniform(0.1, 2) * (1 if day.weekday() < SATURDAY else 0.4) for day in span for _ in range(places)
    ]
    parts = shares(told.portal_visits, weights)
    return {day: parts[n * places : (n + 1) * places] for n, day in enumerate(span)}


def counters(
    told: Portal, period: Period, lives: list[list[Item]], visited: dict[date, list[int]]
) -> list[Counters]:
    """The counters at the end of every month: what is counted in the period, on top of what was there before."""
    counted = [
        (life[-1].published_at.date(), life[-1].photos)
        for life in lives
        if life[-1].published_at and life[-1].kind != "directive"
    ]
    before = {
        "items": told.portal_items_published_cumulative - told.published,
        "photos": told.portal_photos_published_cumulative - told.portal_photos_published,
        "visits": told.portal_visits_cumulative - told.portal_visits,
    }

    def shown(until: date) -> dict[str, int]:
        here = [photos for day, photos in counted if day <= until]
        return {
            "items": len(here),
            "photos": sum(here),
            "visits": sum(sum(parts) for day, parts in visited.items() if day <= until),
        }

    found = []
    for last in month_ends(period.start, period.end):
        now = shown(last)
        new_year = shown(date(last.year, 1, 1) - timedelta(days=1))
        found.append(
            Counters(last, **{name: (now[name] - new_year[name], before[name] + now[name]) for name in now})
        )
    return found


def _moment(day: date, rng: Random) -> datetime:
    return datetime.combine(day, time(rng.randint(7, 16), rng.randrange(60), rng.randrange(60)))
