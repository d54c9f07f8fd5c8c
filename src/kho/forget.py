"""Forgetting somebody: out of the archive, raw, the rejects and all tables of facts and releases; a tombstone keeps it so.

The tombstone comes first. Whatever stops what follows, it goes on when it is run again, and with the next night: names and
keys in tables go while the archive still tells them, then one file after the other is written anew, then the old ones go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import uuid4

import psycopg
from psycopg.sql import SQL, Composable, Composed, Identifier
from psycopg.types.json import Jsonb

from kho.archive import Archive, Lost
from kho.contract import Contract, ContractError, contracts, parse_contract
from kho.database import connect
from kho.formats import Unreadable
from kho.formats.blanking import NotRewritable
from kho.ledger import batches, builds, deliveries, forgetting, locks, versions
from kho.ledger.deliveries import Arrival
from kho.ledger.forgetting import Tombstone
from kho.ledger.hash_keys import hash_key
from kho.load import forgetting as forgotten
from kho.load import raw
from kho.rebuild import keep_history
from kho.settings import Settings

_PATIENCE = timedelta(seconds=30)

Say = Callable[[str, int, int], None]


class ForgetError(Exception):
    """Somebody who can't be forgotten as asked; the message says why and what to do. Nothing was changed."""


@dataclass(frozen=True)
class File:
    """A file that holds rows of who is to be forgotten: their numbers, and those of its batches with its state."""

    contract: str
    arrival: Arrival
    batches: list[int]
    rows: list[int]
    texts: frozenset[str] = field(repr=False)


@dataclass(frozen=True)
class Looked:
    """Where somebody is: by which tombstones, in which files; and which files can't be looked through."""

    tombstones: list[Tombstone]
    files: list[File]
    unread: list[str]


def of_code(settings: Settings, contract_name: str, code: str) -> list[Tombstone]:
    """What is forgotten with a row of this code: it, and the rows of other exports that tell of it by a column of that name.

    Raises `ForgetError`.
    """
    contract = contracts(settings).get(contract_name)
    if contract is None:
        raise ForgetError(f"there is no contract {contract_name}: `kho source list` shows them")
    if len(contract.key) != 1:
        raise ForgetError(
            f"rows of {contract_name} are told apart by several columns together"
            f" ({', '.join(column.header for column in contract.key)}): name the export whose rows have a code of their own"
        )
    return [Tombstone(contract.system, contract.key[0].name, _sign(settings)(code))]


def of_person(settings: Settings, told: str) -> list[Tombstone]:
    """What is forgotten with a person: all rows with this identity number, or with this hash of one."""
    is_hash = len(told) == 64 and all(sign in "0123456789abcdef" for sign in told)
    return [Tombstone("", "", told if is_hash else _sign(settings)(told))]


def look(settings: Settings, asked: Collection[Tombstone], say: Say = lambda what, done, of: None) -> Looked:
    """Where somebody is, and nothing else. Their rows have codes that other exports tell of: these are looked for, too.

    Raises `ForgetError` where rows stand in a file that can't be written anew.
    """
    with connect(settings, "kho_loader", autocommit=True) as connection:
        key = hash_key(settings, connection)
        first = _files(settings, connection, key, asked, say)
        tombstones = list(dict.fromkeys([*asked, *_codes(settings, connection, key, first[0])]))
        files, refused, unread = (
            first if len(tombstones) == len(asked) else _files(settings, connection, key, tombstones, say)
        )
    if refused:
        raise ForgetError(
            "nothing was changed: "
            + "; ".join(refused)
            + ". Withdraw its batches (`kho batch withdraw`), let the source hand it over without these rows, delete the file from"
            " the archive, then do this again"
        )
    return Looked(tombstones, files, unread)


def is_begun(settings: Settings, tombstones: Collection[Tombstone]) -> bool:
    """Whether this was asked for before and was not gone through with."""
    with connect(settings, "kho_auditor") as connection:
        known = forgetting.known(connection)
    return any(each.done_at is None and each.tombstone in tombstones for each in known)


def forget(
    settings: Settings,
    tombstones: Collection[Tombstone],
    *,
    actor: str,
    reason: str,
    say: Say = lambda what, done, of: None,
) -> int:
    """Forget somebody; gives how many rows were taken out of files. The next night makes all tables anew without them.

    Raises `ForgetError` amid a night.
    """
    with connect(settings, "kho_operator") as connection:
        newest = builds.newest(connection)
        if newest and newest.state == "open":
            raise ForgetError(
                f"the night of {newest.business_date} is not over: wait for its end, or finish it with"
                f" `kho run --date {newest.business_date}`"
            )
        forgetting.write(connection, tombstones, actor=actor, reason=reason)
    return go_on(settings, say)


