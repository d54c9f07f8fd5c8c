"""A source that Kho has never seen: a contract and a staging model are all it takes, and everything picks it up."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from kho import digest, night
from kho import settings as settings_module
from kho.cli import app
from kho.cli.output import OF_CALLER
from kho.database import connect
from kho.settings import Settings
from kho.transform import builds
from kho.transform.project import read
from tests.dags.test_nightly import parse
from tests.integration import nights
from tests.integration.loading import rows as query
from tests.pages import PROJECT
from tests.projects import copied, of_project

NIGHT = date(2021, 6, 30)
CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: works.permits
name: Building permits
version: 1.0.0
status: active
description: {purpose: Building permits that the office of works issued., usage: A file a day.}
servers:
  - server: production
    type: local
    path: works/permits
    format: csv
    encoding: utf-8
    customProperties:
      - {property: fileName, value: 'permits_(?P<business_date>\\d{8})\\.csv'}
schema:
  - name: permits
    physicalType: file
    customProperties:
      - {property: load, value: delta}
    properties:
      - {name: permit_code, physicalName: permit, logicalType: string, required: true, primaryKey: true, primaryKeyPosition: 1, description: Number of the permit.}
      - {name: issued_date, physicalName: issued, logicalType: date, required: true, description: Day of issue.}
      - {name: holder, physicalName: holder, logicalType: string, classification: personal, description: Who holds it., customProperties: [{property: personalData, value: drop}]}
    quality:
      - {name: reject_rate, type: library, metric: invalidValues, unit: percent, mustBeLessOrEqualTo: 10, severity: critical, description: Share of rejected rows.}
slaProperties:
  - {property: frequency, value: 1, unit: d}
"""
MODEL = """\
with permit as (
  {{ input_rows('works.permits') }}
)

select
  _key as permit_key,
  permit_code,
  issued_date,
  {{ version_columns() }}
from permit
"""
DESCRIPTION = """\
version: 2

models:
  - name: stg_works__permits
    description: One row per version of a permit.
    columns:
      - {name: permit_key, data_type: uuid, description: "Key of the permit: hash of its number."}
      - {name: permit_code, data_type: text, description: Number of the permit.}
      - {name: issued_date, data_type: date, description: Day of issue.}
"""
ADDED = {
    "contracts/works/permits.yaml": CONTRACT,
    "dbt_project/models/staging/works/stg_works__permits.sql": MODEL,
    "dbt_project/models/staging/works/stg_works__permits.yml": DESCRIPTION,
}
#: what somebody is still working on beside it
DRAFT = {
    "contracts/works/plans.yaml": CONTRACT.replace("works.permits", "works.plans").replace(
        "status: active", "status: draft"
    ),
    "dbt_project/models/staging/works/stg_works__plans.sql": MODEL.replace("works.permits", "works.plans"),
}
PERMITS = "permit,issued,holder\n" + "".join(f"P{n},2021-06-30,Nguyễn Văn A\n" for n in range(1, 20))
PERMITS += "P20,30/06/2021,Trần Thị B\n"


