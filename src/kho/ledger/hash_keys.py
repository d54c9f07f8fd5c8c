"""By which key a warehouse tells people apart: a second one would make two of each, and nobody would see it."""

from __future__ import annotations

import hmac

import psycopg

from kho.database import the_row
from kho.settings import Settings

_NAME = "hash_key"
_LOST = (
    "bring it back from the backup. If it is lost for good, people who come again will be others than before: put another "
    "there, for its owner only (`openssl rand -hex 32`), if there is none; "
    "`kho psql --role kho_operator -- -c 'delete from ledger.hash_key'` lets this machine go on by it"
)


class WrongHashKey(RuntimeError):
    """The key is not the one that the warehouse was loaded by; the message names its file and the remedy."""


def hash_key(settings: Settings, connection: psycopg.Connection) -> str:
    """The secret key of HMAC-SHA-256 for identity numbers; made with a warehouse that has no batches yet.

    Raises `WrongHashKey` where it is gone, or another.
    """
    path = settings.home / "secrets" / _NAME
    kept, has_batches = the_row(
        connection.execute("select (select sign from ledger.hash_key), exists (select from ledger.batch)")
    )
    if not path.exists() and (kept or has_batches):
        raise WrongHashKey(f"{path}, by which people are told apart in this warehouse, is not there: {_LOST}")
    key = settings.secret(_NAME)
    sign = hmac.digest(key.encode(), b"kho hash key", "sha256").hex()
    if kept is None:
        # The first of two machines wins.
        connection.execute("insert into ledger.hash_key (sign) values (%s) on conflict do nothing", [sign])
        (kept,) = the_row(connection.execute("select sign from ledger.hash_key"))
    if kept != sign:
        raise WrongHashKey(f"{path} is not the key by which people are told apart in this warehouse: {_LOST}")
    return key
