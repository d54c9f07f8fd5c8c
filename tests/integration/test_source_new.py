"""`kho source new`: what is proposed for a sample can be read, loads its own fixture whole, and holds nobody."""

from __future__ import annotations

import functools
import http.server
import io
import os
import pty
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml
from typer.testing import CliRunner

from kho import settings as settings_module
from kho.cli import app
from kho.contract import Contract, read_contract
from kho.database import connect
from kho.formats import look
from kho.load import load
from kho.settings import TIMEZONE, Settings
from kho.transform import builds, layers
from kho.transform.project import read, run
from kho_propose.detect import CannotPropose, detect, opened
from kho_propose.infer import propose
from kho_propose.write import Written, write
from tests import samples
from tests.integration.loading import deliver, raw_rows, rejects
from tests.owner import as_owner
from tests.pages import PROJECT

DAY = date(2021, 6, 30)
#: kinds that have no fixture: nothing at hand writes them
UNWRITABLE = ("xls", "ods")


def proposed(
    settings: Settings, project: Path, *paths: Path, name: str = "land.certificates"
) -> tuple[Written, Contract]:
    written = write(settings.model_copy(update={"project": project}), propose(name, paths))
    return written, read_contract(written.contract)


@pytest.mark.parametrize("kind", [kind for kind in samples.KINDS if kind not in UNWRITABLE])
def test_the_fixture_loads_whole_by_the_proposed_contract_and_holds_nobody(
    warehouse: Settings, tmp_path: Path, kind: str
) -> None:
    made = samples.rows(40)
    sample = samples.put(tmp_path, kind, made)
    written, contract = proposed(warehouse, tmp_path / "project", sample)
    fixture = written.paths[-1]
    assert fixture.parent == tmp_path / "project" / "tests" / "fixtures" / "land.certificates"
    deliver(warehouse, contract, fixture.name, fixture.read_bytes(), DAY)

    (batch,) = load(warehouse, contract)

    assert (batch.rows_rejected, rejects(warehouse, batch.batch_id)) == (0, [])
    assert batch.rows_loaded == 20
    (first, *_) = raw_rows(warehouse, contract, batch.batch_id)
    assert {"CH00001", date(2021, 1, 4), Decimal("1250.5"), "CLN"} <= set(first.values())
    assert datetime(2021, 6, 1, 15, 0, tzinfo=ZoneInfo(TIMEZONE)) in first.values()
    assert detect(fixture).format == detect(sample).format
    assert not found_in(fixture, samples.people(made))
    assert not found_in(written.contract, samples.people(made))


def found_in(path: Path, people: set[str]) -> set[str]:
    """Who of these is in a file, whatever it is packed and encoded in."""
    if path.suffix in (".yaml", ".yml"):
        return {who for who in people if who in path.read_text()}
    shape = detect(path)
    encoding = shape.encoding.encoding if shape.encoding else "utf-8"
    cells = look(
        path, shape.format, encoding=encoding, delimiter=shape.delimiter, sheet=shape.sheet,
        records_path=shape.records_path, compression=shape.compression,
    )  # fmt: skip
    text = "\n".join(str(cell) for row in cells for cell in row)
    if shape.encoding:
        text += opened(path, shape.compression).decode(encoding)
    return {who for who in people if who in text}


@pytest.mark.parametrize("kind", UNWRITABLE)
def test_of_old_workbooks_a_contract_is_proposed_that_loads_the_sample(
    warehouse: Settings, tmp_path: Path, kind: str
) -> None:
    sample = samples.put(tmp_path, kind, samples.rows(30))
    written, contract = proposed(warehouse, tmp_path / "project", sample)
    assert "by hand" in (written.problem or "") and len(written.paths) == 3
    deliver(warehouse, contract, sample.name, sample.read_bytes(), DAY)
    (batch,) = load(warehouse, contract)
    assert (batch.rows_loaded, batch.rows_rejected) == (30, 0)


