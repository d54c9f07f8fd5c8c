"""Of every mart it is said by which of its columns readers of one agency see it, or that it is about none."""

from __future__ import annotations

import yaml

from kho.publish import scopes
from kho.publish.views import NOT_FOR_READERS
from tests.unit.test_suites import PROJECT, marts


def columns() -> dict[str, set[str]]:
    described = {}
    for path in (PROJECT / "dbt_project" / "models" / "marts").rglob("_*.yml"):
        for model in yaml.safe_load(path.read_text()).get("models", []):
            described[model["name"]] = {column["name"] for column in model["columns"]}
    return described


def test_every_mart_that_readers_see_is_seen_by_agency_or_is_about_none() -> None:
    said = [*scopes.AGENCY, *scopes.PUBLIC, *scopes.OF_NO_AGENCY, *scopes.OF_ALL_AGENCIES]
    assert len(said) == len(set(said))
    assert set(said) == marts(PROJECT) - NOT_FOR_READERS, "name it in kho.publish.scopes"


def test_a_mart_has_the_column_by_which_it_is_seen() -> None:
    known = columns()
    assert {
        mart: column for mart, column in (scopes.AGENCY | scopes.PUBLIC).items() if column not in known[mart]
    } == {}
    assert {(mart, column) for mart, column in scopes.EMPTY if column not in known[mart]} == set()
    assert {"scope_agency_code", "agency_code"} <= known[scopes.REACH]


def test_what_is_about_no_agency_has_no_number_of_one() -> None:
    """A mart with an agency's column is seen by it, but for the names and places of agencies, which all know."""
    known = columns()
    about = {
        mart
        for mart in scopes.OF_NO_AGENCY | scopes.OF_ALL_AGENCIES
        if known[mart] & {"agency_code", "scope_agency_code"}
    }
    assert about == {"agency", "figure_scope", "figure_scope_restated"}
