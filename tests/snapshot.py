"""What a warehouse holds, told so that two of them can be compared: no numbers of batches, builds or releases."""

from __future__ import annotations

import psycopg
from psycopg.sql import SQL, Identifier

from kho.settings import Settings

# Numbers that differ from one way of getting there to another, though the rows are the same.
SERIALS = {
    "_batch_id",
    "batch_id",
    "end_batch_id",
    "build_id",
    "from_build",
    "to_build",
    "release_id",
    "from_release",
    "to_release",
    "opened_at",
    "closed_at",
    "loaded_at",
    "checked_at",
    "verdict_id",
}
# Tables with a row for every time a thing was checked. A night that was run twice may have been checked twice, and
# its marts hold what the first try found of them; what an undisturbed night finds comes in with the next one.
CHECKS = {"fct_quality_check", "quality_history"}
TOLD_BY_THEN = SQL(
    "where t.boundary = 'exports' or t.business_date < (select max(business_date) from ledger.build)"
)
# Tables whose rows earlier releases may still tell of: those of the last build are compared.
KEPT = {
    "kept_row": "to_build",
    "kept_movement": "to_build",
    "kept_stretch": "to_build",
    "kept_dossier_day": "to_build",
    "kept_document_day": "to_build",
    "kept_portal_day": "to_build",
    "kept_figure": "to_release",
    "kept_document": "to_build",
    "kept_incoming_document": "to_build",
    "kept_delivery": "to_build",
    "kept_settlement": "to_release",
    "kept_exchange": "to_release",
    "kept_score_count": "to_release",
    "kept_service_score": "to_release",
    "kept_public_month": "to_release",
}


def snapshot(settings: Settings, *schemas: str) -> dict[str, tuple[int, str]]:
    """Rows and a hash of the sorted rows of every table of these schemas: raw, reject, warehouse, marts by default."""
    with psycopg.connect(settings.admin_url(), options="-c TimeZone=UTC") as connection:
        found = {}
        for schema, name in connection.execute(
            """
            select table_schema, table_name from information_schema.tables
            where table_schema = any(%s)
              and table_name !~ '^union_' -- what the last build had to do, not what came of it
              and table_name !~ '^kept_.*__[0-9]+$' -- what releases from before a full refresh read
            order by 1, 2
            """,
            [list(schemas or ("raw", "reject", "warehouse", "marts"))],
        ).fetchall():
            columns = [
                SQL("t.{}").format(Identifier(column))
                for (column,) in connection.execute(
                    "select column_name from information_schema.columns where (table_schema, table_name) = (%s, %s)"
                    " order by column_name",
                    [schema, name],
                )
                if column not in SERIALS
            ]
            # A batch is known by its delivery.
            batch = {"raw": "_batch_id", "reject": "batch_id"}.get(schema)
            join = SQL("")
            if batch:
                columns.insert(0, SQL("d.name"))
                join = SQL(
                    "join ledger.batch b on b.batch_id = t.{} join ledger.delivery d using (delivery_id)"
                ).format(Identifier(batch))
            found[f"{schema}.{name}"] = connection.execute(
                SQL(
                    "select count(*), coalesce(md5(string_agg(line, E'\\n' order by line)), '')"
                    " from (select {distinct} row({columns})::text as line from {table} t {join} {where}) as lines"
                ).format(
                    distinct=SQL("distinct" if name in CHECKS else ""),
                    where=TOLD_BY_THEN
                    if name in CHECKS
                    else SQL("where t.{} is null").format(Identifier(KEPT[name]))
                    if name in KEPT
                    else SQL(""),
                    columns=SQL(", ").join(columns),
                    table=Identifier(schema, name),
                    join=join,
                )
            ).fetchone()
        return found


def lost_rows(settings: Settings) -> list[tuple]:
    """Batches whose rows in file are not exactly the rows in raw, the rejects and the skipped ones."""
    with psycopg.connect(settings.admin_url()) as connection:
        tables = connection.execute(
            "select table_name, replace(table_name, '__', '.') from information_schema.tables where table_schema = 'raw'"
        ).fetchall()
        counts = [
            SQL("select _batch_id as batch_id, count(*) as n from {} group by 1").format(
                Identifier("raw", table)
            )
            for table, _ in tables
        ]
        counts.append(SQL("select batch_id, count(*) from reject.rejected_row group by 1"))
        return connection.execute(
            SQL(
                """
                select b.batch_id, b.rows_in_file, b.rows_skipped, coalesce(sum(there.n), 0)
                from ledger.batch b full join ({}) as there using (batch_id)
                group by b.batch_id having b.batch_id is null or b.rows_in_file <> b.rows_skipped + coalesce(sum(there.n), 0)
                """
            ).format(SQL(" union all ").join(counts))
        ).fetchall()
