"""Who decided: the name under which a decision is kept."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_acting: ContextVar[str] = ContextVar("acting", default="")


def os_user() -> str:
    """The account of the operating system that this process was started by.

    Of the process itself: what the environment says (LOGNAME, USER) anybody may set. An account that has no name is
    told by its number.
    """
    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"uid {number}"


@contextmanager
def acting_as(name: str) -> Iterator[None]:
    """What is done in here is done for somebody else than this process's account: a user of Airflow's, say."""
    token = _acting.set(name)
    try:
        yield
    finally:
        _acting.reset(token)


def actor() -> str:
    """Who does what this process does now."""
    return _acting.get() or os_user()
