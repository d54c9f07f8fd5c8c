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
