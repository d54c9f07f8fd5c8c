"""What is made from the keys of contracts: the reference for people, the JSON schema for editors.

`python -m kho.contract.reference` writes both; a test fails while they are older than the keys.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from kho.contract import mappings
from kho.contract import odcs as shape
from kho.contract.model import ColumnKeys, ContractKeys, FileKeys, OrderRule, ServerKeys, SkipRule, SumRule
from kho.contract.reading import odcs
from kho.settings import Settings, settings

#: every place of a contract's file, in the order of the file; custom properties after the place that they belong to
PLACES: tuple[tuple[str, type[BaseModel]], ...] = (
    ("The contract", shape.Document),
    ("Custom properties of the contract", ContractKeys),
    ("description", shape.Description),
    ("servers", shape.Server),
    ("Custom properties of the server", ServerKeys),
    ("schema: the file", shape.Table),
    ("Custom properties of the file", FileKeys),
    ("One of skipRows", SkipRule),
    ("One of inOrder", OrderRule),
    ("One of sums", SumRule),
    ("properties: the columns", shape.Property),
    ("Custom properties of a column", ColumnKeys),
    ("logicalTypeOptions of a column", shape.Options),
    ("One value of a column's enum", shape.Value),
    ("quality of the file", shape.Rule),
    ("quality of a column", shape.ColumnRule),
    ("slaProperties: frequency", shape.Frequency),
    ("slaProperties: latency", shape.Latency),
    ("slaProperties: endOfLife", shape.EndOfLife),
    ("A custom property", shape.CustomProperty),
)
#: models whose keys are written as custom properties, by the model of the place
CUSTOM: dict[type[BaseModel], type[BaseModel]] = {
    shape.Document: ContractKeys,
    shape.Server: ServerKeys,
    shape.Table: FileKeys,
    shape.Property: ColumnKeys,
}
_HEAD = """\
# The contract's reference

<!-- Made by `python -m kho.contract.reference` from the keys themselves: change those, not this page. -->

Every key that a contract may have, and an example of each. A contract is one file, `contracts/<system>/<entity>.yaml`, in
the Open Data Contract Standard 3.1. A key that is not here is an error, also where the standard has it: Kho would pass
over it, and nobody would know. [One contract of each kind](contracts-by-kind.md) shows whole ones.

Editors that know YAML (VS Code with its YAML extension, for one) check a contract and complete its keys while it is typed:
its first line names the schema, `contracts/contract.schema.json`.

What the standard lacks is written as custom properties, each `{property: …, value: …}`.
"""
_MEANINGS = """\
A line of `dbt_project/seeds/code_mappings.csv` says what a code of a system means: `domain,system,raw_code,code`. The domain is
the `mapping` of the column, or what the staging model's `join_mapping` names; the code is one of these words. A word more is a
line more in the seed that has them.
"""


def page(here: Settings) -> Path:
    return here.project / "docs" / "contract-reference.md"


def schema_file(here: Settings) -> Path:
    return here.contracts / "contract.schema.json"


def render() -> str:
    """The reference in Markdown: a table of keys per place of the file."""
    lines = [_HEAD]
    custom = set(CUSTOM.values())
    for title, model in PLACES:
        lines += [
            f"## {title}",
            "",
            _cell(_summary(model)),
            "",
            "| Key | Meaning | Example |",
            "|---|---|---|",
        ]
        for name, field in model.model_fields.items():
            key = field.alias or name
            example = (
                {"property": key, "value": _example(field)} if model in custom else {key: _example(field)}
            )
            needed = "**needed.** " if field.is_required() else ""
            lines.append(
                f"| `{key}` | {needed}{_cell(_meaning(field))}{_default(field)} | `{_cell(_yaml(example))}` |"
            )
        lines.append("")
    return "\n".join([*lines, *_meanings(mappings.seeds(settings().project))]).rstrip() + "\n"


def _meanings(seeds: mappings.Seeds) -> list[str]:
    """Every word that a code may mean, by the domain of its mapping."""
    lines = ["## What codes may mean", "", _MEANINGS, "| Domain | Seed | Meanings |", "|---|---|---|"]
    for domain, words in mappings.words(seeds).items():
        told = ", ".join(f"`{word}`" for word in words)
        if domain == "agency":
            told = "the code of any agency: `kho agency list`"
        lines.append(f"| {domain} | `{mappings.place_of(domain).name}` | {told} |")
    return lines


def schema() -> dict[str, Any]:
    """The JSON schema of a contract: the keys that Kho knows, and what the standard demands of each type of server."""
    made = shape.Document.model_json_schema()
    definitions = made["$defs"]
    for place, keys in CUSTOM.items():
        own = keys.model_json_schema()
        definitions |= own.get("$defs", {})
        properties = (
            made["properties"] if place is shape.Document else definitions[place.__name__]["properties"]
        )
        properties["customProperties"] = {"type": "array", "items": _custom_property(own)}
    definitions["Server"]["allOf"] = _types_of_server(definitions["Server"]["properties"])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A contract of Kho",
        **_tidy(made),
    }


def _custom_property(keys: dict[str, Any]) -> dict[str, Any]:
    """One custom property: its name is one of these keys, and its value what that key may have."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["property", "value"],
        "properties": {
            "property": {
                "oneOf": [
                    {"const": key, "description": each["description"]}
                    for key, each in keys["properties"].items()
                ]
            },
            "value": {},
            "description": {"type": "string"},
        },
        "allOf": [
            {"if": {"properties": {"property": {"const": key}}}, "then": {"properties": {"value": each}}}
            for key, each in keys["properties"].items()
        ],
    }


