"""`kho source check`: what it foresees is what a night does, and it leaves no trace."""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import psycopg
import pytest
from psycopg.sql import SQL, Identifier
from typer.testing import CliRunner

from kho import check, night, settings
from kho.cli import source as commands
from kho.contract import Contract, contracts
from kho.load import load
from kho.settings import Settings
from kho.source import Shown, Step, build
from kho.source import check as look_at
from kho_sample import servers, totals, write
from tests import contracts as small
from tests.integration import databases
from tests.integration.loading import deliver, rows
from tests.owner import as_owner
from tests.projects import copied, of_project

NIGHT, NEXT = date(2021, 1, 31), date(2021, 2, 28)
DOSSIERS, OUTGOING = "one_stop.dossiers", "documents.outgoing"


@pytest.fixture(scope="module")
def served(module_warehouse: Settings) -> Iterator[Settings]:
    """Sample exports up to February behind their servers; what came up to January was fetched, loaded and accepted."""
    # A handful of rows with a bad one among them would be held: the smaller district stays larger.
    for name, scale in {"long_phu_2021_h1": 0.02, "tieu_can_2017_q3": 0.5}.items():
        sample = totals.read(module_warehouse.project / "samples" / f"{name}.yaml").scaled(scale)
        write.write(module_warehouse, sample, NEXT)
    with servers.running(module_warehouse):
        servers.write_connections(module_warehouse)
        for system in night.systems(module_warehouse):
            night.ingest_system(module_warehouse, system, NIGHT)
        with as_owner(module_warehouse) as connection:
            connection.execute("update ledger.batch set state = 'accepted' where state = 'pending'")
        yield module_warehouse


@pytest.fixture
def traceless(served: Settings) -> Iterator[Settings]:
    before = everything(served)
    yield served
    assert everything(served) == before


def everything(settings: Settings) -> dict[str, object]:
    """The whole database (tables with their columns and rows, views, sequences) and every file of the home."""
    with psycopg.connect(settings.admin_url()) as connection:
        tables = connection.execute(
            "select table_schema, table_name, string_agg(column_name || ' ' || data_type, ',' order by ordinal_position)"
            " from information_schema.columns where table_schema not in ('pg_catalog', 'information_schema')"
            " group by 1, 2"
        ).fetchall()
        found: dict[str, object] = {}
        for schema, table, columns in tables:
            query = SQL(
                "select count(*), md5(string_agg(line, E'\\n' order by line)) from (select t::text as line from {} t) as t"
            )
            found[f"{schema}.{table}"] = (
                columns,
                connection.execute(query.format(Identifier(schema, table))).fetchone(),
            )
        sequences = "select schemaname || '.' || sequencename, last_value from pg_sequences"
        found |= dict(connection.execute(sequences).fetchall())
    for path in settings.home.rglob("*"):
        if path.is_file() and "postgres" not in path.relative_to(settings.home).parts:
            found[str(path)] = (path.stat().st_size, path.stat().st_mtime_ns)
    return found


def told(steps: list[Step], mark: str | None = None) -> str:
    return "\n".join(
        "\n".join([finding.text, *finding.details])
        for step in steps
        for finding in step.findings
        if mark in (None, finding.mark)
    )


def write_contract(folder: Path, settings: Settings, name: str, change: Callable[[str], str]) -> str:
    """The contract of this name, changed, as a file of its own; gives its path."""
    system, entity = name.split(".")
    path = folder / system / f"{entity}.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(change((settings.contracts / system / f"{entity}.yaml").read_text()))
    return str(path)


def csv(contract: Contract, records: list[dict[str, str]], rename: dict[str, str]) -> bytes:
    header = [column.header for column in contract.columns]
    lines = [";".join(rename.get(name, name) for name in header if rename.get(name) != "")]
    for record in records:
        lines.append(";".join(record.get(name, "") for name in header if rename.get(name) != ""))
    return ("\ufeff" + "\r\n".join(lines) + "\r\n").encode()


