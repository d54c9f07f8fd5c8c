"""iDesk: messages of edXML (QCVN 102:2016) that it sent and received, and status messages, a month's in a zip each."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from random import Random
from xml.sax.saxutils import escape

from kho_sample import people
from kho_sample.agencies import Agency
from kho_sample.document_systems import Document, DocumentSystems, issued, received
from kho_sample.export import Export, Line, spoil
from kho_sample.paperwork import FATES, days_after, stroke_of
from kho_sample.section import Period
from kho_sample.system import Place, System
from kho_sample.working_days import WorkingDays, month_ends

NEW, RECALL, UPDATE, REPLACE = "0", "1", "2", "3"
AXIS = "000.00.00.G22"  # the exchange axis, the last hop of what arrives
# Whose signature a signed document has; most messages leave it empty.
SIGNATURES = ("", "Cá nhân và cơ quan", "", "Cơ quan", "", "", "Cá nhân")
Message = dict[str, str]


def exports(section: DocumentSystems, place: Place) -> list[Export]:
    """The zips of all months: outgoing, incoming, deliveries."""
    rng, days = Random(f"{place.seed} idesk"), WorkingDays(place.period)
    documents = issued(section, place)
    sent = [
        (document, _recipients(document, place.units, rng)) for document in documents if document.in_idesk
    ]
    outgoing = sorted(
        (line for document, to in sent for line in _life(document, to, rng)), key=lambda line: line.key
    )
    incoming = sorted(
        (
            Line(f"{arrival.received_at:%Y%m%d%H%M%S}|{_code(arrival.document)}", {
                **_message(arrival.document, NEW, arrival.received_at, arrival.recipients, rng), "hop": AXIS,
            })
            for arrival in received(section, place, documents)
            if arrival.in_idesk
        ),
        key=lambda line: line.key,
    )  # fmt: skip
    statuses = sorted(
        (line for document, to in sent for recipient in to for line in _fate(document, recipient, days, rng)),
        key=lambda line: line.key,
    )
    return [
        *_zips("outgoing", outgoing, _edxml, MESSAGE_SPOILERS, place.period, rng),
        *_zips("incoming", incoming, _edxml, MESSAGE_SPOILERS, place.period, rng),
        *_zips("deliveries", statuses, _status, STATUS_SPOILERS, place.period, rng),
    ]


def _code(document: Document, number: int | None = None) -> str:
    parts = (
        document.agency.leaf_first,
        f"{document.issued_on:%Y/%m/%d}",
        _named(number or document.number, document.symbol),
    )
    return ",".join(parts)


def _named(number: int, symbol: str) -> str:
    return f"{number}{stroke_of(symbol)}{symbol}"


def _recipients(document: Document, units: list[Agency], rng: Random) -> tuple[Agency, ...]:
    others = [unit for unit in units if unit is not document.agency]
    return tuple(rng.sample(others, rng.choice((1, 1, 2, 3))))


def _life(document: Document, to: tuple[Agency, ...], rng: Random) -> Iterator[Line]:
    """The message that sent a document, and the one that changed it."""
    message = _message(document, NEW, document.entered_at, to, rng)
    moment = document.changed_at
    if document.change == "updated":
        # What was said first is not what is true of it.
        yield _line(document, {**message, "paper": "0" if document.is_on_paper else "1"})
        yield _line(document, {**message, "business": UPDATE, "at": _stamp(moment), "concerned": _code(document),
                               "reason": f"Đính chính theo đề nghị của ông {people.name(rng)}"})  # fmt: skip
        return
    yield _line(document, message)
    if document.change == "recalled":
        yield _line(document, {**message, "business": RECALL, "at": _stamp(moment), "concerned": _code(document),
                               "paper": "0", "method": "", "reason": "Ban hành nhầm"})  # fmt: skip
    if document.change == "replaced":
        yield _line(document, {**message, "business": REPLACE, "at": _stamp(moment), "number": str(document.replacement),
                               "date": f"{moment:%Y/%m/%d}", "replaced": _code(document), "reason": "Thay thế",
                               "code": f"{document.agency.leaf_first},{moment:%Y/%m/%d},"
                               f"{_named(document.replacement, document.symbol)}"})  # fmt: skip


def _line(document: Document, message: Message) -> Line:
    return Line(f"{message['at']}|{_code(document)}", message)


def _message(document: Document, business: str, at: datetime, to: tuple[Agency, ...], rng: Random) -> Message:
    # Some offices type `Đ` with the Icelandic letter, and numbers with leading zeros.
    odd = document.agency.code.endswith("4")
    return {
        "code": _code(document),
        "business": business,
        "at": _stamp(at),
        "hop": document.agency.leaf_first,
        "from": document.agency.leaf_first,
        "from_name": document.agency.name,
        "to": ";".join(unit.leaf_first for unit in to),
        "number": f"{document.number:03d}" if odd else str(document.number),
        "symbol": document.symbol.replace("Đ", "Ð") if odd else document.symbol,
        "date": f"{document.issued_on:%Y/%m/%d}",
        "kind": document.kind,
        "subject": document.subject,
        "signer": document.signer,
        "pages": str(rng.randint(1, 12)),
        "paper": str(int(document.is_on_paper)),
        "officer": people.name(rng),
        "place": rng.choice(("Tiểu Cần", "N/A")),
        "due": f"{at + timedelta(days=2):%Y/%m/%d}",  # what the software fills in, for no reason
        "signature": SIGNATURES[document.number % len(SIGNATURES)] if document.is_signed else "",
        "method": "http://www.w3.org/2000/09/xmldsig#rsa-sha1" if document.is_signed else "",
        "concerned": "",
        "replaced": "",
        "reason": "",
    }


def _stamp(moment: datetime | None) -> str:
    return f"{moment:%Y/%m/%d %H:%M:%S}"


_HEAD = '<?xml version="1.0" encoding="utf-8"?>\n<edXML:edXML xmlns:edXML="http://www.mic.gov.vn/TBT/QCVN_102_2016">'


def _edxml(message: Message) -> str:
    m = {name: escape(text) for name, text in message.items()}
    to = "".join(f"<edXML:To><edXML:OrganId>{code}</edXML:OrganId></edXML:To>" for code in m["to"].split(";"))
    hops = (
        [(m["from"], _before(m["at"])), (m["hop"], m["at"])]
        if m["hop"] != m["from"]
        else [(m["hop"], m["at"])]
    )
    trace = "".join(
        f"<edXML:TraceHeader><edXML:OrganId>{organ}</edXML:OrganId><edXML:Timestamp>{at}</edXML:Timestamp></edXML:TraceHeader>"
        for organ, at in hops
    )
    concerned = f"<edXML:DocumentId>{m['concerned']}</edXML:DocumentId>" if m["concerned"] else ""
    replaced = (
        f"<edXML:ReplacementInfoList><edXML:ReplacementInfo><edXML:DocumentId>{m['replaced']}</edXML:DocumentId>"
        "</edXML:ReplacementInfo></edXML:ReplacementInfoList>"
        if m["replaced"]
        else ""
    )
    signature = (
        '<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"><SignedInfo>'
        f'<SignatureMethod Algorithm="{m["method"]}"/></SignedInfo></Signature>'
        if m["method"]
        else ""
    )
    return (
        f"{_HEAD}<edXML:edXMLEnvelope><edXML:edXMLHeader><edXML:MessageHeader>"
        f"<edXML:From><edXML:OrganId>{m['from']}</edXML:OrganId><edXML:OrganName>{m['from_name']}</edXML:OrganName></edXML:From>{to}"
        f"<edXML:Code><edXML:CodeNumber>{m['number']}</edXML:CodeNumber><edXML:CodeNotation>{m['symbol']}</edXML:CodeNotation></edXML:Code>"
        f"<edXML:PromulgationInfo><edXML:Place>{m['place']}</edXML:Place><edXML:PromulgationDate>{m['date']}</edXML:PromulgationDate></edXML:PromulgationInfo>"
        f"<edXML:DocumentType><edXML:TypeName>{m['kind']}</edXML:TypeName></edXML:DocumentType>"
        f"<edXML:Subject>{m['subject']}</edXML:Subject>"
        f"<edXML:SignerInfo><edXML:Position>Chủ tịch</edXML:Position><edXML:FullName>{m['signer']}</edXML:FullName></edXML:SignerInfo>"
        f"<edXML:DueDate>{m['due']}</edXML:DueDate><edXML:DigitalSignature>{m['signature']}</edXML:DigitalSignature>"
        f"<edXML:OtherInfo><edXML:Priority>0</edXML:Priority><edXML:PageAmount>{m['pages']}</edXML:PageAmount></edXML:OtherInfo>"
        f"<edXML:DocumentId>{m['code']}</edXML:DocumentId></edXML:MessageHeader>"
        f"<edXML:TraceHeaderList>{trace}<edXML:Bussiness><edXML:BussinessDocType>{m['business']}</edXML:BussinessDocType>"
        f"<edXML:BussinessDocReason>{m['reason']}</edXML:BussinessDocReason>{concerned}<edXML:Paper>{m['paper']}</edXML:Paper>"
        f"<edXML:StaffInfo><edXML:Staff>{m['officer']}</edXML:Staff></edXML:StaffInfo>{replaced}</edXML:Bussiness></edXML:TraceHeaderList>"
        f"{signature}</edXML:edXMLHeader></edXML:edXMLEnvelope></edXML:edXML>"
    )


def _before(at: str) -> str:
    try:
        return _stamp(datetime.strptime(at, "%Y/%m/%d %H:%M:%S") - timedelta(minutes=1))
    except ValueError:
        return at


# Status messages


def _fate(document: Document, recipient: Agency, days: WorkingDays, rng: Random) -> Iterator[Line]:
    officer = people.name(rng)
    moment = document.entered_at + timedelta(seconds=rng.randint(30, 600))
    for status in rng.choices([fate for fate, _ in FATES], [weight for _, weight in FATES])[0]:
        if moment.date() > days.end:
            return
        message = {
            "from": document.agency.leaf_first,
            "code": _named(document.number, document.symbol),
            "date": f"{document.issued_on:%Y/%m/%d}",
            "recipient": recipient.leaf_first,
            "recipient_name": recipient.name,
            "status": status,
            "at": _stamp(moment),
            "officer": officer,
        }
        yield Line(
            f"{message['at']}|{document.agency.code}|{message['code']}|{recipient.code}|{status}", message
        )
        later = days.after(moment.date(), days_after(status, rng))
        moment = datetime.combine(later, moment.time()) + timedelta(seconds=rng.randint(20, 4000))


def _status(message: Message) -> str:
    m = {name: escape(text) for name, text in message.items()}
    return (
        f"{_HEAD}<edXML:edXMLEnvelope><edXML:edXMLHeader><edXML:Status>"
        f"<edXML:ResponseFor><edXML:OrganId>{m['from']}</edXML:OrganId><edXML:Code>{m['code']}</edXML:Code>"
        f"<edXML:PromulgationDate>{m['date']}</edXML:PromulgationDate></edXML:ResponseFor>"
        f"<edXML:From><edXML:OrganId>{m['recipient']}</edXML:OrganId><edXML:OrganName>{m['recipient_name']}</edXML:OrganName></edXML:From>"
        f"<edXML:StatusCode>{m['status']}</edXML:StatusCode><edXML:Timestamp>{m['at']}</edXML:Timestamp>"
        f"<edXML:StaffInfo><edXML:Staff>{m['officer']}</edXML:Staff></edXML:StaffInfo>"
        "</edXML:Status></edXML:edXMLHeader></edXML:edXMLEnvelope></edXML:edXML>"
    )


# A month's messages


def _zips(
    entity: str,
    lines: list[Line],
    text: Callable[[Message], str],
    spoilers: tuple,
    period: Period,
    rng: Random,
) -> list[Export]:
    files: dict[date, list[Line]] = {last: [] for last in month_ends(period.start, period.end)}
    for line in lines:
        day = date.fromisoformat(line.key[:10].replace("/", "-"))
        files[next(last for last in files if day <= last)].append(line)
    spoil(files, spoilers, rng, lambda day: True, share=0.008)
    return [
        Export("idesk", entity, f"{entity}_{last:%Y%m%d}.zip", _zip(last, messages, text), last)
        for last, messages in files.items()
    ]


def _zip(last: date, lines: list[Line], text: Callable[[Message], str]) -> bytes:
    buffer = io.BytesIO()
    evening = datetime.combine(last, time(18)).timetuple()[:6]
    with zipfile.ZipFile(buffer, "w") as archive:
        for number, line in enumerate(lines, 1):
            written = text(line.values)
            if line.values.get("is_cut"):
                written = written[: len(written) // 2]
            member = zipfile.ZipInfo(f"{last:%Y%m}/{number:05d}.edxml", evening)
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, written)
    return buffer.getvalue()


def _set(name: str, value: str):
    return lambda rng, message: {**message, name: value}


MESSAGE_SPOILERS = (
    _set("date", "2017/02/31"),
    _set("number", "mười"),
    _set("business", "9"),
    _set("is_cut", "x"),
    _set("kind", "Sắc lệnh"),
    _set("from", "Tiểu Cần"),
    _set("symbol", "M-UBND"),  # a secret document: it should not be in an export, and never enters
)
STATUS_SPOILERS = (_set("status", "99"), _set("at", "hôm qua"), _set("is_cut", "x"), _set("code", "không số"))


SYSTEM = System(
    "idesk", {"iDesk": exports}, section="idesk_and_moffice", told_as=DocumentSystems, served=("sftp",)
)
