"""The dictionary as one HTML page that needs nothing else: no server, no network, no other file."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined

from kho.dictionary.content import Dictionary


def render(content: Dictionary) -> str:
    environment = Environment(
        loader=PackageLoader("kho.dictionary", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.j2").render(content=content)
