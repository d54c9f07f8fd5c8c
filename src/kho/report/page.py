"""The report as one HTML page that needs nothing else: no server, no network, no other file."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined

from kho.report.charts import has_room, svg
from kho.report.content import Content
from kho.report.vietnamese import SYSTEM_STATES, day, lineage


def render(content: Content) -> str:
    environment = Environment(
        loader=PackageLoader("kho.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        svg=svg, has_room=has_room, lineage=lineage, day=day, system_states=SYSTEM_STATES
    )
    return environment.get_template("page.html.j2").render(content=content)
