"""Sources seen from outside: which there are, whether one would work, what a new version of a contract changes."""

from kho.source.check import check
from kho.source.overview import SourceState, find, sources
from kho.source.step import Finding, Step
from kho.source.story import Story, story

__all__ = ["Finding", "SourceState", "Step", "Story", "check", "find", "sources", "story"]
