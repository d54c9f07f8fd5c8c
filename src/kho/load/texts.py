"""Texts of a column by the block: which of them are surely good, and the bytes that raw gets of each.

A text is taken for good by an expression that reads no more than the server's does, or because the server said so of the
same text before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kho.contract import Column, Contract
from kho.contract.model import FORMATS
from kho.formats.block import EDGES
from kho.load.judge import SHORTENED

Array = np.ndarray[Any, np.dtype[Any]]
#: of a text: whether a row can be loaded with it, its value in the server's binary format, its part of the key
Answer = tuple[bool, bytes | None, str | None]
Ask = Callable[[Sequence[str | None]], list[Answer]]

MANY_KNOWN = 20_000  # texts of a column that are kept with their answers
_HEX = np.frombuffer(b"".join(b"%02x" % n for n in range(256)), np.uint16)

_ITEM = r"(?:\\[ds.\-/\\]|[A-Za-z0-9_]-[A-Za-z0-9_]|[A-Za-z0-9_ .,:;/(){}+*?|$&%#@!=<>~'\"À-ỹ])"
#: what PostgreSQL's expressions and RE2 both read, and RE2 no more widely: no negation, no word borders, no flags
_COMMON = re.compile(
    rf"(?:\\[ds.\-/\\()\[\]{{}}+*?|^$]|[A-Za-z0-9_ ,:;/&%#@!=<>~'\"À-ỹ.-]|\[{_ITEM}+\]|\((?:\?:)?|\)|\||\^|\$"
    r"|(?<=[^(|*+?^$])(?:[*+?]|\{\d{1,3}(?:,\d{0,3})?\})(?![*+?{]))+"
)


def is_common(pattern: str) -> bool:
    """Whether what RE2 finds by this expression is found by PostgreSQL too."""
    if not _COMMON.fullmatch(pattern) or any(
        int(each) > 255 for each in re.findall(r"\{(?:\d+,)?(\d+)", pattern)
    ):
        return False
    try:
        pc.match_substring_regex(strings([b""], pa.string()), pattern)
    except pa.ArrowInvalid:
        return False
    return True


def laid_out(texts: pa.Array) -> tuple[Array, Array]:
    """Where each text begins, with the end of the last, and the bytes of all."""
    _, offsets, data = texts.buffers()
    return (
        np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1],
        np.frombuffer(data, np.uint8) if data else np.zeros(0, np.uint8),
    )


def binary(offsets: Array, data: Array | bytes) -> pa.Array:
    rows = len(offsets) - 1
    offsets = np.ascontiguousarray(offsets, np.int32)
    return pa.Array.from_buffers(pa.binary(), rows, [None, pa.py_buffer(offsets), pa.py_buffer(data)])


def strings(texts: Sequence[bytes], type_: pa.DataType) -> pa.Array:
    """An array of these. (`pa.array`, as `pa.scalar` and `to_numpy`, imports pandas, which takes a second.)"""
    ends = np.cumsum([0, *map(len, texts)])
    return pa.Array.from_buffers(type_, len(texts), [None, *binary(ends, b"".join(texts)).buffers()[1:]])


def scalar(text: bytes) -> pa.Scalar:
    return strings([text], pa.binary())[0]


def as_mask(flags: pa.Array) -> Array:
    """Booleans without nulls, as numpy has them."""
    bits = np.frombuffer(flags.buffers()[1], np.uint8)
    return np.unpackbits(bits, count=flags.offset + len(flags), bitorder="little")[flags.offset :].view(bool)


def as_flags(mask: Array) -> pa.Array:
    bits = np.packbits(mask, bitorder="little")
    return pa.Array.from_buffers(pa.bool_(), len(mask), [None, pa.py_buffer(bits)])


def as_places(places: Array) -> pa.Array:
    return pa.Array.from_buffers(
        pa.int32(), len(places), [None, pa.py_buffer(places.astype(np.int32, copy=False))]
    )


def numbers(values: Array, width: int, has_value: Array) -> list[pa.Array]:
    """COPY's fields of whole numbers."""
    return sized(values.astype(f">i{width}").view(np.uint8).reshape(-1, width), has_value)


