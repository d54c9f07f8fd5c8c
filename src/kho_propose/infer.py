"""Finding out what the samples tell: what is certain goes into the proposal, the rest into its questions."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from kho.contract.model import FORMATS
from kho.formats import guessing
from kho.formats.header import fold
from kho_propose import event_log, keys, moments, names, numbers, personal, reading, types
from kho_propose.detect import CannotPropose
from kho_propose.layout import text
from kho_propose.proposal import Column, Proposal, Question
from kho_propose.types import Conventions, Typed, Values

# A set of values is one when there are few of them, and each came often.
_MOST_VALUES, _LEAST_ROWS, _LEAST_TIMES = 15, 100, 3
_MOSTLY = 0.95
_FEW_ROWS = 20  # below, that a column is unique may be chance


def propose(name: str, paths: Sequence[Path]) -> Proposal:
    """A proposal for the source `<system>.<entity>` from sample files. Raises `CannotPropose`."""
    system, _, entity = name.partition(".")
    controls = {path.name for path in paths if path.suffix == ".ctl"}
    files_of_rows = [path for path in paths if path.name not in controls]
    # An empty file among others says that nothing happened that day.
    samples = [reading.read(path) for path in files_of_rows if path.stat().st_size or len(files_of_rows) == 1]
    if not samples:
        raise CannotPropose("there is no sample with rows among these files")
    reading.expect_one_shape(samples)
    headers, files, rows = reading.merged(samples)
    named = [header for header in headers if header]
    if not rows:
        raise CannotPropose(f"{samples[0].path}: there is a header and no row: take a sample that has rows")
    values = [[row[n] for row in rows] for n, header in enumerate(headers) if header]
    found, conventions = types.infer(
        [
            Values(header, [value for value in column if text(value)], len(rows))
            for header, column in zip(named, values, strict=True)
        ]
    )
    columns = [
        Column(*each) for each in zip(names.column_names(named, entity), named, found, values, strict=True)
    ]
    told = names.file_names([path.name for path in files_of_rows])
    proposal = Proposal(
        system, entity, samples, columns, conventions, told.pattern, told.dates, reading.encoding(samples)
    )
    proposal.control_file = (
        "{name}.ctl" if any(f"{each.path.name}.ctl" in controls for each in samples) else None
    )
    for step in (_look_closer, _find_key, _find_case, _settle_conventions, _settle_delivery, _settle_rows):
        step(proposal)
    if told.has_units:
        proposal.remarks.append(
            "a part of the names differs between the samples: if it says whose list it is, make it the group (?P<unit>…)"
        )
    if len(headers) > len(named):
        proposal.remarks.append(
            f"{len(headers) - len(named)} columns have no header: they can't be named, and are left out"
        )
    _ask_where_rows_are_short(proposal, files)
    return proposal


def _filled(column: Column, conventions: Conventions) -> list[str]:
    return [
        shown for value in column.values if (shown := text(value)) and shown not in conventions.null_texts
    ]


def _look_closer(proposal: Proposal) -> None:
    """What looks personal, what is never empty, which columns have a set of values."""
    for column in proposal.columns:
        filled = _filled(column, proposal.conventions)
        column.personal = personal.look(column.header, column.typed, filled)
        if column.personal:
            column.typed = Typed("string", remark=column.typed.remark)
        column.is_required = len(filled) == len(column.values)
        column.remark = column.typed.remark or ("always empty in the sample" if not filled else None)
        if column.typed.odd:
            column.remark = (
                f"{len(column.typed.odd)} of {len(filled)} values are no {column.typed.type}: rejects"
            )
        if column.typed.type == "string" and not column.personal:
            column.format = "agency_code" if _are_agencies(filled) else None
            column.few_values = () if column.format else _value_set(filled)
            if not column.remark and personal.has_names(filled):
                column.remark = "a few values look like names of people: is it personal?"


def _are_agencies(filled: Sequence[str]) -> bool:
    """Whether all are identification codes of agencies, in either layout; a province's alone (H51) may be anything."""
    pattern, _ = FORMATS["agency_code"]
    return any("." in each for each in filled) and all(re.fullmatch(pattern, each) for each in filled)


