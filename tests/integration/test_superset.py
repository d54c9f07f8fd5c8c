"""The real Superset with our dashboards: only where its environment is named, as `make demo` and `make test` do without it.

`make dashboards` makes one and runs them; `KHO_TESTS_SUPERSET=.kho/bi/venv` takes that of `kho bi up`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import yaml

from kho import bi
from kho.bi import datasets
from kho.bi.marts import marts
from kho.bi.specification import Chart, Meant, meant
from kho.figures.figures import figures, published
from kho.figures.settlement import settled
from kho.ledger import readers
from kho.server import postgres, superset
from kho.settings import Settings
from tests.chromium import CHROMIUM, page
from tests.integration import dashboards
from tests.integration.dashboards import LONG_PHU, TIEU_CAN, chosen

ENVIRONMENT = os.environ.get("KHO_TESTS_SUPERSET", "")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not ENVIRONMENT, reason="Superset's environment is not named (make dashboards)"),
]

SCOPES = {"bi_long_phu": "H51.12", "bi_tieu_can": "H59.06", "bi_chau_khanh": "H51.12.29"}
#: what somebody is told who may log in and has no agency
NO_SCOPE = "chưa được cấp phạm vi cơ quan"
#: its page asks for a picture of its makers, who would count it; nothing is let out
PIXEL = "scarf.sh"


@dataclass
class Running:
    """Superset, on a warehouse with both districts of the reports."""

    settings: Settings
    assets: bi.Assets
    dashboards: list[Meant]

    def client(self, name: str = superset.USER, password: str = "") -> Client:
        if not password:
            is_admin = name == superset.USER
            file = self.settings.home / "secrets" / superset.PASSWORD
            password = (file if is_admin else self.settings.reader_file(name)).read_text().strip()
        return Client(superset.url(self.settings), name, password)

    def charts(self) -> Iterator[tuple[Meant, Chart]]:
        for one in self.dashboards:
            for chart in one.dashboard.charts:
                yield one, chart


class Client:
    """Somebody who is logged in."""

    def __init__(self, url: str, name: str, password: str):
        self.http = httpx.Client(base_url=url, timeout=120)
        login = {"username": name, "password": password, "provider": "db"}
        answer = self.http.post("/api/v1/security/login", json=login)
        self.is_in = answer.status_code == 200
        if self.is_in:
            self.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def get(self, path: str) -> Any:
        return self.http.get(f"/api/v1/{path}").raise_for_status().json()

    def ids(self, kind: str) -> dict[str, int]:
        """Ids of what this person may see, by their uuid."""
        told = self.get(f"{kind}/?q=(columns:!(id,uuid),page_size:100)")["result"]
        return {each["uuid"]: each["id"] for each in told}

    def ask(self, chart: int, choice: dict[str, str], **more: object) -> httpx.Response:
        """The rows of a chart, as a dashboard's page asks for them."""
        query = json.loads(self.get(f"chart/{chart}")["result"]["query_context"])
        for each in query["queries"]:
            each["filters"] += [{"col": name, "op": "==", "val": value} for name, value in choice.items()]
        return self.http.post("/api/v1/chart/data", json={**query, **more})

    def rows(self, chart: int, choice: dict[str, str], **more: object) -> list[dict[str, Any]]:
        answer = self.ask(chart, choice, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()["result"][0]["data"]


@pytest.fixture(scope="module")
def running(module_published: Settings, project: Settings) -> Iterator[Running]:
    settings = module_published
    superset.folder(settings).mkdir()
    (superset.folder(settings) / "venv").symlink_to(Path(ENVIRONMENT).absolute())
    assert superset.is_installed(settings), f"{ENVIRONMENT} is not what bi/requirements.lock says: kho bi up"
    for name, scope in SCOPES.items():
        readers.add(settings, name, scope, sees_small_cells=True, actor="test")
    assets = bi.assets(settings, superset.warehouse(settings))
    superset.configure(settings)
    superset.set_up(settings, assets)
    with served(settings):
        yield Running(settings, assets, meant(project, marts(project)))
    for name in SCOPES:
        if settings.reader_file(name).exists():
            readers.remove(settings, name)
    with psycopg.connect(settings.admin_url("postgres"), autocommit=True) as connection:
        connection.execute("drop database superset with (force)")
        connection.execute("drop role superset")


@contextmanager
def served(settings: Settings) -> Iterator[None]:
    own = {"KHO_HOME": str(settings.home), "KHO_WAREHOUSE_DATABASE": settings.warehouse_database}
    with (settings.home / "superset.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", superset.__name__], env=os.environ | own, stdout=log, stderr=log
        )
    try:
        deadline = time.monotonic() + 120
        while not _answers(settings):
            assert time.monotonic() < deadline and process.poll() is None, (
                settings.home / "superset.log"
            ).read_text()[-3000:]
            time.sleep(0.5)
        yield
    finally:
        process.terminate()
        process.wait(30)


