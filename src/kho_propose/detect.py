"""What kind of file a sample is: told by its bytes, never by its name."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from lxml import etree

from kho.formats import Unreadable, kinds, sheets
from kho.formats.guessing import Guess, guess

HEAD_BYTES = 1 << 22
MOST_BYTES = 256_000_000
_OPEN_DOCUMENT = b"application/vnd.oasis.opendocument.spreadsheet"


class CannotPropose(Exception):
    """A sample that nothing can be proposed from. The message names the file and says what to do."""


@dataclass(frozen=True)
class Shape:
    """How a file is to be read."""

    format: str
    compression: str | None = None
    encoding: Guess | None = None  # of text formats
    delimiter: str = ","
    sheet: str | None = None
    other_sheets: tuple[str, ...] = ()  # that hold something as well
    records_path: str | None = None

    @property
    def is_named(self) -> bool:
        """Whether its records name their columns themselves, or its first row does."""
        return self.format in ("json", "jsonl", "xml", "parquet")


def detect(path: Path) -> Shape:
    """The shape of a sample. Raises `CannotPropose`."""
    if path.stat().st_size == 0:
        raise CannotPropose(f"{path}: the file is empty: take a sample that has rows")
    try:
        compression, head = _unpacked(path)
        shape = _binary(path, head, compression) or _text(path, head, compression)
    except (OSError, EOFError, zipfile.BadZipFile) as error:
        raise CannotPropose(f"{path}: can't be read ({error}): is it whole?") from None
    return replace(shape, compression=compression)


def _unpacked(path: Path) -> tuple[str | None, bytes]:
    """How the file is packed, and the beginning of what is in it."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if head.startswith(b"\x1f\x8b"):
        with gzip.open(path) as file:
            return "gzip", file.read(HEAD_BYTES)
    if head.startswith(b"PK\x03\x04") and not _is_workbook(path):
        with zipfile.ZipFile(path) as archive:
            members = sorted(each.filename for each in archive.infolist() if not each.is_dir())
            if not members:
                raise CannotPropose(f"{path}: the archive is empty")
            with archive.open(members[0]) as file:
                return "zip", file.read(HEAD_BYTES)
    return None, head


