"""What made a load raise: the file, which becomes an unreadable batch, or the server it runs on, which another try may get past."""

from __future__ import annotations

import errno
from pathlib import Path
from traceback import extract_tb

import psycopg

from kho.archive import Lost
from kho.formats import Unreadable
from kho.ledger.locks import Blocked

_LIMITS = "54"
#: classes of SQLSTATE that tell of values: cardinality, data, integrity, what exceeds a limit
_OF_VALUES = ("21", "22", "23", _LIMITS)
#: what a machine lacks or forbids, whatever file it reads
_OF_THE_MACHINE = {
    errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM,
}  # fmt: skip


class LoadFailed(Exception):
    """Arrivals that could not be loaded though nothing is known against their files; they are tried again."""


def is_of_the_file(failure: Exception) -> bool:
    """Whether the same bytes would fail again on a server that is well."""
    if isinstance(failure, psycopg.Error):
        return (failure.sqlstate or "").startswith(_OF_VALUES)
    if isinstance(failure, OSError):
        return failure.errno not in _OF_THE_MACHINE
    return True


def told_of_the_machine(failure: Exception) -> str:
    """What went wrong that is not the file's fault. Of a server's words only the first: others quote the row it was at."""
    if isinstance(failure, Blocked):
        return " ".join(str(failure).split())
    if isinstance(failure, psycopg.Error):
        words = failure.diag.message_primary or str(failure).partition("\n")[0]
        return f"{type(failure).__name__}: {words}"
    if isinstance(failure, OSError):
        return failure.strerror or type(failure).__name__
    return type(failure).__name__


def told(failure: Exception) -> Unreadable:
    """Why a file that made a load raise is unreadable, for a person, and without a word of the file.

    Where nobody expected it, with the place in the code: whoever mends it needs no more.
    """
    if isinstance(failure, Unreadable):
        return failure
    if isinstance(failure, Lost):
        return Unreadable(str(failure))
    if isinstance(failure, psycopg.Error) and (failure.sqlstate or "").startswith(_LIMITS):
        return Unreadable(
            "it has more columns, or longer cells in them, than a table of PostgreSQL takes (at most 1,600 columns): let the"
            " source export the contract's columns only"
        )
    frame = next(
        (each for each in reversed(extract_tb(failure.__traceback__)) if "/kho/" in each.filename), None
    )
    place = f" at {Path(frame.filename).name}:{frame.lineno}" if frame else ""
    return Unreadable(
        f"Kho failed on it ({type(failure).__name__}{place}), which is to be mended in Kho: report that with the file."
        " Replay the batch then, or withdraw it"
    )