def _answers(settings: Settings) -> bool:
    try:
        return httpx.get(f"{superset.url(settings)}/health").status_code == 200
    except (httpx.HTTPError, LookupError):
        return False


def uuid_of(running: Running, one: Meant, chart: Chart) -> str:
    text = running.assets.files[f"charts/{one.dashboard.name}_{chart.name}.yaml"]
    return str(yaml.safe_load(text)["uuid"])


def state(client: Client) -> dict[str, Any]:
    """All that dashboards are, but for when they were changed."""
    told: dict[str, Any] = {kind: client.ids(kind) for kind in ("dashboard", "chart", "dataset")}
    for number in told["dashboard"].values():
        each = client.get(f"dashboard/{number}")["result"]
        told[f"dashboard {number}"] = (each["json_metadata"], each["position_json"], each["slug"])
    for number in told["chart"].values():
        each = client.get(f"chart/{number}")["result"]
        told[f"chart {number}"] = (each["params"], each["query_context"])
    return told


# What it is given


def test_given_the_same_twice_it_stays_as_it_is(running: Running) -> None:
    admin = running.client()
    before = state(admin)
    assert len(before["chart"]) == len(list(running.charts()))
    assert superset.set_up(running.settings, running.assets) == []
    assert state(admin) == before


def test_a_chart_that_leaves_the_folder_leaves_superset(running: Running) -> None:
    admin = running.client()
    before = admin.ids("chart")
    gone = "charts/portal_sections.yaml"
    files = {name: text for name, text in running.assets.files.items() if name != gone}
    portal = yaml.safe_load(files["dashboards/portal.yaml"])
    del portal["position"]["CHART-sections"]
    for part in portal["position"].values():
        if isinstance(part, dict) and "CHART-sections" in part.get("children", []):
            part["children"].remove("CHART-sections")
    files["dashboards/portal.yaml"] = yaml.safe_dump(portal, allow_unicode=True)
    try:
        assert superset.set_up(running.settings, replace(running.assets, files=files)) == []
        left = admin.ids("chart")
        assert before.keys() - left.keys() == {str(yaml.safe_load(running.assets.files[gone])["uuid"])}
        assert left.items() <= before.items()
    finally:
        superset.set_up(running.settings, running.assets)


