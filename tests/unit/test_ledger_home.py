"""The ledger has one home: whoever needs something of it asks `kho.ledger`."""

from __future__ import annotations

import ast
import re
from pathlib import Path

SOURCES = Path(__file__).parents[2] / "src"
HOME = SOURCES / "kho" / "ledger"
STATEMENT = re.compile(
    r"\b(from|join|into|update|table|truncate|copy|pg_get_serial_sequence\(')\s*ledger\.", re.IGNORECASE
)


def statements(text: str) -> list[str]:
    """The string constants of a module that speak SQL to the schema `ledger`; docstrings are no statements."""
    tree = ast.parse(text)
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in docs
        and STATEMENT.search(node.value)
    ]


def test_every_statement_on_the_ledger_is_in_its_home() -> None:
    found = {
        path.relative_to(SOURCES).as_posix()
        for path in SOURCES.rglob("*.py")
        if HOME not in path.parents and statements(path.read_text(encoding="utf-8"))
    }
    assert found == set()


def test_a_statement_is_seen_wherever_it_is_written() -> None:
    assert statements(
        'def f(c):\n    """Reads from ledger.batch."""\n    c.execute("select 1 from ledger.batch")'
    )
    assert statements('QUERY = f"""delete from\n ledger.{name}"""')
    assert statements('x = "update ledger.build set state = 1"')
    assert not statements(
        'class A:\n    """A row of ledger.batch, from ledger.delivery."""\n    note = "of ledger.x"'
    )


def test_the_home_has_statements() -> None:
    assert sum(bool(statements(path.read_text(encoding="utf-8"))) for path in HOME.glob("*.py")) > 6
