"""Batches as the ledger has them, and what was said of each."""

from __future__ import annotations

from kho.database import connect
from kho.settings import Settings


def batches(
    settings: Settings, contract: str | None = None, state: str | None = None, *, batch_id: int | None = None
) -> list[tuple]:
    """Number, contract, file, business date, state, the four counts and the reason of batches, newest first."""
    with connect(settings, "kho_auditor") as connection:
        return connection.execute(
            """
            select b.batch_id, b.contract, d.name, b.business_date, b.state,
              b.rows_in_file, b.rows_loaded, b.rows_rejected, b.rows_skipped, b.reason
            from ledger.batch b join ledger.delivery d using (delivery_id)
            where (%(contract)s::text is null or b.contract = %(contract)s)
              and (%(state)s::text is null or b.state = %(state)s)
              and (%(batch)s::bigint is null or b.batch_id = %(batch)s)
            order by b.batch_id desc
            """,
            {"contract": contract, "state": state, "batch": batch_id},
        ).fetchall()


def story(settings: Settings, batch_id: int) -> tuple[list[tuple], list[tuple]]:
    """The boundary's verdicts on a batch (failed ones first), and its events from the first on."""
    with connect(settings, "kho_auditor") as connection:
        verdicts = connection.execute(
            "select expectation, severity, outcome, observed, message from ledger.verdict where batch_id = %s"
            " order by outcome <> 'failed', verdict_id",
            [batch_id],
        ).fetchall()
        events = connection.execute(
            "select to_char(at, 'YYYY-MM-DD HH24:MI:SS'), actor, from_state, to_state, reason"
            " from ledger.batch_event where batch_id = %s order by event_id",
            [batch_id],
        ).fetchall()
        return verdicts, events
