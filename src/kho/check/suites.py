"""What each mart must be like, as `expectations/<mart>.yaml` says it: reading it, and saying what is wrong with it."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from kho.check.project import great_expectations
from kho.contract.reading import StrictLoader
from kho.ledger.verdicts import Severity
from kho.settings import Settings

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

FOLDER = "expectations"
RULES = ("rules", "weekly", "since_last_release")  # a suite's lists of them
REMEDY = "Look at the model of this mart and at what changed in the inputs since the release in force."
REMEDY_VI = "Xem mô hình của bảng này và những gì đã đổi ở đầu vào từ bản đang dùng đến nay."


class SuiteError(Exception):
    """A suite that can't be used. The message has a line per problem: file, place in it, what would be right."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rule(_Part):
    """What holds in a mart; people read `says` and `remedy` when it doesn't, on Vietnamese pages `says_vi` and `remedy_vi`."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    severity: Severity
    says: str
    says_vi: str | None = None
    remedy: str = REMEDY
    remedy_vi: str | None = None
    expectation: str
    arguments: dict[str, Any]

    def made(self) -> Expectation:
        """The rule as Great Expectations has it; ValueError when it knows no such expectation or argument."""
        great_expectations()
        from great_expectations.expectations import registry

        known = registry.list_registered_expectation_implementations()
        if self.expectation not in known:
            alike = difflib.get_close_matches(self.expectation, known, 1)
            raise ValueError(
                f"Great Expectations has no '{self.expectation}'"
                + (f"; did you mean {alike[0]}?" if alike else "")
            )
        return registry.get_expectation_impl(self.expectation)(
            severity=self.severity,
            description=self.says,
            notes=self.remedy,
            meta={"rule": self.name},
            **self.arguments,
        )

    @model_validator(mode="after")
    def _can_be_made(self) -> Rule:
        self.made()
        return self


class Suite(_Part):
    """The rules of a mart, those that read so much that they are judged on Sundays and after a full refresh only, and those
    that compare it with the one in force. `judges` names the mart that has its rows of tonight, where others were judged
    before."""

    judges: str | None = None
    rules: list[Rule] = Field(min_length=1)
    weekly: list[Rule] = []
    since_last_release: list[Rule] = []

    @model_validator(mode="after")
    def _names_are_unique(self) -> Suite:
        names = [rule.name for rule in (*self.rules, *self.weekly, *self.since_last_release)]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"rules have the same name: {', '.join(twice)}")
        return self


def suites(settings: Settings) -> dict[str, Suite]:
    """The suite of every mart, in order of name. Raises `SuiteError` that tells of every problem in every file."""
    marts = {path.stem for path in (settings.project / "dbt_project" / "models" / "marts").rglob("*.sql")}
    found, problems = {}, []
    for path in sorted((settings.project / FOLDER).glob("*.yaml")):
        try:
            if path.stem not in marts:
                raise ValueError(_no_such_mart(path.stem, marts))
            found[path.stem] = Suite.model_validate(yaml.load(path.read_bytes(), StrictLoader))
        except ValidationError as error:
            problems += [f"{path}: {problem}" for problem in _told(error)]
        except yaml.YAMLError as error:
            problems.append(f"{path}: is no YAML: {error}")
        except ValueError as error:
            problems.append(f"{path}: {error}")
    if problems:
        raise SuiteError("\n".join(problems))
    return found


def vietnamese(settings: Settings) -> dict[str, str]:
    """What the rules say, and the same in Vietnamese where they have it. Great Expectations, which takes seconds, is not asked; a
    suite that can't be used is passed over, for the night tells of it."""
    said = {REMEDY: REMEDY_VI}
    for path in sorted((settings.project / FOLDER).glob("*.yaml")):
        with suppress(yaml.YAMLError, AttributeError, KeyError, TypeError):
            suite = yaml.load(path.read_bytes(), StrictLoader)
            for rule in (rule for part in RULES for rule in suite.get(part, [])):
                said |= {
                    rule[text]: rule[f"{text}_vi"] for text in ("says", "remedy") if f"{text}_vi" in rule
                }
    return said


def _no_such_mart(name: str, marts: set[str]) -> str:
    alike = difflib.get_close_matches(name, marts, 1)
    return f"there is no mart {name}" + (f"; did you mean {alike[0]}?" if alike else "")


def _told(error: ValidationError) -> Iterator[str]:
    for each in error.errors():
        place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in each["loc"])
        yield f"${place}: {_remedy(each)}"


def _remedy(error: Any) -> str:
    if error["type"] != "extra_forbidden":
        return " ".join(error["msg"].removeprefix("Value error, ").split())
    known = (Rule if len(error["loc"]) > 1 else Suite).model_fields
    return f"no such key; there are {', '.join(known)}"
