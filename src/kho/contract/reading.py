"""Reading contracts: ODCS files in, `Contract`s out; a wrong one fails with the file, the path in it and the remedy."""

from __future__ import annotations

import codecs
import hashlib
import json
import re
from collections.abc import Iterable
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import available_timezones

import yaml
from pydantic import BaseModel, ValidationError

from kho.contract import mappings, moments
from kho.contract import odcs as shape
from kho.contract import server as servers
from kho.contract.model import (
    DRAFT,
    OWN_ENCODINGS,
    Column,
    ColumnKeys,
    Contract,
    ContractKeys,
    FileKeys,
    Quality,
    ServerKeys,
)
from kho.settings import Settings

Keys = TypeVar("Keys", bound=BaseModel)
_NAME = re.compile(r"^[a-z][a-z0-9_]{0,40}$")


class ContractError(Exception):
    """A contract that can't be used. The message has a line per problem: file, path in it, what would be right."""

    def __init__(self, path: Path, problems: list[str]):
        self.problems = problems
        super().__init__("\n".join(f"{path}: {problem}" for problem in problems))


def contracts(settings: Settings, system: str | None = None) -> dict[str, Contract]:
    """Every contract (of a system) that can be used and is no draft, by name (`one_stop.dossiers`), in order of name."""
    read = _read_all(settings, system)
    return {name: each for name, each in read.items() if isinstance(each, Contract)}


def unusable(settings: Settings, system: str | None = None) -> dict[str, ContractError]:
    """Why contracts (of a system) that are no drafts can't be used, by name, in order of name."""
    read = _read_all(settings, system)
    return {name: each for name, each in read.items() if isinstance(each, ContractError)}


def _read_all(settings: Settings, system: str | None) -> dict[str, Contract | ContractError]:
    read: dict[str, Contract | ContractError] = {}
    for name, path in paths(settings).items():
        if system in (None, path.parent.name):
            try:
                body = _bytes(path)
                if not _is_draft(body):
                    read[name] = parse_contract(path, body)
            except ContractError as error:
                read[name] = error
    return read


def drafts(settings: Settings) -> list[str]:
    """Names of the contracts that are drafts, in order of name, whether they can be used or not."""
    return [name for name, path in paths(settings).items() if path.is_file() and _is_draft(path.read_bytes())]


def paths(settings: Settings) -> dict[str, Path]:
    """The file of every contract by its name, in order of name; drafts and unusable ones too."""
    return {f"{path.parent.name}.{path.stem}": path for path in sorted(settings.contracts.glob("*/*.yaml"))}


def samples(settings: Settings) -> dict[str, Contract]:
    """In an installation of one's own, the product's contracts that it has not, by name: their models are built and stay empty,
    and nothing is asked of their sources."""
    if settings.own is None:
        return {}
    own, folder = paths(settings), settings.project / "contracts"
    found = {f"{path.parent.name}.{path.stem}": path for path in sorted(folder.glob("*/*.yaml"))}
    return {name: read_contract(path) for name, path in found.items() if name not in own}


def read_contract(path: Path) -> Contract:
    """The contract in this file; raises `ContractError`."""
    return parse_contract(path, _bytes(path))


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ContractError(path, [f"can't be read: {error.strerror}"]) from None


def parse_contract(path: Path, body: bytes) -> Contract:
    """The contract that this file would be if these were its bytes; raises `ContractError`.

    The codes of its mappings are those of the seed in the project that the file belongs to.
    """
    try:
        return _read(path, body, mappings.seeds(path.absolute().parent.parent.parent))
    except ContractError:
        raise
    except Exception as failure:
        told = f"Kho failed on it ({type(failure).__name__}: {failure}), which is to be mended in Kho: report that with the file"
        raise ContractError(path, [_shorten(" ".join(told.split()))]) from failure


