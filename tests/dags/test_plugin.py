"""The console costs those of Airflow's processes nothing that never show it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import json, sys
from airflow import plugins_manager
before = set(sys.modules)
apps, guards = plugins_manager.get_fastapi_plugins()
print(json.dumps({
    "problems": plugins_manager.get_import_errors(),
    "imported": sorted(set(sys.modules) - before),
    "apps": [each["url_prefix"] for each in apps],
    "guards": [each["name"] for each in guards],
}))
"""


def test_airflow_loads_the_console_and_imports_nothing_heavy_for_it(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "AIRFLOW_HOME": str(tmp_path), "AIRFLOW__CORE__LOAD_EXAMPLES": "false"},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout.splitlines()[-1])
    assert told["problems"] == {}
    assert told["apps"] == ["/kho"]
    assert told["guards"] == ["kho_descriptions", "kho_logins", "kho_hosts"]
    ours = {name for name in told["imported"] if name.partition(".")[0] == "kho"}
    assert ours == {"kho", "kho.console", "kho.console.door", "kho.console.plugin"}
    assert {"fastapi", "jinja2", "psycopg", "pandas"}.isdisjoint(told["imported"])
