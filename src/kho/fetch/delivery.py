"""One night's fetch of one contract: what is new or changed goes into the archive, then into the ledger."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Literal

import psycopg

from kho.archive import Archive, Stored
from kho.contract import Contract, telling
from kho.contract.file_name import as_seen
from kho.contract.schedule import day_written, newest_expected_date
from kho.database import connect
from kho.fetch.budget import Budget, Exhausted
from kho.fetch.connection import Connection
from kho.fetch.rows import RowCount
from kho.fetch.transport import (
    Doubtful,
    Incomplete,
    Listed,
    Short,
    SourceError,
    Transport,
    is_sound,
    patiently,
    shown,
)
from kho.fetch.transports import open_transport
from kho.ledger import deliveries
from kho.ledger.deliveries import Taken
from kho.settings import Settings
from kho.time_limit import held

#: a file that was this fresh when it was fetched may have changed since without its listing showing it
_FRESH = timedelta(seconds=5)
#: why a file that is there is not taken
UNKNOWN = "not named as the contract's fileName says"
TWIN = "named as another file of its folder that is newer, as far as one can see: only that one is taken"
LINK = "a link, or nothing that is a file: Kho opens none; have the source hand over the file itself"
#: a control file is a few bytes
_CONTROL_BYTES = 1000
_UNFINISHED = re.compile(r"\..*|.*\.(part|tmp|filepart)")


_Takes = Callable[[Doubtful], bool]  # whether what is doubtful is taken all the same


class FetchFailed(Exception):
    """Something of the source could not be fetched; what could be was."""


@dataclass
class Fetched:
    """What became of the files that a source listed, by their names; as a text it tells none of these."""

    contract: Contract
    taken: list[str] = field(default_factory=list)
    unchanged: int = 0
    later: list[str] = field(default_factory=list)  # of days after the night's
    incomplete: dict[str, str] = field(default_factory=dict)  # and why
    failed: dict[str, str] = field(default_factory=dict)  # and why
    short: dict[str, str] = field(default_factory=dict)  # taken, though the source says that there is more
    unknown: list[str] = field(default_factory=list)  # not named as the contract says
    links: list[str] = field(default_factory=list)
    twins: list[str] = field(default_factory=list)  # of a newer one whose name looks the same

    def __str__(self) -> str:
        counts = {
            "taken": len(self.taken),
            "unchanged": self.unchanged,
            "of later days": len(self.later),
            "not complete yet": len(self.incomplete),
            "failed": len(self.failed),
            "of unknown name": len(self.unknown),
            "links": len(self.links),
            "named alike": len(self.twins),
            "shorter than announced": len(self.short),
        }
        told = [", ".join(f"{count} {what}" for what, count in counts.items() if count) or "nothing there"]
        told += _told(self.contract, {**self.short, **self.incomplete, **self.failed})
        for names, why in self.left_alone:
            if names:
                told.append(f"{len(names)} are {why}: `kho source check {self.contract.name}` shows them")
        return "\n".join(told)

    @property
    def left_alone(self) -> tuple[tuple[list[str], str], ...]:
        """Names of files that nobody waits for, and why they are not taken."""
        return (self.unknown, UNKNOWN), (self.links, LINK), (self.twins, TWIN)


def fetch(
    settings: Settings,
    contract: Contract,
    business_date: date,
    connection: Connection | None = None,
    *,
    again: bool = False,
) -> Fetched:
    """Fetch every delivery of `contract` up to `business_date` that is new or has other bytes than before.

    What came to nothing (its batch is unreadable, held or withdrawn) is asked for again where the source does not show
    that it is still the same; with `again` everything of the newest date is, whatever was taken. A file that is not
    whole yet is left for a later night, and said so in the ledger. FetchFailed when the source or a file of it could not
    be read, or is more than its contract allows: then everything else was fetched first.
    """
    fetched, budget = Fetched(contract), Budget.of(contract)
    asked = _newest_dates(contract, business_date) if again else frozenset()
    trouble: SourceError | None = None
    with connect(settings, "kho_loader", autocommit=True) as ledger:
        deliveries.lock(ledger, contract.name)
        note = partial(deliveries.note_failure, ledger, contract.name, business_date)
        Archive.of(settings).remove_old_drafts()
        try:
            known = deliveries.taken(ledger, contract.name)
            taken = frozenset(day for _, day in known)
            wanted = asked | {day for (_, day), arrival in known.items() if arrival.came_to_nothing}
            with (
                budget.source(),
                closing(
                    open_transport(settings, contract, business_date, connection, budget, taken, wanted)
                ) as source,
            ):
                _fetch_files(settings, contract, business_date, source, budget, known, asked, ledger, fetched)
        except SourceError as error:
            trouble = error
            note(None, str(error))
        for name, reason in {**fetched.short, **fetched.incomplete, **fetched.failed}.items():
            note(name, f"{telling.delivery(contract, name)}: {reason}")
        # A file that stays there is told once.
        for names, reason in fetched.left_alone:
            for name in deliveries.never_noted(ledger, contract.name, names, reason):
                note(name, reason)
    if trouble:
        raise FetchFailed(f"{contract.name}: {trouble}") from None
    if fetched.failed:
        reasons = "\n".join(_told(contract, fetched.failed))
        raise FetchFailed(f"{contract.name}: {len(fetched.failed)} files could not be fetched\n{reasons}")
    return fetched


def _told(contract: Contract, reasons: dict[str, str]) -> list[str]:
    return [f"{telling.delivery(contract, name)}: {reason}" for name, reason in reasons.items()]


@dataclass(frozen=True)
class Offered:
    """A file at its source, and what its name makes of it."""

    file: Listed
    #: beside: a control file, or not finished yet; link: that, or what else is no file; twin: of a newer one of its name
    kind: Literal["delivery", "beside", "misdated", "unknown", "link", "twin"]
    day: date | None = None  # of a delivery
    trouble: str = ""  # what is wrong with a date

    @property
    def name(self) -> str:
        """The file's name as it may be told."""
        return shown(as_seen(self.file.name))


