"""The keys of a contract's file: those of the Open Data Contract Standard that mean something to Kho, and no others.

The standard has many more. One that Kho would pass over is an error here: whoever writes it believes that it holds.
"""

from __future__ import annotations

import difflib
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from kho.contract.model import Contract

FORMATS: tuple[str, ...] = get_args(Contract.model_fields["format"].annotation)
_FOR_PEOPLE = "for people: Kho does not read it"


class _Place(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)


class CustomProperty(_Place):
    """What the standard lacks: each place has its own, see there."""

    property: str = Field(description="name of the custom property", examples=["connection"])
    value: Any = Field(description="its value", examples=["one_stop_sftp"])
    description: str | None = Field(None, description=_FOR_PEOPLE, examples=["as agreed with the supplier"])


class Description(_Place):
    """`description`: the export in two sentences."""

    purpose: str | None = Field(
        None,
        description="what the export tells",
        examples=["Reception, processing and return of every dossier."],
    )
    usage: str | None = Field(
        None,
        description="how deliveries follow each other, and which row counts",
        examples=["A daily delta; the newest version of a dossier counts."],
    )
    limitations: str | None = Field(
        None, description=_FOR_PEOPLE, examples=["Dossiers before 2016 are missing."]
    )


class Server(_Place):
    """`servers[0]`: where the export is and what kind of file it is. There is exactly one."""

    server: str = Field(description="any name", examples=["production"])
    type: Literal["local", "sftp", "api", "s3", "postgres", "postgresql", "mysql", "custom"] = Field(
        description="how Kho gets at it: local is a folder below `.kho/exports`", examples=["sftp"]
    )
    path: str | None = Field(None, description="local: the folder", examples=["one_stop/dossiers"])
    location: str | None = Field(
        None,
        description="the folder on the server; `{connection}` stands for its address",
        examples=["sftp://{connection}/one_stop/dossiers"],
    )
    endpoint_url: str | None = Field(
        None, description="s3: a server that is not Amazon's", examples=["https://{connection}"]
    )
    host: str | None = Field(None, description="databases: the connection says it", examples=["{connection}"])
    port: int | str | None = Field(
        None, description="databases: the connection says it", examples=["{connection}"]
    )
    database: str | None = Field(None, description="databases: its name", examples=["one_stop"])
    schema_: str | None = Field(
        None, alias="schema", description="postgres: the schema of the query's tables", examples=["public"]
    )
    format: str | None = Field(
        None, description=f"what kind of file the export is: {', '.join(FORMATS)}", examples=["csv"]
    )
    encoding: str | None = Field(
        None,
        description="of text files: a codec of Python; utf-8 if not given. Of workbooks: tcvn3 or vni where their cells were typed with such fonts",
        examples=["utf-8-sig"],
    )
    delimiter: str | None = Field(
        None, description="between the columns of text files; a comma if not given", examples=[";"]
    )
    description: str | None = Field(None, description=_FOR_PEOPLE, examples=["the supplier's data centre"])
    environment: str | None = Field(None, description=_FOR_PEOPLE, examples=["prod"])
    custom_properties: list[CustomProperty] = Field(
        [], description="see below", examples=[[{"property": "connection", "value": "one_stop_sftp"}]]
    )


class Options(_Place):
    """`logicalTypeOptions` of a column: values that break them make the row a reject."""

    format: Literal["agency_code", "agency_codes"] | None = Field(
        None,
        description="of a string: agency_code is the identification code of an agency in either layout, root first of any depth"
        " (H51.12.21, QĐ 20/2020/QĐ-TTg) or leaf first in four parts (000.21.12.H51, QCVN 102:2016); both are the same agency,"
        " also in a key, and the text stays as it came. agency_codes are several, joined by `; `",
        examples=["agency_code"],
    )

    pattern: str | None = Field(
        None,
        description="regular expression that a string contains; ^ and $ make it the whole text",
        examples=[r"^\d{6}-\d{4}$"],
    )
    minimum: float | None = Field(None, description="smallest number", examples=[0])
    maximum: float | None = Field(None, description="largest number", examples=[100])


class Value(_Place):
    """`enum[n]`: one of the values that a column may have; another makes the row a reject."""

    value: Any = Field(description="as the export spells it", examples=["1"])
    description: str | None = Field(None, description="what it means", examples=["direct"])


class _Rule(_Place):
    name: str | None = Field(
        None, description="name of the rule; by default column and metric", examples=["reject_rate"]
    )
    type: Literal["library"] | None = Field(
        None, description="rules are those of the standard's library", examples=["library"]
    )
    unit: Literal["rows", "percent"] | None = Field(
        None, description="rows if not given", examples=["percent"]
    )
    must_be: Literal[0] | None = Field(None, description="none at all", examples=[0])
    must_be_greater_or_equal_to: float | None = Field(None, description="at least", examples=[1])
    must_be_less_or_equal_to: float | None = Field(None, description="at most", examples=[5])
    severity: Literal["critical", "warning", "info"] | None = Field(
        None,
        description="critical holds the batch (if not given), warning and info are told",
        examples=["critical"],
    )
    description: str | None = Field(
        None, description="what it means; people read it", examples=["Share of rejected rows."]
    )


