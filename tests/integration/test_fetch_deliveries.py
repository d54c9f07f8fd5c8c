"""Every transport keeps the same promises: what is new or changed is taken, once, and nothing else."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest

from kho.archive import Archive
from kho.fetch import FetchFailed, connections, fetch, folder, listing
from kho.fetch.transport import Incomplete
from kho.settings import Settings
from kho_sample import servers
from tests.integration import fetching
from tests.integration.fetching import arrivals, failures, put, run

CONTRACTS = list(fetching.NAMES)


@pytest.fixture(scope="module")
def running(module_warehouse: Settings) -> Iterator[Settings]:
    fetching.empty(module_warehouse)
    with servers.running(module_warehouse):
        yield module_warehouse


@pytest.fixture
def served(running: Settings) -> Settings:
    """A warehouse that has fetched nothing yet, and empty exports that are served."""
    fetching.empty(running)
    return running


@pytest.mark.parametrize("name", CONTRACTS)
def test_new_deliveries_are_taken_and_unchanged_ones_are_not_read_again(served: Settings, name: str) -> None:
    path = put(served, name, "20210401")
    put(served, name, "20210402", word="b")
    assert run(served, name).taken == [fetching.NAMES[name].format(day) for day in ("20210401", "20210402")]
    first, second = arrivals(served, name)
    assert first["business_date"] == date(2021, 4, 1) and first["size_bytes"] == len(first["bytes"])
    assert b"a" in first["bytes"] and first["sha256"] != second["sha256"]

    # Other bytes that the listing does not show: a fetch that read the file again would find them.
    stat = path.stat()
    path.write_bytes(path.read_bytes().replace(b"a", b"c"))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    report = run(served, name)
    assert (report.taken, report.unchanged) == ([], 2)
    assert len(arrivals(served, name)) == 2


@pytest.mark.parametrize("name", CONTRACTS)
def test_other_bytes_under_the_same_name_arrive_again(served: Settings, name: str) -> None:
    put(served, name, "20210401")
    run(served, name)
    put(served, name, "20210401", word="corrected", age=60)
    assert len(run(served, name).taken) == 1
    first, second = arrivals(served, name)
    assert first["delivery_id"] == second["delivery_id"] and b"corrected" in second["bytes"]
    put(served, name, "20210401", age=30)  # and back to what it was
    run(served, name)
    assert [one["sha256"] for one in arrivals(served, name)] == [
        first["sha256"],
        second["sha256"],
        first["sha256"],
    ]


@pytest.mark.parametrize("name", CONTRACTS)
def test_a_touched_file_is_no_new_arrival(served: Settings, name: str) -> None:
    put(served, name, "20210401")
    run(served, name)
    put(served, name, "20210401", age=60)
    report = run(served, name)
    assert (report.taken, report.unchanged) == ([], 1)
    assert len(arrivals(served, name)) == 1


@pytest.mark.parametrize("name", ["one_stop.dossiers"])
def test_the_same_bytes_under_two_names_are_two_deliveries(served: Settings, name: str) -> None:
    put(served, name, "20210310")
    put(served, name, "20210310", suffix="_b")
    assert run(served, name).taken == ["dossiers_20210310.csv", "dossiers_20210310_b.csv"]
    first, second = arrivals(served, name)
    assert first["sha256"] == second["sha256"] and first["delivery_id"] != second["delivery_id"]


@pytest.mark.parametrize("name", CONTRACTS)
def test_a_night_takes_nothing_of_later_days_and_a_later_night_takes_what_came_late(
    served: Settings, name: str
) -> None:
    put(served, name, "20210529")
    put(served, name, "20210531")
    put(served, name, "20210601")
    report = run(served, name, date(2021, 5, 31))
    assert len(report.taken) == 2 and report.later == [fetching.NAMES[name].format("20210601")]
    put(served, name, "20210530")  # two days late, dropped in out of order
    run(served, name)
    days = [one["business_date"].day for one in arrivals(served, name)]
    assert days == [29, 31, 30, 1]


@pytest.mark.parametrize("name", CONTRACTS)
def test_a_bad_file_name_fails_alone(served: Settings, name: str) -> None:
    put(served, name, "20210231")
    put(served, name, "20210401")
    odd = put(served, name, "20210402")
    odd.rename(odd.with_name("ghi chú.txt"))
    with pytest.raises(FetchFailed, match=f"{name}: 1 files.*\n.*what its name holds is no date"):
        run(served, name)
    assert [one["business_date"] for one in arrivals(served, name)] == [date(2021, 4, 1)]
    reasons = dict(failures(served, name))
    assert "yyyymmdd" in reasons.pop(fetching.NAMES[name].format("20210231"))
    assert reasons == {"ghi chú.txt": "not named as the contract's fileName says"}


@pytest.mark.parametrize("name", CONTRACTS)
def test_unfinished_and_hidden_names_are_left_alone(served: Settings, name: str) -> None:
    path = put(served, name, "20210401")
    path.rename(path.with_name(f"{path.name}.part"))
    hidden = put(served, name, "20210402")
    hidden.rename(hidden.with_name(f".{hidden.name}"))
    report = run(served, name)
    assert (report.taken, report.unknown, report.failed) == ([], [], {})


@pytest.mark.parametrize("name", CONTRACTS)
def test_two_fetches_at_once_take_each_delivery_once(served: Settings, name: str) -> None:
    for day in range(10, 20):
        put(served, name, f"202104{day}")
    with ThreadPoolExecutor(3) as pool:
        reports = list(pool.map(lambda _: run(served, name), range(3)))
    assert sum(len(report.taken) for report in reports) == 10
    assert len(arrivals(served, name)) == 10


@pytest.mark.parametrize("name", ["one_stop.dossiers", "portal.items"])
def test_a_contract_without_its_connection_says_where_to_put_it(served: Settings, name: str) -> None:
    with pytest.raises(FetchFailed, match=r"no connection (one_stop_sftp|portal_api).*connections\.json"):
        fetch(served, fetching.contract(name), fetching.JUNE)
    assert len(failures(served, name)) == 1


def test_a_missing_folder_is_told(served: Settings) -> None:
    (served.exports / "one_stop" / "procedures").rmdir()
    with pytest.raises(FetchFailed, match="one_stop/procedures can't be listed"):
        run(served, "one_stop.procedures")


def test_a_growing_file_of_a_folder_is_left_for_later(served: Settings) -> None:
    path = put(served, "one_stop.procedures", "20210401", rows=200_000)
    opened = folder.Folder(path.parent)
    (listed,) = opened.files()
    chunks = opened.read(listed)
    next(chunks)
    with path.open("ab") as file:
        file.write(b"more")
    with pytest.raises(Incomplete, match="still being written"):
        list(chunks)


def test_a_file_just_written_is_taken_once_it_has_settled(
    served: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "SETTLE_SECONDS", 0.3)
    put(served, "one_stop.procedures", "20210401", age=0)
    assert len(run(served, "one_stop.procedures").taken) == 1
    # So fresh a file may change again without another size or time: it is compared by its bytes for a while.
    path = put(served, "one_stop.procedures", "20210401", word="b", age=0)
    assert path.exists() and len(run(served, "one_stop.procedures").taken) == 1


@pytest.mark.parametrize("name", ["portal.items", "documents.deliveries"])
def test_a_broken_delivery_of_an_api_does_not_hide_the_others(served: Settings, name: str) -> None:
    path = put(served, name, "20210331")
    path.write_bytes(b'{"items": [{"id": ')
    os.utime(path, (1, 1))
    put(served, name, "20210430")
    with contextlib.suppress(FetchFailed):
        run(served, name)
    assert fetching.NAMES[name].format("20210430") in {one["name"] for one in arrivals(served, name)}


def test_a_fetch_killed_anywhere_and_run_again_ends_the_same(served: Settings) -> None:
    name = "one_stop.dossiers"
    for day in range(10, 30):
        put(served, name, f"202104{day}", rows=500, word=f"row{day}")
    script = (
        "import sys; from pathlib import Path; from kho.settings import Settings; from tests.integration import fetching; "
        f"settings = Settings(home=Path({str(served.home)!r}), warehouse_database={served.warehouse_database!r}); "
        f"fetching.run(settings, {name!r})"
    )
    for wanted in (2, 9):
        process = subprocess.Popen([sys.executable, "-c", script], cwd=served.project)
        while len(arrivals(served, name)) < wanted and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
    run(served, name)
    found = arrivals(served, name)
    assert [one["business_date"].day for one in found] == list(range(10, 30))
    assert all(f"row{one['business_date'].day}".encode() in one["bytes"] for one in found)
    drafts = list(served.archive.glob(".draft-*"))
    for draft in drafts:
        os.utime(draft, (0, 0))
    Archive.of(served).remove_old_drafts()
    assert not list(served.archive.glob(".draft-*"))


@pytest.mark.parametrize("name", CONTRACTS)
def test_a_listing_tells_what_each_file_is_and_takes_nothing(served: Settings, name: str) -> None:
    put(served, name, "20210401")
    put(served, name, "20210231")
    put(served, name, "00010101")
    odd = put(served, name, "20210402")
    odd.rename(odd.with_name("ghi chú.txt"))
    found = fetching.contract(name)
    offered = listing(served, found, fetching.JUNE, connections(served).get(found.server.connection))
    kinds = {one.file.name: (one.kind, one.day) for one in offered if one.kind != "beside"}
    assert kinds == {
        fetching.NAMES[name].format("20210231"): ("misdated", None),
        fetching.NAMES[name].format("00010101"): ("misdated", None),
        fetching.NAMES[name].format("20210401"): ("delivery", date(2021, 4, 1)),
        "ghi chú.txt": ("unknown", None),
    }
    assert not arrivals(served, name) and not failures(served, name)


def test_a_listing_that_fails_says_why(served: Settings) -> None:
    with pytest.raises(FetchFailed, match=r"no connection portal_api.*connections\.json"):
        listing(served, fetching.contract("portal.items"), fetching.JUNE)
