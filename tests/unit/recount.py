"""Counts figures straight from export files with pandas: nothing of the product helps, so that it can be compared."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from datetime import date
from functools import lru_cache
from pathlib import Path

import pandas as pd

STAMP = "%d/%m/%Y %H:%M"
#: what stands where a time is unknown
PLACEHOLDERS = ("01/01/0001 00:00", "01/01/1900 00:00", "31/12/9999 00:00")


def figures(exports: Path, seeds: Path, end: date) -> dict[tuple[str, str], int]:
    """Values by (metric, level) of everything in the exports, as of the evening of `end`."""
    levels, offered, told = _one_stop(exports, seeds)
    found: dict[tuple[str, str], int] = {}
    for level in ("district", "commune"):
        found |= _procedures(offered[offered["level"] == level], level)
    for level in ("district", "commune"):
        found |= _dossiers(told[told["level"] == level], level, end)
    papers = documents(exports, levels)
    for level in ("district", "commune"):
        some = papers[papers["level"] == level]
        found["documents_outgoing", level] = len(some)
        found["documents_electronic_signed", level] = int((some["Ký số, gửi điện tử"] == "x").sum())
        found["documents_parallel_paper", level] = int((some["Gửi kèm bản giấy"] == "x").sum())
    for _, row in adjustments(exports).iterrows():
        place = (row["Chỉ tiêu"], levels[root_first(row["Mã định danh"])])
        found[place] += int(row["Số lượng"])
    return found


def cases(exports: Path, seeds: Path) -> pd.DataFrame:
    """Every dossier that was received, as its newest version tells of it."""
    return _one_stop(exports, seeds)[2]


@lru_cache(maxsize=1)
def _one_stop(exports: Path, seeds: Path) -> tuple[pd.Series, pd.DataFrame, pd.DataFrame]:
    """Levels of the agencies, procedures that they offer, dossiers."""
    levels = pd.read_csv(seeds / "agencies.csv", dtype=str).set_index("agency_code")["level"]
    offered = procedures(exports, levels)
    return levels, offered, dossiers(exports, levels, offered)


def root_first(code: str) -> str:
    """000.21.12.H51 → H51.12.21; what is root first already stays"""
    if code[0].isalpha():
        return code
    parts = code.split(".")
    while not parts[0].strip("0"):
        parts.pop(0)
    return ".".join(reversed(parts))


def rows(path: Path, encoding: str, delimiter: str) -> pd.DataFrame:
    """The rows of a CSV that have all their cells, readable ones; `_file` and `_row` say where they stood."""
    text = path.read_bytes().decode(encoding, errors="replace")
    header, *body = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    sound = [row for row in body if len(row) == len(header) and not any("\ufffd" in cell for cell in row)]
    return pd.DataFrame(sound, columns=header, dtype=str).assign(_file=path.name, _row=range(len(sound)))


def newest(frame: pd.DataFrame, key: list[str], version: str) -> pd.DataFrame:
    return frame.sort_values([version, "_file", "_row"], kind="stable").drop_duplicates(key, keep="last")


def procedures(exports: Path, levels: pd.Series) -> pd.DataFrame:
    lists = []
    for path in sorted((exports / "one_stop" / "procedures").glob("*.xls")):
        table = pd.read_html(
            path, header=[0, 1, 2], converters={n: str for n in range(17)}, keep_default_na=False
        )[0]
        table.columns = [names[-1] for names in table.columns]
        table = table[table["STT"].str.fullmatch(r"\d+")]
        sound = table["Mã TTHC"].str.fullmatch(r"[123]\.\d{6}(\.000\.00\.00\.H51)?") & table["Mức độ"].isin(
            list("1234")
        )
        table = table[sound].assign(on=pd.Timestamp(path.stem.rsplit("_", 1)[1]))
        lists.append(table.drop_duplicates("Mã TTHC"))
    offered = pd.concat(lists)
    offered["head"] = offered["Mã TTHC"].str[:8]
    offered["level"] = offered["Mã định danh"].map(root_first).map(levels)
    return offered


def _procedures(offered: pd.DataFrame, level: str) -> dict[tuple[str, str], int]:
    now = offered[offered["on"] == offered["on"].max()]
    found = {
        ("procedures_on_one_stop", level): now["head"].nunique(),
        ("procedures_announced_for_post", level): now[now["Công bố BCCI"] == "x"]["head"].nunique(),
    }
    for online in "34":
        found[f"procedures_online_level_{online}", level] = now[now["Mức độ"] == online]["head"].nunique()
    for group, name in (
        ("Thuộc thẩm quyền", "own_authority"),
        ("Quân sự", "military"),
        ("Đất đai cấp huyện tiếp nhận tại xã", "district_land_received_at_commune"),
    ):
        found[f"procedures_on_one_stop {name}", level] = now[now["Nhóm thủ tục"] == group]["head"].nunique()
    return found


def dossiers(exports: Path, levels: pd.Series, offered: pd.DataFrame) -> pd.DataFrame:
    files = sorted((exports / "one_stop" / "dossiers").glob("*.csv"))
    cases = pd.concat([rows(path, "utf-8-sig", ";") for path in files], ignore_index=True)
    stamps = ["ngayNopHoSo", "ngayTiepNhan", "ngayHenTra", "ngayKetThucXuLy", "ngayTra", "ngayCapNhat"]
    sound = (
        cases["maTTHC"].str.fullmatch(r"[123]\.\d{6}(\.000\.00\.00\.H51)?")
        & cases["maDinhDanh"].str.fullmatch(r"\d{3}(\.\d{2,3}){2}\.[A-Z]\d{2}|[A-Z]\d{2}(\.\d{2,3})*")
        & cases["maTrangThai"].isin([str(n) for n in range(1, 11)])
    )
    for money in ("phi", "lePhi", "soTien"):
        sound &= cases[money].str.fullmatch(r"|\d{1,3}(\.\d{3})*")
    cases[stamps] = cases[stamps].replace(list(PLACEHOLDERS), "")
    for stamp in stamps:
        read = pd.to_datetime(cases[stamp], format=STAMP, errors="coerce")
        sound &= read.notna() | (cases[stamp] == "")
        cases[stamp] = read
    cases = newest(cases[sound], ["maHoSo"], "ngayCapNhat")
    cases = cases[cases["ngayTiepNhan"].notna()]
    cases["level"] = cases["maDinhDanh"].map(root_first).map(levels)
    cases["head"] = cases["maTTHC"].str[:8]
    # The online level is that of the list in force on the day of reception.
    online = (
        offered.sort_values("on")
        .drop_duplicates(["level", "head", "on"])[["level", "head", "on", "Mức độ"]]
        .rename(columns={"Mức độ": "online"})
    )
    return pd.merge_asof(
        cases.sort_values("ngayTiepNhan"), online, left_on="ngayTiepNhan", right_on="on", by=["level", "head"]
    )


def _dossiers(cases: pd.DataFrame, level: str, end: date) -> dict[tuple[str, str], int]:
    # A withdrawal ends a dossier too; one that is due on no day is never late.
    ended = cases["ngayKetThucXuLy"].where(cases["maTrangThai"] != "7", cases["ngayCapNhat"])
    resolved, is_due = ended.notna(), cases["ngayHenTra"].notna()
    on_time = resolved & ((ended <= cases["ngayHenTra"]) | ~is_due)
    night = pd.Timestamp(end) + pd.Timedelta(days=1)
    by_post, back = cases["kenhThucHien"] == "3", (cases["nhanKetQuaBCCI"] == "1") & cases["ngayTra"].notna()
    four = cases["online"] == "4"
    late = cases[resolved & ~on_time]
    counts = {
        "dossiers_received": len(cases),
        "dossiers_resolved": resolved.sum(),
        "dossiers_resolved_on_time": on_time.sum(),
        "dossiers_in_progress_within_deadline": (
            ~resolved & ((cases["ngayHenTra"] >= night) | ~is_due)
        ).sum(),
        "dossiers_late_on_software civil_status": (late["maLinhVuc"] == "HT").sum(),
        "dossiers_received_by_post": by_post.sum(),
        "dossiers_returned_by_post": back.sum(),
        "procedures_received_by_post": cases[by_post]["head"].nunique(),
        "procedures_returned_by_post": cases[back]["head"].nunique(),
        "dossiers_of_level_4_procedures": four.sum(),
        "dossiers_received_online_level_4": (four & (cases["kenhThucHien"] == "2")).sum(),
        "dossiers_received_online": (cases["kenhThucHien"] == "2").sum(),
        "dossiers of no listed procedure": cases["online"].isna().sum(),
    }
    for code, count in late[late["maLinhVuc"] == "HT"]["maDinhDanh"].value_counts().items():
        counts[f"dossiers_late_on_software {root_first(code)}"] = count
    return {(metric, level): int(count) for metric, count in counts.items()}


def supplements(exports: Path) -> int:
    files = sorted((exports / "one_stop" / "supplements").glob("*.csv"))
    asked = pd.concat([rows(path, "utf-8-sig", ";") for path in files], ignore_index=True)
    stamps = [
        pd.to_datetime(asked[name], format=STAMP, errors="coerce") for name in ("ngayYeuCau", "ngayCapNhat")
    ]
    sound = asked["maLyDo"].isin(list("123")) & asked["maDinhDanh"].str.fullmatch(
        r"\d{3}(\.\d{2,3}){2}\.[A-Z]\d{2}"
    )
    sound &= stamps[0].notna() & stamps[1].notna()
    return asked[sound]["maYeuCau"].nunique()


def fees(exports: Path) -> int:
    """Dong that were paid and not cancelled."""
    files = sorted((exports / "one_stop" / "fees").glob("*.csv"))
    paid = pd.concat([rows(path, "utf-8-sig", ";") for path in files], ignore_index=True)
    stamp = pd.to_datetime(paid["ngayThu"], format=STAMP, errors="coerce")
    sound = paid["loaiKhoan"].isin(["PHI", "LEPHI"]) & paid["soTien"].str.fullmatch(r"\d{1,3}(\.\d{3})*")
    sound &= paid["soBienLai"].str.fullmatch(r"BL\d{2}-\d{6}") & stamp.notna()
    paid = newest(paid[sound], ["soBienLai"], "ngayCapNhat")
    return int(paid[paid["daHuy"] == ""]["soTien"].str.replace(".", "").astype(int).sum())


def post(exports: Path) -> dict[str, int]:
    """Bills that were handed over, by direction."""
    files = sorted((exports / "post" / "handovers").glob("*.csv"))
    bills = pd.concat([rows(path, "cp1258", ";") for path in files], ignore_index=True)
    bills.columns = [unicodedata.normalize("NFC", name) for name in bills.columns]
    for name in ("Ngày chấp nhận", "Cập nhật"):
        bills[name] = pd.to_datetime(bills[name], format=STAMP, errors="coerce")
    sound = bills["Trạng thái"].isin(["CN", "PTC", "CH"]) & bills["Số hiệu bưu gửi"].str.fullmatch(
        r"[A-Z]{2}\d{9}VN"
    )
    sound &= bills["Ngày chấp nhận"].notna() & bills["Cước"].str.fullmatch(r"\d{1,3}(\.\d{3})*")
    bills = newest(bills[sound], ["Số hiệu bưu gửi"], "Cập nhật")
    return bills[bills["Trạng thái"] == "PTC"]["Chiều"].value_counts().to_dict()


def submissions(exports: Path) -> dict[str, int]:
    """Online submissions by their state."""
    items = []
    for path in sorted((exports / "online_services" / "submissions").glob("*.json")):
        table = pd.DataFrame(json.loads(path.read_text(encoding="utf-8"))["items"])
        items.append(table.assign(_file=path.name, _row=range(len(table))))
    sent = pd.concat(items, ignore_index=True)
    sound = sent["state"].isin(["MOI", "TIEP_NHAN", "TU_CHOI"]) & sent["unit"].notna()
    sound &= sent["id"].str.fullmatch(r"DVC-\d{4}-\d{6}")
    sound &= pd.to_datetime(sent["submitted_at"], format="ISO8601", errors="coerce").notna()
    return newest(sent[sound], ["id"], "updated_at")["state"].value_counts().to_dict()


def igate(exports: Path) -> pd.DataFrame:
    (path,) = (exports / "igate" / "dossiers").glob("*.xlsx")
    table = pd.read_excel(path, engine="calamine", header=2, dtype=str, keep_default_na=False)
    return table[table["Tình trạng"].isin(list("0123459"))]


def documents(exports: Path, levels: pd.Series) -> pd.DataFrame:
    months = []
    for path in sorted((exports / "documents" / "outgoing").glob("*.xlsx")):
        table = pd.read_excel(path, engine="calamine", header=4, dtype=str, keep_default_na=False)
        months.append(table[table["STT"] != "Tổng cộng"].assign(_file=path.name, _row=range(len(table) - 1)))
    papers = pd.concat(months, ignore_index=True)
    issued = pd.to_datetime(papers["Ngày ban hành"], format="%d/%m/%Y", errors="coerce")
    papers["updated"] = pd.to_datetime(papers["Ngày cập nhật"], format=STAMP, errors="coerce")
    sound = issued.notna() & papers["updated"].notna() & papers["Số"].str.fullmatch(r"\d{1,6}")
    sound &= papers["Mã định danh"].str.fullmatch(r"[A-Z]\d{2}(\.\d{2,3})+") & (papers["Ký hiệu"] != "")
    sound &= papers["Ký số, gửi điện tử"].isin(["x", ""]) & (papers["Độ mật"] == "Thường")
    papers = papers[sound].assign(
        number=papers["Số"].str.lstrip("0"),
        symbol=papers["Ký hiệu"].str.replace("Ð", "Đ"),
        year=issued.dt.year,
    )
    papers = newest(papers, ["Mã định danh", "year", "number", "symbol"], "updated")
    # A copy is no document of its own, whatever type the register gives it.
    papers = papers[~papers["symbol"].str.match(r"(SY|SL|TrS)-")]
    return papers.assign(level=papers["Mã định danh"].map(levels))


def adjustments(exports: Path) -> pd.DataFrame:
    files = sorted((exports / "one_stop" / "adjustments").glob("*.txt"))
    return pd.concat([rows(path, "utf-16", "\t") for path in files], ignore_index=True)