def listing(
    settings: Settings, contract: Contract, business_date: date, connection: Connection | None = None
) -> list[Offered]:
    """What the source of `contract` shows on `business_date`, in order of name; takes nothing and writes nothing.

    FetchFailed when it can't be reached or listed.
    """
    budget = Budget.of(contract)
    try:
        with (
            budget.source(),
            closing(open_transport(settings, contract, business_date, connection, budget)) as source,
        ):
            return _offered(contract, source)
    except SourceError as error:
        raise FetchFailed(f"{contract.name}: {error}") from None


def take(
    settings: Settings,
    contract: Contract,
    business_date: date,
    name: str,
    to: Path,
    connection: Connection | None = None,
) -> int | None:
    """Copy one listed file to `to` and nowhere else; gives the number of rows that its source announces, if it does.

    FetchFailed when it can't be read or is not whole yet.
    """
    budget = Budget.of(contract)
    try:
        with (
            budget.source(),
            closing(open_transport(settings, contract, business_date, connection, budget)) as source,
            budget.delivery(),
        ):
            listed = _by_name(_offered(contract, source))
            file = listed[name]
            control_rows = _announced(source, listed, contract, file, _is_tried)
            patiently(partial(_copy, contract, source, budget, file, control_rows, to))
            return control_rows
    except KeyError:
        told = telling.delivery(contract, name)
        raise FetchFailed(f"{contract.name}: {told} was taken away from its source") from None
    except Incomplete as reason:
        told = telling.delivery(contract, name)
        raise FetchFailed(f"{contract.name}: {told} is not complete yet: {reason}") from None
    except SourceError as error:
        raise FetchFailed(f"{contract.name}: {error}") from None


def _copy(
    contract: Contract,
    source: Transport,
    budget: Budget,
    file: Listed,
    control_rows: int | None,
    to: Path,
) -> None:
    budget.begin()
    with to.open("wb") as copy:
        copy.writelines(_bytes(contract, source, file, control_rows, _is_tried))


def _is_whole(doubt: Doubtful) -> bool:
    return isinstance(doubt, Short) and doubt.is_whole


def _is_tried(doubt: Doubtful) -> bool:
    """Whether a file that nobody keeps is worth a try."""
    return _is_whole(doubt) or not isinstance(doubt, Short)


def _newest_dates(contract: Contract, business_date: date) -> frozenset[date]:
    """The business date, and the newest one up to it on which something is due."""
    if not contract.frequency:
        return frozenset([business_date])
    return frozenset(
        [business_date, newest_expected_date(contract.frequency, business_date, contract.end_of_life)]
    )


