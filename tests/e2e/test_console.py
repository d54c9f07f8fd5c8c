"""The operator's console in the running Airflow: who gets where, what is shown, and what a person clicks."""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from psycopg import sql

from kho.database import connect
from kho.ledger import acceptances, releases
from kho.ledger.acceptances import Finding
from kho.publish import release
from kho.server import airflow
from kho.settings import Settings
from tests.browser import CHROMIUM, DRIVER, browser
from tests.checkout import client, command, kho
from tests.e2e.conftest import NIGHT
from tests.entering import hand_over
from tests.owner import as_owner

pytestmark = pytest.mark.e2e

#: words of others, as pages must not repeat them
SCRIPT, IMAGE, HANDLER = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(2)>",
    '" onmouseover="alert(3)',
)
#: far from all that nights of these tests look at
DAY = "2000-01-05"
NOBODY, PUBLIC, VIEWER, OPERATOR, ADMIN = "nobody", "public", "viewer", "operator", "admin"


@dataclass(frozen=True)
class Users:
    """A browser's session of each kind of person; the cookie is all that it has."""

    at: str
    sessions: dict[str, httpx.Client]
    passwords: dict[str, str]

    def get(self, who: str, path: str, **headers: str) -> httpx.Response:
        return self.sessions[who].get(f"/kho{path}", headers=headers)

    def get_as_it_stands(self, who: str, path: str) -> tuple[int, str]:
        """Status and text of a path that a better client would put right first."""
        at = httpx.URL(self.at)
        connection = HTTPConnection(at.host, at.port, timeout=60)
        connection.request("GET", path, headers={"Cookie": f"_token={self.sessions[who].cookies['_token']}"})
        with closing(connection), connection.getresponse() as answer:
            return answer.status, answer.read().decode(errors="replace")

    def post(self, who: str, path: str, *, origin: str | None = "", **form: str) -> httpx.Response:
        """A form as its own page sends it, or a page of somebody else's; None: something that says no origin."""
        headers = {} if origin is None else {"Origin": origin or self.at}
        return self.sessions[who].post(f"/kho{path}", data=form, headers=headers)


@pytest.fixture(scope="module")
def users(started: Settings, walked: object) -> Iterator[Users]:
    at, passwords = airflow.url(started), {ADMIN: airflow.password(started)}
    for name, role in (("xem", VIEWER), ("thu", OPERATOR)):
        added = kho(started, "user", "add", name, "--role", role)
        assert added.returncode == 0, added.stderr
        passwords[role] = re.search(r"Password, told only now: (\S+)", added.stdout)[1]
    passwords[PUBLIC] = "of-nobody-in-particular"
    names = {VIEWER: "xem", OPERATOR: "thu", ADMIN: airflow.USER, PUBLIC: "dan"}
    with ExitStack() as stack:
        api = stack.enter_context(airflow.Api(started))
        person = {"username": "dan", "first_name": "dan", "last_name": "dan", "email": "dan@localhost"}
        body = person | {"roles": [{"name": "Public"}], "password": passwords[PUBLIC]}
        api._ask("POST", "/auth/fab/v1/users", json=body)
        sessions = {NOBODY: stack.enter_context(httpx.Client(base_url=at, timeout=60))}
        for who, name in names.items():
            token = httpx.post(
                f"{at}/auth/token", json={"username": name, "password": passwords[who]}, timeout=60
            )
            assert token.status_code == 201, (who, token.text)
            sessions[who] = stack.enter_context(
                httpx.Client(base_url=at, timeout=60, cookies={"_token": token.json()["access_token"]})
            )
        try:
            yield Users(at, sessions, passwords)
        finally:
            for name in ("xem", "thu", "dan"):
                api.remove_user(name)


