"""What dbt says of a model that is wrong, told with the file, the line and a remedy."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from kho.settings import Settings
from kho.transform.assembly import written

#: what is said, and what can be done about it
_REMEDIES = {
    r"column .* does not exist": "name a column that is there: those of the raw rows are in the contract",
    r"relation .* does not exist|not found in the project|not found": "is the name right? `ref` takes the file name of a model or seed, `input_rows` the name of a contract",
    r"enforced contract": "give the columns that the YAML beside the model lists, under these names and with these types; what the source does not tell is empty: `null::text as name`",
    r"UNION|union": "all parts of a union give the same columns with the same types",
    r"duplicate key|unique index": "two rows have one key: put into it what tells them apart",
    r"null value in column": "a key is empty: every row needs one",
    r"is undefined|macro": "is the name right? macros stand in dbt_project/macros",
    r"syntax error|unknown tag|expected token|unexpected '": "mend the text around this line",
    r"cannot cast|invalid input syntax|is of type": "cast the value to the type of the column: `value::type`",
}
_PLACE = re.compile(r"^(dbt could not run: )?[A-Z]\w+ Error( in \w+ \S+)? \([^)]+\)\s*")
_LINE_OF_SERVER = re.compile(r"LINE \d+: (?P<text>.*)")
_LINE_OF_FILE = re.compile(r"\bline (?P<number>\d+)\b")
_NAMED = re.compile(r"column \"?(?:\w+\.)?(?P<name>\w+)\"?")


@dataclass(frozen=True)
class Fault:
    """A fault of a file: where, what, and what can be done."""

    place: str
    text: str
    details: tuple[str, ...]


def fault(settings: Settings, node: Any, message: str) -> Fault:
    """What is wrong with a node of the project."""
    return _of_file(settings, node.original_file_path, message)


def of_project(settings: Settings, message: str) -> Fault | None:
    """What is wrong with a file that dbt can't read, if its message names one."""
    found = re.search(r"\((?P<path>(?:models|macros|seeds|tests|functions|sources)/[^)]+)\)", message)
    return _of_file(settings, found["path"], message) if found else None


def _of_file(settings: Settings, path: str, message: str) -> Fault:
    """What is wrong with a file, by where it is in the folder that dbt reads."""
    file = written(settings, path)
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    return _told(str(settings.shown(file)), lines, message)


def _told(path: str, lines: list[str], message: str) -> Fault:
    said = [line.strip() for line in message.splitlines() if line.strip()]
    said = [
        line for line in said if not line.startswith(("compiled code at", "> in macro", "> called by", "^"))
    ]
    if said and _PLACE.match(said[0]):
        said[0] = _PLACE.sub("", said[0])
    said = [line for line in said if line] or ["no message"]
    number = _line(lines, message)
    place = path + (f", line {number}" if number else "")
    text, *more = said
    remedy = next((way for pattern, way in _REMEDIES.items() if re.search(pattern, message)), None)
    return Fault(place, text, tuple([*more, *([f"→ {remedy}"] if remedy else [])]))


def _line(lines: list[str], message: str) -> int | None:
    """The line of the file that is meant. The server counts those of what dbt made of it: they are found by their text."""
    if server := _LINE_OF_SERVER.search(message):
        text = server["text"].strip().strip(".").strip()
        found = [number for number, line in enumerate(lines, 1) if text and text in line]
        if not found and (named := _NAMED.search(message)):
            word = re.compile(rf"\b{re.escape(named['name'])}\b")
            found = [number for number, line in enumerate(lines, 1) if word.search(line)]
        return found[0] if found else None
    if of_file := _LINE_OF_FILE.search(message):
        return int(of_file["number"])
    return None
