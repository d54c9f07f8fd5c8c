"""What a contract says, in Kho's terms. `reading` makes these from the ODCS file."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Final, Literal
from unicodedata import normalize

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from kho.contract import moments
from kho.contract.file_name import as_seen
from kho.contract.schedule import FIRST_DAY
from kho.settings import TIMEZONE
from kho.time_limit import time_limit

#: that a pattern may take for the name of a file
NAME_SECONDS = 1.0

#: ODCS status of a contract that nights leave alone
DRAFT = "draft"
#: ODCS status of one whose source hands nothing over any more: what came of it stays
RETIRED = "retired"

#: Vietnamese encodings from before Unicode, which the formats read beside Python's own
OWN_ENCODINGS = ("tcvn3", "vni")


#: paging of an API that lists its files by name, with their pages
FILES: Final = "files"


class _Keys(BaseModel):
    """Custom properties of one place of a contract: unknown ones are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


class SkipRule(_Keys):
    """Rows that are no data (section and total rows): counted as skipped, never as rejected."""

    column: str = Field(
        description="the column to look at, by its name in the contract", examples=["ordinal"]
    )
    pattern: str = Field(description="regular expression that its text matches", examples=["^Tổng"])
    why: str = Field(
        description="what such a row is; the operator sees it in the counts", examples=["total row"]
    )
    is_sum: bool = Field(
        False,
        description="its numbers are the sums of those of all rows that are data, rejected ones too: a batch where they are"
        " not is held",
        examples=[True],
    )


class SumRule(_Keys):
    """A number of a row that others of the row add up to. A row where they do not is a reject that tells the difference;
    one that lacks any of them is not judged."""

    column: str = Field(description="the column with the sum, by its name", examples=["received_total"])
    of: tuple[str, ...] = Field(
        min_length=1,
        description="the columns that add up to it",
        examples=[["received_online", "received_direct", "carried_over"]],
    )


class OrderRule(_Keys):
    """Two columns of a row, of which one is never before the other. A row that says otherwise is loaded and counted; where
    one of the two has no time of day, days are compared."""

    column: str = Field(description="the column that comes second, by its name", examples=["due_at"])
    not_before: str = Field(description="the column that comes first", examples=["received_at"])


class ContractKeys(_Keys):
    """`customProperties` of the contract as a whole."""

    open_questions: tuple[str, ...] = Field(
        (),
        description="what nobody has answered yet, each with its place; only a draft may have any",
        examples=[["$.schema[0].customProperties.dateFormat: is 01/02/2021 a day in January?"]],
    )


