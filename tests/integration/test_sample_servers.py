"""The sample servers run as a process of their own, where the connections say."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from kho.fetch import connections
from kho.fetch.sftp import Sftp
from kho.settings import Settings
from kho_sample import servers


def start(home: Path) -> subprocess.Popen:
    process = subprocess.Popen(
        [sys.executable, "-m", "kho_sample.servers"],
        env=os.environ | {"KHO_HOME": str(home)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert "SFTP on port" in process.stdout.readline()
    return process


def test_they_serve_what_is_dropped_in_and_come_back_on_the_same_ports(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    ports = []
    for day in ("20210401", "20210402"):
        process = start(tmp_path)
        try:
            folder = settings.exports / "portal" / "traffic"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"traffic_{day}.csv").write_bytes(b"x")
            sftp = Sftp(connections(settings)["portal_sftp"], "portal_sftp", "portal/traffic")
            assert f"traffic_{day}.csv" in {file.name for file in sftp.files()}
            sftp.close()
            ports.append((settings.port("sftp"), settings.port("http")))
        finally:
            started = time.monotonic()
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)
        assert time.monotonic() - started < 30
    assert ports[0] == ports[1]


def test_connections_are_a_private_file_that_airflow_reads(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    path = tmp_path / "connections.json"
    path.write_text('{"my_own": {"conn_type": "sftp", "host": "sftp.example.vn"}}')
    with servers.running(settings):
        assert path.stat().st_mode & 0o777 == 0o600
        known = connections(settings)
        assert set(known) == {"my_own", *servers.CONNECTIONS}
        assert known["portal_api"].password not in repr(known["portal_api"])
        token = {"Authorization": f"Bearer {known['portal_api'].password}"}
        (settings.exports / "portal" / "items").mkdir(parents=True)
        answer = httpx.get(f"http://127.0.0.1:{known['portal_api'].port}/portal/items", headers=token)
        assert answer.json() == {"deliveries": []}
    script = (
        "import sys; from airflow.secrets.local_filesystem import load_connections_dict as load; "
        "known = load(sys.argv[1]); one = known['one_stop_sftp']; "
        "print(one.host, one.port, one.login, one.password, one.extra_dejson['host_key'], sep='|')"
    )
    environment = os.environ | {"AIRFLOW_HOME": str(tmp_path / "airflow")}
    read = subprocess.run(
        [sys.executable, "-c", script, str(path)], env=environment, capture_output=True, text=True, check=True
    )
    ours = json.loads(path.read_text())["one_stop_sftp"]
    *_, said = read.stdout.strip().splitlines()
    assert said == "|".join(
        ["127.0.0.1", str(ours["port"]), "kho", ours["password"], ours["extra_dejson"]["host_key"]]
    )


def test_a_broken_connections_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "connections.json").write_text("[1")
    with pytest.raises(ValueError, match=r"connections\.json is no file of connections"):
        connections(Settings(home=tmp_path))


def test_a_sample_that_needs_its_own_home_is_written_when_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kho.cli import app
    from kho.settings import settings

    monkeypatch.setenv("KHO_HOME", str(tmp_path))
    settings.cache_clear()
    deltas = tmp_path / "exports" / "one_stop" / "dossiers"
    try:
        assert CliRunner().invoke(app, ["sample", "--scale", "0.003"]).exit_code == 0
        assert {path.name[9:13] for path in deltas.iterdir()} == {"2021"}
        named = settings().project / "samples" / "can_tho_2026.yaml"
        assert CliRunner().invoke(app, ["sample", "--totals", str(named)]).exit_code == 0
        assert {path.name[9:13] for path in deltas.iterdir()} == {"2021", "2026"}
    finally:
        settings.cache_clear()


def test_kho_sample_writes_once_and_says_what_it_did(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from kho.cli import app
    from kho.settings import settings

    monkeypatch.setenv("KHO_HOME", str(tmp_path))
    settings.cache_clear()
    try:
        arguments = ["sample", "--scale", "0.01", "--until", "2021-01-31"]
        first = CliRunner().invoke(app, arguments)
        assert first.exit_code == 0 and ", 0 already there" in first.output
        second = CliRunner().invoke(app, arguments)
        assert second.exit_code == 0 and "0 files written" in second.output
        wrong = tmp_path / "wrong.yaml"
        wrong.write_text("period: {from: 2021-01-01, to: 2021-06-30}\n")
        refused = CliRunner().invoke(app, ["sample", "--totals", str(wrong)])
        assert refused.exit_code == 1 and "agency_code: Field required" in refused.output
        assert CliRunner().invoke(app, ["sample", "--scale", "0"]).exit_code == 2
    finally:
        settings.cache_clear()
