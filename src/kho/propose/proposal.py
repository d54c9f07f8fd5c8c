"""What a contract could say of an export, from sample files of it; what they don't tell is an open question."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Literal

from kho.formats import Unreadable, look
from kho.formats.header import fold
from kho.propose import encoding, keys, layout, names, personal, types
from kho.propose.detect import CannotPropose, Shape, detect
from kho.propose.layout import Layout, text
from kho.propose.personal import Personal
from kho.propose.types import Conventions, Typed, Values

MOST_ROWS = 20_000
# A set of values is one when there are few of them, and each came often.
_MOST_VALUES, _LEAST_ROWS, _LEAST_TIMES = 15, 100, 3
_FEW_ROWS = 20  # below, that a column is unique may be chance
_LATENCY = {"d": 1, "m": 5, "q": 10}
#: formats whose records name their columns themselves, or whose first row does
_NAMED = ("json", "jsonl", "xml", "parquet")


@dataclass(frozen=True)
class Sample:
    """One sample file, read."""

    path: Path
    shape: Shape
    rows: list[list[object]]
    layout: Layout


@dataclass
class Column:
    """One column of the proposed contract."""

    name: str
    header: str
    typed: Typed
    values: list[object]  # of every row of data of all samples
    personal: Personal | None = None
    is_required: bool = False
    key_position: int | None = None
    enum: tuple[str, ...] = ()
    remark: str | None = None


@dataclass(frozen=True)
class Question:
    """What the samples leave open: its place in the contract, and the answers it can have, the one written there first."""

    topic: Literal["encoding", "dates", "numbers", "load", "frequency", "file name", "key", "header"]
    path: str
    text: str
    answers: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.path}: {self.text}"


@dataclass
class Proposal:
    """Everything that is written for a new source."""

    system: str
    entity: str
    samples: list[Sample]
    columns: list[Column]
    conventions: Conventions
    file_pattern: str
    file_dates: tuple[date, ...]
    encoding: str
    header_rows: int = 1
    date_format: str | None = None
    timestamp_format: str | None = None
    numbers: tuple[str, str] | None = None
    load: Literal["delta", "full"] = "delta"
    full_list_of: tuple[str, ...] = ()
    frequency: Literal["d", "m", "q"] = "d"
    version_column: str | None = None
    control_file: str | None = None
    skips: list[tuple[str, str, str]] = field(default_factory=list)  # column, pattern, why
    other_keys: list[tuple[str, ...]] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{self.system}.{self.entity}"

    @property
    def shape(self) -> Shape:
        return self.samples[0].shape

    @property
    def key(self) -> list[Column]:
        keyed = [column for column in self.columns if column.key_position]
        return sorted(keyed, key=lambda column: column.key_position or 0)

    @property
    def latency_days(self) -> int:
        return _LATENCY[self.frequency]

    def answer(self, question: Question, answer: str) -> None:
        """Settle a question: `answer` is one of its answers; of a file name, or a key, any text that is right."""
        match question.topic:
            case "encoding":
                self.encoding = answer
            case "dates":
                self._set_dates(answer)
            case "numbers":
                self._set_numbers(self.conventions.numbers[question.answers.index(answer)])
            case "load":
                self.load = answer  # type: ignore[assignment]
                self.full_list_of = self.full_list_of or _constant(self) if answer == "full" else ()
            case "frequency":
                self.frequency = answer  # type: ignore[assignment]
            case "file name":
                self.file_pattern = answer
            case "key":
                self._set_key([each.strip() for each in answer.split(",")])
            case "header":
                self.header_rows = int(answer)
        self.questions.remove(question)

    def _set_dates(self, day: str) -> None:
        for formats, which in (
            (self.conventions.date_formats, "date_format"),
            (self.conventions.timestamp_formats, "timestamp_format"),
        ):
            setattr(self, which, next((each for each in formats if each.startswith(day)), getattr(self, which)))

    def _set_numbers(self, signs: tuple[str, str]) -> None:
        self.numbers = signs
        for column in self.columns:
            shown = [shown for value in column.values if isinstance(value, str) and (shown := text(value))]
            if column.typed.type == "number" and shown and not any(signs[1] in each for each in shown):
                column.typed.type = "integer"

    def _set_key(self, names: Sequence[str]) -> None:
        known = {column.name: column for column in self.columns}
        if wrong := [name for name in names if name not in known]:
            raise LookupError(f"'{wrong[0]}' is no column; there are {', '.join(known)}")
        for column in self.columns:
            column.key_position = None
        for position, name in enumerate(names, 1):
            column = known[name]
            column.key_position, column.is_required = position, True
            if column.personal and column.personal.treatment == "drop":
                column.personal = Personal(column.personal.kind, "hash", column.personal.why)


def propose(name: str, paths: Sequence[Path]) -> Proposal:
    """A proposal for the source `<system>.<entity>` from sample files. Raises `CannotPropose`."""
    system, _, entity = name.partition(".")
    controls = {path.name for path in paths if path.suffix == ".ctl"}
    files_of_rows = [path for path in paths if path.name not in controls]
    # An empty file among others says that nothing happened that day.
    samples = [_read(path) for path in files_of_rows if path.stat().st_size or len(files_of_rows) == 1]
    if not samples:
        raise CannotPropose("there is no sample with rows among these files")
    _expect_one_shape(samples)
    headers, files, rows = _merged(samples)
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
        system, entity, samples, columns, conventions, told.pattern, told.dates, _encoding(samples)
    )
    proposal.control_file = "{name}.ctl" if any(f"{each.path.name}.ctl" in controls for each in samples) else None
    for step in (_look_closer, _find_key, _settle_conventions, _settle_delivery, _settle_rows):
        step(proposal)
    if told.has_units:
        proposal.remarks.append(
            "a part of the names differs between the samples: if it says whose list it is, make it the group (?P<unit>…)"
        )
    if len(headers) > len(named):
        proposal.remarks.append(f"{len(headers) - len(named)} columns have no header: they can't be named, and are left out")
    _ask_where_rows_are_short(proposal, files)
    return proposal


def _read(path: Path) -> Sample:
    shape = detect(path)
    try:
        rows = look(
            path,
            shape.format,
            encoding=shape.encoding.encoding if shape.encoding else "utf-8",
            delimiter=shape.delimiter,
            sheet=shape.sheet,
            records_path=shape.records_path,
            compression=shape.compression,
            most=MOST_ROWS,
        )
    except Unreadable as problem:
        raise CannotPropose(f"{path}: {problem}") from None
    found = layout.find(rows, is_named=shape.format in _NAMED, most_header_rows=1 if shape.format == "csv" else 6)
    if not found.has_header:
        raise CannotPropose(
            f"{path}: no row names the columns: ask for an export with a header (a contract knows columns by their names)"
        )
    return Sample(path, shape, rows, found)


def _expect_one_shape(samples: Sequence[Sample]) -> None:
    """Files of one export are of one kind: where they are not, say which."""

    def kind(sample: Sample) -> str:
        packed = f" in {sample.shape.compression}" if sample.shape.compression else ""
        return f"{sample.shape.format}{packed}"

    first = samples[0]
    for other in samples[1:]:
        if kind(other) != kind(first):
            raise CannotPropose(
                f"{other.path} is {kind(other)}, {first.path} is {kind(first)}: one contract is for one kind of file"
            )


def _merged(samples: Sequence[Sample]) -> tuple[list[str], list[int], list[list[object]]]:
    """The columns of all samples in the order they came in, and the rows with the number of their file."""
    headers: list[str] = []
    files: list[int] = []
    rows: list[list[object]] = []
    for number, sample in enumerate(samples):
        places = _places(headers, sample.layout.header)
        for n in sample.layout.data:
            row: list[object] = [None] * len(headers)
            for place, cell in zip(places, sample.rows[n], strict=False):
                row[place] = cell
            files.append(number)
            rows.append(row)
    for row in rows:
        row += [None] * (len(headers) - len(row))
    return headers, files, rows


def _places(headers: list[str], header: Sequence[str]) -> list[int]:
    """Where each column of a file stands among all; new ones are added. Spellings that fold alike are one column."""
    taken: set[int] = set()
    places = []
    for label in header:
        place = next(
            (
                n
                for n, known in enumerate(headers)
                if n not in taken and (known == label or (label and fold(known) == fold(label)))
            ),
            None,
        )
        if place is None:
            headers.append(label)
            place = len(headers) - 1
        taken.add(place)
        places.append(place)
    return places


def _encoding(samples: Sequence[Sample]) -> str:
    """The encoding that most samples speak for: plain ASCII speaks for none."""
    told = [sample.shape.encoding for sample in samples if sample.shape.encoding]
    if not told:
        return "utf-8"
    spoken = [each for each in told if "plain ASCII" not in each.because] or told
    return Counter(each.encoding for each in spoken).most_common(1)[0][0]


def _filled(column: Column, conventions: Conventions) -> list[str]:
    return [
        shown
        for value in column.values
        if (shown := text(value)) and shown not in conventions.null_texts
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
            column.remark = f"{len(column.typed.odd)} of {len(filled)} values are no {column.typed.type}: rejects"
        if column.typed.type == "string" and not column.personal:
            column.enum = _value_set(filled)


def _value_set(filled: Sequence[str]) -> tuple[str, ...]:
    counts = Counter(filled)
    if len(filled) < _LEAST_ROWS or not 2 <= len(counts) <= _MOST_VALUES or min(counts.values()) < _LEAST_TIMES:
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
            [shown if (shown := text(value)) not in proposal.conventions.null_texts and shown else None for value in column.values],
            column.personal is not None,
        )
        for column in proposal.columns
    ]
    # Files of several units of one date hold different rows; a later date may bring a row again.
    dates = {n: names.file_names([sample.path.name]).dates for n, sample in enumerate(proposal.samples)}
    has_units = names.file_names([sample.path.name for sample in proposal.samples]).has_units
    groups = {n: hash(dates[n]) if has_units and dates[n] else n for n in dates}
    files = [groups[n] for n, rows in enumerate(_spans(proposal)) for _ in rows[1]]
    once = _without_repeats(columns, files)
    distinct = [
        keys.KeyColumn(each.name, each.header, each.typed, [each.values[n] for n in once], each.is_personal)
        for each in columns
    ]
    found = keys.keys(distinct, [files[n] for n in once])
    versions = keys.version_columns(distinct)
    proposal.version_column = next(iter(versions), None)
    if not found:
        guess = next((each for each in columns if all(value is not None for value in each.values)), columns[0])
        proposal._set_key([guess.name])
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
    proposal._set_key(found[0])
    proposal.other_keys = [other for other in found[1:] if len(other) == len(found[0])][:3]
    for each in proposal.key:
        each.enum = ()
    if len(once) < _FEW_ROWS and proposal.other_keys:
        proposal.questions.append(
            Question(
                "key",
                "$.schema[0].properties",
                f"in only {len(once)} rows several keys would do: which is it?",
                tuple(",".join(each) for each in found[:4]),
            )
        )


def _without_repeats(columns: Sequence[keys.KeyColumn], files: Sequence[int]) -> list[int]:
    """Rows that are no whole repetition of an earlier one of their file."""
    seen: set[tuple[object, ...]] = set()
    once = []
    for n, row in enumerate(zip(files, *(each.values for each in columns), strict=True)):
        if row not in seen:
            seen.add(row)
            once.append(n)
    return once


def _settle_conventions(proposal: Proposal) -> None:
    conventions, place = proposal.conventions, "$.schema[0].customProperties"
    proposal.date_format = next(iter(conventions.date_formats), None)
    proposal.timestamp_format = next(iter(conventions.timestamp_formats), None)
    proposal.numbers = next(iter(conventions.numbers), None)
    days = _days(conventions)
    if len(days) > 1:
        example = conventions.telling.get("date") or conventions.telling["timestamp"]
        key = "dateFormat" if conventions.date_formats else "timestampFormat"
        proposal.questions.append(
            Question("dates", f"{place}.{key}", f"'{example}' may be {' or '.join(days)}: no day after the 12th tells", days)
        )
    if len(conventions.numbers) > 1:
        example = conventions.telling["number"]
        readings = tuple(_plainly(example, each) for each in conventions.numbers)
        proposal.questions.append(
            Question(
                "numbers",
                f"{place}.thousandsSeparator",
                f"'{example}' may be {' or '.join(readings)}: no other number tells (see decimalSeparator as well)",
                readings,
            )
        )
    guesses = {sample.path.name: sample.shape.encoding for sample in proposal.samples if sample.shape.encoding}
    unsure = next((each for each in guesses.values() if each.confidence < encoding.SURE), None)
    others = {each.encoding for each in guesses.values() if "plain ASCII" not in each.because}
    if unsure or len(others) > 1:
        second = (unsure.runner_up or "").partition(",")[0] if unsure else ""
        answers = tuple(dict.fromkeys([proposal.encoding, *sorted(others), *([second] if second else [])]))
        told = f"it looks like {unsure}" if unsure else f"the samples are in {' and '.join(sorted(others))}"
        proposal.questions.append(Question("encoding", "$.servers[0].encoding", f"{told}: which is it?", answers))
    proposal.remarks += [f"{name}: {each.warning}" for name, each in guesses.items() if each.warning]
    if conventions.has_times_without_offset:
        proposal.remarks.append("times have no offset: they are taken as Vietnam's; timeZone names another zone")


def _days(conventions: Conventions) -> tuple[str, ...]:
    """The ways in which the sample's dates can be read."""
    if conventions.date_formats:
        return conventions.date_formats
    return tuple(dict.fromkeys(each.replace("'T'", " ").split(" ")[0] for each in conventions.timestamp_formats))


