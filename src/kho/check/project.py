"""The Great Expectations project: opened on a copy in the home, its Data Docs kept small.

Importing Great Expectations takes seconds, so nothing here does it before a function is called.
"""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from kho.check.pages import make_offline
from kho.settings import Settings

if TYPE_CHECKING:
    from great_expectations.core.run_identifier import RunIdentifier
    from great_expectations.data_context import EphemeralDataContext, FileDataContext

KEPT_RUNS = 7  # nights of either boundary that Data Docs show
_AUTHORED = ("expectations", "checkpoints", "validation_definitions")


def data_docs(settings: Settings) -> Path:
    """The page that Data Docs begin with; it is there after the first night."""
    return settings.home / "data_docs" / "index.html"


def open_project(settings: Settings) -> FileDataContext:
    """The project as it is in the checkout, with the results of the last nights."""
    great_expectations = _great_expectations()
    root = settings.home / "expectations"
    for folder in _AUTHORED:
        shutil.rmtree(root / folder, ignore_errors=True)
    shutil.copytree(
        settings.project / "expectations",
        root,
        dirs_exist_ok=True,
        ignore=shutil.ignore_patterns("uncommitted", ".*"),
    )
    return great_expectations.get_context(mode="file", context_root_dir=root)


def open_passing_project() -> EphemeralDataContext:
    """A project without any file, for a validation that leaves no trace."""
    project = _great_expectations().get_context(mode="ephemeral")
    from great_expectations.data_context.types.base import ProgressBarsConfig

    project.variables.progress_bars = ProgressBarsConfig(globally=False)
    return project


def _great_expectations() -> ModuleType:
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations

    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    return great_expectations


def write_data_docs(project: FileDataContext, run: RunIdentifier) -> None:
    """Add the results of this run to Data Docs, and drop those of all but the last runs of the same boundary."""
    boundary = run.run_name.split()[0]
    runs: dict[Any, list[Any]] = {}
    for key in project.validation_results_store.list_keys():
        if key.run_id.run_name.split()[0] == boundary:
            runs.setdefault(key.run_id.run_time, []).append(key)
    for run_time in sorted(runs, reverse=True)[KEPT_RUNS:]:
        for key in runs.pop(run_time):
            project.validation_results_store.remove_key(key)
    results = runs[run.run_time]
    suites = {key.expectation_suite_identifier for key in results}
    project.build_data_docs(resource_identifiers=[*suites, *results])
    make_offline(Path(project.root_directory).parent / "data_docs")
