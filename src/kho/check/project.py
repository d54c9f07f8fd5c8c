"""The Great Expectations project: made when a boundary runs, its results and Data Docs kept in the home.

Importing Great Expectations takes seconds, so nothing here does it before a function is called.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from kho.check.pages import OfflinePage, write_index
from kho.settings import Settings

if TYPE_CHECKING:
    from great_expectations.core import ExpectationSuiteValidationResult
    from great_expectations.core.result_format import ResultFormatUnion
    from great_expectations.core.run_identifier import RunIdentifier
    from great_expectations.data_context import EphemeralDataContext
    from great_expectations.data_context.types.base import DataContextConfig
    from great_expectations.datasource.fluent.interfaces import Batch
    from great_expectations.expectations.expectation import Expectation

KEPT_RUNS = 7  # nights of either boundary that Data Docs show


def data_docs(settings: Settings) -> Path:
    """The page that Data Docs begin with; it is there after the first night."""
    return settings.home / "data_docs" / "index.html"


def open_project(settings: Settings) -> EphemeralDataContext:
    """A project with the results of the last nights, whose data and validations are yet to be added."""
    return great_expectations().get_context(mode="ephemeral", project_config=_config(settings))


def validate(
    project: EphemeralDataContext,
    batch: Batch,
    name: str,
    expectations: Sequence[Expectation],
    result_format: ResultFormatUnion,
    run: RunIdentifier,
) -> ExpectationSuiteValidationResult:
    """What these expectations find in a batch. It is kept, and so is their suite: Data Docs show both."""
    from great_expectations.core import ExpectationSuite
    from great_expectations.data_context.types.resource_identifiers import (
        ExpectationSuiteIdentifier,
        ValidationResultIdentifier,
    )

    _keep_suite(project, name, expectations)
    suite = ExpectationSuite(name=name, expectations=[*expectations])
    result = batch.validate(suite, result_format=result_format)
    result.meta.update(run_id=run, validation_time=run.run_time)
    key = ValidationResultIdentifier(ExpectationSuiteIdentifier(name), run, batch.id)
    project.validation_results_store.set(key, result)
    return result


def _keep_suite(project: EphemeralDataContext, name: str, expectations: Sequence[Expectation]) -> None:
    """Write the suite of these expectations, unless the one that an earlier night wrote is the same."""
    library = great_expectations()
    told = [library.__version__, *(each.configuration.to_json_dict() for each in expectations)]
    made_of = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
    store = project.expectations_store
    key = store.get_key(name=name, id=None)
    if store.has_key(key) and store.get(key)["meta"].get("made_of") == made_of:
        return
    suite = library.ExpectationSuite(name=name, expectations=[*expectations], meta={"made_of": made_of})
    store.add_or_update(key, suite)


def great_expectations() -> ModuleType:
    """The library with our expectations in it, quiet and telling nobody."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations

    heard = logging.getLogger("great_expectations")
    heard.setLevel(logging.ERROR)  # it warns of expectations that take the place of its own
    import kho.check.expectations  # noqa: F401

    heard.setLevel(logging.WARNING)
    return great_expectations


def _config(settings: Settings) -> DataContextConfig:
    from great_expectations.data_context.types.base import DataContextConfig, InMemoryStoreBackendDefaults

    kept = InMemoryStoreBackendDefaults()
    # Data Docs link each result to its suite: both outlive the run.
    for store, folder in [
        (kept.expectations_store_name, "expectations"),
        (kept.validation_results_store_name, "validation_results"),
    ]:
        kept.stores[store]["store_backend"] = _files(settings.home / "expectations" / folder)
    page = {"view": {"module_name": OfflinePage.__module__, "class_name": OfflinePage.__name__}}
    result = page | {"renderer": {"module_name": "kho.check.results", "class_name": "ResultPage"}}
    kept.data_docs_sites = {
        "kho": {
            "class_name": "SiteBuilder",
            "show_how_to_buttons": False,
            "store_backend": _files(data_docs(settings).parent),
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},  # needed, and never asked for
            "site_section_builders": {"expectations": page, "validations": result, "profiling": "none"},
        }
    }
    return DataContextConfig(
        store_backend_defaults=kept, analytics_enabled=False, progress_bars={"globally": False}
    )


def _files(folder: Path) -> dict[str, Any]:
    return {
        "class_name": "TupleFilesystemStoreBackend",
        "base_directory": str(folder),
        "suppress_store_backend_id": True,
    }


def write_data_docs(settings: Settings, project: EphemeralDataContext, run: RunIdentifier) -> None:
    """Add the results of this run to Data Docs, and drop those of all but the last runs of the same boundary."""
    boundary = run.run_name.split()[0]
    runs: dict[Any, list[Any]] = {}
    for key in project.validation_results_store.list_keys():
        if key.run_id.run_name.split()[0] == boundary:
            runs.setdefault(key.run_id.run_time, []).append(key)
    for run_time in sorted(runs, reverse=True)[KEPT_RUNS:]:
        for key in runs.pop(run_time):
            project.validation_results_store.remove_key(key)
            of_suite_and_run = key.to_tuple()[:-1]
            shutil.rmtree(
                data_docs(settings).parent.joinpath("validations", *of_suite_and_run), ignore_errors=True
            )
    results = runs.get(run.run_time, [])  # none, where nothing could be judged
    suites = {key.expectation_suite_identifier for key in results}
    changed = {suite for suite in suites if not _is_shown(settings, suite.to_tuple())}
    # A set: for every key that was ever stored it is asked whether it is in here.
    project.build_data_docs(resource_identifiers=changed.union(results), build_index=False)
    write_index(data_docs(settings).parent)


def _is_shown(settings: Settings, suite: tuple[str, ...]) -> bool:
    """Whether the page of a suite shows it as it is."""
    kept = (settings.home / "expectations" / "expectations").joinpath(*suite).with_suffix(".json")
    page = (data_docs(settings).parent / "expectations").joinpath(*suite).with_suffix(".html")
    return page.exists() and page.stat().st_mtime_ns > kept.stat().st_mtime_ns
