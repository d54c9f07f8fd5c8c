"""Sources seen from outside: which there are, whether one would work, what a new version of a contract changes."""

from kho.source.check import check
from kho.source.overview import SourceState, UnknownSource, find, sources
from kho.source.step import Finding, Step
from kho.source.story import Story, story
from kho.source.versions import Difference, NothingToCompare, diff

__all__ = [
    "Difference",
    "Finding",
    "NothingToCompare",
    "SourceState",
    "Step",
    "Story",
    "UnknownSource",
    "check",
    "diff",
    "find",
    "sources",
    "story",
]
