"""Sources seen from outside: which there are, whether one would work, what a new version of a contract changes."""

from kho.source.check import check
from kho.source.overview import SourceState, sources
from kho.source.step import Finding, Step

__all__ = ["Finding", "SourceState", "Step", "check", "sources"]