GOOD = {
    "maHoSo": "000.00.12.H51-210105-0001",
    "maTTHC": "1.004946",
    "maLinhVuc": "civil_status",
    "maDinhDanh": "000.21.12.H51",
    "ngayTiepNhan": "05/01/2021 08:15",
    "maTrangThai": "2",
    "chuHoSo": "Nguyễn Văn Thử",
    "ngayCapNhat": "05/01/2021 08:20",
}


def test_every_source_of_the_sample_would_be_accepted(traceless: Settings) -> None:
    # No district of the sample saves what ministries and the national portal show.
    of_provinces = {"ministry_forms.dossiers", "ministry_forms.settlement", "national_portal.service_scores"}
    for name in contracts(traceless).keys() - of_provinces:
        steps = list(look_at(traceless, name))
        assert [step.title for step in steps] == ["Contract", "Connection", "Dry run", "Verdict", "Effect"], (
            name
        )
        assert not told(steps, "wrong"), name
        assert "would load" in told(steps) and "the batch would be accepted" in told(steps), name


def test_the_newest_delivery_is_tried_at_its_source_or_in_the_archive(traceless: Settings) -> None:
    assert f"of {NEXT} (at its source)" in told(list(look_at(traceless, DOSSIERS)))
    assert f"of {NIGHT} (in the archive)" in told(list(look_at(traceless, DOSSIERS, day=NIGHT)))


def test_what_is_foreseen_is_what_the_night_then_finds(warehouse: Settings, tmp_path: Path) -> None:
    contract = contracts(warehouse)[DOSSIERS]
    deliver(warehouse, contract, "dossiers_20210504.csv", csv(contract, [GOOD], {}), date(2021, 5, 4))
    load(warehouse, contract)
    check.exports(warehouse, date(2021, 5, 4))
    numbered = [GOOD | {"maHoSo": f"000.00.12.H51-210105-{n:04}"} for n in range(1, 9)]
    numbered[1] |= {"ngayHenTra": "01/01/0001 00:00", "ngayCapNhat": "05/01/2091 08:20"}
    numbered[2] |= {"ngayHenTra": "04/01/2021 17:00"}
    bad = [GOOD | {"maHoSo": f"bad {n}"} for n in range(5)] + [GOOD | {"maTrangThai": "99"}]
    data = csv(contract, [*numbered, *bad, numbered[0]], {"phi": "Phí", "lePhi": "", "soTien": "tien"})
    file = tmp_path / "dossiers_20210505.csv"
    file.write_bytes(data)
    before = everything(warehouse)
    steps = list(look_at(warehouse, DOSSIERS, file))
    assert everything(warehouse) == before

    trial = told(steps[2:])
    assert "15 rows, 8 would load, 7 would be rejected, 0 skipped" in trial
    assert "rejected (5 rows): maHoSo: not of the contract's pattern" in trial
    assert len(re.findall(r"^row \d+: maHoSo=bad \d;.*chuHoSo=•••", trial, re.MULTILINE)) == 3
    assert "Nguyễn" not in trial
    assert "columns missing: lePhi, soTien (new since the last batch)" in trial
    (unknown,) = (each for each in steps[2].findings if each.text.startswith("columns unknown"))
    assert unknown.text.endswith(": column 21 (4 letters) (new since the last batch)")
    assert unknown.words == ("column 21 (4 letters): tien",)
    assert re.search(r"headers spelled otherwise: column \d+ for phi \(new since the last batch\)", trial)

    day = date(2021, 5, 5)
    deliver(warehouse, contract, file.name, data, day)
    (batch,) = load(warehouse, contract)
    decided = check.exports(warehouse, day)
    assert (batch.rows_in_file, batch.rows_loaded, batch.rows_rejected) == (15, 8, 7)
    assert list(decided.held) == [batch.batch_id]
    failed = rows(
        warehouse,
        "select * from ledger.verdict where batch_id = %s and outcome = 'failed' order by verdict_id",
        batch.batch_id,
    )
    foreseen = [f"{each['severity']}, {each['expectation']}: {each['message']}" for each in failed]
    assert foreseen and foreseen == [finding.text for finding in steps[3].findings][:-1]
    assert {"times_possible", "times_in_order", "versions_not_from_the_future"} <= {
        each["expectation"] for each in failed
    }
    assert "the batch would be held" in steps[3].findings[-1].text


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("certificates.register", {"fct_digital_certificate"}),
        ("idesk.outgoing", {"fct_document", "fct_document_delivery"}),
        ("register.operations", {"bridge_system_operation"}),
        ("workplace.staff", {"fct_workplace_staff"}),
    ],
)
def test_the_models_of_every_kind_of_source_are_built_aside(
    served: Settings, name: str, facts: set[str]
) -> None:
    """`kho source build` of what the sample has; tests/integration/test_source_build.py looks at it closely."""
    found = list(build(served, name))
    assert not told([each for each in found if isinstance(each, Step)], "wrong")
    assert facts <= {each.model for each in found if isinstance(each, Shown) and each.count}
    (schemas,) = rows(served, "select count(*) as n from pg_namespace where nspname = 'scratch'")
    assert schemas["n"] == 0


