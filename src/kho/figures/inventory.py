"""What form II.07b is made of: how many procedures and workflows there are on a day, by the level that decides them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from psycopg import sql

from kho.database import the_row
from kho.figures.figures import Published

LEVELS = ("province", "district", "commune")


@dataclass(frozen=True)
class Inventory:
    """Procedures of a scope: the total, then by `LEVELS`. None where there is no such level, or no list tells."""

    decided: tuple[int | None, ...]
    at_one_stop: tuple[int | None, ...]
    workflows: tuple[int | None, ...]


@dataclass(frozen=True)
class Unit:
    """A unit that lists procedures of its own."""

    agency_code: str
    name: str


def inventory(release: Published, scope_code: str, day: date, *, twice: bool) -> Inventory:
    """The procedures that the scope's lists in force on a day have: each counts once per level, and in the total once, or
    `twice` where two levels decide it."""
    rows = release.connection.execute(
        sql.SQL(
            """
            select procedure_level, count(*), count(*) filter (where is_at_one_stop), sum(workflow_count)::bigint
            from (
              select procedure_code, procedure_level, bool_or(is_at_one_stop) as is_at_one_stop,
                max(workflow_count) as workflow_count
              from {listing}
              where {is_listed}
              group by 1, 2
            ) as listed
            group by 1
            """
        ).format(**_parts(release)),
        {"scope": scope_code, "day": day},
    ).fetchall()
    decided, at_desk = the_row(
        release.connection.execute(
            sql.SQL(
                "select count(distinct procedure_code), count(distinct procedure_code) filter (where is_at_one_stop)"
                " from {listing} where {is_listed}"
            ).format(**_parts(release)),
            {"scope": scope_code, "day": day},
        )
    )
    levels = {level: tuple(counts) for level, *counts in rows}
    there = [level for level in LEVELS if level in levels or _exists(release, level, day)]

    def column(at: int, total: int | None) -> tuple[int | None, ...]:
        by_level = [
            levels.get(level, (0, 0, None if at == 2 else 0))[at] if level in there else None for level in LEVELS
        ]
        told = [count for count in by_level if count is not None]
        whole = sum(told) if told else None
        return (whole if twice or total is None else total, *by_level)

    return Inventory(column(0, decided), column(1, at_desk), column(2, None))


def units(release: Published, scope_code: str, day: date) -> list[Unit]:
    """The units of the scope that list procedures on the day, in order of code."""
    return [
        Unit(code, name)
        for code, name in release.connection.execute(
            sql.SQL(
                """
                select distinct told.agency_code, coalesce(agency.agency_name, told.agency_code)
                from (select agency_code from {listing} where {is_listed}) as told
                left join {scope} as agency
                  on agency.scope_agency_code = told.agency_code and agency.depth = 0
                  and %(day)s between agency.valid_from and coalesce(agency.valid_to, 'infinity')
                order by 1
                """
            ).format(**_parts(release)),
            {"scope": scope_code, "day": day},
        )
    ]


def _parts(release: Published) -> dict[str, sql.Composable]:
    scope = sql.Identifier(release.schema, "figure_scope")
    return {
        "listing": sql.Identifier(release.schema, "procedure_inventory"),
        "scope": scope,
        "is_listed": sql.SQL(
            """
            %(day)s between valid_from and coalesce(valid_to, 'infinity') and agency_code in (
              select member.agency_code from {} as member
              where member.scope_agency_code = %(scope)s
                and %(day)s between member.valid_from and coalesce(member.valid_to, 'infinity')
            )
            """
        ).format(scope),
    }


def _exists(release: Published, level: str, day: date) -> bool:
    """Whether any agency is of this level on the day: since 1 July 2025 there is no district."""
    (exists,) = the_row(
        release.connection.execute(
            sql.SQL(
                "select exists (select from {} where depth = 0 and agency_level = %s"
                " and %s between valid_from and coalesce(valid_to, 'infinity'))"
            ).format(sql.Identifier(release.schema, "figure_scope")),
            [level, day],
        )
    )
    return bool(exists)
