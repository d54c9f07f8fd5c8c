"""Documents of two document systems side by side: what each agency issued and received, and through which system."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from itertools import accumulate
from math import ceil
from random import Random
from typing import Literal

from pydantic import model_validator

from kho_sample import people
from kho_sample.agencies import Agency
from kho_sample.paperwork import SUBJECTS, TYPES, office_hour, symbol_of
from kho_sample.section import Count, Level, Section
from kho_sample.system import Place
from kho_sample.working_days import WorkingDays

Change = Literal["updated", "recalled", "replaced"]


class Documents(Section):
    """Outgoing documents of a level by the systems they came through, and how many it received."""

    only_idesk: Count
    only_moffice: Count
    through_both: Count
    electronic_signed: Count
    parallel_paper: Count
    #: of those that came through iDesk: what later messages did to them
    updated: Count
    recalled: Count
    replaced: Count
    incoming: Count

    @property
    def outgoing(self) -> int:
        return self.only_idesk + self.only_moffice + self.through_both

    @model_validator(mode="after")
    def _parts_fit_their_wholes(self) -> Documents:
        idesk, changed = self.only_idesk + self.through_both, self.updated + self.recalled + self.replaced
        for part, has, whole, limit in (
            ("electronic_signed", self.electronic_signed, "the documents", self.outgoing),
            ("parallel_paper", self.parallel_paper, "the documents", self.outgoing),
            ("updated + recalled + replaced", changed, "only_idesk + through_both", idesk),
        ):
            if has > limit:
                raise ValueError(f"{part} is {has}, more than {whole}, which is {limit}")
        return self

    def scaled(self, factor: float) -> Documents:
        """The same at another size: none vanishes, and parts still fit their wholes."""
        small = {name: ceil(count * factor) for name, count in self.model_dump().items()}
        changed = small["updated"] + small["recalled"] + small["replaced"]
        small["through_both"] += max(0, changed - small["only_idesk"] - small["through_both"])
        return Documents.model_validate(small)


class DocumentSystems(Section):
    """iDesk and M-Office, of the district's own units and of its communes."""

    district: Documents
    commune: Documents

    @model_validator(mode="after")
    def _communes_receive_what_the_district_sends(self) -> DocumentSystems:
        if self.commune.incoming > self.district.outgoing:
            raise ValueError(
                f"commune: incoming is {self.commune.incoming}, more than the documents of the district,"
                f" which are {self.district.outgoing}"
            )
        return self

    def scaled(self, factor: float) -> DocumentSystems:
        return DocumentSystems(district=self.district.scaled(factor), commune=self.commune.scaled(factor))


@dataclass(frozen=True)
class Document:
    """One document, as it is in the end. `replacement` is the number of what took its place."""

    agency: Agency
    number: int
    symbol: str
    kind: str
    subject: str
    signer: str
    issued_on: date
    entered_at: datetime
    is_signed: bool
    is_on_paper: bool
    in_idesk: bool
    in_moffice: bool
    change: Change | None = None
    changed_at: datetime | None = None
    replacement: int | None = None


@dataclass(frozen=True)
class Arrival:
    """A document that reached some agencies, through one system or both."""

    document: Document
    recipients: tuple[Agency, ...]
    received_at: datetime
    in_idesk: bool
    in_moffice: bool


def issued(section: DocumentSystems, place: Place) -> list[Document]:
    """The outgoing documents of all units."""
    days = WorkingDays(place.period)
    return [
        document
        for level, told in (("district", section.district), ("commune", section.commune))
        for document in _issued(
            told, level, days, place.units, Random(f"{place.seed} document systems {level}")
        )
    ]


