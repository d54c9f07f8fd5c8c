"""A contract that can't be used stops its own source and no other, and everybody is told which."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml

from kho import night
from kho.contract import contracts
from kho.database import connect
from kho.digest import digest
from kho.ledger import builds
from kho.settings import Settings
from kho.source import overview
from kho.transform import builds as transform_builds
from tests.contracts import document
from tests.integration.loading import rows
from tests.owner import as_owner

FIRST, NEXT = date(2021, 1, 30), date(2021, 1, 31)
COUNT = {"name": "count", "logicalType": "integer"}
SYSTEMS = ("absurd", "broken", "retyped", "sound", "spoiled")


def write(settings: Settings, system: str, *, columns: list[dict[str, Any]] | None = None) -> Path:
    server = {"type": "local", "path": f"{system}/permits", "format": "csv", "encoding": "utf-8"}
    contract = document(
        server, columns=columns, fileName=r"permits_(?P<business_date>\d{8})\.csv", delimiter=";"
    )
    path = settings.contracts / system / "permits.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(contract | {"id": f"{system}.permits"}))
    return path


def hand_over(settings: Settings, day: date) -> None:
    for system in SYSTEMS:
        file = settings.exports / system / "permits" / f"permits_{day:%Y%m%d}.csv"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"code;count\n{day:%d};1\n")


def take_in(settings: Settings, day: date, before_check: Callable[[Settings], None] = lambda _: None) -> None:
    """All of a night that comes before dbt, and what dbt would be given."""
    for task in night.tasks(settings):
        if task.step.name == "ingest":
            night.do(settings, task.step.name, day, task.system)
    before_check(settings)
    night.do(settings, "check_exports", day)
    transform_builds.open_build(settings, day)


@dataclass(frozen=True)
class Told:
    """What is known after a night: of each source, in its newest build; of batches; and what people are told."""

    sources: dict[str, tuple[str, date | None, str | None]]
    batches: dict[str, tuple[str, str | None]]  # of the night's day
    build: builds.Build
    read: list[str]  # whose batches the build reads
    warned: list[str]  # whose contract the boundary warned of
    digest: str
    listed: dict[str, tuple[str, bool]]  # freshness, and whether there is a problem


def look(settings: Settings) -> Told:
    found = rows(
        settings,
        "select contract, state, as_of, reason from ledger.build_source"
        " where build_id = (select max(build_id) from ledger.build)",
    )
    batches = rows(
        settings, "select contract, state, reason from ledger.batch where business_date = %s", NEXT
    )
    read = rows(settings, "select contract from ledger.build_input order by 1")
    warned = rows(
        settings, "select subject from ledger.verdict where expectation = 'contract_usable' order by 1"
    )
    with connect(settings, "kho_auditor") as connection:
        build = builds.newest(connection)
    return Told(
        {each["contract"]: (each["state"], each["as_of"], each["reason"]) for each in found},
        {each["contract"]: (each["state"], each["reason"]) for each in batches},
        build,
        [each["contract"].partition(".")[0] for each in read],
        [each["subject"].partition(".")[0] for each in warned],
        digest(settings, NEXT),
        {each.name: (each.freshness.state, bool(each.problem)) for each in overview.sources(settings)},
    )


@pytest.fixture(scope="module")
def nights(module_warehouse: Settings, tmp_path_factory: pytest.TempPathFactory) -> tuple[Told, Told, str]:
    """A night with contracts that are no YAML, that rows or PostgreSQL don't bear, or that are new, and with a batch whose
    profile nobody can judge; the same night once they are mended; and the first one's log."""
    project = tmp_path_factory.mktemp("project")
    (project / "dbt_project").mkdir()
    (project / "dbt_project" / "seeds").symlink_to(module_warehouse.project / "dbt_project" / "seeds")
    settings = module_warehouse.model_copy(update={"project": project})
    for system in SYSTEMS:
        write(settings, system, columns=[COUNT])
    hand_over(settings, FIRST)
    take_in(settings, FIRST)
    transform_builds.close_build(settings)

    write(settings, "broken").write_text("kind: [")
    write(settings, "retyped", columns=[COUNT | {"logicalType": "string"}])
    # Python knows such a group, PostgreSQL does not.
    pattern = {"name": "absurdity", "logicalType": "string", "logicalTypeOptions": {"pattern": "^(?P<a>x)$"}}
    write(settings, "absurd", columns=[COUNT, pattern])
    write(settings, "new", columns=[{"name": "Count", "logicalType": "integer"}])
    hand_over(settings, NEXT)
    log = StringIO()
    handler = logging.StreamHandler(log)
    logging.getLogger("kho.night").addHandler(handler)
    take_in(settings, NEXT, spoil)
    logging.getLogger("kho.night").removeHandler(handler)
    first = look(settings)

    for system in SYSTEMS:
        write(settings, system, columns=[COUNT])
    (settings.contracts / "new" / "permits.yaml").unlink()
    take_in(settings, NEXT)
    return first, look(settings), log.getvalue()