def write(project: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def git(project: Path, *words: str) -> str:
    author = ["-c", "user.name=Kho", "-c", "user.email=kho@localhost"]
    ran = subprocess.run(
        ["git", "-C", str(project), *author, *words], check=True, capture_output=True, text=True
    )
    return ran.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project, committed, and then the new source's files and those of a draft."""
    copy = copied(
        tmp_path_factory.mktemp("project"), "contracts", "dags", "dbt_project", "expectations", "samples"
    )
    shutil.copy(PROJECT / ".gitignore", copy)
    git(copy, "init", "--quiet")
    git(copy, "add", "--all")
    git(copy, "commit", "--quiet", "--message", "as it is")
    write(copy, ADDED | DRAFT)
    return copy


@pytest.fixture(scope="module")
def after_night(module_built_warehouse: Settings, project: Path) -> Settings:
    """The warehouse after a night in which only the new source handed something over."""
    settings = of_project(module_built_warehouse, project)
    write(settings.exports, {"works/permits/permits_20210630.csv": PERMITS})
    night.ingest_system(settings, "works", NIGHT)
    night.check_exports(settings, NIGHT)
    night.build_layer(settings, "staging", NIGHT)
    nights.build(settings, *nights.NIGHTLY)  # there is nothing in a fact
    builds.close_build(settings)
    return settings


@pytest.fixture
def kho(after_night: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    monkeypatch.setenv("KHO_HOME", str(after_night.home))
    monkeypatch.setenv("KHO_PROJECT", str(after_night.project))
    monkeypatch.setenv("KHO_WAREHOUSE_DATABASE", after_night.warehouse_database)
    monkeypatch.setenv("COLUMNS", "200")
    settings_module.settings.cache_clear()

    def type_in(*words: str) -> Result:
        result = CliRunner().invoke(app, list(words))
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    yield type_in
    settings_module.settings.cache_clear()


def test_the_dag_has_a_task_group_of_the_new_system(project: Path, tmp_path: Path) -> None:
    bag = parse(project, tmp_path, KHO_PROJECT=str(project), KHO_HOME=str(tmp_path))
    assert bag["errors"] == {}
    downstream = bag["dags"]["nightly"]["downstream"]
    assert downstream["works.ingest"] == ["check_exports"]


def test_the_boundary_judges_its_batch_and_the_reject_is_listed(after_night: Settings, kho) -> None:
    (batch,) = query(after_night, "select * from ledger.batch where contract = 'works.permits'")
    assert (batch["state"], batch["rows_loaded"], batch["rows_rejected"]) == ("accepted", 19, 1)
    verdicts = query(
        after_night, "select * from ledger.verdict where subject = 'works.permits' and boundary = 'exports'"
    )
    assert "reject_rate" in {verdict["expectation"] for verdict in verdicts}
    told = kho("rejects", "list", "--contract", "works.permits").output
    assert "issued: not a date (yyyy-MM-dd)" in told and "Trần Thị B" not in told


def test_dbt_builds_its_staging_view(after_night: Settings) -> None:
    with connect(after_night, "kho_transformer") as connection:
        staged = connection.execute(
            "select count(*), min(permit_code), min(issued_date) from staging.stg_works__permits"
        ).fetchall()
    assert staged == [(19, "P1", NIGHT)]


def test_staging_views_have_the_types_that_are_told(after_night: Settings) -> None:
    """dbt holds warehouse and marts to their types; staging views are compared here."""
    told = {
        (model.name, column.name): column.data_type
        for model in read(after_night).nodes.values()
        if model.resource_type == "model" and model.schema == "staging"
        for column in model.columns.values()
    }
    with connect(after_night, "kho_transformer") as connection:
        made = connection.execute(
            "select table_name, column_name, replace(data_type, 'timestamp with time zone', 'timestamptz')"
            " from information_schema.columns where table_schema = 'staging' and column_name not like '\\_%'"
        ).fetchall()
    assert {(table, column): type_ for table, column, type_ in made} == told


def test_freshness_status_list_and_digest_show_it(after_night: Settings, kho) -> None:
    (fresh,) = query(
        after_night, "select * from warehouse.fct_source_freshness where contract = 'works.permits'"
    )
    assert (fresh["system"], fresh["title"], fresh["state"]) == ("works", "Building permits", "fresh")
    assert (fresh["as_of"], fresh["rows_loaded"], fresh["rows_rejected"]) == (NIGHT, 19, 1)
    assert "works.permits" in kho("status").output
    assert "Building permits" in kho("source", "list").output
    assert "works.permits: 1 trên 20 dòng" in digest.digest(after_night, NIGHT)


def test_the_dictionary_has_it(after_night: Settings, kho, tmp_path: Path) -> None:
    assert kho("dictionary", "--out", str(tmp_path)).exit_code == 0
    page = (tmp_path / "dictionary.html").read_text()
    assert "Building permits" in page and 'id="works.permits.issued_date"' in page
    assert 'id="stg_works__permits.permit_code"' in page
    assert (tmp_path / "dictionary.xlsx").stat().st_size > 0
    assert (tmp_path / "dictionary.xlsx").stat().st_mode & 0o777 == 0o666 & ~OF_CALLER


def test_nothing_else_of_the_project_changed(project: Path, after_night: Settings) -> None:
    """The count that matters: a contract, and a staging model with its description."""
    changed = git(project, "status", "--porcelain", "--untracked-files=all").splitlines()
    assert sorted(changed) == sorted(f"?? {name}" for name in ADDED | DRAFT)


def test_a_draft_with_a_staging_model_stops_nobody(after_night: Settings) -> None:
    """Its contract can't be used yet: its view is not built, and those of others are."""
    with connect(after_night, "kho_transformer") as connection:
        views = {
            name
            for (name,) in connection.execute(
                "select table_name from information_schema.views where table_schema = 'staging'"
            )
        }
    assert "stg_works__permits" in views and "stg_works__plans" not in views
    told = query(after_night, "select contract from warehouse.fct_source_freshness")
    assert {"works.permits", "one_stop.dossiers"} <= {row["contract"] for row in told}
    assert "works.plans" not in {row["contract"] for row in told}
