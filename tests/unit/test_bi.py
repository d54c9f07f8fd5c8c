"""Dashboards as code: what is made of the files in `bi`, and what is refused. No BI tool is needed."""

from __future__ import annotations

import json
import re
import shutil
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from kho import bi
from kho.bi import charts, datasets, exposures
from kho.bi.marts import Mart, marts
from kho.bi.specification import CHOSEN, FILTERS, DashboardError, Meant, meant
from kho.contract import contracts
from kho.publish.scopes import EMPTY, OF_ALL_AGENCIES
from kho.server import superset
from kho.settings import Settings
from kho.transform.builds import model_fingerprint
from tests.pages import PROJECT

pytestmark = pytest.mark.slow

WAREHOUSE = "postgresql+psycopg2://127.0.0.1:5432/kho"
DASHBOARD = "agency"
#: a chart of figures as a file may have it, and as its parts may be changed
BARS = {
    "name": "received",
    "title": "Hồ sơ tiếp nhận theo tháng",
    "kind": "bar",
    "mart": "report_figure",
    "only": {
        "scope_agency_code": "chosen",
        "scheme": "calendar",
        "period_kind": "month",
        "period_code": "each",
        "metric": "dossiers_received",
        "level": "whole",
        "detail": "",
    },
    "x": "period_code",
    "columns": ["state_title"],
    "show": ["value"],
}
FORM = {
    "name": "form",
    "title": "Biểu II.06",
    "kind": "table",
    "mart": "dossier_settlement",
    "state_of": "dossiers_received",
    "only": {
        "scope_agency_code": "chosen",
        "scheme": "calendar",
        "period_code": "2021-H1",
        "parameter_set": "default",
    },
    "columns": ["field_title", "state_title"],
    "show": ["received_total_count"],
}


@pytest.fixture(scope="module")
def known(project: Settings) -> dict[str, Mart]:
    return marts(project)


@pytest.fixture(scope="module")
def found(project: Settings, known: dict[str, Mart]) -> list[Meant]:
    return meant(project, known)


@pytest.fixture(scope="module")
def made(project: Settings) -> bi.Assets:
    return bi.assets(project, WAREHOUSE)


@pytest.fixture
def copy(project: Settings, tmp_path: Path) -> Settings:
    """The project with dashboards of its own, which are those of ours at first."""
    for part in PROJECT.iterdir():
        if not part.name.startswith(".") and part.name != "bi":
            (tmp_path / part.name).symlink_to(part)
    shutil.copytree(PROJECT / "bi", tmp_path / "bi")
    return project.model_copy(update={"project": tmp_path})


@pytest.fixture
def refused(copy: Settings, known: dict[str, Mart]) -> Callable[..., str]:
    """Why a dashboard of these charts is refused."""

    def why(*charts: dict[str, Any], filters: tuple[str, ...] = ("agency",), **more: object) -> str:
        text = {"title": "Bảng thử", "about": "Thử.", "filters": list(filters), "charts": list(charts)} | more
        (copy.project / "bi/dashboards/odd.yaml").write_text(yaml.safe_dump(text, allow_unicode=True))
        with pytest.raises(DashboardError) as error:
            meant(copy, known)
        return str(error.value)

    return why


def changed(chart: dict[str, Any], **parts: Any) -> dict[str, Any]:
    """The chart with other parts; those of `only` that are None are left out."""
    only = {**chart["only"], **parts.pop("only", {})}
    return {**chart, **parts, "only": {name: value for name, value in only.items() if value is not None}}


def parsed(made: bi.Assets, kind: str) -> list[dict[str, Any]]:
    return [yaml.safe_load(text) for name, text in made.files.items() if name.startswith(f"{kind}/")]


# What is made


def test_the_dashboards_of_the_folder_are_whole(found: list[Meant]) -> None:
    names = {one.dashboard.name for one in found}
    assert names == {path.stem for path in (PROJECT / "bi/dashboards").glob("*.yaml")}
    assert names >= {"agency", "one_stop", "documents", "portal", "sources", "ranking"}


