"""Somebody is forgotten: files, raw, rejects, tables; nothing that comes or is brought back later brings them back."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import psycopg
import pytest
import yaml
from typer.testing import CliRunner

from kho import forget as forgetting
from kho import settings
from kho.archive import Archive
from kho.cli import app
from kho.contract import contracts
from kho.database import connect
from kho.figures import explain as explaining
from kho.ledger import audit, batches, deliveries
from kho.load import load, replay
from kho.rebuild import keep_history, rebuild
from kho.settings import Settings
from kho.transform import builds
from tests.conftest import fresh_warehouse
from tests.contracts import document
from tests.integration.loading import deliver, rejects, rows
from tests.pages import commands

PERMITS = "registry.permits"
#: how a dossier and a person are forgotten, as the page has it
OF_THE_PAGE = [
    words[1:]
    for words, is_whole in commands(Path("docs/personal-data.md"))
    if is_whole and words[:2] == ["kho", "forget"]
]
DAYS = [date(2021, 1, n) for n in range(4, 10)]
PERSON, OTHER = "012345678901", "012345678902"
HOLDER = {
    "name": "holder_hash",
    "physicalName": "holder",
    "logicalType": "string",
    "classification": "personal",
    "customProperties": [{"property": "personalData", "value": "hash"}],
}
FEE = {"name": "fee", "logicalType": "integer"}
FIRST = f"code;holder;fee\nA1;{PERSON};5\nA2;{OTHER};6\nA3;;no number\nA1;{PERSON};7\n"
SECOND = f"code;holder;fee\nB1;{OTHER};5\nA1;{PERSON};a fee\nB2;{PERSON};1\nB3;{PERSON}\n"


@pytest.fixture
def here(warehouse: Settings, tmp_path: Path) -> Settings:
    """A warehouse of two files, in which A1 was loaded, repeated and rejected, and A1, B2 and B3 are a person's."""
    project = tmp_path / "project"
    here = warehouse.model_copy(update={"project": project})
    (project / "dbt_project").mkdir(parents=True)
    (project / "dbt_project" / "seeds").symlink_to(warehouse.project / "dbt_project" / "seeds")
    (project / "expectations").symlink_to(warehouse.project / "expectations")
    write_contract(here, "csv")
    take(here, 0, FIRST)
    take(here, 1, SECOND)
    builds.open_build(here, DAYS[1])
    builds.close_build(here)
    keep_history(here)
    return here


def write_contract(here: Settings, file_format: str, version: str = "1.0.0") -> None:
    server = {"type": "local", "path": "registry/permits", "format": file_format}
    keys = {"encoding": "utf-8"} if file_format == "csv" else {}
    written = document(
        server | keys,
        fileName=r"permits_(?P<business_date>\d{8})\.csv",
        **({"delimiter": ";"} if file_format == "csv" else {}),
        columns=[HOLDER, FEE],
    )
    path = here.project / "contracts" / "registry" / "permits.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(written | {"version": version}))


def take(here: Settings, number: int, text: str, control_rows: int | None = None) -> int:
    contract = contracts(here)[PERMITS]
    arrival = deliver(
        here, contract, f"permits_{DAYS[number]:%Y%m%d}.csv", text.encode(), DAYS[number], control_rows
    )
    load(here, contract)
    return arrival


def codes(here: Settings) -> list[str]:
    return [
        row["code"]
        for row in rows(here, "select code from raw.registry__permits order by _batch_id, _row_number")
    ]


def archived(here: Settings) -> list[bytes]:
    """All bytes that the archive has, whoever tells of them."""
    found = []
    for path in sorted(here.archive.rglob("*.zst")):
        with Archive.of(here).plain(path.name.removesuffix(".zst")) as plain:
            found.append(plain.read_bytes())
    return found


def is_nowhere(here: Settings, *texts: str) -> bool:
    """Whether none of the texts stands in any file of the archive or any table of the database."""
    with psycopg.connect(here.admin_url()) as connection:
        told = [
            row
            for schema, name in connection.execute(
                "select nspname, relname from pg_class c join pg_namespace n on n.oid = relnamespace"
                " where relkind = 'r' and nspname !~ '^(pg_|information_schema)'"
            ).fetchall()
            for (row,) in connection.execute(
                psycopg.sql.SQL("select row_to_json(t)::text from {} t").format(
                    psycopg.sql.Identifier(schema, name)
                )
            )
        ]
    return not any(f'"{text}"' in row or f'"\\"{text}' in row for text in texts for row in told) and not any(
        text.encode() in data for text in texts for data in archived(here)
    )


