"""The night: its steps, what each of them waits for, and what follows a failure. With Airflow or without it.

Every step may be run again at any time, and then goes on from there.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING

from kho.settings import Settings

if TYPE_CHECKING:
    from kho.contract import Contract
    from kho.ledger.releases import Release
    from kho.transform import Layer
    from kho.transform.layers import Made

LAYERS: tuple[Layer, ...] = ("staging", "warehouse", "marts")


@dataclass(frozen=True)
class Step:
    """A step of the night. It waits for others, of each system where they are done for each.

    `hours`: after which one try of it is given up; whatever it waits for itself, it gives up sooner.
    """

    name: str
    hours: float
    waits_for: str | None = None
    is_for_each_system: bool = False
    runs_after_failure: bool = False  # whatever became of what it waits for


#: in the order in which they are done
STEPS = (
    Step("ingest", 8, is_for_each_system=True),
    # A source that failed stops nobody.
    Step("check_exports", 1, "ingest", runs_after_failure=True),
    Step("staging", 1, "check_exports"),
    Step("warehouse", 6, "staging"),
    Step("marts", 3, "warehouse"),
    Step("check_marts", 1, "marts"),
    Step("publish", 1, "check_marts"),
    # What is kept has to be kept safe, and people are told, whatever happened.
    Step("upkeep", 1, "publish", runs_after_failure=True),
    Step("tell_people", 0.5, "upkeep", runs_after_failure=True),
)
RELEASED = "publish"  # the night is judged by it
WITHIN = timedelta(hours=23)  # the next night must not wait for this one

_STATUS = re.compile(rb"^[\"']?status[\"']?:\s*[\"']?(\w+)", re.MULTILINE)
_LEFT_ALONE = (b"draft", b"retired")

log = logging.getLogger(__name__)


class Refused(Exception):
    """The marts boundary refused the release: trying again without a change would end the same way."""


class Waits(Exception):
    """The release may be published and waits for a person: no failure, and trying again would end the same way."""


def systems(settings: Settings) -> list[str]:
    """The source systems, in order: those with a contract that is neither a draft nor retired.

    Airflow asks for them in every task: nothing is imported for it, and no YAML read.
    """
    given = (
        (path.parent.name, _STATUS.search(path.read_bytes())) for path in settings.contracts.glob("*/*.yaml")
    )
    return sorted({system for system, status in given if not status or status[1] not in _LEFT_ALONE})


def ingest_system(
    settings: Settings, system: str, business_date: date, names: Collection[str] | None = None
) -> None:
    """Fetch what the system delivered, then load it, also what was fetched before a failure; of all its contracts, or of these."""
    from kho import events
    from kho.events import night as told

    failures: list[Exception] = []
    for work, arguments, tell in (
        (fetch_system, (system, business_date, names), told.fetched(settings, system)),
        (load_system, (system, names), told.loaded(settings, system)),
    ):
        job = f"{system}.{work.__name__.removesuffix('_system')}"
        try:
            with events.run(settings, job, business_date, tell=tell):
                work(settings, *arguments)
        except Exception as failure:
            failures.append(failure)
    if len(failures) > 1:
        raise RuntimeError("\n".join(map(str, failures)))
    if failures:
        raise failures[0]


def fetch_system(
    settings: Settings, system: str, business_date: date, names: Collection[str] | None = None
) -> None:
    """Take the system's new deliveries up to this date into the archive; of all its contracts, or of these."""
    from kho.fetch import connections, fetch

    known = connections(settings)

    def fetch_one(contract: Contract) -> None:
        if contract.is_retired:
            return
        fetched = fetch(settings, contract, business_date, known.get(contract.server.connection or ""))
        log.info("%s: %s", contract.name, fetched)

    _for_each(settings, system, fetch_one, "could not be fetched", names)


def load_system(settings: Settings, system: str, names: Collection[str] | None = None) -> None:
    """Load what the system delivered and was not loaded yet; of all its contracts, or of these."""
    from kho.load import load

    def load_one(contract: Contract) -> None:
        for batch in load(settings, contract):
            log.info("%s: %s", contract.name, batch)

    _for_each(settings, system, load_one, "could not be loaded", names)


