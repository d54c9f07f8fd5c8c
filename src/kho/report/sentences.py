"""The sentences of an area: figures put into words, or the words for their state where there is no figure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kho.figures.figures import Figure
from kho.report import vietnamese

#: {metric@level/detail: unit}; the level `each` is every one that the scope has
PLACE = re.compile(r"\{(?P<metric>\w+)(?:@(?P<level>\w+))?(?:/(?P<detail>\w+))?(?:: (?P<unit>[^}]+))?\}")
_CLAUSE = re.compile(r"\[([^\]]*)\]")
#: by state; more is said where only some of the area's figures are in it
_WHY = {
    "not_operated": "Không có số liệu vì đơn vị không vận hành hệ thống trong kỳ (khác với bằng 0)",
    "not_delivered": "Chưa có số liệu của kỳ vì nguồn chưa gửi (khác với bằng 0)",
    "not_applicable": "Không áp dụng trong kỳ hoặc với loại đơn vị này (khác với bằng 0)",
}

#: figures of one scope and period: by metric, detail and level
Known = dict[str, dict[str, dict[str, Figure]]]


def paragraphs(says: Sequence[str], known: Known, levels: Sequence[str]) -> list[str]:
    """The sentences that there are figures for; then, for each state without a value, one that names what is in it.

    `levels` are those of the scope, the whole first. A sentence is about its first figure.
    """
    told: list[str] = []
    absent: dict[str, list[str]] = {}
    for sentence in says:
        first = PLACE.search(sentence)
        subject = first and next(iter(_figures(first, known, levels).values()), None)
        if subject is None:
            continue
        if subject.value is None:
            absent.setdefault(subject.state, []).append(subject.title[0].lower() + subject.title[1:])
        else:
            told.append(_say(sentence, known, levels))
    is_whole = not told and len(absent) == 1
    for state, why in _WHY.items():
        if state in absent:
            told.append(f"{why}." if is_whole else f"{why}: {'; '.join(absent[state])}.")
    return told


def _say(sentence: str, known: Known, levels: Sequence[str]) -> str:
    incomplete: list[str] = []

    def clause(match: re.Match[str]) -> str:
        places = PLACE.finditer(match[1])
        return match[1] if all(_figures(place, known, levels) for place in places) else ""

    def place(match: re.Match[str]) -> str:
        told = []
        for level, figure in _figures(match, known, levels).items():
            if figure.state in ("stale", "partial"):
                incomplete.append(vietnamese.note(figure))
            text = vietnamese.printed(figure)
            if figure.value is not None and figure.unit != "percent":
                text += f" {match['unit'] or figure.unit_title}"
            if figure.state == "attested":
                text += f" ({vietnamese.note(figure)})"
            told.append(f"{vietnamese.LEVELS[level].lower()} {text}" if match["level"] == "each" else text)
        return ", ".join(told) or "–"

    text = PLACE.sub(place, _CLAUSE.sub(clause, sentence))
    if incomplete:
        text = f"{text.removesuffix('.')} ({'; '.join(dict.fromkeys(incomplete))})."
    return text


def _figures(place: re.Match[str], known: Known, levels: Sequence[str]) -> dict[str, Figure]:
    """The figures that a place prints, by level: one, or none, or for `each` those of the levels below the whole."""
    by_level = known.get(place["metric"], {}).get(place["detail"] or "", {})
    if not place["level"]:
        whole = next((level for level in levels if level in by_level), None)
        return {whole: by_level[whole]} if whole else {}
    # A scope of one level has its whole only.
    asked = [level for level in levels if level != "all"] if place["level"] == "each" else [place["level"]]
    return {level: by_level[level] for level in asked if level in by_level and len(levels) > 1}
