"""Reports and forms that are handed over: made of the marts that their exposure names."""

from __future__ import annotations

from collections.abc import Callable

import yaml

from kho.events.model import NAMESPACE, Data, table, told
from kho.events.run import Run
from kho.settings import Settings


def of(settings: Settings, exposure: str) -> Callable[[Run], None]:
    """What to tell of a paper, by the name of its exposure in models/exposures/reports.yml."""

    def tell(run: Run) -> None:
        path = settings.project / "dbt_project" / "models" / "exposures" / "reports.yml"
        named = {each["name"]: each for each in yaml.safe_load(path.read_bytes())["exposures"]}
        marts = [ref.split("'")[1] for ref in named[exposure]["depends_on"]]
        run.inputs += [told(table("marts", mart)) for mart in marts]
        run.outputs.append(told(Data(NAMESPACE, f"papers.{exposure}")))

    return tell
