"""`kho source`: the exports that Kho takes, one contract each."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import typer

from kho.cli.output import Format, show_rows

if TYPE_CHECKING:
    from kho.source import SourceState

app = typer.Typer(no_args_is_help=True, help="Sources: the exports that Kho takes, one contract each.")

_EVERY = {"d": "day", "m": "month", "q": "quarter"}


@app.command("list")
def list_sources(output_format: Format = "table") -> None:
    """Every source: where it comes from, how fresh it is, what came last."""
    import psycopg

    from kho.settings import settings
    from kho.source import sources

    try:
        found = sources(settings())
    except (psycopg.OperationalError, LookupError):  # contracts are files: they can be listed all the same
        print("The warehouse does not answer, so nothing is said of what came: `kho up`.", file=sys.stderr)
        found = sources(settings(), with_ledger=False)
    records = [_record(each) for each in found]
    if output_format == "table":
        columns = ("source", "comes from", "every", "fresh", "last batch", "rows", "rejected")
        show_rows("Sources", columns, [_lines(each) for each in records], output_format)
    else:
        rows = [list(each.values()) for each in records]
        show_rows("Sources", list(records[0]) if records else (), rows, output_format)


def _record(source: SourceState) -> dict[str, Any]:
    contract, freshness, batch = source.contract, source.freshness, source.last_batch
    return {
        "source": source.name,
        "title": contract and contract.title,
        "transport": contract and contract.server_type,
        "format": contract and contract.format,
        "connection": contract and contract.server.connection,
        "location": contract and contract.location,
        "every": contract and _EVERY[contract.frequency],
        "freshness": freshness and freshness.state,
        "as_of": freshness and freshness.as_of,
        "batch": batch and batch.batch_id,
        "state": batch and batch.state,
        "rows": batch and batch.rows_in_file,
        "rejected_percent": batch and batch.rejected_percent,
        "problem": source.problem or (freshness and freshness.reason),
    }


def _lines(record: dict[str, Any]) -> list[str | None]:
    """The record in the cells of a table for people."""

    def two(*words: Any) -> str:
        return "\n".join(str(word) for word in words if word is not None)

    percent = record["rejected_percent"]
    return [
        two(record["source"], record["title"]),
        two(
            record["transport"] and f"{record['format']} over {record['transport']}",
            (record["connection"] and f"{record['connection']}:{record['location']}") or record["location"],
        ),
        record["every"],
        two((record["freshness"] or "").replace("_", " "), record["as_of"])
        if record["transport"]
        else "unusable",
        two(record["batch"], record["state"]),
        None if record["rows"] is None else f"{record['rows']:,}",
        None if percent is None else f"{percent:g} %",
    ]
