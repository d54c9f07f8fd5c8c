"""The archive keeps bytes whole, under their own sha256, once."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kho import archive
from kho.settings import Settings
from tests.examples import examples


def files(settings: Settings) -> list[Path]:
    return [path for path in settings.archive.rglob("*") if path.is_file()]


@examples(30)  # every one syncs files to disk
@given(contents=st.lists(st.lists(st.binary(max_size=40), max_size=5), min_size=1, max_size=6))
def test_the_same_bytes_are_stored_once_however_they_are_cut(contents: list[list[bytes]]) -> None:
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home))
        for chunks in contents + contents[::-1]:
            whole = b"".join(chunks)
            for pieces in (chunks, [whole]):
                stored = archive.store(settings, pieces)
                assert stored == archive.Stored(hashlib.sha256(whole).hexdigest(), len(whole))
                assert archive.path(settings, stored.sha256).read_bytes() == whole
        assert len(files(settings)) == len({b"".join(chunks) for chunks in contents})
        assert all(path.stat().st_mode & 0o222 == 0 for path in files(settings))


def test_bytes_that_break_off_leave_nothing_behind(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)

    def chunks():
        yield b"half"
        raise ConnectionError

    with pytest.raises(ConnectionError):
        archive.store(settings, chunks())
    assert not files(settings)


def test_drafts_of_others_may_go_while_old_ones_are_removed(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    archive.store(settings, [b"whole"])
    gone, old = settings.archive / ".draft-gone", settings.archive / ".draft-old"
    gone.symlink_to(tmp_path / "finished meanwhile")
    old.touch()
    os.utime(old, (0, 0))
    archive.remove_old_drafts(settings)
    assert not old.exists()
