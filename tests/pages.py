"""Reading the documentation: its pages, their fenced blocks, their code spans, the commands in them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
PAGES = [Path("README.md"), *sorted(page.relative_to(PROJECT) for page in (PROJECT / "docs").glob("*.md"))]

_FENCED = re.compile(r"^```(?P<info>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block: `sh` runs in a test, `sh no-test` does not; `sh fails` must end with an error; `sh in <state>` runs in
    that state, by a test that makes it.

    `text output` is what the commands before it print, among other things.
    """

    page: Path
    line: int
    info: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(page: Path, info: str | None = None) -> list[Block]:
    """The fenced blocks of a page; with `info`, those whose info string is exactly that."""
    text = (PROJECT / page).read_text()
    found = [
        Block(page, text.count("\n", 0, match.start()) + 2, match["info"].strip(), match["text"])
        for match in _FENCED.finditer(text)
    ]
    return [block for block in found if info is None or block.info == info]


def of_state(state: str, page: Path) -> list[Block]:
    """The blocks of a page that are typed in this state."""
    return blocks(page, f"sh in {state}")


def spans(page: Path) -> list[str]:
    """The code spans of a page's sentences and tables."""
    return re.findall(r"`([^`\n]+)`", _FENCED.sub("", (PROJECT / page).read_text()))


def commands(page: Path) -> Iterator[tuple[list[str], bool]]:
    """The words of every command on a page, and whether it stands in a block, as a whole to be typed."""
    for block in blocks(page):
        if block.info.split()[:1] == ["sh"]:
            for command in _lines(block.text):
                yield shlex.split(command, comments=True), True
    for span in spans(page):
        if span.startswith(("kho ", "make ", "python -m ")):
            yield shlex.split(span), False


def _lines(text: str) -> Iterator[str]:
    """Commands: lines, joined while a quote or a backslash leaves them open; without what `<<'END'` gives them."""
    text = re.sub(r"(<<'(\w+)'\n).*?^\2$\n?", r"\1", text, flags=re.MULTILINE | re.DOTALL)
    joined = ""
    for line in text.splitlines():
        joined += line
        try:
            shlex.split(joined, comments=True)
        except ValueError:
            joined += "\n"
            continue
        if joined.strip():
            yield joined
        joined = ""
    assert not joined, f"a quote is left open: {joined}"