def _value_set(filled: Sequence[str]) -> tuple[str, ...]:
    counts = Counter(filled)
    if (
        len(filled) < _LEAST_ROWS
        or not 2 <= len(counts) <= _MOST_VALUES
        or min(counts.values()) < _LEAST_TIMES
    ):
        return ()
    is_structured = sum(bool(re.search(r"\d[.\-/].*\d", each)) for each in counts) * 2 > len(counts)
    if len(counts) * 10 > len(filled) or max(map(len, counts)) > 60 or is_structured:
        return ()  # codes of units and the like: new ones come without notice
    order = (lambda each: (len(each), each)) if all(each.isdigit() for each in counts) else str.casefold
    return tuple(sorted(counts, key=order))


def _find_key(proposal: Proposal) -> None:
    columns = [
        keys.KeyColumn(
            column.name,
            column.header,
            column.typed,
            [
                shown if (shown := text(value)) not in proposal.conventions.null_texts and shown else None
                for value in column.values
            ],
            column.personal is not None,
        )
        for column in proposal.columns
    ]
    # Files of several units of one date hold different rows; a later date may bring a row again.
    dates = {n: names.file_names([sample.path.name]).dates for n, sample in enumerate(proposal.samples)}
    told = names.file_names([sample.path.name for sample in proposal.samples])
    are_several = told.has_units or told.has_parts
    groups = {n: hash(dates[n]) if are_several and dates[n] else n for n in dates}
    files = [groups[n] for n, rows in enumerate(proposal.spans()) for _ in rows[1]]
    once = _without_repeats(columns, files)
    distinct = [
        keys.KeyColumn(each.name, each.header, each.typed, [each.values[n] for n in once], each.is_personal)
        for each in columns
    ]
    found = keys.keys(distinct, [files[n] for n in once])
    versions = keys.version_columns(distinct)
    proposal.version_column = next(iter(versions), None)
    if not found:
        guess = next(
            (each for each in columns if all(value is not None for value in each.values)), columns[0]
        )
        proposal.set_key([guess.name])
        proposal.questions.append(
            Question(
                "key",
                "$.schema[0].properties",
                "no column, nor a few of them together, is filled and different on every row: which columns are the"
                " primary key? Rows that repeat a key within a file are rejects",
                (guess.name,),
            )
        )
        return
    proposal.set_key(found[0])
    proposal.other_keys = [other for other in found[1:] if len(other) == len(found[0])][:3]
    for each in proposal.key:
        each.few_values = ()
    if len(once) < _FEW_ROWS and proposal.other_keys:
        proposal.questions.append(
            Question(
                "key",
                "$.schema[0].properties",
                f"in only {len(once)} rows several keys would do: which is it?",
                tuple(",".join(each) for each in found[:4]),
            )
        )


def _find_case(proposal: Proposal) -> None:
    """Of an event log, the column of the case: its events are found by it, and it is the first part of their key."""
    rows = next(iter(proposal.spans()))[1]
    found = event_log.look(
        [
            event_log.Candidate(
                column.name, column.header, column.typed.type, [text(column.values[n]) for n in rows]
            )
            for column in proposal.columns
            if not column.personal
        ]
    )
    if found is None:
        return
    proposal.case_column = found.case
    others = [column.name for column in proposal.key if column.name != found.case]
    has_number = len(proposal.key) == 1 and bool(others)
    asked = [question for question in proposal.questions if question.topic == "key"]
    if not (has_number or asked):
        others = [found.activity, found.time]
    if not asked:
        proposal.set_key([found.case, *dict.fromkeys(others)])
        proposal.other_keys = []
    proposal.remarks.append(
        f"an event log: {found.case} is the case, {found.activity} what happened, {found.time} when; docs/add-a-source.md says"
        " how the staging model folds its events into a row per case"
    )


def _without_repeats(columns: Sequence[keys.KeyColumn], files: Sequence[int]) -> list[int]:
    """Rows that are no whole repetition of an earlier one of their file."""
    seen: set[tuple[object, ...]] = set()
    once = []
    for n, row in enumerate(zip(files, *(each.values for each in columns), strict=True)):
        if row not in seen:
            seen.add(row)
            once.append(n)
    # Some are mistakes; many say that nothing tells these rows apart.
    return once if len(once) >= _MOSTLY * len(files) else list(range(len(files)))


