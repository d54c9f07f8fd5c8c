"""Which transport brings a contract's files."""

from __future__ import annotations

from datetime import date

from kho.contract import Contract
from kho.contract.model import FILES
from kho.fetch.budget import Budget
from kho.fetch.connection import Connection
from kho.fetch.transport import SourceError, Transport
from kho.settings import Settings


def keeps_days_gone_by(contract: Contract) -> bool:
    """Whether its source still gives what was due on a day gone by. Others give what they hold now, whatever the day."""
    if contract.server_type in ("postgres", "mysql"):
        return contract.file.load != "full"
    is_url = contract.server_type == "api" and contract.server.paging != FILES
    return not is_url or "{business_date" in contract.location


def open_transport(
    settings: Settings,
    contract: Contract,
    business_date: date,
    connection: Connection | None,
    budget: Budget,
    taken: frozenset[date] = frozenset(),
    again: frozenset[date] = frozenset(),
) -> Transport:
    """The source of a contract's files, as its server says. Raises SourceError.

    `business_date`, `taken` (the dates of the deliveries that are in the archive) and `again` (those of them to be asked
    for again) are for sources that list no files by themselves.
    """
    named = contract.server.connection
    if contract.server_type == "local":
        from kho.fetch.folder import Folder

        return Folder(settings.exports / contract.location, settings.exports, budget)
    if connection is None:
        raise SourceError(
            f"there is no connection {named}: say in {settings.home / 'connections.json'} where it leads to"
        )
    match contract.server_type:
        case "sftp":
            from kho.fetch.sftp import Sftp

            return Sftp(connection, named, contract.location, budget)
        case "ftps":
            from kho.fetch.ftps import Ftps

            return Ftps(connection, named, contract.location, budget)
        case "s3":
            from kho.fetch.s3 import S3

            is_packed = contract.server.compression == "gzip"
            return S3(connection, named, contract.location, budget, is_packed=is_packed)
        case "postgres" | "mysql":
            from kho.fetch.sql import Database

            return Database(connection, named, contract, business_date, taken, budget)
    from kho.fetch.http import Http
    from kho.fetch.url import Url
    from kho.fetch.web import Web

    web = Web(connection, named, budget)
    if contract.server.paging != FILES:
        return Url(web, contract, business_date, taken, again)
    # JSON lines have no path to their records.
    records_path = (contract.file.records_path or "items") if contract.format == "json" else None
    return Http(web, contract.location, contract.server.page_size, records_path)
