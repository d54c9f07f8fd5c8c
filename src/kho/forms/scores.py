"""The sheet of QĐ 766/QĐ-TTg: how well a unit serves citizens and enterprises, recomputed beside the portal's own points."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import groupby

from kho.figures.figures import DEFAULT, Published, Scope, asked, published
from kho.figures.scores import Score, scored_period, scores
from kho.forms.form import Form, Head, Line, Section
from kho.forms.issues import decode
from kho.forms.printed import cell
from kho.ledger import forms
from kho.report import vietnamese
from kho.settings import Settings

CODE = "766"
HEADS = (
    Head("Tử số"),
    Head("Mẫu số"),
    Head("Tỷ lệ (%)"),
    Head("Điểm", (Head("Tối đa"), Head("Tính lại"), Head("Cổng công bố"), Head("Chênh lệch"))),
)
POINTS = 4  # the recomputed points, as a place among the numbers
REASONS = {
    "other_level": "không áp dụng cho cấp này",
    "no_formula": "chưa rõ công thức, không tính lại được",
    "not_told": "Cổng chưa cho biết tử số, mẫu số",
    "nothing_to_count": "không phát sinh trong kỳ, không tính điểm",
}


def draft(settings: Settings, scope: str, period: str) -> Form:
    """The sheet of a calendar month, quarter or year, as the release in force has it.

    Raises `UnknownScope`, `UnknownPeriod`, `NotBegun` or `NoRelease`.
    """
    with published(settings) as release:
        meant, first_day, last_day = asked(release, scope, period, "calendar")
        found = scores(release, meant.agency_code, scored_period(release, first_day, last_day))
        sections = tuple(_sections(found))
        form = Form(
            code=CODE,
            name="Bộ chỉ số phục vụ người dân, doanh nghiệp",
            title="Kết quả thực hiện thủ tục hành chính, cung cấp dịch vụ công",
            basis="Quyết định số 766/QĐ-TTg",
            issuer=vietnamese.issuer(meant.name) if meant.unit_code else meant.name,
            scope_code=meant.agency_code,
            scope_name=meant.name,
            period_title=vietnamese.period(period, first_day, last_day),
            first_day=first_day,
            last_day=last_day,
            as_of=max((each.as_of for each in found if each.as_of), default=None),
            parameter_set=DEFAULT,
            parameter_title="công thức mặc định của từng chỉ tiêu",
            release=release.release,
            subject="Chỉ tiêu",
            heads=HEADS,
            sections=sections,
            notices=(),
        )
        return replace(form, notices=tuple(_notices(release, meant, form, found)))


def _sections(found: list[Score]) -> Iterator[Section]:
    for group, of_group in groupby(found, key=lambda each: each.metric_group):
        rows = list(of_group)
        yield Section(group, (*_lines(rows), _total("Cộng", rows)))
    if found:
        yield Section("Tổng điểm", (_total("Tổng cộng", found),))


def _lines(rows: Iterable[Score]) -> Iterator[Line]:
    for code, of_metric in groupby(rows, key=lambda each: each.metric_code):
        score, *others = of_metric
        counts = (
            _count(score.numerator),
            _count(score.denominator),
            score.ratio_pct,
            score.maximum,
            score.points,
            score.portal_points,
            score.difference,
        )
        yield Line(code, score.title, counts, "; ".join(_notes(score, others)))


def _count(value: Decimal | None) -> int | Decimal | None:
    """A number of dossiers or procedures is a whole one; the portal's may have decimals."""
    return int(value) if value is not None and value == value.to_integral_value() else value


def _notes(score: Score, others: list[Score]) -> Iterator[str]:
    if score.reason:
        yield REASONS.get(score.reason, f"hồ sơ một cửa: {vietnamese.STATES.get(score.state)}")
    elif score.state in ("stale", "partial"):
        yield f"hồ sơ một cửa: {vietnamese.STATES[score.state]}"
    if score.left_out_count:
        yield f"{score.left_out_count} hồ sơ không có hạn trả và chưa rõ thời hạn của thủ tục, không tính"
    others = [each for each in others if each.points is not None]
    if others and score.points is not None:
        yield f"tính theo {score.formula_title}"
    for each in others:
        yield (
            f"theo {each.formula_title}: {cell(_count(each.numerator))}/{cell(_count(each.denominator))},"
            f" {cell(each.points)} điểm"
        )


def _total(title: str, rows: Iterable[Score]) -> Line:
    """The points that there are; a difference only where nothing is lacking."""
    counted = [each for each in rows if each.is_default and each.state != "not_applicable"]
    points = [each.points for each in counted if each.points is not None]
    told = [each.portal_points for each in counted if each.portal_points is not None]
    difference = sum(points) - sum(told) if len(points) == len(told) == len(counted) > 0 else None
    notes = [
        f"{what}: {', '.join(codes)}"
        for what, codes in (
            ("chưa tính được", [each.metric_code for each in counted if each.points is None]),
            ("Cổng chưa công bố", [each.metric_code for each in counted if each.portal_points is None]),
        )
        if codes
    ]
    counts = (
        None,
        None,
        None,
        sum((each.maximum for each in counted), Decimal(0)),
        sum(points, Decimal(0)) if points else None,
        sum(told, Decimal(0)) if told else None,
        difference,
    )
    return Line("", title, counts, "; ".join(notes), is_total=True)


def _notices(release: Published, scope: Scope, form: Form, found: list[Score]) -> Iterator[str]:
    if not found:
        yield "Chưa có hồ sơ một cửa và điểm của Cổng trong kỳ này."
        return
    yield "Điểm của Cổng Dịch vụ công quốc gia là điểm được công bố; điểm tính lại để giải thích điểm đó."
    apart = [
        f"{each.metric_code} ({cell(each.points)}, Cổng {cell(each.portal_points)})"
        for each in found
        if each.is_default and each.is_different
    ]
    if apart:
        yield f"Điểm tính lại khác điểm của Cổng: {', '.join(apart)}."
    if form.as_of and form.as_of < form.last_day:
        yield f"Kỳ chưa kết thúc trong số liệu: hồ sơ tính đến hết ngày {vietnamese.day(form.as_of)}."
    handed = forms.handed_in(release.connection, CODE, scope.agency_code, form.first_day, form.last_day)
    if handed:
        before, now = _points(decode(handed[-1].content)), _points(form)
        changed = [
            f"{code} {cell(before.get(code))} → {cell(now.get(code))}"
            for code in now
            if before.get(code) != now[code]
        ]
        if changed:
            yield f"Khác bảng điểm đã gửi (lần {handed[-1].version}): {', '.join(changed)}."


def _points(form: Form) -> dict[str, int | Decimal | None]:
    """The recomputed points of every metric."""
    return {
        line.ordinal: line.counts[POINTS]
        for section in form.sections
        for line in section.lines
        if line.ordinal
    }
