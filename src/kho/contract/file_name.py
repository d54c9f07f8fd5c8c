"""What a file is called, as people see it: two names that look the same are the same."""

from __future__ import annotations

import re
from unicodedata import normalize

#: zero-width and soft ones, and the mark that begins a text; signs that turn text round stay, for these are seen
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")


def as_seen(name: str) -> str:
    """The name with its letters composed (macOS takes `ồ` apart), and without what nobody sees."""
    return name if name.isascii() else normalize("NFC", _INVISIBLE.sub("", name))
