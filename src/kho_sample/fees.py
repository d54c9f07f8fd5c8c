"""What applicants paid at the one-stop desk: a monthly file of receipts with its control file."""

from __future__ import annotations

from random import Random

from kho_sample import people
from kho_sample.desk import ONLINE, moment
from kho_sample.dossiers import told_last
from kho_sample.export import Export, Line, control, crlf_csv, monthly, put_cell, spoil
from kho_sample.levels import Levels
from kho_sample.system import Place
from kho_sample.working_days import month_ends

HEADER = (
    "soBienLai", "maHoSo", "maDinhDanh", "loaiKhoan", "hinhThucThu", "soTien", "ngayThu", "daHuy", "nguoiNop",
    "ngayCapNhat",
)  # fmt: skip
CANCELLED = 0.002  # of the receipts: written a second time, under another number
SPOILERS = (put_cell(3, "KHAC"), put_cell(5, "12.34", "-5.000"), put_cell(0, "BL-1"), put_cell(6, "hôm nay"))


def exports(told: Levels, place: Place) -> list[Export]:
    """A receipt for each amount that a dossier shows, written at its reception."""
    rng = Random(f"{place.seed} fees")
    paid = sorted(
        ((one, kind, one[column]) for one in told_last(place) for column, kind in (("phi", "PHI"), ("lePhi", "LEPHI")) if one[column]),
        key=lambda each: (moment(each[0]["ngayTiepNhan"]), each[0]["maHoSo"], each[1]),
    )  # fmt: skip
    lines, number = [], 0
    for one, kind, amount in paid:
        at = one["ngayTiepNhan"]
        for is_cancelled in (True, False) if rng.random() < CANCELLED else (False,):
            number += 1
            code = f"BL{place.period.start:%y}-{number:06d}"
            method = "TT" if one["kenhThucHien"] == ONLINE else rng.choice(("TM", "TM", "TM", "CK"))
            cells = [
                code, one["maHoSo"], one["maDinhDanh"], kind, method, amount, at, "x" if is_cancelled else "",
                people.name(rng), at,
            ]  # fmt: skip
            lines.append((moment(at).date(), Line(code, cells)))
    files = monthly(lines, month_ends(place.period.start, place.period.end))
    spoil(files, SPOILERS, rng, lambda day: True)
    found = []
    for end, rows in files.items():
        text = "\ufeff" + crlf_csv([list(HEADER), *(line.values for line in rows)])
        file = Export("one_stop", "fees", f"fees_{end:%Y%m%d}.csv", text.encode(), end)
        found += [file, control(file, len(rows))]
    return found
