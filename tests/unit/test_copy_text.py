"""A block becomes COPY text column by column, which gives what each value by itself would."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from kho.formats.block import Wrong, composed, in_blocks, sound, unsound

ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}

values = st.none() | st.text("an\\\n\r\t\0e\u0301\u0323\u0303\u00a0\u200b\u00e9\ud800", max_size=4)
lines = st.integers(1, 3).flatmap(
    lambda width: st.lists(st.lists(values, min_size=width, max_size=width), max_size=6)
)


def alone(value: str | None) -> str:
    return "\\N" if value is None else "".join(ESCAPES.get(sign, sign) for sign in composed(value))


@given(lines)
@example([["a\n\u0303"], [None], ["e\u0301"]])  # the sign that is escaped makes no letter with the mark
@example([["e"], ["\u0301"]])  # nor do values that follow each other
def test_a_row_is_the_same_whatever_stands_around_it(rows: list[list[str | None]]) -> None:
    copy, rejects, _ = sound(range(1, len(rows) + 1), list(zip(*rows, strict=True)))
    problems = {number: unsound("".join(filter(None, row))) for number, row in enumerate(rows, 1)}
    assert copy.decode() == "".join(
        "\t".join([str(number), *map(alone, row)]) + "\n"
        for number, row in enumerate(rows, 1)
        if not problems[number]
    )
    assert rejects == [(number, problem, "row") for number, problem in problems.items() if problem]


def test_short_rows_are_filled_up_long_ones_cut_and_wrong_ones_told() -> None:
    rows = [["a"], Wrong("wrong"), ["b", "c", "d"], [], ["\0", "e"]]
    (block,) = in_blocks(rows, 2, list, before=10)
    assert block.copy == b"11\ta\t\\N\n13\tb\tc\n14\t\\N\t\\N\n"
    assert (block.first_row, block.row_count, block.copied_count) == (11, 5, 3)
    assert block.rejects == [(12, "wrong", "row"), (15, "a zero character stands in the row", "row")]
