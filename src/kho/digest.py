"""What the night was like, in one text for people: in Vietnamese, from the ledger and the release in force."""

from __future__ import annotations

import csv
import html
import json
import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from kho.contract import telling
from kho.database import connect
from kho.figures import morning
from kho.figures.figures import NoRelease, explained
from kho.ledger import acceptances, audit, backups, batches, builds, deliveries, releases, sources, verdicts
from kho.ledger.acceptances import Acceptance
from kho.ledger.backups import Backup
from kho.ledger.freshness import NOTHING_YET
from kho.ledger.releases import Pin, Release
from kho.sentences.vietnamese import in_vietnamese
from kho.settings import Settings

log = logging.getLogger(__name__)
_AGENCIES = 20  # that the digest tells the morning's work of
_NOTHING = "Mọi nguồn đầy đủ, không có gì bị giữ lại hay bị loại."
_FRESHNESS = ("delivered", "contract_usable", "sources_are_fresh")  # what is told of late sources anyhow


class Severity(NamedTuple):
    """A word that officials read, and how it looks."""

    word: str
    look: str


SEVERITIES = {
    "critical": Severity("Nghiêm trọng", "background: #b3261e; color: #ffffff"),
    "warning": Severity("Cảnh báo", "background: #ffd257; color: #222222"),
    "info": Severity("Lưu ý", "background: #cfe3f7; color: #112233"),
}


@dataclass(frozen=True)
class _Section:
    """What is told under one title. `severity` is one of `SEVERITIES`, where it is something to be told by it."""

    severity: str
    title: str
    items: list[str]

    def text(self) -> str:
        marked = f"[{SEVERITIES[self.severity].word}] {self.title}" if self.severity else self.title
        return "\n".join(["", f"{marked}:", *(f"- {item}" for item in self.items)])

    def html(self) -> str:
        mark = ""
        if self.severity:
            word, look = SEVERITIES[self.severity]
            mark = f'<b style="{look}; border-radius: 4px; padding: 1px 6px">{word}</b> '
        items = "".join(f"<li>{html.escape(item)}</li>" for item in self.items)
        return f"<p>{mark}<b>{html.escape(self.title)}</b></p><ul>{items}</ul>"


@dataclass(frozen=True)
class _Digest:
    subject: str
    in_force: list[str]
    sections: list[_Section]

    def text(self) -> str:
        told = [section.text() for section in self.sections] or ["", _NOTHING]
        return "\n".join([self.subject, "", *self.in_force, *told]) + "\n"

    def html(self) -> str:
        """The body of a mail."""
        begins = "".join(f"<p>{html.escape(line)}</p>" for line in self.in_force)
        return begins + ("".join(section.html() for section in self.sections) or f"<p>{_NOTHING}</p>")


def digest(settings: Settings, business_date: date, failed: Iterable[str] = ()) -> str:
    """The digest of the newest night for this date; its first line is the subject. `failed` names steps that failed."""
    return _digest(settings, business_date, failed).text()


def _digest(settings: Settings, business_date: date, failed: Iterable[str]) -> _Digest:
    systems = _systems(settings)
    with connect(settings, "kho_auditor") as connection:
        build = builds.newest(connection, business_date)
        build_id = build.build_id if build else None
        release, now = releases.of_build(connection, build_id), releases.find_in_force(connection)
        waits = verdicts.waiting(connection)
        kept = waits[1] if waits and release and waits[0].release_id == release.release_id else None
        outcome = _outcome(release, kept)
        shown = {each.release_id: None for each in (now, release) if each}
        refused = [in_vietnamese(release.reason)] if release and release.state == "refused" else []
        held, late = batches.held(connection, business_date), sources.late(connection, build_id)
        told = {row.contract for row in (*held, *late)}
        sections = [
            _Section("critical", "Vì sao bị từ chối (kho release show)", refused),
            _Section("critical", "Bước bị lỗi (xem nhật ký trên trang Airflow)", list(failed)),
            _Section("critical", "Bị giữ lại, chờ quyết định (kho batch list)", _held(held, systems)),
            _Section(
                "",
                "Thay đổi đã được chấp nhận (kho release show)",
                _accepted([(number, acceptances.of_release(connection, number)) for number in shown]),
            ),
            _Section(
                "warning",
                "Chưa lấy được từ nguồn",
                _not_fetched(deliveries.not_fetched(connection, business_date), systems),
            ),
            _Section("warning", "Nguồn chậm", _stale(late, systems)),
            _Section(
                "warning",
                "Kết quả kiểm tra (kho batch show, kho release show)",
                _warnings(verdicts.warnings(connection, build_id, business_date), told, systems),
            ),
            _Section(
                "",
                "Dòng bị loại trong các tệp mới (kho rejects list)",
                _rejected(batches.rejected(connection, build_id), systems),
            ),
            _Section(
                "info",
                "Khác thường nhưng không ảnh hưởng số liệu (kho batch show)",
                _infos(verdicts.infos(connection, business_date), systems),
            ),
        ]
        in_force = _in_force(now, releases.pin(connection))
        if newest := audit.last(connection):
            in_force.append(
                f"Nhật ký kiểm soát: {_number(newest.event_id)} mục, dấu {newest.mark} (kho audit verify)."
            )
        if settings.backup_to:
            sections.append(_Section("critical", "Sao lưu (kho backup)", _backup(backups.last(connection))))
    sections.append(_Section("", "Việc cần xem sáng nay (kho morning <đơn vị>)", _morning(settings)))
    subject = f"Kho dữ liệu, số liệu đến hết ngày {_day(business_date)}: {outcome}"
    return _Digest(subject, in_force, [each for each in sections if each.items])


