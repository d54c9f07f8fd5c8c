"""What the one-stop desk asked applicants for after reception: a monthly file of requests."""

from __future__ import annotations

from random import Random

from kho_sample import people
from kho_sample.desk import moment
from kho_sample.dossiers import told_last
from kho_sample.export import Export, Line, crlf_csv, monthly, put_cell, spoil
from kho_sample.levels import Levels
from kho_sample.system import Place
from kho_sample.working_days import month_ends

HEADER = (
    "maYeuCau", "maHoSo", "maDinhDanh", "maLyDo", "noiDung", "ngayYeuCau", "ngayBoSung", "ngayCapNhat",
)  # fmt: skip
SPOILERS = (put_cell(3, "7", "khác"), put_cell(5, "31/02/2021 08:00"), put_cell(2, "12"))


def exports(told: Levels, place: Place) -> list[Export]:
    rng = Random(f"{place.seed} supplements")
    asked = sorted(
        (one for one in told_last(place) if one["ngayYeuCauBoSung"]),
        key=lambda one: (moment(one["ngayYeuCauBoSung"]), one["maHoSo"]),
    )
    lines = []
    for number, one in enumerate(asked, start=1):
        code = f"BS-{place.period.start:%Y}-{number:05d}"
        head = [
            code,
            one["maHoSo"],
            one["maDinhDanh"],
            rng.choice("1123"),
            f"Đề nghị {people.name(rng)} bổ sung",
        ]
        for came in ("", one["ngayCongDanBoSung"]):
            at = came or one["ngayYeuCauBoSung"]
            cells = [*head, one["ngayYeuCauBoSung"], came, at]
            lines.append((moment(at).date(), Line(code, cells)))
    files = monthly(lines, month_ends(place.period.start, place.period.end))
    spoil(files, SPOILERS, rng, lambda day: True)
    return [
        Export(
            "one_stop",
            "supplements",
            f"supplements_{end:%Y%m%d}.csv",
            ("\ufeff" + crlf_csv([list(HEADER), *(line.values for line in found)])).encode(),
            end,
        )
        for end, found in files.items()
    ]
