"""What of the console needs no server: its words, its languages, where a request comes from, how often a password is tried."""

from __future__ import annotations

import ast
import asyncio
import importlib
import json
import re
import string
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql
from starlette.datastructures import Headers
from typer.testing import CliRunner

from kho.check import suites
from kho.cli import user
from kho.console import door, words
from kho.console.origin import is_of_own_page
from kho.contract import contracts
from kho.digest import SEVERITIES
from kho.fetch import delivery
from kho.figures import figures, kinds
from kho.figures.morning import REASONS
from kho.formats import kinds as kinds_of_files
from kho.ledger import decisions, freshness, releases, verdicts
from kho.load import judge
from kho.sentences.known import SENTENCES
from kho.sentences.vietnamese import in_vietnamese
from kho.settings import Settings
from kho.transform import lineage
from tests.pages import PROJECT

boundary = importlib.import_module("kho.check.exports")  # the package has a function of that name
FOLDER = PROJECT / "src/kho/console"
READING = [PROJECT / "src/kho" / each for each in ("fetch", "formats", "load")]
TEMPLATES = sorted((FOLDER / "templates").glob("*.j2"))
#: what pages are given to say, beside what stands in them: states of the ledger, titles, problems
STATES = {
    *decisions.State.__args__,
    *releases.State.__args__,
    *freshness.State.__args__,
    *verdicts.Severity.__args__,
    *verdicts.Outcome.__args__,
    *REASONS,
    *figures.Scheme.__args__,
    *kinds.Role.__args__,
    *lineage.ROLES.values(),
    *("open", "built", "abandoned", "pinned"),
}


def said() -> set[str]:
    """Every text that a page says."""
    in_templates = {
        text
        for page in TEMPLATES
        for text in re.findall(r'\bt\("([^"]+)"', page.read_text())
        + re.findall(r'\("/\w*", "([^"]+)"\)', page.read_text())
        + re.findall(r'else t\("([^"]+)"', page.read_text())
    }
    in_code = {
        text
        for module in ("app", "documents")
        for text in re.findall(
            r'error\(\s*request, [\w.]+, "([^"]+)"|\d{3}: "([^"]+)"|Shelf\("[\w-]+", "([^"]+)"',
            (FOLDER / f"{module}.py").read_text(),
        )
        for text in text
        if text
    }
    return in_templates | in_code | STATES


def test_everything_that_pages_say_is_said_in_vietnamese_and_nothing_else_is() -> None:
    assert len(TEMPLATES) > 8
    assert said() == set(words.VIETNAMESE)


@pytest.mark.parametrize("text", words.VIETNAMESE)
def test_a_translation_has_the_places_of_its_text_and_is_composed(text: str) -> None:
    translated = words.VIETNAMESE[text]
    assert places(translated) == places(text)
    assert unicodedata.is_normalized("NFC", translated) and translated.strip() == translated


def places(of: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(of) if name}


def is_english(text: str) -> bool:
    """Whether one of the words stands there that hardly an English sentence does without."""
    return (
        re.search(r"(?<![\w-])(the|is|are|was|it|its|of|and|not|no|than|there|to|a)(?![\w-])", text)
        is not None
    )


def test_what_the_exports_boundary_says_is_said_in_vietnamese() -> None:
    """Every sentence of its rules, those of our contracts too."""
    for contract in contracts(Settings()).values():
        for rule in boundary.rules(contract):
            assert in_vietnamese(rule.says) != rule.says, rule.says
            if rule.remedy:
                assert in_vietnamese(rule.remedy) != rule.remedy, rule.remedy


def test_what_the_marts_boundary_says_is_said_in_vietnamese() -> None:
    for mart, suite in suites.suites(Settings()).items():
        for rule in (*suite.rules, *suite.weekly, *suite.since_last_release):
            says, remedy = rule.says_vi, rule.remedy_vi or suites.REMEDY_VI
            assert says and (rule.remedy_vi or rule.remedy == suites.REMEDY), f"{mart}: {rule.name}"
            assert unicodedata.is_normalized("NFC", says + remedy)
            found = "scope_agency_code VN-842, value 7; and 3 more."
            assert in_vietnamese(f"{mart}: Not so: {rule.says} {found} {rule.remedy}") == (
                f"{mart}: Không đúng: {says} scope_agency_code VN-842, value 7; và 3 nữa. {remedy}"
            )


