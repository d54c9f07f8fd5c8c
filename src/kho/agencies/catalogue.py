"""The seed `agencies.csv`: every version of every agency, and what a list changes in it."""

from __future__ import annotations

import csv
import difflib
import io
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from datetime import date, timedelta
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Literal, cast

from kho.settings import Settings

Level = Literal["province", "district", "commune"]

AGENCIES = Path("dbt_project", "seeds", "agencies.csv")
OPERATIONS = Path("dbt_project", "seeds", "system_operation.csv")


@dataclass(frozen=True)
class Version:
    """An agency from a day to a day, as a line of the seed has it. `place` is where it was read: `units.csv:12`.

    A department has no code of a unit, and the level of the unit that it belongs to.
    """

    agency_code: str
    unit_code: str
    name: str
    short_name: str
    level: Level
    parent_agency_code: str
    valid_from: date
    valid_to: date | None
    place: str = field(default="", compare=False)

    @property
    def is_unit(self) -> bool:
        return bool(self.unit_code)

    @property
    def last_day(self) -> date:
        """A day that compares: that of an agency which still is lies behind all others."""
        return self.valid_to or date.max


@dataclass(frozen=True)
class Change:
    """What a list makes of the seed. Agencies are told once, by their codes; `left` are those of the list's provinces
    that still are and that the list does not have: they stay as they are."""

    before: str
    versions: list[Version]
    added: list[str]
    ended: list[str]
    renamed: list[str]
    changed: list[str]
    unchanged: list[str]
    left: list[str]

    @property
    def after(self) -> str:
        """The seed's text, sorted by code and day: units stand before what belongs to them."""
        return _text(self.versions)

    @property
    def difference(self) -> list[str]:
        """The lines of the seed that go and come, as a patch has them."""
        names = (f"a/{AGENCIES}", f"b/{AGENCIES}")
        lines = difflib.unified_diff(
            self.before.splitlines(), self.after.splitlines(), *names, n=0, lineterm=""
        )
        return list(lines)

    def without_operation(self, settings: Settings) -> list[str]:
        """New units that the seed of operated systems has no line for: whatever they hand over, they have no figures."""
        with settings.seed(OPERATIONS.name).open(encoding="utf-8", newline="") as file:
            known = {row["agency_code"] for row in csv.DictReader(file)}
        units = {each.agency_code for each in self.versions if each.is_unit}
        return [code for code in self.added if code in units - known]


def read(settings: Settings) -> list[Version]:
    """The versions that the seed has."""
    path = settings.seed(AGENCIES.name)
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Version(
                agency_code=row["agency_code"],
                unit_code=row["unit_code"],
                name=row["name"],
                short_name=row["short_name"],
                level=cast(Level, row["level"]),
                parent_agency_code=row["parent_agency_code"],
                valid_from=date.fromisoformat(row["valid_from"]),
                valid_to=date.fromisoformat(row["valid_to"]) if row["valid_to"] else None,
                place=f"{path.name}:{line}",
            )
            for line, row in enumerate(csv.DictReader(file), 2)
        ]


def merged(settings: Settings, listed: Iterable[Version]) -> Change:
    """The seed with a list's versions in it; nothing is written, and nothing goes.

    A version of the list takes the place of that of the same agency and day. One without a last day lasts until the
    agency's next one.
    """
    listed, seed = list(listed), read(settings)
    by_key = {(each.agency_code, each.valid_from): each for each in [*seed, *listed]}
    codes = {each.agency_code for each in listed}
    versions: list[Version] = []
    for _, found in groupby(sorted(by_key.values(), key=_place), key=attrgetter("agency_code")):
        ordered = list(found)
        versions += [*map(_until, ordered, ordered[1:]), ordered[-1]]
    roots = {_root(code) for code in codes}
    was, now = _newest(seed), _newest(versions)
    told: dict[str, list[str]] = {name: [] for name in ("added", "ended", "renamed", "changed", "unchanged")}
    for code in sorted(codes):
        told[_change(seed, versions, was.get(code), now[code])].append(code)
    left = [
        code for code, each in was.items() if _root(code) in roots and code not in codes and not each.valid_to
    ]
    return Change(
        settings.seed(AGENCIES.name).read_text(encoding="utf-8"), versions, **told, left=sorted(left)
    )


def apply(settings: Settings, change: Change) -> None:
    """Write the seed, whole or not at all."""
    path = settings.seed(AGENCIES.name)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(change.after, encoding="utf-8", newline="")
        shutil.copymode(path, draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _until(earlier: Version, later: Version) -> Version:
    return earlier if earlier.valid_to else replace(earlier, valid_to=later.valid_from - timedelta(days=1))


def _change(seed: list[Version], versions: list[Version], was: Version | None, now: Version) -> str:
    if was is None:
        return "added"
    if now.valid_to and not was.valid_to:
        return "ended"
    if now.name != was.name:
        return "renamed"
    of_agency = [each for each in seed if each.agency_code == now.agency_code]
    is_same = of_agency == [each for each in versions if each.agency_code == now.agency_code]
    return "unchanged" if is_same else "changed"


def _newest(versions: Iterable[Version]) -> dict[str, Version]:
    return {each.agency_code: each for each in sorted(versions, key=_place)}


def _place(version: Version) -> tuple[str, date]:
    return version.agency_code, version.valid_from


def _root(code: str) -> str:
    return code.partition(".")[0]


def _text(versions: Iterable[Version]) -> str:
    names = [each.name for each in fields(Version) if each.name != "place"]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([getattr(each, name) or "" for name in names] for each in versions)
    return text.getvalue()
