"""Days gone by are made up for in their order; killed, a backfill goes on; a table tells of each day."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from kho import backfill
from kho.backfill import Outcome
from kho.cli import app
from kho.cli import backfill as shown
from kho.contract import contracts
from kho.contract.schedule import yesterday
from kho.database import connect
from kho.ledger import batches, decisions
from kho.settings import Settings
from tests.contracts import document
from tests.integration.loading import deliver, rows

FIRST, LAST = date(2021, 1, 4), date(2021, 1, 8)
#: of these, the first has no row that can be loaded, and the second is not there
BROKEN, ABSENT = date(2021, 1, 5), date(2021, 1, 6)
PERMITS, LISTS = "registry.permits", "desk.lists"


def days(first: date = FIRST, last: date = LAST) -> list[date]:
    return [first + timedelta(n) for n in range((last - first).days + 1)]


@pytest.fixture
def sources(warehouse: Settings, tmp_path: Path) -> Settings:
    """Two systems: one writes every day, the other once a month; and no model."""
    project = tmp_path / "project"
    for name, unit in ((PERMITS, "d"), (LISTS, "m")):
        system, entity = name.split(".")
        server = {"type": "local", "path": f"{system}/{entity}", "format": "csv", "encoding": "utf-8"}
        contract = document(
            server, fileName=rf"{entity}_(?P<business_date>\d{{8}})\.csv", delimiter=";", unit=unit
        )
        path = project / "contracts" / system / f"{entity}.yaml"
        path.parent.mkdir(parents=True)
        path.write_text(yaml.safe_dump(contract | {"id": name}))
        (warehouse.exports / system / entity).mkdir(parents=True)
    (project / "dbt_project").mkdir()
    (project / "dbt_project" / "seeds").symlink_to(warehouse.project / "dbt_project" / "seeds")
    (project / "expectations").symlink_to(warehouse.project / "expectations")
    for day in days():
        if day != ABSENT:
            lines = [f"{day:%d}-{n}" for n in range(3)] if day != BROKEN else ["a;b;c"] * 3
            write(warehouse, day, lines)
    (warehouse.exports / "desk" / "lists" / "lists_20210131.csv").write_text("code\nA\n")
    return warehouse.model_copy(update={"project": project})


def write(settings: Settings, day: date, codes: list[str]) -> None:
    file = settings.exports / "registry" / "permits" / f"permits_{day:%Y%m%d}.csv"
    file.write_text("\n".join(["code", *codes, ""]))


def run(settings: Settings, first: date = FIRST, last: date = LAST) -> list[backfill.Part]:
    parts = backfill.parts(settings, first, last)
    assert backfill.bring(settings, backfill.left(settings, parts)) == []
    return parts


def loaded(settings: Settings) -> list[dict]:
    return rows(
        settings,
        "select contract, business_date, state, rows_loaded, rows_rejected, count(*) from ledger.batch"
        " group by 1, 2, 3, 4, 5 order by 1, 2",
    )


def judged(settings: Settings) -> list[dict]:
    """On which night each batch was judged."""
    return rows(
        settings,
        "select b.contract, b.business_date as day, array_agg(distinct v.business_date) as night"
        " from ledger.verdict v join ledger.batch b using (batch_id) group by 1, 2 order by 1, 2",
    )


def test_each_day_is_loaded_and_judged_before_the_next_and_what_is_held_or_missing_is_told(
    sources: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = run(sources)
    assert {part.system for part in parts} == {"registry"}  # the list is due at the end of the month
    assert all(each["night"] == [each["day"]] for each in judged(sources))
    assert len(judged(sources)) == len(days()) - 1
    told = {each.day: each for each in backfill.outcomes(sources, parts)}
    assert told[BROKEN] == Outcome(BROKEN, (), (PERMITS,), ())
    assert told[ABSENT] == Outcome(ABSENT, (), (), (PERMITS,))
    assert all(told[day] == Outcome(day, (PERMITS,), (), ()) for day in days() if day not in (BROKEN, ABSENT))
    shown.show(sources, parts)
    table = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["2021-01-04", "1"] in table and ["2021-01-07", "–", "2021-01-08", "2"] in table
    assert ["2021-01-05", "0", PERMITS] in table and ["2021-01-06", "0", PERMITS] in table

    # What is done is not done again.
    before = loaded(sources)
    # Of the newest export some files may have come and others not.
    assert {part.day for part in backfill.left(sources, parts)} == {ABSENT, LAST}
    write(sources, ABSENT, ["late"])
    run(sources)
    assert [each for each in loaded(sources) if each["business_date"] != ABSENT] == before
    assert {each["business_date"] for each in loaded(sources)} == set(days())
    # What a person decided stands.
    ((held, *_),) = batches.batches(sources, PERMITS, "held")
    decisions.withdraw(sources, held, actor="thu", reason="it is empty")
    assert {part.day for part in backfill.left(sources, parts)} == {LAST}
    assert (*batches.batches(sources, batch_id=held)[0],)[4] == "withdrawn"
    assert [each.held for each in backfill.outcomes(sources, parts) if each.held] == [
        (f"{PERMITS} (withdrawn)",)
    ]


def test_killed_it_goes_on_to_the_same_end(sources: Settings, tmp_path: Path) -> None:
    script = (
        "from datetime import date; from kho import backfill; from kho.settings import settings;"
        f" it = settings(); backfill.bring(it, backfill.parts(it, {FIRST!r}, {LAST!r}))"
    ).replace("datetime.date", "date")
    environment = os.environ | {
        "KHO_HOME": str(sources.home),
        "KHO_PROJECT": str(sources.project),
        "KHO_WAREHOUSE_DATABASE": sources.warehouse_database,
    }
    for files in (1, 3):
        process = subprocess.Popen([sys.executable, "-c", script], env=environment)
        deadline = time.monotonic() + 300
        while len(loaded(sources)) < files:
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
    run(sources)
    assert [(each["business_date"], each["count"]) for each in loaded(sources)] == [
        (day, 1) for day in days() if day != ABSENT
    ]
    assert [each["state"] for each in loaded(sources)].count("accepted") == len(days()) - 2
    assert not rows(sources, "select 1 from ledger.batch where state = 'pending'")


def test_a_system_that_fails_stops_no_other_and_is_told(sources: Settings) -> None:
    last = date(2021, 1, 31)
    with connect(sources, "kho_loader") as connection:
        connection.execute("create table raw.desk__lists (code text)")  # can't be loaded into
    failed = backfill.bring(sources, backfill.parts(sources, LAST, last)[-2:])
    assert [(day, system) for day, system, _ in failed] == [(last, "desk")]
    assert {each["contract"] for each in loaded(sources)} == {PERMITS}


def test_a_source_that_gives_only_what_it_holds_now_is_asked_for_its_newest_date(sources: Settings) -> None:
    path = sources.project / "contracts" / "registry" / "permits.yaml"
    text = yaml.safe_load(path.read_text())
    text["servers"] = [
        {
            "server": "production",
            "type": "api",
            "location": "https://{connection}/permits",
            "customProperties": [
                {"property": name, "value": value}
                for name, value in (
                    ("format", "json"),
                    ("encoding", "utf-8"),
                    ("connection", "registry"),
                    ("paging", "page"),
                )
            ],
        }
    ]
    path.write_text(yaml.safe_dump(text))
    assert [part.day for part in backfill.parts(sources, FIRST, LAST)] == [LAST]


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        (LAST, FIRST, "is after"),
        (FIRST, yesterday() + timedelta(1), "is not over yet"),
        (date(1999, 12, 1), LAST, "is no business date"),
    ],
)
def test_days_that_can_not_be_made_up_for_are_refused(
    sources: Settings, first: date, last: date, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        backfill.parts(sources, first, last)
    typed = CliRunner().invoke(app, ["run", "--from", str(first), "--to", str(last)])
    assert typed.exit_code == 2 and said in " ".join(typed.output.split())


def test_days_before_a_system_begins_or_of_which_nothing_is_due_are_refused(sources: Settings) -> None:
    seeds = sources.project / "dbt_project" / "seeds"
    real = seeds.resolve()
    seeds.unlink()
    seeds.mkdir()
    for file in real.iterdir():
        (seeds / file.name).symlink_to(file)
    (seeds / "system_operation.csv").unlink()
    (seeds / "system_operation.csv").write_text(
        "system,agency_code,includes_departments,operated_from,operated_to\n"
        "registry,H51.12,true,2021-01-06,2021-01-08\nregistry,H51.13,true,2021-01-07,\ndesk,H51.12,true,2021-02-01,\n"
    )
    assert [part.day for part in backfill.parts(sources, FIRST, LAST)] == days(date(2021, 1, 6))
    with pytest.raises(
        ValueError, match="the first system of the register of operation begins on 2021-01-06"
    ):
        backfill.parts(sources, date(2020, 1, 1), date(2020, 12, 31))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--to", "2021-01-10"], "needs --from"),
        (["--from", "2021-01-04", "--date", "2021-01-10"], "goes with neither"),
    ],
)
def test_options_that_do_not_go_together_are_told(options: list[str], said: str) -> None:
    typed = CliRunner().invoke(app, ["run", *options])
    assert typed.exit_code == 2 and said in typed.output


def test_what_need_not_be_there_yet_is_not_missing(sources: Settings) -> None:
    path = sources.project / "contracts" / "registry" / "permits.yaml"
    contract = yaml.safe_load(path.read_text())
    contract["slaProperties"].append({"property": "latency", "value": 1, "unit": "d"})
    path.write_text(yaml.safe_dump(contract))
    last = yesterday()
    first = last - timedelta(2)
    parts = [part for part in backfill.parts(sources, first, last) if part.system == "registry"]
    deliver(sources, contracts(sources)[PERMITS], "permits.csv", b"code\nA\n", first)
    told = [(each.held, each.missing) for each in backfill.outcomes(sources, parts)]
    assert told == [((f"{PERMITS} (not loaded)",), ()), ((), (PERMITS,)), ((), ())]
