"""What came to nothing is asked for again; and what is no regular file of its folder is never opened."""

from __future__ import annotations

import gzip
import os
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import Response
from typer.testing import CliRunner

from kho import settings
from kho.cli import app
from kho.contract import Contract
from kho.database import connect
from kho.fetch import Connection, FetchFailed, fetch, listing
from kho.load import load
from kho.settings import Settings
from kho_sample import servers
from tests import contracts
from tests.integration import fetching
from tests.integration.fetching import JUNE, arrivals, empty, failures, write
from tests.integration.test_fetch_url import Site, authority, connection, made, site
from tests.owner import as_owner

__all__ = ["authority", "connection", "made", "site"]  # fixtures

NAME = "registry.permits"
NAMED = r"permits_(?P<business_date>\d{8})\.csv"
LOGIN = b"<!DOCTYPE html><html><body><form action=/login></form></body></html>"
GOOD = b"code\n1\n"


@pytest.fixture
def warehouse(module_warehouse: Settings) -> Settings:
    empty(module_warehouse)
    return module_warehouse


def states(settings: Settings) -> list[str]:
    with connect(settings, "kho_auditor") as session:
        return [state for (state,) in session.execute("select state from ledger.batch order by batch_id")]


@pytest.mark.parametrize("location", ["{business_date:%Y%m%d}.csv", "permits.csv"])
@pytest.mark.parametrize("versions", [({}, {}), ({"ETag": '"a"'}, {"ETag": '"b"'})])
def test_a_login_page_under_a_days_name_does_not_keep_the_file_away(
    warehouse: Settings,
    site: Site,
    connection: Connection,
    made: Callable[..., Contract],
    location: str,
    versions: tuple[dict[str, str], dict[str, str]],
) -> None:
    contract, path = made(location, "none", "csv"), location.format(business_date=JUNE)
    site.files[path] = LOGIN, versions[0]
    fetch(warehouse, contract, JUNE, connection)
    # Not judged yet: it is not asked for.
    site.asked.clear()
    fetch(warehouse, contract, JUNE, connection)
    assert not [one for one in site.asked if one.startswith("GET")]
    load(warehouse, contract)
    again = fetch(warehouse, contract, JUNE, connection)
    assert (again.taken, again.unchanged, len(arrivals(warehouse, NAME))) == ([], 1, 1)
    site.files[path] = GOOD, versions[1]
    assert fetch(warehouse, contract, JUNE, connection).taken == ["permits_20210630.csv"]
    load(warehouse, contract)
    assert states(warehouse) == ["unreadable", "pending"]
    # What is good is not asked for any more.
    site.files[path] = LOGIN, versions[0]
    assert fetch(warehouse, contract, JUNE, connection).taken == []


def test_a_known_version_that_came_to_nothing_is_not_sent_again(
    warehouse: Settings, site: Site, connection: Connection, made: Callable[..., Contract]
) -> None:
    contract = made("{business_date:%Y%m%d}.csv", "none", "csv")
    site.files["20210630.csv"] = LOGIN, {"ETag": '"a"'}
    fetch(warehouse, contract, JUNE, connection)
    load(warehouse, contract)
    site.asked.clear()
    fetch(warehouse, contract, JUNE, connection)
    assert site.asked == ["HEAD /20210630.csv"]


def test_pages_of_a_day_whose_batch_was_withdrawn_are_asked_for_again(
    warehouse: Settings, site: Site, connection: Connection, made: Callable[..., Contract]
) -> None:
    contract = made("numbered?day={business_date}", "page")
    site.records["2021-06-30"] = [{"code": "1"}]
    fetch(warehouse, contract, JUNE, connection)
    (batch,) = load(warehouse, contract)
    site.records["2021-06-30"] = [{"code": "2"}]
    assert fetch(warehouse, contract, JUNE, connection).taken == []
    with as_owner(warehouse) as session:
        session.execute("update ledger.batch set state = 'withdrawn' where batch_id = %s", [batch.batch_id])
    assert fetch(warehouse, contract, JUNE, connection).taken == ["permits_20210630.json"]


