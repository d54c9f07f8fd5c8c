"""Form II.06: dossiers of administrative procedures that were received, resolved and are pending (TT 01/2020/TT-VPCP)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date

from kho.figures.figures import (
    Figure,
    Published,
    Scheme,
    Scope,
    asked,
    explained,
    figures_of,
    kept_parameters,
)
from kho.figures.settlement import (
    Counts,
    MinistrySheets,
    ParameterSet,
    Settled,
    doubtful_pauses,
    parameter_set,
    period_before,
    settled,
    told_by_ministries,
    total,
)
from kho.figures.verdicts import verdict_changes
from kho.forms.form import Form, Head, Line, Section
from kho.forms.issues import decode
from kho.ledger import forms
from kho.report import vietnamese
from kho.settings import Settings

CODE = "II.06"
HEADS = (
    Head("Số hồ sơ nhận giải quyết", (
        Head("Tổng số"),
        Head("Trong kỳ", (Head("Trực tuyến"), Head("Trực tiếp, dịch vụ bưu chính"))),
        Head("Từ kỳ trước"),
    )),
    Head("Số hồ sơ đã giải quyết", (Head("Tổng số"), Head("Trước hạn"), Head("Đúng hạn"), Head("Quá hạn"))),
    Head("Số hồ sơ đang giải quyết", (Head("Tổng số"), Head("Trong hạn"), Head("Quá hạn"))),
)  # fmt: skip
PENDING = 8  # column 11, as a place among the numbers
SHOWN = 10  # dossiers that a notice names


class BrokenForm(ValueError):
    """The form contradicts itself: the message lists the identities that do not hold."""


def draft(settings: Settings, scope: str, period: str, scheme: Scheme, parameters: str | None = None) -> Form:
    """The form as the release in force has it, by this set of parameters; by default the one that the period's report keeps.

    Raises `UnknownScope`, `UnknownPeriod`, `NotBegun`, `UnknownParameters`, `NoRelease` or `BrokenForm`.
    """
    with explained(settings) as release:
        meant, first_day, last_day = asked(release, scope, period, scheme)
        rules = parameter_set(
            release, parameters or kept_parameters(release, meant.agency_code, first_day, last_day)
        )
        own = settled(release, meant.agency_code, first_day, last_day, rules.name)
        sheets = told_by_ministries(release, meant.agency_code, first_day, last_day, scheme)
        whole = total([*own, *(sheets.rows if sheets else ())])
        received = _received(figures_of(release, meant.agency_code, first_day, last_day))
        form = Form(
            code=CODE,
            title="Tình hình, kết quả giải quyết thủ tục hành chính",
            basis="Thông tư số 01/2020/TT-VPCP",
            issuer=vietnamese.issuer(meant.name) if meant.unit_code else meant.name,
            scope_code=meant.agency_code,
            scope_name=meant.name,
            period_title=vietnamese.period(period, first_day, last_day),
            first_day=first_day,
            last_day=last_day,
            as_of=received.as_of if received else None,
            parameter_set=rules.name,
            parameter_title=rules.title,
            release=release.release,
            subject="Lĩnh vực giải quyết",
            heads=HEADS,
            sections=tuple(_sections(meant, own, sheets)),
            notices=(
                *(_missing(sheets) if sheets else ()),
                *_notices(release, meant, rules, scheme, first_day, last_day, whole, received),
            ),
        )
    if broken := whole.broken():
        raise BrokenForm(f"form {CODE} of {meant.name} contradicts itself: {'; '.join(broken)}")
    return form


def _sections(scope: Scope, own: list[Settled], sheets: MinistrySheets | None) -> Iterator[Section]:
    """By field, each source apart where there are two, then by unit."""
    rows = own
    if sheets is None:
        yield _by_field("I. Theo lĩnh vực", own, "Tổng cộng")
    else:
        rows = [*own, *sheets.rows]
        yield _by_field("I. Hệ thống của tỉnh, theo lĩnh vực", own, "Cộng hệ thống của tỉnh")
        yield _by_field(
            "II. Hệ thống của bộ, ngành, theo lĩnh vực", sheets.rows, "Cộng hệ thống của bộ, ngành"
        )
        yield Section("III. Cả hai nguồn", (_line("", "Tổng cộng", total(rows), True),))
    units = list(_lines(rows, lambda row: (row.agency_code, row.agency_name)))
    if len(units) > 1 or (rows and rows[0].agency_code != scope.agency_code):
        yield Section(f"{'II' if sheets is None else 'IV'}. Theo cơ quan, đơn vị", tuple(units))


def _by_field(title: str, rows: list[Settled], total_title: str) -> Section:
    fields = _lines(rows, lambda row: (row.field, row.field_title))
    return Section(title, (*fields, _line("", total_title, total(rows), True)))


def _missing(sheets: MinistrySheets) -> Iterator[str]:
    """What the section of the ministries' systems lacks."""
    lacks = {
        "dòng bị giữ lại vì tự mâu thuẫn": sheets.rows_held,
        "lĩnh vực không được tính vì các tháng không khớp nhau": sheets.fields_held,
        "biểu tháng chưa có": sheets.months_missing,
    }
    if told := ", ".join(f"{count} {what}" for what, count in lacks.items() if count):
        yield f"Hệ thống của bộ, ngành chưa đủ: {told}."


