"""XML as it streams by: records by their path, edXML messages one per file, and documents that are broken or hostile."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from kho.contract import Contract
from kho.formats import Unreadable, look, open_export, xml
from kho.formats.block import composed
from kho.formats.xml import MAX_RECORD_CHARACTERS
from kho.settings import Settings
from tests.examples import examples
from tests.integration.loading import raw_rows, rejects, rows
from tests.integration.registers import (
    COLUMNS,
    WRITTEN,
    expect_register,
    expect_unreadable,
    load_one,
    register,
)

PATHS = {
    "file_code": "@ma",
    "subject": "NoiDung/TrichYeu",
    "opened_date": "NoiDung/NgayMo",
    "changed_at": "@capNhat",
    "page_count": "SoTrang",
    "fee": "LePhi",
    "is_open": "ConMo",
}


def record(line: list[str]) -> str:
    values = dict(zip(COLUMNS, line, strict=True))
    return (
        f"<hs:HoSo ma={quoteattr(values['file_code'])} capNhat={quoteattr(values['changed_at'])}>"
        f"<NoiDung><TrichYeu>{escape(values['subject'])}</TrichYeu><NgayMo>{values['opened_date']}</NgayMo></NoiDung>"
        f"<SoTrang>{values['page_count']}</SoTrang><LePhi>{values['fee']}</LePhi><ConMo>{values['is_open']}</ConMo></hs:HoSo>"
    )


def document(*records: str, head: str = '<?xml version="1.0" encoding="utf-8"?>') -> str:
    return (
        f'{head}\n<SoHoSo xmlns:hs="urn:x"><Dau>Sổ</Dau><DanhSach>\n' + "\n".join(records) + "</DanhSach></SoHoSo>"
    )  # fmt: skip


def xml_register(folder: Path, **server: str):
    return register(folder, "xml", server=server, headers=PATHS, recordsPath="SoHoSo/DanhSach/HoSo")


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "windows-1258", "iso-8859-1", "us-ascii", "tcvn3"]
)
def test_records_are_read_in_the_encoding_that_the_document_says(
    warehouse: Settings, tmp_path: Path, encoding: str
) -> None:
    head = f'<?xml version="1.0" encoding="{encoding.removesuffix("-sig")}"?>'
    text = document(*map(record, WRITTEN), head=head)
    contract = xml_register(tmp_path)
    expect_register(
        warehouse, contract, load_one(warehouse, contract, text.encode(encoding, "xmlcharrefreplace"))
    )


def test_what_lxml_writes_is_read(warehouse: Settings, tmp_path: Path) -> None:
    root = etree.fromstring(document(*map(record, WRITTEN)).encode())
    data = etree.tostring(root, pretty_print=True, encoding="utf-8", xml_declaration=True)
    contract = xml_register(tmp_path)
    expect_register(warehouse, contract, load_one(warehouse, contract, data))


def test_rejects_stand_at_their_offset_and_unknown_paths_are_counted(
    warehouse: Settings, tmp_path: Path
) -> None:
    contract = xml_register(tmp_path)
    wrong = record(WRITTEN[1]).replace("<SoTrang>0", "<Ghi.Chu loai='a'>x</Ghi.Chu><SoTrang>không")
    long = record(WRITTEN[2]).replace("<TrichYeu>", "<TrichYeu>" + "a" * MAX_RECORD_CHARACTERS)
    empty = '<HoSo xmlns:xsi="urn:xsi" xsi:nil="true"/>'
    data = document(record(WRITTEN[0]), wrong, long, empty).encode()
    batch = load_one(warehouse, contract, data)
    assert (batch.rows_in_file, batch.rows_loaded, batch.rows_rejected, batch.rows_skipped) == (4, 1, 2, 1)
    first, second = rejects(warehouse, batch.batch_id)
    assert data[first["byte_offset"] :].startswith(b'<hs:HoSo ma="000.02"')
    assert first["reasons"] == ["SoTrang: not a whole number"]
    assert data[second["byte_offset"] :].startswith(b'<hs:HoSo ma="000.03"')
    assert second["reasons"] == [f"row: the record is longer than {MAX_RECORD_CHARACTERS} characters"]
    (ledger,) = rows(warehouse, "select profile from ledger.batch")
    assert ledger["profile"]["unknown_columns"] == {
        "field 5 of row 2 (10 letters 3 signs)": 1,
        "field 6 of row 2 (6 letters 1 sign)": 1,
    }
    assert ledger["profile"]["missing_columns"] == []


def test_texts_of_a_repeated_element_are_joined(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("<r><m><to>A</to><to/><to>B</to><x>1<y/>2</x></m><m>c</m></r>")
    assert look(path, "xml", records_path="r/m") == [["to", "x/y", "x", "."], ["A; B", None, "1 2", None], [None, None, None, "c"]]  # fmt: skip
    assert look(path, "xml") == look(path, "xml", records_path="r/m")


def test_a_list_without_records_says_that_nothing_happened(warehouse: Settings, tmp_path: Path) -> None:
    batch = load_one(warehouse, xml_register(tmp_path), document().encode())
    assert (batch.state, batch.rows_in_file) == ("pending", 0)


# edXML: one message a file, many files in a zip

MESSAGE = """<?xml version="1.0" encoding="UTF-8"?>
<edXML:edXML xmlns:edXML="http://www.mic.gov.vn/TBT/QCVN_102_2016" xmlns:xlink="http://www.w3.org/1999/xlink">
 <edXML:edXMLEnvelope><edXML:edXMLHeader>
  <edXML:MessageHeader>
   <edXML:From><edXML:OrganId>000.00.12.H51</edXML:OrganId><edXML:OrganName>UBND huyện</edXML:OrganName></edXML:From>
   <edXML:To><edXML:OrganId>000.21.12.H51</edXML:OrganId></edXML:To>
   <edXML:To><edXML:OrganId>000.22.12.H51</edXML:OrganId></edXML:To>
   <edXML:Code><edXML:CodeNumber>{number}</edXML:CodeNumber><edXML:CodeNotation>UBND-VP</edXML:CodeNotation></edXML:Code>
   <edXML:PromulgationInfo><edXML:Place>Long Phú</edXML:Place><edXML:PromulgationDate>{day}</edXML:PromulgationDate></edXML:PromulgationInfo>
   <edXML:Subject>Về việc &lt;a&gt; &amp; "b"</edXML:Subject>
   <edXML:OtherInfo><edXML:PageAmount>3</edXML:PageAmount></edXML:OtherInfo>
  </edXML:MessageHeader>
  <edXML:TraceHeaderList><edXML:TraceHeader><edXML:OrganId>000.00.12.H51</edXML:OrganId><edXML:Timestamp>05/01/2021 08:00:00</edXML:Timestamp></edXML:TraceHeader>
   <edXML:Bussiness><edXML:BussinessDocType>0</edXML:BussinessDocType></edXML:Bussiness></edXML:TraceHeaderList>
 </edXML:edXMLHeader></edXML:edXMLEnvelope>
 <edXML:AttachmentEncoded><edXML:Attachment>{attachment}</edXML:Attachment></edXML:AttachmentEncoded>