_SAFE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class StrictLoader(_SAFE):
    """A key that is there twice is an error: YAML's readers quietly take the last. A date is a text, as it is in JSON."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        for key in node.value:
            if keys.count(key[0].value) > 1:
                raise yaml.constructor.ConstructorError(
                    None, None, f"'{key[0].value}' is there twice", key[0].start_mark
                )
        return super().construct_mapping(node, deep)


StrictLoader.add_constructor("tag:yaml.org,2002:timestamp", StrictLoader.construct_yaml_str)


@cache
def _document(body: bytes) -> Any:
    return yaml.load(body, StrictLoader)


def _is_draft(body: bytes) -> bool:
    try:
        document = _document(body)
    except Exception:  # whatever it is, reading it says so
        return False
    return isinstance(document, dict) and document.get("status") == DRAFT


@cache
def _read(path: Path, body: bytes, seeds: mappings.Seeds) -> Contract:
    try:
        body.decode()
        document = _document(body)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ContractError(path, [f"is no YAML in UTF-8: {' '.join(str(error).split())}"]) from None
    if problems := _structure(document):
        raise ContractError(path, problems)
    return _Reader(path, body, document, seeds).contract()


def _structure(document: Any) -> list[str]:
    """What is wrong by the standard, and by what Kho knows of it, each place told once."""
    ours = shape.problems(document)
    extra = {place for place, (kind, _) in ours.items() if kind == "extra_forbidden"}
    told = {place: ours[place][1] for place in extra}
    for error in _validator().iter_errors(document):
        # The standard has unknown keys too, but doesn't say which ones would be right.
        if not (extra and error.kind.name in ("unevaluatedProperties", "additionalProperties")):
            told.setdefault(_place(error.instance_path), _shorten(error.message))
    if told.keys() <= extra:
        told |= {place: remedy for place, (_, remedy) in ours.items()}
    return [f"{place}: {told[place]}" for place in sorted(told)]


@cache
def odcs() -> dict[str, Any]:
    """The JSON schema of the standard."""
    text = resources.files("open_data_contract_standard").joinpath("schema.json").read_text(encoding="utf-8")
    return json.loads(text)


@cache
def _validator() -> Any:
    import jsonschema_rs

    return jsonschema_rs.Draft201909Validator(odcs())


def _place(path: Iterable[str | int]) -> str:
    return "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)


@cache
def _time_zones() -> set[str]:
    return available_timezones()


def _shorten(message: str) -> str:
    return message if len(message) < 300 else message[:300] + "…"


def _is_encoding(name: str) -> bool:
    try:
        return name in OWN_ENCODINGS or bool(codecs.lookup(name))
    except LookupError:
        return False


class _Reader:
    """Reads one document and gathers every problem before it fails."""

    def __init__(self, path: Path, body: bytes, document: dict[str, Any], seeds: mappings.Seeds):
        self.path, self.body, self.document, self.seeds = path, body, document, seeds
        self.problems: list[str] = []

    def contract(self) -> Contract:
        document, system, entity = self.document, self.path.parent.name, self.path.stem
        for word in (system, entity):
            self.expect(bool(_NAME.match(word)), "$", f"its path holds '{word}': use a-z, 0-9 and _")
        self.expect(
            document.get("id") == f"{system}.{entity}",
            "$.id",
            f"should be '{system}.{entity}', as the path says",
        )
        self.expect(len(document.get("servers") or ()) == 1, "$.servers", "needs exactly one server")
        self.expect(len(document.get("schema") or ()) == 1, "$.schema", "needs exactly one object: the file")
        self.fail_if_wrong()
        server, table = document["servers"][0], document["schema"][0]
        self.expect(
            servers.server_type(server) in servers.TYPES,
            "$.servers[0].type",
            f"use one of {', '.join(servers.TYPES)}; for ftps write custom with the custom property transport: ftps",
        )
        contract_keys = self.keys(document, ContractKeys, "$")
        server_keys = self.keys(server, ServerKeys, "$.servers[0]", servers.defaults(server, entity))
        file_keys = self.keys(table, FileKeys, "$.schema[0]", servers.file_defaults(server))
        columns = [
            self.column(each, f"$.schema[0].properties[{n}]")
            for n, each in enumerate(table.get("properties", ()))
        ]
        self.fail_if_wrong()
        assert contract_keys and server_keys and file_keys  # what can't be read is wrong
        contract = self.build(
            contract_keys, server, server_keys, table, file_keys, tuple(each for each in columns if each)
        )
        self.consistent(contract)
        for where, remedy in servers.problems(contract, server):
            self.expect(False, where, remedy)
        self.fail_if_wrong()
        return contract

    def build(
        self,
        keys: ContractKeys,
        server: dict[str, Any],
        server_keys: ServerKeys,
        table: dict[str, Any],
        file: FileKeys,
        columns: tuple[Column, ...],
    ) -> Contract:
        description = self.document.get("description") or {}
        service = {each["property"]: each for each in self.document.get("slaProperties", ())}
        frequency = service.get("frequency", {})
        self.expect(
            not service or "frequency" in service,
            "$.slaProperties",
            "needs 'frequency' (value 1, unit d, m or q); leave the list empty where nothing is ever expected",
        )
        try:
            return Contract(
                name=f"{self.path.parent.name}.{self.path.stem}",
                system=self.path.parent.name,
                entity=self.path.stem,
                title=table.get("businessName") or self.document.get("name") or self.path.stem,
                purpose=description.get("purpose") or "",
                usage=description.get("usage") or "",
                version=self.document["version"],
                status=self.document["status"],
                open_questions=keys.open_questions,
                fingerprint=self.fingerprint(columns),
                body=self.body.decode(),
                server_type=servers.server_type(server),
                location=servers.location(server),
                format=server.get("format") or server_keys.format,
                encoding=server.get("encoding") or server_keys.encoding or "utf-8",
                delimiter=server.get("delimiter") or server_keys.delimiter or ",",
                server=server_keys,
                file=file,
                columns=columns,
                quality=self.quality(table),
                frequency=frequency.get("unit"),
                latency_days=int(service.get("latency", {}).get("value", 0)),
                end_of_life=service.get("endOfLife", {}).get("value"),
            )
        except ValidationError as error:
            self.told(error, "$")
            raise ContractError(self.path, self.problems) from None

    def fingerprint(self, columns: tuple[Column, ...]) -> str:
        """Of the file and of the codes that its mappings know: a code more is as good a reason to replay as a new version."""
        mapped = "".join(
            f"{column.keys.mapping} {sorted(column.values)}\n" for column in columns if column.keys.mapping
        )
        return hashlib.sha256(self.body + mapped.encode()).hexdigest()

    def codes(self, each: dict[str, Any], domain: str, path: str) -> mappings.Codes:
        """The raw codes that a column may have; none are known of a contract that is in no project."""
        self.expect(
            not each.get("enum"), f"{path}.enum", "the mapping says which values there are: take it out"
        )
        self.expect(
            each.get("logicalType") == "string", f"{path}.logicalType", "codes of a mapping are texts: string"
        )
        if not self.seeds:
            return {}
        try:
            found = mappings.codes(self.seeds, domain, self.path.parent.name)
        except ValueError as error:
            self.problems.append(f"{path}.customProperties.mapping: {error}")
            return {}
        self.expect(
            bool(found) or self.document.get("status") == DRAFT,
            f"{path}.customProperties.mapping",
            f"{mappings.SEED} has no {domain} of {self.path.parent.name}:"
            f" add lines like {mappings.line_for(domain, self.path.parent.name, '<code>')}",
        )
        return found

    def column(self, each: dict[str, Any], path: str) -> Column | None:
        keys = self.keys(each, ColumnKeys, path)
        options = each.get("logicalTypeOptions") or {}
        self.pattern(options.get("pattern"), f"{path}.logicalTypeOptions.pattern")
        self.expect(
            "format" not in options or each.get("logicalType") == "string",
            f"{path}.logicalTypeOptions.format",
            "codes are texts: string",
        )
        values = {str(value["value"]): value.get("description", "") for value in each.get("enum", ())}
        if keys and keys.mapping:
            values = self.codes(each, keys.mapping, path)
        is_personal = each.get("classification") == "personal"
        self.expect(
            is_personal == (keys is not None and keys.personal_data is not None),
            path,
            "a column classified 'personal' needs the custom property personalData (drop or hash), and only such a one has it",
        )
        try:
            return Column(
                name=each["name"],
                header=each.get("physicalName") or each["name"],
                type=each["logicalType"],
                description=each.get("description") or "",
                required=each.get("required", False),
                is_classified="classification" in each,
                key_position=each.get("primaryKeyPosition") if each.get("primaryKey") else None,
                values=tuple(values),
                meanings=tuple(values.values()),
                format=options.get("format"),
                pattern=options.get("pattern"),
                minimum=options.get("minimum"),
                maximum=options.get("maximum"),
                keys=keys or ColumnKeys(),
            )
        except (ValidationError, KeyError) as error:
            if isinstance(error, KeyError):
                self.problems.append(f"{path}: needs {error}")
            else:
                self.told(error, path)
            return None

    def quality(self, table: dict[str, Any]) -> tuple[Quality, ...]:
        rules = [(None, rule) for rule in table.get("quality", ())]
        for column in table.get("properties", ()):
            rules += [(column["name"], rule) for rule in column.get("quality", ())]
        made = []
        for column, rule in rules:
            try:
                made.append(
                    Quality(
                        name=rule.get("name") or f"{column or 'rows'}_{rule.get('metric')}",
                        metric=rule.get("metric"),
                        column=column,
                        unit=rule.get("unit") or "rows",
                        at_least=rule.get("mustBeGreaterOrEqualTo"),
                        at_most=0 if rule.get("mustBe") == 0 else rule.get("mustBeLessOrEqualTo"),
                        severity=rule.get("severity") or "critical",
                        description=rule.get("description") or "",
                    )
                )
            except ValidationError as error:
                self.told(error, f"$.schema[0].quality[{rule.get('name')}]")
        return tuple(made)

    def consistent(self, contract: Contract) -> None:
        """What ties one part of a contract to another."""
        names = [column.name for column in contract.columns]
        file = contract.file
        self.expect(len(set(names)) == len(names), "$.schema[0].properties", "two columns have the same name")
        self.expect(bool(contract.key), "$.schema[0].properties", "no column is part of the primary key")
        for column in contract.columns:
            self.expect(
                bool(_NAME.match(column.name)),
                "$.schema[0].properties",
                f"'{column.name}': use a-z, 0-9 and _",
            )
            if column.key_position is not None:
                self.expect(
                    column.required and column.is_stored,
                    f"$..{column.name}",
                    "a key column must be required and stored",
                )
        for where, name in [
            ("versionColumn", file.version_column),
            ("caseColumn", file.case_column),
            *(("fullListOf", n) for n in file.full_list_of),
        ]:
            self.expect(
                name is None or name in names,
                f"$.schema[0].customProperties.{where}",
                f"'{name}' is no column; there are {', '.join(names)}",
            )
        self.expect(
            file.case_column not in names or file.case_column in [column.name for column in contract.key],
            "$.schema[0].customProperties.caseColumn",
            f"'{file.case_column}' must be part of the primary key, as every event belongs to a case",
        )
        self.times(contract)
        self.sums(contract)
        for rule in file.skip_rows:
            self.expect(
                rule.column in names, "$.schema[0].customProperties.skipRows", f"'{rule.column}' is no column"
            )
            self.pattern(rule.pattern, "$.schema[0].customProperties.skipRows")
            self.expect(
                not rule.is_sum or any(column.is_number and column.is_stored for column in contract.columns),
                "$.schema[0].customProperties.skipRows",
                "isSum is for exports that have numbers",
            )
        self.expect(
            _is_encoding(contract.encoding),
            "$.servers[0]..encoding",
            f"'{contract.encoding}' is no encoding: use utf-8, utf-16, windows-1258, {', '.join(OWN_ENCODINGS)} or such",
        )
        self.expect(
            moments.is_date(file.date_format),
            "$.schema[0].customProperties.dateFormat",
            f"use {moments.DATES_TOLD}",
        )
        self.expect(
            moments.is_time(file.timestamp_format),
            "$.schema[0].customProperties.timestampFormat",
            f"use {moments.TIMES_TOLD}",
        )
        self.expect(
            file.time_zone in _time_zones(),
            "$.schema[0].customProperties.timeZone",
            f"'{file.time_zone}' is no IANA zone: use one like Europe/Amsterdam",
        )
        self.expect(
            contract.is_draft or not contract.open_questions,
            "$.status",
            f"must be '{DRAFT}' while there are openQuestions: answer them and take them out",
        )
        self.expect(
            file.load == "delta" or bool(file.full_list_of),
            "$.schema[0].customProperties.fullListOf",
            "a full list says of what it is the whole",
        )
        self.expect(
            file.load == "delta" or not contract.tells_spans,
            "$.schema[0].customProperties.load",
            "a full list tells of its day: neither firstDeliveryCoversFrom nor a group covers_from in fileName is for one",
        )
        try:
            groups = re.compile(contract.server.file_name).groupindex
            self.expect(
                "business_date" in groups or not {"part", "parts", "covers_from"} & groups.keys(),
                "$.servers[0].customProperties.fileName",
                "parts and spans need a group (?P<business_date>\\d{8}) beside theirs",
            )
            self.expect(
                "part" in groups or "parts" not in groups,
                "$.servers[0].customProperties.fileName",
                "a group (?P<parts>\\d+) needs a group (?P<part>\\d+) too",
            )
            self.expect(
                "part" not in groups or file.load == "delta",
                "$.servers[0].customProperties.fileName",
                "a full list can't come in files of its parts, what they lack would count as gone: let the source hand it"
                " over as one file, or as a zip of its parts",
            )
        except (re.error, OverflowError) as error:
            self.problems.append(f"$.servers[0].customProperties.fileName: is no regular expression: {error}")

    def times(self, contract: Contract) -> None:
        """Bounds and order are those of dates and times that are there."""
        moments = [column.name for column in contract.columns if column.is_moment and column.is_stored]
        for column in contract.columns:
            given = column.keys.model_fields_set & {"earliest", "days_ahead"}
            self.expect(
                not given or column.name in moments,
                f"$..{column.name}",
                "earliest and daysAhead are for dates and times that are stored",
            )
            self.expect(
                "days_ahead" not in given or column.name != contract.file.version_column,
                f"$..{column.name}",
                "daysAhead is not for the versionColumn: its rows are loaded, and ordered as of the delivery's date",
            )
        for rule in contract.file.in_order:
            for name in (rule.column, rule.not_before):
                self.expect(
                    name in moments,
                    "$.schema[0].customProperties.inOrder",
                    f"'{name}' is no date or time that is stored; there are {', '.join(moments)}",
                )

    def sums(self, contract: Contract) -> None:
        """What adds up are numbers that are stored."""
        numbers = [column.name for column in contract.columns if column.is_number and column.is_stored]
        for rule in contract.file.sums:
            for name in (rule.column, *rule.of):
                self.expect(
                    name in numbers,
                    "$.schema[0].customProperties.sums",
                    f"'{name}' is no number that is stored; there are {', '.join(numbers)}",
                )

    def pattern(self, pattern: str | None, path: str) -> None:
        """Whether a pattern is one, before a database is asked, which judges by it."""
        try:
            re.compile(pattern or "")
        except (re.error, OverflowError) as error:
            self.problems.append(f"{path}: is no regular expression: {error}")

    def keys(
        self, place: dict[str, Any], model: type[Keys], path: str, defaults: dict[str, Any] | None = None
    ) -> Keys | None:
        given = [each["property"] for each in place.get("customProperties", ())]
        for name in {name for name in given if given.count(name) > 1}:
            self.problems.append(f"{path}.customProperties.{name}: is there twice")
        properties = {each["property"]: each["value"] for each in place.get("customProperties", ())}
        try:
            return model.model_validate((defaults or {}) | properties)
        except ValidationError as error:
            self.told(error, f"{path}.customProperties")
            return None

    def told(self, error: ValidationError, path: str) -> None:
        for each in error.errors():
            where = ".".join(str(part) for part in each["loc"])
            self.problems.append(f"{path}.{where}: {each['msg']}")

    def expect(self, holds: bool, path: str, remedy: str) -> None:
        if not holds:
            self.problems.append(f"{path}: {remedy}")

    def fail_if_wrong(self) -> None:
        if self.problems:
            raise ContractError(self.path, self.problems)
