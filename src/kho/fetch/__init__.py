"""Fetching: every new or changed delivery of a contract into the archive, and into the ledger."""

from kho.fetch.connection import Connection, connections
from kho.fetch.delivery import Fetched, FetchFailed, Offered, fetch, listing, take
from kho.fetch.transports import keeps_days_gone_by

__all__ = [
    "Connection",
    "FetchFailed",
    "Fetched",
    "Offered",
    "connections",
    "fetch",
    "keeps_days_gone_by",
    "listing",
    "take",
]
