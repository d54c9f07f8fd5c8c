"""Proposing a source: sample files in; a contract, its staging model and a fixture out."""

from kho_propose.detect import CannotPropose
from kho_propose.infer import propose
from kho_propose.proposal import Proposal, Question
from kho_propose.samples import gather, without_secrets
from kho_propose.write import Written, expect_free, places, write

__all__ = [
    "CannotPropose",
    "Proposal",
    "Question",
    "Written",
    "expect_free",
    "gather",
    "places",
    "propose",
    "without_secrets",
    "write",
]