def send(settings: Settings, business_date: date, failed: Iterable[str] = ()) -> None:
    """Send the digest by Airflow's SMTP notifier to `digest_to`; it is always logged, and only that without a host."""
    told = _digest(settings, business_date, failed)
    log.info("%s", told.text())
    if not (settings.smtp_host and settings.digest_to):
        log.info("Not sent: smtp_host or digest_to is not set in config.toml")
        return
    from airflow.providers.smtp.notifications.smtp import SmtpNotifier

    # Airflow's look-up of connections begins with the environment.
    os.environ["AIRFLOW_CONN_KHO_SMTP"] = json.dumps(
        {
            "conn_type": "smtp",
            "host": settings.smtp_host,
            "port": settings.smtp_port,
            "login": settings.smtp_user or None,
            "password": settings.secret("smtp_password") if settings.smtp_user else None,
            "extra": {
                "disable_ssl": settings.smtp_security != "tls",
                "disable_tls": settings.smtp_security != "starttls",
            },
        }
    )
    SmtpNotifier(
        smtp_conn_id="kho_smtp",
        from_email=settings.digest_from,
        to=[address.strip() for address in settings.digest_to.split(",")],
        subject=told.subject,
        html_content=told.html(),
    ).notify({})


def _outcome(release: Release | None, kept: Pin | Release | None) -> str:
    if release and isinstance(kept, Pin):
        return f"bản {release.release_id} đã kiểm tra xong, chưa phát hành vì bản {kept.release_id} đang được ghim"
    if release and kept:
        return (
            f"bản {release.release_id} đã kiểm tra xong, chưa phát hành vì cũ hơn bản đang dùng "
            "(kho release publish --allow-older)"
        )
    if release is None or release.state == "candidate":
        return "không phát hành được"
    if release.state == "refused":
        return f"bản {release.release_id} bị từ chối"
    return f"đã phát hành bản {release.release_id}"


def _in_force(release: Release | None, pinned: Pin | None) -> list[str]:
    if release is None:
        return ["Chưa có bản nào được phát hành."]
    told = [f"Bản đang dùng: {release.release_id}, số liệu đến hết ngày {_day(release.business_date)}."]
    if pinned:
        told.append(
            f"Bản {pinned.release_id} được {pinned.pinned_by} ghim lúc {_moment(pinned.pinned_at)} ({pinned.reason}): "
            "chưa phát hành bản mới cho đến khi bỏ ghim (kho release unpin)."
        )
    return told


def _backup(last: Backup | None) -> list[str]:
    """What is wrong with the last backup, or nothing."""
    if last is None:
        return ["Chưa có bản sao lưu nào"]
    lost = [f"{_number(last.files_lost)} tệp trong kho lưu trữ bị mất hoặc hỏng, không sao lưu được"] * (
        last.files_lost > 0
    )
    if datetime.now(last.made_at.tzinfo) - last.made_at > backups.LATE:
        lost.append(f"Sao lưu đã cũ: bản gần nhất lúc {_moment(last.made_at)}, tại {last.place}")
    return lost


