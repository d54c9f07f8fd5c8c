"""Registers that are handed over whole: a list holds until its unit's next one, whatever came or went in whatever order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from psycopg import Connection
from psycopg.sql import SQL, Identifier

from kho.settings import Settings
from kho.transform import builds
from kho.transform.project import run
from tests.examples import examples

UNITS = ("", "H51.12.21", "H51.12.22")
DAYS = (date(2020, 11, 30), date(2020, 12, 31), date(2021, 1, 31), date(2021, 3, 31))
#: the exports that a fact is made of, those whose lists its rows are in first
FACTS = {
    "fct_digital_certificate": ["certificates.register"],
    "fct_it_spending": ["misa.spending"],
    "fct_population_service": ["population.services"],
    "fct_procedure_offering": ["one_stop.procedures"],
    "fct_workplace_staff": ["workplace.staff", "workplace.mailboxes", "workplace.computers"],
}
#: models that are built whole every night
WHOLE = {"dim_procedure": ["one_stop.procedures"], "bridge_system_operation": ["register.operations"]}
SYSTEMS = (
    ("one_stop", "Một cửa điện tử"),
    ("documents", "Quản lý văn bản và điều hành"),
    ("portal", "Trang thông tin điện tử"),
)
NAMES = ("Đăng ký khai sinh", "Đăng ký khai tử")


@dataclass(frozen=True)
class Event:
    """A list that arrives (rows: thing → what is said of it), or one that is withdrawn (rows: None)."""

    contract: str
    unit: str
    day: date
    rows: tuple[tuple[int, int], ...] | None


@dataclass(frozen=True)
class Batch:
    contract: str
    unit: str
    day: date
    rows: dict[int, int]


def agency(unit: str, thing: int) -> str:
    """The agency of a row: that of the unit's list, or any of a list of all."""
    return unit or ("H51.12.02", "H51.12.23", "H51.12.24")[thing]


def raw_row(contract: str, unit: str, thing: int, said: int) -> dict[str, Any]:
    """A row of the export that tells of a thing; the columns of its key come first."""
    code = agency(unit, thing)
    match contract:
        case "certificates.register":
            status = ("Đang hiệu lực", "Thu hồi")[said]
            days = {"issued_date": date(2020, 1, 1), "expiry_date": date(2021, 1, 15)}
            return {"certificate_code": f"{thing}", "agency_code": code, "status": status, **days}
        case "misa.spending":
            return {"ordinal": f"{thing}", "voucher_code": "PC", "agency_code": code, "amount_vnd": said + 1}
        case "population.services":
            return {"agency_code": code, "service_code": f"{thing}", "status": ("Đã đăng ký", "Đã hủy")[said]}
        case "one_stop.procedures":
            told = {"procedure_name": NAMES[said], "is_announced_for_post": bool(said)}
            return {"agency_code": code, "procedure_code": f"1.00000{thing}", **told}
        case "workplace.staff":
            return {"staff_hash": f"{thing}", "agency_code": code}
        case "workplace.mailboxes":
            status = ("Hoạt động", "Khóa")[said]
            return {
                "mailbox_hash": f"m{thing}",
                "staff_hash": f"{thing}",
                "agency_code": code,
                "status": status,
            }
        case "workplace.computers":
            return {"computer_code": f"c{thing}", "staff_hash": f"{thing}", "is_networked": not said}
        case _:
            told = {"operated_from": date(2019, 1, 1 + said), "includes_departments": False}
            system, district = SYSTEMS[thing][1], unit or "H51.12"
            return {"system_name": system, "agency_code": district, **told, "district_code": district}


KEYS = {"misa.spending": 2, "population.services": 2, "one_stop.procedures": 2, "register.operations": 3}

rows = st.dictionaries(st.integers(0, 2), st.integers(0, 1), max_size=3).map(
    lambda drawn: tuple(drawn.items())
)


def histories(contracts: list[str]) -> st.SearchStrategy[list[list[Event]]]:
    """Some nights, each with what came and went before it."""
    event = st.builds(
        Event, st.sampled_from(contracts), st.sampled_from(UNITS), st.sampled_from(DAYS), rows | rows | st.none()
    )  # fmt: skip
    return st.lists(st.lists(event, min_size=1, max_size=6), min_size=1, max_size=3)


# What holds, in plain Python


def holding(batches: dict[int, Batch], contract: str) -> list[tuple[int, Batch, date | None]]:
    """The lists that count, with the last day on which each holds. Later numbers came later."""
    last = {
        (each.unit, each.day): number for number, each in sorted(batches.items()) if each.contract == contract
    }
    found = []
    for (unit, day), number in last.items():
        later = [other_day for other, other_day in last if other == unit and other_day > day]
        found.append((number, batches[number], min(later) - timedelta(days=1) if later else None))
    return sorted(found, key=lambda each: each[0])


def holds_on(day: date, one: Batch, to: date | None) -> bool:
    return one.day <= day and (to is None or day <= to)