def _settle_conventions(proposal: Proposal) -> None:
    conventions, place = proposal.conventions, "$.schema[0].customProperties"
    # Examples, and what is asked at all, come from what is kept: personal columns are read as text.
    dates, times = _written(proposal, "date"), _written(proposal, "timestamp")
    amounts = _written(proposal, "integer", "number")
    conventions.date_formats = conventions.date_formats if dates else ()
    conventions.timestamp_formats = conventions.timestamp_formats if _have(proposal, "timestamp") else ()
    meanings = {each: [numbers.number(signs, each) for signs in conventions.numbers] for each in amounts}
    differing = [each for each, read in meanings.items() if None not in read and len(set(read)) > 1]
    conventions.numbers = conventions.numbers if differing else conventions.numbers[:1] if amounts else ()
    proposal.date_format = next(iter(conventions.date_formats), None)
    proposal.timestamp_format = next(iter(conventions.timestamp_formats), None)
    proposal.numbers = next(iter(conventions.numbers), None)
    days = _days(conventions)
    if len(days) > 1:
        example = [*dates, *times][0]
        key = "dateFormat" if conventions.date_formats else "timestampFormat"
        proposal.questions.append(
            Question(
                "dates",
                f"{place}.{key}",
                f"'{example}' may be {' or '.join(days)}: no day after the 12th tells",
                days,
            )
        )
    _ask_for_offsets(proposal, moments.said_offsets(times), place)
    if len(conventions.numbers) > 1:
        example = differing[0]
        readings = tuple(_plainly(example, each) for each in conventions.numbers)
        proposal.questions.append(
            Question(
                "numbers",
                f"{place}.thousandsSeparator",
                f"'{example}' may be {' or '.join(readings)}: no other number tells (see decimalSeparator as well)",
                readings,
            )
        )
    guesses = {
        sample.path.name: sample.shape.encoding for sample in proposal.samples if sample.shape.encoding
    }
    unsure = next((each for each in guesses.values() if each.confidence < guessing.SURE), None)
    others = {each.encoding for each in guesses.values() if "plain ASCII" not in each.because}
    if unsure or len(others) > 1:
        second = (unsure.runner_up or "").partition(",")[0] if unsure else ""
        answers = tuple(dict.fromkeys([proposal.encoding, *sorted(others), *([second] if second else [])]))
        told = f"it looks like {unsure}" if unsure else f"the samples are in {' and '.join(sorted(others))}"
        proposal.questions.append(
            Question("encoding", "$.servers[0].encoding", f"{told}: which is it?", answers)
        )
    proposal.remarks += [f"{name}: {each.warning}" for name, each in guesses.items() if each.warning]
    if conventions.has_times_without_offset:
        proposal.remarks.append(
            "times have no offset: they are taken as Vietnam's; timeZone names another zone"
        )


def _ask_for_offsets(proposal: Proposal, said: set[str], place: str) -> None:
    """UTC's alone may be what an export says that lost its zone: then its clock is another one's."""
    if not said or not said <= moments.UTC or not (proposal.timestamp_format or "").endswith("XXX"):
        return
    told, answers = "then ask its keeper for true ones", ["they are UTC's"]
    if len(said) == 1:
        (proposal.offset,) = said
        quoted = f"{(proposal.timestamp_format or '').removesuffix('XXX')}'{proposal.offset}'"
        told = f"then quote the offset ({quoted}), and they are those of timeZone"
        answers.append("the clock shows Vietnam's")
    proposal.questions.append(
        Question(
            "offsets",
            f"{place}.timestampFormat",
            f"every time of the sample says {' or '.join(sorted(said))}: are they UTC's, or does the clock show Vietnam's time"
            f" and the offset means nothing? {told[0].upper()}{told[1:]}",
            tuple(answers),
        )
    )


def _have(proposal: Proposal, *kinds: str) -> list[Column]:
    return [column for column in proposal.columns if column.typed.type in kinds]


def _written(proposal: Proposal, *kinds: str) -> list[str]:
    """The values of columns of these types as the sample writes them; no typed cells, nothing odd."""
    return [
        shown
        for column in _have(proposal, *kinds)
        for value in column.values
        if isinstance(value, str)
        and (shown := text(value)) not in ("", *proposal.conventions.null_texts, *column.typed.odd)
    ]


def _days(conventions: Conventions) -> tuple[str, ...]:
    """The ways in which the sample's dates can be read."""
    if conventions.date_formats:
        return conventions.date_formats
    return tuple(
        dict.fromkeys(each.replace("'T'", " ").split(" ")[0] for each in conventions.timestamp_formats)
    )


