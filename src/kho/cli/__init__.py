"""`kho`: the warehouse's command line. Each group of commands is a module beside this one.

Other packages bring commands by the entry points `kho.commands`: `sample` becomes `kho sample`, `source.new` becomes
`kho source new`. The extra that an entry point names is what its command needs to be installed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from importlib.metadata import EntryPoint, entry_points, version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from kho.cli import (
    agency,
    audit,
    backup,
    batch,
    bi,
    deadline,
    dictionary,
    dossiers,
    export,
    figures,
    forget,
    form,
    installation,
    reader,
    rebuild,
    rejects,
    release,
    report,
    retention,
    server,
    source,
    user,
)
from kho.cli.output import PRIVATE, fail, is_blocked, is_server_missing, umask
from kho.garbage import look_seldom


class _Group(TyperGroup):
    """Tells a server that is not there, and a lock that is not to be had; everything else that goes wrong shows where."""

    def invoke(self, ctx):
        look_seldom()
        try:
            with umask(PRIVATE):
                return super().invoke(ctx)
        except Exception as error:
            if is_blocked(error):
                fail(str(error))
            if not is_server_missing(error):
                raise
            print(f"The warehouse does not answer: start it with `kho up`.\n{error}", file=sys.stderr)
            raise typer.Exit(1) from None


app = typer.Typer(
    name="kho",
    cls=_Group,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,  # they hold passwords
    rich_markup_mode="markdown",
)


def _tell_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"kho {version('kho')}")
        raise typer.Exit


@app.callback()
def kho(
    is_version_asked: Annotated[
        bool, typer.Option("--version", help="Which Kho this is.", is_eager=True, callback=_tell_version)
    ] = False,
) -> None:
    """Kho, a nightly data warehouse of administrative procedures, e-documents and the portal.

    Start with `kho up`; `kho run` makes one night now; `kho figures 946 2021-H1` shows a report's figures.
    """


for command in (server.up, server.down, server.status, server.run, server.psql):
    app.command()(command)
app.command()(installation.init)
app.command()(backup.restore)
app.command()(rebuild.rebuild)
app.command()(retention.retention)
app.command()(forget.forget)
app.command()(figures.figures)
app.command()(form.form)
app.command()(dossiers.morning)
app.command()(dossiers.verdicts)
app.command()(dossiers.promises)
app.command()(deadline.deadline)
app.command()(report.report)
app.command()(dictionary.dictionary)
groups = {"": app}
for module in (release, batch, rejects, source, agency, reader, user, bi, export, backup, audit):
    name = module.__name__.rpartition(".")[2]
    groups[name] = module.app
    app.add_typer(module.app, name=name)


def _brought(entry: EntryPoint) -> Callable[..., Any]:
    """The command of an entry point; where its extra is not installed, it says so."""
    command = entry.load()

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except ModuleNotFoundError as error:
            if not entry.extras:
                raise
            extras = ", ".join(entry.extras)
            fail(
                f"{error.name} is not installed: install Kho with its extra {extras}, as requirements-dev.lock does."
            )

    return run


for entry in entry_points(group="kho.commands"):
    group, _, name = entry.name.rpartition(".")
    groups[group].command(name)(_brought(entry))
