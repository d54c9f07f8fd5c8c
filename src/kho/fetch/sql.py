"""The rows of a query on PostgreSQL, MariaDB or MySQL, as files of JSON lines.

A delta has a file for every day (or month) of its watermark, quiet ones too; a full list has one file, as of now. All
is read in one snapshot of the database, read only. Times carry their offset, decimals every digit, bytes are
hexadecimal.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from kho.contract import Contract
from kho.contract.schedule import expected_dates, newest_expected_date
from kho.fetch.budget import Budget
from kho.fetch.connection import Connection
from kho.fetch.transport import Incomplete, Listed, Passing, SourceError, patiently
from kho.settings import authorities, is_loopback

T = TypeVar("T")
TIMEOUT_SECONDS = 60
BLOCK_ROWS = 1000


class Database:
    """The export that a contract's query makes. Connects when first used.

    `taken`: the dates of the files that are in the archive.
    """

    def __init__(
        self,
        connection: Connection,
        connection_id: str,
        contract: Contract,
        business_date: date,
        taken: frozenset[date],
        budget: Budget | None = None,
    ) -> None:
        self._id, self._contract = connection_id, contract
        self._budget = budget or Budget()
        self._business_date, self._taken = business_date, taken
        self._zone = ZoneInfo(contract.file.time_zone)
        database, _, self._schema = contract.location.partition("/")
        driver, options = _driver(contract, connection, connection_id)
        url = sa.URL.create(
            driver, connection.login, connection.password, connection.host, connection.port, database
        )
        self._engine = sa.create_engine(
            url, poolclass=sa.NullPool, hide_parameters=True, connect_args=options
        )
        self._session: sa.Connection | None = None
        self._names: list[str] = []  # the query's columns
        self._days: dict[str, tuple[date, date]] = {}  # first and last day of every listed file
        self.where = f"{contract.server_type}://{connection.host}/{contract.location}"

    def files(self) -> list[Listed]:
        return patiently(lambda: self._ask(self._listed))

    def read(self, file: Listed) -> Iterator[bytes]:
        statement = self._export()
        keys = [column.header for column in self._contract.key if column.header in self._names]
        statement = statement.order_by(*map(sa.column, keys))  # the same rows are the same bytes
        if self._contract.file.load == "delta":
            first, last = self._days[file.name]
            watermark = self._watermark()
            statement = statement.where(
                watermark >= datetime.combine(first, time()),
                watermark < datetime.combine(last + timedelta(days=1), time()),
            )
        result = self._ask(lambda session: session.execute(statement))
        found = 0
        while rows := self._ask(lambda _: result.fetchmany(BLOCK_ROWS)):
            found += len(rows)
            block = b"".join(self._line(row) for row in rows)
            self._budget.spend(len(block))
            yield block
        if found != file.records:
            raise Incomplete(f"the query gave {found} rows, and {file.records} a moment before")

    def close(self) -> None:
        self._drop()
        self._engine.dispose()

    def _listed(self, session: sa.Connection) -> list[Listed]:
        self._names = list(session.execute(self._export().limit(0)).keys())
        if len(set(self._names)) < len(self._names):
            raise SourceError(
                f"{self.where}: two columns of the query have the same name: give one another (as)"
            )
        if self._contract.file.load == "full":
            (count,) = session.execute(self._export(sa.func.count())).one()
            day = newest_expected_date(
                self._contract.frequency, self._business_date, self._contract.end_of_life
            )
            return [Listed(self._name(day), count, None, count, again="never")]
        return self._changes(session)

    def _changes(self, session: sa.Connection) -> list[Listed]:
        """A file for every period from the first one known to the business date."""
        watermark = self._watermark()
        if watermark.name not in self._names:
            raise SourceError(
                f"{self.where}: the query has no column {watermark.name}, the contract's watermarkColumn, among its"
                f" {len(self._names)}"
            )
        day = sa.cast(watermark, sa.Date)
        counts: dict[date, int] = {}
        newest: dict[date, datetime] = {}
        for of, count, last in session.execute(
            self._export(day, sa.func.count(), sa.func.max(watermark)).group_by(day)
        ):
            if of is None:
                raise SourceError(
                    f"{self.where}: {count} rows have no {watermark.name}, so they are of no day: let the query fill it "
                    "(coalesce) or leave them out"
                )
            period = self._period(of)
            counts[period] = counts.get(period, 0) + count
            newest[period] = max(self._moment(last), newest.get(period, self._moment(last)))
        files: list[Listed] = []
        if not (first := min([*counts, *self._taken], default=None)):
            return files
        for end in self._periods(first):
            name, count = self._name(end), counts.get(end, 0)
            self._days[name] = (end.replace(day=1) if self._contract.frequency == "m" else end, end)
            files.append(Listed(name, count, newest.get(end), count, again="grown"))
        return files

    def _export(self, *columns: sa.ColumnElement) -> sa.Select:
        """A selection from the contract's query, which goes in as it is written."""
        query = self._contract.server.query.strip().rstrip(";")
        escaped = query.replace(":", r"\:")  # no bound parameters in there
        return sa.select(*columns or [sa.literal_column("*")]).select_from(
            sa.text(f"({escaped}\n) as export")
        )

    def _watermark(self) -> sa.ColumnClause:
        return sa.column(self._contract.server.watermark_column)

    def _periods(self, first: date) -> list[date]:
        return expected_dates(
            self._contract.frequency, first, self._business_date, self._contract.end_of_life
        )

    def _period(self, day: date) -> date:
        if self._contract.frequency == "d":
            return day
        month_end = day.replace(day=calendar.monthrange(day.year, day.month)[1])
        end_of_life = self._contract.end_of_life
        return end_of_life if end_of_life and day <= end_of_life < month_end else month_end

    def _name(self, day: date) -> str:
        return f"{self._contract.entity}_{day:%Y%m%d}.jsonl"

    def _line(self, row: sa.Row) -> bytes:
        values = dict(zip(self._names, map(self._value, row), strict=True))
        return msgspec.json.encode(values, enc_hook=str) + b"\n"

    def _value(self, value: Any) -> Any:
        match value:
            case datetime():
                return self._moment(value).isoformat()
            case Decimal():
                return format(value, "f")
            case float():
                return format(Decimal(repr(value)), "f")
            case bytes() | memoryview():
                return bytes(value).hex()
            case date() | time():
                return value.isoformat()
            case timedelta():
                return str(value)
        return value

    def _moment(self, value: Any) -> datetime:
        if isinstance(value, datetime):
            moment = value if value.tzinfo else value.replace(tzinfo=self._zone)
            # Zones had seconds once, and a written offset has none.
            return moment.astimezone(UTC) if moment.utcoffset().seconds % 60 else moment
        if isinstance(value, date):
            return datetime.combine(value, time(), self._zone)
        raise SourceError(
            f"{self.where}: {self._contract.server.watermark_column}, the contract's watermarkColumn, holds no dates or times"
        )

    # The session

    def _ask(self, question: Callable[[sa.Connection], T]) -> T:
        try:
            return question(self._connected())
        except KeyboardInterrupt:
            self._drop()
            raise
        except DBAPIError as error:
            self._drop()
            raise self._trouble(error) from None

    def _connected(self) -> sa.Connection:
        if self._session is None:
            session = self._engine.connect()
            try:
                self._prepare(session)
            except BaseException:
                session.close()
                raise
            self._session = session
        return self._session

    def _prepare(self, session: sa.Connection) -> None:
        """One snapshot for all that is read, read only; days and times are those of the contract's zone."""
        session.execution_options(isolation_level="REPEATABLE READ", stream_results=True)
        zone = self._zone.key
        if self._contract.server_type == "postgres":
            session.execution_options(postgresql_readonly=True)
            session.execute(
                sa.text(
                    "select set_config('TimeZone', :zone, true), set_config('search_path', quote_ident(:schema), true)"
                ),
                {"zone": zone, "schema": self._schema},
            )
            return
        session.execute(sa.text("set session transaction read only"))
        try:
            session.execute(sa.text("set time_zone = :zone"), {"zone": zone})
        except DBAPIError:  # it has no table of zones
            session.execute(sa.text("set time_zone = :zone"), {"zone": self._offset()})
        session.commit()

    def _offset(self) -> str:
        """The zone's offset, where it always was the same since 1980: an offset is all that a server may know."""
        moments = [
            datetime(year, month, 1, tzinfo=self._zone) for year in range(1980, 2038) for month in (1, 7)
        ]
        offsets = {moment.isoformat()[-6:] for moment in moments}
        if len(offsets) > 1:
            raise SourceError(
                f"{self.where} does not know the time zone {self._zone.key}: have its keeper load the zones "
                "(mariadb-tzinfo-to-sql)"
            )
        return offsets.pop()

    def _drop(self) -> None:
        if self._session is not None:
            self._session.invalidate()
            self._session.close()
        self._session = None

    def _trouble(self, error: DBAPIError) -> SourceError:
        """What to say about an error of the driver; the texts of some hold values of rows, and those are not shown."""
        code, text = _code(error.orig), _text(error.orig)
        if code in LOGIN or LOGIN_TEXT.search(text):
            return SourceError(
                f"{self.where} refuses the login of connection {self._id} ({text}): check login, password, and that it "
                "may connect to this database"
            )
        if "certificate" in text.lower():
            return SourceError(
                f"{self.where} shows a certificate that can't be trusted ({text}): put the file of its authority's "
                f"certificate into extra.ca_file of connection {self._id}. If it was trusted before, somebody may stand "
                "in between"
            )
        if NO_TLS_TEXT.search(text):
            return SourceError(
                f"{self.where} offers no TLS, so nobody knows who answers: have its keeper switch it on. Where nobody can"
                f' stand in between, write "tls": "unverified" into extra of connection {self._id}'
            )
        if code in MISSING or MISSING_TEXT.search(text):
            return SourceError(f"{self.where}: {text}: is the contract's database right?")
        if code in QUERY or re.fullmatch("42[0-9A-Z]{3}", code):
            return SourceError(f"{self.where}: the contract's query fails: {text}")
        if isinstance(error, OperationalError | InterfaceError):
            # MySQL's numbers below 2000 and beyond 3000 are the server's: their texts may quote a value.
            is_quoting = re.fullmatch(r"[13-9]\d{3}", code)
            text = f"{type(error.orig).__name__} {code}" if is_quoting or not text else text
            return Passing(
                f"{self.where} does not answer ({text}): is the server up, and are host and "
                f"port of connection {self._id} right?"
            )
        return SourceError(
            f"{self.where}: the contract's query fails with {type(error.orig).__name__} {code}: run it by hand, as the "
            f"login of connection {self._id}, to see where"
        )


