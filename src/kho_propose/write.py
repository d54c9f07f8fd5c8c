"""Writing a proposal into the project: contract, staging model with its documentation and tests, fixture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kho.settings import Settings
from kho_propose import contract_text, fixture, staging
from kho_propose.proposal import Proposal


@dataclass(frozen=True)
class Written:
    """The files that were written; `problem` says why there is no fixture."""

    contract: Path
    paths: tuple[Path, ...]
    problem: str | None = None


def places(settings: Settings, name: str) -> tuple[Path, Path, Path]:
    """Where contract, model and the model's documentation of a source stand."""
    system, _, entity = name.partition(".")
    model = settings.staging / system / f"stg_{system}__{entity}.sql"
    return settings.contracts / system / f"{entity}.yaml", model, model.with_suffix(".yml")


def write(settings: Settings, proposal: Proposal) -> Written:
    """Write all files of a new source; FileExistsError, and nothing written, when one of them is there already."""
    contract, model, documentation = places(settings, proposal.name)
    made = fixture.make(proposal)
    contents = {
        contract: contract_text.render(proposal).encode(),
        model: staging.render_sql(proposal).encode(),
        documentation: staging.render_yaml(proposal).encode(),
    }
    if made.content is not None:
        folder = settings.own or settings.project / "tests"
        contents[folder / "fixtures" / proposal.name / made.name] = made.content
    expect_free(*contents)
    for path, content in contents.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            file.write(content)
    return Written(contract, tuple(contents), made.problem)


def expect_free(*paths: Path) -> None:
    """FileExistsError when one of these files is there: nothing is ever overwritten."""
    if there := [path for path in paths if path.exists()]:
        raise FileExistsError(f"{there[0]} is there already: `kho source new` never overwrites a file")
