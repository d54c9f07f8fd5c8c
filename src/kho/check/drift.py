"""What tells that an export has changed: from a batch's profile, and those before it, to words for the operator.

Each function gives what its rule of the exports boundary looks at; None where nothing changed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

from kho.contract import Contract

Profile = dict[str, Any]

HISTORY = 4  # batches that a comparison with history needs
#: of the rows with letters beyond ASCII: some people do paste garbled text
GARBLED_SHARE = 0.1
UNDECODED_SHARE = 0.05
#: of the texts that only one convention reads
MIXED_SHARE = 0.05
#: of the rows; a row that is listed twice by mistake may have another number before it
CONTRADICTING_SHARE = 0.01
#: of the loaded rows; a clerk mistypes a time now and then
DISORDERED_SHARE = 0.01
#: of a full list's keys; below it they look renumbered
KNOWN_SHARE, KNOWN_LEAST = 0.2, 20
#: times of day must lie this closely together (1: all at one time) for their mean to say something
CLOSE, TIMES_LEAST = 0.5, 20
UTC = "+00:00"
STEADY_HOURS, SHIFT_HOURS, FOREIGN_HOURS = 1.5, 3, 5


def missing(profile: Profile) -> Iterator[str]:
    """The columns that are missing, each with the new column that it may be now."""
    now = profile.get("renamed_columns", {})
    for header in profile["missing_columns"]:
        yield f"{header} (is it {now[header]} now?)" if header in now else header


def retyped(contract: Contract, reasons: dict[str, int], counted: int) -> Iterator[str]:
    """Columns of which at least half the values are of another type or form."""
    for column in contract.columns:
        problems = {
            why.removeprefix(f"{column.header}: "): n
            for why, n in reasons.items()
            if why.startswith(
                tuple(f"{column.header}: {problem}" for problem in ("not a", "neither", "not of the"))
            )
        }
        wrong = sum(problems.values())
        if counted and wrong * 2 >= counted:
            yield f"{column.header} ({' or '.join(problems)} in {wrong} of {counted} rows)"


def conventions(contract: Contract, profile: Profile) -> Iterator[str]:
    """Ways of writing that more texts speak for than for the contract's own."""
    for kind, found in profile.get("conventions", {}).items():
        theirs, ours = (sum(counts) for counts in zip(*found["columns"].values(), strict=True))
        if theirs > ours:
            yield f"{_looks(contract, kind, found)} ({theirs} values say so, {ours} say the contract's)"
    dates = profile.get("swapped_dates", {})
    if dates and not any(near * 10 >= many > 0 for near, _, many in dates.values()):
        for header, (_, swapped, many) in dates.items():
            if many and swapped * 2 >= many:
                yield (
                    f"{header} looks as if day and month changed places ({swapped} of {many} dates lie at the day of"
                    " the export only then)"
                )


def mixtures(contract: Contract, profile: Profile) -> Iterator[str]:
    """Ways of writing that some texts speak for, or all those of one column, while most are the contract's."""
    for kind, found in profile.get("conventions", {}).items():
        theirs, ours = (sum(counts) for counts in zip(*found["columns"].values(), strict=True))
        is_one_column = any(other > own for other, own in found["columns"].values())
        if 1 < theirs <= ours and (is_one_column or theirs >= MIXED_SHARE * (theirs + ours)):
            yield f"{_looks(contract, kind, found)} ({theirs} values say so, {ours} say the contract's)"


def _looks(contract: Contract, kind: str, found: dict[str, Any]) -> str:
    file = contract.file
    own = {
        "dates": file.date_format,
        "times": file.timestamp_format,
        "numbers": f"1{file.thousands_separator}234{file.decimal_separator}5",
    }[kind]
    headers = ", ".join(header for header, (theirs, _) in found["columns"].items() if theirs)
    return f"{kind} of {headers} look like {found['looks_like']}, not {own}"


def encoding(contract: Contract, profile: Profile, counted: int) -> Iterator[str]:
    """That characters can't be decoded, or were decoded by the wrong encoding."""
    undecoded = sum(
        n for why, n in profile["rejects_by_reason"].items() if why.startswith("row: a character is not")
    )
    likely = f" ({profile['other_encoding']})" if profile.get("other_encoding") else ""
    if undecoded and undecoded >= UNDECODED_SHARE * counted:
        yield f"{undecoded} of {counted} rows are not {contract.encoding}{likely}"
    garbled, looked_at = profile.get("garbled", (0, 0))
    if garbled and garbled >= GARBLED_SHARE * looked_at:
        yield f"{garbled} of {looked_at} rows with accents are UTF-8 that was read as something else{likely}"


def layout(profile: Profile, before: list[Profile]) -> Iterator[str]:
    """What the reader found elsewhere in the file than it used to be."""
    yield from profile.get("notes", ())
    now, last = (each.get("header_row") for each in (profile, before[-1] if before else {}))
    if now and last and now != last:
        yield f"the header is in row {now}, before in row {last}"


