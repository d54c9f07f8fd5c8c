"""Every night: fetch and load each source system, check, build, check, publish, back up, tell people. Wiring only.

The steps, what each waits for and what follows a failure are in `kho.night`. A source that fails stops nobody else; a
refused release leaves the one in force. `publish` is skipped while a release waits for a person: its log says what for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from datetime import timedelta

from airflow.sdk import DAG, Param, TaskGroup, TriggerRule, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from airflow.timetables.trigger import CronTriggerTimetable

from kho import night
from kho.settings import TIMEZONE, settings

AT = settings().night_at


def failed(dag_run, ti) -> Iterator[str]:
    """The tasks that have failed in this run; asked for when somebody looks."""
    states = ti.get_task_states(dag_id=dag_run.dag_id, run_ids=[dag_run.run_id])[dag_run.run_id]
    yield from (name for name, state in states.items() if state == "failed")


@task
def do(step: str, system: str, params=None, dag_run=None, ti=None) -> None:
    from kho.contract.schedule import business_date

    try:
        day = business_date(params["business_date"], dag_run.logical_date or dag_run.run_after)
        night.do(settings(), step, day, system, failed(dag_run, ti))
    except night.Refused as refusal:
        raise AirflowFailException(str(refusal)) from None  # no retry
    except night.Waits as waits:
        raise AirflowSkipException(str(waits)) from None


with DAG(
    dag_id="nightly",
    description="Exports in, checked, built, checked, released",
    doc_md=__doc__,
    schedule=CronTriggerTimetable(
        f"{AT.minute} {AT.hour} * * *", timezone=TIMEZONE, run_immediately=timedelta(0)
    ),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=night.WITHIN,
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
    groups = {system: TaskGroup(system) for system in night.systems(settings())}
    wired = {}
    for each in night.tasks(settings()):
        with groups.get(each.system, nullcontext()):
            wired[each.task_id] = do.override(
                task_id=each.step.name,
                execution_timeout=timedelta(hours=each.step.hours),
                trigger_rule=TriggerRule.ALL_DONE
                if each.step.runs_after_failure
                else TriggerRule.ALL_SUCCESS,
            )(each.step.name, each.system)
        for before in each.waits_for:
            wired[before] >> wired[each.task_id]
    # These are teardowns: they run whatever happened, and the run is judged by what was published.
    for after in ("upkeep", "tell_people"):
        wired[after].as_teardown()