@pytest.fixture(scope="module")
def held(started: Settings, walked: object) -> Iterator[int]:
    """A held batch whose file, reason and rejects are somebody's who wants to be run in an operator's browser."""
    batch = hand_over(
        started,
        "one_stop.dossiers",
        DAY,
        name=f"{SCRIPT}.csv",
        state="held",
        reason=f"{IMAGE} too many rejects",
        rejected=1,
    )
    with connect(started, "kho_loader") as connection:
        connection.execute(
            "insert into reject.rejected_row (batch_id, row_number, byte_offset, reasons, row_text)"
            " values (%s, 1, 0, %s, %s)",
            [batch, [HANDLER], f"{SCRIPT}•••"],
        )
    yield batch
    with psycopg.connect(started.admin_url()) as connection:
        for table in ("reject.rejected_row", "ledger.batch_event", "ledger.batch"):
            connection.execute(
                sql.SQL("delete from {} where batch_id = %s").format(sql.Identifier(*table.split("."))),
                [batch],
            )
        for table in ("arrival", "delivery"):
            connection.execute(
                sql.SQL(
                    "delete from ledger.{} where delivery_id in"
                    " (select delivery_id from ledger.delivery where contract = 'one_stop.dossiers' and business_date = %s)"
                ).format(sql.Identifier(table)),
                [DAY],
            )


def forget(settings: Settings, *made: release.Release) -> None:
    """Releases of a test and what was decided on any: the ledger is as if they had never been."""
    with psycopg.connect(settings.admin_url()) as connection:
        # What refers to a release is looked up by the ledger's owner, which may not lock what was reported.
        connection.execute("set session_replication_role = replica")
        connection.execute("delete from ledger.release_pin")
        for each in made:
            connection.execute(
                sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(each.schema_name))
            )
            for table in ("release_acceptance", "release_finding", "release"):
                connection.execute(
                    sql.SQL("delete from ledger.{} where release_id = %s").format(sql.Identifier(table)),
                    [each.release_id],
                )


def candidate_like(settings: Settings, first: release.Release) -> release.Release:
    """A candidate that shows the marts of a release."""
    candidate = release.open_release(settings)
    with connect(settings, "kho_transformer") as connection:
        marts = connection.execute(
            "select relname from pg_class where relnamespace = %s::regnamespace and relkind in ('r', 'v')",
            [first.schema_name],
        ).fetchall()
        for (mart,) in marts:
            connection.execute(
                sql.SQL("create view {} as select * from {}").format(
                    sql.Identifier(candidate.schema_name, mart), sql.Identifier(first.schema_name, mart)
                )
            )
    return candidate


@dataclass(frozen=True)
class Releases:
    first: int
    second: int
    refused: int


@pytest.fixture(scope="module")
def two(started: Settings, walked: object) -> Iterator[Releases]:
    """Another release of the same night in force, which shows the first one's marts, and a refused one that lacks a figure."""
    first = releases.in_force(started)
    assert first and first.business_date == NIGHT
    second = candidate_like(started, first)
    release.publish(started)
    refused = release.open_release(started)
    release.refuse(started, f"{IMAGE} figures vanished")
    with as_owner(started) as connection:
        acceptances.write_findings(
            connection,
            refused.release_id,
            second.release_id,
            [Finding("report_figure", "no_figure_vanished", "{}")],
        )
    yield Releases(first.release_id, second.release_id, refused.release_id)
    now = releases.in_force(started)
    if now and now.release_id != first.release_id:
        release.rollback(started, first.release_id, actor="test", reason="back")
    forget(started, second, refused)


@pytest.fixture(scope="module")
def run(started: Settings, walked: object) -> str:
    """The night that the page made."""
    with airflow.Api(started) as api:
        found = api._get(f"/api/v2/dags/{airflow.DAG}/dagRuns?order_by=-run_after")["dag_runs"]
    return next(each["dag_run_id"] for each in found if each["dag_run_id"].startswith(f"kho__{NIGHT}"))