def test_what_a_file_would_move_is_told(traceless: Settings, tmp_path: Path) -> None:
    path = write_contract(tmp_path, traceless, DOSSIERS, unmapped)
    file = tmp_path / "dossiers_20210505.csv"
    good = [GOOD | {"maHoSo": f"000.00.12.H51-210105-{n:04}"} for n in range(1, 9)]
    good[1] |= {"maTrangThai": "77"}
    good[2] |= {"maTrangThai": "77"}
    good[3] |= {"maTrangThai": "78"}
    good[4] |= {"maDinhDanh": "000.99.12.H51"}
    good[5] |= {"maDinhDanh": "H13.31528"}
    file.write_bytes(csv(contracts(traceless)[DOSSIERS], good, {}))
    steps = list(look_at(traceless, path, file))
    effect = next(step for step in steps if step.title == "Effect")
    said = told([effect])
    assert (
        "status_code: 2 codes mean nothing, and it is empty in their rows; add to dbt_project/seeds/code_mappings.csv"
        in said
    )
    assert "a meaning that dbt_project/seeds/dossier_statuses.csv has" in said
    assert (
        "dossier_status,one_stop,77,<meaning>   (2 rows)\ndossier_status,one_stop,78,<meaning>   (1 rows)"
        in said
    )
    assert "agency_code: 1 agencies are unknown" in said and "`kho agency import`" in said
    assert "H51.12.99,<unit code>,<name>,<short name>,<level>,H51.12,<first day>,   (1 rows)" in said
    assert "are not there on 2021-05-05:\nH13.31528: 2025-07-01 to now   (1 rows)" in said
    assert "8 keys: 8 new, 0 changed, 0 as they are in accepted batches" in said
    assert (
        "feeds fct_dossier, fct_dossier_history, fct_dossier_request, fct_shared_dossier; what may move are "
        in said
    )
    assert "dossiers_received" in said and "documents_copied" not in said
    assert not effect.is_wrong


def unmapped(text: str) -> str:
    """The contract without the mapping of its statuses: any may come, as the model alone translates them."""
    line = "        customProperties: [{property: mapping, value: dossier_status}]\n"
    assert line in text
    return text.replace(line, "")


def test_codes_of_rejected_rows_are_named_on_a_terminal_only(traceless: Settings, tmp_path: Path) -> None:
    file = tmp_path / "dossiers_20210505.csv"
    file.write_bytes(
        csv(
            contracts(traceless)[DOSSIERS],
            [GOOD, GOOD | {"maHoSo": "000.00.12.H51-210105-0002", "maTrangThai": "99"}],
            {},
        )
    )
    effect = next(step for step in look_at(traceless, DOSSIERS, file) if step.title == "Effect")
    (codes,) = (each for each in effect.findings if "mean nothing" in each.text)
    assert "status_code: 1 codes mean nothing, and their rows are rejected" in codes.text
    assert codes.details == () and codes.words == ("dossier_status,one_stop,99,<meaning>   (1 rows)",)


