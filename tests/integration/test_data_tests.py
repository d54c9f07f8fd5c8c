"""Data tests in the night: what people wrote wrong stops it, and it says what, where and what to do."""

from __future__ import annotations

import csv
import re
from datetime import date
from pathlib import Path

import pytest

from kho import transform
from kho.database import connect
from kho.settings import Settings
from kho.transform import builds
from kho.transform.layers import TransformError
from kho.transform.project import run
from tests.integration.loading import rows
from tests.projects import copied, of_project


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project that a test may spoil."""
    return copied(tmp_path / "project", "contracts", "dbt_project")


def test_a_wrong_seed_stops_the_night_and_says_how_to_mend_it(
    built_warehouse: Settings, project: Path
) -> None:
    settings = of_project(built_warehouse, project)
    seed = project / "dbt_project" / "seeds" / "agencies.csv"
    with seed.open(encoding="utf-8", newline="") as file:
        agency = next(row for row in csv.DictReader(file) if not row["valid_to"])
    with seed.open("a", encoding="utf-8", newline="") as file:
        csv.DictWriter(file, agency).writerow(agency | {"valid_from": "2020-02-02"})
    builds.open_build(settings, date(2021, 1, 31))
    run(settings, ["seed", "--select", "agencies"])
    with pytest.raises(TransformError) as raised:
        transform.build(settings, "warehouse")
    message = str(raised.value)
    assert message.startswith(
        "warehouse could not be built: agencies_have_one_version_a_day: 1 rows of dim_agency"
    )
    assert "mend the seeds" in message
    query = re.search("`kho psql` shows them: (.*)", message)[1]
    with connect(settings, "kho_transformer") as connection:
        assert [row[0] for row in connection.execute(query)] == [agency["agency_code"]]

    told = {
        row["model"]: row
        for row in rows(settings, "select * from ledger.model_run where layer = 'warehouse'")
    }
    failed = told["agencies_have_one_version_a_day"]
    assert (failed["status"], failed["rows_affected"]) == ("fail", 1) and failed["message"] in message
    assert told["unique_dim_agency_agency_key"]["status"] == "pass"
    # nothing is built on it
    assert told["fct_dossier"]["status"] == told["bridge_agency"]["status"] == "skipped"
