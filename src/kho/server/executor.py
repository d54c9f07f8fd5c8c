"""The executor of Airflow's tasks: what most of them need is imported once, before its processes fork.

Only what others wrote: a task still imports Kho itself, as it is on the disk then.
"""

from __future__ import annotations

from importlib import import_module

from airflow.executors.local_executor import LocalExecutor

from kho.garbage import look_seldom

NEEDED = (
    "airflow.sdk.execution_time.task_runner",
    "dbt.cli.main",
    "dbt.adapters.postgres",
    "great_expectations",
    "psycopg",
)


class Executor(LocalExecutor):
    """LocalExecutor, whose tasks begin at once."""

    def start(self) -> None:
        for name in NEEDED:
            import_module(name)
        look_seldom()  # and so do the tasks that are forked from here
        super().start()
