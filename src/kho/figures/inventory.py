"""What form II.07b is made of: how many procedures and workflows there are on a day, by the level that decides them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date

from psycopg import sql

from kho.figures.figures import Published

LEVELS = ("province", "district", "commune")


@dataclass(frozen=True)
class Inventory:
    """Procedures of a unit, or of a scope as a whole: the total, then by `LEVELS`.

    None where there is no such level on that day, or no list tells.
    """

    name: str
    decided: tuple[int | None, ...]
    at_one_stop: tuple[int | None, ...]
    workflows: tuple[int | None, ...]


def inventory(release: Published, scope_code: str, day: date, *, twice: bool) -> list[Inventory]:
    """What each unit of the scope lists on a day, in order of code, and in the end the scope as a whole.

    A procedure counts once per level, however many units list it, and in the total once, or `twice` where two levels decide
    it.
    """
    query = sql.SQL(
        """
        with of_unit as (
          select agency_code, procedure_code, procedure_level, is_at_one_stop, workflow_count
          from {listing}
          where %(day)s between valid_from and coalesce(valid_to, 'infinity') and agency_code in (
            select member.agency_code from {scope} as member
            where member.scope_agency_code = %(scope)s
              and %(day)s between member.valid_from and coalesce(member.valid_to, 'infinity')
          )
        ), listed as (
          select * from of_unit
          union all
          select null, procedure_code, procedure_level, bool_or(is_at_one_stop), max(workflow_count)
          from of_unit
          group by procedure_code, procedure_level
        )
        select agency_code, coalesce(procedure_level, 'all'), count(distinct procedure_code),
          count(distinct procedure_code) filter (where is_at_one_stop), sum(workflow_count)::bigint
        from listed
        group by grouping sets ((agency_code, procedure_level), (agency_code))
        """
    ).format(
        listing=sql.Identifier(release.schema, "procedure_inventory"),
        scope=sql.Identifier(release.schema, "figure_scope"),
    )
    told: dict[str | None, dict[str, tuple[int, ...]]] = defaultdict(dict)
    for agency, level, *counts in release.connection.execute(query, {"scope": scope_code, "day": day}):
        told[agency][level] = tuple(counts)
    names, levels = _agencies(release, day)
    units = sorted(agency for agency in told if agency)
    return [
        _inventory(names.get(agency or "", agency or ""), told[agency], levels, twice=twice)
        for agency in (*units, None)
    ]


def _inventory(name: str, told: dict[str, tuple[int, ...]], there: set[str], *, twice: bool) -> Inventory:
    def column(at: int, absent: int | None) -> tuple[int | None, ...]:
        by_level = [
            told[level][at] if level in told else absent if level in there else None for level in LEVELS
        ]
        total = sum(filter(None, by_level)) if twice else told["all"][at] if told else absent
        return (total, *by_level)

    return Inventory(name, column(0, 0), column(1, 0), column(2, None))


def _agencies(release: Published, day: date) -> tuple[dict[str, str], set[str]]:
    """Names by code, and which levels there are on the day: since 1 July 2025 no district."""
    rows = release.connection.execute(
        sql.SQL(
            "select agency_code, agency_name, agency_level from {}"
            " where depth = 0 and %s between valid_from and coalesce(valid_to, 'infinity')"
        ).format(sql.Identifier(release.schema, "figure_scope")),
        [day],
    ).fetchall()
    return {code: name for code, name, _ in rows}, {level for _, _, level in rows}
