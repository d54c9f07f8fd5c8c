"""How the one-stop desk writes what it tells of a dossier: for exports of other systems that tell of the same ones."""

from __future__ import annotations

from datetime import datetime

DIRECT, ONLINE, POST = "1", "2", "3"  # channels of submission and return

#: a dossier as the desk tells of it, by its export's headers
Told = dict[str, str]


def moment(text: str) -> datetime | None:
    """A time as the desk writes it; None where it has none."""
    return datetime.strptime(text, "%d/%m/%Y %H:%M") if text else None
