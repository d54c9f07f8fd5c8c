"""XML, read as it streams by: each record becomes its values by their paths, whatever stands around the records.

Names are taken without their namespaces. A path leads from the record to an element (`From/OrganId`) or an attribute
(`@id`, `From/@type`); the texts of a repeated element are joined by `; `, or only its last one counts (`Hop[last()]`).
No DTD is taken: it could declare entities that grow without end, or that are fetched from elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from itertools import compress
from xml.parsers import expat

import kho.formats.encodings  # noqa: F401  (XML may say that it is in tcvn3)
from kho.contract import telling
from kho.formats.block import Unreadable, composed
from kho.formats.part import Layout, Part
from kho.formats.records import Record, Records

CHUNK_BYTES = 1 << 18
MAX_TAG_BYTES = 1 << 22  # of one tag or comment
MAX_RECORD_CHARACTERS = 1 << 22
SHORT_RECORD_BYTES = 4_000  # whose values and paths can't add up to as much, however they are nested
MAX_DEPTH = 200
MAX_NAMES_CHARACTERS = 1 << 20  # of names and paths that are kept for the next of them
_INSTANCE = "xsi"  # prefix of attributes that speak about the element
_LAST = "[last()]"


class _Broken(Exception):
    """Why the document can't be read on."""


class _Element(dict[str, "_Element"]):
    """The elements at one path, of which one is open at most; those within it by their names as they are written."""

    __slots__ = ("attributes", "is_known", "is_record", "names", "parent", "path", "reader", "texts")

    def __init__(self, reader: _Reader, names: list[str], parent: _Element | None = None) -> None:
        self.reader, self.names, self.parent = reader, names, parent
        self.path: str | None = None  # from the record on; None outside of records
        self.is_record = self.is_known = False
        self.attributes: dict[tuple[str, ...], tuple[list[str], list[bool]]] = {}
        self.texts: list[str] = []  # of the one that is open

    def __missing__(self, name: str) -> _Element:
        made = self.reader.element(self, _local(name))
        self.reader.room -= len(made.path or name)
        if self.reader.room > 0:
            self[name] = made
        return made


def records(part: Part, layout: Layout, whole: Set[str] = frozenset()) -> Iterator[Records]:
    """The records at the layout's path; without one every child of the root is a record.

    A zip's file that is one record itself (a message) is rejected as that record when it is broken.
    """
    reader = _Reader(layout.records_path, whole)
    try:
        while chunk := part.stream.read(CHUNK_BYTES):
            reader.feed(chunk)
            if not reader.is_document and reader.found:
                yield reader.take()
        reader.finish()
    except _Broken as problem:
        if not (reader.is_document and part.place):
            raise Unreadable(f"the file is no whole XML: {problem}") from None
        yield [0], [f"{part.place} is no whole XML: {problem}"]
    else:
        yield reader.take()