</edXML:edXML>"""
HEADERS = "edXMLEnvelope/edXMLHeader/"
EDXML = {
    "file_code": f"{HEADERS}MessageHeader/Code/CodeNumber",
    "subject": f"{HEADERS}MessageHeader/Subject",
    "opened_date": f"{HEADERS}MessageHeader/PromulgationInfo/PromulgationDate",
    "changed_at": f"{HEADERS}TraceHeaderList/TraceHeader/Timestamp",
    "page_count": f"{HEADERS}MessageHeader/OtherInfo/PageAmount",
    "fee": f"{HEADERS}TraceHeaderList/Bussiness/BussinessDocType",
    "is_open": f"{HEADERS}MessageHeader/To/OrganId",
}


def message(number: object, day: str = "05/01/2021", attachment: str = "QUJD") -> bytes:
    return MESSAGE.format(number=number, day=day, attachment=attachment).encode()


def zipped(members: Mapping[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def edxml_register(folder: Path, **server: str):
    contract = register(folder, "xml", server=server, headers=EDXML, recordsPath="edXML")
    recipients = contract.columns[-1].model_copy(update={"type": "string"})
    return contract.model_copy(update={"columns": (*contract.columns[:-1], recipients)})


def test_edxml_messages_of_a_zip_are_rows_and_a_broken_one_is_one_reject(
    warehouse: Settings, tmp_path: Path
) -> None:
    contract = edxml_register(tmp_path, compression="zip")
    members = {f"thang-01/{n:04}.xml": message(n) for n in range(300)}
    members["thang-01/0007.xml"] = message(7)[:-60]
    members["thang-01/0008.xml"] = b""
    members["thang-01/0009.xml"] = (
        b"<!DOCTYPE edXML [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>" + message(9)[39:]
    )
    members["thang-01/0010.xml"] = message(10, "31/02/2021")
    members["thang-01/0011.xml"] = message(11, attachment="A" * (MAX_RECORD_CHARACTERS + 1))
    members["../../0012.xml"] = members.pop("thang-01/0012.xml")
    batch = load_one(warehouse, contract, zipped(members))
    assert (batch.state, batch.rows_in_file, batch.rows_loaded) == ("pending", 300, 296)
    found = {reject["row_number"]: reject["reasons"][0] for reject in rejects(warehouse, batch.batch_id)}
    # The odd name comes first: parts follow in order of their names.
    assert found == {
        9: "row: file 9 of the zip is no whole XML: no element found: line 16, column 48",
        10: "row: file 10 of the zip is no whole XML: no element found: line 1, column 0",
        11: "row: file 11 of the zip is no whole XML: it has a DOCTYPE, which no export needs and which is not taken",
        12: f"{EDXML['opened_date']}: not a date (dd/MM/yyyy)",
    }
    row = raw_rows(warehouse, contract, batch.batch_id)[0]
    assert (row["file_code"], row["subject"]) == ("12", 'Về việc <a> & "b"')
    assert (row["page_count"], row["is_open"]) == (3, "000.21.12.H51; 000.22.12.H51")
    (ledger,) = rows(warehouse, "select profile from ledger.batch")
    assert 297 in ledger["profile"]["unknown_columns"].values()  # messages with an attachment


def test_a_single_broken_message_is_unreadable(warehouse: Settings, tmp_path: Path) -> None:
    expect_unreadable(
        warehouse, edxml_register(tmp_path), {"cut": (message(1)[:-60], "no whole XML: no element found")}
    )


# Broken and hostile documents


def bomb(levels: int = 12) -> str:
    entities = '<!ENTITY a0 "ha">' + "".join(
        f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, levels)
    )
    return f"<!DOCTYPE SoHoSo [{entities}]><SoHoSo><DanhSach><HoSo ma='&a{levels - 1};'/></DanhSach></SoHoSo>"


def test_broken_documents_are_unreadable_and_say_why(warehouse: Settings, tmp_path: Path) -> None:
    good = document(*map(record, WRITTEN))
    data = good.encode()
    external = '<!DOCTYPE SoHoSo SYSTEM "http://127.0.0.1:9/x.dtd">'
    local = '<!DOCTYPE SoHoSo [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    broken = {
        "empty": (b"", "no element found"),
        "blank": (b"  \n", "no element found"),
        "cut off": (data[:-5], "no whole XML: "),
        "cut off in a tag": (data[: data.index(b"<TrichYeu") + 4], "unclosed token"),
        "a text": (b"a;b\n1;2\n", "not well-formed"),
        "json": (b'{"a": 1}', "not well-formed"),
        "a zip": (zipped({"a.xml": data}), "not well-formed"),
        "tags that cross": (data.replace(b"</SoTrang>", b"</SoTranh>", 1), "mismatched tag: line 3"),
        "two roots": (data + b"<a/>", "junk after document element"),
        "a bare ampersand": (data.replace(b"<LePhi>", b"<LePhi>&", 1), "not well-formed"),
        "an unknown entity": (data.replace(b"<LePhi>", b"<LePhi>&nbsp;", 1), "undefined entity"),
        "broken utf-8": (data.replace("Đ".encode(), b"\xff", 1), "not well-formed (invalid token): line 3"),
        "a zero character": (data.replace(b"<LePhi>", b"<LePhi>\0", 1), "not well-formed"),
        "an encoding that there is not": (data.replace(b"utf-8", b"utf-9x"), "nobody knows the encoding that it names"),
        "another root": (data.replace(b"SoHoSo", b"LoiHeThong"), "the file's root is another (10 letters)"),
        "a fault instead": (b"<SoHoSo><Fault>503</Fault></SoHoSo>", "the file has no SoHoSo/DanhSach"),
        "entities that grow": (bomb().encode(), "it has a DOCTYPE"),
        "a file as an entity": ((local + data.decode()[39:]).encode(), "it has a DOCTYPE"),
        "a DTD from elsewhere": ((external + data.decode()[39:]).encode(), "it has a DOCTYPE"),
        "a DOCTYPE in utf-16": (bomb().encode("utf-16"), "it has a DOCTYPE"),
        "deep": (b"<SoHoSo>" + b"<a>" * 100_000, "more than 200 deep"),
        "deep in a record": (data.replace(b"<SoTrang>", b"<a>" * 300 + b"<SoTrang>", 1), "more than 200 deep"),
        "a tag without end": (b"<SoHoSo a='" + b"x" * 6_000_000, "a tag is longer than"),
        "a comment without end": (b"<SoHoSo><!--" + b"x" * 6_000_000, "a tag is longer than"),
    }  # fmt: skip
    expect_unreadable(warehouse, xml_register(tmp_path), broken)


# Any document


#: what iconv leaves out without a word where it writes windows-1258
TAGS = "".join(map(chr, range(0xE0000, 0xE0080)))
names = st.sampled_from(["a", "b", "N\u1ed9i", "c.d"])
texts = st.text(
    alphabet=st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"], exclude_characters="\ufffe\uffff" + TAGS)
    | st.sampled_from("<>&\"'\u0301"),
    max_size=12,
).map(lambda text: composed(text).strip())  # fmt: skip
records = st.lists(
    st.tuples(st.dictionaries(names, texts, max_size=3), st.dictionaries(names, texts, max_size=4)),
    max_size=6,
)


@examples(100)
@given(records, st.sampled_from(["utf-8", "utf-16", "windows-1258"]), st.booleans())
def test_what_was_written_is_read(tmp_path_factory, given, encoding: str, is_pretty: bool) -> None:
    root = etree.Element("{urn:x}list")
    for attributes, elements in given:
        one = etree.SubElement(root, "{urn:x}one")
        for name, text in attributes.items():
            one.set(f"{{urn:y}}{name}", text)
        for name, text in elements.items():
            etree.SubElement(etree.SubElement(one, "in"), f"{{urn:x}}{name}").text = text
    path = tmp_path_factory.mktemp("xml") / "file"
    path.write_bytes(etree.tostring(root, encoding=encoding, xml_declaration=True, pretty_print=is_pretty))
    paths, *values = look(path, "xml", records_path="list/one")
    read = [
        {path: value for path, value in zip(paths, row, strict=True) if value is not None} for row in values
    ]
    assert read == [
        {f"@{name}": text for name, text in attributes.items() if text}
        | {f"in/{name}": text for name, text in elements.items() if text}
        for attributes, elements in given
    ]


@examples(100)
@given(
    junk=st.binary(max_size=40),
    at=st.integers(0, 2000),
    is_cut=st.booleans(),
)
def test_damage_is_told_or_does_no_harm(tmp_path_factory, junk: bytes, at: int, is_cut: bool) -> None:
    folder = tmp_path_factory.mktemp("xml")
    data = document(*map(record, WRITTEN)).encode()
    (folder / "file").write_bytes(data[:at] + junk + (b"" if is_cut else data[at:]))
    try:
        blocks = list(open_export(xml_register(folder), folder / "file").blocks())
    except Unreadable:
        return
    assert sum(block.row_count for block in blocks) == sum(
        block.copied_count + len(block.rejects) + block.skipped.total() for block in blocks
    )


# Records that are like others: they are read as if expat told each of them

VALUES = [
    "",
    "x",
    " Đ\u00a0",
    "&lt;&#233;&amp;",
    "a\r\nb\tc\r",
    "1 > 0 /> ]]",
    '"it\'s" &#10;',
    "&#32;",
    "-->",
    "\u3000w",
]
SELDOM = ["<![CDATA[x<y]]>", "<!-- c -->", "x<b>y</b>", "x<?p i?>", "&nbsp;", "]]>", "<", "\x01"]
BETWEEN = ["<!-- c -->", "x]", "<?p i?>", "<two/>", "</list><list>", "<![CDATA[", "<one>", "]]>"]
NAMES = ["a", "n:b", "Nội", "c.d", "one"]


class Written:
    """A document of many records that are more or less alike."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.missing, self.short, self.seldom = (
            self.any([0, 0.02, 0.4]),
            self.any([0, 0.5]),
            self.any([0, 0, 0.01]),
        )
        self.is_spaced = self.any([True, False])
        self.encoding = self.any(["utf-8", "utf-8", "utf-8", "utf-16", "iso-8859-1", "us-ascii"])
        self.known = {
            each for each in ["@a", "a", "a[last()]", "in/a", "in/@a", "b", "."] if self.any([True, False])
        }
        fields = [
            (self.any(NAMES), self.random.sample(NAMES, self.any([0, 0, 1])))
            for _ in range(self.any([0, 1, 4]))
        ]
        within = self.any([[], fields[:2]])
        attributes = self.random.sample(NAMES, self.any([0, 2]))
        records = ""
        for _ in range(100):
            if self.random.random() < self.any([0, 0.05]):
                one = self.record(attributes, within, fields)
                records += self.any([*BETWEEN, f"<!-- {one} -->", f"<one>{one}</one>", f"<two>{one}</two>"])
            records += self.record(attributes, within, fields)
        head = f'<?xml version="1.0" encoding="{self.encoding}"?>'
        text = f'{head}<all xmlns:n="urn:n"><x/><list>{records}</list></all>'
        self.data = text.encode(self.encoding, "xmlcharrefreplace")[: self.any([None] * 9 + [4_000])]

    def any(self, choices: Sequence) -> Any:
        return self.random.choice(choices)

    def record(self, attributes: list[str], *groups: list[tuple[str, list[str]]]) -> str:
        within, others = ("".join(self.field(*each) for each in group) for group in groups)
        inner = self.space() + (f"<in{self.attributes(attributes)}>{within}</in>" if within else "") + others
        return f"<n:one{self.attributes(attributes)}>{inner}</n:one>{self.space()}"

    def field(self, name: str, attributes: list[str]) -> str:
        if self.random.random() < self.missing:
            return ""
        if self.random.random() < self.short:
            return f"<{name}{self.attributes(attributes)}/>" + self.space()
        value = self.any(SELDOM if self.random.random() < self.seldom else VALUES)
        return f"<{name}{self.attributes(attributes)}>{value}</{name}>" + self.space()

    def attributes(self, names: list[str]) -> str:
        if self.random.random() < self.missing / 4:
            return self.any([' xsi:nil="true"', ' xmlns:q="urn:q"', ' z = "1"'])
        there = [name for name in names if self.random.random() >= self.missing]
        return "".join(f" {name}={quoteattr(self.any(VALUES))}" for name in there)

    def space(self) -> str:
        return self.any(["", " ", "\r\n  "]) if self.is_spaced else ""