def sized(values: Array, has_value: Array) -> list[pa.Array]:
    """COPY's fields of values that all take the same bytes, each a row: as they are, or their sizes and themselves."""
    rows, width = values.shape
    if has_value.all():
        fields = np.empty((rows, 4 + width), np.uint8)
        fields[:, :4] = np.frombuffer(width.to_bytes(4, "big"), np.uint8)
        fields[:, 4:] = values
        return [binary(steps(*fields.shape), fields)]
    if not has_value.any():
        return [the_same(field_of(None), rows)]
    ends = np.zeros(rows + 1, np.int32)
    np.cumsum(has_value, out=ends[1:])
    sizes = np.where(has_value, np.int32(width), np.int32(-1)).astype(">i4")
    return [binary(steps(rows, 4), sizes), binary(ends * np.int32(width), values[has_value])]


def steps(rows: int, width: int) -> Array:
    """Where rows of this width begin, and the last ends."""
    return np.arange(rows + 1, dtype=np.int32) * np.int32(width)


def as_list(*texts: pa.Array) -> list[bytes]:
    """Each row's texts joined: to split lines takes a third of what it takes to slice."""
    joined = pc.binary_join_element_wise(*texts, scalar(b"\n"), scalar(b""))
    offsets, data = laid_out(joined)
    lines = data[offsets[0] : offsets[-1]].tobytes()
    found = lines.split(b"\n")
    found.pop()
    if len(found) != len(joined):
        return [lines[start : end - 1] for start, end in pairwise((offsets - offsets[0]).tolist())]
    return found


def the_same(field: bytes, rows: int) -> pa.Array:
    return binary(steps(rows, len(field)), field * rows)


class Texts:
    """A column of texts that have no value but themselves or their hash."""

    def __init__(self, contract: Contract, column: Column, hmac: Callable[[list[bytes]], bytes]) -> None:
        self.column = column
        self._is_hashed, self._hmac = column.keys.personal_data == "hash", hmac
        self._expressions = [FORMATS[column.format][0]] if column.format else []
        self._expressions += [column.pattern] if column.pattern else []
        self._nothing = (
            strings([each.encode() for each in contract.file.null_texts], pa.string())
            if contract.file.null_texts
            else None
        )

    @staticmethod
    def can_tell(contract: Contract, column: Column) -> bool:
        """Whether it is such a column."""
        return (
            column.type == "string"
            and not column.values
            and not (column.format and column.key_position is not None)
            and all(rule.column != column.name for rule in contract.file.skip_rows)
            and all(
                is_common(each)
                for each in (column.pattern, *FORMATS.get(column.format or "", ())[:1])
                if each
            )
        )

    def judge(self, texts: pa.Array, good: Array) -> list[pa.Array]:
        """The column's fields for COPY; takes from `good` what is not sure."""
        offsets, data = laid_out(texts)
        lengths = offsets[1:] - offsets[:-1]
        is_empty = lengths == 0
        if self.column.required:
            good &= ~is_empty
        has_edge = edges(offsets, data, is_empty)
        if has_edge is not None:
            good &= ~has_edge
        if self._nothing is not None:
            good &= ~as_mask(pc.is_in(texts, self._nothing))
        if b"E+" in data[offsets[0] : offsets[-1]].tobytes():
            good &= ~as_mask(pc.match_substring_regex(texts, SHORTENED))
        for expression in self._expressions:
            good &= is_empty | as_mask(pc.match_substring_regex(texts, expression))
        if not self.column.is_stored:
            return []
        if self._is_hashed:
            digests = np.frombuffer(self._hmac(as_list(texts.cast(pa.binary()))), np.uint8)
            return sized(_HEX[digests].view(np.uint8).reshape(-1, 64), ~is_empty)
        sizes = np.where(is_empty, -1, lengths).astype(">i4")
        return [binary(steps(len(texts), 4), sizes), texts.cast(pa.binary())]