def _types_of_server(known: dict[str, Any]) -> list[dict[str, Any]]:
    """What the standard demands of each type: the keys that it needs, and those that it does not have."""
    of_all = {"server", "type", "description", "environment", "customProperties"}
    rules = []
    for rule in odcs()["$defs"]["Server"]["allOf"]:
        name = rule["if"]["properties"]["type"]["const"]
        if name not in known["type"]["enum"]:
            continue
        of_type = odcs()["$defs"]["ServerSource"][rule["then"]["$ref"].rpartition("/")[2]]
        wrong = known.keys() - of_type["properties"].keys() - of_all
        rules.append(
            {
                "if": {"properties": {"type": {"const": name}}},
                "then": {
                    "required": of_type.get("required", []),
                    "properties": dict.fromkeys(sorted(wrong), False),
                },
            }
        )
    return rules


def _tidy(made: Any, is_keys: bool = False) -> Any:
    """Without pydantic's titles, which repeat the names of keys, and without null: a key is there or it isn't."""
    if isinstance(made, list):
        return [_tidy(each) for each in made]
    if not isinstance(made, dict):
        return made
    if not is_keys:
        made = {
            key: each for key, each in made.items() if key != "title" and (key, each) != ("default", None)
        }
        kinds = [each for each in made.get("anyOf", ()) if each != {"type": "null"}]
        if len(kinds) == 1:
            made = {key: each for key, each in made.items() if key != "anyOf"} | kinds[0]
        elif kinds:
            made["anyOf"] = kinds
    return {key: _tidy(each, key in ("properties", "$defs") and not is_keys) for key, each in made.items()}


def _summary(model: type[BaseModel]) -> str:
    return " ".join((model.__doc__ or "").split())


def _meaning(field: FieldInfo) -> str:
    values = [str(value) for value in _values(field.annotation) if value != ""]
    told = field.description or ""
    if len(values) < 2 or all(value in told for value in values):
        return told
    return f"{told}; one of {', '.join(values)}"


def _values(annotation: Any) -> list[Any]:
    """What a key with a choice may be."""
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    return [value for each in get_args(annotation) for value in _values(each)]


def _default(field: FieldInfo) -> str:
    value = field.get_default()
    if value is PydanticUndefined or value in (None, (), []):
        return ""
    return f" (`{_cell(_yaml(value))}` if not given)"


def _example(field: FieldInfo) -> Any:
    return (field.examples or [""])[0]


def _yaml(value: Any) -> str:
    """The value as it stands in a contract, on one line."""
    text = yaml.safe_dump(
        json.loads(json.dumps(value, default=str)),
        default_flow_style=True,
        allow_unicode=True,
        sort_keys=False,
        width=10_000,
    )
    return text.removesuffix("\n").removesuffix("\n...")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> None:
    here = settings()
    page(here).write_text(render(), encoding="utf-8")
    text = json.dumps(schema(), ensure_ascii=False, indent=1) + "\n"
    schema_file(here).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