def test_a_chart_that_is_sound_is_taken(copy: Settings, known: dict[str, Mart]) -> None:
    text = {"title": "Bảng thử", "about": "Thử.", "filters": ["agency"], "charts": [BARS, FORM]}
    (copy.project / "bi/dashboards/odd.yaml").write_text(yaml.safe_dump(text, allow_unicode=True))
    assert "odd" in {one.dashboard.name for one in meant(copy, known)}


def test_the_same_files_make_the_same_assets(made: bi.Assets, copy: Settings) -> None:
    assert bi.assets(copy, WAREHOUSE) == made


def test_a_chart_keeps_its_identity_when_all_but_its_name_changes(made: bi.Assets, copy: Settings) -> None:
    path = copy.project / "bi/dashboards" / f"{DASHBOARD}.yaml"
    text = yaml.safe_load(path.read_text())
    text["charts"] = [{**chart, "title": "Khác"} for chart in reversed(text["charts"])]
    path.write_text(yaml.safe_dump(text, allow_unicode=True))
    assert uuids(bi.assets(copy, WAREHOUSE)) == uuids(made)


def uuids(made: bi.Assets) -> set[str]:
    return {yaml.safe_load(text).get("uuid") for text in made.files.values()}


def test_nothing_has_the_identity_of_another(made: bi.Assets) -> None:
    assert len(uuids(made)) == len(made.files)


def test_columns_are_called_as_dbt_calls_them(made: bi.Assets, known: dict[str, Mart]) -> None:
    for each in parsed(made, "datasets"):
        mart = re.search(r"\((\w+)\)$", each["table_name"])
        if mart:
            for column in each["columns"]:
                if described := known[mart[1]].columns.get(column["column_name"]):
                    assert column["verbose_name"] == described.title
                    assert column["description"] == described.description


def test_what_officials_read_is_vietnamese(made: bi.Assets) -> None:
    """Composed letters, as fonts have them; no code of ours for a name."""
    said = [each["dashboard_title"] for each in parsed(made, "dashboards")]
    said += [each["slice_name"] for each in parsed(made, "charts")]
    said += [
        column["verbose_name"]
        for each in parsed(made, "datasets")
        for column in each["columns"]
        if column["column_name"] in json.dumps(parsed(made, "charts"))
    ]
    for text in said:
        assert unicodedata.is_normalized("NFC", text)
        assert not re.search(r"[a-z]_[a-z]", text), text
        assert re.search(r"[^\x00-\x7f]", text), text


def test_every_number_has_its_state_beside_it(found: list[Meant]) -> None:
    for one in found:
        for chart in one.dashboard.charts:
            drawn = charts.drawn(chart, one.datasets[chart.name])
            seen = [*drawn.get("groupby", []), *drawn.get("all_columns", [])]
            if "state_title" in one.datasets[chart.name].columns:
                assert "state_title" in seen, chart.name


def test_nothing_is_added_up_over_what_never_adds_up(found: list[Meant]) -> None:
    """Opened without its dashboard, a chart shows no number rather than that of all periods."""
    for one in found:
        for chart in one.dashboard.charts:
            asked = one.datasets[chart.name]
            for measure in charts.query(chart, asked)["queries"][0].get("metrics", []):
                if chart.show != ["rows"]:
                    assert all(key in measure["sqlExpression"] for key in asked.keys)


def test_every_chart_stands_once_in_a_row_of_twelve(made: bi.Assets, found: list[Meant]) -> None:
    for each, one in zip(parsed(made, "dashboards"), found, strict=True):
        position = each["position"]
        rows = [part for name, part in position.items() if name.startswith("ROW-")]
        placed = [child for row in rows for child in row["children"]]
        assert len(placed) == len(set(placed)) == len(one.dashboard.charts) + 1
        assert all(sum(position[child]["meta"]["width"] for child in row["children"]) <= 12 for row in rows)


