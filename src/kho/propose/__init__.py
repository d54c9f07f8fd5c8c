"""Proposing a source: sample files in; a contract, its staging model and a fixture out."""

from kho.propose.detect import CannotPropose
from kho.propose.infer import propose
from kho.propose.proposal import Proposal, Question
from kho.propose.samples import gather, without_secrets
from kho.propose.write import Written, expect_free, places, write

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