def _plainly(number: str, signs: tuple[str, str]) -> str:
    thousands, point = signs
    return (number.replace(thousands, "") if thousands else number).replace(point, ".")


def _settle_delivery(proposal: Proposal) -> None:
    """How it comes: the files' names, how often, changes or the whole list."""
    if not proposal.file_dates:
        proposal.questions.append(
            Question(
                "file name",
                "$.servers[0].customProperties.fileName",
                "the sample's name has no date: how are the files named? The group business_date is yyyymmdd",
                (proposal.file_pattern,),
            )
        )
    every = names.frequency(proposal.file_dates)
    proposal.frequency = every or "d"  # type: ignore[assignment]
    if every is None:
        proposal.questions.append(
            Question(
                "frequency",
                "$.slaProperties[0].unit",
                "how often does it come? d: every day; m: dated the last day of a month; q: the first of a quarter",
                ("d", "m", "q"),
            )
        )
    shares = _repeated_keys(proposal)
    if not shares or max(shares) > 0:
        spread = " to ".join(dict.fromkeys(f"{share:.0%}" for share in (min(shares), max(shares)))) if shares else ""
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
    for sample, rows in _spans(proposal):
        name = names.without_date(sample.path.name)
        found = {tuple(text(column.values[n]) for column in proposal.key) for n in rows}
        if len(found) >= _FEW_ROWS:
            by_name.setdefault(name, []).append(found)
    pairs = [pair for each in by_name.values() for pair in zip(each, each[1:], strict=False)]
    return [len(earlier & later) / len(earlier) for earlier, later in pairs]