class ServerKeys(_Keys):
    """`servers[0].customProperties`: how to get at the export."""

    connection: str | None = Field(
        None, description="Airflow connection id; holds address and secrets", examples=["one_stop_sftp"]
    )
    file_name: str = Field(
        description="regular expression of the file's name; its group `business_date` is yyyymmdd. Without one a file is of the"
        " day on which it was written, before six in the morning of the day before. Optional groups: `unit`"
        " (whose full list it is), `part` and `parts` (digits: this is part 1 of 3; without the others the date is incomplete),"
        " `covers_from` (yyyymmdd: the first day of all that it tells of, as a dump that stands for many days)",
        examples=[
            r"dossiers_(?P<business_date>\d{8})\.csv",
            r"dossiers\.csv",
            r"dossiers_(?P<business_date>\d{8})_(?P<part>\d+)of(?P<parts>\d+)\.csv",
            r"dossiers_((?P<covers_from>\d{8})-)?(?P<business_date>\d{8})\.csv",
        ],
    )
    control_file: str | None = Field(
        None,
        description="name of the file that holds `rows=<n>`, with {name} for the export's",
        examples=["{name}.ctl"],
    )
    transport: Literal["ftps"] | None = Field(
        None, description="for server type custom: what ODCS has no type for", examples=["ftps"]
    )
    page_size: int = Field(1000, gt=0, description="records per page of an API", examples=[50])
    compression: Literal["zip", "gzip"] | None = Field(
        None,
        description="zip (its files are the parts of one export) or gzip, around a file of the format",
        examples=["gzip"],
    )
    paging: Literal["files", "none", "page", "offset", "cursor", "link"] = Field(
        FILES,
        description="how an API gives the export. files: the location lists files, each in pages; none: the location is the file; page, offset: numbered pages until an empty one; cursor: each"
        " page names the next in nextPath; link: in its Link header",
        examples=["page"],
    )
    page_parameter: str | None = Field(
        None,
        description="query parameter of the page's number, offset or cursor; by default page, offset, cursor",
        examples=["page"],
    )
    size_parameter: str | None = Field(
        None,
        description="query parameter of the page's size; by default page_size, or limit for offset and cursor",
        examples=["per_page"],
    )
    first_page: int = Field(1, ge=0, description="number of the first page", examples=[0])
    next_path: str | None = Field(
        None,
        description="dotted path in a page of JSON to the cursor or URL of the next one",
        examples=["links.next"],
    )
    query: str | None = Field(
        None,
        description="the SELECT whose rows are the export, for databases",
        examples=["select id, name, changed_at from permits"],
    )
    watermark_column: str | None = Field(
        None,
        description="column of the query that says when a row last changed: a day's rows are the file of that day",
        examples=["changed_at"],
    )
    max_bytes: int = Field(
        2_000_000_000,
        gt=0,
        description="cap for one delivery: one that has more bytes is not taken",
        examples=[2_000_000_000],
    )
    max_minutes: float = Field(
        30, gt=0, description="cap for one delivery: one that takes longer is not taken", examples=[30]
    )
    max_source_bytes: int = Field(
        20_000_000_000,
        gt=0,
        description="cap for all that one fetch reads from the source, lists and control files too; what it took by then is"
        " kept, and the next fetch goes on",
        examples=[20_000_000_000],
    )
    max_source_minutes: float = Field(
        45, gt=0, description="cap for one fetch of the source: likewise", examples=[45]
    )
    format: str | None = Field(
        None, description="as servers[0].format, for server types that lack it", examples=["jsonl"]
    )
    encoding: str | None = Field(
        None, description="as servers[0].encoding, for server types that lack it", examples=["utf-8"]
    )
    delimiter: str | None = Field(
        None, description="as servers[0].delimiter, for server types that lack it", examples=["\t"]
    )