def _issued(
    told: Documents, level: Level, days: WorkingDays, units: list[Agency], rng: Random
) -> list[Document]:
    offices = [unit for unit in units if unit.level == level]
    weights = list(accumulate(rng.uniform(0.6, 1.6) * (8 if unit is units[0] else 1) for unit in offices))
    through = (
        [(True, False)] * told.only_idesk
        + [(False, True)] * told.only_moffice
        + [(True, True)] * told.through_both
    )
    rng.shuffle(through)
    count = told.outgoing
    signed = set(rng.sample(range(count), told.electronic_signed))
    on_paper = set(rng.sample(range(count), told.parallel_paper))
    numbers: Counter[tuple[str, str]] = Counter()
    found = []
    for n, issued_on in enumerate(sorted(rng.choices(days.within, k=count))):
        agency = rng.choices(offices, cum_weights=weights)[0]
        kind, letters, _ = rng.choices(TYPES, weights=[weight for *_, weight in TYPES])[0]
        symbol = symbol_of(agency, agency is units[0], letters, rng)
        numbers[agency.code, symbol] += 1
        found.append(
            Document(
                agency=agency,
                number=numbers[agency.code, symbol],
                symbol=symbol,
                kind=kind,
                subject=rng.choice(SUBJECTS).format(name=people.name(rng)),
                signer=people.name(rng),
                issued_on=issued_on,
                entered_at=datetime.combine(issued_on, office_hour(rng)),
                is_signed=n in signed,
                is_on_paper=n in on_paper,
                in_idesk=through[n][0],
                in_moffice=through[n][1],
            )
        )
    changes = ["updated"] * told.updated + ["recalled"] * told.recalled + ["replaced"] * told.replaced
    sent = [n for n, document in enumerate(found) if document.in_idesk]
    end = datetime.combine(days.end, time(17))
    for n, change in zip(rng.sample(sent, len(changes)), changes, strict=True):
        document = found[n]
        later = document.entered_at + timedelta(days=rng.randint(1, 40), minutes=rng.randint(-60, 60))
        found[n] = replace(document, change=change, changed_at=min(later, end))
        if change == "replaced":
            numbers[document.agency.code, document.symbol] += 1
            number = numbers[document.agency.code, document.symbol]
            found[n] = replace(found[n], replacement=number)
    return found


def received(section: DocumentSystems, place: Place, documents: list[Document]) -> list[Arrival]:
    """What the units received: the district from the province, the communes from the district."""
    rng = Random(f"{place.seed} document systems received")
    offices = [unit for unit in place.units if unit.level == "district"]
    communes = [unit for unit in place.units if unit.level == "commune"]
    province = Agency(place.units[0].code.split(".")[0], "UBND tỉnh", "district")
    days = WorkingDays(place.period)
    found, left, number = [], section.district.incoming, 0
    while left:
        number += 1
        recipients = rng.sample(offices, min(left, len(offices), rng.choice((1, 1, 2, 3))))
        left -= len(recipients)
        day = rng.choice(days.within)
        letter = Document(
            agency=province, number=number, symbol=rng.choice(("UBND-TH", "UBND-VX", "KH-UBND", "QĐ-UBND")),
            kind="Công văn", subject=rng.choice(SUBJECTS).format(name=people.name(rng)), signer=people.name(rng),
            issued_on=day, entered_at=datetime.combine(day, office_hour(rng)), is_signed=True, is_on_paper=False,
            in_idesk=True, in_moffice=False,
        )  # fmt: skip
        found.append(_arrival(letter, tuple(recipients), days, rng))
    sent = [document for document in documents if document.agency.level == "district"]
    for document in rng.sample(sent, section.commune.incoming):
        found.append(_arrival(document, (rng.choice(communes),), days, rng))
    return found


def _arrival(document: Document, recipients: tuple[Agency, ...], days: WorkingDays, rng: Random) -> Arrival:
    in_idesk, in_moffice = rng.choice(((True, False), (True, True), (False, True)))
    moment = document.entered_at + timedelta(hours=rng.choice((0, 0, 1, 24)), minutes=rng.randint(1, 50))
    moment = min(moment, datetime.combine(days.end, time(17, 30)))
    return Arrival(document, recipients, moment, in_idesk, in_moffice)
