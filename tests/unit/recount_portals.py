"""Counts figures of portals, radio stations and look-ups straight from export files: nothing of the product helps."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd

from tests.unit.recount import newest, rows

Counts = dict[tuple[str, str], int]


def figures(exports: Path) -> Counts:
    """Values by (metric and detail, level) of those systems that have a folder."""
    found: Counts = {}
    for system, count in SYSTEMS.items():
        if (exports / system).is_dir():
            found |= count(exports / system)
    return found


def _read(folder: Path, pattern: str, read: Callable[[Path], pd.DataFrame]) -> pd.DataFrame:
    """The rows of all files in order; `_file` and `_row` say where they stood."""
    tables = []
    for path in sorted(folder.glob(pattern)):
        table = read(path)
        if len(table):
            tables.append(table.assign(_file=path.name, _row=range(len(table))))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def _items(news: pd.DataFrame) -> Counts:
    """News with code, kind, status, photos, moments as texts: the newest sound state of each."""
    if news.empty:
        news = pd.DataFrame(columns=["code", "kind", "status", "photos", "received", "published", "updated"])
    news = news.assign(
        received=pd.to_datetime(news["received"], errors="coerce"),
        updated=pd.to_datetime(news["updated"], errors="coerce"),
    )
    sound = news["received"].notna() & news["updated"].notna()
    sound &= news["photos"].astype(str).str.fullmatch(r"\d+")
    sound &= news["status"].isin(["received", "published", "unpublished"])
    news = news[sound]
    if len(news):
        news = newest(news, ["code"], "updated")
    ours = news[news["kind"] != "directive"]
    published = ours[ours["status"] == "published"]
    return {
        ("portal_items_received", "district"): len(ours),
        ("portal_items_published", "district"): len(published),
        ("portal_items_published news", "district"): int((published["kind"] == "news").sum()),
        ("portal_items_published article", "district"): int((published["kind"] == "article").sum()),
        ("portal_photos_published", "district"): int(published["photos"].astype(int).sum()),
        ("portal_directive_documents_published", "district"): int((news["kind"] == "directive").sum()),
    }


def _long_phu(folder: Path) -> Counts:
    def document(path: Path) -> pd.DataFrame:
        return pd.DataFrame(json.loads(path.read_text(encoding="utf-8"))["items"])

    news = _read(folder / "items", "*.json", document)
    names = {"id": "code", "type": "kind", "received_at": "received", "updated_at": "updated"}
    news = news.rename(columns=names).assign(published=None) if len(news) else news
    files = sorted((folder / "traffic").glob("*.csv"))
    visits = pd.concat([rows(path, "cp1258", ";") for path in files], ignore_index=True)
    day, section, count, views = (visits.columns[n] for n in (0, 2, 3, 4))
    sound = pd.to_datetime(visits[day], format="%d/%m/%Y", errors="coerce").notna()
    sound &= visits[count].str.fullmatch(r"\d{1,3}(\.\d{3})*") & visits[views].str.fullmatch(
        r"\d{1,3}(\.\d{3})*"
    )
    visits = newest(visits[sound], [day, section], "_file")
    shown = _read(folder / "counters", "*.json", document)
    last = shown[shown["as_of"] == shown["as_of"].max()].set_index("counter")["since_opening"]
    return {
        **_items(news),
        ("portal_visits", "district"): int(visits[count].str.replace(".", "").astype(int).sum()),
        **_cumulative(last),
    }


def _tieu_can(folder: Path) -> Counts:
    def rowset(path: Path) -> pd.DataFrame:
        return pd.DataFrame([row.attrib for row in ElementTree.parse(path).iter("{#RowsetSchema}row")])

    def page(path: Path) -> pd.DataFrame:
        return pd.read_html(path, header=[0, 1], thousands=None, converters={n: str for n in range(8)})[0]

    news = _read(folder / "items", "*.xml", rowset)
    if len(news):
        news = pd.DataFrame(
            {
                "code": news["ows_ID"],
                "kind": news["ows_ContentType"]
                .map({"Tin": "news", "Bài viết": "article"})
                .fillna("directive"),
                "status": news["ows__ModerationStatus"].map(
                    {"0": "published", "1": "unpublished", "2": "received"}
                ),
                "photos": news["ows_SoAnh"],
                "received": news["ows_Created"],
                "updated": news["ows_Modified"],
                "_file": news["_file"],
                "_row": news["_row"],
            }
        )
    visits = _read(folder / "traffic", "*.txt", lambda path: pd.read_csv(path, sep="\t"))
    shown = page(sorted((folder / "counters").glob("*.xls"))[-1]).iloc[0]
    last = {
        name: int(shown[group, f"{group} từ khi hoạt động"].replace(".", ""))
        for name, group in (("items", "Tin bài"), ("photos", "Ảnh"), ("visits", "Lượt truy cập"))
    }
    return {
        **_items(news),
        ("portal_visits", "district"): int(visits["Number of visits"].sum()),
        **_cumulative(last),
    }


def _cumulative(last) -> Counts:
    return {
        ("portal_items_published_cumulative", "district"): int(last["items"]),
        ("portal_photos_published_cumulative", "district"): int(last["photos"]),
        ("portal_visits_cumulative", "district"): int(last["visits"]),
    }


def _workbooks(folder: Path) -> pd.DataFrame:
    def sheet(path: Path) -> pd.DataFrame:
        table = pd.read_excel(path, engine="calamine", header=2, dtype=str, keep_default_na=False)
        return table[table["TT"] != "Cộng"]

    return _read(folder, "*.xlsx", sheet)


def _broadcasting(folder: Path) -> Counts:
    programmes, articles = _workbooks(folder / "programmes"), _workbooks(folder / "articles")
    if len(programmes):
        minutes, listens = programmes["Thời lượng (phút)"], programmes["Lượt nghe"]
        on = pd.to_datetime(programmes["Ngày phát"], format="%Y-%m-%d %H:%M:%S", errors="coerce")
        sound = minutes.str.fullmatch(r"\d+") & listens.str.fullmatch(r"\d+") & on.notna()
        programmes = newest(programmes[sound], ["Mã chương trình"], "Cập nhật")
    if len(articles):
        sent = pd.to_datetime(articles["Ngày gửi"], format="%Y-%m-%d %H:%M:%S", errors="coerce")
        sound = (
            sent.notna() & articles["Đã phát"].isin(["x", ""]) & articles["Đơn vị gửi"].str.startswith("H")
        )
        articles = articles[sound].drop_duplicates("Mã bài")
    return {
        ("broadcast_programmes", "district"): len(programmes),
        ("broadcast_minutes", "district"): _sum(programmes, "Thời lượng (phút)"),
        ("broadcast_listens", "district"): _sum(programmes, "Lượt nghe"),
        ("broadcast_articles_contributed", "district"): len(articles),
    }


def _sum(table: pd.DataFrame, column: str) -> int:
    return int(table[column].astype(int).sum()) if len(table) else 0


def _radio_survey(folder: Path) -> Counts:
    sites = _workbooks(folder / "sites")
    sites = sites[pd.to_datetime(sites["Ngày khảo sát"], format="%Y-%m-%d %H:%M:%S", errors="coerce").notna()]
    sites = sites.drop_duplicates("Mã điểm", keep="last")
    return {
        ("radio_station_sites_surveyed", "commune"): len(sites),
        ("radio_station_sites_not_eligible", "commune"): int((sites["Đủ điều kiện"] == "").sum()),
    }


def _lookups(folder: Path) -> Counts:
    files = sorted((folder / "results").glob("*.csv"))
    counted = pd.concat([rows(path, "utf-8-sig", ";") for path in files], ignore_index=True)
    counted["Số lượt"] = counted["Số lượt"].astype(int)
    names = {"Tổng đài": "switchboard", "Ki-ốt": "kiosk", "Zalo": "zalo"}
    found = {("result_lookups", "all"): int(counted["Số lượt"].sum())}
    for channel, count in counted.groupby("Kênh tra cứu")["Số lượt"].sum().items():
        found[f"result_lookups {names[channel]}", "all"] = int(count)
    return found


SYSTEMS = {
    "portal": _long_phu,
    "tieu_can_portal": _tieu_can,
    "broadcasting": _broadcasting,
    "radio_survey": _radio_survey,
    "lookups": _lookups,
}