def counts(here: Settings) -> list[tuple[int, ...]]:
    return [tuple(row[5:9]) for row in reversed(batches.batches(here))]


def forget_code(here: Settings, code: str = "A1") -> int:
    found = forgetting.look(here, forgetting.of_code(here, PERMITS, code))
    return forgetting.forget(here, found.tombstones, actor="lan", reason="Decision 1/2026")


@pytest.fixture
def kho(here: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., tuple[int, str]]]:
    """Types a command at this warehouse, with what comes from a pipe; gives its exit code and what it said."""
    for name, value in environment(here).items():
        monkeypatch.setenv(name, value)

    def type_in(*words: object, told: str = "") -> tuple[int, str]:
        settings.settings.cache_clear()
        result = CliRunner().invoke(app, [str(word) for word in words], input=told)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, result.output

    yield type_in
    settings.settings.cache_clear()


def environment(here: Settings) -> dict[str, str]:
    return {
        "KHO_HOME": str(here.home),
        "KHO_PROJECT": str(here.project),
        "KHO_WAREHOUSE_DATABASE": here.warehouse_database,
        "COLUMNS": "300",
    }


def test_an_operator_forgets_a_dossier(here: Settings, kho: Callable[..., tuple[int, str]]) -> None:
    before = archived(here)
    (_, _, _, *options), _ = OF_THE_PAGE
    code, said = kho("forget", PERMITS, "A1", *options, told="n\n")
    assert code == 1 and "nothing was changed" in said and archived(here) == before
    assert not is_nowhere(here, "A1") and not is_nowhere(here, PERSON)
    assert "permits_20210104.csv" in said and "1, 4" in said and PERSON not in said
    code, said = kho("forget", PERMITS, "--reason", "Decision 1/2026", "--yes", told="A1\n")
    assert code == 0, said
    assert "3 rows in 2 files" in said
    assert sorted(archived(here)) == sorted([
        FIRST.replace(f"A1;{PERSON};5", " " * 17).replace(f"A1;{PERSON};7", " " * 17).encode(),
        SECOND.replace(f"A1;{PERSON};a fee", " " * 21).encode(),
    ])  # fmt: skip
    assert codes(here) == ["A2", "B1", "B2"] and is_nowhere(here, "A1")
    assert [row["row_number"] for batch in (1, 2) for row in rejects(here, batch)] == [3, 4]
    # What was in a file was loaded, rejected, skipped or forgotten.
    assert counts(here) == [(4, 1, 1, 2), (4, 2, 1, 1)]
    profiles = [row["profile"] for row in rows(here, "select profile from ledger.batch order by batch_id")]
    assert [each["skipped_by_reason"] for each in profiles] == [{"forgotten": 2}, {"forgotten": 1}]
    assert list(profiles[0]["rejects_by_reason"].values()) == [1]
    with connect(here, "kho_auditor") as connection:
        (event,) = [each for each in audit.newest(connection, 5) if each.action == "somebody forgotten"]
    assert event.reason == "Decision 1/2026" and event.subject == "1 registry code"
    code, said = kho("forget", PERMITS, "A1", "--reason", "Decision 1/2026", "--yes")
    assert code == 1 and "no file of the archive holds it" in said
    assert kho("forget", PERMITS, "A1")[0] == 2 and kho("forget", "--reason", "x")[0] == 2


