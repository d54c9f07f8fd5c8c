"""What looking at a source finds, step by step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """One thing that was found. wrong: something must be done before the source works; told: worth knowing."""

    mark: Literal["fine", "told", "wrong"]
    text: str
    details: tuple[str, ...] = ()
    words: tuple[str, ...] = ()  # of the file itself: for a terminal, and nothing that keeps them


@dataclass(frozen=True)
class Step:
    """One of the things that are looked at, with what was found."""

    title: str
    findings: tuple[Finding, ...]

    @property
    def is_wrong(self) -> bool:
        return any(finding.mark == "wrong" for finding in self.findings)
