"""Counts the figures of registers straight from their files with pandas: nothing of the product helps."""

from __future__ import annotations

import io
import re
from datetime import date
from pathlib import Path

import pandas as pd

DAY = "%d/%m/%Y"
#: VNI as Windows shows it, as far as these exports need it
VNI = {
    "aõ": "ã", "aï": "ạ", "aø": "à", "aê": "ă", "aù": "á", "aä": "ậ", "aâ": "â", "aû": "ả", "eá": "ế", "eå": "ể",
    "eï": "ẹ", "eä": "ệ", "oå": "ổ", "oá": "ố", "oà": "ồ", "oä": "ộ", "oâ": "ô", "öû": "ử", "uï": "ụ", "yù": "ý", "ò": "ị",
    "ö": "ư", "ô": "ơ", "ñ": "đ",
}  # fmt: skip


def figures(exports: Path, seeds: Path, end: date) -> dict[tuple[str, str], float]:
    """Values by (metric, level), of the registers that the exports have, on the evening of `end`."""
    levels = pd.read_csv(seeds / "agencies.csv", dtype=str).set_index("agency_code")["level"]
    operated = pd.read_csv(seeds / "system_operation.csv", dtype=str)
    found: dict[tuple[str, str], float] = {}
    if (exports / "certificates").is_dir():
        found |= _certificates(exports, levels, operated, end)
    if (exports / "workplace").is_dir():
        found |= _workplace(exports, levels, end)
    if (exports / "misa").is_dir():
        found |= _spending(exports, levels, end)
    if (exports / "population").is_dir():
        found |= _services(exports, levels, end)
    if (exports / "civil_status").is_dir():
        found |= _registrations(exports, levels, end)
    return found


def _newest(folder: Path, end: date) -> Path:
    """The last file handed over by a day."""
    return max(path for path in folder.iterdir() if path.stem[-8:] <= f"{end:%Y%m%d}")


def _table(path: Path, header: int, named: dict[int, str] | None = None) -> pd.DataFrame:
    """The numbered rows of a sheet; `named` names columns whose label stands in the row above."""
    table = pd.read_excel(path, engine="calamine", header=header, dtype=object)
    table.columns = [(named or {}).get(n, name) for n, name in enumerate(table.columns)]
    return table[table.iloc[:, 0].map(lambda cell: str(cell).isdigit())]


def _certificates(
    exports: Path, levels: pd.Series, operated: pd.DataFrame, end: date
) -> dict[tuple[str, str], float]:
    labels = ["STT", "Mã định danh", "Tên đơn vị", "Số sê-ri", "Loại chứng thư", "Chủ thể", "Đơn vị cấp"]
    named = dict(enumerate([*labels, "Từ ngày", "Đến ngày", "Tình trạng"]))
    table = _table(_newest(exports / "certificates" / "register", end), 4, named)
    day = pd.Timestamp(end)
    good = (table["Loại chứng thư"] == "Tổ chức") & (table["Tình trạng"] == "Đang hiệu lực")
    good &= (pd.to_datetime(table["Từ ngày"]) <= day) & (pd.to_datetime(table["Đến ngày"]) >= day)
    signing = set(table[good]["Mã định danh"])
    units = set(operated[operated["system"] == "certificates"]["agency_code"])
    district = min(units, key=len)
    everybody = units | {
        code for code in levels.index if code.startswith(f"{district}.0") or code.startswith(f"{district}.1")
    }
    return {
        (metric, level): sum(levels[code] == level and (code in signing) == has for code in everybody)
        for level in ("district", "commune")
        for metric, has in (
            ("units_with_digital_certificate", True),
            ("units_without_digital_certificate", False),
        )
    }


def _workplace(exports: Path, levels: pd.Series, end: date) -> dict[tuple[str, str], float]:
    staff, mailboxes, computers = (
        _table(_newest(exports / "workplace" / entity, end), 2)
        for entity in ("staff", "mailboxes", "computers")
    )
    reached = set(mailboxes[mailboxes["Trạng thái"] == "Hoạt động"]["Mã cán bộ"])
    online = set(computers[computers["Kết nối mạng"] == "x"]["Mã cán bộ sử dụng"])
    level = staff["Mã định danh"].map(levels)
    return {
        (metric, each): int((has & (level == each)).sum())
        for each in ("district", "commune")
        for metric, has in (
            ("staff_in_workplace", level.notna()),
            ("staff_with_official_mailbox", staff["Mã cán bộ"].isin(reached)),
            ("staff_with_networked_computer", staff["Mã cán bộ"].isin(online)),
        )
    }


def _spending(exports: Path, levels: pd.Series, end: date) -> dict[tuple[str, str], float]:
    table = _table(_newest(exports / "misa" / "spending", end), 4)
    level = table["Mã định danh"].map(levels)
    return {
        ("it_spending", each): table[level == each]["Số tiền"].sum() / 1_000_000
        for each in sorted(set(level))
    }


def _services(exports: Path, levels: pd.Series, end: date) -> dict[tuple[str, str], float]:
    labels = ["STT", "Mã định danh", "Tên đơn vị", "Mã dịch vụ", "Tên dịch vụ", "Ngày đăng ký", "Trạng thái"]
    table = _table(_newest(exports / "population" / "services", end), 3, dict(enumerate(labels)))
    table = table[table["Trạng thái"] != "Đã hủy"]
    level = table["Mã định danh"].map(levels)
    return {
        ("services_registered_with_population_database", each): table[level == each]["Mã dịch vụ"].nunique()
        for each in ("district", "commune")
    }


def vni(data: bytes) -> str:
    shown = re.compile("|".join(VNI))
    return shown.sub(lambda found: VNI[found[0]], data.decode("cp1252"))


def _registrations(exports: Path, levels: pd.Series, end: date) -> dict[tuple[str, str], float]:
    files = [
        path
        for path in sorted((exports / "civil_status" / "registrations").iterdir())
        if path.stem[-8:] <= f"{end:%Y%m%d}"
    ]
    parts = []
    for path in files:
        header, *lines = [line.split(";") for line in vni(path.read_bytes()).splitlines()]
        assert header == ["Mã đơn vị", "Loại việc", "Quyển số", "Số", "Ngày đăng ký", "Mã hồ sơ"]
        parts.append(pd.DataFrame([line for line in lines if len(line) == len(header)], columns=header))
    entries = pd.concat(parts, ignore_index=True)
    events = {"khai sinh", "khai tử", "kết hôn", "giám hộ", "nhận cha, mẹ, con", "cải chính hộ tịch",
              "xác nhận tình trạng hôn nhân", "trích lục"}  # fmt: skip
    sound = pd.to_datetime(entries["Ngày đăng ký"], format=DAY, errors="coerce").notna()
    sound &= entries["Số"].str.fullmatch(r"\d+") & (entries["Mã hồ sơ"] != "không có")
    known = entries["Loại việc"].str.lower().isin(events)
    entries = entries[sound & known].drop_duplicates(
        ["Mã đơn vị", "Loại việc", "Quyển số", "Số"], keep="last"
    )
    level = entries["Mã đơn vị"].map(levels)
    return {
        (metric, each): int((counts & (level == each)).sum())
        for each in ("district", "commune")
        for metric, counts in (
            ("civil_registrations", level.notna()),
            ("civil_registrations_with_dossier", entries["Mã hồ sơ"] != ""),
        )
    }


def texts(workbook: bytes) -> set[str]:
    """Every text of a workbook's first sheet."""
    cells = pd.read_excel(io.BytesIO(workbook), engine="calamine", header=None, dtype=object)
    return {str(cell) for cell in cells.to_numpy().ravel()}
