"""Marts that a person can use unaided: what they say of themselves, in types that every tool can read."""

from __future__ import annotations

import pytest

from kho.database import connect
from kho.publish.views import NOT_FOR_READERS
from kho.settings import Settings
from kho.transform.project import read

pytestmark = pytest.mark.slow


def test_every_mart_and_column_says_what_it_is(module_published: Settings) -> None:
    with connect(module_published, "bi_reader") as connection:
        said = {
            (mart, column): text
            for mart, column, text in connection.execute(
                """
                select c.relname, a.attname, col_description(c.oid, a.attnum)
                from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
                where c.relnamespace = 'marts'::regnamespace
                union all
                select relname, null, obj_description(oid, 'pg_class') from pg_class
                where relnamespace = 'marts'::regnamespace
                """
            )
        }
    wanted = {
        (node.name, column): f"{of.config.meta['title_vi']}. {of.description.strip()}"
        for node in read(module_published).nodes.values()
        if node.resource_type == "model" and node.fqn[1] == "marts" and node.name not in NOT_FOR_READERS
        for column, of in [(None, node), *node.columns.items()]
    }
    assert said == wanted
    assert "{{" not in "".join(said.values())
    assert said["report_figure", "scope_agency_code"].startswith(
        "Mã cơ quan tổng hợp. Agency whose figure it is"
    )


def test_every_number_that_is_not_whole_says_how_many_decimals_it_has(module_published: Settings) -> None:
    """A numeric without a scale is 28 digits with six decimals to one tool, none at all to another, and an error to a third."""
    with connect(module_published, "bi_reader") as connection:
        found = connection.execute(
            "select table_name, column_name, numeric_precision, numeric_scale from information_schema.columns"
            " where table_schema = 'marts' and data_type = 'numeric'"
        ).fetchall()
    assert len(found) >= 5
    # .NET's decimal has 28 digits.
    assert [each for each in found if each[3] is None or each[2] > 28] == []
