"""The kinds of agencies of both times, with districts and without, and which of them may belong to which."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from kho.agencies.catalogue import Level, Version
from kho.formats.header import fold

#: the first day without districts and towns: Law 72/2025/QH15 on the organisation of local government
TWO_LEVELS = date(2025, 7, 1)
#: digits of a unit's code in the national catalogue of administrative units
DIGITS: dict[Level, int] = {"province": 2, "district": 3, "commune": 5}
#: levels of the unit above, before and since
PARENTS: dict[Level, tuple[tuple[Level, ...], tuple[Level, ...]]] = {
    "province": ((), ()),
    "district": (("province",), ()),
    "commune": (("district",), ("province",)),
}


@dataclass(frozen=True)
class Kind:
    """What an agency is, as lists say it. `levels` are those that it may have: a department has its unit's."""

    title: str
    is_unit: bool
    levels: tuple[Level, ...]
    names: tuple[str, ...]  # how names of this kind begin; none: as they like
    until: date = date.max
    since: date = date.min

    def is_named(self, name: str) -> bool:
        return not self.names or any(_rest(name, beginning) for beginning in self.names)

    def fits(self, version: Version) -> bool:
        return (
            version.is_unit == self.is_unit
            and version.level in self.levels
            and self.is_named(version.name)
            and version.valid_from >= self.since
            and version.last_day <= self.until
        )


def _unit(title: str, *levels: Level, until: date = date.max, since: date = date.min) -> Kind:
    return Kind(title, True, levels, (title.capitalize(),), until, since)


_LAST_OF_THREE = date(2025, 6, 30)
ANY = Kind("cơ quan khác", False, ("province", "district", "commune"), ())
KINDS = (
    _unit("tỉnh", "province"),
    _unit("thành phố", "province", "district"),
    _unit("huyện", "district"),
    _unit("quận", "district"),
    _unit("thị xã", "district"),
    _unit("xã", "commune"),
    _unit("phường", "commune"),
    _unit("thị trấn", "commune", until=_LAST_OF_THREE),
    _unit("đặc khu", "commune", since=TWO_LEVELS),
    Kind("sở", False, ("province",), ("Sở",)),
    Kind("phòng", False, ("district", "commune"), ("Phòng",)),
    Kind(
        "trung tâm phục vụ hành chính công",
        False,
        ("province", "district", "commune"),
        ("Trung tâm Phục vụ", "Trung tâm hành chính"),
    ),
    ANY,
)


def _rest(name: str, beginning: str) -> str:
    """What comes after these words; empty where the name does not begin with them, or ends with them."""
    words, size = name.split(), len(beginning.split())
    return " ".join(words[size:]) if fold(" ".join(words[:size])) == fold(beginning) else ""


def kind_named(title: str) -> Kind | None:
    return next((kind for kind in KINDS if fold(kind.title) == fold(title)), None)


def kind_of(version: Version) -> Kind:
    """The kind that fits; that of departments which are none of the others where none does."""
    return next((kind for kind in KINDS if kind.fits(version)), ANY)


def bare(name: str) -> str:
    """The name of a unit without its kind: `Long Phú` of `Xã Long Phú`."""
    return next((rest for kind in KINDS if kind.is_unit and (rest := _rest(name, kind.title))), name)


def parents(version: Version) -> Iterator[tuple[date, date, tuple[Level, ...]]]:
    """The levels of the units that a version may belong to, for each of its times: with districts, and without."""
    before, since = PARENTS[version.level] if version.is_unit else ((version.level,),) * 2
    if version.valid_from < TWO_LEVELS:
        yield version.valid_from, min(version.last_day, _LAST_OF_THREE), before
    if version.last_day >= TWO_LEVELS:
        yield max(version.valid_from, TWO_LEVELS), version.last_day, since
