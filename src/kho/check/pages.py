"""How Data Docs look: Great Expectations' own pages ask foreign hosts for their looks and for their index."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from html import escape
from itertools import groupby
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import quote

from lxml import html
from lxml.html import builder

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; margin: .5rem 0 1.5rem } td, th { border: 1px solid #ccc; padding: .3rem .6rem; text-align: left; vertical-align: top }
td td, td th { padding: .1rem .3rem; font-size: .85rem } a { color: #0b57a4 } h5 { font-size: 1.2rem; margin: 2rem 0 .5rem } h6 { font-size: 1rem; margin: 1rem 0 .5rem }
.critical, .warning, .info { border-radius: .3rem; font-weight: bold; padding: .05rem .45rem; white-space: nowrap }
.critical { background: #b3261e; color: #fff } .warning { background: #ffd257; color: #222 } .info { background: #cfe3f7; color: #123 }
.failed { font-weight: bold }
"""
SEVERITIES = ("critical", "warning", "info")  # the worst first
_MEANS = {
    "critical": "the batch is held, or the release refused",
    "warning": "told in the digest; it stops nothing",
    "info": "told here and by `kho batch show`",
}
PASSED, NOT_KNOWN = "passed", "see the page"
_ICONS = {"✅": "passed", "❌": "failed", "❗": "could not be checked"}
# How a page begins; its outcome is found there without reading the rest.
_BEGINS = "<!DOCTYPE html><!--offline: {}-->"
_OUTCOME = re.compile(re.escape(_BEGINS).replace(r"\{\}", "(.*?)"))


class OfflinePage:
    """A view of Great Expectations: makes a page of what it tells of a suite or a result, which needs nothing else to be read."""

    def __init__(self, **_: object) -> None:
        """Great Expectations names folders of styles here; there are none."""

    def render(self, document: Any, **_: object) -> str:
        told = document.to_json_dict()
        title = escape(told["page_title"])
        body = "".join(_shown(block) for section in told["sections"] for block in section["content_blocks"])
        outcome = _outcome_of(told)
        suite = told["expectation_suite_name"]
        # Its folders: one a part of the suite's name, of a result the night's name and time too.
        up = suite.count(".") + (4 if told["renderer_type"] == "ValidationResultsPageRenderer" else 1)
        return (
            f'{_BEGINS.format(outcome)}<html><head><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style></head>'
            f'<body><p><a href="{"../" * up}index.html">Home</a> / {title}</p>{body}</body></html>'
        )


def _outcome_of(told: dict[str, Any]) -> str:
    """What failed on the page of a result, as `2 critical, 1 warning`."""
    header = told["sections"][0]["content_blocks"][0].get("subheader") or {}
    failed = header.get("string_template", {}).get("failed", {})
    return ", ".join(f"{count} {severity}" for severity, count in failed.items()) or PASSED


def _shown(block: Any) -> str:
    """A block of a page as HTML; one of a kind that is not known here as it is."""
    if block is None:
        return ""
    if isinstance(block, list):
        return " ".join(map(_shown, block))
    if not isinstance(block, dict):
        return escape(str(block))
    kind = block.get("content_block_type")
    above = f"{_shown(block.get('header'))}{_shown(block.get('subheader'))}"
    return above + _KINDS.get(kind, _as_it_is)(block)


def _text(block: dict[str, Any]) -> str:
    told = block["string_template"]
    params, styles = told.get("params", {}), told.get("styling", {}).get("params", {})
    shown = {name: _param(value, styles.get(name, {})) for name, value in params.items()}
    # Its icons are those of a font from elsewhere, or emojis that a machine may have none of.
    icon = params.get("markdown_status_icon", "note")
    shown |= {"icon": _ICONS.get(icon, icon), "html_success_icon": ""}
    text = Template(escape(told["template"])).safe_substitute(shown).strip().replace("\n", "<br>")
    tag = told.get("tag", "span")
    ours = set(SEVERITIES).intersection(told.get("styling", {}).get("classes", []))
    return f"<{tag}{''.join(f' class={each}' for each in ours)}>{text}</{tag}>" if text else ""


def _param(value: Any, style: dict[str, Any]) -> str:
    link = style.get("attributes", {}).get("href")
    text = "–" if value in (None, "None") else escape(str(value))
    return f'<a href="{escape(link)}">{text}</a>' if link else text


def _table(block: dict[str, Any]) -> str:
    rows = [("td", row) for row in block["table"]]
    if block.get("header_row"):
        rows.insert(0, ("th", block["header_row"]))
    lines = ("".join(f"<{tag}>{_shown(cell)}</{tag}>" for cell in row) for tag, row in rows)
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def _details(block: dict[str, Any]) -> str:
    return f"<details><summary>{_shown(block['collapse_toggle_link'])}</summary>{_shown(block['collapse'])}</details>"


def _as_it_is(block: dict[str, Any]) -> str:
    return f"<pre>{escape(json.dumps(block, ensure_ascii=False, default=str))}</pre>"


_KINDS: dict[Any, Callable[[dict[str, Any]], str]] = {
    "header": lambda block: "",
    "string_template": _text,
    "table": _table,
    "collapse": _details,
    "text": lambda block: "".join(f"<p>{_shown(each)}</p>" for each in block["text"]),
    "markdown": lambda block: escape(block["markdown"]),
    "bullet_list": lambda block: (
        f"<ul>{''.join(f'<li>{item}</li>' for item in map(_shown, block['bullet_list']) if item)}</ul>"
    ),
}


def write_index(folder: Path) -> None:
    """The page that leads to those of the last nights below this folder."""
    (folder / "index.html").write_text(_index(folder), encoding="utf-8")


def _outcome(page: Path) -> str:
    """What the page of a result tells."""
    with page.open(encoding="utf-8") as file:
        found = _OUTCOME.match(file.readline())
    return found[1] if found else NOT_KNOWN


def _index(folder: Path) -> str:
    """One table per night and boundary, the newest first: each suite, whether it held, and its page."""
    pages = [(path.parent, path.relative_to(folder)) for path in folder.glob("validations/**/*.html")]
    runs = sorted(pages, key=lambda page: (page[0].name, str(page[1])), reverse=True)
    meant = (
        builder.LI(builder.SPAN(severity, builder.CLASS(severity)), f": {means}")
        for severity, means in _MEANS.items()
    )
    body = [builder.H1("Data Docs"), builder.UL(*meant)]
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
    return builder.TR(builder.TD(link), builder.TD(*_marked(outcome)))


def _marked(outcome: str) -> Iterator[html.HtmlElement | str]:
    for place, part in enumerate(outcome.split(", ")):
        severity = part.split()[-1]
        yield " " * bool(place)
        if severity in SEVERITIES:
            yield builder.SPAN(part, builder.CLASS(severity))
        else:
            yield part if part == PASSED else builder.SPAN(part, builder.CLASS("failed"))
