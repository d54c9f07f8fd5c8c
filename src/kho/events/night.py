"""What the steps of a night read and write."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date
from typing import TYPE_CHECKING

from kho.contract import Contract, contracts
from kho.database import connect
from kho.events.model import NAMESPACE, Data, Field, judged, of_columns, of_version, table, told
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

log = logging.getLogger(__name__)


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
        run.outputs += [
            told(table("raw", each.raw_table), columnLineage=of_columns(_headers(each))) for each in known
        ]

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


def built(settings: Settings, run: Run, made: list[Made]) -> None:
    """Tell of the models of a layer: each is a run of its own."""
    columns = _columns(settings) if made else {}
    for each in made:
        output = named(each.node)
        run.part(output.name, sorted(map(named, each.parents)), output, each.failure, columns.get(output))


def _columns(settings: Settings) -> dict[Data, dict[str, list[Field]]]:
    """By table and column, what models make their columns from; nothing where that can't be found out."""
    from kho.transform.lineage import lineage

    try:
        known = lineage(settings)
    except Exception:
        log.exception("events tell of no columns: where they come from could not be found out")
        return {}
    data = {
        # Those of raw and ledger have their schema before their name.
        name: Data(NAMESPACE, name)
        if "." in name
        else table("seed", name)
        if each.layer == "seed"
        else _model(name)
        for name, each in known.tables.items()
    }
    found: dict[Data, dict[str, list[Field]]] = defaultdict(dict)
    for ref, parents in known.columns.items():
        found[data[ref.table]][ref.column] = [
            Field(data[parent.table], parent.column) for parent in sorted(parents) if parent.table in data
        ]
    return found


def _headers(contract: Contract) -> dict[str, list[Field]]:
    """By column of its raw table, the header of the export that it has its values from."""
    return {
        column.name: [
            Field(Data("archive", contract.name), column.header, column.keys.personal_data is not None)
        ]
        for column in contract.stored
    }


def named(node: str) -> Data:
    """The data of a node of dbt, by its id: `model.kho.fct_dossier`, `source.kho.raw.one_stop__dossiers`, `seed.kho.agencies`."""
    kind, _, *rest = node.split(".")
    if kind == "source":
        return table(rest[0], rest[1])
    return _model(rest[0]) if kind == "model" else table(kind, rest[0])


def _model(name: str) -> Data:
    return table(_SCHEMAS.get(name.split("_")[0], "marts"), name)


def _of_system(settings: Settings, system: str) -> list[Contract]:
    return list(contracts(settings, system).values())


def _by_subject(found: Iterable[Verdict]) -> dict[str, list[Verdict]]:
    """The newest verdict of each expectation, by what was judged."""
    newest: dict[str, dict[str, Verdict]] = defaultdict(dict)
    for each in found:
        newest[each.subject][each.expectation] = each
    return {subject: list(of_subject.values()) for subject, of_subject in newest.items()}
