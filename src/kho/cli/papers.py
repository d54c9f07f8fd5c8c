"""Where reports and forms are kept, and who may read them there."""

from __future__ import annotations

import shutil
from pathlib import Path

from kho.cli.output import OF_CALLER, PRIVATE, fail, umask
from kho.settings import Settings

_OF_GROUP = 0o027


def keep(settings: Settings, name: str, content: bytes, out: Path | None = None) -> Path:
    """Write a paper where it was asked for, else into the home's `reports`; gives its path.

    There it is for Kho's account only, or for the group `reports_group` as well, which then may pass through the home and
    read nothing else in it.
    """
    group = settings.reports_group
    path = out or settings.home / "reports" / name
    with umask(OF_CALLER if out else _OF_GROUP if group else PRIVATE):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    if group and not out:
        try:
            for each in (settings.home, path.parent, path):
                shutil.chown(each, group=group)
        except LookupError:
            fail(f"{path} is written, but there is no group {group}, as reports_group of config.toml says")
        except PermissionError:
            fail(
                f"{path} is written, but Kho's account is not in group {group}: a superuser adds it (usermod -aG)"
            )
        settings.home.chmod(settings.home.stat().st_mode | 0o010)  # to pass through
        path.parent.chmod(0o750)
        path.chmod(0o640)
    return path
