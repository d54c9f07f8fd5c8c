"""The night, step by step: what each task of the Dag does. Every step may be run again, and then goes on from there.

Run in this order they make a whole night, with Airflow or without it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING

from kho.settings import Settings

if TYPE_CHECKING:
    from kho.contract import Contract

LAYERS = ("staging", "warehouse", "marts")

log = logging.getLogger(__name__)


class Refused(Exception):
    """The marts boundary refused the release: trying again without a change would end the same way."""


def systems(settings: Settings) -> list[str]:
    """The source systems: the folders that hold contracts."""
    return sorted({path.parent.name for path in settings.contracts.glob("*/*.yaml")})


def fetch_system(settings: Settings, system: str, business_date: date) -> None:
    """Take the system's new deliveries up to this date into the archive."""
    from kho.fetch import connections, fetch

    known = connections(settings)

    def fetch_one(contract: Contract) -> None:
        report = fetch(settings, contract, business_date, known.get(contract.server.connection))
        log.info("%s: %s", contract.name, report)

    _for_each(settings, system, fetch_one, "could not be fetched")


def load_system(settings: Settings, system: str) -> None:
    """Load what the system delivered and was not loaded yet."""
    from kho.load import load

    def load_one(contract: Contract) -> None:
        for batch in load(settings, contract):
            log.info("%s: %s", contract.name, batch)

    _for_each(settings, system, load_one, "could not be loaded")


def check_exports(settings: Settings, business_date: date) -> None:
    """Accept or hold each pending batch. A held batch is no failure: its source keeps its last good data."""
    from kho.check import exports

    log.info("%s", exports(settings, business_date))


def build_layer(settings: Settings, layer: str, business_date: date) -> None:
    """Build one layer with dbt. Staging opens the build, a finished warehouse closes it, marts open a release."""
    from kho import transform
    from kho.publish import release
    from kho.transform import builds

    if layer == "staging":
        log.info("Build %s", builds.open_build(settings, business_date))
    if layer == "marts":
        log.info("%s", release.open_release(settings))
    transform.build(settings, layer)
    if layer == "warehouse":
        builds.close_build(settings)


def check_marts(settings: Settings) -> None:
    """Audit the candidate release. Refuses it and raises `Refused` when it must not be published."""
    from kho.check import marts
    from kho.publish import release

    verdict = marts(settings)
    log.info("%s", verdict)
    if verdict.is_refused:
        release.refuse(settings, verdict.reason)
        raise Refused(verdict.reason)


def publish(settings: Settings) -> None:
    """Put the audited release in force."""
    from kho.publish import release

    log.info("%s", release.publish(settings))


def run(settings: Settings, business_date: date) -> None:
    """A whole night in this process, without Airflow: for tests and for a look at one step after the other."""
    for system in systems(settings):
        try:
            fetch_system(settings, system, business_date)
        except RuntimeError as failure:
            log.error("%s", failure)  # what was fetched is loaded, and the other systems go on
        load_system(settings, system)
    check_exports(settings, business_date)
    for layer in LAYERS:
        build_layer(settings, layer, business_date)
    check_marts(settings)
    publish(settings)


def _for_each(settings: Settings, system: str, work: Callable[[Contract], None], failed: str) -> None:
    """Do the work for every contract of the system; RuntimeError at the end when any of it failed."""
    from kho.contract import contracts

    failures = []
    for contract in contracts(settings, system).values():
        try:
            work(contract)
        except Exception as failure:
            log.exception("%s %s", contract.name, failed)
            failures.append(f"{contract.name}: {failure}")
    if failures:
        raise RuntimeError("\n".join(failures))
