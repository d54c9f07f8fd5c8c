"""Sources seen from outside: which there are, whether one would work, what a new version of a contract changes."""

from kho.source.overview import SourceState, sources

__all__ = ["SourceState", "sources"]