class Rule(_Rule):
    """`schema[0].quality[n]`: what must hold for a whole batch."""

    metric: Literal["invalidValues", "rowCount", "duplicateValues"] = Field(
        description="what is counted: invalidValues are rejected rows, rowCount is loaded rows, duplicateValues are"
        " rows whose key is in the file more than once",
        examples=["invalidValues"],
    )


class ColumnRule(_Rule):
    """`schema[0].properties[n].quality[n]`: what must hold for a column of a whole batch."""

    metric: Literal["nullValues", "missingValues"] = Field(
        description="what is counted: either is empty cells", examples=["nullValues"]
    )


class Property(_Place):
    """`schema[0].properties[n]`: a column of the export."""

    name: str = Field(description="the column's name in Kho: a-z, 0-9 and _", examples=["dossier_code"])
    physical_name: str | None = Field(
        None,
        description="its header in the export (a path in JSON and XML); the name if not given",
        examples=["maHoSo"],
    )
    logical_type: Literal["string", "integer", "number", "date", "timestamp", "boolean"] = Field(
        description="what its texts are read as", examples=["timestamp"]
    )
    physical_type: str | None = Field(None, description=_FOR_PEOPLE, examples=["varchar(20)"])
    required: bool | None = Field(None, description="an empty cell makes the row a reject", examples=[True])
    primary_key: bool | None = Field(None, description="part of the key of a row", examples=[True])
    primary_key_position: int | None = Field(None, description="its place in the key, from 1", examples=[1])
    logical_type_options: Options | None = Field(
        None, description="limits of its values", examples=[{"minimum": 0}]
    )
    enum: list[Value] = Field(
        [],
        description="the values it may have",
        examples=[[{"value": "1", "description": "direct"}, {"value": "2", "description": "online"}]],
    )
    classification: Literal["personal", "public", "internal", "restricted"] | None = Field(
        None,
        description="personal: needs the custom property personalData; others are for people, and say that the column names nobody",
        examples=["personal"],
    )
    description: str | None = Field(
        None, description="what it means; dbt, the dictionary and people read it", examples=["Day of issue."]
    )
    business_name: str | None = Field(None, description=_FOR_PEOPLE, examples=["Ngày cấp"])
    tags: list[str] = Field([], description=_FOR_PEOPLE, examples=[["land"]])
    quality: list[ColumnRule] = Field(
        [],
        description="rules of this column",
        examples=[[{"type": "library", "metric": "nullValues", "unit": "percent", "mustBeLessOrEqualTo": 2}]],
    )
    custom_properties: list[CustomProperty] = Field(
        [], description="see below", examples=[[{"property": "personalData", "value": "drop"}]]
    )


class Table(_Place):
    """`schema[0]`: the file. There is exactly one."""

    name: str = Field(description="any name", examples=["dossiers"])
    physical_type: str | None = Field(None, description=_FOR_PEOPLE, examples=["file"])
    physical_name: str | None = Field(None, description=_FOR_PEOPLE, examples=["dossiers_20210630.csv"])
    logical_type: Literal["object"] | None = Field(None, description=_FOR_PEOPLE, examples=["object"])
    description: str | None = Field(None, description=_FOR_PEOPLE, examples=["One row per dossier."])
    business_name: str | None = Field(
        None,
        description="what officials call the export; the contract's `name` if not given",
        examples=["Hồ sơ"],
    )
    tags: list[str] = Field([], description=_FOR_PEOPLE, examples=[["one-stop"]])
    custom_properties: list[CustomProperty] = Field(
        [], description="see below", examples=[[{"property": "load", "value": "delta"}]]
    )
    properties: list[Property] = Field(
        min_length=1,
        description="the columns",
        examples=[[{"name": "dossier_code", "physicalName": "maHoSo", "logicalType": "string"}]],
    )
    quality: list[Rule] = Field(
        [],
        description="rules of a batch",
        examples=[
            [{"type": "library", "metric": "invalidValues", "unit": "percent", "mustBeLessOrEqualTo": 5}]
        ],
    )


class Frequency(_Place):
    """`slaProperties[n]` with `property: frequency`: how often the export is handed over. Without it nothing is ever
    expected: the source is optional."""

    property: Literal["frequency"] = Field(description="this one", examples=["frequency"])
    value: Literal[1] = Field(description="always 1", examples=[1])
    unit: Literal["d", "m", "q"] = Field(
        description="d: every day; m: every month, dated its last day (or endOfLife); q: every quarter, dated its first day",
        examples=["d"],
    )
    description: str | None = Field(None, description=_FOR_PEOPLE, examples=["A delta for every day."])