class FileKeys(_Keys):
    """`schema[0].customProperties`: how the file is laid out and what it stands for."""

    load: Literal["delta", "full"] = Field(
        description="delta: changes of a period; full: the whole list", examples=["delta"]
    )
    first_delivery_covers_from: date | None = Field(
        None,
        description="of a delta: the first day that the first delivery tells of, as yyyy-MM-dd, where it is a dump of the time"
        " before. If not given, a delivery tells of its date, one of monthly changes of its month. The group `covers_from` of"
        " `fileName` says it of any delivery",
        examples=["2025-03-01"],
    )
    full_list_of: tuple[str, ...] = Field(
        (), description="columns whose values a full list is the whole of", examples=[["agency_code"]]
    )
    version_column: str | None = Field(
        None,
        description="column with the source's own time of the row's version. A version that lies more than a day after its"
        " delivery's date is counted, and ordered as of that date",
        examples=["updated_at"],
    )
    case_column: str | None = Field(
        None,
        description="of an event log (one row per event): column that names the case; its events are found by it",
        examples=["case_code"],
    )
    header_rows: int = Field(
        1, ge=1, description="rows that the header takes, merged cells included", examples=[3]
    )
    sheet: str | None = Field(
        None, description="name of a workbook's sheet; the first where none is named", examples=["Danh sách"]
    )
    records_path: str | None = Field(
        None,
        description="where the records are: keys of a JSON document (`data.items`), elements of XML",
        examples=["items"],
    )
    null_texts: tuple[str, ...] = Field(
        (),
        description="texts that mean nothing in any column, as an empty cell does (`EMPTY`)",
        examples=[["EMPTY", "NULL"]],
    )
    date_format: str = Field(
        "yyyy-MM-dd", description=f"how dates are written: {moments.DATES_TOLD}", examples=["dd/MM/yyyy"]
    )
    timestamp_format: str = Field(
        "yyyy-MM-dd HH:mm:ss",
        description=f"how times are written: {moments.TIMES_TOLD}",
        examples=["d/M/yyyy h:mm:ss a"],
    )
    later_row_counts: bool = Field(
        True,
        description="of rows of one file that have the same key and version and say different things, whether the last one"
        " counts, as the later of two files does; otherwise the first one counts. The others are rejected",
        examples=[False],
    )
    repeats_merged_cells: bool = Field(
        True,
        description="whether a cell of a sheet or an HTML table that is merged over rows stands in each of them; otherwise it"
        " stands in the first and the others are empty, as a sum over the rows wants it",
        examples=[False],
    )
    time_zone: str = Field(
        TIMEZONE, description="IANA zone of times that have no offset", examples=["Europe/Amsterdam"]
    )
    thousands_separator: Literal[".", ",", " ", ""] = Field(
        "", description="between groups of three digits", examples=["."]
    )
    decimal_separator: Literal[".", ","] = Field(".", description="before the decimals", examples=[","])
    skip_rows: tuple[SkipRule, ...] = Field(
        (),
        description="rows that are no data",
        examples=[[{"column": "ordinal", "pattern": "^Tổng", "why": "total row"}]],
    )
    in_order: tuple[OrderRule, ...] = Field(
        (),
        description="columns that come one after the other: rows that say otherwise are told, as a warning above 1 %",
        examples=[[{"column": "due_at", "notBefore": "received_at"}]],
    )
    sums: tuple[SumRule, ...] = Field(
        (),
        description="numbers of a row that add up: one where they do not is a reject",
        examples=[[{"column": "total", "of": ["online", "direct"]}]],
    )
    fills_due_dates: bool = Field(
        False,
        description="of dossiers: one without a due date is due after the longest time of its procedure, as the units' lists"
        " of procedures have it (docs/deadlines.md); else nothing makes it late",
        examples=[True],
    )
    max_file_megabytes: int = Field(
        64,
        gt=0,
        description="cap for what is read whole: workbooks, html, a page or a list of an API",
        examples=[64],
    )
    max_unpacked_bytes: int = Field(
        10_000_000_000,
        gt=0,
        description="cap for what comes out of a zip or gzip: a file that unpacks to more is unreadable",
        examples=[10_000_000_000],
    )
    max_load_minutes: float = Field(
        60, gt=0, description="cap for loading a file: one that takes longer is unreadable", examples=[60]
    )


class ColumnKeys(_Keys):
    """`schema[0].properties[n].customProperties`: what a column's values mean."""

    true_values: tuple[str, ...] = Field(("true",), description="texts that mean yes", examples=[["x", "1"]])
    false_values: tuple[str, ...] = Field(
        ("false",), description="texts that mean no; '' makes an empty cell a no", examples=[["", "0"]]
    )
    personal_data: Literal["drop", "hash"] | None = Field(
        None, description="what the load step does with personal data", examples=["drop"]
    )
    earliest: date = Field(
        date(1990, 1, 1),
        description="of dates and times: the first day that can be, as yyyy-MM-dd. What is before it, as 0001-01-01 and"
        " 1900-01-01 that stand for nothing, is emptied and counted; where the column is required, the row is a reject",
        examples=["1975-04-30"],
    )
    days_ahead: int = Field(
        3660,
        ge=0,
        le=40_000,
        description="of dates and times: by how many days it may lie after the delivery's date; 1 for what has happened. What is"
        " later, as 9999-12-31, fares as what is before `earliest`. The versionColumn has no such bound",
        examples=[1],
    )
    may_lack_time: bool = Field(
        False,
        description="of times: a date alone is taken too, as its beginning. What was due on it is due all day",
        examples=[True],
    )
    may_be_absent: bool = Field(
        False,
        description="a file that has no such column, or of JSON and XML no record with it, lacks nothing",
        examples=[True],
    )
    mask_row_when_rejected: bool = Field(
        False, description="mask the whole row when this column is why it was rejected", examples=[True]
    )
    mapping: str | None = Field(
        None,
        description="domain of its codes in `dbt_project/seeds/code_mappings.csv`: another code makes the row a reject"
        " that says which line is missing there",
        examples=["dossier_status"],
    )