def read(contract: Contract, path: Path, chunk_bytes: int, examples: int) -> object:
    """Every row with its place and all that is told besides, or what is wrong with the file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(xml, "CHUNK_BYTES", chunk_bytes)
        patch.setattr(xml, "EXAMPLES", examples)
        try:
            export = open_export(contract, path)
            blocks = [replace(block, offsets=list(block.offsets)) for block in export.blocks()]
        except Unreadable as problem:
            return str(problem)
    return blocks, list(export.unknown_columns.items()), export.unknown_places, export.seen_columns


@pytest.mark.parametrize("chunk_bytes", [100, 500, 2_000])
def test_records_that_are_like_others_are_read_as_each_alone(tmp_path: Path, chunk_bytes: int) -> None:
    path = tmp_path / "file"
    contract = register(tmp_path, "xml", recordsPath="all/list/one")
    text = contract.columns[1]
    for seed in range(300):
        document = Written(seed)
        path.write_bytes(document.data)
        columns = tuple(text.model_copy(update={"header": header}) for header in sorted(document.known))
        contract = contract.model_copy(update={"columns": columns})
        each_alone = read(contract, path, xml.CHUNK_BYTES, 0)
        assert (seed, read(contract, path, chunk_bytes, 10)) == (seed, each_alone)


def test_of_many_records_that_are_alike_expat_tells_few(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    lines = [[f"{number}", *WRITTEN[number % 3][1:]] for number in range(9_000)]
    path.write_text(document(*map(record, lines)), encoding="utf-8")
    ended, end = [], xml._Reader.end
    monkeypatch.setattr(xml._Reader, "end", lambda reader, name: (ended.append(name), end(reader, name)))
    contract = xml_register(tmp_path)
    assert sum(block.copied_count for block in open_export(contract, path).blocks()) == len(lines)
    assert ended.count("hs:HoSo") < len(lines) / 4
