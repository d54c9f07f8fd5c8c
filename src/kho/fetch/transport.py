"""What every transport offers: a listing of files, and their bytes; and how it says that something went wrong."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, Protocol, TypeVar
from unicodedata import category

from tenacity import (
    Retrying,
    before_sleep_log,
    retry_if_exception_type,
    stop_after_attempt,
    wait_exponential_jitter,
)

T = TypeVar("T")
log = logging.getLogger(__name__)

CHUNK_BYTES = 1 << 18
ATTEMPTS, WAIT = 5, wait_exponential_jitter(multiplier=0.5, max=20)


class SourceError(Exception):
    """A source or one of its files can't be read. The message names it and says what to do."""


class Passing(SourceError):
    """The same, but it may go away by itself: a timeout, a dropped connection, a server in trouble."""


class Incomplete(Exception):
    """A file is not whole yet; a later night takes it."""


class Doubtful(Incomplete):
    """Everything came, and a sign says that it may not be right: it is taken where an earlier night said so, too."""


class Short(Doubtful):
    """Everything came, and is less than its source says that it has. `is_whole`: it came to its end all the same."""

    def __init__(self, told: str, *, is_whole: bool = False) -> None:
        super().__init__(told)
        self.is_whole = is_whole


@dataclass(frozen=True)
class Listed:
    """A file as the source's listing shows it."""

    name: str
    size: int | None  # in bytes; in rows where a database makes the file
    modified: datetime | None
    records: int | None = None  # how many it should hold, where the source says so
    tag: str | None = None  # equal tags, equal bytes: what an HTTP server calls this version, and of what
    #: When a file that was taken is taken again. grown: rows leave a day's file for a later one when they change, and
    #: only more or newer ones make it another file. never: it shows its source as it is now, not as it was that day.
    again: Literal["changed", "grown", "never"] = "changed"
    is_regular: bool = True  # no link, and nothing else that only looks like a file


CHANGED = "it is still being written: its size or time changed while it was read"


def expect_unchanged(listed: Listed, now: Listed | None, size_read: int) -> None:
    """Raises Incomplete for a file that is no longer what was listed when it was read; Doubtful where only its time is not.

    Some servers tell the moment of the answer for a file's time.
    """
    if now is None or size_read != listed.size or replace(now, modified=listed.modified) != listed:
        raise Incomplete(CHANGED)
    if now.modified != listed.modified:
        raise Doubtful("it is still being written: its time changed while it was read, and nothing else")


class Transport(Protocol):
    """One export's folder at its source."""

    where: str

    def files(self) -> list[Listed]:
        """All files of the folder, in no order. Raises SourceError."""

    def read(self, file: Listed) -> Iterator[bytes]:
        """The bytes, in chunks. Raises SourceError, or Incomplete when they were not whole or changed meanwhile."""

    def close(self) -> None:
        """Let go of the connection."""


def is_sound(name: str) -> bool:
    """Whether a name is that of a file right in its folder, in characters that can be shown."""
    return name not in ("", ".", "..") and "/" not in name and shown(name) == name


def shown(name: str) -> str:
    """A name as it may be told: signs that steer a terminal, or that are no characters, are question marks."""
    return "".join(
        "?" if category(sign)[0] == "C" or category(sign) in ("Zl", "Zp") else sign for sign in name
    )


def patiently(call: Callable[[], T]) -> T:
    """What `call` gives, tried a few times with growing waits while the trouble may pass. Raises SourceError."""
    retrying = Retrying(
        retry=retry_if_exception_type(Passing),
        stop=stop_after_attempt(ATTEMPTS),
        wait=WAIT,
        before_sleep=before_sleep_log(log, logging.WARNING),
        reraise=True,
    )
    try:
        return retrying(call)
    except Passing as trouble:
        raise SourceError(str(trouble)) from None  # it was tried often enough: nobody tries again