def _plainly(number: str, signs: tuple[str, str]) -> str:
    thousands, point = signs
    return (number.replace(thousands, "") if thousands else number).replace(point, ".")


def _settle_delivery(proposal: Proposal) -> None:
    """How it comes: the files' names, how often, changes or the whole list."""
    if not proposal.file_dates:
        proposal.remarks.append(
            "the file's name has no date as yyyymmdd: a file is of the day on which it was written, one written before six in"
            " the morning of the day before"
        )
    every = names.frequency(proposal.file_dates)
    proposal.frequency = every or "d"  # type: ignore[assignment]
    if every is None:
        proposal.questions.append(
            Question(
                "frequency",
                "$.slaProperties[0].unit",
                "how often does it come? d: every day; m: dated the last day of a month; q: the first of a quarter; once:"
                " nothing is expected after this file",
                ("d", "m", "q", "once"),
            )
        )
    shares = _repeated_keys(proposal)
    if not shares or max(shares) > 0:
        spread = (
            " to ".join(dict.fromkeys(f"{share:.0%}" for share in (min(shares), max(shares))))
            if shares
            else ""
        )
        told = f" ({spread} of a file's keys come again in the next one)" if shares else ""
        proposal.questions.append(
            Question(
                "load",
                "$.schema[0].customProperties.load",
                f"does a file hold what is new or changed (delta), or the whole list (full, with fullListOf)?{told}",
                ("delta", "full"),
            )
        )


def _repeated_keys(proposal: Proposal) -> list[float]:
    """Which share of each file's keys comes again in the next one of the same name: in a whole list most would."""
    by_name: dict[str, list[set[tuple[str, ...]]]] = {}
    for sample, rows in proposal.spans():
        name = names.without_date(sample.path.name)
        found = {tuple(text(column.values[n]) for column in proposal.key) for n in rows}
        if len(found) >= _FEW_ROWS:
            by_name.setdefault(name, []).append(found)
    pairs = [pair for each in by_name.values() for pair in pairwise(each)]
    return [len(earlier & later) / len(earlier) for earlier, later in pairs]


def _settle_rows(proposal: Proposal) -> None:
    """Rows that are no data, and what else is worth a word."""
    by_header = {column.header: column.name for column in proposal.columns}
    for sample in proposal.samples:
        for skip in sample.layout.skips:
            label = sample.layout.header[skip.position] if skip.position < len(sample.layout.header) else ""
            name = by_header.get(label) or next(
                (c.name for c in proposal.columns if fold(c.header) == fold(label)), None
            )
            rule = name and (name, skip.pattern, skip.why)
            if rule and rule not in proposal.skips:
                proposal.skips.append(rule)
        if sample.layout.left_over:
            rows = ", ".join(str(n + 1) for n in sample.layout.left_over[:5])
            proposal.remarks.append(
                f"{sample.path.name}: rows {rows} look like no data, and no rule tells them from data: they would be rejects"
            )
        if len(sample.rows) >= reading.MOST_ROWS:
            proposal.remarks.append(
                f"{sample.path.name}: only its first {reading.MOST_ROWS:,} rows were looked at"
            )
        if sample.shape.other_sheets:
            others = ", ".join(sample.shape.other_sheets)
            proposal.remarks.append(
                f"{sample.path.name}: sheet '{sample.shape.sheet}' was taken; there are {others} as well"
            )
        header = set(map(fold, sample.layout.header))
        missing = [column.header for column in proposal.columns if fold(column.header) not in header]
        if missing:
            proposal.remarks.append(
                f"{sample.path.name} lacks {', '.join(missing)}, which other samples have"
            )
    proposal.header_rows = proposal.samples[0].layout.header_rows
    heights = {sample.layout.header_rows for sample in proposal.samples}
    if len(heights) > 1:
        proposal.questions.append(
            Question(
                "header",
                "$.schema[0].customProperties.headerRows",
                f"the samples' headers take {' or '.join(map(str, sorted(heights)))} rows: which is it?",
                tuple(map(str, sorted(heights))),
            )
        )


def _ask_where_rows_are_short(proposal: Proposal, files: Sequence[int]) -> None:
    if len(files) < _FEW_ROWS:
        proposal.remarks.append(
            f"only {len(files)} rows were there to look at: which columns are required, and types, may be chance"
        )
