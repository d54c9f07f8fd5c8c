"""The sample exports add up to whatever totals they are told, have the shapes of real exports, and never change."""

from __future__ import annotations

import csv
import json
import re
import tempfile
import unicodedata
from collections import Counter
from datetime import date
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given
from hypothesis import strategies as st

from kho.contract import contracts
from kho.settings import Settings
from kho_sample import totals, write
from tests.examples import examples
from tests.unit import recount, recount_courses

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).resolve().parents[2]
INPUT = PROJECT / "samples" / "long_phu_2021_h1.yaml"
FIGURES = PROJECT / "tests" / "figures" / "long_phu_2021_h1.csv"
SEEDS = PROJECT / "dbt_project" / "seeds"


@pytest.fixture(scope="module")
def told() -> totals.Totals:
    return totals.read(INPUT)


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory, told: totals.Totals) -> Path:
    settings = Settings(home=tmp_path_factory.mktemp("home"))
    write.write(settings, told)
    return settings.exports


@pytest.fixture(scope="module")
def read(exports: Path, told: totals.Totals) -> tuple[recount.pd.DataFrame, dict[tuple[str, str], int]]:
    return recount.cases(exports, SEEDS), recount.figures(exports, SEEDS, told.period.end)


@pytest.fixture(scope="module")
def cases(read: tuple[recount.pd.DataFrame, dict]) -> recount.pd.DataFrame:
    return read[0]


@pytest.fixture(scope="module")
def counted(read: tuple[recount.pd.DataFrame, dict]) -> dict[tuple[str, str], int]:
    return read[1]


def expected(told: totals.Totals) -> dict[tuple[str, str], int]:
    """What a recount must find, from the totals alone."""
    found = {}
    for level in ("district", "commune"):
        for metric, value in told.level(level).model_dump().items():
            if isinstance(value, dict):
                found[metric, level] = sum(value.values())
                found |= {(f"{metric} {group}", level): count for group, count in value.items()}
            else:
                found[metric, level] = value
        found["dossiers of no listed procedure", level] = 0
    found["dossiers_late_on_software civil_status", "commune"] = sum(
        late.count for late in told.dossiers_late_on_software
    )
    return found


def test_every_figure_of_the_report_is_in_the_exports(
    exports: Path, counted: dict[tuple[str, str], int]
) -> None:
    def value(metric: str, level: str, detail: str) -> float:
        if metric == "one_stop_units_with_software_pct":
            lists = recount.procedures(exports, Counter())["Mã định danh"].nunique()
            return 100 * lists / 12
        if metric == "dossiers_received_online_level_4_pct":
            part, whole = "dossiers_received_online_level_4", "dossiers_of_level_4_procedures"
        elif metric.endswith("_pct"):
            part, whole = metric.removesuffix("_pct"), "documents_outgoing"
        else:
            names = {"Châu Khánh / civil_status": "H51.12.29", "Phú Hữu / civil_status": "H51.12.27"}
            return add(f"{metric} {names.get(detail, detail)}".strip(), level)
        return 100 * add(part, level) / add(whole, level)

    def add(metric: str, level: str) -> int:
        levels = ("district", "commune") if level == "all" else (level,)
        return sum(counted[metric, each] for each in levels)

    checked = 0
    with FIGURES.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            number = int(row["figure_id"][2:])
            if 2 <= number <= 47 or 55 <= number <= 61:
                decimals = len(row["value"].partition(".")[2])
                got = round(value(row["metric"], row["level"], row["detail"]), decimals)
                assert got == float(row["value"]), row
                checked += 1
    assert checked == 53


def test_the_totals_are_counted_again_in_the_exports(
    told: totals.Totals, counted: dict[tuple[str, str], int]
) -> None:
    assert {name: counted[name] for name in expected(told)} == expected(told)


