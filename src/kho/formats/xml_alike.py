"""Records of XML that are alike: of those that expat has read is made a pattern that reads the others.

The pattern takes a record that has no markup but the tags that it knows, in an order in which it knows them; any of them
may be missing. Whether that is XML at all remains expat's word, which reads the same bytes without calling anybody.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any, NamedTuple

from kho.formats.records import Alike, Record

MAX_BYTES = 1 << 16  # of a record to learn from
MAX_DEPTH = 20
MAX_FIELDS = 400
MAX_CHARACTERS = 1 << 18  # of all paths
MAX_LESSONS = 20  # the pattern that comes of one takes a millisecond to make
_ABSENT = object()  # what a record has at a path that it lacks

_NAME = rb"[^ \t\r\n\0<>/=&\"'!?]++"
_SPACE = rb"[ \t\r\n]*+"
_ATTRIBUTE = re.compile(rb"[ \t\r\n]++(%b)=(?:\"[^\"]*+\"|'[^']*+')" % _NAME)
_BEGIN = re.compile(rb"<(%b)" % _NAME)
_BEGUN = re.compile(rb"%b(/?)>" % _SPACE)
_END = re.compile(rb"</%b%b>" % (_NAME, _SPACE))
_TEXT = re.compile(rb"[^<]*+")
_REFERENCE = re.compile("&(?:#x([0-9a-fA-F]+)|#([0-9]+)|([a-z]+));")
_ENTITIES = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}


class Example(NamedTuple):
    """A record that expat has read, with its paths in the order of the document."""

    data: bytes  # which begin with it
    paths: Sequence[str]
    record: dict[str, object]


#: makes a record of paths and values
Made = Callable[[Sequence[str], Sequence[str | None]], dict[str, object]]


@dataclass(frozen=True)
class _Field:
    """A value of a record. It has a group in the pattern, and another one in front where it may be `<a/>`."""

    path: str
    is_text: bool = False
    may_be_short: bool = False


@dataclass
class _Attribute:
    name: bytes
    quote: bytes
    path: str | None  # None: it is no value

    @property
    def key(self) -> object:
        return self.name, self.quote

    def learn(self, other: _Attribute) -> None:
        """There is nothing by which two of a name differ."""

    def fields(self) -> Iterator[_Field]:
        if self.path is not None:
            yield _Field(self.path)

    def pattern(self) -> bytes:
        value = b"[^%b]*+" % self.quote
        value = value if self.path is None else b"(%b)" % value
        return b"%b=%b%b%b%b" % (re.escape(self.name), self.quote, value, self.quote, _SPACE)


@dataclass
class _Element:
    name: bytes
    attributes: list[_Attribute] = field(default_factory=list)
    elements: list[_Element] = field(default_factory=list)
    path: str | None = None  # None: it is no value, for it has elements
    may_be_short: bool = False

    @property
    def key(self) -> object:
        return self.name, self.path

    def learn(self, other: _Element) -> None:
        _learn(self.attributes, other.attributes)
        _learn(self.elements, other.elements)
        self.may_be_short |= other.may_be_short

    def fields(self) -> Iterator[_Field]:
        for each in (*self.attributes, *self.elements):
            yield from each.fields()
        if self.path is not None:
            yield _Field(self.path, True, self.may_be_short)

    def pattern(self) -> bytes:
        name = re.escape(self.name)
        begin = b"<%b%b%b" % (name, _SPACE, _any_of(self.attributes))
        end = b"</%b%b>" % (name, _SPACE)
        if self.path is None:
            # Without any element in it, it would be a value itself.
            within = b">%b(?=<[^/])%b%b" % (_SPACE, _any_of(self.elements), end)
        else:
            within = b">([^<]*+)%b" % end
            within = b"(?:/>()|%b)" % within if self.may_be_short else within
        return begin + within + _SPACE


def _learn(known: list[Any], others: list[Any]) -> None:
    """Let the known ones stand in an order in which they and the others are found."""
    at = 0
    for other in others:
        for position in range(at, len(known)):
            if known[position].key == other.key:
                known[position].learn(other)
                at = position + 1
                break
        else:
            known.insert(at, other)
            at += 1


def _any_of(some: Sequence[_Attribute | _Element]) -> bytes:
    return b"".join(b"(?:%b)?+" % each.pattern() for each in some)


class Likeness:
    """What is known of the records of a document, and the pattern that reads those that are like them."""

    def __init__(self, is_known: Callable[[str], bool], made: Made, about_elements: Set[str]) -> None:
        self.pattern: re.Pattern[bytes] | None = None
        self.lessons = MAX_LESSONS  # left
        self._is_known, self._made, self._about_elements = is_known, made, about_elements
        self._record: _Element | None = None
        self._fields: list[_Field] = []
        self._paths: list[str] = []
        self._is_plain = False  # whether a record has nothing but each of these paths once

    def learn(self, examples: Sequence[Example]) -> bool:
        """Learn from records that expat has read; whether there was anything new."""
        self.lessons -= 1
        learned = [each for each in examples if self._learn(each)]
        if not learned:
            return False
        fields = list(self._record.fields())
        paths = [each.path for each in fields]
        pattern = self._record.pattern()
        if len(paths) > MAX_FIELDS or sum(map(len, paths)) > MAX_CHARACTERS:
            self.forget()
            return False
        if self.pattern and self.pattern.pattern == pattern:
            return False
        self.pattern, self._fields, self._paths = re.compile(pattern), fields, paths
        self._is_plain = self._made(paths, paths) == {path: path for path in paths}
        for each in learned:
            match = self.pattern.match(each.data)
            if not match or list(self.records([match.groups()])[0].items()) != list(each.record.items()):
                self.forget()
                return False
        return True

    def _learn(self, example: Example) -> bool:
        read = _read(example.data, example.paths, tuple(map(str.encode, self._about_elements)))
        if read is None or (self._record and self._record.key != read.key):
            return False
        if self._record:
            self._record.learn(read)
        self._record = self._record or read
        return True

    def forget(self) -> None:
        self.pattern, self.lessons = None, 0

    def records(self, rows: Sequence[tuple[bytes | None, ...]]) -> Sequence[Record]:
        """The records that have these groups; expat must have found their bytes sound."""
        columns, is_whole = [], True
        groups = zip(*rows, strict=True)
        for each in self._fields:
            shorts = next(groups) if each.may_be_short else repeat(None, len(rows))
            column = next(groups)
            if None not in column:
                columns.append(self._texts(each, column))
                continue
            texts = self._texts(each, [value or b"" for value in column])
            there = zip(shorts, column, texts, strict=True)
            texts = [_ABSENT if value is short is None else text for short, value, text in there]
            is_whole = is_whole and _ABSENT not in texts
            columns.append(texts)
        if is_whole and self._is_plain:
            return Alike(self._paths, columns)
        pairs = (zip(self._paths, row, strict=True) for row in zip(*columns, strict=True))
        present = ([pair for pair in some if pair[1] is not _ABSENT] for some in pairs)
        return [dict(some) if self._is_plain else self._made(*zip(*some, strict=True)) for some in present]

    def _texts(self, one: _Field, values: Sequence[bytes]) -> list[Any]:
        whole = b"\0".join(values).decode()
        if "\r" in whole:
            whole = whole.replace("\r\n", "\n").replace("\r", "\n")
        if not one.is_text:
            whole = whole.replace("\n", " ").replace("\t", " ")
        if "&" in whole:
            whole = _REFERENCE.sub(_referred, whole)
        texts: list[Any] = whole.split("\0")
        if one.is_text:
            texts = list(map(str.strip, texts))
            if not self._is_known(one.path):
                texts = [text[:1] for text in texts]
        return [text or None for text in texts] if "" in texts else texts


def _referred(found: re.Match[str]) -> str:
    hexadecimal, decimal, name = found.groups()
    if name:
        return _ENTITIES[name]
    return chr(int(hexadecimal, 16) if hexadecimal else int(decimal))


class _Other(Exception):
    """There is something else than tags and texts."""


def _read(data: bytes, paths: Sequence[str], about_elements: tuple[bytes, ...]) -> _Element | None:
    """The record with which these bytes begin; None where it has more than tags and texts."""
    left = iter(paths)
    try:
        record, _ = _element(data, 0, left, about_elements, MAX_DEPTH)
    except (_Other, StopIteration):
        return None
    return record if next(left, None) is None else None


def _element(
    data: bytes, at: int, paths: Iterator[str], about_elements: tuple[bytes, ...], depth: int
) -> tuple[_Element, int]:
    """The element that begins there, and where it ends."""
    begin = _BEGIN.match(data, at)
    if begin is None or depth == 0:
        raise _Other
    element, at = _Element(begin[1]), begin.end()
    while attribute := _ATTRIBUTE.match(data, at):
        name, at = attribute[1], attribute.end()
        path = None if name.startswith(about_elements) else next(paths)
        element.attributes.append(_Attribute(name, data[at - 1 : at], path))
    begun = _BEGUN.match(data, at)
    if begun is None:
        raise _Other
    at = begun.end()
    if begun[1]:
        element.path, element.may_be_short = next(paths), True
        return element, at
    while True:
        text = _TEXT.match(data, at)[0]
        at += len(text)
        end = _END.match(data, at)
        if text.strip(b" \t\r\n") and (end is None or element.elements):
            raise _Other
        if end is not None:
            element.path = None if element.elements else next(paths)
            return element, end.end()
        within, at = _element(data, at, paths, about_elements, depth - 1)
        element.elements.append(within)
