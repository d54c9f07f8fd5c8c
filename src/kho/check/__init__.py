"""The two boundaries, where Great Expectations decides: over the night's batches, and over the marts to release."""

from __future__ import annotations

from kho.check.exports import ExportsVerdict, exports, foresee
from kho.check.marts import MartsVerdict, marts
from kho.ledger.verdicts import Verdict

__all__ = ["ExportsVerdict", "MartsVerdict", "Verdict", "exports", "foresee", "marts"]