def test_a_filter_reaches_the_charts_that_are_chosen_by_it(made: bi.Assets, found: list[Meant]) -> None:
    for each, one in zip(parsed(made, "dashboards"), found, strict=True):
        for told in each["metadata"]["native_filter_configuration"]:
            column, _ = FILTERS[told["id"].removeprefix("NATIVE_FILTER-")]
            out = {
                child["meta"]["chartId"]: child["meta"]["uuid"]
                for child in each["position"].values()
                if isinstance(child, dict) and child["type"] == "CHART"
            }
            names = dict(zip(out, (chart.name for chart in one.dashboard.charts), strict=True))
            left_out = {names[number] for number in told["scope"]["excluded"]}
            chosen = {chart.name for chart in one.dashboard.charts if chart.only.get(column) == CHOSEN}
            assert left_out.isdisjoint(chosen) and left_out | chosen == set(names.values())
            assert told["controlValues"]["enableEmptyFilter"] and not told["controlValues"]["multiSelect"]


def test_what_tells_of_all_agencies_is_not_for_readers_of_one(found: list[Meant]) -> None:
    closed = {one.dashboard.name for one in found if one.dashboard.is_of_all_agencies}
    assert "sources" in closed
    for one in found:
        if one.dashboard.name not in closed:
            for chart in one.dashboard.charts:
                assert chart.mart not in OF_ALL_AGENCIES
                assert not {(chart.mart, name) for name in chart.named} & EMPTY


def test_who_asks_is_who_is_logged_in_and_finds_their_own_answers(made: bi.Assets) -> None:
    (database,) = parsed(made, "databases")
    assert database["impersonate_user"] and database["extra"]["per_user_caching"]
    assert "@" not in database["sqlalchemy_uri"] and not database["allow_dml"]
    assert all(each["is_managed_externally"] for each in [database, *parsed(made, "charts")])


def test_every_mart_that_has_an_agency_and_a_time_can_be_asked_by_scope(known: dict[str, Mart]) -> None:
    for name in ("dossier_settlement", "document_exchange", "portal_activity", "morning_list"):
        made = datasets.dataset(known, name, {}, of_scope=True)
        assert {"scope_agency_code", "scope_agency_title"} <= set(made.columns)
        assert made.keys[0] == "scope_agency_code"


# What is refused


def test_a_refusal_names_the_file_the_chart_and_what_to_do(refused: Callable[..., str]) -> None:
    why = refused(changed(BARS, mart="report_figures"))
    assert why == (
        "bi/dashboards/odd.yaml, chart received: there is no mart report_figures: did you mean report_figure?"
    )


@pytest.mark.parametrize(
    "left_out", ["scheme", "period_code", "period_kind", "level", "detail", "metric", "scope_agency_code"]
)
def test_a_figure_says_what_it_is_of(refused: Callable[..., str], left_out: str) -> None:
    why = refused(changed(BARS, only={left_out: None}))
    assert "chart received: say which" in why or "chart received: say whose" in why
    assert f"only: {{{left_out}" in why


def test_a_form_says_by_which_parameters(refused: Callable[..., str]) -> None:
    assert "say which parameter_set" in refused(changed(FORM, only={"parameter_set": None}))


def test_whose_rows_a_chart_shows_is_said(refused: Callable[..., str]) -> None:
    assert "say whose rows" in refused(
        changed(FORM, state_of="", columns=["field_title"], only={"scope_agency_code": None})
    )


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ({"columns": ["state_titel"]}, "has no column state_titel: did you mean state_title?"),
        ({"only": {"metric": "dossiers_recieved"}}, "no metric dossiers_recieved: did you mean"),
        ({"columns": ["level_title"]}, "add state_title to `columns`"),
        ({"only": {"metric": ["dossiers_received", "dossiers_resolved"]}}, "metric has several values"),
        ({"only": {"level": "each"}}, "level has several values: show them, by level_title"),
        ({"only": {"period_code": "chosen", "period_kind": None}}, "add period to the dashboard's `filters`"),
        ({"only": {"scheme": "chosen"}}, "scheme can't be chosen: name a value"),
        ({"show": ["state"]}, "state is no number"),
        ({"show": []}, "a bar has an `x` and one number to `show`"),
        ({"columns": ["state_title", "metric_title"]}, "coloured by what has few words"),
        ({"mart": "dossier_month"}, "not asked by scope_agency_code"),
        ({"kind": "pie"}, "'table', 'bar' or 'ranking'"),
        ({"colour": "red"}, "charts.0.colour: Extra inputs"),
    ],
)
def test_what_could_mislead_is_refused(refused: Callable[..., str], parts: dict[str, Any], told: str) -> None:
    why = refused(changed(BARS, **parts))
    assert told in why and why.startswith("bi/dashboards/odd.yaml, ")


