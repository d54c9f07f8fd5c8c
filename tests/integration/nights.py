"""Help for tests that build: exports handed over as deliveries, and nights without Airflow or the boundaries."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from datetime import date, datetime

import psycopg

from kho import transform
from kho.contract import Contract, contracts
from kho.database import connect
from kho.ledger import releases
from kho.load import load, raw
from kho.publish import release
from kho.settings import Settings
from kho.transform import builds
from kho.transform.project import run
from kho.transform.raw_sources import table_name
from kho_sample import totals, write
from kho_sample.export import Export
from kho_sample.system import Place
from kho_sample.systems import SYSTEMS
from tests.integration.loading import enter
from tests.owner import as_owner

ALL = frozenset(system.name for system in SYSTEMS)
#: the tables that deliveries reach, and the views that go when those are made anew
NIGHTLY = tuple(
    f"source:*+,path:models/warehouse,config.materialized:{kind}" for kind in ("table", "view", "kept")
)
#: what a report tells
REPORTED = (
    *(f"path:models/marts/{folder}" for folder in ("figures", "explanations", "quality")),
    "source_reconciliation",
    "counter_reconciliation",
)
LONG_PHU, TIEU_CAN, CAN_THO = "long_phu_2021_h1", "tieu_can_2017_q3", "can_tho_2026"


def sample(
    settings: Settings, scale: float = 1, report: str = LONG_PHU, systems: Container[str] = ALL
) -> list[Export]:
    """The sample exports that a report's figures come from, without their control files."""
    told = totals.read(settings.project / "samples" / f"{report}.yaml").scaled(scale)
    here = Place.of(told, settings.project / "dbt_project" / "seeds", write.SEED)
    return [
        export
        for system in SYSTEMS
        if system.name in systems and (of_system := system.told(told))
        for make in system.exports.values()
        for export in make(of_system, here)
        if not export.name.endswith(".ctl")
    ]


def contract_of(export: Export) -> str:
    return f"{export.system}.{export.entity}"


def day_of(contract: Contract, export: Export) -> date:
    found = re.fullmatch(contract.server.file_name, export.name)
    return datetime.strptime(found["business_date"], "%Y%m%d").date()


def hand_over(settings: Settings, exports: Iterable[Export]) -> None:
    """Enter the exports as deliveries and load them; their batches are pending."""
    known = contracts(settings)
    handed_over = set()
    with connect(settings, "kho_loader") as connection:
        for export in exports:
            contract = known[contract_of(export)]
            enter(connection, settings, contract, export.name, export.content, day_of(contract, export))
            handed_over.add(contract.name)
    for name in sorted(handed_over):
        load(settings, known[name])


def put_and_hand_over(settings: Settings, exports: Iterable[Export]) -> None:
    """The same; and the exports are in the home, for a recount."""
    exports = list(exports)
    for each in exports:
        path = settings.exports / each.system / each.entity / each.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(each.content)
    hand_over(settings, exports)


def decide(settings: Settings, batch_id: int, state: str) -> None:
    """Put a batch into a state; accepting one withdraws the one of the same delivery that was in force."""
    with as_owner(settings) as connection:
        _decide(connection, batch_id, state)


def _decide(connection: psycopg.Connection, batch_id: int, state: str) -> None:
    if state == "accepted":
        connection.execute(
            "update ledger.batch set state = 'withdrawn' where state = 'accepted'"
            " and delivery_id = (select delivery_id from ledger.batch where batch_id = %s)",
            [batch_id],
        )
    connection.execute("update ledger.batch set state = %s where batch_id = %s", [state, batch_id])


def batches(settings: Settings, state: str) -> list[int]:
    with connect(settings, "kho_auditor") as connection:
        found = connection.execute(
            "select batch_id from ledger.batch where state = %s order by batch_id", [state]
        )
        return [batch_id for (batch_id,) in found]


def accept_pending(settings: Settings) -> None:
    with as_owner(settings) as connection:
        for batch_id in batches(settings, "pending"):
            _decide(connection, batch_id, "accepted")


def build_warehouse(settings: Settings, night: date) -> None:
    builds.open_build(settings, night)
    transform.build(settings, "staging")
    transform.build(settings, "warehouse")
    builds.close_build(settings)


def refresh(settings: Settings, night: date, name: str, *models: str) -> None:
    """What a full refresh makes of this contract, and these models; of all else what the last night made is still there."""
    builds.open_build(settings, night)
    with connect(settings, "kho_loader") as connection:
        raw.ensure(connection, settings, contracts(settings)[name])
    source = f"source:raw.{table_name(name)}"
    touched = [f"{source}+,config.materialized:{kind}" for kind in ("entries", "fact")]
    build(settings, f"{source}+1", *NIGHTLY, *models, *touched, "--full-refresh")
    builds.close_build(settings)


def build(settings: Settings, *selected: str, release_schema: str | None = None) -> None:
    results = run(settings, ["run", "--select", *selected], release_schema=release_schema)
    failed = {each.node.name: each.message for each in results if each.status != "success"}
    assert not failed, failed


def publish(settings: Settings) -> releases.Release:
    release.open_release(settings)
    transform.build(settings, "marts")
    return release.publish(settings)


def publish_some(settings: Settings, *marts: str) -> releases.Release:
    """A release of what a report tells, and of these marts."""
    candidate = release.open_release(settings)
    build(settings, *REPORTED, *marts, release_schema=candidate.schema_name)
    return release.publish(settings)


def run_small_night(settings: Settings, night: date, *marts: str) -> releases.Release:
    """`run_night`; but of the marts what a report tells, and these."""
    accept_pending(settings)
    build_warehouse(settings, night)
    return publish_some(settings, *marts)


def run_night(settings: Settings, night: date) -> releases.Release:
    """Everything pending is accepted, the warehouse built and its marts published."""
    accept_pending(settings)
    build_warehouse(settings, night)
    return publish(settings)
