"""The events that a home has told: each as the specification has it, each run with one beginning and one end."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

import jsonschema_rs

from kho.settings import Settings

Event = dict[str, Any]
ENDS = {"COMPLETE", "FAIL", "ABORT"}

_TEXT = {"type": "string", "minLength": 1}
_URI = {"type": "string", "format": "uri"}
_FACETS = {
    "type": "object",
    "additionalProperties": {
        "type": "object",
        "required": ["_producer", "_schemaURL"],
        "properties": {"_producer": _URI, "_schemaURL": _URI},
    },
}


def _data(facets: str) -> dict[str, Any]:
    assertions = {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["assertion", "success"],
            "properties": {"assertion": _TEXT, "success": {"type": "boolean"}},
        },
    }
    own = {
        "properties": {
            "dataQualityAssertions": {"required": ["assertions"], "properties": {"assertions": assertions}}
        }
    }
    return {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["namespace", "name"],
            "properties": {
                "namespace": _TEXT,
                "name": _TEXT,
                "facets": _FACETS,
                facets: {"allOf": [_FACETS, own]},
            },
        },
    }


#: what OpenLineage 2-0-2 asks of a RunEvent and its facets, as far as ours have them
SCHEMA = {
    "type": "object",
    "required": ["eventTime", "producer", "schemaURL", "run", "job"],
    "properties": {
        "eventType": {"enum": ["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"]},
        "eventTime": {"type": "string", "format": "date-time"},
        "producer": _URI,
        "schemaURL": _URI,
        "run": {
            "type": "object",
            "required": ["runId"],
            "properties": {
                "runId": {"type": "string", "format": "uuid"},
                "facets": {
                    "allOf": [
                        _FACETS,
                        {
                            "properties": {
                                "nominalTime": {
                                    "required": ["nominalStartTime"],
                                    "properties": {
                                        "nominalStartTime": {"type": "string", "format": "date-time"}
                                    },
                                },
                                "parent": {"required": ["run", "job"]},
                                "errorMessage": {"required": ["message", "programmingLanguage"]},
                            }
                        },
                    ]
                },
            },
        },
        "job": {
            "type": "object",
            "required": ["namespace", "name"],
            "properties": {"namespace": _TEXT, "name": _TEXT},
        },
        "inputs": _data("inputFacets"),
        "outputs": _data("outputFacets"),
    },
}
_VALID = jsonschema_rs.validator_for(SCHEMA, validate_formats=True)


def told(settings: Settings) -> list[Event]:
    """All events in the order in which they were told; every one is valid."""
    lines = [
        json.loads(line)
        for path in sorted((settings.home / "openlineage").glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    for each in lines:
        _VALID.validate(each)
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
