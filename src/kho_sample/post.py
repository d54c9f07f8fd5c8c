"""The public post: a monthly file of the bills by which dossiers came to one-stop desks and results went back."""

from __future__ import annotations

from datetime import datetime, time
from math import ceil
from random import Random

from kho.contract.model import agency_code
from kho.formats.encodings import windows_1258
from kho_sample import people
from kho_sample.desk import DIRECT, POST, moment
from kho_sample.dossiers import told_last
from kho_sample.export import Export, Line, control, crlf_csv, monthly, put_cell, spoil
from kho_sample.section import Count, Section
from kho_sample.system import Place, System
from kho_sample.working_days import WorkingDays, month_ends

HEADER = (
    "Số hiệu bưu gửi", "Chiều", "Mã hồ sơ", "Mã đơn vị", "Bưu cục", "Ngày chấp nhận", "Ngày phát", "Trạng thái", "Cước",
    "Người gửi/nhận", "Điện thoại", "Địa chỉ", "Cập nhật",
)  # fmt: skip
TO_DESK, FROM_DESK, ACCEPTED, DELIVERED = "N", "T", "CN", "PTC"
SPOILERS = (
    put_cell(7, "99", "đã phát"),
    put_cell(0, "EX12VN", "1234567"),
    put_cell(5, "2021-02-30"),
    put_cell(8, "26.4"),
)


class Post(Section):
    """What the post tells that the desk does not."""

    #: results that the post handed out, of dossiers that the desk shows as fetched
    returned_untold: Count = 0

    def scaled(self, factor: float) -> Post:
        """The same at another size: none vanishes."""
        return Post.model_validate({name: ceil(count * factor) for name, count in self})


def exports(told: Post, place: Place) -> list[Export]:
    """The bills of the desk's dossiers, and those that the desk knows nothing of."""
    rng, days, dossiers = Random(f"{place.seed} post"), WorkingDays(place.period), told_last(place)
    fetched = [
        one
        for one in dossiers
        if one["ngayTra"] and one["hinhThucTra"] == DIRECT and one["kenhThucHien"] != POST
    ]
    carried = [(one, TO_DESK, "ngayTiepNhan") for one in dossiers if one["kenhThucHien"] == POST]
    carried += [(one, FROM_DESK, "ngayTra") for one in dossiers if one["nhanKetQuaBCCI"] == "1"]
    carried += [(one, FROM_DESK, "ngayTra") for one in rng.sample(fetched, told.returned_untold)]
    lines = []
    for one, direction, column in carried:
        delivered = moment(one[column])
        bill = one["maVanDonBuuDien"] or f"EX{rng.randrange(10**9):09d}VN"
        person = [people.name(rng), people.phone(rng), people.address(rng)]
        office, postage = f"{rng.randint(951, 956)}00", rng.choice(("26.000", "30.000", "34.500"))
        day = days.before((delivered or moment(one["ngayKetThucXuLy"])).date(), 1)
        accepted = datetime.combine(day, time(16, rng.randint(10, 50)))
        for handed_over in (None, delivered) if delivered else (None,):
            at = handed_over or accepted
            cells = [
                bill, direction, one["maHoSo"], agency_code(one["maDinhDanh"]), office, _text(accepted), _text(handed_over),
                DELIVERED if handed_over else ACCEPTED, postage, *person, _text(at),
            ]  # fmt: skip
            lines.append((at.date(), Line(bill, cells)))
    lines.sort(key=lambda each: (each[0], each[1].values[-1][-5:], each[1].key))
    files = monthly(lines, month_ends(place.period.start, place.period.end))
    spoil(files, SPOILERS, rng, lambda day: True, share=0.02)
    found = []
    for end, rows in files.items():
        text = crlf_csv([list(HEADER), *(line.values for line in rows)])
        file = Export("post", "handovers", f"BCCI_{end:%Y%m%d}.csv", windows_1258(text), end)
        found += [file, control(file, len(rows))]
    return found


def _text(at: datetime | None) -> str:
    return f"{at:%d/%m/%Y %H:%M}" if at else ""


SYSTEM = System(
    "post", {"post": exports}, section="post", told_as=Post, served=("sftp",), tells_of_dossiers=True
)