def expected(fact: str, batches: dict[int, Batch]) -> set[tuple]:
    """What a fact should say: its batch, its thing, and what follows from the lists."""
    lists = holding(batches, (FACTS | WHOLE)[fact][0])
    every = [(number, one, to, thing, said) for number, one, to in lists for thing, said in one.rows.items()]
    match fact:
        case "fct_digital_certificate":
            ends = date(2021, 1, 15)
            return {
                (number, f"{thing}", to, not said and one.day <= ends, (not said and one.day <= ends and min(to or ends, ends)) or None)
                for number, one, to, thing, said in every
            }  # fmt: skip
        case "fct_population_service":
            return {(number, f"{thing}", to, not said) for number, one, to, thing, said in every}
        case "fct_it_spending":
            return {
                (number, thing, one.day.year, said + 1)
                for number, one, to, thing, said in every
                if to is None or (to + timedelta(days=1)).year > one.day.year
            }
        case "fct_workplace_staff":

            def has(contract: str, thing: int, day: date) -> bool:
                others = holding(batches, contract)
                return any(not each.rows.get(thing, 1) for _, each, to in others if holds_on(day, each, to))

            return {
                (number, thing, to, *(has(other, thing, one.day) for other in FACTS[fact][1:]))
                for number, one, to, thing, _ in every
            }  # fmt: skip
        case "fct_procedure_offering":
            found = set()
            for _, one, _, thing, said in every:
                own = [each for each in lists if each[1].unit == one.unit]
                said_on = {each.day: each.rows.get(thing) for _, each, _ in own}
                days = sorted(said_on)
                start = end = days.index(one.day)
                while start > 0 and said_on[days[start - 1]] == said:
                    start -= 1
                while end < len(days) - 1 and said_on[days[end + 1]] == said:
                    end += 1
                to = next(to for _, each, to in own if each.day == days[end])
                first = next(number for number, each, _ in own if each.day == days[start])
                found.add((first, f"1.00000{thing}", bool(said), days[start], to))
            return found
        case "dim_procedure":
            found = set()
            for thing in range(3):
                named: dict[date, tuple[str, int]] = {}
                for _, one, _, other, said in every:
                    if other == thing:
                        named[one.day] = min(named.get(one.day, ("~", 0)), (agency(one.unit, thing), said))
                if not named:
                    continue
                changes: list[tuple[date, int]] = []
                for day in sorted(named):
                    if not changes or changes[-1][1] != named[day][1]:
                        changes.append((day, named[day][1]))
                for (day, said), after in zip(changes, [*changes[1:], None], strict=True):
                    found.add((f"1.00000{thing}", NAMES[said], day, after and after[0] - timedelta(days=1)))
            return found
        case _:
            return {
                (SYSTEMS[thing][0], one.unit or "H51.12", date(2019, 1, 1 + said))
                for _, one, to, thing, said in every
                if to is None
            }


def thing_of(key: str, system: str, *more: str) -> str:
    """SQL of which thing a key is of."""
    made = [
        f"raw.key_of({', '.join(repr(part) for part in (system, str(thing), *more))})" for thing in range(3)
    ]
    return f"array_position(array[{', '.join(made)}], {key}) - 1"


#: how a model says the same
SAYS = {
    "fct_digital_certificate": "_batch_id, certificate_code, listed_to, is_valid, valid_to",
    "fct_it_spending": f"_batch_id, {thing_of('entry_key', 'misa', 'PC')}, fiscal_year, amount_vnd",
    "fct_population_service": "_batch_id, service_code, listed_to, is_registered",
    "fct_procedure_offering": "_batch_id, procedure_code, is_announced_for_post, valid_from, valid_to",
    "fct_workplace_staff": f"_batch_id, {thing_of('staff_key', 'workplace')}, listed_to, has_official_mailbox, has_networked_computer",
    "dim_procedure": "procedure_code, procedure_name, valid_from, valid_to",
    "bridge_system_operation": "system, agency_code, operated_from",
}


# What the models make of it


@dataclass(frozen=True)
class Model:
    """A model's SQL when it is built whole; of a fact also when it follows its touched keys: what touches them, and its rows."""

    whole: str
    columns: tuple[str, ...]
    key: str = ""
    touched: tuple[str, ...] = ()
    select: str = ""


@dataclass
class World:
    """A transaction in which the build's input is what a test says; it is taken back in the end."""

    connection: Connection
    models: dict[str, Model]

    def tonight(self, fact: str) -> None:
        """Build a fact's table as a night does that is no full refresh."""
        model, target = self.models[fact], Identifier("warehouse", fact)
        columns = SQL(", ").join(map(Identifier, model.columns))
        if model.key:
            self.connection.execute(f"create temporary table touched as ({') union ('.join(model.touched)})")
            gone = SQL("delete from {} where {} in (select * from pg_temp.touched)")
            self.connection.execute(gone.format(target, Identifier(model.key)))
        else:
            self.connection.execute(SQL("delete from {}").format(target))
        self.connection.execute(
            SQL("insert into {} ({}) select {} from ({}) as made").format(
                target, columns, columns, SQL(model.select or model.whole)
            )
        )
        self.connection.execute("drop table if exists pg_temp.touched")

    def rows(self, fact: str, of: str) -> list[tuple]:
        query = SQL("select {} from {} as made{} order by 1, 2, 3")
        relation = SQL(f"({self.models[fact].whole})") if of == "whole" else Identifier("warehouse", fact)
        where = " where extract(year from operated_from) = 2019" if fact == "bridge_system_operation" else ""
        return self.connection.execute(query.format(SQL(SAYS[fact]), relation, SQL(where))).fetchall()


