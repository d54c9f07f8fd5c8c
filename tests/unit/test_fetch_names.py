"""Names that a source lists: which may be opened, and how the others are told."""

from __future__ import annotations

import pytest

from kho.fetch.transport import is_sound, shown


@pytest.mark.parametrize("name", ["permits_20210630.csv", "Danh sách (1).xlsx", "a b.csv", "..csv"])
def test_a_plain_name_is_one(name: str) -> None:
    assert is_sound(name) and shown(name) == name


@pytest.mark.parametrize("name", ["", ".", "..", "../a.csv", "a/b.csv", "a\0.csv", "a\n.csv", "a\x1b[2J.csv", "a\udce9.csv", "a\u202e.csv"])  # fmt: skip
def test_a_name_that_leads_away_or_cannot_be_shown_is_none(name: str) -> None:
    assert not is_sound(name)
    shown(name).encode()
    assert shown(name).isprintable()
