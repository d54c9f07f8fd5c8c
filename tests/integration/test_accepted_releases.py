"""What a person accepts of a refused release: just the rows that vanished, and nothing that another rule found."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy
from psycopg import sql

from kho import night
from kho.check.marts import SHOWN_ROWS
from kho.database import connect
from kho.digest import digest
from kho.ledger import acceptances, releases
from kho.ledger.releases import ReleaseError
from kho.publish import release
from kho.settings import Settings
from kho.transform import builds

SUITE = """
rules:
  - name: parts_add_up
    severity: critical
    says: The parts add up.
    expectation: unexpected_rows_expectation
    arguments:
      unexpected_rows_query: select item, part, whole from {batch} where part <> whole
since_last_release:
  - name: items_are_still_there
    severity: critical
    says: No item has vanished.
    remedy: If it is meant to go, `kho release accept --reason`.
    expectation: unexpected_rows_expectation
    arguments:
      unexpected_rows_query: |
        select before.item, 'x' as scope_agency_code, 'calendar' as scheme, '2021' as period_code, 'm' as metric
        from marts.amount as before
        left join {batch} as now using (item)
        where now.item is null
  - name: items_are_few
    severity: critical
    says: There are not many items.
    expectation: expect_table_row_count_to_be_between
    arguments:
      max_value: 1000
