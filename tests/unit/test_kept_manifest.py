"""The project is read once and kept: never longer than what it was read from stays as it is."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from dbt.contracts.graph.manifest import Manifest

from kho.settings import Settings
from kho.transform import lineage as lineages
from kho.transform.lineage import lineage
from kho.transform.project import TransformError, read
from tests.projects import copied

pytestmark = pytest.mark.slow

FILES = {
    "dbt_project.yml": """
name: kho
profile: kho
model-paths: [models, sources]
models: {kho: {+schema: staging}}
flags: {send_anonymous_usage_stats: false}
""",
    "models/staging/own/second.sql": "select '{{ graph.nodes['model.kho.first'].name }}' as n -- {{ ref('first') }}",
    "models/staging/own/first.sql": "select {{ told() }} as n from {{ ref('codes') }} -- {{ env_var('KHO_TOLD', 'nothing') }}",
    "macros/told.sql": "{% macro told() %}1{% endmacro %}",
    "seeds/codes.csv": "code\n1\n",
}
MODEL, SEED = "model.kho.first", "seed.kho.codes"


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A project of two models, one macro and one seed, and of the contracts of one system; it was read once."""
    folder = tmp_path_factory.mktemp("known")
    here = Settings(project=folder / "project", home=folder / "home")
    shutil.copytree(Settings().contracts / "portal", here.contracts / "portal")
    project = here.project / "dbt_project"
    for name, text in FILES.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text)
    shutil.copy(Settings().project / "dbt_project" / "profiles.yml", project)
    for seed in (Settings().project / "dbt_project" / "seeds").glob("*.csv"):
        shutil.copy(seed, project / "seeds")
    read(here)
    return here


@pytest.fixture
def settings(known: Settings, tmp_path: Path) -> Iterator[Settings]:
    """The same project with a home of the test's own; whatever the test changes in it is put back."""
    shutil.copytree(known.project, tmp_path / "project")
    shutil.copytree(known.home, tmp_path / "home", symlinks=True)
    yield known.model_copy(update={"home": tmp_path / "home"})
    shutil.rmtree(known.project)
    shutil.copytree(tmp_path / "project", known.project)


def kept(settings: Settings) -> dict[str, float]:
    return {path.name: path.stat().st_mtime for path in (settings.home / "dbt" / "manifests").iterdir()}


def test_what_did_not_change_is_not_read_again(settings: Settings) -> None:
    written = kept(settings)
    read(settings).nodes.clear()
    assert {MODEL, SEED} <= read(settings).nodes.keys()
    assert kept(settings) == written and len(written) == 1
    (name,) = written
    packed = (settings.home / "dbt" / "manifests" / name).read_bytes()
    assert Manifest.from_msgpack(packed).flat_graph == {}, (
        "what is made again costs more to unpack than to make"
    )


def test_what_was_read_of_the_same_elsewhere_is_not_read_again(known: Settings, tmp_path: Path) -> None:
    copy = Settings(project=tmp_path / "elsewhere", home=tmp_path / "home")
    shutil.copytree(known.project, copy.project)
    shutil.copytree(known.home / "dbt" / "manifests", copy.home / "dbt" / "manifests")
    ((there, _),) = kept(copy).items()
    manifest = (copy.home / "dbt" / "manifests" / there).read_bytes()
    assert {MODEL, SEED} <= read(copy).nodes.keys()
    (ours,) = kept(copy).keys() - {there}
    assert (copy.home / "dbt" / "manifests" / ours).read_bytes() == manifest
    assert "'first' as n" in read(copy, is_compiled=True).nodes["model.kho.second"].compiled_code


def test_what_is_kept_can_be_compiled(settings: Settings) -> None:
    told = [read(settings, is_compiled=True).nodes["model.kho.second"].compiled_code for _ in range(2)]
    assert told[0] == told[1] and "'first' as n" in told[0]


def test_what_was_read_long_ago_makes_room(settings: Settings) -> None:
    ((first, at),) = kept(settings).items()
    os.utime(settings.home / "dbt" / "manifests" / first, (at - 2 * 24 * 3600,) * 2)
    (settings.project / "dbt_project" / "models" / "staging" / "own" / "third.sql").write_text(
        "select 1 as n"
    )
    assert "model.kho.third" in read(settings).nodes
    assert len(kept(settings)) == 1 and first not in kept(settings)


def test_where_columns_come_from_is_found_out_once(settings: Settings) -> None:
    assert lineages.kept(settings) is None
    found = lineage(settings)
    assert lineages.kept(settings) == found == lineage(settings)
    assert found.columns[lineages.Ref("first", "n")] == frozenset()
    (settings.project / "dbt_project" / "models" / "staging" / "own" / "first.sql").write_text(
        "select code as n from {{ ref('codes') }}"
    )
    assert lineages.kept(settings) is None
    assert lineage(settings).columns[lineages.Ref("first", "n")] == {lineages.Ref("codes", "code")}


