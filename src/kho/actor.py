"""Who decided: the name under which a decision is kept."""

from __future__ import annotations

import os
import pwd


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