"""
NIGHT = date(2021, 1, 31)
ITEMS = frozenset(range(400))  # more rows than Great Expectations tells of
MEANT = "the unit was closed"
Night = Callable[..., releases.Release]


@pytest.fixture
def small(warehouse: Settings, tmp_path: Path) -> Settings:
    """A project with one mart."""
    project = tmp_path / "project"
    (project / "expectations").mkdir(parents=True)
    (project / "expectations" / "amount.yaml").write_text(SUITE)
    marts = project / "dbt_project" / "models" / "marts"
    marts.mkdir(parents=True)
    (marts / "amount.sql").touch()
    (project / "dbt_project" / "seeds").symlink_to(warehouse.project / "dbt_project" / "seeds")
    return warehouse.model_copy(update={"project": project})


@pytest.fixture
def a_night(small: Settings) -> Night:
    """Marts with these items, of which some are wrong, made, checked and published; gives the newest release."""
    builds.open_build(small, NIGHT)
    builds.close_build(small)

    def make(items: Iterable[int], wrong: Iterable[int] = ()) -> releases.Release:
        made = release.open_release(small)
        with connect(small, "kho_transformer") as connection:
            connection.execute(
                sql.SQL(
                    "create table {} as select item, 1 as part, 1 + (item = any({}))::int as whole from unnest({}::int[]) item"
                ).format(sql.Identifier(made.schema_name, "amount"), list(wrong), list(items))
            )
        try:
            night.check_marts(small)
            night.publish(small)
        except night.Refused:
            pass
        return releases.releases(small)[0]

    return make


def accept(settings: Settings, release_id: int | None = None, reason: str = MEANT) -> acceptances.Accepted:
    return acceptances.accept(settings, release_id, actor="lan", reason=reason)


def test_what_vanished_is_refused_until_it_is_accepted_and_the_next_night_publishes(
    small: Settings, a_night: Night
) -> None:
    a_night(ITEMS)
    refused = a_night(range(10))
    assert refused.state == "refused" and "`kho release accept --reason`" in refused.reason
    assert (
        "Behind it" not in refused.reason
    )  # the marts that would tell it are not there, which stops nothing
    assert accept(small).findings == 390
    published = a_night(range(10))
    assert published.state == "in_force"
    with connect(small, "kho_auditor") as connection:
        (told,) = acceptances.of_release(connection, published.release_id)
        assert acceptances.of_release(connection, 1) == []
    assert str(told).startswith("accepted by lan on ") and str(told).endswith(f"in release 2: {MEANT}")
    _, ((*_, message),) = releases.contents(small, published)
    assert message.startswith("Accepted. Not so: No item has vanished.")
    said = digest(small, NIGHT)
    assert (
        f"- Bản 3: lan chấp nhận lúc {told.accepted_at:%H:%M ngày %d/%m/%Y}, như thấy ở bản 2: {MEANT}"
        in said
    )


def test_a_query_runs_once_and_tells_how_many_rows_it_found_and_the_first_of_them(
    small: Settings, a_night: Night
) -> None:
    a_night(ITEMS)
    asked: list[str] = []

    def listen(connection: object, cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    sqlalchemy.event.listen(sqlalchemy.Engine, "before_cursor_execute", listen)
    try:
        refused = a_night(ITEMS, wrong=range(300))
    finally:
        sqlalchemy.event.remove(sqlalchemy.Engine, "before_cursor_execute", listen)
    for query in ("where part <> whole", "where now.item is null"):
        assert len([statement for statement in asked if query in statement]) == 1
    assert refused.reason.startswith("amount: Not so: The parts add up. item 0, part 1, whole 2; item 1, ")
    assert refused.reason.count("item ") == SHOWN_ROWS
    with connect(small, "kho_auditor") as connection:
        (found,) = connection.execute(
            "select observed from ledger.verdict where build_id = %s and outcome = 'failed'",
            [refused.build_id],
        ).fetchall()
    assert found == ("300 rows",)


def test_what_another_rule_finds_is_not_accepted_with_it(small: Settings, a_night: Night) -> None:
    a_night(ITEMS)
    a_night(ITEMS - {1}, wrong={5})
    accepted = accept(small)
    assert accepted.findings == 1
    (other,) = accepted.still_refused_by
    assert other.startswith("amount: Not so: The parts add up.")
    assert a_night(ITEMS - {1}, wrong={5}).state == "refused"
    a_night(ITEMS, wrong={5})
    with pytest.raises(ReleaseError, match="refused for what nobody can accept: mend it"):
        accept(small)
    a_night(range(1, 1200))
    (of_no_rows,) = accept(small).still_refused_by
    assert "There are not many items." in of_no_rows


def test_only_a_refused_release_is_accepted_once_and_in_comparison_with_the_one_in_force(
    small: Settings, a_night: Night
) -> None:
    with pytest.raises(ReleaseError, match="there is no release yet"):
        accept(small)
    a_night(ITEMS)
    with pytest.raises(ReleaseError, match="release 1 is in force: only what a refused one"):
        accept(small)
    a_night(ITEMS - {1})
    with pytest.raises(ReleaseError, match="there is no release 7: `kho release list`"):
        accept(small, 7)
    accept(small, 2)
    with pytest.raises(ReleaseError, match=r"release 2 is accepted by lan on .*: the unit was closed"):
        accept(small, 2, "again")
    a_night(ITEMS - {2})
    a_night(ITEMS)
    with pytest.raises(ReleaseError, match="compared with release 1, and release 4 is in force now"):
        accept(small, 3)


def test_nothing_wrong_comes_through_and_nothing_that_nobody_accepted_since_the_release_in_force(
    small: Settings, a_night: Night
) -> None:
    """Nights of any items, of which some vanish and some are wrong, of which some are accepted."""
    chance = random.Random(54)
    seen = frozenset(range(4))
    a_night(seen)
    let_pass: set[int] = set()
    outcomes = set()
    for _ in range(6):
        made = frozenset(item for item in range(4) if chance.random() < 0.75) or frozenset({0})
        wrong = frozenset(item for item in made if chance.random() < 0.1)
        gone = seen - made
        newest = a_night(made, wrong)
        assert (newest.state == "in_force") == (not wrong and gone <= let_pass), (seen, made, wrong, let_pass)
        how = (
            "nothing"
            if not gone
            else "more"
            if gone - let_pass
            else "less"
            if gone < let_pass
            else "just that"
        )
        outcomes.add((newest.state, bool(wrong), how))
        if newest.state == "in_force":
            seen, let_pass = made, set()
        elif gone - let_pass and chance.random() < 0.8:
            accept(small)
            let_pass |= gone
    # whether something was wrong, and what vanished beside what was accepted
    assert outcomes == {
        ("in_force", False, "less"),
        ("refused", False, "more"),
        ("refused", True, "less"),
        ("refused", True, "more"),
    }
