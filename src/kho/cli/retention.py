"""`kho retention`: what is kept how long, and what the next night removes."""

from __future__ import annotations

from kho.cli.output import Format, show_rows
from kho.settings import settings


def retention(output_format: Format = "table") -> None:
    """What is kept for how many days, and what of it is older and goes with the next night.

    The rules are `keep_log_days`, `keep_reject_text_days` and `keep_withdrawn_days` in config.toml; without one all of its kind is
    kept. Logs are those of programs, tasks and dbt, and events of OpenLineage. Of a rejected row only its text goes, masked as it
    is, where its batch was decided on, and is held back till then: which row of which file it is, and why it was rejected, stays. Of batches that were
    withdrawn, or that corrected files took the place of, the rows go and the archived file: they can't be taken back any more. What
    the last build or a release that is kept was made of is held back; reports and the ledger always stay. With `backup_to` set, nothing goes in
    a night that could not be backed up.

    Example: `kho retention`, after `keep_reject_text_days = 365` in config.toml.
    """
    from kho import retention

    show_rows(
        "What is kept",
        ("kind", "kept for days", "older", "bytes", "held back"),
        [
            (
                each.kind,
                each.days or "ever",
                each.number,
                "" if each.size_bytes is None else each.size_bytes,
                each.held_back,
            )
            for each in retention.old(settings())
        ],
        output_format,
    )
