"""Time limits: what waits without end is ended, the earlier of two counts, and an alarm of others goes on."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from kho.time_limit import held, time_limit

SOON, NEVER = 0.05, 3600.0


class TooLate(Exception):
    pass


class Theirs(BaseException):
    pass


@pytest.fixture(autouse=True)
def _left_as_it_was() -> Iterator[None]:
    before = signal.getsignal(signal.SIGALRM)
    yield
    assert (signal.getsignal(signal.SIGALRM), signal.getitimer(signal.ITIMER_REAL)[0]) == (before, 0.0)


def _read_a_socket() -> None:
    ours, _theirs = socket.socketpair()
    ours.recv(1)


def _run_a_loop() -> None:
    async def wait() -> None:
        with suppress(Exception):  # no error of the work itself
            await asyncio.sleep(NEVER)

    with asyncio.Runner() as runner:
        runner.run(wait())


def _swallow_all() -> None:
    while True:
        with suppress(Exception):
            time.sleep(0.001)


@pytest.mark.parametrize("wait", [_read_a_socket, _run_a_loop, _swallow_all, lambda: time.sleep(NEVER)])
def test_whatever_waits_is_ended_with_the_callers_error(wait) -> None:
    with pytest.raises(TooLate, match="mine"), time_limit(SOON, TooLate("mine")):
        wait()


def test_work_in_time_is_left_alone_and_its_own_error_comes_through() -> None:
    with time_limit(NEVER, TooLate("never")):
        pass
    with pytest.raises(KeyError), time_limit(NEVER, TooLate("never")):
        raise KeyError


@pytest.mark.parametrize(("outer", "inner", "told"), [(SOON, NEVER, "outer"), (NEVER, SOON, "inner")])
def test_the_earlier_of_two_time_limits_counts(outer: float, inner: float, told: str) -> None:
    outermost = time_limit(outer, TooLate("outer"))
    with pytest.raises(TooLate, match=told), outermost, time_limit(inner, TooLate("inner")):
        time.sleep(NEVER)


def test_the_outer_time_limit_goes_on_after_an_inner_one() -> None:
    with pytest.raises(TooLate, match="outer"), time_limit(4 * SOON, TooLate("outer")):
        with pytest.raises(TooLate, match="inner"), time_limit(SOON, TooLate("inner")):
            time.sleep(NEVER)
        time.sleep(NEVER)


@pytest.mark.parametrize("ours", [NEVER, SOON])
def test_an_alarm_of_others_rings_at_its_time_within_a_time_limit_and_after_it(ours: float) -> None:
    def theirs(*_: object) -> None:
        raise Theirs

    before = signal.signal(signal.SIGALRM, theirs)
    signal.setitimer(signal.ITIMER_REAL, 3 * SOON)
    try:
        with pytest.raises(Theirs):
            with suppress(TooLate), time_limit(ours, TooLate("ours")):
                time.sleep(NEVER)
            time.sleep(NEVER)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_in_another_thread_work_ends_where_it_asks() -> None:
    told: list[str] = []

    def work() -> None:
        try:
            with time_limit(SOON, TooLate("asked")) as until:
                while True:
                    until.check()
                    time.sleep(0.001)
        except TooLate as error:
            told.append(str(error))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert told == ["asked"]


def test_an_interrupted_body_that_fails_in_its_own_end_is_late_all_the_same() -> None:
    with pytest.raises(TooLate), time_limit(SOON, TooLate()):
        try:
            time.sleep(NEVER)
        finally:
            raise ValueError("it could not be put away")


def test_a_failure_of_the_body_in_its_time_is_its_own() -> None:
    with pytest.raises(ValueError, match="mine"), time_limit(NEVER, TooLate()):
        raise ValueError("mine")


def test_what_is_held_is_interrupted_right_after_it() -> None:
    done = []
    with pytest.raises(TooLate), time_limit(SOON, TooLate()):
        with held():
            time.sleep(3 * SOON)
            done.append("held")
        time.sleep(NEVER)
        done.append("not held")
    assert done == ["held"]
