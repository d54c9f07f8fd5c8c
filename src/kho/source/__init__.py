"""Sources seen from outside: which there are, whether one would work, what its models make of a file, what a new contract changes."""

from kho.source.build import Shown, build
from kho.source.check import check
from kho.source.overview import SourceState, UnknownSource, find, sources
from kho.source.step import Finding, Step
from kho.source.story import Story, story
from kho.source.trial import NothingToTry
from kho.source.versions import Difference, NothingToCompare, diff

__all__ = [
    "Difference",
    "Finding",
    "NothingToCompare",
    "NothingToTry",
    "Shown",
    "SourceState",
    "Step",
    "Story",
    "UnknownSource",
    "build",
    "check",
    "diff",
    "find",
    "sources",
    "story",
]