def test_a_person_is_forgotten_by_number_or_hash_with_the_codes_of_their_rows(
    here: Settings, kho: Callable[..., tuple[int, str]]
) -> None:
    fees = document(
        {"type": "local", "path": "registry/fees", "format": "jsonl"},
        fileName=r"fees_(?P<business_date>\d{8})",
        columns=[{"name": "paid_for", "physicalName": "code", "logicalType": "string"}],
    )
    (key, paid_for) = fees["schema"][0]["properties"]
    fees["schema"][0]["properties"] = [key | {"name": "number"}, paid_for | {"name": "code"}]
    path = here.project / "contracts" / "registry" / "fees.yaml"
    path.write_text(yaml.safe_dump(fees | {"id": "registry.fees"}))
    contract = contracts(here)["registry.fees"]
    deliver(
        here,
        contract,
        "fees_20210104",
        b'{"number": 1, "code": "A1"}\n{"number": 2, "code": "A2"}\n',
        DAYS[0],
    )
    load(here, contract)
    (told,) = rows(here, "select distinct holder_hash from raw.registry__permits where code = 'B2'")
    _, of_person = OF_THE_PAGE
    code, said = kho(*of_person, told=f"{PERSON}\ny\n")
    assert code == 0, said
    assert codes(here) == ["A2", "B1"] and is_nowhere(here, "A1", "B2", PERSON)
    assert rows(here, "select number from raw.registry__fees") == [{"number": "2"}]
    # Later rows of theirs do not come in either, by whichever code.
    take(here, 2, f"code;holder;fee\nC1;{PERSON};1\nC2;{OTHER};1\n")
    assert codes(here) == ["A2", "B1", "C2"]
    code, said = kho("forget", "--person", "--reason", "x", "--yes", told=told["holder_hash"] + "\n")
    assert code == 1 and "no file" in said


def test_files_that_come_again_do_not_bring_the_rows_back(here: Settings) -> None:
    forget_code(here)
    # The very same bytes are what they were: the source has not changed them.
    stored = Archive.of(here).store([FIRST.encode()])
    with connect(here, "kho_loader") as connection:
        is_new = deliveries.enter(
            connection, PERMITS, "permits_20210104.csv", DAYS[0], stored, size=1, modified=None, tag=None,
            control_rows=None,
        )  # fmt: skip
    assert not is_new
    forgetting.remove_replaced(here)
    assert not Archive.of(here).has(stored.sha256)
    # Other bytes are loaded, without them; what the source counted is still what it counted.
    take(here, 0, FIRST + "A4;;1\n", control_rows=5)
    take(here, 2, FIRST)
    forgetting.remove_replaced(here)
    assert codes(here) == ["A2", "B1", "B2", "A2", "A4", "A2"] and is_nowhere(here, "A1")
    assert counts(here)[2:] == [(5, 2, 1, 2), (4, 1, 1, 2)]
    # And so is a replay.
    write_contract(here, "csv", "1.1.0")
    again = replay(here, contracts(here)[PERMITS], 2)
    assert (again.rows_in_file, again.rows_loaded, again.rows_rejected, again.rows_skipped) == (4, 2, 1, 1)


def test_the_next_build_makes_everything_anew_and_only_that(here: Settings) -> None:
    def is_full() -> bool:
        builds.open_build(here, DAYS[2])
        builds.close_build(here)
        return rows(here, "select is_full_refresh from ledger.build order by build_id desc limit 1")[0][
            "is_full_refresh"
        ]

    assert not is_full()
    forget_code(here)
    assert is_full() and not is_full()
    take(here, 2, FIRST)  # never came into any table
    assert not is_full()


def test_a_rebuild_does_not_bring_the_rows_back(here: Settings, server: Settings, tmp_path: Path) -> None:
    old = tmp_path / "old archive"
    shutil.copytree(here.archive, old)
    forget_code(here)
    for number, archive in enumerate((here.archive, old)):
        home = tmp_path / f"elsewhere {number}"
        home.mkdir()
        shutil.copytree(here.home / "secrets", home / "secrets")
        shutil.copytree(archive, home / "archive")
        if archive == old:  # files of an older copy, beside what was known last
            shutil.copy(here.archive / "ledger.jsonl.gz", home / "archive" / "new")
            (home / "archive" / "new").replace(home / "archive" / "ledger.jsonl.gz")
            for file in here.archive.rglob("*.zst"):
                target = home / "archive" / file.relative_to(here.archive)
                target.parent.mkdir(exist_ok=True)
                if not target.exists():
                    shutil.copy(file, target)
        for fresh in fresh_warehouse(server, home):
            there = fresh.model_copy(update={"project": here.project})
            rebuilt = rebuild(there)
            assert not rebuilt.lost and not rebuilt.differing
            assert codes(there) == ["A2", "B1", "B2"] and counts(there) == counts(here)
            forgetting.remove_replaced(there)
            assert is_nowhere(there, "A1")


def test_rows_of_a_file_that_is_lost_leave_raw(here: Settings) -> None:
    found = forgetting.look(here, forgetting.of_code(here, PERMITS, "A1"))
    shutil.rmtree(here.archive)
    forgetting.forget(here, found.tombstones, actor="lan", reason="Decision 1/2026")
    assert codes(here) == ["A2", "B1", "B2"]


