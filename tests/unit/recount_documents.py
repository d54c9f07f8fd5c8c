"""Counts documents of iDesk and M-Office straight from their exports: nothing of the product helps."""

from __future__ import annotations

import csv
import io
import re
import xml.etree.ElementTree as ElementTree
import zipfile
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

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


class Message(NamedTuple):
    """What an edXML message tells; `about` are the codes of documents that it recalls, updates or replaces."""

    kind: str
    document: Document
    at: str
    is_signed: bool
    is_on_paper: bool
    signature: str
    recipients: list[str]
    about: list[Document]


def outgoing(exports: Path, seeds: Path) -> dict[str, Counter[str]]:
    """By level: documents, those signed and on paper, recalled, replaced, and by the systems they came through."""
    told: dict[Document, dict[str, list[tuple]]] = {}
    gone, replaced, recalled = set(), set(), set()
    for message in sorted(_messages(exports, "outgoing"), key=lambda message: message.at):
        if message.kind == "1":
            recalled.add(message.document)
        elif message.kind == "3":
            gone.add(message.document)
            replaced |= set(message.about)
        else:
            entry = (message.at, message.is_signed, message.is_on_paper, message.signature)
            told.setdefault(message.document, {}).setdefault("idesk", []).append(entry)
    for row in _register(exports, "outgoing", seeds).itertuples():
        entry = (row.at, row.signed == "x", row.paper == "x", "")
        told.setdefault(row.document, {}).setdefault("moffice", []).append(entry)
    levels = pd.read_csv(seeds / "agencies.csv", dtype=str).set_index("agency_code")["level"]
    found: dict[str, Counter[str]] = {"district": Counter(), "commune": Counter()}
    for document, systems in told.items():
        if document in gone:
            continue
        last = [max(each) for each in systems.values()]
        counts = {
            "documents": 1,
            "signed": any(signed for _, signed, _, _ in last),
            "on paper": any(paper for _, _, paper, _ in last),
            f"signature: {max(signature for *_, signature in last)}": 1,
            "recalled": document in recalled,
            "replaced": document in replaced,
            " and ".join(sorted(systems)): 1,
        }
        found[levels[document[0]]].update({name: int(count) for name, count in counts.items()})
    return found


def incoming(exports: Path, seeds: Path) -> Counter[str]:
    """Documents that reached the units of each level."""
    levels = pd.read_csv(seeds / "agencies.csv", dtype=str).set_index("agency_code")["level"]
    arrived = {(each.document, to) for each in _messages(exports, "incoming") for to in each.recipients}
    register = _register(exports, "incoming", seeds)
    arrived |= set(zip(register["document"], register["unit"], strict=True))
    return Counter(levels[unit] for _, unit in arrived)


def deliveries(exports: Path) -> Counter[str]:
    """Deliveries of iDesk: by what closed them, what was told of each, and the seconds between states."""
    events: dict[tuple[Document, str], list[tuple[datetime, str]]] = {}
    for message in _messages(exports, "outgoing"):
        if message.kind in "01":
            document, status = (message.document, "sent") if message.kind == "0" else (message.about[0], "13")
            for to in message.recipients:
                events.setdefault((document, to), []).append((_moment(message.at), status))
    for document, by, at, status in _statuses(exports):
        events.setdefault((document, by), []).append((_moment(at), status))
    found: Counter[str] = Counter()
    for told in events.values():
        first = {status: min(at for at, each in told if each == status) for _, status in told}
        last = {status: max(at for at, each in told if each == status) for _, status in told}
        received = min((at for at, status in told if status in ("03", "04", "05", "06")), default=None)
        closing = [(received, 0, "received")] if received else []
        closing += [(first["02"], 1, "refused")] if "02" in first else []
        is_refused = "16" in last and last["16"] >= max(
            first.get("13", last["16"]), last.get("15", last["16"])
        )
        if "13" in first and not is_refused:
            closing.append((first["13"], 2, "recalled"))
        found["deliveries"] += 1
        found[min(closing)[2] if closing else "open"] += 1
        found["agreed"] += "15" in first
        found["refused to change"] += "16" in first
        steps = {
            "sent": first.get("sent"),
            "arrived": first.get("01"),
            "received": received,
            "done": first.get("06"),
        }
        for before, after in (("sent", "arrived"), ("arrived", "received"), ("received", "done")):
            if steps[before] and steps[after] and steps[after] >= steps[before]:
                found[f"{before} to {after}"] += 1
                found[f"seconds from {before} to {after}"] += int(
                    (steps[after] - steps[before]).total_seconds()
                )
    return found