@pytest.fixture(scope="module")
def routes(started: Settings) -> list[tuple[str, str]]:
    """Every method and path of the application, as it tells itself."""
    program = (
        "import json; from fastapi.routing import APIRoute; from kho.console.app import make\n"
        "print(json.dumps([[type(each) is APIRoute, sorted(each.methods), each.path] for each in make().routes]))"
    )
    told = subprocess.run(
        [sys.executable, "-c", program],
        env=client(started) | airflow.environment(started) | {"PYTHONPATH": client(started)["PYTHONPATH"]},
        capture_output=True,
        text=True,
    )
    assert told.returncode == 0, told.stderr
    found = json.loads(told.stdout.splitlines()[-1])
    # Whatever is mounted brings no permission along.
    assert found and all(is_route for is_route, _, _ in found), found
    return [(method, path) for _, methods, path in found for method in methods]


def decisions(settings: Settings) -> tuple[Any, ...]:
    """What a decision leaves in the ledger."""
    with connect(settings, "kho_auditor") as connection:
        return connection.execute(
            "select (select count(*) from ledger.batch_event), (select count(*) from ledger.release_acceptance),"
            " (select count(*) from ledger.release_pin), (select max(release_id) from ledger.release where state = 'in_force')"
        ).fetchone()


def test_every_route_is_for_those_only_who_may(
    routes: list[tuple[str, str]], users: Users, held: int, two: Releases, run: str, started: Settings
) -> None:
    places = {
        "batch_id": held,
        "number": two.first,
        "agency_code": "H51.12",
        "scheme": "calendar",
        "period_code": "2021-H1",
        "metric": "dossiers_received",
        "shelf_name": "data-docs",
        "path:path": "index.html",
    }
    before = decisions(started)
    seen = set()
    for method, route in routes:
        choices = ("accept", "withdraw", "undo") if "{decision}" in route else ("",)
        for choice in choices:
            path = re.sub(r"\{(.+?)\}", "{}", route).format(
                *(choice if name == "decision" else places[name] for name in re.findall(r"\{(.+?)\}", route))
            )
            if route == "/runs":
                path += f"?run={run}"
            if method == "GET":
                answers = {who: users.get(who, path) for who in users.sessions}
                may = {VIEWER, OPERATOR, ADMIN}
                good = {200}
            else:
                assert method == "POST", f"{method} {route}: who may?"
                answers = {who: users.post(who, path) for who in users.sessions}
                may = {OPERATOR, ADMIN}
                good = {303, 409, 422}  # understood: nothing to do, or a reason is wanted
                for origin in ("http://evil.example", "http://127.0.0.1:1", "null", None):
                    foreign = users.post(ADMIN, path, origin=origin, reason="of somebody else")
                    assert foreign.status_code == 403, (path, origin)
            told = {who: answer.status_code for who, answer in answers.items()}
            assert told.pop(NOBODY) == 401, path
            assert {who: status for who, status in told.items() if who not in may} == dict.fromkeys(
                told.keys() - may, 403
            ), path
            assert {told[who] for who in may} <= good, (path, told)
            for answer in answers.values():
                assert answer.headers["cache-control"] == "no-store", path
                assert "frame-ancestors 'self'" in answer.headers["content-security-policy"], path
                assert answer.headers["x-content-type-options"] == "nosniff", path
            seen.add((method, route))
    assert ("POST", "/releases/{number}/rollback") in seen and len(seen) >= 18
    assert decisions(started) == before


def test_words_of_others_are_shown_and_not_run(users: Users, held: int, two: Releases) -> None:
    pages = {
        path: users.get(OPERATOR, path).text
        for path in ("/", "/batches", f"/batches/{held}", "/releases", f"/releases/{two.refused}")
    }
    for path, text in pages.items():
        assert SCRIPT not in text and IMAGE not in text and HANDLER not in text, path
    assert "&lt;script&gt;alert(1)&lt;/script&gt;.csv" in pages[f"/batches/{held}"]
    assert "&#34; onmouseover=&#34;alert(3)" in pages[f"/batches/{held}"]
    for path in ("/", "/batches", f"/batches/{held}", "/releases", f"/releases/{two.refused}"):
        assert "&lt;img src=x onerror=alert(2)&gt;" in pages[path], path
    refused = users.get(OPERATOR, f"/documents/reports/{SCRIPT}")
    assert refused.status_code == 404 and SCRIPT not in refused.text