class Latency(_Place):
    """`slaProperties[n]` with `property: latency`: how late it may come before it is missed."""

    property: Literal["latency"] = Field(description="this one", examples=["latency"])
    value: int = Field(ge=0, description="days after its date; 0 if there is no latency", examples=[1])
    unit: Literal["d"] = Field("d", description="days", examples=["d"])
    description: str | None = Field(
        None, description=_FOR_PEOPLE, examples=["Handed over by the next night."]
    )


class EndOfLife(_Place):
    """`slaProperties[n]` with `property: endOfLife`: the system was given up, and nothing is expected after this day."""

    property: Literal["endOfLife"] = Field(description="this one", examples=["endOfLife"])
    value: str = Field(
        pattern=r"^\d{4}-\d{2}-\d{2}$",
        description="last day that anything is handed over for, as yyyy-MM-dd",
        examples=["2025-06-30"],
    )
    description: str | None = Field(None, description=_FOR_PEOPLE, examples=["One system for the province."])


class Document(_Place):
    """The contract as a whole."""

    api_version: str = Field(description="version of the standard", examples=["v3.1.0"])
    kind: Literal["DataContract"] = Field(description="always this", examples=["DataContract"])
    id: str = Field(
        description="`<system>.<entity>`, as the file's path says", examples=["one_stop.dossiers"]
    )
    name: str | None = Field(
        None,
        description="title of the export; `businessName` of its file stands before it",
        examples=["Dossiers of the one-stop desk"],
    )
    version: str = Field(description="of the contract: raise it with every change", examples=["1.0.0"])
    status: str = Field(
        description="draft: nights leave it alone; retired: nothing is fetched any more, what came of it stays; anything else: active",
        examples=["active"],
    )
    domain: str | None = Field(None, description=_FOR_PEOPLE, examples=["one_stop"])
    description: Description | None = Field(
        None,
        description="what the export is",
        examples=[{"purpose": "Certificates that were issued.", "usage": "A file a day."}],
    )
    servers: list[Server] = Field(
        min_length=1,
        max_length=1,
        description="where it is",
        examples=[[{"server": "production", "type": "local", "path": "land/certificates", "format": "csv"}]],
    )
    schema_: list[Table] = Field(
        min_length=1,
        max_length=1,
        alias="schema",
        description="what is in it",
        examples=[[{"name": "certificates", "properties": [{"name": "code", "logicalType": "string"}]}]],
    )
    sla_properties: list[Annotated[Frequency | Latency | EndOfLife, Field(discriminator="property")]] = Field(
        description="when it comes; empty where nothing is ever expected",
        examples=[[{"property": "frequency", "value": 1, "unit": "d"}]],
    )
    custom_properties: list[CustomProperty] = Field(
        [], description="see below", examples=[[{"property": "openQuestions", "value": ["…"]}]]
    )
    data_product: str | None = Field(None, description=_FOR_PEOPLE, examples=["one-stop figures"])
    tenant: str | None = Field(None, description=_FOR_PEOPLE, examples=["huyện Long Phú"])
    tags: list[str] = Field([], description=_FOR_PEOPLE, examples=[["one-stop"]])
    team: Any = Field(
        None, description=_FOR_PEOPLE, examples=[{"members": [{"username": "an", "role": "owner"}]}]
    )
    support: Any = Field(
        None, description=_FOR_PEOPLE, examples=[[{"channel": "mail", "url": "mailto:an@example.vn"}]]
    )
    authoritative_definitions: Any = Field(
        None, description=_FOR_PEOPLE, examples=[[{"type": "law", "url": "https://example.vn/qd-28-2018"}]]
    )
    contract_created_ts: str | None = Field(None, description=_FOR_PEOPLE, examples=["2021-01-01T00:00:00Z"])


def problems(document: Any) -> dict[str, tuple[str, str]]:
    """What Kho does not know in a contract: the path in its file, the kind of problem, what would be right."""
    try:
        Document.model_validate(document)
    except ValidationError as error:
        return {_path(each["loc"]): (each["type"], _remedy(each)) for each in error.errors()}
    return {}


def _path(place: tuple[int | str, ...]) -> str:
    variants = {"frequency", "latency", "endOfLife"}  # pydantic names the variant, the file does not
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in place if part not in variants]
    return "$" + "".join(parts)


def _remedy(error: Any) -> str:
    if error["type"] != "extra_forbidden":
        return error["msg"]
    known = sorted(_keys_at(error["loc"][:-1]))
    alike = difflib.get_close_matches(str(error["loc"][-1]), known, 1)
    return "Kho knows no such key here; " + (
        f"did you mean {alike[0]}?" if alike else f"there are {', '.join(known)}"
    )


def _keys_at(place: tuple[int | str, ...]) -> list[str]:
    """The keys of the model at this place."""
    by_key: dict[str, type[_Place]] = {
        "description": Description, "servers": Server, "schema": Table, "properties": Property, "quality": Rule,
        "logicalTypeOptions": Options, "enum": Value, "customProperties": CustomProperty, "slaProperties": Frequency,
    }  # fmt: skip
    names = [part for part in place if part in by_key]
    model = by_key[str(names[-1])] if names else Document
    return [field.alias or name for name, field in model.model_fields.items()]