def test_every_change_is_seen(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def told() -> dict[str, object]:
        manifest = read(settings)
        return {
            "model": manifest.nodes[MODEL].raw_code,
            "seed": manifest.nodes[SEED].checksum.checksum,
            "macro": manifest.macros["macro.kho.told"].macro_sql,
            "contract": manifest.sources["source.kho.raw.portal__traffic"].description,
            "settings": manifest.nodes[MODEL].schema,
            "environment": manifest.env_vars["KHO_TOLD"],
        }

    def write(name: str, old: str, new: str) -> None:
        path = settings.project / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    before = told()
    changes = {
        "model": lambda: write("dbt_project/models/staging/own/first.sql", "as n", "as m"),
        "seed": lambda: write("dbt_project/seeds/codes.csv", "1", "2"),
        "macro": lambda: write("dbt_project/macros/told.sql", "1", "2"),
        "contract": lambda: write("contracts/portal/traffic.yaml", "How many visits", "Visits that"),
        "settings": lambda: write("dbt_project/dbt_project.yml", "staging", "warehouse"),
        "environment": lambda: monkeypatch.setenv("KHO_TOLD", "something"),
    }
    for change, make in changes.items():
        make()
        now = told()
        assert {each for each in now if now[each] != before[each]} == {change}
        before = now
    assert_is_as_read_whole(settings)


def test_what_comes_after_its_description_has_it(settings: Settings) -> None:
    models = settings.project / "dbt_project" / "models" / "staging" / "own"
    (models / "third.yml").write_text("""
models: [{name: third, columns: [{name: n, data_tests: [not_null]}]}]
seeds: [{name: places, description: Where}]
macros: [{name: asked, description: What}]
""")
    assert "model.kho.third" not in read(settings).nodes
    (settings.project / "dbt_project" / "seeds" / "places.csv").write_text("place\n1\n")
    assert read(settings).nodes["seed.kho.places"].description == "Where"
    (settings.project / "dbt_project" / "macros" / "asked.sql").write_text(
        "{% macro asked() %}1{% endmacro %}"
    )
    assert read(settings).macros["macro.kho.asked"].description == "What"
    (models / "third.sql").write_text("select 1 as n")
    assert list(read(settings).nodes["model.kho.third"].columns) == ["n"]
    (models / "third.sql").unlink()
    assert "model.kho.third" not in read(settings).nodes
    (models / "third.sql").write_text("select 2 as n")
    assert list(read(settings).nodes["model.kho.third"].columns) == ["n"]
    assert_is_as_read_whole(settings)


def test_what_was_read_of_a_change_is_what_is_read_of_the_whole(tmp_path: Path) -> None:
    """Of the real project: only what changed was read, and what depends on it."""
    project = copied(tmp_path / "project", "contracts", "dbt_project")
    settings = Settings(project=project, home=tmp_path / "home")
    read(settings)
    changes = {
        "dbt_project/macros/fact.sql": ("analyze pg_temp.touched", "analyze touched"),
        "dbt_project/macros/leading_systems.sql": ("limit 1", "limit 2"),
        "dbt_project/models/warehouse/unions/union_dossier.sql": ("ref('stg_one_stop__dossiers'),", ""),
        "dbt_project/models/staging/ledger/stg_ledger__lists.sql": ("select", "select -- read"),
        "dbt_project/seeds/systems.csv": ("one_stop", "two_stop"),
        "contracts/portal/traffic.yaml": ("How many visits", "Visits that"),
    }
    for name, (old, new) in changes.items():
        path = settings.project / name
        text = path.read_text()
        assert old in text, name
        path.write_text(text.replace(old, new))
    (settings.project / "dbt_project/models/marts/one_stop/morning_list.sql").rename(
        settings.project / "dbt_project/models/marts/figures/morning_list.sql"
    )
    read(settings)
    assert_is_as_read_whole(settings)


def assert_is_as_read_whole(settings: Settings) -> None:
    """What was kept is what is read again where nothing is kept."""
    found = content(read(settings))
    with TemporaryDirectory() as home:
        whole = content(read(settings.model_copy(update={"home": Path(home)})))
    others = {
        key: {
            name: (found["nodes"][key].get(name), value)
            for name, value in node.items()
            if found["nodes"][key].get(name) != value
        }
        for key, node in whole["nodes"].items()
        if found["nodes"].get(key) != node
    }
    assert others == {}
    assert {part for part in whole if found[part] != whole[part]} == set()


def content(manifest: Manifest) -> dict[str, Any]:
    """A manifest without when and where it was read, and without its list of files.

    dbt looks for a seed where it was read only if it is not in the project that runs.
    """

    def freed(found: Any) -> Any:
        match found:
            case dict():
                return {
                    name: freed(each)
                    for name, each in found.items()
                    if name not in ("created_at", "root_path")
                }
            case list():
                return [freed(each) for each in found]
        return found

    packed = freed(manifest.to_dict(omit_none=True))
    kept = {part: each for part, each in packed.items() if not part.startswith("_")}
    return {part: each for part, each in kept.items() if part not in ("metadata", "files")}


def test_a_project_that_makes_no_sense_is_told_and_not_kept(settings: Settings) -> None:
    written = kept(settings)
    (settings.project / "dbt_project" / "models" / "staging" / "own" / "first.sql").write_text(
        "select * from {{ ref('nowhere') }}"
    )
    with pytest.raises(TransformError, match="nowhere"):
        read(settings)
    assert kept(settings) == written


def test_the_project_is_never_written(settings: Settings) -> None:
    """Nobody may have to write it: not to read, to compile, nor to tell where columns come from."""
    (settings.project / "dbt_project" / "models" / "staging" / "own" / "third.sql").write_text(
        "select 1 as n"
    )
    before = snapshot(settings.project)
    read(settings)
    assert lineage(settings).tables.keys() >= {"first", "third"}
    assert snapshot(settings.project) == before


def snapshot(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in (folder, *folder.rglob("*"))}