def test_what_cannot_be_written_anew_is_refused_and_nothing_is_changed(here: Settings) -> None:
    write_contract(here, "html")
    table = "".join(
        f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>"
        for row in (("code", "holder", "fee"), ("D1", OTHER, "1"), ("A1", PERSON, "2"))
    )
    take(here, 2, f"<table>{table}</table>")
    before = archived(here), codes(here)
    with pytest.raises(
        forgetting.ForgetError, match=r"permits_20210106\.csv of registry\.permits holds such rows"
    ):
        forget_code(here)
    assert (archived(here), codes(here)) == before
    # Forgotten before, such a file is not loaded.
    write_contract(here, "csv")
    forgetting.forget(here, forgetting.of_code(here, PERMITS, "D9"), actor="lan", reason="Decision 1/2026")
    write_contract(here, "html", "1.1.0")
    take(here, 3, f"<table>{table.replace('D1', 'D9')}</table>")
    assert batches.batches(here)[0][4] == "unreadable" and "who is forgotten" in batches.batches(here)[0][9]


def test_amid_a_night_nothing_is_begun(here: Settings) -> None:
    builds.open_build(here, DAYS[2])
    with pytest.raises(forgetting.ForgetError, match="is not over"):
        forget_code(here)
    assert "A1" in codes(here)


KILLED = """
import os, signal, sys
from kho import forget
from kho.ledger import forgetting
from kho.cli import app
place = sys.argv.pop(1)
def dies(module, name, times):
    work, calls = getattr(module, name), [0]
    def worked(*given, **named):
        calls[0] += 1
        back = work(*given, **named)
        if calls[0] >= times:
            os.kill(os.getpid(), signal.SIGKILL)
        return back
    setattr(module, name, worked)
match place:
    case "tombstone": dies(forget, "_rename", 1)
    case "a file": dies(forget.forgotten, "take_out", 2)
    case "written": dies(forget, "_take_out_of_raw", 1)
    case "done": dies(forgetting, "finish", 1)
    case "history": dies(forget, "keep_history", 1)
app()
"""


@pytest.mark.parametrize(
    ("place", "ends"),
    [
        ("tombstone", "typed again"),
        ("a file", "by the next night"),
        ("written", "typed again"),
        ("history", "by the next night"),
        ("done", "typed again"),
    ],
)
def test_killed_it_goes_on(here: Settings, place: str, ends: str) -> None:
    words = ["forget", PERMITS, "A1", "--reason", "Decision 1/2026", "--yes"]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, place, *words], env=os.environ | environment(here), capture_output=True
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    if ends == "typed again":
        typed = subprocess.run(
            [sys.executable, "-c", "from kho.cli import app; app()", *words],
            env=os.environ | environment(here),
            capture_output=True,
            text=True,
        )
        assert typed.returncode == 0, typed.stderr
    else:
        forgetting.go_on(here)
    assert codes(here) == ["A2", "B1", "B2"] and counts(here) == [(4, 1, 1, 2), (4, 2, 1, 1)]
    assert is_nowhere(here, "A1")


def test_explanations_say_who_is_forgotten_and_figures_stay(
    published: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (environment(published) | {"KHO_PROJECT": str(published.project)}).items():
        monkeypatch.setenv(name, value)
    settings.settings.cache_clear()

    def told() -> tuple[dict[str, object], list[explaining.Row]]:
        found = explaining.explain(published, "946", "2021-H1", "dossiers_resolved_late")
        values = {figure.level: figure.value for figure in found.figures}
        assert all(found.parts[0].counted(level) == value for level, value in values.items())
        return values, found.parts[0].rows

    before, counting = told()
    code = next(row.row_code for row in counting if row.contract == "one_stop.dossiers")
    found = forgetting.look(published, forgetting.of_code(published, "one_stop.dossiers", code))
    forgetting.forget(published, found.tombstones, actor="lan", reason="Decision 1/2026")
    now, counted = told()
    assert now == before and len(counted) == len(counting)
    (row,) = [row for row in counted if row.row_code not in {each.row_code for each in counting}]
    assert row.row_code.startswith("forgotten ") and is_nowhere(published, code)
    result = CliRunner().invoke(app, ["figures", "946", "2021-H1", "--explain", "dossiers_resolved_late"])
    settings.settings.cache_clear()
    assert "đã xóa theo yêu cầu ngày" in result.output and code not in result.output, result.output
