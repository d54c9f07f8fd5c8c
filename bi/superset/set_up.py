"""Superset's tables, people and dashboards, in one process: to begin takes it seconds.

Reads what there is to be from its input, as JSON; writes as its last line what became of things that people made themselves.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import yaml
from flask_migrate import upgrade
from superset.app import create_app
from werkzeug.security import check_password_hash

#: what readers of one agency are in Superset, beside its own role of those who look at things
ROLE = "Kho"
_LOOKS = "Gamma"
#: where a chart's settings name columns
_NAMING = (
    "x_axis",
    "groupby",
    "columns",
    "all_columns",
    "metrics",
    "metric",
    "adhoc_filters",
    "order_by_cols",
)


def main() -> None:
    given = json.load(sys.stdin)
    app = create_app()
    with app.app_context():
        upgrade()
        from superset import appbuilder, security_manager
        from superset.utils.core import override_user

        appbuilder.add_permissions(update_perms=True)
        security_manager.sync_role_definitions()
        admin = _person(given["admin"], given["password"], "Kho", [security_manager.find_role("Admin")])
        with override_user(admin):
            told = _import(given["files"])
            _let_in(given)
    print(json.dumps(told, ensure_ascii=False))


def _person(name: str, password: str, called: str, roles: list[Any]) -> Any:
    """Somebody who may log in, with this password and these roles, made or changed."""
    from superset import db, security_manager

    user = security_manager.find_user(username=name)
    if not user:
        user = security_manager.add_user(name, called, name, f"{name}@localhost", roles, password)
        if not user:
            raise RuntimeError(f"Superset does not take {name} as a user")
        return user
    if not check_password_hash(user.password, password):
        security_manager.reset_password(user.id, password)
    user.first_name, user.roles, user.active = called, roles, True
    db.session.commit()
    return user


def _let_in(given: dict[str, Any]) -> None:
    """Readers may look at what they have rows of; who is none any more may not log in."""
    from superset import db, security_manager
    from superset.connectors.sqla.models import SqlaTable
    from superset.models.dashboard import Dashboard

    role = security_manager.find_role(ROLE) or security_manager.add_role(ROLE)
    all_agencies = set(given["of_all_agencies"])
    granted = []
    for dashboard in db.session.query(Dashboard).filter_by(is_managed_externally=True):
        is_open = str(dashboard.uuid) not in all_agencies
        dashboard.roles = [role if is_open else security_manager.find_role("Admin")]
        if is_open:
            granted += dashboard.datasources
    filters = db.session.query(SqlaTable).filter(SqlaTable.uuid == given["filters"]).one()
    role.permissions = [
        security_manager.add_permission_view_menu("datasource_access", perm)
        for perm in sorted({each.perm for each in [*granted, filters]})
    ]
    db.session.commit()
    roles = [security_manager.find_role(_LOOKS), role]
    for name, reader in given["readers"].items():
        _person(name, reader["password"], reader["scope"], roles)
    for user in db.session.query(security_manager.user_model).all():
        if role in user.roles and user.username not in given["readers"]:
            user.active, user.roles = False, []
    db.session.commit()


def _import(files: dict[str, str]) -> list[str]:
    """Import the assets, and take away those of ours that are no longer among them."""
    from superset import db
    from superset.commands.importers.v1.assets import ImportAssetsCommand
    from superset.connectors.sqla.models import SqlaTable
    from superset.models.dashboard import Dashboard
    from superset.models.slice import Slice

    ImportAssetsCommand(dict(files)).run()
    wanted = {yaml.safe_load(text).get("uuid") for text in files.values()}
    told = []
    for dashboard in _left(Dashboard, wanted):
        db.session.delete(dashboard)
    db.session.commit()
    for chart in _left(Slice, wanted):
        told += [
            f"the dashboard {each.dashboard_title} lost the chart {chart.slice_name}"
            for each in chart.dashboards
            if not each.is_managed_externally
        ]
        db.session.delete(chart)
    db.session.commit()
    charts = db.session.query(Slice).filter(Slice.is_managed_externally.isnot(True)).all()
    for dataset in _left(SqlaTable, wanted):
        using = [chart.slice_name for chart in charts if chart.datasource_id == dataset.id]
        told += [f"the chart {name} asks {dataset.table_name}, which is no longer kept up" for name in using]
        if not using:
            db.session.delete(dataset)
    db.session.commit()
    ours = {each.id: each for each in db.session.query(SqlaTable).filter_by(is_managed_externally=True).all()}
    for chart in charts:
        if dataset := ours.get(chart.datasource_id):
            there = {column.column_name for column in dataset.columns}
            told += [
                f"the chart {chart.slice_name} names the column {name} of {dataset.table_name}, which is gone"
                for name in sorted(set(_named(chart)) - there)
            ]
    return told


def _left(model: Any, wanted: set[str]) -> list[Any]:
    """Assets of ours that the folder no longer has."""
    from superset import db

    ours = db.session.query(model).filter_by(is_managed_externally=True).all()
    return [each for each in ours if str(each.uuid) not in wanted]


def _named(chart: Any) -> Iterator[str]:
    """The columns that a chart of somebody's names."""
    params = json.loads(chart.params or "{}")
    for key in _NAMING:
        value = params.get(key)
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, str) and key == "order_by_cols":
                yield json.loads(each)[0]
            elif isinstance(each, str) and key not in ("metrics", "metric"):
                yield each
            elif isinstance(each, dict) and each.get("expressionType") == "SIMPLE":
                yield each.get("subject") or (each.get("column") or {}).get("column_name") or ""


if __name__ == "__main__":
    main()
