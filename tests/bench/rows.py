"""What the exports of the bench's province hold: deliveries, and the SQL that makes their rows.

Days are calendar days, each as busy as any other. The SQL stands on two temporary tables: `agency` (agency_number, root_first,
leaf_first) and `procedure` (procedure_number, procedure_code, field_code).
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta

from psycopg.sql import SQL, Composed

LAST = date(2025, 12, 30)  # of the history
TONIGHT = LAST + timedelta(1)

# The ordinary night: 10,000 rows. The dossiers that change are of the days before it, where there are so many.
CHANGED, NEW_DOSSIERS, NEW_DOCUMENTS, NEW_EVENTS = 3_000, 1_000, 2_000, 4_000
CHANGED_WITHIN = 60

#: from the day of a dossier or document to the last one on which anything is told of it
_LONGEST = timedelta(20)
_DOSSIERS, _DELIVERIES = "dossiers_{:%Y%m%d}_h77.csv", "deliveries_{:%Y%m%d}_h77.jsonl"
_OUTGOING = "outgoing_{:%Y%m%d}_h77.xlsx"


@dataclass(frozen=True)
class Extent:
    """How long a history is: so many dossiers and as many documents, each with so many events, in so many years."""

    size: int
    events: int = 2
    years: int = 5

    @property
    def first(self) -> date:
        return date(LAST.year + 1 - self.years, 1, 1)

    @property
    def days(self) -> int:
        return (TONIGHT - self.first).days

    def numbers(self, first: date, last: date) -> range:
        """The numbers of the dossiers or documents of these days."""
        before, through = (max(0, (day - self.first).days) for day in (first, last + timedelta(1)))
        return range(-(-before * self.size // self.days), -(-through * self.size // self.days))


@dataclass(frozen=True)
class Delivery:
    """What is handed over for a day, as the list of a unit if it is one."""

    day: date
    name: str
    unit: str = ""


@dataclass(frozen=True)
class Made:
    """Deliveries of a contract and their rows: `day` and `unit` of the delivery, then the contract's columns."""

    contract: str
    deliveries: list[Delivery]
    rows: Composed


# By the days on which they are handed over


def procedures(first: date, units: list[str]) -> Made:
    """The list of each unit, leaf first. It changes once, when levels became words."""
    deliveries = [Delivery(first, f"procedures_{unit}_{first:%Y%m%d}.xls", unit) for unit in units]
    rows = SQL(
        """
        select {day} as day, leaf_first as unit, procedure_number::text as ordinal, leaf_first as agency_code, procedure_code,
          'Thủ tục ' || procedure_number as procedure_name, field_code, 'Lĩnh vực ' || field_code as field_name,
          'Thuộc thẩm quyền' as procedure_group,
          case when {by_words} then (array['một phần', 'toàn trình'])[1 + procedure_number % 2]
            else (2 + procedure_number % 3)::text end as online_level,
          case when {by_words} then 'NĐ 42/2022' else 'NĐ 43/2011' end as online_scheme,
          procedure_number % 5 = 0 as is_announced_for_post
        from pg_temp.agency cross join pg_temp.procedure
        """
    ).format(day=first, by_words=first >= date(2022, 10, 1))
    return Made("one_stop.procedures", deliveries, rows)


def dossiers(extent: Extent, first: date, last: date) -> Made:
    rows = _dossiers(extent, extent.numbers(first - _LONGEST, last), first, last)
    return Made("one_stop.dossiers", _daily(_DOSSIERS, first, last), rows)


def documents(extent: Extent, first: date, last: date) -> Made:
    months = [each for each in _daily(_OUTGOING, first, last) if each.day == _handed_over(each.day)]
    return Made("documents.outgoing", months, _documents(extent, extent.numbers(first, last)))


def events(extent: Extent, first: date, last: date) -> Made:
    rows = _events(extent, extent.numbers(first - _LONGEST, last), first, last)
    return Made("documents.deliveries", _daily(_DELIVERIES, first, last), rows)


