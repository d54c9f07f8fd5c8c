"""A night in a process that is about to be killed: it writes down when each of its steps began."""

from __future__ import annotations

import logging
import os
import time
from datetime import date
from functools import wraps
from pathlib import Path

from kho import night
from kho.garbage import look_seldom
from kho.settings import Settings

STEPS = {
    "fetch_system": "fetch",
    "load_system": "load",
    "check_exports": "exports",
    "check_marts": "audit",
    "publish": "publish",
}


def night_with_progress(settings: Settings, business_date: date, progress: Path) -> None:
    """The night, with a line `<step> <seconds>` in `progress` whenever a step begins, and one at the end."""
    log = os.open(progress.with_suffix(".log"), os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    logging.basicConfig(level=logging.INFO, force=True)
    os.environ["KHO_HOME"] = str(settings.home)
    look_seldom()

    def mark(step: str) -> None:
        with progress.open("a") as file:
            file.write(f"{step} {time.monotonic()}\n")

    def marked(name: str, step: str | None = None):
        work = getattr(night, name)

        @wraps(work)
        def wrapped(*arguments):
            mark(step or arguments[1])
            return work(*arguments)

        setattr(night, name, wrapped)

    for name, step in STEPS.items():
        marked(name, step)
    marked("build_layer")
    night.run(settings, business_date)
    mark("end")
