"""The search for other conventions tries only those that may read something, and finds what trying all of them finds."""

from __future__ import annotations

import random
from datetime import date, datetime
from pathlib import Path

import pytest

from kho.contract.moments import DATES
from kho.load import signs
from kho.load.dry_run import dry_run
from kho.settings import Settings
from tests.contracts import document, read

PARTS = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S", "XXX": "+07:00", "'": ""}
COLUMNS = [
    {"name": "held_date", "logicalType": "date"},
    {"name": "begun_at", "logicalType": "timestamp"},
    {"name": "ended_at", "logicalType": "timestamp"},
]
PLACE = {"type": "local", "path": "registry/permits", "format": "csv"}


def written(pattern: str, moment: datetime) -> str:
    for letters, code in PARTS.items():
        pattern = pattern.replace(letters, code)
    return moment.strftime(pattern)


def export(chance: random.Random, times: str, dates: str) -> bytes:
    """Forty rows, of which some are written by other conventions, without a time, or by none."""
    usual = {"held_date": dates, "begun_at": times, "ended_at": times}
    other = {name: chance.choice(signs._TIMES) for name in usual}
    lines = ["code,held_date,begun_at,ended_at"]
    for n in range(40):
        cells = []
        for name, pattern in usual.items():
            moment = datetime(2021, chance.randint(1, 12), chance.randint(1, 28), chance.randint(0, 23), 5)
            kind = chance.random()
            if kind < 0.2:
                pattern = other[name] if name != "held_date" else other[name][:10]
            elif kind < 0.3:
                pattern = chance.choice([pattern[:10], other[name][:10]])
            text = written(pattern, moment)
            if kind > 0.95:
                place = chance.randrange(len(text))
                text = text[:place] + chance.choice("0 x/-.:T") + text[place + 1 :]
            cells.append(text)
        lines.append(",".join([f"k{n}", *cells]))
    return ("\n".join(lines) + "\n").encode()


@pytest.mark.parametrize("seed", range(12))
def test_conventions_that_are_not_tried_would_not_be_found(
    warehouse: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    chance = random.Random(seed)
    times, dates = chance.choice(signs._TIMES), chance.choice(DATES)
    file = {"timestampFormat": times, "dateFormat": dates}
    name = r"(?P<business_date>\d{8})\.csv"
    contract = read(tmp_path, document(PLACE, columns=COLUMNS, file=file, fileName=name))
    (tmp_path / "export").write_bytes(export(chance, times, dates))

    def found() -> object:
        return dry_run(warehouse, contract, tmp_path / "export", "20210401.csv", date(2021, 4, 1)).profile[
            "conventions"
        ]

    by_shape = found()
    monkeypatch.setattr(signs, "_that_may_read", lambda shapes, others: others)
    assert by_shape == found() != {}
