"""`kho backup` and `kho restore`, as an operator types them; and a bucket as the place."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from kho import night, settings
from kho.backup import BackupError, back_up, check, new_key
from kho.backup.place import MANIFEST, Place
from kho.backup.sealing import private_key, public_key, seal, unseal
from kho.cli import app
from kho.contract import contracts
from kho.digest import digest
from kho.ledger import backups
from kho.settings import Settings
from tests.integration.loading import deliver
from tests.integration.test_fetch_s3 import BUCKET, bucket, port, store  # noqa: F401  (fixtures)
from tests.owner import as_owner

DAY = date(2021, 1, 31)


@pytest.fixture
def kept(warehouse: Settings) -> Settings:
    """A warehouse that knows three files."""
    contract = contracts(warehouse)["portal.traffic"]
    for number in range(3):
        deliver(warehouse, contract, f"{number}.csv", b"ngay;luot\r\n" * 1000 + b"%d" % number, DAY)
    return warehouse


@pytest.fixture
def kho(kept: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., tuple[int, str]]]:
    """Types a command at this warehouse; gives its exit code and what it said."""
    monkeypatch.setenv("KHO_HOME", str(kept.home))
    monkeypatch.setenv("KHO_WAREHOUSE_DATABASE", kept.warehouse_database)
    monkeypatch.setenv("COLUMNS", "300")
    settings.settings.cache_clear()

    def type_in(*words: object) -> tuple[int, str]:
        settings.settings.cache_clear()
        result = CliRunner().invoke(app, [str(word) for word in words])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, result.output

    yield type_in
    settings.settings.cache_clear()


def test_an_operator_makes_a_key_and_backups_and_tries_to_restore_one(
    kho: Callable[..., tuple[int, str]], kept: Settings, tmp_path: Path
) -> None:
    place, key = tmp_path / "place", tmp_path / "safe.key"
    code, said = kho("backup", "--to", place)
    assert code == 1 and "kho backup key FILE" in said
    code, said = kho("backup", "key", key)
    assert code == 0 and key.stat().st_mode & 0o777 == 0o600
    (line,) = re.findall(r"^backup_recipient = .*$", said, re.MULTILINE)
    assert kho("backup", "key", key)[0] == 1  # it is never overwritten
    (kept.home / "config.toml").write_text(f'{line}\nbackup_to = "{place}"\n')
    code, said = kho("backup")
    assert code == 0 and "3 files of the archive" in said and "can't be restored from it" in said
    next(kept.archive.rglob("*.zst")).unlink()
    assert kho("backup")[0] == 0
    listed = json.loads(kho("backup", "list", "--format", "json")[1])
    assert len(listed) == 2 and {each["files"] for each in listed} == {3}
    code, said = kho("restore", "--from", place, "--key", key, "--check")
    assert code == 0 and "It can be restored: nothing was changed here." in said
    assert kho("restore", "--from", place, "--key", key)[0] == 1  # the home is not empty
    assert kho("restore", "--from", place, "--key", key, "--files", "--check")[0] == 2
    # Files that are lost before their first backup are told by the exit code, too.
    code, said = kho("backup", "--to", tmp_path / "another")
    assert code == 1 and "1 files are lost" in said
    assert len(Place.of(kept, str(tmp_path / "another")).backups()) == 1
    # They come back from where they are, and so does what is damaged.
    damaged = next(kept.archive.rglob("*.zst"))
    damaged.chmod(0o600)
    damaged.write_bytes(damaged.read_bytes()[:-1])
    code, said = kho("restore", "--from", tmp_path / "another", "--key", key, "--files")
    assert (
        code == 1 and "1 files of the archive are back" in said and "1 are lost here and in no backup" in said
    )
    code, said = kho("restore", "--from", place, "--key", key, "--files")
    assert code == 0 and "1 files of the archive are back" in said
    assert kho("backup", "--to", tmp_path / "another")[0] == 0


def test_a_night_ends_with_a_backup_where_one_is_set_and_people_are_told_of_an_old_one(
    kept: Settings, tmp_path: Path
) -> None:
    night.do(kept, "upkeep", DAY)
    public = new_key(tmp_path / "safe.key")
    configured = kept.model_copy(update={"backup_to": str(tmp_path / "place"), "backup_recipient": public})
    assert "Sao lưu" not in digest(kept, DAY)
    assert "Chưa có bản sao lưu nào" in digest(configured, DAY)
    night.do(configured, "upkeep", DAY)
    assert len(Place.of(kept, str(tmp_path / "place")).backups()) == 1
    with as_owner(kept) as connection:
        made = backups.last(connection)
        assert made and "Sao lưu" not in digest(configured, DAY)
        connection.execute("update ledger.backup set made_at = made_at - interval '3 days'")
    assert "Sao lưu đã cũ" in digest(configured, DAY)
    away = configured.model_copy(update={"backup_to": "s3://nowhere/kho"})
    with pytest.raises(BackupError, match="there is no connection backup"):
        night.do(away, "upkeep", DAY)


def test_a_bucket_is_a_place_like_a_folder(
    kept: Settings,
    bucket: Any,  # noqa: F811
    port: int,  # noqa: F811
    tmp_path: Path,
) -> None:
    connections = {
        "backup": {
            "host": "127.0.0.1",
            "port": port,
            "login": "keeper",
            "password": "keeper",
            "schema": "http",
        }
    }
    (kept.home / "connections.json").write_text(json.dumps(connections))
    place = f"s3://{BUCKET}/kho/of-ours"
    ours = kept.model_copy(update={"backup_recipient": new_key(tmp_path / "safe.key")})
    first, second = back_up(ours, place), back_up(ours, place)
    there = Place.of(ours, place)
    assert there.backups() == [first.name, second.name] and there.manifest() == second
    keys = [each["Key"] for each in bucket.list_objects_v2(Bucket=BUCKET)["Contents"] if each["Size"]]
    assert len([name for name in keys if "/archive/" in name]) == first.files == 3
    assert not any("draft" in name for name in keys)
    assert check(ours, place, tmp_path / "safe.key") == second
    # Without its manifest it is none.
    bucket.delete_object(Bucket=BUCKET, Key=f"kho/of-ours/backups/{second.name}/{MANIFEST}")
    assert there.manifest() == first


def test_what_was_begun_long_ago_and_is_no_backup_goes(kept: Settings, tmp_path: Path) -> None:
    place = Place.of(kept, str(tmp_path))
    long_ago = (datetime.now(UTC) - timedelta(days=8)).strftime("%Y-%m-%dT%H%M%S.%fZ")
    begun = tmp_path / "backups" / long_ago
    begun.mkdir(parents=True)
    foreign = tmp_path / "backups" / "of somebody else"
    foreign.mkdir()
    now = place.begin()
    assert not begun.exists() and foreign.exists() and (tmp_path / "backups" / now).exists()


@given(content=st.binary(max_size=200_000))
def test_what_is_sealed_is_unsealed_by_its_key_as_it_was(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("key")
    public = public_key(new_key(folder / "key"))
    sealed, plain = io.BytesIO(), io.BytesIO()
    seal(io.BytesIO(content), sealed, public)
    sealed.seek(0)
    unseal(sealed, plain, private_key(folder / "key"), "it")
    assert plain.getvalue() == content
    broken = bytearray(sealed.getvalue())
    broken[-1] ^= 1
    with pytest.raises(BackupError, match="is damaged"):
        unseal(io.BytesIO(broken), io.BytesIO(), private_key(folder / "key"), "it")
