"""An installation of one's own: what a province has stands in its own folder, and an update of the product changes nothing in it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

import kho.settings as settings_module
from kho import installation, night
from kho.cli import app
from kho.contract import contracts, samples
from kho.settings import Settings
from kho.transform.assembly import TransformError, unions
from tests.integration.test_added_source import git
from tests.projects import PROJECT, copied, of_project

DAY = date(2021, 6, 30)
GUIDE = (PROJECT / "docs" / "add-a-source.md").read_text()
SEEDS = {
    "agencies.csv": "H51,94,Tỉnh Sóc Trăng,Sóc Trăng,province,,2016-01-01,\n"
    "H51.12,946,Huyện Long Phú,Long Phú,district,H51,2016-01-01,\n"
    "H51.12.05,,Phòng Tài nguyên và Môi trường,TNMT,district,H51.12,2016-01-01,\n",
}


def written(text: str) -> Iterator[tuple[str, str, bool]]:
    """The files that the guide writes: name, text, and whether it is added to what is there."""
    for mode, name, body in re.findall(r"^cat (>>?) (\S+) <<'END'\n(.*?)^END$", text, re.M | re.S):
        yield name, body, mode == ">>"


@pytest.fixture
def upstream(tmp_path: Path) -> Path:
    """The product as others publish it."""
    folder = copied(tmp_path / "upstream", "contracts", "dags", "dbt_project", "expectations")
    shutil.copy(PROJECT / ".gitignore", folder)
    git(folder, "init", "--quiet", "--initial-branch", "main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "one")
    return folder


@pytest.fixture
def own(warehouse: Settings, upstream: Path, tmp_path: Path) -> Settings:
    """An installation beside a clone of the product."""
    git(tmp_path, "clone", "--quiet", str(upstream), "product")
    settings = of_project(warehouse, tmp_path / "product")
    installation.make(settings)
    return settings


@pytest.fixture
def kho(own: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., tuple[int, str]]]:
    monkeypatch.setenv("KHO_HOME", str(own.home))
    monkeypatch.setenv("KHO_PROJECT", str(own.project))
    monkeypatch.setenv("KHO_WAREHOUSE_DATABASE", own.warehouse_database)
    monkeypatch.setenv("COLUMNS", "200")
    settings_module.settings.cache_clear()

    def type_in(*words: object) -> tuple[int, str]:
        result = CliRunner().invoke(app, list(map(str, words)))
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, result.output

    yield type_in
    settings_module.settings.cache_clear()


def add_the_land_desk(settings: Settings) -> None:
    """What docs/add-a-source.md adds, in the installation's folder."""
    home = settings.home
    for name, text in SEEDS.items():
        with (home / "seeds" / name).open("a", encoding="utf-8") as seed:
            seed.write(text)
    for name, body, is_added in written(GUIDE):
        if not re.search(r"land_desk|seeds/", name):
            continue
        path = home / name.removeprefix("dbt_project/").removeprefix(".kho/")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a" if is_added else "w", encoding="utf-8") as file:
            file.write(body)
    (home / "unions.yaml").write_text("union_dossier: [stg_land_desk__dossiers]\n")


def dossiers(settings: Settings) -> list[tuple[str, str]]:
    with psycopg.connect(settings.admin_url()) as connection:
        return connection.execute(
            "select dossier_code, status from warehouse.fct_dossier where system = 'land_desk' order by 1"
        ).fetchall()


EXPECTED = [
    ("DD-2021-0001", "result_returned"),
    ("DD-2021-0002", "result_returned"),
    ("DD-2021-0003", "result_returned"),
    ("DD-2021-0004", "in_process"),
]


@pytest.mark.slow
def test_an_installation_has_its_sources_and_an_update_of_the_product_leaves_them_alone(
    own: Settings, upstream: Path
) -> None:
    git(own.home, "init", "--quiet")
    add_the_land_desk(own)
    # Nobody waits for a source of the sample.
    assert night.systems(own) == ["land_desk"] and list(contracts(own)) == ["land_desk.dossiers"]
    assert "one_stop.dossiers" in samples(own) and "land_desk.dossiers" not in samples(own)
    night.run(own, DAY)
    assert dossiers(own) == EXPECTED
    with psycopg.connect(own.admin_url()) as connection:
        assert connection.execute("select contract from marts.source_freshness").fetchall() == [
            ("land_desk.dossiers",)
        ]
        figures = connection.execute(
            "select distinct value from marts.report_figure where scope_agency_code = 'H51.12' and scheme = 'calendar'"
            " and period_code = '2021-06' and metric = 'dossiers_received' and detail = '' and level = 'all'"
        ).fetchall()
        assert figures == [(4,)]
    # What is a province's own is all that git sees of it.
    git(own.home, "add", "--all")
    kept = git(own.home, "ls-files").splitlines()
    assert "contracts/land_desk/dossiers.yaml" in kept and "seeds/agencies.csv" in kept
    assert {path.partition("/")[0] for path in kept} == {
        ".gitignore", "README.md", "contracts", "models", "seeds", "unions.yaml",
    }  # fmt: skip
    git(own.home, "commit", "--quiet", "--message", "ours")

    # The product goes on: in its union, in a seed of which the installation has its own, and in a contract of the sample.
    union = Path("dbt_project", "models", "warehouse", "unions", "union_dossier.sql")
    changes = {
        union: lambda text: "{# newer #}\n" + text,
        Path("dbt_project", "seeds", "agencies.csv"): lambda text: (
            text + "H99,99,Khác,Khác,province,,2025-07-01,\n"
        ),
        Path("contracts", "one_stop", "dossiers.yaml"): lambda text: text.replace(
            "version: ", "version: 9", 1
        ),
    }
    for path, change in changes.items():
        (upstream / path).write_text(change((upstream / path).read_text()))
    git(upstream, "commit", "--quiet", "--all", "--message", "two")
    assert git(own.project, "status", "--porcelain") == ""
    git(own.project, "pull", "--quiet", "--ff-only")
    assert "newer" in (own.project / union).read_text()
    night.build_layer(own, "staging", DAY)
    night.build_layer(own, "warehouse", DAY)
    assert dossiers(own) == EXPECTED
    with psycopg.connect(own.admin_url()) as connection:
        assert connection.execute("select count(*) from seed.agencies").fetchone() == (3,)
    assert git(own.home, "status", "--porcelain") == git(own.project, "status", "--porcelain") == ""


