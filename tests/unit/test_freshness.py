"""Which deliveries are due, and how fresh a source is."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from kho.contract.schedule import expected_dates, newest_expected_date
from kho.ledger.freshness import Delivered, Freshness, freshness, joined

days = st.dates(date(2015, 1, 1), date(2035, 12, 31))
frequencies = st.sampled_from(["d", "m", "q"])


def day(text):
    return date.fromisoformat(f"2021-{text}")


def delivered(*texts, unit=""):
    return [Delivered(day(text), unit) for text in texts]


def test_daily_deliveries_are_due_every_day():
    assert expected_dates("d", day("02-27"), day("03-01")) == [day("02-27"), day("02-28"), day("03-01")]


def test_monthly_deliveries_are_due_on_the_last_day():
    assert expected_dates("m", day("01-15"), day("04-29")) == [day("01-31"), day("02-28"), day("03-31")]
    assert expected_dates("m", date(2020, 2, 29), date(2020, 2, 29)) == [date(2020, 2, 29)]
    assert expected_dates("m", date(2020, 12, 1), day("01-31")) == [date(2020, 12, 31), day("01-31")]


def test_quarterly_deliveries_are_due_on_the_first_day():
    assert expected_dates("q", day("01-01"), day("06-30")) == [day("01-01"), day("04-01")]
    assert expected_dates("q", day("01-02"), day("03-31")) == []


def test_nothing_is_due_after_the_end_of_life_which_closes_its_month():
    end = day("02-10")
    assert expected_dates("d", day("02-09"), day("02-12"), end) == [day("02-09"), end]
    assert expected_dates("m", day("01-01"), day("04-30"), end) == [day("01-31"), end]
    assert expected_dates("q", day("01-01"), day("06-30"), end) == [day("01-01")]
    assert expected_dates("d", day("02-11"), day("02-12"), end) == []
    assert [newest_expected_date(each, day("04-30"), end) for each in "dmq"] == [end, end, day("01-01")]


def test_without_a_frequency_nothing_is_ever_due():
    assert expected_dates(None, day("01-01"), day("12-31")) == []


@given(frequencies, days, st.integers(0, 800), st.integers(-10, 810))
def test_an_end_of_life_takes_due_dates_away_and_adds_none_but_itself(frequency, first, length, life):
    until, end = first + timedelta(days=length), first + timedelta(days=life)
    endless, ended = expected_dates(frequency, first, until), expected_dates(frequency, first, until, end)
    assert set(ended) - {end} == {each for each in endless if each <= end} - {end}


@given(frequencies, days, st.integers(0, 800))
def test_due_dates_lie_in_the_span_in_order_and_on_their_grid(frequency, first, length):
    until = first + timedelta(days=length)
    due = expected_dates(frequency, first, until)
    assert due == sorted(set(due)) and all(first <= each <= until for each in due)
    on_grid = {
        "d": lambda each: True,
        "m": lambda each: (each + timedelta(days=1)).day == 1,
        "q": lambda each: each.day == 1 and each.month in (1, 4, 7, 10),
    }[frequency]
    assert due == [each for n in range(length + 1) if on_grid(each := first + timedelta(days=n))]


@given(frequencies, days, days, st.integers(0, 800))
def test_due_dates_of_a_longer_span_begin_with_those_of_the_shorter(frequency, first, middle, length):
    first, middle = min(first, middle), max(first, middle)
    if (middle - first).days > 800:
        middle = first + timedelta(days=800)
    longer = expected_dates(frequency, first, middle + timedelta(days=length))
    shorter = expected_dates(frequency, first, middle)
    assert longer[: len(shorter)] == shorter


def test_complete_data_is_fresh():
    assert freshness(delivered("01-01", "01-02", "01-03"), "d", 1, day("01-03")) == Freshness(
        day("01-03"), day("01-02"), "fresh"
    )


def test_what_may_still_come_is_no_staleness():
    assert freshness(delivered("01-01", "01-02"), "d", 1, day("01-03")) == Freshness(
        day("01-02"), day("01-02"), "fresh"
    )


def test_the_first_gap_stops_the_as_of_date():
    state = freshness(delivered("01-01", "01-02", "01-04", "01-05"), "d", 1, day("01-05"))
    assert (state.as_of, state.expected_as_of, state.state) == (day("01-02"), day("01-04"), "stale")
    assert (state.stale_since, state.reason) == (day("01-03"), "not delivered")


def test_a_held_delivery_is_a_gap_and_says_why():
    held = Delivered(day("01-02"), is_accepted=False, trouble="held: reject rate 30 %")
    state = freshness([*delivered("01-01", "01-03"), held], "d", 0, day("01-03"))
    assert (state.as_of, state.stale_since, state.reason) == (
        day("01-01"),
        day("01-02"),
        "held: reject rate 30 %",
    )


def test_a_held_delivery_is_missing_at_once_whatever_the_latency():
    held = Delivered(day("01-02"), is_accepted=False, trouble="held")
    state = freshness([*delivered("01-01"), held], "d", 1, day("01-02"))
    assert (state.as_of, state.expected_as_of, state.state) == (day("01-01"), day("01-02"), "stale")


def test_a_second_file_of_a_date_that_is_held_is_a_gap_too():
    held = Delivered(day("01-02"), is_accepted=False, trouble="held")
    state = freshness([*delivered("01-01", "01-02", "01-03"), held], "d", 0, day("01-03"))
    assert (state.as_of, state.state) == (day("01-01"), "stale")


def test_a_withdrawn_second_file_leaves_the_date_delivered():
    withdrawn = Delivered(day("01-02"), is_accepted=False)
    assert freshness([*delivered("01-01", "01-02"), withdrawn], "d", 0, day("01-02")).state == "fresh"


def test_a_withdrawn_delivery_is_missing_and_says_who_took_it_back():
    withdrawn = Delivered(day("01-02"), is_accepted=False, withdrawal="withdrawn: sent by mistake")
    state = freshness([*delivered("01-01"), withdrawn], "d", 0, day("01-02"))
    assert (state.as_of, state.reason) == (day("01-01"), "withdrawn: sent by mistake")


def test_a_list_counts_when_every_unit_seen_so_far_delivered_it():
    both = delivered("01-01", "04-01", unit="A") + delivered("01-01", unit="H51.12")
    assert freshness(both, "q", 3, day("04-02")).state == "fresh"
    state = freshness(both, "q", 3, day("04-30"))
    assert (state.as_of, state.state, state.reason) == (day("01-01"), "stale", "not delivered by H51.12")


def test_a_new_unit_is_expected_from_its_first_list_on():
    lists = delivered("01-01", "04-01", unit="A") + delivered("04-01", unit="B")
    assert freshness(lists, "q", 3, day("06-30")) == Freshness(day("04-01"), day("04-01"), "fresh")


def test_a_source_that_was_given_up_stays_fresh():
    months = delivered("01-31", "02-10")
    assert freshness(months, "m", 5, date(2026, 1, 1), day("02-10")) == Freshness(
        day("02-10"), day("02-10"), "fresh"
    )
    state = freshness(months[:1], "m", 5, date(2026, 1, 1), day("02-10"))
    assert (state.state, state.stale_since) == ("stale", day("02-10"))


def test_an_optional_source_is_as_of_what_came_and_stale_only_in_trouble():
    some = delivered("01-07", "03-02")
    assert freshness(some, None, 0, day("12-31")) == Freshness(day("03-02"), None, "fresh")
    assert freshness([], None, 0, day("12-31")) == Freshness(
        None, None, "not_delivered", None, "nothing delivered yet"
    )
    held = Delivered(day("02-01"), is_accepted=False, trouble="held")
    assert freshness([*some, held], None, 0, day("12-31")).state == "stale"


def test_nothing_delivered_is_a_state_of_its_own():
    assert freshness([], "d", 1, day("01-03")).state == "not_delivered"
    held = Delivered(day("01-02"), is_accepted=False, trouble="held")
    state = freshness([held], "d", 0, day("01-03"))
    assert (state.state, state.stale_since, state.reason) == ("not_delivered", day("01-02"), "held")


@given(frequencies, st.sets(st.integers(0, 120), min_size=1), st.integers(0, 5), st.integers(0, 130))
def test_a_delivery_more_never_makes_data_older(frequency, offsets, latency, night):
    start = day("01-01")
    business_date = start + timedelta(days=night)
    some = [Delivered(start)] + [Delivered(start + timedelta(days=n)) for n in offsets]
    more = [*some, *(Delivered(each) for each in expected_dates(frequency, start, business_date))]
    few, all_of_them = (freshness(each, frequency, latency, business_date) for each in (some, more))
    assert few.expected_as_of == all_of_them.expected_as_of
    assert few.as_of <= all_of_them.as_of
    assert all_of_them.state == "fresh"
    assert (few.state == "stale") == (few.as_of < (few.expected_as_of or few.as_of))


def dump(start, end, **states):
    return Delivered(day(end), covers_from=day(start), **states)


def test_a_dump_stands_for_the_days_that_it_covers():
    changes = delivered("01-01", "01-02", "01-10")
    held = Delivered(day("01-03"), is_accepted=False, trouble="held")
    state = freshness([*changes, held, dump("01-03", "01-09")], "d", 0, day("01-10"))
    assert (state.as_of, state.state) == (day("01-10"), "fresh")
    short = freshness([*changes, held, dump("01-04", "01-09")], "d", 0, day("01-10"))
    assert (short.as_of, short.stale_since, short.reason) == (day("01-02"), day("01-03"), "held")


def test_nothing_is_expected_before_a_dump_that_came_first_and_every_day_after_it():
    first = dump("01-01", "02-10")
    assert freshness([first, *delivered("02-11")], "d", 0, day("02-11")).state == "fresh"
    late = freshness([first, *delivered("02-13")], "d", 0, day("02-13"))
    assert (late.as_of, late.stale_since) == (day("02-10"), day("02-11"))


def test_a_dump_that_is_held_covers_nothing_and_hides_no_trouble_of_its_own_day():
    held = dump("01-02", "01-04", is_accepted=False, trouble="held")
    state = freshness([*delivered("01-01"), held], "d", 0, day("01-04"))
    assert (state.as_of, state.stale_since) == (day("01-01"), day("01-02"))
    beside = Delivered(day("01-04"), is_accepted=False, trouble="held")
    state = freshness([*delivered("01-01"), dump("01-02", "01-04"), beside], "d", 0, day("01-04"))
    assert (state.as_of, state.stale_since) == (day("01-01"), day("01-04"))


def test_a_dump_in_parts_covers_what_all_of_them_tell_of():
    pieces = [
        Delivered(day("01-09"), part=n, parts=2, covers_from=start)
        for n, start in ((1, day("01-02")), (2, day("01-03")))
    ]
    assert joined(pieces) == [dump("01-03", "01-09")]


@given(frequencies, st.sets(st.integers(0, 120), min_size=1), st.integers(0, 120), st.integers(0, 60))
def test_a_dump_never_makes_data_older_and_leaves_no_gap_in_its_span(frequency, offsets, start, length):
    first = day("01-01")
    business_date = first + timedelta(days=200)
    some = [Delivered(first)] + [Delivered(first + timedelta(days=n)) for n in offsets]
    begin, end = (first + timedelta(days=n) for n in (start, start + length))
    without, with_ = (
        freshness(each, frequency, 0, business_date)
        for each in (some, [*some, Delivered(end, covers_from=begin)])
    )
    assert with_.as_of >= without.as_of
    assert with_.stale_since is None or not begin <= with_.stale_since <= end


def parts(*accepted, of, date_="01-02", **states):
    return [Delivered(day(date_), part=part, parts=of, **states) for part in accepted]


def test_a_date_in_parts_is_there_when_all_its_parts_are():
    assert joined(parts(1, 2, 3, of=3)) == delivered("01-02")
    assert joined([*delivered("01-01"), *parts(3, 1, of=3)]) == [
        *delivered("01-01"),
        Delivered(day("01-02"), is_accepted=False, trouble="part 2 of 3 not delivered"),
    ]
    state = freshness(joined([*delivered("01-01"), *parts(1, of=3)]), "d", 1, day("01-02"))
    assert (state.as_of, state.reason) == (day("01-01"), "part 2 of 3, part 3 of 3 not delivered")


def test_a_part_that_is_held_says_why():
    held = parts(2, of=2, is_accepted=False, trouble="held: reject rate 30 %")
    assert joined([*parts(1, of=2), *held])[0].trouble == "held: reject rate 30 %"


def test_parts_of_no_known_number_have_no_gap_before_the_last():
    assert joined(parts(1, 2, of=None)) == delivered("01-02")
    assert joined(parts(1, 3, of=None))[0].trouble == "part 2 not delivered"


def test_a_date_that_was_split_anew_is_there_by_either_split():
    assert joined([*parts(1, 3, of=3), *parts(1, 2, of=2)])[0].is_accepted


def test_parts_of_other_dates_and_units_are_no_parts_of_this_one():
    other = [Delivered(day("01-02"), "b", part=2, parts=2), *parts(2, of=2, date_="01-03")]
    assert [each.is_accepted for each in joined([*parts(1, of=2), *other])] == [False] * 3
