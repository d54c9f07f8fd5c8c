"""`kho backup`, `kho restore`: what can't be fetched again or computed anew, sealed, elsewhere; and the way back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kho.cli.output import Format, fail, progress, show_rows
from kho.settings import settings

if TYPE_CHECKING:
    from kho.backup.place import Manifest

app = typer.Typer(
    invoke_without_command=True,
    help="Back up the warehouse, the archive, settings, secrets, reports, Airflow's and Superset's databases, sealed for one key.",
)

From = Annotated[str, typer.Option("--from", help="Where backups are; default: `backup_to` of config.toml.")]


@app.callback()
def backup(
    context: typer.Context,
    to: Annotated[
        str,
        typer.Option(help="A folder, or s3://bucket/prefix; default: `backup_to` of config.toml."),
    ] = "",
) -> None:
    """Make a backup now. Files of the archive that the place has already are not copied again.

    Everything but the list of what is in it is sealed by age for `backup_recipient`, the public key that `kho backup key`
    prints: the place, and who reads it, learns nothing. A bucket's address and login are the connection `backup` in
    connections.json. With `backup_to` set, every night ends with one.

    Exit code 1 when none could be made, or when files of the archive are lost: the backup holds the rest, and names them.

    Example: `kho backup key /media/safe/kho.key`, the printed line into config.toml, `kho backup --to /mnt/backups`.
    """
    if context.invoked_subcommand:
        return
    from kho.backup import BackupError, back_up

    with progress() as say:
        try:
            made = back_up(settings(), to, say)
        except (BackupError, OSError) as problem:
            fail(str(problem))
    typer.echo(_told(made))
    if made.lost:
        fail(
            f"{len(made.lost)} files are lost or damaged in the archive, and in no backup of this place: "
            + ", ".join(f"{sha256[:12]}…" for sha256 in made.lost[:10])
        )


@app.command()
def key(
    file: Annotated[
        Path, typer.Argument(help="Where the private key is to be: a file that is not there yet.")
    ],
) -> None:
    """Make the key that backups are sealed for: the private one into a file, the public one as a line for config.toml.

    Nothing can be restored without the file, and whoever has it reads every backup. Keep it on two media away from this machine.
    """
    from kho.backup import new_key

    try:
        public = new_key(file)
    except FileExistsError:
        fail(f"{file} is there already: it may be what your backups need. Name another file")
    except OSError as problem:
        fail(f"{file} can't be written: {problem.strerror}")
    typer.echo(f"wrote {file}: take it to where no thief of this machine finds it\n")
    typer.echo(f'backup_recipient = "{public}"')


@app.command("list")
def list_backups(place: From = "", output_format: Format = "table") -> None:
    """The backups at a place, newest first: when each was made, and what it holds."""
    from kho.backup import BackupError
    from kho.backup.place import Place

    try:
        there = Place.of(settings(), place or settings().backup_to)
        made = [there.manifest(name) for name in reversed(there.backups())]
    except (BackupError, OSError) as problem:
        fail(str(problem))
    rows = [
        (each.name, each.release, each.batches, each.files, len(each.lost), _size(each.size_bytes))
        for each in made
    ]
    show_rows(
        f"Backups at {there.address}",
        ("name", "release", "batches", "files", "lost", "size without files"),
        rows,
        output_format,
    )


def restore(
    place: Annotated[
        str, typer.Option("--from", help="Where the backups are: a folder, or s3://bucket/prefix.")
    ],
    key: Annotated[Path, typer.Option(help="The file with the private key, as `kho backup key` wrote it.")],
    name: Annotated[
        str | None,
        typer.Option("--name", help="Which one, as `kho backup list` shows it; default: the newest."),
    ] = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Restore it aside, on a server of its own, compare the rows of every table, unpack every file, and leave"
            " nothing: whether it can be done.",
        ),
    ] = False,
    files: Annotated[
        bool,
        typer.Option(
            "--files",
            help="Bring back only what this archive lost, or what is damaged in it, from whichever backup has it.",
        ),
    ] = False,
) -> None:
    """Bring a backup back, into the empty folder that KHO_HOME names.

    The folder may hold config.toml and connections.json of the new machine: they stay, and the backup's own lie beside them as
    `….from-backup`. Killed or interrupted, the same command goes on. Then `kho up` starts it.

    Example: `KHO_HOME=/srv/kho kho restore --from /mnt/backups --key /media/safe/kho.key`
    """
    from kho import backup as backups

    if files and (check or name):
        raise typer.BadParameter("--files goes with neither --check nor --name", param_hint="--files")
    from kho import forget

    forgotten = 0
    with progress() as say:
        try:
            if files:
                _tell_mended(*backups.mend(settings(), place, key, say))
                return
            if check:
                held, kept = backups.check(settings(), place, key, name, say), []
            else:
                held, kept = backups.restore(settings(), place, key, name, say)
                settings.cache_clear()  # its settings came with it
                forgotten = forget.go_on(settings(), say)
        except (backups.BackupError, forget.ForgetError, OSError, RuntimeError) as problem:
            fail(str(problem))
    typer.echo(_told(held))
    if forgotten:
        typer.echo(f"{forgotten} rows were taken out of it again: they are of who was forgotten since")
    for each in kept:
        typer.echo(f"kept {each} as it was; what the backup has is {each}.from-backup, if it has it")
    typer.echo("It can be restored: nothing was changed here." if check else "Restored. Start it: kho up")


def _tell_mended(back: list[str], lacking: list[str]) -> None:
    typer.echo(f"{len(back)} files of the archive are back")
    if lacking:
        fail(
            f"{len(lacking)} are lost here and in no backup: have their sources hand them over again: "
            + ", ".join(f"{sha256[:12]}…" for sha256 in lacking[:10])
        )


def _told(manifest: Manifest) -> str:
    release = f"release {manifest.release}" if manifest.release else "no release"
    lines = [
        f"Backup {manifest.name}: {release}, {manifest.batches:,} batches, {sum(manifest.tables.values()):,} rows in"
        f" {len(manifest.tables)} tables, {manifest.files:,} files of the archive"
    ]
    return "\n".join([*lines, *(f"{note}." for note in manifest.notes)])


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:,.1f} MB"