def test_everything_of_a_date_is_asked_for_again_on_demand(
    warehouse: Settings, site: Site, connection: Connection, made: Callable[..., Contract]
) -> None:
    contract = made("{business_date:%Y%m%d}.csv", "none", "csv")
    version = {"ETag": '"always"'}
    site.files["20210630.csv"] = GOOD, version
    fetch(warehouse, contract, JUNE, connection)
    assert fetch(warehouse, contract, JUNE, connection, again=True).unchanged == 1
    site.files["20210630.csv"] = b"code\n2\n", version
    assert fetch(warehouse, contract, JUNE, connection).taken == []
    assert fetch(warehouse, contract, JUNE, connection, again=True).taken == ["permits_20210630.csv"]
    assert [one["bytes"] for one in arrivals(warehouse, NAME)] == [GOOD, b"code\n2\n"]


# Versions that tell nothing


@pytest.mark.parametrize(
    ("of_head", "of_get"),
    [
        ("Wed, 30 Jun 2021 01:00:00 GMT", "Wed, 30 Jun 2021 01:00:07 GMT"),  # of two caches
        ("now", "now"),
        (None, '"a"'),
    ],
)
def test_versions_that_cannot_be_compared_keep_no_file_away(
    warehouse: Settings,
    site: Site,
    connection: Connection,
    made: Callable[..., Contract],
    of_head: str | None,
    of_get: str,
) -> None:
    def answer(request: Request) -> Response:
        told = of_head if request.method == "HEAD" else of_get
        headers = {"ETag" if told.startswith('"') else "Last-Modified": told} if told else {}
        if told == "now":
            moments.append(moments[-1] + 1)
            headers = {"Last-Modified": formatdate(moments[-1], usegmt=True)}
        return Response(GOOD, headers=headers)

    moments = [time.time()]
    site.trouble = answer
    contract = made("permits.csv", "none", "csv")
    assert fetch(warehouse, contract, JUNE, connection).taken == ["permits_20210630.csv"]
    assert arrivals(warehouse, NAME)[0]["bytes"] == GOOD


def test_a_packed_file_is_kept_as_it_was_sent(
    warehouse: Settings, site: Site, connection: Connection, made: Callable[..., Contract]
) -> None:
    packed = gzip.compress(GOOD)
    site.files["permits.csv.gz"] = packed, {"Content-Encoding": "gzip"}
    contract = made("permits.csv.gz", "none", "csv", compression="gzip")
    fetch(warehouse, contract, JUNE, connection)
    assert arrivals(warehouse, NAME)[0]["bytes"] == packed
    (batch,) = load(warehouse, contract)
    assert (batch.state, batch.rows_loaded) == ("pending", 1)


@pytest.mark.parametrize("status", [204, 404])
@pytest.mark.parametrize(("location", "paging"), [("numbered", "page"), ("offset", "offset")])
def test_no_page_behind_the_last_one_is_the_end(
    warehouse: Settings,
    site: Site,
    connection: Connection,
    made: Callable[..., Contract],
    status: int,
    location: str,
    paging: str,
) -> None:
    site.records[None] = [{"code": str(number)} for number in range(4)]
    site.trouble = lambda request: Response(status_code=status) if len(site.asked) > 2 else None
    assert len(fetch(warehouse, made(location, paging, pageSize=2), JUNE, connection).taken) == 1
    site.asked[:] = ["", "", ""]
    later = fetch(warehouse, made(location, paging, pageSize=2), fetching.date(2021, 7, 1), connection)
    assert "not there yet" in later.incomplete["permits_20210701.json"]


# Links and names


def folder_contract(folder: Path) -> Contract:
    place = {"type": "local", "path": "registry/permits", "format": "csv"}
    return contracts.read(folder, contracts.document(place, fileName=NAMED))


@pytest.fixture
def drop(warehouse: Settings) -> Path:
    folder = warehouse.exports / "registry" / "permits"
    write(folder / "permits_20210629.csv", GOOD)
    return folder


def test_links_and_pipes_of_a_folder_are_told_once_and_never_opened(
    warehouse: Settings, drop: Path, tmp_path: Path
) -> None:
    secret = write(tmp_path / "secret", b"code\nsecret\n")
    (drop / "permits_20210630.csv").symlink_to(secret)
    (drop / "permits_20210628.csv").symlink_to(tmp_path / "nothing")
    os.mkfifo(drop / "permits_20210627.csv")
    contract = folder_contract(tmp_path)
    for _ in range(2):
        fetched = fetch(warehouse, contract, JUNE)
        assert sorted(fetched.links) == [f"permits_202106{day}.csv" for day in (27, 28, 30)]
        assert "hand over the file itself" in str(fetched)
    assert [one["bytes"] for one in arrivals(warehouse, NAME)] == [GOOD]
    assert len(failures(warehouse, NAME)) == 3
    assert {each.kind for each in listing(warehouse, contract, JUNE)} == {"delivery", "link"}


