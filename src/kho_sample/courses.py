"""Dossiers that do not go straight from reception to result: what befalls some of them, and how many of each kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from random import Random
from typing import Literal

from kho_sample.agencies import Agency
from kho_sample.desk import (
    CLOSES,
    IN_PROCESS,
    NOT_RECEIVED,
    OPENS,
    PAYMENT_ASKED,
    PROCESSED,
    SUPPLEMENT_ASKED,
    WITHDRAWN,
    Moment,
    Told,
    written,
)
from kho_sample.section import Count, Section
from kho_sample.working_days import WorkingDays

#: when something happens to a dossier, and the cells that it changes
Step = tuple[Moment, Told]
#: what stands for no due date in software that must have one
PLACEHOLDERS = ("01/01/0001 00:00", "01/01/1900 00:00", "31/12/9999 00:00")
#: working days that every course takes at most, and that a procedure must allow for one that ends with a result
LONGEST = 7


class Courses(Section):
    """How many dossiers there are of each kind. A place that has fewer dossiers for it has as many as it can."""

    #: submitted, and neither received nor refused
    awaiting_acceptance: Count = 0
    #: submitted and not received
    refused_at_the_door: Count = 0
    #: withdrawn after the reception
    withdrawn: Count = 0
    #: asked to pay, processed once that is done
    payment_asked: Count = 0
    #: asked to pay, in progress
    waiting_for_payment: Count = 0
    #: asked for a supplement twice: the dossier itself tells of the second request only
    supplement_asked_twice: Count = 0
    #: asked for a supplement that never came, processed without it
    supplement_unanswered: Count = 0
    #: asked for a supplement, in progress
    waiting_for_supplement: Count = 0
    #: promised for a day, then for a later one
    due_date_moved: Count = 0
    #: handed over to another unit of the level, which ends it
    handed_over: Count = 0
    #: the same, and back again
    handed_over_and_back: Count = 0
    #: the end is told days after it, as of the day that it was due
    end_told_later: Count = 0
    #: a placeholder stands where the due date should
    due_date_placeholder: Count = 0
    #: promised for no day
    no_due_date: Count = 0
    #: root-first codes of the dossier and, before a change, of its unit
    other_code_layout: Count = 0

    def scaled(self, factor: float) -> Courses:
        """The same at another size: none vanishes."""
        return Courses.model_validate({kind: ceil(count * factor) for kind, count in self})


@dataclass(frozen=True)
class Case:
    """A dossier at its reception (or, not received, its submission). `other` is the unit that it may be handed to."""

    agency: Agency
    other: Agency
    due: Moment
    received: Moment
    days: WorkingDays
    rng: Random

    def on(self, count: int) -> Moment:
        """Some minute of the `count`-th working day after the reception."""
        return self.days.after(self.received[0], count), self.rng.randint(OPENS, CLOSES - 5)


@dataclass(frozen=True)
class Course:
    """One kind: what happens after the reception, and to which dossiers it may, by how they end in the period."""

    steps: Callable[[Case], list[Step]]
    outcome: Literal["not_received", "within_deadline", "on_time"] = "on_time"


def _set(at: Moment, status: str, **cells: str) -> Step:
    return at, {"maTrangThai": status, **cells}


def _processed(at: Moment) -> Step:
    return _set(at, PROCESSED, ngayKetThucXuLy=written(at))


def _asked(at: Moment) -> Step:
    return _set(at, SUPPLEMENT_ASKED, ngayYeuCauBoSung=written(at), ngayCongDanBoSung="")


def _answered(at: Moment) -> Step:
    return _set(at, IN_PROCESS, ngayCongDanBoSung=written(at))


def _refused_at_the_door(case: Case) -> list[Step]:
    at = case.on(1)
    return [_set(at, NOT_RECEIVED, ngayTuChoi=written(at))]


def _due_date_moved(case: Case) -> list[Step]:
    """Before the first promise is due, or after it."""
    first, moved = (case.on(3)[0], CLOSES), case.rng.choice((2, 4))
    return [
        (case.received, {"ngayHenTra": written(first)}),
        _set(case.on(moved), IN_PROCESS, ngayHenTra=written(case.due)),
        _processed(case.on(5)),
    ]


def _end_told_later(case: Case) -> list[Step]:
    due = case.on(4)[0]
    end = written((due, case.rng.randint(OPENS, CLOSES)))
    return [
        (case.received, {"ngayHenTra": written((due, CLOSES))}),
        _set(case.on(LONGEST), PROCESSED, ngayKetThucXuLy=end),
    ]


def _instead_of_due_date(text: Callable[[Random], str]) -> Callable[[Case], list[Step]]:
    return lambda case: [(case.received, {"ngayHenTra": text(case.rng)}), _processed(case.on(3))]


COURSES = {
    "awaiting_acceptance": Course(lambda case: [], "not_received"),
    "refused_at_the_door": Course(_refused_at_the_door, "not_received"),
    "withdrawn": Course(lambda case: [_set(case.on(1), IN_PROCESS), _set(case.on(3), WITHDRAWN)]),
    "payment_asked": Course(
        lambda case: [_set(case.on(1), PAYMENT_ASKED), _set(case.on(2), IN_PROCESS), _processed(case.on(4))]
    ),
    "waiting_for_payment": Course(lambda case: [_set(case.on(1), PAYMENT_ASKED)], "within_deadline"),
    "supplement_asked_twice": Course(
        lambda case: [
            _asked(case.on(1)), _answered(case.on(2)), _asked(case.on(3)), _answered(case.on(5)), _processed(case.on(6)),
        ]
    ),
    "supplement_unanswered": Course(lambda case: [_asked(case.on(1)), _processed(case.on(4))]),
    "waiting_for_supplement": Course(lambda case: [_asked(case.on(1))], "within_deadline"),
    "due_date_moved": Course(_due_date_moved),
    "handed_over": Course(
        lambda case: [_set(case.on(1), IN_PROCESS, maDinhDanh=case.other.leaf_first), _processed(case.on(3))]
    ),
    "handed_over_and_back": Course(
        lambda case: [
            _set(case.on(1), IN_PROCESS, maDinhDanh=case.other.leaf_first),
            _set(case.on(3), IN_PROCESS, maDinhDanh=case.agency.leaf_first),
            _processed(case.on(4)),
        ]
    ),
    "end_told_later": Course(_end_told_later),
    "due_date_placeholder": Course(_instead_of_due_date(lambda rng: rng.choice(PLACEHOLDERS))),
    "no_due_date": Course(_instead_of_due_date(lambda rng: "")),
    "other_code_layout": Course(
        lambda case: [
            (case.received, {"maDinhDanh": case.agency.code}),
            _set(case.on(1), IN_PROCESS, maDinhDanh=case.agency.leaf_first),
            _processed(case.on(3)),
        ]
    ),
}  # fmt: skip