def _day(digits: str | None) -> date | None:
    """The date that is written yyyymmdd; None where it is none."""
    try:
        return datetime.strptime(digits or "", "%Y%m%d").date()
    except ValueError:
        return None


#: an agency's code, root first: H51.12
ROOT_FIRST = r"[A-Z]\d{2}(\.\d{2,5})*"
_AGENCY = rf"({ROOT_FIRST}|\d{{3}}(\.\d{{2,5}}){{2}}\.[A-Z]\d{{2}})"
#: what texts of each format look like, and what to call one
FORMATS = {
    "agency_code": (f"^{_AGENCY}$", "an agency's code"),
    "agency_codes": (f"^{_AGENCY}(; {_AGENCY})*$", "agencies' codes joined by '; '"),
}


def agency_code(text: str) -> str:
    """The code of an agency root first, as `raw.agency_code` of the database has it; what is none stays as it is."""
    if not re.fullmatch(_AGENCY, text):
        return text
    parts = text.split(".") if text[0].isalpha() else text.split(".")[::-1]
    return ".".join(part for part in parts if part.strip("0"))


class Column(BaseModel):
    """One column of an export and of its raw table."""

    model_config = ConfigDict(frozen=True)

    name: str
    header: str
    type: Literal["string", "integer", "number", "date", "timestamp", "boolean"]
    description: str
    required: bool = False
    is_classified: bool = False
    key_position: int | None = None
    values: tuple[str, ...] = ()
    meanings: tuple[str, ...] = ()
    format: Literal["agency_code", "agency_codes"] | None = None
    pattern: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    keys: ColumnKeys = ColumnKeys()

    @property
    def is_stored(self) -> bool:
        return self.keys.personal_data != "drop"

    @property
    def says_what_it_holds(self) -> bool:
        """Whether a text can be told to be wrong in it: it is no text, or has a pattern, a format or a set of values."""
        return self.type != "string" or bool(self.pattern or self.format or self.values or self.keys.mapping)

    @property
    def is_moment(self) -> bool:
        return self.type in ("date", "timestamp")

    @property
    def is_number(self) -> bool:
        return self.type in ("integer", "number")

    @property
    def raw_type(self) -> str:
        """Type of the column in the raw table."""
        return {
            "string": "text",
            "integer": "bigint",
            "number": "numeric",
            "date": "date",
            "timestamp": "timestamptz",
            "boolean": "boolean",
        }[self.type]


class Quality(BaseModel):
    """A rule that the exports boundary checks for every batch."""

    model_config = ConfigDict(frozen=True)

    name: str
    metric: Literal["invalidValues", "rowCount", "duplicateValues", "nullValues", "missingValues"]
    column: str | None = None
    unit: Literal["rows", "percent"] = "rows"
    at_least: float | None = None
    at_most: float | None = None
    severity: Literal["critical", "warning", "info"] = "critical"
    description: str = ""


