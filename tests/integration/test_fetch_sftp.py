"""SFTP: control totals, the server's host key, lost connections."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import asyncssh
import pytest
from tenacity import wait_none

from kho.fetch import Connection, FetchFailed, connections, transport
from kho.fetch.sftp import Sftp
from kho.fetch.transport import Incomplete, SourceError
from kho.settings import Settings
from kho_sample import servers
from tests.integration import fetching
from tests.integration.fetching import arrivals, failures, put, run, write

NAME = "one_stop.dossiers"


@pytest.fixture(scope="module")
def running(module_warehouse: Settings) -> Iterator[Settings]:
    fetching.empty(module_warehouse)
    with servers.running(module_warehouse):
        yield module_warehouse


@pytest.fixture
def served(running: Settings) -> Settings:
    """A warehouse that has fetched nothing yet, and empty exports that are served."""
    fetching.empty(running)
    servers.write_connections(running)
    return running


def change_connection(settings: Settings, **values: object) -> None:
    path = settings.home / "connections.json"
    known = json.loads(path.read_text())
    known["one_stop_sftp"] |= values
    path.write_text(json.dumps(known))


def test_a_file_without_its_control_file_waits_for_it(served: Settings) -> None:
    path = put(served, NAME, "20210401")
    put(served, NAME, "20210402")
    control = path.with_name(f"{path.name}.ctl")
    text = control.read_text()
    control.unlink()
    report = run(served, NAME)
    assert report.taken == ["dossiers_20210402.csv"]
    assert "its control file ({name}.ctl) is not there" in report.incomplete["dossiers_20210401.csv"]
    assert failures(served, NAME)[0][0] == "dossiers_20210401.csv"
    control.write_text(text)
    assert run(served, NAME).taken == ["dossiers_20210401.csv"]


def test_a_file_shorter_than_its_control_total_is_not_taken_nor_archived(served: Settings) -> None:
    path = put(served, NAME, "20210401", rows=50)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    report = run(served, NAME)
    assert "and its control file announces 50" in report.incomplete[path.name]
    assert not [file for file in served.archive.rglob("*") if file.is_file()]
    path.write_bytes(whole)
    assert run(served, NAME).taken == [path.name]
    assert arrivals(served, NAME)[0]["control_rows"] == 50


def test_a_control_file_that_says_nothing_fails_alone(served: Settings) -> None:
    path = put(served, NAME, "20210401")
    path.with_name(f"{path.name}.ctl").write_text("xong")
    put(served, NAME, "20210402")
    with pytest.raises(FetchFailed, match="holds 4 letters, and should hold rows=<number>"):
        run(served, NAME)
    assert len(arrivals(served, NAME)) == 1


def test_a_header_alone_and_its_control_total_of_zero_are_a_delivery(served: Settings) -> None:
    put(served, NAME, "20210404", rows=0)
    assert run(served, NAME).taken == ["dossiers_20210404.csv"]
    assert arrivals(served, NAME)[0]["control_rows"] == 0


def test_another_host_key_is_refused(served: Settings) -> None:
    put(served, NAME, "20210401")
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
    change_connection(served, extra_dejson={"host_key": other})
    with pytest.raises(FetchFailed, match="does not show the host key that connection one_stop_sftp names"):
        run(served, NAME)
    assert not arrivals(served, NAME)
    assert "somebody stands in between" in failures(served, NAME)[0][1]


def test_a_connection_without_a_host_key_is_refused(served: Settings) -> None:
    change_connection(served, extra_dejson={})
    with pytest.raises(FetchFailed, match="ssh-keyscan"):
        run(served, NAME)


def test_a_wrong_password_is_told(served: Settings) -> None:
    change_connection(served, password="wrong")
    with pytest.raises(
        FetchFailed, match="refuses the login of connection one_stop_sftp: check login, and password or"
    ):
        run(served, NAME)


@contextmanager
def letting_in(
    key: asyncssh.SSHKey, folder: Path, server: type[asyncssh.SFTPServer] = asyncssh.SFTPServer
) -> Iterator[Connection]:
    """An SFTP server of a folder that lets in those with one key."""
    host_key = asyncssh.generate_private_key("ssh-ed25519")
    (folder / "allowed").write_bytes(key.export_public_key())
    started, loop = threading.Event(), asyncio.new_event_loop()
    port: list[int] = []

    async def listen() -> None:
        listening = await asyncssh.listen(
            "127.0.0.1",
            0,
            server_host_keys=[host_key],
            authorized_client_keys=str(folder / "allowed"),
            sftp_factory=partial(server, chroot=str(folder).encode()),
        )
        port.append(listening.get_port())
        started.set()

    thread = threading.Thread(target=lambda: (loop.run_until_complete(listen()), loop.run_forever()))
    thread.start()
    started.wait()
    try:
        extra = {"host_key": host_key.export_public_key().decode().strip()}
        yield Connection("127.0.0.1", port[0], "kho", extra=extra)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def test_a_key_lets_in_and_another_does_not(tmp_path: Path) -> None:
    key, other = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    (tmp_path / "key").write_bytes(key.export_private_key())
    (tmp_path / "locked").write_bytes(key.export_private_key("pkcs8-pem", "opens"))
    (tmp_path / "other").write_bytes(other.export_private_key())

    def listed(connection: Connection) -> list[str]:
        with closing(Sftp(connection, "office", "")) as sftp:
            return sorted(file.name for file in sftp.files())

    with letting_in(key, tmp_path) as office:
        for right in (
            replace(office, key_file=tmp_path / "key"),
            replace(office, key_file=tmp_path / "locked", password="opens"),
        ):
            assert listed(right) == ["allowed", "key", "locked", "other"]
        with pytest.raises(SourceError, match=r"refuses the login of connection office: .*extra\.key_file"):
            listed(replace(office, key_file=tmp_path / "other"))
        for wrong in (replace(office, key_file=tmp_path / name) for name in ("locked", "allowed", "nothing")):
            with pytest.raises(SourceError, match="the key_file of connection office, can't be read"):
                listed(wrong)


def test_a_missing_folder_is_told(served: Settings) -> None:
    (served.exports / "one_stop" / "dossiers").rmdir()
    with pytest.raises(FetchFailed, match="is the contract's location right"):
        run(served, NAME)


def test_a_server_that_is_away_is_tried_again_and_then_told(
    warehouse: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with servers.running(warehouse):
        pass
    monkeypatch.setattr(transport, "WAIT", wait_none())
    with pytest.raises(FetchFailed, match=r"does not answer .*: is the server up"):
        run(warehouse, NAME)


def test_reading_goes_on_where_it_was_after_a_lost_connection(warehouse: Settings) -> None:
    path = put(warehouse, NAME, "20210401", rows=100_000)
    with servers.running(warehouse):
        sftp = Sftp(connections(warehouse)["one_stop_sftp"], "one_stop_sftp", "one_stop/dossiers")
        listed = next(file for file in sftp.files() if file.name == path.name)
        chunks = sftp.read(listed)
        start = next(chunks)
    with servers.running(warehouse):
        assert start + b"".join(chunks) == path.read_bytes()
        sftp.close()


def test_a_growing_file_is_left_for_later(served: Settings) -> None:
    path = put(served, NAME, "20210401", rows=100_000)
    sftp = Sftp(connections(served)["one_stop_sftp"], "one_stop_sftp", "one_stop/dossiers")
    listed = next(file for file in sftp.files() if file.name == path.name)
    chunks = sftp.read(listed)
    next(chunks)
    write(path, path.read_bytes() + b"more\r\n", age=0)
    with pytest.raises(Incomplete, match="still being written"):
        list(chunks)
    sftp.close()


def test_nothing_above_the_exports_is_served(served: Settings) -> None:
    sftp = Sftp(connections(served)["one_stop_sftp"], "one_stop_sftp", "../../../..")
    assert [file.name for file in sftp.files()] == []
    sftp.close()


def test_a_large_file_is_fetched_in_bounded_memory(served: Settings) -> None:
    put(served, NAME, "20210401", rows=700_000, word="x" * 30)
    # getrusage would count what the parent had before this process was its own. What is imported is no growth.
    script = (
        "import pyarrow; from pathlib import Path; from kho.settings import Settings; "
        "from tests.integration import fetching; "
        f"settings = Settings(home=Path({str(served.home)!r}), warehouse_database={served.warehouse_database!r}); "
        "peak = lambda: int(Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0]) // 1024; "
        f"fetching.run(settings, {NAME!r}, fetching.date(2021, 1, 1)); before = peak(); "
        f"assert fetching.run(settings, {NAME!r}).taken; print(peak() - before)"
    )
    run_alone = subprocess.run(
        [sys.executable, "-c", script], cwd=served.project, capture_output=True, text=True, check=True
    )
    assert arrivals(served, NAME)[0]["size_bytes"] > 30_000_000
    assert int(run_alone.stdout) < 25, "megabytes above what an empty fetch takes"
