"""`kho agency import`: a province's list of agencies becomes the seed, whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, event, given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from kho import settings as settings_module
from kho.agencies import HEADER, Version, WrongList, listed, merged, problems, read, rows
from kho.agencies.catalogue import AGENCIES
from kho.cli import app
from kho.settings import Settings
from tests import agencies
from tests.agencies import Row
from tests.examples import examples

COMMUNE = ("H61.28001", "28001", "Xã Mẫu 1", "", "xã", "H61", "01/07/2025", "")
OFFICE = ("H61.28001.02", "", "Phòng Kinh tế", "", "phòng", "H61.28001", "01/07/2025", "")


@pytest.fixture
def project(tmp_path: Path) -> Settings:
    return agencies.project(tmp_path / "kho")


@pytest.fixture
def kho(
    project: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Result]]:
    """Types `kho agency import` of a list with these rows."""
    monkeypatch.setenv("KHO_PROJECT", str(project.project))
    monkeypatch.setenv("KHO_HOME", str(project.home))
    settings_module.settings.cache_clear()

    def run(rows: list[Row], *options: str, name: str = "units.csv", data: bytes | None = None) -> Result:
        (tmp_path / name).write_bytes(agencies.csv_bytes(rows) if data is None else data)
        return CliRunner().invoke(app, ["agency", "import", str(tmp_path / name), *options])

    yield run
    settings_module.settings.cache_clear()


def seed(project: Settings) -> str:
    return (project.project / AGENCIES).read_text(encoding="utf-8")


def test_a_province_comes_in_by_one_import_and_once(kho: Callable[..., Result], project: Settings) -> None:
    before, listing = seed(project), agencies.province()
    tried = kho(listing, "--check")
    assert (tried.exit_code, seed(project)) == (0, before), tried.output
    taken = kho(listing)
    assert taken.exit_code == 0, taken.output
    assert f"added: {len(listing) - 5}: " in taken.output and "unchanged: 5\n" in taken.output
    assert "+H61.101.10,,Trung tâm Phục vụ hành chính công," in taken.output
    assert "Without a line in dbt_project/seeds/system_operation.csv: 120: H61.101, " in taken.output
    lines = seed(project).splitlines()
    assert len(lines) == len(before.splitlines()) + len(listing) - 5 and lines[1:] == sorted(lines[1:])
    assert set(before.splitlines()) < set(lines), "what the list does not name stays as it is"
    again = kho(listing)
    assert again.exit_code == 0 and "Nothing changes." in again.output and seed(project).splitlines() == lines
    workbook = kho([], name="units.xlsx", data=agencies.xlsx_bytes(listing))
    assert workbook.exit_code == 0 and "Nothing changes." in workbook.output, workbook.output


def test_departments_have_the_level_of_their_unit(kho: Callable[..., Result], project: Settings) -> None:
    assert kho(agencies.province()).exit_code == 0
    made = {each.agency_code: each for each in read(project)}
    assert [made[code].level for code in ("H61", "H61.02", "H61.04")] == ["province"] * 3
    assert [made[f"H61.29341{part}"].level for part in ("", ".02", ".10")] == ["commune"] * 3
    assert made["H61.29341.02"].short_name == "Phòng Kinh tế (Tiểu Cần)"
    assert made["H61.02"].short_name == "Sở Nội vụ"
    assert made["H61.101"].short_name == "Mẫu 1"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-8-sig"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_lists_are_read_as_people_save_them(tmp_path: Path, encoding: str, delimiter: str) -> None:
    listing = agencies.province()[:12]
    (tmp_path / "units.csv").write_bytes(agencies.csv_bytes(listing, encoding, delimiter))
    found = listed(tmp_path / "units.csv")
    assert [each.agency_code for each in found] == [row[0] for row in listing]
    assert found[6].place == "units.csv:8"


def test_codes_are_taken_in_both_orders_and_columns_in_any(tmp_path: Path) -> None:
    text = (
        "DANH MỤC\n\nGhi chú,Hiệu lực từ,LOẠI,Tên,Mã định danh cấp trên,Mã đơn vị hành chính,Mã định danh\n"
        'x,2025-07-01,Phòng,"Phòng Kinh tế",000.00.00.H61,,000.02.00.H61\n'
        "x,2025-07-01,Xã,Xã Mẫu 1,H61,28001,000.00.28001.H61\n"
    )
    (tmp_path / "units.csv").write_text(text, encoding="utf-8")
    office, commune = listed(tmp_path / "units.csv")
    assert (office.agency_code, office.parent_agency_code, office.place) == ("H61.02", "H61", "units.csv:4")
    assert (commune.agency_code, commune.unit_code, commune.valid_to) == ("H61.28001", "28001", None)


def test_a_renamed_agency_has_a_version_from_that_day_on(
    kho: Callable[..., Result], project: Settings
) -> None:
    renamed = ("H61.29341", "29341", "Phường Tiểu Cần", "", "phường", "H61", "01/03/2026", "")
    done = kho([renamed])
    assert done.exit_code == 0 and "renamed: 1: H61.29341" in done.output, done.output
    earlier, later = (each for each in read(project) if each.agency_code == "H61.29341")
    assert (earlier.name, earlier.valid_to) == ("Xã Tiểu Cần", date(2026, 2, 28))
    assert (later.name, later.valid_from, later.valid_to) == ("Phường Tiểu Cần", date(2026, 3, 1), None)
    # The list of before says nothing of what came later.
    old = ("H61.29341", "29341", "Xã Tiểu Cần", "", "xã", "H61", "01/07/2025", "")
    assert "Nothing changes." in kho([old]).output
    ended = kho([(*renamed[:7], "31/12/2026")])
    assert "ended: 1: H61.29341" in ended.output
    assert "left as they are: 4: H61, H61.29362, H61.29365, H61.29371" in ended.output


def changed(row: Row, **cells: str) -> Row:
    places = dict(
        zip(("code", "unit", "name", "short", "kind", "above", "since", "until"), range(8), strict=True)
    )
    return tuple(cells.get(name, row[place]) for name, place in places.items())


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([changed(COMMUNE, code="H61.x")], "units.csv:2: Mã định danh is 'H61.x': write H13.31639 or"),
        ([changed(COMMUNE, unit="281")], "units.csv:2: Mã đơn vị hành chính is '281': that of a xã has 5 digits"),
        ([changed(OFFICE, unit="28001")], "a phòng has none, leave it empty"),
        ([changed(COMMUNE, kind="làng")], "Loại is 'làng': write one of tỉnh, thành phố, "),
        ([changed(COMMUNE, name="")], "Tên is empty"),
        ([changed(COMMUNE, name="Phường Mẫu 1")], "Tên 'Phường Mẫu 1' is none of a xã: it is Xã …"),
        ([changed(COMMUNE, since="7/2025")], "Hiệu lực từ is '7/2025': write a day as 01/07/2025"),
        ([changed(COMMUNE, kind="thị trấn", name="Thị trấn Mẫu")], "there is no thị trấn after 2025-06-30"),
        ([COMMUNE, COMMUNE], "units.csv:3: H61.28001 is listed more than once from 2025-07-01 on"),
        ([COMMUNE, changed(COMMUNE, since="01/01/2026"), changed(COMMUNE, until="01/02/2026")], "more than once"),
        (
            [changed(COMMUNE, until="01/02/2026"), changed(COMMUNE, since="01/01/2026")],
            "units.csv:3: H61.28001: has two versions at a time: end one the day before the other begins",
        ),
        ([changed(COMMUNE, above="H61.99999")], "does not fit the agency above, H61.99999"),
        ([changed(COMMUNE, code="H62.28001", above="H62")], "belongs to H62, which there is not: list that as well"),
        ([changed(COMMUNE, above="")], "belongs to no agency: write the code of the agency above"),
        ([changed(COMMUNE, since="01/01/2025")], "is there on 2025-01-01, when H61 is not: let both begin"),
        (
            [("H51.99", "31999", "Xã Mẫu", "", "xã", "H51", "01/01/2020", "30/06/2025")],
            "is a commune under the province H51 on 2020-01-01: then it belongs to a district",
        ),
        ([changed(COMMUNE, unit="29341")], "has the unit code of another agency of that time"),
        ([COMMUNE, OFFICE, changed(OFFICE, code="H61.28001.03")], "has the name of another agency of the same unit"),
        ([COMMUNE, changed(COMMUNE, code="H61.28002", unit="28002", name="Xã Mẫu 2", short="Mẫu 1")], "tell them apart"),
        ([changed(COMMUNE, until="30/06/2025")], "ends on 2025-06-30, before it begins"),
        ([changed(COMMUNE, until="31/12/2026"), OFFICE], "is there on 2027-01-01, when H61.28001 is not"),
        ([COMMUNE, OFFICE, changed(OFFICE, code="H61.28001.02.01", above="H61.28001.02")], "the unit that both belong to"),
        (
            [("H59.06", "846", "Huyện Tiểu Cần", "", "huyện", "H59", "01/01/2009", "31/12/2025")],
            "H59.06: is a district, which there are none of since 2025-07-01: end it on 2025-06-30",
        ),
        (
            [("H61.06", "846", "Huyện Mới", "", "huyện", "H61", "01/07/2025", ""),
             changed(COMMUNE, code="H61.06.01", above="H61.06")],
            "is a commune under the district H61.06 on 2025-07-01: then it belongs to a province",
        ),
        ([("H99", "99", "Tỉnh Mẫu", "", "tỉnh", "H61", "01/07/2025", "")], "which belongs to no other agency"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place_and_nothing_is_written(
    kho: Callable[..., Result], project: Settings, rows: list[Row], told: str
) -> None:
    before = seed(project)
    refused = kho(rows)
    assert refused.exit_code == 1 and told in refused.output, refused.output
    assert refused.output.rstrip().endswith("problems; nothing is written.") and seed(project) == before


def test_all_that_is_wrong_is_told_at_once(kho: Callable[..., Result]) -> None:
    refused = kho([changed(COMMUNE, unit="1"), changed(OFFICE, kind=""), changed(OFFICE, since="")])
    assert [f"units.csv:{line}: " in refused.output for line in (2, 3, 4)] == [True] * 3
    assert "3 problems; nothing is written." in refused.output


def test_what_is_no_list_is_told_with_the_columns_of_one(kho: Callable[..., Result]) -> None:
    other = kho([], data="Mã;Tên\nH61;Tỉnh\n".encode())
    assert other.exit_code == 1 and "the header has no column Mã định danh" in other.output
    assert all(header in other.output for header in HEADER)
    assert "units.csv: there is no row below the header" in kho([]).output
    damaged = kho([], name="units.xlsx", data=b"PK\x03\x04")
    assert damaged.exit_code == 1 and "units.xlsx: can't be read" in damaged.output


def test_of_two_units_of_one_name_each_is_told_apart(kho: Callable[..., Result], project: Settings) -> None:
    twins = [COMMUNE, changed(COMMUNE, code="H61.28002", unit="28002", name="Phường Mẫu 1", kind="phường")]
    assert kho(twins).exit_code == 0
    short = {each.agency_code: each.short_name for each in read(project)}
    assert (short["H61.28001"], short["H61.28002"]) == ("Mẫu 1 (xã)", "Mẫu 1 (phường)")


# Lists that are partly sound: small catalogues whose cells are changed here and there.

DAYS = ["01/01/2020", "30/06/2025", "01/07/2025", "01/03/2026", ""]
CELLS = {
    "code": ["H61.28001", "H61.28002", "H61.28001.02", "H98", "H98.01", "H98.01.01"],
    "unit": ["28001", "28009", "98", "946", ""],
    "name": ["Xã Mẫu 1", "Xã Mẫu 2", "Phòng Kinh tế", "Tỉnh Mẫu", "Huyện Mẫu"],
    "kind": ["xã", "phòng", "tỉnh", "huyện"],
    "above": ["H61", "H61.28001", "H98", "H98.01", ""],
    "since": DAYS,
    "until": DAYS,
    "short": ["Mẫu 1", "Mẫu 9", ""],
}
SOUND = [
    COMMUNE,
    OFFICE,
    changed(COMMUNE, code="H61.28002", unit="28002", name="Xã Mẫu 2", until="28/02/2026"),
    changed(COMMUNE, code="H61.28002", unit="28002", name="Xã Mẫu 3", since="01/03/2026"),
    ("H98", "98", "Tỉnh Mẫu", "", "tỉnh", "", "01/01/2020", "30/06/2025"),
    ("H98.01", "947", "Huyện Mẫu", "", "huyện", "H98", "01/01/2020", "30/06/2025"),
    ("H98.01.01", "28003", "Xã Mẫu 1", "", "xã", "H98.01", "01/01/2020", "30/06/2025"),
]


@st.composite
def lists(draw: st.DrawFn) -> list[Row]:
    """The sound list without some rows, and with up to two cells that are others."""
    gone = draw(st.sets(st.integers(0, len(SOUND) - 1), max_size=2))
    kept = [row for at, row in enumerate(SOUND) if at not in gone]
    for at in draw(st.lists(st.integers(0, len(kept) - 1), max_size=2)):
        name = draw(st.sampled_from(["until", "since", "short", "name", "unit", "kind", "above", "code"]))
        other = changed(kept[at], **{name: draw(st.sampled_from(CELLS[name]))})
        if draw(st.booleans()):
            kept.append(other)
        else:
            kept[at] = other
    return draw(st.permutations(kept))


TRIED = [HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much]


@given(lists())
@examples(50, suppress_health_check=TRIED)
def test_whatever_is_accepted_has_one_version_a_day_under_a_unit_that_is_there(
    project: Settings, tmp_path: Path, rows: list[Row]
) -> None:
    (tmp_path / "units.csv").write_bytes(agencies.csv_bytes(rows))
    try:
        change = merged(project, listed(tmp_path / "units.csv", read(project)))
        is_accepted = not list(problems(change.versions))
    except WrongList:
        is_accepted = False
    event(f"accepted: {is_accepted}")
    assume(is_accepted)
    versions = change.versions
    for earlier, later in pairwise(versions):
        assert (earlier.agency_code, earlier.valid_from) < (later.agency_code, later.valid_from)
        if earlier.agency_code == later.agency_code:
            assert earlier.last_day < later.valid_from
    for each in versions:
        assert each.valid_from <= each.last_day and each.short_name
        if each.parent_agency_code:
            for day in (each.valid_from, min(each.last_day, date(2100, 1, 1)), date(2025, 7, 1)):
                if each.valid_from <= day <= each.last_day:
                    (above,) = (
                        up
                        for up in versions
                        if up.agency_code == each.parent_agency_code and up.valid_from <= day <= up.last_day
                    )
                    assert above.is_unit and (each.is_unit or each.level == above.level)
    # What was accepted, listed again, changes nothing more.
    assert (
        change.after
        == merged(
            replace_seed(project, tmp_path, change.after), listed(tmp_path / "units.csv", versions)
        ).after
    )


def replace_seed(project: Settings, folder: Path, text: str) -> Settings:
    """The same project with this seed."""
    other = folder / "after" / AGENCIES
    other.parent.mkdir(parents=True, exist_ok=True)
    other.write_text(text, encoding="utf-8")
    return project.model_copy(update={"project": folder / "after"})


@st.composite
def catalogues(draw: st.DrawFn) -> list[Version]:
    """Provinces of after with communes and departments, renamed now and then."""
    made = []
    for province in range(draw(st.integers(1, 3))):
        root, first = f"H9{province}", date(2025, 7, 1)
        made.append(
            Version(
                root, f"9{province}", f"Tỉnh Mẫu {province}", f"Mẫu {province}", "province", "", first, None
            )
        )
        for commune in range(draw(st.integers(0, 4))):
            code = f"{root}.{10000 + commune}"
            spans = sorted(draw(st.sets(st.integers(1, 900), max_size=2)))
            starts = [first, *(first + timedelta(days) for days in spans)]
            for number, start in enumerate(starts):
                last = starts[number + 1] - timedelta(1) if number + 1 < len(starts) else None
                kind = draw(st.sampled_from(["Xã", "Phường", "Đặc khu"]))
                name = f"{kind} Đất {province}{commune}{number}"
                made.append(
                    Version(
                        code,
                        f"{province}{10000 + commune}"[:5].zfill(5),
                        name,
                        name,
                        "commune",
                        root,
                        start,
                        last,
                    )
                )
            for office in draw(
                st.sets(
                    st.sampled_from(["Phòng Kinh tế", "Trung tâm Phục vụ hành chính công", "Ban Chỉ huy"])
                )
            ):
                made.append(
                    Version(f"{code}.{len(office):02}", "", office, office, "commune", code, first, None)
                )
    return sorted(made, key=lambda each: (each.agency_code, each.valid_from))


@given(catalogues())
@examples(30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_import_of_an_export_changes_nothing(
    project: Settings, tmp_path: Path, made: list[Version]
) -> None:
    units = [each for each in made if each.is_unit and each.level == "commune"]
    numbers = {
        code: f"{number:05}" for number, code in enumerate(sorted({each.agency_code for each in units}))
    }
    made = [replace(each, unit_code=numbers[each.agency_code]) if each in units else each for each in made]
    text = replace(merged(project, []), versions=made).after
    ours = replace_seed(project, tmp_path, text)
    (tmp_path / "units.csv").write_bytes(agencies.csv_bytes(list(rows(read(ours)))))
    change = merged(ours, listed(tmp_path / "units.csv", read(ours)))
    assert list(problems(change.versions)) == []
    assert change.after == text and not change.difference
    assert sorted(change.unchanged) == sorted({each.agency_code for each in made})


def test_the_seed_of_the_project_is_what_its_export_imports(
    kho: Callable[..., Result], project: Settings
) -> None:
    exported = CliRunner().invoke(app, ["agency", "list", "--format", "csv"])
    assert exported.exit_code == 0
    taken = kho([], data=exported.output.encode())
    assert taken.exit_code == 0 and "Nothing changes." in taken.output, taken.output
    assert seed(project) == merged(project, []).after, "and it is sorted"