def test_other_systems_tell_of_the_desks_dossiers_and_of_what_it_does_not_know(
    told: totals.Totals, exports: Path
) -> None:
    desk = {
        metric: told.district.model_dump()[metric] + told.commune.model_dump()[metric]
        for metric in ("dossiers_received_by_post", "dossiers_returned_by_post", "dossiers_received_online")
    }
    assert recount.post(exports) == {
        "N": desk["dossiers_received_by_post"],
        "T": desk["dossiers_returned_by_post"] + told.post.returned_untold,
    }
    assert recount.submissions(exports) == {
        "TIEP_NHAN": desk["dossiers_received_online"] + told.online_services.accepted_untold,
        "TU_CHOI": told.online_services.refused,
    }


def test_supplements_and_fees_are_those_that_the_dossiers_show(
    exports: Path, cases: recount.pd.DataFrame
) -> None:
    files = sorted((exports / "one_stop" / "dossiers").glob("*.csv"))
    told = recount.pd.concat([recount.rows(path, "utf-8-sig", ";") for path in files])
    asked = told[told["ngayYeuCauBoSung"] != ""].drop_duplicates(["maHoSo", "ngayYeuCauBoSung"])
    assert recount.supplements(exports) == len(asked) > asked["maHoSo"].nunique() > 0
    paid = cases["soTien"].str.replace(".", "")
    assert recount.fees(exports) == paid[paid != ""].astype(int).sum() > 0


def test_the_other_vendors_desk_ends_before_the_period(tmp_path: Path) -> None:
    other = totals.read(PROJECT / "samples" / "tieu_can_2017_q3.yaml")
    write.write(Settings(home=tmp_path), other)
    found = recount.igate(tmp_path / "exports")
    assert len(found) == other.igate.received
    days = recount.pd.to_datetime(found["Cập nhật"], format=recount.STAMP)
    assert (days < recount.pd.Timestamp(other.period.start)).all()


