"""A source whose clock is wrong: what it says of the future is told, and what comes since counts."""

from __future__ import annotations

from datetime import date

from kho import check
from kho.settings import Settings
from kho_sample.export import Export
from tests.integration import desk, nights
from tests.integration.loading import rows

AGENCY = "000.00.12.H51"
CODE = f"{AGENCY}-210105-000{{}}"
#: what the clock of the source says on 5 January, by the dossier's last digit
CLOCKS = {1: "05/01/2091 08:20", 2: "20/01/2021 08:20", 3: "31/12/9999 23:59", 4: "07/01/2021 00:00"}


def test_newer_versions_count_after_one_from_the_future(built_warehouse: Settings) -> None:
    def told(day: date, status: str, **more: str) -> list[dict[str, str]]:
        return [
            desk.version(CODE.format(n), AGENCY, day, received="2021-01-05", status=status, **more)
            for n in CLOCKS
        ]

    received = told(date(2021, 1, 5), "2")
    returned = told(date(2021, 1, 6), "10", processed="2021-01-06", returned="2021-01-06")
    first, second = (
        each for each in desk.exports([*received, *returned], date(2021, 1, 6)) if each.entity == "dossiers"
    )
    content = first.content.decode()
    for number, clock in CLOCKS.items():
        lines = content.splitlines(keepends=True)
        content = "".join(
            line.replace("05/01/2021 16:00", clock) if CODE.format(number) in line else line for line in lines
        )
    wrong = Export(first.system, first.entity, first.name, content.encode(), first.arrives)
    nights.hand_over(built_warehouse, [wrong, second])
    verdict = check.exports(built_warehouse, date(2021, 1, 6))
    told_of = [each for each in verdict.told if each.expectation == "versions_not_from_the_future"]
    assert [each.observed for each in told_of] == [str(len(CLOCKS))] and len(verdict.accepted) == 2
    nights.build_warehouse(built_warehouse, date(2021, 1, 6))
    found = rows(built_warehouse, "select dossier_code, status, returned_date from warehouse.fct_dossier")
    assert {(each["status"], each["returned_date"]) for each in found} == {
        ("result_returned", date(2021, 1, 6))
    }
    assert len(found) == len(CLOCKS)
