"""The archive in a bucket, through the same interface as in a folder."""

from __future__ import annotations

import gzip
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.arrow import ArrowFSWrapper
from pyarrow.fs import S3FileSystem

from kho.archive import Archive, Lost
from kho.settings import Settings
from tests.integration.test_fetch_s3 import BUCKET, bucket, port, store  # noqa: F401  (fixtures)


@pytest.fixture
def archive(bucket: Any, port: int, tmp_path: Path) -> Archive:  # noqa: F811
    files = S3FileSystem(
        access_key="keeper", secret_key="keeper", scheme="http", endpoint_override=f"127.0.0.1:{port}"
    )
    return replace(
        Archive.of(Settings(home=tmp_path)), files=ArrowFSWrapper(files), folder=f"{BUCKET}/archive"
    )


@pytest.mark.parametrize(
    "content",
    [b"", b"maHoSo\r\n" * 100_000, random.Random(1).randbytes(12_000_000)],
    ids=["empty", "text", "noise"],
)
def test_what_is_stored_in_a_bucket_is_read_as_it_came(archive: Archive, bucket: Any, content: bytes) -> None:  # noqa: F811
    def keys() -> list[str]:
        return [
            each["Key"] for each in bucket.list_objects_v2(Bucket=BUCKET).get("Contents", []) if each["Size"]
        ]

    def breaking_off():
        yield content
        raise ConnectionError

    archive.remove_old_drafts()
    with pytest.raises(ConnectionError):
        archive.store(breaking_off())
    assert keys() == []
    for _ in range(2):
        stored = archive.store([content[:100], content[100:]])
        with archive.plain(stored.sha256) as path:
            assert path.read_bytes() == content
    key = f"archive/{stored.sha256[:2]}/{stored.sha256}.zst"
    assert keys() == [key]
    archive.remove_old_drafts()
    whole = bucket.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    bucket.put_object(Bucket=BUCKET, Key=key, Body=whole[:-1])
    with pytest.raises(Lost, match="damaged in the archive"), archive.plain(stored.sha256):
        raise AssertionError
    bucket.delete_object(Bucket=BUCKET, Key=key)
    with pytest.raises(Lost, match="not in the archive any more"), archive.plain(stored.sha256):
        raise AssertionError


def test_a_file_beside_the_deliveries_is_replaced_whole_or_not_at_all(archive: Archive, bucket: Any) -> None:  # noqa: F811
    with pytest.raises(FileNotFoundError):
        archive.beside("history.gz")
    for content in (b"old", b"new"):
        with archive.writing("history.gz") as file, gzip.GzipFile(fileobj=file, mode="wb") as packed:
            packed.write(content)
    with pytest.raises(ConnectionError), archive.writing("history.gz") as file:
        file.write(b"half")
        raise ConnectionError
    with archive.beside("history.gz") as file, gzip.GzipFile(fileobj=file) as packed:
        assert packed.read() == b"new"
    there = [each["Key"] for each in bucket.list_objects_v2(Bucket=BUCKET)["Contents"] if each["Size"]]
    assert there == ["archive/history.gz"]
