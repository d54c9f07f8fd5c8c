"""How often a process looks for garbage."""

from __future__ import annotations

import gc


def look_seldom() -> None:
    """Look seldom, and never at what is there now: what dbt and Great Expectations make stays until they are done.

    It is hundreds of thousands of objects: to look through them as often as Python would takes a third of their time.
    """
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)
