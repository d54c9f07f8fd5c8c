"""Counts documents of iDesk and M-Office straight from their exports: nothing of the product helps."""

from __future__ import annotations

import csv
import io
import re
import xml.etree.ElementTree as ElementTree
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

# What a letter of an ABC font is, by the sign that Windows shows for it.
_LETTERS = dict(
    zip(
        "µ¸¶·¹»¾¼½ÆÇÊÈÉËÌÐÎÏÑÒÕÓÔÖ×ÝØÜÞßãáâäåèæçéêíëìîïóñòôõøö÷ùúýûüþ¨©ª«¬\xad®¡¢£¤¥¦§",
        "àáảãạằắẳẵặầấẩẫậèéẻẽẹềếểễệìíỉĩịòóỏõọồốổỗộờớởỡợùúủũụừứửữựỳýỷỹỵăâêôơưđĂÂÊÔƠƯĐ",
        strict=True,
    )
)
#: agency, year, number, symbol
Document = tuple[str, str, str, str]


def outgoing(exports: Path, seeds: Path) -> dict[str, Counter[str]]:
    """By level: documents, those signed and on paper, recalled, replaced, and by the systems they came through."""
    told: dict[Document, dict[str, list[tuple]]] = {}
    gone, replaced, recalled = set(), set(), set()
    for kind, document, at, signed, paper, others in sorted(
        _messages(exports, "outgoing"), key=lambda m: m[2]
    ):
        if kind == "1":
            recalled.add(document)
        elif kind == "3":
            gone.add(document)
            replaced |= set(others)
        else:
            told.setdefault(document, {}).setdefault("idesk", []).append((at, signed, paper))
    for row in _register(exports, "outgoing", seeds).itertuples():
        entry = (row.at, row.signed == "x", row.paper == "x")
        told.setdefault(row.document, {}).setdefault("moffice", []).append(entry)
    levels = pd.read_csv(seeds / "agencies.csv", dtype=str).set_index("agency_code")["level"]
    found: dict[str, Counter[str]] = {"district": Counter(), "commune": Counter()}
    for document, systems in told.items():
        if document in gone:
            continue
        last = [max(each) for each in systems.values()]
        counts = {
            "documents": 1,
            "signed": any(signed for _, signed, _ in last),
            "on paper": any(paper for _, _, paper in last),
            "recalled": document in recalled,
            "replaced": document in replaced,
            " and ".join(sorted(systems)): 1,
        }
        found[levels[document[0]]].update({name: int(count) for name, count in counts.items()})
    return found


def incoming(exports: Path, seeds: Path) -> Counter[str]:
    """Documents that reached the units of each level."""
    levels = pd.read_csv(seeds / "agencies.csv", dtype=str).set_index("agency_code")["level"]
    arrived = {
        (document, to)
        for _, document, _, _, _, recipients in _messages(exports, "incoming")
        for to in recipients
    }
    register = _register(exports, "incoming", seeds)
    arrived |= set(zip(register["document"], register["unit"], strict=True))
    return Counter(levels[unit] for _, unit in arrived)


def _messages(exports: Path, entity: str) -> Iterator[tuple]:
    types = {name for system, name in _mapped(exports, "document_type") if system == "idesk"}
    for path in sorted((exports / "idesk" / entity).glob("*.zip")):
        with zipfile.ZipFile(path) as archive:
            for member in archive.namelist():
                try:
                    root = ElementTree.fromstring(archive.read(member))
                except ElementTree.ParseError:
                    continue
                told: dict[str, list[str]] = {}
                for element in root.iter():
                    told.setdefault(re.sub(r"{.*}", "", element.tag), []).append(element.text or "")
                organs = [
                    _root_first(code)
                    for code in told["OrganId"]
                    if re.fullmatch(r"\d{3}(\.\d\d){2}\.H\d\d", code)
                ]
                number, symbol, day = (
                    told["CodeNumber"][0],
                    told["CodeNotation"][0],
                    told["PromulgationDate"][0],
                )
                is_sound = (
                    re.fullmatch(r"\d+", number)
                    and not symbol.startswith("M-")
                    and pd.notna(pd.to_datetime(day, format="%Y/%m/%d", errors="coerce"))
                    and told["BussinessDocType"][0] in "0123"
                    and told["TypeName"][0] in types
                    and re.fullmatch(r"\d{3}(\.\d\d){2}\.H\d\d", told["OrganId"][0])
                )
                if not is_sound:
                    continue
                kind = told["BussinessDocType"][0]
                replaced = [_named(code) for code in told["DocumentId"][1:]] if kind == "3" else []
                hops = len(told["TraceHeader"])
                yield (
                    kind, (organs[0], day[:4], number.lstrip("0"), _fold(symbol)), told["Timestamp"][-1],
                    "SignatureMethod" in told, told["Paper"][0] == "1",
                    replaced if entity == "outgoing" else organs[1 : len(told["OrganId"]) - hops],
                )  # fmt: skip


