"""The views in `scoped`: the same marts, of which a reader of one agency sees the rows of that agency and of those below it.

Of those below it a reader sees what is public, `public_month`, which has no small counts and none that could be worked
out; all else only if it was let see small counts. Marts by days, fields or periods that overlap can't be made safe so:
their sums and differences are too many.

They are asked by roles that have nothing else. What keeps the other rows from them: a view runs as its owner and asks who
asks it; `security_barrier` and `offset 0` let no condition of theirs near a row that is not theirs, and no estimate of the
planner tell of one.
"""

from __future__ import annotations

import psycopg
from psycopg import errors, sql

from kho.database import the_row
from kho.ledger import readers
from kho.ledger.releases import ReleaseError
from kho.ledger.roles import READERS

SCHEMA = "scoped"
#: a table of each release: which agency's readers see which agency's rows
REACH = "reader_reach"

#: the agency that a row is about, by which readers see it; a row of no agency is seen by none of them
AGENCY = {
    "broadcasting": "agency_code",
    "certificate_status": "agency_code",
    "civil_registration": "agency_code",
    "counted_period": "scope_agency_code",
    "counter_reconciliation": "agency_code",
    "document_day": "agency_code",
    "document_exchange": "agency_code",
    "document_month": "unit_agency_code",
    "dossier_day": "agency_code",
    "dossier_month": "unit_agency_code",
    "dossier_settlement": "agency_code",
    "dossier_verdict_change": "agency_code",
    "figure_coverage": "agency_code",
    "figure_movement": "agency_code",
    "late_promise": "agency_code",
    "ministry_settlement": "agency_code",
    "ministry_sheet": "agency_code",
    "morning_list": "agency_code",
    "online_service": "agency_code",
    "portal_activity": "agency_code",
    "portal_day": "agency_code",
    "portal_month": "unit_agency_code",
    "portal_contribution": "agency_code",
    "postal_service": "agency_code",
    "procedure_inventory": "agency_code",
    "radio_station_site": "agency_code",
    "report_figure": "scope_agency_code",
    "report_parameter": "scope_agency_code",
    "service_score": "scope_agency_code",
    "source_reconciliation": "agency_code",
    "spending": "agency_code",
    "workplace": "agency_code",
}
#: seen of all that is below, by everybody: without small counts
PUBLIC = {"public_month": "unit_agency_code"}
#: rows of a mart's own agency that tell of one below it: a detail by agencies, `Long Phú / Đất đai`
TELLS_OF_OTHERS = {"report_figure": "mart.detail like '% / %'"}
#: about no agency, or about what everybody knows of all of them: names, and who is below whom
OF_NO_AGENCY = {
    "agency",
    "calendar_day",
    "channel",
    "code_title",
    "document_type",
    "field",
    "figure_detail",
    "figure_metric",
    "figure_period",
    "figure_scope",
    "figure_scope_restated",
    "item_type",
    "parameter_set",
    "procedure",
    "service_level",
    "source_freshness",
}
#: tells of all agencies at once: for readers of `marts` only
OF_ALL_AGENCIES = {"quality_history"}
#: columns that do so: empty in `scoped`
EMPTY = {
    ("source_freshness", name) for name in ("rows_in_file", "rows_loaded", "rows_rejected", "rows_skipped")
}


def repoint(connection: psycopg.Connection, schema: str) -> None:
    """Make the views in `scoped` of those in `marts`, which show this schema already."""
    marts = _definitions(connection, "marts")
    for mart in sorted(_definitions(connection, SCHEMA).keys() - marts.keys()):
        _drop(connection, mart)
    reach = _reach(connection, schema)
    for mart in sorted(marts.keys() & (AGENCY.keys() | PUBLIC.keys() | OF_NO_AGENCY)):
        condition: sql.Composable = sql.SQL("true")
        if mart in PUBLIC:
            condition = sql.SQL("mart.{} in ({})").format(sql.Identifier(PUBLIC[mart]), readers.seen(reach))
        elif mart in AGENCY:
            condition = sql.SQL("mart.{} in ({})").format(
                sql.Identifier(AGENCY[mart]), readers.seen_whole(reach)
            )
        if mart in TELLS_OF_OTHERS:
            condition = sql.SQL("{} and ({} or not {})").format(
                condition, readers.sees_small_cells(), sql.SQL(TELLS_OF_OTHERS[mart])
            )
        _make(connection, mart, marts[mart], condition)
    _comment(connection)


