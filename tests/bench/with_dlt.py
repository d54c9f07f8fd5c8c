"""The same export with dlt, in the ways that its documents call fast. Run by `tests.bench.rivals` in an environment of dlt's own.

Reads what to do from standard input, writes what it cost to standard output, both as JSON. Imports are the process's start,
as they are in `tests.bench.load`.
"""

from __future__ import annotations

import json
import re
import resource
import shutil
import sys
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import adbc_driver_manager.dbapi  # noqa: F401
import dlt
import dlt.destinations.impl.postgres.postgres
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
from dlt.common.destination.configuration import CsvFormatConfiguration

BLOCK = 16 << 20
BOM = len("\ufeff".encode())


def tables(path: str, delimiter: str, columns: list[dict[str, Any]], typed: bool) -> Iterator[pa.Table]:
    """The file's rows by pyarrow's reader: typed ones without what Kho drops, or all columns as texts."""
    types = {"timestamp": pa.timestamp("us"), "boolean": pa.bool_()} if typed else {}
    taken = [column for column in columns if column["is_stored"] or not typed]
    numbers = [column["header"] for column in taken if typed and column["type"] == "integer"]
    options = pa.csv.ConvertOptions(
        column_types={column["header"]: types.get(column["type"], pa.string()) for column in taken},
        include_columns=[column["header"] for column in taken],
        timestamp_parsers=["%d/%m/%Y %H:%M"],
        true_values=["1"],
        false_values=["0"],
        null_values=[""],
        strings_can_be_null=True,
    )
    parsed = pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    with pa.csv.open_csv(path, pa.csv.ReadOptions(block_size=BLOCK), parsed, options) as reader:
        for batch in reader:
            table = pa.Table.from_batches([batch])
            for name in numbers:
                number = pc.cast(pc.replace_substring(table[name], ".", ""), pa.int64())
                table = table.set_column(table.schema.get_field_index(name), name, number)
            yield table


def file(path: str, copy: Path, columns: list[dict[str, Any]]) -> Any:
    """The file as it is, but for its byte order mark, which dlt takes for a part of the first name."""
    with Path(path).open("rb") as whole, copy.open("wb") as without:
        whole.seek(BOM)
        shutil.copyfileobj(whole, without, 1 << 20)
    hints = [{"name": column["header"].lower(), "data_type": "text"} for column in columns]
    return dlt.resource([dlt.mark.with_file_import(str(copy), "csv")], name="dossiers", columns=hints)


def run(job: dict[str, Any]) -> None:
    as_it_is = job["way"] == "file"
    csv_format = CsvFormatConfiguration(delimiter=job["delimiter"]) if as_it_is else None
    pipeline = dlt.pipeline(
        job["name"],
        pipelines_dir=job["home"],
        destination=dlt.destinations.postgres(job["url"], csv_format=csv_format),
        dataset_name=job["name"],
    )
    path, columns = job["path"], job["columns"]
    if as_it_is:
        done = pipeline.run(file(path, Path(job["home"]) / "copy.csv", columns))
    else:
        rows = dlt.resource(tables(path, job["delimiter"], columns, job["typed"]), name="dossiers")
        done = pipeline.run(rows, loader_file_format=job["way"])
    done.raise_on_failed_jobs()


def peak_megabytes() -> float:
    return int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024


def main() -> None:
    job = json.load(sys.stdin)
    before, cpu, start = peak_megabytes(), time.process_time(), time.perf_counter()
    run(job)
    seconds, children = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    told = {
        "cpu": time.process_time() - cpu + children.ru_utime + children.ru_stime,
        "seconds": seconds,
        "megabytes": peak_megabytes() - before,
        "versions": {name: version(name) for name in ("dlt", "pyarrow", "adbc-driver-postgresql")},
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