def night(extent: Extent) -> list[Made]:
    """What the night after the history brings: dossiers that changed or ended, new ones, documents, events of some."""
    size, a_day = extent.size, extent.size // extent.days
    step = max(1, a_day * CHANGED_WITHIN // CHANGED)
    until = size - 2 * a_day
    changed = range(max(0, until - step * CHANGED), until, step)
    return [
        Made(
            "one_stop.dossiers",
            _daily(_DOSSIERS, TONIGHT, TONIGHT),
            SQL("{} union all {}").format(
                _dossiers(extent, changed, TONIGHT, TONIGHT, is_told_again=True),
                _dossiers(extent, range(size, size + NEW_DOSSIERS), TONIGHT, TONIGHT),
            ),
        ),
        Made(
            "documents.outgoing",
            _daily(_OUTGOING, TONIGHT, TONIGHT),
            _documents(extent, range(size, size + NEW_DOCUMENTS)),
        ),
        Made(
            "documents.deliveries",
            _daily(_DELIVERIES, TONIGHT, TONIGHT),
            _events(extent, range(size, size + NEW_EVENTS // extent.events), TONIGHT, TONIGHT),
        ),
    ]


def _daily(name: str, first: date, last: date) -> list[Delivery]:
    days = (first + timedelta(number) for number in range((last - first).days + 1))
    return [Delivery(day, name.format(day)) for day in days]


def _handed_over(day: date) -> date:
    """When the register of documents of a day's month is handed over."""
    return min(day.replace(day=monthrange(day.year, day.month)[1]), max(day, LAST))


# Their rows


def _numbered(extent: Extent, numbers: range) -> Composed:
    """A number each, the day on which it came to be, and two numbers by chance, always the same for it."""
    return SQL(
        """
        select number, least({first} + (number * {days} / {size})::integer, {tonight}) as made_on,
          hashint8extended(number, 1) & 1073741823 as chance, hashint8extended(number, 2) & 1073741823 as luck
        from generate_series({start}::bigint, {end}, {step}) as number
        """
    ).format(
        first=extent.first,
        days=extent.days,
        size=extent.size,
        tonight=TONIGHT,
        start=numbers.start,
        end=numbers.stop - 1,
        step=numbers.step,
    )


def _dossiers(
    extent: Extent,
    numbers: range,
    first: date,
    last: date,
    *,
    is_told_again: bool = False,
) -> Composed:
    """Versions of these days: a dossier is received, one in ten is supplemented, and it ends. `is_told_again`: their ends are
    told tonight; those that had none end tonight.
    """
    return SQL(
        """
        select version.day, '' as unit, dossier_code, procedure_code, field_code, leaf_first as agency_code,
          (array['1', '1', '2', '2', '3'])[1 + luck % 5] as channel_code,
          (array['1', '1', '2'])[1 + luck % 3] as applicant_type_code,
          received_at as submitted_at, received_at, ended_on + (luck / 11 % 12)::integer - 1 + time '17:30' as due_at,
          case when stage > 1 and is_supplemented then made_on + 1 + time '10:00' end as supplement_requested_at,
          case when stage > 2 and is_supplemented then made_on + 1 + time '15:00' end as supplemented_at,
          case when stage > 2 and final <> '8' then ended_on + time '17:00' end as processed_at,
          case when stage > 2 and final = '10' then ended_on + time '17:30' end as returned_at,
          case when stage > 2 and final = '8' then ended_on + time '17:00' end as refused_at,
          (array['4', '5', final])[stage] as status_code,
          case when luck % 10 = 0 then '3' else '1' end as return_method_code, luck % 10 = 0 as is_returned_by_post,
          10000 as fee_vnd, 0 as charge_vnd, 10000 as amount_vnd, md5(chance::text) || md5(luck::text) as applicant_hash,
          case stage when 1 then received_at when 2 then made_on + 1 + time '10:00' else version.day + time '17:30' end
            as updated_at
        from (
          select numbered.*, leaf_first, procedure_code, field_code,
            leaf_first || '-' || to_char(made_on, 'YYMMDD') || '-' || lpad(number::text, 8, '0') as dossier_code,
            made_on + time '07:30' + chance / 138 % 540 * interval '1 minute' as received_at,
            luck / 3000 % 10 = 0 and ended_on > made_on + 1 as is_supplemented,
            (array['8', '9'] || array_fill('10'::text, array[48]))[1 + luck / 7 % 50] as final
          from (
            select *, least(made_on + (1 + luck / 150 % 19)::integer, {told_on}) as ended_on from ({numbered}) as numbered
          ) as numbered
          join pg_temp.agency on agency_number = chance % 138
          join pg_temp.procedure on procedure_number = luck % 150
        ) as dossier
        cross join lateral (values (1, made_on), (2, made_on + 1), (3, coalesce({told_on}, ended_on))) as version (stage, day)
        where version.day between {first} and {last} and (stage <> 2 or is_supplemented)
        """
    ).format(
        numbered=_numbered(extent, numbers),
        told_on=SQL("{}::date").format(TONIGHT if is_told_again else None),
        first=first,
        last=last,
    )


def _documents(extent: Extent, numbers: range) -> Composed:
    return SQL(
        """
        select case when made_on > {last} then made_on
            else least((date_trunc('month', made_on) + interval '1 month - 1 day')::date, {last}) end as day,
          '' as unit, number::text as ordinal, agency_code, document_number, document_symbol, made_on as issued_date,
          document_type_name, 'Thường' as secrecy, chance % 10 < 7 as is_signed_electronically,
          chance % 10 > 5 as is_sent_on_paper, made_on + time '10:00' as updated_at
        from ({document}) as document
        """
    ).format(last=LAST, document=_document(extent, numbers))


def _events(extent: Extent, numbers: range, first: date, last: date) -> Composed:
    """Events of these days: one a day of each document; what would come after the history comes on its last day."""
    return SQL(
        """
        select event.day, '' as unit, 'E' || number || '.' || place as event_code, agency_code,
          recipient.root_first as recipient_code, document_number, document_symbol, made_on as issued_date,
          (array['01', '03', '04', '05', '06'])[place] as status_code, event.day + time '11:00' + place * interval '1 hour'
            as occurred_at
        from ({document}) as document
        join pg_temp.agency as recipient on recipient.agency_number = luck % 138
        cross join generate_series(1, {each}) as place
        cross join lateral (values (least(made_on + place - 1, greatest(made_on, {end})))) as event (day)
        where event.day between {first} and {last}
        """
    ).format(document=_document(extent, numbers), each=extent.events, end=LAST, first=first, last=last)


def _document(extent: Extent, numbers: range) -> Composed:
    return SQL(
        """
        select numbered.*, root_first as agency_code, (1 + numbered.number / 138 % 900000)::text as document_number,
          (array['UBND-VP', 'BC-UBND', 'QĐ-UBND', 'TB-UBND', 'KH-UBND', 'TTr-UBND', 'GM-UBND', 'UBND-NC'])[1 + chance % 8]
            as document_symbol,
          (array['Công văn', 'Báo cáo', 'Quyết định', 'Thông báo', 'Kế hoạch', 'Tờ trình', 'Giấy mời', 'Công văn'])[
            1 + chance % 8] as document_type_name
        from ({numbered}) as numbered
        join pg_temp.agency on agency_number = numbered.number % 138
        """
    ).format(numbered=_numbered(extent, numbers))
