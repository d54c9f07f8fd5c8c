"""What a version of a contract changes against another, and whom that reaches: raw rows, models, figures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import BaseModel

from kho.contract import Column, Contract, Quality
from kho.formats.header import fold

#: additive: nothing has to be done; replay: batches that are there have to be loaded again; breaks: somebody's rows or
#: models don't go on as they are
Effect = Literal["additive", "replay", "breaks"]


@dataclass(frozen=True)
class Change:
    """One thing that is different.

    `columns`: which ones its effect goes through, by their names in the older version; None: all of them.
    `is_of_raw`: it breaks the raw table, whoever reads it. `models` and `figures` are those that it reaches.
    """

    place: str
    what: str
    effect: Effect
    why: str
    columns: tuple[str, ...] | None = ()
    is_of_raw: bool = False
    models: tuple[str, ...] = ()
    figures: tuple[str, ...] = ()

    def reaching(self, models: Iterable[str], figures: Iterable[str]) -> Change:
        """The change with whom it reaches; what breaks nobody is additive."""
        reached = replace(self, models=tuple(models), figures=tuple(figures))
        if self.effect == "breaks" and not self.is_of_raw and not reached.models:
            return replace(reached, effect="additive", why="no model reads it")
        return reached


NEXT_FILE = "from the next file on; batches that are there stay as they were loaded"
NEXT_BATCH = "judged so from the next batch on"


def compare(old: Contract, new: Contract) -> list[Change]:
    """Everything that `new` says otherwise than `old`, in the order of a contract."""
    return [
        *_plain("contract", old, new, ("title", "purpose", "usage", "status", "open_questions"), "only told"),
        *_plain(
            "server", old, new, ("server_type", "location", "format", "encoding", "delimiter"), NEXT_FILE
        ),
        *_plain("server", old.server, new.server, type(new.server).model_fields, NEXT_FILE),
        *_file(old, new),
        *_columns(old, new),
        *_key(old, new),
        *_quality(old.quality, new.quality),
        *_plain(
            "slaProperties",
            old,
            new,
            ("frequency", "latency_days", "end_of_life"),
            "freshness is counted so from now on",
        ),
    ]


def _plain(place: str, old: BaseModel, new: BaseModel, fields: Iterable[str], why: str) -> Iterator[Change]:
    for name in fields:
        was, now = getattr(old, name), getattr(new, name)
        if was != now:
            yield Change(place, f"{_spelled(name)}: {_shown(was)} → {_shown(now)}", "additive", why)


def _file(old: Contract, new: Contract) -> Iterator[Change]:
    breaking = {
        "load": "rows of a delta and of a full list mean different things",
        "full_list_of": "what is missing in a list is taken as gone from another whole",
        "version_column": f"rows of raw.{new.raw_table} are told apart by the column as it was: keep it, or give the "
        "export another name",
    }
    for name in type(new.file).model_fields:
        for change in _plain("file", old.file, new.file, [name], NEXT_FILE):
            if name in breaking:
                is_of_raw = name == "version_column"
                change = replace(
                    change, effect="breaks", why=breaking[name], columns=None, is_of_raw=is_of_raw
                )
            yield change


def _columns(old: Contract, new: Contract) -> Iterator[Change]:
    before, after = ({column.name: column for column in contract.columns} for contract in (old, new))
    added = [column for name, column in after.items() if name not in before]
    for name, column in before.items():
        if name in after:
            yield from _column(old, column, after[name])
            continue
        place = f"column {name}"
        renamed = next((each for each in added if fold(each.header) == fold(column.header)), None)
        if renamed:
            added.remove(renamed)
            yield Change(
                place, f"renamed to {renamed.name}", "breaks", "stays empty under its old name", (name,)
            )
        elif column.is_stored:
            yield Change(place, "removed", "breaks", "stays empty from the next batch on", (name,))
        else:
            yield Change(place, "removed", "additive", "it was never stored")
    for column in added:
        why = "empty in batches that are there" if column.is_stored else "never stored: personal"
        kind = f"{column.type}, required" if column.required else column.type
        yield Change(f"column {column.name}", f"added ({kind})", "additive", why)


def _column(contract: Contract, old: Column, new: Column) -> Iterator[Change]:
    place = f"column {new.name}"
    if old.type != new.type:
        what = f"logicalType: {old.type} → {new.type}"
        if old.is_stored:
            why = f"rows of raw.{contract.raw_table} have {old.raw_type}: give the column another name"
            yield Change(place, what, "breaks", why, (old.name,), is_of_raw=True)
        else:
            yield Change(place, what, "additive", "it was never stored")
    if old.required and not new.required:
        yield Change(place, "required: yes → no", "breaks", "may be empty from now on", (old.name,))
    elif new.required and not old.required:
        yield Change(place, "required: no → yes", "additive", "rows without it are rejected from now on")
    if old.keys.personal_data != new.keys.personal_data:
        yield _personal(place, old, new)
    # The codes of a mapping stand in its seed and not in the contract.
    was, now = (set() if column.keys.mapping else set(column.values) for column in (old, new))
    if new_values := now - was if was else ():
        yield Change(
            place, f"values added: {_shown(sorted(new_values))}", "additive", "the mappings must know them"
        )
    if gone := was - now if now else ():
        yield Change(
            place,
            f"values removed: {_shown(sorted(gone))}",
            "additive",
            "rows with them are rejected from now on",
        )
    if bool(was) != bool(now):
        what = "values listed" if now else "values no longer listed"
        why = "others are rejected from now on" if now else "the mappings must know what comes"
        yield Change(place, what, "additive", why)
    yield from _plain(place, old, new, ("header", "format", "pattern", "minimum", "maximum"), NEXT_FILE)
    yield from _plain(place, old, new, ("description",), "only told")
    keys = [name for name in type(new.keys).model_fields if name != "personal_data"]
    yield from _plain(place, old.keys, new.keys, keys, NEXT_FILE)


def _personal(place: str, old: Column, new: Column) -> Change:
    what = f"personalData: {_shown(old.keys.personal_data)} → {_shown(new.keys.personal_data)}"
    if not new.is_stored:
        return Change(place, what, "breaks", "stays empty from the next batch on", (old.name,))
    if not old.is_stored:
        return Change(place, what, "additive", "empty in batches that are there")
    why = "batches that are there hold the other form: replay them (`kho rejects replay`)"
    return Change(place, what, "replay", why, (old.name,))


def _key(old: Contract, new: Contract) -> Iterator[Change]:
    was, now = ([column.name for column in contract.key] for contract in (old, new))
    if was != now:
        why = "rows that are there have keys of the other kind: replay every batch (`kho rejects replay`)"
        yield Change("key", f"{_shown(was)} → {_shown(now)}", "replay", why, None)


def _quality(old: Iterable[Quality], new: Iterable[Quality]) -> Iterator[Change]:
    before, after = ({rule.name: rule for rule in rules} for rules in (old, new))
    for name in before.keys() - after.keys():
        yield Change(f"quality {name}", "removed", "additive", NEXT_BATCH)
    for name, rule in after.items():
        if name not in before:
            yield Change(f"quality {name}", "added", "additive", NEXT_BATCH)
        else:
            yield from _plain(f"quality {name}", before[name], rule, type(rule).model_fields, NEXT_BATCH)


#: fields of the model whose word in the file is another one
_WORDS = {
    "title": "name",
    "server_type": "type",
    "header": "physicalName",
    "at_least": "mustBeGreaterOrEqualTo",
    "at_most": "mustBeLessOrEqualTo",
    "latency_days": "latency",
}


def _spelled(field: str) -> str:
    first, *others = _WORDS.get(field, field).split("_")
    return first + "".join(word.capitalize() for word in others)


def _shown(value: Any) -> str:
    match value:
        case None | "" | () | []:
            return "nothing"
        case bool():
            return "yes" if value else "no"
        case tuple() | list():
            return ", ".join(_shown(each) for each in value)
        case BaseModel():
            return " ".join(f"{name}={each}" for name, each in value)
        case _:
            text = " ".join(str(value).split())
            return text if len(text) <= 100 else text[:100] + "…"
