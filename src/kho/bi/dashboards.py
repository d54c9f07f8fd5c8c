"""A dashboard as Superset keeps it: where its charts stand, and the filters that people choose by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kho.bi.datasets import Codes
from kho.bi.specification import CHOSEN, FILTERS, Chart, Dashboard

_COLUMNS = 12
_NAMES = {"agency": "Cơ quan", "period": "Kỳ báo cáo", "province": "Tỉnh, thành phố"}
_ORDERS = {"agency": "largest_first", "period": "newest_first", "province": "largest_first"}
#: the same everywhere: what can be relied on is blue, what is not whole is orange, what is not there grey
_MEASURED, _ATTESTED = "#1f77b4", "#17a2b8"
_DOUBTFUL = {
    "stale": "#ff7f0e",
    "partial": "#e6a817",
    "not_delivered": "#9e9e9e",
    "not_operated": "#bdbdbd",
    "not_applicable": "#d9d9d9",
}
#: levels of what can be relied on: measured, and attested
_LEVELS = {
    "province": ("#08306b", "#0b5563"),
    "district": ("#1f77b4", "#17a2b8"),
    "commune": ("#8ab8de", "#8fd6e1"),
}
_NOTHING = (
    "*Không thấy số liệu nào? Tài khoản của bạn chưa được cấp phạm vi cơ quan, hoặc cơ quan chưa có số liệu của kỳ này:"
    " hãy hỏi người vận hành Kho.*"
)

Json = dict[str, Any]


def laid_out(
    dashboard: Dashboard,
    uuid_of: Callable[[Chart], str],
    filters_uuid: str,
    colours: Mapping[str, str],
) -> tuple[Json, Json]:
    """Where everything stands, and what else belongs to the dashboard."""
    numbers = {chart.name: number for number, chart in enumerate(dashboard.charts, 1)}
    return (
        _position(dashboard, uuid_of, numbers),
        {
            "native_filter_configuration": [
                _filter(name, dashboard, filters_uuid, numbers) for name in dashboard.filters
            ],
            # Of all that may be there: for what is missing, each reader's page would try to write some down.
            "label_colors": dict(colours),
            "shared_label_colors": list(colours),
            "map_label_colors": {},
            "cross_filters_enabled": False,
            "refresh_frequency": 0,
            "timed_refresh_immune_slices": [],
            "expanded_slices": {},
        },
    )


def colours(codes: Codes) -> dict[str, str]:
    """The colour of every state, and of every level with a state, by what they are called."""
    states = codes["figure_state"]
    found = {title: _colour(state) for state, title in states.items()}
    for level, title in codes["agency_level"].items():
        found |= {f"{title}, {states[state]}": _colour(state, level) for state in states}
    return found


def _colour(state: str, level: str = "") -> str:
    measured, attested = _LEVELS.get(level, (_MEASURED, _ATTESTED))
    return _DOUBTFUL.get(state, attested if state == "attested" else measured)


def _position(dashboard: Dashboard, uuid_of: Callable[[Chart], str], numbers: Mapping[str, int]) -> Json:
    rows: list[list[Chart]] = [[]]
    for chart in dashboard.charts:
        if sum(each.width for each in rows[-1]) + chart.width > _COLUMNS:
            rows.append([])
        rows[-1].append(chart)
    about: Json = {
        "id": "MARKDOWN-about",
        "type": "MARKDOWN",
        "children": [],
        "parents": ["ROOT_ID", "GRID_ID", "ROW-about"],
        "meta": {"width": _COLUMNS, "height": 16, "code": f"{dashboard.about.strip()}\n\n{_NOTHING}"},
    }
    position: Json = {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": {"id": "ROOT_ID", "type": "ROOT", "children": ["GRID_ID"]},
        "GRID_ID": {"id": "GRID_ID", "type": "GRID", "children": ["ROW-about"], "parents": ["ROOT_ID"]},
        "HEADER_ID": {"id": "HEADER_ID", "type": "HEADER", "meta": {"text": dashboard.title}},
        "ROW-about": _row("ROW-about", [about["id"]]),
        about["id"]: about,
    }
    for number, row in enumerate(rows, 1):
        name = f"ROW-{number}"
        children = [f"CHART-{chart.name}" for chart in row]
        position["GRID_ID"]["children"].append(name)
        position[name] = _row(name, children)
        for child, chart in zip(children, row, strict=True):
            position[child] = {
                "id": child,
                "type": "CHART",
                "children": [],
                "parents": ["ROOT_ID", "GRID_ID", name],
                "meta": {
                    "width": chart.width,
                    "height": chart.height,
                    "chartId": numbers[chart.name],
                    "uuid": uuid_of(chart),
                    "sliceName": chart.title,
                },
            }
    return position


def _row(name: str, children: list[str]) -> Json:
    return {
        "id": name,
        "type": "ROW",
        "children": children,
        "parents": ["ROOT_ID", "GRID_ID"],
        "meta": {"background": "BACKGROUND_TRANSPARENT"},
    }


def _filter(name: str, dashboard: Dashboard, dataset_uuid: str, numbers: Mapping[str, int]) -> Json:
    asked, column = FILTERS[name]
    others = [chart.name for chart in dashboard.charts if chart.only.get(asked) != CHOSEN]
    filters: list[str] = [*dashboard.filters]
    before = filters[: filters.index(name)]
    calendar = {
        "expressionType": "SIMPLE",
        "clause": "WHERE",
        "subject": "scheme",
        "operator": "==",
        "operatorId": "EQUALS",
        "comparator": "calendar",
    }
    return {
        "id": f"NATIVE_FILTER-{name}",
        "type": "NATIVE_FILTER",
        "filterType": "filter_select",
        "name": _NAMES[name],
        "description": "",
        "targets": [{"datasetUuid": dataset_uuid, "column": {"name": column}}],
        # There is always one, and one only: sums over several would be wrong.
        "controlValues": {
            "enableEmptyFilter": True,
            "defaultToFirstItem": True,
            "multiSelect": False,
            "searchAllOptions": True,
            "inverseSelection": False,
            "sortAscending": False,
        },
        # Charts wait for it.
        "requiredFirst": True,
        "sortMetric": _ORDERS[name],
        "adhoc_filters": [calendar],
        "time_range": "No filter",
        "defaultDataMask": {"extraFormData": {}, "filterState": {}, "ownState": {}},
        "cascadeParentIds": [f"NATIVE_FILTER-{each}" for each in before],
        "scope": {"rootPath": ["ROOT_ID"], "excluded": [numbers[each] for each in others]},
    }
