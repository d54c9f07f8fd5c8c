"""Finds in export files which dossiers did not go straight from reception to result: nothing of the product helps."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path

from tests.unit.recount import PLACEHOLDERS
from tests.unit.recount import root_first as canonical
from tests.unit.recount_forms import moment, rows_of

Cells = dict[str, str]


def found(exports: Path) -> dict[str, set[tuple[str, str, str]]]:
    """By what befell them: dossiers with the unit that received them (as it is spelt in their codes) and the month."""
    told: dict[str, list[tuple[datetime, Cells]]] = defaultdict(list)
    for _, _, cells in rows_of(exports / "one_stop" / "dossiers"):
        told[cells["maHoSo"]].append((datetime.strptime(cells["ngayCapNhat"], "%d/%m/%Y %H:%M"), cells))
    asked: dict[str, set[str]] = defaultdict(set)
    answered: dict[str, set[str]] = defaultdict(set)
    for _, _, cells in rows_of(exports / "one_stop" / "supplements"):
        asked[cells["maHoSo"]].add(cells["ngayYeuCau"])
        if cells["ngayBoSung"]:
            answered[cells["maHoSo"]].add(cells["ngayYeuCau"])
    kinds: dict[str, set[tuple[str, str, str]]] = defaultdict(set)
    for code, versions in told.items():
        versions.sort(key=lambda version: version[0])
        unit, day, _ = code.rsplit("-", 2)
        for kind in _kinds([cells for _, cells in versions], asked[code], answered[code]):
            kinds[kind].add((code, unit, day[:4]))
        if _is_end_told_later(versions):
            kinds["end told later"].add((code, unit, day[:4]))
    return kinds


def _kinds(versions: list[Cells], asked: set[str], answered: set[str]) -> set[str]:
    last = versions[-1]
    statuses = [cells["maTrangThai"] for cells in versions]
    found = {f"status {status}" for status in statuses}
    if not last["ngayTiepNhan"]:
        found.add({"1": "not received, open", "3": "refused at the door"}[last["maTrangThai"]])
    if last["maTrangThai"] in "567":
        found.add(
            {"5": "waiting for a supplement", "6": "waiting for a payment", "7": "withdrawn"}[
                last["maTrangThai"]
            ]
        )
    columns = {cells["ngayYeuCauBoSung"] for cells in versions} - {""}
    if len(asked) > 1 and len(columns) > 1:
        found.add("asked twice")
    if columns & answered and last["ngayCongDanBoSung"]:
        found.add("supplement answered")
    if columns & asked - answered and last["maTrangThai"] in ("9", "10") and not last["ngayCongDanBoSung"]:
        found.add("ended without the supplement")
    if any(a["ngayHenTra"] != b["ngayHenTra"] and moment(a["ngayHenTra"]) for a, b in pairwise(versions)):
        found.add("due date moved")
    units = [canonical(cells["maDinhDanh"]) for cells in versions]
    if len(set(units)) > 1:
        found.add("handed over" if units[-1] != units[0] else "handed over and back")
        if units[0].startswith("H51") and units[-1].startswith("H13"):
            found.add("handed over to a successor")
    found |= {
        f"due on {text[:10]}" for text in PLACEHOLDERS if text in {cells["ngayHenTra"] for cells in versions}
    }
    if last["ngayTiepNhan"] and not last["ngayHenTra"]:
        found.add("due on no day")
    layouts = {cells["maDinhDanh"][0].isalpha() for cells in versions}
    found |= {"both layouts of a code"} if len(layouts) > 1 else set()
    found |= {"root first"} if True in layouts else set()
    found |= {"leaf first"} if False in layouts else set()
    return found


def _is_end_told_later(versions: list[tuple[datetime, Cells]]) -> bool:
    """More than a day after it, as of the day that it was due."""
    for at, cells in versions:
        if ended := moment(cells["ngayKetThucXuLy"]):
            due = moment(cells["ngayHenTra"])
            return (at.date() - ended.date()).days > 1 and bool(due) and due.date() == ended.date()
    return False


def received_on(exports: Path, day: date) -> set[str]:
    """Dossiers that were received on a day."""
    received = defaultdict(set)
    for _, _, cells in rows_of(exports / "one_stop" / "dossiers"):
        if at := moment(cells["ngayTiepNhan"]):
            received[at.date()].add(cells["maHoSo"])
    return received[day]