def test_a_form_without_a_state_of_its_own_takes_that_of_a_figure(refused: Callable[..., str]) -> None:
    why = refused(changed(FORM, state_of="", columns=["field_title"]))
    assert "add `state_of`" in why and "state_title" in why


def test_percentages_are_never_added_up(refused: Callable[..., str]) -> None:
    chart = changed(
        FORM,
        mart="online_service",
        state_of="dossiers_received_online",
        only={"parameter_set": None},
        columns=["service_level", "state_title"],
        show=["received_online_pct"],
    )
    assert "received_online_pct never adds up" in refused(chart)


def test_a_list_says_of_which_day_it_is(refused: Callable[..., str]) -> None:
    chart = {
        "name": "list",
        "title": "Hồ sơ",
        "kind": "table",
        "mart": "morning_list",
        "only": {"scope_agency_code": "chosen"},
        "columns": ["dossier_code"],
    }
    assert "add as_of to `columns`" in refused(chart)


def test_two_charts_of_one_name_are_refused(refused: Callable[..., str]) -> None:
    assert "chart received: is there twice" in refused(BARS, BARS)


def test_a_key_that_is_there_twice_is_refused(copy: Settings, known: dict[str, Mart]) -> None:
    path = copy.project / "bi/dashboards/portal.yaml"
    path.write_text(path.read_text() + "\ntitle: Khác\n")
    with pytest.raises(DashboardError, match="title is there twice"):
        meant(copy, known)


def test_everything_that_is_wrong_is_told_at_once(refused: Callable[..., str]) -> None:
    why = refused(changed(BARS, only={"scheme": None, "level": None}), changed(FORM, mart="forms"))
    assert len(why.splitlines()) == 3


def test_a_column_that_was_renamed_is_told_by_every_chart_that_names_it(
    project: Settings, known: dict[str, Mart]
) -> None:
    columns = {
        ("total_count" if name == "received_total_count" else name): column
        for name, column in known["dossier_settlement"].columns.items()
    }
    settlement = known["dossier_settlement"]
    renamed = Mart(settlement.name, settlement.title, settlement.description, columns)
    with pytest.raises(DashboardError) as error:
        meant(project, {**known, renamed.name: renamed})
    assert "one_stop.yaml, chart form_ii_06: dossier_settlement has no column received_total_count" in str(
        error.value
    )


# What stands around it


def test_words_are_of_columns_that_are_there(project: Settings, known: dict[str, Mart]) -> None:
    for mart, columns in datasets.words(project).items():
        assert set(columns) <= set(known[mart].columns)


def test_dbt_is_told_of_the_dashboards_as_they_are(project: Settings) -> None:
    assert exposures.file(project).read_text() == exposures.exposures(project), (
        "run `python -m kho.bi.exposures`"
    )


def test_a_change_of_a_dashboard_refreshes_no_table(project: Settings, tmp_path: Path) -> None:
    shutil.copytree(PROJECT / "dbt_project", tmp_path / "dbt_project")
    other = project.model_copy(update={"project": tmp_path})
    used = list(contracts(project).values())
    before = model_fingerprint(other, used)
    exposures.file(other).write_text("version: 2\n")
    assert model_fingerprint(other, used) == before
    (tmp_path / "dbt_project/models/columns.md").write_text("")
    assert model_fingerprint(other, used) != before


def test_the_lock_of_superset_names_every_hash_and_no_address() -> None:
    lock = (PROJECT / "bi/requirements.lock").read_text()
    assert "://" not in lock and "index-url" not in lock
    for block in re.split(r"\n(?=\S)", lock.strip()):
        assert re.match(r"\S+==\S+", block) and "--hash=sha256:" in block
    for line in (PROJECT / "bi/requirements.in").read_text().splitlines():
        if line and not line.startswith("#"):
            assert re.search(rf"^{line}(==| )", lock, re.MULTILINE), line


def test_superset_runs_only_where_it_was_asked_for(tmp_path: Path) -> None:
    assert not superset.is_wanted(Settings(home=tmp_path))
    assert not superset.is_installed(Settings(home=tmp_path))
