"""Who may do what in the console. Airflow guards no page of a plugin: every route here asks by one of these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from fastapi import Depends, Request

from kho.console.words import Language, language_of
from kho.server.airflow import DAG

#: who may see nights may see the console; who may start one may decide
reads = requires_access_dag("GET", DagAccessEntity.RUN, DAG)
acts = requires_access_dag("POST", DagAccessEntity.RUN, DAG)


@dataclass(frozen=True)
class Visitor:
    """Who looks: the name that Airflow knows, whether it may decide, and what it reads best."""

    name: str
    may_act: bool
    language: Language

    @property
    def actor(self) -> str:
        """The name under which a decision is kept."""
        return f"airflow:{self.name}"


def visitor(request: Request, user: GetUserDep) -> Visitor:
    may_act = get_auth_manager().is_authorized_dag(
        method="POST", access_entity=DagAccessEntity.RUN, details=DagDetails(id=DAG), user=user
    )
    return Visitor(user.get_name(), may_act, language_of(request.headers.get("accept-language")))


Who = Annotated[Visitor, Depends(visitor)]