def is_one(texts: pa.Array, word: str) -> Array | None:
    """Which texts are this word; None: none."""
    offsets, data = laid_out(texts)
    if word.encode() not in data[offsets[0] : offsets[-1]].tobytes():
        return None
    return as_mask(pc.is_in(texts, strings([word.encode()], pa.string())))


def edges(offsets: Array, data: Array, is_empty: Array) -> Array | None:
    """Which texts begin or end with a space, a tab, or another sign that may be none of theirs; None: none."""
    if not (data[offsets[0] : offsets[-1]] <= 32).any():
        return None
    last = len(data) - 1
    first = data[np.minimum(offsets[:-1], last)]
    return ~is_empty & ((first <= 32) | (data[np.maximum(offsets[1:] - 1, 0)] <= 32))


class Asked:
    """A column whose texts the server judges, each the first time it comes."""

    def __init__(self, column: Column, label: str | None, ask: Ask) -> None:
        self.column, self._ask = column, ask
        self._label = label if column.key_position is not None else None
        self._forget()

    def judge(self, texts: pa.DictionaryArray, good: Array) -> tuple[pa.Array, pa.Array]:
        """The column's fields for COPY, and the parts of the rows' keys; takes from `good` what is not sure."""
        words = texts.dictionary.to_pylist()
        if len(self._places) > MANY_KNOWN:
            self._forget()
        if unseen := [word for word in words if word not in self._places]:
            self._learn(unseen)
        places = np.fromiter(map(self._places.__getitem__, words), np.int32, len(words))
        indices = texts.indices.buffers()[1]
        chosen = places[np.frombuffer(indices, np.int32)[texts.offset : texts.offset + len(texts)]]
        good &= self._are_good[chosen]
        of_rows = as_places(chosen)
        return self._fields.take(of_rows), self._keys.take(of_rows) if self._label is not None else self._keys

    def _forget(self) -> None:
        self._places: dict[str, int] = {}
        self._are_good = np.zeros(0, bool)
        self._fields = self._keys = strings([], pa.binary())

    def _learn(self, unseen: list[str]) -> None:
        answers = self._ask(unseen)
        self._places |= {word: place for place, word in enumerate(unseen, len(self._places))}
        is_key = self._label is not None
        good = [
            is_good and (not is_key or (word.strip(EDGES) != self._label and key is not None))
            for word, (is_good, _, key) in zip(unseen, answers, strict=True)
        ]
        self._are_good = np.append(self._are_good, good)
        fields = [field_of(value) for _, value, _ in answers]
        keys = [quoted(key or "").encode() for _, _, key in answers]
        self._fields = pa.concat_arrays([self._fields, strings(fields, pa.binary())])
        self._keys = pa.concat_arrays([self._keys, strings(keys, pa.binary())])


def field_of(value: bytes | None) -> bytes:
    """COPY's field of a value in the server's binary format."""
    return b"\xff\xff\xff\xff" if value is None else len(value).to_bytes(4, "big") + value


_TO_QUOTE = re.compile(r'[{},"\\\t\n\v\f\r ]|^(?i:null)$|^$')
_SIGNS = np.zeros(256, bool)
_SIGNS[list(b'{},"\\\t\n\v\f\r ')] = True


def quoted(text: str) -> str:
    """A text as the server's arrays show it."""
    if not _TO_QUOTE.search(text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def all_quoted(texts: pa.Array, good: Array) -> pa.Array:
    """Those of an array; takes from `good` what is empty or holds a sign that takes another."""
    offsets, data = laid_out(texts)
    lengths = offsets[1:] - offsets[:-1]
    given = texts.cast(pa.binary())
    if not _SIGNS[data[offsets[0] : offsets[-1]]].any() and not np.isin(lengths, (0, len("null"))).any():
        return given
    good &= (lengths > 0) & ~as_mask(pc.match_substring_regex(texts, r'["\\]'))
    quote = scalar(b'"')
    in_quotes = pc.binary_join_element_wise(quote, given, quote, scalar(b""))
    return pc.if_else(pc.match_substring_regex(texts, _TO_QUOTE.pattern), in_quotes, given)