def _is_workbook(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
    return bool({"[Content_Types].xml", "mimetype"} & names)


def _binary(path: Path, head: bytes, compression: str | None) -> Shape | None:
    if head.startswith(b"PAR1"):
        return Shape("parquet")
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        kind = "xls"
    elif head.startswith(b"PK\x03\x04"):
        kind = "ods" if _OPEN_DOCUMENT in head[:200] else "xlsx"
    elif head.startswith((b"%PDF", b"Rar!", b"7z\xbc\xaf", b"\x89PNG", b"\xff\xd8\xff")):
        raise CannotPropose(
            f"{path}: is no table (a PDF, a picture, another archive): ask for a text or workbook"
        )
    else:
        return None
    filled = _filled_sheets(path, kind) if compression is None else {}
    best = max(filled, key=lambda name: filled[name], default=None)
    others = tuple(name for name, cells in filled.items() if cells and name != best)
    return Shape(kind, sheet=best if len(filled) > 1 else None, other_sheets=others)


def _filled_sheets(path: Path, kind: str) -> dict[str, int]:
    """How many cells the first rows of each sheet fill: a cover has few."""
    try:
        found = sheets(path, kind)
    except Unreadable as problem:
        raise CannotPropose(f"{path}: {problem}") from None
    return {name: sum(cell not in ("", None) for row in rows for cell in row) for name, rows in found.items()}


def _text(path: Path, head: bytes, compression: str | None) -> Shape:
    encoding = guess(head)
    try:
        text = head.decode(encoding.encoding, errors="replace").lstrip("\ufeff")
    except LookupError as error:  # pragma: no cover - only codecs that are known are guessed
        raise CannotPropose(f"{path}: {error}") from None
    start = text.lstrip()
    if kinds.is_web_archive(head):
        return Shape("html", encoding=Guess("utf-8", 1.0, because="its pages say their own"))
    if kinds.is_spreadsheet_ml(start.encode()):
        raise CannotPropose(f"{path}: is {kinds.SPREADSHEET_ML}")
    if start[:1] == "<":
        low = start[:100_000].lower()
        if "<table" in low or "<html" in low:
            return Shape("html", encoding=encoding)
        return Shape("xml", encoding=encoding, records_path=_xml_records(path, compression))
    if start[:1] in ("{", "[", "\x1e") and (found := _json(path, start, compression)):
        return replace(found, encoding=encoding)
    return Shape("csv", encoding=encoding, delimiter=delimiter(text))


def opened(path: Path, compression: str | None) -> bytes:
    """The whole file, unpacked; of an archive its first member."""
    with ExitStack() as stack:
        if compression == "zip":
            archive = stack.enter_context(zipfile.ZipFile(path))
            members = sorted(each.filename for each in archive.infolist() if not each.is_dir())
            file: IO[bytes] = stack.enter_context(archive.open(members[0]))
        elif compression == "gzip":
            file = stack.enter_context(gzip.open(path))
        else:
            file = stack.enter_context(path.open("rb"))
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise CannotPropose(f"{path}: holds more than {MOST_BYTES // 1_000_000} MB: take a smaller sample")
    return data


def delimiter(text: str) -> str:
    """The delimiter with which most lines have the same number of fields."""
    lines = text.splitlines(keepends=True)[:400]
    if len(lines) > 1 and len(text) > HEAD_BYTES // 8:
        lines = lines[:-1]
    best = (0.0, 0, ",")
    for candidate in ";\t,|":
        try:
            counts = [
                len(row) for row in csv.reader(io.StringIO("".join(lines)), delimiter=candidate) if any(row)
            ]
        except csv.Error:
            continue
        ((width, most),) = Counter(counts).most_common(1) or [(1, 0)]
        if width > 1:
            best = max(best, (most / len(counts), width, candidate), key=lambda each: each[:2])
    return best[2]


def _json(path: Path, start: str, compression: str | None) -> Shape | None:
    """JSON lines when the first lines are objects of their own, else the place of the records in the document."""
    lines = [line for line in start.splitlines()[:3] if line.strip()]
    whole = [each for each in map(_parsed, lines) if each is not None]
    if start[0] == "{" and len(whole) == len(lines) and (len(lines) > 1 or not _lists(whole[0])):
        return Shape("jsonl")
    document = _parsed(
        opened(path, compression).decode("utf-8-sig", errors="replace").split("\x1e")[-1] or "null"
    )
    if start[0] == "\x1e":
        document = next(
            (each for part in start.split("\x1e") if (each := _parsed(part)) is not None), document
        )
    if isinstance(document, list):
        return Shape("json")
    if isinstance(document, dict):
        found = _lists(document) or _named(document)
        if not found:
            raise CannotPropose(f"{path}: no list of records is in this JSON document")
        return Shape("json", records_path=max(found, key=lambda each: found[each]) or None)
    return Shape("jsonl") if start[0] == "{" and whole else None


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _lists(document: Any, path: str = "") -> dict[str, int]:
    """Where lists of objects stand in a document, and how long they are."""
    found: dict[str, int] = {}
    if isinstance(document, dict):
        for key, value in document.items():
            place = f"{path}.{key}" if path else key
            if isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
                found[place] = len(value)
            else:
                found |= _lists(value, place)
    return found


def _named(document: Any, path: str = "") -> dict[str, int]:
    """Where objects of several objects of the same keys stand, and how many those are: records by their names."""
    if not isinstance(document, dict):
        return {}
    records = list(document.values())
    if len(records) > 1 and all(
        isinstance(each, dict) and each.keys() == records[0].keys() for each in records
    ):
        return {path: len(records)}
    found: dict[str, int] = {}
    for key, value in document.items():
        found |= _named(value, f"{path}.{key}" if path else key)
    return found


def _xml_records(path: Path, compression: str | None) -> str:
    """Path of the records, from the root: the outermost element that repeats, or the whole document where more is told
    outside of what repeats than within (a message)."""
    counts: Counter[tuple[str, ...]] = Counter()
    leaves: set[tuple[str, ...]] = set()
    trail: list[str] = []
    source = io.BytesIO(opened(path, compression))
    try:
        for event, element in etree.iterparse(
            source, events=("start", "end"), resolve_entities=False, no_network=True, huge_tree=False
        ):
            if event == "start":
                trail.append(etree.QName(element).localname)
                counts[tuple(trail)] += 1
                leaves.update((*trail, f"@{name}") for name in element.attrib)
            else:
                if len(element) == 0:
                    leaves.add(tuple(trail))
                trail.pop()
    except etree.XMLSyntaxError as error:
        raise CannotPropose(f"{path}: is no whole XML: {error}") from None
    best, told = max(
        ((place, _within(place, leaves)) for place in counts if counts[place] > 1 and len(place) > 1),
        key=lambda each: (-len(each[0]), each[1], counts[each[0]]),
        default=((), 0),
    )
    if not best or told * 2 < len(leaves):
        below = [place for place in counts if len(place) == 2]
        best = (
            below[0] if len(below) == 1 and _within(below[0], leaves) > 1 else below[0][:1] if below else ()
        )
    if not best:
        raise CannotPropose(f"{path}: this XML holds no records")
    return "/".join(best)


def _within(place: tuple[str, ...], leaves: set[tuple[str, ...]]) -> int:
    return sum(leaf[: len(place)] == place and leaf != place for leaf in leaves) or int(place in leaves)
