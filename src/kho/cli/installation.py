"""`kho init`: an installation of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kho.cli.output import fail
from kho.settings import settings


def init(
    folder: Annotated[
        Path, typer.Argument(help="where it is to be: a folder that is empty, or not there yet")
    ],
) -> None:
    """Make an installation of your own: a folder for your contracts, seeds, models and settings.

    It is apart from Kho itself and its samples: an update of Kho changes nothing in it, and none of the sample's sources is
    waited for. Nothing that is there is overwritten.

    Example: `kho init /srv/kho`, then `export KHO_HOME=/srv/kho` and `kho source new land_desk.dossiers --from <files>`.
    """
    from kho import installation

    home = folder.absolute()
    try:
        made = installation.make(settings().model_copy(update={"home": home}))
    except installation.Taken as problem:
        fail(str(problem))
    except OSError as problem:
        fail(f"{home} can't be written: {problem.strerror}")
    for path in made:
        print(f"wrote {path}")
    print(
        f"\nNext:\n  export KHO_HOME={home}\n  kho agency import <list>   # who there is; docs/add-a-source.md\n"
        "  kho source new <system>.<entity> --from <files>\n  kho up"
    )