def test_kho_source_new_writes_into_the_installation(own: Settings, kho, tmp_path: Path) -> None:
    samples_of_the_desk = [
        (name, body) for name, body, _ in written(GUIDE) if name.startswith(".kho/exports/land_desk")
    ]
    for name, body in samples_of_the_desk:
        path = own.home / name.removeprefix(".kho/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body)
    code, said = kho(
        "source", "new", "land_desk.dossiers", "--from", own.exports / "land_desk" / "dossiers", "--no-input"
    )
    assert code == 0, said
    for name in (
        "contracts/land_desk/dossiers.yaml",
        "models/staging/land_desk/stg_land_desk__dossiers.sql",
        "models/staging/land_desk/stg_land_desk__dossiers.yml",
    ):
        assert (own.home / name).is_file()
    assert list((own.home / "fixtures" / "land_desk.dossiers").iterdir())
    assert git(own.project, "status", "--porcelain") == ""
    code, said = kho("source", "list")
    assert code == 0 and "land_desk.dossiers" in said and "one_stop" not in said
    code, said = kho("source", "check", "land_desk.dossiers")
    assert "mappings" not in said and "open question" in said


def test_the_engineers_commands_work_on_an_installation(own: Settings, kho) -> None:
    add_the_land_desk(own)
    mappings = own.home / "seeds" / "code_mappings.csv"
    words = mappings.read_text()
    mappings.write_text("domain,system,raw_code,code\n")
    code, said = kho("source", "check", "land_desk.dossiers")
    assert code == 0, said
    assert "seeds/code_mappings.csv" in said and "dbt_project/seeds/code_mappings.csv" not in said
    assert "feeds fct_dossier" in said
    mappings.write_text(words)
    code, said = kho("source", "build", "land_desk.dossiers")
    assert code == 0, said
    assert "stg_land_desk__dossiers: 2 rows" in said and "fct_dossier: 2 rows" in said
    model = own.staging / "land_desk" / "stg_land_desk__dossiers.sql"
    model.write_text(model.read_text().replace("dossier.fee_vnd", "dossier.fees_vnd"))
    code, said = kho("source", "build", "land_desk.dossiers")
    assert code == 1 and "models/staging/land_desk/stg_land_desk__dossiers.sql, line" in said
    assert "dbt_project/models/staging/land_desk" not in said


@pytest.mark.parametrize("command", ["sample", "demo"])
def test_no_sample_comes_into_an_installation(own: Settings, kho, command: str) -> None:
    code, said = kho(command)
    assert code == 1 and "is an installation of your own" in said
    assert not own.exports.exists()


def test_kho_init_overwrites_nothing(own: Settings, kho, tmp_path: Path) -> None:
    code, said = kho("init", tmp_path / "office")
    assert code == 0 and f"export KHO_HOME={tmp_path / 'office'}" in said
    for secret in ("config.toml", "connections.json"):
        assert (tmp_path / "office" / secret).stat().st_mode & 0o077 == 0
    before = {path: path.read_bytes() for path in (tmp_path / "office").rglob("*") if path.is_file()}
    code, said = kho("init", tmp_path / "office")
    assert code == 1 and "has contracts already" in said
    assert before == {path: path.read_bytes() for path in (tmp_path / "office").rglob("*") if path.is_file()}
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "README.md").write_text("mine")
    code, said = kho("init", tmp_path / "full")
    assert code == 1 and "is there already" in said and not (tmp_path / "full" / "contracts").exists()


def test_a_code_that_an_installations_seed_lacks_is_no_code_of_the_products(own: Settings) -> None:
    add_the_land_desk(own)
    path = own.contracts / "land_desk" / "dossiers.yaml"
    text = path.read_text()
    path.write_text(
        text.replace(
            "enum: [{value: QUAY}, {value: MANG}, {value: BUUDIEN}]}",
            "customProperties: [{property: mapping, value: channel}]}",
        )
    )
    (contract,) = contracts(own).values()
    column = next(each for each in contract.columns if each.name == "channel_code")
    assert set(column.values) == {"QUAY", "MANG", "BUUDIEN"}


@pytest.mark.parametrize("text", ["union_dossier: stg_a", "[stg_a]", "union_dossier: [{a: b}]", "a: ["])
def test_a_wrong_list_of_unions_says_what_would_be_right(tmp_path: Path, text: str) -> None:
    (tmp_path / "unions.yaml").write_text(text)
    with pytest.raises(TransformError, match=r"unions\.yaml"):
        unions(tmp_path)
