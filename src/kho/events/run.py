"""Runs: each has a beginning and an end, also if whoever made it is killed. Then the next one says that it was given up."""

from __future__ import annotations

import json
import logging
import os
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import psutil

from kho.events import model, outbox
from kho.settings import Settings

log = logging.getLogger(__name__)


@dataclass
class Run:
    """A run of a job: what it reads and writes is told at its end, with the runs of what it was made of."""

    job: str
    run_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    inputs: list[dict[str, Any]] = field(default_factory=list)
    outputs: list[dict[str, Any]] = field(default_factory=list)
    parts: list[dict[str, Any]] = field(default_factory=list)

    def part(
        self,
        job: str,
        inputs: Iterable[model.Data],
        output: model.Data,
        failure: str | None = None,
        columns: Mapping[str, Iterable[model.Field]] | None = None,
    ) -> None:
        """A run within this one, that is over; `columns`: what those of its output are made from."""
        of_run, told = str(uuid.uuid4()), {"parent": model.of_parent(self.run_id, self.job)}
        read, written = [model.told(each) for each in inputs], [model.told(output)]
        self.parts.append(model.event("START", of_run, job, inputs=read, outputs=written, facets=told))
        if failure:
            told["errorMessage"] = model.of_error(failure)
        elif columns:
            written = [model.told(output, columnLineage=model.of_columns(columns))]
        self.parts.append(
            model.event(
                "FAIL" if failure else "COMPLETE", of_run, job, inputs=read, outputs=written, facets=told
            )
        )


@contextmanager
def run(
    settings: Settings,
    job: str,
    business_date: date | None = None,
    *,
    tell: Callable[[Run], None] = lambda run: None,
    given_up: tuple[type[Exception], ...] = (),
) -> Iterator[Run]:
    """Tell of what is done in here as a run of this job, which belongs to the night of this date.

    `tell` adds what was read and written, after the body, whatever became of it. The body's exceptions go on: the run has
    failed, or was given up where it is one of `given_up` or no `Exception`. Telling raises nothing.
    """
    now = Run(job)
    facets = {"nominalTime": model.of_night(business_date)} if business_date else {}
    with _unharmed():
        close_left_open(settings)
        _open(settings, now, facets)
    end: model.EventType = "COMPLETE"
    try:
        yield now
    except Exception as error:
        end = "ABORT" if isinstance(error, given_up) else "FAIL"
        facets["errorMessage"] = model.of_error(str(error))
        raise
    except BaseException:
        end = "ABORT"
        raise
    finally:
        with _unharmed():
            tell(now)
        with _unharmed():
            _end(settings, now, end, facets)


def close_left_open(settings: Settings) -> None:
    """End the runs of processes that are no more."""
    for path in _opened(settings).glob("*.json"):
        try:
            left = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:  # another process was first
            continue
        except ValueError:  # killed while it wrote: nothing was told
            path.unlink(missing_ok=True)
            continue
        if _is_running(left["process"], left["since"]):
            continue
        outbox.send(settings, [model.event("ABORT", path.stem, left["job"], facets=left["facets"])])
        path.unlink(missing_ok=True)


def _open(settings: Settings, now: Run, facets: dict[str, Any]) -> None:
    path = _opened(settings) / f"{now.run_id}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    # Before it is told: of a run that was told, it is known that it has to be ended.
    left = {"job": now.job, "facets": facets, "process": os.getpid(), "since": psutil.Process().create_time()}
    path.write_text(json.dumps(left), encoding="utf-8")
    outbox.send(settings, [model.event("START", now.run_id, now.job, facets=facets)])


def _end(settings: Settings, now: Run, end: model.EventType, facets: dict[str, Any]) -> None:
    last = model.event(end, now.run_id, now.job, inputs=now.inputs, outputs=now.outputs, facets=facets)
    outbox.send(settings, [*now.parts, last])
    (_opened(settings) / f"{now.run_id}.json").unlink(missing_ok=True)


def _opened(settings: Settings) -> Path:
    return outbox.folder(settings) / "open"


def _is_running(process: int, since: float) -> bool:
    try:
        found = psutil.Process(process)
        return found.status() != psutil.STATUS_ZOMBIE and abs(found.create_time() - since) < 1
    except psutil.Error:
        return False


@contextmanager
def _unharmed() -> Iterator[None]:
    try:
        yield
    except Exception:
        log.exception("an event of OpenLineage could not be told")
