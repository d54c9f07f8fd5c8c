"""Each step of "A night went wrong", typed in the state that it is for; what takes Airflow is typed in tests/e2e."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from kho import settings as settings_of
from kho.check.exports import exports
from kho.cli import app
from kho.contract import Contract, contracts
from kho.database import connect
from kho.fetch import connections, fetch
from kho.ledger import acceptances, releases, verdicts
from kho.ledger.acceptances import Finding
from kho.ledger.verdicts import Verdict
from kho.load import load
from kho.publish import release
from kho.settings import Settings
from kho_sample import servers
from tests.checkout import client, command
from tests.integration.fetching import NAMES, write
from tests.integration.loading import deliver
from tests.integration.test_load_csv import GOOD, csv
from tests.owner import as_owner
from tests.pages import PROJECT, Block, blocks, of_state
from tests.projects import copied

PAGE = Path("docs/a-night-went-wrong.md")
NIGHT = date(2021, 6, 30)
DOSSIERS = "one_stop.dossiers"


@dataclass
class Desk:
    """Where an operator types."""

    settings: Settings

    def type_in(self, state: str, named: dict[str, object] | None = None, refuses: str = "") -> str:
        """Every command of the blocks for this state, with what the page calls so by its name here; what they said.

        `refuses`: the one that ends with 1, for what it looks at is bad. A night that ends a repair is Airflow's.
        """
        said = ""
        found = of_state(state, PAGE)
        assert all(theirs in "".join(block.text for block in found) for theirs in named or {})
        for block in found:
            text = block.text
            for theirs, ours in (named or {}).items():
                text = text.replace(theirs, str(ours))
            for line in text.splitlines():
                words = shlex.split(line, comments=True)
                if words[:2] != ["kho", "run"]:
                    said += self._type(block, words, code=int(bool(refuses) and line.startswith(refuses)))
        assert said, f"nothing was typed in the state {state}"
        return said

    def _type(self, block: Block, words: list[str], code: int) -> str:
        assert words[0] == "kho"
        if words[1] == "psql":  # it becomes psql
            done = subprocess.run(
                command(*words[1:]), env=client(self.settings) | self.own, capture_output=True, text=True
            )
            assert done.returncode == 0, f"{block}: {done.stderr}"
            return done.stdout
        result = CliRunner().invoke(app, words[1:])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert result.exit_code == code, f"{block}: {shlex.join(words)}\n{result.output}"
        return result.output

    @property
    def own(self) -> dict[str, str]:
        return {
            "KHO_HOME": str(self.settings.home),
            "KHO_PROJECT": str(self.settings.project),
            "KHO_WAREHOUSE_DATABASE": self.settings.warehouse_database,
        }


@pytest.fixture
def desk(warehouse: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Desk]:
    made = Desk(
        warehouse.model_copy(update={"project": copied(tmp_path / "kho", "contracts", "dbt_project")})
    )
    for name, value in made.own.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COLUMNS", "300")
    settings_of.settings.cache_clear()
    yield made
    settings_of.settings.cache_clear()


@pytest.fixture
def dossiers(desk: Desk) -> Iterator[Contract]:
    """The desk's contract; its files are served as a source serves them."""
    with servers.running(desk.settings):
        servers.write_connections(desk.settings)
        yield contracts(desk.settings)[DOSSIERS]


def file(contract: Contract, *rows: dict[str, str]) -> bytes:
    known = [GOOD | {"maHoSo": f"000.00.12.H51-210105-{number:04}"} for number in range(98)]
    return csv(contract, *known, *rows)


def hand_over(desk: Desk, data: bytes) -> None:
    """A file comes, as the source sends it."""
    path = desk.settings.exports / "one_stop" / "dossiers" / NAMES[DOSSIERS].format(f"{NIGHT:%Y%m%d}")
    write(path, data, control_rows=max(data.count(b"\n") - 1, 0))


def take(desk: Desk, contract: Contract) -> None:
    fetch(desk.settings, contract, NIGHT, connections(desk.settings)[contract.server.connection or ""])


def unknown_status(number: int) -> dict[str, str]:
    return GOOD | {"maHoSo": f"000.00.12.H51-210105-9{number:03}", "maTrangThai": "11"}


def let_through(settings: Settings, made: releases.Release) -> None:
    """Enters that the marts boundary has judged a release's marts and found nothing."""
    with as_owner(settings) as connection:
        rule = Verdict("marts", made.business_date, "first", "adds_up", "critical", "passed")
        verdicts.replace(connection, made.build_id, [replace(rule, build_id=made.build_id)])


def test_every_step_is_typed_by_a_test() -> None:
    states = {block.info for block in blocks(PAGE) if block.info.startswith("sh")} - {"sh"}
    typed = [path.read_text() for path in (Path(__file__), *(PROJECT / "tests/e2e").glob("*.py"))]
    named = set(re.findall(r'(?:type_in|of_state)\(\s*"([\w-]+)"', "".join(typed)))
    assert states == {f"sh in {state}" for state in named}