def test_words_of_a_file_are_for_those_who_decide(users: Users, held: int) -> None:
    seen, shown = users.get(VIEWER, f"/batches/{held}").text, users.get(OPERATOR, f"/batches/{held}").text
    assert "•••" in shown and "•••" not in seen and ".csv" not in seen
    assert "alert(3)" in seen and "<form" in shown and "<form" not in seen


def test_a_decision_is_kept_with_the_one_who_is_logged_in(users: Users, held: int, started: Settings) -> None:
    for decision in ("accept", "undo"):
        done = users.post(OPERATOR, f"/batches/{held}/{decision}", reason=f"  {decision} {IMAGE} ")
        assert done.status_code == 303 and done.headers["location"] == f"/kho/batches/{held}"
    with connect(started, "kho_auditor") as connection:
        events = connection.execute(
            "select to_state, actor, reason from ledger.batch_event where batch_id = %s order by event_id desc limit 2",
            [held],
        ).fetchall()
    assert events == [
        ("held", "airflow:thu", f"undo {IMAGE}"),
        ("accepted", "airflow:thu", f"accept {IMAGE}"),
    ]
    shown = users.get(VIEWER, "/batches").text
    assert "airflow:thu" in shown and IMAGE not in shown
    assert users.post(OPERATOR, f"/batches/{held}/decline", reason="x").status_code == 422
    assert users.post(OPERATOR, "/batches/999999/accept", reason="x").status_code == 409
    assert users.post(OPERATOR, f"/batches/{held}/accept", reason="x" * 2001).status_code == 422
    for said in ("", " \n ", "a\0b"):
        assert users.post(OPERATOR, f"/batches/{held}/accept", reason=said).status_code == 422, said


def test_what_a_release_was_refused_for_is_accepted_by_the_one_who_is_logged_in(
    users: Users, two: Releases, started: Settings
) -> None:
    now = releases.in_force(started)
    with as_owner(started) as connection:  # whichever of both is in force now
        connection.execute(
            "update ledger.release_finding set compared_with = %s where release_id = %s",
            [now.release_id, two.refused],
        )
    assert "no_figure_vanished" in users.get(OPERATOR, f"/releases/{two.refused}").text
    done = users.post(OPERATOR, f"/releases/{two.refused}/accept", reason="the commune was merged")
    assert done.status_code == 303
    with connect(started, "kho_auditor") as connection:
        (accepted,) = acceptances.of_release(connection, two.refused)
    assert (accepted.accepted_by, accepted.reason) == ("airflow:thu", "the commune was merged")
    again = users.post(OPERATOR, f"/releases/{two.refused}/accept", reason="again")
    assert again.status_code == 409 and "airflow:thu" in again.text


def test_pages_tell_what_the_ledger_knows(users: Users, two: Releases, run: str) -> None:
    overview = users.get(VIEWER, "/", **{"Accept-Language": "en"}).text
    assert "What readers see" in overview and '<html lang="en">' in overview
    assert '<html lang="vi">' in users.get(VIEWER, "/", **{"Accept-Language": "vi"}).text
    sources = users.get(VIEWER, "/sources").text
    assert "one_stop.dossiers" in sources and 'class="trend"' in sources and "30/06/2021" in sources
    released = users.get(VIEWER, f"/releases/{two.first}").text
    assert "one_stop.dossiers" in released and "Có gì thay đổi" in released
    assert "Huyện Long Phú" in users.get(VIEWER, "/morning").text
    night = users.get(VIEWER, f"/runs?run={run}").text
    assert "Đợt chạy đêm của ngày 30/06/2021" in night and "one_stop.dossiers" in night
    figures = "/figures/H51.12/calendar"
    nowhere = (f"{figures}/2021-H1/nothing", f"{figures}/2021-01-01..2021-03-15", f"{figures}/2090")
    nowhere += ("/figures/H99.99", "/figures/H51.12/lunar/2021-H1", "/figures/%00", f"{figures}/2021-H1/%00")
    nowhere += (
        "/runs?run=another",
        "/runs?run=%00",
        "/runs",
        "/morning/H99.99",
        "/morning/%00",
        "/batches/x",
    )
    for path in (*nowhere, "/batches/99999999999999999999", "/batches/0", "/releases/999999", "/nothing"):
        assert users.get(VIEWER, path).status_code == 404, path


