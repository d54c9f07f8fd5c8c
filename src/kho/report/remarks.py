"""What the reader must know of the data behind the report: on its first page, and in its last chapter."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from psycopg import sql

from kho.figures.figures import Figure, Published, Scope
from kho.report.content import Source
from kho.report.vietnamese import LEVELS, covered, day, number, printed, quantity

_COUNTERS = {"items": "tin bài", "photos": "ảnh", "visits": "lượt truy cập"}


def notices(sources: list[Source]) -> list[str]:
    """What makes the release less than whole, by source; nothing where all is there."""
    told = []
    for source in sources:
        if source.state == "not_delivered":
            told.append(f"{source.title}: nguồn chưa gửi số liệu.")
        elif source.state == "unusable" and not source.is_lacked:
            told.append(
                f"{source.title}: chưa nạp được số liệu mới vì bản mô tả nguồn có lỗi; kỳ báo cáo không bị ảnh hưởng."
            )
        elif source.state in ("stale", "unusable"):
            effect = "số liệu của kỳ báo cáo chưa đủ" if source.is_lacked else "kỳ báo cáo không bị ảnh hưởng"
            until = (
                f"số liệu chỉ đầy đủ đến hết ngày {day(source.as_of)}" if source.as_of else "số liệu chưa đủ"
            )
            told.append(f"{source.title}: {until}; {effect}.")
        if source.held:
            batches = ", ".join(
                f"lô {batch.batch_id} của ngày {day(batch.business_date)}" for batch in source.held[:3]
            )
            more = f" và {len(source.held) - 3} lô khác" if len(source.held) > 3 else ""
            told.append(f"{source.title}: đang giữ lại, chưa tính vào số liệu: {batches}{more}.")
    return told


def remarks(
    release: Published,
    scope: Scope,
    first_day: date,
    last_day: date,
    figures: list[Figure],
    sources: list[Source],
) -> list[str]:
    """The chapter on data quality: attested figures and who signed, overlaps, what two systems tell differently, rows
    that were left out, figures that lack days."""
    return [
        *_attested(figures),
        *_signed(release, scope, first_day, last_day),
        *_overlap(figures),
        *_reconciled(release, scope, first_day, last_day),
        *_counters(release, scope, first_day, last_day),
        *_rejected(sources),
        *_incomplete(figures),
    ]


def _attested(figures: Iterable[Figure]) -> Iterable[str]:
    for figure in figures:
        # The whole is attested because one of its levels is.
        if figure.state == "attested" and not figure.detail and figure.level != "all":
            yield (
                f"{figure.title}, {LEVELS[figure.level].lower()}: phần mềm ghi nhận"
                f" {quantity(figure.measured_value, figure.unit)}, số báo cáo {printed(figure)} có cộng điều chỉnh đã ký."
            )


def _signed(release: Published, scope: Scope, first_day: date, last_day: date) -> Iterable[str]:
    rows = release.connection.execute(
        sql.SQL(
            """
            select attested.signer_position, attested.signer_agency, attested.signed_at::date,
              attested.document_code, attested.adjustment_reason, sum(attested.amount), count(*)
            from {attestation} as attested
            join {scope} as member using (agency_code)
            where member.scope_agency_code = %(scope)s and attested.effective_date between %(first)s and %(last)s
              and attested.effective_date between member.valid_from and coalesce(member.valid_to, 'infinity')
            group by 1, 2, 3, 4, 5 order by 3, 4
            """
        ).format(
            attestation=sql.Identifier(release.schema, "figure_attestation"),
            scope=sql.Identifier(release.schema, "figure_scope"),
        ),
        {"scope": scope.agency_code, "first": first_day, "last": last_day},
    )
    for position, agency, signed, code, reason, amount, times in rows:
        yield (
            f"Điều chỉnh {int(amount):+d} hồ sơ ({times} lần) theo văn bản {code} do {position}, {agency} ký ngày"
            f" {day(signed)}: {reason.rstrip('.')}."
        )


def _overlap(figures: Iterable[Figure]) -> Iterable[str]:
    for figure in figures:
        if figure.metric == "documents_signed_and_on_paper" and figure.value and figure.level != "all":
            yield (
                f"{LEVELS[figure.level]}: {printed(figure)} văn bản vừa ký số vừa gửi bản giấy, nên hai số đó không"
                " cộng lại thành số văn bản đi."
            )


def _reconciled(release: Published, scope: Scope, first_day: date, last_day: date) -> Iterable[str]:
    """What a second system tells otherwise than the one whose figures count."""
    rows = release.connection.execute(
        sql.SQL(
            """
            with system as (select distinct system, system_name from {source})
            select coalesce(metric.title, told.topic), leader.system_name, other.system_name, count(*),
              sum(greatest(told.difference, 0)), sum(greatest(-told.difference, 0))
            from {told} as told
            join {scope} as member
              on member.agency_code = told.agency_code
              and told.month between member.valid_from and coalesce(member.valid_to, 'infinity')
            join system as leader on leader.system = told.leading_system
            join system as other on other.system = told.other_system
            left join {metric} as metric on metric.metric = told.topic
            where member.scope_agency_code = %s and told.difference <> 0
              and told.month between date_trunc('month', %s::date) and %s
            group by metric.ordinal, 1, 2, 3 order by metric.ordinal, 1
            """
        ).format(
            told=sql.Identifier(release.schema, "source_reconciliation"),
            scope=sql.Identifier(release.schema, "figure_scope"),
            metric=sql.Identifier(release.schema, "figure_metric"),
            source=sql.Identifier(release.schema, "source_freshness"),
        ),
        [scope.agency_code, first_day, last_day],
    )
    for title, leader, other, times, more, less in rows:
        yield (
            f"{title}: {other} khác {leader} ở {times} lần đối chiếu theo đơn vị và tháng (nhiều hơn {number(more, '')},"
            f" ít hơn {number(less, '')}); số báo cáo lấy theo {leader}."
        )


def _counters(release: Published, scope: Scope, first_day: date, last_day: date) -> Iterable[str]:
    """What the newest readings of a portal's counters tell otherwise than what is counted day by day."""
    rows = release.connection.execute(
        sql.SQL(
            """
            select distinct on (told.system, told.counter, told.told_for)
              system.system_name, told.counter, told.from_date, told.counted_on, told.told_count, told.counted_count,
              told.difference
            from {told} as told
            join (select distinct system, system_name from {source}) as system using (system)
            where told.agency_code = %s and told.difference <> 0 and told.counted_on between %s and %s
            order by told.system, told.counter, told.told_for, told.counted_on desc
            """
        ).format(
            told=sql.Identifier(release.schema, "counter_reconciliation"),
            source=sql.Identifier(release.schema, "source_freshness"),
        ),
        [scope.agency_code, first_day, last_day],
    )
    for system, counter, since, until, told, counted, difference in rows:
        yield (
            f"{system}: bộ đếm {_COUNTERS.get(counter, counter)} ghi {number(Decimal(told), '')} từ {day(since)} đến"
            f" {day(until)}, cộng từng ngày là {number(Decimal(counted), '')} (chênh lệch {difference:+d})."
        )


def _rejected(sources: Iterable[Source]) -> Iterable[str]:
    for source in sources:
        if source.rows_rejected:
            yield (
                f"{source.title}: {number(Decimal(source.rows_rejected), 'rows')} trên"
                f" {number(Decimal(source.rows_in_file), 'rows')} dòng đã nhận bị loại vì sai, chưa tính vào số liệu."
            )


def _incomplete(figures: list[Figure]) -> Iterable[str]:
    """Figures that lack days. What has no value at all is said by its area."""
    parts: dict[str, dict[str, None]] = {}
    for figure in figures:
        if figure.state == "partial":
            parts.setdefault(covered(figure), {})[figure.title] = None
    for days, those in parts.items():
        yield f"{days[0].upper()}{days[1:]}: {'; '.join(those)}."
    titles = dict.fromkeys(figure.title for figure in figures if figure.state == "stale")
    if titles:
        yield f"Số liệu của kỳ chưa đủ: {'; '.join(titles)}."
