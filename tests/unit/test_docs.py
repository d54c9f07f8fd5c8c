"""What the documentation names exists: pages, files, commands with their options, settings, marts, states."""

from __future__ import annotations

import importlib.util
import json
import re
import tomllib
from pathlib import Path
from typing import get_args

import pytest
import typer
import yaml

from kho.fetch.connection import connections
from kho.figures.figures import State
from kho.publish.views import NOT_FOR_READERS
from kho.server import postgres
from kho.settings import Settings
from tests import contracts
from tests.pages import PAGES, PROJECT, Block, blocks, commands, spans

#: made up in the pages, to be put there by the reader
EXAMPLES = {"contracts/land_desk/dossiers.yaml"}


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_lead_somewhere(page: Path) -> None:
    for text, target in re.findall(r"\[([^\]]*)\]\(([^)]+)\)", (PROJECT / page).read_text()):
        path, _, anchor = target.partition("#")
        led_to = (PROJECT / page).parent / path if path else PROJECT / page
        assert led_to.exists(), f"[{text}] leads to {target}"
        if anchor:
            titles = re.findall(r"^#+ (.+)$", led_to.read_text(), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_files_that_are_named_exist(page: Path) -> None:
    tops = {path.name for path in PROJECT.iterdir() if not path.name.startswith(".")}
    for span in spans(page):
        if span.split("/")[0] in tops and not re.search(r"[\s<*]", span) and span not in EXAMPLES:
            assert (PROJECT / span).exists(), f"{span} is not there"


def test_every_page_is_listed_in_the_readme() -> None:
    readme = (PROJECT / "README.md").read_text()
    for page in (PROJECT / "docs").glob("*.md"):
        assert f"](docs/{page.name})" in readme


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_commands_exist_with_their_options(page: Path) -> None:
    for words, is_whole in commands(page):
        match words:
            case ["kho", *arguments]:
                _resolve(arguments, is_whole)
            case ["make", *targets]:
                for target in targets:
                    variable, is_set, _ = target.partition("=")
                    line = rf"^{variable} :=" if is_set else rf"^{target}:"
                    assert re.search(line, (PROJECT / "Makefile").read_text(), re.MULTILINE)
            case ["python", "-m", module, *_]:
                assert importlib.util.find_spec(module), f"there is no module {module}"


def _resolve(arguments: list[str], is_whole: bool) -> None:
    """Parse the arguments as kho does, without doing anything."""
    from kho.cli import app

    group = command = typer.main.get_command(app)
    rest = list(arguments)
    while rest and hasattr(command, "commands") and not rest[0].startswith("-"):
        assert rest[0] in command.commands, f"kho {' '.join(arguments)}: there is no command {rest[0]}"
        group, command = command, command.commands[rest.pop(0)]
    if rest == ["--help"]:
        return
    if not is_whole:  # `kho batch accept` in a sentence
        rest = [word for word in rest if word.startswith("-")]
        known = {name for parameter in command.params for name in parameter.opts}
        assert {word.split("=")[0] for word in rest} <= known, f"kho {' '.join(arguments)}"
        return
    is_group = hasattr(command, "commands") and not command.invoke_without_command
    assert not is_group, f"kho {' '.join(arguments)} is a group of commands"
    try:
        command.make_context(command.name, rest, parent=group.make_context("kho", [], resilient_parsing=True))
    except typer.BadParameter as error:
        # What the page's own commands make is not there yet.
        if not re.search(r"'\.kho/\S+' does not exist", str(error)):
            raise


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_settings_that_are_named_exist(page: Path) -> None:
    fields = set(Settings.model_fields)
    for name in re.findall(r"\bKHO_([A-Z_]+[A-Z])\b", (PROJECT / page).read_text()):
        assert name.lower() in fields, f"KHO_{name} is no setting"
    for block in blocks(page, "toml"):
        given = tomllib.loads(block.text)
        assert given and Settings(**given).model_dump(include=set(given))


def test_the_readme_names_every_setting_that_people_change() -> None:
    readme = (PROJECT / "README.md").read_text()
    kept_for_tests = {"project", "warehouse_database"}
    for name in Settings.model_fields.keys() - kept_for_tests:
        assert f"KHO_{name.upper()}" in readme


def test_the_connections_that_are_shown_are_read(tmp_path: Path) -> None:
    (block,) = blocks(Path("docs/move-to-production.md"), "json")
    (tmp_path / "connections.json").write_text(block.text)
    known = connections(Settings(home=tmp_path))
    named = {json.loads(json.dumps(name)) for name in known}
    assert named == {"one_stop_sftp", "documents_api"}
    assert known["one_stop_sftp"].extra["host_key"].startswith("ssh-")
    assert known["documents_api"].scheme == "https"


def test_the_servers_that_are_shown_are_read_and_their_connections_are_shown_too(tmp_path: Path) -> None:
    page = Path("docs/formats-and-transports.md")
    (block,) = blocks(page, "json")
    (tmp_path / "connections.json").write_text(block.text)
    known = connections(Settings(home=tmp_path))
    assert known["office_ftps"].ca_file == tmp_path / "office_ca.pem"
    servers = [yaml.safe_load(each.text)["servers"][0] for each in blocks(page, "yaml")]
    for server in servers:
        keys = {each["property"]: each["value"] for each in server.pop("customProperties")}
        assert contracts.read(tmp_path, contracts.document(server, **keys)).server.connection in known
    assert {server["type"] for server in servers} == {"custom", "s3", "postgres", "api"}


def test_every_mart_is_described_to_readers() -> None:
    page = (PROJECT / "docs" / "connect-a-bi-tool.md").read_text()
    table = page.partition("## Which marts there are")[2].partition("\n\n##")[0]
    told = {
        name
        for line in table.splitlines()
        if line.startswith("| `")
        for name in re.findall(r"`(\w+)`", line.split("|")[1])
    }
    marts = {path.stem for path in (PROJECT / "dbt_project/models/marts").glob("*/*.sql")}
    assert marts >= NOT_FOR_READERS and told == marts - NOT_FOR_READERS


def test_the_columns_of_the_agencies_are_those_of_the_seed() -> None:
    page = (PROJECT / "docs" / "agencies.md").read_text().partition("## The seed")[2].partition("\n## ")[0]
    told = [
        name
        for line in page.splitlines()
        if line.startswith("| `")
        for name in re.findall(r"`(\w+)`", line.split("|")[1])
    ]
    with (PROJECT / "dbt_project/seeds/agencies.csv").open(encoding="utf-8") as seed:
        assert told == seed.readline().strip().split(",")


def test_the_event_log_that_is_shown_is_that_of_the_tests() -> None:
    """The figures of that one are counted in tests/integration/test_event_log.py."""

    def columns(sql: str) -> set[str]:
        sql = re.sub(r"--.*", "", sql).partition("from (")[0]
        return {" ".join(each.split()) for each in re.split(r",\n", sql.partition("select")[2])}

    def joins(sql: str) -> set[str]:
        return set(re.findall(r"join_mapping\(.*\)", sql))

    model = PROJECT / "tests/integration/permits/dbt_project/models/staging/permits/stg_permits__events.sql"
    (shown,) = (
        block.text for block in blocks(Path("docs/add-a-source.md"), "sql") if "fold_events" in block.text
    )
    assert columns(shown) <= columns(model.read_text()) and {"channel.code as channel"} <= columns(shown)
    assert joins(shown) == joins(model.read_text())


def test_every_state_is_explained_to_readers() -> None:
    page = (PROJECT / "docs" / "read-the-figures.md").read_text()
    assert set(re.findall(r"^\| `(\w+)` \|", page.partition("## The states")[2], re.MULTILINE)) == set(
        get_args(State)
    )


def test_personal_columns_are_those_of_the_contracts() -> None:
    from kho.contract import contracts

    page = (PROJECT / "docs" / "personal-data.md").read_text()
    told = set(re.findall(r"\w+\.\w+", " ".join(re.findall(r"^\| ([\w., ]+) \|", page, re.MULTILINE))))
    assert told == {
        name
        for name, contract in contracts(Settings()).items()
        if any(column.keys.personal_data for column in contract.columns)
    }


def test_shell_blocks_are_well_formed() -> None:
    for page in PAGES:
        for block in blocks(page):
            assert isinstance(block, Block)
            first = block.info.split()[:1]
            assert first and first[0] in {"sh", "text", "yaml", "toml", "json", "sql", "ini", "python"}, block


def test_the_settings_that_are_told_of_the_embedded_server_are_its_own(tmp_path: Path) -> None:
    (tmp_path / "ports.json").write_text('{"postgres": 5432}')
    options = postgres.command(Settings(home=tmp_path))[3:]
    its_own = dict(option.split("=", 1) for option in options if option != "-c")
    told = re.findall(
        r"^\| `(\w+)` \| [^|]+ \| ([^|]+) \|", (PROJECT / "docs/postgresql.md").read_text(), re.MULTILINE
    )
    assert len(told) > 10
    assert {name: value for name, value in told if its_own.get(name, value) != value} == {}
    of_place = ("listen_", "port", "unix_", "log")
    assert {name for name in its_own if not name.startswith(of_place)} <= {name for name, _ in told}
