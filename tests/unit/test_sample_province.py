"""The sample of a province of 2026 adds up to what it is told, with every kind of dossier that 2021 did not have."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from kho.settings import Settings
from kho_sample import totals, write
from kho_sample.courses import COURSES
from kho_sample.totals import Totals
from tests.unit import recount_forms
from tests.unit.recount import root_first

PROJECT = Path(__file__).resolve().parents[2]
END = date(2026, 10, 31)


@pytest.fixture(scope="module")
def told() -> Totals:
    return totals.read(PROJECT / "samples" / "can_tho_2026.yaml")


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory, told: Totals) -> Path:
    settings = Settings(home=tmp_path_factory.mktemp("home"))
    write.write(settings, told)
    return settings.exports


@pytest.mark.parametrize("scale", [0.02, 0.5, 3])
def test_a_scaled_province_adds_up_by_level(told: Totals, scale: float, tmp_path: Path) -> None:
    small, settings = told.scaled(scale), Settings(home=tmp_path)
    write.write(settings, small)
    assert_levels(small, settings.exports)


def test_dossiers_add_up_by_level(told: Totals, exports: Path) -> None:
    assert_levels(told, exports)


def assert_levels(told: Totals, exports: Path) -> None:
    counted: Counter[tuple[str, str]] = Counter()
    for code, dossier in recount_forms.read(exports).items():
        unit = root_first(code.rsplit("-", 2)[0])
        if not dossier.received or not unit.startswith("H13"):
            continue
        level = "province" if unit == "H13" else "commune"
        ended, _ = dossier.end
        due = dossier.newest.moment("ngayHenTra")
        counted[level, "received"] += 1
        if ended:
            counted[level, "late"] += bool(due and ended > due)
        else:
            counted[level, "overdue" if due and due.date() <= END else "within"] += 1
    desks = (("province", told.province_desk.province), ("commune", told.province_desk.commune))
    assert counted == {
        (level, name): count
        for level, desk in desks
        for name, count in (
            ("received", desk.dossiers_received),
            ("late", desk.dossiers_resolved_late),
            ("within", desk.dossiers_in_progress_within_deadline),
            ("overdue", desk.dossiers_overdue),
        )
    }


def test_there_is_a_delta_for_every_day_and_lists_in_force_all_the_time(exports: Path) -> None:
    deltas = sorted(path.stem for path in (exports / "one_stop" / "dossiers").glob("*.csv"))
    assert (deltas[0], deltas[-1], len(deltas)) == ("dossiers_20260815", "dossiers_20261031", 78)
    days = Counter(path.stem[-8:] for path in (exports / "one_stop" / "procedures").iterdir())
    assert days == {"20260701": 13, "20261001": 13}


def test_every_file_is_the_same_for_the_same_seed(told: Totals, exports: Path, tmp_path: Path) -> None:
    again = Settings(home=tmp_path)
    write.write(again, told)
    here = {path.relative_to(exports): path.read_bytes() for path in exports.rglob("*.*")}
    assert here == {path.relative_to(again.exports): path.read_bytes() for path in again.exports.rglob("*.*")}


def test_every_kind_of_course_can_be_asked_for(told: Totals) -> None:
    assert COURSES.keys() == dict(told.courses).keys()


def test_procedures_tell_the_most_time_that_they_take(exports: Path) -> None:
    page = (exports / "one_stop" / "procedures" / "procedures_000.00.31639.H13_20261001.xls").read_text(
        "utf-8"
    )
    assert page.count(" ngày làm việc</td>") > 10 and "toàn trình" in page and "Cấp xã" in page
    assert "Cấp huyện" not in page