OTHERS = {
    "smaller": {"dossiers_received": 503, "dossiers_resolved": 450, "dossiers_resolved_on_time": 437,
                "dossiers_in_progress_within_deadline": 50, "dossiers_of_level_4_procedures": 225,
                "dossiers_returned_by_post": 19, "dossiers_received_online_level_4": 77,
                "dossiers_received_online": 100, "documents_outgoing": 301, "documents_electronic_signed": 300,
                "documents_parallel_paper": 1},
    "no post, all level 4": {"procedures_online_level_3": 0, "procedures_online_level_4": 262,
                             "procedures_announced_for_post": 0, "procedures_received_by_post": 0,
                             "procedures_returned_by_post": 0, "dossiers_received_by_post": 0,
                             "dossiers_returned_by_post": 0, "dossiers_received": 503,
                             "dossiers_resolved": 450, "dossiers_resolved_on_time": 437,
                             "dossiers_in_progress_within_deadline": 50, "dossiers_of_level_4_procedures": 503,
                             "dossiers_received_online_level_4": 59, "dossiers_received_online": 59},
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_other_totals_make_other_exports(name: str, tmp_path: Path) -> None:
    text = yaml.safe_load(INPUT.read_text(encoding="utf-8"))
    text["district"] |= OTHERS[name]
    text["commune"] = totals.read(INPUT).commune.scaled(0.05).model_dump()
    other = tmp_path / "other.yaml"
    other.write_text(yaml.safe_dump(text, allow_unicode=True), encoding="utf-8")
    told = totals.read(other)
    settings = Settings(home=tmp_path)
    write.write(settings, told, seed=7)
    counted = recount.figures(settings.exports, SEEDS, told.period.end)
    assert {name: counted[name] for name in expected(told)} == expected(told)


@st.composite
def levels(draw: st.DrawFn, is_commune: bool) -> dict[str, int | dict[str, int]]:
    """Totals of a level that do not contradict each other."""

    def part(most: int, least: int = 0) -> int:
        return draw(st.integers(least, most))

    groups = {"own_authority": part(60, 12)}
    if is_commune:
        groups |= {"military": part(5), "district_land_received_at_commune": part(9)}
    four, three, announced = part(8, 2), part(2), part(2)
    received = part(260, 60)
    resolved = part(received, 40)
    of_four = part(received - 15, 10)
    online_four = part(of_four // 2)
    by_post, back = part(4, announced), part(9, announced)
    documents = part(90)
    return {
        "procedures_on_one_stop": groups,
        "procedures_online_level_3": three,
        "procedures_online_level_4": four,
        "procedures_announced_for_post": announced,
        "procedures_received_by_post": min(announced, by_post),
        "procedures_returned_by_post": min(announced, back),
        "dossiers_received": received,
        "dossiers_resolved": resolved,
        "dossiers_resolved_on_time": part(resolved, 30),
        "dossiers_in_progress_within_deadline": part(received - resolved),
        "dossiers_received_by_post": by_post if announced else 0,
        "dossiers_returned_by_post": back if announced else 0,
        "dossiers_of_level_4_procedures": of_four,
        "dossiers_received_online_level_4": online_four,
        "dossiers_received_online": online_four + part(5),
        "documents_outgoing": documents,
        "documents_electronic_signed": part(documents),
        "documents_parallel_paper": part(documents),
    }


# Without shrinking: an example takes half a second, and a failing one would be shrunk for minutes.
@examples(5, phases=[Phase.reuse, Phase.generate], suppress_health_check=list(HealthCheck))
@given(district=levels(is_commune=False), commune=levels(is_commune=True), seed=st.integers(0, 99))
def test_any_totals_are_met(district: dict, commune: dict, seed: int) -> None:
    text = yaml.safe_load(INPUT.read_text(encoding="utf-8"))
    text |= {"district": district, "commune": commune}
    text |= {"adjustments": [], "dossiers_late_on_software": []}
    # A quarter, and of the sections only those that are counted: an example takes half the time.
    text |= {"period": {"from": date(2021, 4, 1), "to": date(2021, 6, 30)}}
    text["deliveries"]["twice"] = date(2021, 5, 10)
    text |= dict.fromkeys(("portal", "broadcasting", "lookups", "misa", "population", "workplace"))
    told = totals.Totals.model_validate(text)
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home))
        write.write(settings, told, seed=seed)
        counted = recount.figures(settings.exports, SEEDS, told.period.end)
    wanted = expected(told)
    del wanted["dossiers_late_on_software civil_status", "commune"]  # late ones are of any field here
    assert {name: counted[name] for name in wanted} == wanted


@pytest.mark.parametrize("scale", [0.003, 0.01, 0.1])
def test_a_scaled_sample_adds_up_to_the_scaled_totals(
    scale: float, told: totals.Totals, tmp_path: Path
) -> None:
    small = told.scaled(scale)
    settings = Settings(home=tmp_path)
    write.write(settings, small)
    counted = recount.figures(settings.exports, SEEDS, small.period.end)
    assert {name: counted[name] for name in expected(small)} == expected(small)


def test_totals_that_contradict_each_other_are_refused_with_the_reason(tmp_path: Path) -> None:
    text = yaml.safe_load(INPUT.read_text(encoding="utf-8"))
    text["commune"]["documents_electronic_signed"] = text["commune"]["documents_outgoing"] + 1
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(yaml.safe_dump(text, allow_unicode=True), encoding="utf-8")
    with pytest.raises(
        ValueError, match=r"commune.*documents_electronic_signed is 5372, more than documents_outgoing"
    ):
        totals.read(wrong)