def test_what_people_made_stays_and_is_told_when_its_column_is_renamed(running: Running) -> None:
    admin = running.client()
    figures_of = "datasets/kho/report_figure.yaml"
    dataset = yaml.safe_load(running.assets.files[figures_of])
    number = admin.ids("dataset")[dataset["uuid"]]
    own = {
        "slice_name": "Biểu đồ của tôi",
        "viz_type": "table",
        "datasource_id": number,
        "datasource_type": "table",
        "params": json.dumps({"query_mode": "raw", "all_columns": ["metric_title", "value"]}),
    }
    csrf = admin.get("security/csrf_token/")["result"]
    made = admin.http.post(
        "/api/v1/chart/", json=own, headers={"X-CSRFToken": csrf, "Referer": str(admin.http.base_url)}
    )
    assert made.status_code == 201, made.text
    for column in dataset["columns"]:
        if column["column_name"] == "metric_title":
            column["column_name"] = "metric_name"
    files = {**running.assets.files, figures_of: yaml.safe_dump(dataset, allow_unicode=True)}
    try:
        (told,) = superset.set_up(running.settings, replace(running.assets, files=files))
        assert told.startswith("the chart Biểu đồ của tôi names the column metric_title of")
    finally:
        assert superset.set_up(running.settings, running.assets) == []
    assert admin.get(f"chart/{made.json()['id']}")["result"]["slice_name"] == "Biểu đồ của tôi"
    token = {"X-CSRFToken": csrf, "Referer": str(admin.http.base_url)}
    admin.http.delete(f"/api/v1/chart/{made.json()['id']}", headers=token).raise_for_status()


# What it shows


def test_every_chart_shows_what_the_marts_have(running: Running) -> None:
    admin = running.client()
    numbers = admin.ids("chart")
    for choice in (LONG_PHU, TIEU_CAN):
        for one, chart in running.charts():
            told = admin.rows(numbers[uuid_of(running, one, chart)], chosen(one, chart, choice))
            known = dashboards.rows(
                running.settings, chart, one.datasets[chart.name], chosen(one, chart, choice)
            )
            assert sorted(map(plain, told)) == sorted(map(plain, known)), (
                f"{one.dashboard.name}, {chart.name}"
            )


def plain(row: dict[str, Any]) -> str:
    """A row as text, whatever its numbers are written by; days are milliseconds, as in the browser."""
    made = []
    for name, value in sorted(row.items()):
        if isinstance(value, date):
            value = (value - date(1970, 1, 1)).days * 86_400_000
        is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
        made.append(f"{name}={round(float(value), 2) if is_number else value}")
    return "; ".join(made)


@pytest.mark.parametrize("choice", [LONG_PHU, TIEU_CAN], ids=["long_phu", "tieu_can"])
def test_its_figures_are_those_of_the_report(running: Running, choice: dict[str, str]) -> None:
    admin = running.client()
    numbers = admin.ids("chart")
    one, chart = next(each for each in running.charts() if each[1].name == "figures")
    shown = admin.rows(numbers[uuid_of(running, one, chart)], chosen(one, chart, choice))
    scope = choice["agency"].partition("(")[2].rstrip(")")
    told = [each for each in figures(running.settings, scope, choice["period"]) if not each.detail]
    levels = {"all": "Toàn bộ", "district": "Cấp huyện", "commune": "Cấp xã"}
    values = {(row["metric_title"], row["level_title"]): row["value"] for row in shown}
    assert len(values) == len(told)
    for each in told:
        value = values[each.title, levels[each.level]]
        assert (value is None) == (each.value is None)
        assert value is None or round(value, 2) == round(float(each.value), 2)


def test_its_form_is_that_of_the_report(running: Running) -> None:
    admin = running.client()
    one, chart = next(each for each in running.charts() if each[1].name == "form_ii_06")
    shown = admin.rows(
        admin.ids("chart")[uuid_of(running, one, chart)],
        chosen(one, chart, {**LONG_PHU, "period": "2021-Q1"}),
    )
    with published(running.settings) as release:
        first = figures(running.settings, "H51.12", "2021-Q1")[0]
        told = settled(release, "H51.12", first.first_day, first.last_day, "default")
    by_field: dict[str, int] = {}
    for each in told:
        by_field[each.field_title] = by_field.get(each.field_title, 0) + each.counts.received_total_count
    assert {row["field_title"]: row["Cột 3: tiếp nhận, tổng số"] for row in shown} == by_field


# Who sees what


