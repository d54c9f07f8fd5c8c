"""`kho user`: who may log in to Airflow and the console."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from kho.cli.output import Format, fail, show_rows

if TYPE_CHECKING:
    from kho.server.airflow import Api

app = typer.Typer(
    no_args_is_help=True,
    help="Users of Airflow and the console: viewers look, operators decide and start nights, admins may do all.",
)

Name = Annotated[str, typer.Argument(help="The login: small letters, digits, dots, - and _.")]
Role = Literal["viewer", "operator", "admin"]

_LEAST = 12  # characters of a password


@app.command("list")
def list_users(output_format: Format = "table") -> None:
    """Who may log in, and as what."""
    with _airflow() as api:
        rows = [(each.name, each.role, each.last_login) for each in api.users()]
    show_rows("Users", ("name", "role", "last_login"), rows, output_format)


@app.command()
def add(
    name: Name,
    role: Annotated[Role, typer.Option(help="viewer, operator or admin.")],
    ask: Annotated[bool, typer.Option("--ask", help="Ask for the password instead of making one.")] = False,
) -> None:
    """Let somebody log in. The password is made and printed once, or asked for."""
    from kho.ledger import audit
    from kho.settings import settings

    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,39}", name):
        raise typer.BadParameter("small letters, digits, dots, - and _, at most 40", param_hint="NAME")
    password = secrets.token_urlsafe(15)
    if ask:
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
        if len(password) < _LEAST:
            fail(f"a password has at least {_LEAST} characters")
    with _airflow() as api:
        api.add_user(name, role, password)
    audit.write(settings(), "user added", f"{name} {role}")
    typer.echo(f"{name} may log in as {role}.")
    if not ask:
        typer.echo(f"Password, told only now: {password}")


@app.command()
def remove(name: Name) -> None:
    """Let somebody no longer log in; who is logged in is out within half a minute."""
    from kho.ledger import audit
    from kho.settings import settings

    with _airflow() as api:
        api.remove_user(name)
    audit.write(settings(), "user removed", name)
    typer.echo(f"{name} is no more.")


@contextmanager
def _airflow() -> Iterator[Api]:
    """Airflow's API. Where Airflow does not run, or says no, the command ends."""
    from kho.server import airflow
    from kho.settings import settings

    try:
        with airflow.Api(settings(), patience=20) as api:
            yield api
    except (LookupError, airflow.UserError) as error:
        fail(str(error))
    except airflow.NoAnswer as error:
        fail(f"{error}. `kho up` starts Airflow.")
