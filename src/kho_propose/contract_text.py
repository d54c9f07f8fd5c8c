"""The proposal as a contract: YAML that reads like one written by hand, with a word on what was found."""

from __future__ import annotations

from typing import Any

import yaml

from kho_propose.names import singular
from kho_propose.proposal import Column, Proposal, Question

_WIDE = 10_000
#: where an open question's answer goes, by its topic
_PLACES = {
    "encoding": ("encoding",),
    "dates": ("dateFormat", "timestampFormat"),
    "offsets": ("timestampFormat",),
    "numbers": ("thousandsSeparator", "decimalSeparator"),
    "load": ("load",),
    "frequency": ("frequency",),
    "header": ("headerRows",),
}


def render(proposal: Proposal) -> str:
    """The whole file."""
    sources = ", ".join(" ".join(sample.path.name.split()) for sample in proposal.samples[:3])
    more = f" and {len(proposal.samples) - 3} more" if len(proposal.samples) > 3 else ""
    title = proposal.entity.replace("_", " ").capitalize()
    lines = [
        "# yaml-language-server: $schema=../contract.schema.json",
        f"# Proposed by `kho source new` from {sources}{more}.",
        "# Say what it is, answer the open questions and take them out, then set status to active.",
        *(f"# - {' '.join(remark.split())}" for remark in proposal.remarks),
        "apiVersion: v3.1.0",
        "kind: DataContract",
        f"id: {proposal.name}",
        f"name: {_scalar(f'{title} ({proposal.system})')}",
        "version: 1.0.0",
        "status: draft",
        f"domain: {proposal.system}",
        "description:",
        f"  purpose: {_scalar(f'{title} of the system {proposal.system}.')}",
        f"  usage: {_scalar(_usage(proposal))}",
    ]
    if proposal.questions:
        lines += ["customProperties:", "  - property: openQuestions", "    value:"]
        lines += [f"      - {_scalar(str(question))}" for question in proposal.questions]
    lines += _server(proposal) + _schema(proposal) + _service(proposal)
    return "\n".join(lines) + "\n"


def _usage(proposal: Proposal) -> str:
    if proposal.load == "full":
        return "The whole list; what is no longer in the newest one is gone."
    return f"What is new or changed; the newest version of a {singular(proposal.entity).replace('_', ' ')} counts."


def _server(proposal: Proposal) -> list[str]:
    shape = proposal.shape
    keys: list[dict[str, Any]] = []
    if shape.format == "csv" and shape.delimiter != ",":
        keys.append({"property": "delimiter", "value": shape.delimiter})
    if shape.compression:
        keys.append({"property": "compression", "value": shape.compression})
    keys.append({"property": "fileName", "value": proposal.file_pattern})
    if proposal.control_file:
        keys.append({"property": "controlFile", "value": proposal.control_file})
    lines = [
        "servers:",
        "  - server: production",
        "    type: local  # a folder below the exports folder; or sftp, api and others, with a connection",
        f"    path: {proposal.system}/{proposal.entity}",
        f"    format: {shape.format}",
    ]
    if shape.format in ("csv", "html"):
        told = str(shape.encoding) if shape.encoding and shape.encoding.encoding == proposal.encoding else ""
        lines.append(f"    encoding: {proposal.encoding}{_comment(_asked(proposal, 'encoding') or told)}")
    lines.append("    customProperties:")
    return lines + [f"      - {_flow(each)}{_comment(_asked(proposal, each['property']))}" for each in keys]


def _schema(proposal: Proposal) -> list[str]:
    lines = ["schema:", f"  - name: {proposal.entity}", "    physicalType: file", "    customProperties:"]
    lines += [
        f"      - {_flow({'property': key, 'value': value})}{_comment(_asked(proposal, key))}"
        for key, value in _file_keys(proposal)
    ]
    if proposal.skips:
        lines += ["      - property: skipRows", "        value:"]
        lines += [
            f"          - {_flow({'column': column, 'pattern': pattern, 'why': why})}"
            for column, pattern, why in proposal.skips
        ]
    lines.append("    properties:")
    lines += [line for column in proposal.columns for line in _column(proposal, column)]
    rules: list[dict[str, Any]] = [
        {
            "name": "reject_rate", "type": "library", "metric": "invalidValues", "unit": "percent",
            "mustBeLessOrEqualTo": 5, "severity": "critical", "description": "Share of rejected rows.",
        }
    ]  # fmt: skip
    if proposal.load == "full":
        rules.append(
            {
                "name": "row_count", "type": "library", "metric": "rowCount", "unit": "rows",
                "mustBeGreaterOrEqualTo": 1, "severity": "critical", "description": "A full list is never empty.",
            }
        )  # fmt: skip
    return [*lines, "    quality:", *(f"      - {_flow(rule)}" for rule in rules)]


