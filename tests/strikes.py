"""A time limit that strikes at any step of a library, where no test's clock would hit it."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from unittest.mock import patch

from kho import time_limit

AN_HOUR = 3600.0


class Steps:
    """Counts the calls of a library's functions while an alarm is set; at the one of number `strike` an hour passes.

    Where a function begins Python looks for signals: there, and not between any two lines, a handler may raise.
    """

    def __init__(self, library: str, strike: int | None) -> None:
        self.count = 0
        self.has_struck = False
        self._within, self._strike = f"/{library}/", strike

    def __call__(self, frame: FrameType, _event: str, _argument: object) -> None:
        if self._within in frame.f_code.co_filename and signal.getitimer(signal.ITIMER_REAL)[0]:
            self.count += 1
            if self.count == self._strike:
                self.has_struck = True
                signal.raise_signal(signal.SIGALRM)

    def monotonic(self) -> float:
        """What time limits take for the time."""
        return time.monotonic() + AN_HOUR * self.has_struck


@contextmanager
def an_hour_passes_at(library: str, strike: int | None = None) -> Iterator[Steps]:
    """Time limits of the body pass at the library's call of this number; without one, none does."""
    steps = Steps(library, strike)
    with patch.object(time_limit, "time", steps):
        sys.settrace(steps)
        try:
            yield steps
        finally:
            sys.settrace(None)