def _morning(settings: Settings) -> list[str]:
    """A line for each agency whose dossiers somebody has to look at; the longest lists only, for a digest is read."""
    try:
        with explained(settings) as release:
            found = morning.counts(release)
    except NoRelease:
        return []
    titles = ("quá hạn", "đến hạn", "chờ bổ sung quá lâu", "có kết quả chưa trả")
    told = [
        f"{each.agency_name}: "
        + ", ".join(f"{title} {count}" for title, count in zip(titles, each.counts, strict=True) if count)
        for each in found[:_AGENCIES]
    ]
    return told + [f"và {len(found) - _AGENCIES} cơ quan khác"] * (len(found) > _AGENCIES)


def _accepted(decisions: list[tuple[int, list[Acceptance]]]) -> list[str]:
    return [
        f"Bản {number}: {each.accepted_by} chấp nhận lúc {_moment(each.accepted_at)}, như thấy ở bản {each.release_id}: "
        f"{each.reason}"
        for number, accepted in decisions
        for each in accepted
    ]


def _not_fetched(rows: list[Any], systems: dict[str, str]) -> list[str]:
    return [
        f"{_source(systems, row.contract)}: {in_vietnamese(row.reason)}{_times(row.files, 'tệp')}"
        for row in rows
    ]


def _held(rows: list[Any], systems: dict[str, str]) -> list[str]:
    return [
        f"{_source(systems, row.contract)}, lô {row.batch_id}, ngày {_day(row.business_date)}"
        f"{' (không đọc được)' if row.state == 'unreadable' else ''}: {in_vietnamese(row.reason) or 'không rõ lý do'}"
        for row in rows
    ]


def _stale(rows: list[Any], systems: dict[str, str]) -> list[str]:
    told, never = [], []
    for row in rows:
        if row.as_of is None and row.state == "not_delivered" and row.reason == NOTHING_YET:
            never.append((systems.get(row.contract.partition(".")[0], ""), row.contract))
            continue
        if row.state == "unusable":
            until = f"; số liệu đến hết ngày {_day(row.as_of)}" if row.as_of else ""
            state = f"không nạp được vì bản mô tả nguồn có lỗi{until}"
        elif row.as_of is None:
            state = "chưa có số liệu"
        else:
            state = f"số liệu đến hết ngày {_day(row.as_of)}, lẽ ra đến {_day(row.expected_as_of)}"
        told.append(
            f"{_source(systems, row.contract)}: {state}{f' ({in_vietnamese(row.reason)})' if row.reason else ''}"
        )
    if never:
        by_system = telling.together((contract, system) for system, contract in never)
        named = "; ".join(f"{system} ({', '.join(of)})".lstrip() for of, system in by_system)
        told.append(f"chưa gửi lần nào, {len(never)} nguồn: {named}")
    return told


def _rejected(rows: list[Any], systems: dict[str, str]) -> list[str]:
    return [
        f"{_source(systems, row.contract)}: {_number(row.rejected)} trên {_number(row.all_rows)} dòng, trong {_number(row.files)} tệp"
        for row in rows
    ]


def _warnings(rows: list[Any], told: set[str], systems: dict[str, str]) -> list[str]:
    """Each message once; what stands under late or held sources already is not told again."""
    said = [
        (row.subject, f"{in_vietnamese(row.message) or row.expectation}{_times(row.times, 'lần')}")
        for row in rows
        if not (row.expectation in _FRESHNESS and (row.subject in told or (told and row.build_id)))
    ]
    return [
        f"{_source(systems, names[0]) if len(names) == 1 else ', '.join(names)}: {message}"
        for names, message in telling.together(said)
    ]


def _infos(rows: list[Any], systems: dict[str, str]) -> list[str]:
    return [
        f"{_source(systems, row.subject)}: {_number(row.times)} điều, lô {', '.join(map(str, row.batches))}"
        for row in rows
    ]


def _systems(settings: Settings) -> dict[str, str]:
    """The name of each system that has one; others go by their contracts' names."""
    with settings.seed("systems.csv").open(encoding="utf-8") as seed:
        return {row["system"]: row["name"] for row in csv.DictReader(seed)}


def _source(systems: dict[str, str], contract: str) -> str:
    name = systems.get(contract.partition(".")[0])
    return f"{name} ({contract})" if name else contract


def _day(day: date) -> str:
    return f"{day:%d/%m/%Y}"


def _times(many: int, what: str) -> str:
    return f" ({_number(many)} {what})" if many > 1 else ""


def _moment(moment: datetime) -> str:
    return f"{moment:%H:%M ngày %d/%m/%Y}"


def _number(number: int) -> str:
    return f"{number:,}".replace(",", ".")
