"""What a page of Data Docs tells of a result first: what failed, how bad that is, what was found and what to do.

Data Docs import this when they write such a page: nobody else does, for Great Expectations takes seconds.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from great_expectations.core import ExpectationSuiteValidationResult
from great_expectations.render import (
    RenderedDocumentContent,
    RenderedHeaderContent,
    RenderedStringTemplateContent,
    RenderedTableContent,
)
from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer

from kho.check.failure import exception
from kho.check.pages import SEVERITIES

SHOWN = 10  # batches or rows of what failed


class ResultPage(ValidationResultsPageRenderer):
    """Great Expectations' own page with what failed above it: that has no severities, and calls a frame's asset None."""

    def render(
        self, validation_results: ExpectationSuiteValidationResult, suite_parameters: Any = None
    ) -> RenderedDocumentContent:
        page = super().render(validation_results, suite_parameters)
        failed = sorted(
            (each for each in validation_results.results if not each.success),
            key=lambda each: SEVERITIES.index(_severity(each)),
        )
        told = [_header(validation_results, Counter(map(_severity, failed)))]
        if failed:
            told.append(_table(failed))
        page.sections[0].content_blocks[0:1] = told
        return page


def _severity(result: Any) -> str:
    severity = result.expectation_config.severity
    return str(getattr(severity, "value", severity))


def _header(results: ExpectationSuiteValidationResult, failed: Counter[str]) -> RenderedHeaderContent:
    suite = results.suite_name
    checked = results.meta.get("active_batch_definition", {}).get("data_asset_name") or suite
    up = "../" * (suite.count(".") + 4)
    return RenderedHeaderContent(
        content_block_type="header",
        header=_text("Overview", tag="h5"),
        subheader=RenderedStringTemplateContent(
            content_block_type="string_template",
            string_template={
                "template": "Checked: $checked\n Rules: $suite",
                "params": {"checked": checked, "suite": suite},
                "styling": {
                    "params": {
                        "suite": {"attributes": {"href": f"{up}expectations/{suite.replace('.', '/')}.html"}}
                    }
                },
                "failed": {severity: failed[severity] for severity in SEVERITIES if failed[severity]},
            },
        ),
    )


def _table(failed: list[Any]) -> RenderedTableContent:
    # A rule on batches has its remedy in its meta; of one on marts the notes are the remedy.
    are_of_batches = "remedy" in failed[0].expectation_config.meta
    rows = []
    for each in failed:
        config, severity = each.expectation_config, _severity(each)
        if are_of_batches:
            is_range = "min_value" in config.kwargs or "max_value" in config.kwargs
            says, remedy = (config.description if is_range else config.notes), config.meta["remedy"]
        else:
            says, remedy = config.description, config.notes
        rows.append([_text(severity, [severity]), says or config.meta["rule"], remedy or "", _found(each)])
    what = "What is wrong" if are_of_batches else "What should be so"
    return RenderedTableContent(
        content_block_type="table",
        header=_text("What failed", tag="h5"),
        header_row=["Severity", what, "What to do", "Found"],
        table=rows,
    )


def _found(result: Any) -> RenderedStringTemplateContent | RenderedTableContent:
    if problem := exception(result):
        return _text(f"it could not be checked: {problem}")
    found, column = result.result, result.expectation_config.kwargs.get("column")
    if "unexpected_index_list" in found:
        told = [f"batch {row['batch_id']}: {row[column]}" for row in found["unexpected_index_list"]]
        more = [f"and {len(told) - SHOWN} more"] if len(told) > SHOWN else []
        return _text("\n".join(told[:SHOWN] + more))
    rows = (found.get("details") or {}).get("unexpected_rows") or found.get("partial_unexpected_list") or []
    many = found.get("observed_value", found.get("unexpected_count"))
    if not rows:
        return _text(str(many))
    shown = [row if isinstance(row, dict) else {"value": row} for row in rows[:SHOWN]]
    return RenderedTableContent(
        content_block_type="table",
        header=_text(f"{many} rows" + (", the first of them:" if len(rows) > SHOWN else ":")),
        header_row=list(shown[0]),
        table=[["–" if value is None else str(value) for value in row.values()] for row in shown],
    )


def _text(text: str, classes: list[str] | None = None, tag: str = "span") -> RenderedStringTemplateContent:
    return RenderedStringTemplateContent(
        content_block_type="string_template",
        string_template={
            "template": "$text",
            "params": {"text": text},
            "tag": tag,
            "styling": {"classes": classes or []},
        },
    )
