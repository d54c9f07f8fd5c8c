"""What holds for every model: it reads the layer above, its columns are told, and files made from others are theirs."""

from __future__ import annotations

import ast
import csv
import importlib.util
import re
import runpy
from pathlib import Path

import pytest
from dbt.contracts.graph.manifest import Manifest

import kho
from kho.cli.form import Code
from kho.cli.report import PAPER
from kho.contract import contracts
from kho.publish.views import NOT_FOR_READERS
from kho.settings import Settings
from kho.transform import raw_sources
from kho.transform.project import read

#: who may read whom; a layer may read itself
READS = {
    "staging": {"source", "seed", "staging"},
    "warehouse": {"seed", "staging", "warehouse", "function"},
    "marts": {"warehouse", "marts"},
}


@pytest.fixture(scope="module")
def settings(project: Settings) -> Settings:
    return project


@pytest.fixture(scope="module")
def manifest(settings: Settings) -> Manifest:
    return read(settings)


def models(manifest: Manifest) -> dict[str, tuple[str, object]]:
    """Layer and node of every model, by its id."""
    return {key: (node.fqn[1], node) for key, node in manifest.nodes.items() if node.resource_type == "model"}


def test_a_layer_reads_only_the_one_above_it(manifest: Manifest) -> None:
    known = models(manifest)
    wrong = []
    for layer, node in known.values():
        for parent in node.depends_on.nodes:
            above = known[parent][0] if parent in known else parent.split(".")[0]
            if above not in READS[layer]:
                wrong.append(f"{node.name} ({layer}) reads {parent}")
    assert wrong == []
    assert {layer for layer, _ in known.values()} == READS.keys()


def test_models_are_named_for_what_they_are(manifest: Manifest) -> None:
    folders = {
        "dimensions": "dim_",
        "facts": "fct_",
        "bridges": "bridge_",
        "unions": "union_",
        "movements": "movement_",
        "kept": "kept_",
    }
    for layer, node in models(manifest).values():
        if layer == "staging":
            assert node.name.startswith(f"stg_{node.fqn[2]}__"), node.name
        elif layer == "warehouse":
            assert node.name.startswith(folders[node.fqn[2]]), node.name


def test_every_model_is_described_and_every_published_column_too(manifest: Manifest) -> None:
    for layer, node in models(manifest).values():
        assert node.description, node.name
        assert node.columns, node.name
        assert all(column.description and column.data_type for column in node.columns.values()), node.name
        assert node.config.contract.enforced == (layer != "staging"), node.name


def test_every_mart_that_readers_see_and_every_column_of_it_has_a_vietnamese_title(
    manifest: Manifest,
) -> None:
    seen = [
        node for layer, node in models(manifest).values()
        if layer == "marts" and node.name not in NOT_FOR_READERS
    ]  # fmt: skip
    assert len(seen) > 30
    untitled = [
        name
        for node in seen
        for name, each in [
            (node.name, node),
            *((f"{node.name}.{key}", of) for key, of in node.columns.items()),
        ]
        if not str(each.config.meta.get("title_vi") or "").strip()
    ]
    assert untitled == []


def test_a_staging_model_is_described_in_a_file_of_its_own(manifest: Manifest) -> None:
    """So that a new source touches nobody else's."""
    for layer, node in models(manifest).values():
        if layer == "staging" and node.fqn[2] != "ledger":
            assert node.patch_path == "kho://" + node.original_file_path.replace(".sql", ".yml")


def test_a_fact_is_one_model_with_its_key(manifest: Manifest) -> None:
    """What it reads tells of its key: without that nothing would ever touch it."""
    known = models(manifest)
    facts = [node for _, node in known.values() if node.config.materialized == "fact"]
    assert len(facts) > 20
    for node in facts:
        key = node.config.unique_key
        wanted = {key} if isinstance(key, str) else set(key)
        read_by_it = [known[parent][1] for parent in node.depends_on.nodes if parent in known]
        versions = [each for each in read_by_it if each.name.startswith(("stg_", "union_"))]
        assert [each.name for each in versions if wanted <= each.columns.keys()], node.name
        assert wanted <= node.columns.keys(), node.name
    assert not [node.name for _, node in known.values() if node.config.materialized == "incremental"]


def test_registers_that_are_handed_over_whole_are_read_as_lists(
    manifest: Manifest, settings: Settings
) -> None:
    """A row of a list holds no longer than the list."""
    known = contracts(settings)
    read_as_lists = {
        contract
        for _, node in models(manifest).values()
        for contract in re.findall(r"list_rows\('([\w.]+)'\)", node.raw_code)
    }
    assert read_as_lists == {name for name, each in known.items() if each.file.load == "full"}


