"""The digest tells what the ledger holds of a night, in Vietnamese, and arrives as one mail."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from kho.digest import digest
from kho.settings import Settings
from kho.transform.builds import close_build, open_build
from tests.mailbox import mailbox, subject_and_text
from tests.owner import as_owner

NIGHT = date(2021, 1, 4)


def release(settings: Settings, state: str, reason: str | None = None) -> None:
    with as_owner(settings) as connection:
        connection.execute(
            "insert into ledger.release (build_id, schema_name, business_date, state, reason)"
            " select max(build_id), 'release_x', max(business_date), %s, %s from ledger.build",
            [state, reason],
        )


@pytest.fixture
def night(warehouse: Settings, hand_over: Callable[..., int]) -> Settings:
    """A night with a bit of everything: a held batch, an unreadable one, rejects, a source not reached, a warning."""
    for day in ("2021-01-01", "2021-01-02"):
        hand_over("one_stop.dossiers", day, state="accepted", rows=1500, rejected=3)
    held = hand_over("one_stop.dossiers", "2021-01-03", state="held", reason="columns are missing: maHoSo")
    hand_over("documents.outgoing", "2021-01-31", name="late.xlsx", state="unreadable", reason="later")
    hand_over("portal.traffic", "2021-01-04", name="traffic.csv", state="unreadable", reason="not <text>")
    with as_owner(warehouse) as connection:
        connection.execute(
            "insert into ledger.fetch_failure (contract, business_date, reason) values (%s, %s, %s)",
            ["documents.deliveries", NIGHT, "no answer"],
        )
        connection.execute(
            "insert into ledger.verdict (boundary, business_date, batch_id, subject, expectation, severity, outcome,"
            " message) values ('exports', %s, %s, 'one_stop.dossiers', 'rows_unique', 'warning', 'failed', '2 rows')",
            [NIGHT, held],
        )
    open_build(warehouse, NIGHT)
    close_build(warehouse)
    return warehouse


def test_a_night_with_troubles_names_each(night: Settings) -> None:
    release(night, "in_force")
    text = digest(night, NIGHT, failed=["documents.ingest"])
    assert text.splitlines()[0] == "Kho dữ liệu, số liệu đến hết ngày 04/01/2021: đã phát hành bản 1"
    for line in (
        "- documents.ingest",
        "- Quản lý văn bản và điều hành (documents.deliveries): no answer",
        "lô 3, ngày 03/01/2021: thiếu cột: maHoSo",
        "ngày 04/01/2021 (không đọc được): not <text>",
        "- Một cửa điện tử (one_stop.dossiers): số liệu đến hết ngày 02/01/2021",
        "- Một cửa điện tử (one_stop.dossiers): 6 trên 3.000 dòng, trong 2 tệp",
        "- Một cửa điện tử (one_stop.dossiers): 2 rows",
    ):
        assert line in text
    assert "later" not in text  # of a date after this night
    assert unicodedata.is_normalized("NFC", text)


def test_a_refused_release_says_why_and_what_stays_in_force(night: Settings) -> None:
    release(night, "in_force")
    open_build(night, date(2021, 1, 5))
    close_build(night)
    release(night, "refused", "dossiers do not add up")
    text = digest(night, date(2021, 1, 5))
    assert text.splitlines()[0].endswith("bản 2 bị từ chối")
    assert "Vì sao bị từ chối (kho release show):\n- dossiers do not add up\n" in text
    assert "Bản đang dùng: 1, số liệu đến hết ngày 04/01/2021." in text


def test_each_severity_is_a_word_and_the_worst_come_first(
    night: Settings, hand_over: Callable[..., int]
) -> None:
    batch = hand_over("portal.items", "2021-01-04", state="accepted")
    tell(night, batch, "portal.items", "headers_spelled", "info", "column 1 for Mã")
    release(night, "in_force")
    text = digest(night, NIGHT, failed=["documents.ingest"])
    marks = [line.partition("]")[0] for line in text.splitlines() if line.startswith("[")]
    assert marks == ["[Nghiêm trọng"] * 2 + ["[Cảnh báo"] * 3 + ["[Lưu ý"]
    assert f"portal.items): 1 điều, lô {batch}" in text.partition("[Lưu ý]")[2]
    assert "column 1 for Mã" not in text


def test_what_is_late_is_told_once_and_sources_that_never_came_in_one_line(night: Settings) -> None:
    for contract in ("post.handovers", "misa.spending", "portal.items"):
        tell(night, None, contract, "delivered", "warning", "nothing delivered yet")
    tell(
        night,
        None,
        "one_stop.dossiers",
        "delivered",
        "warning",
        "stale since 2021-01-03: held: columns are missing",
    )
    release(night, "in_force")
    text = digest(night, NIGHT)
    (never,) = [line for line in text.splitlines() if "chưa gửi lần nào" in line]
    assert "Kế toán MISA (misa.spending); " in never and "Bưu chính công ích (post.handovers)" in never
    assert "nothing delivered yet" not in text and "None" not in text
    assert text.count("thiếu cột") == 2  # where it is held, and why its source is late


def test_the_same_message_of_several_is_told_once_where_nothing_was_built(warehouse: Settings) -> None:
    for contract in ("post.handovers", "misa.spending"):
        tell(warehouse, None, contract, "delivered", "warning", "nothing delivered yet")
    assert "- misa.spending, post.handovers: chưa gửi gì\n" in digest(warehouse, NIGHT)


def tell(settings: Settings, batch: int | None, *verdict: str) -> None:
    with as_owner(settings) as connection:
        connection.execute(
            "insert into ledger.verdict (boundary, business_date, batch_id, subject, expectation, severity, outcome,"
            " message) values ('exports', %s, %s, %s, %s, %s, 'failed', %s)",
            [NIGHT, batch, *verdict],
        )


def test_a_night_that_built_nothing_says_so(warehouse: Settings) -> None:
    text = digest(warehouse, NIGHT, failed=["check_exports"])
    assert "không phát hành được" in text.splitlines()[0]
    assert "Chưa có bản nào được phát hành." in text


def test_what_was_reached_after_all_is_not_told(night: Settings, hand_over: Callable[..., int]) -> None:
    hand_over("documents.deliveries", "2021-01-04", state="accepted")
    assert "no answer" not in digest(night, NIGHT)


def send(settings: Settings, home: Path, **environment: str) -> str:
    """Sends as a task does, in a process with Airflow; gives its log."""
    script = (
        "import logging; logging.basicConfig(level='INFO'); from datetime import date; from kho import digest;"
        f"from kho.settings import settings; digest.send(settings(), date({NIGHT.year}, {NIGHT.month}, {NIGHT.day}))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ
        | {"AIRFLOW_HOME": str(home), "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        | {"KHO_HOME": str(settings.home), "KHO_WAREHOUSE_DATABASE": settings.warehouse_database}
        | environment,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stderr


def test_one_mail_arrives_over_smtp(night: Settings, tmp_path: Path) -> None:
    release(night, "in_force")
    with mailbox() as box:
        send(
            night,
            tmp_path,
            KHO_SMTP_HOST="127.0.0.1",
            KHO_SMTP_PORT=str(box.port),
            KHO_DIGEST_TO="chutich@example.vn, vanphong@example.vn",
            KHO_DIGEST_FROM="kho@example.vn",
        )
    (mail,) = box.mails
    assert mail.mail_from == "kho@example.vn"
    assert mail.rcpt_tos == ["chutich@example.vn", "vanphong@example.vn"]
    subject, text = subject_and_text(mail)
    assert subject.endswith("đã phát hành bản 1")
    assert "Nguồn chậm" in text
    assert "not &lt;text&gt;" in text
    looks = re.findall(r'<b style="background: (#\w+); color: #\w+[^"]*">(.*?)</b>', text)
    assert dict(looks).keys() == {"#b3261e", "#ffd257"} and set(dict(looks).values()) == {
        "Nghiêm trọng",
        "Cảnh báo",
    }


def test_a_mail_server_with_login_and_starttls_gets_it_too(night: Settings, tmp_path: Path) -> None:
    release(night, "in_force")
    (night.home / "secrets" / "smtp_password").write_text("mat-khau-thu")
    with mailbox(("kho@example.vn", "mat-khau-thu"), tmp_path) as box:
        log = send(
            night,
            tmp_path,
            KHO_SMTP_HOST="localhost",
            KHO_SMTP_PORT=str(box.port),
            KHO_SMTP_SECURITY="starttls",
            KHO_SMTP_USER="kho@example.vn",
            KHO_DIGEST_TO="vanphong@example.vn",
            SSL_CERT_FILE=str(box.certificate),
        )
    assert len(box.mails) == 1
    assert "mat-khau-thu" not in log


def test_without_a_mail_server_it_is_only_logged(night: Settings, tmp_path: Path) -> None:
    log = send(night, tmp_path)
    assert "Nguồn chậm" in log
    assert "Not sent" in log
