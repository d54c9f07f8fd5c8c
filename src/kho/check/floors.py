"""What is never simply accepted, whatever came before and whatever limits a contract has: from counts to words for the operator.

Each function gives what its rule of the exports boundary looks at; None where there is nothing to tell.
"""

from __future__ import annotations

from typing import Any

from kho.check.drift import HISTORY
from kho.contract import Contract

Counts = dict[str, Any]  # of a batch: its rows in the file, loaded, rejected, skipped, and its profile

FEW, FEW_REJECTS = 10, 2  # rows on either side that keep small numbers from crying wolf
#: of a list's rows, of those of the list before it
CUT_SHARE, HALVED_SHARE = 0.2, 0.5
#: of the rows, where the contract has no limit of its own
REJECTED_SHARE = 0.5
#: of the rows; fewer rejects are no more than there always may be
NOTICED_SHARE = 0.01
MANY_TIMES = 5  # as many as is usual
NO_DATA = ("blank row", "repeated header")  # what no contract has asked to skip
_REPEATS = "row: repeats"


def counted(row: Counts) -> int:
    """The rows that are data: no blank ones, headers or sums."""
    count: int = row["rows_in_file"] - row["rows_skipped"]
    return count


def ratio(now: float, before: float, few: int = FEW) -> float:
    """How many times as many they are."""
    return round((now + few) / (before + few), 2)


def nothing_loaded(row: Counts) -> str | None:
    """That all rows were rejected."""
    if row["rows_loaded"] or not row["rows_rejected"]:
        return None
    return f"{row['rows_rejected']} of {counted(row)} rows were rejected"


def no_data(row: Counts, *, many: bool) -> str | None:
    """That there were rows and all of them blank, or headers again: many, or a few blank ones as at the end of a sheet."""
    by_reason = row["profile"].get("skipped_by_reason", {})
    skipped = {why: by_reason.get(why, 0) for why in NO_DATA}
    if row["rows_loaded"] or row["rows_rejected"] or not any(skipped.values()):
        return None
    is_many = sum(skipped.values()) >= FEW or bool(skipped["repeated header"])
    told = ", ".join(f"{why} {count}" for why, count in skipped.items() if count)
    return f"{told}, of {row['rows_in_file']} rows in the file" if is_many == many else None


def rejects(contract: Contract, row: Counts) -> str | None:
    """That most rows were rejected, where the contract has no limit of its own that would hold the batch."""
    if any(rule.metric == "invalidValues" and rule.severity == "critical" for rule in contract.quality):
        return None
    wrong = _wrong(row)
    return f"{wrong} of {counted(row)} rows" if wrong > REJECTED_SHARE * counted(row) else None


def rejects_ratio(row: Counts, before: list[Counts]) -> float:
    """How many times as many rows were rejected as would be by the usual share."""
    wrong, of_all = _wrong(row), counted(row)
    usual = sorted(_wrong(each) / counted(each) if counted(each) else 0.0 for each in before)[
        len(before) // 2
    ]
    return ratio(wrong, usual * of_all, FEW_REJECTS) if wrong >= NOTICED_SHARE * of_all else 0.0


def _wrong(row: Counts) -> int:
    """Rejected rows but those that only say again what another one said."""
    reasons: dict[str, int] = row["profile"]["rejects_by_reason"]
    repeats = sum(count for why, count in reasons.items() if why.startswith(_REPEATS))
    return max(0, int(row["rows_rejected"]) - repeats)


def old_rows(row: Counts, profiles: list[dict[str, Any]]) -> str | None:
    """That far more rows than usual tell of long ago only, under keys that were never there."""
    now, loaded = row["profile"].get("old_rows"), row["rows_loaded"]
    usual = usual_old_rows(profiles)
    if not now or usual is None or ratio(now, usual) <= MANY_TIMES:
        return None
    return f"{now} of {loaded} rows, usually {usual}"


def usual_old_rows(profiles: list[dict[str, Any]]) -> int | None:
    """How many there were in the last batches that were looked at for them; of two, in the one that had fewer."""
    last = [each["old_rows"] for each in profiles if each.get("old_rows") is not None][-HISTORY:]
    return sorted(last)[(len(last) - 1) // 2] if last else None


def cut(row: Counts, before: Counts | None) -> str | None:
    """That a full list lost all of its rows, or nearly all."""
    if before is None:
        return None
    now, then = row["rows_loaded"], before["rows_loaded"]
    is_cut = now + FEW < CUT_SHARE * (then + FEW) or now == 0 < then
    return f"{now} rows, before {then}" if is_cut else None


def halved(row: Counts, before: Counts | None) -> str | None:
    """That a full list lost more than half of its rows, yet not nearly all."""
    if before is None or cut(row, before):
        return None
    now, then = row["rows_loaded"], before["rows_loaded"]
    return f"{now} rows, before {then}" if now + FEW < HALVED_SHARE * (then + FEW) else None


def empty(contract: Contract, row: Counts, before: Counts | None) -> str | None:
    """That the first list of all has no rows, where the contract has no limit of its own for how many there must be."""
    if before or row["rows_loaded"] or any(rule.metric == "rowCount" for rule in contract.quality):
        return None
    return "0 rows"