@pytest.mark.parametrize(
    ("section", "change", "reason"),
    [
        (
            "district",
            {"procedures_on_one_stop": {"own_authority": 262, "military": 1}},
            "the other groups are communes'",
        ),
        ("commune", {"dossiers_receved": 4}, r"commune\.dossiers_receved: Extra inputs"),
    ],
)
def test_totals_that_no_export_can_show_are_refused(
    section: str, change: dict, reason: str, tmp_path: Path
) -> None:
    text = yaml.safe_load(INPUT.read_text(encoding="utf-8"))
    text[section] |= change
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(yaml.safe_dump(text, allow_unicode=True), encoding="utf-8")
    with pytest.raises(ValueError, match=reason):
        totals.read(wrong)


def test_an_unknown_agency_is_told(told: totals.Totals, tmp_path: Path) -> None:
    late = told.dossiers_late_on_software[0].model_copy(update={"agency": "Xã Không Có"})
    small = told.scaled(0.01).model_copy(update={"dossiers_late_on_software": [late]})
    with pytest.raises(LookupError, match="no agency is named Xã Không Có"):
        write.write(Settings(home=tmp_path), small)


def state(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {str(p.relative_to(folder)): (p.read_bytes(), p.stat().st_mtime_ns) for p in folder.rglob("*.*")}


def test_writing_in_two_goes_gives_the_bytes_of_one_and_leaves_files_alone(
    told: totals.Totals, tmp_path: Path
) -> None:
    small = told.scaled(0.05)
    one, two = Settings(home=tmp_path / "one"), Settings(home=tmp_path / "two")
    write.write(one, small)
    write.write(two, small, until=date(2021, 5, 31))
    names = {path.name for path in (two.exports / "one_stop" / "dossiers").iterdir()}
    assert "dossiers_20210531.csv" in names
    assert "dossiers_20210530.csv" not in names and "dossiers_20210601.csv" not in names
    half = state(two.exports)
    inodes = {path: path.stat().st_ino for path in two.exports.rglob("*.*")}
    assert write.write(two, small) > 0
    assert state(two.exports) == state(one.exports)
    assert half.items() <= state(two.exports).items()
    assert all(path.stat().st_ino == inode for path, inode in inodes.items())
    assert write.write(two, small) == 0


def test_another_seed_makes_other_bytes(told: totals.Totals, tmp_path: Path) -> None:
    small = told.scaled(0.01)
    one, two = Settings(home=tmp_path / "one"), Settings(home=tmp_path / "two")
    write.write(one, small)
    write.write(two, small, seed=1)
    name = "one_stop/dossiers/dossiers_20210310.csv"
    assert (one.exports / name).read_bytes() != (two.exports / name).read_bytes()


def test_headers_are_those_of_the_contracts(exports: Path) -> None:
    def headers(name: str) -> list[str]:
        columns = contracts(Settings())[name].columns
        return [column.header for column in columns if not column.keys.may_be_absent]

    def first_line(name: str, encoding: str, delimiter: str) -> list[str]:
        return (exports / name).read_bytes().decode(encoding).split("\r\n")[0].split(delimiter)

    assert headers("one_stop.dossiers") == first_line(
        "one_stop/dossiers/dossiers_20210103.csv", "utf-8-sig", ";"
    )
    assert headers("one_stop.adjustments") == first_line(
        "one_stop/adjustments/adjustments_20210131.txt", "utf-16", "\t"
    )
    # windows-1258 has its tones as combining marks.
    traffic = first_line("portal/traffic/traffic_20210131.csv", "cp1258", ";")
    assert headers("portal.traffic") == [unicodedata.normalize("NFC", name) for name in traffic]
    assert traffic != headers("portal.traffic")
    line = (
        (exports / "documents/deliveries/deliveries_20210304.jsonl")
        .read_text(encoding="utf-8")
        .splitlines()[0]
    )
    assert headers("documents.deliveries") == list(json.loads(line))
    items = json.loads((exports / "portal/items/items_20210131.json").read_text(encoding="utf-8"))["items"]
    assert headers("portal.items") == list(items[0])


def test_exports_have_the_oddities_of_real_ones(exports: Path, cases: recount.pd.DataFrame) -> None:
    folder = exports / "one_stop" / "dossiers"
    sunday = (folder / "dossiers_20210103.csv").read_bytes()
    assert sunday.startswith(b"\xef\xbb\xbfmaHoSo;") and sunday.count(b"\r\n") == 1
    assert (folder / "dossiers_20210103.csv.ctl").read_text() == "rows=0\n"
    twice = (folder / "dossiers_20210310.csv").read_bytes()
    assert twice == (folder / "dossiers_20210310_b.csv").read_bytes()

    text = b"".join(path.read_bytes() for path in sorted(folder.glob("*.csv")))
    everything = text.decode("utf-8", errors="replace")
    assert '"Đã gọi điện\nhẹn buổi chiều"' in everything and '""nhận tại nhà""' in everything
    for sign in ("31/02/2021", ";12.34;", "1,004946", ";99;", "\ufffd", ";1.250.000;"):
        assert sign in everything, sign
    files = sorted(folder.glob("*.csv"))
    lines = sum(int(path.with_name(f"{path.name}.ctl").read_text().removeprefix("rows=")) for path in files)
    assert lines > len(cases), "some lines are rejected"

    lists = exports / "one_stop" / "procedures"
    assert len(list(lists.iterdir())) == 24
    page = (lists / "procedures_000.00.12.H51_20210401.xls").read_text(encoding="utf-8")
    assert 'rowspan="3"' in page and "<b>IV</b>" in page and "Tổng cộng" in page
    assert "\t" in (exports / "one_stop/adjustments/adjustments_20210430.txt").read_bytes().decode("utf-16")


def test_dossiers_that_do_not_go_straight_are_in_several_units_and_months(
    exports: Path, told: totals.Totals
) -> None:
    found, of = recount_courses.found(exports), told.courses
    placeholders = [found[f"due on {text[:10]}"] for text in recount.PLACEHOLDERS]
    assert all(placeholders) and len(set().union(*placeholders)) == of.due_date_placeholder
    wanted = {
        "not received, open": of.awaiting_acceptance,
        "refused at the door": of.refused_at_the_door,
        "withdrawn": of.withdrawn,
        "status 6": of.payment_asked + of.waiting_for_payment,
        "waiting for a payment": of.waiting_for_payment,
        "asked twice": of.supplement_asked_twice,
        "ended without the supplement": of.supplement_unanswered,
        "waiting for a supplement": of.waiting_for_supplement,
        "due date moved": of.due_date_moved,
        "handed over": of.handed_over,
        "handed over and back": of.handed_over_and_back,
        "end told later": of.end_told_later,
        "due on no day": of.no_due_date,
        "both layouts of a code": of.other_code_layout,
    }
    # A spoiled row may hide one of them; it may also be the one that told of an end in time.
    assert all(count - 1 <= len(found[kind]) for kind, count in wanted.items())
    assert {kind for kind, count in wanted.items() if len(found[kind]) > count} <= {"end told later"}
    assert len(found["supplement answered"]) > 100
    at_the_end = {"waiting for a payment", "waiting for a supplement"}
    for kind in wanted:
        assert len({unit for _, unit, _ in found[kind]}) >= 3, kind
        assert len({month for _, _, month in found[kind]}) >= (1 if kind in at_the_end else 3), kind


def test_no_figure_of_the_report_stands_in_the_generator() -> None:
    with FIGURES.open(encoding="utf-8") as file:
        values = {row["value"] for row in csv.DictReader(file)}
    telling = {
        value for value in values if len(value.replace(".", "")) >= 3 and value not in {"100.00", "250000"}
    }
    files = [*(PROJECT / "src" / "kho_sample").glob("*.py"), *(PROJECT / "src" / "kho_sample").glob("*.yaml")]
    source = "".join(path.read_text(encoding="utf-8") for path in files)
    assert source and not telling & set(re.findall(r"[\d.]+", source))
