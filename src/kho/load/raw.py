"""The raw table of a contract: made and widened from it."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import Connection, errors
from psycopg.sql import SQL, Composed, Identifier, Literal

from kho.contract import Column, Contract, ContractError
from kho.database import the_row
from kho.ledger import locks
from kho.settings import Settings

LARGE = 16 << 20  # bytes that come; below them nothing is gained


def table(contract: Contract) -> Identifier:
    return Identifier("raw", contract.raw_table)


def key(contract: Contract, prefix: str = "") -> Composed:
    """SQL of a row's key, from its system and its key columns; their names may have a prefix."""
    columns = [key_part(column, prefix) for column in contract.key]
    return SQL("raw.key_of({})").format(SQL(", ").join([Literal(contract.system), *columns]))


def key_part(column: Column, prefix: str = "") -> Composed:
    """SQL of what a column gives to its row's key."""
    part = "raw.agency_code({})" if column.format == "agency_code" else "{}::text"
    return SQL(part).format(Identifier(prefix + column.name))


def key_rule(contract: Contract) -> str:
    """What says of a table's `_key` that its rows have keys of this rule."""
    codes = [column.name for column in contract.key if column.format == "agency_code"]
    return "raw.key_of(system, key columns)" + (f", root first: {', '.join(codes)}" if codes else "")


def ensure(connection: Connection, settings: Settings, contract: Contract) -> None:
    """Create the raw table, or add the columns that a new version of the contract brings.

    Rows whose keys were made by an older rule get those of today's: facts are to be built anew then.

    Raises `ContractError` with what `problems` finds.
    """
    locks.take(connection, f"raw {contract.name}")
    have = _columns(connection, contract)
    if found := _problems(connection, contract, have):
        raise ContractError(settings.contracts / contract.system / f"{contract.entity}.yaml", found)
    if not have:
        connection.execute(created(contract, "raw"))
        _tell_key_rule(connection, contract)
        _find_by_case(connection, contract)
        return
    for column in contract.stored:
        if column.name not in have:
            with locks.bounded(
                connection, f"raw.{contract.raw_table}, which gains the column {column.name},"
            ):
                connection.execute(
                    SQL("alter table {} add column {} {}").format(
                        table(contract), Identifier(column.name), SQL(column.raw_type)
                    )
                )
    if _key_rule(connection, contract) != key_rule(contract):
        connection.execute(
            SQL("update {0} set _key = {1} where _key <> {1}").format(table(contract), key(contract))
        )
        _tell_key_rule(connection, contract)
    _find_by_case(connection, contract)


def tables(connection: Connection) -> set[str]:
    """The names of the raw tables that there are."""
    found = connection.execute(
        "select relname from pg_class where relnamespace = 'raw'::regnamespace and relkind = 'r'"
    )
    return {name for (name,) in found}


def batches(connection: Connection) -> set[int]:
    """The numbers of all batches that have rows, or rejects."""
    parts = [
        SQL("select _batch_id from {}").format(Identifier("raw", name)) for name in sorted(tables(connection))
    ]
    rejects = SQL("select batch_id from {}").format(Identifier("reject", "rejected_row"))
    return {number for (number,) in connection.execute(SQL(" union ").join([*parts, rejects]))}


def remove(connection: Connection, name: str, batch_id: int) -> None:
    """Take a batch's rows and rejects away, of the contract of this name."""
    with connection.transaction():
        connection.execute(
            SQL("delete from {} where _batch_id = %s").format(Identifier("raw", name.replace(".", "__"))),
            [batch_id],
        )
        connection.execute("delete from reject.rejected_row where batch_id = %s", [batch_id])


def problems(connection: Connection, contract: Contract) -> list[str]:
    """Why the database can't take the contract, though it reads well; writes nothing.

    Rows that are there can't stand beside new ones, since a column changed its type or another column tells the versions of
    a row apart. Or PostgreSQL, which judges the values, knows no such pattern.
    """
    return _problems(connection, contract, _columns(connection, contract))