def check_exports(settings: Settings, business_date: date) -> None:
    """Accept or hold each pending batch. A held batch is no failure: its source keeps its last good data."""
    from kho.check import exports

    log.info("%s", exports(settings, business_date))


def build_layer(
    settings: Settings,
    layer: Layer,
    business_date: date,
    tell: Callable[[list[Made]], None] = lambda made: None,
) -> None:
    """Build one layer with dbt. Staging opens the build, a finished warehouse closes it, marts open a release.

    `tell` hears of the models that were built.
    """
    from kho import transform
    from kho.database import connect
    from kho.ledger import verdicts
    from kho.publish import release
    from kho.transform import builds

    if layer == "staging":
        _go_on_forgetting(settings)
        log.info("Build %s", builds.open_build(settings, business_date))
    if layer == "marts":
        candidate = release.open_release(settings)
        log.info("%s", candidate)
        # Marts that are made anew are not judged yet.
        with connect(settings, "kho_operator") as connection:
            verdicts.replace(connection, candidate.build_id, ())
    transform.build(settings, layer, tell)
    if layer == "warehouse":
        builds.close_build(settings)


def _go_on_forgetting(settings: Settings) -> None:
    """Go through with what was asked for and was stopped. What can't be done stays asked for, and stops no night."""
    from kho import forget

    try:
        forget.go_on(settings)
    except Exception:
        log.exception("somebody who is to be forgotten could not be: `kho forget` says why")


def check_marts(settings: Settings) -> None:
    """Audit the candidate release. Refuses it and raises `Refused` when it must not be published.

    Run again, it ends as it did: what is published stays so, and what was refused is `Refused` for the same reason.
    """
    from kho.check import marts
    from kho.ledger import releases
    from kho.publish import release

    verdict = marts(settings)
    log.info("%s", verdict)
    if verdict.is_refused:
        release.refuse(settings, verdict.reason)
    newest = releases.releases(settings)[0]
    if newest.state == "refused":
        raise Refused(newest.reason)


def publish(settings: Settings, *, allow_older: bool = False, patience: timedelta | None = None) -> Release:
    """Put the audited release in force; gives the one that is. `patience` is how long readers are waited for.

    Raises `ReleaseError` as long as the boundary has not let its marts through, `Waits` while a release is pinned or
    one of a later date is in force; the latter may be allowed.
    """
    from kho.database import connect
    from kho.ledger import releases, verdicts
    from kho.publish import release

    with connect(settings, "kho_auditor") as connection:
        for candidate in releases.select(connection, "candidate"):
            if not verdicts.is_let_through(connection, candidate.build_id):
                raise releases.ReleaseError(
                    f"the marts boundary has not let release {candidate.release_id} through: check the marts first"
                )
    try:
        now = release.publish(settings, allow_older=allow_older, patience=patience or release.PATIENCE)
    except releases.ReleaseWaits as waits:
        raise Waits(str(waits)) from None
    log.info("%s", now)
    return now


def upkeep(settings: Settings) -> None:
    """Write the catalogue anew if the project has changed, back up what the warehouse has, where a place for that is set, then
    remove what is older than the rules let it be, and leave beside the archive what the ledger knows."""
    from kho import forget, rebuild, retention
    from kho.dictionary import place
    from kho.transform import catalogue

    try:
        catalogue.write(settings, place(settings))
    except Exception:  # it tells of nothing that a night does
        log.exception("the catalogue could not be written; the one of before stays")
    try:
        _back_up(settings)
        for gone in retention.prune(settings):
            log.info("Removed %s %s, older than %s days", gone.number, gone.kind, gone.days)
    finally:
        rebuild.keep_history(settings)
        forget.remove_replaced(settings)
        retention.remove_files(settings)


def _back_up(settings: Settings) -> None:
    if not settings.backup_to:
        log.info("No backup: backup_to is not set in config.toml")
        return
    from kho.backup import back_up

    made = back_up(settings)
    log.info("Backup %s at %s", made.name, settings.backup_to)
    for sha256 in made.lost:
        log.error("lost in the archive, and in no backup: %s", sha256)


