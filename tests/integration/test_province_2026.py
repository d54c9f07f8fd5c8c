"""A province of 2026 through a night: made-up Saturdays, units of after the merger, and all that befalls dossiers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from kho import check
from kho.database import connect
from kho.figures.figures import published
from kho.figures.verdicts import verdict_changes
from kho.forms import settlement
from kho.forms.form import Form
from kho.settings import Settings
from tests.integration import nights
from tests.integration.test_forms import recounted, root_first
from tests.unit import recount_courses, recount_forms

NIGHT = date(2026, 10, 31)
SEPTEMBER = {
    "calendar": (date(2026, 9, 1), date(2026, 9, 30)),
    "administrative": (date(2026, 8, 15), date(2026, 9, 14)),
}
#: what befalls dossiers, and to how many of them at least
WANTED = {
    "not received, open": 6, "refused at the door": 6, "status 6": 10, "waiting for a payment": 4, "withdrawn": 7,
    "supplement answered": 3, "asked twice": 7, "ended without the supplement": 7, "waiting for a supplement": 6,
    "due date moved": 8, "handed over": 17, "handed over to a successor": 10, "handed over and back": 6,
    "end told later": 8, "due on no day": 6, "due on 01/01/0001": 1, "due on 01/01/1900": 1, "due on 31/12/9999": 1,
    "root first": 6, "leaf first": 300, "both layouts of a code": 6,
}  # fmt: skip


@pytest.fixture(scope="module")
def province(module_built_warehouse: Settings) -> Settings:
    """Its exports in one night, judged at the boundary; of the deltas those of days on which something happened."""
    exports = [
        export
        for export in nights.sample(module_built_warehouse, report=nights.CAN_THO)
        if export.entity != "dossiers" or export.content.count(b"\r\n") > 1
    ]
    nights.put_and_hand_over(module_built_warehouse, exports)
    check.exports(module_built_warehouse, NIGHT)
    nights.build_warehouse(module_built_warehouse, NIGHT)
    nights.publish_some(module_built_warehouse, "path:models/marts/one_stop")
    return module_built_warehouse


@pytest.fixture(scope="module")
def communes(province: Settings) -> list[str]:
    folder = province.exports / "one_stop" / "procedures"
    units = {root_first(path.stem.split("_")[1]) for path in folder.iterdir()}
    return sorted(units - {"H13"})


def test_every_kind_of_dossier_is_in_the_files(province: Settings) -> None:
    found = recount_courses.found(province.exports)
    assert {kind: len(found[kind]) for kind in WANTED if len(found[kind]) < WANTED[kind]} == {}
    for kind in ("withdrawn", "due date moved", "asked twice", "end told later"):
        units = {unit for _, unit, _ in found[kind]}
        months = {month for _, _, month in found[kind]}
        assert len(units) >= 3 and len(months) >= 2, kind
    assert recount_courses.received_on(province.exports, date(2026, 8, 22)), "a Saturday that is worked"
    for off in (date(2026, 8, 31), date(2026, 9, 1), date(2026, 9, 2)):
        assert not recount_courses.received_on(province.exports, off)


def test_every_file_was_loaded_and_no_row_rejected(province: Settings) -> None:
    with connect(province, "kho_auditor") as connection:
        batches = connection.execute(
            "select contract, count(*) filter (where state = 'accepted'), sum(rows_loaded), sum(rows_rejected)"
            " from ledger.batch group by 1"
        ).fetchall()
        told = connection.execute(
            "select distinct expectation from ledger.verdict where outcome = 'failed' and batch_id is not null"
        ).fetchall()
    files = {
        f"one_stop.{entity}": len(list((province.exports / "one_stop" / entity).iterdir()))
        for entity in ("dossiers", "procedures", "supplements")
    } | {"register.operations": 1, "ministry_forms.settlement": len(list(_sheets(province)))}
    assert {contract: count for contract, count, _, _ in batches} == files
    assert {(loaded > 0, rejected) for _, _, loaded, rejected in batches} == {(True, 0)}
    assert {expectation for (expectation,) in told} == {"times_possible"}


@pytest.mark.parametrize("scheme", SEPTEMBER)
def test_form_06_of_the_province_and_of_each_commune_is_what_a_recount_finds(
    province: Settings, communes: list[str], scheme: str
) -> None:
    first, last = SEPTEMBER[scheme]
    assert len(communes) == 12
    seeds = province.project / "dbt_project" / "seeds"
    counted = recount_forms.form(
        recount_forms.read(province.exports),
        recount_forms.rules(seeds)["default"],
        first,
        last,
        NIGHT,
        recount_forms.WorkingDays(seeds),
    )
    for scope in ("H13", *communes):
        own = [columns for (agency, _), columns in counted.items() if root_first(agency) == scope]
        below = [columns for (agency, _), columns in counted.items() if root_first(agency).startswith(scope)]
        form = settlement.draft(province, scope, "2026-09", scheme)
        assert _own(form) == printed(below), scope
        assert printed(own) != (0,) * 11, scope


def _own(form: Form) -> tuple[int | None, ...]:
    """The numbers of the province's own system."""
    lines = [line for section in form.sections for line in section.lines]
    return next((line.counts for line in lines if line.title == "Cộng hệ thống của tỉnh"), form.total.counts)


