"""The words of OpenLineage: events, data and facets as plain JSON. Names of data stay the same from release to release."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from importlib.metadata import version
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from kho.ledger.verdicts import Verdict
from kho.settings import TIMEZONE

EventType = Literal["START", "COMPLETE", "FAIL", "ABORT"]
NAMESPACE = "kho"
PRODUCER = f"urn:kho:{version('kho')}"
_SPEC = "https://openlineage.io/spec"


class Data(NamedTuple):
    """A data set: `exports` and `archive` hold deliveries by contract, `kho` tables by schema, releases all as `marts`."""

    namespace: str
    name: str


class Field(NamedTuple):
    """A column of a data set, of an export its header. `is_masked`: what is made of it does not tell its values."""

    data: Data
    name: str
    is_masked: bool = False


def table(schema: str, name: str) -> Data:
    return Data(NAMESPACE, f"{schema}.{name}")


def event(
    of_type: EventType,
    run_id: str,
    job: str,
    *,
    inputs: Iterable[dict[str, Any]] = (),
    outputs: Iterable[dict[str, Any]] = (),
    facets: Mapping[str, dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """An event as the specification's RunEvent has it, of now."""
    return {
        "eventType": of_type,
        "eventTime": datetime.now(ZoneInfo(TIMEZONE)).isoformat(),
        "run": {"runId": run_id, "facets": dict(facets or {})},
        "job": {"namespace": NAMESPACE, "name": job, "facets": {}},
        "inputs": list(inputs),
        "outputs": list(outputs),
        "producer": PRODUCER,
        "schemaURL": f"{_SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent",
    }


def told(data: Data, **facets: dict[str, Any]) -> dict[str, Any]:
    """A data set of an event."""
    return {"namespace": data.namespace, "name": data.name, "facets": facets}


def judged(data: Data, verdicts: Iterable[Verdict]) -> dict[str, Any]:
    """A data set that a boundary looked at, with what it found. What was not looked at is no assertion."""
    assertions = [
        {
            "assertion": each.expectation,
            "success": each.outcome in ("passed", "accepted"),
            "severity": each.severity,
        }
        for each in verdicts
        if each.outcome != "skipped"
    ]
    found = _facet("1-1-0", "DataQualityAssertionsDatasetFacet", assertions=assertions)
    return {**told(data), "inputFacets": {"dataQualityAssertions": found} if assertions else {}}


def of_version(number: int) -> dict[str, Any]:
    return _facet("1-0-1", "DatasetVersionDatasetFacet", datasetVersion=str(number))


def of_columns(columns: Mapping[str, Iterable[Field]]) -> dict[str, Any]:
    """Of each column of a data set, the fields that it is made from."""
    return _facet(
        "1-2-0",
        "ColumnLineageDatasetFacet",
        fields={column: {"inputFields": list(map(_field, fields))} for column, fields in columns.items()},
    )


def _field(field: Field) -> dict[str, Any]:
    told: dict[str, Any] = {
        "namespace": field.data.namespace,
        "name": field.data.name,
        "field": field.name,
    }
    if field.is_masked:
        told["transformations"] = [{"type": "DIRECT", "subtype": "TRANSFORMATION", "masking": True}]
    return told


def of_night(business_date: date) -> dict[str, Any]:
    return _facet("1-0-1", "NominalTimeRunFacet", nominalStartTime=f"{business_date}T00:00:00+07:00")


def of_parent(run_id: str, job: str) -> dict[str, Any]:
    return _facet("1-2-0", "ParentRunFacet", run={"runId": run_id}, job={"namespace": NAMESPACE, "name": job})


def of_error(message: str) -> dict[str, Any]:
    return _facet("1-0-1", "ErrorMessageRunFacet", message=message, programmingLanguage="PYTHON")


def _facet(number: str, name: str, **content: Any) -> dict[str, Any]:
    return {
        "_producer": PRODUCER,
        "_schemaURL": f"{_SPEC}/facets/{number}/{name}.json#/$defs/{name}",
        **content,
    }