def spoil(settings: Settings) -> None:
    with as_owner(settings) as connection:
        connection.execute(
            "update ledger.batch set profile = profile - 'rejects_by_reason'"
            " where contract = 'spoiled.permits' and state = 'pending'"
        )


def test_the_others_go_on_and_what_was_accepted_of_it_stays(nights: tuple[Told, Told, str]) -> None:
    told, _, log = nights
    assert {name.partition(".")[0]: each[:2] for name, each in told.sources.items()} == {
        "absurd": ("unusable", FIRST),
        "broken": ("unusable", FIRST),
        "new": ("unusable", None),
        "retyped": ("unusable", FIRST),
        "sound": ("fresh", NEXT),
        "spoiled": ("stale", FIRST),
    }
    why = {name.partition(".")[0]: reason for name, (_, _, reason) in told.sources.items()}
    assert "is no YAML" in why["broken"] and "broken/permits.yaml: is no YAML" in log
    assert "rows of raw.retyped__permits have bigint" in why["retyped"]
    assert "absurdity.logicalTypeOptions.pattern: PostgreSQL" in why["absurd"]
    assert "'Count': use a-z" in why["new"]
    assert told.read == ["absurd", "broken", "retyped", "sound", "sound", "spoiled"]
    assert told.build.state == "open" and not told.build.is_full_refresh


def test_everybody_is_told_which_and_why(nights: tuple[Told, Told, str]) -> None:
    told, _, _ = nights
    unusable = ["absurd", "broken", "new", "retyped"]
    assert told.warned == unusable
    late = told.digest.partition("Nguồn chậm")[2]
    for name in unusable:
        assert f"{name}.permits: không nạp được vì bản mô tả nguồn có lỗi" in late
        assert told.listed[f"{name}.permits"] == ("unusable", True)
    assert told.listed["sound.permits"] == ("fresh", False)


def test_a_retired_or_drafted_one_has_no_part_in_a_night(tmp_path: Path) -> None:
    settings = Settings(project=tmp_path, home=tmp_path / "home")
    for system, status in {
        "a": "active",
        "b": "draft",
        "c": "retired",
        "d": "'retired'",
        "e": "deprecated",
    }.items():
        path = write(settings, system)
        path.write_text(path.read_text().replace("status: active", f"status: {status}"))
    assert night.systems(settings) == ["a", "e"]
    assert [name for name, each in contracts(settings).items() if each.is_retired] == [
        "c.permits",
        "d.permits",
    ]


def test_a_batch_that_can_t_be_judged_is_held_and_keeps_nobody_waiting(
    nights: tuple[Told, Told, str],
) -> None:
    told, _, _ = nights
    assert told.batches["sound.permits"] == ("accepted", None)
    state, why = told.batches["spoiled.permits"]
    assert state == "held" and why.startswith("Kho failed on judging it (KeyError)")


def test_once_mended_it_loads_what_came_meanwhile(nights: tuple[Told, Told, str]) -> None:
    _, mended, _ = nights
    assert {each[:2] for name, each in mended.sources.items() if name != "spoiled.permits"} == {
        ("fresh", NEXT)
    }
    assert mended.warned == ["absurd", "broken", "new", "retyped"]  # of the night before it was mended
