"""Time limits: work that takes too long is ended, whatever library it waits in.

In the main thread, where tasks, nights and commands run, an alarm of the operating system interrupts it as Ctrl-C would:
that is what libraries are made for. Another thread hears no alarm: there the work ends where it asks `TimeLimit.check`.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

#: an alarm that somebody swallowed is given again after so many seconds
AGAIN_SECONDS = 5.0
#: and one that came while it was held
HELD_SECONDS = 0.05


class _Held(threading.local):
    """How many bodies hold off time limits in this thread."""

    count = 0


_held = _Held()


class _Passed(KeyboardInterrupt):
    """A time limit passed. No library takes it for an error of its own, and `time_limit` lets none get away."""

    def __init__(self, limit: TimeLimit) -> None:
        super().__init__("a time limit passed")
        self.limit = limit


class TimeLimit:
    """A moment, and the error to raise once it has passed."""

    def __init__(self, seconds: float, error: Exception) -> None:
        self._end, self._error = time.monotonic() + seconds, error

    @property
    def left(self) -> float:
        """Seconds until then; negative once it has passed."""
        return self._end - time.monotonic()

    def check(self) -> None:
        """Raise the error if the moment has passed."""
        if self.left <= 0:
            raise self._error


@contextmanager
def held() -> Iterator[None]:
    """No time limit interrupts the body, which is short: what has passed strikes right after it."""
    _held.count += 1
    try:
        yield
    finally:
        _held.count -= 1


@contextmanager
def time_limit(seconds: float, error: Exception) -> Iterator[TimeLimit]:
    """Raise `error` when the body takes longer than so many seconds.

    Time limits nest, also with an alarm of others (Airflow's `execution_timeout`): the earlier one counts, and the other
    goes on as if this one had never been.
    """
    made = TimeLimit(seconds, error)
    if threading.current_thread() is not threading.main_thread():
        yield made
        return
    is_over = has_rung = False
    left, again = signal.getitimer(signal.ITIMER_REAL)
    theirs = signal.getsignal(signal.SIGALRM)
    others = TimeLimit(left, error) if left else None

    def ring(number: int, frame: FrameType | None) -> None:
        nonlocal has_rung
        if _held.count:
            _set(HELD_SECONDS, HELD_SECONDS)
            return
        if not is_over and made.left <= 0:
            has_rung = True
            raise _Passed(made)
        if others and others.left <= 0 and callable(theirs):
            theirs(number, frame)
        wind()

    def wind() -> None:
        to_come = [each.left for each in (made, others) if each and each.left > 0]
        _set(min(to_come, default=AGAIN_SECONDS), AGAIN_SECONDS)

    signal.signal(signal.SIGALRM, ring)
    wind()
    try:
        try:
            yield made
        finally:
            is_over = True
    except _Passed as passed:
        is_over = True
        if passed.limit is not made:
            raise
        raise error from None
    except Exception:
        if not has_rung:
            raise
        raise error from None  # what was interrupted could not even end
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        # One that was not set from Python reads as None, and can't be set again.
        signal.signal(signal.SIGALRM, signal.SIG_DFL if theirs is None else theirs)
        if others:
            _set(others.left, again)


def _set(seconds: float, again: float) -> None:
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001), again)
