"""An event log of another country enters the dossiers: its figures are those that pandas counts from its files."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from kho import night
from kho.contract import read_contract
from kho.database import connect
from kho.figures.figures import figures
from kho.load import raw
from kho.settings import Settings
from kho.transform.project import run
from tests.integration import nights
from tests.integration.loading import rows
from tests.integration.test_touched_keys import contents
from tests.owner import as_owner
from tests.projects import copied, of_project

FIXTURE = Path(__file__).parent / "permits"
ZONE = ZoneInfo("Europe/Amsterdam")
FIRST, HALF, LAST = date(2011, 10, 3), date(2011, 10, 21), date(2011, 11, 4)
SOME_DAYS = "2011-10-10..2011-10-20"

UNION = "dbt_project/models/warehouse/unions/union_dossier.sql"
SEEDS = {
    "systems": ["permits,Omgevingsvergunningen,Europe/Amsterdam,yes"],
    "agencies": [
        "NL,NL,Provincie Polderland,Polderland,district,,2010-01-01,",
        "NL.1,0001,Gemeente Noorddorp,Noorddorp,commune,NL,2010-01-01,",
        "NL.2,0002,Gemeente Zuidstad,Zuidstad,commune,NL,2010-01-01,",
    ],
    "system_operation": ["permits,NL.1,true,2010-01-01,", "permits,NL.2,true,2010-01-01,"],
    "fields": ["permits,Bouw,construction,Bouw", "permits,Milieu,environment,Milieu"],
    "code_mappings": [
        "agency,permits,Noorddorp,NL.1",
        "agency,permits,Zuidstad,NL.2",
        "channel,permits,Internet,online",
        "channel,permits,Balie,direct",
        "channel,permits,Post,post",
    ],
}


def git(project: Path, *words: str) -> str:
    author = ["-c", "user.name=Kho", "-c", "user.email=kho@localhost"]
    ran = subprocess.run(
        ["git", "-C", str(project), *author, *words], check=True, capture_output=True, text=True
    )
    return ran.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project, committed, and then all that the new system takes."""
    return added(tmp_path_factory.mktemp("project"))