def test_a_release_that_waits_is_published_by_a_click(users: Users, two: Releases, started: Settings) -> None:
    now = releases.in_force(started)
    waiting = candidate_like(started, now)
    publish = 'action="/kho/releases/publish"'
    try:
        assert f"Bản {waiting.release_id} chưa được phát hành." in users.get(OPERATOR, "/releases").text
        # Pinned: nothing is published until it is unpinned.
        pinned = users.post(OPERATOR, f"/releases/{now.release_id}/rollback", reason="to look at it")
        assert pinned.status_code == 303
        shown = users.get(OPERATOR, "/releases").text
        assert (
            f"Bản {waiting.release_id} của ngày 30/06/2021 đã kiểm tra xong" in shown and publish not in shown
        )
        assert f"Bản {waiting.release_id} đang chờ quyết định." in users.get(VIEWER, "/").text
        refused = users.post(OPERATOR, "/releases/publish")
        assert refused.status_code == 409 and "to look at it" in refused.text
        assert users.post(OPERATOR, "/releases/unpin").status_code == 303
        # Of an earlier night: whoever publishes it has to say that it is meant.
        with as_owner(started) as connection:
            connection.execute(
                "update ledger.release set business_date = business_date - 1 where release_id = %s",
                [waiting.release_id],
            )
        shown = users.get(OPERATOR, "/releases").text
        assert publish in shown and 'name="allow_older" value="true" required' in shown
        assert publish not in users.get(VIEWER, "/releases").text
        refused = users.post(OPERATOR, "/releases/publish")
        assert refused.status_code == 409 and "cũ hơn bản" in refused.text
        assert releases.in_force(started) == now
        done = users.post(OPERATOR, "/releases/publish", allow_older="true")
        assert done.status_code == 303 and done.headers["location"] == "/kho/releases"
        assert releases.in_force(started).release_id == waiting.release_id
    finally:
        if releases.in_force(started).release_id != now.release_id:
            release.rollback(started, now.release_id, actor="test", reason="back")
        forget(started, waiting)


def test_a_warehouse_that_does_not_answer_is_told(users: Users, started: Settings) -> None:
    database = sql.Identifier(started.warehouse_database)
    allow = sql.SQL("alter database {} allow_connections {}")
    with psycopg.connect(started.admin_url("postgres"), autocommit=True) as connection:
        connection.execute(allow.format(database, sql.SQL("false")))
        try:
            for path in ("/", "/batches", "/figures"):
                answer = users.get(VIEWER, path)
                assert answer.status_code == 503 and "Kho dữ liệu không trả lời" in answer.text, path
        finally:
            connection.execute(allow.format(database, sql.SQL("true")))
    assert users.get(VIEWER, "/").status_code == 200