def _sheets(province: Settings) -> Iterator[Path]:
    return (province.exports / "ministry_forms" / "settlement").iterdir()


def test_ministries_sheets_are_a_section_of_the_form(province: Settings) -> None:
    told = [
        next(
            row
            for row in CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()
            if "TỔNG CỘNG" in row
        )
        for path in _sheets(province)
        if path.stem.endswith("_20260930")
    ]
    form = settlement.draft(province, "H13", "2026-09", "calendar")
    assert len(told) == 4
    ministries = [sum(int(row[n]) for row in told) for n in range(2, 13)]
    assert form.total.counts == tuple(map(sum, zip(_own(form), ministries, strict=True)))
    assert not any("bộ, ngành chưa đủ" in notice for notice in form.notices)


def printed(found: list[Mapping[int, int]]) -> tuple[int, ...]:
    """Columns 3 to 13 of rows together."""
    of = {n: sum(columns[n] for columns in found) for n in range(14)}
    of[3], of[7], of[11] = of[4] + of[5] + of[6], of[8] + of[9] + of[10], of[12] + of[13]
    return tuple(of[n] for n in range(3, 14))


def test_every_set_of_parameters_is_recounted_before_and_after_the_merger(province: Settings) -> None:
    periods = [
        *SEPTEMBER.values(),
        (date(2025, 6, 1), date(2025, 6, 30)),
        (date(2025, 7, 1), date(2025, 7, 31)),
        (date(2026, 8, 1), date(2026, 8, 31)),
        (date(2026, 9, 15), date(2026, 10, 14)),
    ]
    sets = ("default", "strict", "until_2021", "waiting_resolved", "ended_excluded")
    assert recounted(province, ("H13", "H51"), periods, NIGHT, sets) > 1_000


def test_what_looked_overdue_at_the_end_of_a_month_and_was_on_time_in_hindsight_is_listed(
    province: Settings,
) -> None:
    ends = [
        *(("calendar", day) for day in (date(2026, 8, 31), date(2026, 9, 30))),
        *(("administrative", day) for day in (date(2026, 9, 14), date(2026, 10, 14))),
    ]
    expected = {
        (scheme, month_end, code)
        for code, dossier in recount_forms.read(province.exports).items()
        for scheme, month_end in ends
        if (told := next((v for v in dossier.versions if v.cells["ngayKetThucXuLy"]), None))
        and (due := told.moment("ngayHenTra"))
        and told.moment("ngayKetThucXuLy").date() == due.date() < month_end < told.told_on
    }
    with published(province) as release:
        listed = [
            (scheme, one)
            for scheme in SEPTEMBER
            for one in verdict_changes(release, "H13", scheme, date(2026, 8, 31), NIGHT)
        ]
    assert expected and all(one.told_verdict == "overdue" for _, one in listed)
    found = {(scheme, one.told_date, one.dossier_code) for scheme, one in listed if one.is_end_on_due_date}
    assert found == expected