def _register(exports: Path, entity: str, seeds: Path) -> pd.DataFrame:
    agencies, types = _mapped(exports, "agency"), _mapped(exports, "document_type")
    lists = []
    for path in sorted((exports / "moffice" / entity).glob("*.xls")):
        table = pd.read_excel(path, engine="calamine", dtype=str, skiprows=2, keep_default_na=False)
        table = table.rename(columns=_unicode).map(lambda cell: _unicode(str(cell)))
        lists.append(table[table["STT"].str.fullmatch(r"\d+(\.0)?")])
    rows = pd.concat(lists, ignore_index=True).rename(columns={"Số, ký hiệu gốc": "Số, ký hiệu"})
    dates = [name for name in ("Ngày văn bản", "Ngày đến") if name in rows]
    sound = rows["Số, ký hiệu"].str.fullmatch(r"\d+ ?/ ?(?!M-).+") & rows["Loại văn bản"].map(
        lambda name: ("moffice", name) in types
    )
    for name in dates:
        sound &= pd.to_datetime(rows[name], format="%d/%m/%Y", errors="coerce").notna()
    sound &= pd.to_datetime(rows["Ngày cập nhật"], format="%d/%m/%Y %H:%M", errors="coerce").notna()
    issuer, unit = ("Đơn vị ban hành",) * 2 if entity == "outgoing" else ("Nơi phát hành", "Đơn vị nhận")
    for name in {issuer, unit}:
        sound &= rows[name].map(lambda each: ("moffice", each) in agencies)
    if entity == "outgoing":
        sound &= (rows["Độ mật"] == "Thường") & rows["Ký số"].isin(["x", ""])
    else:
        sound &= rows["Số đến theo sổ"].str.fullmatch(r"\d+")
    rows = rows[sound]
    codes = rows["Số, ký hiệu"].str.extract(r"^(\d+) ?/ ?(.+)$")
    made = pd.DataFrame({"unit": rows[unit].map(lambda each: agencies["moffice", each])})
    made["document"] = [
        (agencies["moffice", name], day[-4:], number.lstrip("0"), _fold(symbol))
        for name, day, number, symbol in zip(
            rows[issuer], rows["Ngày văn bản"], codes[0], codes[1], strict=True
        )
    ]
    made["at"] = pd.to_datetime(rows["Ngày cập nhật"], format="%d/%m/%Y %H:%M")
    if entity == "outgoing":
        made["signed"], made["paper"] = rows["Ký số"], rows["Bản giấy"]
    return made


def _unicode(text: str) -> str:
    return "".join(_LETTERS.get(letter, letter) for letter in text)


def _fold(symbol: str) -> str:
    return re.sub(r"\s", "", symbol).replace("Ð", "Đ").replace("–", "-").upper()


def _root_first(code: str) -> str:
    return ".".join(part for part in reversed(code.split(".")) if int(part.strip("H")))


def _named(code: str) -> Document:
    organ, day, name = code.split(",")
    number, symbol = name.split("/", 1)
    return _root_first(organ), day[:4], number.lstrip("0"), _fold(symbol)


def _mapped(exports: Path, domain: str) -> dict[tuple[str, str], str]:
    seed = Path(__file__).resolve().parents[2] / "dbt_project" / "seeds" / "code_mappings.csv"
    lines = csv.DictReader(io.StringIO(seed.read_text(encoding="utf-8")))
    return {(line["system"], line["raw_code"]): line["code"] for line in lines if line["domain"] == domain}
