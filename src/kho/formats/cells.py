"""Typed values become the texts that their contract expects: the one pass over the landed rows then judges them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from operator import attrgetter
from types import NoneType
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from kho.contract import Column, Contract
from kho.contract.model import FileKeys
from kho.contract.moments import OFFSET, pattern
from kho.formats.block import Texts
from kho.formats.header import match

_MIDNIGHT = time()
_PARTS = {"y": "year", "M": "month", "d": "day", "H": "hour", "m": "minute", "s": "second"}


def texts(contract: Contract, header: Sequence[str]) -> Texts:
    """What makes texts of values, column by column of the header."""
    positions = match(contract, header).positions
    at = {positions[column.name]: column for column in contract.columns if column.name in positions}

    def column_texts(columns: Sequence[Sequence[object]]) -> list[Sequence[str | None]]:
        return [_texts(values, contract.file, at.get(position)) for position, values in enumerate(columns)]

    return column_texts


def _texts(values: Sequence[Any], file: FileKeys, column: Column | None) -> Sequence[str | None]:
    kinds = set(map(type, values))
    if not kinds <= {str, NoneType}:
        write = {kind: _writer(kind, file, column) for kind in kinds}
        values = [write[type(value)](value) for value in values]
    return [value or None for value in values] if "" in values else values


def _writer(kind: type, file: FileKeys, column: Column | None) -> Callable[[Any], str | None]:
    """What writes values of this type; the usual ones without asking of each value what it is."""
    if kind in (str, int):
        return str
    if kind is float:
        return lambda value: _number(repr(value), file)
    if kind is datetime:
        return lambda value: _moment(value, file, column)
    if kind is date:
        return lambda value: _moment(datetime.combine(value, _MIDNIGHT), file, column)
    return lambda value: text(value, file, column)


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
            return _number(repr(value), file)
        case Decimal():
            return _number(f"{value:f}" if value.is_finite() else str(value), file)
        case datetime():
            return _moment(value, file, column)
        case date():
            return _moment(datetime.combine(value, _MIDNIGHT), file, column)
        case time() | timedelta():
            return str(value)
        case bytes():
            try:
                return value.decode() or None
            except UnicodeDecodeError:
                return value.hex()
        case _:
            return msgspec.json.encode(value).decode()


def _number(plain: str, file: FileKeys) -> str:
    if plain.endswith(".0"):
        return plain[:-2]
    if "e" in plain or "n" in plain:  # 1e-07, which nobody types, and inf, nan
        plain = f"{Decimal(plain):f}"
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    return plain.replace(".", file.decimal_separator)


def _moment(value: datetime, file: FileKeys, column: Column | None) -> str:
    is_time = (column is not None and column.type == "timestamp") or value.time() != _MIDNIGHT
    return _written(value, file.timestamp_format if is_time else file.date_format, file.time_zone)


def _written(moment: datetime, written: str, zone: str) -> str:
    """The moment; one without an offset is of the contract's zone, and there it is written unless the pattern has one."""
    template, parts, has_offset = _plain(written)
    if moment.tzinfo is None and not moment.microsecond and not has_offset:
        return template % parts(moment)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(zone))
    elif not has_offset:
        moment = moment.astimezone(ZoneInfo(zone))
    fraction = f"{moment:.%f}".rstrip("0").rstrip(".") if "ss" in written else ""
    shown = template % parts(moment)
    if fraction:
        before, seconds, _ = _plain(written.partition("ss")[0] + "ss")
        start = before % seconds(moment)
        shown = start + fraction + shown[len(start) :]
    return shown + moment.strftime("%z") if has_offset else shown


@lru_cache
def _plain(written: str) -> tuple[str, Callable[[datetime], tuple[object, ...]], bool]:
    """A template for moments without fraction and offset, what takes its parts from them, and whether an offset follows."""
    has_offset = pattern(written).has_offset
    letters = [each for each in pattern(written).letters if each != OFFSET]
    parts = [each for each in letters if each[0].isalpha()]
    template = "".join(
        "%s" if each == "a" else f"%0{len(each)}d" if each[0].isalpha() else each.strip("'")
        for each in letters
    )
    if {"yy", "h", "hh", "a"}.isdisjoint(parts):
        taken = attrgetter(*(_PARTS[each[0]] for each in parts))
        return template, taken if len(parts) > 1 else lambda moment: (taken(moment),), has_offset
    return template, lambda moment: tuple(_taken(moment, each) for each in parts), has_offset


def _taken(moment: datetime, letters: str) -> object:
    match letters[0]:
        case "a":
            return "AM" if moment.hour < 12 else "PM"
        case "h":
            return (moment.hour - 1) % 12 + 1
        case "y" if letters == "yy":
            return moment.year % 100
        case part:
            return getattr(moment, _PARTS[part])