def _moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y/%m/%d %H:%M:%S")


def _statuses(exports: Path) -> Iterator[tuple[Document, str, str, str]]:
    known = {"01", "02", "03", "04", "05", "06", "13", "15", "16"}
    for path in sorted((exports / "idesk" / "deliveries").glob("*.zip")):
        with zipfile.ZipFile(path) as archive:
            for member in archive.namelist():
                text = archive.read(member).decode()
                told = dict(
                    re.findall(r"<edXML:(Code|PromulgationDate|StatusCode|Timestamp)>([^<]*)</", text)
                )
                organs = re.findall(r"<edXML:OrganId>([^<]*)</", text)
                is_sound = (
                    text.endswith("</edXML:edXML>")
                    and re.fullmatch(r"\d+(/|-(?=[^/]+/)).+", told["Code"])
                    and re.fullmatch(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d", told["Timestamp"])
                    and told["StatusCode"] in known
                )
                if is_sound:
                    document = _named(f"{organs[0]},{told['PromulgationDate']},{told['Code']}")
                    yield document, _root_first(organs[1]), told["Timestamp"], told["StatusCode"]


def _messages(exports: Path, entity: str) -> Iterator[Message]:
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
                hops = len(told["TraceHeader"])
                yield Message(
                    told["BussinessDocType"][0],
                    (organs[0], day[:4], number.lstrip("0"), _fold(symbol)),
                    told["Timestamp"][-1],
                    "SignatureMethod" in told,
                    told["Paper"][0] == "1",
                    told["DigitalSignature"][0],
                    organs[1 : len(told["OrganId"]) - hops],
                    [_named(code) for code in told["DocumentId"][1:]],
                )


def _register(exports: Path, entity: str, seeds: Path) -> pd.DataFrame:
    agencies, types = _mapped(exports, "agency"), _mapped(exports, "document_type")
    lists = []
    for path in sorted((exports / "moffice" / entity).glob("*.xls")):
        table = pd.read_excel(path, engine="calamine", dtype=str, skiprows=2, keep_default_na=False)
        table = table.rename(columns=_unicode).map(lambda cell: _unicode(str(cell)))
        lists.append(table[table["STT"].str.fullmatch(r"\d+(\.0)?")])
    rows = pd.concat(lists, ignore_index=True).rename(columns={"Số, ký hiệu gốc": "Số, ký hiệu"})
    dates = [name for name in ("Ngày văn bản", "Ngày đến") if name in rows]
    sound = rows["Số, ký hiệu"].str.fullmatch(r"\d+ ?(/|-(?=[^/]+/)) ?(?!M-).+") & rows["Loại văn bản"].map(
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
    codes = rows["Số, ký hiệu"].str.extract(r"^(\d+) ?[/-] ?(.+)$")
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
    number, symbol = re.fullmatch(r"(\d+)(?:/|-(?=[^/]+/))(.+)", name).groups()
    return _root_first(organ), day[:4], number.lstrip("0"), _fold(symbol)


def _mapped(exports: Path, domain: str) -> dict[tuple[str, str], str]:
    seed = Path(__file__).resolve().parents[2] / "dbt_project" / "seeds" / "code_mappings.csv"
    lines = csv.DictReader(io.StringIO(seed.read_text(encoding="utf-8")))
    return {(line["system"], line["raw_code"]): line["code"] for line in lines if line["domain"] == domain}