class Contract(BaseModel):
    """One export: where it is, how it is laid out, what its columns are, what must hold."""

    model_config = ConfigDict(frozen=True)

    name: str
    system: str
    entity: str
    title: str
    purpose: str
    usage: str
    version: str
    status: str
    open_questions: tuple[str, ...] = ()
    fingerprint: str
    body: str
    server_type: Literal["local", "sftp", "ftps", "api", "s3", "postgres", "mysql"]
    location: str = Field(
        description="path below the exports folder (local), of the server (sftp, ftps, api), bucket/prefix (s3),"
        " database/schema (postgres), database (mysql)"
    )
    format: Literal["csv", "xlsx", "xls", "ods", "html", "json", "jsonl", "xml", "parquet"]
    encoding: str
    delimiter: str
    server: ServerKeys
    file: FileKeys
    columns: tuple[Column, ...]
    quality: tuple[Quality, ...] = ()
    frequency: Literal["d", "m", "q"] | None = Field(None, description="None: nothing is ever expected")
    latency_days: int = 0
    end_of_life: date | None = Field(None, description="nothing is expected after this day")

    def __hash__(self) -> int:
        """Of what contracts differ by: of all that one holds it takes many times as long, and is asked for often."""
        return hash((self.name, self.fingerprint, self.file))

    @property
    def rhythm(self) -> str:
        """How often it is handed over, for people."""
        if not self.frequency:
            return "now and then"
        every = {"d": "every day", "m": "every month", "q": "every quarter"}[self.frequency]
        return f"{every} until {self.end_of_life}" if self.end_of_life else every

    @property
    def is_list_per_unit(self) -> bool:
        """Each delivery is the whole list of the unit that its name tells."""
        return self.file.load == "full" and "(?P<unit>" in self.server.file_name

    @property
    def is_retired(self) -> bool:
        return self.status == RETIRED

    @property
    def is_draft(self) -> bool:
        """No part of the nights yet."""
        return self.status == DRAFT

    @property
    def names_its_days(self) -> bool:
        """Whether the names of its files hold their dates."""
        return "(?P<business_date>" in self.server.file_name

    def is_named(self, name: str) -> bool:
        """Whether a delivery may have this name."""
        return self._match(name) is not None

    def named(self, name: str) -> dict[str, str | None]:
        """What the groups of `fileName` say of a delivery of this name; nothing when it is named otherwise.

        A name is taken as it looks. A unit is the same in either layout of its code: `unit` is root first.
        A pattern of repeats in repeats that takes too long to tell says nothing of the name either.
        """
        found = self._match(name)
        groups = found.groupdict() if found else {}
        if unit := groups.get("unit"):
            groups["unit"] = agency_code(unit)
        return groups

    def _match(self, name: str) -> re.Match[str] | None:
        try:
            with time_limit(NAME_SECONDS, TimeoutError()):
                return re.fullmatch(normalize("NFC", self.server.file_name), as_seen(name))
        except TimeoutError:
            return None

    def unit_of(self, name: str) -> str:
        """Whose whole list a delivery of this name is; empty where a delivery stands for all units."""
        return (self.named(name).get("unit") or "") if self.is_list_per_unit else ""

    def day_of(self, name: str) -> date | None:
        """The date in the name of a delivery; None when it is named otherwise or holds no date that an export has."""
        named = self.named(name)
        day, start = _day(named.get("business_date")), named.get("covers_from")
        if day is None or day < FIRST_DAY:
            return None
        is_span = start is None or ((first := _day(start)) is not None and first <= day)
        return day if is_span else None

    def covers_from(self, name: str) -> date | None:
        """The first day that a delivery tells of, where its name says it."""
        return _day(self.named(name).get("covers_from"))

    @property
    def tells_spans(self) -> bool:
        """Some of its deliveries may tell of more days than their frequency has it."""
        return "(?P<covers_from>" in self.server.file_name or self.file.first_delivery_covers_from is not None

    @property
    def raw_table(self) -> str:
        return f"{self.system}__{self.entity}"

    @property
    def key(self) -> tuple[Column, ...]:
        """The primary key's columns in their order."""
        keyed = [column for column in self.columns if column.key_position is not None]
        return tuple(sorted(keyed, key=lambda column: column.key_position or 0))

    @property
    def version_column(self) -> Column | None:
        """The column with the source's own time of a row's version."""
        return next((each for each in self.columns if each.name == self.file.version_column), None)

    @property
    def stored(self) -> tuple[Column, ...]:
        """The columns that reach the raw table."""
        return tuple(column for column in self.columns if column.is_stored)