def test_a_batch_that_is_held_is_looked_at(desk: Desk, dossiers: Contract) -> None:
    hand_over(desk, file(dossiers, *map(unknown_status, range(90))))
    take(desk, dossiers)
    (batch,) = load(desk.settings, dossiers)
    exports(desk.settings, NIGHT)
    said = desk.type_in("held", {"412": batch.batch_id}, refuses="kho source check")
    assert "held" in said and "maTrangThai: unmapped code" in said and "maTrangThai=11" in said


def test_what_could_not_be_fetched_is_tried_at_once(desk: Desk, dossiers: Contract) -> None:
    hand_over(desk, file(dossiers))
    assert "98" in desk.type_in("missing")


def test_a_file_that_was_wrong_is_fetched_again(desk: Desk, dossiers: Contract) -> None:
    hand_over(desk, b"<html>login</html>")
    take(desk, dossiers)
    load(desk.settings, dossiers)
    hand_over(desk, file(dossiers))
    desk.type_in("wrong-file")
    (batch,) = load(desk.settings, dossiers)
    assert batch.rows_loaded == 98


def test_a_refused_release_is_accepted(desk: Desk, candidate: Callable[..., releases.Release]) -> None:
    candidate()
    release.publish(desk.settings)
    refused = candidate()
    with as_owner(desk.settings) as connection:
        found = [Finding("first", "still_there", "{}")]
        acceptances.write_findings(connection, refused.release_id, compared_with=1, findings=found)
    release.refuse(desk.settings, "figures vanished")
    assert "is accepted (1 rows)" in desk.type_in("refused")


def test_a_wrong_release_is_gone_back_from_and_nights_publish_again(
    desk: Desk, candidate: Callable[..., releases.Release]
) -> None:
    for _ in range(3):
        candidate()
        release.publish(desk.settings)
    said = desk.type_in("published", {"3": 1})
    assert "Release 2 of" in said and "Release 1 of" in said and "pinned" in said
    let_through(desk.settings, candidate())
    assert "Release 4 of 2021-01-31 is in force." in desk.type_in("pinned")


def test_an_older_release_that_waits_is_published(
    desk: Desk, candidate: Callable[..., releases.Release]
) -> None:
    candidate()
    release.publish(desk.settings)
    let_through(desk.settings, candidate(night=date(2021, 1, 30)))
    assert "Release 2 of 2021-01-30 is in force." in desk.type_in("older")


def test_who_reads_in_the_way_of_a_release_is_ended(desk: Desk) -> None:
    with session(desk, "bi_reader") as process:
        desk.type_in("read", {"12345": process})


def test_who_holds_a_lock_is_ended(desk: Desk) -> None:
    with session(desk, "kho_transformer") as process:
        desk.type_in("locked", {"12345": process})


@contextmanager
def session(desk: Desk, role: str) -> Iterator[int]:
    """The process of a session of this role, which the body ends."""
    with psycopg.connect(desk.settings.role_url(role)) as connection:
        yield connection.info.backend_pid
        with pytest.raises(psycopg.OperationalError):
            connection.execute("select 1")


def test_a_mended_contract_lets_a_file_in_that_is_loaded_again(desk: Desk, dossiers: Contract) -> None:
    hand_over(desk, file(dossiers, unknown_status(1)))
    take(desk, dossiers)
    (batch,) = load(desk.settings, dossiers)
    exports(desk.settings, NIGHT)
    with (desk.settings.project / "dbt_project/seeds/code_mappings.csv").open("a") as seed:
        seed.write("dossier_status,one_stop,11,withdrawal_requested\n")
    desk.type_in("mended", {"412": batch.batch_id})
    with connect(desk.settings, "kho_auditor") as connection:
        (rejected,) = connection.execute(
            "select rows_rejected from ledger.batch order by batch_id desc limit 1"
        ).fetchone()
    assert (batch.rows_rejected, rejected) == (1, 0)


@pytest.mark.skipif(not shutil.which("zstd"), reason="zstd is not here (a package of that name)")
def test_a_file_of_the_archive_is_shown_as_it_came(desk: Desk, dossiers: Contract, tmp_path: Path) -> None:
    data = file(dossiers)
    deliver(desk.settings, dossiers, "a.csv", data, NIGHT)
    (stored,) = (path for path in (desk.settings.home / "archive").rglob("*.zst"))
    (block,) = of_state("archived", PAGE)
    text = block.text.replace(".kho/archive/1f/1f3a….zst", shlex.quote(str(stored)))
    done = subprocess.run(
        ["bash", "-euc", text], cwd=tmp_path, env=os.environ, capture_output=True, text=True, check=True
    )
    assert (tmp_path / "export.csv").read_bytes() == data
    assert done.stdout.split()[0] == stored.stem