def test_a_folder_that_is_a_link_out_of_the_exports_is_not_read(
    warehouse: Settings, drop: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    drop.rename(elsewhere)
    drop.symlink_to(elsewhere)
    with pytest.raises(FetchFailed, match="Kho reads nothing outside"):
        fetch(warehouse, folder_contract(tmp_path), JUNE)
    assert not arrivals(warehouse, NAME)


ODD = [
    "permits_20210630.csv\x1b[2J",
    "hồ sơ.txt".encode("cp1258", "ignore").decode("utf-8", "surrogateescape"),
]


def test_a_name_in_no_letters_is_told_as_unknown_and_stops_nobody(
    warehouse: Settings, drop: Path, tmp_path: Path
) -> None:
    for name in (*ODD, "b\xe9.txt".encode("latin-1").decode("utf-8", "surrogateescape")):
        write(drop / name, GOOD)
    fetched = fetch(warehouse, folder_contract(tmp_path), JUNE)
    assert fetched.taken == ["permits_20210629.csv"]
    assert {"permits_20210630.csv?[2J", "b?.txt"} <= set(fetched.unknown)
    assert all(name.isprintable() for name, _ in failures(warehouse, NAME))
    str(fetched).encode()


@pytest.fixture(scope="module")
def sftp(module_warehouse: Settings) -> Iterator[Settings]:
    empty(module_warehouse)
    with servers.running(module_warehouse):
        yield module_warehouse


def test_sftp_opens_no_link_and_takes_what_stands_beside_an_odd_name(sftp: Settings, tmp_path: Path) -> None:
    empty(sftp)
    good = fetching.put(sftp, "one_stop.dossiers", "20210629")
    linked = fetching.put(sftp, "one_stop.dossiers", "20210630", word="b")
    linked.rename(linked.with_name("real"))
    linked.symlink_to("real")
    write(good.with_name("b\xe9.txt".encode("latin-1").decode("utf-8", "surrogateescape")), b"")
    fetched = fetching.run(sftp, "one_stop.dossiers")
    assert (fetched.taken, fetched.links) == ([good.name], [linked.name])
    assert sorted(fetched.unknown) == ["b?.txt", "real"]


# The command


@pytest.fixture
def kho(sftp: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., tuple[int, str]]]:
    """Types `kho source fetch …`; gives its exit code and what it said."""
    empty(sftp)
    monkeypatch.setenv("KHO_HOME", str(sftp.home))
    monkeypatch.setenv("KHO_WAREHOUSE_DATABASE", sftp.warehouse_database)
    settings.settings.cache_clear()

    def type_in(*words: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, ["source", "fetch", *words])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, result.output

    yield type_in
    settings.settings.cache_clear()


def test_a_source_is_fetched_on_demand_and_says_what_was_taken(
    sftp: Settings, kho: Callable[..., tuple[int, str]]
) -> None:
    path = fetching.put(sftp, "one_stop.dossiers", "20210630")
    name, asked = path.name, ("one_stop.dossiers", "--date", "2021-06-30")
    code, told = kho(*asked)
    assert code == 0 and f"taken: {name}" in told and "kho run --date 2021-06-30" in told
    for words in (asked, (*asked, "--again")):
        code, told = kho(*words)
        assert code == 0 and "1 unchanged" in told and "taken:" not in told

    # Other bytes that the listing does not show are taken when they are asked for.
    state = path.stat()
    path.write_bytes(path.read_bytes().replace(b"a;", b"c;"))
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert "taken:" not in kho(*asked)[1]
    assert f"taken: {name}" in kho(*asked, "--again")[1]

    path.with_name(f"{name}.ctl").write_text("rows=99\n")
    code, told = kho(*asked, "--again")
    assert code == 1 and "not complete yet" in told


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["one_stop.nothing"], 2, "there is no contract one_stop.nothing"),
        (["one_stop.dossiers", "--date", "9999-12-31"], 2, "no business date"),
        (["portal.items"], 1, "no connection portal_api"),
    ],
)
def test_what_cannot_be_fetched_is_told_with_its_exit_code(
    sftp: Settings, kho: Callable[..., tuple[int, str]], words: list[str], code: int, told: str
) -> None:
    known = sftp.home / "connections.json"
    whole = known.read_text()
    known.write_text("{}")
    try:
        found, text = kho(*words)
    finally:
        known.write_text(whole)
    assert found == code and told in " ".join(text.replace("│", "").split())