def test_keys_that_are_there_are_told_as_changed_or_as_they_are(warehouse: Settings, tmp_path: Path) -> None:
    contract = contracts(warehouse)[DOSSIERS]
    keys = [GOOD | {"maHoSo": f"000.00.12.H51-210105-{n:04}"} for n in range(1, 4)]
    deliver(warehouse, contract, "dossiers_20210504.csv", csv(contract, keys, {}), date(2021, 5, 4))
    load(warehouse, contract)
    file = tmp_path / "dossiers_20210505.csv"
    keys[0] |= {"ngayCapNhat": "05/05/2021 08:20", "maTrangThai": "9"}
    file.write_bytes(csv(contract, [*keys, GOOD | {"maHoSo": "000.00.12.H51-210105-0009"}], {}))
    assert "4 keys: 4 new" in told(list(look_at(warehouse, DOSSIERS, file)))  # nobody has accepted it yet
    check.exports(warehouse, date(2021, 5, 4))
    assert "4 keys: 1 new, 1 changed, 2 as they are in accepted batches" in told(
        list(look_at(warehouse, DOSSIERS, file))
    )


def test_a_meaning_that_no_dimension_has_is_wrong(traceless: Settings, tmp_path: Path) -> None:
    project = copied(tmp_path / "project", "contracts", "dbt_project")
    seed = project / "dbt_project/seeds/code_mappings.csv"
    seed.write_text(
        re.sub(r"^(dossier_status,igate,[^,]*),.*$", r"\1,nothing", seed.read_text(), count=1, flags=re.M)
    )
    here = of_project(traceless, project)
    path = write_contract(
        tmp_path,
        traceless,
        "igate.dossiers",
        lambda text: re.sub(r", customProperties: \[[^\]]*mapping[^\]]*\]", "", text),
    )
    file = next((traceless.exports / "igate" / "dossiers").iterdir())
    said = told(list(look_at(here, path, file)), "wrong")
    assert "means 'nothing', which dbt_project/seeds/dossier_statuses.csv does not have" in said


def test_a_file_that_is_no_such_export_is_told_as_unreadable(traceless: Settings, tmp_path: Path) -> None:
    file = tmp_path / "register.xlsx"
    file.write_text("no workbook")
    steps = list(look_at(traceless, OUTGOING, file))
    assert "can't be read" in told(steps[2:3], "wrong")
    assert "critical, readable: the file could not be read" in told(steps[3:], "wrong")


def test_a_source_that_was_never_loaded_is_tried_all_the_same(traceless: Settings, tmp_path: Path) -> None:
    path = write_contract(
        tmp_path, traceless, DOSSIERS, lambda text: text.replace("one_stop.dossiers", "one_stop.dossiers2")
    )
    new = Path(path).rename(Path(path).with_name("dossiers2.yaml"))
    file = tmp_path / "anything.csv"
    file.write_bytes(csv(contracts(traceless)[DOSSIERS], [GOOD], {}))
    steps = list(look_at(traceless, str(new), file, date(2021, 5, 5)))
    assert not told(steps, "wrong")
    assert "anything.csv of 2021-05-05" in told(steps) and "must be named otherwise" in told(steps, "told")
    assert "there is no dbt_project/models/staging/one_stop/stg_one_stop__dossiers2.sql" in told(
        steps, "told"
    )


def test_all_that_is_wrong_with_a_contract_is_said_with_its_place(
    traceless: Settings, tmp_path: Path
) -> None:
    path = write_contract(
        tmp_path,
        traceless,
        DOSSIERS,
        lambda text: text.replace("value: updated_at}", "value: update_at}").replace(
            "(?P<business_date>", "(?P<part>"
        ),
    )
    steps = list(look_at(traceless, path))
    assert len(steps) == 4 and len(steps[0].findings) == 2
    assert f"{path}: $.schema[0].customProperties.versionColumn: 'update_at' is no column" in told(
        steps, "wrong"
    )
    assert f"{path}: $.servers[0].customProperties.fileName: parts and spans need a group" in told(
        steps, "wrong"
    )
    assert not any(step.is_wrong for step in steps[1:])


