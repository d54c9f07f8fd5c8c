"""CPU time of the readers, beside the fastest library alone that makes Python's objects of the same file: `make bench`.

Prints ratios; absolute times belong to the machine. The library only reads: it keeps no offsets, checks no text and
writes nothing.
"""

from __future__ import annotations

import io
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import msgspec
import xlsxwriter
from lxml import etree
from python_calamine import CalamineWorkbook
from rich.console import Console
from rich.table import Table

from kho.contract import Contract, contracts
from kho.formats import open_export
from kho.settings import Settings
from tests.bench.load import events
from tests.integration.registers import WRITTEN, register
from tests.integration.test_load_xml import PATHS, document, record

ROWS = 100_000
TIMES = 5


def items(contract: Contract) -> bytes:
    """XML whose records have attributes only."""
    names = [column.header.removeprefix("@") for column in contract.columns]
    rows = (" ".join(f'{name}="Giá trị {n}"' for name in names) for n in range(ROWS))
    return f"<xml><data>{''.join(f'<row {row}/>' for row in rows)}</data></xml>".encode()


def files() -> bytes:
    """XML whose records have elements within elements."""
    return document(*(record([f"{n}", *WRITTEN[0][1:]]) for n in range(ROWS))).encode()


def outgoing(contract: Contract) -> bytes:
    """A workbook with texts, numbers and dates."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        sheet, day = book.add_worksheet(), book.add_format({"num_format": "dd/mm/yyyy"})
        sheet.write_row(0, 0, [column.header for column in contract.columns])
        for n in range(1, ROWS + 1):
            sheet.write_row(n, 0, [f"{n}", "H51.12", n % 900 + 1, "UBND-VP"])
            sheet.write_datetime(n, 4, datetime(2021, 1, 4) + timedelta(days=n % 300), day)
            sheet.write_row(
                n, 5, ["Công văn", f"Về việc {n}", "Người Ký", "Thường", "x", "", "05/01/2021 09:30"]
            )
    return file.getvalue()


def json_objects(path: Path) -> None:
    decode = msgspec.json.Decoder().decode
    with path.open("rb") as file:
        for line in file:
            decode(line)


def xml_libraries(tag: str) -> dict[str, Callable[[Path], None]]:
    return {
        "lxml, no value read": partial(xml_records, tag),
        "lxml, values read": partial(xml_values, tag),
    }


def xml_records(tag: str, path: Path) -> None:
    for _, element in etree.iterparse(path, tag=tag):
        element.clear()


def xml_values(tag: str, path: Path) -> None:
    for _, element in etree.iterparse(path, tag=tag):
        dict(element.attrib), {each.tag: each.text for each in element.iter()}
        element.clear()


def cells(path: Path) -> None:
    for _ in CalamineWorkbook.from_path(path).get_sheet_by_index(0).iter_rows():
        pass


def ours(contract: Contract, path: Path) -> None:
    assert sum(block.copied_count for block in open_export(contract, path).blocks()) == ROWS


def cpu_seconds(work: Callable[..., None], *arguments: object) -> float:
    start = _cpu_seconds()
    work(*arguments)
    return _cpu_seconds() - start


def _cpu_seconds() -> float:
    """Of this process and of those that it has waited for: calamine runs in one of its own."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def main() -> dict[str, float]:
    """Prints the table; gives the ratios by what was read and by what library."""
    ratios: dict[str, float] = {}
    table = Table("reader", "library alone", "CPU time against it", title=f"{ROWS:,} rows")
    known = contracts(Settings())
    deliveries, portal, documents = (
        known[name] for name in ("documents.deliveries", "tieu_can_portal.items", "documents.outgoing")
    )
    with tempfile.TemporaryDirectory() as folder:
        archive = register(Path(folder), "xml", headers=PATHS, recordsPath="SoHoSo/DanhSach/HoSo")
        for what, contract, data, libraries in (
            ("JSON lines", deliveries, events(deliveries, ROWS), {"msgspec, objects": json_objects}),
            ("XML, elements", archive, files(), xml_libraries("{urn:x}HoSo")),
            ("XML, attributes", portal, items(portal), xml_libraries("row")),
            ("XLSX", documents, outgoing(documents), {"calamine, rows": cells}),
        ):
            path = Path(folder) / "file"
            path.write_bytes(data)
            for told, library in libraries.items():
                pairs = [
                    (cpu_seconds(ours, contract, path), cpu_seconds(library, path)) for _ in range(TIMES)
                ]
                mine, its = map(statistics.median, zip(*pairs, strict=True))
                table.add_row(what, told, f"{mine / its:.1f}")
                ratios[f"read, {ROWS:,} rows: {what} against {told}"] = mine / its
    Console().print(table)
    return ratios


if __name__ == "__main__":
    main()