#: SQLSTATEs of PostgreSQL, numbers of MariaDB and MySQL; PostgreSQL gives no state while connecting
LOGIN = {"28000", "28P01", "1044", "1045", "1130", "1698"}
LOGIN_TEXT = re.compile("authentication failed|no password supplied|pg_hba.conf")
NO_TLS_TEXT = re.compile("does not support SSL|doesn't support it")
MISSING = {"3D000", "1049"}
MISSING_TEXT = re.compile('database ".*" does not exist')
QUERY = {"25006", "1054", "1060", "1064", "1142", "1143", "1146", "1305", "1370", "1792"}


def _driver(contract: Contract, connection: Connection, connection_id: str) -> tuple[str, dict[str, Any]]:
    options: dict[str, Any] = {"connect_timeout": TIMEOUT_SECONDS}
    is_verified = _is_verified(connection, connection_id)
    if is_verified:
        tls = connection.tls()  # says what is wrong with its ca_file
    if contract.server_type == "postgres":
        if is_verified:
            options |= {"sslmode": "verify-full", "sslrootcert": str(connection.ca_file or authorities())}
        return "postgresql+psycopg", options | {"application_name": "kho"}
    if is_verified:
        options["ssl"] = tls
    return "mysql+pymysql", options | {"charset": "utf8mb4"}


def _is_verified(connection: Connection, connection_id: str) -> bool:
    """Whether the server has to prove who it is: unless it is on this machine, or the connection says that it need not."""
    asked = connection.extra.get("tls")
    if asked not in (None, "unverified"):
        raise SourceError(
            f"extra.tls of connection {connection_id} is {asked!r}: leave it out, or write unverified where nobody can stand"
            " in between"
        )
    if connection.ca_file:
        return True
    return asked is None and not is_loopback(connection.host)


def _code(error: Any) -> str:
    if error.args and isinstance(error.args[0], int):
        return str(error.args[0])
    return getattr(error, "sqlstate", None) or ""


def _text(error: Any) -> str:
    message = getattr(getattr(error, "diag", None), "message_primary", None)
    return " ".join(str(message or (error.args[-1] if error.args else "")).split())