def test_open_questions_of_a_draft_have_to_be_answered(traceless: Settings, tmp_path: Path) -> None:
    asked = "status: draft\ncustomProperties:\n  - {property: openQuestions, value: ['$.schema[0]: day or month first?']}\n"
    path = write_contract(tmp_path, traceless, DOSSIERS, lambda text: text.replace("status: active\n", asked))
    steps = list(look_at(traceless, path))
    assert told(steps, "wrong") == "open question: $.schema[0]: day or month first?"
    assert "it is a draft" in told(steps, "told")


def test_a_column_of_another_type_than_the_rows_that_are_there_is_wrong(
    traceless: Settings, tmp_path: Path
) -> None:
    path = write_contract(
        tmp_path,
        traceless,
        DOSSIERS,
        lambda text: text.replace(
            "physicalName: phi, logicalType: integer", "physicalName: phi, logicalType: string"
        ),
    )
    assert "fee_vnd: is string (text) here, but rows of raw.one_stop__dossiers have bigint" in told(
        list(look_at(traceless, path)), "wrong"
    )


def test_without_its_connection_a_source_is_wrong_unless_a_file_is_named(
    served: Settings, tmp_path: Path
) -> None:
    alone = served.model_copy(update={"home": tmp_path / "home"})
    alone.home.mkdir()
    for shared in ("secrets", "ports.json", "archive"):
        (alone.home / shared).symlink_to(served.home / shared)
    steps = list(look_at(alone, DOSSIERS))
    assert "say in " + str(alone.home / "connections.json") in told(steps[1:2], "wrong")
    assert "(in the archive)" in told(steps[2:3])
    file = tmp_path / "dossiers_20210505.csv"
    file.write_bytes(csv(contracts(served)[DOSSIERS], [GOOD], {}))
    assert not told(list(look_at(alone, DOSSIERS, file)), "wrong")


def test_a_delivery_that_the_archive_lost_is_told_and_not_judged(
    served: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(served), "archive", tmp_path / "nothing here")
    steps = list(look_at(served, DOSSIERS, day=NIGHT))
    assert f"of {NIGHT}: its bytes are not in the archive any more" in told(steps[2:3], "wrong")
    assert "there was no dry run" in told(steps[3:])


def test_contract_and_connection_are_looked_at_without_the_warehouse(tmp_path: Path) -> None:
    here = Settings(home=tmp_path)
    (here.exports / "documents" / "outgoing").mkdir(parents=True)
    steps = list(look_at(here, OUTGOING))
    assert [step.is_wrong for step in steps] == [False, False, True, False]
    assert "start it with `kho up`" in told(steps, "wrong")
    assert not (tmp_path / "secrets").exists()


def test_a_delivery_without_its_control_file_is_told_as_not_complete(served: Settings) -> None:
    control = next((served.exports / "one_stop" / "dossiers").glob(f"*{NEXT:%Y%m%d}.csv.ctl"))
    text = control.read_text()
    control.unlink()
    try:
        steps = list(look_at(served, DOSSIERS))
    finally:
        control.write_text(text)
    name = control.stem
    assert f"not complete yet, their control file is missing: {name}" in told(steps[1:2], "told")
    assert f"delivery of {NEXT} is not complete yet" in told(steps[2:3], "wrong")


def test_a_date_whose_parts_are_not_all_there_is_told_as_not_complete(
    traceless: Settings, tmp_path: Path
) -> None:
    with tempfile.TemporaryDirectory(dir=traceless.exports) as folder:
        for day, part in (("20210504", 1), ("20210504", 2), ("20210505", 2)):
            Path(folder, f"permits_{day}_{part}of2.csv").write_text(f"code\n{part}\n")
        place = {"type": "local", "path": Path(folder).name, "format": "csv"}
        name = r"permits_(?P<business_date>\d{8})_(?P<part>\d+)of(?P<parts>\d+)\.csv"
        small.read(tmp_path, small.document(place, fileName=name))
        steps = list(look_at(traceless, str(tmp_path / "registry" / "permits.yaml")))
    assert "not complete yet: 2021-05-05 (part 1 of 2 not delivered)" in told(steps[1:2], "told")
    assert "2021-05-04" not in told(steps[1:2], "told") and not told(steps, "wrong")