def disordered(profile: Profile, loaded: int, *, many: bool) -> Iterator[str]:
    """Columns of which one lies before the other that it follows: in many rows, or in a few."""
    for pair, count in profile.get("disordered", {}).items():
        if (count > DISORDERED_SHARE * loaded) == many:
            yield f"{pair} ({count} of {loaded} rows)"


def contradicting(reasons: dict[str, int], counted: int) -> str | None:
    """How many rows have the key of another one of the file and say something else."""
    many = sum(n for why, n in reasons.items() if why.startswith("row: contradicts"))
    return f"{many} of {counted} rows" if many > CONTRADICTING_SHARE * counted else None


def renumbered(profile: Profile) -> str | None:
    """How few of a full list's keys were in the list before it."""
    known, many = profile.get("known_keys") or (0, 0)
    if many < KNOWN_LEAST or known >= KNOWN_SHARE * many:
        return None
    return f"{known} of {many} keys were in the list before"


def steady_times(before: list[Profile]) -> dict[str, float]:
    """The usual time of day of each column whose times hardly moved in the last batches that tell."""
    steady = {}
    for name in dict.fromkeys(name for each in before for name in each.get("hours", {})):
        found = (each.get("hours", {}).get(name) for each in reversed(before))
        last = [each["hour"] for each in found if each and _tells(each)][:HISTORY]
        usual = _mean_hour(last)
        if len(last) == HISTORY and all(abs(_apart(hour, usual)) <= STEADY_HOURS for hour in last):
            steady[name] = usual
    return steady


def shifted(profile: Profile, steady: dict[str, float]) -> Iterator[str]:
    """Columns whose times of day moved as a whole."""
    for name, now in profile.get("hours", {}).items():
        if name in steady and _tells(now):
            moved = _apart(now["hour"], steady[name])
            if abs(moved) >= SHIFT_HOURS:
                yield (
                    f"{name} by about {moved:+.0f} hours (around {_clock(now['hour'])}, before around"
                    f" {_clock(steady[name])})"
                )


def reset(profile: Profile, before: list[Profile], steady: dict[str, float]) -> Iterator[str]:
    """Columns whose times say an offset that none of them ever said, or all UTC's where most said another."""
    for name, now in profile.get("offsets", {}).items():
        known = profile.get("offsets_before", {}).get(name)
        lately = [each["offsets"][name] for each in before if each.get("offsets", {}).get(name)][-HISTORY:]
        were_utc = sum(each.get(UTC, 0) for each in lately) * 2 >= sum(sum(each.values()) for each in lately)
        if known and (now.keys() - known or (now.keys() == {UTC} and not were_utc)):
            told = " and ".join(f"{offset} ({count} times)" for offset, count in sorted(now.items()))
            yield f"{name} says {told}, before {' and '.join(known)}{_moved(profile, name, steady)}"


def _moved(profile: Profile, name: str, steady: dict[str, float]) -> str:
    """How far a column's times of day lie from where they used to, however little that is."""
    now = profile.get("hours", {}).get(name)
    if not now or name not in steady or not _tells(now):
        return ""
    hours = round(_apart(now["hour"], steady[name]), 1) + 0  # nothing has no sign
    return f", and its times of day lie {hours:+.1f} hours from where they did"


def clock_remedy(contract: Contract) -> str:
    """What to change in the contract where its times are the clock of another zone."""
    pattern = contract.file.timestamp_format
    if not pattern.endswith("XXX"):
        return "change the contract's timeZone"
    return f"quote the offset in the contract's timestampFormat ({pattern.removesuffix('XXX')}'{UTC}'), check its timeZone"


def foreign(profile: Profile, peers: list[dict[str, Any] | None]) -> str | None:
    """How far an export's times lie from those of its system's other exports: for one that has no history yet."""
    own = [each["hour"] for each in profile.get("hours", {}).values() if _tells(each)]
    others = [each["hour"] for hours in peers for each in (hours or {}).values() if _tells(each)]
    if not own or not others:
        return None
    here, there = _mean_hour(own), _mean_hour(others)
    if abs(_apart(here, there)) < FOREIGN_HOURS:
        return None
    return f"around {_clock(here)}, the others' around {_clock(there)}"


def _tells(hours: dict[str, float]) -> bool:
    return hours["rows"] >= TIMES_LEAST and hours["closeness"] >= CLOSE


def _mean_hour(hours: Iterable[float]) -> float:
    angles = [math.radians(hour * 15) for hour in hours]
    return math.degrees(math.atan2(sum(map(math.sin, angles)), sum(map(math.cos, angles)))) / 15 % 24


def _apart(hour: float, other: float) -> float:
    """Hours from the other to this one, the shorter way round the clock."""
    return (hour - other + 12) % 24 - 12


def _clock(hour: float) -> str:
    minutes = round(hour * 60) % 1440
    return f"{minutes // 60:02}:{minutes % 60:02}"
