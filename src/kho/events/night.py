"""What the steps of a night read and write."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date
from typing import TYPE_CHECKING

from kho.contract import Contract, contracts
from kho.database import connect
from kho.events.model import Data, judged, of_version, table, told
from kho.events.run import Run
from kho.ledger import releases, verdicts
from kho.ledger.verdicts import Verdict
from kho.settings import Settings

if TYPE_CHECKING:
    from kho.transform.layers import Made

#: schemas of the layers whose models' names say which it is
_SCHEMAS = {
    "stg": "staging",
    **dict.fromkeys(("fct", "dim", "bridge", "union", "movement", "kept"), "warehouse"),
}


def fetched(settings: Settings, system: str) -> Callable[[Run], None]:
    def tell(run: Run) -> None:
        known = _of_system(settings, system)
        run.inputs += [told(Data("exports", each.name)) for each in known]
        run.outputs += [told(Data("archive", each.name)) for each in known]

    return tell


def loaded(settings: Settings, system: str) -> Callable[[Run], None]:
    def tell(run: Run) -> None:
        known = _of_system(settings, system)
        run.inputs += [told(Data("archive", each.name)) for each in known]
        run.outputs += [told(table("raw", each.raw_table)) for each in known]

    return tell


def of_step(settings: Settings, step: str, business_date: date) -> Callable[[Run], None]:
    """What to tell of a step that is over; of one that builds a layer, its models are told by `built`."""

    def tell(run: Run) -> None:
        match step:
            case "check_exports":
                with connect(settings, "kho_auditor") as connection:
                    found = _by_subject(verdicts.of_exports(connection, business_date))
                raw = {each.name: table("raw", each.raw_table) for each in contracts(settings).values()}
                run.inputs += [judged(raw[name], found[name]) for name in sorted(found) if name in raw]
            case "check_marts":
                with connect(settings, "kho_auditor") as connection:
                    newest = releases.select(connection)[:1]
                    found = _by_subject(verdicts.of_build(connection, newest[0].build_id) if newest else [])
                run.inputs += [judged(table("marts", name), found[name]) for name in sorted(found)]
            case "publish":
                with connect(settings, "kho_auditor") as connection:
                    now = releases.find_in_force(connection)
                    marts = releases.marts(connection) if now else []
                if now:
                    number = of_version(now.release_id)
                    run.outputs += [told(table("marts", name), version=number) for name in marts]

    return tell


def built(run: Run, made: Iterable[Made]) -> None:
    """Tell of the models of a layer: each is a run of its own."""
    for each in made:
        output = named(each.node)
        run.part(output.name, sorted(map(named, each.parents)), output, each.failure)


def named(node: str) -> Data:
    """The data of a node of dbt, by its id: `model.kho.fct_dossier`, `source.kho.raw.one_stop__dossiers`, `seed.kho.agencies`."""
    kind, _, *rest = node.split(".")
    if kind == "source":
        return table(rest[0], rest[1])
    if kind == "model":
        return table(_SCHEMAS.get(rest[0].split("_")[0], "marts"), rest[0])
    return table(kind, rest[0])


def _of_system(settings: Settings, system: str) -> list[Contract]:
    return list(contracts(settings, system).values())


def _by_subject(found: Iterable[Verdict]) -> dict[str, list[Verdict]]:
    """The newest verdict of each expectation, by what was judged."""
    newest: dict[str, dict[str, Verdict]] = defaultdict(dict)
    for each in found:
        newest[each.subject][each.expectation] = each
    return {subject: list(of_subject.values()) for subject, of_subject in newest.items()}