def test_the_rows_of_a_query_are_tried_too(traceless: Settings, tmp_path: Path) -> None:
    with databases.postgres(traceless) as (connection, url):
        with psycopg.connect(url) as keeper:
            keeper.execute("create table permit (code text, changed_at timestamptz)")
            keeper.execute(
                "insert into permit values ('A1', '2021-05-05 08:00+07'), (null, '2021-05-05 09:00+07')"
            )
        database = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
        place = {"type": "postgres", "host": "{connection}", "port": "{connection}", "schema": "public"}
        keys = {"connection": "registry", "query": "select * from permit", "watermarkColumn": "changed_at"}
        changed = {"name": "changed_at", "logicalType": "timestamp"}
        times = {"timestampFormat": "yyyy-MM-dd'T'HH:mm:ssXXX"}
        small.read(
            tmp_path, small.document(place | {"database": database}, columns=[changed], file=times, **keys)
        )
        lead = {"registry": {"host": connection.host, "port": connection.port, "login": connection.login, "password": connection.password}}  # fmt: skip
        known = traceless.home / "connections.json"
        text, stat = known.read_text(), known.stat()
        try:
            known.write_text(json.dumps(lead))
            steps = list(
                look_at(traceless, str(tmp_path / "registry" / "permits.yaml"), day=date(2021, 5, 5))
            )
            quiet = list(
                look_at(traceless, str(tmp_path / "registry" / "permits.yaml"), day=date(2021, 5, 6))
            )
        finally:
            known.write_text(text)
            os.utime(known, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert not told(steps, "wrong")
    assert "of 2021-05-05 (at its source): 2 rows, 1 would load, 1 would be rejected" in told(steps)
    assert "rejected (1 rows): code: missing" in told(steps)
    assert "no row was there to try" in told(quiet, "told")
    assert "secret" not in told(steps)


@pytest.fixture
def kho(served: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., tuple[int, str]]]:
    """Types `kho source …` at this warehouse; gives its exit code and what it said."""
    monkeypatch.setenv("KHO_HOME", str(served.home))
    monkeypatch.setenv("KHO_WAREHOUSE_DATABASE", served.warehouse_database)
    monkeypatch.setenv("COLUMNS", "300")
    settings.settings.cache_clear()

    def type_in(*words: object) -> tuple[int, str]:
        result = CliRunner().invoke(commands.app, [str(word) for word in words])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, result.output

    yield type_in
    settings.settings.cache_clear()


def test_nobody_waits_for_great_expectations(
    kho, traceless: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To import it takes longer than all else that is done."""
    for module in ("great_expectations", "kho.check.expectations"):
        monkeypatch.setitem(sys.modules, module, None)
    code, said = kho("check", DOSSIERS)
    assert code == 0 and "✓ the batch would be accepted" in said


def test_scripts_read_the_exit_code_and_json(kho, traceless: Settings, tmp_path: Path) -> None:
    code, said = kho("check", DOSSIERS)
    assert code == 0 and "✓ the batch would be accepted" in said and "Calculating" not in said
    assert "The boundary would accept this file" in said.splitlines()[-1]
    file = tmp_path / "dossiers_20210505.csv"
    file.write_bytes(csv(contracts(traceless)[DOSSIERS], [GOOD, GOOD | {"maHoSo": "bad"}], {}))
    code, said = kho("check", DOSSIERS, "--file", file, "--format", "json")
    steps = json.loads(said)
    assert code == 1 and steps[3]["findings"][-1]["mark"] == "wrong"
    assert kho("check", "one_stop.dossier")[0] == 2


def test_columns_that_may_hold_anything_are_named_with_what_to_do(warehouse: Settings) -> None:
    said = told([next(look_at(warehouse, "post.handovers"))], "told")
    assert "may hold anything, names of people too: post_office. Say what stands there by a pattern" in said
    assert "may hold" not in told([next(look_at(warehouse, "misa.spending"))])
