"""Kho's own sentences within longer texts.

Whatever is not one of them stays as it is: what people wrote, what was observed, messages of other programs.
"""

from __future__ import annotations

import re
from functools import cache, partial

from kho.check import suites
from kho.sentences.known import SENTENCES
from kho.settings import settings

#: how a sentence begins that stands behind something that is no sentence, and one that is said of a column
_BEHIND, _OF_COLUMN = "…", ": "
_PLACE = re.compile(r"\{(\w+)\}")


def in_vietnamese(text: str | None) -> str:
    """A text with Kho's own sentences in Vietnamese, and all else of it as it is."""
    said = text or ""
    for words, sentence, translated in _sentences():
        if words in said:
            said = sentence.sub(partial(_filled, translated), said)
    return said


def _filled(translated: str, found: re.Match[str]) -> str:
    return translated.format(**found.groupdict())


@cache
def _sentences() -> list[tuple[str, re.Pattern[str], str]]:
    """Each with its longest piece between places; that with most words of its own first, for some begin alike."""
    known = SENTENCES | {
        text: said.replace("{", "{{").replace("}", "}}")
        for text, said in suites.vietnamese(settings()).items()
    }
    return [
        (max(_PLACE.split(_words(text))[::2], key=len), _pattern(text), translated.removeprefix(_OF_COLUMN))
        for text, translated in sorted(known.items(), key=lambda each: -len(_PLACE.sub("", each[0])))
    ]


def _words(text: str) -> str:
    return text.removeprefix(_BEHIND).removeprefix(_OF_COLUMN)


def _pattern(text: str) -> re.Pattern[str]:
    """Where a sentence stands as a whole: first of all, or behind another one or what it is said of."""
    before = "(?:^|(?<=[;:.?] ))"
    if text.startswith(_OF_COLUMN):
        before = "(?<=: )"
    elif text.startswith(_BEHIND):
        before = "(?<= )"
    *pieces, last = _PLACE.split(_words(text))
    pattern = ""
    for literal, place, following in zip(pieces[::2], pieces[1::2], [*pieces[2::2], last], strict=False):
        # In brackets stands whatever another program says.
        anything = "." if literal.endswith("(") else "[^;:]"
        pattern += f"{re.escape(literal)}(?P<{place}>{anything}+{'?' if following else ''})"
    return re.compile(rf"{before}{pattern}{re.escape(last)}(?!\w)", re.MULTILINE)