def test_a_data_test_runs_in_the_night_if_it_reads_small_tables_only(manifest: Manifest) -> None:
    tests = [node for node in manifest.nodes.values() if node.resource_type == "test"]
    folders = {key: node.fqn[2] for key, (_, node) in models(manifest).items()}
    for node in tests:
        read = {folders.get(parent, "seeds") for parent in node.depends_on.nodes}
        assert ("nightly" in node.tags) == (read <= {"dimensions", "bridges", "seeds"}), node.name
        # so that the build of a layer finds it
        assert node.fqn[1] in READS, f"{node.name}: put it into tests/<layer>/<folder>/"
    assert {"unique_dim_agency_agency_key", "working_days"} <= {
        node.name for node in tests if "nightly" in node.tags
    }


def test_rows_are_the_same_whenever_they_are_built(manifest: Manifest) -> None:
    clocks = re.compile(
        r"\b(now\(\)|current_timestamp|current_date|clock_timestamp|nextval|gen_random_uuid)", re.I
    )
    assert [node.name for _, node in models(manifest).values() if clocks.search(node.raw_code)] == []


def test_the_sources_of_raw_are_those_of_the_contracts(manifest: Manifest, settings: Settings) -> None:
    told = {
        node.name: {column.name: column.data_type for column in node.columns.values()}
        for node in manifest.sources.values()
        if node.source_name == "raw"
    }
    technical = {"_batch_id": "bigint", "_row_number": "bigint", "_key": "uuid"}
    assert told == {
        contract.raw_table: technical | {column.name: column.raw_type for column in contract.stored}
        for contract in contracts(settings).values()
    }


def test_sources_that_did_not_change_are_not_written_again(settings: Settings, tmp_path: Path) -> None:
    raw_sources.write(settings, tmp_path)
    first = {path: path.stat().st_ino for path in tmp_path.iterdir()}
    (tmp_path / "of_old.yml").write_text("what a contract that is gone has left")
    raw_sources.write(settings, tmp_path)
    assert {path: path.stat().st_ino for path in tmp_path.iterdir()} == first


def test_what_is_expected_of_years_without_a_notice_is_what_the_library_foresees() -> None:
    seeds = Path(__file__).resolve().parents[2] / "dbt_project" / "seeds"
    render = runpy.run_path(str(seeds / "write_days_off.py"))["render"]
    assert (seeds / "days_off.csv").read_text(encoding="utf-8") == render(), "run seeds/write_days_off.py"


def test_every_day_off_in_exchange_for_another_day_has_its_make_up_day() -> None:
    seeds = Path(__file__).resolve().parents[2] / "dbt_project" / "seeds"
    with (seeds / "days_off.csv").open(encoding="utf-8") as file:
        moved = {
            row["date_day"]: "-".join(reversed(found[1].split("/")))
            for row in csv.DictReader(file)
            if (found := re.search(r"thay cho ngày ([\d/]+)", row["name"]))
        }
    with (seeds / "make_up_days.csv").open(encoding="utf-8") as file:
        assert moved == {row["pays_for"]: row["date_day"] for row in csv.DictReader(file)}
    assert moved["2026-01-02"] == "2026-01-10"


def test_every_movement_is_among_the_rows_behind_figures(manifest: Manifest) -> None:
    nodes = {node.name: (key, node) for key, (_, node) in models(manifest).items()}
    movements = {key for name, (key, _) in nodes.items() if name.startswith("movement_")}
    builds, _ = nodes["stg_ledger__builds"]
    assert movements and set(nodes["kept_row"][1].depends_on.nodes) == movements | {builds}


def test_a_movement_that_follows_keys_is_moved_by_nothing_else(manifest: Manifest) -> None:
    """A night writes rows of touched keys alone: what else they were made of would change them unseen."""
    known = models(manifest)

    def is_delivered(key: str) -> bool:
        return key in manifest.sources or (
            key in known and any(map(is_delivered, known[key][1].depends_on.nodes))
        )

    followed = [
        node for _, node in known.values() if node.name.startswith("movement_") and "fact_key" in node.columns
    ]
    assert len(followed) > 5
    for node in followed:
        read = [known[key][1] for key in filter(is_delivered, node.depends_on.nodes)]
        assert {each.config.materialized for each in read} == {"fact"}, node.name
        (key,) = {each.config.unique_key for each in read}
        assert read[0].columns[key].data_type == "uuid", node.name


