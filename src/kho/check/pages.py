"""Data Docs without the internet: Great Expectations' pages ask foreign hosts for their looks and for their index."""

from __future__ import annotations

import re
from itertools import groupby
from pathlib import Path
from urllib.parse import quote

from lxml import html
from lxml.html import builder

# Table looks, and the icons that a font from elsewhere would have drawn.
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; margin: .5rem 0 1.5rem } td, th { border: 1px solid #ccc; padding: .3rem .6rem; text-align: left }
a { color: #0b57a4 } ol.ge-breadcrumbs-item, .breadcrumb { list-style: none; padding: 0 } i { font-style: normal }
.fa-check-circle::before { content: "✔"; color: #18794e } .fa-times::before { content: "✘"; color: #c62828 }
.fa-exclamation-triangle::before { content: "⚠" } .failed { color: #c62828; font-weight: bold }
"""
# How a page begins that was made so; its outcome is found there without reading the rest.
_BEGINS = "<!DOCTYPE html><!--offline: {}-->"
_OUTCOME = re.compile(re.escape(_BEGINS).replace(r"\{\}", "(.*?)"))
_FOREIGN = "//*[self::script or self::img][starts-with(@src, 'http')] | //link[starts-with(@href, 'http')]"
_ADVERT = "//footer | //a[contains(@href, 'greatexpectations.io')]"


def make_offline(folder: Path) -> None:
    """Rid every page below `folder` of what only the internet has, and write an index of the nights' results."""
    for page in folder.glob("*/**/*.html"):
        if _outcome(page) is None:
            page.write_text(_offline(page.read_text(encoding="utf-8")), encoding="utf-8")
    (folder / "index.html").write_text(_index(folder), encoding="utf-8")


def _offline(text: str) -> str:
    document = html.document_fromstring(text)
    status = re.search(r"Status:\s*(\w+)", document.text_content())
    outcome = "passed" if status and status[1] == "Succeeded" else "not so: see the page"
    for element in [*document.xpath(_FOREIGN), *document.xpath(_ADVERT)]:
        element.drop_tree()
    document.head.append(builder.STYLE(_STYLE))
    return html.tostring(document, encoding="unicode", doctype=_BEGINS.format(outcome))


def _outcome(page: Path) -> str | None:
    """What a page that was made offline tells; None for one that was not."""
    with page.open(encoding="utf-8") as file:
        found = _OUTCOME.match(file.readline())
    return found[1] if found else None


def _index(folder: Path) -> str:
    """One table per night and boundary, the newest first: each suite, whether it held, and its page."""
    pages = [(path.parent, path.relative_to(folder)) for path in folder.glob("validations/**/*.html")]
    runs = sorted(pages, key=lambda page: (page[0].name, str(page[1])), reverse=True)
    body = [builder.H1("Data Docs")]
    for (_, run), found in groupby(runs, key=lambda page: (page[0].name, page[0].parent.name)):
        rows = [_row(folder, page) for _, page in sorted(found)]
        body += [
            builder.H2(run),
            builder.TABLE(builder.TR(builder.TH("Checked"), builder.TH("Outcome")), *rows),
        ]
    if not runs:
        body.append(builder.P("No night has been checked yet."))
    head = builder.HEAD(builder.META(charset="utf-8"), builder.TITLE("Data Docs"), builder.STYLE(_STYLE))
    return html.tostring(
        builder.HTML(head, builder.BODY(*body)),
        encoding="unicode",
        doctype="<!DOCTYPE html>",
        pretty_print=True,
    )


def _row(folder: Path, page: Path) -> html.HtmlElement:
    outcome = _outcome(folder / page)
    # The name of a contract, `one_stop.dossiers`, stands there as two folders.
    link = builder.A(".".join(page.parts[1:-3]), href=quote(page.as_posix()))
    return builder.TR(
        builder.TD(link), builder.TD(outcome, builder.CLASS("" if outcome == "passed" else "failed"))
    )
