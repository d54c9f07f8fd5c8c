"""Somebody who reads the marts all along: sees one release at a time, and no error but that the server is away."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

import psycopg

from kho.settings import Settings

#: marts that each release makes anew, asked for together: they are of one release
ASKED = "explain (verbose, format json) select 1 from marts.figure_period, marts.source_freshness, marts.agency limit 1"
AWAY = ("08", "57P", "53")  # refused, reset, shut down, started; no disk for a session


@dataclass
class Reader:
    """Its findings: how often it was answered, how often the server was away, and everything that must not be."""

    settings: Settings
    answered: int = 0
    refused: int = 0
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join(30)

    def _read(self) -> None:
        connection: psycopg.Connection | None = None
        while not self._over.is_set():
            try:
                if connection is None or connection.closed:
                    connection = psycopg.connect(
                        self.settings.role_url("bi_reader"), autocommit=True, connect_timeout=5
                    )
                self._look(connection)
                self.answered += 1
            except psycopg.OperationalError as error:
                # Without a code it could not be reached.
                if error.sqlstate is None or error.sqlstate.startswith(AWAY):
                    self.refused += 1
                else:
                    self.wrong.append(f"{type(error).__name__}: {error}")
                if connection is not None:
                    connection.close()
            except psycopg.Error as error:
                self.wrong.append(f"{type(error).__name__}: {error}")
            time.sleep(0.1)

    def _look(self, connection: psycopg.Connection) -> None:
        plan = connection.execute(ASKED).fetchone()
        releases = {each for each in _schemas(plan) if each.startswith("release_")}
        if len(releases) != 1:
            self.wrong.append(f"one question was answered from {sorted(releases)}")
        found = connection.execute("select count(*) from marts.source_freshness").fetchone()
        if not found or not found[0]:
            self.wrong.append("a mart was empty")


def _schemas(plan: object) -> set[str]:
    if isinstance(plan, dict):
        own = {plan["Schema"]} if "Schema" in plan else set()
        return own.union(*(_schemas(each) for each in plan.values()))
    if isinstance(plan, list | tuple):
        return set().union(*(_schemas(each) for each in plan))
    return set()