def _offered(contract: Contract, source: Transport) -> list[Offered]:
    offered = [_named(contract, file) for file in sorted(source.files(), key=lambda file: file.name)]
    newest: dict[str, Offered] = {}
    for one in sorted(offered, key=_age):
        if one.kind == "delivery":
            newest[one.name] = one
    return [
        replace(one, kind="twin") if one.kind == "delivery" and newest[one.name] is not one else one
        for one in offered
    ]


def _by_name(offered: list[Offered]) -> dict[str, Listed]:
    """The files that may be opened."""
    return {one.name: one.file for one in offered if one.kind not in ("twin", "unknown")}


def _age(one: Offered) -> tuple[bool, float]:
    modified = one.file.modified
    return modified is not None, modified.timestamp() if modified else 0.0


def _named(contract: Contract, file: Listed) -> Offered:
    name = as_seen(file.name)
    if not is_sound(name):
        return Offered(file, "unknown")
    if not contract.is_named(name):
        is_beside = _is_control(contract, name) or _UNFINISHED.fullmatch(name)
        return Offered(file, "beside" if is_beside else "unknown")
    if not file.is_regular:
        return Offered(file, "link")
    if not contract.names_its_days:
        if file.modified is None:
            return Offered(
                file,
                "misdated",
                trouble="neither its name nor its source says of which day it is: name it by its day",
            )
        return Offered(file, "delivery", day_written(contract.frequency, file.modified))
    if day := contract.day_of(name):
        return Offered(file, "delivery", day)
    return Offered(file, "misdated", trouble="what its name holds is no date: it must hold one as yyyymmdd")


def _fetch_files(
    settings: Settings,
    contract: Contract,
    business_date: date,
    source: Transport,
    budget: Budget,
    known: dict[tuple[str, date], Taken],
    asked: frozenset[date],  # ask for what is of these, whatever was taken
    ledger: psycopg.Connection,
    fetched: Fetched,
) -> None:
    offered = _offered(contract, source)
    listed = _by_name(offered)
    # Under whatever spelling of its name a delivery was taken, it is that one.
    known = {(as_seen(name), day): arrival for (name, day), arrival in known.items()}
    tagged = {arrival.source_tag: arrival for arrival in known.values() if arrival.source_tag}
    due: list[tuple[date, Listed]] = []
    for one in offered:
        name = one.name
        if one.kind == "unknown":
            fetched.unknown.append(name)
        elif one.kind == "twin":
            fetched.twins.append(shown(one.file.name))
        elif one.kind == "link":
            fetched.links.append(name)
        elif one.kind == "misdated":
            fetched.failed[name] = one.trouble
        elif one.kind == "delivery" and one.day > business_date:
            fetched.later.append(name)
        elif one.kind == "delivery" and one.day in asked:
            due.append((one.day, one.file))
        elif one.kind == "delivery" and _is_unchanged(one.file, known.get((name, one.day))):
            fetched.unchanged += 1
        elif one.kind == "delivery" and contract.file.load == "delta" and one.file.tag in tagged:
            fetched.unchanged += 1  # the changes of another day, not of this one
        elif one.kind == "delivery":
            due.append((one.day, one.file))
    for day, file in sorted(due, key=lambda one: (one[0], one[1].name)):
        name = as_seen(file.name)
        try:
            with budget.delivery():
                takes = partial(_takes, ledger, contract, business_date, name, fetched)
                control_rows = _announced(source, listed, contract, file, takes)
                # Still the whole list, says its server: no need to read it again.
                if day not in asked and (same := tagged.get(file.tag)):
                    stored = Stored(same.sha256, same.size_bytes)
                else:
                    stored = patiently(
                        partial(_store, settings, contract, source, budget, file, control_rows, takes)
                    )
        except Exhausted:
            raise
        except Incomplete as reason:
            fetched.incomplete[name] = f"not complete yet: {reason}; it is taken once it is"
        except SourceError as error:
            fetched.failed[name] = str(error)
        else:
            with held():
                is_new = deliveries.enter(
                    ledger,
                    contract.name,
                    taken.name if (taken := known.get((name, day))) else name,
                    day,
                    stored,
                    size=file.size,
                    modified=file.modified,
                    tag=file.tag,
                    control_rows=control_rows,
                )
            if is_new:
                fetched.taken.append(name)
            else:
                fetched.unchanged += 1
                fetched.short.pop(name, None)  # it was told when it came


