"""The report of a scope and a period, made from the release in force."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from psycopg import sql

from kho.figures.figures import (
    Figure,
    Published,
    Scheme,
    Scope,
    asked,
    explained,
    figures_of,
    wholes_of,
)
from kho.figures.kinds import Metric, metrics
from kho.report import vietnamese
from kho.report.content import Content, Definition, Label, areas
from kho.report.remarks import effects_of, notices, remarks
from kho.report.revisions import compared
from kho.report.sources import sources_of, system_titles
from kho.settings import Settings


def draft(settings: Settings, scope: str, period: str, scheme: Scheme = "calendar") -> Content:
    """What the release in force says, beside what was reported before. Arguments and errors as of `figures`."""
    with explained(settings) as release:
        meant, first_day, last_day = asked(release, scope, period, scheme)
        figures = figures_of(release, meant.agency_code, first_day, last_day)
        levels = vietnamese.levels(meant.name, {figure.level for figure in figures})
        known, systems = metrics(release), system_titles(release)
        effects = effects_of(figures, known)
        sources = sources_of(release, meant, first_day, last_day, effects.keys())
        parent = _parent(release, meant, last_day)
        called = vietnamese.period(period, first_day, last_day)
        content = Content(
            title=f"Kết quả ứng dụng công nghệ thông tin {called[0].lower()}{called[1:]}",
            issuer=vietnamese.issuer(meant.name) if meant.unit_code else meant.name,
            parent_name=vietnamese.issuer(parent) if parent else "",
            place=vietnamese.place(meant.name if meant.unit_code or not parent else parent),
            scope_code=meant.agency_code,
            unit_code=meant.unit_code or "",
            scope_name=meant.name,
            first_day=first_day,
            last_day=last_day,
            period_title=called,
            release=release.release,
            business_date=release.business_date,
            issue=None,
            earlier=None,
            notices=notices(sources, effects),
            levels=list(levels.values()),
            areas=areas(
                figures,
                _units(release, meant, figures, levels, first_day, last_day),
                _months(release, meant, scheme, first_day, last_day),
                levels,
            ),
            remarks=remarks(release, meant, first_day, last_day, figures, sources, effects),
            revisions=[],
            sources=sources,
            definitions=_definitions(known, systems),
        )
        return compared(release, content)


def _units(
    release: Published,
    scope: Scope,
    figures: list[Figure],
    levels: dict[str, str],
    first_day: date,
    last_day: date,
) -> list[Label]:
    """The scope's own departments as one, then each unit below it."""
    below = release.connection.execute(
        sql.SQL(
            """
            select distinct on (unit.scope_agency_code)
              unit.scope_agency_code, unit.scope_unit_code, unit.scope_short_name
            from {scope} as link
            join {scope} as unit
              on unit.scope_agency_code = link.agency_code and unit.depth = 0
              and unit.valid_from <= %(last)s and coalesce(unit.valid_to, 'infinity') >= %(first)s
            where link.scope_agency_code = %(scope)s and link.depth = 1 and unit.scope_unit_code is not null
              and link.valid_from <= %(last)s and coalesce(link.valid_to, 'infinity') >= %(first)s
            order by unit.scope_agency_code, unit.valid_from desc
            """
        ).format(scope=sql.Identifier(release.schema, "figure_scope")),
        {"scope": scope.agency_code, "first": first_day, "last": last_day},
    ).fetchall()
    if not below:
        return []
    level = next(level for level in levels if level != "all")  # its own: the highest
    own = {each.metric: each for each in figures if each.level == level and not each.detail}
    labels = [Label(levels[level], "", own)]
    found = wholes_of(release, [code for code, _, _ in below], first_day, last_day)
    labels.extend(Label(name, unit_code, _first_level(found[code])) for code, unit_code, name in below)
    return labels


def _months(release: Published, scope: Scope, scheme: Scheme, first_day: date, last_day: date) -> list[Label]:
    """The months of the period, the first and the last as far as they lie in it."""
    months = release.connection.execute(
        sql.SQL(
            """
            select period_code, greatest(from_date, %(first)s), least(to_date, %(last)s) from {}
            where scheme = %(scheme)s and period_kind = 'month' and from_date <= least(%(last)s, %(told_to)s)
              and to_date >= %(first)s
            order by from_date
            """
        ).format(sql.Identifier(release.schema, "figure_period")),
        {"scheme": scheme, "first": first_day, "last": last_day, "told_to": release.business_date},
    ).fetchall()
    if len(months) < 2:
        return []
    labels = []
    for code, first, last in months:
        found = wholes_of(release, [scope.agency_code], first, last)[scope.agency_code]
        labels.append(Label(f"{code[5:]}/{code[:4]}", code, _first_level(found)))
    return labels


def _first_level(figures: list[Figure]) -> dict[str, Figure]:
    """The figures of the whole scope: the level that comes first."""
    found: dict[str, Figure] = {}
    for figure in figures:
        found.setdefault(figure.metric, figure)
    return found


def _parent(release: Published, scope: Scope, on: date) -> str:
    """The unit above; empty where the warehouse doesn't know one."""
    found = release.connection.execute(
        sql.SQL(
            "select scope_name from {} where agency_code = %s and depth = 1"
            " and valid_from <= %s and coalesce(valid_to, 'infinity') >= %s order by valid_from desc limit 1"
        ).format(sql.Identifier(release.schema, "figure_scope")),
        [scope.agency_code, on, on],
    ).fetchone()
    return found[0] if found else ""


def _definitions(known: Mapping[str, Metric], systems: Mapping[str, str]) -> list[Definition]:
    return [
        Definition(
            each.metric,
            each.title,
            each.unit_title,
            each.kind_title,
            each.numerator or "",
            each.denominator or "",
            list(dict.fromkeys(systems[source] for source in each.sources)),
        )
        for each in known.values()
    ]
