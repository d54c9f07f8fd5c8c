"""`kho`: the warehouse's command line. Each group of commands is a module beside this one."""

from __future__ import annotations

import sys

import typer
from typer.core import TyperGroup

from kho.cli import batch, demo, dictionary, figures, rejects, release, report, sample, server, source
from kho.cli.output import is_server_missing


class _Group(TyperGroup):
    """Tells a server that is not there in one line; everything else that goes wrong shows where."""

    def invoke(self, ctx):
        try:
            return super().invoke(ctx)
        except Exception as error:
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
    help="Kho, a nightly data warehouse of administrative procedures, e-documents and the portal.\n\n"
    "Start with `kho up`; `kho run` makes one night now; `kho figures 946 2021-H1` shows a report's figures.",
)

for command in (server.up, server.down, server.status, server.run, server.psql):
    app.command()(command)
app.command()(figures.figures)
app.command()(report.report)
app.command()(dictionary.dictionary)
for group in (release, batch, rejects, source):
    app.add_typer(group.app, name=group.__name__.rpartition(".")[2])
app.command()(sample.sample)
app.command()(demo.demo)