@pytest.mark.parametrize("kind", samples.KINDS)
def test_the_whole_sample_loads_by_the_proposed_contract(
    warehouse: Settings, tmp_path: Path, kind: str
) -> None:
    sample = samples.put(tmp_path, kind, samples.rows(120))
    _, contract = proposed(warehouse, tmp_path / "project", sample)
    deliver(warehouse, contract, sample.name, sample.read_bytes(), DAY)
    (batch,) = load(warehouse, contract)
    assert (batch.rows_loaded, batch.rows_rejected) == (120, 0)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project to propose into: ours, with the contracts of one system and no model but those that all others read."""
    folder = tmp_path / "project"
    shutil.copytree(PROJECT / "contracts" / "one_stop", folder / "contracts" / "one_stop")
    shutil.copytree(
        PROJECT / "dbt_project",
        folder / "dbt_project",
        ignore=shutil.ignore_patterns("models", "tests", "functions"),
    )
    models = Path("dbt_project", "models")
    shutil.copytree(PROJECT / models / "staging" / "ledger", folder / models / "staging" / "ledger")
    shutil.copy(PROJECT / models / "columns.md", folder / models)
    return folder


@pytest.fixture
def kho(
    warehouse: Settings, project: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., tuple[int, str]]]:
    """Type a command in the copy: its exit code and what it says."""
    here = warehouse.model_copy(update={"project": project})
    monkeypatch.setattr(settings_module, "settings", lambda: here)

    def type_in(*words: object) -> tuple[int, str]:
        result = CliRunner().invoke(app, [str(word) for word in words])
        return result.exit_code, result.output

    yield type_in


def test_a_proposal_is_a_draft_that_dbt_reads_and_nights_leave_alone(
    kho: Callable[..., tuple[int, str]], warehouse: Settings, project: Path, tmp_path: Path
) -> None:
    sample = samples.put(tmp_path, "csv", samples.rows(40))
    code, said = kho("source", "new", "land.certificates", "--from", sample)
    assert code == 0, said
    assert "contracts/land/certificates.yaml" in said and "kho source check land.certificates" in said
    contract = yaml.safe_load((project / "contracts/land/certificates.yaml").read_text())
    assert contract["status"] == "draft"
    for question in contract["customProperties"][0]["value"]:
        assert question in said.replace("\n", " ")
    here = warehouse.model_copy(update={"project": project})
    manifest = read(here)
    model = manifest.nodes["model.kho.stg_land__certificates"]
    assert all(column.description for column in model.columns.values())
    tests = {
        node.test_metadata.name
        for node in manifest.nodes.values()
        if node.resource_type == "test" and "land" in node.name
    }
    assert "not_null" in tests
    assert "holder" not in model.raw_code and "nguoi_su_dung_dat" not in model.raw_code


def test_an_activated_proposal_is_built_and_its_tests_hold(
    kho: Callable[..., tuple[int, str]], warehouse: Settings, project: Path, tmp_path: Path
) -> None:
    here = warehouse.model_copy(update={"project": project})
    made = samples.rows(120)
    sample = samples.put(tmp_path, "csv", made)
    assert kho("source", "new", "land.certificates", "--from", sample)[0] == 0
    path = project / "contracts" / "land" / "certificates.yaml"
    text = path.read_text().replace("status: draft", "status: active")
    before, _, rest = text.partition("customProperties:\n")  # the open questions, answered as they stand
    path.write_text(before + rest[rest.index("servers:") :])
    contract = read_contract(path)
    assert contract.file.load == "delta" and not contract.open_questions
    deliver(warehouse, contract, sample.name, sample.read_bytes(), DAY)
    (batch,) = load(warehouse, contract)
    with as_owner(warehouse) as connection:
        connection.execute("update ledger.batch set state = 'accepted' where batch_id = %s", [batch.batch_id])
    builds.open_build(here, DAY)
    layers.build(here, "staging")
    results = run(here, ["test", "--select", "stg_land__certificates"])
    assert {str(result.status) for result in results} == {"pass"}
    assert any("not_null" in result.node.name for result in results)
    with connect(warehouse, "kho_transformer") as connection:
        count = connection.execute(
            "select count(distinct certificate_key) from staging.stg_land__certificates"
        ).fetchone()
    assert count == (120,)


def test_nothing_is_ever_overwritten(
    kho: Callable[..., tuple[int, str]], project: Path, tmp_path: Path
) -> None:
    sample = samples.put(tmp_path, "csv", samples.rows(40))
    path = project / "contracts" / "one_stop" / "dossiers.yaml"
    before = path.read_bytes()
    code, said = kho("source", "new", "one_stop.dossiers", "--from", sample)
    assert code == 1 and "never overwrites" in said
    assert path.read_bytes() == before
    fixture = project / "tests" / "fixtures" / "land.certificates" / sample.name
    fixture.parent.mkdir(parents=True)
    fixture.write_text("mine")
    code, said = kho("source", "new", "land.certificates", "--from", sample)
    assert code == 1 and fixture.read_text() == "mine"
    assert not (project / "contracts" / "land").exists()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "the file is empty"),
        (b"%PDF-1.7 ...", "is no table"),
        (b"1;2;3\n4;5;6\n", "no row names the columns"),
        (b"a;b\n", "there is a header and no row"),
        (b"PK\x03\x04broken", "is it whole?"),
        (b"<a><b>", "is no whole XML"),
        (b'{"a": 1', ""),
    ],
)
def test_a_sample_that_tells_nothing_is_refused_with_a_remedy(
    kho: Callable[..., tuple[int, str]], project: Path, tmp_path: Path, content: bytes, told: str
) -> None:
    (tmp_path / "sample_20210630.dat").write_bytes(content)
    code, said = kho("source", "new", "land.certificates", "--from", tmp_path / "sample_20210630.dat")
    assert code == 1 and told in " ".join(said.split()), said
    assert not (project / "contracts" / "land").exists()


def test_names_are_checked_and_paths_that_lead_nowhere_told(
    kho: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    assert kho("source", "new", "Land-Certificates", "--from", tmp_path)[0] == 2
    code, said = kho("source", "new", "land.certificates", "--from", tmp_path / "none*.csv")
    assert code == 1 and "there is no such file" in said
    code, said = kho("source", "new", "land.certificates", "--from", "sftp://user:hidden@host/file.csv")
    assert code == 1 and "hidden" not in said


def test_a_folder_of_samples_tells_how_often_and_what_a_file_holds(
    kho: Callable[..., tuple[int, str]], project: Path, tmp_path: Path
) -> None:
    for n in range(3):
        samples.put(tmp_path / "in", "csv", samples.rows(30, first=1 + 30 * n), date(2021, 6, 28 + n))
        (tmp_path / "in" / f"certificates_202106{28 + n}.csv.ctl").write_text("rows=30\n")
    code, said = kho("source", "new", "land.certificates", "--from", tmp_path / "in")
    assert code == 0 and "Open questions" not in said, said
    contract = read_contract(project / "contracts/land/certificates.yaml")
    assert (contract.frequency, contract.file.load, contract.open_questions) == ("d", "delta", ())
    assert contract.server.control_file == "{name}.ctl"
    assert contract.is_draft
    code, said = kho(
        "source", "check", "land.certificates", "--file", tmp_path / "in" / "certificates_20210629.csv"
    )
    assert code == 0, said


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing: what the command says is looked at."""