@pytest.mark.parametrize("order", [("bi_long_phu", "bi_tieu_can"), ("bi_tieu_can", "bi_long_phu")])
def test_nobody_gets_what_another_asked_for(running: Running, order: tuple[str, str]) -> None:
    """With the cache on: the first asks twice, so that it is answered from there, then the second, then the first again."""
    all_of_it = {name: running.client(name) for name in order}
    admin = running.client()
    numbers = admin.ids("chart")
    of_agency = {"bi_long_phu": "H51.12", "bi_tieu_can": "H59.06"}
    for one, chart in running.charts():
        number = numbers[uuid_of(running, one, chart)]
        if one.dashboard.is_of_all_agencies or "scope_agency_code" not in one.datasets[chart.name].columns:
            continue
        shown = {"scope_agency_code"}
        answers: dict[str, list[set[str]]] = {name: [] for name in order}
        for name in (admin, *order, *order):
            if name is admin:
                scopes(admin, number, shown)
                continue
            answers[name].append(scopes(all_of_it[name], number, shown))
        for name in order:
            for found in answers[name]:
                assert all(code.startswith(of_agency[name]) for code in found), (
                    f"{name}, {one.dashboard.name}, {chart.name}"
                )


def scopes(client: Client, number: int, columns: set[str]) -> set[str]:
    """Whose rows somebody finds in a chart's dataset, by a query that is the same for all."""
    query = json.loads(client.get(f"chart/{number}")["result"]["query_context"])
    (only,) = query["queries"]
    only |= {"columns": sorted(columns), "filters": [], "orderby": [], "row_limit": 1000}
    only["metrics"] = [{"expressionType": "SQL", "sqlExpression": "count(*)", "label": "n"}]
    answer = client.http.post("/api/v1/chart/data", json=query)
    assert answer.status_code == 200, answer.text
    return {row["scope_agency_code"] for row in answer.json()["result"][0]["data"]}


def test_answers_come_from_the_cache(running: Running) -> None:
    client = running.client("bi_long_phu")
    one, chart = next(running.charts())
    number = client.ids("chart")[uuid_of(running, one, chart)]
    client.rows(number, chosen(one, chart), force=True)
    answer = client.ask(number, chosen(one, chart))
    assert answer.json()["result"][0]["is_cached"]


def test_a_login_of_another_agency_does_not_find_what_the_one_before_asked_for(running: Running) -> None:
    one, chart = next(running.charts())
    client = running.client("bi_chau_khanh")
    number = client.ids("chart")[uuid_of(running, one, chart)]
    assert scopes(client, number, {"scope_agency_code"}) == {"H51.12.29"}
    readers.remove(running.settings, "bi_chau_khanh")
    try:
        refused = client.ask(number, {})
        assert refused.status_code == 403 and NO_SCOPE in refused.json()["errors"][0]["message"]
    finally:
        readers.add(running.settings, "bi_chau_khanh", "H51.12.21", actor="test")
    assert scopes(client, number, {"scope_agency_code"}) == {"H51.12.21"}
    superset.set_up(running.settings, running.assets)
    assert scopes(running.client("bi_chau_khanh"), number, {"scope_agency_code"}) == {"H51.12.21"}


def test_who_has_no_scope_sees_nothing_and_is_told_why(running: Running) -> None:
    """Somebody whom only Superset knows."""
    admin = running.client()
    csrf = {
        "X-CSRFToken": admin.get("security/csrf_token/")["result"],
        "Referer": str(admin.http.base_url),
    }
    roles = {each["name"]: each["id"] for each in admin.get("security/roles/?q=(page_size:100)")["result"]}
    person = {
        "username": "nobody", "first_name": "Không", "last_name": "phạm vi", "email": "nobody@localhost",
        "active": True, "password": "nobody-nobody", "roles": [roles["Gamma"], roles["Kho"]],
    }  # fmt: skip
    made = admin.http.post("/api/v1/security/users/", json=person, headers=csrf)
    assert made.status_code == 201, made.text
    nobody = running.client("nobody", "nobody-nobody")
    one, chart = next(running.charts())
    number = admin.ids("chart")[uuid_of(running, one, chart)]
    query = json.loads(admin.get(f"chart/{number}")["result"]["query_context"])
    admin.http.post("/api/v1/chart/data", json=query).raise_for_status()
    answer = nobody.http.post("/api/v1/chart/data", json=query)
    assert answer.status_code == 403 and NO_SCOPE in answer.json()["errors"][0]["message"]


