"""What dbt is told of the dashboards: which marts each shows.

`python -m kho.bi.exposures` writes the file anew.
"""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from kho.bi.marts import marts
from kho.bi.specification import meant
from kho.settings import Settings, settings

_READS = re.compile(r"\b(?:from|join) (\w+)")


def file(settings: Settings) -> Path:
    """Where dbt reads it."""
    return settings.project / "dbt_project" / "models" / "exposures" / "dashboards.yml"


def exposures(settings: Settings) -> str:
    """The text of dbt's file of exposures: an exposure a dashboard, of every mart that its datasets read."""
    known = marts(settings)
    told = [
        {
            "name": f"dashboard_{one.dashboard.name}",
            "label": one.dashboard.title,
            "type": "dashboard",
            "maturity": "high",
            "description": one.dashboard.about.strip(),
            "owner": {"name": "Kho"},
            "depends_on": [
                f"ref('{mart}')"
                for mart in sorted(
                    {
                        mart
                        for each in one.datasets.values()
                        for mart in _READS.findall(each.sql)
                        if mart in known
                    }
                )
            ],
        }
        for one in meant(settings, known)
    ]
    return "# Written from bi/dashboards by `python -m kho.bi.exposures`\n" + yaml.safe_dump(
        {"version": 2, "exposures": told}, allow_unicode=True, sort_keys=False, width=120
    )


if __name__ == "__main__":
    file(settings()).parent.mkdir(exist_ok=True)
    file(settings()).write_text(exposures(settings()), encoding="utf-8")
