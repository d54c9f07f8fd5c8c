"""Why Great Expectations could not check something."""

from __future__ import annotations

from typing import Any


def exception(result: Any) -> str | None:
    """Why Great Expectations could not check an expectation, if it could not."""
    info = result.exception_info or {}
    # One exception, or one per metric that it needed.
    for each in [info, *(value for value in info.values() if isinstance(value, dict))]:
        if each.get("raised_exception"):
            return " ".join(str(each.get("exception_message")).split())
    return None