def keep_small_cells(connection: psycopg.Connection) -> bool:
    """Whether the views keep small counts back: those of a release from before that, published by an earlier version, don't."""
    (are_old,) = the_row(
        connection.execute(
            "select coalesce(bool_or(pg_get_viewdef(oid) not like '%%sees_small_cells%%'), false) from pg_class"
            " where relnamespace = %s::regnamespace and relkind = 'v' and relname = any(%s)",
            [SCHEMA, list(AGENCY)],
        )
    )
    return not are_old


def _reach(connection: psycopg.Connection, schema: str) -> sql.Composable:
    """Who sees whom in a release. Of one from before that was told, nobody sees anybody; or only itself as its own."""
    columns = {
        name
        for (name,) in connection.execute(
            "select attname from pg_attribute where attrelid = to_regclass(%s) and attnum > 0",
            [sql.Identifier(schema, REACH).as_string(connection)],
        )
    }
    if not columns:
        return sql.SQL("(select null::text as scope_agency_code, null::text as agency_code, false as is_own)")
    if "is_own" not in columns:
        return sql.SQL("(select *, scope_agency_code = agency_code as is_own from {})").format(
            sql.Identifier(schema, REACH)
        )
    return sql.Identifier(schema, REACH)


def _definitions(connection: psycopg.Connection, schema: str) -> dict[str, str]:
    """What each view of a schema selects."""
    rows = connection.execute(
        "select relname, rtrim(pg_get_viewdef(oid), ';') from pg_class"
        " where relnamespace = %s::regnamespace and relkind = 'v'",
        [schema],
    ).fetchall()
    return dict(rows)


def _make(connection: psycopg.Connection, mart: str, definition: str, condition: sql.Composable) -> None:
    columns = connection.execute(
        "select attname, format_type(atttypid, atttypmod) from pg_attribute"
        " where attrelid = %s::regclass and attnum > 0 order by attnum",
        [sql.Identifier("marts", mart).as_string(connection)],
    ).fetchall()
    shown = sql.SQL(", ").join(
        sql.SQL("null::{} as {}").format(sql.SQL(of_type), sql.Identifier(name))
        if (mart, name) in EMPTY
        else sql.Identifier("mart", name)
        for name, of_type in columns
    )
    # Over the release's own table, as the view in `marts` is: nothing that a release drops has to wait for these.
    view = sql.SQL(
        "create or replace view {} with (security_barrier) as select {} from ({}) as mart where {} offset 0"
    ).format(sql.Identifier(SCHEMA, mart), shown, sql.SQL(definition), condition)
    try:
        with connection.transaction():
            connection.execute(view)
    except errors.InvalidTableDefinition:  # it has other columns now
        _drop(connection, mart)
        connection.execute(view)
    connection.execute(
        sql.SQL("grant select on {} to {}").format(sql.Identifier(SCHEMA, mart), sql.Identifier(READERS))
    )


def _drop(connection: psycopg.Connection, mart: str) -> None:
    try:
        connection.execute(sql.SQL("drop view {}").format(sql.Identifier(SCHEMA, mart)))
    except errors.DependentObjectsStillExist as error:
        raise ReleaseError(
            f"{SCHEMA}.{mart} is another one in the new release, or none, and other objects depend on it: drop or change"
            f" them, then publish again.\n{error.diag.message_detail}"
        ) from None


def _comment(connection: psycopg.Connection) -> None:
    """Say of these views and their columns what is said of those in `marts`."""
    changed = connection.execute(
        """
        select ours.relname, a.attname, theirs_said.description
        from pg_class ours
        join pg_class theirs on theirs.relname = ours.relname and theirs.relnamespace = 'marts'::regnamespace
        cross join lateral (
          select 0 as attnum, null::name as attname
          union all select attnum, attname from pg_attribute where attrelid = ours.oid and attnum > 0
        ) as a
        left join pg_attribute b on b.attrelid = theirs.oid and b.attname = a.attname
        left join pg_description theirs_said on theirs_said.objoid = theirs.oid
          and theirs_said.classoid = 'pg_class'::regclass and theirs_said.objsubid = coalesce(b.attnum, 0)
        left join pg_description ours_said on ours_said.objoid = ours.oid
          and ours_said.classoid = 'pg_class'::regclass and ours_said.objsubid = a.attnum
        where ours.relnamespace = %s::regnamespace and ours.relkind = 'v'
          and theirs_said.description is distinct from ours_said.description
        """,
        [SCHEMA],
    ).fetchall()
    for view, column, said in changed:
        what = sql.SQL("column {}" if column else "view {}").format(
            sql.Identifier(SCHEMA, view, column) if column else sql.Identifier(SCHEMA, view)
        )
        connection.execute(sql.SQL("comment on {} is {}").format(what, sql.Literal(said)))