def _store(
    settings: Settings,
    contract: Contract,
    source: Transport,
    budget: Budget,
    file: Listed,
    control_rows: int | None,
    takes: _Takes,
) -> Stored:
    budget.begin()
    return Archive.of(settings).store(_bytes(contract, source, file, control_rows, takes))


def _takes(
    ledger: psycopg.Connection,
    contract: Contract,
    business_date: date,
    name: str,
    fetched: Fetched,
    doubt: Doubtful,
) -> bool:
    """Whether a file is taken as it is: to be waited for again makes it no less doubtful."""
    is_short = isinstance(doubt, Short)
    if not _is_whole(doubt):
        of = name if is_short else None  # what a server says of versions it says of all its files
        if not deliveries.was_noted(ledger, contract.name, of, str(doubt), before=business_date):
            return False
    if is_short:
        fetched.short[name] = (
            f"{doubt}: it was taken as it is; ask the keeper of the source which is right. Other records are taken once they"
            f" are there: `kho source fetch {contract.name} --again`"
        )
    return True


def _bytes(
    contract: Contract, source: Transport, file: Listed, control_rows: int | None, takes: _Takes
) -> Iterator[bytes]:
    chunks = _read(source, file, takes)
    # Rows of other files are not counted before they are loaded: the exports boundary compares them then.
    is_counted = contract.format == "csv" and not contract.server.compression
    return _whole(chunks, contract, control_rows) if contract.server.control_file and is_counted else chunks


def _read(source: Transport, file: Listed, takes: _Takes) -> Iterator[bytes]:
    try:
        yield from source.read(file)
    except Doubtful as doubt:
        if not takes(doubt):
            raise


# Control files


def _control_name(contract: Contract, name: str) -> str | None:
    return contract.server.control_file and contract.server.control_file.format(name=name)


def _is_control(contract: Contract, name: str) -> bool:
    start, _, end = (contract.server.control_file or "").partition("{name}")
    return bool(start or end) and name.startswith(start) and name.endswith(end)


def _announced(
    source: Transport, listed: dict[str, Listed], contract: Contract, file: Listed, takes: _Takes
) -> int | None:
    if not contract.server.control_file:
        return file.records
    control = listed.get(_control_name(contract, as_seen(file.name)))
    return _control_rows(source, control, contract, takes)


def _control_rows(source: Transport, control: Listed | None, contract: Contract, takes: _Takes) -> int:
    """The number of rows that the control file announces."""
    if control is None:
        raise Incomplete(f"its control file ({contract.server.control_file}) is not there")
    if not control.is_regular:
        raise SourceError(f"its control file is {LINK}")
    head = b""
    for chunk in _read(source, control, takes):
        head += chunk
        if len(head) > _CONTROL_BYTES:
            break
    text = head[:_CONTROL_BYTES].decode("utf-8", "replace").strip()
    if not (match := re.fullmatch(r"rows=(\d+)", text)):
        raise SourceError(f"its control file holds {telling.shape(text)}, and should hold rows=<number>")
    return int(match[1])


def _whole(chunks: Iterator[bytes], contract: Contract, announced: int) -> Iterator[bytes]:
    """Pass the bytes on; Incomplete at their end if they hold fewer rows than announced."""
    rows = RowCount(contract.encoding, contract.delimiter, contract.file.header_rows)
    for chunk in chunks:
        rows.add(chunk)
        yield chunk
    if rows.total() < announced:
        raise Incomplete(f"it holds {rows.total()} rows, and its control file announces {announced}")


def _is_unchanged(file: Listed, arrival: Taken | None) -> bool:
    """Whether the listing alone shows that the file is the one that was taken last."""
    if arrival is None:
        return False
    if file.again == "never" and not arrival.came_to_nothing:
        return True
    if file.again == "grown" and not arrival.came_to_nothing:
        was = arrival.source_modified_at
        is_newer = file.modified is not None and (was is None or file.modified > was)
        return not is_newer and file.size <= arrival.source_size
    if file.tag is not None:
        return file.tag == arrival.source_tag
    if file.modified is None:
        return False
    return (
        file.size == arrival.source_size
        and file.modified == arrival.source_modified_at
        and file.modified < arrival.arrived_at - _FRESH
    )
