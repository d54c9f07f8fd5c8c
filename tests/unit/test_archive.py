"""The archive keeps bytes whole, compressed, under their own sha256, once; wherever it is."""

from __future__ import annotations

import errno
import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import given
from hypothesis import strategies as st

from kho.archive import Archive, Lost, Stored
from kho.settings import Settings
from tests.examples import examples

#: small, empty, of many frames' blocks, and what does not get any smaller
CONTENTS = [b"", b"a", b"maHoSo;ghiChu\r\n" * 200_000, random.Random(1).randbytes(3_000_000)]


def files(settings: Settings) -> list[Path]:
    return [path for path in settings.archive.rglob("*") if path.is_file()]


def read(archive: Archive, sha256: str) -> bytes:
    with archive.plain(sha256) as path:
        return path.read_bytes()


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive.of(Settings(home=tmp_path))


@examples(30)  # every one syncs files to disk
@given(contents=st.lists(st.lists(st.binary(max_size=40), max_size=5), min_size=1, max_size=6))
def test_the_same_bytes_are_stored_once_however_they_are_cut(contents: list[list[bytes]]) -> None:
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home))
        archive = Archive.of(settings)
        for chunks in contents + contents[::-1]:
            whole = b"".join(chunks)
            for pieces in (chunks, [whole]):
                stored = archive.store(pieces)
                assert stored == Stored(hashlib.sha256(whole).hexdigest(), len(whole))
                assert read(archive, stored.sha256) == whole
        assert len(files(settings)) == len({b"".join(chunks) for chunks in contents})
        assert all(path.stat().st_mode & 0o777 == 0o400 for path in files(settings))
        folders = [settings.archive, *(path for path in settings.archive.iterdir())]
        assert all(path.stat().st_mode & 0o777 == 0o700 for path in folders)


@pytest.mark.parametrize("content", CONTENTS, ids=["empty", "a byte", "text", "noise"])
def test_it_is_as_zstd_compresses_and_costs_nothing_where_that_does_not_help(
    archive: Archive, content: bytes
) -> None:
    stored = archive.store([content])
    packed = Path(archive.place(stored.sha256)).read_bytes()
    assert packed.startswith(b"\x28\xb5\x2f\xfd")  # RFC 8878: any program for it can read it
    assert len(packed) < len(content) * 1.001 + 20
    if len(set(content)) < 20 and len(content) > 1000:
        assert len(packed) < len(content) / 100
    with archive.plain(stored.sha256) as path:
        assert path.stat().st_size == stored.size_bytes == len(content)
        with path.open("rb") as one, path.open("rb") as other:  # each reads on its own, and jumps about
            assert one.read() == content
            other.seek(len(content) // 2)
            assert other.read() == content[len(content) // 2 :]


@pytest.mark.parametrize("content", CONTENTS, ids=["empty", "a byte", "text", "noise"])
def test_what_an_earlier_kho_stored_plain_is_read_as_ever(archive: Archive, content: bytes) -> None:
    sha256 = hashlib.sha256(content).hexdigest()
    plain = Path(archive.folder, sha256[:2], sha256)
    plain.parent.mkdir(parents=True)
    plain.write_bytes(content)
    assert read(archive, sha256) == content
    plain.write_bytes(content + b"b")
    with pytest.raises(Lost, match="damaged in the archive"):
        read(archive, sha256)
    archive.store([content])  # handed over again
    assert read(archive, sha256) == content


def cut(data: bytes, at: float) -> bytes:
    return data[: int(len(data) * at)]


def flipped(data: bytes, at: float) -> bytes:
    place = min(int(len(data) * at), len(data) - 1)
    return data[:place] + bytes([data[place] ^ 16]) + data[place + 1 :]


DAMAGES: list[Callable[[bytes], bytes]] = [
    *(lambda data, at=at: cut(data, at) for at in (0, 0.01, 0.5, 0.99999)),
    *(lambda data, at=at: flipped(data, at) for at in (0, 0.01, 0.5, 0.9, 1)),
    lambda data: data + b"more",
    lambda data: data + data,
    lambda data: b"another file",
]


@pytest.mark.parametrize("damage", range(len(DAMAGES)))
def test_damaged_bytes_are_told_before_any_of_them_is_read(archive: Archive, damage: int) -> None:
    for content in CONTENTS[1:]:
        sha256 = archive.store([content]).sha256
        stored = Path(archive.place(sha256))
        whole = stored.read_bytes()
        stored.chmod(0o600)
        stored.write_bytes(DAMAGES[damage](whole))
        told = (
            f"its bytes are damaged in the archive ({sha256[:12]}…): bring the archive back from its backup"
        )
        try:
            found = read(archive, sha256)
        except Lost as lost:
            assert str(lost).startswith(told)
        else:  # a bit that says nothing of them
            assert found == content == b"a"
        archive.store([content])
        assert read(archive, sha256) == content


def test_bytes_that_are_whole_but_of_another_file_are_told(archive: Archive) -> None:
    one, other = (Path(archive.place(archive.store([content]).sha256)) for content in (b"one", b"other"))
    other.replace(one)
    with pytest.raises(Lost, match="damaged in the archive"):
        read(archive, hashlib.sha256(b"one").hexdigest())
    with pytest.raises(Lost, match="not in the archive any more"):
        read(archive, hashlib.sha256(b"other").hexdigest())


@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES, errno.ENOSPC])
def test_trouble_with_the_disk_is_not_taken_for_damage(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    stored = archive.store([b"whole"])

    class Troubled:
        closed = False

        def read(self, size: int = -1) -> bytes:
            raise OSError(number, os.strerror(number))

        def close(self) -> None:
            self.closed = True

    monkeypatch.setattr(type(archive.files), "_open", lambda *_, **__: Troubled())
    with pytest.raises(OSError) as trouble:
        read(archive, stored.sha256)
    assert trouble.value.errno == number


def test_bytes_that_break_off_leave_nothing_behind(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)

    def chunks():
        yield b"half"
        raise ConnectionError

    with pytest.raises(ConnectionError):
        Archive.of(settings).store(chunks())
    assert not files(settings)


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    script = (
        "import resource, random, signal, sys; from pathlib import Path; from kho.archive import Archive;"
        "from kho.settings import Settings; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "import pyarrow, kho.archive.disk; resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000,) * 2);"
        "Archive.of(Settings(home=Path(sys.argv[1]))).store([random.randbytes(1 << 20) for _ in range(3)])"
    )
    tried = subprocess.run([sys.executable, "-c", script, tmp_path], capture_output=True, text=True)
    assert tried.returncode == 1 and tried.stderr.endswith("OSError: [Errno 27] File too large\n")
    assert not files(Settings(home=tmp_path))