def go_on(settings: Settings, say: Say = lambda what, done, of: None) -> int:
    """Go through with what was asked for and is not done; gives how many rows were taken out of files."""
    with connect(settings, "kho_auditor") as connection:
        if all(each.done_at for each in forgetting.known(connection)):
            return 0
    count = 0
    with connect(settings, "kho_loader", autocommit=True) as connection:
        locks.hold(connection, "forget", _PATIENCE)
        pending = [each for each in forgetting.known(connection) if each.done_at is None]
        tombstones = [each.tombstone for each in pending]
        key = hash_key(settings, connection)
        files, refused, _ = _files(settings, connection, key, tombstones, say)
        if refused:
            raise ForgetError("; ".join(refused))
        _rename(settings, connection, key, pending, files)
        for done, file in enumerate(files):
            say("files that are written anew", done, len(files))
            for contract in _contracts(settings, connection, file.contract, file.arrival):
                with connection.transaction():
                    builds.lock(connection)  # what a build opens with is either there or gone
                    raw.ensure(connection, settings, contract)
                    batches.lock_arrival(connection, file.arrival.arrival_id)
                    arrival = deliveries.arrival(connection, file.arrival.arrival_id)
                    taken = forgotten.take_out(settings, connection, contract, arrival, key, tombstones)
                count += taken
                if taken:
                    break
        _take_out_of_raw(settings, connection, key, tombstones)
    keep_history(settings)
    remove_replaced(settings)
    with connect(settings, "kho_operator") as connection:
        forgetting.finish(connection, [each.forgotten_id for each in pending])
    return count


def remove_replaced(settings: Settings) -> None:
    """Remove the archive's files that others took the place of. The history beside it tells of those already."""
    archive = Archive.of(settings)
    with connect(settings, "kho_loader") as connection:
        for sha256 in forgetting.to_remove(connection):
            archive.remove(sha256)
            forgetting.removed(connection, sha256)


def _sign(settings: Settings) -> Callable[[str], str]:
    with connect(settings, "kho_loader") as connection:
        return forgotten.sign_of(hash_key(settings, connection))


def _files(
    settings: Settings,
    connection: psycopg.Connection,
    key: str,
    tombstones: Collection[Tombstone],
    say: Say,
) -> tuple[list[File], list[str], list[str]]:
    """The files that hold rows of who is forgotten; why some can't be written anew; and which can't be read."""
    files: list[File] = []
    refused: list[str] = []
    unread: list[str] = []
    arrivals = [
        (name, number)
        for name in forgetting.contracts(connection)
        for number in forgetting.of_contract(connection, name)
    ]
    for done, (name, number) in enumerate(arrivals):
        say("files of the archive", done, len(arrivals))
        arrival = deliveries.arrival(connection, number)
        candidates = [
            each
            for each in _contracts(settings, connection, name, arrival)
            if forgetting.columns(each, tombstones)
        ]
        is_read = not candidates
        for contract in candidates:
            try:
                rows = forgotten.rows_of_the_forgotten(settings, contract, arrival.sha256, key, tombstones)
            except Unreadable:
                continue
            except Lost:
                is_read = True  # what was loaded of it goes by itself
                break
            except NotRewritable as problem:
                refused.append(f"{arrival.name} of {name} holds such rows, and {problem}")
                is_read = True
                break
            is_read = True
            if rows:
                texts = frozenset(text for held in rows.values() for text in held)
                loaded = forgetting.batches_of(connection, number)
                files.append(File(name, arrival, loaded, sorted(rows), texts))
                break
        if not is_read:
            unread.append(f"{arrival.name} of {name}")
    return files, refused, unread


def _contracts(
    settings: Settings, connection: psycopg.Connection, name: str, arrival: Arrival
) -> Iterator[Contract]:
    """The contracts that a file may be read by: today's, then those that it was loaded by."""
    system, _, entity = name.partition(".")
    today = contracts(settings, system).get(name)
    if today is not None:
        yield today
    path = settings.contracts / system / f"{entity}.yaml"
    for body in versions.of_arrival(connection, arrival.arrival_id):
        try:
            then = parse_contract(path, body.encode())
        except ContractError:
            continue
        if today is None or then.fingerprint != today.fingerprint:
            yield then


def _codes(
    settings: Settings, connection: psycopg.Connection, key: str, files: Collection[File]
) -> Iterator[Tombstone]:
    """Tombstones of the codes that the loaded rows have and that other exports tell of, too."""
    sign = forgotten.sign_of(key)
    told = Counter(column.name for contract in contracts(settings).values() for column in contract.columns)
    for system, column, code in _own_codes(settings, connection, files):
        if told[column] > 1:
            yield Tombstone(system, column, sign(code))


def _own_codes(
    settings: Settings, connection: psycopg.Connection, files: Collection[File]
) -> Iterator[tuple[str, str, str]]:
    """System, column and text of the codes of loaded rows, where an export tells rows apart by one code."""
    for file in files:
        contract = next(_contracts(settings, connection, file.contract, file.arrival))
        if len(contract.key) == 1 and not contract.key[0].keys.personal_data and file.batches:
            column = contract.key[0].name
            query = SQL(
                "select distinct {}::text from {} where _batch_id = any(%s) and _row_number = any(%s) order by 1"
            ).format(Identifier(column), raw.table(contract))
            for (code,) in connection.execute(query, [file.batches, file.rows]).fetchall():
                yield contract.system, column, code


