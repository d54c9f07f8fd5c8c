"""How the one-stop desk writes what it tells of a dossier: for exports of other systems that tell of the same ones."""

from __future__ import annotations

from datetime import date, datetime
from functools import cache

from kho.contract.model import agency_code

DIRECT, ONLINE, POST = "1", "2", "3"  # channels of submission and return
# Statuses of the national list.
REGISTERED, RECEIVED, NOT_RECEIVED, IN_PROCESS, SUPPLEMENT_ASKED = "1", "2", "3", "4", "5"
PAYMENT_ASKED, WITHDRAWN, STOPPED, PROCESSED, RETURNED = "6", "7", "8", "9", "10"
OPENS, LAST_RECEPTION, CLOSES = 7 * 60, 16 * 60 + 30, 17 * 60  # minutes of the day

#: a dossier as the desk tells of it, by its export's headers
Told = dict[str, str]
#: a day and the minute of the day, in wall-clock time
Moment = tuple[date, int]


def moment(text: str) -> datetime | None:
    """A time as the desk writes it; None where it has none."""
    return datetime.strptime(text, "%d/%m/%Y %H:%M") if text else None


def receiver(told: Told) -> str:
    """The unit that received a dossier, root first: whoever handles it later, its code stays."""
    return agency_code(told["maHoSo"].rsplit("-", 2)[0])


def written(at: Moment | None) -> str:
    """A time as the desk writes it."""
    return f"{day_text(at[0])} {at[1] // 60:02d}:{at[1] % 60:02d}" if at else ""


@cache
def day_text(day: date) -> str:
    return f"{day:%d/%m/%Y}"
