"""Broken exports are held, spare the rest, and wait for an operator."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kho.contract import contracts
from kho.figures.figures import figures
from kho.ledger import batches, decisions, releases
from kho.settings import Settings
from tests.integration.test_load_csv import GOOD, csv
from tests.nights.conftest import NIGHTS, copy_of, finish
from tests.snapshot import lost_rows

NIGHT = NIGHTS[1]
DOSSIERS = "one_stop/dossiers/dossiers_202103{:02}.csv"


@contextmanager
def replaced(exports: Path, files: dict[str, bytes]) -> Iterator[None]:
    """Other bytes under these names (and row counts that go with them), the old ones when it is over."""
    kept: dict[Path, bytes | None] = {}
    for name, content in files.items():
        for path, data in ((exports / name, content), (exports / f"{name}.ctl", b"rows=0\n")):
            if path.exists():
                kept[path] = path.read_bytes()
                path.write_bytes(data)
    try:
        yield
    finally:
        for path, data in kept.items():
            path.write_bytes(data)


def zip_bomb() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b" " * 70_000_000)
    return file.getvalue()


def state_of(settings: Settings, name: str) -> tuple[str, str, int]:
    """State, reason and number of the newest batch of a file."""
    number, _, _, _, state, *_, reason = next(
        each for each in batches.batches(settings) if each[2] == Path(name).name
    )
    return state, reason or "", number


def sources_of(settings: Settings) -> dict[str, tuple[str, str | None]]:
    """Freshness of each contract in the release in force, and since when it is stale."""
    found, _ = releases.contents(settings, releases.in_force(settings))
    return {contract: (state, str(since) if since else None) for contract, state, _, _, since, *_ in found}


def test_broken_files_are_held_and_an_operator_decides(
    after_first_night: Settings, sources: Settings, tmp_path: Path
) -> None:
    dossiers = contracts(sources)["one_stop.dossiers"]
    codes = [GOOD | {"maHoSo": f"000.00.12.H51-210302-{n:04}"} for n in range(10)]
    bad = [record | {"maTrangThai": "99"} if n < 3 else record for n, record in enumerate(codes)]
    register = (sources.exports / "documents/outgoing/outgoing_20210331.xlsx").read_bytes()
    traffic = (sources.exports / "portal/traffic/traffic_20210228.csv").read_bytes()
    poisons = {
        DOSSIERS.format(1): (csv(dossiers, GOOD).replace(b"maHoSo", b"soBienNhan"), "held", "maHoSo"),
        DOSSIERS.format(2): (csv(dossiers, *bad), "held", "30"),
        DOSSIERS.format(3): (b"", "unreadable", "the file is empty"),
        DOSSIERS.format(4): (traffic, "unreadable", "the header can't be read"),
        "documents/outgoing/outgoing_20210228.xlsx": (zip_bomb(), "unreadable", "more than 64 MB"),
        "documents/outgoing/outgoing_20210331.xlsx": (register[:3000], "unreadable", "no whole workbook"),
    }
    for settings in copy_of(after_first_night, sources, tmp_path / "home"):
        with replaced(sources.exports, {name: content for name, (content, _, _) in poisons.items()}):
            finish(settings, NIGHT, tmp_path / "progress")
        for name, (_, state, reason) in poisons.items():
            found_state, found_reason, _ = state_of(settings, name)
            assert (found_state, reason in found_reason) == (state, True), (name, found_state, found_reason)
        assert releases.in_force(settings).business_date == NIGHT
        fresh = sources_of(settings)
        assert fresh["one_stop.dossiers"] == ("stale", "2021-03-01")
        assert fresh["documents.outgoing"] == ("stale", "2021-02-28")
        assert {fresh[name][0] for name in ("documents.deliveries", "portal.items", "portal.traffic")} == {
            "fresh"
        }
        shown = {
            each.metric: each.state
            for each in figures(settings, "946", "2021-Q1")
            if each.level == "district"
        }
        # The desk's first delivery is of 25 January, and most of the quarter's last days are held.
        assert shown["dossiers_received"] == "partial"
        assert shown["documents_outgoing"] == "stale"
        assert shown["portal_items_published"] == "measured"
        assert not lost_rows(settings)

        # The sources mend their files; the file with bad rows is good enough, says the operator, and a good one is not.
        _, _, held = state_of(settings, DOSSIERS.format(2))
        decisions.accept(settings, held, actor="operator", reason="the three rows come again tomorrow")
        _, _, good = state_of(settings, DOSSIERS.format(20))
        decisions.withdraw(settings, good, actor="operator", reason="the desk sent the wrong day")
        with replaced(sources.exports, {DOSSIERS.format(2): poisons[DOSSIERS.format(2)][0]}):
            finish(settings, NIGHT, tmp_path / "progress")
        assert state_of(settings, DOSSIERS.format(2))[:2] == (
            "accepted",
            "the three rows come again tomorrow",
        )
        assert state_of(settings, DOSSIERS.format(1))[0] == "accepted"
        fresh = sources_of(settings)
        assert fresh["one_stop.dossiers"] == ("stale", "2021-03-20")
        assert fresh["documents.outgoing"] == ("fresh", None)
        assert not lost_rows(settings)
