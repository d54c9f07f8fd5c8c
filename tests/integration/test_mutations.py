"""Whatever a disk, a line or a system makes of an export: it is unreadable with a reason, or every row of it is counted."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from kho.contract import contracts
from kho.settings import Settings
from tests.mutations.broken import MUTATIONS
from tests.mutations.run import MANY, outcomes


def test_a_broken_export_is_unreadable_or_every_row_of_it_is_counted(
    warehouse: Settings, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = list(outcomes(warehouse, tmp_path, range(0, MANY, MANY // pytestconfig.getoption("mutations"))))
    assert [each for each in found if "Kho failed" in (each.reason or "")] == []
    for each in found:
        assert each.in_file == each.loaded + each.rejected + each.skipped, each
        assert (each.state == "unreadable") == bool(each.reason), each
    assert {each.contract for each in found} >= contracts(warehouse).keys()
    assert {each.happened for each in found} == MUTATIONS.keys()
    assert {each.state for each in found} == {"pending", "unreadable"}
    assert (
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000
    )  # KB, of files of some KB each