def test_a_kind_of_figure_is_known_to_its_seed_alone(settings: Settings) -> None:
    """Whoever counts asks for a kind's attributes: a new kind is a row of the seed."""
    seeds = settings.project / "dbt_project" / "seeds"
    with (seeds / "metric_kinds.csv").open(encoding="utf-8") as file:
        kinds = {row["kind"] for row in csv.DictReader(file)}
    with (seeds / "metrics.csv").open(encoding="utf-8") as file:
        assert {row["kind"] for row in csv.DictReader(file)} <= kinds
    # Single words, and what counters tell, are other things too: they are kinds where they are compared with one.
    words = {kind for kind in kinds if "_" not in kind} | {"year_to_date"}
    compared = re.compile(rf"\b_?kinds?\b[^\n]{{0,40}}[\"'%]({'|'.join(sorted(words))})\b", re.I)
    named = re.compile(rf"\b({'|'.join(sorted(kinds - words))})\b")
    found = [
        f"{path.relative_to(settings.project)}: {match[1]}"
        for folder in ("src", "dbt_project/models", "dbt_project/macros", "expectations")
        for path in sorted((settings.project / folder).rglob("*"))
        if path.suffix in (".py", ".sql", ".yml", ".yaml")
        for pattern in (compared, named)
        for match in pattern.finditer(path.read_text(encoding="utf-8"))
    ]
    assert found == []
    assert len(kinds) >= 8


def test_what_adds_up_is_told_in_words_as_it_is(settings: Settings) -> None:
    with (settings.project / "dbt_project" / "seeds" / "metric_kinds.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            units, time = row["is_additive_over_units"] == "true", row["is_additive_over_time"] == "true"
            words = row["additivity_title"]
            assert words.startswith("Cộng được giữa các đơn vị" if units else "Không cộng"), row["kind"]
            assert ("và giữa các kỳ" in words) == time, row["kind"]


#: mapped by a folded text, of which a contract can't list every spelling
FOLDED = {("documents", "document_type")}


def test_every_code_that_a_model_maps_is_checked_at_load(manifest: Manifest, settings: Settings) -> None:
    """An unmapped code would be lost: its contract has to reject it."""
    checked = {
        (contract.system, column.keys.mapping)
        for contract in contracts(settings).values()
        for column in contract.columns
    }
    mapped = {
        (system, domain)
        for layer, node in models(manifest).values()
        if layer == "staging"
        for domain, system in re.findall(r"join_mapping\('\w+', '(\w+)', '(\w+)'", node.raw_code)
    }
    assert mapped - checked <= FOLDED
    assert len(mapped) > 10


def test_no_figure_of_the_report_stands_in_the_product(settings: Settings) -> None:
    """Figures come out of exports. Numbers below three digits and places in a report say nothing."""
    report = Path(__file__).resolve().parents[1] / "figures" / "long_phu_2021_h1.csv"
    values = {
        row["value"]
        for row in csv.DictReader(report.open(encoding="utf-8"))
        if len(row["value"]) >= 3 and float(row["value"]) != 100
    }
    number = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.])")
    found = [
        f"{path.relative_to(settings.project)}: {match}"
        for folder in ("src", "dags", "dbt_project", "expectations")
        for path in sorted((settings.project / folder).rglob("*"))
        if path.suffix in (".py", ".sql", ".yml", ".yaml", ".csv", ".json")
        for match in number.findall(
            re.sub(r"^(\w+),\d+,", r"\1,", path.read_text(encoding="utf-8"), flags=re.M)
        )
        if match in values
    ]
    assert found == []


#: functions that a mart makes of itself
MADE_BY = {"figures": "report_figure", "settlement": "dossier_settlement"}


def asked_for(module: str, marts: set[str]) -> set[str]:
    """The marts that a module of Kho names."""
    found = importlib.util.find_spec(module)
    assert found and found.origin
    texts = {
        node.value
        for node in ast.walk(ast.parse(Path(found.origin).read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return {MADE_BY.get(text, text) for text in texts} & marts | {
        name for text in texts for name in re.findall(r"\bmarts\.(\w+)", text) if name in marts
    }


def test_reports_and_forms_are_exposures_of_the_marts_that_their_code_asks(manifest: Manifest) -> None:
    marts = {node.name for layer, node in models(manifest).values() if layer == "marts"}
    told = {
        each.name: each
        for each in manifest.exposures.values()
        if each.original_file_path.endswith("reports.yml")
    }
    assert told.keys() == {code.paper for code in Code} | {PAPER, "open_data"}
    for name, exposure in told.items():
        wanted = set().union(*(asked_for(module, marts) for module in exposure.meta["modules"]))
        named = {key.rpartition(".")[2] for key in exposure.depends_on.nodes}
        assert named == wanted, f"{name}: models/exposures/reports.yml"
    # Whatever of a report's or a form's own packages asks for a mart is one of these; lists on the screen are neither.
    packages = [
        f"kho.{package}.{path.stem}"
        for package in ("report", "forms", "open_data")
        for path in (Path(kho.__path__[0]) / package).glob("[a-z]*.py")
    ]
    modules = {module for exposure in told.values() for module in exposure.meta["modules"]}
    assert {module for module in packages if asked_for(module, marts)} <= modules
