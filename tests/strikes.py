"""An alarm that strikes at any step of a library, where no test's clock would hit it."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

ALARM = signal.SIGALRM


class Steps:
    """Counts the calls of a library's functions while an alarm is set; at the one of number `strike` it comes through.

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
                while ALARM not in signal.sigpending():
                    time.sleep(0.001)
                self.has_struck = True
                signal.pthread_sigmask(signal.SIG_UNBLOCK, [ALARM])


@contextmanager
def alarm_held_until(library: str, strike: int | None = None) -> Iterator[Steps]:
    """No alarm comes through in the body before the library's call of this number; without one, none does."""
    steps = Steps(library, strike)
    signal.pthread_sigmask(signal.SIG_BLOCK, [ALARM])
    sys.settrace(steps)
    try:
        yield steps
    finally:
        sys.settrace(None)
        signal.signal(ALARM, signal.signal(ALARM, signal.SIG_IGN))  # one that waits is forgotten
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [ALARM])
