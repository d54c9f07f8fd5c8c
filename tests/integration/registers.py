"""A register of files that any format can hold: its contract, its rows, and what is read of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from kho.contract import Contract, read_contract
from kho.load import Batch, load
from kho.settings import Settings
from tests.integration.loading import deliver, raw_rows, rejects, rows

DAY = date(2021, 1, 31)
COLUMNS = {
    "file_code": ("Mã hồ sơ", "string"),
    "subject": ("Trích yếu", "string"),
    "opened_date": ("Ngày mở", "date"),
    "changed_at": ("Cập nhật", "timestamp"),
    "page_count": ("Số trang", "integer"),
    "fee": ("Lệ phí", "number"),
    "is_open": ("Còn mở", "boolean"),
}
HEADER = [header for header, _ in COLUMNS.values()]
TYPED = [
    ["000.01", "Đăng ký đất đai", date(2021, 1, 4), datetime(2021, 1, 5, 9, 30), 12, 1.234, True],
    ["000.02", 'Về việc "hộ tịch"', date(2021, 1, 5), datetime(2021, 1, 6), 0, 250000, False],
    ["000.03", None, date(2020, 2, 29), datetime(2021, 1, 6, 23, 59, 58), None, 0.5, False],
]
WRITTEN = [
    ["000.01", "Đăng ký đất đai", "04/01/2021", "05/01/2021 09:30:00", "12", "1,234", "x"],
    ["000.02", 'Về việc "hộ tịch"', "05/01/2021", "06/01/2021 00:00:00", "0", "250.000", ""],
    ["000.03", "", "29/02/2020", "06/01/2021 23:59:58", "", "0,5", ""],
]


def register(
    folder: Path, format: str, *, server: Any = (), headers: dict[str, str] | None = None, **file: Any
) -> Contract:
    """The contract of the register in this format; `server` and `file` add custom properties, `headers` respells."""
    columns = [
        {
            "name": name,
            "physicalName": (headers or {}).get(name, header),
            "logicalType": type_,
            **(
                {"required": True, "primaryKey": True, "primaryKeyPosition": 1} if name == "file_code" else {}
            ),
        }
        for name, (header, type_) in COLUMNS.items()
    ]
    columns[-1]["customProperties"] = _properties(trueValues=["x"], falseValues=[""])
    keys = {
        "load": "delta",
        "versionColumn": "changed_at",
        "dateFormat": "dd/MM/yyyy",
        "timestampFormat": "dd/MM/yyyy HH:mm:ss",
        "thousandsSeparator": ".",
        "decimalSeparator": ",",
    }
    document = {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": "archive.files",
        "name": "Register of files",
        "version": "1.0.0",
        "status": "active",
        "servers": [
            {
                "server": "production",
                "type": "local",
                "path": "archive",
                "format": format,
                "customProperties": _properties(
                    **{"fileName": r".*(?P<business_date>\d{8}).*", "delimiter": ";", **dict(server)}
                ),
            }
        ],
        "schema": [
            {"name": "files", "customProperties": _properties(**{**keys, **file}), "properties": columns}
        ],
        "slaProperties": [{"property": "frequency", "value": 1, "unit": "d"}],
    }
    path = folder / "archive" / "files.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    return read_contract(path)


def _properties(**values: Any) -> list[dict[str, Any]]:
    return [{"property": name, "value": value} for name, value in values.items()]


def load_all(settings: Settings, contract: Contract, exports: Iterable[bytes]) -> list[Batch]:
    """Deliver each and load them, in order."""
    for number, data in enumerate(exports):
        deliver(settings, contract, f"file{number:03}", data, DAY)
    return load(settings, contract)


def load_one(settings: Settings, contract: Contract, data: bytes) -> Batch:
    (batch,) = load_all(settings, contract, [data])
    return batch


def expect_register(settings: Settings, contract: Contract, batch: Batch) -> None:
    """The batch holds the three rows of the register, typed."""
    assert batch.reason is None and rejects(settings, batch.batch_id) == []
    assert (batch.rows_in_file, batch.rows_loaded) == (3, 3)
    here = ZoneInfo("Asia/Ho_Chi_Minh")
    found = [list(row.values())[3:] for row in raw_rows(settings, contract, batch.batch_id)]
    wanted = [[*row[:3], row[3].replace(tzinfo=here), row[4], Decimal(str(row[5])), row[6]] for row in TYPED]
    assert found == wanted


def expect_unreadable(settings: Settings, contract: Contract, broken: dict[str, tuple[bytes, str]]) -> None:
    """Each of these is an unreadable batch that says why, and leaves nothing anywhere."""
    batches = load_all(settings, contract, [data for data, _ in broken.values()])
    told = {name: (batch.state, batch.reason) for name, batch in zip(broken, batches, strict=True)}
    wrong = {
        name: told[name]
        for name, (_, why) in broken.items()
        if told[name][0] != "unreadable" or why not in (told[name][1] or "")
    }
    assert wrong == {}, wrong
    assert rows(settings, f"select 1 from raw.{contract.raw_table}") == []  # noqa: S608
    assert rows(settings, "select 1 from reject.rejected_row") == []
