"""XML, read as it streams by: each record becomes its values by their paths, whatever stands around the records.

Names are taken without their namespaces. A path leads from the record to an element (`From/OrganId`) or an attribute
(`@id`, `From/@type`); the texts of a repeated element are joined by `; `, or only its last one counts (`Hop[last()]`).
No DTD is taken: it could declare entities that grow without end, or that are fetched from elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from xml.parsers import expat

import kho.formats.encodings  # noqa: F401  (XML may say that it is in tcvn3)
from kho.contract import telling
from kho.formats.block import Unreadable, composed
from kho.formats.part import Layout, Part
from kho.formats.records import Record, Records

CHUNK_BYTES = 1 << 18
MAX_TAG_BYTES = 1 << 22  # of one tag or comment
MAX_RECORD_CHARACTERS = 1 << 22
MAX_DEPTH = 200
_INSTANCE = "xsi"  # prefix of attributes that speak about the element
_LAST = "[last()]"


class _Broken(Exception):
    """Why the document can't be read on."""


@dataclass
class _Element:
    """An open element of the record that is being read."""

    path: str
    is_known: bool
    is_leaf: bool = True
    texts: list[str] = field(default_factory=list)


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
        self.path: list[str] = []
        self.offsets: list[int] = []
        self.found: list[Record] = []
        self.values: dict[str, list[str]] | None = None  # of the record that is being read
        self.open: list[_Element] = []
        self.base = self.offset = self.size = self.fed = 0
        self.parser = parser = expat.ParserCreate()
        parser.buffer_text = True
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

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.path.append(_local(name))
        if len(self.path) > MAX_DEPTH:
            raise _Broken(f"elements stand more than {MAX_DEPTH} deep")
        if self.values is None:
            if not self.is_record():
                return
            self.values, self.base, self.size = {}, len(self.path), 0
            self.offset = self.parser.CurrentByteIndex
        else:
            self.open[-1].is_leaf = False
        path = "/".join(self.path[self.base :])
        self.open.append(_Element(path or ".", self.is_known(path or ".")))
        for attribute, value in attributes.items():
            if not attribute.startswith(("xmlns", f"{_INSTANCE}:")):
                self.add(f"{path}/@{_local(attribute)}".removeprefix("/"), value)

    def is_known(self, path: str) -> bool:
        return not self.known or path in self.known

    def is_record(self) -> bool:
        depth = len(self.path)
        if self.sought is None:
            return depth == 2
        if depth == 1 and self.path[0] != self.sought[0]:
            raise Unreadable(
                f"the file's root is another ({telling.shape(self.path[0])}): the contract's recordsPath begins with"
                f" {self.sought[0]}"
            )
        self.has_place |= self.path == self.sought[:-1]
        return self.path == self.sought

    def text(self, text: str) -> None:
        if self.values is None:
            return
        element = self.open[-1]
        if not element.is_known:
            # Of what the contract does not know (an attachment, say) it only matters that it is there.
            text = text.strip()[:1] if not element.texts else ""
        self.size += len(text)
        if text and self.size <= MAX_RECORD_CHARACTERS:
            element.texts.append(text)

    def end(self, _: str) -> None:
        if self.values is not None:
            element = self.open.pop()
            text = "".join(element.texts).strip()
            if element.is_leaf or text:
                self.add(element.path, text)
            if not self.open:
                self.offsets.append(self.offset)
                self.found.append(self.record(self.values))
                self.values = None
        self.path.pop()

    def add(self, path: str, value: str) -> None:
        """One more value at the path; a record that grows beyond the cap gets no more, and is rejected."""
        self.size += len(path) + len(value)
        if self.size <= MAX_RECORD_CHARACTERS:
            self.values.setdefault(path, []).append(value)

    def record(self, values: dict[str, list[str]]) -> dict[str, object] | str:
        if self.size > MAX_RECORD_CHARACTERS:
            return f"the record is longer than {MAX_RECORD_CHARACTERS} characters"
        record: dict[str, object] = {}
        for path, texts in values.items():
            told = [text for text in texts if text]
            if path in self.last:
                record[self.last[path]] = told[-1] if told else None
            if path not in self.last or path in self.headers:
                record[path] = "; ".join(told) or None
        return record


def _local(name: str) -> str:
    return composed(name.rpartition(":")[2])
