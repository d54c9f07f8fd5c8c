"""The tools that people have read the marts over TCP as `bi_reader`: right words, right numbers, without a join."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import adbc_driver_postgresql.dbapi as adbc
import duckdb
import duckdb_extension_postgres_scanner
import pandas as pd
import psycopg
import pyarrow.compute as pc
import pytest
import sqlalchemy
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from kho.settings import Settings
from tests.office import SOFFICE

pytestmark = pytest.mark.slow

#: what a person asks for: the first half of 2021 of a district with its communes, by metric
QUERY = (
    "select metric_title, sum(value)::bigint as value, min(state_title) as state from marts.dossier_month"
    " where district_name = 'Huyện Long Phú' and month_code between '2021-01' and '2021-06'"
    " group by metric_title order by metric_title"
)
TITLE, STATE = "Hồ sơ tiếp nhận trong kỳ", "đo được"
REPORT = Path(__file__).resolve().parents[1] / "figures" / "long_phu_2021_h1.csv"
JDBC = Path("/usr/share/java/postgresql.jar")
#: LibreOffice's Python; its module is no package of this environment
UNO_PYTHON = Path("/usr/bin/python3")


@pytest.fixture(scope="module")
def received() -> int:
    """What the report says."""
    with REPORT.open(encoding="utf-8") as file:
        ((value,),) = (
            {row["value"]}
            for row in csv.DictReader(file)
            if (row["metric"], row["level"], row["detail"]) == ("dossiers_received", "all", "")
        )
    return int(value)


@pytest.fixture(scope="module")
def address(module_published: Settings) -> dict[str, str]:
    found = {
        key: str(value) for key, value in conninfo_to_dict(module_published.role_url("bi_reader")).items()
    }
    assert found["user"] == "bi_reader" and found["host"] == "127.0.0.1"
    return found


@pytest.fixture
def hashed_as_in_production(module_published: Settings, address: dict[str, str]) -> Iterator[dict[str, str]]:
    """A login that has what `bi_reader` has: the server of the tests hashes passwords in one step, which pgjdbc does not
    accept, and other tests write those of all roles."""
    login = sql.Identifier("jdbc_reader")
    with psycopg.connect(module_published.admin_url(), autocommit=True) as connection:
        connection.execute("set scram_iterations = 4096")
        connection.execute(
            sql.SQL("create role {} login inherit in role bi_reader password {}").format(
                login, sql.Literal(address["password"])
            )
        )
        yield {**address, "user": "jdbc_reader"}
        connection.execute(sql.SQL("drop role {}").format(login))


def has_odbc_driver() -> bool:
    drivers = Path("/etc/odbcinst.ini")
    return bool(shutil.which("isql")) and drivers.exists() and "[PostgreSQL Unicode]" in drivers.read_text()


def has_uno() -> bool:
    drivers = Path("/usr/lib/libreoffice/program/libpostgresql-sdbclo.so")
    return bool(SOFFICE) and drivers.exists() and Path("/usr/lib/python3/dist-packages/uno.py").exists()


@pytest.mark.skipif(not has_odbc_driver(), reason="psqlodbc is not here (`make system` installs it)")
def test_odbc_reads_the_words_and_the_number(address: dict[str, str], received: int, tmp_path: Path) -> None:
    """As Excel does on Windows: by the Unicode driver."""
    (tmp_path / "odbc.ini").write_text(
        f"[kho]\nDriver=PostgreSQL Unicode\nServername={address['host']}\nPort={address['port']}\n"
        f"Database={address['dbname']}\n"
    )
    done = subprocess.run(
        ["isql", "kho", address["user"], address["password"], "-b", "-d|"],
        input=QUERY + "\n", env=os.environ | {"ODBCINI": str(tmp_path / "odbc.ini"), "LC_ALL": "C.UTF-8"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert f"{TITLE}|{received}|{STATE}" in done.stdout


@pytest.mark.skipif(
    not JDBC.exists() or not shutil.which("javac"),
    reason="pgjdbc or a JDK is not here (libpostgresql-jdbc-java)",
)
def test_jdbc_reads_the_words_and_the_number(
    hashed_as_in_production: dict[str, str], received: int, tmp_path: Path
) -> None:
    """As Power BI's gateway, Tableau and DBeaver do; without a scale a numeric would have none."""
    login = hashed_as_in_production
    (tmp_path / "Read.java").write_text(
        """
        import java.sql.*;
        public class Read {
          public static void main(String[] given) throws Exception {
            var out = new java.io.PrintStream(System.out, true, "UTF-8");
            try (var connection = DriverManager.getConnection(given[0], given[1], System.getenv("PGPASSWORD"))) {
              var rows = connection.createStatement().executeQuery(given[2]);
              while (rows.next()) out.println(rows.getString(1) + "|" + rows.getLong(2) + "|" + rows.getString(3));
              var columns = connection.getMetaData().getColumns(null, "marts", "report_figure", "value");
              columns.next();
              out.println(columns.getInt("DECIMAL_DIGITS") + " " + columns.getString("REMARKS"));
            }
          }
        }
        """,
        encoding="utf-8",
    )
    done = subprocess.run(
        ["java", "-Dfile.encoding=UTF-8", "-cp", str(JDBC), "Read.java",
         f"jdbc:postgresql://{login['host']}:{login['port']}/{login['dbname']}", login["user"], QUERY],
        cwd=tmp_path, env=os.environ | {"PGPASSWORD": login["password"], "LC_ALL": "C.UTF-8"},
        capture_output=True, text=True, encoding="utf-8", check=True,
    )  # fmt: skip
    *rows, about_value = done.stdout.splitlines()
    assert f"{TITLE}|{received}|{STATE}" in rows
    assert about_value.startswith("6 Số liệu. The figure to report")