def test_a_sample_is_taken_from_the_web(
    kho: Callable[..., tuple[int, str]], project: Path, tmp_path: Path
) -> None:
    samples.put(tmp_path / "web", "jsonl", samples.rows(40))
    handler = functools.partial(QuietHandler, directory=str(tmp_path / "web"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        root = f"http://127.0.0.1:{server.server_port}"
        code, said = kho(
            "source", "new", "land.certificates", "--from", f"{root}/certificates_20210630.json?token=hidden"
        )
        assert code == 0, said
        assert read_contract(project / "contracts/land/certificates.yaml").format == "jsonl"
        code, said = kho("source", "new", "land.other", "--from", f"{root}/none.json?token=hidden")
        assert code == 1 and "answers 404" in said and "hidden" not in said
        server.shutdown()


def test_on_a_terminal_what_is_open_is_asked(project: Path, tmp_path: Path) -> None:
    """Day or month first, thousands or decimals, how often, changes or all: one after the other."""
    lines = ["Số vào sổ;Ngày cấp;Diện tích"] + [
        f"CH{n:03d};0{n % 9 + 1}/05/2021;{n + 1}.250" for n in range(30)
    ]
    sample = tmp_path / "certificates.csv"
    sample.write_text("\n".join(lines))
    answers = {
        "may be dd/MM/yyyy or MM/dd/yyyy": "2",
        "may be 1250 or 1.250": "1",
        "how often does it come": "m",
        "or the whole list": "",
    }
    said = on_a_terminal(
        [
            sys.executable,
            "-c",
            "from kho.cli import app; app()",
            "source",
            "new",
            "land.certificates",
            "--from",
            str(sample),
        ],
        {"KHO_PROJECT": str(project), "KHO_HOME": str(tmp_path / "home"), "PYTHONPATH": str(PROJECT / "src")},
        list(answers.items()),
    )
    contract = read_contract(project / "contracts/land/certificates.yaml")
    assert contract.file.date_format == "MM/dd/yyyy", said
    assert (contract.file.thousands_separator, contract.file.decimal_separator) == (".", ",")
    assert {column.header: column.type for column in contract.columns}["Diện tích"] == "integer"
    assert contract.server.file_name == r"certificates\.csv"  # of the day on which it was written
    assert contract.frequency == "m"
    (left,) = contract.open_questions
    assert "load" in left


def on_a_terminal(command: list[str], environment: dict[str, str], answers: list[tuple[str, str]]) -> str:
    """Run a command on a terminal of its own, giving each answer once its question is there; what it said."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, env={**os.environ, **environment}, close_fds=True
    )
    os.close(slave)
    said = io.StringIO()
    seen = 0
    while True:
        try:
            said.write(os.read(master, 4096).decode(errors="replace"))
        except OSError:
            break
        if (
            answers
            and answers[0][0] in (new := " ".join(said.getvalue()[seen:].split()))
            and new.endswith("leave it open):")
        ):
            seen = len(said.getvalue())
            os.write(master, f"{answers.pop(0)[1]}\n".encode())
    process.wait(60)
    os.close(master)
    assert not answers, (answers, said.getvalue())
    return said.getvalue()


def test_samples_of_two_kinds_are_no_one_export(tmp_path: Path) -> None:
    paths = [samples.put(tmp_path / kind, kind, samples.rows(30)) for kind in ("csv", "xlsx")]
    with pytest.raises(CannotPropose, match="one contract is for one kind of file"):
        propose("land.certificates", paths)


@pytest.mark.parametrize(("answer", "hour"), [(0, 16), (1, 9)])
def test_times_that_all_say_utc_load_as_it_is_answered(
    warehouse: Settings, tmp_path: Path, answer: int, hour: int
) -> None:
    sample = tmp_path / "certificates_20210630.csv"
    sample.write_text(
        "code,issued_at\n" + "".join(f"A{n},2021-06-30T09:00:00+00:00\n" for n in range(40)), "utf-8"
    )
    proposal = propose("land.certificates", [sample])
    (question,) = [each for each in proposal.questions if each.topic == "offsets"]
    proposal.answer(question, question.answers[answer])
    made = write(warehouse.model_copy(update={"project": tmp_path / "project"}), proposal)
    contract = read_contract(made.contract)
    assert made.problem is None
    deliver(warehouse, contract, sample.name, sample.read_bytes(), DAY)
    (batch,) = load(warehouse, contract)
    at = datetime(2021, 6, 30, hour, tzinfo=ZoneInfo(TIMEZONE))
    assert {row["issued_at"] for row in raw_rows(warehouse, contract, batch.batch_id)} == {at}
