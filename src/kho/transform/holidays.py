"""The seed of Vietnam's public holidays, lunar ones included: `python -m kho.transform.holidays`."""

from __future__ import annotations

import csv
import io

import holidays

from kho.settings import settings

YEARS = range(2010, 2031)


def render() -> str:
    """CSV `date_day,name`: one row per day off, days in lieu included, names in Vietnamese."""
    days = holidays.country_holidays("VN", years=YEARS, language="vi")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["date_day", "name"])
    writer.writerows((day.isoformat(), name) for day, name in sorted(days.items()))
    return text.getvalue()


def main() -> None:
    path = settings().project / "dbt_project" / "seeds" / "holidays.csv"
    path.write_text(render(), encoding="utf-8")


if __name__ == "__main__":
    main()