def _spans(proposal: Proposal) -> Iterator[tuple[Sample, range]]:
    """Each sample with the places of its rows in the columns' values."""
    start = 0
    for sample in proposal.samples:
        yield sample, range(start, start := start + len(sample.layout.data))


def _constant(proposal: Proposal) -> tuple[str, ...]:
    """Columns that have one value in each file: what a whole list is the list of; else the key's first column."""
    found = [
        column.name
        for column in proposal.columns
        if column.is_required
        and column.typed.type == "string"
        and not column.personal
        and all(len({text(column.values[n]) for n in rows}) == 1 for _, rows in _spans(proposal) if rows)
    ]
    return tuple(found) or (proposal.key[0].name,)


def _settle_rows(proposal: Proposal) -> None:
    """Rows that are no data, and what else is worth a word."""
    by_header = {column.header: column.name for column in proposal.columns}
    for sample in proposal.samples:
        for skip in sample.layout.skips:
            label = sample.layout.header[skip.position] if skip.position < len(sample.layout.header) else ""
            name = by_header.get(label) or next((c.name for c in proposal.columns if fold(c.header) == fold(label)), None)
            rule = name and (name, skip.pattern, skip.why)
            if rule and rule not in proposal.skips:
                proposal.skips.append(rule)
        if sample.layout.left_over:
            rows = ", ".join(str(n + 1) for n in sample.layout.left_over[:5])
            proposal.remarks.append(
                f"{sample.path.name}: rows {rows} look like no data, and no rule tells them from data: they would be rejects"
            )
        if len(sample.rows) >= MOST_ROWS:
            proposal.remarks.append(f"{sample.path.name}: only its first {MOST_ROWS:,} rows were looked at")
        if len(sample.shape.sheets) > 1:
            others = ", ".join(sample.shape.sheets[1:])
            proposal.remarks.append(f"{sample.path.name}: sheet '{sample.shape.sheet}' was taken; there are {others} as well")
        header = set(map(fold, sample.layout.header))
        missing = [column.header for column in proposal.columns if fold(column.header) not in header]
        if missing:
            proposal.remarks.append(f"{sample.path.name} lacks {', '.join(missing)}, which other samples have")
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