def added(folder: Path) -> Path:
    copy = copied(folder, "contracts", "dbt_project", "expectations")
    git(copy, "init", "--quiet")
    git(copy, "add", "--all")
    git(copy, "commit", "--quiet", "--message", "as it is")
    shutil.copytree(FIXTURE, copy, dirs_exist_ok=True)
    for seed, lines in SEEDS.items():
        with (copy / "dbt_project" / "seeds" / f"{seed}.csv").open("a", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
    union = copy / UNION
    union.write_text(union.read_text().replace("\n]", "\n  ref('stg_permits__events'),\n]"))
    return copy


def test_a_system_of_a_known_kind_takes_its_mappings_and_one_line(project: Path) -> None:
    added = {line[3:] for line in git(project, "status", "--porcelain", "-uall").splitlines() if "??" in line}
    assert added == {
        "contracts/permits/events.yaml",
        "dbt_project/models/staging/permits/stg_permits__events.sql",
        "dbt_project/models/staging/permits/stg_permits__events.yml",
    }
    changed = {
        line.split("\t")[2]: line.split("\t")[:2] for line in git(project, "diff", "--numstat").splitlines()
    }
    assert changed.pop(UNION) == ["1", "0"]
    assert changed == {
        f"dbt_project/seeds/{seed}.csv": [str(len(lines)), "0"] for seed, lines in SEEDS.items()
    }


def event_log(random: Random, cases: int = 400) -> pd.DataFrame:
    """Events of cases with the day whose file they come in: late, again with another time, in no order."""
    made = []

    def stamp(at: datetime) -> str:
        """The same moment as the systems behind the log write it: other offsets, with fractions or without."""
        zone = (
            ZONE if random.random() < 0.8 else random.choice([ZoneInfo("UTC"), ZoneInfo("Asia/Ho_Chi_Minh")])
        )
        return at.astimezone(zone).isoformat(
            sep=" ", timespec=random.choice(["microseconds", "milliseconds", "seconds"])
        )

    for number in range(cases):
        at = datetime(2011, 10, 3, tzinfo=ZONE) + timedelta(minutes=random.randrange(28 * 24 * 60))
        due = at + timedelta(days=random.choice([3, 5, 8]))
        case = {
            "case:concept:name": f"{1000 + number}",
            "gemeente": random.choice(["Noorddorp", "Zuidstad"]),
            "(case) parts": random.choice(["Bouw", "Milieu", "EMPTY"]),
            "(case) kanaal": random.choice(["Internet", "Balie", "Post"]),
            "(case) dueDate": "EMPTY" if random.random() < 0.1 else stamp(due),
        }
        path = ["Aanvraag ontvangen"]
        path += random.choice([[], ["Telefoon"], ["Aanvulling gevraagd", "Aanvulling ontvangen"]])
        path += random.choice(
            [[], ["Besluit genomen"], ["Besluit genomen", "Besluit verzonden"]] * 3
            + [["Aanvraag ingetrokken"]]
        )
        for activity in path:
            event = case | {
                "eventID": f"{len(made)}",
                "activityNameNL": activity,
                "time:timestamp": stamp(at.replace(microsecond=random.choice([0, 688000, 123456]))),
                "org:resource": f"medewerker {random.randrange(9)}",
            }
            if random.random() < 0.3:
                event["(case) dueDate"] = "EMPTY"  # not every screen shows it
            day = at.astimezone(ZONE).date() + timedelta(days=random.choice([0, 0, 0, 1, 4]))
            made.append(event | {"day": day})
            if random.random() < 0.1:
                moved = at + timedelta(hours=random.randrange(1, 40))
                again = {
                    "time:timestamp": stamp(moved),
                    "day": day + timedelta(days=random.choice([0, 1, 2])),
                }
                if again["day"] > day:
                    made.append(event | again)
            at += timedelta(hours=random.randrange(1, 90))
    log = pd.DataFrame(made).sample(frac=1, random_state=random.randrange(1000))
    return log[(log["day"] >= FIRST) & (log["day"] <= LAST)]


def write(settings: Settings, log: pd.DataFrame) -> None:
    """A file a day, also for a day without events."""
    folder = settings.exports / "permits" / "events"
    folder.mkdir(parents=True)
    for day in pd.date_range(FIRST, LAST).date:
        log[log["day"] == day].drop(columns="day").to_csv(folder / f"events_{day:%Y%m%d}.csv", index=False)


def recount(files: Iterable[Path], first: str, last: str) -> dict[tuple[str, str], int]:
    """Figures by scope and metric straight from the files; nothing of the product helps."""
    log = pd.concat(
        [pd.read_csv(path, dtype=str, na_values="EMPTY").assign(file=path.name) for path in sorted(files)],
        ignore_index=True,
    )
    for header in ("time:timestamp", "(case) dueDate"):
        log[header] = pd.to_datetime(log[header], format="ISO8601", utc=True)
    log["place"] = range(len(log))
    log = log.drop_duplicates(["case:concept:name", "eventID"], keep="last")
    log = log.sort_values(["time:timestamp", "file", "place"])
    by_case = log.groupby("case:concept:name")

    def when(activities: list[str], pick: str) -> pd.Series:
        some = log[log["activityNameNL"].isin(activities)].groupby("case:concept:name")["time:timestamp"]
        return some.min() if pick == "first" else some.max()

    cases = by_case[["gemeente", "(case) kanaal", "(case) dueDate"]].last()  # last skips what is empty
    cases["received"] = when(["Aanvraag ontvangen"], "first").reindex(cases.index)
    cases["received"] = cases["received"].fillna(by_case["time:timestamp"].min())
    cases["processed"] = when(["Besluit genomen", "Aanvraag ingetrokken"], "last").reindex(cases.index)

    def day(moments: pd.Series) -> pd.Series:
        return moments.dt.tz_convert(ZONE).dt.tz_localize(None).dt.normalize()

    def within(days: pd.Series) -> pd.Series:
        return (days >= pd.Timestamp(first)) & (days <= pd.Timestamp(last))

    # What was sent has ended, decided or not, and nothing ends before it was received; by day, the last one within.
    cases["processed"] = cases["processed"].fillna(when(["Besluit verzonden"], "first").reindex(cases.index))
    received_on, ended_on, due_on = (day(cases[name]) for name in ("received", "processed", "(case) dueDate"))
    ended_on = ended_on.where(~(ended_on < received_on), received_on)
    received, resolved = within(received_on), within(ended_on)
    on_time = ~((ended_on > due_on) & (due_on >= received_on))
    counted = {
        "dossiers_received": received,
        "dossiers_received_online": received & (cases["(case) kanaal"] == "Internet"),
        "dossiers_resolved": resolved,
        "dossiers_resolved_on_time": resolved & on_time,
        "dossiers_resolved_late": resolved & ~on_time,
    }
    scopes = {"NL": cases["gemeente"].notna()}
    scopes |= {
        code: cases["gemeente"] == name for code, name in (("NL.1", "Noorddorp"), ("NL.2", "Zuidstad"))
    }
    return {
        (scope, metric): int((of & some).sum())
        for scope, of in scopes.items()
        for metric, some in counted.items()
    }


def shown(
    settings: Settings, period: str, expected: Iterable[tuple[str, str]], state: str = "measured"
) -> dict[tuple[str, str], int]:
    """The same from `kho figures`, which must call them so."""
    found = {}
    for scope in ("NL", "NL.1", "NL.2"):
        for figure in figures(settings, scope, period):
            is_whole = figure.level in ("commune", "all") and not figure.detail
            if (scope, figure.metric) in expected and is_whole:
                assert figure.state == state, figure
                found[scope, figure.metric] = int(figure.value)
    return found


def agrees(settings: Settings, files: Iterable[Path], last: date) -> None:
    files = list(files)
    for period, first_day, last_day in (
        ("2011-10-01..2011-10-20", "2011-10-01", "2011-10-20"),
        (SOME_DAYS, *SOME_DAYS.split("..")),
        *([("2011-10", "2011-10-01", "2011-10-31")] if last == LAST else []),
    ):
        expected = recount(files, first_day, last_day)
        assert expected["NL", "dossiers_received"] > 100 and expected["NL", "dossiers_resolved_late"] > 10
        # The log begins on the third day of its month.
        state = "measured" if date.fromisoformat(first_day) >= FIRST else "partial"
        assert shown(settings, period, expected, state) == expected


def take_in(settings: Settings, day: date) -> None:
    night.ingest_system(settings, "permits", day)
    night.check_exports(settings, day)


def run_night(settings: Settings, day: date) -> None:
    take_in(settings, day)
    for layer in night.LAYERS:
        night.build_layer(settings, layer, day)
    night.check_marts(settings)
    night.publish(settings)


def dossiers(settings: Settings) -> set[str]:
    with connect(settings, "kho_transformer") as connection:
        return {code for (code,) in connection.execute("select dossier_code from warehouse.fct_dossier")}


def test_an_event_log_becomes_the_figures_of_a_foreign_agency(warehouse: Settings, project: Path) -> None:
    settings = of_project(warehouse, project)
    write(settings, event_log(Random(2011)))
    folder = settings.exports / "permits" / "events"
    known = sorted(folder.iterdir())

    run_night(settings, HALF)
    agrees(settings, [path for path in known if path.name <= f"events_{HALF:%Y%m%d}.csv"], HALF)
    early = dossiers(settings)

    take_in(settings, LAST)
    nights.run_small_night(settings, LAST)
    assert {batch["state"] for batch in rows(settings, "select state from ledger.batch")} == {"accepted"}
    assert (
        sum(batch["rows_rejected"] for batch in rows(settings, "select rows_rejected from ledger.batch")) == 0
    )
    agrees(settings, known, LAST)
    assert early < dossiers(settings)

    # A day is taken back: what only it told of goes, what it told of others too.
    (taken_back,) = rows(settings, "select batch_id from ledger.batch where business_date = '2011-10-12'")
    before = dossiers(settings)
    nights.decide(settings, taken_back["batch_id"], "withdrawn")
    nights.run_small_night(settings, LAST)
    assert before - dossiers(settings), "some cases were only in the file of that day"
    assert dossiers(settings) < before

    with as_owner(settings) as connection:
        flags = connection.execute(
            "select is_full_refresh from ledger.build where state = 'built' order by build_id"
        ).fetchall()
        assert flags == [(True,), (False,), (False,)]
    step_by_step = contents(settings)["fct_dossier"]
    run(settings, ["run", "--full-refresh", "--select", "fct_dossier"])
    assert contents(settings)["fct_dossier"] == step_by_step

    rest = [path for path in known if path.name != "events_20111012.csv"]
    expected = recount(rest, *SOME_DAYS.split(".."))
    # The figures say that a day of theirs is missing.
    assert shown(settings, SOME_DAYS, expected, "stale") == expected
    assert expected != recount(known, *SOME_DAYS.split(".."))


def test_the_folding_rules_hold(warehouse: Settings, project: Path) -> None:
    """dbt's unit tests of the folded log."""
    settings = of_project(warehouse, project)
    with connect(settings, "kho_loader") as connection:
        raw.ensure(connection, settings, read_contract(project / "contracts" / "permits" / "events.yaml"))
    results = run(settings, ["build", "--select", "+stg_permits__events", "--exclude", "test_type:data"])
    assert {result.node.name: result.message for result in results if result.status == "error"} == {}
    tests = [str(result.status) for result in results if result.node.resource_type == "unit_test"]
    assert tests == ["pass"] * 4


def test_a_staging_model_that_lacks_a_column_of_its_union_is_named(
    built_warehouse: Settings, tmp_path: Path
) -> None:
    copy = added(tmp_path / "project")
    model = copy / "dbt_project/models/staging/permits/stg_permits__events.sql"
    model.write_text(
        model.read_text()
        .replace("  null::bigint as charge_vnd,\n", "")
        .replace("null::bigint as fee", "null as fee")
    )
    settings = of_project(built_warehouse, copy)
    with connect(settings, "kho_loader") as connection:
        raw.ensure(connection, settings, read_contract(copy / "contracts" / "permits" / "events.yaml"))
    _, union = run(settings, ["run", "--select", model.stem, "union_dossier"])
    assert union.status == "error"
    assert (
        "stg_permits__events has fee_vnd as text, not bigint; lacks charge_vnd (bigint): union_dossier needs"
        in union.message
    )


def test_events_are_found_by_their_case(warehouse: Settings, project: Path) -> None:
    """Also in a raw table that was there before its contract named the case."""
    contract = read_contract(project / "contracts" / "permits" / "events.yaml")
    without = contract.model_copy(update={"file": contract.file.model_copy(update={"case_column": None})})
    for each in (without, contract, contract):
        with connect(warehouse, "kho_loader") as connection:
            raw.ensure(connection, warehouse, each)
    indexes = rows(warehouse, "select indexdef from pg_indexes where indexname = 'permits__events__case'")
    assert [each["indexdef"].endswith("(case_code)") for each in indexes] == [True]
