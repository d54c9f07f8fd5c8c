"""`kho source build`: the models around a source, built aside of one file of it; the page that adds a source is typed for it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kho import settings as settings_module
from kho.cli import app
from kho.settings import Settings
from tests.integration.test_source_check import everything
from tests.pages import blocks
from tests.projects import WHOLE, copied, of_project

PAGE = Path("docs/add-a-source.md")
NAME = "land_desk.dossiers"
MODEL = "dbt_project/models/staging/land_desk/stg_land_desk__dossiers.sql"
UNION = "dbt_project/models/warehouse/unions/union_dossier.sql"


@pytest.fixture(scope="module")
def typed(module_warehouse: Settings, tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, list[str]]:
    """A project after all that the page types before its night, and what was not as the page says."""
    project = copied(tmp_path_factory.mktemp("project"), *WHOLE)
    (project / ".kho").symlink_to(module_warehouse.home)
    here = of_project(module_warehouse, project)
    otherwise, output = [], ""
    for block in blocks(PAGE):
        if block.text.startswith("kho run"):
            break
        if block.info in ("sh", "sh fails"):
            ran = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", block.text],
                cwd=project,
                env=environment(here),
                capture_output=True,
                text=True,
            )
            output = ran.stdout + ran.stderr
            if (ran.returncode != 0) != (block.info == "sh fails") or "Traceback" in output:
                otherwise.append(f"{block} ended with {ran.returncode}\n{output}")
        elif block.info == "text output":
            lines = [line for line in block.text.splitlines() if plain(line) not in plain(output)]
            if lines:
                otherwise.append(f"{block}: not printed: {lines}\n{output}")
    return here, otherwise


def environment(settings: Settings) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("KHO_")}
    source = str(Path(__file__).resolve().parents[2] / "src")
    return own | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": source,
        "COLUMNS": "160",
        "KHO_HOME": str(settings.home),
        "KHO_PROJECT": str(settings.project),
        "KHO_WAREHOUSE_DATABASE": settings.warehouse_database,
    }


def plain(text: str) -> str:
    return " ".join(re.sub(r"[^\w%.,:'/-]", " ", text).split())


@pytest.fixture
def kho(
    typed: tuple[Settings, list[str]], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., tuple[int, str]]]:
    """Types `kho …` in that project; gives its exit code and what it said, white space folded. It leaves no trace."""
    here, _ = typed
    for name, value in environment(here).items():
        if name.startswith("KHO_") or name == "COLUMNS":
            monkeypatch.setenv(name, value)
    settings_module.settings.cache_clear()

    def type_in(*words: object) -> tuple[int, str]:
        result = CliRunner().invoke(app, [str(word) for word in words])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, " ".join(result.output.split())

    yield type_in
    settings_module.settings.cache_clear()


def test_the_page_does_before_its_night_what_it_says(typed: tuple[Settings, list[str]]) -> None:
    _, otherwise = typed
    assert not otherwise, "\n".join(otherwise)


def test_the_models_of_the_newest_delivery_are_built_and_nothing_else_is_touched(kho, typed) -> None:
    here, _ = typed
    kho("source", "build", NAME)  # what dbt reads is kept by its fingerprint
    before = everything(here)
    code, said = kho("source", "build", NAME)
    after = everything(here)
    # A lock says who had it last; dbt's own folder says when it looked.
    assert {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)} <= {
        "ledger.lock"
    }
    assert code == 0, said
    assert "land_desk_20210630.csv of 2021-06-30 (at its source): 2 rows, 2 would load" in said
    for model in ("stg_land_desk__dossiers", "union_dossier", "fct_dossier"):
        assert f"✓ {model}: 2 rows" in said
    assert "Trần" not in said and "0912345672" not in said


@contextmanager
def changed(project: Path, *changes: tuple[str, str, str]) -> Iterator[None]:
    """While it lasts, each of these files has one text in the place of another."""
    before = {name: (project / name).read_text() for name, _, _ in changes}
    try:
        for name, old, new in changes:
            text = (project / name).read_text()
            assert old in text
            (project / name).write_text(text.replace(old, new))
        yield
    finally:
        for name, text in before.items():
            (project / name).write_text(text)


def line(project: Path, name: str, text: str) -> int:
    return next(
        number for number, each in enumerate((project / name).read_text().splitlines(), 1) if text in each
    )


def test_a_column_that_is_not_there_is_told_with_its_line(kho, typed) -> None:
    here, _ = typed
    with changed(here.project, (MODEL, "  dossier.fee_vnd,", "  dossier.fee as fee_vnd,")):
        code, said = kho("source", "build", NAME)
        place = line(here.project, MODEL, "dossier.fee as")
    assert code == 1
    assert f"✗ {MODEL}, line {place}: column dossier.fee does not exist" in said
    assert "→ name a column that is there" in said
    assert "– fct_dossier: not built, since what it reads is wrong" in said


def test_what_dbt_cannot_read_is_told_with_its_line_too(kho, typed) -> None:
    here, _ = typed
    with changed(
        here.project,
        (MODEL, "{{ input_rows('land_desk.dossiers') }}", "{{ input_rows('land_desk.dossiers' }}"),
    ):
        code, said = kho("source", "build", NAME)
        place = line(here.project, MODEL, "input_rows")
    assert code == 1 and f"{MODEL}, line {place}: " in said and "→ mend the text around this line" in said
    with changed(
        here.project, (MODEL, "input_rows('land_desk.dossiers')", "input_row('land_desk.dossiers')")
    ):
        code, said = kho("source", "build", NAME)
    assert code == 1 and MODEL in said and "'input_row' is undefined" in said and "macros stand in" in said
    with changed(here.project, (UNION, "'stg_land_desk__dossiers'", "'stg_land__dossiers'")):
        code, said = kho("source", "build", NAME)
    assert code == 1 and UNION in said and "stg_land__dossiers" in said and "is the name right?" in said


def test_types_that_are_described_otherwise_and_tests_that_fail_are_told(kho, typed) -> None:
    here, _ = typed
    mistakes = (
        (MODEL, "  dossier.fee_vnd,", "  dossier.fee_vnd::text as fee_vnd,"),
        (MODEL, "{{ hash_key([\"'land_desk'\", 'dossier.dossier_code']) }} as", "null::uuid as"),
        (MODEL, "  null::timestamptz as updated_at,\n", ""),
    )
    with changed(here.project, *mistakes):
        code, said = kho("source", "build", NAME)
    documented = MODEL.replace(".sql", ".yml")
    assert code == 1
    assert "stg_land_desk__dossiers.fee_vnd is text, and described as bigint" in said
    assert f"stg_land_desk__dossiers lacks updated_at, which {documented} describes" in said
    assert f"✗ {documented}" in said and "Got 2 results, configured to fail if != 0" in said
    assert "– union_dossier: not built, since what it reads is wrong" in said


def test_another_file_is_built_also_of_a_draft(kho, typed) -> None:
    here, _ = typed
    contract = "contracts/land_desk/dossiers.yaml"
    file = here.exports / "land_desk" / "dossiers" / "land_desk_20210629.csv"
    with changed(here.project, (contract, "status: active", "status: draft")):
        code, said = kho("source", "build", NAME, "--file", file)
    assert code == 0, said
    assert "3 rows, 3 would load" in said and "✓ fct_dossier: 3 rows" in said


def test_without_rows_or_models_it_says_what_to_do(kho, typed, tmp_path: Path) -> None:
    here, _ = typed
    code, said = kho("source", "build", "land_desk.dossier")
    assert code == 2 and "land_desk.dossiers" in said
    code, said = kho("source", "build", NAME, "--date", "2021-06-01")
    assert code == 1 and "there is no delivery to try: name a file with --file" in said
    file = tmp_path / "land_desk_20210630.csv"
    file.write_bytes(b"\x00\x01")
    code, said = kho("source", "build", NAME, "--file", file)
    assert code == 1 and "can't be read" in said and "not built: there are no rows" in said
    model = here.project / MODEL
    aside = model.rename(tmp_path / "model.sql")
    with changed(here.project, (UNION, "  ref('stg_land_desk__dossiers'),\n", "")):
        code, said = kho("source", "build", NAME)
    aside.rename(model)
    assert code == 1 and f"no model reads {NAME}: write {MODEL}" in said


def test_what_kho_proposes_can_be_looked_at_before_anything_is_answered(kho, typed) -> None:
    here, _ = typed
    name = "land_desk.proposed"
    files = here.exports / "land_desk" / "dossiers"
    assert kho("source", "new", name, "--from", files, "--no-input")[0] == 0
    code, said = kho("source", "build", name, "--file", files / "land_desk_20210630.csv")
    assert code == 0, said
    assert "✓ stg_land_desk__proposed: 2 rows" in said and "DD-2021-0004" in said
    assert "Trần" not in said and "0912345672" not in said