@pytest.fixture(scope="module")
def world(module_built_warehouse: Settings) -> Iterator[World]:
    here = module_built_warehouse
    builds.open_build(here, DAYS[-1])
    names = list(FACTS | WHOLE)
    touching = {each.node.name: each.node for each in run(here, ["run", "--select", *names])}
    whole = {
        each.node.name: each.node for each in run(here, ["compile", "--full-refresh", "--select", *names])
    }
    models = {}
    for name in names:
        node = touching[name]
        models[name] = Model(whole[name].compiled_code, tuple(node.columns))
        if name in FACTS:
            *also, select = node.compiled_code.split("-- end of touched keys --")
            key = node.config.unique_key
            views = [f"staging.stg_{contract.replace('.', '__')}" for contract in FACTS[name]]
            touched = [f"select {key} from {view} where _is_touched" for view in views]  # noqa: S608
            models[name] = Model(
                whole[name].compiled_code, tuple(node.columns), key, (*touched, *also), select
            )
    with psycopg.connect(here.admin_url(here.warehouse_database)) as connection:
        connection.execute(
            "create table ledger.example (batch_id bigint, contract text, business_date date, arrival_id bigint,"
            " is_in_force boolean, is_touched boolean, list_unit text, covers_from date)"
        )
        connection.execute("grant select on ledger.example to public")
        connection.execute("create or replace view ledger.build_input as select * from ledger.example")
        yield World(connection, models)
        connection.rollback()


def happen(connection: Connection, batches: dict[int, Batch], night: list[Event]) -> None:
    """What came and went since the last build: each into the input and, as the model knows it, into `batches`."""
    connection.execute("delete from ledger.example where not is_in_force")
    connection.execute("update ledger.example set is_touched = false")
    before = set(batches)
    for event in night:
        place = (event.contract, event.unit, event.day)
        if event.rows is None:
            there = [number for number, one in batches.items() if (one.contract, one.unit, one.day) == place]
            if there:
                gone = max(there)
                del batches[gone]
                change = (
                    "update ledger.example set is_in_force = false, is_touched = true where batch_id = %s"
                )
                forget = "delete from ledger.example where batch_id = %s"
                connection.execute(change if gone in before else forget, [gone])
            continue
        (number,) = connection.execute("select nextval('ledger.example_number')").fetchone()
        batches[number] = Batch(*place, dict(event.rows))
        connection.execute(
            "insert into ledger.example values (%s, %s, %s, %s, true, true, %s)",
            [number, event.contract, event.day, number, event.unit],
        )
        for row_number, (thing, said) in enumerate(event.rows):
            row = raw_row(event.contract, event.unit, thing, said)
            key = [f"{value}" for value in list(row.values())[: KEYS.get(event.contract, 1)]]
            connection.execute(
                SQL("insert into {} (_batch_id, _row_number, _key, {}) values (%s, %s, raw.key_of(variadic %s), {})").format(
                    Identifier("raw", event.contract.replace(".", "__")),
                    SQL(", ").join(map(Identifier, row)),
                    SQL(", ").join(SQL("%s") for _ in row),
                ),
                [number, row_number, [event.contract.split(".")[0], *key], *row.values()],
            )  # fmt: skip


def follow(world: World, name: str, history: list[list[Event]]) -> None:
    """Night after night the model's table is what a full refresh makes and what plain Python says."""
    with world.connection.transaction(force_rollback=True):
        world.connection.execute("create sequence ledger.example_number start 1000000")
        batches: dict[int, Batch] = {}
        for night in history:
            happen(world.connection, batches, night)
            if name == "fct_procedure_offering":
                world.tonight("dim_procedure")
            world.tonight(name)
            found = world.rows(name, "tonight")
            assert found == world.rows(name, "whole")
            assert len(found) == len(set(found)) and set(found) == expected(name, batches)


@pytest.mark.parametrize("name", FACTS | WHOLE)
@examples(25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_lists_hold_until_their_unit_s_next_one(world: World, name: str, data: st.DataObject) -> None:
    follow(world, name, data.draw(histories((FACTS | WHOLE)[name])))


def listed(contract: str, unit: str, day: date, *things: int) -> Event:
    return Event(contract, unit, day, tuple((thing, 0) for thing in things))


@pytest.mark.parametrize("name", FACTS | WHOLE)
def test_no_unit_s_list_ends_another_s_and_an_empty_one_ends_its_own(world: World, name: str) -> None:
    contract, (first, second), (early, late, *_) = (FACTS | WHOLE)[name][0], UNITS[1:], DAYS
    two_units = [listed(contract, first, early, 0), listed(contract, second, late, 1)]
    emptied = [listed(contract, first, late)]
    follow(world, name, [two_units, emptied, [Event(contract, first, late, None)]])
