"""Proposing a source: sample files in; a contract, its staging model and a fixture out."""

from kho.propose.detect import CannotPropose
from kho.propose.proposal import Proposal, Question, propose

__all__ = ["CannotPropose", "Proposal", "Question", "propose"]