def _problems(connection: Connection, contract: Contract, have: dict[str, str]) -> list[str]:
    found = []
    spelled = {"timestamp with time zone": "timestamptz"}
    for column in contract.stored:
        is_type = spelled.get(had := have.get(column.name, column.raw_type), had)
        if is_type != column.raw_type:
            found.append(
                f"$..{column.name}: is {column.type} ({column.raw_type}) here, but rows of raw.{contract.raw_table} have"
                f" {is_type}: give the column another name"
            )
    if have and (version := _version_column(connection, contract)) != contract.file.version_column:
        found.append(
            f"$.schema[0].customProperties.versionColumn: is {contract.file.version_column} here, but rows of"
            f" raw.{contract.raw_table} are told apart by {version}: keep that, or give the export another name"
        )
    return found + list(_bad_patterns(connection, contract))


def _bad_patterns(connection: Connection, contract: Contract) -> Iterator[str]:
    patterns = [
        (f"$..{column.name}.logicalTypeOptions.pattern", column.pattern)
        for column in contract.columns
        if column.pattern is not None
    ]
    patterns += [("$.schema[0].customProperties.skipRows", rule.pattern) for rule in contract.file.skip_rows]
    # Hardly any can't be read: all are looked at together first.
    if not patterns or not _why_unread(connection, [pattern for _, pattern in patterns]):
        return
    for place, pattern in patterns:
        if why := _why_unread(connection, [pattern]):
            yield (
                f"{place}: PostgreSQL, which judges the values, can't read it ({why}): write it"
                " with groups, classes and repeats (of at most 255) only"
            )


def _why_unread(connection: Connection, patterns: list[str]) -> str | None:
    try:
        with connection.transaction():
            connection.execute("select '' ~ pattern from unnest(%s::text[]) as pattern", [patterns])
    except errors.InvalidRegularExpression as error:
        return str(error.diag.message_primary)
    return None


def _columns(connection: Connection, contract: Contract) -> dict[str, str]:
    """Name and type of each column of the raw table; none, if there is no such table yet."""
    return dict(
        connection.execute(
            """
            select a.attname, format_type(a.atttypid, null)
            from pg_attribute a join pg_class c on c.oid = a.attrelid
            where c.relnamespace = 'raw'::regnamespace and c.relname = %s and a.attnum > 0 and not a.attisdropped
            """,
            [contract.raw_table],
        ).fetchall()
    )


def _key_rule(connection: Connection, contract: Contract) -> str | None:
    found = connection.execute(
        "select col_description(attrelid, attnum) from pg_attribute where attrelid = to_regclass(%s) and attname = '_key'",
        [f'raw."{contract.raw_table}"'],
    ).fetchone()
    return found[0] if found else None


def _tell_key_rule(connection: Connection, contract: Contract) -> None:
    connection.execute(
        SQL("comment on column {}._key is {}").format(table(contract), Literal(key_rule(contract)))
    )


def _version_column(connection: Connection, contract: Contract) -> str | None:
    """The column that the table's unique constraint has beside `_key` and `_batch_id`."""
    found = connection.execute(
        """
        select a.attname
        from pg_constraint c join pg_class t on t.oid = c.conrelid
        join pg_attribute a on a.attrelid = c.conrelid and a.attnum = any(c.conkey)
        where t.relnamespace = 'raw'::regnamespace and t.relname = %s
          and c.contype = 'u' and a.attname not in ('_key', '_batch_id')
        """,
        [contract.raw_table],
    ).fetchone()
    return found[0] if found else None


def identity(contract: Contract) -> list[str]:
    """Columns that make a row unique within a batch: its key and, where there is one, its version."""
    version = contract.file.version_column
    return ["_key", *([version] if version else [])]


