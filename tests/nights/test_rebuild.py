"""A warehouse that was rebuilt from its archive has the facts and marts that it would have had, after its next night."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from kho.rebuild import rebuild
from kho.settings import Settings
from tests.conftest import clone, drop
from tests.nights.conftest import NIGHTS, finish
from tests.snapshot import lost_rows, snapshot


def test_the_night_after_a_rebuild_makes_what_it_would_have_made(
    after_first_night: Settings,
    sources: Settings,
    after_second_night: tuple[Settings, dict[str, float]],
    tmp_path: Path,
) -> None:
    there = clone(sources, tmp_path / "home")
    try:
        shutil.copytree(after_first_night.archive, there.archive, copy_function=os.link)
        for shared in ("exports", "connections.json"):
            (there.home / shared).symlink_to(sources.home / shared)
        rebuilt = rebuild(there)
        assert rebuilt.head.night == NIGHTS[0] and not rebuilt.lost and not rebuilt.differing
        # Tables of exports that never came are made by the night.
        before = snapshot(after_first_night, "raw", "reject")
        assert snapshot(there, "raw", "reject") == {name: told for name, told in before.items() if told[0]}

        finish(there, NIGHTS[1], there.home / "progress")

        assert not lost_rows(there)
        undisturbed = snapshot(after_second_night[0])
        assert {
            name: is_so for name, is_so in snapshot(there).items() if undisturbed.get(name) != is_so
        } == {}
    finally:
        drop(there)
