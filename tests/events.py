"""The events that a home has told: each as the specification has it, each run with one beginning and one end."""

from __future__ import annotations

import importlib
import json
import pkgutil
import types
import typing
from collections import defaultdict
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import attr
from openlineage.client import generated
from openlineage.client.generated.base import BaseFacet, RunEvent
from openlineage.client.serde import Serde

from kho.settings import Settings

Event = dict[str, Any]
ENDS = {"COMPLETE", "FAIL", "ABORT"}


class Invalid(ValueError):
    """What the specification does not have; the message says where."""


def rebuilt(event: Event) -> RunEvent:
    """An event made anew with the classes that are generated from the published schemas. Raises `Invalid`.

    They know which fields there are and of which type, and check dates and numbers of runs; whether an event keeps to it,
    they leave to who makes one.
    """
    made = _made(RunEvent, event, "event")
    if _plain(Serde.to_dict(made)) != _plain(event):
        raise Invalid(f"{event} is told otherwise by its class: {Serde.to_dict(made)}")
    return made


def _made(kind: Any, given: Any, where: str) -> Any:
    """This value as one of a type: classes by their fields, all else if it is just that."""
    origin, within = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return given
    if origin in (typing.Union, types.UnionType):
        chosen = [each for each in within if (each is type(None)) == (given is None)]
        if len(chosen) != 1:
            raise Invalid(f"{where}: is {given!r}, not {kind}")
        return None if given is None else _made(chosen[0], given, where)
    if origin is list and isinstance(given, list):
        return [_made(within[0], each, f"{where}[{place}]") for place, each in enumerate(given)]
    if origin is dict and isinstance(given, dict):
        return {
            _made(within[0], name, where): _made(_of_facet(within[1], each), each, f"{where}.{name}")
            for name, each in given.items()
        }
    if attr.has(kind) and isinstance(given, dict):
        return _instance(kind, given, where)
    try:
        if isinstance(kind, type) and not attr.has(kind):
            if issubclass(kind, str | int | float | bool) and type(given) is kind:
                return given
            if issubclass(kind, generated.base.EventType):
                return kind(given)
    except ValueError:
        pass
    raise Invalid(f"{where}: is {given!r}, not {kind}")


def _instance(kind: type, given: dict[str, Any], where: str) -> Any:
    hints = typing.get_type_hints(kind)
    fields = {each.name: each for each in attr.fields(kind)}
    if unknown := given.keys() - fields.keys():
        raise Invalid(f"{where}: {kind.__name__} has no {', '.join(sorted(unknown))}")
    # The classes put these in themselves: an event without them is not one of the specification.
    required = {name for name, each in fields.items() if each.default is attr.NOTHING}
    required |= {"_producer", "_schemaURL", "producer", "schemaURL"} & fields.keys()
    if missing := required - given.keys():
        raise Invalid(f"{where}: {kind.__name__} lacks {', '.join(sorted(missing))}")
    values = {name: _made(hints[name], each, f"{where}.{name}") for name, each in given.items()}
    told = {fields[name].alias: each for name, each in values.items() if fields[name].init}
    try:
        made = kind(**told)
    except (ValueError, TypeError) as error:
        raise Invalid(f"{where}: {error}") from None
    for name in ("producer", "_producer"):
        if name in values and not urlsplit(values[name]).scheme:
            raise Invalid(f"{where}.{name}: {values[name]!r} is no URI")
    for name in ("schemaURL", "_schemaURL"):
        if name in values and values[name] != getattr(made, name):
            raise Invalid(f"{where}.{name}: is {values[name]}, that of the class {getattr(made, name)}")
    return made


def _of_facet(kind: Any, given: Any) -> Any:
    """The class of a facet, by the schema that it names, where any facet of a kind may be."""
    if not (isinstance(kind, type) and issubclass(kind, BaseFacet)) or not isinstance(given, dict):
        return kind
    found = _facets().get(str(given.get("_schemaURL")))
    if found is None or not issubclass(found, kind):
        raise Invalid(f"{given.get('_schemaURL')} is no {kind.__name__} of the published schemas")
    return found


@cache
def _facets() -> dict[str, type[BaseFacet]]:
    """The classes of all facets, by their schemas."""
    found: dict[str, type[BaseFacet]] = {}
    for module in pkgutil.iter_modules(generated.__path__, f"{generated.__name__}."):
        for each in vars(importlib.import_module(module.name)).values():
            if isinstance(each, type) and issubclass(each, BaseFacet) and each.__module__ == module.name:
                found[each._get_schema()] = each
    return found


def _plain(told: Any) -> Any:
    """Without what is empty: to say nothing of facets is to have none."""
    match told:
        case dict():
            return {name: plain for name, each in told.items() if (plain := _plain(each)) not in ({}, [])}
        case list():
            return [_plain(each) for each in told]
    return told


def told(settings: Settings) -> list[Event]:
    """All events in the order in which they were told; every one is valid."""
    lines = [
        json.loads(line)
        for path in sorted((settings.home / "openlineage").glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    for each in lines:
        rebuilt(each)
    return lines


def ends(settings: Settings) -> dict[str, list[Event]]:
    """The last events of the runs of each job: every run has one, after its beginning, and nothing is left open."""
    runs: dict[str, list[Event]] = defaultdict(list)
    for each in told(settings):
        runs[each["run"]["runId"]].append(each)
    found: dict[str, list[Event]] = defaultdict(list)
    for first, *rest in runs.values():
        assert first["eventType"] == "START" and [each["eventType"] in ENDS for each in rest] == [True], first
        found[rest[0]["job"]["name"]].append(rest[0])
    assert not list((settings.home / "openlineage" / "open").glob("*"))
    return found


def names(data: list[Event]) -> set[str]:
    return {each["name"] for each in data}


def fields(data: Event) -> dict[str, set[tuple[str, str, str]]]:
    """By column of a data set, namespace, name and field of what it is told to be made from."""
    columns = data["facets"]["columnLineage"]["fields"]
    return {
        column: {(each["namespace"], each["name"], each["field"]) for each in made["inputFields"]}
        for column, made in columns.items()
    }
