"""What the one-stop desk asked applicants for after reception: a monthly file of requests."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

from kho_sample import people
from kho_sample.desk import Told, moment
from kho_sample.dossiers import requests
from kho_sample.export import Export, Line, crlf_csv, monthly, put_cell, spoil
from kho_sample.levels import Levels
from kho_sample.section import Period
from kho_sample.system import Place
from kho_sample.working_days import month_ends

HEADER = (
    "maYeuCau", "maHoSo", "maDinhDanh", "maLyDo", "noiDung", "ngayYeuCau", "ngayBoSung", "ngayCapNhat",
)  # fmt: skip
SPOILERS = (put_cell(3, "7", "khác"), put_cell(5, "31/02/2021 08:00"), put_cell(2, "12"))


def exports(told: Levels, place: Place) -> list[Export]:
    """A file for every month."""
    return of_requests(requests(place), place.period, Random(f"{place.seed} supplements"))


def of_requests(told: Iterable[Told], period: Period, rng: Random) -> list[Export]:
    """Requests, as their dossiers tell of them last, in a file for every month of the period."""
    asked = sorted(told, key=lambda one: (moment(one["ngayYeuCauBoSung"]), one["maHoSo"]))
    lines = []
    for number, one in enumerate(asked, start=1):
        code = f"BS-{period.start:%Y}-{number:05d}"
        head = [
            code,
            one["maHoSo"],
            one["maDinhDanh"],
            rng.choice("1123"),
            f"Đề nghị {people.name(rng)} bổ sung",
        ]
        came = one["ngayCongDanBoSung"]
        for answered in ("", came) if came else ("",):
            at = answered or one["ngayYeuCauBoSung"]
            cells = [*head, one["ngayYeuCauBoSung"], answered, at]
            lines.append((moment(at).date(), Line(code, cells)))
    lines.sort(key=lambda line: line[0])
    files = monthly(lines, month_ends(period.start, period.end))
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
