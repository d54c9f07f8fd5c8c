"""The marts that readers see, as dbt's files describe them: columns with types, Vietnamese titles and meanings."""

from __future__ import annotations

from dataclasses import dataclass

from kho.publish.views import NOT_FOR_READERS
from kho.settings import Settings
from kho.transform.lineage import TITLE
from kho.transform.project import read


@dataclass(frozen=True)
class Column:
    """A column of a mart; `title` is what it is called in Vietnamese."""

    name: str
    type: str
    title: str
    description: str

    @property
    def is_number(self) -> bool:
        return self.type.startswith(("bigint", "integer", "numeric"))


@dataclass(frozen=True)
class Mart:
    """A mart with its columns by name."""

    name: str
    title: str
    description: str
    columns: dict[str, Column]


def marts(settings: Settings) -> dict[str, Mart]:
    """Every mart by its name. Raises `TransformError` if dbt can't make sense of the project."""
    return {
        node.name: Mart(
            name=node.name,
            title=node.config.meta.get(TITLE, node.name),
            description=node.description,
            columns={
                column.name: Column(
                    column.name,
                    column.data_type or "text",
                    column.config.meta.get(TITLE, column.name),
                    column.description,
                )
                for column in node.columns.values()
            },
        )
        for node in read(settings).nodes.values()
        if node.resource_type == "model" and node.fqn[1] == "marts" and node.name not in NOT_FOR_READERS
    }
