"""What docs/security.md says that a role may do is what the server lets it do, after nights that published."""

from __future__ import annotations

import re
import uuid

import psycopg
from psycopg import sql

from kho.ledger import readers, roles
from kho.settings import Settings
from tests.pages import PROJECT

PAGE = PROJECT / "docs" / "security.md"
ROLES = [
    "bi_reader",
    "kho_reader",
    "kho_auditor",
    "kho_loader",
    "kho_transformer",
    "kho_operator",
    "kho_owner",
]
KINDS = ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "EXECUTE", "CREATE"]

#: every relation and function, by whom what may be done with it
_MAY = """
with role as (
  select oid, rolname from pg_roles where rolname = any(%(roles)s)
), schema as (
  select oid, nspowner, regexp_replace(nspname, '^release_\\d+$', 'release_N') as name from pg_namespace
  where nspname !~ '^pg_' and nspname <> 'information_schema'
), may as (
  select role.rolname, schema.name, 'CREATE' as kind, has_schema_privilege(role.oid, schema.oid, 'create') as may, true as of_all
  from role cross join schema
  union all
  select role.rolname, schema.name, each.kind,
    has_table_privilege(role.oid, c.oid, each.kind)
      or each.kind in ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES') and has_any_column_privilege(role.oid, c.oid, each.kind),
    has_table_privilege(role.oid, c.oid, each.kind)
  from role
  cross join schema
  join pg_class c on c.relnamespace = schema.oid and c.relkind in ('r', 'p', 'v', 'm', 'f')
  cross join unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) as each (kind)
  where has_schema_privilege(role.oid, schema.oid, 'usage')
  union all
  select role.rolname, schema.name, 'EXECUTE', has_function_privilege(role.oid, p.oid, 'execute'), true
  from role
  cross join schema
  join pg_proc p on p.pronamespace = schema.oid
  where has_schema_privilege(role.oid, schema.oid, 'usage')
)
select name, rolname, kind, bool_and(may and of_all) from may group by 1, 2, 3 having bool_or(may)
"""


def privileges(connection: psycopg.Connection, names: list[str]) -> dict[str, dict[str, str]]:
    """What each role may do in each schema, as the page tells it."""
    found: dict[str, dict[str, dict[str, bool]]] = {}
    schemas = "select distinct regexp_replace(nspname, '^release_\\d+$', 'release_N') from pg_namespace where nspname !~ '^pg_'"
    for (schema,) in connection.execute(schemas):
        found[schema] = {name: {} for name in names}
    found.pop("information_schema")
    for schema, role, kind, of_all in connection.execute(_MAY, {"roles": names}):
        found[schema][role][kind] = of_all
    return {schema: {role: told(may) for role, may in of.items()} for schema, of in found.items()}


def told(may: dict[str, bool]) -> str:
    if may.get("CREATE"):
        less = [kind for kind in KINDS if may.get(kind) is False]
        return f"owns; {', '.join(less)} not of all" if less else "owns"
    return ", ".join(kind if may[kind] else f"{kind} of some" for kind in KINDS if kind in may) or "–"


def test_the_page_says_what_each_role_may_do(module_published: Settings) -> None:
    page = PAGE.read_text()
    (header,) = re.findall(r"^\| Schema \|.*\|$", page, re.MULTILINE)
    assert re.findall(r"`(\w+)`", header) == ROLES
    said = {
        cells[0].strip("` "): dict(zip(ROLES, (cell.strip() for cell in cells[1:]), strict=True))
        for cells in (
            line.strip("|").split("|") for line in re.findall(r"^\| `\w+` \|.*\|$", page, re.MULTILINE)
        )
        if len(cells) == 1 + len(ROLES)
    }
    with psycopg.connect(module_published.admin_url()) as connection:
        assert said == privileges(connection, ROLES)


def test_a_reader_of_one_agency_may_do_what_their_group_may_and_nobody_becomes_another(
    module_published: Settings,
) -> None:
    name = f"reader_{uuid.uuid4().hex[:12]}"
    readers.add(module_published, name, "H51", actor="test")
    try:
        with psycopg.connect(module_published.admin_url()) as connection:
            for may in privileges(connection, [name, roles.READERS]).values():
                assert may[name] == may[roles.READERS]
            become = "select pg_has_role(%s, oid, 'set') from pg_roles where rolname !~ '^pg_' and rolname not in (%s, 'postgres')"
            for each in (name, *ROLES):
                assert not any(may for (may,) in connection.execute(become, [each, each])), each
            flags = "select rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls from pg_roles where rolname = any(%s)"
            assert not any(flag for (flag,) in connection.execute(flags, [[name, *ROLES]]))
            reserved = "select pg_has_role(role, 'pg_use_reserved_connections', 'usage') from unnest(%s::text[]) as role"
            assert {may for (may,) in connection.execute(reserved, [[name, "bi_reader"]])} == {False}
            ours = [*({*ROLES} - {"bi_reader", "kho_reader", "kho_owner"}), "airflow"]
            assert {may for (may,) in connection.execute(reserved, [ours])} == {True}
    finally:
        readers.remove(module_published, name)


def test_the_page_says_what_each_role_may_do_with_the_database(module_published: Settings) -> None:
    ((_, *said),) = re.findall(
        r"^\| (the database) \|(.*)\|(.*)\|(.*)\|(.*)\|(.*)\|(.*)\|(.*)\|$", PAGE.read_text(), re.MULTILINE
    )
    with psycopg.connect(module_published.admin_url()) as connection:
        may = [
            ", ".join(
                kind
                for kind in ("CONNECT", "TEMPORARY", "CREATE")
                if connection.execute(
                    "select has_database_privilege(%s, current_database(), %s)", [role, kind]
                ).fetchone()[0]
            )
            or "–"
            for role in ROLES
        ]
        others = connection.execute(
            sql.SQL(
                "select datname from pg_database, unnest(%s::text[]) as role where datname in ('postgres', 'airflow', 'template1')"
                " and has_database_privilege(role, datname, 'connect')"
            ),
            [ROLES],
        ).fetchall()
    assert [each.strip() for each in said] == may
    assert others == []