def _lines(rows: Iterable[Settled], by: Callable[[Settled], tuple[str, str]]) -> Iterator[Line]:
    groups: dict[tuple[str, str], list[Settled]] = {}
    for row in rows:
        groups.setdefault(by(row), []).append(row)
    for ordinal, ((_, title), members) in enumerate(sorted(groups.items()), start=1):
        yield _line(str(ordinal), title, total(members))


def _line(ordinal: str, title: str, counts: Counts, is_total: bool = False) -> Line:
    ended = counts.ended_without_result_count
    note = f"Trong cột (7): {ended} hồ sơ trả lại, dừng hoặc rút" if ended else ""
    return Line(ordinal, title, counts.columns, note, is_total)


def _received(figures: Iterable[Figure]) -> Figure | None:
    """The figure of the whole scope that tells how good the numbers are."""
    return next((each for each in figures if each.metric == "dossiers_received" and not each.detail), None)


def _notices(
    release: Published,
    scope: Scope,
    rules: ParameterSet,
    scheme: Scheme,
    first_day: date,
    last_day: date,
    counts: Counts,
    received: Figure | None,
) -> Iterator[str]:
    if received and (told := vietnamese.note(received)):
        yield f"Hồ sơ một cửa: {told}."
    if received and received.as_of and received.as_of < last_day:
        yield f"Kỳ chưa kết thúc trong số liệu: tính đến hết ngày {vietnamese.day(received.as_of)}."
    for doubt in doubtful_pauses(release, scope.agency_code, first_day, last_day):
        yield (
            f"Chưa rõ phần mềm {doubt.system} có tự dời ngày hẹn trả khi chờ bổ sung hay không: {doubt.dossier_count} hồ sơ"
            " đã được cộng ngày chờ."
        )
    yield from _differences(release, scope, rules, scheme, first_day, last_day, counts)
    if not rules.continues:
        return
    if earlier := period_before(release, first_day, last_day, scheme):
        yield from _discontinuities(release, scope, rules, earlier, counts)


def _differences(
    release: Published,
    scope: Scope,
    rules: ParameterSet,
    scheme: Scheme,
    first_day: date,
    last_day: date,
    counts: Counts,
) -> Iterator[str]:
    """How this form differs from the one that was handed in, and the dossiers whose verdict changed since."""
    handed = forms.handed_in(release.connection, CODE, scope.agency_code, first_day, last_day)
    if not handed:
        return
    before = decode(handed[-1].content)
    pairs = zip(range(3, 14), before.total.counts, counts.columns, strict=True)
    changed = ", ".join(f"cột ({n}) {old} → {new}" for n, old, new in pairs if old != new)
    if before.parameter_set == rules.name and changed:
        yield f"Khác biểu đã gửi (lần {handed[-1].version}): {changed}."
    changes = verdict_changes(release, scope.agency_code, scheme, first_day, last_day)
    if codes := sorted({change.dossier_code for change in changes}):
        shown = ", ".join(codes[:SHOWN]) + (
            f" và {len(codes) - SHOWN} hồ sơ nữa" if len(codes) > SHOWN else ""
        )
        yield f"Trước báo trễ hạn, nay đúng hạn do ngày kết thúc hoặc ngày yêu cầu bổ sung được ghi sau: {shown}."


def _discontinuities(
    release: Published, scope: Scope, rules: ParameterSet, earlier: tuple[date, date], counts: Counts
) -> Iterator[str]:
    """Where what was carried over is not what was pending at the end of the period before, as it was handed in."""
    handed = forms.handed_in(release.connection, CODE, scope.agency_code, *earlier)
    if not handed:
        return
    before = decode(handed[-1].content)
    told = before.total.counts[PENDING] or 0
    if before.parameter_set == rules.name and counts.carried_over_count != told:
        yield (
            f"Cột (6) là {counts.carried_over_count}, biểu kỳ trước đã gửi (lần {handed[-1].version}) có cột (11) là {told}:"
            f" lệch {counts.carried_over_count - told:+d}."
        )
