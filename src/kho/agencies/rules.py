"""What must hold of all agencies together: what is wrong is told with its place and the remedy."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from datetime import date, timedelta
from itertools import pairwise

from kho.agencies.catalogue import Version
from kho.agencies.kinds import TWO_LEVELS, parents
from kho.contract.model import ROOT_FIRST
from kho.formats.header import fold

_VERSIONS = "has two versions at a time: end one the day before the other begins"
CODE = re.compile(ROOT_FIRST)


def problems(versions: Iterable[Version]) -> Iterator[str]:
    """What is wrong with these agencies, `units.csv:12: …` each; nothing where dimension and figures can be made of
    them: one version a day, under a unit that is there on that day and counts it once."""
    versions = list(versions)
    by_code: dict[str, list[Version]] = defaultdict(list)
    for each in versions:
        by_code[each.agency_code].append(each)
    for each in versions:
        for problem in (*_days(each), *_above(each, by_code[each.parent_agency_code])):
            yield f"{each.place}: {each.agency_code}: {problem}"
    once: list[tuple[Callable[[Version], Hashable | None], str]] = [
        (lambda each: each.agency_code, _VERSIONS),
        (
            lambda each: (each.level, each.unit_code) if each.is_unit else None,
            "has the unit code of another agency of that time: give each its own of the national catalogue",
        ),
        (
            lambda each: (each.parent_agency_code, fold(each.name)) if each.parent_agency_code else None,
            "has the name of another agency of the same unit: is it listed twice?",
        ),
        (
            lambda each: (each.level, _root(each), fold(each.short_name)) if each.is_unit else None,
            "has the short name of another unit of the same level and province: tell them apart by Tên ngắn",
        ),
    ]
    for same, problem in once:
        yield from _overlaps(versions, same, problem)


def _days(each: Version) -> Iterator[str]:
    if each.last_day < each.valid_from:
        yield f"ends on {each.valid_to}, before it begins on {each.valid_from}"
    elif each.level == "district" and each.last_day >= TWO_LEVELS:
        what = "a district" if each.is_unit else "a district's department"
        yield f"is {what}, which there are none of since {TWO_LEVELS}: end it on {TWO_LEVELS - timedelta(days=1)}"


def _above(each: Version, above: list[Version]) -> Iterator[str]:
    """What is wrong with the unit that it belongs to."""
    code = each.parent_agency_code
    if each.level == "province" and each.is_unit:
        if code:
            yield "is a province, which belongs to no other agency: leave the code of the agency above empty"
        if "." in each.agency_code:
            yield "is a province, whose code has one part: H13"
        return
    if not code:
        yield "belongs to no agency: write the code of the agency above"
    elif not each.agency_code.startswith(f"{code}."):
        yield f"does not fit the agency above, {code}: its code begins with {code}."
    elif not above:
        yield f"belongs to {code}, which there is not: list that as well"
    else:
        yield from _each_time(each, above)


def _each_time(each: Version, above: list[Version]) -> Iterator[str]:
    code = each.parent_agency_code
    for first, last, levels in parents(each):
        if not levels or last < first:
            continue  # the days are told
        there = sorted(
            (up for up in above if up.valid_from <= last and up.last_day >= first),
            key=lambda up: up.valid_from,
        )
        if lacking := _not_covered(first, last, there):
            yield f"is there on {lacking}, when {code} is not: let both begin and end on the same days"
        for up in there:
            if not up.is_unit:
                yield f"belongs to the department {code}: write the unit that both belong to"
            elif up.level not in levels:
                what = each.level if each.is_unit else f"department of a {each.level}"
                yield f"is a {what} under the {up.level} {code} on {first}: then it belongs to a {levels[0]}"


def _not_covered(first: date, last: date, spans: list[Version]) -> date | None:
    """The first of these days on which none of them is."""
    for span in spans:
        if span.valid_from > first:
            return first
        if span.last_day >= last:
            return None
        first = max(first, span.last_day + timedelta(days=1))
    return first


def _overlaps(
    versions: list[Version], same: Callable[[Version], Hashable | None], problem: str
) -> Iterator[str]:
    groups: dict[Hashable, list[Version]] = defaultdict(list)
    for each in versions:
        if (key := same(each)) is not None:
            groups[key].append(each)
    for group in groups.values():
        group.sort(key=lambda each: (each.valid_from, each.last_day))
        for earlier, later in pairwise(group):
            is_told = earlier.agency_code == later.agency_code and problem != _VERSIONS
            if later.valid_from <= earlier.last_day and not is_told:
                yield f"{later.place}: {later.agency_code}: {problem} ({earlier.place}: {earlier.agency_code})"


def _root(each: Version) -> str:
    return each.agency_code.partition(".")[0]
