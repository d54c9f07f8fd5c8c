"""Writes into the seed days_off.csv what is to be expected of the years that no notice has announced yet.

What is announced is written there by people, with its notice, and stays as it is. A year with an announced day off is
theirs altogether; the others, to the end of the calendar (`last_year` in dbt_project.yml), are what the library foresees.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

import holidays
import yaml

SEED = Path(__file__).with_name("days_off.csv")
SOURCE = "holidays (Python)"


def render() -> str:
    """The seed as it should be: `date_day,name,state,source`, a row per day off, days in lieu included."""
    with SEED.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    announced = {row["date_day"][:4] for row in rows if row["state"] == "announced"}
    kept = [row for row in rows if row["date_day"][:4] in announced]
    calendar = yaml.safe_load((SEED.parents[1] / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]
    years = [
        year
        for year in range(calendar["first_year"], calendar["last_year"] + 1)
        if str(year) not in announced
    ]
    foreseen = [
        {"date_day": day.isoformat(), "name": name, "state": "expected", "source": SOURCE}
        for day, name in holidays.country_holidays("VN", years=years, language="vi").items()
        if day.year in years
    ]
    text = io.StringIO()
    writer = csv.DictWriter(text, ["date_day", "name", "state", "source"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(sorted(kept + foreseen, key=lambda row: row["date_day"]))
    return text.getvalue()


if __name__ == "__main__":
    SEED.write_text(render(), encoding="utf-8")
