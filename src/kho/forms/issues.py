"""Forms as they were handed in: they never change. Handed in again with other numbers, a form is the next version."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from kho.database import connect
from kho.figures.figures import Scheme, agency, period_days, published
from kho.forms.form import Form, Issue
from kho.ledger import forms
from kho.ledger.forms import HandedIn
from kho.settings import TIMEZONE, Settings


class UnknownIssue(LookupError):
    """No form of this version was handed in; the message lists those that were."""


def encode(form: Form) -> bytes:
    return msgspec.json.encode(form)


def decode(content: str) -> Form:
    return msgspec.json.decode(content, type=Form)


def hand_in(settings: Settings, form: Form, position: str) -> Form:
    """Keep this form as handed in by this position; gives it with its version.

    Where the newest version says the same, nothing is kept and that version is given.
    """
    with connect(settings, "kho_operator") as connection:
        forms.lock(connection)
        earlier = forms.handed_in(connection, form.code, form.scope_code, form.first_day, form.last_day)
        if earlier:
            newest = decode(earlier[-1].content)
            if (newest.sections, newest.parameter_set) == (form.sections, form.parameter_set):
                return newest
        issue = Issue(len(earlier) + 1, position, datetime.now(ZoneInfo(TIMEZONE)).replace(microsecond=0))
        whole = replace(form, issue=issue)
        forms.insert(
            connection,
            form.code,
            form.scope_code,
            form.first_day,
            form.last_day,
            form.parameter_set,
            HandedIn(
                issue.version, form.release, issue.reported_by, issue.reported_at, encode(whole).decode()
            ),
        )
        return whole


def issued(settings: Settings, code: str, scope: str, period: str, scheme: Scheme, version: int) -> Form:
    """The form as it was handed in. Raises `UnknownIssue`, and what `figures` raises."""
    with published(settings) as release:
        first_day, last_day = period_days(release, period, scheme)
        meant = agency(release, scope, first_day, last_day)
        found = forms.handed_in(release.connection, code, meant.agency_code, first_day, last_day)
    known = {each.version: each for each in found}
    if version not in known:
        have = ", ".join(map(str, known)) or "none"
        raise UnknownIssue(f"no version {version} of this form was handed in; there are: {have}")
    return decode(known[version].content)
