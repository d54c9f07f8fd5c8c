"""Charts show each value where it belongs, and words where there is none."""

from __future__ import annotations

import pytest

from kho.report import charts
from kho.report.content import Breakdown
from tests import reports


@pytest.mark.parametrize("breakdown", reports.breakdowns(), ids=["by unit", "by month"])
def test_a_chart_says_every_label_and_value(breakdown: Breakdown) -> None:
    drawn = charts.svg(breakdown)
    assert drawn.startswith("<svg") and drawn.rstrip().endswith("</svg>")
    wanted = [*breakdown.labels, *(cell.text for series in breakdown.series for cell in series.cells)]
    assert [text for text in wanted if f">{text}</text>" not in drawn] == []
    assert charts.svg(breakdown) == drawn, "the same breakdown gives the same chart"


def test_a_chart_for_a_document_is_a_png() -> None:
    assert charts.png(reports.breakdowns()[0]).startswith(b"\x89PNG\r\n")
