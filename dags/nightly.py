"""Every night: fetch and load each source system, check, build, check, publish, tell people. Wiring only.

The steps are in `kho.night`. A source that fails stops nobody else; a refused release leaves the one in force.
"""

from __future__ import annotations

from datetime import date, timedelta

from airflow.sdk import DAG, Param, TriggerRule, task, task_group
from airflow.sdk.exceptions import AirflowFailException
from airflow.timetables.trigger import CronTriggerTimetable

from kho import night
from kho.settings import TIMEZONE, settings

AT = settings().night_at


def business_date(params: dict, dag_run) -> date:
    """The date that a night loads up to: as asked for, else the day before the night."""
    import pendulum

    if params["business_date"]:
        return date.fromisoformat(params["business_date"])
    at = pendulum.instance(dag_run.logical_date or dag_run.run_after)
    return at.in_timezone(TIMEZONE).date() - timedelta(days=1)


@task
def fetch(system: str, params=None, dag_run=None) -> None:
    night.fetch_system(settings(), system, business_date(params, dag_run))


@task(trigger_rule=TriggerRule.ALL_DONE)  # what was fetched before a failure is loaded
def load(system: str) -> None:
    night.load_system(settings(), system)


@task(trigger_rule=TriggerRule.ALL_DONE)  # a source that failed stops nobody
def check_exports(params=None, dag_run=None) -> None:
    night.check_exports(settings(), business_date(params, dag_run))


@task
def build(layer: str, params=None, dag_run=None) -> None:
    night.build_layer(settings(), layer, business_date(params, dag_run))


@task
def check_marts() -> None:
    try:
        night.check_marts(settings())
    except night.Refused as refusal:
        raise AirflowFailException(str(refusal)) from None  # no retry


@task
def publish() -> None:
    night.publish(settings())


@task
def tell_people(params=None, dag_run=None, ti=None) -> None:
    from kho import digest

    states = ti.get_task_states(dag_id=dag_run.dag_id, run_ids=[dag_run.run_id])[dag_run.run_id]
    failed = sorted(name for name, state in states.items() if state == "failed")
    digest.send(settings(), business_date(params, dag_run), failed)


with DAG(
    dag_id="nightly",
    description="Exports in, checked, built, checked, released",
    doc_md=__doc__,
    schedule=CronTriggerTimetable(
        f"{AT.minute} {AT.hour} * * *", timezone=TIMEZONE, run_immediately=timedelta(0)
    ),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=True,  # `kho up` activates it
    params={
        "business_date": Param(
            None, type=["null", "string"], format="date", description="Load up to this date; empty: yesterday"
        )
    },
    default_args={
        "retries": 2,
        "retry_delay": timedelta(seconds=30),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=10),
    },
):
    exports_checked = check_exports()
    for system in night.systems(settings()):

        @task_group(group_id=system)
        def source(system: str) -> None:
            fetch(system) >> load(system)

        source(system) >> exports_checked

    staging, warehouse, marts = (build.override(task_id=layer)(layer) for layer in night.LAYERS)
    # Telling is a teardown: it runs whatever happened, and the run is judged by what was published.
    (
        exports_checked
        >> staging
        >> warehouse
        >> marts
        >> check_marts()
        >> publish()
        >> tell_people().as_teardown()
    )
