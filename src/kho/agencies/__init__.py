"""The agencies of a province: a list of them as a province has it, checked whole, becomes the seed `agencies.csv`."""

from kho.agencies.catalogue import Change, Version, apply, merged, read
from kho.agencies.listing import HEADER, WrongList, listed, rows
from kho.agencies.rules import problems

__all__ = [
    "HEADER",
    "Change",
    "Version",
    "WrongList",
    "apply",
    "listed",
    "merged",
    "problems",
    "read",
    "rows",
]
