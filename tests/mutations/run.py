"""Many broken exports through the load: nothing but `Unreadable`, and every row counted.

`python -m tests.mutations.run 2000` prints the table of docs/drift.md.
"""

from __future__ import annotations

import gzip
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from kho.contract import Contract, contracts
from kho.load.dry_run import dry_run
from kho.settings import Settings
from kho_sample import totals, write
from tests.integration.registers import HEADER, TYPED, WRITTEN, register
from tests.integration.test_load_parquet import parquet, table
from tests.integration.test_load_workbooks import ods
from tests.mutations.broken import broken, packed_anew

SEED = 20261128
MANY = 2_000
SOME = 200  # of them in every run of the tests
SMALL = 600  # bytes of a file that has no more than a header


@dataclass(frozen=True)
class Sound:
    """A file that its contract reads."""

    contract: Contract
    name: str
    data: bytes
    title: str  # of its format


@dataclass(frozen=True)
class Outcome:
    """What a load made of a broken file."""

    number: int
    contract: str
    title: str
    happened: str
    state: str
    reason: str | None
    in_file: int
    loaded: int
    rejected: int
    skipped: int


def sound(settings: Settings, folder: Path) -> list[Sound]:
    """A small file of every contract, and of the formats that no contract of the sample has."""
    known, exports = contracts(settings), {}
    for path in sorted((settings.project / "samples").glob("*.yaml")):
        for export in write.generate(settings, totals.read(path).scaled(0.02)):
            name = f"{export.system}.{export.entity}"
            if name in known and known[name].named(export.name):
                exports.setdefault(name, []).append(export)
    found = {}
    for name, of_it in exports.items():
        # The smallest that has rows; where all are small, the largest.
        size = {each.name: len(each.content) for each in of_it}
        export = min(
            of_it, key=lambda each: (size[each.name] < SMALL, abs(size[each.name] - SMALL), each.name)
        )
        contract = known[name]
        packing = contract.server.compression
        title = contract.format + (f" in {packing}" if packing else "")
        found[name] = Sound(contract, export.name, export.content, title)
    delimited = "\r\n".join(";".join(map(str, line)) for line in [HEADER, *WRITTEN]).encode()
    scores = known["national_portal.service_scores"]  # no unit of the samples tells them
    told = "Mã định danh;Kỳ;Chỉ tiêu;Tử số;Mẫu số;Điểm\r\n" + "".join(
        f"H13;2026-{month:02d};2.1;{900 + month};1000;18,{month:02d}\r\n" for month in range(1, 13)
    )
    found[scores.name] = Sound(scores, "service_scores_20261231.csv", told.encode(), scores.format)
    theirs = known["ministry_forms.dossiers"]  # nor what a ministry's system has
    told = "maHoSo;maTTHC;maDinhDanh;ngayTiepNhan\r\n" + "".join(
        f"G15.05-2609{day:02d}-000123;1.004946;H13.31639;{day:02d}/09/2026 08:00\r\n" for day in range(1, 31)
    )
    found[theirs.name] = Sound(theirs, "dossiers_20260930.csv", told.encode(), theirs.format)
    for title, data, server in (
        ("parquet", parquet(table(TYPED)), {}),
        ("ods", packed_anew(ods({"S": [HEADER, *TYPED]}), bytes, Random(0)), {}),
        ("csv in gzip", gzip.compress(delimited, mtime=0), {"compression": "gzip"}),
    ):
        place = folder / title.replace(" ", "_")
        place.mkdir()
        contract = register(place, title.split()[0], server=server)
        found[title] = Sound(contract, "files_20210131", data, title)
    return list(found.values())


def outcomes(settings: Settings, folder: Path, numbers: range) -> Iterator[Outcome]:
    """What loads make of the broken files of these numbers. A file of a number is always the same."""
    files = sound(settings, folder)
    path = folder / "broken"
    for number in numbers:
        chance = Random(SEED + number)
        each = files[number * SOME // MANY % len(files)]  # so that some numbers of all are of every file
        happened, data = broken(each.data, chance, chance.choice(files).data)
        path.write_bytes(data)
        day = each.contract.day_of(each.name)
        assert day
        batch = dry_run(settings, each.contract, path, each.name, day).batch
        yield Outcome(
            number, each.contract.name, each.title, happened, batch.state, batch.reason,
            batch.rows_in_file, batch.rows_loaded, batch.rows_rejected, batch.rows_skipped,
        )  # fmt: skip


def as_table(found: list[Outcome]) -> str:
    """By format: how many files, what became of them, and of their rows."""
    lines = [
        "| Format | Broken files | Unreadable | Loaded with rejects | Loaded whole | Rows in | = loaded | + rejected | + skipped |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for title in [*sorted({each.title for each in found}), "all"]:
        of = [each for each in found if title in (each.title, "all")]
        read = [each for each in of if each.state != "unreadable"]
        numbers = (
            len(of), len(of) - len(read), sum(each.rejected > 0 for each in read), sum(each.rejected == 0 for each in read),
            *(sum(getattr(each, name) for each in read) for name in ("in_file", "loaded", "rejected", "skipped")),
        )  # fmt: skip
        lines.append(f"| {title} | " + " | ".join(f"{number:,}" for number in numbers) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    os.environ.setdefault("KHO_HOME", tempfile.mkdtemp())
    from kho.server import postgres

    here = Settings()
    postgres.start(here)
    many = int(sys.argv[1]) if len(sys.argv) > 1 else MANY
    with tempfile.TemporaryDirectory() as work:
        done = list(outcomes(here, Path(work), range(many)))
    postgres.remove(here)
    for each in done:
        if "Kho failed" in (each.reason or ""):
            print(each)
    print(as_table(done))