@pytest.mark.skipif(not has_uno(), reason="LibreOffice's driver is not here (`make system` installs it)")
def test_calc_reads_the_words_and_the_number(address: dict[str, str], received: int, tmp_path: Path) -> None:
    """LibreOffice by its own driver, asked over UNO as a macro of a sheet would."""
    program = """
import json, sys, time, uno
from com.sun.star.beans import PropertyValue
from com.sun.star.connection import NoConnectException
asked = json.load(sys.stdin)
here = uno.getComponentContext()
resolver = here.ServiceManager.createInstanceWithContext("com.sun.star.bridge.UnoUrlResolver", here)
for _ in range(300):
    try:
        office = resolver.resolve(f"uno:pipe,name={asked['pipe']};urp;StarOffice.ComponentContext")
        break
    except NoConnectException:
        time.sleep(0.2)
drivers = office.ServiceManager.createInstanceWithContext("com.sun.star.sdbc.DriverManager", office)
user = [PropertyValue(Name=name, Value=asked[name]) for name in ("user", "password")]
connection = drivers.getConnectionWithInfo(asked["url"], tuple(user))
rows = connection.createStatement().executeQuery(asked["query"])
found = []
while rows.next():
    found.append([rows.getString(1), rows.getLong(2), rows.getString(3)])
connection.close()
print(json.dumps(found))
desktop = office.ServiceManager.createInstanceWithContext("com.sun.star.frame.Desktop", office)
try:
    desktop.terminate()
except Exception:
    pass  # it is gone before it answers
"""
    pipe = f"kho{os.getpid()}"
    office = subprocess.Popen(
        [SOFFICE, "--headless", "--norestore", f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}",
         f"--accept=pipe,name={pipe};urp;"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        asked = {
            "pipe": pipe,
            "url": f"sdbc:postgresql:host={address['host']} port={address['port']} dbname={address['dbname']}",
            "user": address["user"],
            "password": address["password"],
            "query": QUERY,
        }
        done = subprocess.run(
            [UNO_PYTHON, "-c", program], input=json.dumps(asked), capture_output=True, text=True, timeout=120,
            env={name: value for name, value in os.environ.items() if not name.startswith("PYTHON")},
        )  # fmt: skip
    finally:
        office.kill()
        office.wait()
    # What is asked with the office gone may crash on its way out: what it has told by then counts.
    assert done.stdout, done.stderr
    assert [TITLE, received, STATE] in json.loads(done.stdout)


def test_pandas_reads_the_words_and_the_number(module_published: Settings, received: int) -> None:
    engine = sqlalchemy.create_engine(
        module_published.role_url("bi_reader").replace("postgresql", "postgresql+psycopg", 1)
    )
    months = pd.read_sql_table("dossier_month", engine, schema="marts")
    engine.dispose()
    # As a pivot table does.
    asked = months[months.month_code.between("2021-01", "2021-06")]
    table = asked.pivot_table(index="district_name", columns="metric_title", values="value", aggfunc="sum")
    assert table.loc["Huyện Long Phú", TITLE] == received


def test_pyarrow_reads_the_words_and_the_number(module_published: Settings, received: int) -> None:
    """By ADBC: a table of Arrow's, which pandas, polars and notebooks take as it is."""
    with adbc.connect(module_published.role_url("bi_reader")) as connection, connection.cursor() as cursor:
        cursor.execute(QUERY)
        table = cursor.fetch_arrow_table()
        cursor.execute("select value, metric_title from marts.dossier_month limit 1")
        kinds = [str(field.type) for field in cursor.fetch_arrow_table().schema]
    assert table.filter(pc.equal(table["metric_title"], TITLE)).to_pylist() == [
        {"metric_title": TITLE, "value": received, "state": STATE}
    ]
    assert kinds == ["int64", "string"]


def test_duckdb_reads_the_words_and_the_number(module_published: Settings, received: int) -> None:
    """With the marts attached as a schema of its own, where its own engine counts."""
    extension = next(Path(duckdb_extension_postgres_scanner.__file__).parent.rglob("*.duckdb_extension"))
    with duckdb.connect() as connection:
        connection.load_extension(str(extension))
        connection.execute(
            f"attach '{module_published.role_url('bi_reader')}' as kho (type postgres, schema 'marts', read_only)"
        )
        rows = connection.execute(QUERY.replace("marts.", "kho.marts.")).fetchall()
        with pytest.raises(duckdb.Error, match="read-only"):
            connection.execute("delete from kho.marts.dossier_month")
    assert (TITLE, received, STATE) in rows
