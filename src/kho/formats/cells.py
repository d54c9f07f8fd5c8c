"""Typed values become the texts that their contract expects: the one pass over the landed rows then judges them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec

from kho.contract import Column, Contract
from kho.contract.model import FileKeys
from kho.formats.header import match

_STRFTIME = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "XXX": "%z", "'": ""}


RowTexts = Callable[[Sequence[object]], list[str | None]]


def texts(contract: Contract, header: Sequence[str]) -> RowTexts:
    """What makes a row's texts of its values, column by column of the header; a short row is filled up."""
    positions = match(contract, header).positions
    at = {positions[column.name]: column for column in contract.columns if column.name in positions}
    columns = [at.get(position) for position in range(len(header))]

    def row_texts(values: Sequence[object]) -> list[str | None]:
        made = [
            value if value is None or (type(value) is str and value) else text(value, contract.file, column)
            for value, column in zip(values, columns, strict=False)
        ]
        return made if len(made) == len(columns) else made + [None] * (len(columns) - len(made))

    return row_texts


def text(value: object, file: FileKeys, column: Column | None) -> str | None:
    """The value as the contract's file would write it; times as exactly as its format does."""
    match value:
        case None | "":
            return None
        case str():
            return value
        case bool():
            meanings = column.keys if column and column.type == "boolean" else None
            if meanings:
                return (meanings.true_values if value else meanings.false_values)[0] or None
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            # Never 1E-07: nobody types numbers so.
            return text(Decimal(repr(value)), file, column)
        case Decimal():
            plain = f"{value:f}" if value.is_finite() else str(value)
            if "." in plain:
                plain = plain.rstrip("0").rstrip(".")
            return plain.replace(".", file.decimal_separator)
        case datetime():
            is_time = value.time() != time() or (column is not None and column.type == "timestamp")
            return _written(value, file.timestamp_format if is_time else file.date_format, file.time_zone)
        case date():
            return text(datetime.combine(value, time()), file, column)
        case time() | timedelta():
            return str(value)
        case bytes():
            try:
                return value.decode() or None
            except UnicodeDecodeError:
                return value.hex()
        case _:
            return msgspec.json.encode(value).decode()


def _written(moment: datetime, pattern: str, zone: str) -> str:
    """The moment; one without an offset is of the contract's zone, and there it is written unless the pattern has one."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(zone))
    elif "XXX" not in pattern:
        moment = moment.astimezone(ZoneInfo(zone))
    fraction = f"{moment:.%f}".rstrip("0").rstrip(".")
    for letters, directive in {**_STRFTIME, "ss": f"%S{fraction}"}.items():
        pattern = pattern.replace(letters, directive)
    return moment.strftime(pattern)
