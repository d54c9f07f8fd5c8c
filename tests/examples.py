"""How many examples a property is tried with: those that its test names, or ten times as many in a thorough run."""

from __future__ import annotations

from typing import Any

from hypothesis import settings

BRIEF, THOROUGH = 100, 1_000  # of a test that names no number
settings.register_profile("brief", max_examples=BRIEF, deadline=None)
settings.register_profile("thorough", max_examples=THOROUGH, deadline=None)
settings.load_profile("brief")


def examples(brief: int, **options: Any) -> settings:
    """So many in a brief run."""
    return settings(max_examples=brief * settings.default.max_examples // BRIEF, **options)
