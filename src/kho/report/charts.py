"""A breakdown as a chart: bars by unit, columns by month. What has no value has its words and no bar."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from kho.report.content import Breakdown

#: more would not be told apart, least of all on paper; the table beside the chart has them all
MOST_SERIES = 3
#: fill and hatch of each series: apart in grey too
STYLES = (("#1f4e79", ""), ("#9dc3e6", ""), ("#e7e6e6", "////"))
#: a chart that is higher has no room on a page; the table beside it has all its numbers
MOST_INCHES = 9.3
#: of more columns the numbers would overlap
MOST_COLUMNS = 18
#: titles with more letters don't stand side by side
LONGEST_LEGEND = 70
#: between the margins of an official page, in inches
WIDTH = 6.2
#: Times New Roman, or what has its widths; DejaVu comes with matplotlib and has every Vietnamese letter
FONTS = ("Times New Roman", "Liberation Serif", "DejaVu Serif")
#: how much of the room of a label its bars fill
FILLED = 0.8


def has_room(breakdown: Breakdown) -> bool:
    """Whether its chart fits on a page: that of a province's 124 communes does not."""
    return _height(breakdown) <= MOST_INCHES


def _height(breakdown: Breakdown) -> float:
    """In inches. Names of units are long: their bars lie."""
    bars = min(len(breakdown.series), MOST_SERIES)
    return 0.9 + len(breakdown.labels) * (0.08 + 0.1 * bars) if breakdown.by == "unit" else 2.1


def svg(breakdown: Breakdown) -> str:
    """The chart for a page: an `<svg>` element whose text is text."""
    written = _written(breakdown, "svg").decode()
    return written[written.index("<svg") :]


def png(breakdown: Breakdown) -> bytes:
    """The chart for a document."""
    return _written(breakdown, "png")


def _written(breakdown: Breakdown, format: str) -> bytes:
    import matplotlib

    # The same breakdown gives the same bytes: ids that come from the title, and nothing on when and by what.
    settings = {
        "font.family": _fonts(),
        "font.size": 9,
        "hatch.linewidth": 0.6,
        "svg.fonttype": "none",
        "svg.hashsalt": breakdown.title,
    }
    with matplotlib.rc_context(settings), io.BytesIO() as file:
        unsaid = ("Date", "Creator", "Format", "Type") if format == "svg" else ("Software",)
        _drawn(breakdown).savefig(file, format=format, dpi=200, metadata=dict.fromkeys(unsaid))
        return file.getvalue()


def _fonts() -> list[str]:
    """Those with every Vietnamese letter: a word in two fonts is ugly. The last comes with matplotlib."""
    from matplotlib.font_manager import fontManager
    from matplotlib.ft2font import FT2Font

    known = {font.name: font.fname for font in fontManager.ttflist if font.style == "normal"}
    return [each for each in FONTS if each in known and ord("ệ") in FT2Font(known[each]).get_charmap()]


def _drawn(breakdown: Breakdown) -> Figure:
    from matplotlib.figure import Figure

    lies = breakdown.by == "unit"
    series = breakdown.series[:MOST_SERIES]
    figure = Figure(figsize=(WIDTH, _height(breakdown)), layout="constrained")
    axes = figure.add_subplot()
    thick = FILLED / len(series)
    is_dense = len(breakdown.labels) * len(series) > MOST_COLUMNS
    for place, (each, (fill, hatch)) in enumerate(zip(series, STYLES, strict=False)):
        middles = [at - FILLED / 2 + thick * (place + 0.5) for at in range(len(each.cells))]
        lengths = [0.0 if cell.value is None else float(cell.value) for cell in each.cells]
        style = {
            "color": fill,
            "hatch": hatch,
            "edgecolor": STYLES[0][0],
            "linewidth": 0.5,
            "label": each.title,
        }
        bars = (axes.barh if lies else axes.bar)(middles, lengths, thick, **style)
        texts = axes.bar_label(bars, [cell.text for cell in each.cells], padding=2, fontsize=6.5)
        for text, cell in zip(texts, each.cells, strict=True):
            # Words are wider than a column, and so are numbers where columns are many.
            text.set_rotation(90 if not lies and (cell.value is None or is_dense) else 0)
    _name_axes(axes, breakdown, lies)
    if len(series) > 1:
        is_short = sum(len(each.title) for each in series) <= LONGEST_LEGEND
        figure.legend(loc="outside lower center", ncols=len(series) if is_short else 1, frameon=False)
    return figure


def _name_axes(axes: Axes, breakdown: Breakdown, lies: bool) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    labels, values = (axes.yaxis, axes.xaxis) if lies else (axes.xaxis, axes.yaxis)
    labels.set_ticks(range(len(breakdown.labels)), breakdown.labels)
    labels.set_tick_params(length=0, labelsize=9 if lies or len(breakdown.labels) <= 8 else 6.5)
    values.set_major_locator(MaxNLocator(5, integer=True))
    values.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}".replace(",", ".")))
    values.set_label_text(breakdown.unit_title)
    ends = (-0.6, len(breakdown.labels) - 0.4)
    axes.margins(0.12 if lies else 0.2)
    if lies:
        axes.set(ylim=ends[::-1], xlim=(0, None))
    else:
        axes.set(xlim=ends, ylim=(0, None))
    axes.spines[["top", "right"]].set_visible(False)