def test_a_reader_of_one_agency_sees_the_dashboards_but_those_of_all_agencies(running: Running) -> None:
    client = running.client("bi_long_phu")
    assert set(client.ids("dashboard")) == {
        str(yaml.safe_load(text)["uuid"])
        for name, text in running.assets.files.items()
        if name.startswith("dashboards/")
    } - set(running.assets.of_all_agencies)
    assert not running.client("bi_long_phu", "wrong").is_in


def test_superset_enters_no_database_but_its_own(running: Running) -> None:
    own = postgres.own_url(running.settings, superset.NAME)
    with psycopg.connect(own) as connection:
        (is_super,) = connection.execute(
            "select rolsuper or rolcreaterole or rolcreatedb from pg_roles where rolname = current_user"
        ).fetchone() or (True,)
        assert not is_super
    for other in (running.settings.warehouse_database, "airflow", "postgres"):
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            psycopg.connect(own.rpartition("/")[0] + f"/{other}")


def test_secrets_are_its_owners_only(running: Running) -> None:
    for path in (superset.folder(running.settings) / "superset.json", running.settings.home / "secrets"):
        assert not path.resolve().stat().st_mode & 0o077 or path.is_dir()
    assert (superset.folder(running.settings) / "superset.json").stat().st_mode & 0o777 == 0o600


# In the browser


@pytest.mark.skipif(not CHROMIUM, reason="Chromium is not here (chromium)")
@pytest.mark.parametrize("name", [superset.USER, "bi_long_phu"])
def test_every_dashboard_opens_without_an_error(running: Running, name: str, tmp_path: Path) -> None:
    file = running.settings.home / "secrets" / superset.PASSWORD
    password = (file if name == superset.USER else running.settings.reader_file(name)).read_text().strip()
    url = superset.url(running.settings)
    # For people: beside the environment.
    pictures = Path(ENVIRONMENT).parent / "pictures"
    pictures.mkdir(exist_ok=True)
    with page(tmp_path) as browser:
        browser.resize(1600, 3200)
        browser.open(f"{url}/login/")
        browser.wait("document.querySelector('input[type=password]')")
        login = json.dumps({"username": name, "password": password})
        browser.run(
            "(async () => { const token = (document.querySelector('[name=csrf_token]') || {}).value || '';"
            f" await fetch('/login/', {{method: 'POST', body: new URLSearchParams({{...{login}, csrf_token: token}})}});"
            " })()"
        )
        for one in running.dashboards:
            if one.dashboard.is_of_all_agencies and name != superset.USER:
                continue
            browser.errors.clear()
            browser.open(f"{url}/superset/dashboard/{bi.slug(one.dashboard)}/")
            charts = len(one.dashboard.charts)
            browser.wait(
                "document.querySelectorAll('[data-test=\"slice-container\"], .slice_container').length"
                f" >= {charts} && !document.querySelector('.loading, [aria-label=\"Loading\"]')",
                120,
            )
            browser.shoot(pictures / f"{name}_{one.dashboard.name}.png", 1600, 3200)
            text = browser.run("document.body.innerText")
            for chart in one.dashboard.charts:
                assert chart.title in text
            states = datasets.codes(running.settings)["figure_state"].values()
            assert any(each in text for each in states) or one.dashboard.is_of_all_agencies
            assert not re.search(r"Unexpected error|Error:|permission denied", text), text
            errors = [each for each in browser.errors if PIXEL not in each]
            assert not errors, f"{one.dashboard.name}: {errors}"
