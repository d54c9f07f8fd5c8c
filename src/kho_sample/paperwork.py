"""How the documents of the sample's agencies look and fare: types, symbols, subject lines, office hours, deliveries."""

from __future__ import annotations

from datetime import time
from random import Random

from kho_sample.agencies import Agency

# Types of documents with the letters of their symbols and how often they are issued; official letters have none.
TYPES = (
    ("Công văn", "", 40), ("Báo cáo", "BC", 16), ("Quyết định", "QĐ", 14), ("Kế hoạch", "KH", 8),
    ("Thông báo", "TB", 8), ("Tờ trình", "TTr", 7), ("Giấy mời", "GM", 5), ("Chương trình", "CTr", 1),
    ("Hướng dẫn", "HD", 1), ("Chỉ thị", "CT", 1),
)  # fmt: skip
# Letters of the departments, by the last part of their agency codes.
DEPARTMENTS = {
    "01": "VP", "02": "NV", "03": "TP", "04": "TCKH", "05": "TNMT", "06": "LĐTBXH", "07": "VHTT", "08": "GDĐT",
    "09": "YT", "10": "TTr", "11": "NN", "12": "KTHT",
}  # fmt: skip
SUBJECTS = (
    "V/v triển khai nhiệm vụ công tác", "Về kết quả công tác tháng", "V/v cung cấp số liệu",
    "Về việc phê duyệt dự toán", "V/v giải quyết đơn của ông {name}", "Về việc khen thưởng bà {name}",
)  # fmt: skip
# Delivery status by QĐ 28/2018.
ARRIVED, REFUSED, RECEIVED, ASSIGNED, IN_PROCESS, DONE, RECALLED = "01", "02", "03", "04", "05", "06", "13"
CHANGE_AGREED, CHANGE_REFUSED = "15", "16"
# How a document fares at a recipient, and how often; some recipients say nothing.
FATES = (
    ((ARRIVED, RECEIVED), 29), ((ARRIVED, RECEIVED, DONE), 42), ((ARRIVED, RECEIVED, ASSIGNED, IN_PROCESS, DONE), 18),
    ((ARRIVED, REFUSED), 3), ((ARRIVED, RECEIVED, RECALLED, CHANGE_REFUSED), 2), ((ARRIVED, RECALLED, CHANGE_AGREED), 2),
    ((ARRIVED, RECALLED, CHANGE_REFUSED), 1), ((ARRIVED,), 2), ((), 1),
)  # fmt: skip
# Working days until somebody looks at what arrived: most do at once, a few are slow.
LOOKS = (0,) * 17 + (1, 2, 8)
# Organisations that number as the Party does (12-CV/HĐTN), by the last part of their agency codes.
PARTY_STYLE = {"18": "HĐTN"}


def symbol_of(agency: Agency, is_district: bool, letters: str, rng: Random) -> str:
    """The symbol of a document with these letters (none: an official letter) of a unit."""
    if agency.level == "district" and not is_district:
        last = agency.code.rsplit(".", 1)[-1]
        if last in PARTY_STYLE:
            return f"{letters or 'CV'}/{PARTY_STYLE[last]}"
        department = DEPARTMENTS.get(last, "CQ")
        return f"{letters}-{department}" if letters else f"{department}-{rng.choice(('TH', 'CM'))}"
    return f"{letters}-UBND" if letters else "UBND-VP"


def office_hour(rng: Random) -> time:
    """Some minute of a working day."""
    minute = rng.randint(7 * 60, 16 * 60 + 50)
    return time(minute // 60, minute % 60)


def stroke_of(symbol: str) -> str:
    """What stands between number and symbol: 12/UBND-VP, 12-CV/HĐTN."""
    return "-" if "/" in symbol else "/"


def days_after(status: str, rng: Random) -> int:
    """Working days until what follows a status: systems act within minutes, people on later days."""
    if status == ARRIVED:
        return rng.choice(LOOKS)
    return rng.randint(0, 3) if status in (RECEIVED, ASSIGNED, IN_PROCESS) else 0
