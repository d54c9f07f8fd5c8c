"""Which date a night loads up to."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from kho.contract.schedule import business_date


@pytest.mark.parametrize(
    ("began", "day"),
    [
        (
            datetime(2026, 11, 30, 19, 0, tzinfo=UTC),
            date(2026, 11, 30),
        ),  # two in the morning of December here
        (datetime(2026, 11, 30, 16, 59, tzinfo=UTC), date(2026, 11, 29)),
        (datetime(2026, 11, 30, 17, 0, tzinfo=UTC), date(2026, 11, 30)),
    ],
)
def test_a_night_loads_up_to_the_day_before_it_as_the_calendar_is_here(began: datetime, day: date) -> None:
    assert business_date(None, began) == business_date("", began) == day


def test_a_night_loads_up_to_the_date_that_was_asked_for() -> None:
    assert business_date("2021-06-30", datetime(2026, 11, 30, tzinfo=UTC)) == date(2021, 6, 30)
    with pytest.raises(ValueError):
        business_date("yesterday", datetime(2026, 11, 30, tzinfo=UTC))
