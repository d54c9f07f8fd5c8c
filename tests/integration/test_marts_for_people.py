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


def test_days_add_up_to_the_figures_of_any_agency_and_period(module_published: Settings) -> None:
    """By the joins that a person would make: no key is missing, nobody is counted twice."""
    asked = """
      with figure as (
        select scope_agency_code, from_date, to_date, metric, value
        from marts.report_figure
        where scope_agency_code in ('H51', 'H51.12', 'H51.12.21', 'H59.06')
          and scheme = 'calendar' and period_code in ('2021-H1', '2021-02', '2017-Q3') and level = 'all' and detail = ''
          and value is not null
      ), day as (
        select agency.agency_code, date_day, metric, amount
        from marts.dossier_day
        join marts.agency using (agency_key)
        join marts.procedure using (procedure_key)
        join marts.field on field.field = dossier_day.field
        join marts.channel using (channel)
        join marts.service_level using (service_level_key)
        join marts.calendar_day using (date_day)
        cross join lateral (values
          ('dossiers_received', received_count), ('dossiers_resolved', resolved_count), ('dossiers_declined', declined_count),
          ('dossiers_taken_over', taken_over_count), ('dossiers_ended_without_result', ended_without_result_count)
        ) as each (metric, amount)
        union all
        select agency.agency_code, date_day, metric, amount
        from marts.document_day
        join marts.agency using (agency_key)
        join marts.document_type using (document_type)
        cross join lateral (values
          ('documents_outgoing', outgoing_count), ('documents_electronic_signed', signed_count),
          ('documents_copied', copy_count), ('documents_incoming', incoming_count)
        ) as each (metric, amount)
        union all
        select agency.agency_code, date_day, metric, amount
        from marts.portal_day
        join marts.agency using (agency_key)
        join marts.item_type using (item_type)
        cross join lateral (values
          ('portal_items_received', item_received_count), ('portal_items_published', item_published_count),
          ('portal_photos_published', photo_published_count), ('portal_visits', visit_count),
          ('portal_page_views', page_view_count)
        ) as each (metric, amount)
      )
      select figure.*, of_days.amount
      from figure
      cross join lateral (
        select coalesce(sum(day.amount), 0) as amount
        from day
        join marts.figure_scope as member
          on member.agency_code = day.agency_code and date_day between member.valid_from and coalesce(member.valid_to, 'infinity')
        where day.metric = figure.metric and member.scope_agency_code = figure.scope_agency_code
          and date_day between figure.from_date and figure.to_date
      ) as of_days
      where figure.metric in (select metric from day)
    """
    with connect(module_published, "bi_reader") as connection:
        compared = connection.execute(asked).fetchall()
    assert {row[3] for row in compared} >= {"dossiers_received", "documents_outgoing", "portal_visits"}
    assert [row for row in compared if row[4] != row[5]] == []
    assert sum(row[4] > 1000 for row in compared) > 3


def test_a_topic_by_months_is_that_of_each_unit_once(module_published: Settings) -> None:
    """Units add up to the figure of all of them, months to the half-year, fields to their whole."""
    with connect(module_published, "bi_reader") as connection:
        compared = connection.execute(
            """
            select figure.metric, figure.value, sum(month.value)
            from marts.report_figure as figure
            join (
              select metric, month_code, district_name, value from marts.dossier_month
              union all
              select metric, month_code, district_name, value from marts.document_month
              union all
              select metric, month_code, district_name, value from marts.portal_month
            ) as month
              on month.metric = figure.metric and month.district_name = 'Huyện Long Phú'
              and month.month_code between '2021-01' and '2021-06'
            where figure.scope_agency_code = 'H51.12' and figure.scheme = 'calendar' and figure.period_code = '2021-H1'
              and figure.level = 'all' and figure.detail = '' and figure.value is not null
            group by figure.metric, figure.value
            """
        ).fetchall()
    assert len(compared) > 20
    judged = {
        "dossiers_resolved_early",
        "dossiers_resolved_on_time",
        "dossiers_resolved_late",
        "dossiers_late_on_software",
    }
    # The report of that half-year keeps a set of parameters of its own.
    assert [row for row in compared if row[1] != row[2] and row[0] not in judged] == []
