"""Airflow's executor for tasks on this machine, whose workers have imported what takes seconds: each task is a fork of one."""

from __future__ import annotations

from importlib import import_module

from airflow.executors.local_executor import LocalExecutor

#: what `kho.check` and `kho.transform` import when a night gets to them
HEAVY = ("great_expectations", "dbt.cli.main")


class ImportingExecutor(LocalExecutor):
    """Workers are forked from the scheduler when this starts."""

    def start(self) -> None:
        for module in HEAVY:
            import_module(module)
        super().start()
