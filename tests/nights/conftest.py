"""Whole nights in processes of their own, over a small district behind real SFTP and HTTP servers."""

from __future__ import annotations

import multiprocessing
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from kho.server import postgres
from kho.settings import Settings
from tests.conftest import clone, drop, start_server
from tests.projects import copied, retire

SCALE = "0.01"
#: the systems that are fetched from: each costs a night seconds
FETCHED = ("documents", "one_stop", "portal")
NIGHTS = (date(2021, 2, 27), date(2021, 3, 31))

# Children of a server that has imported what a night needs: a night starts at once, and from a clean process.
night_processes = multiprocessing.get_context("forkserver")
night_processes.set_forkserver_preload(
    ["kho.night", "dbt.cli.main", "dbt.adapters.postgres", "great_expectations", "tests.nights.run"]
)


@pytest.fixture(scope="package")
def own_server(shared: Path, read_project: Settings) -> Iterator[Settings]:
    """A server of this package's own: it is killed."""
    copy = copied(shared / "of-nights")  # of a project that dbt knows
    retire(copy, but=FETCHED)
    settings = Settings(home=shared / "nights", project=copy)
    start_server(settings)
    yield settings
    postgres.remove(settings)


@pytest.fixture(scope="package")
def sources(own_server: Settings) -> Iterator[Settings]:
    """The sample exports of a small district, behind real SFTP and HTTP servers."""
    environment = os.environ | {"KHO_HOME": str(own_server.home), "KHO_PROJECT": str(own_server.project)}
    kho = Path(sys.executable).with_name("kho")
    one_district = own_server.project / "samples" / "long_phu_2021_h1.yaml"
    subprocess.run([kho, "sample", "--totals", one_district, "--scale", SCALE], env=environment, check=True)
    _thin_out(own_server.exports)
    servers = subprocess.Popen([sys.executable, "-m", "kho_sample.servers"], env=environment)
    while not (own_server.home / "connections.json").exists():
        assert servers.poll() is None
        time.sleep(0.1)
    yield own_server
    servers.terminate()
    servers.wait(10)


def _thin_out(exports: Path) -> None:
    """Most days take no part in anything: their files would only be fetched and loaded."""
    for entity, first in (("one_stop/dossiers", "20210125"), ("documents/deliveries", "20210320")):
        for file in (exports / entity).iterdir():
            if re.search(r"\d{8}", file.name)[0] < first:
                file.unlink()


@pytest.fixture(scope="package")
def after_first_night(sources: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A warehouse with one good night behind it: every case starts from a copy."""
    home = tmp_path_factory.mktemp("first")
    settings = clone(sources, home)
    for shared in ("exports", "connections.json"):
        (home / shared).symlink_to(sources.home / shared)
    finish(settings, NIGHTS[0], home / "progress")
    return settings


@pytest.fixture(scope="package")
def after_second_night(
    after_first_night: Settings, sources: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Settings, dict[str, float]]]:
    """The same with another, of which nothing is made anew; and the seconds that each step of it took."""
    home = tmp_path_factory.mktemp("second") / "home"
    for settings in copy_of(after_first_night, sources, home):
        yield settings, finish(settings, NIGHTS[1], home / "progress")


def copy_of(one: Settings, server: Settings, home: Path) -> Iterator[Settings]:
    shutil.copytree(one.home, home, symlinks=True)
    settings = clone(server, home, one.warehouse_database)
    yield settings
    drop(settings)


def start_night(settings: Settings, night: date, progress: Path) -> BaseProcess:
    from tests.nights.run import night_with_progress

    progress.unlink(missing_ok=True)
    process = night_processes.Process(target=night_with_progress, args=(settings, night, progress))
    process.start()
    return process


def finish(settings: Settings, night: date, progress: Path) -> dict[str, float]:
    """A whole night; the seconds that each of its steps took, of all systems together."""
    process = start_night(settings, night, progress)
    process.join(300)
    assert process.exitcode == 0, progress.with_suffix(".log").read_text()[-5000:]
    marks = [line.split() for line in progress.read_text().splitlines()]
    seconds: Counter[str] = Counter()
    for (step, at), (_, after) in pairwise(marks):
        seconds[step] += float(after) - float(at)
    return seconds
