"""The staging model of a proposed source, and what stands beside it: descriptions and tests."""

from __future__ import annotations

from typing import Any

import yaml

from kho_propose.contract_text import description
from kho_propose.names import singular
from kho_propose.proposal import Column, Proposal

_TYPES = {
    "string": "text", "integer": "bigint", "number": "numeric", "date": "date", "timestamp": "timestamptz",
    "boolean": "boolean",
}  # fmt: skip
#: what the macro `list_rows` adds to a row of a full list
_OF_LISTS = {"list_unit": "text", "list_date": "date", "listed_to": "date"}


def model_name(proposal: Proposal) -> str:
    return f"stg_{proposal.system}__{proposal.entity}"


def render_sql(proposal: Proposal) -> str:
    """The model: the rows of the build with their names; all versions stay."""
    row = singular(proposal.entity)
    row = f"{row}_row" if row == proposal.entity else row
    names = [
        f"_key as {_key(proposal)}",
        *(
            f"{{{{ canonical_agency_code('{row}.{column.name}') }}}} as {column.name}"
            if column.format
            else column.name
            for column in _stored(proposal)
        ),
        *_of_lists(proposal),
        "{{ version_columns() }}",
    ]
    rows = "list_rows" if proposal.load == "full" else "input_rows"
    lines = [
        f"with {row} as (",
        f"  {{{{ {rows}('{proposal.name}') }}}}",
        ")",
        "",
        "select",
        ",\n".join(f"  {name}" for name in names),
        f"from {row}",
    ]
    return "\n".join(lines) + "\n"


def render_yaml(proposal: Proposal) -> str:
    """Description and tests of every column. A key is not unique here: all versions of a row stay."""
    thing = singular(proposal.entity).replace("_", " ")
    key = ", ".join(column.name for column in proposal.key)
    columns: list[dict[str, Any]] = [
        {
            "name": _key(proposal),
            "data_type": "uuid",
            "description": f"Key of the {thing}: hash of {key}.",
            "data_tests": ["not_null"],
        }
    ]
    for column in _stored(proposal):
        made: dict[str, Any] = {
            "name": column.name,
            "data_type": _TYPES[column.typed.type],
            "description": description(column),
        }
        columns.append(made | ({"data_tests": ["not_null"]} if column.is_required else {}))
    for name, type_ in _of_lists(proposal).items():
        columns.append({"name": name, "data_type": type_, "description": f"{{{{ doc('{name}') }}}}"})
    document = {
        "version": 2,
        "models": [
            {
                "name": model_name(proposal),
                "description": f"One row per version of a {thing}.",
                "columns": columns,
            }
        ],
    }
    text = yaml.dump(document, Dumper=_Indented, sort_keys=False, allow_unicode=True, width=10_000)
    return text.replace("version: 2\n", "version: 2\n\n", 1)


def _key(proposal: Proposal) -> str:
    name = f"{singular(proposal.entity)}_key"
    return f"{name}_hash" if any(column.name == name for column in proposal.columns) else name


def _of_lists(proposal: Proposal) -> dict[str, str]:
    return _OF_LISTS if proposal.load == "full" else {}


def _stored(proposal: Proposal) -> list[Column]:
    return [
        column for column in proposal.columns if not column.personal or column.personal.treatment != "drop"
    ]


class _Indented(yaml.SafeDumper):
    """Lists are indented below their key, as everywhere in the project."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)
