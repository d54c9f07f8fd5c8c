"""What a night does, as events of OpenLineage: jobs, their runs, and the data that they read and write.

They are told to a file, and to a server if there is one. Nobody waits for them: what can't be told is logged.
"""

from __future__ import annotations

from kho.events.run import Run, close_left_open, run

__all__ = ["Run", "close_left_open", "run"]
