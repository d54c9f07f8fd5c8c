"""Loading: archived bytes become typed rows and rejects, counted so that nothing is lost.

One transaction per file: COPY into a temporary landing table, one pass that types every row or says all that is wrong
with it, and the ledger's entry of the batch with its profile. Of a large delimited file only the rows that are not surely
good land; the others are typed here and go straight into raw. Killed anywhere, nothing of the file is there; run again,
what was loaded is left alone.
"""

from kho.load.batches import Batch, again, load, replay
from kho.load.failure import LoadFailed
from kho.load.known import Known, freshness, known

__all__ = ["Batch", "Known", "LoadFailed", "again", "freshness", "known", "load", "replay"]
