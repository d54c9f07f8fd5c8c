"""People are told apart by one key as long as the warehouse lasts: nothing is loaded by another."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

import pytest

from kho.contract import Contract
from kho.database import connect
from kho.ledger.hash_keys import WrongHashKey, hash_key
from kho.load import load, replay
from kho.settings import Settings
from tests.conftest import fresh_warehouse
from tests.contracts import document, read
from tests.integration.loading import deliver, rows
from tests.owner import as_owner

DAY = date(2021, 1, 5)


@pytest.fixture
def warehouse(server: Settings, tmp_path: Path) -> Iterator[Settings]:
    """A warehouse whose machine has made no key yet."""
    for settings in fresh_warehouse(server, tmp_path / "home"):
        yield machine(settings, tmp_path / "first")


@pytest.fixture
def permits(tmp_path: Path) -> Contract:
    return contract(tmp_path, "d")


def contract(folder: Path, unit: str) -> Contract:
    server = {"type": "local", "path": "registry/permits", "format": "csv"}
    return read(folder, document(server, unit=unit, fileName=r"(?P<business_date>\d{8})\.csv"))


def machine(settings: Settings, home: Path) -> Settings:
    """Another machine of the same warehouse: it has all secrets but the key."""
    (settings.home / "archive").mkdir(exist_ok=True)
    (home / "secrets").mkdir(parents=True)
    for shared in ("archive", "ports.json", "postgres"):
        (home / shared).symlink_to(settings.home / shared)
    for secret in (settings.home / "secrets").iterdir():
        if secret.is_file() and secret.name != "hash_key":
            shutil.copy(secret, home / "secrets")
    return settings.model_copy(update={"home": home})


def hand_over(settings: Settings, contract: Contract, days: int = 0) -> None:
    day = DAY + timedelta(days)
    deliver(settings, contract, f"{day:%Y%m%d}.csv", b"code\na\n", day)


def test_a_key_that_is_gone_is_not_made_anew(warehouse: Settings, permits: Contract, tmp_path: Path) -> None:
    hand_over(warehouse, permits)
    (first,) = load(warehouse, permits)
    other = machine(warehouse, tmp_path / "other")
    lost = other.home / "secrets" / "hash_key"
    hand_over(other, permits, 1)
    with pytest.raises(
        WrongHashKey, match=r"secrets/hash_key, .* is not there: bring it back from the backup"
    ):
        load(other, permits)
    with pytest.raises(WrongHashKey, match="is not there"):
        replay(other, contract(tmp_path, "m"), first.batch_id)
    assert not lost.exists()
    assert rows(warehouse, "select batch_id from ledger.batch") == [{"batch_id": first.batch_id}]
    shutil.copy(warehouse.home / "secrets" / "hash_key", lost)
    (second,) = load(other, permits)
    assert second.rows_loaded == 1


def test_another_key_is_refused_until_somebody_decides(
    warehouse: Settings, permits: Contract, tmp_path: Path
) -> None:
    hand_over(warehouse, permits)
    load(warehouse, permits)
    other = machine(warehouse, tmp_path / "other")
    other.secret("hash_key")
    hand_over(other, permits, 1)
    with pytest.raises(WrongHashKey, match="is not the key by which people are told apart") as told:
        load(other, permits)
    remedy = str(told.value).partition("-c '")[2].partition("'")[0]
    with as_owner(warehouse) as connection:
        connection.execute(remedy)
    assert [batch.rows_loaded for batch in load(other, permits)] == [1]
    hand_over(warehouse, permits, 2)
    with pytest.raises(WrongHashKey):
        load(warehouse, permits)


def test_a_key_that_is_lost_for_good_is_followed_by_another(
    warehouse: Settings, permits: Contract, tmp_path: Path
) -> None:
    hand_over(warehouse, permits)
    load(warehouse, permits)
    other = machine(warehouse, tmp_path / "other")
    hand_over(other, permits, 1)
    with as_owner(warehouse) as connection:
        connection.execute("delete from ledger.hash_key")
    with pytest.raises(WrongHashKey, match="put another there"):
        load(other, permits)
    (other.home / "secrets" / "hash_key").write_text("ab" * 32 + "\n")
    assert [batch.rows_loaded for batch in load(other, permits)] == [1]


def test_of_two_machines_that_begin_at_once_one_makes_the_key(warehouse: Settings, tmp_path: Path) -> None:
    other = machine(warehouse, tmp_path / "other")

    def of_other() -> str:
        with connect(other, "kho_loader") as connection:
            return hash_key(other, connection)

    with ThreadPoolExecutor() as pool:
        with connect(warehouse, "kho_loader") as connection:
            key = hash_key(warehouse, connection)
            late = pool.submit(of_other)
        assert isinstance(late.exception(60), WrongHashKey)
    with connect(warehouse, "kho_loader") as connection:
        assert hash_key(warehouse, connection) == key


def test_a_ledger_from_before_takes_the_key_that_is_there(warehouse: Settings, permits: Contract) -> None:
    hand_over(warehouse, permits)
    load(warehouse, permits)
    kept = rows(warehouse, "select sign from ledger.hash_key")
    with as_owner(warehouse) as connection:
        connection.execute("delete from ledger.hash_key")
    hand_over(warehouse, permits, 1)
    load(warehouse, permits)
    assert rows(warehouse, "select sign from ledger.hash_key") == kept != []
    assert warehouse.secret("hash_key") not in str(kept)
