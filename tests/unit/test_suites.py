"""The suites of the marts: every mart has one, and a wrong one says where it is wrong and what would be right."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from kho.check.suites import SuiteError, suites
from kho.ledger.freshness import State
from kho.ledger.verdicts import Outcome
from kho.publish.views import NOT_FOR_READERS
from kho.settings import Settings

PROJECT = Settings().project
GOOD = """
rules:
  - name: rows_are_unique
    severity: critical
    says: Each row is there once.
    expectation: expect_compound_columns_to_be_unique
    arguments: {column_list: [month, agency_code]}
"""


def marts(project: Path) -> set[str]:
    return {path.stem for path in (project / "dbt_project" / "models" / "marts").rglob("*.sql")}


def test_every_mart_that_readers_see_has_a_suite() -> None:
    """The others hold the rows that figures are explained by: figure_movement sums them up, and its suite judges that."""
    assert suites(Settings()).keys() == marts(PROJECT) - NOT_FOR_READERS


def test_the_states_that_a_source_may_have_are_those_that_the_boundary_knows() -> None:
    (rule,) = (
        each for each in suites(Settings())["source_freshness"].rules if each.name == "states_are_known"
    )
    assert set(rule.arguments["value_set"]) == set(get_args(State))


def test_every_outcome_of_a_rule_may_be_in_the_history() -> None:
    """What a person let pass must not refuse every release after it."""
    (rule,) = (
        each for each in suites(Settings())["quality_history"].rules if each.name == "outcomes_are_known"
    )
    assert set(rule.arguments["value_set"]) == set(get_args(Outcome))


def test_a_rule_asks_of_its_own_mart() -> None:
    """A query without `{batch}` would pass whatever the mart holds."""
    for mart, suite in suites(Settings()).items():
        for rule in (*suite.rules, *suite.weekly, *suite.since_last_release):
            query = rule.arguments.get("unexpected_rows_query", "{batch}")
            assert "{batch}" in query, f"{mart}: {rule.name}"


def project_with(folder: Path, text: str, mart: str = "spending") -> Settings:
    """A project whose only suite is this one."""
    (folder / "dbt_project").symlink_to(PROJECT / "dbt_project")
    (folder / "expectations").mkdir()
    (folder / "expectations" / f"{mart}.yaml").write_text(text)
    return Settings(project=folder)


def test_a_rule_without_a_remedy_has_that_of_every_mart(tmp_path: Path) -> None:
    (rule,) = suites(project_with(tmp_path, GOOD))["spending"].rules
    made = rule.made()
    assert made.notes.startswith("Look at the model of this mart")
    assert (made.severity, made.description, made.meta) == (
        "critical",
        "Each row is there once.",
        {"rule": "rows_are_unique"},
    )
    assert made.column_list == ["month", "agency_code"]


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ("says:", "say:", "$.rules[0].say: no such key; there are name, severity, says, says_vi,"),
        ("rules:", "rule:", "$.rule: no such key; there are judges, rules, weekly, since_last_release"),
        ("    severity: critical\n", "", "$.rules[0].severity: Field required"),
        ("critical", "fatal", "$.rules[0].severity: Input should be 'critical', 'warning' or 'info'"),
        ("says: Each row is there once.", "says: [once]", "$.rules[0].says: Input should be a valid string"),
        ("rows_are_unique", "Rows are unique", "$.rules[0].name: String should match pattern"),
        (
            "expect_compound_columns_to_be_unique",
            "expect_compound_columns_unique",
            "$.rules[0]: Great Expectations has no 'expect_compound_columns_unique'; did you mean"
            " expect_compound_columns_to_be_unique?",
        ),
        ("column_list", "columns", "$.rules[0]: 2 validation errors for ExpectCompoundColumnsToBeUnique column_list"),
        ("rules:\n", "rules: []\nsince_last_release:\n", "$.rules: List should have at least 1 item"),
        ("    says:", "    severity: info\n    says:", "'severity' is there twice"),
        ("rules:", "rules: [", "is no YAML: while parsing a flow"),
        (GOOD, GOOD + GOOD.replace("rules:", "since_last_release:"), "$: rules have the same name: rows_are_unique"),
        (GOOD, "", "$: Input should be a valid dictionary"),
    ],
)  # fmt: skip
def test_a_wrong_suite_is_told_with_its_file_its_place_and_what_would_be_right(
    tmp_path: Path, right: str, wrong: str, told: str
) -> None:
    assert right in GOOD
    with pytest.raises(SuiteError) as raised:
        suites(project_with(tmp_path, GOOD.replace(right, wrong)))
    assert f"{tmp_path}/expectations/spending.yaml: " in str(raised.value)
    assert told in " ".join(str(raised.value).split())


def test_a_suite_of_no_mart_is_told(tmp_path: Path) -> None:
    with pytest.raises(
        SuiteError, match=r"spendings\.yaml: there is no mart spendings; did you mean spending\?"
    ):
        suites(project_with(tmp_path, GOOD, "spendings"))
