"""Why Great Expectations could not check something."""

from __future__ import annotations

import re
from typing import Any

#: what the driver raises where the server went away, has no room or lets nobody in, and not for anything that was asked
_AWAY = re.compile(
    r"psycopg2\.(OperationalError|InterfaceError"
    r"|errors\.(AdminShutdown|CrashShutdown|CannotConnectNow|TooManyConnections|DiskFull|OutOfMemory))\b"
)
#: where Great Expectations goes on to tell the way to it
_TRACEBACK = re.compile(r"[.\s]*Traceback.*", re.DOTALL)


class Unavailable(Exception):
    """The warehouse could not be asked, so nothing is known of what was to be checked: the check is done again."""


def exception(result: Any) -> str | None:
    """Why Great Expectations could not check an expectation, if it could not. Raises `Unavailable` where that says nothing of it."""
    info = result.exception_info or {}
    # One exception, or one per metric that it needed.
    for each in [info, *(value for value in info.values() if isinstance(value, dict))]:
        if each.get("raised_exception"):
            told = " ".join(_TRACEBACK.sub("", str(each.get("exception_message"))).split())
            if _AWAY.search(told):
                raise Unavailable(told)
            return told
    return None
