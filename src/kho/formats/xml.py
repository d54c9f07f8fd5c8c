"""XML, read as it streams by: each record becomes its values by their paths, whatever stands around the records.

Names are taken without their namespaces. A path leads from the record to an element (`From/OrganId`) or an attribute
(`@id`, `From/@type`); the texts of a repeated element are joined by `; `, or only its last one counts (`Hop[last()]`).
No DTD is taken: it could declare entities that grow without end, or that are fetched from elsewhere.
Where many records are alike, most of them are read by a pattern, and expat only says whether they are XML.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from functools import partial
from itertools import compress
from xml.parsers import expat

import kho.formats.encodings  # noqa: F401  (XML may say that it is in tcvn3)
from kho.contract import telling
from kho.formats.block import Unreadable, composed
from kho.formats.part import Layout, Part
from kho.formats.records import Record, Records, folded
from kho.formats.xml_alike import MAX_BYTES, Example, Likeness

CHUNK_BYTES = 1 << 18
MAX_TAG_BYTES = 1 << 22  # of one tag or comment
MAX_RECORD_CHARACTERS = 1 << 22
SHORT_RECORD_BYTES = 4_000  # whose values and paths can't add up to as much, however they are nested
MAX_DEPTH = 200
MAX_NAMES_CHARACTERS = 1 << 20  # of names and paths that are kept for the next of them
EXAMPLES = 10  # from which is learned at once what records are like
_SCHEMA_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
_BREAK = "\0"  # which no XML has
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
            if not reader.is_document:
                yield from reader.take()
        reader.finish()
    except _Broken as problem:
        if not (reader.is_document and part.place):
            raise Unreadable(f"the file is no whole XML: {problem}") from None
        yield [0], [f"{part.place} is no whole XML: {problem}"]
    else:
        yield from reader.take()


class _Reader:
    def __init__(self, records_path: str | None, known: Set[str]) -> None:
        self.last = {path.replace(_LAST, ""): path for path in known if _LAST in path}
        self.headers, self.known = known, known | self.last.keys()
        self.folded = set(map(folded, self.known))
        self.sought = records_path.strip("/").split("/") if records_path else None
        self.is_document = self.sought is not None and len(self.sought) == 1
        self.has_place = self.sought is None or self.is_document  # where records stand was seen
        self.room = MAX_NAMES_CHARACTERS  # left: a document may have new names without end
        self.batches: list[Records] = []
        self.offsets: list[int] = []  # of the records that were found since
        self.found: list[Record] = []
        self.element_at = _Element(self, [])  # the innermost open one
        self.is_leaf = True  # whether nothing was closed within it
        # of the record that is being read: its values with their paths, the characters of its texts
        self.paths: list[str] = []
        self.values: list[str | None] = []
        self.offset = self.size = self.fed = 0
        # records that are like others are read without expat's telling
        self.about_elements = {"xmlns", "xsi:"}  # what names of attributes begin with that are no values
        self.likeness = Likeness(self.is_known, self.made, self.about_elements)
        self.alike_count = self.other_count = 0  # since the pattern is as it is
        self.rest = b""  # what expat has not had yet: it may begin such a record
        self.told: list[tuple[int, list[str], Record]] = []  # some that expat told last: offset, paths
        self.home: _Element | None = None  # in which records stand
        self.is_utf8, self.is_in_cdata = True, False
        self.parser = parser = expat.ParserCreate()
        parser.buffer_text = parser.ordered_attributes = True
        parser.StartDoctypeDeclHandler = self.doctype
        parser.XmlDeclHandler = self.declaration
        parser.StartCdataSectionHandler = partial(setattr, self, "is_in_cdata", True)
        parser.EndCdataSectionHandler = partial(setattr, self, "is_in_cdata", False)

    def feed(self, chunk: bytes) -> None:
        data = self.rest + chunk
        at = self.read_alike(data) if self.likeness.pattern else 0
        self.rest = data[at:]
        if not self.likeness.pattern or len(self.rest) > CHUNK_BYTES:
            data, self.rest = self.rest, b""
            self.read(data)
            if len(chunk) == CHUNK_BYTES:  # more may follow
                self.learn(data)
        if self.other_count > self.alike_count // 2:
            self.likeness.forget()

    def read_alike(self, data: bytes) -> int:
        """Read up to the end of the last record that is like others; gives where that is."""
        at, other = 0, 0
        while self.likeness.pattern and other is not None:
            rows, offsets, end, other = [], [], at, None
            base, is_between = self.fed - at, self.is_between()
            for match in self.likeness.pattern.finditer(data, at):
                start = match.start()
                if start > end:
                    other = start
                    break
                if is_between:
                    rows.append(match.groups())
                    offsets.append(base + start)
                    end = match.end()
            if rows:
                self.parse(data[at:end])
                self.batches += [(self.offsets, self.found), (offsets, self.likeness.records(rows))]
                self.offsets, self.found = [], []
                self.alike_count += len(rows)
                at = end
            if other is not None:
                self.read(data[at:other])
                self.learn(data[at:other])
                at = other
        return at

    def is_between(self) -> bool:
        """Whether a record may begin where expat is."""
        has_half = self.parser.CurrentByteIndex < self.fed  # of a tag, a comment
        return self.element_at is self.home and not has_half and not self.is_in_cdata

    def read(self, data: bytes) -> None:
        """Read what expat tells."""
        before, self.told = len(self.found), []
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.text
        self.parse(data)
        self.parser.StartElementHandler = None
        self.parser.EndElementHandler = None
        self.parser.CharacterDataHandler = None
        if self.likeness.pattern:
            self.other_count += len(self.found) - before
        if self.fed - self.parser.CurrentByteIndex > MAX_TAG_BYTES:
            raise _Broken(
                f"a tag is longer than {MAX_TAG_BYTES} bytes at byte {self.parser.CurrentByteIndex}"
            )
        if self.is_too_long():
            self.size = MAX_RECORD_CHARACTERS + 1
            self.paths.clear()
            self.values.clear()

    def learn(self, data: bytes) -> None:
        """Learn from the first records of what was read last."""
        before = self.fed - len(data)
        examples = [
            Example(data[offset - before : offset - before + MAX_BYTES], paths, record)
            for offset, paths, record in self.told
            if offset >= before and isinstance(record, dict)
        ]
        if examples and self.is_utf8 and self.likeness.lessons and self.likeness.learn(examples):
            self.alike_count = self.other_count = 0

    def finish(self) -> None:
        self.read(self.rest)
        self.parse(b"", is_last=True)
        if not self.has_place:
            raise Unreadable(f"the file has no {'/'.join(self.sought[:-1])}: the contract's recordsPath")

    def parse(self, data: bytes, *, is_last: bool = False) -> None:
        try:
            self.parser.Parse(data, is_last)
        except LookupError:
            raise _Broken("nobody knows the encoding that it names") from None
        except (expat.ExpatError, ValueError) as error:
            raise _Broken(str(error)) from None
        self.fed += len(data)

    def take(self) -> list[Records]:
        taken = [*self.batches, (self.offsets, self.found)]
        self.batches, self.offsets, self.found = [], [], []
        return [batch for batch in taken if batch[0]]

    def doctype(self, *_: object) -> None:
        raise _Broken("it has a DOCTYPE, which no export needs and which is not taken")

    def declaration(self, _version: str, encoding: str | None, _standalone: int) -> None:
        self.is_utf8 = encoding is None or encoding.lower() in ("utf-8", "us-ascii")

    def element(self, parent: _Element, name: str) -> _Element:
        """What is known of the elements of this name within the parent."""
        made = _Element(self, [*parent.names, name], parent)
        if len(made.names) > MAX_DEPTH:
            raise _Broken(f"elements stand more than {MAX_DEPTH} deep")
        if parent.path is not None:
            made.path = name if parent.is_record else f"{parent.path}/{name}"
        elif self.is_record(made.names):
            made.path, made.is_record = ".", True
        made.is_known = self.is_known(made.path)
        return made

    def attributes(
        self, element: _Element, names: tuple[str, ...], attributes: list[str]
    ) -> tuple[list[str], list[bool]]:
        """The paths of the attributes of these names, and which of the names have one."""
        self.look_for_schema_instance(attributes)
        above = "" if element.is_record else f"{element.path}/"
        kept = [not name.startswith(tuple(self.about_elements)) for name in names]
        made = [f"{above}@{_local(name)}" for name in compress(names, kept)], kept
        self.room -= sum(map(len, names))
        if self.room > 0:
            element.attributes[names] = made
        return made

    def is_known(self, path: str | None) -> bool:
        return not self.known or path in self.known or (path is not None and folded(path) in self.folded)

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
        before = self.element_at
        self.element_at = element = before[name]
        if element.path is None:
            self.look_for_schema_instance(attributes)
            return
        if before.texts:
            before.texts.append(_BREAK)
        if element.is_record:
            self.paths, self.values, self.size = [], [], 0
            self.offset = self.parser.CurrentByteIndex
        self.is_leaf = True
        if attributes:
            names = tuple(attributes[::2])
            paths, kept = element.attributes.get(names) or self.attributes(element, names, attributes)
            self.paths += paths
            self.values += [value or None for value in compress(attributes[1::2], kept)]

    def look_for_schema_instance(self, attributes: list[str]) -> None:
        """Learn what the document calls the namespace whose attributes are no values (`xsi:nil`)."""
        for name, value in zip(attributes[::2], attributes[1::2], strict=True):
            if value == _SCHEMA_INSTANCE and name.startswith("xmlns:"):
                self.about_elements.add(f"{name.removeprefix('xmlns:')}:")

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
            if _BREAK in text:  # elements stand within the text, and part its words
                text = " ".join(text.replace(_BREAK, " ").split())
            element.texts.clear()
        if text or self.is_leaf:
            self.paths.append(element.path)
            self.values.append(text or None)
            self.is_leaf = False
        if element.is_record:
            record = self.record()
            self.offsets.append(self.offset)
            self.found.append(record)
            self.home = element.parent
            if len(self.told) < EXAMPLES:
                self.told.append((self.offset, self.paths, record))

    def is_too_long(self) -> bool:
        if self.parser.CurrentByteIndex - self.offset < SHORT_RECORD_BYTES:
            return False
        size = self.size + sum(map(len, self.paths)) + sum(map(len, filter(None, self.values)))
        return size > MAX_RECORD_CHARACTERS

    def record(self) -> Record:
        if self.is_too_long():
            return f"the record is longer than {MAX_RECORD_CHARACTERS} characters"
        return self.made(self.paths, self.values)

    def made(self, paths: Sequence[str], values: Sequence[str | None]) -> dict[str, object]:
        record: dict[str, object] = dict(zip(paths, values, strict=True))
        if len(record) < len(paths) or (self.last and not self.last.keys().isdisjoint(record)):
            return self.joined(paths, values)
        return record

    def joined(self, paths: Sequence[str], values: Sequence[str | None]) -> dict[str, object]:
        """The record of an element that is repeated, or of which only the last counts."""
        found: dict[str, list[str | None]] = {}
        for path, text in zip(paths, values, strict=True):
            found.setdefault(path, []).append(text)
        record: dict[str, object] = {}
        for path, texts in found.items():
            told = [text for text in texts if text]
            if path in self.last:
                record[self.last[path]] = told[-1] if told else None
            if path not in self.last or path in self.headers:
                record[path] = "; ".join(told) or None
        return record


def _local(name: str) -> str:
    local = name.rpartition(":")[2]
    return local if local.isascii() else composed(local)