def tell_people(settings: Settings, business_date: date, failed: Iterable[str]) -> None:
    """Tell people what the night was like; `failed` names the tasks that failed."""
    from kho import digest

    digest.send(settings, business_date, failed)


def do(
    settings: Settings, step: str, business_date: date, system: str = "", failed: Iterable[str] = ()
) -> None:
    """Do one step of the night, for this system if it is one for each; `failed` names the tasks that failed so far.

    Raises `ValueError` for a date that no night loads up to, `Waits` if nothing is published until a person decides.
    """
    from kho.contract.schedule import expect_business_date

    expect_business_date(business_date)
    if step not in {each.name for each in STEPS}:
        raise ValueError(f"a night has no step {step}")
    if step == "ingest":
        ingest_system(settings, system, business_date)
    elif step == "upkeep":
        upkeep(settings)
    elif step == "tell_people":
        tell_people(settings, business_date, sorted(failed))
    else:
        _do_and_tell(settings, step, business_date)


def _do_and_tell(settings: Settings, step: str, business_date: date) -> None:
    """Do a step as a run that events tell of."""
    from kho import events
    from kho.events import night as told

    tell = told.of_step(settings, step, business_date)
    with events.run(settings, step, business_date, tell=tell, given_up=(Waits,)) as now:
        match step:
            case "check_exports":
                check_exports(settings, business_date)
            case "staging" | "warehouse" | "marts":
                build_layer(settings, step, business_date, partial(told.built, settings, now))
            case "check_marts":
                check_marts(settings)
            case "publish":
                publish(settings)


@dataclass(frozen=True)
class Task:
    """A step as it is done: for one system, or for all at once. Tasks are named as the Dag names them."""

    task_id: str
    step: Step
    system: str
    waits_for: tuple[str, ...]


def tasks(settings: Settings) -> list[Task]:
    """The tasks of a night in an order in which they can be done: one system after the other, then the rest."""
    known = systems(settings)
    is_for_each = {step.name: step.is_for_each_system for step in STEPS}

    def ids(step: str | None, of: list[str]) -> tuple[str, ...]:
        if step is None:
            return ()
        return tuple(f"{system}.{step}" for system in of) if is_for_each[step] else (step,)

    return [
        Task(f"{system}.{step.name}", step, system, ids(step.waits_for, [system]))
        for system in known
        for step in STEPS
        if step.is_for_each_system
    ] + [
        Task(step.name, step, "", ids(step.waits_for, known)) for step in STEPS if not step.is_for_each_system
    ]


def run(settings: Settings, business_date: date) -> None:
    """A whole night in this process, one task after the other, with what follows a failure as in the Dag.

    Raises the failure that kept it from releasing anything; others are logged, and people are told. A release that
    waits for a person is no failure.
    """
    failures: dict[str, Exception] = {}
    done: set[str] = set()
    for task in tasks(settings):
        if not task.step.runs_after_failure and not done.issuperset(task.waits_for):
            continue
        try:
            do(settings, task.step.name, business_date, task.system, failures)
            done.add(task.task_id)
        except Waits as waits:
            log.warning("%s", waits)
            done.add(task.task_id)
        except Exception as failure:
            log.error("%s failed: %s", task.task_id, failure)
            failures[task.task_id] = failure
    if RELEASED not in done:
        for after in ("upkeep", "tell_people"):
            failures.pop(after, None)
        raise list(failures.values())[-1]


def _for_each(
    settings: Settings,
    system: str,
    work: Callable[[Contract], None],
    failed: str,
    names: Collection[str] | None,
) -> None:
    """Do the work for every contract of the system, or for those of these names; RuntimeError at the end when any of it failed.

    A contract that can't be used is a state of its source, which the boundary and the build tell: trying again helps nobody.
    """
    from kho.contract import ContractError, contracts, unusable

    for problem in unusable(settings, system).values():
        log.error("%s", problem)
    failures = []
    for contract in contracts(settings, system).values():
        if names is not None and contract.name not in names:
            continue
        try:
            work(contract)
        except ContractError as problem:
            log.error("%s", problem)
        except Exception as failure:
            log.exception("%s %s", contract.name, failed)
            failures.append(f"{contract.name}: {failure}")
    if failures:
        raise RuntimeError("\n".join(failures))