def _find_by_case(connection: Connection, contract: Contract) -> None:
    case = contract.file.case_column
    if case is None:
        return
    name = f"{contract.raw_table}__case"
    # Looked for first: making an index waits for those who write, even when there is one.
    (is_missing,) = the_row(connection.execute("select to_regclass(%s) is null", [f'raw."{name}"']))
    if is_missing:
        connection.execute(
            SQL("create index {} on {} ({})").format(Identifier(name), table(contract), Identifier(case))
        )


def take_indexes_off(connection: Connection, contract: Contract, coming: int) -> list[Composed]:
    """Drop the indexes of a table that is about to grow to more than twice its size, as so many bytes come; gives what
    makes them again.

    To build them at once then takes half of what it takes row by row. Where somebody reads the table, or a view stands
    on one of them, they stay: no load waits for that.
    """
    if coming <= LARGE:
        return []
    name = f'raw."{contract.raw_table}"'
    (is_larger,) = the_row(connection.execute("select %s > pg_relation_size(%s)", [coming, name]))
    if not is_larger:
        return []
    made_by = []
    try:
        with connection.transaction():
            connection.execute(SQL("lock table {} in access exclusive mode nowait").format(table(contract)))
            for index, constraint, definition in connection.execute(_INDEXES, [name]).fetchall():
                if constraint:
                    change = SQL("alter table {} {} constraint {}")
                    connection.execute(change.format(table(contract), SQL("drop"), Identifier(index)))
                    added = change.format(table(contract), SQL("add"), Identifier(index))
                    made_by.append(SQL("{} {}").format(added, SQL(constraint)))
                else:
                    connection.execute(SQL("drop index {}").format(Identifier("raw", index)))
                    made_by.append(SQL("{}").format(SQL(definition)))
    except (errors.LockNotAvailable, errors.DependentObjectsStillExist):
        return []
    return made_by


_INDEXES = """
    select c.relname, pg_get_constraintdef(k.oid), pg_get_indexdef(i.indexrelid)
    from pg_index i join pg_class c on c.oid = i.indexrelid left join pg_constraint k on k.conindid = i.indexrelid
    where i.indrelid = %s::regclass order by c.relname
"""


def put_indexes_on(connection: Connection, contract: Contract, batch_id: int, made_by: list[Composed]) -> int:
    """Make the indexes again that were taken off. Gives how many rows of the batch had to go first: those that repeat an
    earlier one."""
    repeated = 0
    for each in made_by:
        try:
            with connection.transaction():
                connection.execute(each)
        except errors.UniqueViolation:
            repeated = _drop_repeated(connection, contract, batch_id)
            connection.execute(each)
    return repeated


def _drop_repeated(connection: Connection, contract: Contract, batch_id: int) -> int:
    return connection.execute(
        SQL(
            """
            delete from {table} where _batch_id = {batch_id} and _row_number in (
              select _row_number from (
                select _row_number, row_number() over (partition by {identity} order by _row_number) as place
                from {table} where _batch_id = {batch_id}
              ) as placed where place > 1
            )
            """
        ).format(
            table=table(contract),
            batch_id=Literal(batch_id),
            identity=SQL(", ").join(map(Identifier, identity(contract))),
        )
    ).rowcount


def created(contract: Contract, schema: str) -> Composed:
    """SQL that makes the table of a contract's rows."""
    columns = [
        SQL("{} {}").format(Identifier(column.name), SQL(column.raw_type)) for column in contract.stored
    ]
    return SQL(
        """
        create table {table} (
          _batch_id bigint not null,
          _row_number bigint not null,
          _key uuid not null,
          {columns},
          primary key (_batch_id, _row_number),
          -- Found by key first; a row that a batch repeats is told by it.
          unique nulls not distinct ({identity}, _batch_id)
        )
        """
    ).format(
        table=Identifier(schema, contract.raw_table),
        columns=SQL(", ").join(columns),
        identity=SQL(", ").join(Identifier(name) for name in identity(contract)),
    )