def test_what_fetching_and_loading_say_is_said_in_vietnamese() -> None:
    """Whatever their errors are raised with, and what the ledger notes of files that are left alone."""
    said = [text for folder in READING for path in sorted(folder.glob("*.py")) for text in raised_in(path)]
    assert len(said) > 100
    assert not [text for text in said if is_english(in_vietnamese(text))]


#: what errors of them are raised as, and the functions and names that hold words of theirs
ERRORS = {"SourceError", "Passing", "Incomplete", "Doubtful", "Short", "Absent", "Exhausted", "Unreadable"}
WORDS = {"_refusal", "_too_large", "_too_slow", "_remedy"}
NOTED = {"UNKNOWN", "TWIN", "LINK", "CHANGED", "DAMAGED", "CUT_OFF"}


def raised_in(path: Path) -> Iterator[str]:
    """The texts, with a word in every place."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Call(func=ast.Name(name), args=[told, *_]) if name in ERRORS:
                yield from filled(told)
            case ast.FunctionDef(name) if name in WORDS:
                for each in ast.walk(node):
                    if isinstance(each, ast.Return):
                        yield from filled(each.value)
            case ast.Assign([ast.Name(name)], value) if name in NOTED:
                yield from filled(value)
            case ast.Assign([ast.Subscript(ast.Attribute(attr="incomplete" | "short"))], value):
                yield from filled(value)


def filled(node: ast.expr | None) -> Iterator[str]:
    match node:
        case ast.Constant(str(text)):
            yield text
        case ast.JoinedStr(parts):
            text = "".join(part.value if isinstance(part, ast.Constant) else "W" for part in parts)
            # How the texts begin that another one stands in front of.
            text = re.sub("^W more than", "it has more than", re.sub("^W took", "it took", text))
            text = text.replace("control file is W", f"control file is {delivery.LINK}")
            yield text.replace("it is W", f"it is {kinds_of_files.SPREADSHEET_ML}")


def test_why_rows_are_rejected_is_said_in_vietnamese() -> None:
    for contract in contracts(Settings()).values():
        for column in contract.columns:
            for text in literals(judge._reason(contract, column)):
                if text.startswith(f"{column.header}: "):
                    said = in_vietnamese(text).removeprefix(f"{column.header}: ")
                    assert not is_english(said.partition(" đổi chỗ?")[0]), text
        for text, _ in judge._differences(contract):
            assert in_vietnamese(text) != text


def literals(composed: sql.Composable) -> Iterator[str]:
    if isinstance(composed, sql.Composed):
        for each in composed:
            yield from literals(each)
    elif isinstance(composed, sql.Literal) and isinstance(composed._obj, str):
        yield composed._obj


@pytest.mark.parametrize("text", SENTENCES)
def test_a_sentence_is_translated_with_what_stands_in_it(text: str) -> None:
    translated = SENTENCES[text]
    assert places(translated) == places(text)
    assert unicodedata.is_normalized("NFC", translated)
    given = {name: f"{place}x.{place}" for place, name in enumerate(sorted(places(text)))}
    before = "it " if text.startswith("…") else "so: "
    said = in_vietnamese(before + text.removeprefix("…").removeprefix(": ").format(**given))
    assert said == before + translated.removeprefix(": ").format(**given)


def test_reasons_keep_what_is_no_sentence_of_ours() -> None:
    held = (
        "held: columns are missing: noidung; give a renamed one its new header in the contract (physicalName), or ask the"
        " source for it; Share of rejected rows (percent): 7 (must be at most 5); `kho rejects show` shows them"
    )
    assert in_vietnamese(held) == (
        "bị giữ lại: thiếu cột: noidung; nếu cột đổi tên, ghi tên mới vào bản mô tả (physicalName); nếu không, hỏi nguồn;"
        " Tỷ lệ dòng bị loại (phần trăm): 7 (nhiều nhất là 5); `kho rejects show` cho xem các dòng đó"
    )
    for text in ("missing rows came on Monday", "before noon nothing was there"):
        assert in_vietnamese(text) == text
    words = "we held it, the file could not be read and was not delivered"
    assert in_vietnamese(words) == words and in_vietnamese(None) == ""


def test_severities_are_called_as_the_digest_calls_them() -> None:
    for name, severity in SEVERITIES.items():
        assert words.say("vi", name) == severity.word


def test_a_state_is_said_without_its_line() -> None:
    assert words.say("en", "in_force") == "in force" and words.say("vi", "in_force") == "đang dùng"
    assert words.say("en", "Release {n}", n="a_b") == "Release a_b"


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        (None, "vi"), ("", "vi"), ("vi-VN,vi;q=0.9,en;q=0.8", "vi"), ("en-US,en;q=0.9", "en"),
        ("en;q=0.5, vi;q=0.7", "vi"), ("fr, en;q=0.3", "en"), ("fr", "vi"), ("en;q=nonsense", "vi"), ("*", "vi"),
    ],
)  # fmt: skip
def test_a_page_is_in_the_language_that_the_browser_asks_for(accepted: str | None, language: str) -> None:
    assert words.language_of(accepted) == language


@pytest.mark.parametrize(
    ("headers", "is_own"),
    [
        ({"origin": "http://127.0.0.1:8080"}, True),
        ({"origin": "http://127.0.0.1:8080", "sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "same-origin"}, True),
        ({}, False),
        ({"origin": "null"}, False),
        ({"origin": "http://127.0.0.1:9090"}, False),
        ({"origin": "http://localhost:8080"}, False),
        ({"origin": "http://evil.example"}, False),
        ({"origin": "http://127.0.0.1:8080.evil.example"}, False),
        ({"origin": "http://127.0.0.1:8080", "sec-fetch-site": "same-site"}, False),
        ({"origin": "http://127.0.0.1:8080", "sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "none"}, False),
    ],
)
def test_only_its_own_pages_may_change_anything(headers: dict[str, str], is_own: bool) -> None:
    assert is_of_own_page(Headers({"host": "127.0.0.1:8080", **headers})) is is_own


def test_a_request_without_a_host_changes_nothing() -> None:
    assert not is_of_own_page(Headers({"origin": "null"}))


def log_in(guard: door.Logins, name: str, password: str, path: str = "/auth/token") -> int:
    """The status that somebody gets who tries this password. Behind the guard, only `right` is."""
    body = json.dumps({"username": name, "password": password}).encode()
    return send(guard, body, path)


def send(guard: door.Logins, body: bytes, path: str = "/auth/token") -> int:
    sent: list[Any] = []
    halves = [body[:7], body[7:]]

    async def receive() -> Any:
        return {"type": "http.request", "body": halves.pop(0), "more_body": bool(halves)}

    async def answer(message: Any) -> None:
        sent.append(message)

    asyncio.run(guard({"type": "http", "method": "POST", "path": path}, receive, answer))
    return sent[0]["status"]


async def airflow(scope: door.Scope, receive: door.Receive, send: door.Send) -> None:
    """What stands behind the door: reads the whole body and says yes or no."""
    message = await receive()
    assert not message["more_body"]
    is_right = b'"right"' in message["body"]
    await send({"type": "http.response.start", "status": 201 if is_right else 401, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def test_after_some_wrong_passwords_a_name_waits_and_others_do_not() -> None:
    guard = door.Logins(airflow)
    assert [log_in(guard, "thu", "wrong") for _ in range(door.TRIES)] == [401] * door.TRIES
    assert log_in(guard, "thu", "wrong") == 429
    assert log_in(guard, " THU", "right") == 429
    assert log_in(guard, "thu", "right", "/auth/token/cli") == 429
    assert log_in(guard, "hoa", "right") == 201


@pytest.mark.parametrize("path", door.Logins.PATHS)
def test_every_way_to_log_in_counts(path: str) -> None:
    guard = door.Logins(airflow)
    assert [log_in(guard, "thu", "wrong", path) for _ in range(door.TRIES + 1)] == [401] * door.TRIES + [429]
    assert log_in(guard, "thu", "right") == 429


def test_right_passwords_are_not_counted() -> None:
    guard = door.Logins(airflow)
    assert [log_in(guard, "thu", "right") for _ in range(3 * door.TRIES)] == [201] * 3 * door.TRIES


def test_an_airflow_that_is_out_of_order_makes_nobody_wait() -> None:
    async def broken(scope: door.Scope, receive: door.Receive, send: door.Send) -> None:
        await send({"type": "http.response.start", "status": 500, "headers": []})

    guard = door.Logins(broken)
    assert [log_in(guard, "thu", "wrong") for _ in range(3 * door.TRIES)] == [500] * 3 * door.TRIES


def test_many_names_can_be_tried_no_longer_than_one() -> None:
    guard = door.Logins(airflow)
    tried = [log_in(guard, f"name{n}", "wrong") for n in range(door.TRIES_OF_ALL + 5)]
    assert tried == [401] * door.TRIES_OF_ALL + [429] * 5


def test_a_name_that_waited_may_try_again(monkeypatch: pytest.MonkeyPatch) -> None:
    guard, now = door.Logins(airflow), 1000.0
    monkeypatch.setattr(door, "monotonic", lambda: now)
    for _ in range(door.TRIES):
        log_in(guard, "thu", "wrong")
    assert log_in(guard, "thu", "right") == 429
    now += door.WITHIN_SECONDS + 1
    assert log_in(guard, "thu", "right") == 201


@pytest.mark.parametrize("body", [b"", b"no json at all", b"[1, 2]", b'{"password": "wrong"}', b"[" * 5000])
def test_what_is_no_login_counts_as_a_wrong_one(body: bytes) -> None:
    guard = door.Logins(airflow)
    assert [send(guard, body) for _ in range(door.TRIES)] == [401] * door.TRIES
    assert send(guard, body) == 429


def test_a_login_is_short() -> None:
    assert send(door.Logins(airflow), b"x" * (door.LOGIN_BYTES + 1)) == 413


@pytest.mark.parametrize(
    ("words", "typed", "status"),
    [
        (["Thu", "--role", "viewer"], "", 2),
        (["../thu", "--role", "viewer"], "", 2),
        (["thu", "--role", "owner"], "", 2),
        (["thu"], "", 2),
        (["thu", "--role", "viewer", "--ask"], "too-short\ntoo-short\n", 1),
        (["thu", "--role", "viewer", "--ask"], "long-enough-for-us\nand-not-the-same\n", 1),
        (["thu", "--role", "viewer", "--password", "on-the-command-line"], "", 2),
    ],
)
def test_a_user_that_can_not_be_is_refused_before_anybody_is_asked(
    words: list[str], typed: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(user, "_airflow", None)
    assert CliRunner().invoke(user.app, ["add", *words], input=typed).exit_code == status


def test_the_style_is_small_and_asks_for_nothing_elsewhere() -> None:
    style = (FOLDER / "style.css").read_text()
    assert len(style) < 6000 and "url(" not in style and "@import" not in style


@pytest.mark.parametrize("page", TEMPLATES, ids=lambda page: page.name)
def test_pages_need_no_script_and_let_nothing_through_unescaped(page: Path) -> None:
    text = page.read_text()
    assert not re.search(r"<script|\son\w+=|javascript:|style=|\|\s*safe|autoescape|target=", text)
    for control in re.findall(r"<(?:textarea|input)[^>]*>", text):
        assert 'id="{{ id }}"' in control or f'<label class="beside">{control}' in text
    assert text.count("<th ") == text.count('<th scope="col"')