def test_what_does_not_reach_the_disk_is_not_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def failing_once(handle: int) -> None:
        asked.append(handle)
        if len(asked) == 1:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    settings = Settings(home=tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", failing_once)
        with pytest.raises(OSError) as trouble:
            Archive.of(settings).store([b"whole"])
    assert trouble.value.errno == errno.EIO
    assert asked and not files(settings)


def test_a_process_that_is_killed_while_it_reads_leaves_nothing_behind(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    stored = Archive.of(settings).store(["Nguyễn Văn Thử".encode()])
    before = sorted(tmp_path.rglob("*"))
    script = (
        "import sys, time; from pathlib import Path; from kho.archive import Archive; from kho.settings import Settings\n"
        "with Archive.of(Settings(home=Path(sys.argv[1]))).plain(sys.argv[2]) as path:\n"
        "    print(path.stat().st_mode & 0o777, len(path.read_bytes()), flush=True); time.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, tmp_path, stored.sha256], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout and process.stdout.readline() == f"{0o600} {stored.size_bytes}\n"
    assert sorted(tmp_path.rglob("*")) == before
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert sorted(tmp_path.rglob("*")) == before


def test_drafts_of_others_may_go_while_old_ones_are_removed(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "odd [folder] *")
    archive = Archive.of(settings)
    archive.remove_old_drafts()
    archive.store([b"whole"])
    gone, old = settings.archive / ".draft-gone", settings.archive / ".draft-old"
    young = settings.archive / ".draft-young"
    gone.symlink_to(tmp_path / "finished meanwhile")
    old.touch()
    young.touch()
    os.utime(old, (0, 0))
    archive.remove_old_drafts()
    assert young.exists() and not old.exists()
    assert len(files(settings)) == 2


@pytest.fixture
def elsewhere(archive: Archive) -> Archive:
    """An archive that is no folder of this machine."""
    return replace(archive, files=MemoryFileSystem(), folder=f"/{uuid4().hex}/archive")


@pytest.mark.parametrize("content", CONTENTS, ids=["empty", "a byte", "text", "noise"])
def test_another_file_system_holds_it_as_well(elsewhere: Archive, content: bytes) -> None:
    elsewhere.remove_old_drafts()
    for _ in range(2):
        stored = elsewhere.store([content[:1000], content[1000:]])
        assert stored == Stored(hashlib.sha256(content).hexdigest(), len(content))
        assert read(elsewhere, stored.sha256) == content
    place = elsewhere.place(stored.sha256)
    assert elsewhere.files.find(elsewhere.folder) == [place]
    elsewhere.files.pipe_file(place, cut(elsewhere.files.cat_file(place), 0.5))
    with pytest.raises(Lost, match="damaged in the archive"):
        read(elsewhere, stored.sha256)
    elsewhere.files.rm_file(place)
    with pytest.raises(Lost, match="not in the archive any more"):
        read(elsewhere, stored.sha256)
    elsewhere.files.pipe_file(f"{elsewhere.folder}/.draft-left", b"half")
    elsewhere.remove_old_drafts()
    assert elsewhere.files.find(elsewhere.folder) == [f"{elsewhere.folder}/.draft-left"]
    assert not Path(elsewhere.room, "archive").exists()