def _file_keys(proposal: Proposal) -> list[tuple[str, Any]]:
    keys: list[tuple[str, Any]] = [("load", proposal.load)]
    if proposal.load == "full":
        keys.append(("fullListOf", list(proposal.full_list_of)))
    if proposal.version_column:
        keys.append(("versionColumn", proposal.version_column))
    if proposal.case_column:
        keys.append(("caseColumn", proposal.case_column))
    if proposal.header_rows > 1:
        keys.append(("headerRows", proposal.header_rows))
    if proposal.shape.sheet:
        keys.append(("sheet", proposal.shape.sheet))
    if proposal.shape.records_path:
        keys.append(("recordsPath", proposal.shape.records_path))
    if proposal.date_format:
        keys.append(("dateFormat", proposal.date_format))
    if proposal.timestamp_format:
        keys.append(("timestampFormat", proposal.timestamp_format))
    if proposal.numbers:
        thousands, point = proposal.numbers
        keys += [("thousandsSeparator", thousands)] if thousands else []
        keys += [("decimalSeparator", point)] if point != "." or thousands else []
    if proposal.conventions.null_texts:
        keys.append(("nullTexts", list(proposal.conventions.null_texts)))
    return keys


def _column(proposal: Proposal, column: Column) -> list[str]:
    made: dict[str, Any] = {
        "name": column.name,
        "physicalName": column.header,
        "logicalType": column.typed.type,
    }
    if column.is_required:
        made["required"] = True
    if column.key_position:
        made |= {"primaryKey": True, "primaryKeyPosition": column.key_position}
    if column.personal:
        made["classification"] = "personal"
    made["description"] = description(column)
    if column.format:
        made["logicalTypeOptions"] = {"format": column.format}
    custom: list[dict[str, Any]] = []
    if column.typed.type == "boolean":
        custom.append({"property": "trueValues", "value": list(column.typed.true_values)})
        custom.append({"property": "falseValues", "value": list(column.typed.false_values)})
    if column.personal:
        custom.append({"property": "personalData", "value": column.personal.treatment})
    if custom:
        made["customProperties"] = custom
    remarks = [column.personal.why] if column.personal else []
    remarks += [column.remark] if column.remark else []
    if column.few_values:
        remarks.append(
            f"so far {', '.join(column.few_values)}: if there are no others, an enum of them rejects mistakes"
        )
    if column.key_position == 1:
        others = [f"or the key {', '.join(other)}" for other in proposal.other_keys]
        asked = next((_told(question) for question in proposal.questions if question.topic == "key"), "")
        remarks += [asked] if asked else others
    if column.typed.type == "number" and any(question.topic == "numbers" for question in proposal.questions):
        remarks.append("integer, if the sign in it separates thousands")
    return [f"      - {_flow(made)}{_comment('; '.join(remarks))}"]


def description(column: Column) -> str:
    """What a column means, as far as its header tells."""
    return f"{column.header.strip().rstrip('.')}."


def _service(proposal: Proposal) -> list[str]:
    frequency = {"property": "frequency", "value": 1, "unit": proposal.frequency}
    latency = {"property": "latency", "value": proposal.latency_days, "unit": "d"}
    asked = _comment(_asked(proposal, "frequency"))
    if proposal.frequency == "once":
        return ["slaProperties: []  # it comes once: nothing is expected after it"]
    return [
        "slaProperties:",
        f"  - {_flow(frequency)}{asked}",
        f"  - {_flow(latency)}  # may come that many days late",
    ]


def _asked(proposal: Proposal, key: str) -> str:
    """What is open about a key."""
    return next(
        (_told(question) for question in proposal.questions if key in _PLACES.get(question.topic, ())), ""
    )


def _told(question: Question) -> str:
    others = question.answers[1:]
    if question.topic in ("numbers", "offsets"):
        return f"? {question.text.partition(':')[0]}"
    return f"? or {' or '.join(others)}" if others else "? open"


def _comment(text: str) -> str:
    return f"  # {' '.join(text.split())}" if text else ""


def _flow(value: Any) -> str:
    """A mapping on one line."""
    return yaml.safe_dump(
        value, default_flow_style=True, allow_unicode=True, sort_keys=False, width=_WIDE
    ).strip()


def _scalar(text: str) -> str:
    return yaml.safe_dump(text, allow_unicode=True, width=_WIDE).strip().removesuffix("\n...").strip()
