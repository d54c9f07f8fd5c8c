"""What the reader must know of the data behind the report: on its first page, and in its last chapter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from psycopg import sql

from kho.figures.figures import DEFAULT, Figure, Published, Scope, kept_parameters
from kho.figures.kinds import Metric
from kho.figures.settlement import parameter_set
from kho.report.content import Source
from kho.report.vietnamese import LEVELS, covered, day, number, printed, quantity

_NAMED = 3  # figures, or days, on the first page
_COUNTERS = {"items": "tin bài", "photos": "ảnh", "visits": "lượt truy cập"}


@dataclass(frozen=True)
class Effect:
    """The titles of a period's figures that suffer where a source lacks: sums of what happened may be too low, others
    may be too high as well, and some have no value at all."""

    lower: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)


#: what two systems tell of that is no metric
TOPICS = dict.fromkeys(
    ("dossiers_in_two_systems", "dossiers_led_by_ministry"), "Hồ sơ có trên cả hệ thống của bộ, ngành"
)


def effects_of(figures: Iterable[Figure], known: Mapping[str, Metric]) -> dict[str, Effect]:
    """By contract, the figures that are incomplete or without a value, and that are counted from it."""
    found: dict[str, Effect] = {}
    for figure in figures:
        if figure.state not in ("stale", "not_delivered"):
            continue
        metric = known[figure.metric]
        for contract in metric.sources:
            effect = found.setdefault(contract, Effect())
            if figure.state == "not_delivered":
                titles = effect.absent
            else:
                titles = effect.lower if metric.reach in ("within", "within_year") else effect.other
            if figure.title not in titles:
                titles.append(figure.title)
    return found


def notices(sources: Iterable[Source], effects: Mapping[str, Effect]) -> list[str]:
    """What makes the release less than whole, by system, and what that means; nothing where all is there."""
    told = []
    for title, parts in _by_system(sources).items():
        told += _lacking(title, parts, effects, _NAMED)
        if days := sorted({batch.business_date for source in parts for batch in source.held}):
            more = f" và {len(days) - _NAMED} ngày khác" if len(days) > _NAMED else ""
            told.append(
                f"Số liệu của {title} cho ngày {', '.join(map(day, days[:_NAMED]))}{more} đang chờ kiểm tra,"
                " chưa tính vào báo cáo."
            )
    return told


def _by_system(sources: Iterable[Source]) -> dict[str, list[Source]]:
    found: dict[str, list[Source]] = {}
    for source in sources:
        found.setdefault(source.title, []).append(source)
    return found


def _lacking(
    title: str, parts: Sequence[Source], effects: Mapping[str, Effect], most: int | None = None
) -> Iterator[str]:
    """What a system has not told yet, and what that means for figures, of each kind at most so many by name."""
    since: dict[date | None, list[Source]] = {}
    for source in parts:
        if source.state != "fresh":
            since.setdefault(source.as_of, []).append(source)
    for until, lacking in sorted(since.items(), key=lambda each: each[0] or date.min):
        means = _meaning([effects[each.contract] for each in lacking if each.contract in effects], most)
        if until:
            what = f"Số liệu của {title} sau ngày {day(until)} chưa có"
        else:
            what = f"Chưa có {'một phần ' if len(lacking) < len(parts) else ''}số liệu của {title}"
        yield f"{what}, nên {means}." if means else f"{what}; kỳ báo cáo không bị ảnh hưởng."


def _meaning(effects: Iterable[Effect], most: int | None) -> str:
    effects = list(effects)
    kinds = {
        "các chỉ tiêu sau có thể thấp hơn thực tế": [title for each in effects for title in each.lower],
        "các chỉ tiêu sau có thể khác thực tế": [title for each in effects for title in each.other],
        "chưa tính được các chỉ tiêu sau": [title for each in effects for title in each.absent],
    }
    return "; ".join(f"{words}: {_named(titles, most)}" for words, titles in kinds.items() if titles)


def _named(titles: Iterable[str], most: int | None) -> str:
    each = list(dict.fromkeys(title[0].lower() + title[1:] for title in titles))
    more = f" và {len(each) - most} chỉ tiêu khác" if most and len(each) > most else ""
    return ", ".join(each[:most]) + more


def remarks(
    release: Published,
    scope: Scope,
    first_day: date,
    last_day: date,
    figures: list[Figure],
    sources: list[Source],
    effects: Mapping[str, Effect],
) -> list[str]:
    """The chapter on data quality: attested figures and who signed, overlaps, what two systems tell differently, and
    every figure that suffers from what was not handed over."""
    return [
        *_attested(figures),
        *_signed(release, scope, first_day, last_day),
        *_judged(release, scope, first_day, last_day),
        *_overlap(figures),
        *_reconciled(release, scope, first_day, last_day),
        *_counters(release, scope, first_day, last_day),
        *_suffering(figures, sources, effects),
    ]


def _judged(release: Published, scope: Scope, first_day: date, last_day: date) -> Iterator[str]:
    """That dossiers are judged by a set of parameters of the report's own."""
    name = kept_parameters(release, scope.agency_code, first_day, last_day)
    if name != DEFAULT:
        yield f"Hồ sơ đúng hạn, quá hạn trong báo cáo này tính theo bộ tham số {name}: {parameter_set(release, name).title}."


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
    for topic, leader, other, times, more, less in rows:
        yield (
            f"{TOPICS.get(topic, topic)}: {other} khác {leader} ở {times} lần đối chiếu theo đơn vị và tháng (nhiều hơn {number(more, '')},"
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


def _suffering(
    figures: Iterable[Figure], sources: Iterable[Source], effects: Mapping[str, Effect]
) -> Iterator[str]:
    """Figures that lack days, by the system that they lack them of; then those of which every system is whole by now."""
    days: dict[str, dict[str, None]] = {}
    for figure in figures:
        if figure.state == "partial":
            days.setdefault(covered(figure), {})[figure.title] = None
    for told, titles in days.items():
        yield f"{told[0].upper()}{told[1:]}: {_named(titles, None)}."
    named: set[str] = set()
    for title, parts in _by_system(sources).items():
        lacking = [each for each in parts if each.state != "fresh" and each.contract in effects]
        for each in lacking:
            named.update(effects[each.contract].lower, effects[each.contract].other)
        yield from _lacking(title, lacking, effects)
    left = dict.fromkeys(figure.title for figure in figures if figure.state == "stale")
    if titles := [title for title in left if title not in named]:
        yield f"Số liệu của kỳ chưa đủ, nên các chỉ tiêu sau có thể khác thực tế: {_named(titles, None)}."