def _take_out_of_raw(
    settings: Settings, connection: psycopg.Connection, key: str, tombstones: Collection[Tombstone]
) -> None:
    """Take rows out of raw whose files are lost."""
    for name in forgetting.contracts(connection):
        for number in forgetting.of_contract(connection, name):
            arrival = deliveries.arrival(connection, number)
            if Archive.of(settings).has(arrival.sha256):
                continue
            contract = next(_contracts(settings, connection, name, arrival), None)
            if contract is not None:
                with connection.transaction():
                    builds.lock(connection)
                    raw.ensure(connection, settings, contract)
                    forgotten.take_out_of_raw(connection, contract, arrival, key, tombstones)


def _rename(
    settings: Settings,
    connection: psycopg.Connection,
    key: str,
    pending: Collection[forgetting.Known],
    files: Collection[File],
) -> None:
    """Put what means nothing in the place of codes, hashes and keys in all tables of facts and of releases.

    What is counted stays: a code that is another one is still one. A short code may stand elsewhere for something else: it is
    looked for where a table has a column of its name, or tells which row of which batch its own row is.
    """
    sign = forgotten.sign_of(key)
    by_sign = {sign(text): text for file in files for text in file.texts}
    codes: dict[str, str] = {}
    hashes: dict[str, str] = {}
    columns: set[str] = set()
    for each in pending:
        hashes[each.sign] = each.marker
        if each.system and each.sign in by_sign:
            codes[by_sign[each.sign]] = each.marker
            columns.add(each.column_name)
    marker = next(iter(pending)).marker
    for number, (_, column, code) in enumerate(_own_codes(settings, connection, files), 1):
        codes.setdefault(code, f"{marker}.{number}")
        columns.add(column)
    systems = sorted({contract.system for contract in contracts(settings).values()})
    keyed = [(system, text) for system in systems for text in (*codes, *hashes)]
    places = [(batch, row) for file in files for batch in file.batches for row in file.rows]
    with connect(settings, "kho_transformer") as transformer:
        keys = {
            str(value): str(uuid4())
            for (value,) in transformer.execute(
                "select raw.key_of(system, code) from unnest(%s::text[], %s::text[]) as held (system, code)",
                [[system for system, _ in keyed], [code for _, code in keyed]],
            )
        }
        forgetting.drop_touched(transformer, keys)
        values = {
            "codes": list(codes), "of_codes": Jsonb(codes), "hashes": list(hashes), "of_hashes": Jsonb(hashes),
            "keys": list(keys), "of_keys": Jsonb(keys),
            "batches": [batch for batch, _ in places], "rows": [row for _, row in places],
        }  # fmt: skip
        for schema, table, *named in transformer.execute(_TABLES).fetchall():
            for statement in _renaming(Identifier(schema, table), *named, columns=columns):
                transformer.execute(statement, values)


def _renaming(
    table: Identifier, texts: list[str], uuids: list[str], numbers: list[str], *, columns: set[str]
) -> Iterator[Composed]:
    """The updates of a table, of which these are the columns of each type."""
    place = next((pair for pair in _PLACES if {*pair} <= {*numbers}), None)
    renamed: list[tuple[str, str, list[str], Composable]] = [
        ("hashes", "text", texts, SQL("true")),
        ("keys", "uuid", uuids, SQL("true")),
        ("codes", "text", [name for name in texts if name in columns], SQL("true")),
    ]
    if place:
        is_theirs = SQL("({}) in (select * from unnest(%(batches)s::bigint[], %(rows)s::bigint[]))").format(
            SQL(", ").join(map(Identifier, place))
        )
        renamed.append(("codes", "text", texts, is_theirs))
    for what, type_, names, condition in renamed:
        if names:
            yield SQL("update {} set {} where ({}) and {}").format(
                table,
                SQL(", ").join(
                    SQL("{0} = coalesce((%({1})s::jsonb ->> {0}::text)::{2}, {0})").format(
                        Identifier(name), SQL(f"of_{what}"), SQL(type_)
                    )
                    for name in names
                ),
                SQL(" or ").join(
                    SQL("{} = any(%({})s::{}[])").format(Identifier(name), SQL(what), SQL(type_))
                    for name in names
                ),
                condition,
            )


#: the columns by which a table tells which row of which batch its own row is
_PLACES = (("_batch_id", "_row_number"), ("batch_id", "row_number"))

_TABLES = """
    select nspname, relname,
      coalesce(array_agg(attname::text) filter (where atttypid = 'text'::regtype), '{}'),
      coalesce(array_agg(attname::text) filter (where atttypid = 'uuid'::regtype), '{}'),
      coalesce(array_agg(attname::text) filter (where atttypid = 'bigint'::regtype), '{}')
    from pg_class c join pg_namespace n on n.oid = relnamespace join pg_attribute a on a.attrelid = c.oid
    where c.relkind = 'r' and c.relowner = 'kho_transformer'::regrole and nspname <> 'seed' and nspname !~ '^pg_'
      and attnum > 0 and not attisdropped
    group by 1, 2 order by 1, 2
"""
