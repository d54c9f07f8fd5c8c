"""Columns that look personal: by the words of their headers, and by what their values look like."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from kho.formats import guessing
from kho.formats.guessing import bare
from kho_propose.types import Typed, words

Kind = Literal["name", "phone", "email", "identity", "address", "birth", "text"]

_HEADERS: dict[Kind, tuple[str, ...]] = {
    "identity": (
        "cmnd", "cccd", "cmt", "so giay to", "can cuoc", "chung minh", "ho chieu", "dinh danh ca nhan", "passport",
        "identity number", "id number", "national id", "citizen id", "ssn", "identity card", "id card",
    ),
    "phone": ("dien thoai", "sdt", "so may", "di dong", "phone", "mobile", "telephone", "tel", "fax"),
    "email": ("email", "e mail", "thu dien tu", "mail"),
    "birth": ("ngay sinh", "nam sinh", "sinh ngay", "birth", "birthday", "birthdate", "dob", "date of birth"),
    "address": (
        "dia chi", "noi o", "thuong tru", "tam tru", "cho o", "noi cu tru", "que quan", "address", "street", "residence",
    ),
    "name": (
        "ho ten", "ho va ten", "hoten", "ho dem", "chu ho", "chu ho so", "nguoi", "can bo", "cong dan", "khach hang",
        "nguoi nop", "nguoi ky", "chu so huu", "chuyen vien", "ten nguoi", "lien he", "full name", "fullname", "first name",
        "last name", "surname", "given name", "applicant", "owner", "holder", "author", "officer", "staff", "signer",
        "customer name", "contact", "employee", "person", "patient", "student", "citizen", "user", "username",
    ),
    "text": (
        "ghi chu", "noi dung", "trich yeu", "dien giai", "y kien", "nhan xet", "mo ta", "note", "notes", "comment",
        "comments", "remark", "remarks", "subject", "message", "tieu de", "title", "free text",
    ),
}  # fmt: skip
#: places by their names, whatever people they are called after
_NAMED_PLACES = (
    "ten xa", "ten phuong", "ten huyen", "ten tinh", "ten duong", "ten pho", "ten ap", "ten truong", "xa", "phuong", "huyen",
    "tinh", "thi tran", "thi xa", "thanh pho", "duong", "thon", "ap", "khom", "dia danh", "dia ban", "ward", "district",
    "province", "city", "town", "county", "country", "commune", "village", "borough", "neighborhood", "neighbourhood",
    "street name", "cross street", "intersection", "park", "school", "place", "municipality", "region", "landmark", "facility",
)  # fmt: skip
# What such a word does not make personal: a person's kind, number or position is no person.
_NOT = (
    "loai", "so luong", "so nguoi", "chuc vu", "chuc danh", "ma", "code", "type", "kind", "count", "position", "agency",
    "co quan", "don vi", "trang thai", "status", "status code", "system", "group", "nhom", "level", "role",
)  # fmt: skip

_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+")
_PHONE = re.compile(r"(?<![\d.\-])(\+?84[ .]?|0)[235789]\d{1,2}[ .]?\d{3}[ .]?\d{3,4}(?![\d\-])")
_IDENTITY = re.compile(r"(?<![\d.\-])(\d{12}|\d{9})(?![\d\-])")
_FAMILY = (
    "Nguyễn|Trần|Lê|Phạm|Hoàng|Huỳnh|Phan|Vũ|Võ|Đặng|Bùi|Đỗ|Hồ|Ngô|Dương|Lý|Đinh|Đoàn|Lâm|Trịnh|Mai|Đào|Cao|Hà|Lưu|Lương|"
    "Thạch|Sơn|Kim|Danh|Châu|Tạ|Tô|Trương|Tăng|Thái|Quách|Diệp|Giang|Hứa|Kiều|La|Lục|Mạc|Nghiêm|Ông|Phùng|Quan|Tống|Triệu|Từ|Vương"
)
_FAMILIES = {bare(each) for each in _FAMILY.split("|")}
_SYLLABLE = r"[A-ZĐÀ-ỸĂÂÊÔƠƯ][a-zđà-ỹăâêôơư]*"
# Communes, roads and schools have names of people too.
_PLACES_BEFORE = (
    "xã", "phường", "huyện", "trấn", "quận", "tỉnh", "phố", "đường", "lộ", "ấp", "khóm", "thôn", "chợ", "cầu", "trường",
    "THPT", "THCS", "học", "mầm", "non", "kênh", "rạch", "chùa",
)  # fmt: skip
_NO_PLACE = "".join(
    f"(?<!{word} )"
    for each in _PLACES_BEFORE
    for word in dict.fromkeys((each, each.capitalize(), each.upper()))
)
_NAME = re.compile(rf"(?<!\w){_NO_PLACE}({_FAMILY})( {_SYLLABLE}){{1,4}}(?!\w)")
_FAMILY_CAPITALS = re.compile(rf"(?<!\w)({_FAMILY.upper()})( [A-ZĐÀ-ỸĂÂÊÔƠƯ]+){{1,4}}(?!\w)")
_BARE_PLACES = {bare(each) for each in _PLACES_BEFORE}
_CAPITALIZED = re.compile(r"(?<![\w-])([A-Z][a-z]*|[A-Z]+)( (?:[A-Z][a-z]*|[A-Z]+)){2,4}(?![\w-])")
_WORD_BEFORE = re.compile(r"(\w+)\s*$")
#: who is called so has a name behind it; places are called so too
_CALLED = re.compile(
    rf"(?<!\w)(?i:ông|bà|anh|chị|cô|chú|bác|thầy|đ/c|đồng chí|mrs?\.?|ms\.?) (?!Rịa|Nà\b|Đen|Điểm|Tô\b|Trang|Đốc){_SYLLABLE}"
)
_PLACES = re.compile(r"\b(ấp|khóm|thôn|tổ dân phố|đường|phường|street|avenue|road)\b", re.IGNORECASE)

# Share of the values that must look so.
_MOST, _SOME = 0.5, 0.02


@dataclass(frozen=True)
class Personal:
    """Why a column looks personal, and what load is to do with it."""

    kind: Kind
    treatment: Literal["drop", "hash"]
    why: str


def look(header: str, typed: Typed, texts: Sequence[str]) -> Personal | None:
    """What makes a column look personal; None if nothing does. In doubt it is personal: the archive keeps the bytes."""
    different = list(dict.fromkeys(texts))[:2000]
    by_header = _by_header(header, typed)
    named = words(header)
    is_place = by_header in (None, "address") and any(f" {word} " in named for word in _NAMED_PLACES)
    by_values = _by_values(typed, different)
    if is_place and by_values in ("name", "address", "text") and not any(map(has_contact, different)):
        by_values = None
    if is_place and any(f" {word} " in named for word in ("street name", "cross street", "intersection")):
        by_header = None
    # What values are for sure comes before what a header only hints at.
    is_certain = by_values in ("email", "phone") and by_header != "identity"
    found = by_values if by_values and (is_certain or by_header in (None, "text")) else by_header
    if found is None:
        return None
    why = "its values look like it" if found == by_values and by_header != found else "by its header"
    return Personal(found, "hash" if found == "identity" else "drop", f"{_TOLD[found]}, {why}")


_TOLD: dict[Kind, str] = {
    "name": "names of people",
    "phone": "phone numbers",
    "email": "e-mail addresses",
    "identity": "id numbers",
    "address": "addresses",
    "birth": "dates of birth",
    "text": "free text, which may carry names",
}


def _by_header(header: str, typed: Typed) -> Kind | None:
    named = words(header)
    if any(named.startswith(f" {word} ") or named.endswith(f" {word} ") for word in _NOT):
        return None
    for kind, hints in _HEADERS.items():
        if any(f" {word} " in named for word in hints):
            fits = typed.type == "string" or kind in ("identity", "phone", "birth")
            return kind if fits else None
    return "name" if named in (" name ", " ten ", " ho ") and typed.type == "string" else None


def _by_values(typed: Typed, different: Sequence[str]) -> Kind | None:
    if not different or typed.type in ("date", "timestamp", "boolean", "number"):
        return None
    total = len(different)

    def share(pattern: re.Pattern[str], *, whole: bool) -> float:
        test = pattern.fullmatch if whole else pattern.search
        return sum(bool(test(each)) for each in different) / total

    if share(_EMAIL, whole=True) > _MOST:
        return "email"
    if share(_PHONE, whole=True) > _MOST and typed.type == "string":
        return "phone"
    if typed.type == "string" and share(_IDENTITY, whole=True) > _MOST and total > 1:
        return "identity"
    if typed.type != "string":
        return None
    bare_names = sum(_is_bare_name(each) for each in different) / total
    if share(_NAME, whole=True) + share(_FAMILY_CAPITALS, whole=True) + bare_names > _MOST:
        return "name"
    if share(_PLACES, whole=False) > _MOST and total > 5:
        return "address"
    if sum(map(_names_somebody, different)) > _SOME * total or any(map(has_contact, different)):
        return "text"
    return None


def has_contact(value: str) -> bool:
    """Whether a text of several words holds a phone number or an e-mail address."""
    return " " in value and bool(_EMAIL.search(value) or _PHONE.search(value))


def has_names(values: Iterable[str]) -> bool:
    """Whether some value holds what looks like the name of a person."""
    return any(map(_names_somebody, values))


def has_traces(value: str) -> bool:
    """Whether a text holds what looks like a person's name, phone, e-mail or id number."""
    return _names_somebody(value) or any(each.search(value) for each in (_EMAIL, _PHONE, _IDENTITY))


def _names_somebody(value: str) -> bool:
    # Without any accent two words are a name by chance (Mai Tai).
    return (
        any(not match[0].isascii() for each in (_NAME, _FAMILY_CAPITALS) for match in each.finditer(value))
        or _CALLED.search(value) is not None
        or any(
            _is_bare_name(match[0]) and not _is_behind_a_place(value, match)
            for match in _CAPITALIZED.finditer(value)
        )
    )


def _is_bare_name(text: str) -> bool:
    """Whether it is a name of three words or more whose accents are lost (LE VAN TAM)."""
    family, *others = text.split(" ")
    return (
        text.isascii()
        and 2 <= len(others) <= 4
        and family.lower() in _FAMILIES
        and _CAPITALIZED.fullmatch(text) is not None
        and all(map(guessing.could_be_vietnamese, others))
        and text.lower() != "ho chi minh"
    )


def _is_behind_a_place(value: str, match: re.Match[str]) -> bool:
    before = _WORD_BEFORE.search(value[: match.start()])
    return before is not None and bare(before[1]) in _BARE_PLACES