def test_a_figure_leads_to_the_files_and_columns_that_it_was_made_from(
    users: Users, two: Releases, started: Settings
) -> None:
    def link(path: str, ending: str) -> str:
        """Where a link of a page leads that ends so."""
        found = re.findall(r'href="/kho(/figures[^"]*)"', users.get(OPERATOR, path).text)
        return next(each for each in found if each.endswith(ending))

    with connect(started, "kho_auditor") as connection:
        told_of = connection.execute(
            "select distinct scheme || '/' || period_code from marts.report_figure"
            " where scope_agency_code = 'H51.12' and value is not null"
        ).fetchall()
    linked = re.findall(r'href="/kho/figures/H51\.12/([^"]*)"', users.get(OPERATOR, "/figures/H51.12").text)
    assert sorted(linked) == sorted(each for (each,) in told_of)
    metric = "dossiers_received"
    path = "/figures"
    for ending in ("/H51.12", "/calendar/2021-H1", f"/{metric}"):
        path = link(path, ending)
    shown, seen = users.get(OPERATOR, path).text, users.get(VIEWER, path).text
    asked = kho(started, "figures", "946", "2021-H1", "--explain", metric, "--format", "json")
    told = json.loads(asked.stdout)
    for figure in told["figures"]:
        assert f'<td class="n">{figure["value"]:,}</td>'.replace(",", ".") in shown
    (part,) = told["parts"]
    assert len(part["rows"]) > 40
    rows = [html.unescape(re.sub(r"<[^>]+>", "|", row)) for row in re.findall(r"<tr>(.*?)</tr>", shown)]
    rows = [re.sub(r"\|+", "|", row).strip("|").split("|") for row in rows]
    listed = [row for row in rows if row[0] in {each["row_code"] for each in part["rows"]}]
    assert len(listed) == 40 and f"và {len(part['rows']) - 40:,} dòng nữa:".replace(",", ".") in shown
    for row, each in zip(listed, part["rows"], strict=False):
        at = str(each["row_number"])
        assert row[-4:-1] == [each["contract"], str(each["batch_id"]), each["file"]]
        assert row[-1].replace(".", "") == at and row[1] == each["agency_name"]
    assert "Một cửa điện tử" in shown and '<span class="header">ngayTiepNhan</span>' in shown
    batch = part["rows"][0]["batch_id"]
    assert f'href="/kho/batches/{batch}"' in shown
    assert part["rows"][0]["file"] in users.get(OPERATOR, f"/batches/{batch}").text
    # Names of files are for those who decide.
    assert f'href="/kho/batches/{batch}"' in seen and part["rows"][0]["file"] not in seen


def test_only_what_kho_wrote_to_be_read_can_be_had(users: Users, started: Settings) -> None:
    reports = started.home / "reports"
    reports.mkdir(exist_ok=True)
    (reports / "draft.html").write_text("<h1>Báo cáo</h1>")
    (reports / "leads_out.html").symlink_to(started.home / "config.toml")
    (reports / "secrets.html").symlink_to(started.home / "secrets" / "postgres")
    (reports / "notes.txt").write_text("mine")
    secret = (started.home / "secrets" / "postgres").read_text().strip()
    try:
        assert "draft.html" in users.get(VIEWER, "/documents").text
        assert users.get(VIEWER, "/documents/reports/draft.html").text == "<h1>Báo cáo</h1>"
        assert "leads_out" not in users.get(VIEWER, "/documents").text
        paths = [
            f"{shelf}/{way}{target}"
            for shelf in ("reports", "data-docs", "dictionary", "secrets", "")
            for target in ("secrets/postgres", "config.toml", "connections.json", "ports.json")
            for way in ("../", "..%2f", "%2e%2e/", "..%2f..%2f", "....//", "%00/", f"{started.home}/", f"%2f{started.home}/")
        ]  # fmt: skip
        paths += [
            "reports/leads_out.html",
            "reports/secrets.html",
            "reports/notes.txt",
            "reports/",
            "reports/.",
        ]
        paths += ["reports/" + "x" * 5000 + ".html", "catalogue/index.html"]
        for path in paths:
            status, text = users.get_as_it_stands(ADMIN, f"/kho/documents/{path}")
            assert status == 404, path
            assert secret not in text, path
    finally:
        for name in ("draft.html", "leads_out.html", "secrets.html", "notes.txt"):
            (reports / name).unlink()


def test_pages_with_scripts_are_kept_from_airflows(users: Users, started: Settings) -> None:
    data_docs = users.get(VIEWER, "/documents/data-docs/index.html")
    assert data_docs.status_code == 200
    assert "script-src" not in data_docs.headers["content-security-policy"]
    assert "default-src 'none'" in data_docs.headers["content-security-policy"]
    (started.home / "dictionary").mkdir(exist_ok=True)
    page = started.home / "dictionary" / "dictionary.html"
    was_there = page.exists()
    if not was_there:
        page.write_text("<script>1</script>")
    try:
        policy = users.get(VIEWER, "/documents/dictionary/dictionary.html").headers["content-security-policy"]
        assert policy.startswith("sandbox allow-scripts;") and "allow-same-origin" not in policy
    finally:
        if not was_there:
            page.unlink()


