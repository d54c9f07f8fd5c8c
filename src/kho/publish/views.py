"""The views in `marts`, which readers see: all of them turn to one release at once."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import errors, sql

from kho.ledger.releases import ReleaseError

READERS = ("bi_reader", "kho_auditor")
#: what a release explains its figures by, down to the rows of dossiers, and who sees whom: Kho reads it in the release's
#: own schema
NOT_FOR_READERS = {
    "figure_row",
    "figure_told",
    "figure_attestation",
    "figure_batch",
    "dossier_stretch",
    "kept_figure",
    "recounted_figure",
    "kept_settlement",
    "moved_movement",
    "kept_exchange",
    "recounted_exchange",
    "exchange_change",
    "exchange_period",
    "kept_score_count",
    "score_count",
    "kept_service_score",
    "recounted_score",
    "told_score",
    "score_change",
    "scored_period",
    "recounted_settlement",
    "settlement_change",
    "settlement_period",
    "moved_dossier",
    "system_told",
    "reader_reach",
    "kept_public_month",
    "recounted_public_month",
}


def repoint(connection: psycopg.Connection, schema: str) -> None:
    """Point `marts` at this schema: replace views in place where that is possible, so that dependents stay.

    What the relations of the schema and their columns are said to be, is said of the views too.
    """
    made, there = _columns(connection, schema), _columns(connection, "marts")
    wanted = {mart: columns for mart, columns in made.items() if mart not in NOT_FOR_READERS}
    if not wanted:
        raise ReleaseError(f"{schema} has no marts: build them first")
    for mart in sorted(there.keys() - wanted.keys()):
        _drop_view(connection, mart, "is no longer there")
    for mart in sorted(wanted):
        grants: list[tuple[str | None, str, bool]]
        grants = [] if mart in there else [(role, "SELECT", False) for role in READERS]
        # A view may gain columns at its end; anything else takes a new view.
        if mart in there and wanted[mart][: len(there[mart])] != there[mart]:
            grants = _grants(connection, mart)
            _drop_view(connection, mart, "has other columns")
        connection.execute(
            sql.SQL("create or replace view {} as select * from {}").format(
                sql.Identifier("marts", mart), sql.Identifier(schema, mart)
            )
        )
        for grantee, privilege, is_grantable in grants:
            connection.execute(
                sql.SQL("grant {} on {} to {}{}").format(
                    sql.SQL(privilege),
                    sql.Identifier("marts", mart),
                    sql.Identifier(grantee) if grantee else sql.SQL("public"),
                    sql.SQL(" with grant option" if is_grantable else ""),
                )
            )
    _describe(connection, schema)


def _columns(connection: psycopg.Connection, schema: str) -> dict[str, list[tuple[Any, ...]]]:
    """Name, type and collation of the columns of every table and view of a schema, in their order."""
    rows = connection.execute(
        """
        select c.relname, array_agg(row(a.attname, a.atttypid::bigint, a.atttypmod, a.attcollation::bigint)::text
                                    order by a.attnum) filter (where a.attnum > 0 and not a.attisdropped)
        from pg_class c join pg_attribute a on a.attrelid = c.oid
        where c.relnamespace = %s::regnamespace and c.relkind in ('r', 'p', 'v', 'm')
        group by c.relname
        """,
        [schema],
    ).fetchall()
    return dict(rows)


def _describe(connection: psycopg.Connection, schema: str) -> None:
    """Give the views the comments that their relations in this schema have, where they have others or none."""
    differing = connection.execute(
        """
        with described as (
          select c.relnamespace, c.relname, place.attname, d.description
          from pg_class c
          cross join lateral (
            select 0 as attnum, null::name as attname
            union all
            select attnum, attname from pg_attribute where attrelid = c.oid and attnum > 0 and not attisdropped
          ) as place
          left join pg_description d
            on d.objoid = c.oid and d.classoid = 'pg_class'::regclass and d.objsubid = place.attnum
          where c.relkind in ('r', 'p', 'v', 'm')
        )
        select view.relname, view.attname, made.description
        from described as view
        join described as made
          on made.relname = view.relname and made.attname is not distinct from view.attname
        where view.relnamespace = 'marts'::regnamespace and made.relnamespace = %s::regnamespace
          and made.description is distinct from view.description
        """,
        [schema],
    ).fetchall()
    statements = [
        sql.SQL("comment on {} {} is {}").format(
            sql.SQL("column" if column else "view"),
            sql.Identifier("marts", mart, *([column] if column else [])),
            sql.Literal(text),
        )
        for mart, column, text in differing
    ]
    if statements:
        connection.execute(sql.SQL("; ").join(statements))


def _grants(connection: psycopg.Connection, mart: str) -> list[tuple[str | None, str, bool]]:
    """Who but the owner was granted what on a mart; None stands for everybody."""
    return connection.execute(
        """
        select r.rolname, x.privilege_type, x.is_grantable
        from pg_class c cross join aclexplode(c.relacl) x left join pg_roles r on r.oid = x.grantee
        where c.relnamespace = 'marts'::regnamespace and c.relname = %s and x.grantee <> c.relowner
        """,
        [mart],
    ).fetchall()


def _drop_view(connection: psycopg.Connection, mart: str, why: str) -> None:
    try:
        connection.execute(sql.SQL("drop view {}").format(sql.Identifier("marts", mart)))
    except errors.DependentObjectsStillExist as error:
        raise ReleaseError(
            f"marts.{mart} {why} in the new release, and other objects depend on it: drop or change them, then "
            f"publish again.\n{error.diag.message_detail}"
        ) from None
