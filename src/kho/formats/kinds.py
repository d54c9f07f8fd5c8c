"""What a file is by its first bytes, where its name and its contract may say something else."""

from __future__ import annotations

import re

HEAD_BYTES = 100_000
_TABLE = re.compile(rb"<table[\s>]", re.IGNORECASE)
_SPREADSHEET_ML = b"urn:schemas-microsoft-com:office:spreadsheet"
_MIME = re.compile(rb"\A\s*(?:[\w-]+:[^\n]*\n(?:[ \t][^\n]*\n)*)*?MIME-Version:", re.IGNORECASE)
_QUOTED_TAG = re.compile(rb"<(?:html|meta|table|tr|td|th)\b[^>]{0,200}=3D[\"']?", re.IGNORECASE)


def is_web_archive(data: bytes) -> bool:
    """Whether it is MHTML, a web page saved with what belongs to it, as Excel and browsers do."""
    return _MIME.match(data[:HEAD_BYTES]) is not None


def has_table(data: bytes) -> bool:
    """Whether it is HTML, or like it, with a table in it."""
    return _TABLE.search(data[:HEAD_BYTES]) is not None and not is_spreadsheet_ml(data)


def is_spreadsheet_ml(data: bytes) -> bool:
    """Whether it is XML of Excel 2003, which often calls itself xls."""
    return _SPREADSHEET_ML in data[:2_000]


def is_quoted_printable(data: bytes) -> bool:
    """Whether it is HTML as mails carry it (`=3D` for `=`), without the mail's head that says so."""
    return _QUOTED_TAG.search(data[:HEAD_BYTES]) is not None


def told(data: bytes) -> str:
    """What the file rather is, for the one who mends the contract."""
    if data.startswith(b"PK"):
        return "it may be an xlsx or ods"
    if data.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return "it is an xls, or has a password"
    if is_spreadsheet_ml(data):
        return f"it is {SPREADSHEET_ML}"
    if is_web_archive(data):
        return "it is a web archive (MHTML), which the format html reads"
    if has_table(data):
        return "it is html"
    return "it is another kind of file"


SPREADSHEET_ML = "XML of Excel 2003 (SpreadsheetML), which is not read: ask the source for xlsx or csv, or open it and save it as xlsx"
