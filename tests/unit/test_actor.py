"""Who decided is the account of the process, not what its environment says."""

from __future__ import annotations

import os
import pwd
import re
from pathlib import Path

import pytest

import kho
from kho.actor import os_user


def test_the_account_is_that_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody-else")
    assert os_user() == pwd.getpwuid(os.getuid()).pw_name


def test_an_account_without_a_name_is_told_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 2_000_000_011)
    assert os_user() == "uid 2000000011"


def test_nothing_of_kho_asks_the_environment_who_decides() -> None:
    asking = re.compile(r"getpass|getlogin|LOGNAME|environ[^\n]*\bUSER")
    asked = [
        str(path)
        for path in Path(kho.__file__).parent.rglob("*.py")
        if path.name != "actor.py" and asking.search(path.read_text())
    ]
    assert asked == []
