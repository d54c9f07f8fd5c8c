"""The data dictionary's page of each export, written from its contract: `python -m kho.contract.dictionary`."""

from __future__ import annotations

from pathlib import Path

from kho.contract import Column, Contract, contracts
from kho.settings import Settings, settings

NOTE = "<!-- Made from the contract by `python -m kho.contract.dictionary`: change the contract, not this page. -->\n"
_FREQUENCY = {
    "d": "every day",
    "m": "every month, dated its last day",
    "q": "every quarter, dated its first day",
}
_TRANSPORT = {"local": "folder", "sftp": "SFTP", "api": "HTTP API"}


def folder(settings: Settings) -> Path:
    return settings.project / "docs" / "exports"


def render(contract: Contract) -> str:
    """The page in Markdown: what the export is, how it comes, what must hold, and what each column means."""
    facts = {
        "System": contract.system,
        "Contract": f"`contracts/{contract.system}/{contract.entity}.yaml`, version {contract.version}",
        "Comes": f"{_FREQUENCY[contract.frequency]}, at most {contract.latency_days} days later",
        "Through": f"{_TRANSPORT[contract.server_type]}, `{contract.location}`",
        "File": f"`{_cell(contract.server.file_name)}`, {contract.format}, {contract.encoding}",
        "Holds": "the whole list" if contract.file.load == "full" else "what is new or changed",
        "Raw table": f"`raw.{contract.raw_table}`",
        "Key": ", ".join(f"`{column.name}`" for column in contract.key),
    }
    lines = [NOTE, f"# {contract.title}\n", f"{contract.purpose} {contract.usage}\n", "| | |", "|---|---|"]
    lines += [f"| {name} | {value} |" for name, value in facts.items()]
    lines += [
        "\n## Columns\n",
        "| column | header in the export | type | required | meaning | values |",
        "|---|---|---|---|---|---|",
    ]
    lines += [_row(column) for column in contract.columns]
    lines += [
        "\n## What must hold for a batch\n",
        "| rule | limit | severity | meaning |",
        "|---|---|---|---|",
    ]
    for rule in contract.quality:
        limits = [f"≥ {rule.at_least:g}"] if rule.at_least is not None else []
        limits += [f"≤ {rule.at_most:g}"] if rule.at_most is not None else []
        lines.append(
            f"| {rule.name} | {' and '.join(limits)} {rule.unit} | {rule.severity} | {rule.description} |"
        )
    if contract.file.skip_rows:
        lines += ["\n## Rows that are no data\n", "| column | text | what it is |", "|---|---|---|"]
        lines += [
            f"| `{rule.column}` | `{_cell(rule.pattern)}` | {rule.why} |" for rule in contract.file.skip_rows
        ]
    return "\n".join(lines) + "\n"


def _row(column: Column) -> str:
    personal = {"drop": "personal: not loaded", "hash": "personal: keyed hash", None: column.raw_type}
    values = ", ".join(f"`{value}`" for value in column.values) or (
        f"`{_cell(column.pattern)}`" if column.pattern else ""
    )
    required = "yes" if column.required else ""
    kind = personal[column.keys.personal_data]
    return f"| `{column.name}` | {column.header} | {kind} | {required} | {column.description} | {values} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> None:
    here = settings()
    folder(here).mkdir(parents=True, exist_ok=True)
    for name, contract in contracts(here).items():
        (folder(here) / f"{name}.md").write_text(render(contract), encoding="utf-8")


if __name__ == "__main__":
    main()