def test_a_viewer_sees_the_console_and_changes_nothing_in_airflow(users: Users) -> None:
    runs = f"/api/v2/dags/{airflow.DAG}/dagRuns"
    night = {"logical_date": None, "conf": {"business_date": "1990-01-01"}}
    views = {
        view["destination"]: view["href"]
        for plugin in users.sessions[VIEWER].get("/api/v2/plugins").json()["plugins"]
        if plugin["name"] == "kho"
        for view in plugin["external_views"]
    }
    assert views == {"nav": "/kho/", "dag_run": "/kho/runs?run={RUN_ID}"}
    viewer, operator = users.sessions[VIEWER], users.sessions[OPERATOR]
    assert viewer.get(runs).status_code == 200
    assert viewer.post(runs, json=night).status_code == 403
    assert viewer.patch(f"/api/v2/dags/{airflow.DAG}", json={"is_paused": False}).status_code == 403
    assert operator.patch(f"/api/v2/dags/{airflow.DAG}", json={"is_paused": False}).status_code == 200
    for path in ("connections", "variables", "config"):
        assert operator.get(f"/api/v2/{path}").status_code == 403, path
    for session in (viewer, operator):
        assert session.get("/auth/fab/v1/users").status_code == 403
        assert session.delete(f"/api/v2/dags/{airflow.DAG}").status_code == 403
    assert users.sessions[PUBLIC].get(runs).status_code == 403


def test_users_come_and_go_and_no_password_is_written_down(users: Users, started: Settings) -> None:
    listed = kho(started, "user", "list", "--format", "json")
    assert {each["name"]: each["role"] for each in json.loads(listed.stdout)} == {
        "admin": "admin", "xem": "viewer", "thu": "operator", "dan": "Public"
    }  # fmt: skip
    with airflow.Api(started) as api:
        with pytest.raises(airflow.UserError, match="already"):
            api.add_user("thu", "viewer", "another-password")
        with pytest.raises(airflow.UserError, match="stays"):
            api.remove_user("admin")
        with pytest.raises(airflow.UserError, match="no user"):
            api.remove_user("../thu")
    logs = "".join(
        path.read_text(errors="replace") for path in (started.home / "logs").iterdir() if path.is_file()
    )
    for password in users.passwords.values():
        assert password not in logs


def test_a_typed_password_is_asked_for_and_a_removed_user_is_out(users: Users, started: Settings) -> None:
    password = "mot-mat-khau-dai"
    typed = subprocess.run(
        command("user", "add", "moi", "--role", "viewer", "--ask"),
        env=client(started), input=f"{password}\n{password}\n", capture_output=True, text=True,
    )  # fmt: skip
    assert typed.returncode == 0 and password not in typed.stdout + typed.stderr
    login = {"username": "moi", "password": password}
    assert httpx.post(f"{users.at}/auth/token", json=login, timeout=60).status_code == 201
    assert kho(started, "user", "remove", "moi").returncode == 0
    assert httpx.post(f"{users.at}/auth/token", json=login, timeout=60).status_code == 401


def test_it_answers_to_no_name_but_its_own(users: Users) -> None:
    port = httpx.URL(users.at).port
    for path in ("/", "/kho/", "/api/v2/monitor/health", "/auth/login/", "/execution/health"):
        for host in ("evil.example", f"evil.example:{port}", "127.0.0.1.evil.example", ""):
            answer = users.sessions[ADMIN].get(path, headers={"Host": host})
            assert answer.status_code == 400, (path, host)
    assert users.sessions[NOBODY].get("/", headers={"Host": f"localhost:{port}"}).status_code == 200


def test_nobody_is_told_which_requests_there_are(users: Users) -> None:
    for mounted in ("", "/auth", "/execution", "/kho"):
        for page in ("docs", "redoc", "openapi.json"):
            answer = users.sessions[NOBODY].get(f"{mounted}/{page}")
            assert answer.status_code in (401, 404), (mounted, page)
            assert "paths" not in answer.text and "swagger" not in answer.text.lower()


@pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="Chromium or its driver is not here (`make system` installs them)"
)
def test_an_operator_clicks_through_accept_rollback_and_unpin(
    users: Users, held: int, two: Releases, run: str, started: Settings, tmp_path: Path
) -> None:
    with browser(tmp_path, "vi") as page:
        page.go(f"{users.at}/auth/login/")
        page.type(page.find("#username"), "thu")
        page.type(page.find("#password"), users.passwords[OPERATOR])
        page.click(page.find("input[type=submit]"))
        page.find("nav, [data-testid]")

        page.go(f"{users.at}/plugin/kho")
        page.enter("iframe")
        page.click(page.find("a[href$='/batches']"))
        page.click(page.find(f"td a[href$='/batches/{held}']"))
        page.wait_for("too many rejects")
        assert page.run("return document.querySelector('script, img')") is None
        page.click(page.button("Chấp nhận"))  # without a reason, nothing is sent
        page.wait_for("bị giữ lại")
        page.type(page.find("#reason"), "nguồn đã xác nhận")
        page.click(page.button("Chấp nhận"))
        page.wait_for("bị giữ lại → được chấp nhận")
        page.wait_for("nguồn đã xác nhận")
        page.type(page.find("#reason"), "gửi nhầm")
        page.click(page.button("Rút lại"))
        page.wait_for("được chấp nhận → đã rút")

        page.click(page.find("a[href$='/releases']"))
        page.click(page.find(f"td a[href$='/releases/{two.first}']"))
        page.type(page.find("#reason"), "số liệu tháng sáu sai")
        page.click(page.button("Quay lại và ghim"))
        page.wait_for("số liệu tháng sáu sai")
        with connect(started, "kho_auditor") as connection:
            now, pinned = releases.find_in_force(connection), releases.pin(connection)
        assert now and now.release_id == two.first
        assert pinned and (pinned.release_id, pinned.pinned_by) == (two.first, "airflow:thu")
        page.click(page.button("Bỏ ghim"))
        page.wait_for("Mở một bản")
        with connect(started, "kho_auditor") as connection:
            assert releases.pin(connection) is None

        page.go(f"{users.at}/dags/{airflow.DAG}/runs/{run}")
        page.click(page.find("a[href$='plugin/kho-night']"))
        page.enter("iframe")
        page.wait_for("Đợt chạy đêm của ngày 30/06/2021")
    with connect(started, "kho_auditor") as connection:
        decided = connection.execute(
            "select to_state, actor, reason from ledger.batch_event where batch_id = %s order by event_id desc limit 2",
            [held],
        ).fetchall()
    assert decided == [
        ("withdrawn", "airflow:thu", "gửi nhầm"),
        ("accepted", "airflow:thu", "nguồn đã xác nhận"),
    ]


def test_passwords_can_not_be_guessed_by_trying(users: Users) -> None:
    """The last one here: the page's limit counts everybody's logins from this machine."""

    def over_api(name: str, password: str) -> int:
        login = {"username": name, "password": password}
        return httpx.post(f"{users.at}/auth/token", json=login, timeout=60).status_code

    assert [over_api("xem", "wrong") for _ in range(6)] == [401] * 5 + [429]
    assert over_api("xem", users.passwords[VIEWER]) == 429
    for path in ("/auth/token/cli", "/auth/api/v1/security/login"):
        login = {"username": "xem", "password": users.passwords[VIEWER], "provider": "db"}
        assert httpx.post(f"{users.at}{path}", json=login, timeout=60).status_code == 429, path
    assert over_api("thu", users.passwords[OPERATOR]) == 201
    with httpx.Client(base_url=users.at, timeout=60) as form:
        told = []
        for _ in range(6):
            token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', form.get("/auth/login/").text)[1]
            login = {"username": "xem", "password": "wrong", "csrf_token": token}
            told.append(form.post("/auth/login/", data=login).status_code)
    assert told[-1] == 429 and set(told[:4]) <= {200, 302}