class _Reader:
    def __init__(self, records_path: str | None, known: Set[str]) -> None:
        self.last = {path.replace(_LAST, ""): path for path in known if _LAST in path}
        self.headers, self.known = known, known | self.last.keys()
        self.sought = records_path.strip("/").split("/") if records_path else None
        self.is_document = self.sought is not None and len(self.sought) == 1
        self.has_place = self.sought is None or self.is_document  # where records stand was seen
        self.room = MAX_NAMES_CHARACTERS  # left: a document may have new names without end
        self.offsets: list[int] = []
        self.found: list[Record] = []
        self.element_at = _Element(self, [])  # the innermost open one
        self.is_leaf = True  # whether nothing was closed within it
        # of the record that is being read: its values with their paths, the characters of its texts
        self.paths: list[str] = []
        self.values: list[str | None] = []
        self.offset = self.size = self.fed = 0
        self.parser = parser = expat.ParserCreate()
        parser.buffer_text = parser.ordered_attributes = True
        parser.StartElementHandler = self.start
        parser.EndElementHandler = self.end
        parser.CharacterDataHandler = self.text
        parser.StartDoctypeDeclHandler = self.doctype

    def feed(self, chunk: bytes) -> None:
        self.parse(chunk, False)
        self.fed += len(chunk)
        if self.fed - self.parser.CurrentByteIndex > MAX_TAG_BYTES:
            raise _Broken(
                f"a tag is longer than {MAX_TAG_BYTES} bytes at byte {self.parser.CurrentByteIndex}"
            )
        if self.is_too_long():
            self.size = MAX_RECORD_CHARACTERS + 1
            self.paths.clear()
            self.values.clear()

    def finish(self) -> None:
        self.parse(b"", True)
        if not self.has_place:
            raise Unreadable(f"the file has no {'/'.join(self.sought[:-1])}: the contract's recordsPath")

    def parse(self, chunk: bytes, is_last: bool) -> None:
        try:
            self.parser.Parse(chunk, is_last)
        except LookupError:
            raise _Broken("nobody knows the encoding that it names") from None
        except (expat.ExpatError, ValueError) as error:
            raise _Broken(str(error)) from None

    def take(self) -> Records:
        taken = self.offsets, self.found
        self.offsets, self.found = [], []
        return taken

    def doctype(self, *_: object) -> None:
        raise _Broken("it has a DOCTYPE, which no export needs and which is not taken")

    def element(self, parent: _Element, name: str) -> _Element:
        """What is known of the elements of this name within the parent."""
        made = _Element(self, [*parent.names, name], parent)
        if len(made.names) > MAX_DEPTH:
            raise _Broken(f"elements stand more than {MAX_DEPTH} deep")
        if parent.path is not None:
            made.path = name if parent.is_record else f"{parent.path}/{name}"
        elif self.is_record(made.names):
            made.path, made.is_record = ".", True
        made.is_known = not self.known or made.path in self.known
        return made

    def attributes(self, element: _Element, names: tuple[str, ...]) -> tuple[list[str], list[bool]]:
        """The paths of the attributes of these names, and which of the names have one."""
        above = "" if element.is_record else f"{element.path}/"
        kept = [not name.startswith(("xmlns", f"{_INSTANCE}:")) for name in names]
        made = [f"{above}@{_local(name)}" for name in compress(names, kept)], kept
        self.room -= sum(map(len, names))
        if self.room > 0:
            element.attributes[names] = made
        return made

    def is_record(self, path: list[str]) -> bool:
        if self.sought is None:
            return len(path) == 2
        if len(path) == 1 and path[0] != self.sought[0]:
            raise Unreadable(
                f"the file's root is another ({telling.shape(path[0])}): the contract's recordsPath begins with"
                f" {self.sought[0]}"
            )
        self.has_place |= path == self.sought[:-1]
        return path == self.sought

    def start(self, name: str, attributes: list[str]) -> None:
        self.element_at = element = self.element_at[name]
        if element.path is None:
            return
        if element.is_record:
            self.paths, self.values, self.size = [], [], 0
            self.offset = self.parser.CurrentByteIndex
        self.is_leaf = True
        if attributes:
            names = tuple(attributes[::2])
            paths, kept = element.attributes.get(names) or self.attributes(element, names)
            self.paths += paths
            self.values += [value or None for value in compress(attributes[1::2], kept)]

    def text(self, text: str) -> None:
        element = self.element_at
        if element.path is None:
            return
        if not element.is_known:
            # Of what the contract does not know (an attachment, say) it only matters that it is there.
            text = text.strip()[:1] if not element.texts else ""
        self.size += len(text)
        if text and self.size <= MAX_RECORD_CHARACTERS:
            element.texts.append(text)

    def end(self, _: str) -> None:
        element = self.element_at
        self.element_at = element.parent
        if element.path is None:
            return
        text = ""
        if element.texts:
            text = "".join(element.texts).strip()
            element.texts.clear()
        if text or self.is_leaf:
            self.paths.append(element.path)
            self.values.append(text or None)
            self.is_leaf = False
        if element.is_record:
            self.offsets.append(self.offset)
            self.found.append(self.record())

    def is_too_long(self) -> bool:
        if self.parser.CurrentByteIndex - self.offset < SHORT_RECORD_BYTES:
            return False
        size = self.size + sum(map(len, self.paths)) + sum(map(len, filter(None, self.values)))
        return size > MAX_RECORD_CHARACTERS

    def record(self) -> Record:
        if self.is_too_long():
            return f"the record is longer than {MAX_RECORD_CHARACTERS} characters"
        record: dict[str, object] = dict(zip(self.paths, self.values, strict=True))
        if len(record) < len(self.paths) or (self.last and not self.last.keys().isdisjoint(record)):
            return self.joined()
        return record

    def joined(self) -> dict[str, object]:
        """The record of an element that is repeated, or of which only the last counts."""
        values: dict[str, list[str | None]] = {}
        for path, text in zip(self.paths, self.values, strict=True):
            values.setdefault(path, []).append(text)
        record: dict[str, object] = {}
        for path, texts in values.items():
            told = [text for text in texts if text]
            if path in self.last:
                record[self.last[path]] = told[-1] if told else None
            if path not in self.last or path in self.headers:
                record[path] = "; ".join(told) or None
        return record


def _local(name: str) -> str:
    local = name.rpartition(":")[2]
    return local if local.isascii() else composed(local)
