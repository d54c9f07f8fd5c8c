"""Writes the seed holidays.csv: Vietnam's public holidays, lunar ones included."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import holidays

YEARS = range(2010, 2031)


def render() -> str:
    """CSV `date_day,name`: one row per day off, days in lieu included, names in Vietnamese."""
    days = holidays.country_holidays("VN", years=YEARS, language="vi")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["date_day", "name"])
    writer.writerows((day.isoformat(), name) for day, name in sorted(days.items()))
    return text.getvalue()


if __name__ == "__main__":
    Path(__file__).with_name("holidays.csv").write_text(render(), encoding="utf-8")
