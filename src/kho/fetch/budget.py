"""What a source may cost in one fetch: bytes and time, of one delivery and of all together, as its contract says."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from kho.contract import Contract
from kho.fetch.transport import SourceError
from kho.time_limit import TimeLimit, time_limit

#: of a source's listing, and of the pages of one delivery
MOST_FILES = 200_000
MOST_PAGES = 100_000


class Exhausted(SourceError):
    """A source as a whole is larger or slower than its contract says: what it took before is kept."""


@dataclass
class Budget:
    """Counts what one fetch reads. Without a contract nothing is too much, except what is read whole (`whole_bytes`)."""

    delivery_bytes: float = math.inf
    delivery_minutes: float = math.inf
    source_bytes: float = math.inf
    source_minutes: float = math.inf
    whole_bytes: int = 64_000_000
    _spent: int = field(default=0, init=False)
    _of_delivery: int | None = field(default=None, init=False)  # None: what comes in is of none
    _time_limits: list[TimeLimit] = field(default_factory=list, init=False)

    @classmethod
    def of(cls, contract: Contract) -> Budget:
        keys = contract.server
        return cls(
            keys.max_bytes,
            keys.max_minutes,
            keys.max_source_bytes,
            keys.max_source_minutes,
            contract.file.max_file_megabytes * 1_000_000,
        )

    @contextmanager
    def source(self) -> Iterator[None]:
        """One fetch. Raises `Exhausted` in its body when it takes too long."""
        with self._within(
            self.source_minutes, Exhausted(_too_slow("its fetch", self.source_minutes, "maxSourceMinutes"))
        ):
            yield

    @contextmanager
    def delivery(self) -> Iterator[None]:
        """One delivery of it. Raises `SourceError` in its body when it takes too long."""
        with self._within(
            self.delivery_minutes, SourceError(_too_slow("it", self.delivery_minutes, "maxMinutes"))
        ):
            try:
                yield
            finally:
                self._of_delivery = None

    def begin(self) -> None:
        """What comes now are the delivery's bytes from the first one on."""
        self._of_delivery = 0

    def spend(self, size: int) -> None:
        """Count bytes that came in. Raises `SourceError` when the delivery has too many, `Exhausted` when the source has."""
        self._spent += size
        if self._of_delivery is not None:
            self._of_delivery += size
        if self._spent > self.source_bytes:
            raise Exhausted(_too_large("its fetch read", self.source_bytes, "maxSourceBytes"))
        if (self._of_delivery or 0) > self.delivery_bytes:
            raise SourceError(_too_large("it has", self.delivery_bytes, "maxBytes"))
        for each in self._time_limits:
            each.check()

    def counted(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """The chunks as they come, counted."""
        for chunk in chunks:
            self.spend(len(chunk))
            yield chunk

    @contextmanager
    def _within(self, minutes: float, error: SourceError) -> Iterator[None]:
        with ExitStack() as stack:
            if minutes < math.inf:
                self._time_limits.append(stack.enter_context(time_limit(60 * minutes, error)))
                stack.callback(self._time_limits.pop)
            yield


def expect_some(number: int, most: int, what: str) -> None:
    """Raises SourceError when there are more than so many."""
    if number > most:
        raise SourceError(
            f"it has more than {most:,} {what}, as no export has: tell the keeper of the source"
        )


def _too_large(what: str, most: float, key: str) -> str:
    return f"{what} more than {most:,} bytes: {_remedy(key)}"


def _too_slow(what: str, minutes: float, key: str) -> str:
    return f"{what} took longer than {minutes:g} minutes: {_remedy(key)}"


def _remedy(key: str) -> str:
    return (
        f"that is the contract's {key}, a custom property of its server. Is the export that much? Then raise it; if not, "
        "tell the keeper of the source"
    )
