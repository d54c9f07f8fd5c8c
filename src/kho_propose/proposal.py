"""What a contract could say of an export, from sample files of it; what they don't tell is an open question."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Literal

from kho_propose.detect import Shape
from kho_propose.layout import Layout, text
from kho_propose.personal import Personal
from kho_propose.types import Conventions, Typed

_LATENCY = {"d": 1, "m": 5, "q": 10, "once": 0}


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
    few_values: tuple[str, ...] = ()  # that it has in the sample: others may come
    format: Literal["agency_code"] | None = None
    remark: str | None = None


@dataclass(frozen=True)
class Question:
    """What the samples leave open: its place in the contract, and the answers it can have, the one written there first."""

    topic: Literal["encoding", "dates", "numbers", "offsets", "load", "frequency", "key", "header"]
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
    offset: str = ""  # that all times say, where that is UTC's
    numbers: tuple[str, str] | None = None
    load: Literal["delta", "full"] = "delta"
    full_list_of: tuple[str, ...] = ()
    frequency: Literal["d", "m", "q", "once"] = "d"
    version_column: str | None = None
    case_column: str | None = None  # of an event log
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
        """Settle a question. Raises ValueError or LookupError for what is no answer to it.

        A key may be another than those that were found: names of columns.
        """
        if question.topic != "key" and answer not in question.answers:
            raise ValueError(f"'{answer}' is none of {', '.join(question.answers)}")
        match question.topic:
            case "encoding":
                self.encoding = answer
            case "dates":
                self._set_dates(answer)
            case "numbers":
                self._set_numbers(self.conventions.numbers[question.answers.index(answer)])
            case "offsets":
                self._quote_offset(is_meant=answer == question.answers[0])
            case "load":
                self.load = answer  # type: ignore[assignment]
                self.full_list_of = self.full_list_of or self._constant() if answer == "full" else ()
            case "frequency":
                self.frequency = answer  # type: ignore[assignment]
            case "key":
                self.set_key([each.strip() for each in answer.split(",")])
            case "header":
                self.header_rows = int(answer)
        self.questions.remove(question)

    def _set_dates(self, day: str) -> None:
        for formats, which in (
            (self.conventions.date_formats, "date_format"),
            (self.conventions.timestamp_formats, "timestamp_format"),
        ):
            setattr(
                self, which, next((each for each in formats if each.startswith(day)), getattr(self, which))
            )

    def _quote_offset(self, *, is_meant: bool) -> None:
        """Times that say an offset which is not true are those of the contract's zone."""
        if not is_meant and self.timestamp_format:
            self.timestamp_format = f"{self.timestamp_format.removesuffix('XXX')}'{self.offset}'"

    def _set_numbers(self, signs: tuple[str, str]) -> None:
        self.numbers = signs
        for column in self.columns:
            shown = [shown for value in column.values if isinstance(value, str) and (shown := text(value))]
            if column.typed.type == "number" and shown and not any(signs[1] in each for each in shown):
                column.typed.type = "integer"

    def set_key(self, names: Sequence[str]) -> None:
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

    def spans(self) -> Iterator[tuple[Sample, range]]:
        """Each sample with the places of its rows in the columns' values."""
        start = 0
        for sample in self.samples:
            yield sample, range(start, start := start + len(sample.layout.data))

    def _constant(self) -> tuple[str, ...]:
        """Columns that have one value in each file: what a whole list is the list of; else the key's first column."""
        found = [
            column.name
            for column in self.columns
            if column.is_required
            and column.typed.type == "string"
            and not column.personal
            and all(len({text(column.values[n]) for n in rows}) == 1 for _, rows in self.spans() if rows)
        ]
        return tuple(found) or (self.key[0].name,)
