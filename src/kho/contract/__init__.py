"""Contracts: what each export must look like. One ODCS v3 file per export under `contracts/<system>/<entity>.yaml`."""

from kho.contract.model import Column, Contract, Quality
from kho.contract.reading import (
    ContractError,
    contracts,
    drafts,
    parse_contract,
    paths,
    read_contract,
    samples,
    unusable,
)

__all__ = [
    "Column",
    "Contract",
    "ContractError",
    "Quality",
    "contracts",
    "drafts",
    "parse_contract",
    "paths",
    "read_contract",
    "samples",
    "unusable",
]
