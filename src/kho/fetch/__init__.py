"""Fetching: every new or changed delivery of a contract into the archive, and into the ledger."""

from kho.fetch.connection import Connection, connections
from kho.fetch.delivery import FetchFailed, FetchReport, Offered, fetch, listing, take

__all__ = ["Connection", "FetchFailed", "FetchReport", "Offered", "connections", "fetch", "listing", "take"]
